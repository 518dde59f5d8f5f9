"""Bodies that are read while they are sent: a part of a file as it is, or a whole one as multipart/form-data."""

import secrets
from collections.abc import Callable, Mapping

from ..errors import Refused
from .sources import Opened


class Part:
    """The bytes of a file from `start` on, `length` of them.

    `sent` hears how many went out. Before the last of them does, the file must be what it was when it was opened:
    Refused otherwise, and the body stays short, so that no server takes it for whole.
    """

    def __init__(self, opened: Opened, start: int, length: int, sent: Callable[[int], None]) -> None:
        self.length = length
        self._opened, self._left, self._sent = opened, length, sent
        opened.file.seek(start)

    def read(self, amount: int = -1) -> bytes:
        """Return the next bytes, none at the end."""
        try:
            chunk = self._opened.file.read(self._left if amount < 0 else min(amount, self._left))
        except OSError as e:  # else it would be taken for the line's
            raise Refused(f"it can no longer be read: {e.strerror}") from e
        self._left -= len(chunk)
        if not self._left:
            self._opened.check()
        elif not chunk:
            raise Refused("it became shorter while it was sent; nothing of it was kept")
        self._sent(len(chunk))
        return chunk


class Multipart:
    """One file and the fields before it. Source: RFC 7578; names as browsers write them (WHATWG HTML, 4.10.21.8)."""

    def __init__(
        self, fields: Mapping[str, str], name: str, opened: Opened, sent: Callable[[int], None], boundary: str = ""
    ) -> None:
        self._boundary = boundary or secrets.token_hex(24)
        head = "".join(self._head(f'name="{key}"') + f"{value}\r\n" for key, value in fields.items())
        head += self._head(f'name="file"; filename="{_quoted(name)}"', "Content-Type: application/octet-stream\r\n")
        tail = f"\r\n--{self._boundary}--\r\n".encode()
        self._before, self._after = head.encode("utf-8", "replace"), tail
        self._part = Part(opened, 0, opened.size, sent)
        self.length = len(self._before) + opened.size + len(tail)

    @property
    def content_type(self) -> str:
        """What the request's Content-Type has to be."""
        return f"multipart/form-data; boundary={self._boundary}"

    def read(self, amount: int = -1) -> bytes:
        """Return the next bytes, none at the end; the pieces may be shorter than asked for."""
        if head := self._before:
            self._before = b""
            return head
        if chunk := self._part.read(amount):
            return chunk
        tail, self._after = self._after, b""
        return tail

    def _head(self, parameters: str, more: str = "") -> str:
        return f"--{self._boundary}\r\nContent-Disposition: form-data; {parameters}\r\n{more}\r\n"


def _quoted(name: str) -> str:
    return name.replace("\r", "%0D").replace("\n", "%0A").replace('"', "%22")
