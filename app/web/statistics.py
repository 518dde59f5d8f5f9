"""How much is uploaded, by day, type and token: a page with a chart, CSV, and JSON."""

from dataclasses import asdict
from datetime import timedelta
from typing import cast

from flask import Blueprint, Response, jsonify, render_template, request

from .. import stats
from ..catalog.tallies import Tally
from ..chart import bars
from ..errors import BadRequest
from ..stats import BY, By, Period, read_period, uploads_by
from ..tokens import MANAGE
from . import parts
from .auth import authenticate
from .owner import owner_pages

SPANS = (30, 90, 365)  # days that a page shows

statistics = owner_pages("statistics")
statistics_api = Blueprint("statistics_api", __name__, url_prefix="/api")


@statistics.get("/statistics")
def show_page() -> str:
    """The page; `days` are 30, 90 or 365."""
    days = _days()
    found = {by: uploads_by(parts().catalog, by, _last(days)) for by in BY}
    return render_template(
        "statistics.html",
        days=days,
        spans=SPANS,
        found=found,
        all_time=_sum(found["type"]),
        period=_sum(found["day"]),
        stored=parts().catalog.tallies.stored(),
        bars=bars,
    )


@statistics.get("/statistics.csv")
def download() -> Response:
    """The same as CSV, `by` day, type or token."""
    by = request.args.get("by", "day")
    if by not in BY:
        raise BadRequest(f"by is {by[:40]!r}; give {', '.join(BY)}")
    chosen = cast(By, by)
    text = stats.to_csv(uploads_by(parts().catalog, chosen, _last(_days())), chosen)
    response = Response(text, content_type="text/csv; charset=utf-8; header=present")
    response.headers["Content-Disposition"] = f'attachment; filename="uploads-by-{by}.csv"'
    return response


@statistics_api.get("/stats")
def show() -> Response:
    """What is stored, asked for and to be paid, and the uploads of the days `from` to `to` (ISO dates; the last 30
    days), by type and by token; 400 for more than 3,660 days."""
    authenticate(MANAGE)
    now = parts().uploads.clock()
    period = read_period(request.args.get("from"), request.args.get("to"), today=now.date())
    found = stats.collect(parts().catalog, now=now)
    told = {f"by_{by}": [asdict(one) for one in uploads_by(parts().catalog, by, period)] for by in BY}
    return jsonify(asdict(found) | {"bill": asdict(found.bill) | {"total": found.bill.total}} | told)


def _days() -> int:
    text = request.args.get("days", str(SPANS[0]))
    if text not in map(str, SPANS):
        raise BadRequest(f"days is {text[:40]!r}; give {', '.join(map(str, SPANS))}")
    return int(text)


def _last(days: int) -> Period:
    today = parts().uploads.clock().date()
    return Period(today - timedelta(days - 1), today)


def _sum(found: list[Tally]) -> Tally:
    return Tally("", sum(one.count for one in found), sum(one.size for one in found))
