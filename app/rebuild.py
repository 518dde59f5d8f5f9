"""The catalog made anew from the bucket: every object is listed, every image that has no row is looked at."""

from collections.abc import Callable
from dataclasses import dataclass

from .catalog import Catalog
from .catalog.records import State
from .inventory import Compared, Inventory
from .thumbnails import Thumbnails
from .upkeep import GRACE_S

PAGE = 1000  # of a list: one class C transaction
_BATCH = 50  # images that wait for their thumbnails at a time


@dataclass(frozen=True, slots=True)
class Rebuilt:
    """What the catalog holds now: uploads that are shown, objects that are no images, and rows that changed while they
    were looked at and are still to be looked at."""

    live: int
    refused: int
    left: int


class Rebuild:
    """The use case over one catalog, empty or partly filled, and one bucket; servers may go on meanwhile.

    Each step is kept as it is done: whoever is stopped, or killed, goes on where it was.
    """

    def __init__(self, catalog: Catalog, inventory: Inventory, thumbnails: Thumbnails) -> None:
        self._catalog = catalog
        self._inventory = inventory
        self._thumbnails = thumbnails

    def list(self, told: Callable[[int], object]) -> Compared:
        """Give each object a row that has none; `told` hears how many were listed, at every thousand and at the end.

        As `Inventory.compare` does it every day: rows whose object is gone go, too. Costs class C, one for each PAGE.
        """
        count = 0

        def listed() -> None:
            nonlocal count
            count += 1
            if count % PAGE == 0:
                told(count)

        compared = self._inventory.compare(grace_s=GRACE_S, listed=listed)
        told(count)
        return compared

    def inspect(self, told: Callable[[int], object]) -> Rebuilt:
        """Look at every object that nobody has looked at, and make the thumbnails that are not in the bucket; `told`
        hears how many that were so far. Costs class B, one for each object, and a second for one so large that no copy
        of it is kept for its thumbnail. Raises Unavailable if the store does not answer."""
        count = 0
        while settled := self._inventory.inspect(limit=_BATCH):
            count += settled
            self._thumbnails.make(limit=_BATCH)
            told(count)
        changes = self._catalog.changes
        return Rebuilt(changes.count(State.LIVE), changes.count(State.REFUSED), changes.count(State.FOUND))
