"""The settings in a real browser, over a real server: without a script, as everything there."""

from playwright.sync_api import expect

from tests.conftest import Server
from tests.e2e.conftest import OpenPage

LIGHT, DARK = "rgb(246, 240, 228)", "rgb(15, 18, 29)"


def test_a_theme_that_was_chosen_stays_whatever_the_system_is(open_page: OpenPage, live_server: Server) -> None:
    page = open_page("/settings", color_scheme="light")
    ground = expect(page.locator("html"))
    ground.to_have_css("background-color", LIGHT)

    page.get_by_role("button", name="Dark").click()

    expect(page.get_by_role("button", name="Dark")).to_have_attribute("aria-pressed", "true")
    page.goto(f"{live_server.url}/login")
    ground.to_have_css("background-color", DARK)
    page.goto(f"{live_server.url}/settings")
    page.get_by_role("button", name="As the system").click()
    expect(page.get_by_role("button", name="As the system")).to_have_attribute("aria-pressed", "true")
    ground.to_have_css("background-color", LIGHT)


def test_a_token_is_made_and_revoked_and_the_doctor_comes_without_a_script(open_page: OpenPage) -> None:
    page = open_page("/settings", java_script_enabled=False)
    page.get_by_text("Make a token").click()
    page.get_by_label("Name").fill("e2e phone")
    page.get_by_role("button", name="Make it").click()
    expect(page.locator(".made code")).to_contain_text("bb_")

    page.get_by_text("Change", exact=True).last.click()
    page.get_by_role("button", name="Revoke e2e phone").click()
    expect(page.get_by_text("e2e phone")).to_have_count(0)
    page.get_by_role("button", name="Run the checks").click(timeout=60_000)

    expect(page.locator(".findings .ok").filter(has_text="public image")).to_be_visible(timeout=60_000)
    expect(page.locator(".findings .fail")).to_have_count(0)
