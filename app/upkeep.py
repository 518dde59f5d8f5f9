"""What has to be done now and then: uploads that expire, and whatever a crash left behind."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial

from .catalog import Catalog
from .catalog.records import State, Upload
from .deletions import Ended, is_within
from .errors import Unavailable
from .store.base import ObjectStore
from .uploads import Uploads
from .writers import Writers

GRACE_S = 15 * 60  # longer than any upload of 32 MiB takes
_BATCH = 100


@dataclass(slots=True)
class Settled:
    """What reconcile did: uploads that were never answered and are gone, deletions ended, rows to come back to; what
    the last of them failed of, and whether the store was asked in vain for so long that it is not asked again."""

    abandoned: int = 0
    deleted: int = 0
    left: int = 0
    failed: Unavailable | None = None
    in_vain: bool = False

    def add(self, ended: Ended, *, of: int) -> int:
        """Note how so many rows went, and return how many are tombstones."""
        self.left += of - ended.count
        self.failed = ended.failed or self.failed
        self.in_vain = ended.in_vain
        return ended.count


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
            self._uploads.delete_all([upload.key for upload in batch])
            count += len(batch)
        return count

    def reconcile(self, *, grace_s: float = GRACE_S) -> Settled:
        """Settle every row that a crash left half-way, without listing the bucket.

        A `pending` row was never answered: it and its object go, at once if its writer is dead, after `grace_s` if that
        is not known. A `deleting` row loses its object, and the edge forgets it. What they refuse now stays for the
        next time, and everything else too if the store does not answer at all.
        """
        settled = Settled()
        steps = {State.PENDING: partial(self._abandon, grace_s=grace_s), State.DELETING: self._end}
        for batch in self._unsettled():
            for state, settle in steps.items():
                rows = [row for row in batch if row.state is state]
                if settled.in_vain:
                    settled.left += len(rows)
                elif rows:
                    settle(rows, settled)
        self._store.sweep(lambda writer: self._writers.is_alive(writer) is not False)
        return settled

    def end_deletions(self) -> None:
        """Go on with every deletion that did not end; raise Unavailable if it was in vain for some."""
        settled = Settled()
        for batch in self._unsettled():
            self._end([row for row in batch if row.state is State.DELETING], settled)
            if settled.in_vain:
                break
        if settled.failed:
            raise settled.failed

    def prune(self) -> None:
        """Forget sessions and answers that are over, names of dead writers that no row needs; sum up the tallies."""
        now = self._uploads.clock()
        self._catalog.sessions.prune(now=now, limit=1000)
        self._catalog.uploads.prune(now=now, limit=1000)
        self._catalog.tallies.sum_up()
        self._writers.sweep()

    def _unsettled(self) -> Iterator[list[Upload]]:
        after = ""
        while batch := self._catalog.uploads.unsettled(limit=_BATCH, after=after):
            after = batch[-1].key
            yield batch

    def _abandon(self, rows: Sequence[Upload], settled: Settled, *, grace_s: float) -> None:
        due = [row.key for row in rows if not self._is_early(row, grace_s)]
        retired = self._catalog.uploads.retire(due, states=(State.PENDING,)) if due else []
        ended = self._uploads.deletions.end(retired, were_public=False)
        settled.left += len(rows) - len(due)
        settled.abandoned += settled.add(ended, of=len(retired))

    def _end(self, rows: Sequence[Upload], settled: Settled) -> None:
        deletions = self._uploads.deletions
        # Whoever wrote it, dead or alive, a put may still arrive; with a version it was an upload, and none will.
        late_s, now = self._store.late_put_s, self._uploads.clock()
        due = [row for row in rows if (row.version_id or not is_within(row, late_s, now)) and deletions.is_due(row)]
        settled.deleted += settled.add(deletions.end(due), of=len(rows))

    def _is_early(self, row: Upload, wait_s: float) -> bool:
        """Whether a put may still be under way; what a dead writer had sent to its end can arrive after its death."""
        if self._writers.is_alive(row.writer) is False:
            wait_s = self._store.late_put_s
        return is_within(row, wait_s, self._uploads.clock())
