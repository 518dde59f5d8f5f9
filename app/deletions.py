"""Deletions to their very end: the object gone from the store, and from the edge's cache; then the tombstone."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from .catalog import Catalog
from .catalog.records import State, Upload
from .edge.purge import Purge
from .errors import Unavailable
from .keys import thumbnail_key
from .store.base import ObjectStore

# A download that began before the deletion may fill the cache after the purge: the edge is told again.
AGAIN = timedelta(seconds=60)
WAITED = timedelta(seconds=20)  # lost to a store that does not answer, or with somebody waiting: no more rows are begun
GRACE_BYTES = 32 * 1024 * 1024  # a larger upload has longer


@dataclass(frozen=True, slots=True)
class Ended:
    """How many rows are tombstones now, and what kept others from it: they stay as they are. If the store was asked
    `in_vain` for long, it was not asked for the rest."""

    count: int
    failed: Unavailable | None = None
    in_vain: bool = False


class Deletions:
    """What becomes of rows that are `deleting`, over one catalog, one store and, with `purge`, one edge."""

    def __init__(
        self, catalog: Catalog, store: ObjectStore, purge: Purge | None, *, clock: Callable[[], datetime]
    ) -> None:
        self._catalog = catalog
        self._store = store
        self._purge = purge
        self._clock = clock

    @property
    def reach_the_edge(self) -> bool:
        """Whether the edge forgets what is deleted."""
        return self._purge is not None

    def end(self, rows: Sequence[Upload], *, were_public: bool = True, is_waited_for: bool = False) -> Ended:
        """Take these rows as far as it goes now.

        The object goes first, or the edge would fetch it again; the row stays until the edge has been told twice.
        The edge knows nothing of what nobody was ever told the address of. If it `is_waited_for`, what a slow store
        leaves no time for is left to the worker; what a mute one does is left to another time.
        """
        gone: list[Upload] = []
        failed: Unavailable | None = None
        lost, begun_at = timedelta(), self._clock()
        for row in rows:
            now = self._clock()
            if lost > WAITED or (is_waited_for and now - begun_at > WAITED):
                break
            try:
                if row.purged_at is None:
                    self._store.delete(row.key, None if row.is_foreign else row.version_id)
                    if row.thumbnail_tries:
                        # After more than one try there may be versions that nobody knows of.
                        known = row.thumbnail_version_id if row.thumbnail_tries == 1 else None
                        self._store.delete(thumbnail_key(row.key), known)
                gone.append(row)
            except Unavailable as e:
                failed = e
                lost += self._clock() - now
        count = 0
        try:
            count = self._settle(gone, were_public) if gone else 0
        except Unavailable as e:
            failed = e
        return Ended(count, failed, lost > WAITED)

    def give_up(self, keys: Sequence[str], *, may_come: bool) -> None:
        """Take back uploads that were never acknowledged. With `may_come` the store did not answer, and a put that
        nobody waits for any more may still take effect: then the worker removes what came, once nothing can come.
        Raises Unavailable."""
        rows = self._catalog.uploads.retire(keys, states=(State.PENDING,))
        if not (may_come and self._store.late_put_s):
            self.end(rows, were_public=False)
        for key in {*keys} - {row.key for row in rows}:
            # Another host took this one for dead, and buried it before the object came.
            if (row := self._catalog.uploads.get(key)) and row.state is State.DELETED:
                self._store.delete(key)

    def is_due(self, row: Upload) -> bool:
        """Whether there is something to do for this row now; the edge is told again a while after the first time."""
        return row.purged_at is None or self._clock() - row.purged_at >= AGAIN

    def forget(self, row: Upload) -> None:
        """Tell the edge that what it may have kept of an upload is not what is there; raise Unavailable if it fails."""
        if self._purge and row.sha256:
            self._purge.forget([row.key])

    def _settle(self, rows: Sequence[Upload], were_public: bool) -> int:
        keys = [row.key for row in rows]
        if self._purge is None or not were_public:
            return self._catalog.uploads.bury(keys, now=self._clock())
        self._purge.forget(keys)
        first = [row.key for row in rows if row.purged_at is None]
        if first:
            self._catalog.uploads.purged(first, now=self._clock())
        again = [key for key in keys if key not in first]
        return self._catalog.uploads.bury(again, now=self._clock()) if again else 0


def is_within(row: Upload, wait_s: float, now: datetime) -> bool:
    """Whether less than `wait_s`, and of a large upload less than its share of it, has passed since the row began.

    Where nothing has to be waited for, a clock that went back since is no reason to wait.
    """
    wait_s *= max(1.0, row.size / GRACE_BYTES)
    return wait_s > 0 and now - row.created_at < timedelta(seconds=wait_s)
