"""Events in the catalog: each once, and in whatever order they come the row ends where the bucket is."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from app.catalog.engine import Taken
from app.catalog.records import Claim, State, Upload
from app.errors import BadRequest, Busy
from app.webhooks import Event, Kind

NOW = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)
KEY = "k7Wq3Zpx.png"
OWN = Upload(KEY, "image/png", 5, 2, 3, "ab" * 32, NOW, "cd" * 32)


def event(number, kind=Kind.CREATED, version_id="v1", key=KEY, at=NOW):
    return Event(f"event-{number}", kind, "pics", key, at, version_id, 5)


def found_row(one):
    return Upload(one.key, "application/octet-stream", one.size, 0, 0, "", one.at, "ef" * 32, state=State.FOUND)


def take(catalog, *events):
    return catalog.changes.take(events, found_row, now=NOW)


@pytest.fixture
def own(catalog):
    """One of our own uploads, live, with the version id v1."""
    token_id = catalog.tokens.add("laptop", "12" * 32, frozenset({"upload"}), created_at=NOW).id
    claim = Claim(token_id, "sha256:x", "f", (KEY,), 60)
    catalog.uploads.begin([replace(OWN, token_id=token_id)], claim, now=NOW)
    return lambda: catalog.uploads.finish(claim, {KEY: "v1"}, now=NOW)


def row(catalog, key=KEY):
    return catalog.uploads.get(key)


@pytest.mark.parametrize("is_live", [True, False])
def test_our_own_put_is_confirmed(catalog, own, is_live):
    if is_live:
        own()

    assert take(catalog, event(1)) == 1

    assert row(catalog).confirmed_at == NOW
    assert row(catalog).state is (State.LIVE if is_live else State.PENDING)


def test_an_object_of_another_client_is_found_and_not_to_be_seen(catalog):
    take(catalog, event(1, key="photos/a b+ü.png"))

    found = row(catalog, "photos/a b+ü.png")
    assert (found.state, found.size, found.content_type) == (State.FOUND, 5, "application/octet-stream")
    assert [one.key for one in catalog.changes.found(limit=10)] == ["photos/a b+ü.png"]


def test_an_event_counts_once(catalog, own):
    own()
    removed = event(1, Kind.REMOVED)

    assert [take(catalog, removed, removed), take(catalog, removed)] == [1, 0]


def test_a_notification_is_taken_whole_or_not_at_all(catalog):
    with pytest.raises(BadRequest):
        take(catalog, event(1), event(2, key="a\ud800"))

    assert row(catalog) is None
    assert take(catalog, event(1)) == 1


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (event(1, Kind.REMOVED), State.FOUND),
        (event(1, Kind.REMOVED, None), State.FOUND),
        (event(1, Kind.REMOVED, "v0"), State.LIVE),
        (event(1, Kind.CREATED, "v2"), State.FOUND),
        (event(1, Kind.OTHER, None), State.LIVE),
    ],
)
def test_what_the_bucket_does_to_a_live_upload_is_looked_at(catalog, own, given, expected):
    own()

    take(catalog, given)

    assert row(catalog).state is expected


def test_an_upload_that_another_client_wrote_over_loses_all_its_versions_when_it_goes(catalog, own):
    own()
    take(catalog, event(1, version_id="v2"))

    assert row(catalog).is_foreign


@pytest.mark.parametrize("kind", [Kind.CREATED, Kind.REMOVED])
def test_a_deletion_under_way_ends_as_it_would(catalog, own, kind):
    own()
    catalog.uploads.retire_uploads([KEY])

    take(catalog, event(1, kind))

    assert row(catalog).state is State.DELETING


@pytest.mark.parametrize(("kind", "expected"), [(Kind.CREATED, State.FOUND), (Kind.REMOVED, State.DELETED)])
def test_a_tombstone_is_looked_at_only_if_something_was_put_there(catalog, own, kind, expected):
    own()
    catalog.uploads.retire_uploads([KEY])
    catalog.uploads.bury([KEY], now=NOW)

    take(catalog, event(1, kind))

    assert row(catalog).state is expected


def test_the_removal_of_what_is_not_known_is_nothing(catalog):
    take(catalog, event(1, Kind.REMOVED))

    assert row(catalog) is None


def test_what_was_seen_is_written_only_while_nobody_else_has(catalog):
    take(catalog, event(1))
    seen = replace(row(catalog), state=State.LIVE, content_type="image/png", width=2, height=3, sha256="ab" * 32)

    assert [catalog.changes.admit(seen), catalog.changes.admit(seen)] == [True, False]
    assert (row(catalog).state, row(catalog).width) == (State.LIVE, 2)


def test_what_was_seen_before_the_bucket_changed_again_is_not_written(catalog):
    take(catalog, event(1))
    seen = replace(row(catalog), state=State.LIVE)

    take(catalog, event(2, Kind.REMOVED, "v9"))

    assert [catalog.changes.admit(seen), catalog.changes.bury(seen, at=NOW)] == [False, False]
    assert row(catalog).state is State.FOUND
    assert catalog.changes.bury(row(catalog), at=NOW)
    assert (row(catalog).state, row(catalog).deleted_at, row(catalog).is_foreign) == (State.DELETED, NOW, True)


def test_what_was_compared_before_the_bucket_changed_is_left_to_the_newer_look(catalog, own):
    own()
    before = row(catalog)
    take(catalog, event(1, Kind.REMOVED))
    catalog.changes.admit(replace(row(catalog), state=State.LIVE))

    assert catalog.changes.look_again(before) is False
    assert row(catalog).state is State.LIVE


def test_a_row_that_a_comparison_adds_at_the_same_moment_lets_the_event_come_again(catalog):
    def too_late(one):
        raise Taken("the key is in use")  # what the database says to the second of two that add it

    with pytest.raises(Busy):
        catalog.changes.take([event(1)], too_late, now=NOW)

    assert take(catalog, event(1)) == 1


def test_keys_come_in_the_order_of_their_bytes(catalog):
    keys = ["Z.png", "a.png", "B.png", "ä.png", "b/a.png", "b.png", "𝄞.png", "﹀.png"]
    take(catalog, *(event(number, key=key) for number, key in enumerate(keys)))

    first = catalog.changes.listing(limit=3)
    rest = catalog.changes.listing(limit=100, after=first[-1].key)
    assert [one.key for one in [*first, *rest]] == sorted(keys, key=str.encode)


def test_events_are_forgotten_when_they_are_too_old_to_come_again(catalog):
    take(catalog, event(1))

    assert catalog.changes.prune(before=NOW, limit=10) == 0
    assert catalog.changes.prune(before=NOW + timedelta(seconds=1), limit=10) == 1


def test_a_row_is_added_once(catalog):
    assert [catalog.changes.add(found_row(event(1))), catalog.changes.add(found_row(event(1)))] == [True, False]
