"""What a source hands over: images with all that it knew of them, and what it leaves out."""

import hashlib
import re
import unicodedata
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from ..catalog.records import MAX_ALBUM, MAX_TAG, MAX_TAGS, MAX_TITLE
from ..receiving import Sink

_LONGEST_ID = 500  # bytes: an index of PostgreSQL takes no row of more than 2,700
_MOST_ALBUMS = 100  # that one image is in; each is made in one transaction with it
_CONTROLS = re.compile("[\x00-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")


# Writes an image to the sink and returns its date, where it is known only now. Raises Refused or Unavailable.
Load = Callable[[Sink], datetime | None]


@dataclass(frozen=True, slots=True)
class Incoming:
    """One image of a source. `source_id` is what the source knows it by for ever, `old` the address or path that people
    know it by; `is_image` and `is_video` are what the source says. `sha256` (hex) is given where the bytes have to be
    just those, and `source` where the image is known by another name than that of the source."""

    source_id: str
    old: str
    load: Load
    name: str | None = None
    title: str | None = None
    tags: tuple[str, ...] = ()
    created_at: datetime | None = None
    expires_at: datetime | None = None
    is_favourite: bool = False
    albums: tuple[str, ...] = ()
    is_image: bool = True
    is_video: bool = False
    key: str | None = None
    sha256: str | None = None
    keep_metadata: bool = False
    source: str | None = None


@dataclass(frozen=True, slots=True)
class Passed:
    """What a source leaves out, and why."""

    old: str
    why: str


@dataclass(frozen=True, slots=True)
class Source:
    """All of a source, in the order it hands over. `name` tells one source from another in the catalog."""

    name: str
    items: Iterable[Incoming | Passed] = field(repr=False)

    def __iter__(self) -> Iterator[Incoming | Passed]:
        return iter(self.items)


def short_id(text: str) -> str:
    """Return `text`, or its digest where it is longer than an index takes, or no text that a database holds.

    >>> short_id("a/b.png"), len(short_id("a" * 501))
    ('a/b.png', 71)
    """
    data = text.encode("utf-8", "surrogatepass")
    is_plain = "\0" not in text and not re.search("[\ud800-\udfff]", text)
    return text if is_plain and len(data) <= _LONGEST_ID else f"sha256:{hashlib.sha256(data).hexdigest()}"


def tidy_title(text: Any) -> str | None:
    """Return a title as the catalog takes it: one line, cut to 200 characters; None where nothing is left."""
    return _plain(text)[:MAX_TITLE].strip() or None


def tidy_albums(names: Iterable[Any]) -> tuple[str, ...]:
    """Return the names of albums as the catalog takes them: one line each, cut to 100 characters, each once, the first
    hundred."""
    found = (_plain(name)[:MAX_ALBUM].strip() for name in names)
    return tuple(dict.fromkeys(name for name in found if name))[:_MOST_ALBUMS]


def tidy_tags(names: Iterable[Any]) -> tuple[str, ...]:
    """Return tags as the catalog takes them: in lower case, each once, cut to 50 characters, the first twenty.

    >>> tidy_tags(["Sea, sun", "sea  sun", "", "GIF"])
    ('sea sun', 'gif')
    """
    found = (" ".join(_plain(name).replace(",", " ").lower().split())[:MAX_TAG].strip() for name in names)
    return tuple(dict.fromkeys(tag for tag in found if tag))[:MAX_TAGS]


def moment(value: Any) -> datetime | None:
    """Return the moment that a database or a JSON file tells, UTC unless it says else; None for what is none.

    >>> print(moment("2024-05-01 10:00:00.5"), moment("2024-05-01T10:00:00+02:00"), moment(1714557600500), moment("?"))
    2024-05-01 10:00:00+00:00 2024-05-01 08:00:00+00:00 2024-05-01 10:00:00+00:00 None
    """
    try:
        if isinstance(value, int | float):  # milliseconds, as JavaScript counts
            found = datetime.fromtimestamp(value / 1000, UTC)
        else:
            found = datetime.fromisoformat(str(value))
        found = found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)
    except (ValueError, OverflowError, OSError):
        return None
    return found.replace(microsecond=0)


def _plain(text: Any) -> str:
    return unicodedata.normalize("NFC", _CONTROLS.sub(" ", str(text))).strip() if text else ""
