"""The catalog, the same on SQLite and on PostgreSQL."""

import multiprocessing
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from alembic.script import ScriptDirectory
from sqlalchemy import inspect as look
from sqlalchemy import text

from app.catalog import Catalog, schema
from app.catalog.records import Claim, State, Upload
from app.catalog.revisions import MIGRATIONS, known_revisions
from app.catalog.tallies import Tally
from app.errors import BadRequest, Busy, KeyTaken, NameTaken, StoreMisconfigured
from app.search import parse
from app.tokens import SCOPES

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
_READ_ONLY = "-c%20default_transaction_read_only%3Don"


@pytest.fixture
def token(catalog):
    return catalog.tokens.add("laptop", "d" * 64, frozenset({"upload"}), created_at=NOW)


def row(key, token, **values):
    return Upload(key, "image/png", 10, 4, 3, "s" * 64, NOW, "e" * 64, token.id, "writer", **values)


def begin(catalog, token, *keys, name="n", fingerprint="f", ttl_s=60, now=NOW, **values):
    claim = Claim(token.id, name, fingerprint, keys, ttl_s)
    return claim, catalog.uploads.begin([row(key, token, **values) for key in keys], claim, now=now)


def store(catalog, token, *keys, now=NOW, **values):
    claim, held = begin(catalog, token, *keys, now=now, **values)
    assert held is None
    catalog.uploads.finish(claim, dict.fromkeys(keys, "v1"), now=now)
    return claim


def test_the_tables_are_those_of_the_schema(catalog):
    with catalog._database.read() as connection:
        tables = look(connection)
        for table in schema.metadata.sorted_tables:
            assert {one["name"] for one in tables.get_columns(table.name)} == set(table.c.keys())
            indexes = {one["name"] for one in tables.get_indexes(table.name)}
            assert {index.name for index in table.indexes} <= indexes
    assert catalog.is_current()


def test_the_revisions_are_those_that_alembic_knows():
    found = [one.revision for one in ScriptDirectory(MIGRATIONS).walk_revisions()]

    assert found == list(known_revisions())


def test_what_an_older_version_wrote_stays_and_is_found_as_before(url):
    catalog = Catalog(url)
    values = "'k1.png', 'deleting', 'image/png', 5, 2, 3, 's', '2026-11-23 12:00:00+00:00', 'd', 'w', '[]'"
    catalog.upgrade("0001")
    with catalog._database.write() as connection:
        names = "key, state, content_type, size, width, height, sha256, created_at, deletion_digest, writer, tags"
        connection.execute(text(f"INSERT INTO uploads ({names}) VALUES ({values})"))
        values = values.replace("k1", "k2").replace("deleting", "live").replace("[]", '["cat"]')
        connection.execute(text(f"INSERT INTO uploads ({names}, title) VALUES ({values}, 'old')"))

    catalog.upgrade()

    (found,) = catalog.uploads.unsettled(limit=10)
    assert (found.key, found.size, found.is_foreign, found.changes) == ("k1.png", 5, False, 0)
    for query in (parse("old"), parse("tag:cat"), parse("")):
        assert [one.key for one in catalog.library.page(query, now=NOW, limit=9).uploads] == ["k2.png"]
    assert (catalog.tallies.stored().count, catalog.tallies.by_type()[0].count) == (2, 1)
    with catalog._database.read() as connection:
        indexes = {one["name"]: one for one in look(connection).get_indexes("uploads")}
        conditions = {str(option) for option in indexes["uploads_unsettled"]["dialect_options"].values()}
    assert any("pending" in condition and "deleting" in condition for condition in conditions)
    catalog.close()


def test_an_upload_comes_back_as_it_went_in(catalog, token):
    values = {"title": "Ünï ☺", "tags": ("a", "b"), "file_name": "x.png", "expires_at": NOW + HOUR}
    store(catalog, token, "k1.png", **values)

    assert catalog.uploads.get("k1.png") == row("k1.png", token, state=State.LIVE, version_id="v1", **values)
    assert catalog.uploads.get("k2.png") is None


def test_a_claim_holds_while_the_first_request_runs_and_for_its_time_after(catalog, token):
    claim, _ = begin(catalog, token, "k1.png", "k2.png")
    _, held = begin(catalog, token, "k3.png")

    assert held.fingerprint == "f" and not held.is_ready
    assert catalog.uploads.get("k3.png") is None
    catalog.uploads.finish(claim, {"k1.png": None, "k2.png": None}, now=NOW)
    ready = catalog.uploads.claimed(token.id, "n", now=NOW + timedelta(seconds=59))
    assert ready.is_ready and [one.key for one in ready.uploads] == ["k1.png", "k2.png"]
    assert catalog.uploads.claimed(token.id, "n", now=NOW + timedelta(seconds=60)) is None


def test_a_claim_is_void_once_one_of_its_uploads_is_gone(catalog, token):
    store(catalog, token, "k1.png", "k2.png")
    catalog.uploads.retire(["k2.png"], states=(State.LIVE,))

    assert catalog.uploads.claimed(token.id, "n", now=NOW) is None
    assert begin(catalog, token, "k3.png")[1] is None


