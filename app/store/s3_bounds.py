"""How long an S3 endpoint may take over an answer, and how large one may be that is no object."""

import io
import socket
import time
from http.client import HTTPResponse
from typing import Any, cast

from botocore.awsrequest import (
    AWSHTTPConnection,
    AWSHTTPConnectionPool,
    AWSHTTPSConnection,
    AWSHTTPSConnectionPool,
)

LEAST_RATE = 16 * 1024  # bytes of a body that give the endpoint another second
MOST_BYTES = 16 * 1024 * 1024  # a list of a thousand names, of 1,024 bytes each and escaped, has less


class Until(io.RawIOBase):
    """What comes from a socket within so many seconds in all: an endpoint may let its answer drip."""

    def __init__(self, sock: socket.socket, seconds: float) -> None:
        self._sock, self._ends_at = sock, time.monotonic() + seconds
        # Not the socket itself: this keeps it open for the answer, also after its connection was closed.
        self._raw = sock.makefile("rb", buffering=0)
        self._is_body, self._most_bytes, self._seen = False, 0, 0

    def makefile(self, _mode: str) -> io.BufferedReader:
        """Return what http.client reads an answer from."""
        return io.BufferedReader(self)

    def begin_body(self, most_bytes: int) -> None:
        """Let LEAST_RATE more bytes give another second; after `most_bytes`, if it is not 0, no more is read."""
        self._is_body, self._most_bytes = True, most_bytes

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:
        left_s = self._ends_at + self._seen / LEAST_RATE - time.monotonic()
        if left_s <= 0:
            raise TimeoutError("the answer did not come in time")
        self._sock.settimeout(left_s)
        count = self._raw.readinto(buffer)
        if self._is_body:
            self._seen += count or 0
            if 0 < self._most_bytes < self._seen:
                raise OSError(f"the answer has more than {self._most_bytes:,} bytes")
        return count

    def close(self) -> None:
        self._raw.close()
        super().close()


class BoundedResponse(HTTPResponse):
    """An answer whose head comes within the timeout of its socket, and whose body comes at LEAST_RATE after that; what
    is no object has MOST_BYTES at most."""

    def __init__(self, sock: socket.socket, *arguments: Any, **named: Any) -> None:
        self._until = Until(sock, sock.gettimeout() or 0.0)
        super().__init__(cast(socket.socket, self._until), *arguments, **named)

    def begin(self) -> None:
        """Read the head."""
        super().begin()
        is_object = self.status // 100 == 2 and self.length is not None and "etag" in self.headers
        self._until.begin_body(0 if is_object else MOST_BYTES)


class _Connection(AWSHTTPConnection):
    response_class = BoundedResponse


class _SecureConnection(AWSHTTPSConnection):
    response_class = BoundedResponse


class _Pool(AWSHTTPConnectionPool):
    ConnectionCls = _Connection


class _SecurePool(AWSHTTPSConnectionPool):
    ConnectionCls = _SecureConnection


def bind(client: Any) -> None:
    """Hold every answer that `client`, one of boto3's, reads from here on to these bounds: its own timeout begins anew
    with each byte that comes, and it has no setting for a whole answer's."""
    client._endpoint.http_session._pool_classes_by_scheme.update(http=_Pool, https=_SecurePool)
