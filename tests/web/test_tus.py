"""Resumable uploads as a client of tus sees them; against real servers over bad lines in tests/test_resumable.py."""

import base64
import errno
import hashlib
import os
import shutil
import time
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

import pytest

from app.errors import StoreUnavailable
from tests.conftest import OWNER, UPLOADER
from tests.samples import make

DATA = make("png", 200, 150)
BYTES = "application/offset+octet-stream"


def headers(token=UPLOADER, **more):
    named = {name.replace("_", "-"): str(value) for name, value in more.items()}
    return {"Authorization": f"Bearer {token}", "Tus-Resumable": "1.0.0", **named}


def b64(text):
    return base64.b64encode(text if isinstance(text, bytes) else text.encode()).decode()


def begin(client, length=None, **more):
    answer = client.post("/api/tus", headers=headers(Upload_Length=length or len(DATA), **more))
    assert answer.status_code == 201, answer.data
    return answer.headers["Location"]


def patch(client, at, offset, data, **more):
    given = headers(**{"Upload_Offset": offset, "Content_Type": BYTES, **more})
    return client.patch(at, data=data, headers=given)


def head(client, at, token=UPLOADER):
    return client.head(at, headers=headers(token))


def result(client, at, token=UPLOADER):
    return client.get(at, headers=headers(token))


def left(app):
    """Return the names of all that is on the disk of unfinished uploads."""
    folder = app.extensions["bowerbird"].settings.data_dir / "tus"
    return [path.name for path in folder.glob("*/*") if path.name != "settled"]


def test_it_works(client, app):
    at = begin(client, Upload_Metadata=f"filename {b64('ma p.png')},title {b64('Karte ü')},tags {b64('Cats')},x")
    first = patch(client, at, 0, DATA[:1000])
    assert (first.status_code, first.headers["Upload-Offset"]) == (204, "1000")
    assert "Upload-Result" not in first.headers
    told = head(client, at)
    assert (told.status_code, told.headers["Upload-Offset"], told.headers["Upload-Length"]) == (
        200,
        "1000",
        str(len(DATA)),
    )
    assert told.headers["Upload-Metadata"].endswith(",x")
    assert told.headers["Cache-Control"] == "no-store"
    assert result(client, at).json["offset"] == 1000

    last = patch(client, at, 1000, DATA[1000:])

    assert (last.status_code, last.headers["Upload-Offset"], last.data) == (204, str(len(DATA)), b"")
    answer = client.get(last.headers["Upload-Result"], headers=headers())
    assert (answer.status_code, answer.headers["Location"]) == (200, answer.json["url"])
    assert client.get(f"/{answer.json['key']}").data == DATA
    row = app.extensions["bowerbird"].uploads.find(answer.json["key"])
    assert (row.file_name, row.title, row.tags) == ("ma p.png", "Karte ü", ("cats",))
    assert head(client, at).headers["Upload-Offset"] == str(len(DATA))
    assert patch(client, at, len(DATA), b"").status_code == 204
    assert left(app) == []


def test_options_tells_what_is_offered_and_asks_for_no_token(client):
    answer = client.options("/api/tus", headers={"Tus-Resumable": "0.2.2"})

    assert answer.status_code == 204
    told = {name: value for name, value in answer.headers.items() if name.startswith("Tus-")}
    assert told == {
        "Tus-Resumable": "1.0.0",
        "Tus-Version": "1.0.0",
        "Tus-Max-Size": str(1024**3),
        "Tus-Extension": "creation,creation-with-upload,termination,expiration,checksum",
        "Tus-Checksum-Algorithm": "sha1,sha256,md5",
    }


def test_an_upload_begins_with_its_first_bytes_or_with_all_of_them(client):
    begun = client.post("/api/tus", data=DATA[:500], headers=headers(Upload_Length=len(DATA), Content_Type=BYTES))
    whole = client.post("/api/tus", data=DATA, headers=headers(Upload_Length=len(DATA), Content_Type=BYTES))

    assert (begun.status_code, begun.headers["Upload-Offset"]) == (201, "500")
    assert (whole.status_code, whole.headers["Upload-Offset"]) == (201, str(len(DATA)))
    assert result(client, whole.headers["Upload-Result"]).json["size"] == len(DATA)


def test_an_upload_whose_creation_failed_leaves_nothing_for_nobody_knows_its_address(client, app, monkeypatch):
    def fail(*_, **__):
        raise StoreUnavailable("the store does not answer")

    monkeypatch.setattr("app.uploads.Uploads.accept", fail)
    answer = client.post("/api/tus", data=DATA, headers=headers(Upload_Length=len(DATA), Content_Type=BYTES))

    assert (answer.status_code, "Location" in answer.headers) == (503, False)
    assert left(app) == []


