"""What a sender may ask for beside the upload: read from form fields, the query or `X-Bowerbird-*` headers."""

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from ..errors import BadRequest
from ..uploads import Options

MAX_TITLE, MAX_TAG, MAX_TAGS, MAX_ALBUM = 200, 50, 20, 100
MAX_LIFE = timedelta(days=36_525)

_SPAN = re.compile(r"([0-9]{1,6})\s*(s|m|min|h|d|w|y)")
_SECONDS = {"s": 1, "m": 60, "min": 60, "h": 3600, "d": 86_400, "w": 7 * 86_400, "y": 365 * 86_400}
_CONTROLS = re.compile("[\x00-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")
_IDEMPOTENCY_KEY = re.compile(r"[\x21-\x7e]{1,255}")
_YES, _NO = ("1", "true", "yes", "on"), ("", "0", "false", "no", "off")


def read_options(get: Callable[[str], str | None], now: datetime) -> Options:
    """Return the options that `get` finds by name; raise BadRequest with the value that makes no sense."""
    return Options(
        expires_at=expiry(get("expires") or "", now),
        keep_metadata=flag_of("keep_metadata", get("keep_metadata") or ""),
        title=title_of(get("title") or ""),
        tags=tags_of(get("tags") or ""),
    )


def expiry(text: str, now: datetime) -> datetime | None:
    """Return the moment `text` names: a span from `now` (`30m`, `1h`, `7d`) or an ISO date, UTC unless it says else.

    >>> now = datetime(2026, 11, 23, 12, tzinfo=UTC)
    >>> print(expiry("7d", now), expiry("2027-01-01", now), expiry("never", now))
    2026-11-30 12:00:00+00:00 2027-01-01 00:00:00+00:00 None
    """
    text = text.strip()
    if not text or text.lower() == "never":
        return None
    if span := _SPAN.fullmatch(text.lower()):
        moment = now + min(timedelta(seconds=int(span[1]) * _SECONDS[span[2]]), MAX_LIFE + timedelta(days=1))
    else:
        try:
            moment = datetime.fromisoformat(text)
            moment = moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
        except (ValueError, OverflowError) as e:
            raise BadRequest(f"expires is {text[:40]!r}; give a span such as 1h or 7d, or an ISO date") from e
    if not now < moment <= now + MAX_LIFE:
        raise BadRequest(f"expires is {text[:40]!r}; give a moment within the next hundred years")
    return moment.replace(microsecond=0)


def idempotency_key(text: str | None) -> str | None:
    """Return the Idempotency-Key, or None if there is none."""
    if text is not None and not _IDEMPOTENCY_KEY.fullmatch(text):
        raise BadRequest("the Idempotency-Key must be 1 to 255 visible ASCII characters")
    return text


def flag_of(name: str, text: str) -> bool:
    """Return whether `text` means yes; raise BadRequest where it means neither yes nor no."""
    if (word := text.strip().lower()) not in _YES + _NO:
        raise BadRequest(f"{name} is {text[:40]!r}; give 1 or 0")
    return word in _YES


def title_of(text: str) -> str | None:
    """Return a title as it is kept, None for an empty one; raise BadRequest for one that is too long."""
    return _text("title", text, MAX_TITLE) or None


def album_name_of(text: str) -> str:
    """Return the name of an album; raise BadRequest for one that is empty or too long."""
    if not (name := _text("the name of an album", text, MAX_ALBUM)):
        raise BadRequest("the album has no name")
    return name


def tags_of(text: str) -> tuple[str, ...]:
    """Return the tags that stand in `text` between commas, in small letters.

    >>> tags_of("Cats, at home,cats")
    ('cats', 'at home')
    """
    found = dict.fromkeys(tag for raw in text.split(",") if (tag := _text("a tag", raw, MAX_TAG).lower()))
    if len(found) > MAX_TAGS:
        raise BadRequest(f"there are {len(found)} tags; at most {MAX_TAGS} are taken")
    return tuple(found)


def _text(name: str, text: str, most: int) -> str:
    text = _CONTROLS.sub(" ", text).strip()
    if len(text) > most:
        raise BadRequest(f"{name} has {len(text)} characters; at most {most} are taken")
    return text
