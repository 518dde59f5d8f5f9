"""The app's icons, app/static/icon-*.png, drawn from bowerbird.svg by Chromium: `python -m tests.icons` writes them."""

import io
import re
from pathlib import Path

from PIL import Image
from playwright.sync_api import Page, sync_playwright

from tests.programs import find

STATIC = Path(__file__).parent.parent / "app" / "static"
BLUE = "#1d3f8f"
COLOURS = 48  # with these no edge shows steps, and an icon has a few kilobytes
# Name: its size in pixels, and whether it fills its square. What a phone cuts its own shape out of has what matters
# within a circle of 80 %: https://www.w3.org/TR/appmanifest/#icon-masks
ICONS = {"icon-180": (180, True), "icon-192": (192, False), "icon-512": (512, False), "icon-maskable": (512, True)}


def draw(page: Page, size: int, *, fills: bool) -> Image.Image:
    """Return the icon in `size` pixels as Chromium draws it."""
    source = (STATIC / "bowerbird.svg").read_text(encoding="utf-8")
    if fills:
        inner = re.sub(r"^<svg[^>]*>|</svg>\s*$", "", source)
        source = (
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 32 32"><rect width="32" height="32" fill="{BLUE}"/>'
            f'<g transform="translate(1.6 1.6) scale(.9)">{inner}</g></svg>'
        )
    page.set_viewport_size({"width": size, "height": size})
    page.set_content(f"<style>*{{margin:0}}svg{{display:block;width:{size}px;height:{size}px}}</style>{source}")
    return Image.open(io.BytesIO(page.screenshot(omit_background=True)))


def main() -> None:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=find("chromium"), args=["--no-sandbox"])
        page = browser.new_page()
        for name, (size, fills) in ICONS.items():
            icon = draw(page, size, fills=fills)
            if fills:
                icon = icon.convert("RGB")
            icon.quantize(COLOURS, method=Image.Quantize.FASTOCTREE).save(STATIC / f"{name}.png", optimize=True)
        browser.close()


if __name__ == "__main__":
    main()
