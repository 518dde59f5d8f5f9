"""The pages for every eye, hand and screen: contrast, keyboard, phones, still pictures, and little to load."""

from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.conftest import Server
from tests.e2e.conftest import OpenPage, image

SCHEMES = ("light", "dark")
PATHS = ("/", "/gallery", "/albums", "/statistics", "/clients", "/settings")
PATHS += ("/docs", "/login", "/nothing/here", "/d/k7Wq3Zpx.png/wrong")
PHONE = {"viewport": {"width": 360, "height": 640}}
MAX_BYTES = 60_000  # the whole first view, uncompressed
BAD = {"name": "bad.png", "mimeType": "image/png", "buffer": b"no image"}

# What WCAG 2.2 says of contrast (1.4.3), for every text that is seen: https://www.w3.org/TR/WCAG22/#contrast-minimum
_CONTRASTS = """() => {
  const channels = (colour) => colour.match(/[\\d.]+/g).map(Number);
  const over = ([r, g, b, a = 1], below) => [r, g, b].map((value, i) => value * a + below[i] * (1 - a));
  const ground = (element) => {
    if (!element) return [255, 255, 255];
    const own = channels(getComputedStyle(element).backgroundColor);
    return own[3] === 0 ? ground(element.parentElement) : over(own, ground(element.parentElement));
  };
  const light = (rgb) => {
    const [r, g, b] = rgb.map((v) => v / 255).map((v) => (v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4));
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  const found = [];
  while (texts.nextNode()) {
    const element = texts.currentNode.parentElement;
    const text = texts.currentNode.data.trim();
    const isSeen = element.checkVisibility({ opacityProperty: true }) && !element.closest(".unseen, :disabled");
    if (!text || !isSeen) continue;
    const below = ground(element);
    const [a, b] = [light(over(channels(getComputedStyle(element).color), below)), light(below)];
    found.push([text, (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05)]);
  }
  return found;
}"""

_SMALL_TARGETS = """() => [...document.querySelectorAll("button, select, summary, input[type=password], nav a, .brand,"
    + " .acts a, .forms label, .check, .drop")]
  .filter((one) => one.checkVisibility())
  .map((one) => [one.textContent.trim() || one.name, one.getBoundingClientRect()])
  .filter(([, box]) => box.height < 44 || box.width < 44)
  .map(([text, box]) => `${text}: ${box.width} x ${box.height}`)"""

_FOCUSED = """() => {
  const one = document.activeElement;
  const shown = one.id === "choose" ? one.closest(".drop") : one.name === "form" ? one.nextElementSibling : one;
  const style = getComputedStyle(shown);
  return { name: one.getAttribute("aria-label") || one.value || one.textContent.trim(),
    isSeen: style.outlineStyle !== "none" && parseFloat(style.outlineWidth) >= 2 };
}"""


def with_rows(page: Page, seed: int) -> Page:
    """Give the page a row that is done, one that was refused and one that the network lost."""
    page.route("**/api/upload", lambda route: route.abort(), times=1)
    page.locator("#choose").set_input_files([image("lost.png", seed=seed)])
    expect(page.locator("#list .refused")).to_have_count(1)
    page.locator("#choose").set_input_files([image("a name as long as a sentence " * 4, seed=seed), BAD])
    expect(page.locator("#list .done")).to_have_count(1)
    expect(page.locator("#list .refused")).to_have_count(2)
    return page


def tab_to(page: Page, name: str) -> None:
    """Press Tab until the focus is on what is called `name`; every stop on the way must be seen."""
    for _ in range(40):
        page.keyboard.press("Tab")
        focused: dict[str, Any] = page.evaluate(_FOCUSED)
        if focused["name"]:
            assert focused["isSeen"], f"the focus on {focused['name']!r} is not seen"
        if focused["name"] == name:
            return
    raise AssertionError(f"Tab never comes to {name!r}")


@pytest.mark.parametrize("scheme", SCHEMES)
def test_every_text_has_contrast_enough(open_page: OpenPage, live_server: Server, scheme: str) -> None:
    page = open_page(color_scheme=scheme, reduced_motion="reduce")
    seen = page.evaluate(_CONTRASTS)
    page.locator("summary").click()
    seen += with_rows(page, 300 + SCHEMES.index(scheme)).evaluate(_CONTRASTS)
    for path in PATHS[1:]:
        page.goto(live_server.url + path)
        seen += page.evaluate(_CONTRASTS)
    other = open_page("/login", signed_in=False, color_scheme=scheme)
    seen += other.evaluate(_CONTRASTS)

    assert len(seen) > 80
    assert [(text, round(ratio, 2)) for text, ratio in seen if ratio < 4.5] == []


