"""The gallery in a real browser: the endless list, selecting, keys, no script at all, little to load, and axe-core."""

import urllib.request
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Locator, Page, expect

from app.catalog import Catalog
from app.web.view import PAGE
from tests.conftest import Server
from tests.e2e.conftest import OpenPage, check
from tests.samples import make

COUNT = PAGE + 12  # a page and a bit
MAX_BYTES = 100_000  # the first view without its images, uncompressed
NOW = datetime(2026, 11, 25, tzinfo=UTC)


@pytest.fixture(scope="module")
def names(live_server: Server) -> str:
    """Upload COUNT small images with the tag `scrolled`, the tag of this file alone, and return a search for them."""
    for start in range(0, COUNT, 20):
        files = [(f"Shot {number:02}.png", number) for number in range(start, min(start + 20, COUNT))]
        body = b"".join(
            f'--b\r\nContent-Disposition: form-data; name="file"; filename="{name}"\r\n\r\n'.encode()
            + make("png", 48, 32 + number % 5 * 8, seed=9000 + number)
            + b"\r\n"
            for name, number in files
        )
        headers = {
            "Authorization": f"Bearer {live_server.upload_token}",
            "Content-Type": "multipart/form-data; boundary=b",
        }
        address = f"{live_server.url}/api/upload?tags=scrolled"
        urllib.request.urlopen(urllib.request.Request(address, body + b"--b--\r\n", headers)).close()
    return "/gallery?tag=scrolled"


@pytest.fixture
def catalog(live_server: Server) -> Any:
    found = Catalog(f"sqlite:///{live_server.data_dir / 'catalog.sqlite3'}")
    yield found
    found.close()


def tiles(page: Page) -> Any:
    return page.locator("#tiles > li")


def name_of(tile: Locator) -> str:
    return (tile.locator("input").get_attribute("aria-label") or "").removeprefix("Select ")


def test_the_list_goes_on_while_it_is_scrolled(open_page: OpenPage, names: str) -> None:
    page = open_page(names)
    expect(tiles(page)).to_have_count(PAGE)

    page.keyboard.press("End")
    page.mouse.wheel(0, 20_000)

    expect(tiles(page)).to_have_count(COUNT)
    expect(page.locator("#loaded")).to_have_text(f"12 more images, {COUNT} in all: these are all")
    assert len(set(tiles(page).evaluate_all("(all) => all.map((one) => one.dataset.key)"))) == COUNT
    expect(page.get_by_role("link", name="More")).to_have_count(0)
    page.mouse.wheel(0, 20_000)
    page.wait_for_url("**/gallery?tag=scrolled&cursor=*")


def test_without_a_script_it_is_seen_paged_selected_and_deleted(open_page: OpenPage, names: str) -> None:
    page = open_page(names, java_script_enabled=False)
    expect(tiles(page)).to_have_count(PAGE)
    page.get_by_role("link", name="More").click()
    before = tiles(page).count()
    name = name_of(tiles(page).first)
    page.get_by_role("link", name=name).click()
    expect(page.get_by_role("heading", name=name)).to_be_visible()
    page.go_back()

    page.get_by_label(f"Select {name}").check()
    page.get_by_role("button", name="Delete…").click()
    expect(page.get_by_role("heading", name="Delete this image?")).to_be_visible()
    page.get_by_role("button", name="Delete for good").click()

    expect(page.locator("#status")).to_have_text("1 image deleted")
    expect(tiles(page)).to_have_count(before - 1)


def test_many_are_selected_by_shift_tagged_and_deleted(open_page: OpenPage, names: str) -> None:
    page = open_page(names)
    tiles(page).nth(0).hover()
    boxes = page.locator("input[name=key]")
    boxes.nth(0).check()
    boxes.nth(3).click(modifiers=["Shift"])
    expect(page.locator("#count")).to_have_text("4 selected")
    boxes.nth(2).click()
    tiles(page).nth(5).click()  # an image is selected by a click, now that some are
    expect(page.locator("#count")).to_have_text("4 selected")

    page.get_by_text("Tags", exact=True).click()
    page.get_by_label("Tags, with commas").fill("picked")
    page.get_by_role("button", name="Add").click()
    expect(page.locator("#status")).to_have_text("4 images tagged")
    page.goto(page.url.replace("tag=scrolled", "tag=picked"))
    page.locator("input[name=key]").nth(0).focus()
    page.keyboard.press("Space")
    page.get_by_role("button", name="Delete…").click()
    page.get_by_role("button", name="Keep").click()
    expect(tiles(page)).to_have_count(4)
    page.get_by_role("button", name="Delete…").click()
    page.get_by_role("button", name="Delete for good").click()

    expect(page.locator("#status")).to_have_text("1 image deleted")
    expect(tiles(page)).to_have_count(3)


