"""The same bytes again: a new upload each time, or the address that they have (BOWERBIRD_DUPLICATES)."""

import io
from datetime import timedelta

import pytest

from app.catalog.records import State
from tests import samples
from tests.conftest import OWNER, UPLOADER

AUTH = {"Authorization": f"Bearer {UPLOADER}"}
OWNER_AUTH = {"Authorization": f"Bearer {OWNER}"}


@pytest.fixture
def app(make_app):
    return make_app(duplicates="same")


def post(client, seed=1, *, again="", **fields):
    """Upload an image; each `again` is another request, not the repeat of one."""
    form = {**fields, "file": (io.BytesIO(samples.make("png", seed=seed)), "shot.png")}
    return client.post("/api/upload", data=form, headers={**AUTH, "Idempotency-Key": f"k{seed}{again}"}).json


def path_of(body):
    return body["deletion_url"].removeprefix("http://127.0.0.1:8080")


def is_there(client, body):
    return client.get(f"/{body['key']}").status_code == 200


def test_the_link_of_a_copy_that_a_lost_catalog_knew_is_told_no_lie(client, app):
    catalog = app.extensions["bowerbird"].catalog
    post(client)
    backup = list(catalog.snapshots.dump())
    second = post(client, again="2")
    catalog.snapshots.load(backup, is_replacing=True)

    assert client.get(path_of(second)).status_code == 200
    assert client.delete(path_of(second)).status_code == 204
    assert not is_there(client, second)
    assert client.get(path_of(second)).status_code == 410


def test_whatever_happens_at_that_moment_the_link_of_a_copy_is_not_that_of_the_first(client, app, monkeypatch):
    uploads = app.extensions["bowerbird"].catalog.uploads
    first = post(client)
    begin = uploads.begin

    def replaced(*arguments, **options):
        begun = begin(*arguments, **options)
        app.extensions["bowerbird"].catalog.changes.look_again(uploads.get(first["key"]))
        return begun

    monkeypatch.setattr(uploads, "begin", replaced)

    second = post(client, again="2")
    assert second["key"] == first["key"]
    assert second["deletion_url"].rpartition("/")[2].startswith("2-")


def test_by_default_each_upload_has_its_own_address(make_app):
    client = make_app().test_client()

    assert post(client)["url"] != post(client, again="2")["url"]


def test_the_same_bytes_get_the_address_they_have_and_a_deletion_link_of_their_own(client, app):
    first, second, other = post(client), post(client, again="2"), post(client, 2)

    assert first["url"] == second["url"] != other["url"]
    assert first["deletion_url"] != second["deletion_url"]
    assert {**first, "deletion_url": ""} == {**second, "deletion_url": ""}
    assert post(client, again="2") == second
    assert app.extensions["bowerbird"].catalog.tallies.stored().count == 2


def test_the_image_goes_with_the_last_of_its_deletion_links_in_whatever_order(client):
    first, second, third = post(client), post(client, again="2"), post(client, again="3")

    for body in (second, first):
        assert b"the image stays for the others" in client.get(path_of(body)).data
        assert b"The image stays" in client.post(path_of(body)).data
        assert client.delete(path_of(body)).status_code == 204  # once more is no more
        assert client.get(path_of(body)).status_code == 410
        assert is_there(client, third)
    assert client.delete(path_of(third)).status_code == 204
    assert not is_there(client, third)
    assert client.get(path_of(third)).status_code == client.get(path_of(first)).status_code == 410


def test_what_was_taken_back_is_not_answered_again(client):
    first, second = post(client), post(client, again="2")
    client.delete(path_of(second))
    again = post(client, again="2")

    assert again["url"] == first["url"]
    assert again["deletion_url"] not in (first["deletion_url"], second["deletion_url"])


def test_after_the_last_is_gone_the_bytes_get_a_new_address(client):
    first = post(client)
    client.delete(path_of(first))

    assert post(client, again="2")["url"] != first["url"]


@pytest.mark.parametrize("token", ["2-{0}", "0-{0}", "3-{0}", "999999999-{0}", "2-" + "A" * 32, "-{0}"])
def test_a_made_up_number_is_no_deletion_link(client, token):
    first = post(client)
    secret = path_of(first).rpartition("/")[2]

    assert client.delete(f"/d/{first['key']}/{token.format(secret)}").status_code == 404
    assert is_there(client, first)


def test_the_api_takes_one_back_at_a_time_or_all_of_them(client):
    for number in ("1", "2", "3"):
        body = post(client, again=number)
    path = f"/api/uploads/{body['key']}"

    answer = client.delete(path, headers=OWNER_AUTH)
    assert (answer.status_code, answer.json) == (200, {"key": body["key"], "left": 2})
    assert is_there(client, body)
    assert client.delete(f"{path}?all=1", headers=OWNER_AUTH).status_code == 204
    assert not is_there(client, body)
    assert client.delete(path, headers=OWNER_AUTH).status_code == 204


def test_the_image_lives_as_long_as_the_longest_of_its_uploads(client):
    first = post(client, expires="1h")
    longer = post(client, again="2", expires="2h")
    shorter = post(client, again="3", expires="1h")
    for_ever = post(client, again="4")

    assert first["expires_at"] < longer["expires_at"] == shorter["expires_at"]
    assert for_ever["expires_at"] is None
    assert post(client, again="5", expires="1h")["expires_at"] is None


def test_what_has_expired_is_nobody_s_address(client, app, monkeypatch):
    uploads = app.extensions["bowerbird"].uploads
    first = post(client, expires="1h")
    later = uploads.clock() + timedelta(hours=2)
    monkeypatch.setattr(uploads, "clock", lambda: later)

    assert post(client, again="2")["url"] != first["url"]


def test_new_and_known_images_of_one_request_are_answered_in_their_order(client, app):
    known = post(client)
    form = {"file": [(io.BytesIO(samples.make("png", seed=seed)), f"{seed}.png") for seed in (2, 1, 3)]}
    body = client.post("/api/upload", data=form, headers=AUTH).json
    again = client.post(
        "/api/upload",
        data={"file": [(io.BytesIO(samples.make("png", seed=seed)), "x.png") for seed in (2, 1, 3)]},
        headers=AUTH,
    ).json

    assert [one["key"] == known["key"] for one in body["uploads"]] == [False, True, False]
    assert body["uploads"][1]["deletion_url"] != known["deletion_url"]
    assert again == body
    client.delete(path_of(known))
    assert is_there(client, known)


def test_a_request_that_fails_counts_for_nothing(client, app, monkeypatch):
    known = post(client)
    store = app.extensions["bowerbird"].store
    monkeypatch.setattr(store, "put", lambda *_, **__: (_ for _ in ()).throw(OSError("broken")))
    form = {"file": [(io.BytesIO(samples.make("png", seed=seed)), "x.png") for seed in (1, 2)]}
    answer = client.post("/api/upload", data=form, headers=AUTH)
    monkeypatch.undo()
    client.delete(path_of(known))

    assert answer.status_code == 500
    assert not is_there(client, known)
    assert app.extensions["bowerbird"].catalog.uploads.get(known["key"]).state is State.DELETED
