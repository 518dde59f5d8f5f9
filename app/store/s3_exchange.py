"""Requests to one endpoint over connections that are kept, with no more between them and the socket than http.client's
reading of the answer: a library's request costs ten times what the kernel needs for it; see docs/performance.md."""

import fcntl
import socket
import ssl
import termios
import weakref
from base64 import b64encode
from collections.abc import Mapping
from contextlib import suppress
from http.client import HTTPConnection, HTTPException, HTTPResponse, HTTPSConnection, IncompleteRead
from pathlib import Path
from typing import BinaryIO, cast
from urllib.parse import unquote, urlsplit

from botocore.httpsession import get_cert_path
from botocore.utils import get_environ_proxies

from .. import __version__
from ..answers import Answer
from ..errors import StoreMisconfigured
from .s3_bounds import Until
from .s3_errors import Failure

MOST_CONNECTIONS = 32  # that are kept
CONNECT_S = 5
MOST_ANSWER_BYTES = 1024 * 1024
_BLOCK_BYTES = 256 * 1024
_ESTABLISHED = 1  # https://github.com/torvalds/linux/blob/master/include/net/tcp_states.h


class Exchange:
    """Connections to the server of the address `endpoint`, through the proxy of the environment if it names one."""

    def __init__(self, endpoint: str, *, ca_bundle: Path | None, read_timeout_s: float) -> None:
        found = urlsplit(endpoint)
        port = 443 if found.scheme == "https" else 80
        self.host = found.netloc.lower().removesuffix(f":{port}")
        self._address = f"{found.scheme}://{self.host}"
        self._name, self._port = found.hostname or "", found.port or port
        self._read_timeout_s = read_timeout_s
        self._context: ssl.SSLContext | None = None
        if found.scheme == "https":
            self._context = ssl.create_default_context(cafile=str(ca_bundle or get_cert_path(True)))
            self._context.set_alpn_protocols(["http/1.1"])
        proxy = get_environ_proxies(endpoint).get(found.scheme, "")
        self._proxy = urlsplit(proxy if "://" in proxy else f"http://{proxy}") if proxy else None
        if self._proxy and self._proxy.scheme != "http":
            raise StoreMisconfigured(f"a proxy is spoken to by http:// alone, not by {self._proxy.scheme}://")
        self._idle: list[HTTPConnection] = []
        weakref.finalize(self, _close_all, self._idle)

    def put(self, path: str, headers: Mapping[str, str], body: BinaryIO, size: int) -> Answer:
        """Send `size` bytes of `body`, from its first, and return the answer; raise Failure where none came,
        whole, within the timeout after all was sent."""
        try:
            connection = self._take()
        except (OSError, HTTPException) as e:
            raise Failure("the connection failed") from e
        is_kept = False
        try:
            _send(connection.sock, self._head(path, headers, size), body, size, self._read_timeout_s)
            answer, is_kept = _receive(Until(connection.sock, self._read_timeout_s))
        except (OSError, HTTPException) as e:
            raise Failure("the connection failed") from e
        finally:
            if is_kept and len(self._idle) < MOST_CONNECTIONS:
                self._idle.append(connection)
            else:
                connection.close()
        return answer

    def close(self) -> None:
        """Close the connections that are kept."""
        _close_all(self._idle)

    def _take(self) -> HTTPConnection:
        while True:
            try:
                connection = self._idle.pop()
            except IndexError:  # asking first would be a race of threads
                return self._connect()
            if _may_go_on(connection.sock):
                return connection
            connection.close()

    def _connect(self) -> HTTPConnection:
        name, port = self._name, self._port
        if self._proxy:
            name, port = self._proxy.hostname or "", self._proxy.port or 80
        if not self._context:
            made = HTTPConnection(name, port, timeout=CONNECT_S)
        else:
            made = HTTPSConnection(name, port, timeout=CONNECT_S, context=self._context)
            if self._proxy:
                made.set_tunnel(self._name, self._port, headers=self._proxy_headers())
        try:
            made.connect()
        except BaseException:
            made.close()
            raise
        return made

    def _head(self, path: str, headers: Mapping[str, str], size: int) -> bytes:
        # Cloudflare's browser integrity check turns those away who do not say what they are.
        fields = {**headers, "content-length": str(size), "user-agent": f"Bowerbird/{__version__}"}
        if self._proxy and not self._context:
            path, fields = f"{self._address}{path}", fields | self._proxy_headers()
        lines = "".join(f"{name}: {value}\r\n" for name, value in fields.items())
        return f"PUT {path} HTTP/1.1\r\n{lines}\r\n".encode("ascii")

    def _proxy_headers(self) -> dict[str, str]:
        if not self._proxy or self._proxy.username is None:
            return {}
        account = f"{unquote(self._proxy.username)}:{unquote(self._proxy.password or '')}"
        return {"proxy-authorization": f"Basic {b64encode(account.encode()).decode()}"}


def _may_go_on(sock: socket.socket) -> bool:
    """Whether nobody has ended the connection, as endpoints do when it was idle for long, and nothing came on it since:
    that would be taken for the next answer. To read for that would be a turn of gevent's loop."""
    is_open = sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 1)[0] == _ESTABLISHED
    return is_open and not any(fcntl.ioctl(sock.fileno(), termios.FIONREAD, bytes(4)))


def _close_all(connections: list[HTTPConnection]) -> None:
    while connections:
        connections.pop().close()


def _send(sock: socket.socket, head: bytes, body: BinaryIO, size: int, timeout_s: float) -> None:
    """Send it all; each _BLOCK_BYTES within the timeout."""
    body.seek(0)
    sock.settimeout(timeout_s)
    with suppress(BrokenPipeError, ConnectionResetError):  # it may have answered before it had all
        if size <= _BLOCK_BYTES:
            sock.sendall(head + body.read())
            return
        sock.sendall(head)
        while block := body.read(_BLOCK_BYTES):
            sock.sendall(block)


def _receive(source: Until) -> tuple[Answer, bool]:
    """Return the answer, and whether another request may follow on the connection."""
    with HTTPResponse(cast(socket.socket, source), method="PUT") as response:
        response.begin()
        body = response.read(MOST_ANSWER_BYTES)
        rest = b"" if response.isclosed() else response.read(1)
        if response.length and not rest:  # http.client says so only where all is read at once
            raise IncompleteRead(body, response.length)
        headers = {name.lower(): value for name, value in response.headers.items()}
        return Answer(response.status, headers, body), not rest and not response.will_close
