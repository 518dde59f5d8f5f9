"""How much there is, and what it costs."""

from ...costs import KINDS
from ...errors import BadRequest
from ...settings import Settings
from ...stats import BY, MAX_DAYS
from ...tokens import MANAGE
from .pieces import Json, operation, parameter, reply
from .schemas import COUNT, TEXT

TAG = "Statistics"


def paths(settings: Settings) -> Json:
    """Return the routes of web/statistics.py that are for programs."""
    day = {"type": "string", "format": "date"}
    shown = operation(
        TAG,
        "statistics",
        "What is stored, asked for and to be paid",
        about=f"Uploads are those that can be seen; days are those of UTC. At most {MAX_DAYS:,} days.",
        scopes=[MANAGE],
        is_read=True,
        parameters=[
            parameter("query", "from", "The first day of `by_day`; 30 days without it", day, example="2026-11-01"),
            parameter("query", "to", "Its last day; today without it", day, example="2026-11-25"),
        ],
        answers={"200": reply("The figures of this moment", _figures(), example=_EXAMPLE)},
        refused=[BadRequest],
        curl=f'curl -H "Authorization: Bearer $TOKEN" {settings.base_url}/api/stats',
    )
    return {"/api/stats": {"get": shown}}


def _figures() -> Json:
    tallies = {"type": "array", "items": _object(name=TEXT, count=COUNT, size=COUNT)}
    dollars = {"type": "number", "minimum": 0}
    asked = _object(**dict.fromkeys(KINDS, COUNT)) | {"description": "Transactions of the bucket by class"}
    bill = _object(storage=dollars, b=dollars, c=dollars, total=dollars)
    return _object(
        stored=COUNT | {"description": "Objects in the store"},
        size=COUNT | {"description": "Their bytes"},
        waiting=COUNT | {"description": "Deletions that store or edge did not take yet"},
        undrawn=COUNT | {"description": "Uploads whose thumbnail is still to be made"},
        today=asked,
        month=asked,
        bill=bill | {"description": "The month in US dollars, as it goes on as it went so far"},
        **{f"by_{by}": tallies for by in BY},
    )


def _object(**properties: Json) -> Json:
    return {"type": "object", "required": list(properties), "properties": properties, "additionalProperties": False}


_EXAMPLE = {
    "stored": 2,
    "size": 51_029,
    "waiting": 0,
    "undrawn": 0,
    "today": {"A": 2, "B": 0, "C": 0},
    "month": {"A": 12, "B": 3, "C": 1},
    "bill": {"storage": 0.0, "b": 0.0, "c": 0.0, "total": 0.0},
    "by_day": [{"name": "2026-11-25", "count": 1, "size": 48_213}],
    "by_type": [{"name": "image/png", "count": 1, "size": 48_213}],
    "by_token": [{"name": "laptop", "count": 1, "size": 48_213}],
}
