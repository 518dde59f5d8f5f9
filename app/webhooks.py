"""Notifications of what changed in the bucket: how they are signed, and what they say.

The signing proxy sends one object, or a list of what one request changed; B2's own event notifications are such a list
of objects of another form. Both sign alike.
Source: https://www.backblaze.com/docs/cloud-storage-event-notifications-reference-guide
"""

import hmac
import json
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Any

from .errors import BadRequest, Forbidden, Unauthorized
from .request_ids import is_request_id

HEADER = "X-Bz-Event-Notification-Signature"
MAX_EVENTS = 50  # of B2's maxEventsPerBatch
WINDOW = timedelta(days=4)  # what a queue of Cloudflare keeps, and B2 repeats for hours; ids are remembered for longer
REMEMBERED = 2 * WINDOW
_SKEW = timedelta(minutes=15)
_MAX_TEXT = 1024


class Kind(StrEnum):
    """What happened to the object. A hide marker makes it vanish as a deletion does."""

    CREATED = "created"
    REMOVED = "removed"
    OTHER = "other"


@dataclass(frozen=True, slots=True)
class Event:
    """One change; `id` is the sender's and stays the same when it is sent again. `size` in bytes, `at` in UTC."""

    id: str
    kind: Kind
    bucket: str
    key: str
    at: datetime
    version_id: str | None = None  # None where the event does not name the version of an object
    size: int = 0
    request_id: str | None = None  # of ours, that has made the change; None of other clients', and where B2 tells it


def sign(secret: str, body: bytes) -> str:
    """Return the value of the signature header.

    >>> sign("what do ya want for nothing?", b"")[:9]
    'v1=1e837b'
    """
    return "v1=" + hmac.new(secret.encode(), body, "sha256").hexdigest()


def check(secret: str, body: bytes, signature: str | None) -> None:
    """Return if `signature` is that of the raw `body`; else raise Unauthorized."""
    given = (signature or "").encode("utf-8", "surrogateescape")
    if not hmac.compare_digest(sign(secret, body).encode(), given):
        raise Unauthorized("the notification is not signed with our webhook secret")


def parse(body: bytes, *, now: datetime) -> list[Event]:
    """Return the events of a notification, in either form.

    Raises BadRequest for what is neither, and Forbidden for an event of another day or of the future: its id may have
    been forgotten, so a replay could not be told.
    """
    try:
        given = json.loads(body)
    except (ValueError, RecursionError) as e:
        raise BadRequest("the notification is not JSON") from e
    if not isinstance(given, dict):
        raise BadRequest("the notification is not a JSON object")
    found = given.get("events", [given])
    if not isinstance(found, list) or not 1 <= len(found) <= MAX_EVENTS:
        raise BadRequest(f"a notification has 1 to {MAX_EVENTS} events")
    events = [_event(one, is_ours="events" not in given or _is_ours(one)) for one in found]
    for event in events:
        if not -_SKEW <= now - event.at <= WINDOW:
            raise Forbidden(f"the event of {event.at:%Y-%m-%d %H:%M} UTC is stale; at most {WINDOW} are taken")
    return events


def _is_ours(one: Any) -> bool:
    """Whether an event of a list is the signing proxy's: B2's do not tell when the client signed its request."""
    return isinstance(one, dict) and "signatureTimestamp" in one


def _event(one: Any, *, is_ours: bool) -> Event:
    if not isinstance(one, dict):
        raise BadRequest("an event is not a JSON object")
    names = ("bucket", "key", "versionId", "contentLength")
    bucket, key, version, size = names if is_ours else ("bucketName", "objectName", "objectVersionId", "objectSize")
    event_id, event_type = _text(one, "eventId"), _text(one, "eventType")
    at = _ours_at(one) if is_ours else _theirs_at(one)
    kind = _kind(event_type)
    if kind is Kind.OTHER:  # such as B2's test event, which is about no object
        return Event(event_id, kind, "", "", at)
    is_versioned = event_type not in _HIDES and one.get(version) is not None
    return Event(
        id=event_id,
        kind=kind,
        bucket=_text(one, bucket),
        key=_text(one, key),
        at=at,
        version_id=_text(one, version) if is_versioned else None,
        size=_size(one.get(size)),
        request_id=request_id if is_request_id(request_id := str(one.get("requestId"))) else None,
    )


# B2's own SDKs disagree on how it is called. Its version is that of the marker, not of what it hides.
_HIDES = {"b2:HideMarkerCreated:Hide", "b2:ObjectCreated:Hide"}


def _kind(event_type: str) -> Kind:
    if event_type.startswith("b2:ObjectDeleted:") or event_type in _HIDES:
        return Kind.REMOVED
    return Kind.CREATED if event_type.startswith("b2:ObjectCreated:") else Kind.OTHER


def _text(one: dict[str, Any], name: str) -> str:
    value = one.get(name)
    if not isinstance(value, str) or not value or len(value.encode("utf-8", "surrogatepass")) > _MAX_TEXT:
        raise BadRequest(f"the event's {name} must be a text of 1 to {_MAX_TEXT} bytes")
    return value


def _size(value: Any) -> int:
    if value is None:
        return 0
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value < 2**63:
        raise BadRequest("the event's size must be a number of bytes")
    return value


def _ours_at(one: dict[str, Any]) -> datetime:
    try:
        at = datetime.fromisoformat(_text(one, "time"))
        return at.replace(tzinfo=at.tzinfo or UTC).astimezone(UTC)
    except (ValueError, OverflowError) as e:  # the first and the last hours there are have no UTC
        raise BadRequest("the event's time must be of the form 2026-11-24T12:00:00.000Z") from e


def _theirs_at(one: dict[str, Any]) -> datetime:
    value = one.get("eventTimestamp")
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value < 10**14:
        raise BadRequest("the event's eventTimestamp must be in milliseconds")
    return datetime.fromtimestamp(value / 1000, UTC)
