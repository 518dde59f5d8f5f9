"""Uploads by address, request by request: an address in a form, in JSON or on the page becomes an upload."""

import gzip
import io
import json
import socket
from dataclasses import replace
from urllib.parse import unquote, urlencode

import pytest

from app.fetching import Fetcher
from tests import samples
from tests.conftest import OWNER, UPLOADER
from tests.importing.web import serve

AUTH = {"Authorization": f"Bearer {UPLOADER}"}
PNG, GIF = samples.make("png"), samples.make("gif")


@pytest.fixture(scope="module")
def site():
    with serve() as (site, url):
        site.url = url
        site.put("/my%20cat.png", (200, {}, PNG))
        site.put("/dog", (200, {"Content-Disposition": 'inline; filename="dog.gif"'}, GIF))
        site.put("/away", (302, {"Location": "http://inside.example/"}, b""))
        site.put("/page", (200, {}, b"<html>"))
        site.put("/empty", (200, {}, b""))
        site.put("/busy", (503, {"Retry-After": "\u00b2"}, b""))
        site.put("/packed", (200, {"Content-Encoding": "gzip"}, gzip.compress(PNG)))
        site.put("/large", (200, {}, bytes(3_000_000)))
        yield site


def resolve(host, port, **_):
    return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("10.0.0.1" if host == "inside.example" else host, port))]


@pytest.fixture
def make(make_app):
    """An app for whose downloads loopback is the Internet."""

    def make(**settings):
        app = make_app(**{"upload_by_url": True, "max_upload_bytes": 2_000_000, **settings})
        fetcher = Fetcher(pauses_s=(), resolve=resolve, is_public=lambda address: address == "127.0.0.1")
        app.extensions["bowerbird"] = replace(app.extensions["bowerbird"], fetcher=fetcher)
        return app

    return make


@pytest.fixture
def client(make):
    return make().test_client()


def post(client, fields, **headers):
    return client.post("/api/upload", data=fields, headers={**AUTH, **headers})


def spooled(app):
    return list((app.extensions["bowerbird"].settings.data_dir / "spool").iterdir())


@pytest.mark.parametrize("kind", ["multipart/form-data", "application/x-www-form-urlencoded", "application/json"])
def test_an_address_in_any_body_becomes_an_upload(make, site, kind):
    client = (app := make()).test_client()
    fields = {"url": f"{site.url}/my%20cat.png", "title": "A cat", "tags": "a,b", "keep_metadata": "0"}
    if kind == "application/json":
        given = json.dumps({**fields, "tags": ["a", "b"], "keep_metadata": False, "expires": None})
    else:
        given = fields
    answer = client.post("/api/upload", data=given, content_type=kind, headers=AUTH)
    found = app.extensions["bowerbird"].catalog.uploads.get(answer.json["key"])

    assert (answer.status_code, answer.json["content_type"]) == (201, "image/png")
    assert (found.file_name, found.title, found.tags) == ("my cat.png", "A cat", ("a", "b"))
    assert client.get(f"/{found.key}").status_code == 200


def test_files_and_addresses_go_together_in_their_order(client, site):
    form = {
        "file": (io.BytesIO(samples.make("webp")), "a.webp"),
        "url": [f"{site.url}/dog", f"{site.url}/my%20cat.png"],
    }
    body = post(client, form).json

    assert [one["content_type"] for one in body["uploads"]] == ["image/webp", "image/gif", "image/png"]


def test_a_repeat_gets_the_first_answer(client, site):
    first = post(client, {"url": f"{site.url}/dog"}).json
    sent = client.post("/api/upload", data=GIF, headers=AUTH).json
    by_key = [post(client, {"url": f"{site.url}/dog"}, **{"Idempotency-Key": "k"}).json["key"] for _ in "12"]

    assert first["key"] == post(client, {"url": f"{site.url}/dog"}).json["key"] == sent["key"]
    assert by_key[0] == by_key[1] != first["key"]
    assert post(client, {"url": f"{site.url}/my%20cat.png"}, **{"Idempotency-Key": "k"}).json["code"] == "conflict"


