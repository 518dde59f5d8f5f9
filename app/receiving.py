"""A file as it is received: spooled to disk past 1 MiB, hashed on the way, its name made fit to be shown."""

import hashlib
import re
import unicodedata
from dataclasses import dataclass
from pathlib import Path
from tempfile import SpooledTemporaryFile
from typing import BinaryIO, cast

from .errors import EmptyFile, TooLarge
from .spool import on_our_disk

SPOOL_BYTES = 1024 * 1024

_UNSHOWN = re.compile("[\x00-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff\ud800-\udfff]")


@dataclass(frozen=True, slots=True)
class Received:
    """One file as it was sent. `size` in bytes; `name` is the sender's, for display only.

    A repeat is known by the `mark`, a text that stands for these very bytes and no others. `sha256` is in hex, None
    where nobody has read all of them yet.
    """

    file: BinaryIO
    size: int
    mark: str
    name: str | None = None
    sha256: str | None = None


class Part:
    """A file that is being received."""

    def __init__(self, name: str | None, spool_dir: Path) -> None:
        self.name = clean_name(name)
        self.file = SpooledTemporaryFile(SPOOL_BYTES, dir=spool_dir)  # noqa: SIM115 it outlives this block
        self._sha256 = hashlib.sha256()
        self._size = 0

    def write(self, chunk: bytes | bytearray) -> None:
        """Take the next bytes; they are copied at once."""
        self._sha256.update(chunk)
        self._size += len(chunk)
        self.file.write(chunk)

    def received(self) -> Received:
        """Return the whole file, at its first byte; raise EmptyFile if nothing came."""
        if not self._size:
            raise EmptyFile("the file is empty")
        self.file.seek(0)
        sha256 = self._sha256.hexdigest()
        return Received(cast(BinaryIO, self.file), self._size, sha256, self.name, sha256)


class Sink:
    """Where the bytes of one image go: spooled, hashed, and never more than `max_bytes`."""

    def __init__(self, name: str | None, spool_dir: Path, max_bytes: int) -> None:
        self._name, self._spool_dir, self._max_bytes = name, spool_dir, max_bytes
        self._size = 0
        self._part = Part(name, spool_dir)

    def write(self, chunk: bytes) -> None:
        """Take the next bytes; raise TooLarge as soon as they are too many, StoreFull if our disk is full."""
        self._size += len(chunk)
        if self._size > self._max_bytes:
            raise TooLarge(f"it has more than {self._max_bytes:,} bytes; no more are taken")
        with on_our_disk():
            self._part.write(chunk)

    def restart(self) -> None:
        """Forget what came, for it comes once more."""
        self.close()
        self._size, self._part = 0, Part(self._name, self._spool_dir)

    def received(self) -> Received:
        """Return the whole file; raise EmptyFile if nothing came."""
        return self._part.received()

    def close(self) -> None:
        """Give the spooled bytes back to the disk."""
        self._part.file.close()


def clean_name(name: str | None) -> str | None:
    """Return a sender's file name as it may be shown: no folders, no control or direction characters, 255 at most.

    >>> clean_name("C:\\\\x\\\\a\\x00b\\u202egnp.exe"), clean_name("../"), clean_name(None)
    ('abgnp.exe', None, None)
    """
    if name is None:
        return None
    shown = _UNSHOWN.sub("", re.split(r"[/\\]", name)[-1])
    return unicodedata.normalize("NFC", shown).strip()[:255] or None  # macOS takes letters apart
