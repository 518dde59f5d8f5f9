"""What a token's uploads may hold, the same on SQLite and on PostgreSQL."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime

import pytest

from app.catalog import Catalog
from app.catalog.records import Claim, State, Upload
from app.errors import QuotaExceeded

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)


@pytest.fixture
def token(catalog):
    return catalog.tokens.add("laptop", "d" * 64, frozenset({"upload"}), created_at=NOW, quota_bytes=100)


def begin(catalog, token, key, size):
    row = Upload(key, "image/png", size, 4, 3, "s" * 64, NOW, "e" * 64, token.id, "writer")
    claim = Claim(token.id, key, "f", (key,), 60)
    assert catalog.uploads.begin([row], claim, now=NOW) is None
    return claim


def test_a_quota_is_filled_to_its_last_byte_and_not_beyond(catalog, token):
    begin(catalog, token, "k1.png", 60)
    begin(catalog, token, "k2.png", 40)

    with pytest.raises(QuotaExceeded, match="has 1 bytes, and its token holds 100 of the 100"):
        begin(catalog, token, "k3.png", 1)

    assert catalog.uploads.get("k3.png") is None


def test_a_deletion_frees_the_quota_at_once(catalog, token):
    catalog.uploads.finish(begin(catalog, token, "k1.png", 100), {"k1.png": None}, now=NOW)

    catalog.uploads.retire_uploads(["k1.png"])

    begin(catalog, token, "k2.png", 100)
    assert catalog.uploads.get("k1.png").state is State.DELETING


def test_a_repeat_of_what_filled_the_quota_has_its_answer(catalog, token):
    claim = begin(catalog, token, "k1.png", 100)
    catalog.uploads.finish(claim, {"k1.png": None}, now=NOW)

    row = catalog.uploads.get("k1.png")
    assert catalog.uploads.begin([row], claim, now=NOW).is_ready


def test_what_others_hold_does_not_count(catalog, token):
    other = catalog.tokens.add("phone", "p" * 64, frozenset({"upload"}), created_at=NOW)
    begin(catalog, other, "k1.png", 5000)

    begin(catalog, token, "k2.png", 100)

    assert {one.name: one.size for one in catalog.tallies.by_holder()} == {str(other.id): 5000, str(token.id): 100}


def test_terms_are_changed_one_by_one(catalog, token):
    assert catalog.tokens.change("laptop", quota_bytes=200, upload_life_s=60)
    assert catalog.tokens.change("laptop", expires_at=NOW)
    begin(catalog, token, "k1.png", 200)
    assert catalog.tokens.change("laptop", quota_bytes=None)
    begin(catalog, token, "k2.png", 10**12)

    found = catalog.tokens.by_digest("d" * 64)
    assert (found.quota_bytes, found.upload_life_s, found.expires_at) == (None, 60, NOW)
    assert not catalog.tokens.change("phone", quota_bytes=1)
    catalog.tokens.revoke("laptop", now=NOW)
    assert not catalog.tokens.change("laptop", quota_bytes=1)


def test_many_at_once_do_not_exceed_it(catalog_url, catalog, token):
    others = [Catalog(catalog_url) for _ in range(4)]

    def send(number):
        try:
            return bool(begin(others[number % 4], token, f"k{number}.png", 30))
        except QuotaExceeded:
            return False

    with ThreadPoolExecutor(8) as pool:
        taken = list(pool.map(send, range(16)))

    for one in others:
        one.close()
    assert sum(taken) == 3
    assert catalog.tallies.by_holder()[0].size == 90
