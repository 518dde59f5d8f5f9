"""The web workers: gunicorn's of gevent, where a slow or broken client costs nobody else anything, nor does an end."""

import json
import socket
import time
from contextlib import suppress
from typing import Any

import gevent
import gevent.socket
import structlog
from gevent import monkey
from gunicorn.http import errors as http_errors
from gunicorn.workers.ggevent import GeventWorker

from . import logs, request_ids

log = structlog.get_logger()

HEADER_S = 30  # a request's head has to be there by then; also how long an idle connection is kept
WINDOW_S = 15  # a body has to bring MIN_RATE bytes a second in every window of this length
MIN_RATE = 1024
SEND_S = 60  # one write to a client that does not read
LINGER_BYTES = 64 * 1024 * 1024
LINGER_S = 10
LAST_S = 600  # a worker that another took the place of goes on so long with what it has begun
IDLE_S = 2  # a connection is kept at the end, for a request that is on its way already
_LOOK_S = 0.2


class TooLongHeader(Exception):
    """The head of a request did not come in time."""


class PacedSocket:
    """A client's connection that ends with TimeoutError when it brings less than MIN_RATE bytes a second.

    Time counts only while the server waits for bytes. gunicorn itself has no limit for a body (as of 27.0).
    """

    def __init__(self, sock: Any) -> None:
        self._sock = sock
        self._waited_s = 0.0
        self._window_bytes = 0
        self.count = 0
        self.is_idle = True
        self.idle_since = time.monotonic()
        self._is_ended = False

    def __getattr__(self, name: str) -> Any:
        return getattr(self._sock, name)

    def recv(self, size: int, flags: int = 0) -> bytes:
        """Receive up to `size` bytes; raise TimeoutError if the client is too slow with a body.

        The time for a head, and for nothing at all, is bounded by `Worker.timeout_ctx`, which comes first.
        """
        self._sock.settimeout(HEADER_S + 1 if self.is_idle else max(0.001, WINDOW_S - self._waited_s))
        started = time.monotonic()
        try:
            data: bytes = self._sock.recv(size, flags)
        except OSError:
            if not self._is_ended:
                raise
            return b""  # gevent wakes with an error whoever waits on a socket that `end` shuts down
        self._waited_s += time.monotonic() - started
        self._window_bytes += len(data)
        self.count += len(data)
        if self._window_bytes >= MIN_RATE * WINDOW_S:
            self.restart()
        return data

    def end(self) -> None:
        """Shut the connection down; whoever waits for bytes of it sees the end of them, and no error."""
        self._is_ended = True
        with suppress(OSError):
            self._sock.shutdown(socket.SHUT_RDWR)

    def restart(self) -> None:
        """Begin a new window."""
        self._waited_s, self._window_bytes = 0.0, 0

    def sendall(self, data: bytes, flags: int = 0) -> None:
        """Send all of `data`; raise TimeoutError if the client takes less than MIN_RATE bytes a second."""
        self._sock.settimeout(SEND_S + len(data) / MIN_RATE)
        self._sock.sendall(data, flags)