REFUSED = {
    "http://inside.example/": (400, "bad_address", "inside.example has no public address"),
    "SITE/away": (400, "bad_address", "inside.example has no public address"),
    "ftp://x/": (400, "bad_address", "no http or https"),
    "http://me:secret@127.0.0.1/": (400, "bad_address", "name or a password"),
    "SITE/gone": (422, "fetch_failed", "answered 404"),
    "SITE/busy": (422, "fetch_failed", "answered 503"),
    "SITE/page": (415, "unsupported_type", "text/html"),
    "SITE/empty": (400, "empty_file", "empty"),
    "SITE/packed": (415, "unsupported_type", "gzip"),
    "SITE/large": (413, "too_large", "no more are taken"),
}


@pytest.mark.parametrize("url", REFUSED)
def test_what_is_not_taken_is_told_and_nothing_is_kept(make, site, url, capsys):
    client = (app := make()).test_client()
    answer = post(client, {"url": [f"{site.url}/dog", url.replace("SITE", site.url)]})
    status, code, why = REFUSED[url]

    assert (answer.status_code, answer.json["code"]) == (status, code)
    assert why in answer.json["error"] and "secret" not in answer.text + "".join(capsys.readouterr())
    assert client.get("/api/uploads", headers={"Authorization": f"Bearer {OWNER}"}).json["uploads"] == []
    assert spooled(app) == []


@pytest.mark.parametrize(
    ("body", "kind", "status", "code"),
    [
        ("{", "application/json", 400, "bad_request"),
        ("[]", "application/json", 400, "bad_request"),
        ("[" * 60_000, "application/json", 400, "bad_request"),
        ('{"url": 7}', "application/json", 400, "bad_request"),
        ('{"url": [null]}', "application/json", 400, "bad_request"),
        ('{"url": "http://a/", "title": {}}', "application/json", 400, "bad_request"),
        ("{}", "application/json", 400, "missing_file"),
        ('{"url": "\\ud800"}', "application/json", 400, "bad_address"),
        ("url=+&title=x", "application/x-www-form-urlencoded", 415, "unsupported_type"),
        ("url=http://a/%ff", "application/x-www-form-urlencoded", 415, "unsupported_type"),
        ("a=1&" * 41, "application/x-www-form-urlencoded", 415, "unsupported_type"),
        ("url=http%3A//a/&" * 21, "application/x-www-form-urlencoded", 413, "too_large"),
        ("url=" + "a" * 70_000, "application/x-www-form-urlencoded", 413, "too_large"),
    ],
)
def test_a_body_that_makes_no_sense_is_refused(client, body, kind, status, code):
    answer = client.post("/api/upload", data=body, content_type=kind, headers=AUTH)

    assert (answer.status_code, answer.json["code"]) == (status, code)


def test_it_is_off_by_default_and_says_so(make, site):
    client, asked = make(upload_by_url=False).test_client(), len(site.asked)
    answer = post(client, {"url": f"{site.url}/dog"})

    assert (answer.status_code, answer.json["code"]) == (403, "forbidden")
    assert "BOWERBIRD_UPLOAD_BY_URL" in answer.json["error"]
    assert len(site.asked) == asked


def test_the_rate_limit_counts_it(make, site):
    client = make(rate_limit="2/hour", web_workers=1).test_client()

    assert [post(client, {"url": f"{site.url}/dog"}).status_code for _ in "123"] == [201, 201, 429]


@pytest.mark.parametrize("is_on", [True, False])
def test_the_page_has_a_line_for_it_where_it_is_on_and_fetches_nothing_by_itself(make, site, is_on):
    client = make(upload_by_url=is_on).test_client()
    asked, given = len(site.asked), f'{site.url}/dog?"><b>'
    address = "/?" + urlencode({"url": given})
    signed_out = client.get(address)
    back = client.post("/login", data={"token": OWNER, "next": unquote(signed_out.location.partition("next=")[2])})

    assert (signed_out.status_code, back.location) == (303, address)
    assert ('id="from-address"' in client.get("/").text) is is_on
    assert (f'value="{site.url}/dog?&#34;&gt;&lt;b&gt;"' in client.get(address).text) is is_on
    assert len(site.asked) == asked
