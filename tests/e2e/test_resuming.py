"""The upload page with large files: what a lost line, a dead server or a closed page leaves is not sent again."""

import hashlib
import json
import urllib.request
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Page, Request, expect

from tests.conftest import Server
from tests.cutting import write_png
from tests.e2e.test_uploading import addresses, row, throttling

MIB = 1024 * 1024


@pytest.fixture
def noise(tmp_path: Path) -> Path:
    path = tmp_path / "noise.png"
    write_png(path, 240)  # 11 MB
    return path


def choose(page: Page, path: Path) -> None:
    page.locator("#choose").set_input_files(path)


def has_come(server: Server) -> int:
    """Return how many bytes of unfinished uploads the server has."""
    return sum(path.stat().st_size for path in (server.data_dir / "tus").glob("*/*/bytes"))


def wait_for(page: Page, is_so: Callable[[], bool]) -> None:
    """Wait while the browser goes on."""
    for _ in range(600):
        if is_so():
            return
        page.wait_for_timeout(50)
    raise AssertionError("it did not become so")


def is_whole(url: str, path: Path) -> bool:
    with urllib.request.urlopen(url, timeout=30) as answer:
        return hashlib.sha256(answer.read()).digest() == hashlib.sha256(path.read_bytes()).digest()


def offsets(page: Page) -> list[int]:
    """Return where each PATCH of the page begins, as they come."""
    found: list[int] = []

    def note(request: Request) -> None:
        if request.method == "PATCH":
            found.append(int(request.headers["upload-offset"]))

    page.on("request", note)
    return found


def test_a_server_that_is_killed_in_the_midst_costs_the_page_a_moment(
    page: Page, live_server: Server, noise: Path
) -> None:
    began = offsets(page)
    throttle = throttling(page)
    throttle(3 * MIB)
    choose(page, noise)
    wait_for(page, lambda: has_come(live_server) >= 2 * MIB)

    live_server.kill()
    throttle(-1)
    live_server.restart()

    [url] = addresses(page, 1)
    assert is_whole(url, noise)
    assert began[0] == 0
    assert began[-1] >= 2 * MIB


def test_a_page_that_is_loaded_again_goes_on_where_it_was(page: Page, live_server: Server, noise: Path) -> None:
    page.on("dialog", lambda dialog: dialog.accept())
    throttle = throttling(page)
    throttle(3 * MIB)
    choose(page, noise)
    wait_for(page, lambda: has_come(live_server) >= 2 * MIB)

    page.reload()
    throttle(-1)
    began = offsets(page)
    choose(page, noise)

    [url] = addresses(page, 1)
    assert is_whole(url, noise)
    assert began[0] >= 2 * MIB
    assert page.evaluate("Object.keys(localStorage).filter((key) => key.startsWith('tus::'))") == []


def test_what_is_cancelled_is_removed_from_the_server_and_can_be_sent_anew(
    page: Page, live_server: Server, noise: Path
) -> None:
    throttle = throttling(page)
    throttle(1 * MIB)
    choose(page, noise)
    wait_for(page, lambda: has_come(live_server) > 0)

    row(page, "noise.png").get_by_role("button", name="Cancel").click()

    expect(row(page, "noise.png").locator(".line")).to_have_text("Cancelled.")
    throttle(-1)
    wait_for(page, lambda: not list((live_server.data_dir / "tus").glob("*/*/bytes")))
    row(page, "noise.png").get_by_role("button", name="Retry").click()
    assert is_whole(addresses(page, 1)[0], noise)


def test_a_large_file_that_is_no_image_shows_the_servers_sentence(page: Page, tmp_path: Path) -> None:
    path = tmp_path / "notes.png"
    path.write_bytes(b"only words, " * 800_000)

    choose(page, path)

    expect(page.locator("#list .refused .line")).to_contain_text("is not taken; send PNG", timeout=30_000)


def test_what_large_files_need_is_loaded_with_the_first_of_them(page: Page, noise: Path) -> None:
    loaded: list[str] = []
    page.on("request", lambda request: loaded.append(request.url.rpartition("/")[2]))
    page.reload()
    page.wait_for_load_state("networkidle")
    assert "send.js" in loaded
    assert not {"resumable.js", "tus.min.js"} & set(loaded)

    choose(page, noise)

    addresses(page, 1)
    assert {"resumable.js", "tus.min.js"} <= set(loaded)


def test_the_copy_of_tus_js_client_is_that_of_its_package() -> None:
    root = Path(__file__).parent.parent.parent
    package, copy = root / "worker" / "node_modules" / "tus-js-client", root / "app" / "static" / "vendor"

    assert (copy / "tus.min.js").read_bytes() == (package / "dist" / "tus.min.js").read_bytes()
    assert (copy / "tus-js-client.LICENSE").read_bytes() == (package / "LICENSE").read_bytes()
    wanted = json.loads((root / "worker" / "package.json").read_text())
    told = json.loads((package / "package.json").read_text())["version"]
    assert told in json.dumps(wanted)
