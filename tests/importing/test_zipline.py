"""Zipline 3 and 4 as sources: from PostgreSQL itself, from what pg_dump writes, and from its export."""

import gzip
import json
import subprocess
from datetime import UTC, datetime

import psycopg
import pytest

from app.errors import BadRequest
from app.fetching import Fetcher
from app.importing import copied
from app.importing.files import open_files
from app.importing.incoming import Incoming, Passed
from app.importing.zipline import read_zipline
from tests import postgres, samples
from tests.importing import zipline
from tests.importing.conftest import counts
from tests.importing.web import serve
from tests.programs import find, missing

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)


@pytest.fixture
def files(folder):
    """Zipline's uploads: its folder has no subfolders."""
    for seed, name in enumerate(("aB3dE.png", "bob.png", "locked.png", "once.png")):
        folder(name, seed)
    folder.root.with_name("secret.png").write_bytes(b"outside")
    return open_files(str(folder.root), Fetcher())


@pytest.fixture
def read(files):
    def read(database, user=None, with_protected=False):
        return read_zipline(str(database), files, user=user, with_protected=with_protected, now=NOW)

    return read


def cat_of(source):
    return next(one for one in source if isinstance(one, Incoming) and one.name != "bob.png")


def told(one):
    return (one.name, one.created_at, one.expires_at, one.is_favourite, one.albums, one.tags, one.old)


CAT = (
    'My \\N "cat"\t☕.png',
    zipline.CAT_CREATED,
    zipline.FAR,
    True,
    ("Sea side",),
    ("cats", "a\\b c"),
    "/i/aB3dE.png",
)
CAT_3 = ("cat.png", zipline.CAT_3_CREATED, zipline.FAR, True, ("Seaside",), (), "/u/aB3dE.png")


@pytest.fixture
def dump(tmp_path):
    def dump(text=zipline.DUMP, name="dump.sql"):
        path = tmp_path / name
        path.write_bytes(gzip.compress(text.encode()) if name.endswith("gz") else text.encode())
        return path

    return dump


@pytest.mark.parametrize("name", ["dump.sql", "dump.sql.gz"])
def test_a_plain_dump_is_read_without_a_server(dump, read, name):
    source = read(dump(name=name))

    assert told(cat_of(source)) == CAT
    assert len(list(read(dump()))) == 2


def test_everything_of_a_dump_reaches_the_catalog(house, dump, read, take, row_of):
    outcomes = take(read(dump()))
    row = row_of(outcomes[0])

    assert counts(outcomes) == (2, 0, 0, 0)
    assert (row.file_name, row.created_at, row.expires_at) == ('N "cat"☕.png', zipline.CAT_CREATED, zipline.FAR)
    assert (row.tags, row.is_favourite) == (("cats", "a\\b c"), True)
    assert [album.name for album in house.catalog.albums.of(row.key)] == ["Sea side"]


@pytest.mark.parametrize(("export", "cat"), [(zipline.EXPORT_4, CAT), (zipline.EXPORT_3, CAT_3)], ids=["4", "3"])
def test_an_export_tells_the_same(tmp_path, read, export, cat):
    path = tmp_path / "export.json"
    path.write_text(json.dumps(export))

    assert told(cat_of(read(path))) == cat


def test_a_dump_and_an_export_of_one_zipline_are_one_source(tmp_path, dump, read, take):
    path = tmp_path / "export.json"
    path.write_text(json.dumps(zipline.EXPORT_4))

    assert counts(take(read(path))) == (1, 0, 0, 0)
    assert counts(take(read(dump()))) == (1, 1, 0, 0)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("PGDMP\x01\x0e", "pg_restore"),
        ('INSERT INTO public."File" VALUES (1);\n', "COPY"),
        ("{}", "no export"),
        ('{"versions": {"export": "4"}, "data": []}', "no export"),
        (zipline.DUMP.replace("\timage/png", "", 1), "columns"),
        (zipline.DUMP[: zipline.DUMP.index("f2\t")], "not whole"),
        ('COPY public."File" (name) FROM stdin;\nx\n\\.\n', "'id'"),
        ('COPY public."File" (id, name) FROM stdin;\n\\.\nCOPY public."Tag" (x) FROM stdin;\n1\n\\.\n', "'id'"),
    ],
)
def test_what_is_no_whole_dump_is_refused(dump, read, text, why):
    with pytest.raises(BadRequest, match=why):
        list(read(dump(text)))


