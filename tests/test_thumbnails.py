"""Thumbnails of uploads: made once, after the answer; made again where a try failed; gone with the image."""

import io
import os
import shutil
import time
from dataclasses import replace
from datetime import timedelta

import pytest
from PIL import Image

from app import thumbnails, undrawn
from app.catalog.records import State, Thumbnail
from app.errors import BadImage, Busy, StoreFull, StoreUnavailable, TooComplex
from app.keys import thumbnail_key
from app.store.folder import FolderStore
from app.undrawn import KEEP_S
from tests import samples
from tests.test_inventory import Cloud, b2, client, cloud_settings, one_client, put
from tests.test_uploads import House

__all__ = ["b2", "client", "cloud_settings", "one_client"]  # fixtures

LARGE = samples.make("png", 800, 600)


@pytest.fixture
def house(make_settings):
    made = House(make_settings())
    yield made
    made.close()


@pytest.fixture
def cloud(cloud_settings, b2, client):
    made = Cloud(cloud_settings, b2)
    yield made
    made.close()


def row(house, key):
    return house.catalog.uploads.get(key)


def picture(house, key):
    file = io.BytesIO()
    found = house.store.fetch(thumbnail_key(key), file, max_bytes=10**6)
    return Image.open(file) if found else None


def refusing(error):
    def refuse(*_args, **_kwargs):
        raise error

    return refuse


def test_it_works(house):
    key = house.send(LARGE).key
    assert (row(house, key).thumbnail, house.catalog.jobs.queued(now=house.clock()).undrawn) == (Thumbnail.DUE, 1)

    assert house.thumbnails.make() == 1

    found = row(house, key)
    assert (found.thumbnail, found.problem, found.thumbnail_due_at) == (Thumbnail.MADE, None, None)
    assert len(found.blurhash) == 28 and found.color.startswith("#")
    assert picture(house, key).size == (400, 300)
    assert (house.thumbnails.make(), house.catalog.jobs.queued(now=house.clock()).undrawn) == (0, 0)


def test_it_goes_with_the_image(house):
    key = house.send(LARGE).key
    house.thumbnails.make()

    house.uploads.delete(key)

    assert (picture(house, key), row(house, key).state) == (None, State.DELETED)
    assert (row(house, key).blurhash, row(house, key).color) == (None, None)


def test_two_workers_do_not_make_it_twice(house):
    seen = row(house, house.send(LARGE).key)
    until = house.clock().replace(hour=13)

    assert house.catalog.thumbnails.begin(seen, until=until)
    assert not house.catalog.thumbnails.begin(seen, until=until)
    assert house.thumbnails.make() == 0


def test_a_worker_that_died_with_it_leaves_it_to_another(house):
    key = house.send(LARGE).key
    house.catalog.thumbnails.begin(row(house, key), until=house.clock().replace(minute=2))

    assert house.thumbnails.make() == 0
    house.clock.tick(minutes=2)
    assert house.thumbnails.make() == 1
    assert picture(house, key) is not None


def test_an_image_that_no_decoder_reads_is_kept_and_marked(house, monkeypatch):
    key = house.send(LARGE).key
    monkeypatch.setattr(house.decoders, "draw", refusing(BadImage("the image cannot be decoded: OSError")))

    assert house.thumbnails.make() == 0

    found = row(house, key)
    assert (found.state, found.thumbnail) == (State.LIVE, Thumbnail.FAILED)
    assert found.problem == "the image cannot be decoded: OSError"
    house.clock.tick(days=1)
    assert house.thumbnails.make() == 0


def test_the_thumbnail_of_another_image_does_not_outlive_it_where_the_new_one_cannot_be_drawn(house, monkeypatch):
    key = house.send(LARGE).key
    house.thumbnails.make()
    house.thumbnails.again(is_every=True)
    monkeypatch.setattr(house.decoders, "draw", refusing(BadImage("the image cannot be decoded: OSError")))

    house.thumbnails.make()

    assert (row(house, key).thumbnail, picture(house, key)) == (Thumbnail.FAILED, None)


def test_what_takes_too_long_is_tried_three_times(house, monkeypatch):
    key = house.send(LARGE).key
    monkeypatch.setattr(house.decoders, "draw", refusing(TooComplex("it takes more than 15 seconds")))

    for expected in (Thumbnail.DUE, Thumbnail.DUE, Thumbnail.FAILED):
        house.thumbnails.make()
        assert row(house, key).thumbnail is expected
        house.clock.tick(hours=2)