CREATIONS = {
    "no length": ({}, 400, "bad_request"),
    "a negative length": ({"Upload_Length": -1}, 400, "bad_request"),
    "a huge length": ({"Upload_Length": "9" * 30}, 400, "bad_request"),
    "more than the most": ({"Upload_Length": 1024**3 + 1}, 413, "too_large"),
    "an empty file": ({"Upload_Length": 0}, 400, "empty_file"),
    "no number": ({"Upload_Length": "0x10"}, 400, "bad_request"),
    "another script's digits": ({"Upload_Length": "٣".encode().decode("latin-1")}, 400, "bad_request"),
    "a length to come": ({"Upload_Defer_Length": 1}, 400, "bad_request"),
    "a concatenation": ({"Upload_Concat": "partial", "Upload_Length": 5}, 400, "bad_request"),
    "a quota": ({"Upload_Length": 900, "token": OWNER}, 507, "quota_exceeded"),
    "another version": ({"Upload_Length": 5, "Tus_Resumable": "0.2.2"}, 412, "wrong_tus_version"),
    "no base64": ({"Upload_Length": 5, "Upload_Metadata": "filename a b"}, 400, "bad_request"),
    "a key twice": ({"Upload_Length": 5, "Upload_Metadata": "a YQ==,a YQ=="}, 400, "bad_request"),
    "no key": ({"Upload_Length": 5, "Upload_Metadata": "a YQ==,,b"}, 400, "bad_request"),
    "long metadata": ({"Upload_Length": 5, "Upload_Metadata": "a " + "YWFh" * 2100}, 400, "bad_request"),
    "a wrong option": ({"Upload_Length": 5, "Upload_Metadata": f"expires {b64('soon')}"}, 400, "bad_request"),
    "a long title": ({"Upload_Length": 5, "Upload_Metadata": f"title {b64('x' * 3000)}"}, 400, "bad_request"),
    "no token": ({"Upload_Length": 5, "Authorization": ""}, 401, "unauthorized"),
}


@pytest.mark.parametrize(("given", "status", "code"), CREATIONS.values(), ids=CREATIONS)
def test_what_makes_no_sense_is_not_begun(client, app, given, status, code):
    catalog = app.extensions["bowerbird"].catalog
    catalog.tokens.change("owner", quota_bytes=899)

    answer = client.post("/api/tus", headers=headers(**given))

    assert (answer.status_code, answer.json["code"]) == (status, code)
    assert answer.headers["Tus-Resumable"] == "1.0.0"
    assert (answer.headers.get("Tus-Version") == "1.0.0") is (status == 412)
    assert left(app) == []


SHA1 = f"sha1 {b64(hashlib.sha1(DATA[100:]).digest())}"
PATCHES = {
    "another offset": ({"Upload_Offset": 99}, DATA[99:], 409, "wrong_offset"),
    "an offset ahead": ({"Upload_Offset": 101}, DATA[101:], 409, "wrong_offset"),
    "no number": ({"Upload_Offset": "-1"}, DATA[100:], 400, "bad_request"),
    "another type": ({"Content_Type": "image/png"}, DATA[100:], 415, "unsupported_type"),
    "another version": ({"Tus_Resumable": "2.0"}, DATA[100:], 412, "wrong_tus_version"),
    "past the length": ({}, DATA[100:] + b"x", 413, "too_large"),
    "another checksum": ({"Upload_Checksum": SHA1}, DATA[100:-1] + b"x", 460, "checksum_mismatch"),
    "half a checksum": ({"Upload_Checksum": "sha1 YQ=="}, DATA[100:], 400, "bad_request"),
    "an unknown checksum": ({"Upload_Checksum": "crc32 YWFhYQ=="}, DATA[100:], 400, "bad_request"),
    "another token": ({"token": OWNER}, DATA[100:], 404, "not_found"),
}


@pytest.mark.parametrize(("given", "data", "status", "code"), PATCHES.values(), ids=PATCHES)
def test_what_makes_no_sense_changes_nothing(client, given, data, status, code):
    at = begin(client)
    patch(client, at, 0, DATA[:100])

    answer = patch(client, at, **{"offset": 100, "data": data, **given})

    assert (answer.status_code, answer.json["code"]) == (status, code)
    assert answer.headers.get("Upload-Offset") == ("100" if status == 409 else None)
    assert head(client, at).headers["Upload-Offset"] == "100"
    assert patch(client, at, 100, DATA[100:], Upload_Checksum=SHA1).status_code == 204
    assert result(client, at).status_code == 200


