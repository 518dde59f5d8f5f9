"""The view page of an image, oEmbed and the QR code."""

import io
import re
from dataclasses import replace
from urllib.parse import quote

import pytest

from app.catalog.records import State
from tests import samples
from tests.conftest import OWNER, UPLOADER

AUTH = {"Authorization": f"Bearer {UPLOADER}"}
TITLE = 'Cat "<script>alert(1)</script>'


@pytest.fixture
def app(make_app):
    return make_app(view_pages=True, public_url="https://i.example.com", base_url="https://up.example.com")


def post(client, **fields):
    form = {**fields, "file": (io.BytesIO(samples.make("png", 640, 480)), "secret name.png")}
    return client.post("/api/upload", data=form, headers=AUTH).json


def metas(page):
    """Return the properties that a page tells other programs."""
    return dict(re.findall(r'<meta (?:property|name)="([^"]+)" content="([^"]*)"', page))


def test_there_are_no_view_pages_unless_they_are_asked_for(make_app):
    client = make_app().test_client()
    body = post(client)

    assert "view_url" not in body
    assert client.get(f"/v/{body['key']}").status_code == 404
    assert client.get("/oembed", query_string={"url": body["url"]}).status_code == 404


def test_a_view_page_tells_title_colour_and_size_and_nothing_else_of_the_owner(client, app):
    body = post(client, title="My cat", tags="private")
    catalog = app.extensions["bowerbird"].catalog
    row = catalog.uploads.get(body["key"])
    catalog.thumbnails.made(row, version_id=None, blurhash="L", color="#aa5500", problem=None)
    page = client.get(f"/v/{body['key']}").get_data(as_text=True)
    told = metas(page)

    assert body["view_url"] == told["og:url"] == f"https://up.example.com/v/{body['key']}"
    assert told["og:image"] == told["twitter:image"] == body["url"]
    assert (told["og:title"], told["og:image:width"], told["og:image:height"]) == ("My cat", "640", "480")
    assert (told["og:image:type"], told["twitter:card"]) == ("image/png", "summary_large_image")
    assert told["theme-color"] == "#aa5500"
    assert "secret name" not in page and "private" not in page and "/d/" not in page


def test_a_title_full_of_markup_is_text(client):
    body = post(client, title=TITLE)
    page = client.get(f"/v/{body['key']}").get_data(as_text=True)

    assert "<script>" not in page
    assert "&lt;script&gt;" in metas(page)["og:title"]


def test_what_is_gone_has_no_view_page(client):
    body = post(client)
    client.delete(f"/api/uploads/{body['key']}", headers={"Authorization": f"Bearer {OWNER}"})

    assert client.get(f"/v/{body['key']}").status_code == 404
    assert client.get("/v/k7Wq3Zpx.png").status_code == 404


def test_oembed_is_found_from_the_page_and_tells_the_photo(client):
    body = post(client, title="My cat")
    page = client.get(f"/v/{body['key']}").get_data(as_text=True)
    address = re.search(r'json\+oembed" href="https://up.example.com([^"]+)"', page)[1].replace("&amp;", "&")
    answer = client.get(address).json

    assert answer == {
        "version": "1.0",
        "type": "photo",
        "url": body["url"],
        "width": 640,
        "height": 480,
        "provider_name": "up.example.com",
        "provider_url": "https://up.example.com",
        "title": "My cat",
    }
    by_image = client.get("/oembed", query_string={"url": body["url"], "maxwidth": "320", "maxheight": "1000"}).json
    assert (by_image["width"], by_image["height"]) == (320, 240)


@pytest.mark.parametrize(
    ("arguments", "status"),
    [
        ({}, 404),
        ({"url": "https://other.example/v/k7Wq3Zpx.png"}, 404),
        ({"url": "https://up.example.com/v/k7Wq3Zpx.png"}, 404),
        ({"url": "https://up.example.com/v/../settings"}, 404),
        ({"url": "{url}", "format": "xml"}, 501),
        ({"url": "{url}", "maxwidth": "0"}, 400),
        ({"url": "{url}", "maxheight": "-5"}, 400),
        ({"url": "{url}", "maxheight": "x" * 50}, 400),
    ],
)
def test_oembed_refuses_what_it_does_not_know(client, arguments, status):
    body = post(client)
    given = {name: value.format(url=body["url"]) for name, value in arguments.items()}

    assert client.get("/oembed", query_string=given).status_code == status


def test_a_sxcu_can_link_to_the_view_page(client, app):
    client.post("/login", data={"token": OWNER})
    csrf = re.search(r'name="csrf" value="([^"]+)"', client.get("/clients").get_data(as_text=True))[1]

    page = client.post("/clients/sharex", data={"csrf": csrf, "to": "page"}).json
    image = client.post("/clients/sharex", data={"csrf": csrf}).json
    assert (page["URL"], image["URL"]) == ("{json:view_url}", "{json:url}")


def test_the_qr_code_is_the_owner_s_and_holds_the_address(make_app):
    client = make_app().test_client()
    body = post(client)

    assert client.get(f"/qr/{body['key']}.svg").status_code == 303
    client.post("/login", data={"token": OWNER})
    answer = client.get(f"/qr/{body['key']}.svg")
    assert (answer.status_code, answer.content_type) == (200, "image/svg+xml; charset=utf-8")
    assert b"<svg" in answer.data and b"style=" not in answer.data
    assert client.get("/qr/k7Wq3Zpx.png.svg").status_code == 404


def test_an_address_that_is_too_long_for_a_qr_code_is_refused(make_app):
    app = make_app()
    parts, client = app.extensions["bowerbird"], app.test_client()
    row = parts.catalog.uploads.get(post(client)["key"])
    name = "ü" * 508 + ".png"  # of another S3 client, at most 1,024 bytes
    parts.catalog.changes.add(replace(row, key=name, state=State.FOUND))
    parts.catalog.changes.admit(replace(row, key=name))
    client.post("/login", data={"token": OWNER})

    answer = client.get(f"/qr/{quote(name)}.svg")
    assert (answer.status_code, "QR" in answer.json["error"]) == (400, True)
