"""The upload page in a real browser: what goes in by drop, paste or choice comes out as addresses."""

import base64
import io
import json
import re
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from playwright.sync_api import Locator, Page, Route, expect

from tests.conftest import Server
from tests.e2e.conftest import OpenPage, image, sign_in
from tests.samples import make, picture

_PASTE = """async (base64) => {
  const bytes = Uint8Array.from(atob(base64), (letter) => letter.charCodeAt(0));
  await navigator.clipboard.write([new ClipboardItem({ "image/png": new Blob([bytes], { type: "image/png" }) })]);
}"""
_WATCH_PROGRESS = """() => {
  window.seen = [];
  new MutationObserver((changes) => {
    for (const change of changes) if (change.target.matches("progress")) window.seen.push(change.target.value);
  }).observe(document.getElementById("list"), { subtree: true, attributes: true, attributeFilter: ["value"] });
}"""


def choose(page: Page, *files: dict[str, Any]) -> None:
    page.locator("#choose").set_input_files(list(files))


def addresses(page: Page, count: int) -> list[str]:
    """Wait until `count` uploads are done and return their addresses, in the order of the rows."""
    expect(page.locator("#list .done")).to_have_count(count, timeout=30_000)
    return [link.get_attribute("href") or "" for link in page.locator("#list .done .line a").all()]


def opened(url: str) -> Image.Image:
    with urllib.request.urlopen(url, timeout=10) as answer:
        return Image.open(io.BytesIO(answer.read()))


def is_picture(url: str, seed: int) -> bool:
    return opened(url).convert("RGB").tobytes() == picture(64, 48, seed=seed).tobytes()


def clipboard(page: Page) -> str:
    return page.evaluate("navigator.clipboard.readText()")


def throttling(page: Page) -> Callable[[int], Any]:
    """Return what sets the speed of uploads, in bytes a second; -1 is full speed."""
    network = page.context.new_cdp_session(page)
    network.send("Network.enable")
    conditions = {"offline": False, "latency": 0, "downloadThroughput": -1}
    return lambda speed: network.send("Network.emulateNetworkConditions", conditions | {"uploadThroughput": speed})


def row(page: Page, name: str) -> Locator:
    return page.locator("#list li").filter(has_text=name)


def test_it_works(page: Page) -> None:
    choose(page, image("first.png", seed=1))

    [url] = addresses(page, 1)
    assert is_picture(url, 1)
    expect(page.get_by_role("status")).to_have_text("1 of 1 uploaded")
    page.goto(url)
    assert page.evaluate("[document.images[0].naturalWidth, document.images[0].naturalHeight]") == [64, 48]


def test_a_click_on_the_page_opens_the_chooser(page: Page) -> None:
    with page.expect_file_chooser() as chooser:
        page.get_by_text("Drop images here").click()

    assert chooser.value.is_multiple()
    chooser.value.set_files([image("chosen.png", seed=30)])
    assert is_picture(addresses(page, 1)[0], 30)


def test_what_is_dropped_anywhere_on_the_window_is_uploaded(page: Page, tmp_path: Path) -> None:
    paths = [tmp_path / "one.png", tmp_path / "two.png"]
    for seed, path in enumerate(paths, 2):
        path.write_bytes(make("png", seed=seed))
    mouse = page.context.new_cdp_session(page)
    files = {"items": [], "files": [str(path) for path in paths], "dragOperationsMask": 1}

    for step in ("dragEnter", "dragOver", "drop"):
        mouse.send("Input.dispatchDragEvent", {"type": step, "x": 5, "y": 400, "data": files})

    assert [is_picture(url, seed) for seed, url in enumerate(addresses(page, 2), 2)] == [True, True]
    expect(page.locator("body")).not_to_have_class(re.compile("dragging"))


def test_a_dropped_folder_is_refused_with_a_sentence(page: Page, tmp_path: Path) -> None:
    (tmp_path / "holiday").mkdir()
    mouse = page.context.new_cdp_session(page)
    files = {"items": [], "files": [str(tmp_path / "holiday")], "dragOperationsMask": 1}

    for step in ("dragEnter", "dragOver", "drop"):
        mouse.send("Input.dispatchDragEvent", {"type": step, "x": 5, "y": 400, "data": files})

    expect(row(page, "holiday")).to_contain_text("This is a folder. Open it and drop the images in it.")


def test_what_is_pasted_is_uploaded(page: Page) -> None:
    page.evaluate(_PASTE, base64.b64encode(make("png", seed=4)).decode())

    page.keyboard.press("Control+V")

    [url] = addresses(page, 1)
    assert is_picture(url, 4)