def test_the_colours_follow_the_system(open_page: OpenPage) -> None:
    page = open_page("/login", signed_in=False, color_scheme="light")
    colours = "() => ['backgroundColor', 'color'].map((of) => getComputedStyle(document.documentElement)[of])"
    in_light = page.evaluate(colours)

    page.emulate_media(color_scheme="dark")

    in_dark = page.evaluate(colours)
    assert in_light[0] == "rgb(246, 240, 228)"
    assert in_dark[0] == "rgb(15, 18, 29)"
    assert in_light[1] != in_dark[1]


@pytest.mark.parametrize("letters", ["100%", "140%"])  # which letters are wide depends on the machine's fonts
@pytest.mark.parametrize("signed_in", [True, False])
def test_nothing_scrolls_sideways_on_a_phone_and_all_can_be_hit(
    open_page: OpenPage, live_server: Server, signed_in: bool, letters: str
) -> None:
    page = open_page(signed_in=signed_in, **PHONE)
    if signed_in:
        page.locator("summary").click()
        with_rows(page, 310)

    for path in (None, *PATHS):
        if path:
            page.goto(live_server.url + path)
        page.evaluate("(size) => { document.documentElement.style.fontSize = size; }", letters)
        assert page.evaluate("document.documentElement.scrollWidth") == 360, path
        assert page.evaluate(_SMALL_TARGETS) == [], path


def test_all_is_done_by_keyboard_alone(open_page: OpenPage, live_server: Server) -> None:
    page = open_page("/login", signed_in=False)
    expect(page.get_by_label("Your token")).to_be_focused()
    page.keyboard.type(live_server.token)
    page.keyboard.press("Enter")
    page.wait_for_url(f"{live_server.url}/")
    tab_to(page, "Choose images")
    with page.expect_file_chooser() as chooser:
        page.keyboard.press("Enter")
    assert chooser.value.is_multiple()
    chooser.value.set_files([image("typed.png", seed=320)])
    url = page.locator("#list .done .line a").get_attribute("href") or ""

    tab_to(page, "link")
    page.keyboard.press("ArrowRight")
    tab_to(page, "Copy typed.png")
    page.keyboard.press("Enter")

    expect(page.get_by_role("status")).to_have_text("Copied")
    assert page.evaluate("navigator.clipboard.readText()") == f"![]({url})"
    tab_to(page, "Delete typed.png")
    with page.context.expect_page() as opened:
        page.keyboard.press("Enter")
    opened.value.get_by_role("button", name="Delete it for good").focus()
    opened.value.keyboard.press("Enter")
    expect(opened.value.get_by_role("heading", name="Deleted")).to_be_visible()


def test_the_focus_stays_where_the_hand_is_when_an_upload_is_cancelled_and_retried(page: Page) -> None:
    page.route("**/api/upload", lambda route: route.abort(), times=1)
    page.locator("#choose").set_input_files([image("lost.png", seed=330)])
    page.get_by_role("button", name="Retry lost.png").focus()

    page.keyboard.press("Enter")

    expect(page.get_by_role("button", name="Copy lost.png")).to_be_focused()


def test_results_are_told_to_screen_readers(page: Page) -> None:
    with_rows(page, 340)

    expect(page.get_by_role("status")).to_have_text("1 of 3 uploaded, 2 failed")
    expect(page.get_by_role("radiogroup").or_(page.get_by_role("group", name="Copy as"))).to_be_visible()
    assert page.evaluate("[...document.querySelectorAll('button')].every((one) => one.textContent || one.ariaLabel)")


def test_who_wants_no_motion_gets_none(open_page: OpenPage) -> None:
    moving = (
        "() => [...document.querySelectorAll('*')].filter((one) => getComputedStyle(one).transitionDuration !== '0s')"
    )
    page = open_page()
    assert page.evaluate(f"({moving})().length") > 0

    page.emulate_media(reduced_motion="reduce")

    assert page.evaluate(f"({moving})().length") == 0


def test_the_first_view_is_light_and_comes_from_here_alone(page: Page, live_server: Server) -> None:
    answers: set[str] = set()
    page.context.on("response", lambda answer: answers.add(answer.url))

    page.reload(wait_until="networkidle")

    assert {url.rsplit("/", 1)[-1] for url in answers} >= {"bowerbird.css", "upload.js", "send.js", "copy.js"}
    assert all(url.startswith(f"{live_server.url}/") for url in answers)
    assert 10_000 < sum(len(page.request.get(url).body()) for url in answers) < MAX_BYTES


def test_a_deletion_link_works_signed_out_and_without_scripts(open_page: OpenPage, live_server: Server) -> None:
    sender = open_page()
    sender.locator("#choose").set_input_files([image("shared.png", seed=350)])
    path = (sender.locator("#list .done .delete").get_attribute("href") or "").removeprefix(live_server.url)
    page = open_page(path, signed_in=False, java_script_enabled=False)

    page.get_by_role("button", name="Delete it for good").click()

    expect(page.get_by_role("heading", name="Deleted", exact=True)).to_be_visible()
    page.goto(live_server.url + path)
    expect(page.get_by_role("heading", name="Already deleted")).to_be_visible()
