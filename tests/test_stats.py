"""The figures: periods, sums, and CSV that no sheet computes with."""

import csv
import io
import time
from datetime import UTC, date, datetime, timedelta
from functools import partial
from statistics import median

import pytest
from sqlalchemy import text

from app import stats
from app.catalog import Catalog
from app.catalog.tallies import Tally
from app.errors import BadRequest
from app.stats import Period, read_period, to_csv, uploads_by
from tests.test_uploads import House

TODAY = date(2026, 11, 23)


@pytest.fixture
def house(make_settings):
    made = House(make_settings())
    yield made
    made.close()


def test_uploads_are_counted_by_day_type_and_token(house):
    upload = house.send()
    house.clock.tick(days=2)
    house.send(key="again")
    period = Period(TODAY, TODAY + timedelta(days=2))

    by_day = uploads_by(house.catalog, "day", period)

    assert [(one.name, one.count) for one in by_day] == [("2026-11-23", 1), ("2026-11-24", 0), ("2026-11-25", 1)]
    assert uploads_by(house.catalog, "type", period) == [Tally("image/png", 2, 2 * upload.size)]
    assert uploads_by(house.catalog, "token", period) == [Tally("t", 2, 2 * upload.size)]


def test_a_revoked_token_keeps_its_uploads_and_who_had_none_is_named(house):
    house.send()
    house.catalog.tokens.revoke("t", now=house.clock())
    fill(house.catalog, 2)

    found = uploads_by(house.catalog, "token", Period(TODAY, TODAY))

    assert [(one.name, one.count) for one in found] == [("other S3 clients", 2), ("t (revoked)", 1)]


@pytest.mark.parametrize(
    ("first", "last"),
    [("soon", None), (None, "2026-13-01"), ("2026-11-24", None), ("2016-01-01", "2026-11-23"), ("", "é")],
)
def test_a_period_that_makes_no_sense_is_refused(first, last):
    with pytest.raises(BadRequest):
        read_period(first, last, today=TODAY)


def test_a_period_may_begin_with_time_itself():
    assert read_period(None, "0001-01-02", today=TODAY).first == date.min
    assert (read_period("2016-11-16", None, today=TODAY).last - date(2016, 11, 16)).days + 1 == stats.MAX_DAYS


def test_csv_is_read_back_as_it_was_and_holds_no_formula():
    names = ['a, "b"', "=1+1", "@SUM(A1)", "+1", "-1", "ünï"]
    rows = list(csv.reader(io.StringIO(to_csv([Tally(name, 1, 2) for name in names], "token"))))

    assert rows[0] == ["token", "uploads", "bytes"]
    assert rows[1:] == [[name if name[0] in "aü" else f"'{name}", "1", "2"] for name in names]


def test_a_hundred_times_the_uploads_cost_no_more(tmp_path):
    """The figures come from sums, and what waits is counted up to a bound: so also a million would not."""
    now, catalogs = datetime(2026, 11, 23, tzinfo=UTC), {}
    for count in (500, 50_000):
        catalogs[count] = catalog = Catalog(f"sqlite:///{tmp_path / str(count)}.sqlite3")
        catalog.upgrade()
        fill(catalog, count)
        assert stats.collect(catalog, now=now).stored == count

    turns = [{count: timed(partial(stats.collect, one, now=now)) for count, one in catalogs.items()} for _ in range(20)]

    assert median(turn[50_000] / turn[500] for turn in turns) < 2
    for catalog in catalogs.values():
        catalog.close()


def fill(catalog, count):
    """Add many live uploads at once."""
    names = (
        "key, state, content_type, size, width, height, sha256, created_at, deletion_digest, writer, tags, thumbnail"
    )
    values = "'k' || value, 'live', 'image/png', 5, 2, 3, 's', '2026-11-23 12:00:00', 'd', 'w', '[]', 'made'"
    numbers = f"WITH RECURSIVE n (value) AS (SELECT 1 UNION ALL SELECT value + 1 FROM n WHERE value < {count})"
    with catalog._database.write() as connection:
        connection.execute(text(f"{numbers} INSERT INTO uploads ({names}) SELECT {values} FROM n"))


def timed(work):
    start = time.perf_counter()
    work()
    return time.perf_counter() - start
