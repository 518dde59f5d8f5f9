"""Images that were just stored and wait for their thumbnail, so that the bucket need not be asked for them again."""

import hashlib
import os
import shutil
import time
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO

from .blocking import run_blocking
from .keys import is_key

KEEP_S = 15 * 60  # what is not drawn by then is fetched from the bucket: class B
SWEEP_S = 60  # a server without a worker beside it sweeps for itself
MOST_BYTES = 32 * 1024 * 1024  # of one image
FREE_BYTES = 1024 * 1024 * 1024  # the disk is for uploads first
_COPY_BYTES = 256 * 1024


class Undrawn:
    """Copies of images in one folder, by key. Whatever fails here costs a download, and nothing else."""

    def __init__(self, data_dir: Path) -> None:
        self._folder = data_dir / "spool" / "undrawn"
        self._folder.mkdir(parents=True, exist_ok=True)
        self._swept_at = time.monotonic()

    def keep(self, key: str, file: BinaryIO) -> None:
        """Copy `file`, from its first byte to its last; one that is large, or on a disk that is nearly full, is not."""
        if time.monotonic() - self._swept_at >= SWEEP_S:
            self.sweep()
        path = self._path(key)
        _remove(path)  # of another image, which this one takes the place of; somebody may be reading it
        try:
            disk = os.statvfs(self._folder)
            if (size := file.seek(0, os.SEEK_END)) > MOST_BYTES or disk.f_bavail * disk.f_frsize < FREE_BYTES:
                return
            if size > _COPY_BYTES:
                run_blocking(_copy, file, path)
            else:
                _copy(file, path)
        except OSError:  # such as a full disk
            _remove(path)

    def take(self, key: str, into: BinaryIO, size: int) -> bool:
        """Write the copy to `into`, and return whether there was one, of `size` bytes: a crash may have left a part of
        one; `into` is empty if not."""
        try:
            with self._path(key).open("rb") as file:
                shutil.copyfileobj(file, into, _COPY_BYTES)
            is_whole = into.tell() == size
        except OSError:
            is_whole = False
        if not is_whole:
            into.seek(0)
            into.truncate()
        return is_whole

    def drop(self, key: str) -> None:
        """Forget the copy; none is no error."""
        _remove(self._path(key))

    def sweep(self) -> None:
        """Forget what is older than KEEP_S."""
        self._swept_at = time.monotonic()
        oldest = time.time() - KEEP_S
        with suppress(OSError):
            for path in list(self._folder.iterdir()):
                with suppress(OSError):  # another process may have been faster
                    if path.stat().st_mtime < oldest:
                        path.unlink()

    def _path(self, key: str) -> Path:
        """Return where the copy is; the names that others give to objects are no names of files."""
        return self._folder / (key if is_key(key) else hashlib.sha256(key.encode()).hexdigest())


def _copy(file: BinaryIO, path: Path) -> None:
    """Copy all of `file`; the kernel's own calls, for making a file is what costs most of it."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    try:
        file.seek(0)
        while block := file.read(_COPY_BYTES):
            os.write(descriptor, block)
    finally:
        os.close(descriptor)


def _remove(path: Path) -> None:
    with suppress(OSError):
        path.unlink()
