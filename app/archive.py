"""Images as one ZIP file, which is made while it is sent: one image at a time is on the disk, none in memory."""

from collections.abc import Iterable, Iterator
from pathlib import Path
from tempfile import SpooledTemporaryFile
from typing import BinaryIO, cast
from zipfile import ZIP_STORED, ZipFile

from .catalog.records import Upload
from .errors import StoreFull
from .export import file_name, zip_entry
from .store.base import ObjectStore

MISSING = "MISSING.txt"  # names what could not be put in
_CHUNK_BYTES = 256 * 1024
_SPOOL_BYTES = 1024 * 1024


def stream(store: ObjectStore, uploads: Iterable[Upload], *, spool_dir: Path) -> Iterator[bytes]:
    """Yield a ZIP file of the images as they are stored, each under the name that an export gives it.

    What the store no longer has is named in MISSING. Each image costs a class B transaction in the cloud. Raises
    Unavailable where the store, or the disk, fails: what was yielded by then is no whole file.
    """
    sink, missing = _Sink(), []
    with ZipFile(cast(BinaryIO, sink), "w", ZIP_STORED) as archive:
        for upload in uploads:
            name = file_name(upload)
            with SpooledTemporaryFile(_SPOOL_BYTES, dir=spool_dir) as image:
                if not _fetch(store, upload, cast(BinaryIO, image)):
                    missing.append(name)
                    continue
                entry = zip_entry(name, upload)
                entry.file_size = upload.size  # decides on the form of one of more than 2 GiB
                with archive.open(entry, "w") as member:
                    while chunk := image.read(_CHUNK_BYTES):
                        member.write(chunk)
                        yield sink.take()
        if missing:
            archive.writestr(MISSING, "".join(f"{name} is no longer stored\n" for name in missing))
    yield sink.take()


def _fetch(store: ObjectStore, upload: Upload, into: BinaryIO) -> bool:
    """Write the image to `into`, and return whether it is there as the catalog knows it."""
    try:
        stored = store.fetch(upload.key, into, max_bytes=upload.size)
        into.seek(0)
    except OSError as e:
        raise StoreFull("the server's disk does not take what is spooled") from e
    return stored is not None and stored.size <= upload.size


class _Sink:
    """A file that can only be written to, so that ZipFile never goes back; `take` empties it."""

    def __init__(self) -> None:
        self._written: list[bytes] = []

    def write(self, data: bytes) -> int:
        self._written.append(bytes(data))
        return len(data)

    def flush(self) -> None:
        """Nothing is held back."""

    def take(self) -> bytes:
        """Return what was written since the last time."""
        data = b"".join(self._written)
        self._written.clear()
        return data