@pytest.mark.parametrize("error", [StoreUnavailable("the store is gone"), Busy("all decoders are at work")])
def test_a_bad_moment_is_told_and_outlived(house, monkeypatch, error):
    keys = [house.send(samples.make("png", seed=seed)).key for seed in range(2)]
    with monkeypatch.context() as patch:
        patch.setattr(house.decoders, "draw", refusing(error))
        for _ in range(6):
            with pytest.raises(type(error)):
                house.thumbnails.make()
            assert {row(house, key).problem for key in keys} == {str(error)}
            house.clock.tick(hours=1)

    assert house.thumbnails.make() == 2
    assert {row(house, key).problem for key in keys} == {None}


def test_a_pause_grows_and_has_an_end(house, monkeypatch):
    key = house.send(LARGE).key
    monkeypatch.setattr(house.decoders, "draw", refusing(Busy("busy")))
    pauses = []
    for _ in range(8):
        with pytest.raises(Busy):
            house.thumbnails.make()
        pauses.append((row(house, key).thumbnail_due_at - house.clock()).total_seconds() / 60)
        house.clock.tick(hours=1)

    assert pauses == [2, 4, 8, 16, 32, 60, 60, 60]


def test_what_is_deleted_while_it_is_drawn_leaves_nothing(house, monkeypatch):
    key = house.send(LARGE).key
    draw = house.decoders.draw

    def deleting(*args):
        house.uploads.delete(key)
        return draw(*args)

    monkeypatch.setattr(house.decoders, "draw", deleting)

    assert house.thumbnails.make() == 0
    assert picture(house, key) is None


def test_they_are_made_anew_on_demand(house, monkeypatch):
    good, bad = (house.send(samples.make("png", seed=seed)).key for seed in range(2))
    house.thumbnails.make(limit=1)
    with monkeypatch.context() as patch:
        patch.setattr(house.decoders, "draw", refusing(BadImage("no")))
        house.thumbnails.make()
    assert {row(house, one).thumbnail for one in (good, bad)} == {Thumbnail.MADE, Thumbnail.FAILED}

    assert (house.thumbnails.again(is_every=False), house.thumbnails.make()) == (1, 1)
    assert (house.thumbnails.again(is_every=True), house.thumbnails.make()) == (2, 2)
    assert picture(house, good) and picture(house, bad)


def test_new_uploads_come_first(house):
    old = [house.send(samples.make("png", seed=seed)).key for seed in range(3)]
    house.thumbnails.make()
    house.thumbnails.again(is_every=True)
    house.clock.tick(seconds=1)
    new = house.send(LARGE).key

    assert house.thumbnails.make(limit=1) == 1

    assert row(house, new).thumbnail is Thumbnail.MADE
    assert house.catalog.jobs.queued(now=house.clock()).undrawn == len(old)


def test_in_the_cloud_an_upload_costs_nothing_but_class_a(cloud):
    key = cloud.send(LARGE).key

    assert cloud.thumbnails.make() == 1
    cloud.uploads.delete(key)

    assert cloud.asked == ["PutObject", "PutObject", "DeleteObject", "DeleteObject"]
    assert cloud.catalog.tallies.stored().count == 0


def test_what_has_waited_for_too_long_is_fetched_from_the_bucket(cloud):
    key = cloud.send(LARGE).key
    copy = next((cloud.undrawn._folder).iterdir())
    os.utime(copy, (0, time.time() - KEEP_S - 1))

    cloud.thumbnails.sweep()

    assert not copy.exists()
    assert cloud.thumbnails.make() == 1
    assert "GetObject" in cloud.asked and picture(cloud, key).size == (400, 300)


