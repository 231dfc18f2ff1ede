"""Somebody new: invited, reads the mail, chooses a password, is in, and comes back another day."""

from __future__ import annotations

import secrets

import pytest
from playwright.sync_api import expect

from tests.journeys import ground, story
from tests.journeys.windows import Windows
from tests.processes import Product

pytestmark = [pytest.mark.journey, pytest.mark.timeout(300)]

PASSWORD = "three-grey-herons-7"


def test_from_invitation_to_signing_in(product: Product, windows: Windows) -> None:
    # Another name in each run of a kept installation.
    address = f"zoe-{secrets.token_hex(3)}@kestrel.example"
    dana = windows.of("dana")
    dana.get_by_role("link", name="Users").click()
    dana.get_by_role("link", name="Invite").first.click()
    dana.get_by_label("E-mail").fill(address)
    dana.get_by_role("button", name="Send the invitation").click()
    expect(dana.get_by_text(f"The invitation is on its way to {address}.")).to_be_visible()

    link = ground.link_in_the_letter_to(product, address)
    newcomer = windows.signed_out()
    newcomer.goto(link)
    expect(newcomer.get_by_role("heading", name="Join Kestrel & Co")).to_be_visible()
    assert newcomer.url == f"{product.url}/invitation/"
    newcomer.get_by_label("Name").fill("Zoe")
    newcomer.get_by_label("Password", exact=True).fill(PASSWORD)
    newcomer.get_by_role("button", name="Join").click()
    expect(newcomer.get_by_text("Welcome to Kestrel & Co.")).to_be_visible()

    another_day = windows.signed_out()
    another_day.goto(product.url)
    story.fill_in_the_sign_in_form(another_day, address, PASSWORD)
    expect(another_day.get_by_role("heading", name="Meetings")).to_be_visible()

    windows.forgive("status of 410")
    stranger = windows.signed_out()
    stranger.goto(link)
    expect(stranger.get_by_text("This invitation was accepted already.")).to_be_visible()
