"""A bad line before a real server: it fails some requests, in each of the ways that lines and proxies fail."""

import http.client
import socket
import struct
import threading
from collections.abc import Callable
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

ANSWERS = {
    "503": (503, {"Retry-After": "0"}, b'{"error": "busy", "code": "busy", "request_id": "0"}'),
    "429": (429, {"Retry-After": "1"}, b'{"error": "slower", "code": "rate_limited", "request_id": "0"}'),
    "502": (502, {"Content-Type": "text/html"}, b"<html>Bad Gateway</html>"),
    "520": (520, {}, b""),
    "404": (404, {}, b'{"error": "there is nothing at this address", "code": "not_found", "request_id": "0"}'),
    "408": (408, {"Connection": "close"}, b""),
}
# reset: before anything was read. cut: in the middle of the body, which the server then has the first half of.
# lost: the server has done it, and the answer never comes. unheard: the same, while the server still works.
# half: the answer breaks off.
FAULTS = ("503", "reset", "lost", "half", "cut", "502", "unheard", "520", "429", "408")


class Relay:
    """What was asked through it, as `METHOD path`, and the fault that each number of request gets."""

    def __init__(self, port: int, plan: Callable[[int], str | None]) -> None:
        self.upstream, self.plan = port, plan
        self.asked: list[str] = []
        self.faults: list[str] = []
        self.lock = threading.Lock()

    def next(self, what: str) -> str | None:
        with self.lock:
            self.asked.append(what)
            fault = self.plan(len(self.asked))
            if fault:
                self.faults.append(fault)
            return fault


def every(count: int, faults: tuple[str, ...] = FAULTS) -> Callable[[int], str | None]:
    """Fail each request whose number `count` divides, with one fault after the other."""
    return lambda number: faults[number // count % len(faults)] if number % count == 0 else None


@contextmanager
def bad_line(port: int, plan: Callable[[int], str | None]):
    """Yield a relay to the server at `port`, and its address."""
    relay = Relay(port, plan)

    class Handler(_Handler):
        owner = relay

    server = _Server(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield relay, f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def handle_error(self, *_) -> None:
        """A client that goes away is what this is about."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    owner: Relay

    def log_message(self, *_) -> None:
        pass

    def _relay(self) -> None:
        fault = self.owner.next(f"{self.command} {self.path}")
        length = int(self.headers.get("Content-Length") or 0)
        if fault == "reset":
            return self._reset()
        body = self.rfile.read(length // 2 if fault == "cut" else length)
        if fault in ANSWERS:
            return self._answer(*ANSWERS[fault])
        upstream = http.client.HTTPConnection("127.0.0.1", self.owner.upstream, timeout=60)
        upstream.putrequest(self.command, self.path, skip_host=True, skip_accept_encoding=True)
        for name, value in self.headers.items():
            upstream.putheader(name, value)
        upstream.endheaders(body)
        if fault in ("cut", "unheard"):
            if fault == "unheard":
                threading.Thread(target=_drop, args=(upstream,), daemon=True).start()
            else:
                upstream.close()
            return self._reset()
        response = upstream.getresponse()
        content = response.read()
        upstream.close()
        if fault == "lost":
            return self._reset()
        headers = {name: value for name, value in response.getheaders() if name.lower() not in ("connection", "date")}
        self._answer(response.status, headers, content, is_half=fault == "half")

    do_GET = do_HEAD = do_POST = do_PUT = do_PATCH = do_DELETE = _relay

    def _answer(self, status, headers, content, is_half=False) -> None:
        self.send_response(status)
        lowered = {name.lower() for name in headers}
        if "content-length" not in lowered and status != 204:
            self.send_header("Content-Length", str(len(content)))
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(content[: len(content) // 2] if is_half else content)
        if is_half:
            self.wfile.flush()
            self.close_connection = True
            with suppress(OSError):
                self.connection.shutdown(socket.SHUT_RDWR)

    def _reset(self) -> None:
        self.close_connection = True
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.connection.close()


def _drop(upstream: http.client.HTTPConnection) -> None:
    with suppress(OSError, http.client.HTTPException):
        upstream.getresponse().read()
    upstream.close()
