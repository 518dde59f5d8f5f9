"""What lies in the bucket beside uploads: their thumbnails, backups, and what a doctor that was killed has left."""

from collections.abc import Iterator
from datetime import datetime

from .catalog.records import State, Upload
from .keys import THUMBNAILS, is_key, is_probe, is_thumbnail_key, read_piece, thumbnail_key
from .store.base import ObjectStore, StoredObject


def may_be_upload(key: str) -> bool:
    """Whether an object of this name is neither a thumbnail nor of a backup."""
    return not key.startswith(THUMBNAILS) and read_piece(key) is None


def without_strays(
    store: ObjectStore, objects: Iterator[StoredObject], rows: Iterator[Upload], young: datetime
) -> Iterator[StoredObject]:
    """Yield those of `objects` that may be uploads; both are in the order of their keys' bytes.

    What is no longer `young` and belongs to nothing goes: pictures of the doctor, thumbnails without an upload. A
    worker that dies at the wrong moment leaves such a one.
    """
    expected = (thumbnail_key(row.key) for row in rows if row.state is not State.DELETED and is_key(row.key))
    next_expected = next(expected, None)
    for stored in objects:
        is_old = stored.modified_at < young
        if is_probe(stored.key):
            if is_old:
                store.delete(stored.key)
        elif may_be_upload(stored.key):
            yield stored
        elif is_thumbnail_key(stored.key):  # in our own keys the dot comes before all else, so the orders are the same
            while next_expected is not None and next_expected < stored.key:
                next_expected = next(expected, None)
            if is_old and next_expected != stored.key:
                store.delete(stored.key)
