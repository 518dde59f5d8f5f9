"""The catalog is lost, and made anew from the bucket: each image comes back, and is paid for once."""

import os
import subprocess
import sys
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from app.catalog.records import State, Thumbnail
from app.inventory import Inventory
from app.keys import thumbnail_key
from app.rebuild import Rebuild
from tests import samples
from tests.b2 import Fault
from tests.test_inventory import Cloud, b2, client, cloud_settings, one_client, put
from tests.test_uploads import House

__all__ = ["b2", "client", "cloud_settings", "one_client"]  # fixtures

PICTURES = [samples.make("png"), samples.make("jpeg", 80, 20), samples.make("gif"), samples.make("webp", 30, 60)]


class Killed(BaseException):
    """The process is gone: nothing of ours catches this."""


def lose(settings):
    """Delete the catalog, and nothing else."""
    for path in settings.data_dir.glob("catalog.sqlite3*"):
        path.unlink()


def rebuilding(house, told=lambda count: None):
    inventory = getattr(house, "inventory", None) or Inventory(
        house.settings, house.catalog, house.store, house.decoders, house.uploads
    )
    work = Rebuild(house.catalog, inventory, house.thumbnails)
    work.list(told)
    return work.inspect(told)


def seen(row):
    return (row.content_type, row.size, row.width, row.height, row.sha256, row.blurhash, row.color)


@pytest.fixture
def settings(make_settings):
    return make_settings()


@pytest.fixture
def houses(settings):
    made = []

    def make():
        made.append(House(settings))
        made[-1].settings = settings
        return made[-1]

    yield make
    for house in made:
        house.close()


def test_in_the_folder_every_image_comes_back_and_what_was_deleted_does_not(houses, settings):
    house = houses()
    rows = [house.send(data, title="a title", expires_at=house.clock() + timedelta(days=1)) for data in PICTURES]
    house.thumbnails.make()
    late, gone = house.send(samples.make("avif")), house.send(samples.make("png", seed=9))
    house.uploads.delete(gone.key)
    before = {row.key: house.catalog.uploads.get(row.key) for row in rows}
    drawn = {row.key: house.store.head(thumbnail_key(row.key)).etag for row in rows}
    token = house.uploads.deletion_token(rows[0].key)
    house.catalog.close()
    lose(settings)

    again = houses()
    rebuilt = rebuilding(again)

    assert (rebuilt.live, rebuilt.refused, rebuilt.left) == (5, 0, 0)
    for key, row in before.items():
        found = again.uploads.find(key)
        assert seen(found) == seen(row)
        assert found.created_at == again.store.head(key).modified_at
        assert (found.thumbnail, again.store.head(thumbnail_key(key)).etag) == (Thumbnail.MADE, drawn[key])
        assert (found.title, found.expires_at, found.token_id) == (None, None, None), "docs/backup.md says so"
    assert again.catalog.uploads.get(late.key).thumbnail is Thumbnail.MADE
    assert again.store.head(thumbnail_key(late.key))
    assert again.catalog.uploads.get(gone.key) is None

    assert again.uploads.find_deletable(rows[0].key, token)
    again.uploads.delete(rows[0].key)
    assert again.store.head(rows[0].key) is None
    assert again.store.head(thumbnail_key(rows[0].key)) is None


def test_a_catalog_that_lacks_a_few_gets_those_and_keeps_the_rest(houses):
    house = houses()
    kept, lost = house.send(PICTURES[0], title="kept"), house.send(PICTURES[1])
    with house.catalog._database.write() as connection:
        connection.exec_driver_sql(f"DELETE FROM uploads WHERE key = '{lost.key}'")

    rebuilt = rebuilding(house)

    assert (rebuilt.live, house.catalog.uploads.get(kept.key).title) == (2, "kept")
    assert house.uploads.find(lost.key).sha256 == lost.sha256


def test_an_upload_that_comes_meanwhile_is_as_it_was_sent(houses, settings, monkeypatch):
    house = houses()
    house.send(PICTURES[0])
    house.catalog.close()
    lose(settings)
    again, sent = houses(), []
    monkeypatch.setattr("app.rebuild.PAGE", 1)

    rebuilding(again, lambda count: sent.append(again.send(PICTURES[1], title="new")) if not sent else None)

    assert again.uploads.find(sent[0].key).title == "new"
    assert again.catalog.changes.count(State.LIVE) == 2