def test_an_address_that_was_never_given_out_is_not_there(client):
    begin(client)
    for id_ in ("x", "../../catalog.sqlite3", "%2e%2e%2fsettled", "settled", "a" * 32, "A" * 32, "0" * 33):
        for answer in (head(client, f"/api/tus/{id_}"), patch(client, f"/api/tus/{id_}", 0, b"x")):
            assert answer.status_code == 404
        assert client.delete(f"/api/tus/{id_}", headers=headers()).status_code == 404


def test_an_upload_is_there_for_its_own_token_alone(client):
    at = begin(client)

    assert head(client, at, OWNER).status_code == 404
    assert result(client, at, OWNER).status_code == 404
    assert client.delete(at, headers=headers(OWNER)).status_code == 404
    assert head(client, at).status_code == 200


def test_what_is_ended_is_gone_and_the_image_that_it_became_stays(client, app):
    at, done = begin(client), begin(client)
    patch(client, done, 0, DATA)
    key = result(client, done).json["key"]

    for one in (at, done):
        assert client.delete(one, headers=headers()).status_code == 204
        assert head(client, one).status_code == 404
        assert client.delete(one, headers=headers()).status_code == 404
    assert left(app) == []
    assert client.get(f"/{key}").status_code == 200


def test_a_client_that_cannot_send_a_method_says_which_it_means(client):
    at = begin(client)
    given = headers(Upload_Offset=0, Content_Type=BYTES, X_HTTP_Method_Override="PATCH")

    assert client.post(at, data=DATA[:10], headers=given).headers["Upload-Offset"] == "10"
    assert client.post(at, headers=headers()).status_code == 400
    assert client.get(at, headers=headers(X_HTTP_Method_Override="DELETE")).status_code == 400
    assert head(client, at).status_code == 200


REFUSED = {
    "no image": (b"only words " * 100, 415, "unsupported_type"),
    "a broken image": (DATA[:-20], 422, "bad_image"),
}


@pytest.mark.parametrize(("data", "status", "code"), REFUSED.values(), ids=REFUSED)
def test_a_refusal_at_the_end_is_told_and_told_again_and_nothing_is_kept(client, app, data, status, code):
    at = begin(client, len(data))
    patch(client, at, 0, data[:50])

    last = patch(client, at, 50, data[50:])

    for answer in (last, result(client, at)):
        assert (answer.status_code, answer.json["code"]) == (status, code)
    assert last.json["error"] == result(client, at).json["error"]
    assert head(client, at).status_code == 410
    assert patch(client, at, len(data), b"").status_code == 410
    assert left(app) == []
    assert client.get("/api/uploads", headers=headers(OWNER)).json["uploads"] == []


def test_the_quota_counts_at_the_end_too(client, app):
    first, second = begin(client), begin(client)
    app.extensions["bowerbird"].catalog.tokens.change("laptop", quota_bytes=len(DATA) + 10)

    assert patch(client, first, 0, DATA).status_code == 204
    assert patch(client, second, 0, DATA).json["code"] == "quota_exceeded"
    assert result(client, second).status_code == 507


@pytest.mark.parametrize("ask", [head, result])
@pytest.mark.parametrize("dies", ["app.uploads.Uploads.accept", "app.partials.Partials.settle"])
def test_what_a_server_left_behind_whole_is_accepted_once(client, app, monkeypatch, dies, ask):
    """As after a death between the last byte and the answer: before the upload was accepted, or just behind it."""
    at = begin(client, Upload_Metadata=f"expires {b64('7d')}")

    def die(*_, **__):
        raise StoreUnavailable("the store does not answer")

    with monkeypatch.context() as patched:
        patched.setattr(dies, die)
        assert patch(client, at, 0, DATA).status_code == 503
        assert head(client, at).headers["Upload-Offset"] == str(len(DATA))
        assert result(client, at).status_code == 503

    assert ask(client, at).status_code == 200

    told = result(client, at).json
    assert [one["url"] for one in client.get("/api/uploads", headers=headers(OWNER)).json["uploads"]] == [told["url"]]
    assert told["expires_at"]
    assert left(app) == []


