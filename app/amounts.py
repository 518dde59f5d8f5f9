"""What people write for a span of time, a moment and a number of bytes: `30d`, `2027-01-01`, `5GB`."""

import re
from datetime import UTC, datetime, timedelta
from decimal import Decimal

from .errors import BadRequest

MAX_LIFE = timedelta(days=36_525)
MAX_SIZE = 2**60  # bytes; the catalog counts up to 2**63, sums too

_SPAN = re.compile(r"([0-9]{1,6})\s*(s|m|min|h|d|w|y)")
_SECONDS = {"s": 1, "m": 60, "min": 60, "h": 3600, "d": 86_400, "w": 7 * 86_400, "y": 365 * 86_400}
_SIZE = re.compile(r"([0-9]{1,19}(?:\.[0-9]{1,3})?)\s*(?:B|([KMGT])(?:I?B)?)?")
_BYTES = {"": 1, "K": 2**10, "M": 2**20, "G": 2**30, "T": 2**40}


def size(text: str) -> int:
    """Return how many bytes `text` names; 1 MB, like 1 MiB, is 1,048,576 of them. Raises BadRequest.

    >>> size("5GB"), size("1.5 MiB"), size("1024")
    (5368709120, 1572864, 1024)
    """
    found = _SIZE.fullmatch(text.strip().upper())
    if not found or not text.isascii():
        raise BadRequest(f"{text[:40]!r} is no number of bytes; give one such as 104857600 or 100MB")
    count = int(Decimal(found[1]) * _BYTES[found[2] or ""])
    if count > MAX_SIZE:
        raise BadRequest(f"{text[:40]!r} is more than {show_size(MAX_SIZE)}, the most that is counted")
    return count


def show_size(count: int) -> str:
    """Return a number of bytes as people read it.

    >>> show_size(5 * 2**30), show_size(1_300_000), show_size(12)
    ('5 GB', '1.2 MB', '12 B')
    """
    unit = max((letter for letter, factor in _BYTES.items() if count >= factor), key=_BYTES.__getitem__, default="")
    value = f"{count / _BYTES[unit]:,.1f}".removesuffix(".0")
    return f"{value} {unit}B"


def exact_size(count: int) -> str:
    """Return a number of bytes as `size` reads it, with none of them lost.

    >>> exact_size(5 * 2**30), exact_size(1_300_000)
    ('5GB', '1300000')
    """
    unit = max((letter for letter, factor in _BYTES.items() if count % factor == 0), key=_BYTES.__getitem__)
    return f"{count // _BYTES[unit]}{unit}B" if unit and count else str(count)


def span(text: str) -> timedelta | None:
    """Return the span that `text` names; None if it names none.

    >>> print(span("90s"), span("2w"), span("soon"))
    0:01:30 14 days, 0:00:00 None
    """
    found = _SPAN.fullmatch(text.strip().lower())
    return timedelta(seconds=int(found[1]) * _SECONDS[found[2]]) if found else None


def show_span(seconds: int) -> str:
    """Return a span as `span` reads it, in the largest unit that fits.

    >>> show_span(30 * 86_400), show_span(5400), show_span(45)
    ('30d', '90m', '45s')
    """
    unit, factor = next((name, _SECONDS[name]) for name in ("d", "h", "m", "s") if seconds % _SECONDS[name] == 0)
    return f"{seconds // factor}{unit}"


def expiry(text: str, now: datetime) -> datetime | None:
    """Return the moment `text` names: a span from `now` (`30m`, `1h`, `7d`) or an ISO date, UTC unless it says else.

    >>> now = datetime(2026, 11, 23, 12, tzinfo=UTC)
    >>> print(expiry("7d", now), expiry("2027-01-01", now), expiry("never", now))
    2026-11-30 12:00:00+00:00 2027-01-01 00:00:00+00:00 None
    """
    text = text.strip()
    if not text or text.lower() == "never":
        return None
    if (life := span(text)) is not None:
        moment = now + min(life, MAX_LIFE + timedelta(days=1))
    else:
        try:
            moment = datetime.fromisoformat(text)
            moment = moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
        except (ValueError, OverflowError) as e:
            raise BadRequest(f"expires is {text[:40]!r}; give a span such as 1h or 7d, or an ISO date") from e
    if not now < moment <= now + MAX_LIFE:
        raise BadRequest(f"expires is {text[:40]!r}; give a moment within the next hundred years")
    return moment.replace(microsecond=0)
