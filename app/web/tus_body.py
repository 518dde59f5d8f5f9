"""The body of a tus request: read piece by piece, and as far as it came where it breaks off."""

import socket
from collections.abc import Iterator, Mapping
from contextlib import suppress
from typing import Any

from ..errors import BadChunk, BadRequest, IncompleteBody, TooSlow

_PIECE_BYTES = 256 * 1024


class Arriving:
    """A body. `length` is what it promises, in bytes; None for a chunked one. Once it was read, `is_cut` tells whether
    it broke off before it was whole."""

    def __init__(self, environ: Mapping[str, Any]) -> None:
        """Raise BadRequest for a length that is no number, BadChunk for another transfer coding."""
        self._stream = environ["wsgi.input"]
        self._socket = environ.get("gunicorn.socket")
        self.length = _length(environ)
        self.is_cut = False

    def __iter__(self) -> Iterator[bytes]:
        """Yield the pieces, those too that had come before the connection broke, or brought less than 1 KiB a second;
        raise BadChunk where the framing of a chunked body is broken."""
        count = 0
        while not self.is_cut and (self.length is None or count < self.length):
            most = _PIECE_BYTES if self.length is None else min(_PIECE_BYTES, self.length - count)
            try:
                piece = self._stream.read(most)
            except (IncompleteBody, TooSlow):
                self.stop()
                piece = self._rest(most)
            self.is_cut = self.is_cut or (not piece and self.length is not None)
            if not piece:
                return
            count += len(piece)
            yield piece

    def stop(self) -> None:
        """End the body here: whoever waits for its next bytes waits no longer."""
        self.is_cut = True
        if self._socket is not None:
            with suppress(OSError):  # it may be gone
                self._socket.shutdown(socket.SHUT_RD)  # an answer can still be sent

    def _rest(self, most: int) -> bytes:
        """Return what the server had read of the connection before it broke."""
        try:
            return bytes(self._stream.read(most))
        except (BadChunk, IncompleteBody, TooSlow):
            return b""


def _length(environ: Mapping[str, Any]) -> int | None:
    if coding := environ.get("HTTP_TRANSFER_ENCODING"):
        if coding.strip().lower() != "chunked":
            raise BadChunk(f"the transfer coding {coding[:40]!r} is not taken; send Content-Length")
        return None
    text = environ.get("CONTENT_LENGTH") or "0"
    if not text.isascii() or not text.isdigit():
        raise BadRequest(f"the Content-Length {text[:40]!r} is not a number")
    return int(text)
