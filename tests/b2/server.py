"""A threaded HTTP/1.1 server with keep-alive, plain or over TLS; the classes that extend it answer the requests."""

import socket
import ssl
import struct
import sys
import threading
from http.server import ThreadingHTTPServer
from pathlib import Path
from typing import Any, Self

from tests.edge.relay import Relay

_DRAINED = 128 * 1024 * 1024


class _Request(Relay):
    disable_nagle_algorithm = True  # head and body go out as two writes: with Nagle each answer would wait for an ACK


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing of connections that break, which is ordinary here; anything else is a fault of the stand-in."""
        if not isinstance(sys.exception(), OSError):
            super().handle_error(request, client_address)


class Server:
    """A server on `host` and `port`; 0 takes a free port."""

    def __init__(self, host: str, port: int, *, tls: tuple[Path, Path] | None = None) -> None:
        self._server = _Server((host, port), type("Request", (_Request,), {"owner": self}))
        if tls:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(*tls)
            # The handshake belongs to the connection's own thread: one slow client must not hold up the others.
            self._server.socket = context.wrap_socket(
                self._server.socket, server_side=True, do_handshake_on_connect=False
            )
        self.address = (host, int(self._server.server_address[1]))
        scheme = "https" if tls else "http"
        self.url = f"{scheme}://{host}:{self.address[1]}"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)

    def handle(self, request: Relay) -> None:
        raise NotImplementedError

    def start(self) -> Self:
        self._thread.start()
        return self

    def stop(self) -> None:
        if self._thread.is_alive():
            self._server.shutdown()
            self._thread.join()
        self._server.server_close()


def headers_of(request: Relay) -> dict[str, str]:
    """Return the headers: lower-case names, repeated ones joined by commas, values as UTF-8 where they are."""
    found: dict[str, str] = {}
    for name, raw in request.headers.items():
        try:
            value = raw.encode("latin-1").decode()
        except UnicodeError:
            value = raw
        found[name.lower()] = f"{found[name.lower()]},{value}" if name.lower() in found else value
    return found


def drain(request: Relay, length: int) -> None:
    """Read away a body that was answered unread: closing at once would reset the connection under the answer."""
    left = min(length, _DRAINED)
    while left > 0 and (piece := request.rfile.read(min(left, 64 * 1024))):
        left -= len(piece)


def reset(request: Relay) -> None:
    """Break off so that the other side sees a reset, not an end."""
    request.close_connection = True
    request.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    request.connection.close()
