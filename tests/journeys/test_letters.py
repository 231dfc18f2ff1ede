"""A connection dies: a banner and one letter say so, the letter's link leads back, and everything is as before."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.journeys import ground, story
from tests.journeys.looks import LOOKS, Walk, faults_of
from tests.journeys.windows import Windows
from tests.processes import Product

pytestmark = [pytest.mark.journey, pytest.mark.timeout(300)]

ALICE = "alice@kestrel.example"
LOST = "Reconnect your calendar to Meridian"
STOPPED = "Meridian has stopped using your calendar"
BACK = "Meridian uses your calendar again"


def banner(page: Page) -> Locator:
    return page.get_by_role("region", name="Needs your attention")


def letters(product: Product, subject: str) -> int:
    return sum(f"Subject: {subject}" in written and f"To: {ALICE}" in written for written in product.letters)


def lose(product: Product, page: Page) -> None:
    """Microsoft ends her sessions, and a page finds out."""
    product.simulator.control("POST", f"people/{ALICE}/revoke-sessions")
    product.simulator.control("POST", f"people/{ALICE}/expire-tokens")
    ground.tokens_are_gone(product)
    page.goto(product.url)
    expect(page.get_by_role("button", name="Reconnect")).to_be_visible(timeout=story.A_WORKER_TAKES_MS)


def in_the_mailbox(page: Page, product: Product, subject: str) -> None:
    """Open the newest letter to Alice of that subject, once it is there."""
    link = page.get_by_role("link", name=subject).first
    for _ in range(60):
        page.goto(f"{product.url}/mailbox/?q={ALICE}")
        if link.is_visible():
            break
        page.wait_for_timeout(500)
    link.click()
    expect(page.get_by_role("heading", level=1, name=subject)).to_be_visible()


def test_lost_told_once_and_reconnected_by_the_letters_link(product: Product, windows: Windows) -> None:
    before = letters(product, LOST)
    alice = windows.of("alice")
    story.connect(alice, product)
    expect(banner(alice)).to_have_count(0)

    lose(product, alice)

    alice.goto(f"{product.url}/settings/")
    expect(banner(alice)).to_contain_text("Microsoft does not accept its access any more")
    expect(banner(alice).get_by_role("link", name="Reconnect")).to_have_attribute(
        "href", "/profile/calendar/reconnect/"
    )
    story.to_profile(alice, product)
    expect(banner(alice)).to_have_count(0)
    expect(story.badge(alice)).to_have_text("Authorization lost")

    elsewhere = windows.signed_out()
    in_the_mailbox(elsewhere, product, LOST)
    expect(elsewhere.get_by_role("article")).to_contain_text("your sessions were ended or your password was changed")
    elsewhere.get_by_role("article").get_by_role("link").click()
    story.fill_in_the_sign_in_form(elsewhere, ALICE)
    elsewhere.get_by_role("button", name="Reconnect").click()
    story.sign_in_at_microsoft(elsewhere)
    story.is_connected(elsewhere)

    alice.goto(f"{product.url}/settings/")
    expect(banner(alice)).to_have_count(0)
    assert letters(product, LOST) == before + 1


def test_blocked_and_back_is_told_with_its_grace(product: Product, windows: Windows) -> None:
    alice, dana = windows.of("alice"), windows.of("dana")
    stopped, back = letters(product, STOPPED), letters(product, BACK)
    story.connect(alice, product)

    story.to_mail_and_calendar(dana)
    story.switch(dana).click()
    story.confirm(dana, "Disable and block 1 connection")
    reader = windows.signed_out()
    in_the_mailbox(reader, product, STOPPED)
    letter = reader.get_by_role("article")
    expect(letter).to_contain_text("Your organization has turned calendar integration off.")
    expect(letter).to_contain_text(re.compile(r"keeps its sealed access until \d+ \w+ 20\d\d at \d\d:\d\d \("))
    alice.goto(f"{product.url}/settings/")
    expect(banner(alice)).to_contain_text("the settings do not allow it")
    banner(alice).get_by_role("link", name="See why").click()
    expect(story.badge(alice)).to_have_text("Blocked by policy")
    story.flip_the_switch(dana, "Enable")
    in_the_mailbox(reader, product, BACK)

    assert (letters(product, STOPPED), letters(product, BACK)) == (stopped + 1, back + 1)
    alice.goto(f"{product.url}/settings/")
    expect(banner(alice)).to_have_count(0)


@pytest.mark.parametrize("look", LOOKS.values(), ids=LOOKS.keys())
def test_banner_and_mailbox_are_for_everybody(product: Product, windows: Windows, look: Mapping[str, Any]) -> None:
    story.connect(windows.of("alice"), product)
    faults = []
    for state, reason in (
        ("needs_reauth", "sessions_revoked"),
        ("blocked_by_policy", "turned_off"),
        ("not_eligible", "no_mailbox"),
    ):
        alice = windows.of("alice", **look)
        ground.is_now(product, state=state, reason=reason)
        alice.goto(f"{product.url}/profile/edit/")
        expect(banner(alice)).to_be_visible()
        faults += faults_of(alice)

    reader = windows.signed_out(**look)
    walk = Walk(reader, product)
    reader.goto(f"{product.url}/auth/password/reset/")
    reader.get_by_label("E-mail").fill(ALICE)
    reader.get_by_role("main").get_by_role("button").click()
    expect(reader).to_have_url(re.compile("done"))
    walk.to("/mailbox/", "/mailbox/?q=nobody-has-this-word")
    reader.goto(f"{product.url}/mailbox/")
    reader.get_by_role("table").get_by_role("link").first.click()
    walk.look()

    assert not faults + walk.faults
