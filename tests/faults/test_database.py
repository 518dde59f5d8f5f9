"""A catalog that is locked for longer than anybody waits, before an upload begins and in the midst of it."""

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
from flask import Flask

from app.store.folder import FolderStore
from tests.conftest import OWNER
from tests.faults.conftest import House, is_honest

BUSY = (503, "busy")
OURS = {"Authorization": f"Bearer {OWNER}"}


@pytest.fixture
def house(make_app: Callable[..., Flask], monkeypatch: pytest.MonkeyPatch) -> House:
    monkeypatch.setattr("app.catalog.sqlite_file.WAIT_S", 0.1)
    return House(make_app())


@contextmanager
def locked(house: House) -> Iterator[None]:
    """Another program writes to the catalog, and does not end."""
    path = house.parts.settings.data_dir / "catalog.sqlite3"
    other = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
    other.execute("BEGIN IMMEDIATE")
    try:
        yield
    finally:
        other.close()


def test_while_the_catalog_is_locked_uploads_are_refused_and_all_is_read(house: House) -> None:
    house.send(1)
    with locked(house):
        assert is_honest(house.send(2, "k"), *BUSY)
        assert house.readyz() == 503
        assert house.app.test_client().get("/api/uploads", headers=OURS).status_code == 200
        assert house.app.test_client().get(house.acknowledged[0].url).status_code == 200

    assert house.send(2, "k").status_code == 201
    assert house.readyz() == 200
    assert house.settle().faults == {}


def test_a_lock_in_the_midst_of_an_upload_costs_its_repeat_nothing(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The object is stored, its row can neither go live nor be taken back; the same request is then taken anew."""
    stored, locks = FolderStore.put, []

    def put(store: FolderStore, *arguments: object, **more: object) -> None:
        stored(store, *arguments, **more)  # type: ignore[arg-type]
        locks.append(locked(house))
        locks[-1].__enter__()

    with monkeypatch.context() as patch:
        patch.setattr(FolderStore, "put", put)
        assert is_honest(house.send(1, "k"), *BUSY)
    locks[0].__exit__(None, None, None)
    assert len(house.parts.catalog.uploads.unsettled(limit=9)) == 1

    assert house.send(1, "k").status_code == 201
    assert house.settle().faults == {}
