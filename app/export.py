"""All live uploads written out: each image under a name that people can read, a JSON beside it."""

import hashlib
import re
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import SpooledTemporaryFile
from typing import BinaryIO, Protocol, cast

from . import sidecar
from .catalog import Catalog
from .catalog.records import Upload
from .errors import BadRequest
from .keys import is_key
from .paging import Cursor
from .receiving import SPOOL_BYTES
from .search import Query
from .settings import Settings
from .store.base import ObjectStore
from .uploads import Uploads

_BATCH = 100
_COPY_BYTES = 256 * 1024
_MAX_PART = 100  # bytes of the sender's file name, or of a foreign key: a disk takes names of 255
_UNFIT = re.compile(r'[\x00-\x1f\x7f"*/:<>?\\|]+')  # in no name on Windows either


class Place(Protocol):
    """Where an export goes."""

    def has(self, name: str, row: Upload) -> bool:
        """Whether the bytes of `row` are there under this name."""

    def write(self, name: str, row: Upload, file: BinaryIO | None, told: bytes) -> None:
        """Write an image, unless `file` is None and it is there, and its JSON."""


@dataclass(frozen=True, slots=True)
class Exported:
    """What became of one upload: `why` says what was against it; `is_new` whether it had to be fetched."""

    row: Upload
    is_new: bool = False
    why: str = ""


class Export:
    """Writes uploads out, over one catalog and one store."""

    def __init__(self, settings: Settings, catalog: Catalog, store: ObjectStore, uploads: Uploads) -> None:
        self._settings, self._catalog, self._store, self._uploads = settings, catalog, store, uploads

    def rows(self, query: Query) -> Iterator[Upload]:
        """Yield the live uploads that `query` asks for, each once; those that come meanwhile perhaps."""
        now, after = self._uploads.clock(), None
        while True:
            page = self._catalog.library.page(query, now=now, limit=_BATCH, after=after)
            yield from page.uploads
            if page.next is None:
                return
            after = cast(Cursor, page.next)

    def size(self, query: Query) -> tuple[int, int]:
        """Return how many uploads `query` asks for, and their bytes."""
        sizes = [row.size for row in self.rows(query)]
        return len(sizes), sum(sizes)

    def run(self, query: Query, place: Place) -> Iterator[Exported]:
        """Write what `query` asks for to `place`, and yield what becomes of each.

        What is there already with the right bytes is not fetched: each of the others is a class B transaction. Bytes
        that are not those the catalog knows are not written. Raises Unavailable if the store does not answer.
        """
        for row in self.rows(query):
            name = file_name(row)
            albums = [album.name for album in self._catalog.albums.of(row.key)]
            told = sidecar.dump(sidecar.describe(row, albums, self._settings.public_url))
            if place.has(name, row):
                place.write(name, row, None, told)
                yield Exported(row)
                continue
            with SpooledTemporaryFile(SPOOL_BYTES, dir=self._settings.data_dir / "spool") as spooled:
                file = cast(BinaryIO, spooled)
                why = self._fetch(row, file)
                if not why:
                    place.write(name, row, file, told)
                yield Exported(row, is_new=not why, why=why)

    def _fetch(self, row: Upload, into: BinaryIO) -> str:
        """Fetch the image; return what is wrong with it, nothing if all is well."""
        if self._store.fetch(row.key, into, max_bytes=row.size) is None:
            gone = self._uploads.find(row.key) is None
            return "it was deleted meanwhile" if gone else "its object is not in the store"
        into.seek(0)
        if hashlib.file_digest(into, "sha256").hexdigest() != row.sha256:
            return "its object has other bytes than the catalog knows of"
        into.seek(0)
        return ""