def test_half_a_copy_as_a_crash_leaves_it_is_none(cloud):
    key = cloud.send(LARGE).key
    copy = next(cloud.undrawn._folder.iterdir())
    os.truncate(copy, copy.stat().st_size // 2)

    assert cloud.thumbnails.make() == 1
    assert "GetObject" in cloud.asked and picture(cloud, key).size == (400, 300)


def test_a_server_without_a_worker_does_not_fill_its_disk(cloud, monkeypatch):
    for _ in range(2):
        cloud.send(LARGE)
    for copy in cloud.undrawn._folder.iterdir():
        os.utime(copy, (0, time.time() - KEEP_S - 1))
    monkeypatch.setattr(undrawn, "SWEEP_S", 0)

    last = cloud.send(LARGE).key
    monkeypatch.setattr(undrawn, "MOST_BYTES", 10)
    cloud.send(LARGE)
    monkeypatch.undo()
    monkeypatch.setattr(undrawn, "FREE_BYTES", 2**60)
    cloud.send(LARGE)

    assert [copy.name for copy in cloud.undrawn._folder.iterdir()] == [last]
    assert cloud.thumbnails.make() == 5


def test_where_the_disk_takes_nothing_an_upload_goes_on_and_a_thumbnail_comes_later(cloud, monkeypatch):
    folder = cloud.undrawn._folder
    folder.rmdir()
    monkeypatch.setattr(undrawn, "SWEEP_S", 0)

    key = cloud.send(LARGE).key

    with monkeypatch.context() as patch:
        patch.setattr(thumbnails, "SpooledTemporaryFile", refusing(OSError(28, "No space left on device")))
        with pytest.raises(StoreFull):
            cloud.thumbnails.make()
    assert (cloud.state(key), row(cloud, key).thumbnail) == (State.LIVE, Thumbnail.DUE)
    cloud.now += timedelta(hours=1)
    assert cloud.thumbnails.make() == 1


def test_a_copy_that_cannot_be_read_is_fetched(cloud, monkeypatch):
    key = cloud.send(LARGE).key
    copyfileobj = shutil.copyfileobj

    def failing(source, target, length):
        copyfileobj(io.BytesIO(b"half"), target, length)
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(shutil, "copyfileobj", failing)

    assert cloud.thumbnails.make() == 1
    assert picture(cloud, key).size == (400, 300)


def test_no_copy_stays_behind(cloud):
    cloud.send(LARGE)
    cloud.thumbnails.make()

    assert list(cloud.undrawn._folder.iterdir()) == []


def test_after_a_second_try_one_version_is_left_and_it_goes_too(cloud, b2):
    key = cloud.send(LARGE).key
    cloud.thumbnails.make()
    cloud.thumbnails.again(is_every=True)
    cloud.thumbnails.make()
    assert len([one for one in b2.versions() if one[0] == thumbnail_key(key)]) == 1

    cloud.uploads.delete(key)

    assert b2.versions() == []


def test_what_another_client_has_put_in_its_place_is_drawn_anew(cloud, client, b2):
    key = cloud.send(LARGE).key
    cloud.thumbnails.make()
    before = row(cloud, key).blurhash

    put(client, key, samples.make("png", 300, 800, seed=5))
    cloud.compare()
    cloud.inventory.inspect()
    assert cloud.thumbnails.make() == 1

    assert row(cloud, key).blurhash != before
    assert picture(cloud, key).size == (150, 400)


def test_an_image_of_a_name_that_has_no_thumbnail_holds_up_no_other(cloud, client):
    for key in ("photos/a b+ü.png", "zz.png"):
        put(client, key)
    cloud.compare()
    cloud.inventory.inspect()
    last = cloud.send(LARGE).key

    assert cloud.thumbnails.make() == 1
    assert row(cloud, last).thumbnail is Thumbnail.MADE
    assert row(cloud, "zz.png").problem == "another S3 client chose its name: no thumbnail"
    assert (cloud.thumbnails.make(), cloud.catalog.jobs.queued(now=cloud.uploads.clock()).undrawn) == (0, 0)


def test_a_thumbnail_without_an_image_goes_with_the_next_comparison(cloud, client, b2):
    keys = [cloud.send(samples.make("png", seed=seed)).key for seed in range(6)]
    cloud.thumbnails.make()
    gone = sorted(keys)[1:3]
    for key in gone:
        cloud.catalog.uploads.bury([row.key for row in cloud.catalog.uploads.retire_uploads([key])], now=cloud.now)
        cloud.store.delete(key)
    client.put_object(Bucket=b2.bucket, Key="t/somebody else's.webp", Body=b"x")
    names = lambda: {one.key for one in cloud.store.list_objects() if one.key.startswith("t/")}  # noqa: E731

    cloud.inventory.compare(grace_s=3600)
    assert len(names()) == 7, "what was just put may still get its row"
    cloud.now += timedelta(hours=2)
    cloud.inventory.compare(grace_s=3600)

    assert names() == {thumbnail_key(key) for key in keys if key not in gone} | {"t/somebody else's.webp"}
    assert {cloud.state(key) for key in keys if key not in gone} == {State.LIVE}


def test_the_embedded_store_lists_them_too(house):
    key = house.send(LARGE).key
    house.thumbnails.make()

    assert isinstance(house.store, FolderStore)
    assert {one.key for one in house.store.list_objects()} == {key, thumbnail_key(key)}


def test_a_name_that_another_client_chose_holds_up_no_thumbnail(house):
    mine = house.send(LARGE).key
    foreign = replace(row(house, mine), key="shots/my cat.png", is_foreign=True)
    house.catalog.changes.add(foreign)

    assert house.thumbnails.make() == 1
    assert row(house, foreign.key).thumbnail is Thumbnail.FAILED
    assert row(house, mine).thumbnail is Thumbnail.MADE
