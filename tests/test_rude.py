"""Slow and rude clients at the real server, whose bounds are short here: each is cut, and the others are served."""

import json
import os
import socket
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Any

import pytest

from tests import rude, samples
from tests.conftest import OWNER, Server, start_server
from tests.rude import FORMS, Form
from tests.test_nginx import noise
from tests.test_server import objects, request, send_all_then_read, soon

LONG_S = 60
ADDRESSES, IDLE, DRIPPING = 64, 1200, 100


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server with the shortest bounds there are, and room for fewer connections than the crowd has; beside it lies a
    faster parser of gunicorn's, which it must not take."""
    bounds = {"header_timeout": 1, "body_timeout": 1, "send_timeout": 1, "keepalive_timeout": 2, "drain_timeout": 1}
    most = {"request_timeout": 4, "max_connections": 1000, "max_address_connections": 100, "web_workers": 1}
    given = {name: str(value) for name, value in (bounds | most).items()}
    libraries = tmp_path_factory.mktemp("libraries")
    (libraries / "gunicorn_h1c.py").write_text("raise RuntimeError('this parser was not asked for')")
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("PYTHONPATH", str(libraries), prepend=os.pathsep)
        started = start_server(tmp_path_factory.mktemp("rude") / "data", **given)
    yield started
    started.kill()


def log_of(server: Server) -> Path:
    return server.data_dir.parent / f"{server.data_dir.name}.log"


def lines_of(server: Server, before: int) -> list[dict[str, Any]]:
    """Return the whole lines that the log got since it had `before` bytes."""
    return [json.loads(line) for line in log_of(server).read_text()[before:].rpartition("\n")[0].splitlines()]


def connect(server: Server, source: str = "127.0.0.1") -> socket.socket:
    return socket.create_connection((server.host, server.port), timeout=LONG_S, source_address=(source, 0))


@pytest.mark.parametrize("form", FORMS, ids=str)
def test_what_is_no_http_is_refused_in_a_line_of_log_and_ends_the_connection(server: Server, form: Form) -> None:
    kept, before = objects(server), log_of(server).stat().st_size
    with connect(server) as sock:
        rude.send(sock, form, OWNER)
        got = rude.answers(sock)

    assert len(got) == 1 and got[0] in form.statuses
    assert soon(lambda: got[0] in [line.get("status") for line in lines_of(server, before)])
    assert not [line for line in lines_of(server, before) if "exception" in line]
    assert objects(server) == kept


def test_what_stands_behind_a_body_is_a_request_of_its_own_and_has_no_part_in_the_first(server: Server) -> None:
    image = samples.make("png", seed=1)
    first = request("POST", "/api/upload", len(image), token=OWNER) + image
    with connect(server) as sock:
        sock.sendall(first + b"GET /api/uploads HTTP/1.1\r\nHost: h\r\n\r\nGET /healthz HTTP/1.0\r\nHost: h\r\n\r\n")

        assert rude.answers(sock) == [201, 401, 200]


@pytest.mark.parametrize("expectation", ["100-continue", "100-Continue"])
def test_who_asks_before_it_sends_is_told_to_go_on(server: Server, expectation: str) -> None:
    image = samples.make("png", seed=2)
    with connect(server) as sock:
        sock.sendall(request("PUT", "/api/upload/a.png", len(image), f"Expect: {expectation}", token=OWNER))
        assert sock.recv(100) == b"HTTP/1.1 100 Continue\r\n\r\n"
        sock.sendall(image)
        assert b" 201 " in sock.recv(100)


HEAD = b"GET /healthz HTTP/1.1\r\nHost: h\r\n"
POST = request("POST", "/api/upload", 10**7, token=OWNER)
STRANGER = request("POST", "/api/upload", 10**7, token="bb_stranger-of-the-tests-0123456789")
STEADY = bytes(410)  # twice the rate that there has to be
FORM = request("POST", "/login", 1000, "Content-Type: application/x-www-form-urlencoded", token="")
CHUNKED = POST.replace(
    b"Content-Length: 10000000", b"Transfer-Encoding: chunked\r\nContent-Type: multipart/form-data; boundary=b"
)
SLOW: dict[str, tuple[bytes, Callable[[socket.socket], None] | None, list[int]]] = {
    "says nothing": (b"", None, []),
    "stalls within the head": (HEAD, None, [408]),
    "a head that drips": (HEAD + b"X: ", rude.drip, [408]),
    "a head without end": (HEAD, lambda sock: rude.drip(sock, b"X: a\r\n"), [408]),
    "stalls before the body": (POST, None, [408]),
    "a body that drips": (POST + b"a", rude.drip, [408]),
    "chunks that drip": (CHUNKED, lambda sock: rude.drip(sock, b"1\r\na\r\n"), [408]),
    "a form that drips": (FORM, rude.drip, [408]),
    "a body that is refused, and drips": (STRANGER, rude.drip, [401]),
    "a body that is refused, and never ends": (STRANGER, lambda sock: rude.drip(sock, STEADY), [401]),
    "a body that never ends": (POST, lambda sock: rude.drip(sock, STEADY), [408]),
    "another request never comes": (HEAD + b"\r\n", None, [200]),
}


