"""The main job from end to end, with real processes: enable, connect, see, lose, reconnect."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, expect

from tests.journeys import ground, story
from tests.journeys.windows import Windows
from tests.processes import Product

pytestmark = [pytest.mark.journey, pytest.mark.timeout(300)]

LOST = "Microsoft no longer accepts Meridian’s access: your sessions were ended or your password was changed."


def test_from_enabling_to_reconnecting(product: Product, windows: Windows) -> None:
    ground.begin_again(product, enabled=False)

    _dana_enables(product, windows)
    alice = windows.signed_out()
    story.sign_in(alice, product, "alice")
    _alice_connects(alice, product)
    _alice_sees_her_fortnight(alice)
    row = ground.connection_of(product, "alice@kestrel.example")
    _microsoft_ends_her_sessions(product)
    _alice_is_told(alice, product)
    _alice_reconnects(alice)

    assert ground.connection_of(product, "alice@kestrel.example")["id"] == row["id"]
    _alice_sees_her_fortnight(alice)


def _dana_enables(product: Product, windows: Windows) -> None:
    page = windows.signed_out()
    story.sign_in(page, product, "dana")
    story.to_mail_and_calendar(page)
    expect(story.switch(page)).to_have_attribute("aria-checked", "false")
    story.flip_the_switch(page, "Enable")
    expect(page.locator("#setting-enabled .provenance")).to_contain_text("Dana")


def _alice_connects(page: Page, product: Product) -> None:
    story.to_microsoft(page, product)
    expect(page.get_by_label("User name")).to_have_value("alice@kestrel.example")
    story.sign_in_at_microsoft(page)
    expect(page.get_by_role("heading", name="Meridian asks for permission")).to_be_visible()
    story.accept(page)
    page.wait_for_url(f"{product.url}/profile/#calendar")
    story.is_connected(page)
    panel = story.panel(page)
    expect(panel).to_contain_text("alice@kestrel.example")
    expect(panel.locator("dl")).to_contain_text("Calendar")
    expect(panel.locator("dl")).to_contain_text("Contacts")


def _alice_sees_her_fortnight(page: Page) -> None:
    page.get_by_role("navigation", name="Portal").get_by_role("link", name="Meetings").click()
    expect(page.get_by_text("The coming two weeks, in the time of Europe/Berlin.")).to_be_visible()
    stand_ups = page.locator(".event").filter(has=page.get_by_role("heading", name="Daily stand-up"))
    expect(stand_ups).to_have_count(10, timeout=story.A_WORKER_TAKES_MS)
    # 09:30 in London, where it is held.
    expect(stand_ups.last.locator(".when")).to_contain_text("10:30")
    expect(stand_ups.last).to_contain_text("Not a Zoom meeting")


def _microsoft_ends_her_sessions(product: Product) -> None:
    ground.tokens_are_no_longer_new(product)
    product.simulator.control("POST", "people/alice@kestrel.example/revoke-sessions")
    product.simulator.control("POST", "people/alice@kestrel.example/expire-tokens")


def _alice_is_told(page: Page, product: Product) -> None:
    page.get_by_role("navigation", name="Portal").get_by_role("link", name="Meetings").click()
    expect(page.get_by_text(LOST)).to_be_visible(timeout=story.A_WORKER_TAKES_MS)
    story.to_profile(page, product)
    expect(story.badge(page)).to_have_text("Authorization lost")
    expect(story.panel(page)).to_contain_text(LOST)


def _alice_reconnects(page: Page) -> None:
    story.panel(page).get_by_role("button", name="Reconnect").click()
    story.sign_in_at_microsoft(page)
    story.is_connected(page)
