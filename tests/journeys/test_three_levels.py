"""A lock from above in a real browser: announced, explained at every level below, and undone without a trace."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Page, expect

from tests.journeys import ground, story
from tests.journeys.windows import Windows
from tests.processes import Product

pytestmark = [pytest.mark.journey, pytest.mark.timeout(300)]

ALICE, BOB = "alice@kestrel.example", "bob@kestrel.example"
POLICY = "Services and permissions"
DOMAINS = "Restrict calendar and contacts integration by domain"
ONE_BLOCKED = "1 connection will be blocked at once."
REASON = "The audit is in November."


def test_a_lock_is_announced_explained_below_and_lifted_again(product: Product, windows: Windows) -> None:
    alice, gus, dana = windows.of("alice"), windows.of("gus"), windows.of("dana")
    story.connect(alice, product)
    tokens = ground.sealed_tokens_of(product, ALICE)
    _alice_and_sales_choose_it(alice, gus, product)
    _it_is_turned_off_for_the_others(dana)
    story.to_profile(alice, product)
    story.is_connected(alice)

    story.press_in_row(dana, story.SWITCH, "Lock")
    expect(story.sheet(dana)).to_contain_text(ONE_BLOCKED)
    expect(story.sheet(dana)).to_contain_text(ALICE)
    story.sheet(dana).get_by_label("Reason").fill(REASON)
    story.confirm(dana, "Lock and block 1 connection")

    ground.until(lambda: ground.connection_of(product, ALICE)["state"] == "blocked_by_policy")
    assert ground.sealed_tokens_of(product, ALICE) == tokens
    story.to_group_settings(gus, product, "Sales")
    _is_greyed_and_explained(gus, "Sales")
    story.to_own_settings(alice, product)
    _is_greyed_and_explained(alice, "You")
    story.to_profile(alice, product)
    expect(story.badge(alice)).to_have_text("Blocked by policy")

    story.press_in_row(dana, story.SWITCH, "Unlock")
    expect(story.sheet(dana)).to_contain_text("1 connection comes back by itself.")
    expect(story.sheet(dana)).to_contain_text(ALICE)
    story.confirm(dana, "Unlock")

    ground.until(lambda: ground.connection_of(product, ALICE)["state"] == "connected")
    assert ground.sealed_tokens_of(product, ALICE)[0] == tokens[0]
    for page, place in ((gus, "Sales"), (alice, "Alice")):
        _is_free_again(page, product, place)
    story.to_profile(alice, product)
    story.is_connected(alice)
    dana.goto(f"{product.url}/account/audit/?setting=integrations.enabled")
    expect(dana.get_by_role("main")).to_contain_text(f"Reason: {REASON}")


def test_a_tighter_locked_policy_blocks_exactly_who_gave_more(product: Product, windows: Windows) -> None:
    alice, bob, dana = windows.of("alice"), windows.of("bob"), windows.of("dana")
    story.connect(alice, product)
    story.connect(bob, product)
    alice.get_by_role("link", name="Configure").click()
    alice.get_by_role("checkbox", name="Write contacts").uncheck()
    alice.get_by_role("button", name="Save").click()
    story.to_mail_and_calendar(dana)

    story.row(dana, POLICY).get_by_label("People may give permission to write their contacts").uncheck()
    story.press_in_row(dana, POLICY, "Save")
    expect(story.sheet(dana)).not_to_contain_text("will be blocked")
    story.confirm(dana, "Save")
    story.press_in_row(dana, POLICY, "Lock")
    expect(story.sheet(dana)).to_contain_text(ONE_BLOCKED)
    expect(story.sheet(dana)).to_contain_text(BOB)
    story.confirm(dana, "Lock and block 1 connection")

    ground.until(lambda: ground.connection_of(product, BOB)["state"] == "blocked_by_policy")
    assert ground.connection_of(product, ALICE)["state"] == "connected"


def test_two_admins_on_one_row(product: Product, windows: Windows) -> None:
    """The second is told what became of it meanwhile, and loses nothing of what was chosen."""
    windows.forgive("status of 409")
    dana, other = windows.of("dana"), windows.of("dana")
    for page in (dana, other):
        story.to_mail_and_calendar(page)
    calendar = story.row(other, POLICY).get_by_label("People may give permission to write their calendar")

    story.row(dana, POLICY).get_by_label("People may give permission to write their contacts").uncheck()
    story.press_in_row(dana, POLICY, "Save")
    story.confirm(dana, "Save")
    calendar.uncheck()
    story.press_in_row(other, POLICY, "Save")

    trouble = story.row(other, POLICY).get_by_role("alert")
    expect(trouble).to_be_focused()
    expect(trouble).to_contain_text("meanwhile")
    expect(trouble).to_contain_text("Dana")
    expect(trouble).to_contain_text("write their contacts: No now, Yes in what you sent")
    expect(calendar).not_to_be_checked()
    story.press_in_row(other, POLICY, "Save")
    expect(story.sheet(other)).to_contain_text("People may give permission to write their contacts")
    expect(story.sheet(other)).to_contain_text("People may give permission to write their calendar")
    story.confirm(other, "Save")
    expect(calendar).not_to_be_checked()


def test_a_lock_that_came_while_somebody_was_choosing(product: Product, windows: Windows) -> None:
    windows.forgive("status of 409")
    alice, dana = windows.of("alice"), windows.of("dana")
    story.to_own_settings(alice, product)

    story.to_mail_and_calendar(dana)
    story.press_in_row(dana, story.SWITCH, "Lock")
    story.confirm(dana, "Lock")
    story.switch(alice).click()

    expect(story.row(alice, story.SWITCH).get_by_role("alert")).to_contain_text("is locked at Account by Dana")
    expect(story.row(alice, story.SWITCH)).to_contain_text("Locked by Account")
    expect(story.switch(alice)).to_have_attribute("aria-checked", "true")


def test_the_list_of_domains_decides_who_may_stay_and_who_may_connect(product: Product, windows: Windows) -> None:
    windows.forgive("status of 422")
    alice, bob, dana = windows.of("alice"), windows.of("bob"), windows.of("dana")
    story.connect(alice, product)
    story.to_mail_and_calendar(dana)
    listed = story.row(dana, DOMAINS).get_by_role("textbox")

    story.row(dana, DOMAINS).get_by_role("checkbox").check()
    story.press_in_row(dana, DOMAINS, "Save")
    expect(listed).to_have_attribute("aria-invalid", "true")
    expect(story.row(dana, DOMAINS).get_by_role("checkbox")).to_be_checked()
    listed.fill("sales.kestrel.example, MÖWE.example.")
    story.press_in_row(dana, DOMAINS, "Save")
    expect(story.sheet(dana)).to_contain_text(ONE_BLOCKED)
    story.confirm(dana, "Save and block 1 connection")

    ground.until(lambda: ground.connection_of(product, ALICE)["state"] == "blocked_by_policy")
    story.to_profile(alice, product)
    expect(story.panel(alice)).to_contain_text("Only accounts of sales.kestrel.example and möwe.example may be")
    # Microsoft is not told his address, since with that one he cannot come back.
    story.to_permissions(bob, product)
    bob.get_by_role("button", name="Authorize").click()
    bob.get_by_role("link", name="Bob Tanaka").click()
    story.sign_in_at_microsoft(bob)
    story.accept(bob)
    expect(story.panel(bob)).to_contain_text("möwe.example", timeout=story.A_WORKER_TAKES_MS)
    assert ground.connection_of(product, BOB) == {}

    listed.fill("kestrel.example")
    story.press_in_row(dana, DOMAINS, "Save")
    expect(story.sheet(dana)).to_contain_text("1 connection comes back by itself.")
    story.confirm(dana, "Save")
    ground.until(lambda: ground.connection_of(product, ALICE)["state"] == "connected")


def _alice_and_sales_choose_it(alice: Page, gus: Page, product: Product) -> None:
    story.to_own_settings(alice, product)
    story.to_group_settings(gus, product, "Sales")
    for page in (alice, gus):
        story.press_in_row(page, story.SWITCH, "Override")
        story.confirm(page, "Save")
        expect(story.row(page, story.SWITCH)).to_contain_text("Overridden, same value")


def _it_is_turned_off_for_the_others(dana: Page) -> None:
    story.to_mail_and_calendar(dana)
    story.switch(dana).click()
    expect(story.sheet(dana)).not_to_contain_text("will be blocked")
    story.confirm(dana, "Disable")


def _is_greyed_and_explained(page: Page, place: str) -> None:
    """The switch is there, can be reached, does nothing, and says by whose word and what sleeps beneath."""
    switch = story.switch(page)
    expect(switch).to_have_attribute("aria-disabled", "true")
    expect(switch).to_have_attribute("aria-checked", "false")
    for words in ("Locked by Account", "by Dana", f"{place} had chosen On"):
        expect(story.row(page, story.SWITCH)).to_contain_text(words)
        expect(switch).to_have_accessible_description(re.compile(words))
    switch.focus()
    expect(switch).to_be_focused()
    switch.press("Space")
    expect(switch).to_have_attribute("aria-checked", "false")
    expect(story.row(page, story.SWITCH).get_by_role("button")).to_have_count(0)


def _is_free_again(page: Page, product: Product, place: str) -> None:
    if place == "Alice":
        story.to_own_settings(page, product)
    else:
        page.reload()
    expect(story.switch(page)).to_have_attribute("aria-checked", "true")
    expect(story.switch(page)).not_to_have_attribute("aria-disabled", "true")
    expect(story.row(page, story.SWITCH)).not_to_contain_text("Locked")
