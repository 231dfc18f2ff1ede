"""The whole story for people without scripts, and for people without a mouse."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.journeys import ground, story
from tests.journeys.windows import Windows
from tests.processes import Product

pytestmark = [pytest.mark.journey, pytest.mark.timeout(300)]

POLICY = "Services and permissions"
MOST_STOPS = 60
# What has the focus must be told apart: by an outline or a shadow of its own.
IS_MARKED = """element => {
    const style = getComputedStyle(element);
    return (style.outlineStyle !== "none" && parseFloat(style.outlineWidth) > 0) || style.boxShadow !== "none";
}"""


def test_without_scripts(product: Product, windows: Windows) -> None:
    ground.begin_again(product, enabled=False)
    dana = windows.of("dana", java_script_enabled=False)
    story.to_mail_and_calendar(dana)
    story.flip_the_switch(dana, "Enable")

    alice = windows.of("alice", java_script_enabled=False)
    story.to_microsoft(alice, product)
    story.sign_in_at_microsoft(alice)
    story.accept(alice)
    _look_again_until_connected(alice)
    alice.get_by_role("link", name="Meetings").click()
    alice.get_by_role("link", name="Show my calendar").click()
    expect(alice.get_by_text("Not a Zoom meeting").first).to_be_visible()

    ground.tokens_are_no_longer_new(product)
    product.simulator.control("POST", "people/alice@kestrel.example/expire-all-tokens")
    alice.get_by_role("link", name="Read again").click()
    _look_again_until_lost(alice, product)
    story.panel(alice).get_by_role("button", name="Reconnect").click()
    _look_again_until_connected(alice)
    story.panel(alice).get_by_role("link", name="Delete").click()
    alice.get_by_role("button", name="Delete").click()
    expect(alice.get_by_role("link", name=story.CONFIGURE)).to_be_visible()


def test_settings_without_scripts(product: Product, windows: Windows) -> None:
    dana = windows.of("dana", java_script_enabled=False)
    story.to_mail_and_calendar(dana)
    contacts = dana.get_by_label("People may give permission to write their contacts")

    contacts.uncheck()
    story.press_in_row(dana, POLICY, "Save")
    story.sheet(dana).get_by_label("Reason").fill("Contacts are read only.")
    story.confirm(dana, "Save")
    expect(contacts).not_to_be_checked()
    story.toast(dana).get_by_role("button", name="Undo").click()
    story.confirm(dana, "Use the default")
    expect(contacts).to_be_checked()
    dana.get_by_role("searchbox", name="Search settings").fill("domain")
    dana.keyboard.press("Enter")
    expect(story.row(dana, POLICY)).to_have_count(0)

    dana.goto(f"{product.url}/groups/")
    expect(dana.locator("[data-grip]").first).to_be_hidden()
    dana.get_by_role("button", name="Move Sales up").click()
    expect(story.toast(dana)).to_contain_text("Sales is now P1.")


def test_settings_by_keyboard_alone(product: Product, windows: Windows) -> None:
    """What is locked can be reached and heard; what is not can be changed, and the change left again."""
    alice, dana = windows.of("alice"), windows.of("dana")
    story.to_mail_and_calendar(dana)
    _press(dana, story.row(dana, story.SWITCH).get_by_role("button", name="Lock"))
    expect(story.sheet(dana).get_by_role("heading", name="Review changes")).to_be_focused()
    dana.keyboard.press("Escape")
    expect(story.sheet(dana)).to_be_hidden()
    _press(dana, story.row(dana, story.SWITCH).get_by_role("button", name="Lock"))
    _to(dana, story.sheet(dana).get_by_label("Reason"))
    dana.keyboard.type("By hand.")
    _press(dana, story.sheet(dana).get_by_role("button", name="Lock", exact=True))
    expect(story.row(dana, story.SWITCH)).to_contain_text("Locked here")

    story.to_own_settings(alice, product)
    _press(alice, story.switch(alice), key="Space")
    expect(story.switch(alice)).to_have_attribute("aria-checked", "true")
    expect(story.switch(alice)).to_have_accessible_description(
        re.compile("Locked by Account.*locked at Account by Dana")
    )
    _press(alice, story.row(alice, story.SWITCH).get_by_text("Why this value?"))
    expect(story.row(alice, story.SWITCH).get_by_role("list").get_by_text("locked")).to_be_visible()


def test_by_keyboard_alone(product: Product, windows: Windows) -> None:
    ground.begin_again(product, enabled=False)
    dana = windows.signed_out()
    _sign_in_by_keyboard(dana, product, "dana")
    _press(dana, dana.get_by_role("link", name="Account Settings"))
    _press(dana, dana.get_by_role("link", name="Mail & Calendar"))
    _press(dana, story.switch(dana), key="Space")
    expect(story.sheet(dana).get_by_role("heading", name="Review changes")).to_be_focused()
    _press(dana, story.sheet(dana).get_by_role("button", name="Enable"))
    expect(story.switch(dana)).to_have_attribute("aria-checked", "true")

    alice = windows.signed_out()
    _sign_in_by_keyboard(alice, product, "alice")
    _press(alice, alice.get_by_role("main").get_by_role("link", name=story.CONFIGURE))
    expect(alice).to_have_url(f"{product.url}/profile/#calendar")
    _press(alice, story.panel(alice).get_by_role("link", name=story.CONFIGURE))
    _press(alice, alice.get_by_role("radio", name="Office 365"), key="Space")
    _press(alice, alice.get_by_role("button", name="Next"))
    _press(alice, alice.get_by_role("checkbox", name="Write calendar"), key="Space")
    _press(alice, alice.get_by_role("button", name="Authorize"))
    _to(alice, alice.get_by_label("Password"))
    alice.keyboard.type(story.MICROSOFT_PASSWORD)
    alice.keyboard.press("Enter")
    _press(alice, alice.get_by_role("button", name="Accept"))
    story.is_connected(alice)

    _press(alice, story.panel(alice).get_by_role("button", name="Delete"))
    expect(alice.get_by_role("dialog").get_by_role("button", name="Cancel")).to_be_focused()
    alice.keyboard.press("Escape")
    expect(alice.get_by_role("dialog")).to_be_hidden()
    expect(story.panel(alice).get_by_role("button", name="Delete")).to_be_focused()
    alice.keyboard.press("Enter")
    _press(alice, alice.get_by_role("dialog").get_by_role("button", name="Delete"))
    expect(alice.get_by_role("link", name=story.CONFIGURE)).to_be_visible()


def test_skip_link_leads_past_the_navigation(product: Product, windows: Windows) -> None:
    dana = windows.of("dana")

    dana.keyboard.press("Tab")
    expect(dana.get_by_role("link", name="Skip to content")).to_be_focused()
    expect(dana.get_by_role("link", name="Skip to content")).to_be_in_viewport()
    dana.keyboard.press("Enter")

    expect(dana.get_by_role("main")).to_be_focused()


def _sign_in_by_keyboard(page: Page, product: Product, name: str) -> None:
    page.goto(product.url)
    _to(page, page.get_by_label("E-mail"))
    page.keyboard.type(story.address(name))
    page.keyboard.press("Enter")
    expect(page.get_by_label("Password", exact=True)).to_be_focused()
    page.keyboard.type(story.PORTAL_PASSWORD)
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Meetings")).to_be_visible()


def _press(page: Page, target: Locator, *, key: str = "Enter") -> None:
    _to(page, target)
    page.keyboard.press(key)


def _to(page: Page, target: Locator) -> None:
    """Tab on until the focus is there, and be able to see where it is."""
    expect(target).to_be_visible()
    for _ in range(MOST_STOPS):
        if target.evaluate("element => element === document.activeElement"):
            break
        page.keyboard.press("Tab")
    expect(target).to_be_focused()
    assert target.evaluate(IS_MARKED), "nothing shows where the focus is"


def _look_again_until_connected(page: Page) -> None:
    for _ in range(20):
        if story.badge(page).text_content() == "Connected":
            return
        page.get_by_role("link", name="Look again").click()
        page.wait_for_timeout(500)
    raise AssertionError("it never said that it is connected")


def _look_again_until_lost(page: Page, product: Product) -> None:
    for _ in range(20):
        story.to_profile(page, product)
        if story.badge(page).text_content() == "Authorization lost":
            return
        page.wait_for_timeout(500)
    raise AssertionError("it never said that the authorization is lost")
