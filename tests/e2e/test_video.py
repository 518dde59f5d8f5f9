"""A video in a real Chromium: taken by the upload page, played and sought in a page and in a tab of its own."""

import time

from playwright.sync_api import Page

from tests import films
from tests.conftest import Server
from tests.e2e.conftest import OpenPage

_READY = "() => document.querySelector('video')?.readyState >= 2"
_SEEK = "() => { const video = document.querySelector('video'); video.currentTime = 0.8 * video.duration; }"
_SOUGHT = "() => { const video = document.querySelector('video'); return !video.seeking && video.readyState >= 2; }"
_SEEN = """() => {
  const video = document.querySelector("video");
  return [video.videoWidth, video.videoHeight, Math.round(video.currentTime / video.duration * 100), video.error];
}"""
_PATIENCE_S = 60


def wait_for(page: Page, what: str) -> None:
    """Wait until `what` is so; asked from here, for in a tab of its own a file is in a sandbox that runs no script."""
    deadline = time.monotonic() + _PATIENCE_S
    while not page.evaluate(what):
        assert time.monotonic() < deadline, f"{page.url}: {what}"
        page.wait_for_timeout(100)


def test_a_video_is_uploaded_played_and_sought(open_page: OpenPage, live_server: Server) -> None:
    page = open_page("/")
    page.locator("#choose").set_input_files(
        [
            {"name": "film.mp4", "mimeType": "video/mp4", "buffer": films.make("mp4", frames=40)},
            {"name": "film.webm", "mimeType": "video/webm", "buffer": films.make("webm", frames=40)},
        ]
    )
    page.locator("#list .done").nth(1).wait_for(timeout=_PATIENCE_S * 1000)
    addresses = [one.get_attribute("href") or "" for one in page.locator("#list .line a").all()]

    for address in addresses:
        key = address.rpartition("/")[2]
        for place in (f"/gallery/{key}", f"/{key}"):
            page.goto(f"{live_server.url}{place}")
            wait_for(page, _READY)
            page.evaluate(_SEEK)
            wait_for(page, _SOUGHT)
            assert page.evaluate(_SEEN) == [64, 48, 80, None]
    page.goto(f"{live_server.url}/gallery?q=type:mp4")
    assert page.locator(".tile .play").count() == 1
