"""Counting what the bucket is asked for, without a wait for the request that asks."""

import threading
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime

from .catalog import Catalog
from .costs import KIND_OF
from .errors import Unavailable

WRITE_S = 5.0  # so much counting is lost at most when the process is killed


class Meter:
    """The transactions of one process: kept in memory, and written to the catalog in the background."""

    def __init__(
        self,
        catalog: Catalog,
        *,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
        write_s: float = WRITE_S,
    ) -> None:
        self._catalog = catalog
        self._clock = clock
        self._write_s = write_s
        self._counts: Counter[str] = Counter()
        self._lock = threading.Lock()
        self._timer: threading.Timer | None = None

    def count(self, operation: str) -> None:
        """Count one call of an S3 operation, such as PutObject; one that B2 does not charge for is not counted."""
        kind = KIND_OF.get(operation)
        if kind is None:
            return
        with self._lock:
            self._counts[kind] += 1
            if self._timer is None:
                self._timer = threading.Timer(self._write_s, self.write)
                self._timer.daemon = True
                self._timer.start()

    def write(self) -> None:
        """Write what was counted; what the catalog does not take now is written with the next."""
        with self._lock:
            if self._timer:
                self._timer.cancel()
            counts, self._counts, self._timer = self._counts, Counter(), None
        if not counts:
            return
        try:
            self._catalog.transactions.add(counts, day=self._clock().date())
        except Unavailable:
            with self._lock:
                self._counts += counts
