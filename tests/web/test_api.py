"""The upload API, request by request, through the WSGI app."""

import io
import json
from datetime import timedelta

import pytest

from tests import samples
from tests.conftest import OWNER, UPLOADER

AUTH = {"Authorization": f"Bearer {UPLOADER}"}
OWNER_AUTH = {"Authorization": f"Bearer {OWNER}"}

FIELDS = ["url", "thumbnail_url", "deletion_url", "key", "content_type", "size", "width", "height"]
FIELDS += ["sha256", "created_at", "expires_at"]


def post(client, data=None, *, name="shot.png", fields=None, **headers):
    form = {**(fields or {}), "file": (io.BytesIO(samples.make("png") if data is None else data), name)}
    return client.post("/api/upload", data=form, headers={**AUTH, **headers})


def stored(app):
    return list(app.extensions["bowerbird"].store.list_objects())


def test_an_upload_is_answered_as_the_contract_says(client):
    answer = post(client)
    body = answer.json

    assert answer.status_code == 201
    assert answer.headers["Location"] == body["url"] == f"http://127.0.0.1:8080/{body['key']}"
    assert list(body) == FIELDS
    assert body["thumbnail_url"] == f"http://127.0.0.1:8080/t/{body['key'].rpartition('.')[0]}.webp"
    assert (body["content_type"], body["width"], body["height"]) == ("image/png", 64, 48)
    assert body["expires_at"] is None and body["created_at"].endswith("Z")
    assert answer.get_data(as_text=True).isascii()


def test_a_thumbnail_is_served_as_long_as_its_image(client, app):
    body = post(client).json
    path = body["thumbnail_url"].removeprefix("http://127.0.0.1:8080")
    early = client.get(path)
    app.extensions["bowerbird"].store.put(path[1:], io.BytesIO(b"small"), content_type="image/webp")

    answer = client.get(path)
    app.extensions["bowerbird"].catalog.uploads.retire_uploads([body["key"]])

    assert (early.status_code, early.headers["Cache-Control"]) == (404, "no-store")
    assert (answer.status_code, answer.data, answer.content_type) == (200, b"small", "image/webp")
    assert "immutable" in answer.headers["Cache-Control"]
    assert client.get(path).status_code == 404
    assert client.get("/t/../etc/passwd").status_code == client.get("/t/nothing2.webp").status_code == 404


@pytest.mark.parametrize("path", ["/api/upload", "/api/upload/"])
def test_both_addresses_take_an_upload_without_a_redirect(client, path):
    assert client.post(path, data=samples.make("png"), headers=AUTH).status_code == 201


@pytest.mark.parametrize("content_type", [None, "image/png", "text/html", "application/x-www-form-urlencoded"])
def test_a_raw_body_is_taken_whatever_it_is_called(client, content_type):
    answer = client.post("/api/upload", data=samples.make("jpeg"), headers=AUTH, content_type=content_type)

    assert answer.json["content_type"] == "image/jpeg"


def test_put_takes_a_file_by_its_name(client, app):
    key = client.put("/api/upload/my%20cat.png", data=samples.make("png"), headers=AUTH).json["key"]

    assert app.extensions["bowerbird"].catalog.uploads.get(key).file_name == "my cat.png"


def test_several_files_are_answered_together(client):
    form = {"file": [(io.BytesIO(samples.make(kind)), f"a.{kind}") for kind in ("png", "gif")]}
    body = client.post("/api/upload", data=form, headers=AUTH).json

    assert [one["content_type"] for one in body["uploads"]] == ["image/png", "image/gif"]
    assert body["url"] == body["uploads"][0]["url"]


def test_several_files_are_taken_all_or_none(client, app):
    form = {"file": [(io.BytesIO(samples.make("png")), "a.png"), (io.BytesIO(b"<html>"), "b.png")]}

    assert client.post("/api/upload", data=form, headers=AUTH).status_code == 415
    assert stored(app) == []


def test_plain_text_is_the_address_alone(client):
    answer = post(client, Accept="text/plain")

    assert answer.status_code == 201
    assert answer.get_data(as_text=True) == answer.headers["Location"]


