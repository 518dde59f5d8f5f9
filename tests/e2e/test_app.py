"""The installed app: it opens without a connection, keeps what it is given, and sends each file once."""

import base64
import json
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
from flask import Flask
from PIL import Image, ImageChops
from playwright.sync_api import BrowserContext, BrowserType, Dialog, Locator, Page, StorageState, expect
from werkzeug.serving import make_server

from app.web import installable
from tests.conftest import OWNER, Server
from tests.e2e.conftest import ARGUMENTS, OpenPage, check, image, sign_in
from tests.icons import ICONS, STATIC, draw
from tests.programs import find
from tests.samples import make

WAITING = "Waiting for a connection"
expect.set_options(timeout=20_000)  # a browser and its worker on a busy machine

# What Android does with a share, and what another site may try: a form sent by POST.
_SEND_FORM = """([action, file, words]) => {
  const form = document.createElement("form");
  Object.assign(form, { method: "post", enctype: "multipart/form-data", action });
  const add = (values) => form.append(Object.assign(document.createElement("input"), values));
  for (const [name, value] of Object.entries(words)) add({ type: "hidden", name, value });
  if (file) {
    const given = new DataTransfer();
    const bytes = Uint8Array.from(atob(file), (letter) => letter.charCodeAt(0));
    for (const name of ["files", "file"]) {
      given.items.clear();
      given.items.add(new File([bytes], "shared.png", { type: "image/png" }));
      add({ type: "file", name, files: given.files });
    }
  }
  document.body.append(form);
  form.submit();
}"""

# Whether a service worker is in charge of the page, once it has taken charge of what it can.
_IN_CHARGE = """() => Promise.race([
  navigator.serviceWorker.ready.then(({ active }) => new Promise((resolve) => {
    const look = () => { if (active.state === "activated") resolve(Boolean(navigator.serviceWorker.controller)); };
    active.addEventListener("statechange", look);
    look();
  })),
  new Promise((_, reject) => setTimeout(reject, 60000, new Error("no service worker within a minute"))),
])"""


@pytest.fixture
def page(open_page: OpenPage) -> Page:
    """The upload page, signed in, with its service worker."""
    return ready(open_page(worker=True))


@pytest.fixture
def start_browser(
    browser_type: BrowserType, live_server: Server, session: StorageState, tmp_path: Path
) -> Iterator[Callable[..., BrowserContext]]:
    """Start a browser of its own over one profile, signed in; a second start ends the first one."""
    open_now: list[BrowserContext] = []

    def start(**options: Any) -> BrowserContext:
        while open_now:
            open_now.pop().close()
        context = browser_type.launch_persistent_context(
            tmp_path / "profile", executable_path=find("chromium"), args=ARGUMENTS, **options
        )
        context.add_cookies(session["cookies"])  # type: ignore[arg-type]
        open_now.append(context)
        return context

    yield start
    for context in open_now:
        context.close()


@pytest.fixture
def served_app(make_app: Callable[..., Flask]) -> Iterator[tuple[Flask, str]]:
    """An app that can become another version while a browser looks, and its address."""
    app = make_app()
    server = make_server("127.0.0.1", 0, app, threaded=True)
    thread = Thread(target=server.serve_forever)
    thread.start()
    yield app, f"http://127.0.0.1:{server.port}"
    server.shutdown()
    thread.join()
    server.server_close()


def ready(page: Page) -> Page:
    """Return the page once the service worker is in charge of it. A page that is on its way when the worker takes
    charge of all there are is left out, for as long as it stands."""
    if not page.evaluate(_IN_CHARGE):
        page.reload()
    assert page.evaluate(_IN_CHARGE)
    return page


def choose(page: Page, name: str, seed: int) -> None:
    page.locator("#choose").set_input_files([image(name, seed=seed)])


def keep(page: Page, name: str, seed: int) -> None:
    """Go offline and choose an image, which is kept."""
    page.context.set_offline(True)
    choose(page, name, seed)
    expect(row(page, name)).to_contain_text(WAITING)


def row(page: Page, name: str) -> Locator:
    return page.locator("#list li").filter(has_text=name)


