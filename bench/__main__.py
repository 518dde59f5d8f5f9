"""`make bench`: what an upload costs, as ratios taken in one run; medians of several rounds."""

import http.client
import io
import os
import random
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
from contextlib import contextmanager
from pathlib import Path

from PIL import Image

ROUNDS, UPLOADS, DRIPS = 5, 12, 8

OURS = ["-m", "app.server", "{bind}", "2", "--no-worker"]
GTHREAD = [
    "-m",
    "gunicorn",
    "-k",
    "gthread",
    "-w",
    "2",
    "--threads",
    "4",
    "-b",
    "{bind}",
    "--no-control-socket",
    "app:create_app()",
]


def picture(seed):
    """Return a PNG of 1920 x 1080, about as a screenshot compresses."""
    rough = Image.frombytes("RGB", (96, 54), random.Random(seed).randbytes(96 * 54 * 3))
    file = io.BytesIO()
    rough.resize((1920, 1080), Image.Resampling.BICUBIC).save(file, "PNG")
    return file.getvalue()


@contextmanager
def server(arguments):
    """Run a server over an empty folder; yield its port."""
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        port = sock.getsockname()[1]
    with tempfile.TemporaryDirectory() as folder:
        bind = f"127.0.0.1:{port}"
        environment = os.environ | {"BOWERBIRD_DATA_DIR": folder, "BOWERBIRD_BIND": bind}
        command = [sys.executable, "-m", "app.cli", "token", "add", "bench"]
        token = subprocess.run(command, env=environment, check=True, capture_output=True, text=True).stdout.strip()
        process = subprocess.Popen(
            [sys.executable, *(argument.format(bind=bind) for argument in arguments)],
            env=environment,
            stderr=subprocess.DEVNULL,
        )
        try:
            for _ in range(200):
                try:
                    urllib.request.urlopen(f"http://{bind}/healthz", timeout=1).close()
                    break
                except OSError:
                    time.sleep(0.05)
            yield port, token
        finally:
            process.kill()
            process.wait()


def upload(port, token, data, timeout=60):
    """Upload once over a new connection and return the seconds it took."""
    started = time.perf_counter()
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=timeout)
    connection.request("POST", "/api/upload", data, {"Authorization": f"Bearer {token}"})
    answer = connection.getresponse()
    answer.read()
    connection.close()
    if answer.status != 201:
        raise RuntimeError(f"the server answered {answer.status}")
    return time.perf_counter() - started


def durable_write(folder, data):
    """Write the bytes durably, as any store has to, and return the seconds it took."""
    started = time.perf_counter()
    path = Path(folder) / "x"
    with path.open("wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    path.unlink()
    return time.perf_counter() - started


@contextmanager
def drips(port, token):
    """Hold connections that send a byte of their body a second."""
    head = f"POST /api/upload HTTP/1.1\r\nHost: h\r\nAuthorization: Bearer {token}\r\nContent-Length: 1000\r\n\r\n"
    held = [socket.create_connection(("127.0.0.1", port)) for _ in range(DRIPS)]
    for sock in held:
        sock.sendall(head.encode())
    stop = threading.Event()

    def drip():
        while not stop.wait(1):
            for sock in held:
                try:
                    sock.send(b"a")
                except OSError:
                    continue

    thread = threading.Thread(target=drip)
    thread.start()
    time.sleep(1)
    try:
        yield
    finally:
        stop.set()
        thread.join()
        for sock in held:
            sock.close()


def main():
    """Print one line for each ratio."""
    seeds = iter(range(1_000_000))
    with (
        server(OURS) as (port, token),
        server(GTHREAD) as (other_port, other_token),
        tempfile.TemporaryDirectory() as at,
    ):
        ours, theirs, raw = [], [], []
        for _ in range(ROUNDS):
            images = [picture(next(seeds)) for _ in range(UPLOADS)]
            raw.append(statistics.median(durable_write(at, image) for image in images))
            ours.append(statistics.median(upload(port, token, image) for image in images))
            theirs.append(statistics.median(upload(other_port, other_token, image) for image in images))
        quiet = statistics.median(ours)
        size = len(images[0]) / 1e6
        print(f"an upload of {size:.1f} MB      {quiet / statistics.median(raw):6.1f} x a durable write of its bytes")
        print(f"the same under gthread 2x4 {statistics.median(theirs) / quiet:6.2f} x under gevent")
        with drips(port, token):
            slow = statistics.median(upload(port, token, picture(next(seeds))) for _ in range(UPLOADS))
        print(f"beside {DRIPS} dripping clients {slow / quiet:7.2f} x as long")
        with drips(other_port, other_token):
            try:
                slow = upload(other_port, other_token, picture(next(seeds)), timeout=10)
                print(f"the same under gthread 2x4 {slow / quiet:7.2f} x as long")
            except TimeoutError:
                print("the same under gthread 2x4   not answered within 10 s")


if __name__ == "__main__":
    main()