def test_a_dump_whose_lines_have_no_end_is_refused_before_it_fills_the_memory(dump, read, monkeypatch):
    monkeypatch.setattr(copied, "_LONGEST", 5000)

    assert list(read(dump()))
    with pytest.raises(BadRequest, match="more than 5,000 bytes"):
        read(dump(zipline.DUMP + "x" * 5001, "dump.sql.gz"))


def test_an_unknown_user_or_a_missing_file_is_refused(dump, read, tmp_path):
    with pytest.raises(BadRequest, match="no user 'eve'"):
        read(dump(), user="eve")
    with pytest.raises(BadRequest, match="cannot be read"):
        read(tmp_path / "missing.sql")
    with pytest.raises(BadRequest, match="not answer"):
        read("postgresql://nobody@127.0.0.1:1/x?connect_timeout=1")


def test_the_files_may_be_behind_an_address(dump, take):
    with serve() as (site, url):
        site.put("/raw/aB3dE.png", (200, {}, samples.make("png")))
        files = open_files(f"{url}/raw/", Fetcher(allow_private=True))
        source = read_zipline(str(dump()), files, user="ann", with_protected=False, now=NOW)

        assert counts(take(source)) == (1, 0, 0, 0)


if "postgres" not in missing():

    @pytest.fixture(scope="module")
    def server():
        with postgres.server() as url:
            yield url

    @pytest.fixture
    def database(server):
        """Make a database from SQL and return its address."""

        def make(*statements):
            with psycopg.connect(server, autocommit=True) as connection:
                connection.execute("DROP DATABASE IF EXISTS zipline")
                connection.execute("CREATE DATABASE zipline")
            url = server.replace("/postgres?", "/zipline?")
            with psycopg.connect(url) as connection:
                for statement in statements:
                    connection.execute(statement)
            return url

        return make

    def dumped(url, path):
        parts = psycopg.conninfo.conninfo_to_dict(url)
        command = [find("pg_dump"), "-h", parts["host"], "-U", parts["user"], "-f", str(path), parts["dbname"]]
        subprocess.run(command, check=True)
        return path

    @pytest.mark.parametrize(("moment", "zone"), [("timestamp(3)", ""), ("timestamptz(3)", "+00")])
    def test_a_server_and_what_pg_dump_makes_of_it_tell_the_same(database, read, tmp_path, moment, zone):
        url = database(zipline.SCHEMA_4.replace("{moment}", moment), zipline.ROWS_4.replace("{zone}", zone))
        path = dumped(url, tmp_path / "dump.sql")

        found = [list(read(source)) for source in (f"{url}&schema=public&connection_limit=5", path)]
        cats = [told(next(one for one in items if isinstance(one, Incoming))) for items in found]
        assert cats == [CAT, CAT]
        assert [one.old for one in found[0]] == [one.old for one in found[1]]
        assert [one.source_id for one in found[0] if isinstance(one, Incoming)] == [
            one.source_id for one in found[1] if isinstance(one, Incoming)
        ]

    def test_what_is_protected_over_or_no_image_is_left_out(database, read, take):
        url = database(zipline.SCHEMA_4.replace("{moment}", "timestamp(3)"), zipline.ROWS_4.replace("{zone}", ""))

        passed = {one.old: one.why for one in read(url) if isinstance(one, Passed)}
        assert {name.rpartition("/")[2] for name in passed} == {"film.mp4", "locked.png", "once.png", "over.png"}
        outcomes = take(read(url, with_protected=True))
        assert counts(outcomes) == (4, 0, 2, 2)
        refused = {one.old: one.why for one in outcomes if one.deed == "refused"}
        assert refused == {
            "/i/../secret.png": "its file is not below the folder",
            "/i/lost.png": "its file is not there",
        }
        assert len(list(read(url, user="bob"))) == 1

    def test_version_3_is_read_from_its_server_and_its_dump(database, read, tmp_path):
        url = database(zipline.SCHEMA_3, zipline.ROWS_3)

        assert told(cat_of(read(url))) == CAT_3
        assert told(cat_of(read(dumped(url, tmp_path / "dump.sql")))) == CAT_3
