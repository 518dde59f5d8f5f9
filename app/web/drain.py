"""A refusal reaches the client: what is left of a body is read after the answer was sent, before the connection ends.

ShareX sends its whole body before it reads a byte, and a server that closes with unread data resets the connection:
the client then never sees the answer. Other clients read while they send, and stop. So the answer goes out first, and
the rest is read after it, which serves both.
"""

import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any

from gunicorn.http.errors import ParseException

from ..client_bounds import ClientBounds
from ..errors import BadChunk, IncompleteBody, TooSlow
from ..pacing import PacedSocket, reset

_STEP_BYTES = 256 * 1024

Wsgi = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]


class Drain:
    """WSGI middleware: a body whose errors are ours (BadChunk, TooSlow, IncompleteBody), whoever reads it, and of which
    at most `bounds.drain_bytes` are read after an answer, for at most `bounds.drain_timeout` seconds."""

    def __init__(self, app: Wsgi, bounds: ClientBounds) -> None:
        self._app = app
        self._bounds = bounds

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        if not _has_body(environ):
            return self._app(environ, start_response)
        body = environ["wsgi.input"] = _Counted(
            environ["wsgi.input"], environ.get("CONTENT_LENGTH"), self._bounds.min_rate
        )
        answer = self._app(environ, start_response)
        return answer if body.is_over else _Lingering(answer, body, environ, self._bounds)


def _has_body(environ: dict[str, Any]) -> bool:
    return environ.get("CONTENT_LENGTH", "0") not in ("", "0") or "HTTP_TRANSFER_ENCODING" in environ


class _Counted:
    """The body, and whether it was read to its end."""

    def __init__(self, stream: Any, length: str | None, min_rate: int) -> None:
        self._stream = stream
        self._left = int(length) if length and length.isdigit() else None
        self._min_rate = min_rate
        self._bytes = 0
        self.is_over = False

    def read(self, size: int = -1) -> bytes:
        with self._our_errors():
            return self._count(self._stream.read(size))

    def readline(self, size: int = -1) -> bytes:
        with self._our_errors():
            return self._count(self._stream.readline(size))

    def readlines(self, hint: int = -1) -> list[bytes]:
        with self._our_errors():
            return [self._count(line) for line in self._stream.readlines(hint)]

    def __iter__(self) -> Iterator[bytes]:
        return iter(self.readline, b"")

    @contextmanager
    def _our_errors(self) -> Iterator[None]:
        try:
            yield
        except TimeoutError as e:
            raise TooSlow(f"the body came too slowly; at least {self._min_rate:,} bytes a second are needed") from e
        except ParseException as e:
            raise BadChunk("the chunked body is malformed") from e
        except OSError as e:  # the connection broke, or ended within a chunk
            raise IncompleteBody(f"the body broke off after {self._bytes:,} bytes") from e

    def _count(self, data: bytes) -> bytes:
        self._bytes += len(data)
        if self._left is not None:
            self._left -= len(data)
        # One of known length that ends before is not over: what still came would be taken for the next request.
        self.is_over = not data if self._left is None else self._left <= 0
        return data


class _Lingering:
    """An answer that, once sent, reads the rest of the request."""

    def __init__(self, answer: Iterable[bytes], body: _Counted, environ: dict[str, Any], bounds: ClientBounds) -> None:
        self._answer = answer
        self._body = body
        self._socket = environ.get("gunicorn.socket")
        self._bounds = bounds

    def __iter__(self) -> Iterator[bytes]:
        return iter(self._answer)

    def close(self) -> None:
        if close := getattr(self._answer, "close", None):
            close()
        if not self._read_rest() and self._socket is not None:
            reset(self._socket)  # nothing more is taken: the next request cannot be found

    def _read_rest(self) -> bool:
        """Return whether the body was read to its end within the bounds."""
        count, end = 0, time.monotonic() + self._bounds.drain_timeout
        if isinstance(self._socket, PacedSocket):
            self._socket.bound(self._bounds.drain_timeout)  # one step of a slow client would take minutes
        try:
            while not self._body.is_over and count < self._bounds.drain_bytes and time.monotonic() < end:
                if not (data := self._body.read(_STEP_BYTES)):
                    break
                count += len(data)
        except Exception:  # noqa: BLE001 the answer is out; a body that breaks off now is nobody's loss
            return False
        return self._body.is_over