def test_fifty_at_once_go_three_at_a_time_and_keep_their_order(page: Page) -> None:
    choose(page, *(image(f"{seed}.png", seed=seed) for seed in range(100, 150)))

    urls = addresses(page, 50)
    assert page.evaluate("window.most") == 3
    assert len(set(urls)) == 50
    assert all(is_picture(url, seed) for seed, url in enumerate(urls, 100))
    expect(page.locator("#summary")).to_have_text("50 of 50 uploaded")


def test_progress_rises_to_the_end(page: Page) -> None:
    throttling(page)(150_000)
    page.evaluate(_WATCH_PROGRESS)

    choose(page, image("large.png", seed=5, width=600, height=420))

    addresses(page, 1)
    seen = page.evaluate("window.seen")
    assert seen == sorted(seen)
    assert len([share for share in seen if 0 < share < 1]) >= 2
    assert seen[-1] == 1


def test_an_upload_is_cancelled_and_sent_again(page: Page) -> None:
    throttle = throttling(page)
    throttle(2_000)
    choose(page, *(image(f"slow {seed}.png", seed=seed, width=300, height=200) for seed in range(10, 14)))
    row(page, "slow 13").get_by_role("button", name="Cancel").click()
    row(page, "slow 10").get_by_role("button", name="Cancel").click()
    expect(row(page, "slow 10").locator(".line")).to_have_text("Cancelled.")
    expect(row(page, "slow 13").locator(".line")).to_have_text("Cancelled.")

    throttle(-1)
    addresses(page, 2)
    page.get_by_role("button", name="Retry all").click()

    assert len(set(addresses(page, 4))) == 4


def test_a_lost_connection_is_told_and_a_retry_succeeds(page: Page) -> None:
    page.route("**/api/upload", lambda route: route.abort("connectionreset"), times=1)
    choose(page, image("lost.png", seed=20))
    expect(row(page, "lost.png")).to_contain_text("The connection failed.")

    page.get_by_role("button", name="Retry lost.png").click()

    assert is_picture(addresses(page, 1)[0], 20)


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("notes.png", b"only words, whatever the name says"),
        ("cut.png", make("png", seed=21)[:-30]),
        ("empty.png", b""),
    ],
)
def test_a_refused_file_shows_the_servers_sentence(page: Page, name: str, content: bytes) -> None:
    with page.expect_response("**/api/upload") as answer:
        choose(page, {"name": name, "mimeType": "image/png", "buffer": content})

    assert answer.value.status in (400, 415, 422)
    expect(page.locator("#list .refused .line")).to_have_text(answer.value.json()["error"])
    expect(page.get_by_role("status")).to_have_text("0 of 1 uploaded, 1 failed")


def test_a_file_that_is_too_large_is_not_even_sent(page: Page, live_server: Server) -> None:
    sent: list[str] = []
    page.on("request", lambda request: sent.append(request.url))
    page.route(f"{live_server.url}/", _allow_less)
    page.reload()

    choose(page, image("huge.png", seed=31))

    expect(row(page, "huge.png")).to_contain_text(re.compile(r"The image has [0-9,]+ bytes; at most 1,000 are taken\."))
    assert not [url for url in sent if "/api/" in url]


def _allow_less(route: Route) -> None:
    answer = route.fetch()
    route.fulfill(response=answer, body=answer.text().replace('data-max-bytes="1073741824"', 'data-max-bytes="1000"'))


def test_who_is_signed_out_meanwhile_signs_in_elsewhere_and_retries(page: Page, live_server: Server) -> None:
    page.context.clear_cookies()
    choose(page, image("late.png", seed=22))
    expect(row(page, "late.png")).to_contain_text("You are signed out.")

    with page.context.expect_page() as opened_tab:
        page.get_by_role("link", name="Sign in").click()
    sign_in(opened_tab.value, live_server)
    opened_tab.value.wait_for_url(f"{live_server.url}/")
    page.get_by_role("button", name="Retry late.png").click()

    assert is_picture(addresses(page, 1)[0], 22)


def test_copying_puts_the_chosen_form_on_the_clipboard_and_remembers_it(page: Page) -> None:
    choose(page, image("a.png", seed=23), image("b.png", seed=24))
    first, second = addresses(page, 2)

    for form, text in {
        "HTML": f'<img src="{first}" width="64" height="48" alt="">',
        "BBCode": f"[img]{first}[/img]",
        "Link": first,
        "Markdown": f"![]({first})",
    }.items():
        page.locator(".forms label").filter(has_text=form).click()
        page.get_by_role("button", name="Copy a.png").click()
        expect(page.get_by_role("status")).to_have_text("Copied")
        assert clipboard(page) == text
    page.get_by_role("button", name="Copy all").click()
    expect(page.get_by_role("button", name="Copied 2")).to_be_visible()

    assert clipboard(page) == f"![]({first})\n![]({second})"
    page.reload()
    expect(page.get_by_role("radio", name="Markdown", include_hidden=True)).to_be_checked()


