"""Deletions go to their very end: store, edge, the edge once more; whatever fails in between is gone on with."""

import pytest

from app.catalog.records import State
from app.errors import EdgeUnavailable, StoreUnavailable
from app.store.folder import FolderStore
from tests import samples
from tests.test_uploads import House


class Edge:
    """An edge that remembers what it was told to forget, and can be out of reach."""

    def __init__(self):
        self.told = []
        self.is_down = False

    def forget(self, keys):
        if self.is_down:
            raise EdgeUnavailable("the edge does not answer", 7)
        self.told.append(list(keys))


class Store(FolderStore):
    """A folder that can refuse puts and deletions, or be slow to delete: it calls `waits`."""

    refused = frozenset()
    puts_nothing = False
    waits = staticmethod(lambda: None)

    def put(self, key, *arguments, **more):
        if self.puts_nothing:
            raise StoreUnavailable("the store does not answer")
        return super().put(key, *arguments, **more)

    def delete(self, key, version_id=None):
        self.waits()
        if key in self.refused:
            raise StoreUnavailable("the store does not answer")
        super().delete(key, version_id)


@pytest.fixture
def edge():
    return Edge()


@pytest.fixture
def house(make_settings, edge):
    settings = make_settings()
    made = House(settings, store=Store(settings.data_dir / "objects"), purge=edge)
    yield made
    made.close()


def test_a_deletion_is_done_once_the_edge_was_told_twice(house, edge):
    key = house.send().key

    house.uploads.delete(key)

    assert house.store.head(key) is None
    assert house.uploads.find(key) is None
    assert (house.state(key), edge.told) == (State.DELETING, [[key]])
    house.clock.tick(seconds=59)
    house.upkeep.end_deletions()
    assert (house.state(key), edge.told) == (State.DELETING, [[key]])
    house.clock.tick(seconds=1)
    house.upkeep.end_deletions()
    assert (house.state(key), edge.told) == (State.DELETED, [[key], [key]])


def test_while_the_edge_does_not_answer_the_deletion_is_not_done(house, edge):
    key = house.send().key
    edge.is_down = True

    house.uploads.delete(key)
    for _ in range(3):
        house.clock.tick(minutes=10)
        with pytest.raises(EdgeUnavailable):
            house.upkeep.end_deletions()

    assert (house.state(key), house.uploads.find(key), house.store.head(key)) == (State.DELETING, None, None)
    assert house.catalog.jobs.queued(now=house.clock()).deletions == 1
    edge.is_down = False
    house.upkeep.end_deletions()
    assert house.catalog.jobs.queued(now=house.clock()).deletions == 0
    house.clock.tick(minutes=1)
    house.upkeep.end_deletions()
    assert house.state(key) is State.DELETED


def test_the_edge_is_not_told_while_the_object_is_there(house, edge):
    key = house.send().key
    house.store.refused = {key}

    house.uploads.delete(key)

    assert (house.state(key), edge.told) == (State.DELETING, [])
    house.store.refused = frozenset()
    house.upkeep.end_deletions()
    assert (house.store.head(key), edge.told) == (None, [[key]])


def test_one_object_that_stays_does_not_hold_up_the_others(house, edge):
    keys = [house.send(samples.make("png", seed=seed)).key for seed in range(3)]
    house.store.refused = {keys[1]}

    house.uploads.delete_all(keys)

    assert [sorted(told) for told in edge.told] == [sorted([keys[0], keys[2]])]
    assert house.store.head(keys[1]) is not None


def test_who_deletes_many_waits_for_a_slow_store_no_longer_than_for_a_few(house, edge):
    keys = [house.send(samples.make("png", seed=seed)).key for seed in range(4)]
    house.store.waits = lambda: house.clock.tick(seconds=15)

    house.uploads.delete_all(keys)

    assert [len(told) for told in edge.told] == [2]
    assert not any(house.uploads.find(key) for key in keys)
    house.upkeep.end_deletions()
    assert not any(house.store.head(key) for key in keys)


def test_a_store_that_is_mute_is_asked_once_and_the_rest_is_left(house, monkeypatch):
    keys = [house.send(samples.make("png", seed=seed)).key for seed in range(4)]
    house.catalog.uploads.retire(keys, states=(State.LIVE,))
    with monkeypatch.context() as patch:
        for name in ("finish", "retire"):
            patch.setattr(house.catalog.uploads, name, _refuse)
        for seed in range(4, 6):
            with pytest.raises(StoreUnavailable):
                house.send(samples.make("png", seed=seed))
    keys = [row.key for row in house.catalog.uploads.unsettled(limit=9)]
    asked = []
    house.store.refused = frozenset(keys)
    house.store.waits = lambda: (asked.append(1), house.clock.tick(seconds=40))

    with pytest.raises(StoreUnavailable):
        house.upkeep.end_deletions()
    assert len(asked) == 1
    settled = house.upkeep.reconcile(grace_s=0)
    assert (len(asked), settled.left, settled.abandoned, settled.deleted) == (2, 6, 0, 0)

    house.store.refused, house.store.waits = frozenset(), lambda: None
    house.upkeep.end_deletions()
    assert not any(house.store.head(key) for key in keys)


def test_objects_that_are_refused_at_once_hold_up_no_other(house):
    keys = sorted(house.send(samples.make("png", seed=seed)).key for seed in range(30))
    house.store.refused = frozenset(keys[:29])
    house.store.waits = lambda: house.clock.tick(milliseconds=500)
    house.catalog.uploads.retire(keys, states=(State.LIVE,))

    with pytest.raises(StoreUnavailable):
        house.upkeep.end_deletions()

    assert house.store.head(keys[29]) is None


def test_who_uploads_does_not_wait_for_a_store_that_did_not_answer_to_delete_too(house, edge):
    house.store.puts_nothing, house.store.late_put_s = True, 120.0
    asked = []
    house.store.waits = lambda: asked.append(house.clock.now)

    with pytest.raises(StoreUnavailable):
        house.send()
    house.upkeep.end_deletions()
    assert asked == []
    house.clock.tick(seconds=121)
    house.upkeep.end_deletions()
    assert len(asked) == 1
    house.clock.tick(seconds=61)
    assert house.upkeep.reconcile().left == 0


def test_all_that_expires_at_once_is_told_at_once(house, edge):
    ends = house.clock().replace(hour=13)
    keys = [house.send(samples.make("png", seed=seed), expires_at=ends).key for seed in range(5)]
    house.clock.tick(hours=2)

    assert house.upkeep.expire() == 5

    assert [sorted(told) for told in edge.told] == [sorted(keys)]
    assert {house.store.head(key) for key in keys} == {None}


def test_the_edge_is_not_asked_about_what_nobody_was_ever_told(house, edge, monkeypatch):
    monkeypatch.setattr(house.store, "put", _refuse)

    with pytest.raises(StoreUnavailable):
        house.send()

    assert edge.told == []
    assert house.catalog.uploads.unsettled(limit=9) == []


def test_reconcile_counts_a_deletion_that_waits_as_left(house):
    house.uploads.delete(house.send().key)

    first = house.upkeep.reconcile()
    house.clock.tick(minutes=2)
    second = house.upkeep.reconcile()

    assert (first.deleted, first.left) == (0, 1)
    assert (second.deleted, second.left) == (1, 0)


def test_without_an_edge_a_deletion_is_done_at_once(make_settings):
    house = House(make_settings())
    key = house.send().key

    house.uploads.delete(key)

    assert house.state(key) is State.DELETED
    assert not house.uploads.deletions.reach_the_edge
    house.close()


def _refuse(*_, **__):
    raise StoreUnavailable("the store does not answer")
