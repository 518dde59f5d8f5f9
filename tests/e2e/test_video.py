"""A video in a real Chromium: taken by the upload page, played and sought in a page and in a tab of its own."""

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
_PATIENCE_MS = 60_000


def test_a_video_is_uploaded_played_and_sought(open_page: OpenPage, live_server: Server) -> None:
    page = open_page("/")
    page.locator("#choose").set_input_files(
        [
            {"name": "film.mp4", "mimeType": "video/mp4", "buffer": films.make("mp4", frames=40)},
            {"name": "film.webm", "mimeType": "video/webm", "buffer": films.make("webm", frames=40)},
        ]
    )
    page.locator("#list .done").nth(1).wait_for()
    addresses = [one.get_attribute("href") or "" for one in page.locator("#list .line a").all()]

    for address in addresses:
        key = address.rpartition("/")[2]
        for place in (f"/gallery/{key}", f"/{key}"):
            page.goto(f"{live_server.url}{place}")
            page.wait_for_function(_READY, timeout=_PATIENCE_MS)
            page.evaluate(_SEEK)
            page.wait_for_function(_SOUGHT, timeout=_PATIENCE_MS)
            assert page.evaluate(_SEEN) == [64, 48, 80, None]
    page.goto(f"{live_server.url}/gallery?q=type:mp4")
    assert page.locator(".tile .play").count() == 1
