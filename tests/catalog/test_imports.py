"""Imports in the catalog: written with the row they are about, and the rows when they go to another store."""

from datetime import UTC, datetime, timedelta

import pytest

from app.catalog.records import Claim, Origin, State, Upload
from app.errors import Busy
from app.keys import thumbnail_key
from app.search import parse

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
OLD = datetime(2019, 3, 4, 5, 6, 7, tzinfo=UTC)


def row(key, **values):
    known = {"content_type": "image/png", "size": 1, "width": 1, "height": 1, "sha256": "", "deletion_digest": ""}
    return Upload(key, created_at=NOW, **{**known, **values})


@pytest.fixture
def take(catalog):
    token = catalog.tokens.add("import", "digest", frozenset(), created_at=NOW)

    def take(key, source_id="1", until="live", **values):
        origin = Origin("test", source_id, OLD, is_favourite=True, **values)
        claim = Claim(token.id, f"import:{key}", "f", (key,), 60, origin)
        assert catalog.uploads.begin([row(key, token_id=token.id, tags=("sea",))], claim, now=NOW) is None
        if until == "live":
            catalog.uploads.finish(claim, {key: "v1"}, now=NOW)
        return claim

    return take


def test_an_import_is_known_from_the_moment_it_is_live(catalog, take):
    claim = take("aaaaaaaa.png", until="pending")
    assert catalog.imports.known("test", ["1", "2"]) == {}
    assert catalog.uploads.get("aaaaaaaa.png").created_at == NOW
    catalog.uploads.finish(claim, {"aaaaaaaa.png": "v1"}, now=NOW)

    found = catalog.uploads.get("aaaaaaaa.png")
    assert catalog.imports.known("test", ["1", "2"]) == {"1": "aaaaaaaa.png"}
    assert catalog.imports.known("other", ["1"]) == {}
    assert (found.state, found.created_at, found.is_favourite) == (State.LIVE, OLD, True)
    assert (found.confirmed_at, found.thumbnail_due_at) == (NOW, NOW)


def test_an_import_that_was_given_up_is_not_known(catalog, take):
    claim = take("aaaaaaaa.png", until="pending")
    catalog.uploads.retire(["aaaaaaaa.png"], states=(State.PENDING,))

    with pytest.raises(Busy):
        catalog.uploads.finish(claim, {"aaaaaaaa.png": "v1"}, now=NOW)
    assert catalog.imports.known("test", ["1"]) == {}


def test_taken_again_the_newest_is_known(catalog, take):
    take("aaaaaaaa.png")
    take("bbbbbbbb.png")

    assert catalog.imports.known("test", ["1"]) == {"1": "bbbbbbbb.png"}


def test_its_albums_are_made_once_and_hold_it_in_the_order_of_its_date(catalog, take):
    take("aaaaaaaa.png", "1", albums=("Sea", "Best"))
    take("bbbbbbbb.png", "2", albums=("Sea",))

    assert [album.name for album in catalog.albums.all()] == ["Best", "Sea"]
    assert [album.name for album in catalog.albums.of("aaaaaaaa.png")] == ["Best", "Sea"]
    assert catalog.albums.count(catalog.albums.named("Sea").id) == 2


def test_a_row_that_got_its_date_is_found_by_it(catalog, take):
    take("aaaaaaaa.png")

    for text in ("on:2019-03-04", "tag:sea until:2020", "sea is:favourite until:2020"):
        page = catalog.library.page(parse(text), now=NOW, limit=9)
        assert [one.key for one in page.uploads] == ["aaaaaaaa.png"], text
    assert [one.count for one in catalog.tallies.by_day(OLD.date(), OLD.date())] == [1]


def test_all_live_rows_name_the_versions_of_another_store_or_none(catalog, take):
    for number, letter in enumerate("abc"):
        take(f"{letter * 8}.png", str(number))
    catalog.uploads.retire(["cccccccc.png"], states=(State.LIVE,))
    later = NOW + timedelta(days=1)
    drawn = thumbnail_key("aaaaaaaa.png")

    assert catalog.changes.rebase({"aaaaaaaa.png": "w1", drawn: "w2", "cccccccc.png": "w3"}, now=later) == 2
    first, second, gone = (catalog.uploads.get(f"{letter * 8}.png") for letter in "abc")
    assert (first.version_id, first.thumbnail_version_id, first.confirmed_at) == ("w1", "w2", later)
    assert (second.version_id, second.confirmed_at) == (None, later)
    assert gone.version_id == "v1"