def test_copying_works_without_the_clipboard_api(open_page: OpenPage, live_server: Server) -> None:
    page = open_page(script="if (location.pathname === '/') delete Navigator.prototype.clipboard;")
    choose(page, image("plain.png", seed=25))
    [url] = addresses(page, 1)
    assert page.evaluate("navigator.clipboard === undefined")

    page.get_by_role("button", name="Copy plain.png").click()
    expect(page.get_by_role("status")).to_have_text("Copied")

    other = page.context.new_page()
    other.goto(f"{live_server.url}/clients")
    other.bring_to_front()
    assert clipboard(other) == url


def test_options_go_with_the_upload(page: Page) -> None:
    page.locator("summary").click()
    page.get_by_label("Keep them").select_option("7d")

    with page.expect_response("**/api/upload") as answer:
        choose(page, image("for a week.png", seed=26))

    answer.value.finished()
    assert answer.value.json()["expires_at"]


def test_a_file_the_browser_cannot_show_has_its_kind_for_a_preview(page: Page) -> None:
    choose(page, {"name": "IMG_1.HEIC", "mimeType": "image/heic", "buffer": make("heif")})

    [url] = addresses(page, 1)
    assert opened(url).format == "JPEG"
    expect(page.locator(".preview")).to_have_attribute("data-kind", "HEIC")
    expect(page.locator(".preview img")).to_have_count(0)


def test_a_hostile_file_name_is_shown_as_text(page: Page) -> None:
    name = "<img src=x onerror=alert(1)>.png"

    choose(page, image(name, seed=27))

    addresses(page, 1)
    expect(page.locator(".name")).to_have_text(name)
    expect(page.locator(".name img")).to_have_count(0)


def test_clearing_empties_the_list(page: Page) -> None:
    choose(page, image("gone.png", seed=28), {"name": "bad.png", "mimeType": "image/png", "buffer": b"no image"})
    addresses(page, 1)
    expect(page.locator("#list .refused")).to_have_count(1)

    page.get_by_role("button", name="Clear").click()

    expect(page.locator("#list li")).to_have_count(0)
    expect(page.locator("#results")).to_be_hidden()


def test_deleting_asks_first_and_says_when_it_is_gone(page: Page) -> None:
    choose(page, image("delete me.png", seed=29))
    [url] = addresses(page, 1)
    with page.context.expect_page() as opened_tab:
        page.get_by_role("link", name="Delete delete me.png").click()
    tab = opened_tab.value
    expect(tab.get_by_role("img", name="The image that would be deleted")).to_have_js_property("naturalWidth", 64)
    assert is_picture(url, 29)

    tab.get_by_role("button", name="Delete it for good").click()

    expect(tab.get_by_role("heading", name="Deleted")).to_be_visible()
    with pytest.raises(urllib.error.HTTPError, match="404"):
        opened(url)


def test_a_wrong_token_is_refused_and_the_right_one_signs_in(open_page: OpenPage, live_server: Server) -> None:
    page = open_page(signed_in=False)
    assert page.url == f"{live_server.url}/login"
    sign_in(page, live_server, live_server.upload_token)
    expect(page.get_by_role("alert")).to_contain_text("That is not a token that may sign in.")

    sign_in(page, live_server)

    expect(page.get_by_text("Drop images here")).to_be_visible()
    page.get_by_role("button", name="Sign out").click()
    expect(page).to_have_url(f"{live_server.url}/login")


def test_a_client_file_is_downloaded_and_its_token_revoked(open_page: OpenPage, live_server: Server) -> None:
    page = open_page("/clients")
    with page.expect_download() as download:
        page.get_by_role("button", name="Download the .sxcu").click()
    config = json.loads(Path(download.value.path()).read_text(encoding="utf-8"))
    assert config["RequestURL"] == f"{live_server.url}/api/upload"
    page.goto(f"{live_server.url}/settings")
    page.get_by_label("Change ShareX", exact=True).click()

    page.get_by_role("button", name="Revoke ShareX", exact=True).click()

    expect(page.get_by_text("ShareX", exact=True)).to_have_count(0)
    page.goto(live_server.url)