@pytest.fixture
def lost(cloud_settings, b2, client):
    """A bucket with six images, the thumbnails of two, and a text; and a catalog that is gone."""
    cloud = Cloud(cloud_settings, b2)
    rows = [cloud.send(samples.make("png", seed=seed)) for seed in range(4)]
    cloud.thumbnails.make(limit=2)
    rows = [cloud.catalog.uploads.get(row.key) for row in rows]
    put(client, "photos/a b+ü.png")
    put(client, "zz.png", samples.make("gif"))
    put(client, "notes.txt", b"text")
    cloud.close()
    lose(cloud_settings)
    cloud = Cloud(cloud_settings, b2)
    cloud.now += timedelta(hours=2)  # nothing in the bucket is young
    b2.forget()
    yield cloud, rows
    cloud.close()


def test_each_image_is_paid_for_once_and_no_thumbnail_that_is_there(lost, b2):
    cloud, rows = lost

    rebuilt = rebuilding(cloud)

    assert (rebuilt.live, rebuilt.refused, rebuilt.left) == (6, 1, 0)
    assert b2.transactions == {"C": 1, "B": 7, "A": 2}, "a list, each object once, the thumbnails that were not there"
    for row in rows:
        found = cloud.uploads.find(row.key)
        assert seen(found)[:5] == seen(row)[:5]
        assert (found.version_id, found.thumbnail) == (row.version_id, Thumbnail.MADE)
        assert found.blurhash and (not row.blurhash or found.blurhash == row.blurhash)
        assert len([one for one in b2.versions() if one[0] == thumbnail_key(row.key)]) == 1
    assert cloud.thumbnails.make() == 0

    b2.forget()
    rebuilding(cloud)
    assert b2.transactions == {"C": 1}, "what was looked at is not looked at again"


def test_a_list_of_many_pages_costs_one_transaction_each(lost, b2, monkeypatch):
    monkeypatch.setattr("app.store.s3._PAGE", 4)
    told = []

    Rebuild(lost[0].catalog, lost[0].inventory, lost[0].thumbnails).list(told.append)

    assert b2.transactions == {"C": 3}, "seven objects and two thumbnails, four at a time"
    assert told == [7]


MOMENTS = [
    ("store", "list_objects", 0),
    ("catalog.changes", "add_all", 0),
    ("catalog.thumbnails", "are_there", 0),
    ("store", "fetch", 0),
    ("store", "fetch", 2),
    ("catalog.changes", "admit", 1),
    ("catalog.thumbnails", "begin", 0),
    ("store", "put", 0),
    ("catalog.thumbnails", "made", 0),
]


@pytest.mark.parametrize("is_before", [True, False], ids=["before", "after"])
@pytest.mark.parametrize(("place", "name", "times"), MOMENTS)
def test_whoever_is_killed_goes_on_where_it_was(houses, settings, monkeypatch, place, name, times, is_before):
    house = houses()
    rows = [house.send(data) for data in PICTURES]
    house.thumbnails.make(limit=3)
    house.catalog.close()
    lose(settings)
    again = houses()
    target, calls, looked_at = again, [], []
    for part in place.split("."):
        target = getattr(target, part)
    original, admit = getattr(target, name), again.catalog.changes.admit

    def deadly(*args, **options):
        calls.append(name)
        if len(calls) <= times:
            return original(*args, **options)
        if not is_before:
            original(*args, **options)
        raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(target, name, deadly)
        with pytest.raises(Killed):
            rebuilding(again)
    settled = 4 - again.catalog.changes.count(State.FOUND) if again.catalog.changes.listing(limit=1) else 0
    monkeypatch.setattr(
        again.catalog.changes, "admit", lambda seen, **more: looked_at.append(seen.key) or admit(seen, **more)
    )

    rebuilding(again)
    again.clock.tick(hours=1)
    while again.thumbnails.make():
        pass

    assert len(looked_at) == 4 - settled, "what was looked at is not looked at again"
    assert again.catalog.changes.count(State.LIVE) == len(again.catalog.changes.listing(limit=99)) == 4
    for row in rows:
        found = again.uploads.find(row.key)
        assert (found.sha256, found.thumbnail) == (row.sha256, Thumbnail.MADE)
        assert again.store.head(thumbnail_key(row.key))


