"""How jobs went and what waits for them, the same on SQLite and on PostgreSQL."""

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import text

from app.catalog.jobs import JobRun, Queued
from app.catalog.records import Upload

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)


def test_failures_in_a_row_are_counted_until_a_success(catalog):
    catalog.jobs.failed("expiry", "x" * 300, now=NOW)
    catalog.jobs.failed("expiry", "no", now=NOW)
    assert catalog.jobs.list() == [JobRun("expiry", None, NOW, 2, "no")]

    catalog.jobs.succeeded("expiry", now=NOW)

    assert catalog.jobs.list() == [JobRun("expiry", NOW, NOW, 0, "no")]


@pytest.mark.parametrize(
    ("state", "values", "kind"),
    [
        ("live", {}, "undrawn"),
        ("live", {"thumbnail": "failed", "problem": "cut off"}, "undrawable"),
        ("deleting", {}, "deletions"),
        ("found", {}, "found"),
        ("pending", {}, "pending"),
        ("live", {"thumbnail": "made", "expires_at": NOW - timedelta(seconds=1)}, "overdue"),
    ],
)
def test_what_waits_is_counted_by_its_kind(catalog, state, values, kind):
    catalog.changes.add(Upload("k1.png", "image/png", 10, 4, 3, "s" * 64, NOW, "e" * 64))
    with catalog._database.write() as connection:
        names = ", ".join(f"{name} = :{name}" for name in values | {"state": state})
        told = {name: str(value) if name == "expires_at" else value for name, value in values.items()}
        connection.execute(text(f"UPDATE uploads SET {names}"), told | {"state": state})

    found = catalog.jobs.queued(now=NOW)

    assert found == Queued(**{name: int(name == kind) for name in Queued.__dataclass_fields__})