def share(page: Page, **words: str) -> None:
    """Share an image with the app, or only words."""
    file = None if words else base64.b64encode(make("png", seed=811)).decode()
    page.evaluate(_SEND_FORM, ["/share", file, words])


def stored(server: Server, name: str) -> list[dict[str, Any]]:
    """Return what the server has of a file of this name."""
    request = urllib.request.Request(f"{server.url}/api/uploads?q={name}")
    request.add_header("Authorization", f"Bearer {server.token}")
    with urllib.request.urlopen(request, timeout=10) as answer:
        return json.load(answer)["uploads"]


def is_sent_once(server: Server, name: str) -> bool:
    """Whether the server has one file of this name, and was sent it once: a repeat is answered, and logged, too."""
    [upload] = stored(server, name)
    lines = (server.data_dir.parent / f"{server.data_dir.name}.log").read_text().splitlines()
    sent = [line for line in lines if '"uploaded"' in line and upload["key"] in line]
    assert len(sent) == 1, sent
    return True


def test_the_browser_offers_to_install_it(start_browser: Callable[..., BrowserContext], live_server: Server) -> None:
    page = start_browser().new_page()
    page.goto(live_server.url)
    ready(page)
    browser = page.context.new_cdp_session(page)

    found = browser.send("Page.getAppManifest")

    assert found["errors"] == []
    assert found["url"] == f"{live_server.url}/manifest.webmanifest"
    assert browser.send("Page.getInstallabilityErrors") == {"installabilityErrors": []}
    assert found["manifest"]["shareTarget"]["action"] == f"{live_server.url}/share"


def test_the_icons_are_what_their_source_draws(open_page: OpenPage) -> None:
    page = open_page("/login", signed_in=False, bypass_csp=True)

    for name, (size, fills) in ICONS.items():
        with Image.open(STATIC / f"{name}.png") as kept:
            shown = [
                Image.alpha_composite(Image.new("RGBA", (size, size), "white"), one.convert("RGBA"))
                for one in (kept, draw(page, size, fills=fills))
            ]
        difference = ImageChops.difference(*shown).convert("L").histogram()
        assert sum(difference[40:]) < size * size / 100, name


def test_it_opens_without_a_connection(page: Page, live_server: Server) -> None:
    page.context.set_offline(True)

    page.reload()

    expect(page.get_by_text("Drop images here")).to_be_visible()
    expect(page.locator("html")).to_have_css("background-color", "rgb(246, 240, 228)")
    assert page.locator("meta[name=csrf-token]").get_attribute("content") == ""
    expect(page.get_by_role("button", name="Sign out")).to_have_count(0)
    page.goto(f"{live_server.url}/gallery")
    expect(page.get_by_role("heading", name="No connection")).to_be_visible()
    assert page.evaluate("caches.keys().then((names) => names.length)") == 1
    paths = page.evaluate(
        "caches.keys().then(([name]) => caches.open(name)).then((cache) => cache.keys())"
        ".then((all) => all.map((one) => new URL(one.url).pathname))"
    )
    assert all(path.startswith(("/static/", "/shell/")) for path in paths)


def test_what_is_dropped_offline_outlives_the_browser_and_is_sent_once(
    start_browser: Callable[..., BrowserContext], live_server: Server
) -> None:
    page = start_browser().new_page()
    page.goto(live_server.url)
    keep(ready(page), "offline1.png", 801)
    page.reload()
    expect(row(page, "offline1.png")).to_contain_text(WAITING)
    expect(page.locator("#summary")).to_have_text("0 of 1 uploaded, 1 waiting for a connection")

    page = start_browser(offline=True).new_page()
    page.goto(live_server.url)
    expect(row(page, "offline1.png")).to_be_visible()
    page.context.set_offline(False)

    expect(row(page, "offline1.png")).to_have_class("done")
    assert is_sent_once(live_server, "offline1")
    page.reload()
    expect(page.locator("#list li")).to_have_count(0)


