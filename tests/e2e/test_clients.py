"""The page of clients in a real browser: without scripts too, by axe-core's rules, and a bookmark on a strange page."""

import json
import re
from urllib.parse import quote, unquote

import pytest
from playwright.sync_api import Page, Route, expect

from app.clients import Host, fill, find
from tests.conftest import Server
from tests.e2e.conftest import OpenPage
from tests.e2e.test_gallery import check
from tests.samples import make

STRANGE = "http://strange.example"
_STRANGE_POLICY = "default-src 'none'; img-src 'self'"


def open_all(page: Page) -> None:
    page.evaluate("() => document.querySelectorAll('details').forEach((one) => { one.open = true; })")


def strange_page(page: Page, path: str) -> None:
    """Let the browser be on another site, whose policy allows no script; its images have these sizes."""

    def answer(route: Route) -> None:
        name = route.request.url.rsplit("/", 1)[-1]
        if sizes := re.fullmatch(r"(\d+)x(\d+)[^/]*\.png[^/]*", name):
            route.fulfill(body=make("png", int(sizes[1]), int(sizes[2])), content_type="image/png")
        else:
            html = '<img src="/20x20.png"><img src="/300x200%20b&c.png?d=é"><img src="/90x90.png">'
            headers = {"Content-Security-Policy": _STRANGE_POLICY}
            route.fulfill(body=html if path == "/" else "", content_type="text/html", headers=headers)

    page.route(f"{STRANGE}/**", answer)
    page.goto(STRANGE + path)


def test_axe_finds_nothing_serious(open_page: OpenPage, live_server: Server) -> None:
    page = open_page("/clients", color_scheme="light", bypass_csp=True, reduced_motion="reduce")
    open_all(page)
    found = check(page)
    page.goto(f"{live_server.url}/clients/sharex")
    page.get_by_role("button", name="Make a link").click()
    found += check(page)

    assert found == []


def test_all_fits_a_phone(open_page: OpenPage, live_server: Server) -> None:
    page = open_page("/clients", viewport={"width": 360, "height": 640})
    open_all(page)
    wide = "document.documentElement.scrollWidth"

    assert page.evaluate(wide) == 360
    for name in ("shortcuts", "aws", "sharex"):  # the longest lines
        page.goto(f"{live_server.url}/clients/{name}")
        assert page.evaluate(wide) == 360, name


def test_without_scripts_a_file_is_downloaded(open_page: OpenPage, live_server: Server) -> None:
    page = open_page("/clients", java_script_enabled=False)
    page.locator("#flameshot > summary").click()
    with page.expect_download() as download:
        page.get_by_role("button", name="the file for Flameshot").click()

    assert download.value.suggested_filename == "bowerbird-flameshot"
    assert download.value.path().read_text().startswith("#!/usr/bin/env bash\n")


def test_the_text_of_a_file_is_copied_with_a_token_of_its_own(open_page: OpenPage, live_server: Server) -> None:
    page = open_page("/clients/chatterino")
    page.get_by_role("button", name="Copy its text").click()
    expect(page.get_by_role("status")).to_have_text("Copied")
    config = json.loads(page.evaluate("navigator.clipboard.readText()"))

    assert config["RequestURL"] == f"{live_server.url}/api/upload"
    assert re.fullmatch(r"Bearer bb_[A-Za-z0-9_-]{43}", config["Headers"]["Authorization"])


@pytest.mark.parametrize(
    ("path", "picture"), [("/", "/300x200%20b&c.png?d=%C3%A9"), ("/50x50.png?v=1&w=2", "/50x50.png?v=1&w=2")]
)
def test_the_bookmarklet_opens_our_page_with_the_picture_filled_in(
    open_page: OpenPage, live_server: Server, path: str, picture: str
) -> None:
    page = open_page("/clients/bookmarklet")
    bookmark = page.get_by_role("link", name="Upload image").get_attribute("href") or ""
    strange_page(page, path)
    asked: list[str] = []
    page.context.on("request", lambda request: asked.append(request.url))
    with page.context.expect_page() as opened:
        page.evaluate(unquote(bookmark.removeprefix("javascript:")))
    expect(opened.value).to_have_title("Upload · Bowerbird")  # the owner is signed in there

    assert bookmark == fill(find("bookmarklet"), Host(live_server.url))
    assert f"{live_server.url}/?url={quote(STRANGE + picture, safe='')}" in asked
    assert opened.value.evaluate("window.opener") is None
    assert page.url == STRANGE + path, "and the page stays"


def test_a_link_of_another_site_finds_the_owner_signed_in(open_page: OpenPage, live_server: Server) -> None:
    page = open_page("/login", signed_in=True)
    strange_page(page, "/none")
    page.evaluate("(to) => { location.href = to; }", f"{live_server.url}/gallery?q=%22a%26b%22")
    page.wait_for_url(f"{live_server.url}/gallery?q=%22a%26b%22")

    stranger = open_page("/login", signed_in=False)
    strange_page(stranger, "/none")
    stranger.evaluate("(to) => { location.href = to; }", f"{live_server.url}/gallery")
    expect(stranger.get_by_label("Your token")).to_be_visible()
