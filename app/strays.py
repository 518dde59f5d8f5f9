"""What lies in the bucket beside uploads: their thumbnails, backups, and what a doctor that was killed has left."""

from collections.abc import Iterator
from datetime import datetime
from typing import BinaryIO

from .catalog import Catalog
from .catalog.records import State, Thumbnail, Upload
from .keys import THUMBNAILS, is_key, is_probe, is_thumbnail_key, read_piece, thumbnail_key
from .store.base import ObjectStore, StoredObject

_BATCH = 500  # keys of one question


def may_be_upload(key: str) -> bool:
    """Whether an object of this name is neither a thumbnail nor of a backup."""
    return not key.startswith(THUMBNAILS) and read_piece(key) is None


class Strays:
    """What one pass over the bucket's list meets beside uploads; `put_aside` is an empty file for what has to wait for
    the end of the pass: a list has the thumbnails before some of their images.

    What is no longer `young` and belongs to nothing goes: pictures of the doctor, thumbnails without an upload. A
    worker that dies at the wrong moment leaves such a one.
    """

    def __init__(self, catalog: Catalog, store: ObjectStore, put_aside: BinaryIO, young: datetime) -> None:
        self._catalog = catalog
        self._store = store
        self._put_aside = put_aside
        self._young = young

    def sift(self, objects: Iterator[StoredObject], rows: Iterator[Upload]) -> Iterator[StoredObject]:
        """Yield those of `objects` that may be uploads; both are in the order of their keys' bytes."""
        expected = _Expected(rows)
        for stored in objects:
            is_old = stored.modified_at < self._young
            if is_probe(stored.key):
                if is_old:
                    self._store.delete(stored.key)
            elif may_be_upload(stored.key):
                yield stored
            elif is_thumbnail_key(stored.key):
                row = expected.row_of(stored.key)
                if row is None or _is_new(row):
                    self._put_aside.write(f"{stored.key} {int(is_old)}\n".encode())

    def settle(self, rows: Iterator[Upload]) -> None:
        """Deal with what was put aside, now that every image that was listed has its row.

        The thumbnail of an image that was lost to the catalog is kept for it; of what is not its upload's, it goes.
        """
        expected = _Expected(rows)
        self._put_aside.seek(0)
        kept: list[str] = []
        for line in self._put_aside:
            key, is_old = line.decode().split()
            row = expected.row_of(key)
            if row is None and int(is_old):
                self._store.delete(key)
            elif row is not None and _is_new(row):
                kept.append(row.key)
                if len(kept) == _BATCH:
                    self._catalog.thumbnails.are_there(kept)
                    kept = []
        self._catalog.thumbnails.are_there(kept)


class _Expected:
    """The thumbnails that rows, in the order of their keys' bytes, may have. In our own keys the dot comes before all
    else, so the thumbnails are in the same order."""

    def __init__(self, rows: Iterator[Upload]) -> None:
        self._rows = (row for row in rows if row.state is not State.DELETED and is_key(row.key))
        self._next = next(self._rows, None)

    def row_of(self, thumbnail: str) -> Upload | None:
        """Return the row of a thumbnail, None if there is none; to be asked in the order of the thumbnails."""
        while self._next is not None and thumbnail_key(self._next.key) < thumbnail:
            self._next = next(self._rows, None)
        is_its = self._next is not None and thumbnail_key(self._next.key) == thumbnail
        return self._next if is_its else None


def _is_new(row: Upload) -> bool:
    """Whether nobody has ever looked at the object of this row, and its thumbnail is not known of."""
    return row.state is State.FOUND and not row.sha256 and row.thumbnail is Thumbnail.DUE