def test_claims_belong_to_their_token(catalog, token):
    store(catalog, token, "k1.png")
    other = catalog.tokens.add("phone", "p" * 64, frozenset({"upload"}), created_at=NOW)

    assert catalog.uploads.claimed(other.id, "n", now=NOW) is None


def test_a_key_is_never_given_out_twice(catalog, token):
    store(catalog, token, "k1.png")
    catalog.uploads.retire(["k1.png"], states=(State.LIVE,))
    catalog.uploads.bury(["k1.png"], now=NOW)

    with pytest.raises(KeyTaken):
        begin(catalog, token, "k9.png", "k1.png", name="m")
    assert catalog.uploads.get("k9.png") is None


def test_what_was_given_up_cannot_be_finished(catalog, token):
    claim, _ = begin(catalog, token, "k1.png", "k2.png")
    catalog.uploads.retire(["k1.png"], states=(State.PENDING,))

    with pytest.raises(Busy):
        catalog.uploads.finish(claim, {"k1.png": None, "k2.png": None}, now=NOW)
    assert catalog.uploads.get("k2.png").state is State.PENDING


def test_only_rows_in_the_given_states_are_retired(catalog, token):
    begin(catalog, token, "k1.png")

    assert catalog.uploads.retire(["k1.png"], states=(State.LIVE,)) == []
    assert [one.key for one in catalog.uploads.retire(["k1.png"], states=(State.PENDING,))] == ["k1.png"]
    assert catalog.uploads.retire(["k1.png"], states=(State.PENDING,)) == []


def test_a_tombstone_keeps_nothing_of_the_sender(catalog, token):
    store(catalog, token, "k1.png", title="t", file_name="f", tags=("a",), expires_at=NOW)
    catalog.uploads.retire(["k1.png"], states=(State.LIVE,))
    catalog.uploads.bury(["k1.png"], now=NOW)
    left = catalog.uploads.get("k1.png")

    assert (left.state, left.title, left.file_name, left.tags, left.expires_at) == (State.DELETED, None, None, (), None)


def test_a_deletion_that_the_edge_knows_of_is_still_to_end(catalog, token):
    store(catalog, token, "k1.png")
    store(catalog, token, "k2.png", name="m")
    catalog.uploads.retire(["k1.png"], states=(State.LIVE,))

    catalog.uploads.purged(["k1.png", "k2.png"], now=NOW)

    assert [(one.key, one.purged_at) for one in catalog.uploads.unsettled(limit=9)] == [("k1.png", NOW)]
    assert catalog.uploads.get("k2.png").purged_at is None
    assert catalog.uploads.bury(["k1.png", "k2.png"], now=NOW) == 1
    assert catalog.uploads.get("k1.png").purged_at is None


def test_transactions_add_up_by_day_and_class(catalog):
    today, yesterday = NOW.date(), NOW.date() - timedelta(days=1)
    catalog.transactions.add({"A": 1, "B": 2}, day=today)
    catalog.transactions.add({"A": 4}, day=today)
    catalog.transactions.add({"C": 3}, day=yesterday)

    assert catalog.transactions.since(today) == {today: {"A": 5, "B": 2}}
    assert catalog.transactions.since(yesterday) == {today: {"A": 5, "B": 2}, yesterday: {"C": 3}}


def test_what_is_stored_is_counted_without_what_is_gone(catalog, token):
    store(catalog, token, "k1.png")
    store(catalog, token, "k2.png", name="m")
    catalog.uploads.retire(["k2.png"], states=(State.LIVE,))
    catalog.uploads.bury(["k2.png"], now=NOW)
    begin(catalog, token, "k3.png", name="o")

    assert catalog.tallies.stored() == Tally("", 1, catalog.uploads.get("k1.png").size)


def test_unsettled_rows_are_found_page_by_page(catalog, token):
    begin(catalog, token, *[f"k{number}.png" for number in range(5)])
    store(catalog, token, "live.png", name="m")
    catalog.uploads.retire(["k3.png"], states=(State.PENDING,))

    first = catalog.uploads.unsettled(limit=3)
    rest = catalog.uploads.unsettled(limit=3, after=first[-1].key)
    assert [one.key for one in first + rest] == [f"k{number}.png" for number in range(5)]


def test_what_has_expired_is_found(catalog, token):
    store(catalog, token, "k1.png", expires_at=NOW + HOUR)
    store(catalog, token, "k2.png", name="m")

    assert catalog.uploads.expired(now=NOW, limit=9) == []
    assert [one.key for one in catalog.uploads.expired(now=NOW + HOUR, limit=9)] == ["k1.png"]


def test_claims_that_are_over_are_forgotten(catalog, token):
    store(catalog, token, "k1.png")

    assert catalog.uploads.prune(now=NOW, limit=9) == 0
    assert catalog.uploads.prune(now=NOW + HOUR, limit=9) == 1


