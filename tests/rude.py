"""Requests that no honest client sends, each with what may become of it, and clients that take their time."""

import re
import socket
import ssl
import threading
from contextlib import suppress
from dataclasses import dataclass

PACE = threading.Event()  # never set: its wait is a client's pause
_HOST = "up.example.com"
_NEXT = f"GET /healthz HTTP/1.1\r\nHost: {_HOST}\r\nConnection: close\r\n\r\n"
_CHUNKED = "Transfer-Encoding: chunked\r\n"
_FORM = "Content-Type: application/x-www-form-urlencoded\r\n"
_PARTS = "Content-Type: multipart/form-data; boundary=b\r\n"


@dataclass(frozen=True)
class Form:
    """Bytes that are sent at once, and the statuses one of which the server answers with before it ends the connection.

    `is_half_closed`: the client then ends its side.
    """

    name: str
    data: bytes
    statuses: tuple[int, ...] = (400,)
    is_half_closed: bool = False

    def __str__(self) -> str:
        return self.name


def _line(name: str, line: str, headers: str = f"Host: {_HOST}\r\n", *statuses: int) -> Form:
    return Form(name, f"{line}\r\n{headers}\r\n{_NEXT}".encode("latin-1"), statuses or (400,))


def _post(name: str, headers: str, *statuses: int) -> Form:
    """Return an upload with such headers, whose body is five bytes and what could be taken for a next request."""
    head = f"POST /api/upload HTTP/1.1\r\nHost: {_HOST}\r\nAuthorization: Bearer TOKEN\r\n{headers}\r\n"
    return Form(name, f"{head}abcde{_NEXT}".encode("latin-1"), statuses or (400,))


def _chunks(name: str, body: str, path: str = "/api/upload", headers: str = _PARTS) -> Form:
    lines = (f"POST {path} HTTP/1.1", f"Host: {_HOST}", "Connection: close", "Authorization: Bearer TOKEN")
    head = "\r\n".join((*lines, f"{headers}{_CHUNKED}\r\n"))
    return Form(name, f"{head}{body}".encode("latin-1"), (400,), is_half_closed=True)


