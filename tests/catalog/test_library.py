"""The library: pages, search, tags, albums and tallies, the same on SQLite and on PostgreSQL."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest
from sqlalchemy import text

from app.catalog.records import Claim, State, Upload
from app.errors import BadRequest, NameTaken, NotFound
from app.paging import Cursor
from app.search import Query, Sort, parse

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
DAY = timedelta(days=1)


@pytest.fixture
def token(catalog):
    return catalog.tokens.add("laptop", "d" * 64, frozenset({"upload"}), created_at=NOW)


@pytest.fixture
def add(catalog, token):
    """Store live uploads; `number` days before NOW, of `number` bytes."""

    def make(key, number=0, **values):
        values = {"size": number, "created_at": NOW - number * DAY, "content_type": "image/png", **values}
        row = Upload(key, width=4, height=3, sha256="s" * 64, deletion_digest="e" * 64, token_id=token.id, **values)
        claim = Claim(token.id, key, "f", (key,), 60)
        assert catalog.uploads.begin([row], claim, now=NOW) is None
        catalog.uploads.finish(claim, {key: None}, now=NOW)
        return key

    return make


def keys(catalog, query="", *, limit=3, **values):
    """Return the keys of every page, one page after the other."""
    query, after, found = replace(parse(query), **values), None, []
    while True:
        page = catalog.library.page(query, now=NOW, limit=limit, after=after)
        found += [one.key for one in page.uploads]
        after = page.next
        if after is None:
            return found
        assert len(page.uploads) == limit


@pytest.mark.parametrize("words", ["", "shot"])
def test_every_order_pages_through_all_of_them_once(catalog, add, words):
    for number in range(10):
        add(f"k{number}.png", number // 2, file_name="Shot_1.png")

    newest = keys(catalog, words)

    assert sorted(newest) == [f"k{number}.png" for number in range(10)]
    assert [int(key[1]) // 2 for key in newest] == sorted(int(key[1]) // 2 for key in newest)
    oldest = keys(catalog, words, sort=Sort.OLDEST)
    assert oldest == newest[::-1]
    smallest = keys(catalog, words, sort=Sort.SMALLEST)
    assert [int(key[1]) // 2 for key in smallest] == [0, 0, 1, 1, 2, 2, 3, 3, 4, 4]
    assert keys(catalog, words, sort=Sort.LARGEST) == smallest[::-1]


def test_only_live_uploads_whose_time_is_not_over_are_listed(catalog, add):
    add("k1.png", 1)
    add("k2.png", 2, expires_at=NOW)
    add("k3.png", 3, expires_at=NOW + DAY)
    add("k4.png", 4)
    catalog.uploads.retire(["k4.png"], states=(State.LIVE,))

    assert keys(catalog) == ["k1.png", "k3.png"]
    assert [one.key for one in catalog.library.get_all(["k3.png", "k2.png", "k1.png"], now=NOW)] == ["k3.png", "k1.png"]


def test_a_cursor_of_another_order_is_refused(catalog):
    with pytest.raises(BadRequest):
        catalog.library.page(Query(), now=NOW, limit=3, after=Cursor(7, "k1.png"))


def test_words_are_found_by_how_they_begin_in_title_file_name_and_tags(catalog, add):
    add("k1.png", 1, title="Zwei Kätzchen", file_name="IMG_2041.PNG")
    add("k2.png", 2, file_name="Kätzchen-am-Fenster.png", tags=("home",))
    add("k3.png", 3, tags=("kätzchen", "outdoor life"))

    assert keys(catalog, "KÄTZ") == ["k1.png", "k2.png", "k3.png"]
    assert keys(catalog, "kätzchen 2041") == ["k1.png"]
    assert keys(catalog, "fenster home") == ["k2.png"]
    assert keys(catalog, "life") == ["k3.png"]
    assert keys(catalog, "png'\"* OR img") == []
    assert keys(catalog, "zchen") == []


def test_filters_hold_together_with_words_and_with_each_other(catalog, add):
    add("k1.png", 1, title="cat", tags=("a", "b"))
    add("k2.jpg", 2, title="cat", tags=("a",), content_type="image/jpeg")
    add("k3.png", 3000, title="cat", tags=("b",))

    assert keys(catalog, "tag:a") == ["k1.png", "k2.jpg"]
    assert keys(catalog, "tag:a tag:b") == keys(catalog, "cat tag:b tag:A") == ["k1.png"]
    assert keys(catalog, "type:png") == keys(catalog, "cat type:png") == ["k1.png", "k3.png"]
    assert keys(catalog, "type:png type:jpg tag:a") == ["k1.png", "k2.jpg"]
    assert keys(catalog, "larger:2b smaller:1kb") == ["k2.jpg"]
    assert keys(catalog, "since:2026-11-21 until:2026-11-21") == ["k2.jpg"]
    assert keys(catalog, "on:2026-11", sort=Sort.OLDEST) == ["k2.jpg", "k1.png"]
    assert keys(catalog, "cat tag:a", sort=Sort.LARGEST) == ["k2.jpg", "k1.png"]
    for rest in ("cat", "tag:a", "cat tag:a", "tag:a type:jpg"):
        assert keys(catalog, f"{rest} since:2026-11-21 until:2026-11-21") == ["k2.jpg"]
        assert "k2.jpg" not in keys(catalog, f"{rest} until:2026-11-20") + keys(catalog, f"{rest} since:2026-11-22")
    assert keys(catalog, "cat since:2026-11-21 until:2026-11-22") == ["k1.png", "k2.jpg"]


def test_what_is_edited_is_found_as_it_is_now_and_no_more_as_it_was(catalog, add):
    add("k1.png", 1, title="old", tags=("x",))

    found = catalog.library.edit("k1.png", {"title": "new", "tags": ["y"], "is_favourite": True})

    assert (found.title, found.tags, found.is_favourite) == ("new", ("y",), True)
    assert keys(catalog, "old") == keys(catalog, "tag:x") == []
    assert keys(catalog, "new") == keys(catalog, "tag:y") == keys(catalog, "is:favourite") == ["k1.png"]
    assert catalog.library.edit("k2.png", {"title": "new"}) is None


def test_what_is_gone_is_found_by_nothing(catalog, add):
    album = catalog.albums.make("trip", now=NOW)
    catalog.albums.put_in(album.id, [add("k1.png", 1, title="cat", tags=("x",))])
    catalog.uploads.retire(["k1.png"], states=(State.LIVE,))
    hidden = keys(catalog, "cat") + keys(catalog, "tag:x") + keys(catalog, album_id=album.id)
    catalog.uploads.bury(["k1.png"], now=NOW)

    assert hidden == []
    assert catalog.tallies.tags(limit=9) == catalog.tallies.by_type() == []
    assert catalog.tallies.stored().count == 0
    assert catalog.albums.of("k1.png") == []


def test_many_are_tagged_at_once_or_none(catalog, add):
    add("k1.png", 1, tags=("a",))
    add("k2.png", 2, tags=("b", "c"))

    assert catalog.library.tag(["k1.png", "k2.png", "k9.png"], add=["d", "a"], remove=["c"], most=3) == 2
    assert [catalog.uploads.get(key).tags for key in ("k1.png", "k2.png")] == [("a", "d"), ("b", "d", "a")]
    with pytest.raises(BadRequest):
        catalog.library.tag(["k1.png", "k2.png"], add=["e"], remove=[], most=3)
    assert catalog.uploads.get("k1.png").tags == ("a", "d")


def test_favourites_are_a_list_of_their_own(catalog, add):
    for number in range(4):
        add(f"k{number}.png", number)

    assert catalog.library.favour(["k1.png", "k3.png"], is_favourite=True) == 2
    assert keys(catalog, "is:favourite", limit=1) == ["k1.png", "k3.png"]
    catalog.library.favour(["k1.png"], is_favourite=False)
    assert keys(catalog, "is:favourite") == ["k3.png"]


def test_albums_hold_uploads_and_are_shared_for_their_time(catalog, add):
    album = catalog.albums.make("Trip", now=NOW)
    added = catalog.albums.put_in(album.id, [add(f"k{number}.png", number) for number in range(4)] + ["k9.png"])
    catalog.albums.put_in(album.id, ["k1.png"])

    assert added == 4 == catalog.albums.count(album.id)
    assert keys(catalog, album_id=album.id) == [f"k{number}.png" for number in range(4)]
    assert keys(catalog, "on:2026-11-22", album_id=album.id, sort=Sort.LARGEST) == ["k1.png"]
    assert catalog.albums.take_out(album.id, ["k1.png", "k2.png"]) == 2
    assert catalog.albums.of("k1.png") == [] and catalog.albums.of("k0.png") == [album]
    shared = catalog.albums.share(album.id, "secret", until=NOW + DAY)
    assert catalog.albums.shared("secret", now=NOW) == shared
    assert catalog.albums.shared("secret", now=NOW + DAY) is None
    assert catalog.albums.unshare(album.id) == album
    assert catalog.albums.shared("secret", now=NOW) is None


def test_albums_have_names_of_their_own(catalog, add):
    album, other = catalog.albums.make("Trip", now=NOW), catalog.albums.make("Cats", now=NOW)

    with pytest.raises(NameTaken):
        catalog.albums.make("Trip", now=NOW)
    with pytest.raises(NameTaken):
        catalog.albums.rename(other.id, "Trip")
    with pytest.raises(NotFound):
        catalog.albums.put_in(99, ["k1.png"])
    with pytest.raises(NotFound):
        catalog.albums.rename(99, "x")
    assert [one.name for one in catalog.albums.all()] == ["Cats", "Trip"]
    assert catalog.albums.rename(other.id, "Dogs").name == "Dogs"
    catalog.albums.put_in(album.id, [add("k1.png")])
    assert catalog.albums.remove(album.id) and not catalog.albums.remove(album.id)
    assert catalog.uploads.get("k1.png").state is State.LIVE


def test_there_are_not_more_albums_than_are_listed(catalog, monkeypatch):
    monkeypatch.setattr("app.catalog.albums.MOST", 2)
    for name in "ab":
        catalog.albums.make(name, now=NOW)

    with pytest.raises(BadRequest, match="2 albums"):
        catalog.albums.make("c", now=NOW)


def test_the_tallies_are_those_of_the_rows_whatever_happens_to_them(catalog, token, add):
    add("k1.png", 1, tags=("a", "b"))
    add("k2.png", 1, tags=("a",))
    add("k3.jpg", 3, content_type="image/jpeg")
    catalog.library.edit("k2.png", {"tags": ["c"]})
    catalog.uploads.retire(["k3.jpg"], states=(State.LIVE,))

    tallies = catalog.tallies
    assert [(one.name, one.count, one.size) for one in tallies.by_type()] == [("image/png", 2, 2)]
    assert [(one.name, one.count) for one in tallies.by_token()] == [(str(token.id), 2)]
    assert [(one.name, one.count) for one in tallies.tags(limit=2)] == [("a", 1), ("b", 1)]
    days = tallies.by_day(date(2026, 11, 20), date(2026, 11, 23))
    assert [(one.name, one.count, one.size) for one in days] == [
        ("2026-11-20", 0, 0),
        ("2026-11-21", 0, 0),
        ("2026-11-22", 2, 2),
        ("2026-11-23", 0, 0),
    ]
    assert (tallies.stored().count, tallies.stored().size) == (3, 5)  # the object of what is being deleted is there yet


def test_tallies_that_are_summed_up_are_the_same_in_fewer_rows(catalog, add):
    for number in range(3):
        add(f"k{number}.png", 1, tags=("a",))
    before = [catalog.tallies.by_type(), catalog.tallies.tags(limit=9), catalog.tallies.stored()]
    catalog.tallies.sum_up()

    assert [catalog.tallies.by_type(), catalog.tallies.tags(limit=9), catalog.tallies.stored()] == before
    with catalog._database.read() as connection:
        found = connection.execute(text("SELECT count(*) FROM tallies WHERE kind = 'type'")).scalar()
    assert found == 1


def test_a_row_that_somebody_has_to_look_at_is_hidden_and_comes_back(catalog, add):
    add("k1.png", 1, title="cat", tags=("a",))
    row = catalog.uploads.get("k1.png")
    catalog.changes.look_again(row)

    assert keys(catalog, "cat") == keys(catalog, "tag:a") == keys(catalog) == []
    found = catalog.uploads.get("k1.png")
    assert catalog.changes.admit(replace(found, state=State.LIVE, size=9))
    assert keys(catalog, "cat") == keys(catalog, "tag:a") == ["k1.png"]
    assert [(one.count, one.size) for one in catalog.tallies.by_type()] == [(1, 9)]


def test_the_next_page_is_found_even_if_the_last_upload_of_the_page_is_gone(catalog, add):
    for number in range(5):
        add(f"k{number}.png", number, title="cat")
    for query in (Query(), Query(words=("cat",)), Query(tags=())):
        page = catalog.library.page(query, now=NOW, limit=2)
        assert [one.key for one in page.uploads] == ["k0.png", "k1.png"]
    catalog.uploads.retire(["k1.png"], states=(State.LIVE,))

    for query in (Query(), Query(words=("cat",))):
        after = catalog.library.page(query, now=NOW, limit=2, after=page.next)
        assert [one.key for one in after.uploads] == ["k2.png", "k3.png"]
