"""Images that were just stored and wait for their thumbnail, so that the bucket need not be asked for them again."""

import hashlib
import os
import secrets
import shutil
import time
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO

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
        temporary = self._folder / f"~{secrets.token_hex(8)}"
        try:
            is_large = file.seek(0, os.SEEK_END) > MOST_BYTES
            if is_large or shutil.disk_usage(self._folder).free < FREE_BYTES:
                return
            with temporary.open("xb") as copy:
                file.seek(0)
                shutil.copyfileobj(file, copy, _COPY_BYTES)
            temporary.rename(self._path(key))
        except OSError:  # such as a full disk
            _remove(temporary)

    def take(self, key: str, into: BinaryIO) -> bool:
        """Write the copy to `into`, and return whether there was one; `into` is empty if not."""
        try:
            with self._path(key).open("rb") as file:
                shutil.copyfileobj(file, into, _COPY_BYTES)
        except OSError:
            into.seek(0)
            into.truncate()
            return False
        return True

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


def _remove(path: Path) -> None:
    with suppress(OSError):
        path.unlink()
