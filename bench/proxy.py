"""`python -m bench.proxy [--sample FOLDER]`: what the signing proxy adds to a PUT of 40 kB, in the real workerd before
a sink; beside it, in the same run, Backblaze's published sample if FOLDER is a checkout of cloudflare-b2-proxy.
"""

import argparse
import asyncio
import hashlib
import http.client
import os
import shutil
import statistics
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from tests.worker.requests import Endpoint, Pair, Signer
from tests.workerd import WORKER, Workerd

ROUNDS, PUTS, WARM = 15, 60, 100
HOST = "s3.us-west-004.backblazeb2.com"
TARGET = "/bowerbird-demo/k7Wq3Zp.png"
PAIR = Pair("bench-key-id", "bench-secret-access-key")


async def _answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Read requests and take each: the fastest B2 there can be."""
    try:
        while head := await reader.readuntil(b"\r\n\r\n"):
            length = next(
                (int(line[15:]) for line in head.split(b"\r\n") if line.lower().startswith(b"content-length:")), 0
            )
            await reader.readexactly(length)
            writer.write(b'HTTP/1.1 200 OK\r\nContent-Length: 0\r\nETag: "0"\r\n\r\n')
    except (asyncio.IncompleteReadError, ConnectionError):
        writer.close()


@contextmanager
def sink() -> Iterator[int]:
    """Run the sink in a thread; yield its port."""
    loop = asyncio.new_event_loop()
    threading.Thread(target=loop.run_forever, daemon=True).start()
    server = asyncio.run_coroutine_threadsafe(asyncio.start_server(_answer, "127.0.0.1", 0), loop).result()
    yield server.sockets[0].getsockname()[1]
    loop.call_soon_threadsafe(server.close)
    loop.call_soon_threadsafe(loop.stop)


def sample(folder: Path, into: Path) -> Path:
    """Bundle the sample as a module; return the folder of its source."""
    for name in ("index.js", "package.json"):
        shutil.copy(folder / name, into / name)
    subprocess.run(["npm", "install", "--silent", "--ignore-scripts", "aws4fetch"], cwd=into, check=True)
    built = into / "built"
    esbuild = WORKER / "node_modules/.bin/esbuild"
    bundle = [
        esbuild,
        into / "index.js",
        "--bundle",
        "--format=esm",
        f"--outfile={built / 'sample.js'}",
        "--log-level=error",
    ]
    subprocess.run(bundle, check=True)
    variables = {
        "AWS_ACCESS_KEY_ID": PAIR.access_key_id,
        "AWS_SECRET_ACCESS_KEY": PAIR.secret_access_key,
        "AWS_S3_ENDPOINT": HOST,
        "WEBHOOK_URL": "",
    }
    code = (built / "sample.js").read_text()
    handler = "let handle;\nconst addEventListener = (_, one) => { handle = one; };\n"
    start = "".join(f"const {name} = {value!r};\n" for name, value in variables.items())
    end = """export default { fetch(request, env, context) { return new Promise((resolve) => handle({
      request, respondWith: resolve, waitUntil: (one) => context.waitUntil(one) })); } };\n"""
    (built / "sample.js").unlink()
    (built / "index.js").write_text(start + handler + code + end)
    return built


def measure(port: int, body: bytes, payload_hash: str, count: int) -> list[float]:
    """Return the milliseconds of `count` signed PUTs over one connection."""
    endpoint, signer, times = Endpoint(port), Signer(PAIR), []
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    for _ in range(count):
        headers = signer.header("PUT", endpoint.host, TARGET, {"content-type": "image/png"}, payload_hash)
        started = time.perf_counter()
        connection.request("PUT", TARGET, body, headers)
        answer = connection.getresponse()
        answer.read()
        times.append((time.perf_counter() - started) * 1000)
        if answer.status != 200:
            raise RuntimeError(f"a PUT was answered with {answer.status}")
    connection.close()
    return times


def main() -> None:
    """Print a table of medians, and the ratio to the sample."""
    parser = argparse.ArgumentParser(prog="python -m bench.proxy", description=__doc__)
    parser.add_argument("--sample", type=Path, help="folder of a checkout of backblaze-b2-samples/cloudflare-b2-proxy")
    given = parser.parse_args()
    body = os.urandom(40_000)
    variables = {
        "B2_ENDPOINT": HOST,
        "B2_APPLICATION_KEY_ID": PAIR.access_key_id,
        "B2_APPLICATION_KEY": PAIR.secret_access_key,
    }
    with ExitStack() as stack:
        port = stack.enter_context(sink())
        outbound = f"127.0.0.1:{port}"
        ports = {"straight to the sink": port}
        ports["through the signing proxy"] = stack.enter_context(Workerd(variables, outbound=outbound)).port
        if given.sample:
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
            built = sample(given.sample, folder)
            ports["through the sample"] = stack.enter_context(
                Workerd({}, sources=built, entry="index.js", outbound=outbound)
            ).port
        for name, payload_hash in (("signed", hashlib.sha256(body).hexdigest()), ("unsigned", "UNSIGNED-PAYLOAD")):
            _compare(name, ports, lambda port, count, of=payload_hash: measure(port, body, of, count))
    if not given.sample:
        print("\nNot compared with the published sample: make bench PROXY='--sample FOLDER', a checkout of it")


def _compare(name: str, ports: dict[str, int], measure_port: Callable[[int, int], list[float]]) -> None:
    for port in ports.values():
        measure_port(port, WARM)
    rounds: dict[str, list[float]] = {place: [] for place in ports}
    for _ in range(ROUNDS):
        for place, port in ports.items():
            rounds[place].append(statistics.median(measure_port(port, PUTS)))
    medians = {place: statistics.median(times) for place, times in rounds.items()}
    straight = medians["straight to the sink"]
    print(f"| a PUT of 40 kB, its body {name} | median, ms | added, ms |", "| --- | ---: | ---: |", sep="\n")
    for place, median in medians.items():
        print(f"| {place} | {median:.2f} | {median - straight:.2f} |")
    if "through the sample" in medians:
        ratios = [a / b for a, b in zip(rounds["through the signing proxy"], rounds["through the sample"], strict=True)]
        print(f"\nsigning proxy / sample: {statistics.median(ratios):.2f} ({min(ratios):.2f} to {max(ratios):.2f})\n")


if __name__ == "__main__":
    main()
