"""Where only an administrator at Microsoft may consent: stopped, approved in another browser, and one step more."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Page, expect

from tests.journeys import ground, looks, story
from tests.journeys.windows import Windows
from tests.processes import Product

pytestmark = [pytest.mark.journey, pytest.mark.timeout(300)]

ALICE = "alice@kestrel.example"


def test_one_approval_and_one_step_lead_to_the_calendar(product: Product, windows: Windows) -> None:
    product.simulator.control("POST", "tenants/kestrel.example/user-consent", {"setting": "not_allowed"})
    alice, dana = windows.of("alice"), windows.of("dana")
    _is_stopped(alice, product)
    expect(story.panel(alice)).to_contain_text("Your Microsoft 365 admin must approve Meridian first.")
    assert ground.connection_of(product, ALICE)["state"] == "awaiting_admin"

    link = _makes_a_link(dana, product)
    _accepts_at_microsoft(windows, link)
    dana.reload()

    expect(dana.get_by_text("A Microsoft 365 admin has approved Meridian.")).to_be_visible(timeout=60_000)
    expect(dana.get_by_text("Approved, one step left")).to_be_visible()
    assert not looks.faults_of(dana)
    ground.until(lambda: any(ALICE in letter and "One step is left" in letter for letter in product.letters))
    alice.goto(_link_in_the_letter(product))
    expect(story.panel(alice)).to_contain_text("One step is left.")
    assert not looks.faults_of(alice)
    story.panel(alice).get_by_role("button", name="Authorize").click()

    story.is_connected(alice)
    dana.reload()
    expect(dana.get_by_text("Approved, one step left")).to_have_count(0)


def test_whoever_declines_changes_nothing_and_may_accept_by_the_same_link(product: Product, windows: Windows) -> None:
    product.simulator.control("POST", "tenants/kestrel.example/user-consent", {"setting": "not_allowed"})
    alice, dana = windows.of("alice"), windows.of("dana")
    _is_stopped(alice, product)
    link = _makes_a_link(dana, product)

    microsoft = _signs_in_at_microsoft(windows, link)
    microsoft.get_by_role("button", name="Cancel").click()
    expect(microsoft.get_by_role("heading", name="Not approved")).to_be_visible()

    dana.reload()
    expect(dana.get_by_text("The Microsoft 365 admin declined.")).to_be_visible()
    expect(dana.get_by_label("Link for a Microsoft 365 admin")).to_have_value(link)
    assert ground.connection_of(product, ALICE)["state"] == "awaiting_admin"


def test_it_is_taken_back(product: Product, windows: Windows) -> None:
    product.simulator.control("POST", "tenants/kestrel.example/user-consent", {"setting": "not_allowed"})
    alice = windows.of("alice")
    _is_stopped(alice, product)

    story.panel(alice).get_by_role("button", name="Stop waiting").click()

    expect(alice.get_by_role("link", name=story.CONFIGURE)).to_be_visible()
    assert ground.connection_of(product, ALICE)["state"] == "disconnected"


def _is_stopped(page: Page, product: Product) -> None:
    story.to_microsoft(page, product)
    story.sign_in_at_microsoft(page)
    expect(page.get_by_role("heading", name="Need admin approval")).to_be_visible()
    page.get_by_role("button", name=re.compile("^Return to")).click()
    expect(story.badge(page)).to_have_text("Awaiting admin", timeout=story.A_WORKER_TAKES_MS)


def _makes_a_link(page: Page, product: Product) -> str:
    """The worker looks up whose domain it is, and the page shows it by itself."""
    page.goto(f"{product.url}/account/connections/approvals/")
    expect(page.get_by_role("row", name=re.compile("Alice"))).to_be_visible()
    page.get_by_role("button", name="Make a link").click(timeout=60_000)
    return page.get_by_label("Link for a Microsoft 365 admin").input_value()


def _signs_in_at_microsoft(windows: Windows, link: str) -> Page:
    """In a browser that has never seen the portal."""
    page = windows.signed_out()
    page.goto(link)
    page.get_by_role("link", name=re.compile("^Dana")).click()
    story.sign_in_at_microsoft(page)
    expect(page.get_by_text("Review for Kestrel & Co")).to_be_visible()
    return page


def _accepts_at_microsoft(windows: Windows, link: str) -> None:
    page = _signs_in_at_microsoft(windows, link)
    story.accept(page)
    expect(page.get_by_role("heading", name="Thank you")).to_be_visible()
    assert "state" not in page.url
    assert not looks.faults_of(page)


def _link_in_the_letter(product: Product) -> str:
    letter = next(letter for letter in reversed(product.letters) if ALICE in letter and "One step is left" in letter)
    found = re.search(rf"^{re.escape(product.url)}/\S+$", letter, re.MULTILINE)
    assert found, letter
    return found[0]
