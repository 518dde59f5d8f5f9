"""The meter: what the bucket is asked for is counted, and counting never costs an upload anything."""

import threading
from datetime import UTC, date, datetime

import pytest

from app.errors import Busy
from app.meter import Meter
from app.stats import collect
from tests.test_uploads import House

DAY = date(2026, 11, 25)
NOW = datetime(2026, 11, 25, 23, 59, tzinfo=UTC)


@pytest.fixture
def house(make_settings):
    made = House(make_settings())
    yield made
    made.close()


def meter(house, **options):
    return Meter(house.catalog, clock=lambda: NOW, **options)


def test_operations_are_counted_by_class_and_day(house):
    counting = meter(house)
    for operation in ("PutObject", "PutObject", "DeleteObject", "GetObject", "ListObjectsV2", "GetBucketLocation"):
        counting.count(operation)

    counting.write()
    counting.write()

    assert house.catalog.transactions.since(DAY) == {DAY: {"A": 3, "B": 1, "C": 1}}


def test_several_processes_add_to_the_same_day(house):
    first, second = meter(house), meter(house)
    for one in (first, second, first):
        one.count("PutObject")
        one.write()

    assert house.catalog.transactions.since(DAY) == {DAY: {"A": 3}}


def test_counts_are_written_by_themselves(house, monkeypatch):
    written = threading.Event()
    add = house.catalog.transactions.add

    def adding(*args, **kwargs):
        add(*args, **kwargs)
        written.set()

    monkeypatch.setattr(house.catalog.transactions, "add", adding)
    meter(house, write_s=0.01).count("PutObject")

    assert written.wait(10)
    assert house.catalog.transactions.since(DAY) == {DAY: {"A": 1}}


def test_what_the_catalog_does_not_take_is_written_with_the_next(house, monkeypatch):
    counting = meter(house)
    counting.count("PutObject")
    with monkeypatch.context() as patch:
        patch.setattr(house.catalog.transactions, "add", _busy)
        counting.write()
    counting.count("GetObject")
    counting.write()

    assert house.catalog.transactions.since(DAY) == {DAY: {"A": 1, "B": 1}}


def test_stats_are_of_this_month_and_of_what_is_stored(house):
    kept, gone = house.send().key, house.send(key="another").key
    house.uploads.delete(gone)
    house.catalog.transactions.add({"A": 5}, day=date(2026, 10, 31))
    house.catalog.transactions.add({"A": 2, "B": 9}, day=date(2026, 11, 1))
    house.catalog.transactions.add({"A": 1}, day=DAY)

    found = collect(house.catalog, now=NOW)

    assert (found.stored, found.size) == (1, house.catalog.uploads.get(kept).size)
    assert found.today == {"A": 1, "B": 0, "C": 0}
    assert found.month == {"A": 3, "B": 9, "C": 0}
    assert found.bill.total == 0


def _busy(*_, **__):
    raise Busy("the catalog is locked")
