"""What the signing proxy adds to a PUT, in the real workerd before a sink; beside it, if there is a checkout of it,
Backblaze's published sample."""

import hashlib
import http.client
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from urllib.parse import urlsplit

from bench import endpoint, sample
from bench.figures import ratios, spread
from bench.report import Column, Measure, spreading
from tests.worker.requests import Endpoint, Pair, Signer
from tests.workerd import Workerd

PUTS, WARM, BODY_BYTES = 60, 100, 40_000
HOST = "s3.us-west-004.backblazeb2.com"
TARGET = "/bowerbird-demo/k7Wq3Zp.png"
PAIR = Pair("bench-key-id", "bench-secret-access-key")
STRAIGHT, PROXY, SAMPLE = "straight to the sink", "through the signing proxy", "through the published sample"
COLUMNS = (
    Column("the body is", "body"),
    Column("a PUT of 40 kB", "contender"),
    Column("ms", "put_ms", spreading(2)),
    Column("added, ms", "added_ms", spreading(2)),
    Column("the signing proxy's to it", "proxy_to_this", spreading(2)),
)
HOW = f"""Signed PUTs over one kept connection, one after the other; medians of {{rounds}} rounds, in each of which
everyone has {PUTS}. What is added is taken within a round. The sample is there with `--sample`, a checkout of
backblaze-b2-samples/cloudflare-b2-proxy."""


def measure(*, rounds: int, checkout: Path | None = None) -> Measure:
    """Measure PUTs whose body is signed, and whose body is not."""
    found = Measure("proxy", "The signing proxy's added latency", HOW.format(rounds=rounds), COLUMNS)
    body = os.urandom(BODY_BYTES)
    with _ports(checkout) as ports:
        for name, payload_hash in (("signed", hashlib.sha256(body).hexdigest()), ("not signed", "UNSIGNED-PAYLOAD")):
            for port in ports.values():
                _put(port, body, payload_hash, WARM)
            taken: dict[str, list[float]] = {place: [] for place in ports}
            for turn in range(rounds):
                print(f"proxy: body {name}, round {turn + 1} of {rounds}", file=sys.stderr)
                for place, port in ports.items():
                    taken[place].append(statistics.median(_put(port, body, payload_hash, PUTS)))
            found.rows.extend(_row(name, place, taken) for place in ports)
    return found


@contextmanager
def _ports(checkout: Path | None) -> Iterator[dict[str, int]]:
    variables = {
        "B2_ENDPOINT": HOST,
        "B2_APPLICATION_KEY_ID": PAIR.access_key_id,
        "B2_APPLICATION_KEY": PAIR.secret_access_key,
    }
    with ExitStack() as stack:
        outbound = urlsplit(stack.enter_context(endpoint.sink()).url)
        ports = {STRAIGHT: int(outbound.port or 0)}
        ports[PROXY] = stack.enter_context(Workerd(variables, outbound=outbound.netloc)).port
        if checkout:
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
            built = sample.build(checkout, folder, pair=PAIR, host=HOST)
            worker = Workerd({}, sources=built, entry="index.js", outbound=outbound.netloc)
            ports[SAMPLE] = stack.enter_context(worker).port
        yield ports


def _put(port: int, body: bytes, payload_hash: str, count: int) -> list[float]:
    """Return the milliseconds of `count` signed PUTs over one connection."""
    target, signer, times = Endpoint(port), Signer(PAIR), []
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    for _ in range(count):
        headers = signer.header("PUT", target.host, TARGET, {"content-type": "image/png"}, payload_hash)
        started = time.perf_counter()
        connection.request("PUT", TARGET, body, headers)
        answer = connection.getresponse()
        answer.read()
        times.append((time.perf_counter() - started) * 1000)
        if answer.status != 200:
            raise RuntimeError(f"a PUT was answered with {answer.status}")
    connection.close()
    return times


def _row(name: str, place: str, taken: dict[str, list[float]]) -> dict[str, object]:
    row: dict[str, object] = {"body": name, "contender": place, "put_ms": spread(taken[place])}
    if place != STRAIGHT:
        added = [one - straight for one, straight in zip(taken[place], taken[STRAIGHT], strict=True)]
        row["added_ms"] = spread(added)
    if place == SAMPLE:
        row["proxy_to_this"] = ratios(taken[PROXY], taken[SAMPLE])
    return row
