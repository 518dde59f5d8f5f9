"""Albums: made, renamed, shared and removed by their owner; what visitors of a shared one see, and what they do not."""

import io
import re
from datetime import timedelta
from html import unescape

import pytest

from app import tokens
from app.web import albums
from tests import samples
from tests.conftest import OWNER, UPLOADER

AUTH = {"Authorization": f"Bearer {UPLOADER}"}
HTML = {"Accept": "text/html"}


@pytest.fixture
def parts(app):
    return app.extensions["bowerbird"]


@pytest.fixture
def owner(app):
    """A browser that is signed in; `client` is a visitor."""
    client = app.test_client()
    client.post("/login", data={"token": OWNER})
    return client


@pytest.fixture
def add(client):
    def make(seed=1, **fields):
        form = {**fields, "file": (io.BytesIO(samples.make("png", seed=seed)), f"secret name {seed}.png")}
        return client.post("/api/upload", data=form, headers=AUTH).json["key"]

    return make


@pytest.fixture
def album(parts, add):
    """An album of three images."""
    made = parts.catalog.albums.make("Trip", now=parts.uploads.clock())
    fields = {"title": "secret title", "tags": "secret-tag", "expires": "7d"}
    parts.catalog.albums.put_in(made.id, [add(seed, **fields) for seed in range(3)])
    return made


def post(client, path, **fields):
    token = re.search(r'name="csrf-token" content="(\w+)"', client.get("/").text)[1]
    return client.post(path, data={"csrf": token, **fields}, headers={"Accept": "application/json"})


def share(owner, album, **fields):
    """Share the album and return the path of its public page."""
    assert post(owner, f"/albums/{album.id}", action="share", **fields).status_code == 303
    return re.search(r'value="http://127.0.0.1:8080(/a/[^"]+)"', owner.get("/albums").text)[1]


def keys(page):
    return re.findall(r'data-key="([^"]+)"', page.text)


def test_an_album_is_made_renamed_and_removed_and_its_images_stay(owner, parts, album):
    assert post(owner, "/albums", name=" Cats ").status_code == 303
    assert re.findall(r'/gallery\?album=\d+">(\w+)<', owner.get("/albums").text) == ["Cats", "Trip"]
    assert "3 images" in owner.get("/albums").text

    post(owner, f"/albums/{album.id}", action="rename", name="Journey")
    assert parts.catalog.albums.get(album.id).name == "Journey"
    post(owner, f"/albums/{album.id}", action="remove")
    assert parts.catalog.albums.get(album.id) is None
    assert len(keys(owner.get("/gallery"))) == 3


@pytest.mark.parametrize(
    ("path", "fields", "status", "message"),
    [
        ("/albums", {"name": " "}, 400, "has no name"),
        ("/albums", {"name": "x" * 101}, 400, "at most 100"),
        ("/albums", {"name": "Trip"}, 409, "'Trip' already"),
        ("/albums/1", {"action": "rename", "name": ""}, 400, "has no name"),
        ("/albums/1", {"action": "share", "until": "soon"}, 400, "expires is 'soon'"),
        ("/albums/1", {"action": "paint"}, 400, "'paint' is no action"),
        ("/albums/99", {"action": "remove"}, 404, "no such album"),
        ("/albums/99", {"action": "share"}, 404, "no such album"),
        ("/albums/99", {"action": "unshare"}, 404, "no such album"),
        ("/albums/99999999999999999999", {"action": "remove"}, 404, "nothing at this address"),
    ],
)
def test_what_makes_no_sense_is_refused(owner, parts, album, path, fields, status, message):
    answer = post(owner, path, **fields)

    assert answer.status_code == status and message in answer.json["error"]
    assert parts.catalog.albums.all() == [album]


def test_a_shared_album_is_seen_by_anyone_page_by_page(owner, client, album, monkeypatch):
    monkeypatch.setattr(albums, "PAGE", 2)
    path = share(owner, album)

    first = client.get(path)
    second = client.get(unescape(re.search(r'rel="next" href="([^"]+)"', first.text)[1]))

    assert (len(keys(first)), len(keys(second))) == (2, 1)
    assert set(keys(first) + keys(second)) == set(keys(owner.get(f"/gallery?album={album.id}")))
    assert "<h1>Trip</h1>" in first.text and 'rel="next"' not in second.text


def test_a_shared_album_tells_nothing_else_of_its_owner(owner, client, parts, album):
    path = share(owner, album)
    for visitor in (client, owner):
        answer = visitor.get(path)
        text = answer.text.lower()
        for secret in (
            "secret",
            "/d/",
            'csrf-token" content="[^"]',
            "laptop",
            "2026",
            'href="/gallery',
            "sign out",
            "cursor",
        ):
            assert not re.search(secret, text), secret
        assert answer.headers["X-Robots-Tag"] == "noindex"
        assert answer.headers["Referrer-Policy"] == "no-referrer"
        assert answer.headers["Cache-Control"] == "no-store"
        assert "Set-Cookie" not in answer.headers


def test_an_image_that_is_not_in_the_album_is_no_place_in_it(owner, client, add, album):
    path, other = share(owner, album), add(9)

    pages = [client.get(path, query_string={"after": after}) for after in (other, "22222222.png", "é", "")]

    assert len({page.text for page in pages}) == 1 and len(keys(pages[0])) == 3


def test_what_is_not_shared_is_as_what_never_was(owner, client, parts, album):
    unknown = client.get(f"/a/{tokens.new_share_key()}", headers=HTML)
    path = share(owner, album)
    anew = share(owner, album)
    assert anew != path and client.get(anew).status_code == 200

    def told(answer):
        request_id = answer.headers["X-Request-ID"]
        return answer.text.replace(request_id, ""), dict(answer.headers) | {"X-Request-ID": ""}

    def is_unknown(address):
        answer = client.get(address, headers=HTML)
        return answer.status_code == 404 and told(answer) == told(unknown)

    assert is_unknown(path)
    post(owner, f"/albums/{album.id}", action="unshare")
    assert is_unknown(anew)
    parts.catalog.albums.share(album.id, "s" * 24, until=parts.uploads.clock() - timedelta(seconds=1))
    assert is_unknown("/a/" + "s" * 24)
    assert "no longer shared" in owner.get("/albums").text
    for wrong in ("/a/", "/a/x", "/a/%00", "/a/" + "é" * 24, "/a/" + "s" * 1000):
        assert is_unknown(wrong), wrong


def test_sharing_ends_when_it_was_said_to(owner, parts, album):
    share(owner, album, until="1d")
    until = parts.catalog.albums.get(album.id).shared_until

    assert timedelta(hours=23) < until - parts.uploads.clock() <= timedelta(days=1)


def test_an_image_that_is_deleted_leaves_the_shared_album(owner, client, album):
    path = share(owner, album)
    gone = keys(client.get(path))[0]

    post(owner, "/gallery", action="delete", sure="1", key=gone)

    assert gone not in keys(client.get(path)) and len(keys(client.get(path))) == 2
