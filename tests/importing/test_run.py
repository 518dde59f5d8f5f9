"""Each image once, whatever interrupts the import; over a real catalog and a real folder."""

import hashlib
import subprocess
import sys
from datetime import UTC, datetime

import pytest

from app.catalog.records import State, Thumbnail
from app.errors import BadImage, StoreFull
from app.importing.folder import read_folder
from app.importing.incoming import Incoming, Source
from app.importing.run import TOKEN, Deed, Importing
from tests import samples
from tests.importing.conftest import counts
from tests.processes import ROOT
from tests.test_uploads import House

OLD = datetime(2019, 3, 4, 5, 6, 7, tzinfo=UTC)


def of(data, source_id="1", **known):
    """A source with one image."""
    return Source("test", [Incoming(source_id, f"/old/{source_id}", lambda into: into.write(data), **known)])


def test_what_the_source_knew_stays(house, take, row_of):
    told = {"name": "a.png", "title": "Sea", "tags": ("sun",), "created_at": OLD, "is_favourite": True}
    row = row_of(take(of(samples.make("png"), albums=("B", "A"), **told))[0])

    assert (row.state, row.file_name, row.title, row.tags) == (State.LIVE, "a.png", "Sea", ("sun",))
    assert (row.created_at, row.is_favourite) == (OLD, True)
    assert [album.name for album in house.catalog.albums.of(row.key)] == ["A", "B"]
    assert house.store.head(row.key).size == row.size


def test_an_import_takes_the_way_of_every_upload(take, row_of):
    photo = samples.make("jpeg", exif=samples.exif())
    row = row_of(take(of(photo))[0])

    assert row.sha256 != hashlib.sha256(photo).hexdigest()  # the metadata is gone


def test_an_old_date_lets_nobody_take_the_upload_for_abandoned_or_for_another(house, take, row_of, monkeypatch):
    put, settled = house.store.put, []

    def slow(*arguments, **options):
        settled.append(house.upkeep.reconcile())  # as a worker elsewhere does meanwhile
        return put(*arguments, **options)

    monkeypatch.setattr(house.store, "put", slow)
    row = row_of(take(of(samples.make("png"), created_at=OLD))[0])

    assert settled[0].abandoned == 0
    assert row.confirmed_at == house.clock()


def test_a_new_upload_gets_its_thumbnail_before_all_that_was_imported(house, take, row_of):
    take(of(samples.make("png"), created_at=OLD))
    house.clock.tick(seconds=5)
    new = house.send(samples.make("gif"))

    first, second = house.catalog.thumbnails.due(now=house.clock(), limit=2)
    assert first.key == new.key
    assert second.thumbnail is Thumbnail.DUE


def test_nobody_can_use_the_token_of_imports(house, take, row_of):
    row = row_of(take(of(samples.make("png")))[0])
    take(of(samples.make("gif"), "2"))

    [token] = [one for one in house.catalog.tokens.list() if one.name == TOKEN]
    assert (token.id, token.scopes) == (row.token_id, frozenset())


def test_the_second_run_takes_what_is_new(house, take, folder):
    folder("a.png", 1)
    assert counts(take(read_folder(folder.root))) == (1, 0, 0, 0)
    folder("b.png", 2)

    assert counts(take(read_folder(folder.root))) == (1, 1, 0, 0)
    house.clock.tick(days=3)
    assert counts(take(read_folder(folder.root))) == (0, 2, 0, 0)


def test_two_files_with_the_same_bytes_are_two_images(take, folder):
    folder("a.png")
    folder("b.png")

    outcomes = take(read_folder(folder.root))
    assert counts(outcomes) == (2, 0, 0, 0)
    assert len({one.key for one in outcomes}) == 2


def test_what_was_deleted_since_stays_deleted_until_it_is_asked_for_again(house, take, folder):
    folder("a.png")
    first = take(read_folder(folder.root))[0].key
    house.uploads.delete(first)

    assert counts(take(read_folder(folder.root))) == (0, 1, 0, 0)
    [again] = take(read_folder(folder.root), is_again=True)
    assert (again.deed, again.key != first) == (Deed.TAKEN, True)
    assert counts(take(read_folder(folder.root), is_again=True)) == (0, 1, 0, 0)


