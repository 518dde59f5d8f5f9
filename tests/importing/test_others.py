"""chibisafe and XBackBone as sources: SQLite databases as their migrations make them."""

import sqlite3
from contextlib import closing
from datetime import UTC, datetime

import pytest

from app.errors import BadRequest, Refused
from app.fetching import Fetcher
from app.importing.chibisafe import read_chibisafe
from app.importing.files import open_files
from app.importing.xbackbone import read_xbackbone
from tests.importing.conftest import counts

# chibisafe 6.5.5, packages/backend/src/prisma/migrations
CHIBISAFE = """
CREATE TABLE users (id INTEGER PRIMARY KEY, uuid TEXT, username TEXT);
CREATE TABLE files (id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT, uuid TEXT NOT NULL, userId INTEGER,
  name TEXT NOT NULL, original TEXT NOT NULL, type TEXT NOT NULL, size TEXT NOT NULL, hash TEXT NOT NULL,
  ip TEXT NOT NULL, createdAt DATETIME NOT NULL DEFAULT CURRENT_TIMESTAMP, editedAt DATETIME,
  quarantine BOOLEAN NOT NULL DEFAULT false, isS3 BOOLEAN NOT NULL DEFAULT false,
  isWatched BOOLEAN NOT NULL DEFAULT false);
CREATE TABLE albums (id INTEGER PRIMARY KEY, uuid TEXT, userId INTEGER, name TEXT NOT NULL);
CREATE TABLE tags (id INTEGER PRIMARY KEY, uuid TEXT, userId INTEGER, name TEXT NOT NULL);
CREATE TABLE _filesTotags (A INTEGER NOT NULL, B INTEGER NOT NULL);
CREATE TABLE _albumsTofiles (A INTEGER NOT NULL, B INTEGER NOT NULL);
INSERT INTO users VALUES (1, 'u', 'ann'), (2, 'v', 'bob');
INSERT INTO files VALUES
 (1, 'uuid-1', 1, 'abc.png', 'Cat.png', 'image/png', '1', 'h', '', 1700000000123, NULL, 0, 0, 0),
 (2, 'uuid-2', 1, 'live.png', 'live.png', 'image/png', '1', 'h', '', '2024-05-06T07:08:09.123Z', NULL, 0, 0, 1),
 (3, 'uuid-3', 1, 'a.mp4', 'a.mp4', 'video/mp4', '1', 'h', '', 1700000000000, NULL, 0, 0, 0),
 (4, 'uuid-4', 1, 'bad.png', 'bad.png', 'image/png', '1', 'h', '', 1700000000000, NULL, 1, 0, 0),
 (5, 'uuid-5', 2, 'gone.png', 'gone.png', 'image/png', '1', 'h', '', '2024-05-06 07:08:09', NULL, 0, 1, 0);
INSERT INTO albums VALUES (7, 'a', 1, 'Zoo'), (8, 'b', 1, 'Best');
INSERT INTO tags VALUES (3, 't', 1, 'Big CAT');
INSERT INTO _filesTotags VALUES (1, 3);
INSERT INTO _albumsTofiles VALUES (7, 1), (8, 1);
"""

# XBackBone 3.3.5, resources/schemas/sqlite
XBACKBONE = """
CREATE TABLE users (id INTEGER PRIMARY KEY AUTOINCREMENT, username VARCHAR(30) NOT NULL, user_code VARCHAR(5));
CREATE TABLE uploads (id INTEGER PRIMARY KEY AUTOINCREMENT, user_id INTEGER(20), code VARCHAR(64) NOT NULL,
  filename VARCHAR(128) NOT NULL, storage_path VARCHAR(256) NOT NULL, published BOOLEAN NOT NULL DEFAULT 1,
  timestamp TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP);
INSERT INTO users VALUES (1, 'ann', 'aB3');
INSERT INTO uploads VALUES
 (1, 1, 'viqu', 'Cat.png', 'aB3/viqu.png', 1, '2021-02-03 04:05:06'),
 (2, 1, 'hido', 'h.png', 'aB3/hido.png', 0, '2021-02-03 04:05:06'),
 (3, 1, 'film', 'f.mp4', 'aB3/film.mp4', 1, '2021-02-03 04:05:06'),
 (4, 1, 'evil', 'e.png', 'aB3/../../evil.png', 1, '2021-02-03 04:05:06');
"""
XBACKBONE_TAGS = """
CREATE TABLE tags (id INTEGER PRIMARY KEY, name VARCHAR(32) NOT NULL);
CREATE TABLE uploads_tags (upload_id INTEGER, tag_id INTEGER, PRIMARY KEY (upload_id, tag_id));
INSERT INTO tags VALUES (5, 'image');
INSERT INTO uploads_tags VALUES (1, 5);
"""


