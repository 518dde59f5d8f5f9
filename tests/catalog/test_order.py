"""Who changes many of the same rows at the same time, in whatever order they are named: nobody is sent away for it."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime

import pytest

from app.catalog import Catalog
from app.catalog.records import Claim, Upload

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
KEYS = [f"k{number:03}.png" for number in range(200, 0, -1)]


@pytest.fixture
def house(catalog, catalog_url):
    """The catalog with two hundred live uploads, a second one of the same database, and a token's id."""
    token_id = catalog.tokens.add("laptop", "d" * 64, frozenset({"upload"}), created_at=NOW).id
    claim = Claim(token_id, "all", "f", tuple(KEYS), 60)
    rows = [Upload(key, "image/png", 1, 4, 3, key, NOW, "e" * 64, token_id) for key in KEYS]
    catalog.uploads.begin(rows, claim, now=NOW)
    catalog.uploads.finish(claim, dict.fromkeys(KEYS), now=NOW)
    other = Catalog(catalog_url)
    yield [catalog, other], token_id
    other.close()


def both(work):
    with ThreadPoolExecutor(2) as threads:
        return list(threads.map(work, range(2)))


def test_two_senders_of_the_same_copies_in_another_order(house):
    catalogs, token_id = house

    def send(which):
        keys = tuple(KEYS[:2] if which else reversed(KEYS[:2]))
        for number in range(40):
            claim = Claim(token_id, f"{which} {number}", "f", keys, 60, None, frozenset(keys))
            catalogs[which].uploads.begin([], claim, now=NOW)

    both(send)
    assert [catalogs[0].copies.count(key) for key in KEYS[:2]] == [81, 81]
    assert [row.copy > 1 for row in catalogs[0].uploads.claimed(token_id, "1 7", now=NOW).uploads] == [True, True]


def test_two_who_tag_and_favour_the_same_uploads(house):
    catalogs, _ = house

    def change(which):
        keys = KEYS if which else KEYS[::-1]
        for number in range(6):
            catalogs[which].library.favour(keys, is_favourite=bool(number % 2))
            catalogs[which].library.tag(keys[:50], add=[f"t{which}"], remove=[], most=20)

    both(change)
    assert catalogs[0].uploads.get(KEYS[0]).is_favourite
    assert {one.name for one in catalogs[0].tallies.tags(limit=9)} == {"t0", "t1"}
