"""What keeps the server running: health, metrics, notifications of the bucket, and this document."""

from ...errors import (
    BadRequest,
    Forbidden,
    NotFound,
    RateLimited,
    StoreFull,
    StoreMisconfigured,
    StoreUnavailable,
    TooLarge,
    Unauthorized,
)
from ...settings import Settings
from ...tokens import MANAGE, METRICS
from ...webhooks import HEADER, MAX_EVENTS
from .pieces import Json, operation, parameter, reply
from .schemas import COUNT, MOMENT, TEXT

TAG = "Operation"

_OK = {"type": "object", "required": ["status"], "properties": {"status": {"const": "ok"}}}


def paths(settings: Settings) -> Json:
    """Return the routes of web/health.py, web/metrics.py, web/hooks.py and web/docs.py."""
    alive = operation(
        TAG,
        "alive",
        "Whether requests are answered",
        answers={"200": reply("They are", _OK, example={"status": "ok"})},
        curl=f"curl {settings.base_url}/healthz",
    )
    ready = operation(
        TAG,
        "ready",
        "Whether the catalog and the store answer",
        answers={"200": reply("They do", _OK, example={"status": "ok"})},
        refused=[StoreUnavailable, StoreMisconfigured, StoreFull],
        curl=f"curl {settings.base_url}/readyz",
    )
    described = operation(
        TAG,
        "describe",
        "This document",
        answers={"200": reply("OpenAPI 3.1", {"type": "object", "required": ["openapi", "info", "paths"]})},
        curl=f"curl {settings.base_url}/api/openapi.json",
    )
    return {
        "/healthz": {"get": alive},
        "/readyz": {"get": ready},
        "/metrics": {"get": _metrics(settings)},
        "/hooks/b2": {"post": _notify(settings)},
        "/api/openapi.json": {"get": described},
    }


def _metrics(settings: Settings) -> Json:
    made = operation(
        TAG,
        "metrics",
        "Metrics for Prometheus",
        about="A program on the same machine needs no token.",
        scopes=[METRICS, MANAGE],
        is_read=True,
        answers={"200": {"description": "Prometheus' text", "content": {"text/plain": {"schema": TEXT}}}},
        curl=f'curl -H "Authorization: Bearer $TOKEN" {settings.base_url}/metrics',
    )
    made["security"].append({})
    return made


def _notify(settings: Settings) -> Json:
    ours = _event(eventId=TEXT, eventType=TEXT, bucket=TEXT, key=TEXT, time=MOMENT, versionId=TEXT, contentLength=COUNT)
    theirs = _event(
        eventId=TEXT,
        eventType=TEXT,
        bucketName=TEXT,
        objectName=TEXT,
        eventTimestamp=COUNT,
        objectVersionId=TEXT,
        objectSize=COUNT,
    )
    events = {"type": "array", "minItems": 1, "maxItems": MAX_EVENTS, "items": {"anyOf": [ours, theirs]}}
    several = {"type": "object", "required": ["events"], "properties": {"events": events}}
    count = {"type": "object", "required": ["accepted"], "properties": {"accepted": COUNT}}
    return operation(
        TAG,
        "notify",
        "Take a notification of the bucket",
        about=f"""From the signing proxy, or B2's own event notifications. `{HEADER}` is `v1=` and the HMAC-SHA256 of
the body in hex, with BOWERBIRD_WEBHOOK_SECRET; without that setting there is nothing here.""",
        parameters=[parameter("header", HEADER, "The signature of the body", TEXT, required=True)],
        body={"application/json": {"schema": {"anyOf": [ours, several]}, "example": _EXAMPLE}},
        answers={"200": reply("How many of its events were new", count, example={"accepted": 1})},
        refused=[BadRequest, Unauthorized, Forbidden, NotFound, TooLarge, RateLimited],
        curl=f"""body='{{"eventId": "1", "eventType": "b2:TestEvent", "time": "'$(date -u +%FT%TZ)'"}}'
signature=v1=$(printf %s "$body" | openssl dgst -sha256 -hmac "$BOWERBIRD_WEBHOOK_SECRET" -r | cut -d' ' -f1)
curl -H "{HEADER}: $signature" -H 'Content-Type: application/json' -d "$body" {settings.base_url}/hooks/b2""",
    )


def _event(**properties: Json) -> Json:
    return {"type": "object", "required": ["eventId", "eventType"], "properties": properties}


_EXAMPLE = {
    "eventId": "0f2b1c9e",
    "eventType": "b2:ObjectCreated:Upload",
    "bucket": "my-pictures",
    "key": "k7Wq3Zpa.png",
    "versionId": "4_z27c88f1d182b150646ff0b16_f1004ba650fe24e6b",
    "contentLength": 48213,
    "time": "2026-11-25T12:00:00.000Z",
}