@pytest.fixture
def database(tmp_path):
    def make(*scripts):
        path = tmp_path / "database.sqlite"
        with closing(sqlite3.connect(path)) as connection:
            for script in scripts:
                connection.executescript(script)
        return path

    return make


def test_chibisafe_comes_with_its_albums_tags_and_dates(house, database, folder, take, row_of):
    folder("abc.png", 1)
    folder("live/live.png", 2)
    source = read_chibisafe(database(CHIBISAFE), open_files(str(folder.root), Fetcher()), user=None)

    outcomes = take(source)
    cat, live = (row_of(one) for one in outcomes if one.key)
    assert counts(outcomes) == (2, 0, 2, 1)
    assert (cat.file_name, cat.tags) == ("Cat.png", ("big cat",))
    assert cat.created_at == datetime(2023, 11, 14, 22, 13, 20, tzinfo=UTC)
    assert live.created_at == datetime(2024, 5, 6, 7, 8, 9, tzinfo=UTC)
    assert [album.name for album in house.catalog.albums.of(cat.key)] == ["Best", "Zoo"]


def test_one_user_of_many_is_taken(database, folder):
    files = open_files(str(folder.root), Fetcher())

    assert [one.old for one in read_chibisafe(database(CHIBISAFE), files, user="bob")] == ["/gone.png"]


@pytest.mark.parametrize(("more", "tags"), [((XBACKBONE_TAGS,), ("image",)), ((), ())], ids=["3.1", "3.0"])
def test_xbackbone_comes_with_its_tags_and_dates(database, folder, take, row_of, more, tags):
    folder("aB3/viqu.png", 1)
    folder("aB3/hido.png", 2)
    folder.root.with_name("evil.png").write_bytes(b"outside")
    files = open_files(str(folder.root), Fetcher())

    outcomes = take(read_xbackbone(database(XBACKBONE, *more), files, user="ann", with_protected=False))
    [taken] = [one for one in outcomes if one.key]
    cat = row_of(taken)
    assert counts(outcomes) == (1, 0, 2, 1)
    assert (taken.old, cat.file_name, cat.tags) == ("/aB3/viqu.png", "Cat.png", tags)
    assert cat.created_at == datetime(2021, 2, 3, 4, 5, 6, tzinfo=UTC)
    hidden = read_xbackbone(folder.root.parent / "database.sqlite", files, user=None, with_protected=True)
    assert counts(take(hidden)) == (1, 1, 1, 1)


@pytest.mark.parametrize(
    "name", ["loop", "loop/x.png", "\ud800.png", "a\0b.png", "n" * 5000, "/etc/hostname", "a/../b"]
)
def test_a_name_that_is_none_is_refused_and_no_more(folder, name):
    (folder.root / "loop").symlink_to("loop")

    with pytest.raises(Refused):
        open_files(str(folder.root), Fetcher()).load(name)(None)


@pytest.mark.parametrize("name", ["\ud800.png", "../../secret.png"])
def test_nor_is_it_asked_for_elsewhere(name):
    with pytest.raises(Refused, match=r"no text|not below"):
        open_files("http://127.0.0.1:9", Fetcher(allow_private=True)).load(name)(None)


@pytest.mark.parametrize("column", ["uuid", "name", "original", "type", "createdAt"])
@pytest.mark.parametrize("value", ["NULL", "7", "x'00ff'"])
def test_one_row_that_makes_no_sense_holds_up_no_other(database, folder, column, value):
    script = CHIBISAFE.replace("NOT NULL", "") + f"UPDATE files SET {column} = {value} WHERE id = 1;"
    files = open_files(str(folder.root), Fetcher())

    assert len(list(read_chibisafe(database(script), files, user=None))) == 5


@pytest.mark.parametrize("value", ["NULL", "7"])
def test_nor_does_one_of_xbackbone(database, folder, value):
    script = XBACKBONE.replace("NOT NULL", "") + f"UPDATE uploads SET storage_path = {value}, filename = {value};"
    files = open_files(str(folder.root), Fetcher())

    assert len(list(read_xbackbone(database(script), files, user=None, with_protected=True))) == 4


def test_what_is_no_database_of_theirs_is_refused(tmp_path, database, folder):
    files = open_files(str(folder.root), Fetcher())
    other = tmp_path / "other"
    other.write_text("no database")

    for path in (other, tmp_path / "missing", database("CREATE TABLE x (y)")):
        with pytest.raises(BadRequest):
            read_chibisafe(path, files, user=None)
        with pytest.raises(BadRequest):
            read_xbackbone(path, files, user=None, with_protected=False)
    with pytest.raises(BadRequest, match="no folder"):
        open_files(str(other), Fetcher())
