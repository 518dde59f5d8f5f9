"""The server: gunicorn with gevent workers, where a slow or broken client costs nobody else anything.

`bowerbird serve` runs this file in a process of its own, so that nothing else is imported before gevent patches it. The
master imports the app once for all web workers, which share its memory; each makes an app of its own.
"""

import json
import os
import re
import secrets
import socket
import sys
import time
from contextlib import nullcontext, suppress
from importlib import import_module
from typing import TYPE_CHECKING, Any, cast

import gevent
import gevent.socket
from gevent import monkey
from gunicorn.app.base import BaseApplication
from gunicorn.arbiter import Arbiter
from gunicorn.http import errors as http_errors
from gunicorn.workers.ggevent import GeventWorker

from .connections import Connections, allow_files
from .pacing import PacedSocket, TooLongHeader
from .upkeep_process import UpkeepProcess

if TYPE_CHECKING:
    from .client_bounds import ClientBounds

LINGER_BYTES = 64 * 1024 * 1024
LINGER_S = 10  # what else is sent after a request that makes no sense is read for so long
SLOW_LINGER_S = 1  # of a slow one nothing large is on its way
GRACEFUL_S = 30
TELL_S = 60
_HOST = re.compile(r"([A-Za-z0-9._~%!$&'()*+,;=-]*|\[[0-9A-Fa-f:.]+\])(:\d{1,5})?")


class Worker(GeventWorker):
    """A gevent worker that paces its clients and refuses in JSON."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._connections: Connections | None = None  # until it runs; it may be told to end before

    def run(self) -> None:
        from app import settings  # noqa: PLC0415 after gevent has patched what it is made of

        self._bounds = settings.load()
        most = allow_files(self._bounds.max_connections)
        self._connections = Connections(most, self._bounds.max_address_connections, self._bounds.trusted_proxies)
        # Where all are being worked for and none can be ended, no more are accepted: they wait in the kernel's queue.
        self.worker_connections = most + most // 8 + 1
        gevent.spawn(self._tell_of_ended, self._connections)
        super().run()

    def patch(self) -> None:
        """Patch what the master needs as it was; the rest it has patched before it imported the app."""
        gevent.reinit()
        for patch in (monkey.patch_os, monkey.patch_signal, monkey.patch_subprocess, monkey.patch_queue):
            patch()
        self.sockets = [
            gevent.socket.socket(one.FAMILY, socket.SOCK_STREAM, fileno=one.sock.detach()) for one in self.sockets
        ]

    def handle(self, listener: Any, client: Any, addr: Any) -> None:
        paced, connections = PacedSocket(client, self._bounds), cast(Connections, self._connections)
        if not connections.add(paced, addr):
            message = f"{self._bounds.max_address_connections} requests of this address are being worked for already"
            _refuse(paced, 429, "Too Many Requests", "rate_limited", message)
            paced.close()
            return
        try:
            super().handle(listener, paced, addr)
        finally:
            connections.remove(paced)

    def handle_exit(self, sig: Any, frame: Any) -> None:
        """Finish the requests under way; a connection that only waits for a next one does not hold up the end."""
        super().handle_exit(sig, frame)
        if self._connections:
            gevent.spawn(self._connections.end_idle)

    def handle_quit(self, sig: Any, frame: Any) -> None:
        """Take Ctrl-C as SIGTERM: gevent would print how each greenlet of gunicorn's quick way out came to its end."""
        self.handle_exit(sig, frame)

    def timeout_ctx(self) -> Any:
        """Bound nothing: the connection bounds itself."""
        return nullcontext()

    def handle_request(self, listener_name: Any, req: Any, sock: Any, addr: Any) -> Any:
        _check_host(req)
        sock.begin()
        try:
            return super().handle_request(listener_name, req, sock, addr)
        except TimeoutError as e:  # the head of an answer is out: there is no other to give
            _log().info("cut", code="too_slow", error=str(e))
            sock.reset()
            raise StopIteration from e
        finally:
            sock.await_next()

    def handle_error(self, req: Any, client: Any, addr: Any, exc: BaseException) -> None:
        """Answer what never reached the app in the shape of every other error, and let it reach the client."""
        is_late = isinstance(exc, TooLongHeader)
        if is_late and not client.head_bytes:
            return  # a connection that was kept for a next request, and none came
        status, reason, code, message = _refusal(exc, self._bounds)
        _refuse(client, status, reason, code, message, exc if status >= 500 else None)
        _linger(client, SLOW_LINGER_S if is_late else LINGER_S)

    def _tell_of_ended(self, connections: Connections) -> None:
        """Say, at most once a minute, that there were too many connections: a line for each would be a second flood."""
        told = 0
        while True:
            gevent.sleep(TELL_S)
            if count := connections.ended - told:
                told += count
                _log().warning("too many connections", ended=count, most=connections.most)


def _log() -> Any:
    import structlog  # noqa: PLC0415 after gevent has patched what it is made of

    return structlog.get_logger()


def _check_host(req: Any) -> None:
    """Raise InvalidHeader for a request without a Host, or with one that is none (RFC 9112, 3.2)."""
    host = next((value for name, value in req.headers if name == "HOST"), None)
    if (host is None and req.version >= (1, 1)) or (host and not _HOST.fullmatch(host)):
        raise http_errors.InvalidHeader("HOST", req=req)


def _refusal(exc: BaseException, bounds: "ClientBounds") -> tuple[int, str, str, str]:
    """Return status, reason, code and message for a request that gunicorn could not hand to the app."""
    match exc:
        case TooLongHeader():
            message = f"the request's head did not come within {bounds.header_timeout} seconds"
            return 408, "Request Timeout", "too_slow", message
        case http_errors.LimitRequestLine():
            return 414, "URI Too Long", "uri_too_long", "the address is too long; at most 4,094 bytes are taken"
        case http_errors.LimitRequestHeaders():
            return 431, "Request Header Fields Too Large", "headers_too_large", "the headers are too many or too long"
        case http_errors.ExpectationFailed():
            return 417, "Expectation Failed", "expectation_failed", "only 'Expect: 100-continue' is known here"
        case http_errors.ParseException():
            return 400, "Bad Request", "bad_request", "the request is not valid HTTP/1.1"
    return 500, "Internal Server Error", "internal_error", "something went wrong here"


def _refuse(client: Any, status: int, reason: str, code: str, message: str, cause: BaseException | None = None) -> None:
    """Answer, as the last that is sent here, and log it in one line, with the trace of `cause` if there is any."""
    request_id = secrets.token_hex(8)
    tell = _log().error if cause else _log().info
    tell("refused", request_id=request_id, code=code, status=status, error=message, exc_info=cause)
    body = json.dumps({"error": message, "code": code, "request_id": request_id}).encode()
    head = (
        f"HTTP/1.1 {status} {reason}\r\nConnection: close\r\nContent-Type: application/json\r\n"
        f"Content-Length: {len(body)}\r\nX-Content-Type-Options: nosniff\r\nCache-Control: no-store\r\n\r\n"
    )
    client.begin()
    with suppress(OSError):  # the client may be gone
        client.sendall(head.encode() + body)
        client.shutdown(socket.SHUT_WR)


def _linger(client: Any, most_s: float) -> None:
    """Read what the client still sends, for a while, so that it sees the answer before the connection ends."""
    left, end = LINGER_BYTES, time.monotonic() + most_s
    with suppress(OSError):
        while left > 0 and (left_s := end - time.monotonic()) > 0:
            client.bound(left_s)
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
            "keepalive": 1,  # they are kept; for how long is BOWERBIRD_KEEPALIVE_TIMEOUT
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
