"""What is put aside on the server's own disk for a moment: it has no name, so no crash leaves any of it behind."""

import errno
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryFile
from typing import BinaryIO, cast

from .errors import StoreFull, StoreMisconfigured, StoreUnavailable, Unavailable

_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
_FORBIDDEN = (errno.EROFS, errno.EACCES, errno.EPERM)


@contextmanager
def on_our_disk() -> Iterator[None]:
    """Turn what the disk refuses to the spool into ours: it must not end the worker."""
    try:
        yield
    except OSError as e:
        raise meaning(e) from e


def meaning(error: OSError) -> Unavailable:
    """Return our error for what the server's own disk refuses."""
    if error.errno in _FULL:
        return StoreFull("the server's disk is full; nothing was kept")
    if error.errno in _FORBIDDEN:
        return StoreMisconfigured("the server may not write to its data folder")
    return StoreUnavailable("the server's disk does not answer as it should")


@contextmanager
def spooled(data_dir: Path) -> Iterator[BinaryIO]:
    """Yield an empty file, which is gone behind the block; raises StoreFull where the disk does not take it."""
    with on_our_disk(), TemporaryFile(dir=spool_folder(data_dir)) as file:
        yield cast(BinaryIO, file)


def spool_folder(data_dir: Path) -> Path:
    """Return the folder of what is put aside, which is made if there is none."""
    folder = data_dir / "spool"
    folder.mkdir(parents=True, exist_ok=True)
    return folder
