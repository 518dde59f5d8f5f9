"""Requests byte for byte as ShareX shapes them, in both of its generations, and the reading of what comes back.

Source: ShareX 19.0.2, BaseUploaders/Uploader.cs and Helpers/RequestHelpers.cs; .NET 9 and .NET Framework 4.8
HttpWebRequest.
"""

import re
import socket
import time
from urllib.parse import urlsplit

from .syntax import Response

PIECE_BYTES = 32 * 1024  # ShareX's BufferSizePower of 5
NET9, NET48 = "net9", "net48"  # 18.0 and newer; 12.4 to 17.1
AGENTS = {NET9: "ShareX/19.0.2", NET48: "ShareX/17.1.0"}

# ShareX's own table has 982; what is not in it (avif, heic, jxl, none) is taken from the PC's registry, or is octets.
TYPES = {
    "png": "image/png",
    "jpg": "image/jpeg",
    "jpeg": "image/jpeg",
    "jpe": "image/jpeg",
    "gif": "image/gif",
    "bmp": "image/bmp",
    "tif": "image/tiff",
    "tiff": "image/tiff",
    "webp": "image/webp",
    "apng": "image/apng",
    "ico": "image/x-icon",
    "svg": "image/svg+xml",
    "mp4": "video/mp4",
    "webm": "video/webm",
    "mov": "video/quicktime",
    "txt": "text/plain",
    "log": "text/plain",
    "html": "text/html",
}
_TICKS_OF_1970 = 621_355_968_000_000_000  # of 100 ns, since the year 1
_BIDI = re.compile("[\u200e\u200f\u202a-\u202e]")


def boundary() -> str:
    """Return twenty dashes and the time in ticks, in hex."""
    return "-" * 20 + f"{time.time_ns() // 100 + _TICKS_OF_1970:x}"


def type_of(file_name: str) -> str:
    """Return MimeTypes.GetMimeTypeFromFileName."""
    return TYPES.get(file_name.rpartition(".")[2].lower(), "application/octet-stream")


def part_head(edge: str, name: str, file_name: str) -> bytes:
    """Return the head of the file's part: the names raw, in UTF-8, with nothing quoted or escaped in them."""
    disposition = f'Content-Disposition: form-data; name="{name}"; filename="{file_name}"'
    return f"--{edge}\r\n{disposition}\r\nContent-Type: {type_of(file_name)}\r\n\r\n".encode()


def multipart(edge: str, arguments: dict[str, str], head: bytes, data: bytes) -> bytes:
    """Return the body: the arguments first, then the file."""
    parts = [
        f'--{edge}\r\nContent-Disposition: form-data; name="{key}"\r\n\r\n{value}\r\n'.encode()
        for key, value in arguments.items()
        if key
    ]
    return b"".join([*parts, head, data, f"\r\n--{edge}--\r\n".encode()])


def file_body(name: str, file_name: str, data: bytes, arguments: dict[str, str]) -> tuple[str, bytes]:
    """Return the Content-Type and the body of a file's upload."""
    edge = boundary()
    head = part_head(edge, name, _BIDI.sub("", file_name))
    return f"multipart/form-data; boundary={edge}", multipart(edge, arguments, head, data)


def head(
    generation: str, method: str, url: str, headers: dict[str, str], content_type: str | None, length: int
) -> bytes:
    """Return a request's head. Only custom headers bring Accept, Referer and Cookie; a custom Content-Type replaces
    ours, boundary and all."""
    at, rest = urlsplit(url), dict(headers)
    special = {name.lower(): rest.pop(name) for name in list(rest) if name.lower() in _SPECIAL}
    content_type = special.get("content-type", content_type)
    agent = special.get("user-agent", AGENTS[generation])
    target = (at.path or "/") + (f"?{at.query}" if at.query else "")
    known = [("Accept", special.get("accept")), ("Referer", special.get("referer"))]
    cookie = [("Cookie", special["cookie"])] if special.get("cookie") else []
    kind, size = [("Content-Type", content_type)], [("Content-Length", str(length))]
    if not length and method not in ("POST", "PUT", "PATCH"):
        size = []
    keep = [("Connection", "Keep-Alive" if length else "close")]
    if generation == NET9:
        lines = [("Host", at.netloc), *rest.items(), *known, ("User-Agent", agent), *keep, *cookie, *kind, *size]
    else:
        first = [*rest.items(), known[0], *kind, known[1], ("User-Agent", agent)]
        lines = [*first, ("Host", at.netloc), *cookie, *size, *keep]
    told = [f"{name}: {value}" for name, value in lines if value is not None]
    return "\r\n".join([f"{method} {target} HTTP/1.1", *told, "", ""]).encode()


_SPECIAL = ("accept", "content-type", "cookie", "referer", "user-agent")


def connect(url: str) -> socket.socket:
    """Open a connection to the host of `url`; an upload has no time limit in ShareX, here it has a long one."""
    at = urlsplit(url)
    sock = socket.create_connection((at.hostname, at.port or 80), timeout=60)
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return sock


def exchange(sock: socket.socket, head: bytes, body: bytes, url: str = "") -> Response:
    """Send the head, then the whole body in pieces, and only then read; raise OSError where no answer comes.

    Only where a custom header asks for it, the body waits for the server's 100 Continue.
    """
    sock.sendall(head)
    raw, rest = _read_head(sock, b"") if b"\r\nexpect: 100-continue" in head.lower() else (b"HTTP/1.1 100", b"")
    if raw.split()[1] == b"100":
        for start in range(0, len(body), PIECE_BYTES):
            sock.sendall(body[start : start + PIECE_BYTES])
        raw, rest = _read_head(sock, rest)
    lines = raw.decode("latin-1").split("\r\n")
    headers: dict[str, str] = {}
    for name, _, value in (line.partition(":") for line in lines[1:]):
        headers[name.lower()] = ", ".join(filter(None, [headers.get(name.lower()), value.strip()]))
    length = 0 if head.startswith(b"HEAD ") else int(headers.get("content-length", 0))
    while len(rest) < length:
        rest += _more(sock)
    return Response(int(lines[0].split()[1]), headers, rest.decode("utf-8-sig", "replace"), url)


def _read_head(sock: socket.socket, data: bytes) -> tuple[bytes, bytes]:
    while b"\r\n\r\n" not in data:
        data += _more(sock)
    raw, _, rest = data.partition(b"\r\n\r\n")
    return raw, rest


def _more(sock: socket.socket) -> bytes:
    if not (data := sock.recv(65536)):
        raise ConnectionError("the connection ended without a whole answer")
    return data
