"""A server of the organization's own: by an impersonation account that the admin sets, and by one's own password."""

from __future__ import annotations

import json
import re

import pytest
from playwright.sync_api import Page, expect

from tests.journeys import ground, story
from tests.journeys.windows import Windows
from tests.processes import Product

pytestmark = [pytest.mark.journey, pytest.mark.timeout(300)]

POLICY = "Services and permissions"
ALICE = story.address("alice")
IMPERSONATOR = "svc-calendar@kestrel.example"
BY_IMPERSONATION = "Exchange admin can set up the integration by using an impersonation account"
BY_PASSWORD = "Users can set up the integration by using their Exchange user name and password"
NEW_PASSWORD = "a-new-harbour-43"


def test_an_admin_sets_one_account_and_nobody_types_a_password(product: Product, windows: Windows) -> None:
    _alice_is_on_premises(product)
    dana, alice = windows.of("dana"), windows.of("alice")

    _choose_exchange(dana, product, BY_IMPERSONATION)
    story.to_profile(alice, product)
    expect(story.panel(alice)).to_contain_text("An admin of your account has to finish setting it up.")
    _set_the_account(dana, product)
    story.to_profile(alice, product)
    alice.get_by_role("link", name=story.CONFIGURE).click()
    alice.get_by_role("radio", name="Exchange").check()
    alice.get_by_role("button", name="Next").click()
    expect(alice.get_by_label("Password")).to_have_count(0)
    alice.get_by_role("button", name="Connect").click()

    story.is_connected(alice)
    expect(story.panel(alice)).to_contain_text("An impersonation account of the organization")
    alice.goto(f"{product.url}/meetings/")
    expect(alice.get_by_text("Not a Zoom meeting").first).to_be_visible(timeout=story.A_WORKER_TAKES_MS)


def test_a_changed_password_is_one_sentence_and_one_button(product: Product, windows: Windows) -> None:
    _alice_is_on_premises(product)
    dana, alice = windows.of("dana"), windows.of("alice")
    _choose_exchange(dana, product, BY_PASSWORD)
    story.to_profile(alice, product)
    alice.get_by_role("link", name=story.CONFIGURE).click()
    alice.get_by_role("radio", name="Exchange").check()
    alice.get_by_role("button", name="Next").click()
    _sign_in(alice, story.MICROSOFT_PASSWORD)
    story.is_connected(alice)

    product.simulator.control("POST", f"people/{ALICE}/password", {"password": NEW_PASSWORD})
    ground.change(product, "UPDATE integrations_connection SET refresh_due_at = connected_at")
    ground.until(lambda: ground.connection_of(product, ALICE)["state"] == "needs_reauth")
    alice.reload()
    expect(story.panel(alice)).to_contain_text("The Exchange server no longer accepts your user name and password")
    expect(story.panel(alice).locator(".form-foot .btn.primary")).to_have_count(1)
    story.panel(alice).get_by_role("button", name="Reconnect").click()
    _sign_in(alice, "wrong-once")
    expect(story.panel(alice)).to_contain_text(
        "The Exchange server did not accept this user name and password.", timeout=story.A_WORKER_TAKES_MS
    )
    story.panel(alice).get_by_role("button", name="Reconnect").click()
    expect(alice.get_by_label("Password")).to_have_value("")
    _sign_in(alice, NEW_PASSWORD)

    story.is_connected(alice)


def _alice_is_on_premises(product: Product) -> None:
    product.simulator.control("POST", f"people/{ALICE}/move-on-premises")


def _choose_exchange(dana: Page, product: Product, method: str) -> None:
    """All of it on the row of the setting; nobody is connected, so it is saved at once."""
    dana.goto(f"{product.url}/account/settings/mail-calendar/")
    row = story.row(dana, POLICY)
    row.get_by_role("radio", name="Exchange", exact=True).check()
    row.get_by_role("radio", name=re.compile("Exchange Web Services")).check()
    row.get_by_role("radio", name=method).check()
    row.get_by_label("EWS URL").fill(product.simulator.exchange_url)
    story.press_in_row(dana, POLICY, "Save")
    expect(story.toast(dana).or_(story.sheet(dana)).first).to_be_visible()
    if story.sheet(dana).is_visible():
        story.sheet(dana).locator("button.primary").click()
        expect(story.sheet(dana)).to_be_hidden()
    saved = "SELECT value FROM accounts_settingdecision WHERE key = 'integrations.services'"
    ground.until(lambda: any("exchange" in json.dumps(value) for value in ground.ask(product, saved)))


def _set_the_account(dana: Page, product: Product) -> None:
    dana.goto(f"{product.url}/account/exchange-servers/")
    dana.get_by_role("main").get_by_role("link", name=product.simulator.exchange_url).click()
    dana.get_by_label("User name").fill(IMPERSONATOR)
    dana.get_by_label("Password", exact=True).fill(story.MICROSOFT_PASSWORD)
    dana.get_by_role("button", name="Set the account").click()
    expect(dana.get_by_role("main")).to_contain_text("Replace the account")
    state = "SELECT state FROM integrations_exchangeserver"
    ground.until(lambda: ground.ask(product, state) == [("working",)])


def _sign_in(alice: Page, password: str) -> None:
    alice.get_by_label("Password").fill(password)
    alice.get_by_role("button", name="Sign in").click()
