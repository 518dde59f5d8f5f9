"""The catalog follows the bucket: what other S3 clients put there appears, what they remove disappears."""

import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from . import tokens
from .catalog import Catalog
from .catalog.records import State, Upload
from .decoding import DecoderPool
from .errors import Unavailable
from .inspection import Inspection
from .settings import Settings
from .spool import spooled
from .store.base import ObjectStore, StoredObject
from .strays import Strays, may_be_upload
from .undrawn import Undrawn
from .uploads import Uploads
from .webhooks import REMEMBERED, Event

_BATCH = 100
_LONGEST_PUT = timedelta(minutes=15)  # between a row and its object, repeats included
_FEW = 10  # so many uploads may have lost their objects before somebody has to say that this is so


@dataclass(slots=True)
class Compared:
    """What a comparison with the bucket found: objects without a row, orphans of deletions, rows without an object.

    `refused` of `live`: so many rows without an object that none of them was touched.
    """

    found: int = 0
    orphans: int = 0
    dangling: int = 0
    live: int = 0
    refused: bool = False


class Inventory:
    """The use cases over one catalog and the bucket that others write to as well."""

    def __init__(
        self,
        settings: Settings,
        catalog: Catalog,
        store: ObjectStore,
        decoders: DecoderPool,
        uploads: Uploads,
        undrawn: Undrawn | None = None,
    ) -> None:
        self._settings = settings
        self._catalog = catalog
        self._store = store
        self._uploads = uploads
        self._deletions = uploads.deletions
        self._inspection = Inspection(settings, catalog, store, decoders, uploads, undrawn)

    def take(self, events: Sequence[Event]) -> int:
        """Apply the events that are new and about our bucket; return how many. Asks the store for nothing. What the
        doctor puts there for a moment is heard of, and becomes no row."""
        bucket = self._settings.s3_bucket if self._settings.store == "s3" else None
        ours = [one for one in events if one.bucket == bucket and may_be_upload(one.key)]
        return self._catalog.changes.take(ours, self._row_of, now=self._uploads.clock()) if ours else 0

    def inspect(self, *, limit: int | None = None) -> int:
        """Look at every object that was found, at most at `limit`, and return how many rows that settled.

        Raises Unavailable, once all rows had their turn, if the store did not answer for some; they stay as they are.
        """
        count, after = 0, ""
        failed: Unavailable | None = None
        left = limit if limit is not None else sys.maxsize
        while left and (batch := self._catalog.changes.found(limit=min(_BATCH, left), after=after)):
            after, left = batch[-1].key, left - len(batch)
            for row in batch:
                try:
                    count += self._inspection.look_at(row)
                except Unavailable as e:
                    failed = e
        if failed:
            raise failed
        return count

    def compare(
        self, *, grace_s: float, accept_missing: bool = False, listed: Callable[[], object] = lambda: None
    ) -> Compared:
        """Go through the bucket's list beside the catalog's, and mend what a lost notification left.

        Objects without a row are found; live rows without an object, older than `grace_s`, go; tombstones of our own
        deletions lose an object that is still there. If more than ten live rows, and more than a tenth of them all,
        have no object, this may be another bucket: then none of those is touched unless `accept_missing`.
        `listed` is called for each object that may be an upload.
        """
        compared = Compared()
        missing: list[Upload] = []
        young = self._uploads.clock() - timedelta(seconds=grace_s)
        new: list[Upload] = []
        with spooled(self._settings.data_dir) as put_aside:
            strays = Strays(self._catalog, self._store, put_aside, young)
            for row, stored in _side_by_side(self._rows(), strays.sift(self._store.list_objects(), self._rows())):
                if stored is not None:
                    listed()
                if row is None and stored is not None:
                    new.append(self._row(stored.key, stored.size, stored.modified_at))
                    if len(new) == _BATCH:
                        compared.found += self._catalog.changes.add_all(new)
                        new = []
                elif row is not None:
                    compared.live += row.state is State.LIVE
                    self._compare(row, stored, young, missing, compared)
            compared.found += self._catalog.changes.add_all(new)
            strays.settle(self._rows())
        compared.refused = not accept_missing and len(missing) > max(_FEW, compared.live / 10)
        compared.dangling = len(missing)
        if not compared.refused:
            for row in missing:
                self._catalog.changes.look_again(row)
        return compared

    def prune(self) -> None:
        """Forget events that are too old to come again."""
        self._catalog.changes.prune(before=self._uploads.clock() - REMEMBERED, limit=1000)

    def _compare(
        self, row: Upload, stored: StoredObject | None, young: datetime, missing: list[Upload], compared: Compared
    ) -> None:
        if row.state is State.LIVE and stored is None:
            if row.created_at < young:
                missing.append(row)
        elif row.state in (State.LIVE, State.REFUSED) and stored is not None and _is_another(row, stored):
            compared.found += self._catalog.changes.look_again(row)
        elif row.state is State.LIVE and row.version_id is None and not row.is_foreign:
            # Its put had to be repeated, so there may be versions that nobody knows of, and that are paid for.
            if version_id := self._store.keep_one(row.key):
                self._catalog.changes.name_version(row, version_id)
        elif row.state is State.DELETED and stored is not None:
            # Put again since, or not removed by us alone: another client may have taken its hide marker away.
            if row.is_foreign or row.deleted_at is None or stored.modified_at > row.deleted_at:
                compared.found += self._catalog.changes.look_again(row)
            elif self._catalog.changes.bring_back(row):
                self._deletions.end([row])
                compared.orphans += 1

    def _row_of(self, event: Event) -> Upload:
        return self._row(event.key, event.size, event.at)

    def _row(self, key: str, size: int, at: datetime) -> Upload:
        return Upload(
            key=key,
            content_type="application/octet-stream",
            size=size,
            width=0,
            height=0,
            sha256="",
            created_at=at.replace(microsecond=0),
            deletion_digest=tokens.digest(self._uploads.deletion_token(key)),
            state=State.FOUND,
            is_foreign=True,
        )

    def _rows(self) -> Iterator[Upload]:
        after = ""
        while batch := self._catalog.changes.listing(limit=1000, after=after):
            after = batch[-1].key
            yield from batch


def _is_another(row: Upload, stored: StoredObject) -> bool:
    """Whether somebody has put another object under this key, and no notification told of it."""
    known_at = row.confirmed_at or row.created_at
    return stored.size != row.size or stored.modified_at > known_at + _LONGEST_PUT


def _side_by_side(
    rows: Iterator[Upload], objects: Iterator[StoredObject], order: Callable[[str], bytes] = str.encode
) -> Iterator[tuple[Upload | None, StoredObject | None]]:
    """Yield what belongs together of two lists that are in the order of their keys' bytes."""
    row, stored = next(rows, None), next(objects, None)
    while row or stored:
        is_row_first = row and (stored is None or order(row.key) <= order(stored.key))
        is_object_first = stored and (row is None or order(stored.key) <= order(row.key))
        yield (row if is_row_first else None), (stored if is_object_first else None)
        if is_row_first:
            row = next(rows, None)
        if is_object_first:
            stored = next(objects, None)
