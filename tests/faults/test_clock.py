"""The clock of the server jumps by an hour, ahead or back; that of the store is in test_store.py."""

import datetime as dt
from collections.abc import Callable

import pytest
from flask import Flask

from tests.conftest import OWNER
from tests.faults.conftest import House

HOUR = dt.timedelta(hours=1)


@pytest.fixture
def house(make_app: Callable[..., Flask]) -> House:
    return House(make_app())


def jump(house: House, span: dt.timedelta) -> None:
    uploads = house.parts.uploads
    uploads.clock = uploads.deletions._clock = lambda: dt.datetime.now(dt.UTC) + span


@pytest.mark.parametrize("span", [HOUR, -HOUR], ids=["ahead", "back"])
def test_nothing_is_lost_or_taken_back_that_was_acknowledged(house: House, span: dt.timedelta) -> None:
    """Sessions and repeats outlive it as well."""
    browser = house.app.test_client()
    browser.post("/login", data={"token": OWNER}, headers={"Sec-Fetch-Site": "same-origin"})
    first = house.send(1, "k").json["key"]
    jump(house, span)

    assert house.send(1, "k").json["key"] == first
    assert house.send(2).status_code == 201
    assert house.readyz() == 200
    assert house.upkeep().expire() == 0
    house.upkeep().reconcile()
    house.parts.inventory.compare(grace_s=900)
    house.upkeep().prune()
    assert browser.get("/gallery").status_code == 200
    assert house.settle().faults == {}


def test_what_a_dead_upload_left_before_the_clock_went_back_is_settled_all_the_same(house: House) -> None:
    jump(house, HOUR)
    put = house.parts.store.put

    def die(*arguments: object, **more: object) -> None:
        put(*arguments, **more)  # type: ignore[arg-type]
        raise KeyboardInterrupt

    catalog = house.parts.catalog.uploads
    retire = catalog.retire
    house.parts.store.put, catalog.retire = die, lambda *_, **__: []  # type: ignore[method-assign]
    with pytest.raises(KeyboardInterrupt):
        house.send(1)
    house.parts.store.put, catalog.retire = put, retire  # type: ignore[method-assign]
    jump(house, dt.timedelta())

    assert house.upkeep().reconcile().abandoned == 1
    assert house.settle().faults == {}
