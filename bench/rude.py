"""`python -m bench.rude`: what uploads cost beside a crowd of idle and dripping clients, as ratios in one run."""

import argparse
import http.client
import io
import random
import resource
import socket
import statistics
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from urllib.parse import urlsplit

from PIL import Image

from bench.contenders import TOKEN, bowerbird

ROUNDS, UPLOADS = 5, 40
ADDRESSES = 60
HEAD = b"POST /api/upload HTTP/1.1\r\nHost: h\r\nContent-Length: 100000000\r\n"


@contextmanager
def crowd(port: int, idle: int, dripping: int) -> Iterator[list[socket.socket]]:
    """Hold connections from many addresses, of which some send a byte of their head or body each second."""
    with ExitStack() as stack:
        held = [stack.enter_context(_connect(port, number)) for number in range(idle + dripping)]
        drips = held[:dripping]
        for number, sock in enumerate(drips):
            sock.sendall(HEAD + (f"Authorization: Bearer {TOKEN}\r\n\r\n".encode() if number % 2 else b"X: "))
        stop = threading.Event()
        thread = threading.Thread(target=_drip, args=(drips, stop))
        thread.start()
        try:
            yield held
        finally:
            stop.set()
            thread.join()


def _connect(port: int, number: int) -> socket.socket:
    source = f"127.0.1.{number % ADDRESSES + 1}"
    return socket.create_connection(("127.0.0.1", port), timeout=60, source_address=(source, 0))


def _drip(socks: Sequence[socket.socket], stop: threading.Event) -> None:
    while not stop.wait(1):
        for sock in socks:
            with suppress(OSError):  # it was cut
                sock.send(b"a")


def uploads_s(port: int, seeds: Iterator[int]) -> list[float]:
    """Return how long each of some uploads took, each over a new connection."""
    return [upload_s(port, noise(next(seeds))) for _ in range(UPLOADS)]


def upload_s(port: int, data: bytes) -> float:
    """Upload once and return how long it took; raise RuntimeError if it was not taken."""
    started = time.perf_counter()
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    connection.request("POST", "/api/upload", data, {"Authorization": f"Bearer {TOKEN}"})
    answer = connection.getresponse()
    answer.read()
    connection.close()
    if answer.status != 201:
        raise RuntimeError(f"the server answered {answer.status}")
    return time.perf_counter() - started


def noise(seed: int) -> bytes:
    """Return a PNG of 90 kB that is made in no time: the machine shall be the server's."""
    file = io.BytesIO()
    Image.frombytes("RGB", (200, 150), random.Random(seed).randbytes(90_000)).save(file, "PNG", compress_level=0)
    return file.getvalue()


def p99(times: Sequence[float]) -> float:
    """Return the 99th percentile."""
    return statistics.quantiles(times, n=100)[98]


def main() -> None:
    """Print the ratios, from interleaved rounds."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--idle", type=int, default=5000)
    parser.add_argument("--dripping", type=int, default=200)
    chosen = parser.parse_args()
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    seeds, quiet, beside, took_s = iter(range(1_000_000)), [], [], []
    with bowerbird(None) as server:
        port = urlsplit(server.url).port or 0
        uploads_s(port, seeds)
        for _ in range(ROUNDS):
            quiet += uploads_s(port, seeds)
            started = time.perf_counter()
            with crowd(port, chosen.idle, chosen.dripping):
                took_s.append(time.perf_counter() - started)
                beside += uploads_s(port, seeds)
    print(f"uploads beside {chosen.idle:,} idle and {chosen.dripping:,} dripping connections, and without them:")
    print(f"median {statistics.median(beside) / statistics.median(quiet):6.2f} x as long")
    print(f"p99    {p99(beside) / p99(quiet):6.2f} x as long")
    print(f"to connect them all took {statistics.median(took_s) / statistics.median(quiet):6.0f} x an upload")


if __name__ == "__main__":
    main()
