"""What was uploaded, what is stored, what the bucket was asked for this month, and what that costs."""

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from typing import Literal

from .catalog import Catalog
from .catalog.tallies import Tally
from .costs import KINDS, Bill, estimate
from .errors import BadRequest

By = Literal["day", "type", "token"]
BY: tuple[By, ...] = ("day", "type", "token")
MAX_DAYS = 3660
DAYS = 30  # of a period, where nothing else is asked for
TOKENLESS = "other S3 clients"


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


@dataclass(frozen=True, slots=True)
class Period:
    """The days (UTC) from `first` to `last`, both of them included."""

    first: date
    last: date


def collect(catalog: Catalog, *, now: datetime) -> Stats:
    """Return the figures of this moment."""
    stored, queued = catalog.tallies.stored(), catalog.jobs.queued(now=now)
    day = now.date()
    by_day = catalog.transactions.since(day.replace(day=1))
    month = {kind: sum(counts.get(kind, 0) for counts in by_day.values()) for kind in KINDS}
    today = {kind: by_day.get(day, {}).get(kind, 0) for kind in KINDS}
    bill = estimate(stored.size, by_day, day)
    return Stats(stored.count, stored.size, queued.deletions, queued.undrawn, today, month, bill)


def read_period(first: str | None, last: str | None, *, today: date) -> Period:
    """Return the period that two ISO dates name; it ends today and has 30 days where they are left out.

    >>> read_period(None, "2026-03-01", today=date(2026, 11, 23))
    Period(first=datetime.date(2026, 1, 31), last=datetime.date(2026, 3, 1))
    """
    end = today if last is None else _date("to", last)
    start = _date("from", first) if first is not None else end - timedelta(min(DAYS - 1, (end - date.min).days))
    days = (end - start).days + 1
    if not 1 <= days <= MAX_DAYS:
        raise BadRequest(f"from {start} to {end} are {days:,} days; 1 to {MAX_DAYS:,} may be asked for")
    return Period(start, end)


def uploads_by(catalog: Catalog, by: By, period: Period) -> list[Tally]:
    """Return the uploads that can be seen: of each day of `period`, or all there are by content type or token."""
    if by == "day":
        return catalog.tallies.by_day(period.first, period.last)
    if by == "type":
        return catalog.tallies.by_type()
    names = {str(token.id): token.name + (" (revoked)" if token.revoked_at else "") for token in catalog.tokens.list()}
    return [replace(one, name=names.get(one.name, TOKENLESS)) for one in catalog.tallies.by_token()]


def to_csv(found: Sequence[Tally], by: By) -> str:
    """Return uploads as CSV (RFC 4180) with a head: `by`, uploads, bytes. No cell is a formula."""
    file = io.StringIO()
    rows = csv.writer(file)
    rows.writerow([by, "uploads", "bytes"])
    # A sheet computes what begins with one of these: https://owasp.org/www-community/attacks/CSV_Injection
    rows.writerows([("'" if one.name[:1] in "=+-@\t\r" else "") + one.name, one.count, one.size] for one in found)
    return file.getvalue()


def _date(name: str, text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError as e:
        raise BadRequest(f"{name} is {text[:40]!r}; give a date such as 2026-11-23") from e
