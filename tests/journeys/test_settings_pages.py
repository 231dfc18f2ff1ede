"""Finding a setting, reading why it is what it is, changing it, and taking that back."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Page, expect

from tests.journeys import story
from tests.journeys.windows import Windows
from tests.processes import Product

pytestmark = [pytest.mark.journey, pytest.mark.timeout(300)]

GRACE = "Forget blocked connections after"
DOMAINS = "Restrict calendar and contacts integration by domain"
POLICY = "Services and permissions"
COLOUR = "element => getComputedStyle(element).backgroundColor"


def test_what_harms_nobody_is_saved_at_once_and_undone(product: Product, windows: Windows) -> None:
    dana = windows.of("dana")
    story.to_mail_and_calendar(dana)
    days = story.row(dana, GRACE).get_by_role("spinbutton")
    expect(days).to_have_value("7")

    _choose_days(dana, "3")
    expect(story.toast(dana)).to_contain_text(f"“{GRACE}” is now After 3 days.")
    expect(days).to_have_value("3")
    story.toast(dana).get_by_role("button", name="Undo").click()
    expect(story.toast(dana)).to_contain_text("is inherited again")
    expect(days).to_have_value("7")
    expect(story.row(dana, GRACE)).to_contain_text("Meridian’s default")

    _choose_days(dana, "0")
    expect(story.row(dana, GRACE)).to_contain_text("At once, chosen here by Dana")
    recent = dana.get_by_role("region", name="Recent changes")
    expect(recent.get_by_role("row").nth(1)).to_contain_text("At once")
    recent.get_by_role("button", name=f"Undo {GRACE}").click()
    expect(days).to_have_value("7")


def test_undo_of_what_can_disconnect_is_reviewed_too(product: Product, windows: Windows) -> None:
    alice, dana = windows.of("alice"), windows.of("dana")
    story.to_mail_and_calendar(dana)
    story.flip_the_switch(dana, "Disable")
    story.toast(dana).get_by_role("button", name="Undo").click()
    story.confirm(dana, "Enable")
    expect(story.switch(dana)).to_have_attribute("aria-checked", "true")
    story.connect(alice, product)

    dana.get_by_role("region", name="Recent changes").get_by_role("button", name=f"Undo {story.SWITCH}").click()

    expect(story.sheet(dana)).to_contain_text("1 connection will be blocked at once.")
    dana.keyboard.press("Escape")
    expect(story.switch(dana)).to_have_attribute("aria-checked", "true")


def test_searching_filtering_and_linking_to_a_row(product: Product, windows: Windows) -> None:
    dana = windows.of("dana")
    dana.goto(f"{product.url}/account/settings/mail-calendar/")  # and waits for the script, without which a key is lost
    main = dana.get_by_role("main")

    dana.keyboard.press("/")
    expect(dana.get_by_role("searchbox", name="Search settings")).to_be_focused()
    dana.keyboard.type("sub-domains")
    dana.keyboard.press("Enter")
    expect(main.get_by_role("article")).to_have_count(1)
    expect(story.row(dana, DOMAINS)).to_be_visible()
    dana.get_by_role("searchbox", name="Search settings").fill("no setting is called like this")
    dana.keyboard.press("Enter")
    expect(main).to_contain_text("No setting matches")
    main.get_by_role("link", name="Show all").click()

    story.press_in_row(dana, POLICY, "Lock")
    story.confirm(dana, "Lock")
    main.get_by_role("navigation", name="Show").get_by_role("link", name=re.compile("^Locked")).click()
    expect(main.get_by_role("article")).to_have_count(1)
    expect(story.row(dana, POLICY)).to_contain_text("Locked here")

    dana.goto(f"{product.url}/account/settings/?setting=integrations.domains")
    expect(dana).to_have_url(re.compile("#setting-domains$"))
    expect(story.row(dana, DOMAINS)).to_be_in_viewport()
    assert story.row(dana, DOMAINS).evaluate(COLOUR) != story.row(dana, GRACE).evaluate(COLOUR)


def test_the_sentence_leads_to_who_decided(product: Product, windows: Windows) -> None:
    alice, dana = windows.of("alice"), windows.of("dana")
    story.to_mail_and_calendar(dana)
    story.flip_the_switch(dana, "Disable")
    story.to_group_settings(dana, product, "Sales")

    story.row(dana, story.SWITCH).get_by_role("link", name="Account").click()
    expect(dana).to_have_url(f"{product.url}/account/settings/mail-calendar/#setting-enabled")
    story.to_own_settings(alice, product)
    expect(story.row(alice, story.SWITCH)).to_contain_text("Off, from Account, chosen by Dana")
    expect(story.row(alice, story.SWITCH).get_by_role("link", name="Account")).to_have_count(0)
    story.row(alice, story.SWITCH).get_by_text("Why this value?").click()
    expect(story.row(alice, story.SWITCH).get_by_role("listitem").filter(has_text="Account")).to_have_attribute(
        "aria-current", "true"
    )


def test_override_and_inherit(product: Product, windows: Windows) -> None:
    """“The same value” is a decision too: it stays when the level above changes its mind."""
    bob, dana = windows.of("bob"), windows.of("dana")
    story.to_own_settings(bob, product)
    expect(story.row(bob, story.SWITCH)).to_contain_text("Inherited")
    story.press_in_row(bob, story.SWITCH, "Override")
    story.confirm(bob, "Save")
    story.to_mail_and_calendar(dana)
    story.flip_the_switch(dana, "Disable")

    bob.reload()
    expect(story.switch(bob)).to_have_attribute("aria-checked", "true")
    expect(story.row(bob, story.SWITCH)).to_contain_text("Inherit would turn it off.")
    story.press_in_row(bob, story.SWITCH, "Inherit")
    story.confirm(bob, "Inherit")

    expect(story.switch(bob)).to_have_attribute("aria-checked", "false")
    expect(story.row(bob, story.SWITCH)).to_contain_text("Inherited")


def _choose_days(page: Page, days: str) -> None:
    story.row(page, GRACE).get_by_role("spinbutton").fill(days)
    story.press_in_row(page, GRACE, "Save")