class Worker(GeventWorker):
    """A gevent worker that paces its clients and refuses in JSON."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._clients: set[PacedSocket] = set()

    def handle(self, listener: Any, client: Any, addr: Any) -> None:
        paced = PacedSocket(client)
        self._clients.add(paced)
        try:
            super().handle(listener, paced, addr)
        finally:
            self._clients.discard(paced)

    def patch(self) -> None:
        """Patch what the master needs as it was; the rest it has patched before it imported the app."""
        gevent.reinit()
        for patch in (monkey.patch_os, monkey.patch_signal, monkey.patch_subprocess, monkey.patch_queue):
            patch()
        self.sockets = [
            gevent.socket.socket(one.FAMILY, socket.SOCK_STREAM, fileno=one.sock.detach()) for one in self.sockets
        ]

    def init_process(self) -> None:
        """Run; the master, which bounds its own end, gives those that a reload has replaced more time than itself."""
        self.cfg.set("graceful_timeout", LAST_S)
        super().init_process()

    def run(self) -> None:
        """Answer requests until the end, with errors of greenlets in the log as all others are."""
        gevent.get_hub().print_exception = lambda _context, _kind, error, _trace: logs.uncaught(error)
        super().run()

    def handle_exit(self, sig: Any, frame: Any) -> None:
        """Finish the requests under way; a connection that only waits for a next one does not hold up the end."""
        if self.alive:
            gevent.spawn(self._close_idle)
        super().handle_exit(sig, frame)

    def handle_quit(self, sig: Any, frame: Any) -> None:
        """Take Ctrl-C as SIGTERM: gevent would print how each greenlet of gunicorn's quick way out came to its end."""
        self.handle_exit(sig, frame)

    def _close_idle(self) -> None:
        """Close, until this worker ends, what was idle for a while: sooner, a request may be on its way."""
        while True:
            for client in list(self._clients):
                if client.is_idle and not client.count and time.monotonic() - client.idle_since > IDLE_S:
                    client.end()
            gevent.sleep(_LOOK_S)

    def timeout_ctx(self) -> Any:
        """Bound the time in which the head of a request has to come."""
        return gevent.Timeout(HEADER_S, TooLongHeader)

    def handle_request(self, listener_name: Any, req: Any, sock: Any, addr: Any) -> Any:
        sock.restart()
        sock.is_idle = False
        try:
            return super().handle_request(listener_name, req, sock, addr)
        finally:
            sock.is_idle, sock.count, sock.idle_since = True, 0, time.monotonic()
            sock.restart()

    def handle_error(self, req: Any, client: Any, addr: Any, exc: BaseException) -> None:
        """Answer what never reached the app in the shape of every other error, and let it reach the client."""
        if isinstance(exc, TooLongHeader) and not client.count:
            return  # a connection that was kept for a next request, and none came
        status, reason, code, message = _refusal(exc)
        request_ids.begin(request_id := request_ids.new())
        if status >= 500:
            self.log.exception("a request failed before it reached the app")
        log.info("answered", status=status, code=code)
        if parts := getattr(self.wsgi, "extensions", {}).get("bowerbird"):
            parts.counts.unrouted(status)
        body = json.dumps({"error": message, "code": code, "request_id": request_id}).encode()
        head = (
            f"HTTP/1.1 {status} {reason}\r\nConnection: close\r\nContent-Type: application/json\r\n"
            f"Content-Length: {len(body)}\r\n{request_ids.HEADER}: {request_id}\r\n"
            "X-Content-Type-Options: nosniff\r\nCache-Control: no-store\r\n\r\n"
        )
        with suppress(OSError):  # the client may be gone
            client.sendall(head.encode() + body)
            client.shutdown(socket.SHUT_WR)
            _linger(client)


def _refusal(exc: BaseException) -> tuple[int, str, str, str]:
    """Return status, reason, code and message for a request that gunicorn could not hand to the app."""
    match exc:
        case TooLongHeader() | TimeoutError():
            return 408, "Request Timeout", "too_slow", f"the request's head did not come within {HEADER_S} seconds"
        case http_errors.LimitRequestLine():
            return 414, "URI Too Long", "uri_too_long", "the address is too long; at most 4,094 bytes are taken"
        case http_errors.LimitRequestHeaders():
            return 431, "Request Header Fields Too Large", "headers_too_large", "the headers are too many or too long"
        case http_errors.ExpectationFailed():
            return 417, "Expectation Failed", "expectation_failed", "only 'Expect: 100-continue' is known here"
        case http_errors.ParseException():
            return 400, "Bad Request", "bad_request", "the request is not valid HTTP/1.1"
    return 500, "Internal Server Error", "internal_error", "something went wrong here"


def _linger(client: Any) -> None:
    """Read what the client still sends, for a while, so that it sees the answer before the connection ends."""
    left, end = LINGER_BYTES, time.monotonic() + LINGER_S
    while left > 0 and time.monotonic() < end:
        data = client.recv(64 * 1024)
        if not data:
            return
        left -= len(data)
