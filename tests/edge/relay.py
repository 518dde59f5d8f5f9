"""One HTTP message handed on, its body streamed both ways: what the stand-ins for Cloudflare are made of."""

import http.client
import math
import socket
import ssl
import sys
import threading
from collections.abc import Callable, Iterable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Self

_PIECE = 64 * 1024
HOP_BY_HOP = {"connection", "keep-alive", "proxy-connection", "te", "trailer", "transfer-encoding", "upgrade"}
Headers = list[tuple[str, str]]


class TooLarge(Exception):
    """A body that is larger than it may be; it has been read to its end."""


class Relay(BaseHTTPRequestHandler):
    """Reads one request, and can send it on to another server and its answer back."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True  # head and body go out as two writes: with Nagle each answer would wait for an ACK
    owner: Any

    def log_message(self, *_: Any) -> None:
        """Say nothing: the tests look at what arrives."""

    def __getattr__(self, name: str) -> Callable[[], None]:
        if name.startswith("do_"):
            return lambda: self.owner.handle(self)
        raise AttributeError(name)

    def body(self) -> Iterable[bytes]:
        """Yield the body, whether it has a length or comes in chunks; raise OSError where chunks break off."""
        if self.headers.get("transfer-encoding", "").lower() == "chunked":
            while size := _size(self.rfile.readline()):
                yield self.rfile.read(size)
                self.rfile.readline()
            while self.rfile.readline() not in (b"\r\n", b""):
                pass
            return
        left = int(self.headers.get("content-length") or 0)
        while left and (piece := self.rfile.read(min(left, _PIECE))):
            left -= len(piece)
            yield piece

    def _bounded(self, max_bytes: float) -> Iterable[bytes]:
        count = 0
        for piece in self.body():
            count += len(piece)
            if count <= max_bytes:
                yield piece
        if count > max_bytes:
            raise TooLarge(f"the body has {count} bytes; at most {max_bytes} pass")

    def pass_on(
        self,
        address: tuple[str, int],
        method: str,
        target: str,
        headers: Headers,
        *,
        max_bytes: float = math.inf,
        keeps_chunks: bool = True,
    ) -> None:
        """Send this request to `address` and the answer to whoever asked; raise TooLarge if the body is, unanswered.

        Without `keeps_chunks` a body that comes in chunks is not sent on, for nothing would say where it ends.
        """
        connection = http.client.HTTPConnection(*address, timeout=60)
        try:
            connection.putrequest(method, target, skip_host=True, skip_accept_encoding=True)
            for name, value in headers:
                if name.lower() not in HOP_BY_HOP:
                    connection.putheader(name, value)
            is_chunked = "transfer-encoding" in self.headers
            is_sent = keeps_chunks or not is_chunked
            if is_chunked and is_sent:
                connection.putheader("Transfer-Encoding", "chunked")
            connection.endheaders()
            for piece in self._bounded(max_bytes):
                if not is_sent:
                    continue
                connection.send(b"%x\r\n%b\r\n" % (len(piece), piece) if is_chunked else piece)
            if is_chunked and is_sent:
                connection.send(b"0\r\n\r\n")
            self.answer(connection.getresponse())
        except (OSError, http.client.HTTPException):
            self.close_connection = True  # the other side broke off, and so do we
        finally:
            connection.close()

    def answer(self, response: http.client.HTTPResponse) -> None:
        """Give the client what the server answered."""
        self.send_response_only(response.status, response.reason)
        is_empty = self.command == "HEAD" or response.status in (204, 304)
        is_chunked = not is_empty and response.headers.get("content-length") is None
        for name, value in response.getheaders():
            if name.lower() not in HOP_BY_HOP:
                self.send_header(name, value)
        if is_chunked:
            self.send_header("Transfer-Encoding", "chunked")
        if "date" not in response.headers:  # whoever has a clock tells it: RFC 9110, 6.6.1
            self.send_header("Date", self.date_time_string())
        self.end_headers()
        while not is_empty and (piece := response.read(_PIECE)):
            self.wfile.write(b"%x\r\n%b\r\n" % (len(piece), piece) if is_chunked else piece)
        if is_chunked:
            self.wfile.write(b"0\r\n\r\n")

    def say(
        self,
        status: int,
        body: bytes,
        content_type: str,
        headers: Iterable[tuple[str, str]] = (),
        *,
        length: str | None = None,
    ) -> None:
        """Answer by ourselves; `length` is what a HEAD answers, where it is not that of `body`."""
        self.send_response_only(status)
        if status not in (204, 304):
            headers = [*headers, ("Content-Type", content_type), ("Content-Length", length or str(len(body)))]
        for name, value in headers:
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)


def _size(line: bytes) -> int:
    if not line:
        raise ConnectionAbortedError("the body ends before its last chunk")
    return int(line.split(b";")[0], 16)


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A connection that breaks is an ordinary thing here; an error of ours is not."""
        if not isinstance(sys.exception(), OSError):
            super().handle_error(request, client_address)


class Listener:
    """A server on `host` and `port` (0 takes a free one); the classes that extend it say what `handle` does."""

    def __init__(self, port: int = 0, *, host: str = "127.0.0.1", tls: tuple[Path, Path] | None = None) -> None:
        try:
            self._server = _Server((host, port), type("Handler", (Relay,), {"owner": self}))
        except OSError as e:
            raise OSError(f"cannot listen on {host}:{port}: {e.strerror}") from e
        if tls:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(*tls)
            # The handshake belongs to the connection's own thread: one slow client must not hold up the others.
            self._server.socket = context.wrap_socket(
                self._server.socket, server_side=True, do_handshake_on_connect=False
            )
        self.port = int(self._server.server_address[1])
        self.address = (host, self.port)
        self.url = f"{'https' if tls else 'http'}://{host}:{self.port}"
        self._is_over = False
        self._thread = threading.Thread(target=self._serve, daemon=True)

    def handle(self, request: Relay) -> None:
        raise NotImplementedError

    def start(self) -> Self:
        self._thread.start()
        return self

    def stop(self) -> None:
        if self._thread.is_alive():
            self._is_over = True
            self._server.socket.shutdown(socket.SHUT_RDWR)
            self._thread.join()
        self._server.server_close()

    def _serve(self) -> None:
        """Serve without looking at a clock: a chain has fifty of these."""
        while not self._is_over:
            self._server.handle_request()

    __enter__ = start

    def __exit__(self, *_: object) -> None:
        self.stop()
