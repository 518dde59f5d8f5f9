"""Whether an upload would be taken now: the catalog is written to, the disk takes bytes, the store answers."""

import threading
import time
from collections.abc import Callable

from .catalog import Catalog
from .errors import BowerbirdError
from .settings import Settings
from .spool import spooled
from .store.base import ObjectStore
from .store.folder import FolderStore

# A look at a bucket is a class B transaction, and of these a free account has 2,500 a day, for the images too. So many
# looks come at once, then one in so many seconds; whoever asks in between is told what the last one found, if it was
# well. What fails costs nothing, and is looked at each time.
BURST = 240
EVERY_S = 60.0

_TRIAL = bytes(64 * 1024)


class Readiness:
    """What one web process knows of it; `clock` counts seconds."""

    def __init__(
        self, settings: Settings, catalog: Catalog, store: ObjectStore, *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._data_dir = settings.data_dir
        self._catalog = catalog
        self._store = store
        self._clock = clock
        self._is_free = isinstance(store, FolderStore)
        self._burst, self._every_s = BURST / settings.web_workers, EVERY_S * settings.web_workers
        self._looks, self._counted_at = self._burst, clock()
        self._was_well = False
        self._failed: BowerbirdError | None = None
        self._ended = 0  # looks
        self._lock = threading.Lock()

    def check(self) -> None:
        """Return if an upload would be taken; else raise Busy, StoreFull, StoreMisconfigured or StoreUnavailable."""
        self._catalog.ping()
        with spooled(self._data_dir) as file:
            file.write(_TRIAL)
        ended = self._ended
        with self._lock:  # of many who ask while a store hangs, one waits for it, and the others for that one
            if ended != self._ended and self._failed:
                raise self._failed
            if self._may_look():
                self._look()

    def _look(self) -> None:
        self._was_well = False
        try:
            self._store.ping()
        except BowerbirdError as e:
            self._failed = e
            raise
        else:
            self._was_well, self._failed = True, None
        finally:
            self._ended += 1

    def _may_look(self) -> bool:
        """Whether the store is to be asked, and count it."""
        now = self._clock()
        self._looks = min(self._burst, self._looks + (now - self._counted_at) / self._every_s)
        self._counted_at = now
        if self._is_free or not self._was_well:
            return True
        if self._looks < 1:
            return False
        self._looks -= 1
        return True
