"""The settings: every section works without a script, each change asks for the page's own token."""

import html
import re
import sys

import pytest

from app import checkup
from app.doctor import Finding
from app.errors import Busy, Unavailable
from tests import samples
from tests.web.test_pages import csrf, sign_in, upload


@pytest.fixture
def owner(client):
    sign_in(client)
    return client


@pytest.fixture
def send(owner):
    """Send a form of the page."""
    return lambda path, **fields: owner.post(f"/settings/{path}", data={"csrf": csrf(owner), **fields})


def token_of(app, name):
    return next(one for one in app.extensions["bowerbird"].catalog.tokens.list() if one.name == name)


def text_of(answer):
    """Return what a page says, without its marks."""
    return re.sub(r"\s+", " ", html.unescape(re.sub(r"<[^>]+>", "", answer.text)))


def test_a_token_is_made_with_its_terms_and_shown_once(send, owner, app):
    answer = send(
        "tokens", name=" phone ", scope=["upload", "metrics"], expires="30d", uploads_expire="7d", quota="5GB"
    )

    secret = re.search(r"bb_[\w-]{43}", answer.text)[0]
    token = token_of(app, "phone")
    assert (token.scopes, token.upload_life_s, token.quota_bytes) == ({"upload", "metrics"}, 604_800, 5 * 2**30)
    headers = {"Authorization": f"Bearer {secret}"}
    assert owner.post("/api/upload", data=samples.make("png"), headers=headers).status_code == 201
    page = owner.get("/settings")
    assert secret not in page.text and "bb_" not in page.text
    assert "of 5 GB; its uploads expire after 7d" in text_of(page)


@pytest.mark.parametrize(
    ("fields", "status", "reason"),
    [
        ({"name": "laptop"}, 409, "there is a token named 'laptop' already"),
        ({"name": "  "}, 400, "1 to 100 printable characters"),
        ({"name": "x" * 101}, 400, "1 to 100 printable characters"),
        ({"name": "x", "scope": "root"}, 400, "there is no scope 'root'"),
        ({"name": "x", "expires": "soon"}, 400, "expires is 'soon'"),
        ({"name": "x", "uploads_expire": "<b>"}, 400, "uploads expire after '<b>'"),
        ({"name": "x", "quota": "much"}, 400, "'much' is no number of bytes"),
        ({"name": "x", "quota": "9" * 15 + "TB"}, 400, "more than 1,048,576 TB"),
        ({"name": "x", "scope": []}, 400, "a token has to be allowed something"),
    ],
)
def test_a_token_that_makes_no_sense_is_refused_on_the_page(send, app, fields, status, reason):
    before = app.extensions["bowerbird"].catalog.tokens.list()

    answer = send("tokens", **{"scope": "upload"} | fields)

    assert answer.status_code == status and reason in text_of(answer)
    assert "uploads expire after '<b>" not in answer.text
    assert app.extensions["bowerbird"].catalog.tokens.list() == before


def test_a_token_is_changed_where_the_form_differs_from_what_it_has(send, owner, app):
    catalog = app.extensions["bowerbird"].catalog
    ended = app.extensions["bowerbird"].uploads.clock()
    catalog.tokens.change("laptop", quota_bytes=10, expires_at=ended)
    shown = dict(re.findall(r'id="t2-(\w+)" name="\w+" value="([^"]*)"', owner.get("/settings").text))

    answer = send("tokens/change", name="laptop", **shown | {"uploads_expire": "1h"})

    assert answer.headers["Location"] == "/settings#tokens"
    token = token_of(app, "laptop")
    assert (token.quota_bytes, token.upload_life_s, token.expires_at) == (10, 3600, ended)
    assert send("tokens/change", name="laptop", quota="none", expires="never").status_code == 303
    assert (token_of(app, "laptop").quota_bytes, token_of(app, "laptop").expires_at) == (None, None)
    assert send("tokens/change", name="laptop", quota="x").status_code == 400
    assert send("tokens/change", name="nobody", quota="1GB").status_code == 404


def test_a_token_is_revoked(send, owner, app):
    assert send("tokens/revoke", name="laptop").status_code == 303

    assert token_of(app, "laptop").revoked_at
    assert "laptop" not in owner.get("/settings").text
    assert send("tokens/revoke", name="laptop").status_code == 404