@pytest.mark.parametrize(
    "name", ["../../etc/passwd", "..\\x.png", "é ü😀.png", "a;b.png", "CON.png", "x" * 300, ".png"]
)
def test_the_senders_name_never_becomes_part_of_an_address(client, name):
    url = post(client, name=name).json["url"]

    assert url.isascii()
    assert url.endswith(".png")


def test_the_type_comes_from_the_bytes_not_the_name(client):
    assert post(client, samples.make("png"), name="evil.html").json["key"].endswith(".png")


def test_metadata_goes_unless_it_is_asked_for(client, app):
    plain = post(client, samples.telling("jpeg")).json["key"]
    kept = post(client, samples.telling("jpeg"), fields={"keep_metadata": "1"}).json["key"]

    assert samples.SECRET not in client.get(f"/{plain}").data
    assert samples.SECRET in client.get(f"/{kept}").data


@pytest.mark.parametrize(("kind", "to"), [("heif", "image/jpeg"), ("tiff", "image/png"), ("bmp", "image/png")])
def test_what_browsers_do_not_show_is_converted(client, kind, to):
    body = post(client, samples.make(kind)).json

    assert (body["converted_from"], body["content_type"]) == (samples.TYPES[kind], to)
    assert (body["width"], body["height"]) == (64, 48)


def test_the_same_bytes_within_a_minute_get_the_first_answer(client, app):
    assert post(client).json == post(client, name="another.png").json
    assert len(stored(app)) == 1


def test_a_repeat_with_the_idempotency_key_gets_the_first_answer(client):
    first = post(client, **{"Idempotency-Key": "k1"})

    assert post(client, **{"Idempotency-Key": "k1"}).json == first.json
    assert post(client, **{"Idempotency-Key": "k2"}).json["key"] != first.json["key"]


def test_an_idempotency_key_belongs_to_its_bytes(client, app):
    post(client, **{"Idempotency-Key": "k1"})

    assert post(client, samples.make("gif"), **{"Idempotency-Key": "k1"}).status_code == 409
    assert len(stored(app)) == 1


def test_what_was_deleted_is_stored_anew(client):
    first = post(client).json
    client.delete(f"/api/uploads/{first['key']}", headers=OWNER_AUTH)

    assert post(client).json["key"] != first["key"]


def test_an_upload_may_expire(client):
    assert post(client, fields={"expires": "7d"}).json["expires_at"] > "2026"
    assert client.post("/api/upload?expires=1h", data=samples.make("gif"), headers=AUTH).json["expires_at"]
    header = {**AUTH, "X-Bowerbird-Expires": "2099-01-01"}
    answer = client.post("/api/upload", data=samples.make("jpeg"), headers=header)
    assert answer.json["expires_at"] == "2099-01-01T00:00:00Z"


def test_an_upload_lives_as_long_as_its_token_says_unless_it_asks_for_more(client, app):
    app.extensions["bowerbird"].catalog.tokens.change("laptop", upload_life_s=3600)

    assert post(client).json["expires_at"] is not None
    assert post(client, samples.make("gif"), fields={"expires": "never"}).json["expires_at"] is None
    assert post(client, samples.make("webp"), fields={"expires": "2099-01-01"}).json["expires_at"][:4] == "2099"


def test_a_repeat_is_known_by_what_it_asks_for_not_by_when_that_ends(client, app, monkeypatch):
    parts, options = app.extensions["bowerbird"], {"fields": {"expires": "7d"}}
    first, start = post(client, **options).json, parts.uploads.clock()
    monkeypatch.setattr(parts.uploads, "clock", lambda: start + timedelta(seconds=5))

    assert post(client, **options).json["key"] == first["key"]
    assert post(client, fields={"expires": "8d"}).json["key"] != first["key"]


def test_more_than_the_quota_is_refused_and_nothing_is_kept(client, app):
    app.extensions["bowerbird"].catalog.tokens.change("laptop", quota_bytes=10)

    answer = post(client)

    assert (answer.status_code, answer.json["code"]) == (507, "quota_exceeded")
    assert "holds 0 of the 10" in answer.json["error"]
    assert stored(app) == []


MULTIPART = "multipart/form-data; boundary=b"


