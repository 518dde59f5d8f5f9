"""Images as one ZIP file, which is made while it is sent: one image at a time is on the disk, none in memory."""

import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from tempfile import SpooledTemporaryFile
from typing import BinaryIO, cast
from zipfile import ZIP_STORED, ZipFile, ZipInfo

from .catalog.records import Upload
from .errors import StoreFull
from .images import EXTENSIONS
from .store.base import ObjectStore

MISSING = "MISSING.txt"  # names what could not be put in
_MAX_STEM = 100  # characters: with an ending and a number it fits every file system
_CHUNK_BYTES = 256 * 1024
_SPOOL_BYTES = 1024 * 1024
_MODE = 0o644 << 16  # where Unix keeps it
# What a Windows file name may not have; what else cannot be seen is no part of a name.
_FORBIDDEN = re.compile(r'[\x00-\x1f\x7f-\x9f<>:"/\\|?*\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff\ud800-\udfff]+')
_DEVICES = re.compile(r"(?:con|prn|aux|nul|com\d|lpt\d)(?:\..*)?", re.IGNORECASE)


def stream(store: ObjectStore, uploads: Iterable[Upload], *, spool_dir: Path) -> Iterator[bytes]:
    """Yield a ZIP file of the images as they are stored, each under a name of its own that can be read.

    What the store no longer has is named in MISSING. Each image costs a class B transaction in the cloud. Raises
    Unavailable where the store, or the disk, fails: what was yielded by then is no whole file.
    """
    sink, missing = _Sink(), []
    with ZipFile(cast(BinaryIO, sink), "w", ZIP_STORED) as archive:
        for upload, name in named(uploads):
            with SpooledTemporaryFile(_SPOOL_BYTES, dir=spool_dir) as image:
                if not _fetch(store, upload, cast(BinaryIO, image)):
                    missing.append(name)
                    continue
                with archive.open(_entry(upload, name), "w") as member:
                    while chunk := image.read(_CHUNK_BYTES):
                        member.write(chunk)
                        yield sink.take()
        if missing:
            archive.writestr(MISSING, "".join(f"{name} is no longer stored\n" for name in missing))
    yield sink.take()


def named(uploads: Iterable[Upload]) -> Iterator[tuple[Upload, str]]:
    """Yield each upload with the name of its file: that of its title, of the file that was sent, or of its key."""
    taken = {MISSING.lower()}
    for upload in uploads:
        stem = _stem(upload)
        ending = EXTENSIONS.get(upload.content_type) or upload.key.rpartition(".")[2]
        name, number = f"{stem}.{ending}", 1
        while name.lower() in taken:  # some file systems know no capital letters
            number += 1
            name = f"{stem} ({number}).{ending}"
        taken.add(name.lower())
        yield upload, name


def _stem(upload: Upload) -> str:
    sent = (upload.file_name or "").rpartition(".")
    own = upload.key.rpartition("/")[2].rpartition(".")
    for text in (upload.title or "", sent[0] or sent[2], own[0] or own[2]):
        stem = " ".join(_FORBIDDEN.sub(" ", text).split())[:_MAX_STEM].strip(" .")
        if stem:
            return f"_{stem}" if _DEVICES.fullmatch(stem) else stem
    return "image"


def _entry(upload: Upload, name: str) -> ZipInfo:
    entry = ZipInfo(name, upload.created_at.timetuple()[:6])
    entry.file_size = upload.size
    entry.external_attr = _MODE
    return entry


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
