"""`make demo`: the whole system on this machine, from the browser to B2: the app, the Worker in the real workerd, the
stand-in for B2, and the stand-in for Cloudflare's edge. Nothing leaves it, and nothing stays when it ends."""

import argparse
import logging
import os
import signal
import subprocess
import sys
from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory
from types import FrameType

from app import settings_file
from app.edge.rules import Site, friendly_host
from tests.b2 import B2, Key
from tests.edge.standing import Standing, standing
from tests.workerd import Workerd

BUCKET, REGION = "bowerbird-demo", "us-west-004"
IMAGE_HOST = "i.demo.test"
KEY = Key("demo-key-id", "demo-secret-access-key")
TOKEN = "demo-owner-token"
WEBHOOK_SECRET = "demo-webhook-secret"


def main() -> int:
    """Run until Ctrl-C or SIGTERM; 2 if a port is taken."""
    ports = _ports()
    logging.getLogger("werkzeug").setLevel(logging.WARNING)  # moto's own lines are no news
    signal.signal(signal.SIGTERM, _interrupt)
    with ExitStack() as stack:
        try:
            b2 = B2(REGION, BUCKET, [KEY], s3_port=ports.s3_port, friendly_port=ports.friendly_port)
            stack.enter_context(b2)
            site = Site(IMAGE_HOST, BUCKET, friendly_host(REGION))
            cloudflare = standing(b2, site, api_port=ports.api_port, edge_port=ports.edge_port)
            edge = stack.enter_context(cloudflare)
            app_url = f"http://127.0.0.1:{ports.app_port}"
            worker = stack.enter_context(Workerd(_variables(b2, app_url, ports.worker_port), port=ports.worker_port))
        except (OSError, RuntimeError) as e:
            print(f"the demo cannot start: {e}", file=sys.stderr)
            return 2
        folder = Path(stack.enter_context(TemporaryDirectory(prefix="bowerbird-demo-")))
        settings = _settings(folder, app_url, worker, edge)
        settings_file.write(folder / ".env", settings)
        print(_words(worker, b2, edge, app_url, folder), flush=True)
        kept = {name: value for name, value in os.environ.items() if not name.startswith("BOWERBIRD_")}
        app = subprocess.Popen([sys.executable, "-m", "app.cli", "serve"], env=kept | settings)
        try:
            return app.wait()
        except KeyboardInterrupt:
            app.terminate()
            app.wait()
            return 0


def _ports() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make demo", description=__doc__)
    for name, port in (
        ("app", 8080),
        ("edge", 8081),
        ("api", 8082),
        ("worker", 8787),
        ("s3", 9000),
        ("friendly", 9001),
    ):
        parser.add_argument(f"--{name}-port", type=int, default=port)
    return parser.parse_args()


def _variables(b2: B2, app_url: str, port: int) -> dict[str, str]:
    return {
        "B2_ENDPOINT": b2.endpoint,
        "B2_REGION": REGION,
        "B2_APPLICATION_KEY_ID": KEY.access_key_id,
        "B2_APPLICATION_KEY": KEY.secret_access_key,
        "DOMAIN": f"localhost:{port}",
        "WEBHOOK_URL": f"{app_url}/hooks/b2",
        "WEBHOOK_SECRET": WEBHOOK_SECRET,
    }


def _settings(folder: Path, app_url: str, worker: Workerd, edge: Standing) -> dict[str, str]:
    return {
        "BOWERBIRD_BIND": app_url.removeprefix("http://"),
        "BOWERBIRD_PUBLIC_URL": edge.url,
        "BOWERBIRD_DATA_DIR": str(folder / "data"),
        "BOWERBIRD_STORE": "s3",
        "BOWERBIRD_S3_ENDPOINT": worker.url,
        "BOWERBIRD_S3_REGION": REGION,
        "BOWERBIRD_S3_BUCKET": BUCKET,
        "BOWERBIRD_S3_ACCESS_KEY_ID": KEY.access_key_id,
        "BOWERBIRD_S3_SECRET_ACCESS_KEY": KEY.secret_access_key,
        "BOWERBIRD_WEBHOOK_SECRET": WEBHOOK_SECRET,
        "BOWERBIRD_CLOUDFLARE_API_URL": edge.api_url,
        "BOWERBIRD_CLOUDFLARE_API_TOKEN": edge.token,
        "BOWERBIRD_CLOUDFLARE_ZONE_ID": edge.zone_id,
        "BOWERBIRD_BOOTSTRAP_TOKEN": TOKEN,
    }


def _words(worker: Workerd, b2: B2, edge: Standing, app_url: str, folder: Path) -> str:
    return f"""The signing proxy is at {worker.url}, B2 at {b2.endpoint} (downloads at {b2.friendly}),
the images at {edge.url}, the owner's token is {TOKEN}
Cloudflare's API is at {edge.api_url} with the token {edge.token} and the zone {edge.zone_id}

Any S3 client works through the signing proxy with:
  export AWS_ENDPOINT_URL={worker.url}
  export AWS_ACCESS_KEY_ID={KEY.access_key_id}
  export AWS_SECRET_ACCESS_KEY={KEY.secret_access_key}
  export AWS_DEFAULT_REGION={REGION}
  export AWS_REGION={REGION}
  export BUCKET={BUCKET}
  export BOWERBIRD_URL={app_url}
  export BOWERBIRD_TOKEN={TOKEN}
such as: aws s3 cp picture.png s3://$BUCKET/

The app's settings are in {folder}/.env, so its commands work there, such as:
  (cd {folder} && {Path(sys.executable).with_name("bowerbird")} doctor)
"""


def _interrupt(_number: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt


if __name__ == "__main__":
    sys.exit(main())
