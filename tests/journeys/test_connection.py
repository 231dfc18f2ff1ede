"""What becomes of a connection: deleted by the person, blocked and brought back by the organization."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.journeys import ground, story
from tests.journeys.looks import LOOKS, Walk
from tests.journeys.windows import Windows
from tests.processes import Product

pytestmark = [pytest.mark.journey, pytest.mark.timeout(300)]

READ_CALENDAR = {
    "authorize_with": "graph",
    "calendar_write": False,
    "contacts_write": True,
    "default_service": "office_365",
    "ews_url": "",
    "organization_contacts": False,
    "who_can_set_up": "oauth",
}


def test_delete_asks_first_and_then_forgets(product: Product, windows: Windows) -> None:
    alice = windows.of("alice")
    story.connect(alice, product)

    story.panel(alice).get_by_role("button", name="Delete").click()
    question = alice.get_by_role("dialog")
    expect(question).to_contain_text("Delete this connection?")
    question.get_by_role("button", name="Cancel").click()
    expect(story.badge(alice)).to_have_text("Connected")
    story.panel(alice).get_by_role("button", name="Delete").click()
    question.get_by_role("button", name="Delete").click()

    expect(alice.get_by_text("The connection is deleted.")).to_be_visible()
    expect(alice.get_by_role("link", name=story.CONFIGURE)).to_be_visible()
    assert ground.connection_of(product, "alice@kestrel.example")["state"] == "disconnected"
    assert ground.sealed_tokens_of(product, "alice@kestrel.example") == ("", "")


def test_connecting_again_after_a_delete_keeps_the_row(product: Product, windows: Windows) -> None:
    alice = windows.of("alice")
    story.connect(alice, product)
    row = ground.connection_of(product, "alice@kestrel.example")["id"]
    story.panel(alice).get_by_role("button", name="Delete").click()
    alice.get_by_role("dialog").get_by_role("button", name="Delete").click()

    # Microsoft remembers both who it is and what was agreed to.
    story.to_permissions(alice, product)
    alice.get_by_role("button", name="Authorize").click()

    story.is_connected(alice)
    assert ground.connection_of(product, "alice@kestrel.example")["id"] == row


def test_less_at_once_and_more_by_way_of_microsoft(product: Product, windows: Windows) -> None:
    alice = windows.of("alice")
    story.connect(alice, product)
    calendar = story.panel(alice).locator("dl div").filter(has_text="Calendar")

    alice.get_by_role("link", name="Configure").click()
    alice.get_by_role("checkbox", name="Write calendar").uncheck()
    alice.get_by_role("button", name="Save").click()
    expect(alice.get_by_text("uses only what is ticked.")).to_be_visible()
    expect(calendar).to_contain_text("No write")

    answers: list[str] = []
    alice.on("request", lambda request: answers.append(request.url) if "/microsoft/callback/" in request.url else None)
    alice.get_by_role("link", name="Configure").click()
    alice.get_by_role("checkbox", name="Write calendar").check()
    alice.get_by_role("button", name="Save").click()
    story.is_connected(alice)
    expect(calendar).not_to_contain_text("No write")
    assert answers, "more was taken without asking Microsoft"


def test_disabled_for_all_and_enabled_again(product: Product, windows: Windows) -> None:
    alice, dana = windows.of("alice"), windows.of("dana")
    story.connect(alice, product)
    story.to_mail_and_calendar(dana)

    story.switch(dana).click()
    expect(story.sheet(dana)).to_contain_text("1 connection will be blocked at once.")
    story.confirm(dana, "Disable and block 1 connection")
    ground.until(lambda: ground.connection_of(product, "alice@kestrel.example")["state"] == "blocked_by_policy")
    alice.reload()
    expect(story.badge(alice)).to_have_text("Blocked by policy")
    expect(story.panel(alice)).to_contain_text("Your organization has turned calendar integration off.")
    alice.goto(f"{product.url}/meetings/")
    expect(alice.locator("#agenda")).to_contain_text("Your organization has turned calendar integration off.")

    story.flip_the_switch(dana, "Enable")

    ground.until(lambda: ground.connection_of(product, "alice@kestrel.example")["state"] == "connected")
    alice.reload()
    expect(alice.get_by_text("Not a Zoom meeting").first).to_be_visible(timeout=story.A_WORKER_TAKES_MS)


def test_nothing_can_be_connected_while_it_is_disabled(product: Product, windows: Windows) -> None:
    ground.begin_again(product, enabled=False)
    alice = windows.of("alice")

    story.to_profile(alice, product)
    expect(story.panel(alice)).to_contain_text("Your organization has turned calendar integration off.")
    expect(alice.get_by_role("button", name=story.CONFIGURE)).to_be_disabled()
    alice.goto(f"{product.url}/profile/calendar/")

    expect(alice).to_have_url(f"{product.url}/profile/#calendar")


def test_everything_without_a_script(product: Product, windows: Windows) -> None:
    alice = windows.of("alice", java_script_enabled=False)

    story.to_microsoft(alice, product)
    story.sign_in_at_microsoft(alice)
    story.accept(alice)
    _look_again_until(alice, "Connected")
    alice.get_by_role("link", name="Configure").click()
    alice.get_by_role("checkbox", name="Write contacts").uncheck()
    alice.get_by_role("button", name="Save").click()
    expect(story.panel(alice)).to_contain_text("Microsoft lists more than Meridian uses")
    story.panel(alice).get_by_role("link", name="Delete").click()
    expect(alice.get_by_role("heading", name="Delete this connection?")).to_be_visible()
    expect(alice.get_by_role("main")).to_contain_text("read and write your contacts (Contacts.ReadWrite)")
    alice.get_by_role("button", name="Delete").click()

    expect(alice.get_by_role("link", name=story.CONFIGURE)).to_be_visible()
    assert ground.connection_of(product, "alice@kestrel.example")["state"] == "disconnected"


def test_a_letters_link_leads_to_one_button_and_back_to_the_same_connection(product: Product, windows: Windows) -> None:
    story.connect(windows.of("alice"), product)
    row = ground.connection_of(product, "alice@kestrel.example")["id"]
    product.simulator.control("POST", "people/alice@kestrel.example/require-mfa")
    ground.is_now(product, state="needs_reauth", reason="mfa_needed")
    alice = windows.signed_out()

    alice.goto(f"{product.url}/profile/calendar/reconnect/")
    story.fill_in_the_sign_in_form(alice, "alice@kestrel.example")
    expect(alice.get_by_role("heading", name="Reconnect your calendar")).to_be_visible()
    expect(alice.get_by_role("main")).to_contain_text("Microsoft wants to confirm that it is you")
    alice.get_by_role("button", name="Reconnect").click()
    story.sign_in_at_microsoft(alice)
    shown = alice.locator(".number").inner_text()
    alice.get_by_role("textbox").fill(shown)
    alice.get_by_role("button", name="Yes, it’s me").click()

    story.is_connected(alice)
    assert ground.connection_of(product, "alice@kestrel.example")["id"] == row
    alice.goto(f"{product.url}/profile/calendar/reconnect/")
    expect(alice.get_by_role("main")).to_contain_text("There is nothing you need to do.")


def test_the_wrong_account_is_told_and_the_right_one_goes_on(product: Product, windows: Windows) -> None:
    bob, alice = windows.of("bob"), windows.of("alice")
    story.connect(bob, product)

    story.to_microsoft(alice, product)
    story.pick_at_microsoft(alice, "Bob")
    story.sign_in_at_microsoft(alice)
    expect(story.panel(alice)).to_contain_text(
        "This mailbox is already connected to somebody else", timeout=story.A_WORKER_TAKES_MS
    )
    expect(story.panel(alice)).not_to_contain_text("Bob")
    story.panel(alice).get_by_role("button", name="Authorize").click()
    expect(alice.get_by_role("heading", name="Pick an account")).to_be_visible()
    alice.get_by_role("link", name="Alice").click()
    story.sign_in_at_microsoft(alice)
    story.accept(alice)

    story.is_connected(alice)


@pytest.mark.parametrize("look", LOOKS.values(), ids=LOOKS.keys())
def test_its_pages_are_for_everybody(product: Product, windows: Windows, look: Mapping[str, Any]) -> None:
    walk = Walk(windows.of("alice", **look), product)
    page = walk.page
    story.connect(page, product)
    page.get_by_role("link", name="Configure").click()
    page.get_by_role("checkbox", name="Write contacts").uncheck()
    page.get_by_role("button", name="Save").click()

    walk.look()
    walk.to("/profile/calendar/office-365/", "/profile/calendar/delete/", "/profile/calendar/reconnect/")
    ground.decide(product, "integrations.services", json.dumps(READ_CALENDAR), by="dana@kestrel.example", at="Sales")
    walk.to("/profile/", "/profile/calendar/office-365/")
    for state, reason in (("needs_reauth", "mfa_needed"), ("not_eligible", "guest"), ("not_eligible", "on_premises")):
        ground.is_now(product, state=state, reason=reason)
        walk.to("/profile/", "/profile/calendar/reconnect/")

    assert not walk.faults


@pytest.mark.parametrize("look", LOOKS.values(), ids=LOOKS.keys())
def test_what_follows_a_no_is_for_everybody(product: Product, windows: Windows, look: Mapping[str, Any]) -> None:
    walk = Walk(windows.of("alice", **look), product)
    page = walk.page
    story.to_microsoft(page, product)
    story.sign_in_at_microsoft(page)
    page.get_by_role("button", name="Cancel").click()
    expect(story.panel(page)).to_contain_text("Nothing has changed.")

    walk.look()
    page.get_by_role("button", name="Microsoft wanted an admin’s approval").click()
    expect(story.panel(page)).to_contain_text("Your Microsoft 365 admin must approve Meridian first.")
    walk.look()
    walk.to("/profile/calendar/reconnect/")

    assert not walk.faults


def _look_again_until(page: Page, state: str) -> None:
    for _ in range(30):
        if story.badge(page).inner_text() == state:
            return
        page.wait_for_timeout(1000)
        page.get_by_role("link", name="Look again").click()
    raise AssertionError(f"It never said {state}.")
