"""The pace of a client: its connection ends when the server has waited for it too long."""

import fcntl
import socket
import struct
import termios
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from errno import ECONNRESET
from typing import TYPE_CHECKING, Any

import gevent
from gunicorn.http.errors import LimitRequestHeaders

if TYPE_CHECKING:
    from .client_bounds import ClientBounds

TURN_S = 0.02  # a client that always has bytes would keep all others of its process from their turn
UNSENT_BYTES = 128 * 1024  # of an answer, in the kernel: for a client that reads nothing it would hold megabytes
_AT_ONCE_S = 0.001
_RESET = struct.pack("ii", 1, 0)


class TooLongHeader(Exception):
    """The head of a request did not come in time."""


class PacedSocket:
    """A client's connection that ends with TimeoutError when the client is slower than `bounds`, TooLongHeader when it
    is so with a head. gunicorn itself has no limit for a body or an answer (as of 27.0).

    `is_idle` until a request has come, and again after it, since `idle_since`; `waiting_since` is when the server began
    to wait for the client, None while it does not (both monotonic).
    """

    def __init__(self, sock: Any, bounds: "ClientBounds") -> None:
        self._sock, self._bounds = sock, bounds
        self.is_idle, self.waiting_since = True, None
        self.head_bytes, self.idle_since = 0, time.monotonic()
        self._head_until = time.monotonic() + bounds.header_timeout
        self._is_ended = False
        self._turn_began = time.monotonic()
        self._sent = 0
        self.begin()
        self.is_idle = True
        with suppress(OSError, AttributeError):  # no TCP, or not Linux
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NOTSENT_LOWAT, UNSENT_BYTES)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._sock, name)

    def begin(self) -> None:
        """Hold the client from here on to the pace of a body, and of an answer."""
        self.is_idle = False
        self._left_s = float(self._bounds.request_timeout)
        self._body = _Window(self._bounds.body_timeout, self._bounds.min_rate)
        self._answer = _Window(self._bounds.send_timeout, self._bounds.min_rate)
        self._taken = self._sent - self._unsent()

    def await_next(self) -> None:
        """Wait for a next request from here on."""
        self.is_idle, self.head_bytes, self.idle_since = True, 0, time.monotonic()
        self._head_until = self.idle_since + self._bounds.keepalive_timeout

    def bound(self, left_s: float) -> None:
        """Wait at most `left_s` seconds more for the client, until the next request."""
        self._left_s = min(self._left_s, left_s)

    def recv(self, size: int, flags: int = 0) -> bytes:
        """Receive up to `size` bytes; raise TimeoutError, TooLongHeader or (of a head of too many bytes)
        LimitRequestHeaders if the client is beyond its bounds."""
        try:
            with self._waiting(self._head_until - time.monotonic() if self.is_idle else self._body.left_s, self._body):
                data: bytes = self._sock.recv(size, flags)
        except TimeoutError:
            if self.is_idle:
                raise TooLongHeader from None
            raise
        except OSError as e:
            if self._is_ended:
                return b""  # gevent wakes with an error whoever waits on a socket that `end` shuts down
            raise _ended(e) from e
        self._body.count(len(data))
        if self.is_idle and data:
            self._count_head(len(data))
        return data

    def sendall(self, data: bytes, flags: int = 0) -> None:
        """Send all of `data`; raise TimeoutError if the client does not take it fast enough."""
        rest = memoryview(data)
        while rest:
            count = 0
            try:
                with self._waiting(self._answer.left_s, self._answer):
                    count = self._sock.send(rest, flags)
            except TimeoutError:
                if self._left_s <= 0:
                    raise
            except OSError as e:
                raise _ended(e) from e
            self._sent += count
            rest = rest[count:]
            if self._answer.left_s <= 0:
                # What the kernel took is not what the client did: that is known only where one had to wait.
                taken = self._sent - self._unsent()
                self._answer.count(taken - self._taken)
                self._taken = taken
                if self._answer.left_s <= 0:
                    raise TimeoutError("the client does not read its answer")

    def end(self) -> None:
        """Shut the connection down; whoever waits for bytes of it sees the end of them, and no error."""
        self._is_ended = True
        with suppress(OSError):
            self._sock.shutdown(socket.SHUT_RDWR)

    def reset(self) -> None:
        """End it, and let the kernel keep nothing of it either."""
        self._is_ended = True
        reset(self._sock)

    def _count_head(self, count: int) -> None:
        if not self.head_bytes:
            self._head_until = time.monotonic() + self._bounds.header_timeout
        self.head_bytes += count
        if self.head_bytes > self._bounds.max_header_bytes:
            raise LimitRequestHeaders("the head has too many bytes")

    def _unsent(self) -> int:
        """Return how many bytes the kernel holds that the client has not acknowledged."""
        try:
            return int(struct.unpack("i", fcntl.ioctl(self._sock.fileno(), termios.TIOCOUTQ, b"\0" * 4))[0])
        except OSError:
            return 0

    @contextmanager
    def _waiting(self, most_s: float, window: "_Window") -> Iterator[None]:
        """Let the block wait for the client, and count for how long it does; first let others have their turn."""
        started = time.monotonic()
        if started - self._turn_began > TURN_S:
            gevent.sleep(0)
            started = self._turn_began = time.monotonic()
        self._sock.settimeout(max(_AT_ONCE_S, most_s if self.is_idle else min(most_s, self._left_s)))
        self.waiting_since = started
        try:
            yield
        finally:
            self.waiting_since = None
            waited_s = time.monotonic() - started
            window.left_s -= waited_s
            self._left_s -= waited_s


def reset(sock: Any) -> None:
    """Shut a connection down so that it ends with a reset: nothing that was not read yet waits for the client, and who
    waits for room to send on learns of the end at once, not after a minute (tcp_fin_timeout)."""
    with suppress(OSError):  # the client may have been faster
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
        sock.shutdown(socket.SHUT_RDWR)


class _Window:
    """A span of waiting in which `rate` bytes a second have to pass; with them a new one begins."""

    def __init__(self, length_s: float, rate: int) -> None:
        self._length_s, self._bytes = length_s, rate * length_s
        self.restart()

    def restart(self) -> None:
        self.left_s, self._missing = self._length_s, self._bytes

    def count(self, passed: int) -> None:
        self._missing -= passed
        if self._missing <= 0:
            self.restart()


def _ended(error: OSError) -> ConnectionResetError:
    """Return one error for all the ways in which a connection breaks: gunicorn logs the trace of most."""
    return ConnectionResetError(ECONNRESET, f"the connection broke: {error.strerror or error}")
