"""From every revision to the newest and back, with data: what both hold stays, and what would be lost is told first."""

import json
import re
from datetime import UTC, datetime

import pytest
from sqlalchemy import inspect, text

from app.catalog import Catalog
from app.catalog.records import State
from app.errors import BadRequest, Conflict, SettingsError
from app.search import parse

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
REVISIONS = list(reversed(Catalog("sqlite:///none").revisions()))
SINCE, UNTIL = "2026-11-23 12:00:00.000000+00:00", "2027-01-01 00:00:00.000000+00:00"

UPLOAD = {
    "state": "live", "content_type": "image/png", "size": 5, "width": 2, "height": 3, "sha256": "s",
    "created_at": SINCE, "deletion_digest": "d", "token_id": 1, "writer": "w", "version_id": "4_z1",
    "tags": '["Cat", "at home"]',
}  # fmt: skip
ALBUM = {"created_at": SINCE, "key": "k1aaaaaa.png"}
# What each revision is the first to hold: rows by table, in the order in which they name one another.
ROWS = {
    "0001": [
        ("tokens", {"id": 1, "name": "phone", "digest": "t", "scopes": '["upload"]', "created_at": SINCE}),
        ("sessions", {"digest": "s", "token_id": 1, "created_at": SINCE, "expires_at": UNTIL}),
        ("uploads", {**UPLOAD, "key": "k1aaaaaa.png", "title": "Ünï ☺", "file_name": "x.png", "expires_at": UNTIL}),
        ("uploads", {**UPLOAD, "key": "k2aaaaaa.png", "state": "deleting", "deleted_at": SINCE}),
        ("claims", {"token_id": 1, "name": "n", "fingerprint": "f", "keys": '["k1aaaaaa.png"]', "expires_at": UNTIL}),
    ],
    "0002": [
        ("events", {"id": "e", "received_at": SINCE}),
        ("uploads", {**UPLOAD, "key": "photos/" + 40 * "ü b" + ".png", "is_foreign": True, "confirmed_at": SINCE}),
        ("uploads", {**UPLOAD, "key": "k3aaaaaa.png", "state": "found", "is_foreign": True, "changes": 2}),
    ],
    "0003": [
        ("transactions", {"day": "2026-11-23", "kind": "C", "count": 7}),
        ("uploads", {**UPLOAD, "key": "k4aaaaaa.png", "state": "deleting", "purged_at": SINCE}),
    ],
    "0004": [
        ("uploads", {**UPLOAD, "key": "k5aaaaaa.png", "thumbnail": "failed", "problem": "no", "color": "#aabbcc"}),
    ],
    "0005": [
        ("tokens", {"id": 2, "name": "tv", "digest": "u", "scopes": "[]", "created_at": SINCE, "quota_bytes": 9}),
        ("uploads", {**UPLOAD, "key": "k6aaaaaa.png", "is_favourite": True}),
        ("copies", {"key": "k1aaaaaa.png", "number": 2, "token_id": 1, "created_at": SINCE}),
        ("albums", {"id": 1, "name": "Cats", "created_at": SINCE, "share_key": "a" * 24}),
        ("album_uploads", {"album_id": 1, **ALBUM}),
        ("jobs", {"name": "expiry", "succeeded_at": SINCE, "failures": 0}),
    ],
    "0006": [("imports", {"source": "folder", "source_id": "1", "key": "k1aaaaaa.png"})],
}  # fmt: skip


@pytest.fixture
def fresh(url):
    catalog = Catalog(url)
    yield catalog
    catalog.close()


def fill(catalog, upto):
    """Write the rows of all revisions up to this one."""
    with catalog._database.write() as connection:
        for revision in REVISIONS[: REVISIONS.index(upto) + 1]:
            for table, row in ROWS[revision]:
                names = ", ".join(row)
                values = ", ".join(f":{name}" for name in row)
                connection.execute(text(f"INSERT INTO {table} ({names}) VALUES ({values})"), row)


def held(catalog):
    """Return every table as it is made, and every row in it, but for the files of the full text index."""
    with catalog._database.read() as connection:
        looked = inspect(connection)
        found = {}
        for table in looked.get_table_names():
            if not table.startswith("upload_words"):
                columns = sorted((one["name"], str(one["type"]), one["nullable"]) for one in looked.get_columns(table))
                names = ", ".join(name for name, *_ in columns if (table, name) != ("upload_texts", "id"))
                rows = [tuple(map(str, row)) for row in connection.execute(text(f"SELECT {names} FROM {table}"))]
                found[table] = (columns, sorted(map(made, looked.get_indexes(table))), sorted(rows))
        found.pop("tallies", None)  # by parts that are summed up now and then
        return found


def made(index):
    options = index.get("dialect_options", {})
    # PostgreSQL writes the casts of a condition in another place each time that it takes one over.
    conditions = [re.sub(r"::[a-z ]+|\[\]|[()]", "", str(one)) for one in options.values()]
    return index["name"], index["column_names"], bool(index["unique"]), conditions


@pytest.mark.parametrize("revision", REVISIONS)
def test_up_to_the_newest_and_down_again_nothing_is_changed(fresh, revision):
    fresh.upgrade(revision)
    fill(fresh, revision)
    before = held(fresh)

    fresh.upgrade()

    found = fresh.uploads.get("k1aaaaaa.png")
    assert (found.title, found.state, found.tags, found.version_id) == ("Ünï ☺", State.LIVE, ("Cat", "at home"), "4_z1")
    assert "k1aaaaaa.png" in [one.key for one in fresh.library.page(parse("tag:cat"), now=NOW, limit=20).uploads]
    fresh.downgrade(revision, may_lose=True)
    assert held(fresh) == before
    assert fresh.condition().revision == revision


def test_what_would_be_lost_is_told_and_stays_until_it_may_go(fresh):
    fresh.upgrade()
    fill(fresh, "0006")
    before = held(fresh)

    with pytest.raises(Conflict) as refused:
        fresh.downgrade("0001")
    for words in ("1 images were imported", "albums, 1", "1 uploads are favourites", "1 tokens", "of 1 days",
                  "1 uploads of bytes", "2 objects that other S3 clients wrote"):  # fmt: skip
        assert words in str(refused.value)
    assert held(fresh) == before

    fresh.downgrade("0004", may_lose=True)
    fresh.downgrade("0003")  # a thumbnail is made anew
    fresh.downgrade("0001", may_lose=True)
    with fresh._database.read() as connection:
        kept = connection.execute(text("SELECT key, tags FROM uploads ORDER BY key")).all()
    assert [key[:2] for key, _ in kept] == ["k1", "k2", "k4", "k5", "k6"]
    assert all(json.loads(tags) if isinstance(tags, str) else tags for _, tags in kept)
    fresh.upgrade()
    assert fresh.uploads.get("k6aaaaaa.png").thumbnail == "due"
    assert fresh.tallies.by_type()[0].count == 3


@pytest.mark.parametrize("revision", ["9999", "head", "0006", "base", "-1", ""])
def test_there_is_no_way_down_to_what_is_not_below(fresh, revision):
    fresh.upgrade("0005")

    with pytest.raises(BadRequest, match="0001, 0002, 0003, 0004, 0005"):
        fresh.downgrade(revision)
    assert fresh.condition().revision == "0005"


def test_tables_of_a_newer_version_are_told_in_a_sentence(fresh):
    fresh.upgrade()
    with fresh._database.write() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))

    with pytest.raises(SettingsError, match="a newer version of Bowerbird made these tables"):
        fresh.upgrade()
    with pytest.raises(BadRequest):
        fresh.downgrade("0001", may_lose=True)