def test_an_unfinished_upload_expires_and_is_removed_by_the_worker(client, app):
    resumable = app.extensions["bowerbird"].resumable
    at, fresh, done = begin(client), begin(client), begin(client)
    patch(client, done, 0, DATA)
    told = patch(client, at, 0, DATA[:10]).headers["Upload-Expires"]
    assert 86000 < (parsedate_to_datetime(told) - datetime.now(UTC)).total_seconds() <= 86400
    age(app, at, done)

    assert [one(client, at).status_code for one in (head, result)] == [410, 410]
    assert patch(client, at, 10, DATA[10:]).json["code"] == "gone"
    assert resumable.sweep() == 1

    assert [head(client, one).status_code for one in (at, fresh, done)] == [404, 200, 404]
    assert left(app) == [fresh.rpartition("/")[2]]


def age(app, *addresses):
    """Make it a day and a second since these uploads were touched; also what a crash left of a beginning."""
    folder, then = app.extensions["bowerbird"].settings.data_dir / "tus", time.time() - 86401
    id_ = addresses[0].rpartition("/")[2]
    beginning = next(folder.glob(f"*/{id_}")).with_name("f" * 32 + "~")
    beginning.mkdir()
    (beginning / "about.json").touch()
    for one in [beginning, *(path for id_ in addresses for path in folder.rglob(f"*{id_.rpartition('/')[2]}*"))]:
        for path in (one, *(one.iterdir() if one.is_dir() else ())):
            os.utime(path, (then, then))


def test_what_a_checksum_did_not_confirm_before_a_death_does_not_count(client, app):
    at = begin(client)
    patch(client, at, 0, DATA[:10])
    folder = next((app.extensions["bowerbird"].settings.data_dir / "tus").glob(f"*/{at.rpartition('/')[2]}"))
    (folder / "unverified").write_text("10")
    with (folder / "bytes").open("ab") as file:
        file.write(b"damaged")

    assert result(client, at).json["offset"] == 10
    assert head(client, at).headers["Upload-Offset"] == "10"
    assert patch(client, at, 10, DATA[10:]).status_code == 204
    assert result(client, at).status_code == 200


def test_who_has_an_upload_and_does_not_let_go_keeps_others_out(client, app, monkeypatch):
    monkeypatch.setattr("app.resumable.WAIT_S", 0.3)
    at = begin(client)
    resumable = app.extensions["bowerbird"].resumable
    partial = next(resumable._partials.unfinished())

    with resumable.hold(partial):
        for answer in (patch(client, at, 0, DATA), client.delete(at, headers=headers())):
            assert (answer.status_code, answer.json["code"], answer.headers["Retry-After"]) == (423, "locked", "1")
        assert head(client, at).status_code == 423
    assert patch(client, at, 0, DATA).status_code == 204


def test_unfinished_uploads_take_a_bounded_part_of_the_disk(client, app, monkeypatch):
    monkeypatch.setattr("app.resumable.MOST_UNFINISHED", 2)
    begin(client), begin(client)
    answer = client.post("/api/tus", headers=headers(Upload_Length=9))
    assert (answer.status_code, answer.json["code"]) == (429, "rate_limited")

    disk = shutil.disk_usage("/")._replace(free=300 * 1024 * 1024)
    monkeypatch.setattr("app.partials.shutil.disk_usage", lambda _: disk)
    for length, status in {14 * 1024 * 1024: 201, 1024 * 1024: 507}.items():  # three times each, beside 256 MiB
        answer = client.post("/api/tus", headers=headers(OWNER, Upload_Length=length))
        assert answer.status_code == status


def test_a_disk_that_is_full_is_told_and_what_had_come_stays(client, app, monkeypatch):
    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    at = begin(client)
    patch(client, at, 0, DATA[:10])
    with monkeypatch.context() as changed:
        changed.setattr("app.partial.os.fsync", full)
        answer = patch(client, at, 10, DATA[10:], Upload_Checksum=f"md5 {b64(hashlib.md5(DATA[10:]).digest())}")

    assert (answer.status_code, answer.json["code"]) == (507, "store_full")
    assert head(client, at).headers["Upload-Offset"] == "10"
    assert patch(client, at, 10, DATA[10:]).status_code == 204


def test_what_is_larger_than_one_request_may_bring_is_taken_in_parts(make_app):
    client = make_app(max_upload_bytes="10KB").test_client()
    data = make("bmp", 100, 75)  # 22 KB, and a PNG of as much afterwards
    at = begin(client, len(data))

    assert patch(client, at, 0, data).status_code == 204
    assert result(client, at).json["content_type"] == "image/png"
