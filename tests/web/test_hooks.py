"""The app's end of the webhook, request by request."""

import json
import uuid
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from app.catalog.records import State
from app.store.folder import FolderStore
from app.webhooks import HEADER, sign
from tests.conftest import OWNER

SECRET = "webhook-secret-of-the-tests"
KEY = "photos/a b+ü.png"


class EmptyBucket(FolderStore):
    """A bucket of nothing, in which other S3 clients' names are known."""

    def delete(self, key, version_id=None):
        """Nothing is there, which is no error."""


@pytest.fixture
def cloud(make_app, tmp_path, monkeypatch):
    """The app over a bucket; the store behind it is not asked by a notification."""
    monkeypatch.setenv("BOWERBIRD_STORE", "s3")
    return make_app(
        EmptyBucket(tmp_path / "objects", "me"),
        webhook_secret=SECRET,
        s3_endpoint="https://s3.us-west-004.backblazeb2.com",
        s3_region="us-west-004",
        s3_bucket="pics",
        s3_access_key_id="a",
        s3_secret_access_key="b",
    )


def notification(**changes):
    now = datetime.now(UTC)
    return {
        "contentLength": 5,
        "contentType": "image/png",
        "method": "PUT",
        "signatureTimestamp": now.strftime("%Y%m%dT%H%M%SZ"),
        "status": 200,
        "url": "https://s3.us-west-004.backblazeb2.com/pics/photos/a%20b",
        "eventId": str(uuid.uuid4()),
        "eventType": "b2:ObjectCreated:Upload",
        "bucket": "pics",
        "key": KEY,
        "etag": None,
        "versionId": "4_z1",
        "time": now.isoformat(),
        **changes,
    }


def post(app, given, secret=SECRET, signature=None, **headers):
    body = given if isinstance(given, bytes) else json.dumps(given).encode()
    headers = {HEADER: signature if signature is not None else sign(secret, body), **headers}
    return app.test_client().post("/hooks/b2", data=body, content_type="application/json", headers=headers)


def _in(**span):
    return (datetime.now(UTC) + timedelta(**span)).isoformat()


def row(app):
    return app.extensions["bowerbird"].catalog.uploads.get(KEY)


def test_a_notification_is_taken_once(cloud):
    given = notification()

    answers = [post(cloud, given).json, post(cloud, given).json]

    assert answers == [{"accepted": 1}, {"accepted": 0}]
    assert row(cloud).state is State.FOUND


def test_a_list_of_b2_is_taken(cloud):
    at = int(datetime.now(UTC).timestamp() * 1000)
    kept = {"eventTimestamp": at, "eventType": "b2:ObjectCreated:Copy", "bucketName": "pics", "objectName": KEY}
    given = {"events": [kept | {"eventId": "1"}, kept | {"eventId": "2", "bucketName": "other"}]}

    assert post(cloud, given).json == {"accepted": 1}


def test_a_list_of_our_own_is_taken_and_each_of_its_events_once(cloud):
    first, second = notification(), notification(key="b.png")
    post(cloud, first)

    answers = [post(cloud, {"events": [first, second, second]}).json for _ in range(2)]

    assert answers == [{"accepted": 1}, {"accepted": 0}]
    assert {row.key for row in cloud.extensions["bowerbird"].catalog.changes.found(limit=9)} == {KEY, "b.png"}


@pytest.mark.parametrize(
    ("send", "status", "code"),
    [
        (lambda app: post(app, notification(), signature=""), 401, "unauthorized"),
        (lambda app: post(app, notification(), secret="another-secret-of-the-tests"), 401, "unauthorized"),
        (lambda app: post(app, notification(), signature=sign(SECRET, b"{}")), 401, "unauthorized"),
        (lambda app: post(app, b"{"), 400, "bad_request"),
        (lambda app: post(app, []), 400, "bad_request"),
        (lambda app: post(app, {"events": [{}] * 51}), 400, "bad_request"),
        (lambda app: post(app, {"events": [notification() for _ in range(51)]}), 400, "bad_request"),
        (lambda app: post(app, {"events": [notification(), notification(key="")]}), 400, "bad_request"),
        (lambda app: post(app, {"events": [notification(), notification(time=_in(days=-5))]}), 403, "forbidden"),
        (lambda app: post(app, notification(key="a\ud800")), 400, "bad_request"),
        (lambda app: post(app, notification(time=_in(days=-5))), 403, "forbidden"),
        (lambda app: post(app, notification(time=_in(hours=1))), 403, "forbidden"),
        (lambda app: post(app, b" " * 70_000), 413, "too_large"),
        (lambda app: app.test_client().get("/hooks/b2"), 405, "method_not_allowed"),
        (lambda app: app.test_client().post("/hooks/other"), 404, "not_found"),
    ],
)  # fmt: skip
def test_what_is_refused_changes_nothing_and_is_told_in_json(cloud, send, status, code):
    answer = send(cloud)

    assert (answer.status_code, answer.json["code"]) == (status, code)
    assert set(answer.json) == {"error", "code", "request_id"}
    assert row(cloud) is None


def test_a_browser_gets_json_too(cloud):
    assert post(cloud, b"{", Accept="text/html").json["code"] == "bad_request"


def test_without_a_secret_nothing_is_taken(app):
    answer = post(app, notification())

    assert (answer.status_code, answer.json["code"]) == (404, "not_found")
    assert "BOWERBIRD_WEBHOOK_SECRET" in answer.json["error"]


def test_a_store_in_a_folder_ignores_what_a_bucket_says(make_app):
    app = make_app(webhook_secret=SECRET)

    assert post(app, notification()).json == {"accepted": 0}
    assert row(app) is None


def test_what_is_no_image_cannot_be_deleted_as_an_upload(cloud):
    post(cloud, notification())
    parts = cloud.extensions["bowerbird"]
    parts.catalog.changes.admit(replace(row(cloud), state=State.REFUSED))
    owner = {"Authorization": f"Bearer {OWNER}"}

    answers = [getattr(cloud.test_client(), act)(f"/api/uploads/{KEY}", headers=owner) for act in ("get", "delete")]

    assert [answer.status_code for answer in answers] == [404, 404]
    assert row(cloud).state is State.REFUSED


def test_an_upload_of_another_client_is_shown_and_deleted_by_its_whole_name(cloud):
    post(cloud, notification())
    parts = cloud.extensions["bowerbird"]
    parts.catalog.changes.admit(replace(row(cloud), state=State.LIVE, content_type="image/png"))
    client = cloud.test_client()

    shown = client.get("/api/uploads/photos/a%20b+%C3%BC.png", headers={"Authorization": f"Bearer {OWNER}"}).json

    assert shown["key"] == KEY
    assert shown["url"] == "http://127.0.0.1:8080/photos/a%20b%2B%C3%BC.png"
    assert shown["deletion_url"].isascii()
    path = shown["deletion_url"].removeprefix("http://127.0.0.1:8080")
    assert client.get(path).status_code == 200
    client.post(path)
    assert row(cloud).state is not State.LIVE


def test_a_notification_that_others_signed_is_kept_in_mind_for_the_doctor(cloud):
    changes = cloud.extensions["bowerbird"].catalog.changes
    post(cloud, notification())
    assert changes.refused_at() is None

    post(cloud, notification(), secret="another secret, which is not ours")

    assert changes.refused_at() is not None
