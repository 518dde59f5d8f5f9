"""Where a page of a list ends: a cursor, which a client gets as one opaque word."""

import base64
import binascii
import json
from dataclasses import dataclass
from datetime import UTC, datetime

from .errors import BadRequest

_MOST = 4096


@dataclass(frozen=True, slots=True)
class Cursor:
    """The last row of a page: what it is sorted by, its moment (UTC) or its size, and its key."""

    value: datetime | int
    key: str


def encode(cursor: Cursor) -> str:
    """Return the cursor as letters, digits, `-` and `_`.

    >>> decode(encode(Cursor(7, "k7Wq3Zpa.png")))
    Cursor(value=7, key='k7Wq3Zpa.png')
    """
    value = cursor.value if isinstance(cursor.value, int) else cursor.value.astimezone(UTC).isoformat()
    text = json.dumps([value, cursor.key], separators=(",", ":"))
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def decode(text: str) -> Cursor:
    """Return the cursor that `encode` made this of; raise BadRequest for anything else."""
    try:
        if len(text) > _MOST:
            raise ValueError
        value, key = json.loads(base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True))
        if isinstance(value, str):
            value = datetime.fromisoformat(value).astimezone(UTC)
        is_number = type(value) is int and 0 <= value < 2**63
        if not isinstance(key, str) or not (is_number or isinstance(value, datetime)):
            raise ValueError
    except (ValueError, TypeError, OverflowError, RecursionError, binascii.Error) as e:
        raise BadRequest(f"the cursor {text[:40]!r} is none of ours; start without one") from e
    return Cursor(value, key)
