"""`python -m tests.b2`: the stand-in alone, for trying a client by hand."""

import argparse
import logging
import signal
import threading

from . import B2, Key


def main() -> None:
    """Run until SIGTERM or Ctrl-C."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--s3-port", type=int, default=9000)
    parser.add_argument("--friendly-port", type=int, default=9001)
    parser.add_argument("--bucket", default="bowerbird-demo")
    parser.add_argument("--region", default="us-west-004")
    parser.add_argument("--key-id", default="demo-key-id")
    parser.add_argument("--secret", default="demo-secret-access-key")
    given = parser.parse_args()
    logging.getLogger("werkzeug").setLevel(logging.WARNING)  # moto's own lines are no news
    ended = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: ended.set())
    key = Key(given.key_id, given.secret)
    with B2(given.region, given.bucket, [key], s3_port=given.s3_port, friendly_port=given.friendly_port) as b2:
        print(f"S3        {b2.endpoint}", f"downloads {b2.friendly}/file/{b2.bucket}/", sep="\n", flush=True)
        ended.wait()


main()
