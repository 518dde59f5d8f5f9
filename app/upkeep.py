"""What has to be done now and then: uploads that expire, and whatever a crash left behind."""

from dataclasses import dataclass
from datetime import timedelta

from .catalog import Catalog
from .catalog.records import State, Upload
from .errors import Unavailable
from .store.base import ObjectStore
from .uploads import Uploads
from .writers import Writers

GRACE_S = 15 * 60  # longer than any upload takes
_BATCH = 100


@dataclass(slots=True)
class Settled:
    """What reconcile did: uploads that were never answered and are gone, deletions ended, rows to come back to."""

    abandoned: int = 0
    deleted: int = 0
    left: int = 0


class Upkeep:
    """The repeated jobs over one catalog and one store; any number of servers may run them at the same time."""

    def __init__(self, uploads: Uploads, catalog: Catalog, store: ObjectStore, writers: Writers) -> None:
        self._uploads = uploads
        self._catalog = catalog
        self._store = store
        self._writers = writers

    def expire(self) -> int:
        """Delete what has expired and return how many uploads that were."""
        count = 0
        while batch := self._catalog.uploads.expired(now=self._uploads.clock(), limit=_BATCH):
            for upload in batch:
                self._uploads.delete(upload.key)
            count += len(batch)
        return count

    def reconcile(self, *, grace_s: float = GRACE_S) -> Settled:
        """Settle every row that a crash left half-way, without listing the bucket.

        A `pending` row was never answered: it and its object go, at once if its writer is dead, after `grace_s` if that
        is not known. A `deleting` row loses its object. What the store refuses now stays for the next time.
        """
        settled = Settled()
        after = ""
        while batch := self._catalog.uploads.unsettled(limit=_BATCH, after=after):
            after = batch[-1].key
            for upload in batch:
                try:
                    self._settle(upload, grace_s, settled)
                except Unavailable:
                    settled.left += 1
        self._store.sweep(lambda writer: self._writers.is_alive(writer) is not False)
        return settled

    def prune(self) -> None:
        """Forget sessions and answers that are over, and the names of dead writers that no row needs."""
        now = self._uploads.clock()
        self._catalog.sessions.prune(now=now, limit=1000)
        self._catalog.uploads.prune(now=now, limit=1000)
        self._writers.sweep()

    def _settle(self, upload: Upload, grace_s: float, settled: Settled) -> None:
        is_pending = upload.state is State.PENDING
        wait_s = grace_s if is_pending else 0.0
        if self._writers.is_alive(upload.writer) is False:
            wait_s = self._store.late_put_s
        if self._uploads.clock() - upload.created_at < timedelta(seconds=wait_s):
            settled.left += 1
        elif not is_pending:
            self._uploads.remove(upload)
            settled.deleted += 1
        else:
            for row in self._catalog.uploads.retire([upload.key], states=(State.PENDING,)):
                self._uploads.remove(row)
                settled.abandoned += 1
