"""The page of clients: what is offered to whom, files with tokens of their own, and links that work once."""

import json
import re
from dataclasses import replace
from datetime import timedelta

import pytest

from app.clients import CLIENTS, SYSTEMS, TICKET_LIFE, Needs
from tests.conftest import OWNER, UPLOADER
from tests.web.test_pages import csrf, sign_in

WINDOWS = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36"
S3 = {"store": "s3", "s3_endpoint": "https://s3.example.com", "s3_region": "us-west-004", "s3_bucket": "pics"}
S3 |= {"s3_access_key_id": "the-apps-own-id", "s3_secret_access_key": "the-apps-own-secret"}
SHAREX = {"User-Agent": "ShareX/19.0.2", "Cache-Control": "no-cache"}


@pytest.fixture
def owner(client):
    sign_in(client)
    return client


def download(client, name, **form):
    return client.post(f"/clients/{name}", data={"csrf": csrf(client), **form})


def link_of(client):
    """Return the path of a fresh link for ShareX."""
    page = client.post("/clients/sharex/link", data={"csrf": csrf(client)}).text
    return re.search(r"<code>http://127\.0\.0\.1:8080(/clients/import/[^<]+)</code>", page)[1]


def names(app):
    return [one.name for one in app.extensions["bowerbird"].catalog.tokens.list()]


def test_the_page_shows_every_client_with_its_steps(owner):
    page = owner.get("/clients").text

    for client in CLIENTS:
        assert f'<details class="client" id="{client.name}">' in page
    assert page.count("<ol>") == len(CLIENTS)
    links = set(re.findall(r'href="(/clients/[^"]+)"', page))
    assert len(links) == len(CLIENTS) and '.md"' not in page
    assert all(owner.get(link).status_code == 200 for link in links)
    assert "https://HOST" not in page and "Upload to 127.0.0.1:8080" in page
    assert len(page) < 60_000
    assert owner.get("/clients/nobody").status_code == 404


VISITORS = [
    ({"User-Agent": WINDOWS}, "windows"),
    ({"User-Agent": "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101"}, "linux"),
    ({"User-Agent": "Mozilla/5.0 (Linux; Android 14; Pixel 8)"}, "android"),
    ({"User-Agent": "Mozilla/5.0 (iPhone; CPU iPhone OS 17_4 like Mac OS X)"}, "ios"),
    ({"User-Agent": WINDOWS, "Sec-CH-UA-Platform": '"macOS"'}, "macos"),
    ({"User-Agent": "curl/8.5.0"}, None),
]


def test_the_visitors_system_comes_first(owner):
    for headers, first in VISITORS:
        page = owner.get("/clients", headers=headers).text
        order = re.findall(r'<section class="card" id="(\w+)"', page)

        assert order == sorted(SYSTEMS, key=lambda system: system != first), headers
        assert page.count("this device") == (first is not None)


def test_each_file_comes_with_a_token_of_its_own(app, owner):
    for client in CLIENTS:
        if client.needs is not Needs.TOKEN:
            continue
        answer = download(owner, client.name)
        [token] = set(re.findall(r"bb_[A-Za-z0-9_-]{43}", answer.text))
        kept = app.extensions["bowerbird"].catalog.tokens.list()[-1]
        refused = owner.get("/api/uploads", headers={"Authorization": f"Bearer {token}"})

        assert answer.headers["Cache-Control"] == "no-store" and answer.headers["X-Content-Type-Options"] == "nosniff"
        expected = client.file_name.replace("HOST", "127.0.0.1")
        assert answer.headers["Content-Disposition"] == f'attachment; filename="{expected}"'
        assert (kept.name, kept.scopes) == (client.title, {"upload"})
        assert refused.status_code == 403, "it may only upload"


def test_every_download_is_another_token(app, owner):
    first, second = (download(owner, "flameshot").text for _ in range(2))

    assert first != second
    assert names(app)[-2:] == ["Flameshot", "Flameshot 2"]


def test_s3_clients_get_the_bucket_and_never_the_apps_own_pair(app, owner, make_settings):
    parts = app.extensions["bowerbird"]
    app.extensions["bowerbird"] = replace(parts, settings=make_settings(**S3))
    before = names(app)

    for name in ("rclone", "aws", "s3cmd"):
        text, page = download(owner, name).text, owner.get(f"/clients/{name}").text
        assert "s3.example.com" in text and "us-west-004" in text and "SECRET_ACCESS_KEY" in text
        assert "the-apps-own" not in text + page and "pics" in page
    assert "the-apps-own" not in owner.get("/clients").text
    assert names(app) == before


def test_without_a_bucket_s3_clients_are_told_so(owner):
    assert download(owner, "rclone").status_code == 501
    assert "there is no bucket" in owner.get("/clients/rclone").text


def test_a_bookmarklet_has_no_token_and_no_download_button(app, owner):
    before = names(app)
    page = owner.get("/clients/bookmarklet").text

    assert re.search(r'href="javascript:\(\(\)[^"<>]+"', page) and "bb_" not in page
    assert "bb_" not in download(owner, "bookmarklet").text and names(app) == before


def test_who_is_signed_out_gets_nothing(app, client):
    before = names(app)

    assert client.get("/clients").headers["Location"].startswith("/login")
    assert client.get("/clients/sharex").status_code == 303
    assert client.post("/clients/sharex").status_code == 401
    assert client.post("/clients/sharex/link").status_code == 401
    for token in (OWNER, UPLOADER):
        assert client.post("/clients/sharex", headers={"Authorization": f"Bearer {token}"}).status_code == 401
    assert names(app) == before


def test_sharex_imports_from_a_link_once(app, owner):
    path, stranger = link_of(owner), app.test_client()
    before = names(app)
    looked = stranger.head(path, headers=SHAREX)
    answer = stranger.get(path, headers=SHAREX)
    again = stranger.get(path, headers=SHAREX)

    assert looked.status_code == 200 and looked.data == b""
    assert answer.status_code == 200 and answer.headers["Cache-Control"] == "no-store"
    assert re.fullmatch(r"Bearer bb_[A-Za-z0-9_-]{43}", json.loads(answer.text)["Headers"]["Authorization"])
    assert again.status_code == 404 and "was used" in again.text
    assert names(app) == [*before, "ShareX"], "one token, for one GET"


def test_a_link_runs_out(app, owner, monkeypatch):
    path, uploads = link_of(owner), app.extensions["bowerbird"].uploads
    late = uploads.clock() + TICKET_LIFE
    monkeypatch.setattr(uploads, "clock", lambda: late + timedelta(seconds=1))
    answer = app.test_client().get(path, headers=SHAREX)

    assert answer.status_code == 404 and "run out" in answer.text
    assert "ShareX" not in names(app)


def test_a_forged_link_gives_nothing(app, owner):
    path = link_of(owner)
    until, name, mac = path.rsplit("/", 1)[1].split("-", 1)[0], path[-49:-33], path[-32:]
    forged = [
        f"{int(until) + 9999}-{name}-{mac}",
        f"{until}-{name[::-1]}-{mac}",
        f"{until}-{name}-{mac[::-1]}",
        "x",
        "é",
    ]

    for ticket in forged:
        assert owner.get(f"/clients/import/{ticket}").status_code == 404
    assert "ShareX" not in names(app)
    assert owner.get(path).status_code == 200, "and it is not used up by that"


def test_a_reload_of_the_links_page_makes_no_error(owner):
    assert owner.get("/clients/sharex/link").headers["Location"] == "/clients/sharex"