def test_the_daily_comparison_keeps_the_thumbnails_of_a_catalog_that_was_lost(lost, b2):
    cloud, _ = lost

    cloud.compare()

    assert len([one for one in b2.versions() if one[0].startswith("t/")]) == 2
    assert "A" not in b2.transactions and b2.transactions["C"] == 1


def test_one_whose_bytes_changed_since_is_drawn_anew(lost, client, b2):
    cloud, rows = lost
    rebuilding(cloud)
    key = next(row.key for row in rows if row.blurhash)
    before = cloud.catalog.uploads.get(key)
    put(client, key, samples.make("png", 300, 800, seed=99))

    cloud.catalog.changes.look_again(before)
    cloud.inventory.inspect()

    found = cloud.catalog.uploads.get(key)
    assert (found.thumbnail, found.blurhash) == (Thumbnail.DUE, None)
    assert cloud.thumbnails.make() == 1
    assert cloud.catalog.uploads.get(key).blurhash != before.blurhash


def test_a_copy_of_what_changed_meanwhile_is_not_kept(lost, client, b2, monkeypatch):
    cloud, _ = lost
    monkeypatch.setattr(cloud.catalog.changes, "admit", lambda seen, **_: False)
    cloud.compare()

    cloud.inventory.inspect()

    assert list(cloud.undrawn._folder.iterdir()) == []


def test_a_thumbnail_of_an_earlier_catalog_in_the_folder_holds_up_nothing(houses):
    house = houses()
    key = house.send(PICTURES[0]).key
    house.thumbnails.make()
    row = house.catalog.uploads.get(key)
    with house.catalog._database.write() as connection:
        connection.exec_driver_sql("UPDATE uploads SET thumbnail = 'due', thumbnail_tries = 0")

    assert house.thumbnails.make() == 1
    assert replace(house.catalog.uploads.get(key), thumbnail_tries=0) == replace(row, thumbnail_tries=0)


def run(settings, *options, **more):
    """Run the command as a person does, over another process."""
    names = ("data_dir", "store", "s3_endpoint", "s3_region", "s3_bucket", "s3_access_key_id")
    given = {f"BOWERBIRD_{name.upper()}": str(getattr(settings, name)) for name in names}
    given["BOWERBIRD_S3_SECRET_ACCESS_KEY"] = settings.s3_secret_access_key.get_secret_value()
    command = [sys.executable, "-m", "app.cli", "rebuild", *options]
    paths = {"PYTHONPATH": str(Path(__file__).parent.parent)}
    return subprocess.run(
        command, env={**os.environ, **paths, **given}, cwd=settings.data_dir, capture_output=True, text=True,
        timeout=60, check=False, **more,
    )  # fmt: skip


def test_the_command_says_what_it_costs_and_goes_on_where_it_was(lost, b2, cloud_settings):
    b2.faults.add(Fault("cap", cap="download", key="zz.png"))
    stopped = run(cloud_settings, stdin=subprocess.DEVNULL)
    done = run(cloud_settings, stdin=subprocess.DEVNULL)

    assert stopped.returncode == 1
    assert "what was done stands; run it again to do the rest" in stopped.stderr
    lines = [line for line in done.stderr.splitlines() if "class" in line or "looked" in line or "listed" in line]
    assert lines == [
        "This costs one class C transaction for 1,000 objects ($0.004 for 1,000), and one class B for each image"
        " ($0.004 for 10,000); of each, 2,500 a day are free.",
        "listed 7 objects",
        "1 to look at: 1 class B transactions, about $0.00",
        "looked at 1 of 1",
    ]
    assert done.stdout == "6 uploads are in the catalog, 1 objects are no images that are shown\n"
    assert done.returncode == 0


def test_who_says_no_at_the_terminal_has_done_nothing(lost, b2, cloud_settings):
    ours, theirs = os.openpty()
    os.write(ours, b"n\n")
    with os.fdopen(ours, "rb"), os.fdopen(theirs, "rb") as terminal:
        refused = run(cloud_settings, stdin=terminal)

    assert (refused.returncode, b2.transactions) == (1, {})
    assert "List the bucket and look at every image? [y/N]" in refused.stderr
