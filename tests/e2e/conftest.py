"""A real Chromium over a real server: one browser for all files, one page a test, and no page may complain.

Where Chromium is missing these files are left out, and the end of the run says so in red (tests/conftest.py).
"""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import (
    Browser,
    BrowserContext,
    BrowserType,
    ConsoleMessage,
    Page,
    StorageState,
    sync_playwright,
)

from app import tokens
from app.catalog import Catalog
from tests.conftest import Server
from tests.programs import find
from tests.samples import make

ARGUMENTS = [
    "--no-sandbox",  # the tests may run as root
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]

AXE = Path(__file__).parents[2] / "worker" / "node_modules" / "axe-core" / "axe.min.js"

# How many uploads run at once, counted before the page itself hears that one has ended.
_COUNT_UPLOADS = """
window.running = 0;
window.most = 0;
window.XMLHttpRequest = class extends XMLHttpRequest {
  constructor() {
    super();
    for (const end of ["load", "error", "abort"]) this.addEventListener(end, () => { window.running -= 1; });
  }
  send(body) {
    window.running += 1;
    window.most = Math.max(window.most, window.running);
    super.send(body);
  }
};
"""

# A page in a browser without service workers does what it does without the app around it; test_app.py has them.
_NO_WORKER = "delete Navigator.prototype.serviceWorker;"

OpenPage = Callable[..., Page]


def image(name: str, kind: str = "png", *, seed: int, width: int = 64, height: int = 48) -> dict[str, Any]:
    """Return an image as Playwright gives it to a file input; each seed is another picture."""
    return {"name": name, "mimeType": f"image/{kind}", "buffer": make(kind, width, height, seed=seed)}


def sign_in(page: Page, server: Server, token: str | None = None) -> None:
    """Sign in by hand."""
    page.goto(f"{server.url}/login")
    page.get_by_label("Your token").fill(token or server.token)
    page.get_by_role("button", name="Sign in").click()


def check(page: Page) -> list[str]:
    """Return what axe-core finds that is serious or critical on the page, which is light; and of its colours, the one
    thing that may be worse, when it is dark."""
    page.add_script_tag(path=AXE)
    found = _violations(page, {}, 16)
    page.emulate_media(color_scheme="dark")
    found += _violations(page, {"runOnly": ["color-contrast"]}, 1)
    page.emulate_media(color_scheme="light")
    return found


def _violations(page: Page, options: dict[str, Any], at_least: int) -> list[str]:
    told = page.evaluate("async (options) => axe.run(options)", options)
    assert len(told["passes"]) >= at_least
    bad = [one for one in told["violations"] if one["impact"] in ("serious", "critical")]
    return [f"{page.url}: {one['id']}: {[node['html'][:200] for node in one['nodes']]}" for one in bad]


@pytest.fixture(scope="package")
def browser_type() -> Iterator[BrowserType]:
    with sync_playwright() as playwright:
        yield playwright.chromium


@pytest.fixture(scope="package")
def browser(browser_type: BrowserType) -> Iterator[Browser]:
    browser = browser_type.launch(executable_path=find("chromium"), args=ARGUMENTS)
    yield browser
    browser.close()


@pytest.fixture(scope="module")
def session(live_server: Server) -> StorageState:
    """The cookies of a browser that is signed in, one session a file; it is made in the catalog, for the server lets
    nobody sign in as often as there are files."""
    catalog = Catalog(f"sqlite:///{live_server.data_dir / 'catalog.sqlite3'}")
    owner = catalog.tokens.by_digest(tokens.digest(live_server.token))
    secret, now = tokens.new_token(), datetime.now(UTC)
    catalog.sessions.add(tokens.digest(secret), owner.id, created_at=now, expires_at=now + timedelta(days=1))
    catalog.close()
    cookie = {"name": "bowerbird", "value": secret, "domain": live_server.host, "path": "/", "expires": -1}
    return {"cookies": [{**cookie, "httpOnly": True, "secure": False, "sameSite": "Strict"}], "origins": []}


@pytest.fixture
def open_page(browser: Browser, live_server: Server, session: StorageState) -> Iterator[OpenPage]:
    """Open pages in contexts of their own; at the end none of them may have logged an error or broken its policy."""
    contexts: list[BrowserContext] = []
    complaints: list[str] = []

    def note(message: ConsoleMessage) -> None:
        # That an upload was refused is what some tests are about, and Chromium always logs it.
        if message.type in ("error", "warning") and not message.text.startswith("Failed to load resource"):
            complaints.append(message.text)

    def make_page(
        path: str = "/", *, signed_in: bool = True, worker: bool = False, script: str = "", **options: Any
    ) -> Page:
        context = browser.new_context(storage_state=session if signed_in else None, **options)
        contexts.append(context)
        context.set_default_timeout(15_000)
        context.grant_permissions(["clipboard-read", "clipboard-write"], origin=live_server.url)
        context.add_init_script(_COUNT_UPLOADS + ("" if worker else _NO_WORKER) + script)
        context.on("console", note)
        context.on("weberror", lambda error: complaints.append(str(error.error)))
        page = context.new_page()
        page.on("filechooser", lambda chooser: None)  # Chromium tells of choosers only once it knows that one listens
        page.goto(f"{live_server.url}{path}")
        return page

    yield make_page
    for context in contexts:
        context.close()
    assert not complaints


@pytest.fixture
def page(open_page: OpenPage) -> Page:
    """The upload page, signed in."""
    return open_page()