FORMS = [
    _line("a method in small letters", "get / HTTP/1.1"),
    _line("two spaces", "GET  / HTTP/1.1"),
    _line("tabs", "GET\t/\tHTTP/1.1"),
    _line("HTTP/0.9", "GET /"),
    _line("HTTP/0.9 by name", "GET / HTTP/0.9"),
    _line("HTTP/3.0", "GET / HTTP/3.0"),
    Form("the preface of HTTP/2", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"),
    _line("NUL in the address", "GET /\0 HTTP/1.1"),
    _line("an address in Latin-1", "GET /\xe4 HTTP/1.1"),
    _line("a relative address", "GET healthz HTTP/1.1"),
    _line("an address that is none", "GET http://[ HTTP/1.1"),
    _line("too long a line", f"GET /{'a' * 5000} HTTP/1.1", f"Host: {_HOST}\r\n", 414),
    _line("no Host", "GET /healthz HTTP/1.1", ""),
    _line("two Hosts", "GET /healthz HTTP/1.1", "Host: a\r\nHost: a\r\n"),
    _line("a Host that is none", "GET /healthz HTTP/1.1", "Host: a b\r\n"),
    _post("two hundred headers", "".join(f"X-{number}: a\r\n" for number in range(200)), 431, 400),
    _post("a header of 9 kB", f"X: {'a' * 9000}\r\n", 431, 400),
    _post("heads of 400 kB", "".join(f"X-{number}: {'a' * 8000}\r\n" for number in range(50)), 431, 400),
    _post("a header without a colon", "Nonsense\r\n"),
    _post("a space before the colon", "Transfer-Encoding : chunked\r\n"),
    _post("a folded header", "Content-Length: 5\r\nX: a\r\n b\r\n"),
    _post("a folded Transfer-Encoding", "Content-Length: 5\r\nX: a\r\n Transfer-Encoding: chunked\r\n"),
    _post("NUL in a header", "Content-Length: 5\r\nX: a\0b\r\n"),
    _post("a bare CR", "Content-Length: 5\r\nX: a\rY: b\r\n"),
    _post("a bare LF", "Content-Length: 5\r\nX: a\nTransfer-Encoding: chunked\r\n"),
    _post("another expectation", "Content-Length: 5\r\nExpect: 200-ok\r\n", 417, 400),
    _post("both lengths", "Content-Length: 5\r\n" + _CHUNKED),
    _post("both lengths, turned round", _CHUNKED + "Content-Length: 5\r\n"),
    _post("chunked twice", _CHUNKED + _CHUNKED),
    _post("chunked, chunked", "Transfer-Encoding: chunked, chunked\r\n"),
    _post("an unknown coding", "Transfer-Encoding: xchunked\r\n", 400, 501),
    _post("a vertical tab before chunked", "Transfer-Encoding: \x0bchunked\r\n", 400, 501),
    _post("a parameter of chunked", "Transfer-Encoding: chunked;q=1\r\n", 400, 501),
    _post("chunked before identity", "Transfer-Encoding: chunked, identity\r\n", 400, 501),
    _post("identity alone", "Transfer-Encoding: identity\r\n", 400, 501),
    _post("no coding", "Transfer-Encoding:\r\n", 400, 501),
    *(
        _post(f"Content-Length {text[:20]!r}", f"Content-Length: {text}\r\n")
        for text in ("-5", "+5", "0x5", "1_0", "5, 5", "5 5", "", "\xb2", "9" * 5000)
    ),
    _post("Content-Length twice", "Content-Length: 5\r\nContent-Length: 5\r\n"),
    _post("Content-Length twice, not the same", "Content-Length: 5\r\nContent-Length: 6\r\n"),
    _chunks("a chunk of 0x5", "0x5\r\nabcde\r\n0\r\n\r\n"),
    _chunks("a chunk of -1", "-1\r\n"),
    _chunks("a chunk of 2**68", "fffffffffffffffff\r\nabc"),
    _chunks("a chunk with 100 kB of extension", f"5;{'a' * 100_000}\r\nabcde\r\n0\r\n\r\n"),
    _chunks("a chunk without its end", "5\r\nabcdeXX0\r\n\r\n"),
    _chunks("a chunk with bare LF", "5\nabcde\n0\n\n"),
    _chunks("half a chunk", "5\r\nab"),
    _chunks("no last chunk", "5\r\nabcde\r\n"),
    _chunks("a trailer that is a length", "5\r\nabcde\r\n0\r\nContent-Length: 5\r\n\r\n"),
    _chunks("a chunk of 0x5 in a form", "0x5\r\nabcde\r\n0\r\n\r\n", "/login", _FORM),
    _chunks("half a chunk in a form", "5\r\nab", "/login", _FORM),
]


def send(sock: socket.socket, form: Form, token: str) -> None:
    """Send a form, with `token` in it."""
    with suppress(ConnectionError, ssl.SSLError):  # refused before it was all sent
        sock.sendall(form.data.replace(b"TOKEN", token.encode()))
    if form.is_half_closed and not isinstance(sock, ssl.SSLSocket):
        with suppress(OSError):  # it has been ended already
            sock.shutdown(socket.SHUT_WR)


def answers(sock: socket.socket) -> list[int]:
    """Return the statuses of all answers up to the end of the connection; raise TimeoutError if it does not end."""
    data = b""
    with suppress(ConnectionError, ssl.SSLError):
        while more := sock.recv(64 * 1024):
            data += more
    return [int(status) for status in re.findall(rb"^HTTP/1\.[01] (\d{3})", data, re.MULTILINE)]


def drip(sock: socket.socket, piece: bytes = b"a") -> None:
    """Send a piece five times a second until the server ends the connection."""
    with suppress(OSError):
        while not PACE.wait(0.2):
            sock.send(piece)
