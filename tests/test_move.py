"""A library that moves: from a folder to a bucket as strict as B2's, and back; with whatever interrupts it."""

import io
from dataclasses import replace
from datetime import timedelta

import pytest
from click.testing import CliRunner

from app.catalog.records import State
from app.cli import cli
from app.errors import Conflict, StoreMisconfigured
from app.heartbeat import Heartbeat
from app.keys import thumbnail_key
from app.move import Copied, Move
from app.store.folder import FolderStore
from app.store.s3 import S3Store
from tests import samples
from tests.b2 import B2, Fault
from tests.test_uploads import House


@pytest.fixture(scope="module")
def strict_b2():
    with B2() as b2:
        yield b2


@pytest.fixture
def b2(strict_b2):
    strict_b2.empty()
    return strict_b2


@pytest.fixture
def bucket(b2):
    return store_of(b2)


def store_of(b2, secret=None):
    return S3Store(
        endpoint=b2.endpoint,
        region=b2.region,
        bucket=b2.bucket,
        access_key_id=b2.key.access_key_id,
        secret_access_key=secret or b2.key.secret_access_key,
        sleep=lambda _: None,
    )


@pytest.fixture
def house(make_settings):
    made = House(make_settings())
    yield made
    made.close()


@pytest.fixture
def move(house, make_settings):
    """Move from the house's folder to another store, or between the two that are given; return the counts."""
    spool_dir = make_settings().data_dir / "spool"

    def run(target, source=None, **options):
        moving = Move(house.catalog, source or house.store, target, spool_dir=spool_dir, **options)
        done = list(moving.run())
        run.why = [one.why for one in done if one.why]
        run.moving = moving
        return tuple(sum(one.deed is deed for one in done) for deed in Copied)

    return run


def fill(house, count=3):
    """Some uploads, the first of them with its thumbnail."""
    rows = [house.send(samples.make("png", 8, 8, seed=seed)) for seed in range(count)]
    house.thumbnails.make(limit=1)
    return rows


def test_everything_goes_to_the_bucket_once_with_its_thumbnails(house, move, bucket, b2):
    rows = fill(house)

    assert move(bucket) == (4, 0, 0, 0)
    assert move(bucket) == (0, 4, 0, 0)
    for row in rows:
        into = io.BytesIO()
        house.store.fetch(row.key, into, max_bytes=row.size)
        assert b2.body(row.key) == into.getvalue()
        assert bucket.head(row.key).content_type == "image/png"
        assert house.store.head(row.key)
    assert len(b2.versions()) == 4


def test_it_goes_on_where_it_was_broken_off(house, move, bucket, b2):
    fill(house, 6)
    b2.faults.add(Fault("cap", times=99, method="PUT", which="storage", chance=0.4))

    with pytest.raises(Exception, match="cap"):
        move(bucket)
    b2.faults.clear()
    there = len(b2.versions())
    assert move(bucket) == (7 - there, there, 0, 0)
    assert len(b2.versions()) == 7


def test_what_the_network_breaks_is_sent_again_and_what_lies_is_not_believed(house, move, bucket, b2):
    fill(house, 2)
    b2.faults.add(Fault("reset", method="PUT"), Fault("lie", method="PUT"), Fault("503", method="PUT"))

    assert move(bucket) == (3, 0, 0, 0)


def test_after_the_switch_deletions_reach_the_new_store_alone(house, move, bucket, b2, make_settings):
    rows = fill(house)
    move(bucket)

    assert move.moving.switch(now=house.clock()) == 3
    first = house.catalog.uploads.get(rows[0].key)
    versions = {key: version for key, version, _, _ in b2.versions()}
    assert first.version_id == versions[first.key]
    assert first.thumbnail_version_id == versions[thumbnail_key(first.key)]
    assert first.confirmed_at == house.clock()
    bucket.delete(first.key, first.version_id)
    assert b2.versions(first.key) == []


def test_a_library_that_moved_back_is_as_it_was(house, move, bucket, tmp_path):
    rows = fill(house)
    move(bucket)
    move.moving.switch(now=house.clock())
    folder = FolderStore(tmp_path / "back")

    assert move(folder, source=bucket, is_full=True) == (4, 0, 0, 0)
    move.moving.switch(now=house.clock())
    assert [house.catalog.uploads.get(row.key).version_id for row in rows] == [None] * 3
    assert [one.key for one in folder.list_objects()] == [one.key for one in house.store.list_objects()]


def test_what_was_deleted_meanwhile_is_gone_there_too(house, move, bucket, b2):
    rows = fill(house)
    move(bucket)
    house.uploads.delete(rows[0].key)

    assert move(bucket) == (0, 2, 2, 0)
    assert {key for key, *_ in b2.versions()} == {row.key for row in rows[1:]}


