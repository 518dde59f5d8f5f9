"""What a sender may ask for beside the upload: read from form fields, the query or `X-Bowerbird-*` headers."""

import re
import unicodedata
from collections.abc import Callable
from datetime import datetime, timedelta

from ..amounts import expiry
from ..catalog.records import MAX_ALBUM, MAX_TAG, MAX_TAGS, MAX_TITLE
from ..errors import BadRequest
from ..uploads import Options

_CONTROLS = re.compile("[\x00-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")
_IDEMPOTENCY_KEY = re.compile(r"[\x21-\x7e]{1,255}")
NAMES = ("expires", "keep_metadata", "title", "tags")
HEADERS = {name: f"X-Bowerbird-{name.replace('_', '-').title()}" for name in NAMES}
YES, NO = ("1", "true", "yes", "on"), ("", "0", "false", "no", "off")


def read_options(get: Callable[[str], str | None], now: datetime, *, default_life_s: int | None = None) -> Options:
    """Return the options that `get` finds by name; raise BadRequest with the value that makes no sense.

    Where no expiry is asked for, the upload expires after `default_life_s`; `never` is asked for, too.
    """
    asked = (get("expires") or "").strip()
    by_default = now + timedelta(seconds=default_life_s) if default_life_s and not asked else None
    return Options(
        expires=asked.lower(),
        expires_at=by_default.replace(microsecond=0) if by_default else expiry(asked, now),
        keep_metadata=flag_of("keep_metadata", get("keep_metadata") or ""),
        title=title_of(get("title") or ""),
        tags=tags_of(get("tags") or ""),
    )


def idempotency_key(text: str | None) -> str | None:
    """Return the Idempotency-Key, or None if there is none."""
    if text is not None and not _IDEMPOTENCY_KEY.fullmatch(text):
        raise BadRequest("the Idempotency-Key must be 1 to 255 visible ASCII characters")
    return text


def flag_of(name: str, text: str) -> bool:
    """Return whether `text` means yes; raise BadRequest where it means neither yes nor no."""
    if (word := text.lower()) not in YES + NO:
        raise BadRequest(f"{name} is {text[:40]!r}; give 1 or 0")
    return word in YES


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
    text = unicodedata.normalize("NFC", _CONTROLS.sub(" ", text)).strip()
    if len(text) > most:
        raise BadRequest(f"{name} has {len(text)} characters; at most {most} are taken")
    return text
