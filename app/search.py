"""What a search asks for: words, and filters such as `tag:cat type:png larger:1MB since:2026-01-01`."""

import re
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from enum import StrEnum

from .amounts import size
from .errors import BadRequest

MAX_TEXT, MAX_WORDS, MAX_WORD, MAX_FILTERS = 200, 8, 64, 8

_TYPES = {
    "jpg": "image/jpeg",
    **{name: f"image/{name}" for name in ("jpeg", "png", "gif", "webp", "avif")},
    **{name: f"video/{name}" for name in ("mp4", "webm")},
}


class Sort(StrEnum):
    """The order of a list."""

    NEWEST = "newest"
    OLDEST = "oldest"
    LARGEST = "largest"
    SMALLEST = "smallest"

    @property
    def is_by_size(self) -> bool:
        """Whether it is by size; by date otherwise."""
        return self in (Sort.LARGEST, Sort.SMALLEST)

    @property
    def is_falling(self) -> bool:
        """Whether the largest or newest comes first."""
        return self in (Sort.NEWEST, Sort.LARGEST)

    @property
    def turned(self) -> "Sort":
        """The same order from its other end."""
        order = list(Sort)
        return order[order.index(self) ^ 1]


@dataclass(frozen=True, slots=True)
class Query:
    """Which uploads, and in which order. All has to hold: `words` begin words of title, file name or tags (in small
    letters), every tag is there, the content type is one of `types`; `since` is in, `until` is not; sizes in bytes."""

    words: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    types: tuple[str, ...] = ()
    since: datetime | None = None
    until: datetime | None = None
    min_size: int | None = None
    max_size: int | None = None
    is_favourite: bool = False
    album_id: int | None = None
    sort: Sort = field(default=Sort.NEWEST)


def parse(text: str) -> Query:
    """Return what `text` asks for; raise BadRequest with the filter that makes no sense.

    A filter's value with blanks is put in double quotes; what has the form of no filter is words.

    >>> found = parse('Two cats tag:"my cat" type:png larger:1.5MB is:favourite')
    >>> found.words, found.tags, found.types, found.min_size, found.is_favourite
    (('two', 'cats'), ('my cat',), ('image/png',), 1572864, True)
    """
    if len(text) > MAX_TEXT:
        raise BadRequest(f"the search has {len(text)} characters; at most {MAX_TEXT} are taken")
    query = Query()
    count = 0

    def take(match: re.Match[str]) -> str:
        nonlocal query, count
        count += 1
        query = _FILTERS[match[1].lower()](query, match[2] if match[2] is not None else match[3])
        return " "

    rest = _FILTER.sub(take, text)
    if count > MAX_FILTERS:
        raise BadRequest(f"the search has {count} filters; at most {MAX_FILTERS} are taken")
    words = tuple(dict.fromkeys(words_of(rest)))
    if len(words) > MAX_WORDS:
        raise BadRequest(f"the search has {len(words)} words; at most {MAX_WORDS} are taken")
    return replace(query, words=words)


def words_of(text: str) -> list[str]:
    """Return the words of a text as the full text indexes have them: letters and digits, small.

    >>> words_of("Screenshot_2026-11-25 (Ä).PNG")
    ['screenshot', '2026', '11', '25', 'ä', 'png']
    """
    return [word[:MAX_WORD] for word in re.findall(r"[^\W_]+", unicodedata.normalize("NFC", text).lower())]


def day(text: str) -> datetime:
    """Return the first moment (UTC) of a day as `2026-11-25`, a month as `2026-11` or a year."""
    try:
        parts = [int(part) for part in text.split("-")]
        year, month, number = (*parts, 1, 1)[:3] if 1 <= len(parts) <= 3 else (0, 0, 0)
        return datetime(year, month, number, tzinfo=UTC)
    except (ValueError, OverflowError) as e:
        raise BadRequest(f"{text[:40]!r} is no date; give one such as 2026-11-25") from e


def content_type(text: str) -> str:
    """Return the content type that `png` or `image/png` means."""
    name = text.lower().removeprefix("image/").removeprefix("video/")
    if name not in _TYPES:
        raise BadRequest(f"{text[:40]!r} is no type of image or video; there are {', '.join(sorted(_TYPES))}")
    return _TYPES[name]


def _until(query: Query, text: str) -> Query:
    first = day(text)
    days = {1: 366, 2: 31}.get(len(text.split("-")), 1)
    try:
        last = first + timedelta(days=days)
    except OverflowError:  # the year 9999: nothing is later
        return query
    end = {1: last.replace(month=1, day=1), 2: last.replace(day=1)}.get(len(text.split("-")), last)
    return replace(query, until=end)


def _is(query: Query, text: str) -> Query:
    if text.lower() not in ("favourite", "favorite"):
        raise BadRequest(f"is:{text[:40]} is no filter; there is is:favourite")
    return replace(query, is_favourite=True)


_FILTERS: dict[str, Callable[[Query, str], Query]] = {
    "tag": lambda query, text: replace(query, tags=(*query.tags, text.strip().lower())),
    "type": lambda query, text: replace(query, types=(*query.types, content_type(text))),
    "since": lambda query, text: replace(query, since=day(text)),
    "until": _until,
    "on": lambda query, text: _until(replace(query, since=day(text)), text),
    "larger": lambda query, text: replace(query, min_size=size(text)),
    "smaller": lambda query, text: replace(query, max_size=size(text)),
    "is": _is,
}
_FILTER = re.compile(rf"(?<!\S)({'|'.join(_FILTERS)}):(?:\"([^\"]*)\"|(\S+))", re.IGNORECASE)