def test_each_slow_client_is_cut_and_told_why_where_it_can_be(server: Server) -> None:
    before = log_of(server).stat().st_size

    def go(name: str) -> list[int]:
        sent, go_on, _ = SLOW[name]
        with connect(server) as sock:
            sock.sendall(sent)
            if go_on:
                go_on(sock)
            return rude.answers(sock)

    with ThreadPoolExecutor(len(SLOW)) as pool:
        got = dict(zip(SLOW, pool.map(go, SLOW), strict=True))

    assert got == {name: statuses for name, (_, _, statuses) in SLOW.items()}
    assert "Traceback" not in log_of(server).read_text()[before:]
    assert not list((server.data_dir / "objects" / "tmp").glob("*"))


def test_who_reads_its_answer_byte_by_byte_is_cut(server: Server) -> None:
    image = noise(1900)
    _, answer = send_all_then_read(server, request("POST", "/api/upload", len(image), token=OWNER), image)
    before, got = log_of(server).stat().st_size, 0
    with socket.socket() as sock:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        sock.settimeout(LONG_S)
        sock.connect((server.host, server.port))
        sock.sendall(f"GET /{answer['key']} HTTP/1.1\r\nHost: h\r\n\r\n".encode())
        while "cut" not in [line["event"] for line in lines_of(server, before)]:
            got += len(sock.recv(1))
            rude.PACE.wait(0.1)
        with pytest.raises(ConnectionError):
            while more := sock.recv(64 * 1024):
                got += len(more)

    assert got < len(image)
    assert not [line for line in lines_of(server, before) if "exception" in line]


def test_a_crowd_costs_nobody_else_anything_and_the_longest_waiting_make_room(server: Server) -> None:
    """More connections than there may be, from many addresses; the best of three rounds, for the machine is shared."""
    quiet = upload_s(server)
    with ExitStack() as stack:
        sources = [f"127.0.1.{number % ADDRESSES + 1}" for number in range(IDLE + DRIPPING)]
        crowd = [stack.enter_context(connect(server, source)) for source in sources]
        stop = threading.Event()
        stack.callback(stop.set)
        dripping = threading.Thread(target=drip_all, args=(crowd[:DRIPPING], stop))
        dripping.start()
        ratios = (upload_s(server) / quiet for _ in range(3))

        assert any(ratio < 2 for ratio in ratios)
        stop.set()
        dripping.join()


def upload_s(server: Server) -> float:
    """Return the longest that one of twelve uploads took, but for the longest."""
    times = []
    for seed in range(12):
        image, started = samples.make("png", seed=seed), time.monotonic()
        assert send_all_then_read(server, request("POST", "/api/upload", len(image), token=OWNER), image)[0] == 201
        times.append(time.monotonic() - started)
    return sorted(times)[-2]


def drip_all(socks: list[socket.socket], stop: threading.Event) -> None:
    for sock in socks:
        with suppress(OSError):
            sock.send(POST)
    while not stop.wait(0.5):
        for sock in socks:
            with suppress(OSError):
                sock.send(b"a")


def test_of_too_many_connections_of_one_address_the_oldest_go_and_a_new_one_is_served(server: Server) -> None:
    with ExitStack() as stack:
        many = [stack.enter_context(connect(server, "127.0.2.1")) for _ in range(150)]
        with connect(server, "127.0.2.1") as sock:
            sock.sendall(b"GET /healthz HTTP/1.0\r\nHost: h\r\n\r\n")
            assert b" 200 " in sock.recv(100)
        assert many[0].recv(1) == b""
