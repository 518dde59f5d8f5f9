"""Exports: what is written is what there is, it can be broken off, and an import takes it back."""

import hashlib
import json
import zipfile
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from click.testing import CliRunner

from app import sidecar
from app.cli import cli
from app.errors import BadRequest
from app.export import Export, FolderPlace, file_name, open_zip
from app.importing.folder import read_folder
from app.importing.run import Importing
from app.search import Query, parse
from tests import samples
from tests.importing.conftest import counts
from tests.test_uploads import House


@pytest.fixture
def make_house(make_settings, tmp_path):
    made = []

    def make(name="data"):
        settings = make_settings(data_dir=tmp_path / name, public_url="https://i.example.com")
        house = House(settings)
        house.settings = settings
        house.export = Export(settings, house.catalog, house.store, house.uploads)
        made.append(house)
        return house

    yield make
    for house in made:
        house.close()


@pytest.fixture
def house(make_house):
    return make_house()


def send(house, seed=1, **options):
    return house.send(samples.make("png", 8, 8, seed=seed), **options)


def written(house, place, query=None):
    """Export, and return how many were fetched, how many were there, and what went wrong."""
    done = list(house.export.run(query or Query(), place))
    return sum(one.is_new for one in done), sum(not one.is_new and not one.why for one in done), [
        one.why for one in done if one.why
    ]  # fmt: skip


def test_each_image_lies_beside_a_json_with_all_that_is_known_of_it(house, tmp_path):
    row = send(house, title="Sea", tags=("sun", "sand"), expires_at=house.clock() + timedelta(days=9))
    album = house.catalog.albums.make("Holiday", now=house.clock())
    house.catalog.albums.put_in(album.id, [row.key])
    house.catalog.library.favour([row.key], is_favourite=True)

    assert written(house, FolderPlace(tmp_path / "out")) == (1, 0, [])
    [image] = (tmp_path / "out").glob("*.png")
    told = json.loads(image.with_name(image.name + ".json").read_text())
    assert image.name == f"2026-11-23 a {row.key}"
    assert hashlib.sha256(image.read_bytes()).hexdigest() == row.sha256 == told["sha256"]
    assert told == {
        "bowerbird_export": 1,
        "url": f"https://i.example.com/{row.key}",
        "key": row.key,
        "content_type": "image/png",
        "size": row.size,
        "width": 8,
        "height": 8,
        "sha256": row.sha256,
        "created_at": "2026-11-23T12:00:00Z",
        "expires_at": "2026-12-02T12:00:00Z",
        "converted_from": None,
        "file_name": "a.png",
        "title": "Sea",
        "tags": ["sun", "sand"],
        "is_favourite": True,
        "albums": ["Holiday"],
    }
    assert house.uploads.deletion_token(row.key) not in json.dumps(told)


def test_a_second_export_fetches_only_what_is_missing_or_damaged(house, tmp_path, monkeypatch):
    rows = [send(house, seed) for seed in range(4)]
    place = FolderPlace(tmp_path / "out")
    assert written(house, place) == (4, 0, [])
    (tmp_path / "out" / file_name(rows[0])).unlink()
    whole = tmp_path / "out" / file_name(rows[1])
    whole.write_bytes(bytes(rows[1].size))
    house.catalog.library.edit(rows[2].key, {"title": "New"})

    assert written(house, place) == (2, 2, [])
    assert hashlib.sha256(whole.read_bytes()).hexdigest() == rows[1].sha256
    assert sidecar.read(tmp_path / "out" / f"{file_name(rows[2])}.json")["title"] == "New"
    assert len(list((tmp_path / "out").iterdir())) == 8


def test_only_what_is_asked_for_is_exported(house, tmp_path):
    send(house, 1, tags=("sea",))
    house.clock.tick(days=1)
    send(house, 2, tags=("sea",))
    send(house, 3)

    assert house.export.size(Query())[0] == 3
    assert house.export.size(parse("tag:sea since:2026-11-24"))[0] == 1


def test_what_is_damaged_in_the_store_is_told_and_not_written(house, tmp_path):
    good, lost, bad = (send(house, seed) for seed in range(3))
    house.store.delete(lost.key)
    [path] = (house.settings.data_dir / "objects").rglob(bad.key)
    path.write_bytes(bytes(bad.size))

    new, _, wrong = written(house, FolderPlace(tmp_path / "out"))
    assert (new, len(wrong)) == (1, 2)
    assert {one.name for one in (tmp_path / "out").iterdir()} == {file_name(good), f"{file_name(good)}.json"}


