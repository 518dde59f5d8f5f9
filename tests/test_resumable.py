"""Resumable uploads against a real server, by clients of others, over lines that are cut and through its death."""

import fcntl
import hashlib
import json
import os
import socket
import subprocess
import sys
import threading
import time
import urllib.request
from contextlib import suppress
from pathlib import Path

import pytest

from tests.conftest import OWNER, UPLOADER, Server, free_port
from tests.cutting import Cutter, random_cuts, write_png
from tests.programs import node
from tests.samples import make
from tests.test_server import read_answer, request

MIB = 1024 * 1024


@pytest.fixture(scope="module")
def noise(tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("noise") / "noise.png"
    write_png(path, 270)  # 13 MB
    return path


def upload(client: str, path: Path, endpoint: str) -> str:
    """Send a file by a client of others, and return the address of the upload. tuspy sends 4 MB at a time, each with
    its checksum."""
    program, chunk_bytes = {"tuspy": (sys.executable, 4 * MIB), "tus-js-client": (node(), 64 * MIB)}[client]
    script = Path(__file__).with_name("tus_client.py" if client == "tuspy" else "tus_client.mjs")
    command = [program, script, path, endpoint, OWNER, str(chunk_bytes)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=300)
    assert done.returncode == 0, done.stderr[-2000:]
    return done.stdout.strip()


def get(url: str, token: str = OWNER) -> bytes:
    asked = urllib.request.Request(url, headers={"Authorization": f"Bearer {token}"})
    with urllib.request.urlopen(asked, timeout=60) as answer:
        return answer.read()


@pytest.mark.parametrize("client", ["tuspy", "tus-js-client"])
def test_the_bytes_arrive_whole_however_often_the_line_is_cut_and_the_server_killed(make_server, noise, client):
    """Cut twelve times, in every way, and killed once in the midst of it."""
    port = free_port()
    alone = {"port": port, "has_worker": False, "web_workers": "1"}
    servers = [make_server(**alone)]

    def kill(count: int) -> None:
        if count == 4:
            servers[0].kill()
            servers.append(make_server(**alone))

    with Cutter(port, random_cuts(12, 12 * MIB, seed=5), kill) as line:
        at = upload(client, noise, f"http://127.0.0.1:{line.port}/api/tus")
        told = json.loads(get(at))
    assert line.count == 12
    assert len(servers) == 2

    sent = noise.read_bytes()
    assert told["sha256"] == hashlib.sha256(sent).hexdigest()
    assert get(told["url"]) == sent
    listed = json.loads(get(f"{servers[1].url}/api/uploads"))["uploads"]
    assert [one["key"] for one in listed] == [told["key"]]
    assert [path.name for path in (servers[1].data_dir / "tus").glob("*/*")] == ["settled"]


def tus(method: str, at: str, length: int, *headers: str) -> bytes:
    return request(method, at, length, "Tus-Resumable: 1.0.0", *headers)


def ask(server: Server, head: bytes, body: bytes = b"") -> tuple[int, dict[str, str]]:
    """Return status and headers of an answer."""
    with socket.create_connection((server.host, server.port), timeout=30) as sock:
        sock.sendall(head + body)
        return answered(sock)


def answered(sock: socket.socket) -> tuple[int, dict[str, str]]:
    data = b""
    while b"\r\n\r\n" not in data:
        more = sock.recv(65536)
        assert more, f"no answer, but {data!r}"
        data += more
    first, *lines = data.partition(b"\r\n\r\n")[0].decode().split("\r\n")
    return int(first.split()[1]), {name.lower(): value for name, _, value in (line.partition(": ") for line in lines)}


PATCH = ("Content-Type: application/offset+octet-stream", "Upload-Offset: 0")


def begin(server: Server, length: int) -> str:
    return ask(server, tus("POST", "/api/tus", 0, f"Upload-Length: {length}"))[1]["location"]


@pytest.mark.parametrize("method", ["HEAD", "DELETE", "PATCH"])
def test_who_comes_while_an_older_request_hangs_on_a_dead_line_does_not_wait_for_it(live_server, method):
    data = make("png", 300, 300)
    at = begin(live_server, len(data))
    with socket.create_connection((live_server.host, live_server.port), timeout=30) as dead:
        dead.sendall(tus("PATCH", at, len(data), *PATCH) + data[:1000])
        until_held(live_server, at)
        started = time.monotonic()
        more = PATCH if method == "PATCH" else ()
        status, told = ask(live_server, tus(method, at, 0, *more))

        # The server itself would find out after fifteen seconds.
        assert time.monotonic() - started < 8
        assert status == {"HEAD": 200, "DELETE": 204, "PATCH": 409}[method]
        assert told.get("upload-offset") == (None if method == "DELETE" else "1000")
        assert answered(dead)[0] == 423
    if method != "DELETE":
        rest = tus("PATCH", at, len(data) - 1000, PATCH[0], "Upload-Offset: 1000")
        assert ask(live_server, rest, data[1000:])[0] == 204


def until_held(server: Server, at: str) -> None:
    """Wait until a request has the upload; the server is not asked, for that one would have to let go."""
    folder = next((server.data_dir / "tus").glob(f"*/{at.rpartition('/')[2]}"))
    descriptor = os.open(folder, os.O_RDONLY)
    with suppress(BlockingIOError):
        for _ in range(600):
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            fcntl.flock(descriptor, fcntl.LOCK_UN)
            threading.Event().wait(0.05)
    os.close(descriptor)


def test_a_body_that_ends_early_counts_as_far_as_it_came_and_its_client_is_told(live_server):
    data = make("png", 300, 300)
    at = begin(live_server, len(data))
    with socket.create_connection((live_server.host, live_server.port), timeout=30) as sock:
        sock.sendall(tus("PATCH", at, len(data), *PATCH) + data[:70_001])
        sock.shutdown(socket.SHUT_WR)
        status, told = answered(sock)

    assert (status, told["upload-offset"]) == (204, "70001")


def test_with_a_checksum_a_body_that_ends_early_does_not_count(live_server):
    at = begin(live_server, 5000)
    checksum = "Upload-Checksum: sha1 Kq5sNclPz7QV2+lfQIuc6R7oRu0="
    with socket.create_connection((live_server.host, live_server.port), timeout=30) as sock:
        sock.sendall(tus("PATCH", at, 5000, *PATCH, checksum) + bytes(1000))
        sock.shutdown(socket.SHUT_WR)
        assert read_answer(sock)[0] == 400
    assert ask(live_server, tus("HEAD", at, 0))[1]["upload-offset"] == "0"
    # The example of the protocol itself, in chunks.
    at = begin(live_server, 5000)
    chunked = tus("PATCH", at, 0, *PATCH, checksum, "Transfer-Encoding: chunked").replace(b"Content-Length: 0\r\n", b"")
    assert ask(live_server, chunked, b"5\r\nhello\r\n6\r\n world\r\n0\r\n\r\n")[1]["upload-offset"] == "11"


def test_of_many_at_once_one_writes_and_each_of_the_others_is_told(live_server):
    data = make("png", 300, 300)
    at, told = begin(live_server, len(data)), []

    def send() -> None:
        told.append(ask(live_server, tus("PATCH", at, len(data), *PATCH), data)[0])

    threads = [threading.Thread(target=send) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert told.count(204) == 1
    assert set(told) <= {204, 409, 423}
    assert get(live_server.url + at, UPLOADER)
