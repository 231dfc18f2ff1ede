"""Pages of Exchange Web Services, and of the way out: for everybody, in each state that shows something of its own."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import pytest
from playwright.sync_api import expect

from tests.journeys import ground, story
from tests.journeys.looks import LOOKS, Walk
from tests.journeys.windows import Windows
from tests.processes import Product

pytestmark = [
    pytest.mark.journey,
    pytest.mark.timeout(300),
    pytest.mark.parametrize("look", LOOKS.values(), ids=LOOKS.keys()),
]
Look = Mapping[str, Any]
BY_EWS = {
    "authorize_with": "ews",
    "calendar_write": False,
    "contacts_write": False,
    "default_service": "office_365",
    "ews_url": "",
    "organization_contacts": False,
    "who_can_set_up": "oauth",
}


def test_whoever_is_by_ews_and_the_way_out(product: Product, windows: Windows, look: Look) -> None:
    dana, bob = Walk(windows.of("dana", **look), product), Walk(windows.of("bob", **look), product)
    dana.to("/account/ews/", "/account/exchange-servers/")  # nobody, and none
    _decide(product, BY_EWS)
    story.to_permissions(bob.page, product)
    bob.look()
    story.connect(bob.page, product)
    bob.look()

    dana.to("/account/ews/", "/account/connections/", "/account/settings/mail-calendar/")
    dana.page.goto(f"{product.url}/account/ews/")
    dana.page.get_by_role("button", name="Look whether they could use Graph").click()
    ground.until(lambda: bool(ground.ask(product, "SELECT 1 FROM accounts_job WHERE state = 'done'")))
    dana.to("/account/ews/", "/account/ews/?q=nobody-of-this-name")
    for state, reason in (("paused", "ews_disabled"), ("paused", "ews_not_allowed"), ("degraded", "service_trouble")):
        ground.is_now(product, state=state, reason=reason)
        bob.to("/profile/", "/meetings/")
        dana.to("/account/ews/")

    assert not [*dana.faults, *bob.faults]


def test_a_server_of_ones_own(product: Product, windows: Windows, look: Look) -> None:
    dana, alice = Walk(windows.of("dana", **look), product), Walk(windows.of("alice", **look), product)
    address = product.simulator.exchange_url
    _decide(product, {**BY_EWS, "default_service": "exchange", "ews_url": address, "who_can_set_up": "impersonation"})

    dana.to("/account/exchange-servers/")
    alice.to("/profile/")
    dana.page.get_by_role("main").get_by_role("link", name=address).click()
    dana.look()
    dana.page.get_by_label("User name").fill("svc-calendar@kestrel.example")
    dana.page.get_by_label("Password", exact=True).fill(story.MICROSOFT_PASSWORD)
    dana.page.get_by_role("button", name="Set the account").click()
    expect(dana.page.get_by_role("main")).to_contain_text("Replace the account")
    ground.until(lambda: ground.ask(product, "SELECT state FROM integrations_exchangeserver") == [("working",)])
    dana.to("/account/exchange-servers/")
    dana.page.get_by_role("main").get_by_role("link", name=address).click()
    dana.look()
    dana.page.get_by_role("link", name="Remove…").click()
    expect(dana.page.get_by_role("main").locator("button.danger")).to_be_visible()
    dana.look()
    alice.to("/profile/", "/profile/calendar/")
    _decide(product, {**BY_EWS, "default_service": "exchange", "ews_url": address, "who_can_set_up": "password"})
    alice.page.goto(f"{product.url}/profile/")
    alice.page.get_by_role("link", name=story.CONFIGURE).click()
    alice.page.get_by_role("radio", name="Exchange").check()
    alice.page.get_by_role("button", name="Next").click()
    expect(alice.page.get_by_label("Password")).to_be_visible()
    alice.look()

    assert not [*dana.faults, *alice.faults]


def _decide(product: Product, services: Mapping[str, Any]) -> None:
    ground.decide(product, "integrations.services", json.dumps(services), by=story.address("dana"))