@pytest.mark.parametrize("path", ["tokens", "tokens/change", "tokens/revoke", "doctor", "theme"])
def test_nothing_changes_without_the_token_of_the_page(owner, client, path):
    fields = {"name": "laptop", "theme": "dark"}

    assert owner.post(f"/settings/{path}", data=fields).status_code == 403
    owner.post("/logout", data={"csrf": csrf(owner)})
    assert client.post(f"/settings/{path}", data=fields).status_code == 401


def test_what_is_stored_is_shown_to_who_is_signed_in(client):
    assert client.get("/settings").headers["Location"].startswith("/login")
    sign_in(client)
    upload(client)

    page = text_of(client.get("/settings"))

    assert "1 objects" in page and "a folder of this server" in page
    assert "Class B" not in page


def test_the_jobs_are_shown_with_what_they_fail_of(owner, app):
    parts = app.extensions["bowerbird"]
    key = upload(owner)["key"]
    parts.catalog.jobs.failed("deletions", "the <store> is gone", now=parts.uploads.clock())
    assert "1 waiting, never done yet" in text_of(owner.get("/settings"))

    parts.catalog.thumbnails.failed(parts.catalog.uploads.get(key), "cut <off>", is_over=True)

    page = owner.get("/settings").text
    assert "failed (1 in a row): the &lt;store&gt; is gone" in page
    assert key in page and "cut &lt;off&gt;" in page and "cut <off>" not in page
    assert "none works: bowerbird worker" in page and "0 waiting, 1 given up, never done yet" in page


def test_the_doctor_comes_when_called_and_not_too_often(send, monkeypatch):
    findings = [Finding("bucket", "no <answer>", "look at it", "fail"), Finding("catalog", "answers")]
    monkeypatch.setattr("app.web.settings_page.checkup.visit", lambda: findings)

    answers = [send("doctor") for _ in range(4)]

    assert [answer.status_code for answer in answers] == [200] * 3 + [429]  # six in all, and there are two web workers
    assert "wrong bucket: no <answer> look at it" in text_of(answers[0]) and "no &lt;answer&gt;" in answers[0].text


def test_a_theme_is_a_cookie_that_the_first_byte_of_each_page_follows(send, owner):
    assert "data-theme" not in owner.get("/").text

    cookie = send("theme", theme="dark").headers["Set-Cookie"]

    assert "theme=dark" in cookie and "HttpOnly" in cookie and "SameSite=Lax" in cookie
    for path in ("/", "/settings", "/nothing/here"):
        page = owner.get(path, headers={"Accept": "text/html"}).text
        assert '<html lang="en" data-theme="dark">' in page
        assert '<meta name="color-scheme" content="dark">' in page and "#f6f0e4" not in page
    send("theme", theme="system")
    assert "data-theme" not in owner.get("/").text and 'content="light dark"' in owner.get("/").text
    assert send("theme", theme="pink").status_code == 400


def test_a_theme_that_is_none_is_left_alone(client):
    client.set_cookie("theme", 'dark" onload="x')

    assert "onload" not in client.get("/login").text and "data-theme" not in client.get("/login").text


def test_the_doctor_has_its_time_and_ends_before_it_is_ended(tmp_path):
    mark = tmp_path / "cleaned"
    script = (
        "import pathlib, signal, sys, time\n"
        f"signal.signal(signal.SIGTERM, lambda *_: (pathlib.Path({str(mark)!r}).touch(), sys.exit(1)))\n"
        "print('[', flush=True)\n"
        "signal.pause()\n"
    )

    with pytest.raises(Busy, match="longer than 2 seconds"):
        checkup.visit([sys.executable, "-c", script], timeout_s=2)

    assert mark.exists()


def test_a_doctor_that_breaks_down_is_told():
    found = checkup.visit([sys.executable, "-c", """print('[{"check": "a", "seen": "b", "level": "skip"}]')"""])

    assert found == [Finding("a", "b", level="skip")]
    with pytest.raises(Unavailable):
        checkup.visit([sys.executable, "-c", "raise SystemExit(2)"])