@pytest.mark.parametrize(
    ("data", "told"),
    [
        (b"GIF89a", "broken|ends|truncated|image"),
        (b"", "empty"),
        (samples.make("png") + b"x" * 5_000_000, "more than"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "not taken"),
    ],
    ids=["broken", "empty", "large", "svg"],
)
def test_what_is_refused_is_told_and_nothing_of_it_is_kept(make_settings, house, data, told):
    importing = Importing(
        make_settings(max_upload_bytes=1_000_000, max_resumable_bytes=1_000_000), house.catalog, house.uploads
    )
    first, second = importing.run(Source("s", [*of(data), *of(samples.make("png"), "2")]))

    assert first.deed is Deed.REFUSED
    assert any(word in first.why for word in told.split("|"))
    assert second.deed is Deed.TAKEN
    assert house.catalog.library.get_all([second.key], now=house.clock())
    assert len(house.catalog.changes.listing(limit=9)) == 1


def test_what_the_source_does_not_call_an_image_is_left_out(take):
    [outcome] = take(of(b"some text", is_image=False))

    assert outcome.deed is Deed.PASSED


def test_a_trial_changes_nothing(house, take, folder):
    folder("a.png")

    assert counts(take(read_folder(folder.root), trial=True)) == (1, 0, 0, 0)
    assert house.catalog.changes.listing(limit=1) == []
    assert TOKEN not in [one.name for one in house.catalog.tokens.list()]


def test_when_the_store_is_full_the_import_ends_and_goes_on_later(house, take, folder, monkeypatch):
    for number in range(9):
        folder(f"{number}.png", number)

    def full(*_, **__):
        raise StoreFull("no room")

    with monkeypatch.context() as patch, pytest.raises(StoreFull):
        patch.setattr(house.store, "put", full)
        take(read_folder(folder.root))
    assert counts(take(read_folder(folder.root))) == (9, 0, 0, 0)


def test_an_image_that_is_too_much_for_its_decoder_holds_up_no_other(house, take, monkeypatch):
    def broken(*_):
        raise BadImage("the decoder died of it")

    monkeypatch.setattr(house.decoders, "convert", broken)
    source = Source("s", [*of(samples.make("tiff"), "1"), *of(samples.make("png"), "2")])

    assert counts(take(source)) == (1, 0, 0, 1)


def import_and_die(settings, root, stage, number):
    """Import in another process that is killed at the `number`th image: `before` or `after` its object is stored, or
    once its row is `live`."""
    script = f"""
import os, signal, sys, threading
from pathlib import Path
from app.catalog.uploads import UploadRows
from app.importing.folder import read_folder
from app.importing.run import Importing
from app.settings import load
from app.store.folder import FolderStore
from tests.test_uploads import House

lock, count = threading.Lock(), 0
def die(stage):
    global count
    with lock:
        count += stage == {stage!r}
        if count == {number}:
            os.kill(os.getpid(), signal.SIGKILL)

class Dying(FolderStore):
    def put(self, key, body, *, content_type, **more):
        die("before")
        super().put(key, body, content_type=content_type, **more)
        die("after")

finish = UploadRows.finish
UploadRows.finish = lambda *a, **k: (finish(*a, **k), die("live"))[0]
settings = load(_env_file=None, data_dir={str(settings.data_dir)!r})
house = House(settings, store=Dying(settings.data_dir / "objects", "x"), name=str(os.getpid()))
list(Importing(settings, house.catalog, house.uploads).run(read_folder(Path({str(root)!r}))))
"""
    assert subprocess.run([sys.executable, "-c", script], check=False, timeout=60, cwd=ROOT).returncode == -9


def test_an_import_that_is_killed_again_and_again_takes_everything_once(make_settings, folder):
    for number in range(60):
        folder(f"{number % 7}/{number}.png", number % 50)  # some have the same bytes
    settings = make_settings()
    for stage, number in (("before", 8), ("after", 10), ("live", 12)):
        import_and_die(settings, folder.root, stage, number)

    house = House(settings, name="last")
    house.upkeep.reconcile()
    outcomes = list(Importing(settings, house.catalog, house.uploads).run(read_folder(folder.root)))
    rows = [row for row in house.catalog.changes.listing(limit=1000) if row.state is State.LIVE]
    objects = {path.name for path in (settings.data_dir / "objects").rglob("*.png")}
    house.close()

    assert counts(outcomes)[2:] == (0, 0)
    assert 26 <= counts(outcomes)[1] < 60
    assert sorted(row.file_name for row in rows) == sorted(f"{number}.png" for number in range(60))
    assert {row.key for row in rows} == objects == {one.key for one in outcomes}