def test_a_zip_holds_the_same_and_is_there_only_when_it_is_whole(house, tmp_path):
    row = send(house)
    path = tmp_path / "all.zip"
    with open_zip(path) as place:
        assert written(house, place) == (1, 0, [])
        assert not path.exists()

    with zipfile.ZipFile(path) as archive:
        image = archive.getinfo(file_name(row))
        assert archive.testzip() is None
        assert image.date_time == (2026, 11, 23, 12, 0, 0)
        assert hashlib.sha256(archive.read(image)).hexdigest() == row.sha256
        assert json.loads(archive.read(f"{file_name(row)}.json"))["key"] == row.key
    with pytest.raises(BadRequest, match="there already"), open_zip(path):
        pass
    with pytest.raises(KeyboardInterrupt), open_zip(tmp_path / "broken.zip"):
        raise KeyboardInterrupt
    assert sorted(one.name for one in tmp_path.glob("*.zip*")) == ["all.zip"]


def test_any_name_makes_a_file_name_of_its_own(house):
    row = send(house)
    keys = (row.key, "other/../client " + "☕" * 300, "other/../client")
    for name in ("../../etc/passwd", "☕" * 255, "con:aux\n.png", None):
        made = [file_name(replace(row, file_name=name, key=key)) for key in keys]
        assert len(set(made)) == 3
        assert all(len(one.encode()) <= 250 and not set(one) & set('/\\:\n*?"<>|') for one in made)


def imported(house, folder):
    importing = Importing(house.settings, house.catalog, house.uploads)
    return counts(list(importing.run(read_folder(folder))))


def test_another_bowerbird_takes_an_export_back_with_its_addresses(house, make_house, tmp_path):
    row = send(house, 1, title="Sea", tags=("sun",))
    photo = house.send(samples.make("jpeg", exif=samples.exif()), keep_metadata=True)
    album = house.catalog.albums.make("Holiday", now=house.clock())
    house.catalog.albums.put_in(album.id, [row.key])
    house.catalog.library.favour([row.key], is_favourite=True)
    written(house, FolderPlace(tmp_path / "out"))
    other = make_house("other")
    other.clock.now = datetime(2027, 1, 1, tzinfo=UTC)

    assert imported(other, tmp_path / "out") == (2, 0, 0, 0)
    (tmp_path / "out").rename(tmp_path / "moved")
    assert imported(other, tmp_path / "moved") == (0, 2, 0, 0)
    for before in (house.catalog.uploads.get(row.key), house.catalog.uploads.get(photo.key)):
        after = other.catalog.uploads.get(before.key)
        for name in ("sha256", "created_at", "title", "tags", "file_name", "is_favourite", "state", "content_type"):
            assert getattr(after, name) == getattr(before, name), name
        names = [[one.name for one in catalog.albums.of(row.key)] for catalog in (house.catalog, other.catalog)]
        assert names == [["Holiday"], ["Holiday"]]


def test_what_is_here_already_is_not_taken_back_and_what_was_deleted_gets_a_new_address(house, tmp_path):
    rows = [send(house, seed) for seed in range(2)]
    written(house, FolderPlace(tmp_path / "out"))
    house.uploads.delete(rows[0].key)

    assert imported(house, tmp_path / "out") == (1, 1, 0, 0)
    live = [row for row in house.export.rows(Query()) if row.sha256 == rows[0].sha256]
    assert len(live) == 1 and live[0].key != rows[0].key


def test_an_exported_image_that_was_changed_since_is_refused(house, make_house, tmp_path):
    row = send(house)
    written(house, FolderPlace(tmp_path / "out"))
    (tmp_path / "out" / file_name(row)).write_bytes(samples.make("png", 9, 9))

    assert imported(make_house("other"), tmp_path / "out") == (0, 0, 0, 1)


def test_the_commands_bring_an_export_from_one_to_the_other(house, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)  # no .env but the test's own
    rows = [send(house, seed, tags=("sea",) if seed else ()) for seed in range(3)]
    run = CliRunner()
    monkeypatch.setenv("BOWERBIRD_DATA_DIR", str(house.settings.data_dir))

    done = run.invoke(cli, ["export", "out", "--tag", "Sea"])
    assert (done.exit_code, done.stdout) == (0, "written 2, already there 0, not written 0\n")
    assert "2 images" in done.stderr
    monkeypatch.setenv("BOWERBIRD_DATA_DIR", str(tmp_path / "other"))
    (tmp_path / "out" / "bad.png").write_bytes(b"no image")
    done = run.invoke(cli, ["import", "out", "--map", "map.csv"])
    assert (done.exit_code, done.stdout) == (1, "imported 2, already there 0, left out 0, refused 1\n")
    assert "refused bad.png" in done.stderr
    lines = (tmp_path / "map.csv").read_text().splitlines()
    assert sorted(lines[1:]) == sorted(f"{file_name(row)},http://127.0.0.1:8080/{row.key}" for row in rows[1:])
    done = run.invoke(cli, ["import", "zipline", "dump.sql"])
    assert (done.exit_code, "--files" in done.stderr) == (2, True)
