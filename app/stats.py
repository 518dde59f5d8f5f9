"""What is stored, what the bucket was asked for this month, and what that costs."""

from dataclasses import dataclass
from datetime import datetime

from .catalog import Catalog
from .costs import KINDS, Bill, estimate


@dataclass(frozen=True, slots=True)
class Stats:
    """`stored` objects of `size` bytes; `waiting` deletions that store or edge did not take yet and `undrawn` uploads
    whose thumbnail is still to be made, each counted up to 10,000; `today` and `month` count transactions by class,
    for days of UTC."""

    stored: int
    size: int
    waiting: int
    undrawn: int
    today: dict[str, int]
    month: dict[str, int]
    bill: Bill


def collect(catalog: Catalog, *, now: datetime) -> Stats:
    """Return the figures of this moment."""
    stored, queued = catalog.tallies.stored(), catalog.jobs.queued(now=now)
    day = now.date()
    by_day = catalog.transactions.since(day.replace(day=1))
    month = {kind: sum(counts.get(kind, 0) for counts in by_day.values()) for kind in KINDS}
    today = {kind: by_day.get(day, {}).get(kind, 0) for kind in KINDS}
    bill = estimate(stored.size, by_day, day)
    return Stats(stored.count, stored.size, queued.deletions, queued.undrawn, today, month, bill)