def test_all_is_done_by_keys(open_page: OpenPage, names: str) -> None:
    page = open_page(names)
    page.keyboard.press("ArrowRight")
    expect(tiles(page).nth(0).locator("a")).to_be_focused()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Space")
    page.keyboard.press("ArrowDown")
    assert page.evaluate("document.activeElement.getBoundingClientRect().top") > tiles(page).nth(1).bounding_box()["y"]
    page.keyboard.press("ArrowUp")
    page.keyboard.press("Shift+Space")
    chosen = page.locator("input[name=key]:checked")
    assert chosen.count() >= 1
    page.keyboard.press("Escape")
    expect(chosen).to_have_count(0)

    page.keyboard.press("Delete")
    expect(page.get_by_role("dialog", name="Delete this image?")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_have_count(0)
    expect(tiles(page).nth(0)).to_be_visible()
    page.keyboard.press("Escape")
    page.keyboard.press("/")
    expect(page.get_by_label("Search")).to_be_focused()
    name = name_of(tiles(page).last)
    page.keyboard.type(name.lower())
    page.keyboard.press("Enter")
    expect(tiles(page)).to_have_count(1)
    page.wait_for_load_state()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Enter")

    expect(page.get_by_role("heading", name=name)).to_be_visible()


def test_links_are_copied_and_a_zip_is_downloaded(open_page: OpenPage, names: str) -> None:
    page = open_page(names)
    page.locator("input[name=key]").nth(0).check(force=True)
    page.locator("input[name=key]").nth(1).check(force=True)
    urls = tiles(page).evaluate_all("(all) => all.slice(0, 2).map((one) => one.dataset.url)")

    page.get_by_text("Copy", exact=True).click()
    page.get_by_role("button", name="Markdown").click()
    expect(page.locator("#status")).to_have_text("Copied 2")
    assert page.evaluate("navigator.clipboard.readText()") == "\n".join(f"![]({url})" for url in urls)
    with page.expect_download() as download:
        page.get_by_role("button", name="Download").click()
    assert download.value.suggested_filename.startswith("bowerbird-")
    assert Path(download.value.path()).read_bytes()[:4] == b"PK\x03\x04"


def test_an_image_is_replaced_under_its_address(open_page: OpenPage, live_server: Server, names: str) -> None:
    page = open_page(names)
    tiles(page).last.get_by_role("link").click()
    url = page.get_by_label("Link", exact=True).input_value()
    file = page.get_by_label("Another image/png")
    button = page.get_by_role("button", name="Replace")

    file.set_input_files({"name": "new.gif", "mimeType": "image/gif", "buffer": make("gif")})
    button.click()
    expect(page.locator("#replace [role=status]")).to_contain_text("the address is that of image/png")
    file.set_input_files({"name": "new.png", "mimeType": "image/png", "buffer": make("png", 90, 70, seed=1)})
    button.click()

    expect(page.get_by_text("90 × 70")).to_be_visible()
    assert page.request.get(url).body() == make("png", 90, 70, seed=1)


def test_a_thumbnail_that_is_made_meanwhile_comes_by_itself(open_page: OpenPage, names: str) -> None:
    page = open_page(names)

    expect(page.locator("#tiles > li[data-due]")).to_have_count(0, timeout=30_000)

    assert "/t/" in (tiles(page).first.locator("img").get_attribute("src") or "")


def test_the_first_view_is_light(open_page: OpenPage, names: str, live_server: Server) -> None:
    page = open_page(names)
    answers: set[tuple[str, str]] = set()
    page.context.on("response", lambda answer: answers.add((answer.url, answer.request.resource_type)))

    page.reload(wait_until="networkidle")

    assert all(url.startswith(f"{live_server.url}/") for url, _ in answers)
    first = {url for url, kind in answers if kind in ("document", "script", "stylesheet")}
    assert {url.rsplit("/", 1)[-1] for url in first} >= {"gallery.css", "gallery.js", "blurhash.js"}
    assert 40_000 < sum(len(page.request.get(url).body()) for url in first) < MAX_BYTES


def test_all_fits_a_phone_whatever_the_albums_are_called(
    open_page: OpenPage, live_server: Server, names: str, catalog: Catalog
) -> None:
    name = "Bugs and screenshots of the long winter of the year 2026"
    album = catalog.albums.named(name) or catalog.albums.make(name, now=NOW)
    page = open_page(names, viewport={"width": 360, "height": 640})
    chip = page.locator(".chips a.album", has_text=name)
    width = "document.documentElement.scrollWidth"
    page.locator("input[name=key]").nth(0).check(force=True)
    page.get_by_text("Album", exact=True).click()

    assert page.evaluate(width) == 360
    page.goto(f"{live_server.url}/gallery/{tiles(page).first.get_attribute('data-key')}")
    assert page.evaluate(width) == 360
    page.goto(f"{live_server.url}/gallery?album={album.id}")
    assert chip.evaluate("(one) => getComputedStyle(one).display") == "block"  # else its name is cut at both ends


def test_axe_finds_nothing_serious(open_page: OpenPage, live_server: Server, names: str, catalog: Catalog) -> None:
    page = open_page(names, color_scheme="light", bypass_csp=True, reduced_motion="reduce")
    album = catalog.albums.named("Axe") or catalog.albums.make("Axe", now=NOW)
    key = tiles(page).first.get_attribute("data-key") or ""
    catalog.albums.put_in(album.id, [key])
    catalog.albums.share(album.id, "axe-" + "s" * 20, until=None)
    name = name_of(tiles(page).first)
    found = check(page)
    page.goto(f"{live_server.url}{names}&q={name.removeprefix('Shot ')[:2]}")  # a tile is like the other
    page.locator("input[name=key]").nth(0).check(force=True)
    page.get_by_text("Album", exact=True).click()
    page.locator("#help summary").click()
    found += check(page)
    page.get_by_role("button", name="Delete…").click()
    found += check(page)
    for path in (f"/gallery/{key}", "/albums", "/a/axe-" + "s" * 20, "/gallery?q=type:doc", "/gallery?q=nothing"):
        page.goto(live_server.url + path)
        for summary in page.locator("main details:not([open]) > summary").all():
            if summary.is_visible():
                summary.click()
        found += check(page)

    assert found == []