def test_the_worker_sends_it_when_the_page_is_closed_and_the_next_page_shows_where(
    page: Page, live_server: Server
) -> None:
    blank = page.context.new_page()
    browser = page.context.new_cdp_session(blank)
    workers: list[dict[str, Any]] = []
    browser.on("ServiceWorker.workerRegistrationUpdated", lambda told: workers.extend(told["registrations"]))
    browser.send("ServiceWorker.enable")
    keep(page, "background.png", 802)
    page.close()
    blank.context.set_offline(False)

    sync = {"registrationId": workers[0]["registrationId"], "tag": "outbox", "lastChance": True}
    browser.send("ServiceWorker.dispatchSyncEvent", {"origin": live_server.url, **sync})
    for _ in range(300):
        if stored(live_server, "background"):
            break
        blank.wait_for_timeout(100)

    blank.goto(live_server.url)
    expect(row(blank, "background.png")).to_have_class("done")
    assert is_sent_once(live_server, "background")


def test_two_windows_send_it_once_and_both_show_it(page: Page, live_server: Server) -> None:
    keep(page, "windows.png", 803)
    other = page.context.new_page()
    other.goto(live_server.url)
    expect(row(other, "windows.png")).to_contain_text(WAITING)

    page.context.set_offline(False)

    for window in (page, other):
        expect(row(window, "windows.png")).to_have_class("done")
    assert is_sent_once(live_server, "windows")


def test_a_try_that_found_no_connection_is_repeated_under_the_same_key(page: Page, live_server: Server) -> None:
    keys: list[str | None] = []
    page.on("request", lambda one: keys.append(one.headers.get("idempotency-key")) if "/api/" in one.url else None)
    page.route("**/api/upload", lambda route: route.abort(), times=1)
    choose(page, "lost.png", 804)
    expect(row(page, "lost.png")).to_contain_text(WAITING)

    page.get_by_role("button", name="Retry lost.png").click()

    expect(row(page, "lost.png")).to_have_class("done")
    assert len(keys) == 2 and len(set(keys)) == 1 and keys[0]


def test_what_waits_can_be_removed(page: Page, live_server: Server) -> None:
    keep(page, "removed.png", 805)

    page.get_by_role("button", name="Remove removed.png").click()

    expect(page.locator("#list li")).to_have_count(0)
    page.reload()
    page.context.set_offline(False)
    expect(page.locator("#list li")).to_have_count(0)
    assert stored(live_server, "removed") == []


def test_without_room_on_the_device_the_page_says_so(page: Page, live_server: Server) -> None:
    browser = page.context.new_cdp_session(page)
    browser.send("Storage.overrideQuotaForOrigin", {"origin": live_server.url, "quotaSize": 1})
    page.context.set_offline(True)

    choose(page, "full.png", 806)

    expect(row(page, "full.png")).to_contain_text("This device has no room left to keep the image.")


def test_who_is_signed_out_keeps_the_files_and_is_told(page: Page, live_server: Server, session: StorageState) -> None:
    keep(page, "later.png", 807)
    page.context.clear_cookies()
    page.context.set_offline(False)
    expect(row(page, "later.png")).to_contain_text("You are signed out. Sign in")

    page.goto(live_server.url)

    expect(page).to_have_url(f"{live_server.url}/login")
    expect(page.locator("#waiting")).to_contain_text("Images that wait on this device to be sent: 1")
    page.context.add_cookies(session["cookies"])  # type: ignore[arg-type]
    page.goto(live_server.url)
    expect(row(page, "later.png")).to_have_class("done")
    assert is_sent_once(live_server, "later")


def test_signing_out_asks_first_and_empties_the_device(open_page: OpenPage, live_server: Server) -> None:
    page = open_page("/login", worker=True, signed_in=False)
    sign_in(page, live_server)
    page.wait_for_url(f"{live_server.url}/")
    share(ready(page))
    expect(row(page, "shared.png").first).to_be_visible()
    asked: list[str] = []

    def reply(dialog: Dialog) -> None:
        asked.append(dialog.message)
        dialog.accept() if len(asked) > 1 else dialog.dismiss()

    page.on("dialog", reply)
    with page.expect_event("dialog"):
        page.get_by_role("button", name="Sign out").click()
    expect(page.get_by_role("button", name="Upload 1 shared")).to_be_visible()

    page.get_by_role("button", name="Sign out").click()

    expect(page).to_have_url(f"{live_server.url}/login")
    expect(page.locator("#waiting")).to_be_hidden()
    assert asked == ["Signing out removes from this device what was not sent yet. Images that wait: 1"] * 2
    assert page.evaluate("import('/static/outbox.js').then((outbox) => outbox.waiting())") == 0


