"""Notifications: signatures, both shapes, and what is refused."""

import json
from datetime import UTC, datetime, timedelta

import pytest

from app.errors import BadRequest, Forbidden, Unauthorized
from app.webhooks import Kind, check, parse, sign

NOW = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)
OURS = {
    "contentLength": 5,
    "contentType": "image/png",
    "method": "PUT",
    "signatureTimestamp": "20261124T115959Z",
    "status": 200,
    "url": "https://s3.us-west-004.backblazeb2.com/pics/k7Wq3Zp.png",
    "eventId": "7d0c9a52-1111-2222-3333-444455556666",
    "eventType": "b2:ObjectCreated:Upload",
    "bucket": "pics",
    "key": "k7Wq3Zp.png",
    "etag": "5d41402abc4b2a76b9719d911017c592",
    "versionId": "4_z1",
    "time": "2026-11-24T11:59:59.500Z",
}
# Backblaze's own example.
THEIRS = {
    "accountId": "e85c6a500333",
    "bucketId": "aea8c5bc362ae55070130333",
    "bucketName": "pics",
    "eventId": "8f0a2ffd1ff1b5d1d2c5c0ae3ac5ff6a0ae3a1ab2ff2a1ff2a1bb1aa1ab11b1a",
    "eventTimestamp": 1795521599500,
    "eventType": "b2:ObjectCreated:Upload",
    "eventVersion": 1,
    "matchedRuleName": "mySampleRule1",
    "objectName": "objectName.txt",
    "objectSize": 10495842,
    "objectVersionId": "4_zaea8c5bc362ae55070130333_f117c7bd5d6c6597c_d20230521_m235957_c001_v0001044_t0052",
}


def parsed(given, now=NOW):
    return parse(json.dumps(given).encode(), now=now)


def test_a_signature_is_the_hmac_that_rfc_4231_has():
    expected = "v1=5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"

    assert sign("Jefe", b"what do ya want for nothing?") == expected
    check("Jefe", b"what do ya want for nothing?", expected)


@pytest.mark.parametrize(
    "signature", [None, "", "v1=", "v2=5bdc", sign("Jefe", b"x")[3:], sign("jefe", b"x"), "v1=ü", "\udcff"]
)
def test_any_other_signature_is_refused(signature):
    with pytest.raises(Unauthorized):
        check("Jefe", b"x", signature)


def test_our_own_notification_is_read():
    (event,) = parsed(OURS)

    assert (event.id, event.kind, event.bucket, event.key) == (OURS["eventId"], Kind.CREATED, "pics", "k7Wq3Zp.png")
    assert (event.version_id, event.size) == ("4_z1", 5)
    assert event.at == NOW - timedelta(seconds=0.5)


def test_a_list_of_b2_is_read():
    first, second = parsed({"events": [THEIRS, THEIRS | {"eventType": "b2:ObjectDeleted:LifecycleRule"}]})

    assert (first.kind, first.key, first.size) == (Kind.CREATED, "objectName.txt", 10495842)
    assert second.kind is Kind.REMOVED


def test_a_list_of_our_own_is_read():
    first, second = parsed({"events": [OURS, OURS | {"eventId": "2", "key": "b.png"}]})

    assert (first.id, first.key, first.version_id) == (OURS["eventId"], "k7Wq3Zp.png", "4_z1")
    assert (second.id, second.key) == ("2", "b.png")


@pytest.mark.parametrize("name", ["b2:HideMarkerCreated:Hide", "b2:ObjectCreated:Hide"])
def test_a_hide_marker_is_a_removal_whose_version_is_not_the_objects(name):
    (ours,) = parsed(OURS | {"eventType": name})

    assert (ours.kind, ours.version_id) == (Kind.REMOVED, None)


def test_a_test_event_is_about_nothing():
    (event,) = parsed({"events": [{**THEIRS, "eventType": "b2:TestEvent", "objectName": "", "bucketName": ""}]})

    assert event.kind is Kind.OTHER


@pytest.mark.parametrize(
    "given",
    [
        [],
        "text",
        {},
        {"events": []},
        {"events": [THEIRS] * 51},
        {"events": [OURS] * 51},
        {"events": [OURS | {"bucket": 7}]},
        {"events": [1]},
        {"events": {}},
        OURS | {"eventId": None},
        OURS | {"eventId": "x" * 1025},
        OURS | {"key": ""},
        OURS | {"key": 7},
        OURS | {"versionId": 7},
        OURS | {"contentLength": -1},
        OURS | {"contentLength": True},
        OURS | {"contentLength": 2**63},
        OURS | {"time": "yesterday"},
        OURS | {"time": 7},
        OURS | {"time": "0001-01-01T00:00:00+14:00"},
        {"events": [THEIRS | {"eventTimestamp": "7"}]},
        {"events": [THEIRS | {"eventTimestamp": 10**15}]},
    ],
)
def test_what_makes_no_sense_is_refused(given):
    with pytest.raises(BadRequest):
        parsed(given)


@pytest.mark.parametrize("body", [b"", b"{", b"\xff", b"[" * 100_000, b'{"events": NaN}'])
def test_what_is_no_json_is_refused(body):
    with pytest.raises(BadRequest):
        parse(body, now=NOW)


@pytest.mark.parametrize("by", [timedelta(days=4, minutes=1), timedelta(minutes=-16)])
def test_an_event_of_another_day_or_of_the_future_is_refused(by):
    with pytest.raises(Forbidden, match="stale"):
        parsed(OURS, now=NOW + by)