def part(body, name="file", extra=b""):
    head = f'--b\r\nContent-Disposition: form-data; name="{name}"; filename="a.png"\r\n'.encode()
    return head + extra + b"\r\n" + body + b"\r\n"


REFUSED = {
    "no file in it": (part(b"x", "image") + b"--b--\r\n", MULTIPART, {}, 400, "missing_file"),
    "an empty file": (part(b"") + b"--b--\r\n", MULTIPART, {}, 400, "empty_file"),
    "no boundary": (part(b"x") + b"--b--\r\n", "multipart/form-data", {}, 400, "bad_multipart"),
    "an empty boundary": (part(b"x") + b"--b--\r\n", "multipart/form-data; boundary=", {}, 400, "bad_multipart"),
    "another boundary": (part(b"x") + b"--b--\r\n", "multipart/form-data; boundary=c", {}, 400, "bad_multipart"),
    "no end": (part(samples.make("png")), MULTIPART, {}, 400, "bad_multipart"),
    "a part without a name": (b"--b\r\n\r\nx\r\n--b--\r\n", MULTIPART, {}, 400, "bad_multipart"),
    "multipart/mixed": (part(b"x") + b"--b--", "multipart/mixed; boundary=b", {}, 415, "unsupported_type"),
    "a form": (b"a=b&" * 1000, "application/x-www-form-urlencoded", {}, 415, "unsupported_type"),
    "html": (b"<!doctype html><script>", "image/png", {}, 415, "unsupported_type"),
    "svg": (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "image/svg+xml", {}, 415, "unsupported_type"),
    "half a png": (samples.make("png")[:100], "image/png", {}, 422, "bad_image"),
    "a huge png": (samples.huge()["png"], "image/png", {}, 422, "too_many_pixels"),
    "too many frames": (samples.many_frames(501), "image/gif", {}, 422, "too_many_frames"),
    "too many scans": (samples.many_scans(200), "image/jpeg", {}, 422, "too_complex"),
    "gzip": (samples.make("png"), "image/png", {"Content-Encoding": "gzip"}, 415, "unsupported_type"),
    "a bad expiry": (samples.make("png"), "image/png", {"X-Bowerbird-Expires": "soon"}, 400, "bad_request"),
    "an expiry in the past": (
        samples.make("png"),
        "image/png",
        {"X-Bowerbird-Expires": "2001-01-01"},
        400,
        "bad_request",
    ),
    "a bad flag": (samples.make("png"), "image/png", {"X-Bowerbird-Keep-Metadata": "maybe"}, 400, "bad_request"),
    "a bad repeat key": (samples.make("png"), "image/png", {"Idempotency-Key": "a b"}, 400, "bad_request"),
    "too many parts": (part(b"x", "x") * 50 + b"--b--", MULTIPART, {}, 413, "too_large"),
    "too many files": (part(b"x") * 21 + b"--b--", MULTIPART, {}, 413, "too_large"),
    "a long head": (part(b"x", extra=b"X-A: " + b"a" * 9000 + b"\r\n") + b"--b--", MULTIPART, {}, 413, "too_large"),
    "a long field": (
        part(b"x" * 20_000, "t").replace(b'; filename="a.png"', b"") + b"--b--",
        MULTIPART,
        {},
        413,
        "too_large",
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_a_refusal_says_why_and_keeps_nothing(app, client, name):
    body, content_type, headers, status, code = REFUSED[name]

    answer = client.post("/api/upload", data=body, content_type=content_type, headers={**AUTH, **headers})

    assert (answer.status_code, answer.json["code"]) == (status, code)
    assert_error(answer)
    assert stored(app) == []
    assert app.extensions["bowerbird"].catalog.uploads.unsettled(limit=1) == []


def assert_error(answer):
    assert answer.content_type == "application/json"
    assert set(answer.json) == {"error", "code", "request_id"}
    assert 0 < len(answer.json["error"]) <= 200 and "\n" not in answer.json["error"]
    assert len(answer.json["code"]) <= 20
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"


def test_a_file_over_the_limit_is_refused_with_the_limit(make_app):
    client = make_app(max_upload_bytes="1KB").test_client()
    answer = client.post("/api/upload", data=samples.make("bmp"), headers=AUTH)

    assert (answer.status_code, answer.json["code"]) == (413, "too_large")
    assert "1,024" in answer.json["error"]


def test_a_raw_body_without_a_length_is_refused(client):
    stream = {"wsgi.input": io.BytesIO(samples.make("png")), "HTTP_TRANSFER_ENCODING": "chunked"}
    answer = client.post("/api/upload", headers=AUTH, environ_overrides=stream)

    assert (answer.status_code, answer.json["code"]) == (411, "length_required")


@pytest.mark.parametrize(
    ("header", "status"),
    [
        (None, 401),
        ("Bearer", 401),
        ("Bearer " + "x" * 40, 401),
        ("Bearer é" + "x" * 40, 401),
        ("Basic " + "x" * 40, 401),
        ("Bearer " + "x" * 5000, 401),
    ],
)
def test_without_a_good_token_nothing_is_taken(app, client, header, status):
    headers = {"Authorization": header.encode("utf-8").decode("latin-1")} if header else {}
    answer = client.post("/api/upload", data=samples.make("png"), headers=headers)

    assert answer.status_code == status
    assert answer.headers["WWW-Authenticate"].startswith("Bearer")
    assert_error(answer)
    assert stored(app) == []


def test_a_token_that_may_only_upload_may_do_nothing_else(client):
    key = post(client).json["key"]

    for answer in (client.get(f"/api/uploads/{key}", headers=AUTH), client.delete(f"/api/uploads/{key}", headers=AUTH)):
        assert answer.status_code == 403
        assert_error(answer)
    assert client.get(f"/{key}").status_code == 200


def test_a_revoked_token_is_worth_nothing(app, client):
    parts = app.extensions["bowerbird"]
    parts.catalog.tokens.revoke("laptop", now=parts.uploads.clock())

    assert post(client).status_code == 401


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [("GET", "/api/nothing", 404), ("POST", "/api/", 404), ("GET", "/api/upload", 405), ("DELETE", "/api/upload", 405)],
)
def test_unknown_addresses_and_methods_are_answered_in_json(client, method, path, status):
    answer = client.open(path, method=method, headers={"Accept": "text/html"})

    assert answer.status_code == status
    assert_error(answer)
    assert status != 405 or "POST" in answer.headers["Allow"]


def test_one_upload_is_looked_up_and_deleted_twice_without_error(client):
    body = post(client).json
    path = f"/api/uploads/{body['key']}"

    assert client.get(path, headers=OWNER_AUTH).json.items() >= body.items()
    assert [client.delete(path, headers=OWNER_AUTH).status_code for _ in range(2)] == [204, 204]
    assert client.get(path, headers=OWNER_AUTH).status_code == 404
    assert client.get(f"/{body['key']}").status_code == 404
    assert client.delete("/api/uploads/22222222.png", headers=OWNER_AUTH).status_code == 404


def test_addresses_come_from_the_settings_never_from_the_request(make_app):
    client = make_app(public_url="https://i.example.com", base_url="https://up.example.com").test_client()
    answer = client.post("/api/upload", data=samples.make("png"), headers={**AUTH, "Host": "evil.example"})

    assert answer.json["url"].startswith("https://i.example.com/")
    assert answer.json["deletion_url"].startswith("https://up.example.com/d/")
    assert "evil" not in json.dumps(answer.json)


def test_too_many_uploads_are_told_when_to_come_again(make_app):
    client = make_app(rate_limit="2/hour", web_workers="1").test_client()
    codes = [post(client, samples.make("png", seed=seed)).status_code for seed in range(3)]

    assert codes == [201, 201, 429]
    assert int(post(client).headers["Retry-After"]) > 0


def test_with_verify_decode_a_file_that_does_not_decode_is_refused(make_app):
    client = make_app(verify="decode").test_client()
    whole = samples.make("png")
    hollow = (
        samples.png_header(64, 48) + samples.chunk(b"IDAT", b"\x78\x9c\x03\0\0\0\0\1") + samples.chunk(b"IEND", b"")
    )

    assert client.post("/api/upload", data=whole, headers=AUTH).status_code == 201
    answer = client.post("/api/upload", data=hollow, headers=AUTH)
    assert (answer.status_code, answer.json["code"]) == (422, "bad_image")
