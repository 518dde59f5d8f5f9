"""A folder as a source."""

import hashlib
import json
import os
from datetime import UTC, datetime

import pytest

from app.errors import BadRequest
from app.importing.folder import read_folder
from app.importing.incoming import Incoming
from app.importing.run import Deed
from tests.importing.conftest import counts


def names(source):
    return [one.old for one in source if isinstance(one, Incoming)]


def test_the_date_of_an_image_is_that_of_its_file(folder, take, row_of):
    path = folder("holiday/a.png")
    os.utime(path, (1_500_000_000, 1_500_000_000))

    [outcome] = take(read_folder(folder.root))
    row = row_of(outcome)
    assert (row.created_at, row.file_name) == (datetime.fromtimestamp(1_500_000_000, UTC), "a.png")


def test_folders_in_it_are_read_too_unless_they_are_not_to_be_and_what_is_hidden_never(folder):
    for name in ("b.png", "a/a.png", ".hidden.png", ".git/c.png"):
        folder(name)

    assert names(read_folder(folder.root)) == ["b.png", "a/a.png"]
    assert names(read_folder(folder.root, is_recursive=False)) == ["b.png"]


def test_no_link_is_followed(folder, tmp_path, take):
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "secret.png").write_bytes(folder("a.png").read_bytes())
    (folder.root / "link.png").symlink_to(outside / "secret.png")
    (folder.root / "linked").symlink_to(outside)
    os.mkfifo(folder.root / "pipe.png")

    outcomes = take(read_folder(folder.root))
    assert counts(outcomes) == (1, 0, 2, 0)
    assert {one.old for one in outcomes if one.deed is Deed.PASSED} == {"link.png", "pipe.png"}


def test_a_file_that_becomes_a_link_meanwhile_is_refused(folder, tmp_path, take):
    path, outside = folder("a.png"), tmp_path / "outside.png"
    source = read_folder(folder.root)
    [one] = list(source)
    path.rename(outside)
    path.symlink_to(outside)
    object.__setattr__(source, "items", [one])

    [outcome] = take(source)
    assert (outcome.deed, "cannot be read" in outcome.why) == (Deed.REFUSED, True)


def test_any_name_that_a_disk_holds_is_imported_and_known_again(folder, take):
    folder("\u202egnp.png")
    (folder.root / os.fsdecode(b"caf\xe9.png")).write_bytes(folder("b" * 240 + ".png").read_bytes())

    assert counts(take(read_folder(folder.root))) == (3, 0, 0, 0)
    outcomes = take(read_folder(folder.root))
    assert counts(outcomes) == (0, 3, 0, 0)
    assert "caf\\udce9.png" in {one.old for one in outcomes}


def test_a_json_file_of_somebody_else_says_nothing(folder, take, row_of):
    folder("a.png")
    (folder.root / "a.png.json").write_text(json.dumps({"title": "x", "key": 7}))
    (folder.root / "alone.json").write_text("{}")

    outcomes = take(read_folder(folder.root))
    assert counts(outcomes) == (1, 0, 1, 0)
    assert row_of(outcomes[0]).title is None


def test_json_that_is_made_to_hold_up_an_import_does_not(folder, take, house, row_of):
    for name in ("pipe.png", "link.png", "text.png", "many.png"):
        folder(name, seed=len(name) + ord(name[0]))
    told = {"bowerbird_export": 1, "key": "\ud800", "sha256": "0" * 64}
    (folder.root / "text.png.json").write_text(json.dumps(told))
    digest = hashlib.sha256((folder.root / "many.png").read_bytes()).hexdigest()
    told |= {"key": "k7Wq3Zpa.png", "sha256": digest, "albums": [str(number) for number in range(5000)]}
    (folder.root / "many.png.json").write_text(json.dumps(told))
    os.mkfifo(folder.root / "pipe.png.json")
    (folder.root / "link.png.json").symlink_to(folder.root / "many.png.json")

    outcomes = take(read_folder(folder.root))
    assert counts(outcomes) == (3, 0, 0, 1)
    assert len(house.catalog.albums.of("k7Wq3Zpa.png")) == 100


def test_what_is_no_folder_is_refused(tmp_path):
    with pytest.raises(BadRequest, match="no folder"):
        read_folder(tmp_path / "missing")
