"""Another image in the place of an upload, over HTTP."""

import io

import pytest

from app.catalog.records import State
from app.errors import EdgeUnavailable, StoreUnavailable
from app.keys import thumbnail_key
from tests import samples
from tests.conftest import OWNER, UPLOADER

AUTH = {"Authorization": f"Bearer {OWNER}"}


@pytest.fixture
def key(client):
    form = {"title": "cat", "tags": "a", "file": (io.BytesIO(samples.make("png", seed=1)), "shot.png")}
    return client.post("/api/upload", data=form, headers=AUTH).json["key"]


def put(client, key, data, **headers):
    return client.put(f"/api/uploads/{key}", data=data, headers={**AUTH, **headers})


def known(client, key):
    return client.get(f"/api/uploads/{key}", headers=AUTH).json


def test_the_address_stays_and_what_its_owner_gave_it(client, app, key):
    before, etag = known(client, key), client.get(f"/{key}").headers["ETag"]
    answer = put(client, key, samples.make("png", 20, 10, seed=2))
    served = client.get(f"/{key}")

    assert answer.status_code == 200
    assert answer.json == known(client, key)
    assert (answer.json["width"], answer.json["height"], answer.json["size"]) == (20, 10, len(served.data))
    assert served.headers["ETag"] != etag
    same = ("url", "deletion_url", "title", "tags", "created_at", "expires_at", "file_name")
    assert [answer.json[name] for name in same] == [before[name] for name in same]
    assert answer.json["sha256"] != before["sha256"]
    assert (answer.json["thumbnail"], answer.json["blurhash"]) == ("due", None)
    assert [row.key for row in app.extensions["bowerbird"].catalog.thumbnails.due(now=_now(app), limit=9)] == [key]
    assert app.extensions["bowerbird"].catalog.tallies.stored().size == len(served.data)


@pytest.mark.parametrize(
    ("data", "status", "said"),
    [
        (samples.make("jpeg"), 415, "image/jpeg"),
        (b"no image at all", 415, "text/plain"),
        (samples.make("png")[:-20], 422, ""),
        (b"", 411, "Content-Length"),
    ],
)
def test_what_is_no_image_of_its_type_replaces_nothing(client, key, data, status, said):
    before, bytes_before = known(client, key), client.get(f"/{key}").data
    answer = put(client, key, data)

    assert answer.status_code == status
    assert said in answer.json["error"]
    assert known(client, key) == before
    assert client.get(f"/{key}").data == bytes_before


def test_only_who_may_manage_replaces_and_only_what_is_there(client, key):
    image = samples.make("png", seed=2)

    assert put(client, key, image, Authorization=f"Bearer {UPLOADER}").status_code == 403
    assert client.put(f"/api/uploads/{key}", data=image).status_code == 401
    assert put(client, "k7Wq3Zpx.png", image).status_code == 404


@pytest.mark.parametrize("is_stored", [False, True])
def test_whatever_breaks_in_between_the_worker_writes_what_is_there(client, app, key, monkeypatch, is_stored):
    parts = app.extensions["bowerbird"]
    before = known(client, key)
    replace = parts.store.replace

    def broken(*arguments, **options):
        if is_stored:
            replace(*arguments, **options)
        raise StoreUnavailable("the store does not answer")

    monkeypatch.setattr(parts.store, "replace", broken)
    answer = put(client, key, samples.make("png", 20, 10, seed=2))
    hidden = client.get(f"/{key}").status_code
    parts.inventory.inspect()

    assert (answer.status_code, hidden) == (503, 404)
    assert known(client, key)["width"] == (20 if is_stored else 64)
    assert known(client, key)["title"] == before["title"]
    assert (known(client, key)["sha256"] == before["sha256"]) is not is_stored


def amid(monkeypatch, store, act):
    """Have `act` happen just before the store has the new image."""
    replace = store.replace

    def late(*arguments, **options):
        act()
        return replace(*arguments, **options)

    monkeypatch.setattr(store, "replace", late)


@pytest.mark.parametrize("is_stored", [True, False])
def test_what_is_deleted_while_it_is_replaced_stays_deleted(client, app, key, monkeypatch, is_stored):
    parts = app.extensions["bowerbird"]
    amid(monkeypatch, parts.store, lambda: client.delete(f"/api/uploads/{key}", headers=AUTH))
    if not is_stored:
        monkeypatch.setattr(parts.uploads.deletions, "forget", _unavailable)
    answer = put(client, key, samples.make("png", 20, 10, seed=2))
    parts.inventory.compare(grace_s=0)
    parts.inventory.inspect()

    assert answer.status_code == (404 if is_stored else 503)
    assert parts.store.head(key) is None
    assert parts.catalog.uploads.get(key).state is State.DELETED


def test_a_worker_that_looked_before_the_new_image_was_there_looks_again(client, app, key, monkeypatch):
    parts = app.extensions["bowerbird"]
    amid(monkeypatch, parts.store, parts.inventory.inspect)
    answer = put(client, key, samples.make("png", 20, 10, seed=2))
    parts.inventory.inspect()

    assert (answer.status_code, answer.json["width"]) == (200, 20)
    assert known(client, key)["sha256"] == answer.json["sha256"]


def test_the_thumbnail_of_the_image_before_is_gone_at_once(client, app, key):
    parts = app.extensions["bowerbird"]
    row = parts.catalog.uploads.get(key)
    parts.catalog.thumbnails.begin(row, until=_now(app))
    parts.store.put(thumbnail_key(key), io.BytesIO(b"of the first"), content_type="image/webp")

    assert put(client, key, samples.make("png", 20, 10, seed=2)).status_code == 200
    assert parts.store.head(thumbnail_key(key)) is None


def _unavailable(*_arguments):
    raise EdgeUnavailable("the edge does not answer")


def _now(app):
    return app.extensions["bowerbird"].uploads.clock()


def test_the_first_image_sent_again_is_an_upload_of_its_own(client, key):
    assert put(client, key, samples.make("png", 20, 10, seed=2)).status_code == 200
    form = {"title": "cat", "tags": "a", "file": (io.BytesIO(samples.make("png", seed=1)), "shot.png")}
    again = client.post("/api/upload", data=form, headers=AUTH).json

    assert again["key"] != key
    assert (again["width"], known(client, key)["width"]) == (64, 20)


def test_a_larger_image_is_refused_where_the_quota_of_its_sender_is_full(client, app, key):
    size = known(client, key)["size"]
    app.extensions["bowerbird"].catalog.tokens.change("owner", quota_bytes=size)
    answer = put(client, key, samples.make("png", 200, 100, seed=2))
    smaller = put(client, key, samples.make("png", 20, 10, seed=2))

    assert (answer.status_code, answer.json["code"]) == (507, "quota_exceeded")
    assert smaller.status_code == 200
