"""A process is killed -9 at the worst moments; the person never presses a button for it, and nothing stays stuck."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from tests.journeys import ground, story
from tests.journeys.windows import Windows
from tests.processes import Product

pytestmark = [pytest.mark.journey, pytest.mark.timeout(300)]

SILENT = "No worker has answered for 30 seconds."
INTERRUPTED = "The way to Microsoft was interrupted after you had come back"
LATE_MS = 4000


def test_killed_before_it_heard_of_the_answer(product: Product, windows: Windows) -> None:
    alice = windows.of("alice")
    story.to_microsoft(alice, product)
    story.sign_in_at_microsoft(alice)

    with ground.worker_killed(product):
        story.accept(alice)
        expect(story.badge(alice)).to_have_text("Connecting")
        expect(alice.get_by_role("progressbar")).to_be_visible()
        expect(alice.get_by_text(SILENT)).to_be_visible(timeout=45_000)

    story.is_connected(alice)
    alice.goto(f"{product.url}/meetings/")
    expect(alice.get_by_text("Not a Zoom meeting").first).to_be_visible(timeout=story.A_WORKER_TAKES_MS)


def test_killed_while_the_code_is_at_microsoft(product: Product, windows: Windows) -> None:
    """Microsoft spends the code and its answer is lost: only a new way to Microsoft can help, and the page says so."""
    alice = windows.of("alice")
    story.to_microsoft(alice, product)
    story.sign_in_at_microsoft(alice)
    product.simulator.control("POST", "faults", {"target": "token", "latency_ms": LATE_MS, "seconds": 60})

    story.accept(alice)
    ground.until(lambda: ground.consent_is_claimed(product))
    alice.wait_for_timeout(1000)  # until the worker has asked; the answer takes four times as long
    with ground.worker_killed(product):
        product.simulator.control("DELETE", "faults")
        ground.until(lambda: "/oauth2/v2.0/token" in product.output("simulator").rpartition("/consent")[2])
        ground.claims_run_out(product)

    expect(story.panel(alice)).to_contain_text(INTERRUPTED, timeout=story.A_WORKER_TAKES_MS)
    expect(story.panel(alice)).to_contain_text("Nothing is connected. Press Authorize again.")
    story.panel(alice).get_by_role("button", name="Authorize").click()
    story.is_connected(alice)


def test_killed_while_the_mailbox_opens(product: Product, windows: Windows) -> None:
    """What Microsoft gave is kept: the next worker goes on from there."""
    alice = windows.of("alice")
    story.to_microsoft(alice, product)
    story.sign_in_at_microsoft(alice)
    product.simulator.control("POST", "faults", {"target": "graph", "latency_ms": LATE_MS, "seconds": 60})

    story.accept(alice)
    ground.until(lambda: ground.mailbox_is_being_opened(product))
    with ground.worker_killed(product):
        product.simulator.control("DELETE", "faults")
        ground.claims_run_out(product)

    story.is_connected(alice)


def test_killed_when_the_meetings_need_it(product: Product, windows: Windows) -> None:
    alice = windows.of("alice")
    story.connect(alice, product)

    with ground.worker_killed(product):
        ground.tokens_are_gone(product)
        alice.goto(f"{product.url}/meetings/")
        expect(alice.get_by_text("Reading your calendar…")).to_be_visible()
        alice.wait_for_timeout(2500)
        expect(alice.get_by_text("Reading your calendar…")).to_be_visible()
        later = alice.request.get(f"{product.url}/meetings/agenda/?polls=31").text()
        assert "No worker has answered for 30 seconds" in later

    expect(alice.get_by_text("Not a Zoom meeting").first).to_be_visible(timeout=story.A_WORKER_TAKES_MS)


def test_portal_killed_while_the_person_is_at_microsoft(product: Product, windows: Windows) -> None:
    alice = windows.of("alice")
    story.to_microsoft(alice, product)
    story.sign_in_at_microsoft(alice)
    expect(alice.get_by_role("button", name="Accept")).to_be_visible()

    product.kill("portal")
    product.start("portal")
    story.accept(alice)

    story.is_connected(alice)