def test_what_another_app_shares_is_uploaded_after_a_click(page: Page, live_server: Server) -> None:
    share(page)
    expect(row(page, "shared.png")).to_contain_text("shared with this app")
    page.locator("summary").click()
    page.get_by_label("Keep them").select_option("7d")

    with page.expect_response("**/api/upload") as answer:
        page.get_by_role("button", name="Upload 1 shared").click()

    assert answer.value.json()["expires_at"]
    expect(row(page, "shared.png")).to_have_class("done")


def test_a_shared_address_goes_on_to_the_page_and_nothing_is_told_as_nothing(page: Page, live_server: Server) -> None:
    share(page, text="Look at https://example.com/cat.png?a=1&b=2 there", title="Cat")
    page.wait_for_url(f"{live_server.url}/?url=https%3A%2F%2Fexample.com%2Fcat.png%3Fa%3D1%26b%3D2")

    share(page, text="only words")

    expect(page.get_by_role("alert")).to_contain_text("There was no image and no address in what was shared.")


@pytest.mark.parametrize("worker", [True, False])
def test_a_form_of_another_site_uploads_nothing(open_page: OpenPage, live_server: Server, worker: bool) -> None:
    page = open_page(worker=worker)
    if worker:
        ready(page)
    before = len(stored(live_server, "shared"))
    sent: list[str] = []
    page.context.on("request", lambda request: sent.append(request.url))
    page.context.route("http://evil.test/", lambda route: route.fulfill(body="<p>evil", content_type="text/html"))
    file = base64.b64encode(make("png", seed=812)).decode()

    for path in ("/share", "/api/upload"):
        evil = page.context.new_page()  # one each: what a service worker redirects may arrive late
        evil.goto("http://evil.test/")
        evil.evaluate(_SEND_FORM, [f"{live_server.url}{path}", file, {}])
        evil.wait_for_url(f"{live_server.url}/**")
    page.goto(live_server.url)

    expect(page.locator("#list li")).to_have_count(1 if worker else 0)
    if worker:
        expect(row(page, "shared.png")).to_contain_text("shared with this app")
    assert sent.count(f"{live_server.url}/api/upload") == 1  # the forged one
    assert len(stored(live_server, "shared")) == before


def test_after_a_deploy_the_new_version_opens_also_offline(
    open_page: OpenPage, served_app: tuple[Flask, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    app, url = served_app
    page = open_page("/login", worker=True, signed_in=False)
    page.goto(f"{url}/login")
    page.get_by_label("Your token").fill(OWNER)
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_url(f"{url}/")
    ready(page)
    other = page.context.new_page()
    other.goto(url)
    monkeypatch.setattr(installable, "__version__", "9.9.9")
    app.jinja_env.globals["version"] = "9.9.9"
    del app.extensions[installable.KEPT_AS]

    page.reload()

    expect(page.locator("footer")).to_contain_text("Bowerbird 9.9.9")
    expect(other.locator("#renewed")).to_be_visible()
    expect(page.locator("#renewed")).to_be_hidden()
    page.context.set_offline(True)
    other.reload()
    expect(other.locator("footer")).to_contain_text("Bowerbird 9.9.9")
    assert page.evaluate("caches.keys().then((names) => names.length)") == 1


def test_axe_finds_nothing_serious(open_page: OpenPage, live_server: Server) -> None:
    page = ready(open_page(worker=True, color_scheme="light", bypass_csp=True, reduced_motion="reduce"))
    share(page)
    expect(row(page, "shared.png")).to_be_visible()
    keep(page, "axe.png", 808)
    found = check(page)
    page.goto(f"{live_server.url}/gallery")
    expect(page.get_by_role("heading", name="No connection")).to_be_visible()
    found += check(page)
    page.context.clear_cookies()
    page.context.set_offline(False)
    page.goto(f"{live_server.url}/login")
    expect(page.locator("#waiting")).to_be_visible()
    found += check(page)

    assert found == []