class FolderPlace:
    """A folder: what is written is whole or not there, and an export that was broken off goes on."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        with _ours(folder):
            folder.mkdir(parents=True, exist_ok=True)

    def has(self, name: str, row: Upload) -> bool:
        """See Place.has: size and digest are looked at."""
        path = self._folder / name
        try:
            if path.is_symlink() or path.stat().st_size != row.size:
                return False
            with path.open("rb") as file:
                return hashlib.file_digest(file, "sha256").hexdigest() == row.sha256
        except OSError:
            return False

    def write(self, name: str, row: Upload, file: BinaryIO | None, told: bytes) -> None:
        """See Place.write."""
        if file is not None:
            with self._whole(name) as target:
                _copy(file, target)
        with self._whole(name + sidecar.ENDING) as target:
            target.write(told)

    @contextmanager
    def _whole(self, name: str) -> Iterator[BinaryIO]:
        temporary = self._folder / f".{hashlib.sha256(name.encode()).hexdigest()[:16]}.part"
        with _ours(self._folder / name):
            with temporary.open("wb") as file:
                yield file
            temporary.replace(self._folder / name)


class ZipPlace:
    """A zip file, of any size; it is there once the export has come to its end."""

    def __init__(self, archive: zipfile.ZipFile) -> None:
        self._archive = archive

    def has(self, name: str, row: Upload) -> bool:
        """See Place.has: never, for each export is a new file."""
        return False

    def write(self, name: str, row: Upload, file: BinaryIO | None, told: bytes) -> None:
        """See Place.write."""
        if file is not None:
            with self._archive.open(zip_entry(name, row), "w", force_zip64=True) as target:
                _copy(file, cast(BinaryIO, target))
        self._archive.writestr(zip_entry(name + sidecar.ENDING, row), told)


@contextmanager
def open_zip(path: Path) -> Iterator[ZipPlace]:
    """Yield a zip file to export to; raise BadRequest if there is one, or if it cannot be written."""
    if path.exists():
        raise BadRequest(f"{path} is there already")
    temporary = path.with_name(path.name + ".part")
    try:
        with _ours(path), zipfile.ZipFile(temporary, "w", zipfile.ZIP_STORED, allowZip64=True) as archive:
            yield ZipPlace(archive)
        with _ours(path):
            temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def file_name(row: Upload) -> str:
    """Return a readable name for an image, the same each time and no other's: date, the sender's name, key.

    >>> from datetime import UTC, datetime
    >>> known = {"content_type": "image/png", "size": 1, "width": 1, "height": 1, "sha256": "", "deletion_digest": ""}
    >>> sea = Upload("k7Wq3Zpa.png", created_at=datetime(2026, 5, 1, tzinfo=UTC), file_name="sea/side.png", **known)
    >>> file_name(sea)
    '2026-05-01 sea side k7Wq3Zpa.png'
    """
    stem = (row.file_name or "").rpartition(".")[0] or row.file_name or ""
    stem, key = _readable(stem), row.key
    if not is_key(key):  # another S3 client's: any text
        digest = hashlib.sha256(key.encode()).hexdigest()[:16]
        ending = row.content_type.rpartition("/")[2]
        key = f"{_readable(key)} {digest}.{ending}"
    return " ".join(part for part in (f"{row.created_at:%Y-%m-%d}", stem, key) if part)


def zip_entry(name: str, row: Upload) -> zipfile.ZipInfo:
    """Return what a zip file tells of an image before its bytes: its name, and when it was uploaded."""
    moment = row.created_at.timetuple()[:6]
    return zipfile.ZipInfo(name, moment if 1980 <= moment[0] <= 2107 else (1980, 1, 1, 0, 0, 0))  # what a zip can tell


def _readable(text: str) -> str:
    whole = " ".join(_UNFIT.sub(" ", text).split())
    return whole.encode()[:_MAX_PART].decode(errors="ignore").strip(" .")


def _copy(source: BinaryIO, target: BinaryIO) -> None:
    while chunk := source.read(_COPY_BYTES):
        target.write(chunk)


@contextmanager
def _ours(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as e:
        raise BadRequest(f"cannot write {path}: {e.strerror}") from e
