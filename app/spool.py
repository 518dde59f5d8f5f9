"""What is put aside on the server's own disk for a moment: it has no name, so no crash leaves any of it behind."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryFile
from typing import BinaryIO, cast

from .errors import StoreFull


@contextmanager
def on_our_disk() -> Iterator[None]:
    """Turn what the disk refuses to the spool into ours: it must not end the worker."""
    try:
        yield
    except OSError as e:
        raise StoreFull("the server's disk does not take what is spooled") from e


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
