"""All objects copied from one store to another, each verified; and the catalog made to fit the other store."""

import hashlib
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from itertools import islice
from pathlib import Path
from tempfile import SpooledTemporaryFile
from typing import BinaryIO, cast

from .catalog import Catalog
from .catalog.records import State, Thumbnail, Upload
from .errors import Conflict
from .keys import is_key, is_thumbnail_key, thumbnail_key
from .receiving import SPOOL_BYTES
from .store.base import ObjectStore
from .thumbnails import CONTENT_TYPE

_BATCH = 500
_GONE = (State.DELETED, State.DELETING)
_MAX_THUMBNAIL = 8 * 1024 * 1024


class Copied(StrEnum):
    """What became of one object."""

    NEW = "copied"
    OLD = "already there"
    GONE = "removed there"
    WRONG = "not copied"


@dataclass(frozen=True, slots=True)
class Moved:
    """What became of the object `key`; `why` says what was against it."""

    key: str
    deed: Copied
    why: str = ""


@dataclass(frozen=True, slots=True)
class _Object:
    """An object that has to be in the target. `sha256` is None for a thumbnail, and so is its size."""

    key: str
    content_type: str
    size: int | None
    sha256: str | None


class Move:
    """Copies what one catalog knows, from `source` to `target`; at the source nothing is changed.

    A put into S3 is answered with the digest of what arrived, and that is compared; with `is_full` all of the target is
    read back as well, class B for each.
    """

    def __init__(
        self,
        catalog: Catalog,
        source: ObjectStore,
        target: ObjectStore,
        *,
        spool_dir: Path,
        jobs: int = 2,
        is_full: bool = False,
    ) -> None:
        self._catalog, self._source, self._target = catalog, source, target
        self._spool_dir, self._jobs, self._is_full = spool_dir, jobs, is_full

    def run(self) -> Iterator[Moved]:
        """Copy what the target does not have, remove there what was deleted here since, and yield what is done.

        The target is listed first: class C, one for a thousand objects. Each copy is a class B transaction at the
        source. Raises Unavailable if one of the two does not answer; what was copied stays, and is not copied again.
        """
        there = {one.key: one.size for one in self._target.list_objects()}
        with ThreadPoolExecutor(self._jobs, thread_name_prefix="move") as pool:
            rows = self._rows()
            while batch := list(islice(rows, _BATCH)):
                for row in batch:
                    yield from self._clean(row, there)
                wanted = [one for row in batch if row.state is State.LIVE for one in _objects(row)]
                yield from pool.map(lambda one: self._copy(one, there.get(one.key)), wanted)

    def switch(self, *, now: datetime) -> int:
        """Make the catalog that of the target: from here on its rows name the target's versions. Return how many rows.

        The target is listed once more. Raises Conflict, and changes nothing, while uploads, deletions or inspections
        are under way, for they belong to the source, or if something is not in the target.
        """
        busy = self._catalog.uploads.unsettled(limit=1) or self._catalog.changes.found(limit=1)
        if busy:
            raise Conflict(f"{busy[0].key} is still {busy[0].state}: `bowerbird reconcile` settles it; then try again")
        versions = dict(self._target.list_versions())
        missing = sum(row.state is State.LIVE and row.key not in versions for row in self._rows())
        if missing:
            raise Conflict(f"{missing:,} images are not in the other store: run `bowerbird move` again")
        return self._catalog.changes.rebase(versions, now=now)

    def _rows(self) -> Iterator[Upload]:
        after = ""
        while batch := self._catalog.changes.listing(limit=_BATCH, after=after):
            after = batch[-1].key
            yield from batch

    def _clean(self, row: Upload, there: dict[str, int]) -> Iterator[Moved]:
        """Remove from the target what was copied there and deleted here since."""
        for key in (row.key, thumbnail_key(row.key)) if row.state in _GONE else ():
            if key in there:
                self._target.delete(key)
                yield Moved(key, Copied.GONE)

    def _copy(self, one: _Object, size: int | None) -> Moved:
        is_there = size is not None and one.size in (None, size)
        if is_there and not (self._is_full and self._differs(one, one.sha256)):
            return Moved(one.key, Copied.OLD)
        with SpooledTemporaryFile(SPOOL_BYTES, dir=self._spool_dir) as spooled:
            file = cast(BinaryIO, spooled)
            why = self._fetch(one, file) or self._put(one, file, replaces=size is not None)
            if not why and self._is_full and self._differs(one, _digest(file)):
                self._target.delete(one.key)
                why = "what was read back is not what was stored"
        return Moved(one.key, Copied.WRONG if why else Copied.NEW, why)

    def _fetch(self, one: _Object, into: BinaryIO) -> str:
        """Fetch from the source; return what is wrong, nothing if all is well."""
        if self._source.fetch(one.key, into, max_bytes=_most(one)) is None:
            return "it is not in the store" if one.sha256 else "it is not in the store: bowerbird thumbnails --all"
        if one.sha256 and _digest(into) != one.sha256:
            return "the store has other bytes than the catalog knows of"
        return ""

    def _put(self, one: _Object, file: BinaryIO, *, replaces: bool) -> str:
        """Store in the target; return what is wrong, nothing if all is well."""
        if replaces:
            self._target.delete(one.key)  # other bytes
        is_ours = is_key(one.key) or is_thumbnail_key(one.key)
        try:
            self._target.put(one.key, file, content_type=one.content_type, is_foreign=not is_ours)
        except ValueError:
            return "the other store holds nothing of such a name"
        return ""

    def _differs(self, one: _Object, sha256: str | None) -> bool:
        """Whether the target's object, read back, has other bytes; without a digest only its being there counts."""
        with SpooledTemporaryFile(SPOOL_BYTES, dir=self._spool_dir) as spooled:
            file = cast(BinaryIO, spooled)
            if self._target.fetch(one.key, file, max_bytes=_most(one)) is None:
                return True
            return sha256 is not None and _digest(file) != sha256


def _objects(row: Upload) -> Iterator[_Object]:
    yield _Object(row.key, row.content_type, row.size, row.sha256)
    if row.thumbnail is Thumbnail.MADE:
        yield _Object(thumbnail_key(row.key), CONTENT_TYPE, None, None)


def _most(one: _Object) -> int:
    return _MAX_THUMBNAIL if one.size is None else one.size


def _digest(file: BinaryIO) -> str:
    file.seek(0)
    return hashlib.file_digest(file, "sha256").hexdigest()
