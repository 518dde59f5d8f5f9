"""What the headers of tus say, checked. Source: https://tus.io/protocols/resumable-upload"""

import base64
import binascii
import re
from datetime import datetime
from email.utils import format_datetime

from ..errors import BadRequest, UnsupportedType
from ..partial import Checksum

CONTENT_TYPE = "application/offset+octet-stream"
ALGORITHMS = {"sha1": 20, "sha256": 32, "md5": 16}  # and how many bytes their digests have

_MAX_METADATA = 8000  # a header has at most 8,190
_NUMBER = re.compile(r"[0-9]{1,15}")
_KEY = re.compile(r"[\x21-\x2b\x2d-\x7e]+")  # visible ASCII without the comma


def number(name: str, text: str | None) -> int:
    """Return the number of bytes in the header `name`; raise BadRequest for what is none."""
    if text is None:
        raise BadRequest(f"the header {name} is missing")
    if not _NUMBER.fullmatch(text):
        raise BadRequest(f"the header {name} is {text[:40]!r}; give a number of bytes")
    return int(text)


def metadata(text: str) -> dict[str, str]:
    """Return Upload-Metadata by its keys; what is not UTF-8 in a value is replaced. Raises BadRequest.

    >>> metadata("filename bWFwLnBuZw==,is_confidential")
    {'filename': 'map.png', 'is_confidential': ''}
    """
    if len(text) > _MAX_METADATA:
        raise BadRequest(f"Upload-Metadata has {len(text):,} characters; at most {_MAX_METADATA:,} are taken")
    found: dict[str, str] = {}
    for pair in text.split(",") if text else ():
        key, _, value = pair.strip(" ").partition(" ")
        if not _KEY.fullmatch(key) or key in found:
            raise BadRequest(f"Upload-Metadata has a key that is empty, not ASCII or there twice: {key[:40]!r}")
        found[key] = _decoded(value, f"the value of {key[:40]!r} in Upload-Metadata").decode("utf-8", "replace")
    return found


def checksum(text: str | None) -> Checksum | None:
    """Return what Upload-Checksum says, None where there is none; raise BadRequest, also for unknown algorithms."""
    if text is None:
        return None
    name, _, value = text.partition(" ")
    if name not in ALGORITHMS:
        raise BadRequest(f"the checksum {name[:40]!r} is not known; there are {', '.join(ALGORITHMS)}")
    digest = _decoded(value, "Upload-Checksum")
    if len(digest) != ALGORITHMS[name]:
        raise BadRequest(f"Upload-Checksum has {len(digest)} bytes; a {name} has {ALGORITHMS[name]}")
    return name, digest


def check_content_type(text: str | None) -> None:
    """Raise UnsupportedType unless a body of bytes at an offset is announced."""
    if (text or "").partition(";")[0].strip().lower() != CONTENT_TYPE:
        raise UnsupportedType(f"the Content-Type is {(text or '')[:60]!r}; send {CONTENT_TYPE}")


def date(moment: datetime) -> str:
    """Return a time in UTC as a header has it."""
    return format_datetime(moment.replace(microsecond=0), usegmt=True)


def _decoded(value: str, what: str) -> bytes:
    try:
        return base64.b64decode(value.strip(" ").encode("ascii"), validate=True)
    except (binascii.Error, UnicodeEncodeError) as e:
        raise BadRequest(f"{what} is not base64") from e
