"""An organization consents to everything and then takes it back to what is needed: calendars go on meanwhile."""

from __future__ import annotations

import re
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.journeys import authorizing, ground, looks, story
from tests.journeys.windows import Windows
from tests.processes import Product

pytestmark = [pytest.mark.journey, pytest.mark.timeout(300)]


def test_narrowed_to_some_mailboxes_the_page_confirms_it(product: Product, windows: Windows) -> None:
    dana = windows.of("dana")
    authorizing.authorize(dana, product)
    for name in ("alice", "bob"):
        authorizing.is_connected(product, name)
    authorizing.to_organization(dana, product)
    _check_again(dana, inside=story.address("alice"))
    expect(dana.get_by_role("row", name="Contacts.Read")).to_contain_text("More than needed")

    _at_microsoft(product, "scope", role="Calendars.ReadWrite", people=[story.address("alice")])
    _check_again(dana, inside=story.address("alice"), outside=story.address("bob"))
    expect(dana.locator("#checked")).to_contain_text("should be closed, and Microsoft still opens it")
    _at_microsoft(product, "remove-roles", roles=["Calendars.ReadWrite", "Contacts.Read", "User.Read.All"])
    _check_again(dana, inside=story.address("alice"), outside=story.address("bob"))

    expect(dana.locator("#checked")).to_contain_text("It is as it should be.")
    expect(dana.get_by_role("row", name="Calendars.ReadWrite")).to_contain_text("Granted by Exchange")
    expect(dana.get_by_text("New names and aliases at Microsoft are not followed")).to_be_visible()
    assert not looks.faults_of(dana)
    ground.until(lambda: _standing(product, "bob") == ("not_eligible", "scoped_out"))
    assert _standing(product, "alice") == ("connected", "")


def _at_microsoft(product: Product, action: str, **parameters: Any) -> None:
    application = f"applications/{product.simulator.client_id}/tenants/kestrel.example"
    product.simulator.control("POST", f"{application}/{action}", parameters)


def _check_again(page: Page, *, inside: str, outside: str = "") -> None:
    page.get_by_label("Mailbox that should be open").fill(inside)
    page.get_by_label("Mailbox that should be closed").fill(outside)
    with page.expect_navigation():
        page.get_by_role("button", name="Check again").click()
    expect(page.get_by_text(re.compile("^Checked "))).to_be_visible(timeout=authorizing.A_WHILE_MS)


def _standing(product: Product, name: str) -> tuple[str, str]:
    row = ground.connection_of(product, story.address(name))
    return row["state"], row["reason"]
