"""A person is deleted: the connection ends, the address is free, and the log keeps what was done without the name."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Page, expect

from tests.journeys import ground, story
from tests.journeys.windows import Windows
from tests.processes import Product

pytestmark = [pytest.mark.journey, pytest.mark.timeout(300)]


def test_deleting_somebody_who_is_connected(product: Product, windows: Windows) -> None:
    windows.forgive("status of 422")
    with ground.crowd(product, 1) as (address,):
        leaver, dana = windows.signed_out(), windows.of("dana")
        story.sign_in(leaver, product, "crowd-1")
        _connects_the_mailbox_of_alice(leaver, product)
        story.to_own_settings(leaver, product)
        story.press_in_row(leaver, story.SWITCH, "Override")
        story.confirm(leaver, "Save")

        story.to_person(dana, product, "crowd-1")
        expect(dana.get_by_role("main")).to_contain_text("alice@kestrel.example")
        dana.get_by_role("link", name="Review the deletion").click()
        expect(dana.get_by_role("main")).to_contain_text(story.SWITCH)
        dana.get_by_role("button", name="Delete Crowd 1").click()
        expect(dana.get_by_label("The person’s e-mail")).to_have_attribute("aria-invalid", "true")
        dana.get_by_label("The person’s e-mail").fill(address)
        dana.get_by_label("Reason").fill("Left the company.")
        dana.get_by_role("button", name="Delete Crowd 1").click()

        expect(story.toast(dana)).to_contain_text("Crowd 1 is deleted.")
        assert (address,) not in ground.ask(product, "SELECT email FROM accounts_user")
        assert not ground.ask(product, "SELECT 1 FROM integrations_connection")
        dana.goto(f"{product.url}/account/audit/")
        log = dana.get_by_role("table")
        expect(log).to_contain_text("Dana deleted a deleted person.")
        expect(log).to_contain_text("Reason: Left the company.")
        expect(log).not_to_contain_text(re.compile(r"Crowd 1\b"))
        expect(log).not_to_contain_text(address)
        leaver.reload()
        expect(leaver.get_by_role("heading", name="Sign in")).to_be_visible()
    alice = windows.of("alice")
    story.to_microsoft(alice, product)
    story.sign_in_at_microsoft(alice)
    story.is_connected(alice)


def _connects_the_mailbox_of_alice(page: Page, product: Product) -> None:
    story.to_microsoft(page, product)
    story.pick_at_microsoft(page, "Alice Moreau")
    story.sign_in_at_microsoft(page)
    story.accept(page)
    story.is_connected(page)