def test_tokens_are_named_once_until_they_are_revoked(catalog, token):
    with pytest.raises(NameTaken, match="laptop"):
        catalog.tokens.add("laptop", "x" * 64, frozenset(), created_at=NOW)
    assert catalog.tokens.revoke("laptop", now=NOW)
    assert not catalog.tokens.revoke("laptop", now=NOW)
    again = catalog.tokens.add("laptop", "x" * 64, frozenset(SCOPES), created_at=NOW, expires_at=NOW + HOUR)

    assert again.is_usable(NOW) and not again.is_usable(NOW + HOUR)
    assert not catalog.tokens.by_digest("d" * 64).is_usable(NOW)
    assert [one.name for one in catalog.tokens.list()] == ["laptop", "laptop"]


def test_the_last_use_is_kept_to_the_minute(catalog, token):
    catalog.tokens.used(token, now=NOW)
    catalog.tokens.used(token, now=NOW + timedelta(seconds=30))

    assert catalog.tokens.by_digest("d" * 64).last_used_at == NOW


def test_a_session_ends_by_time_by_hand_and_with_its_token(catalog, token):
    for name in "abc":
        catalog.sessions.add(name, token.id, created_at=NOW, expires_at=NOW + HOUR)
    catalog.sessions.end("b")

    assert catalog.sessions.token_of("a", now=NOW).name == "laptop"
    assert catalog.sessions.token_of("b", now=NOW) is None
    assert catalog.sessions.token_of("a", now=NOW + HOUR) is None
    catalog.tokens.revoke("laptop", now=NOW)
    assert catalog.sessions.token_of("c", now=NOW) is None


def test_sessions_that_are_over_are_forgotten(catalog, token):
    catalog.sessions.add("a", token.id, created_at=NOW, expires_at=NOW + HOUR)

    assert catalog.sessions.prune(now=NOW + HOUR, limit=9) == 1


@pytest.mark.parametrize("values", [{"title": "\ud800"}, {"size": 2**70}])
def test_a_value_no_database_holds_is_refused_by_name(catalog, token, values):
    upload = Upload(**{**{name: getattr(row("k1.png", token), name) for name in Upload.__slots__}, **values})
    with pytest.raises((BadRequest, Busy)):
        catalog.uploads.begin([upload], Claim(token.id, "n", "f", ("k1.png",), 60), now=NOW)
    assert catalog.uploads.get("k1.png") is None


def test_of_many_that_begin_the_same_one_is_first(catalog, token):
    with ThreadPoolExecutor(8) as pool:
        results = list(pool.map(lambda n: begin(catalog, token, f"k{n}.png")[1], range(8)))

    assert results.count(None) == 1
    assert len(catalog.uploads.unsettled(limit=20)) == 1


def _upgrade_and_add(url):
    catalog = Catalog(url)
    catalog.upgrade()
    added = catalog.tokens.add_first("owner", "o" * 64, frozenset(SCOPES), created_at=NOW)
    catalog.close()
    return added


def test_servers_that_start_at_once_agree_on_the_tables_and_the_first_token(url):
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload([__name__])  # to import it all takes a second: once, not in each of the four
    with ProcessPoolExecutor(4, mp_context=context) as pool:
        assert list(pool.map(_upgrade_and_add, [url] * 4)).count(True) == 1


def test_a_catalog_tells_how_it_stands(catalog, catalog_url):
    found = catalog.condition()

    assert (found.revision, found.is_newer) == (found.head, False)
    assert found.journal == ("wal" if catalog_url.startswith("sqlite") else None)
    assert catalog.exists()
    with catalog._database.write() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    assert (catalog.condition().revision, catalog.condition().is_newer) == ("9999", True)


def test_a_catalog_that_was_never_made_is_not_made_by_asking(tmp_path):
    path = tmp_path / "catalog.sqlite3"
    catalog = Catalog(f"sqlite:///{path}")

    assert not catalog.exists()
    assert not path.exists()


def test_a_trial_of_writing_leaves_nothing(catalog):
    catalog.try_writing(now=NOW)

    with catalog._database.read() as connection:
        assert connection.execute(text("SELECT count(*) FROM events")).scalar() == 0


def test_a_database_that_takes_no_writing_says_so(catalog, catalog_url):
    if catalog_url.startswith("sqlite"):
        catalog.close()
        with Path(catalog_url.removeprefix("sqlite:///")).open("r+b") as file:
            file.seek(18)  # the version of its last writer: https://sqlite.org/fileformat.html#ffwfvrn
            file.write(b"\x03")
    reader = Catalog(
        catalog_url
        if catalog_url.startswith("sqlite")
        else f"{catalog_url}{'&' if '?' in catalog_url else '?'}options={_READ_ONLY}"
    )

    with pytest.raises(StoreMisconfigured, match="may not write"):
        reader.try_writing(now=NOW)
    reader.close()


def test_the_last_refusal_of_a_notification_is_kept_to_the_second(catalog):
    changes, second = catalog.changes, timedelta(seconds=1)
    assert changes.refused_at() is None
    for at in (NOW, NOW + second / 2, NOW + 2 * second):
        changes.refuse(now=at)
        assert changes.refused_at() in (NOW, NOW + 2 * second)

    assert changes.refused_at() == NOW + 2 * second
    changes.prune(before=NOW + HOUR, limit=10)
    assert changes.refused_at() is None
