"""The server: gunicorn with gevent workers, where a slow or broken client costs nobody else anything.

`bowerbird serve` runs this file in a process of its own, so that nothing else is imported before gevent patches it. The
master imports the app once for all web workers, which share its memory; each makes an app of its own.
"""

import json
import os
import secrets
import socket
import sys
import time
from contextlib import suppress
from importlib import import_module
from typing import Any

import gevent
import gevent.socket
from gevent import monkey
from gunicorn.app.base import BaseApplication
from gunicorn.arbiter import Arbiter
from gunicorn.http import errors as http_errors
from gunicorn.workers.ggevent import GeventWorker

from .upkeep_process import UpkeepProcess

HEADER_S = 30  # a request's head has to be there by then; also how long an idle connection is kept
WINDOW_S = 15  # a body has to bring MIN_RATE bytes a second in every window of this length
MIN_RATE = 1024
SEND_S = 60  # one write to a client that does not read
LINGER_BYTES = 64 * 1024 * 1024
LINGER_S = 10
GRACEFUL_S = 30


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

    def patch(self) -> None:
        """Patch what the master needs as it was; the rest it has patched before it imported the app."""
        gevent.reinit()
        for patch in (monkey.patch_os, monkey.patch_signal, monkey.patch_subprocess, monkey.patch_queue):
            patch()
        self.sockets = [
            gevent.socket.socket(one.FAMILY, socket.SOCK_STREAM, fileno=one.sock.detach()) for one in self.sockets
        ]

    def handle(self, listener: Any, client: Any, addr: Any) -> None:
        paced = PacedSocket(client)
        self._clients.add(paced)
        try:
            super().handle(listener, paced, addr)
        finally:
            self._clients.discard(paced)

    def handle_exit(self, sig: Any, frame: Any) -> None:
        """Finish the requests under way; a connection that only waits for a next one does not hold up the end."""
        super().handle_exit(sig, frame)
        gevent.spawn(self._close_idle)

    def handle_quit(self, sig: Any, frame: Any) -> None:
        """Take Ctrl-C as SIGTERM: gevent would print how each greenlet of gunicorn's quick way out came to its end."""
        self.handle_exit(sig, frame)

    def _close_idle(self) -> None:
        for client in [client for client in self._clients if client.is_idle]:
            client.end()

    def timeout_ctx(self) -> Any:
        """Bound the time in which the head of a request has to come."""
        return gevent.Timeout(HEADER_S, TooLongHeader)

    def handle_request(self, listener_name: Any, req: Any, sock: Any, addr: Any) -> Any:
        sock.restart()
        sock.is_idle = False
        try:
            return super().handle_request(listener_name, req, sock, addr)
        finally:
            sock.is_idle, sock.count = True, 0
            sock.restart()

    def handle_error(self, req: Any, client: Any, addr: Any, exc: BaseException) -> None:
        """Answer what never reached the app in the shape of every other error, and let it reach the client."""
        if isinstance(exc, TooLongHeader) and not client.count:
            return  # a connection that was kept for a next request, and none came
        status, reason, code, message = _refusal(exc)
        if status >= 500:
            self.log.exception("a request failed before it reached the app")
        body = json.dumps({"error": message, "code": code, "request_id": secrets.token_hex(8)}).encode()
        head = (
            f"HTTP/1.1 {status} {reason}\r\nConnection: close\r\nContent-Type: application/json\r\n"
            f"Content-Length: {len(body)}\r\nX-Content-Type-Options: nosniff\r\nCache-Control: no-store\r\n\r\n"
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


class Master(Arbiter):
    """gunicorn's master, which looks after the worker for the repeated jobs too."""

    def manage_workers(self) -> None:
        super().manage_workers()
        self.app.keep_upkeep()


class Server(BaseApplication):
    """gunicorn, configured here and nowhere else."""

    def __init__(self, bind: str, workers: int, *, with_upkeep: bool = True) -> None:
        self._bind, self._workers, self._with_upkeep = bind, workers, with_upkeep
        self._upkeep: UpkeepProcess | None = None
        super().__init__()

    def load_config(self) -> None:
        options = {
            "bind": self._bind,
            "workers": self._workers,
            "worker_class": "app.server.Worker",
            "worker_connections": 1000,
            "keepalive": HEADER_S,
            "timeout": 60,
            "graceful_timeout": GRACEFUL_S,
            "worker_tmp_dir": "/dev/shm" if os.path.isdir("/dev/shm") else None,  # noqa: PTH112, S108
            "control_socket_disable": True,
            # No header of a proxy is gunicorn's to believe: by default what comes through one on this machine may move
            # a request to another path (PATH_INFO), and the addresses in a page to another host (SCRIPT_NAME).
            "forwarded_allow_ips": "",
            "forwarder_headers": "",
            "secure_scheme_headers": {},
            "sendfile": False,  # it would go round the pace
            "proc_name": "bowerbird",
            "loglevel": "warning",
            "when_ready": self._prepare,
            "on_exit": self._stop_upkeep,
        }
        for name, value in options.items():
            self.cfg.set(name, value)

    def run(self) -> None:
        """Run until a signal ends it."""
        Master(self).run()

    def load(self) -> Any:
        from app import create_app  # noqa: PLC0415 in the worker, after gevent has patched it

        return create_app()

    def keep_upkeep(self) -> None:
        if self._upkeep:
            self._upkeep.keep()

    def _prepare(self, _arbiter: Any) -> None:
        """Between the listening and the first fork: start the upkeep, and import what the workers will share."""
        if self._with_upkeep:
            self._upkeep = UpkeepProcess()
        # Not what the master itself lives by: it hears of signals and of its children's ends without gevent's loop.
        monkey.patch_all(os=False, signal=False, subprocess=False, queue=False)
        import_module("app.web.factory")

    def _stop_upkeep(self, _arbiter: Any) -> None:
        if self._upkeep:
            self._upkeep.stop()


if __name__ == "__main__":
    Server(sys.argv[1], int(sys.argv[2]), with_upkeep="--no-worker" not in sys.argv).run()
