"""The page of meetings in every state it can be in."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, expect

from tests.journeys import ground, story
from tests.journeys.windows import Windows
from tests.processes import Product

pytestmark = [pytest.mark.journey, pytest.mark.timeout(300)]


def test_not_connected(product: Product, windows: Windows) -> None:
    alice = windows.of("alice")

    alice.get_by_role("link", name=story.CONFIGURE).click()

    expect(alice).to_have_url(f"{product.url}/profile/#calendar")


def test_empty_calendar(product: Product, windows: Windows) -> None:
    alice = windows.of("alice")
    story.connect(alice, product)
    ground.empty_the_mailbox(product, "alice@kestrel.example")

    _to_meetings(alice, product)

    expect(alice.locator("#agenda")).to_contain_text("Your calendar answered; there is nothing in it.")


def test_long_calendar_is_read_to_its_end(product: Product, windows: Windows) -> None:
    bob = windows.of("bob")
    story.connect(bob, product)

    _to_meetings(bob, product)

    # Five a day on ten working days, and more: Microsoft sends them in several pages.
    expect(bob.get_by_role("heading", name="Ticket triage")).to_have_count(10, timeout=story.A_WORKER_TAKES_MS)
    expect(bob.get_by_role("heading", name="Hand over to the evening shift")).to_have_count(10)
    expect(bob.get_by_text("in the time of America/New_York")).to_be_visible()


def test_expired_token_is_fetched_anew_by_itself(product: Product, windows: Windows) -> None:
    alice = windows.of("alice")
    story.connect(alice, product)
    before = ground.connection_of(product, "alice@kestrel.example")["token_version"]
    ground.tokens_are_no_longer_new(product)
    product.simulator.control("POST", "people/alice@kestrel.example/expire-tokens")

    _to_meetings(alice, product)

    _shows_events(alice)
    assert ground.connection_of(product, "alice@kestrel.example")["token_version"] > before


@pytest.mark.parametrize("status", [429, 503])
def test_trouble_at_microsoft_passes(product: Product, windows: Windows, status: int) -> None:
    alice = windows.of("alice")
    story.connect(alice, product)
    product.simulator.control("POST", "faults", {"target": "graph", "status": status, "seconds": 300})

    _to_meetings(alice, product)
    expect(alice.locator("#agenda")).to_contain_text("Your connection is kept")
    story.to_profile(alice, product)
    expect(story.badge(alice)).to_have_text("Degraded")
    expect(story.panel(alice)).to_contain_text("There is nothing you need to do.")
    product.simulator.control("DELETE", "faults")
    ground.waits_are_over(product)

    ground.until(lambda: ground.connection_of(product, "alice@kestrel.example")["state"] == "connected")
    alice.reload()
    expect(story.badge(alice)).to_have_text("Connected")
    _to_meetings(alice, product)
    _shows_events(alice)


def test_slow_microsoft_is_given_up_after_five_seconds(product: Product, windows: Windows) -> None:
    alice = windows.of("alice")
    story.connect(alice, product)
    product.simulator.control("POST", "faults", {"target": "graph", "latency_ms": 20_000, "seconds": 300})

    _to_meetings(alice, product)

    expect(alice.locator("#agenda")).to_contain_text("Microsoft does not answer.", timeout=8_000)
    assert ground.connection_of(product, "alice@kestrel.example")["state"] == "degraded"


def _to_meetings(page: Page, product: Product) -> None:
    page.goto(f"{product.url}/meetings/")


def _shows_events(page: Page) -> None:
    expect(page.get_by_text("Not a Zoom meeting").first).to_be_visible(timeout=story.A_WORKER_TAKES_MS)
