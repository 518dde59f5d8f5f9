"""Signing in, the pages, deletion links, and the images themselves."""

import re

import pytest

from tests import samples
from tests.conftest import OWNER, UPLOADER

AUTH = {"Authorization": f"Bearer {UPLOADER}"}


def sign_in(client, token=OWNER, **headers):
    return client.post("/login", data={"token": token}, headers=headers)


def csrf(client):
    return re.search(r'name="csrf-token" content="(\w+)"', client.get("/").text)[1]


def upload(client):
    return client.post("/api/upload", data=samples.make("png"), headers=AUTH).json


def test_an_owner_signs_in_and_uploads_from_the_page(client):
    answer = sign_in(client)
    cookie = answer.headers["Set-Cookie"]

    assert answer.status_code == 303
    assert "HttpOnly" in cookie and "SameSite=Strict" in cookie
    done = client.post("/api/upload", data=samples.make("png"), headers={"X-CSRF-Token": csrf(client)})
    assert done.status_code == 201


def test_under_https_the_cookie_is_bound_to_the_host(make_app):
    client = make_app(base_url="https://up.example.com").test_client()

    assert re.match(r"__Host-bowerbird=.*Secure", sign_in(client).headers["Set-Cookie"])


@pytest.mark.parametrize("token", ["", "wrong", "bb_" + "x" * 40, UPLOADER, "é" * 30])
def test_only_a_token_that_may_manage_signs_in(client, token):
    answer = sign_in(client, token)

    assert answer.status_code == 401
    assert "Set-Cookie" not in answer.headers
    assert client.get("/").status_code == 303


def test_signing_in_is_limited(client):
    codes = [sign_in(client, "wrong").status_code for _ in range(8)]

    assert codes == [401] * 5 + [429] * 3  # ten in all, and there are two web workers


def test_a_session_ends_on_the_server_too(client):
    sign_in(client)
    cookie = client.get_cookie("bowerbird").value
    client.post("/logout", data={"csrf": csrf(client)})
    client.set_cookie("bowerbird", cookie)

    assert client.get("/").status_code == 303
    assert client.post("/api/upload", data=samples.make("png")).status_code == 401


def test_revoking_the_token_ends_its_sessions(app, client):
    sign_in(client)
    parts = app.extensions["bowerbird"]
    parts.catalog.tokens.revoke("owner", now=parts.uploads.clock())

    assert client.get("/").status_code == 303


CROSS_SITE = [
    {"Sec-Fetch-Site": "cross-site"},
    {"Sec-Fetch-Site": "same-site"},
    {"Origin": "https://evil.example"},
    {"Origin": "null"},
]


@pytest.mark.parametrize("headers", CROSS_SITE)
def test_another_site_can_make_a_browser_do_nothing(app, client, headers):
    sign_in(client)
    token = csrf(client)
    image = samples.make("png")

    assert client.post("/api/upload", data=image, headers={**headers, "X-CSRF-Token": token}).status_code == 403
    for path in ("/logout", "/clients/sharex", "/settings/tokens/revoke", "/login"):
        assert (
            client.post(path, data={"csrf": token, "name": "laptop", "token": OWNER}, headers=headers).status_code
            == 403
        )
    assert app.extensions["bowerbird"].catalog.uploads.unsettled(limit=1) == []


@pytest.mark.parametrize("path", ["/api/upload", "/logout", "/clients/sharex", "/settings/tokens/revoke"])
def test_without_the_csrf_token_a_session_changes_nothing(client, path):
    sign_in(client)

    assert client.post(path, data={"file": b"x"}).status_code == 403


def test_a_large_form_is_refused_everywhere(client):
    for path in ("/login", "/logout", "/clients/sharex", "/d/k/t", "/nothing"):
        answer = client.post(path, data=b"a=b&" * 50_000, content_type="application/x-www-form-urlencoded")
        assert answer.status_code in (401, 403, 404, 413)


def test_the_pages_allow_no_script_from_elsewhere(client):
    policy = client.get("/login").headers["Content-Security-Policy"]

    assert "default-src 'none'" in policy and "script-src 'self'" in policy and "frame-ancestors 'none'" in policy
    assert "unsafe" not in policy


def test_the_page_is_light(client):
    sign_in(client)
    page = client.get("/").text
    files = set(re.findall(r'(?:src|href)="(/static/[^"]+)"', page)) | {"/static/send.js", "/static/copy.js"}

    assert len(page) + sum(len(client.get(path).data) for path in files) < 60_000


