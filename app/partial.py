"""An upload that is not whole yet: how it is, and writing to it."""

import hashlib
import os
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any, BinaryIO

from .blocking import run_blocking
from .durable import write_durably
from .errors import ChecksumMismatch, Locked, TooLarge
from .spool import on_our_disk

BYTES, UNVERIFIED, WANTED = "bytes", "unverified", "wanted"
WATCH_S = 0.2  # how soon who writes sees that another wants the upload

Checksum = tuple[str, bytes]  # the name of an algorithm of hashlib, and the digest


@dataclass(frozen=True, slots=True)
class Partial:
    """One upload as it is on the disk. `length` and `offset` in bytes; `metadata` as the client sent it.

    Once it is settled it has the `key` of the upload that it became, and which `copy` of it, or `refusal`: code and
    message of the error.
    """

    id: str
    token_id: int
    length: int
    metadata: str
    offset: int
    touched_at: datetime  # UTC, when its last byte came
    key: str | None = None
    copy: int = 1
    refusal: tuple[str, str] | None = None

    @property
    def is_whole(self) -> bool:
        """Whether all of its bytes have come."""
        return self.offset == self.length

    @property
    def is_settled(self) -> bool:
        """Whether it has become an upload, or was refused; there are no bytes then."""
        return self.key is not None or self.refusal is not None


class Held:
    """The upload in the folder `path`, locked by the caller; `partial` is how it is."""

    def __init__(self, path: Path, partial: Partial) -> None:
        self.partial = partial
        self._path = path
        self._is_wanted = False

    def append(self, pieces: Iterable[bytes], *, checksum: Checksum | None, stop: Callable[[], None]) -> None:
        """Append what comes, as far as it comes. On return, and after any error, all that counts is on the disk.

        `stop` is called, in another thread, when another request wants the upload: `pieces` then has to end.
        Raises Locked then, TooLarge if more comes than the upload's length, ChecksumMismatch; after the last two the
        upload is as it was before. With a `checksum` that holds for Locked too, and for whatever `pieces` raises.
        """
        start, digest = self.partial.offset, hashlib.new(checksum[0], usedforsecurity=False) if checksum else None
        if checksum:
            with on_our_disk():
                run_blocking(write_durably, self._path / UNVERIFIED, str(start))
        is_good = False
        try:
            self._write(pieces, digest, stop)
            if digest and checksum and digest.digest() != checksum[1]:
                raise ChecksumMismatch(f"the body does not have the {checksum[0]} that Upload-Checksum says")
            is_good = True
        except TooLarge:
            self._take_back(start)
            raise
        finally:
            if checksum and not is_good:
                self._take_back(start)
            self.sync()
            (self._path / UNVERIFIED).unlink(missing_ok=True)
            self.partial = replace(self.partial, offset=(self._path / BYTES).stat().st_size)

    def recover(self) -> bool:
        """Take back what a writer that died had not confirmed by its checksum; return whether there was any."""
        try:
            start = int((self._path / UNVERIFIED).read_text())
        except FileNotFoundError:
            return False
        self._take_back(start)
        (self._path / UNVERIFIED).unlink()
        return True

    def sync(self) -> None:
        """Return when what came is on the disk, whatever happens to its power."""
        with on_our_disk(), self.open() as file:
            run_blocking(os.fdatasync, file.fileno())

    def open(self) -> BinaryIO:
        """Return the bytes that came, to be read."""
        return (self._path / BYTES).open("rb")

    def _write(self, pieces: Iterable[bytes], digest: Any, stop: Callable[[], None]) -> None:
        left = self.partial.length - self.partial.offset
        with on_our_disk(), (self._path / BYTES).open("ab", buffering=0) as file, self._watched(stop):
            for piece in pieces:
                left -= len(piece)
                if left < 0:
                    raise TooLarge(f"the body goes past the {self.partial.length:,} bytes of Upload-Length")
                run_blocking(_add, file, piece, digest)
                if self._is_wanted:
                    break
        if self._is_wanted:
            raise Locked("another request has taken this upload over; ask it for its offset")

    @contextmanager
    def _watched(self, stop: Callable[[], None]) -> Iterator[None]:
        over = threading.Event()

        def watch() -> None:
            while not over.wait(WATCH_S):
                if (self._path / WANTED).exists():
                    self._is_wanted = True
                    return stop()

        thread = threading.Thread(target=watch, daemon=True)
        thread.start()
        try:
            yield
        finally:
            over.set()
            thread.join()

    def _take_back(self, start: int) -> None:
        with suppress(FileNotFoundError):
            os.truncate(self._path / BYTES, start)


def _add(file: Any, piece: bytes, digest: Any) -> None:
    view = memoryview(piece)
    while view:
        view = view[file.write(view) :]
    if digest:
        digest.update(piece)