def test_there_is_no_switch_while_something_is_under_way_or_missing(house, move, bucket, monkeypatch):
    rows = fill(house)
    move(bucket)
    late = house.send(samples.make("gif"))
    with pytest.raises(Conflict, match="1 images are not in the other store"):
        move.moving.switch(now=house.clock())
    move(bucket)
    house.catalog.uploads.retire([late.key], states=(State.LIVE,))

    with pytest.raises(Conflict, match="still deleting"):
        move.moving.switch(now=house.clock())
    assert house.catalog.uploads.get(rows[0].key).version_id is None


def test_damaged_bytes_are_told_and_not_copied(house, move, bucket, make_settings):
    row = house.send()
    [path] = (make_settings().data_dir / "objects").rglob(row.key)
    path.write_bytes(bytes(row.size))

    assert move(bucket) == (0, 0, 0, 1)
    assert move.why == ["the store has other bytes than the catalog knows of"]
    assert bucket.head(row.key) is None


def test_reading_back_finds_what_is_damaged_there_and_mends_it(house, move, bucket, b2):
    row = house.send()
    bucket.put(row.key, io.BytesIO(bytes(row.size)), content_type="image/png")

    assert move(bucket) == (0, 1, 0, 0)
    assert move(bucket, is_full=True) == (1, 0, 0, 0)
    assert b2.body(row.key) != bytes(row.size)
    assert len(b2.versions(row.key)) == 1


def test_an_object_that_another_client_named_goes_to_a_bucket_and_to_no_folder(house, move, bucket, b2, tmp_path):
    row = house.send()
    body = io.BytesIO()
    house.store.fetch(row.key, body, max_bytes=row.size)
    name = "shots/my cat.png"
    bucket.put(name, body, content_type="image/png", is_foreign=True)
    house.catalog.changes.add(replace(house.catalog.uploads.get(row.key), key=name, is_foreign=True))
    with B2(bucket="other-bucket") as other:
        assert move(store_of(other), source=bucket)[:2] == (1, 0)
        assert other.body(name) == b2.body(name)
    assert move(FolderStore(tmp_path / "back"), source=bucket)[3] == 2


def test_a_repeated_put_leaves_no_version_behind_after_the_switch(house, move, bucket, b2):
    row = house.send()
    for _ in range(2):
        bucket.put(row.key, io.BytesIO(samples.make("png")), content_type="image/png")
    hidden = house.send(samples.make("gif"))
    move(bucket)
    move.moving.switch(now=house.clock())

    assert house.catalog.uploads.get(row.key).version_id is None  # all of them go when it is deleted
    assert house.catalog.uploads.get(hidden.key).version_id is not None


def test_wrong_credentials_are_told_before_anything_is_copied(house, move, b2):
    house.send()

    with pytest.raises(StoreMisconfigured):
        move(store_of(b2, secret="wrong-secret"))


def test_the_command_copies_switches_and_refuses_a_running_worker(house, b2, tmp_path, monkeypatch, make_settings):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("BOWERBIRD_DATA_DIR", str(make_settings().data_dir))
    monkeypatch.setenv("BOWERBIRD_S3_BUCKET", "not-this-one")
    house.clock.now -= timedelta(days=1)
    fill(house)
    (tmp_path / "b2.env").write_text(
        f"BOWERBIRD_STORE=s3\nBOWERBIRD_S3_ENDPOINT={b2.endpoint}\nBOWERBIRD_S3_REGION={b2.region}\n"
        f"BOWERBIRD_S3_BUCKET={b2.bucket}\nBOWERBIRD_S3_ACCESS_KEY_ID={b2.key.access_key_id}\n"
        f"BOWERBIRD_S3_SECRET_ACCESS_KEY={b2.key.secret_access_key}\n"
    )
    (tmp_path / "same.env").write_text("BOWERBIRD_STORE=folder\n")
    (tmp_path / "empty.env").write_text("BOWERBIRD_S3_BUCKET=x\n")
    run = CliRunner()
    worker = Heartbeat(make_settings().data_dir)
    worker.beat()

    refused = run.invoke(cli, ["move", "--to", "b2.env", "--switch"])
    assert "stop the server" in str(refused.exception)
    done = run.invoke(cli, ["move", "--to", "b2.env"])
    assert (done.exit_code, done.stdout) == (0, "copied 4, already there 0, removed there 0, not copied 0\n")
    worker.stop()
    done = run.invoke(cli, ["move", "--to", "b2.env", "--switch"])
    assert done.stdout.splitlines()[1] == "the catalog's 3 images are those of the other store now"
    assert "secret_key" not in done.stderr
    (tmp_path / "disk.env").write_text(f"BOWERBIRD_STORE=folder\nBOWERBIRD_DATA_DIR={tmp_path / 'disk'}\n")
    done = run.invoke(cli, ["move", "--to", "disk.env", "--switch"])
    assert f"copy the catalog and the secret_key from {make_settings().data_dir} to {tmp_path / 'disk'}" in done.stderr
    assert "in use already" in str(run.invoke(cli, ["move", "--to", "same.env"]).exception)
    assert "does not set BOWERBIRD_STORE" in str(run.invoke(cli, ["move", "--to", "empty.env"]).exception)