def test_a_client_is_set_up_with_a_token_of_its_own(app, client):
    sign_in(client)
    answer = client.post("/clients/sharex", data={"csrf": csrf(client)})
    token = answer.get_json(force=True)["Headers"]["Authorization"]

    assert answer.headers["Content-Disposition"] == 'attachment; filename="127.0.0.1.sxcu"'
    assert client.post("/api/upload", data=samples.make("png"), headers={"Authorization": token}).status_code == 201
    client.post("/settings/tokens/revoke", data={"csrf": csrf(client), "name": "ShareX"})
    assert client.post("/api/upload", data=samples.make("gif"), headers={"Authorization": token}).status_code == 401


def test_looking_at_a_deletion_link_deletes_nothing(client):
    body = upload(client)
    path = body["deletion_url"].removeprefix("http://127.0.0.1:8080")

    for method in ("GET", "HEAD", "GET"):
        answer = client.open(path, method=method)
        assert answer.status_code == 200
    assert answer.headers["Referrer-Policy"] == "no-referrer" and answer.headers["Cache-Control"] == "no-store"
    assert client.get(f"/{body['key']}").status_code == 200


@pytest.mark.parametrize("method", ["POST", "DELETE"])
def test_a_deletion_link_deletes_once_and_twice_is_no_error(client, method):
    body = upload(client)
    path = body["deletion_url"].removeprefix("http://127.0.0.1:8080")

    assert client.open(path, method=method).status_code in (200, 204)
    assert client.get(f"/{body['key']}").status_code == 404
    assert client.get(path).status_code == 410
    assert client.open(path, method=method).status_code in (200, 204)


def test_a_wrong_deletion_link_is_not_found(client):
    body = upload(client)
    path = body["deletion_url"].removeprefix("http://127.0.0.1:8080")

    for wrong in (path[:-1], path + "A", path.swapcase(), f"/d/22222222.png/{path[-32:]}", "/d/x/é"):
        assert client.post(wrong).status_code == 404
    assert client.get(f"/{body['key']}").status_code == 200


def test_an_image_is_served_as_the_edge_would(client):
    body = upload(client)
    answer = client.get(f"/{body['key']}")

    assert answer.data == samples.make("png")
    assert answer.headers["Content-Type"] == "image/png"
    assert answer.headers["Cache-Control"] == "public, max-age=31536000, immutable"
    assert answer.headers["ETag"].startswith('"') and answer.headers["Last-Modified"]
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert "sandbox" in answer.headers["Content-Security-Policy"]
    head = client.head(f"/{body['key']}")
    assert head.data == b"" and head.headers["Content-Length"] == str(body["size"])


def test_ranges_and_revalidation_work(client):
    path = f"/{upload(client)['key']}"
    whole = client.get(path)

    part = client.get(path, headers={"Range": "bytes=4-9"})
    assert (part.status_code, part.data) == (206, whole.data[4:10])
    assert part.headers["Content-Range"] == f"bytes 4-9/{len(whole.data)}"
    assert client.get(path, headers={"Range": "bytes=-5"}).data == whole.data[-5:]
    assert client.get(path, headers={"Range": "bytes=999999-"}).status_code == 416
    assert client.get(path, headers={"Range": "bytes=0-1,4-5"}).data == whole.data
    assert client.get(path, headers={"If-None-Match": whole.headers["ETag"]}).status_code == 304
    assert client.get(path, headers={"If-Modified-Since": whole.headers["Last-Modified"]}).status_code == 304


@pytest.mark.parametrize("name", ["If-Modified-Since", "If-Unmodified-Since", "If-Range"])
@pytest.mark.parametrize("date", ["Mon, 01 Jan 99999999999 00:00:00 GMT", f"1 Jan 2024 00:00:00 +{'9' * 40}"])
def test_a_date_that_no_clock_has_is_as_if_nothing_was_said_and_a_part_is_not_sent_for_it(client, name, date):
    path = f"/{upload(client)['key']}"

    answers = [client.get(one, headers={name: date}) for one in (path, "/static/app.js")]

    assert [one.status_code for one in answers] == [200, 200]
    assert client.get(path, headers={"If-Range": date, "Range": "bytes=0-3"}).data == client.get(path).data


@pytest.mark.parametrize(
    "path",
    ["/22222222.png", "/../etc/passwd", "/%2e%2e/x.png", "/catalog.sqlite3", "/objects/", "/tmp", "/x.svg"],
)
def test_nothing_else_is_ever_served(client, path):
    assert client.get(path).status_code == 404


def test_health_is_told(client):
    assert client.get("/healthz").json == client.get("/readyz").json == {"status": "ok"}
