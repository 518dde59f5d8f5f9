"""The web workers: gunicorn's of gevent, where a slow or broken client costs nobody else anything, nor does an end."""

import json
import re
import signal
import socket
import time
from contextlib import nullcontext, suppress
from typing import TYPE_CHECKING, Any, cast

import gevent
import gevent.socket
import structlog
from gevent import monkey
from gunicorn.http import errors as http_errors
from gunicorn.workers.ggevent import GeventWorker

from . import logs, request_ids
from .connections import Connections, allow_files
from .pacing import PacedSocket, TooLongHeader

if TYPE_CHECKING:
    from .client_bounds import ClientBounds

log = structlog.get_logger()

LINGER_BYTES = 64 * 1024 * 1024
LINGER_S = 10  # what else is sent after a request that makes no sense is read for so long
SLOW_LINGER_S = 1  # of a slow one nothing large is on its way
LAST_S = 600  # a worker that another took the place of goes on so long with what it has begun
IDLE_S = 2  # a connection is kept at the end, for a request that is on its way already
_LOOK_S = 0.2
_TELL_S = 60
_HOST = re.compile(r"([A-Za-z0-9._~%!$&'()*+,;=-]*|\[[0-9A-Fa-f:.]+\])(:\d{1,5})?")


class Worker(GeventWorker):
    """A gevent worker that paces its clients and refuses in JSON."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._connections: Connections | None = None  # until it runs; it may be told to end before

    def handle(self, listener: Any, client: Any, addr: Any) -> None:
        paced, connections = PacedSocket(client, self._bounds), cast(Connections, self._connections)
        if not connections.add(paced, addr):
            message = f"{self._bounds.max_address_connections} requests of this address are being worked for already"
            self._refuse(paced, 429, "Too Many Requests", "rate_limited", message)
            paced.close()
            return
        try:
            super().handle(listener, paced, addr)
        finally:
            connections.remove(paced)

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

    def init_signals(self) -> None:
        """Hear from here on what the master has held back since before the fork."""
        super().init_signals()
        signal.pthread_sigmask(signal.SIG_SETMASK, ())

    def run(self) -> None:
        """Answer requests until the end, with errors of greenlets in the log as all others are."""
        from . import settings  # noqa: PLC0415 after gevent has patched what it is made of

        gevent.get_hub().print_exception = lambda _context, _kind, error, _trace: logs.uncaught(error)
        self._bounds = settings.load()
        most = allow_files(self._bounds.max_connections)
        self._connections = Connections(most, self._bounds.max_address_connections, self._bounds.trusted_proxies)
        # Where all are being worked for and none can be ended, no more are accepted: they wait in the kernel's queue.
        self.worker_connections = most + most // 8 + 1
        gevent.spawn(self._tell_of_ended, self._connections)
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
            if self._connections:
                self._connections.end_idle(before=time.monotonic() - IDLE_S)
            gevent.sleep(_LOOK_S)

    def _tell_of_ended(self, connections: Connections) -> None:
        """Say, at most once a minute, that there were too many connections: a line for each would be a second flood."""
        told = 0
        while True:
            gevent.sleep(_TELL_S)
            if count := connections.ended - told:
                told += count
                log.warning("too many connections", ended=count, most=connections.most)

    def timeout_ctx(self) -> Any:
        """Bound nothing: the connection bounds itself."""
        return nullcontext()

    def handle_request(self, listener_name: Any, req: Any, sock: Any, addr: Any) -> Any:
        _check_host(req)
        sock.begin()
        try:
            return super().handle_request(listener_name, req, sock, addr)
        except TimeoutError as e:  # the head of an answer is out: there is no other to give
            log.info("cut", code="too_slow", error=str(e))
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
        if status >= 500:
            self.log.exception("a request failed before it reached the app")
        self._refuse(client, status, reason, code, message)
        _linger(client, SLOW_LINGER_S if is_late else LINGER_S)

    def _refuse(self, client: Any, status: int, reason: str, code: str, message: str) -> None:
        """Answer, as the last that is sent here, and log it."""
        request_ids.begin(request_id := request_ids.new())
        log.info("answered", status=status, code=code)
        if parts := getattr(self.wsgi, "extensions", {}).get("bowerbird"):
            parts.counts.unrouted(status)
        body = json.dumps({"error": message, "code": code, "request_id": request_id}).encode()
        head = (
            f"HTTP/1.1 {status} {reason}\r\nConnection: close\r\nContent-Type: application/json\r\n"
            f"Content-Length: {len(body)}\r\n{request_ids.HEADER}: {request_id}\r\n"
            "X-Content-Type-Options: nosniff\r\nCache-Control: no-store\r\n\r\n"
        )
        client.begin()
        with suppress(OSError):  # the client may be gone
            client.sendall(head.encode() + body)
            client.shutdown(socket.SHUT_WR)


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
