"""The folder in which the processes of a server count for /metrics: in memory, and gone with the server."""

import fcntl
import os
import shutil
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from tempfile import gettempdir, mkdtemp

_MEMORY = Path("/dev/shm")  # noqa: S108 a folder of our own is made in it
_NAME = "bowerbird-counts-"
_LEFT_S = 3600


def make() -> Path:
    """Return a new folder, and remove those that killed servers have left.

    In memory: counts are written through a map of the file, and on a full disk the kernel kills who does so.
    """
    at = _MEMORY if _MEMORY.is_dir() else Path(gettempdir())
    for path in at.glob(f"{_NAME}*"):
        with suppress(OSError):
            told = path.lstat()
            is_old = time.time() - told.st_mtime > _LEFT_S
            if told.st_uid == os.getuid() and is_old and path.is_dir() and not any(held_slots(path)):
                shutil.rmtree(path)
    return Path(mkdtemp(prefix=_NAME, dir=at))


def held_slots(folder: Path) -> Iterator[tuple[int, str]]:
    """Yield the slots there that living processes hold, in their order, and what each has written of itself."""
    for path in sorted(folder.glob("*.slot")):
        with path.open("rb") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
            except BlockingIOError:
                yield int(path.stem), file.read().decode()
