"""An admin finds out why somebody's calendar is dead, and tests with somebody whether the way to Microsoft works."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.journeys import ground, story
from tests.journeys.windows import Windows
from tests.processes import Product

pytestmark = [pytest.mark.journey, pytest.mark.timeout(300)]


def test_dana_tests_the_integration_with_bob(product: Product, windows: Windows) -> None:
    dana, bob = windows.of("dana"), windows.of("bob")
    _begin_a_test(dana, product, "bob")
    expect(_steps(dana, "now")).to_have_count(1, timeout=story.A_WORKER_TAKES_MS)  # a worker has asked its part
    expect(_steps(dana, "now")).to_contain_text("Bob has gone to Microsoft")
    expect(dana.get_by_label("To copy and send")).to_have_value(re.compile("press Authorize"))

    story.to_microsoft(bob, product)
    expect(_steps(dana, "now")).to_contain_text("Bob has come back", timeout=story.A_WORKER_TAKES_MS)
    story.sign_in_at_microsoft(bob)
    story.accept(bob)
    story.is_connected(bob)

    # Nobody has pressed anything on her page meanwhile.
    expect(dana.get_by_text("14 of 14 steps have passed.")).to_be_visible(timeout=story.A_WORKER_TAKES_MS)
    expect(dana.get_by_role("main").get_by_text("Passed", exact=True).first).to_be_visible()
    expect(dana.get_by_role("button", name="Test again")).to_be_visible()


def test_somebody_who_declines_is_a_failed_step_with_advice(product: Product, windows: Windows) -> None:
    dana, bob = windows.of("dana"), windows.of("bob")
    _begin_a_test(dana, product, "bob")

    story.to_microsoft(bob, product)
    story.sign_in_at_microsoft(bob)
    bob.get_by_role("button", name="Cancel").click()

    failed = _steps(dana, "failed")
    expect(failed).to_contain_text("Bob has come back with Microsoft’s agreement", timeout=story.A_WORKER_TAKES_MS)
    expect(failed).to_contain_text("Bob starts again")
    dana.get_by_role("button", name="End the test").click()
    expect(dana.get_by_text("The test has ended.")).to_be_visible()


def test_dana_finds_out_why_the_calendar_is_dead_and_reminds(product: Product, windows: Windows) -> None:
    dana, alice = windows.of("dana"), windows.of("alice")
    story.connect(alice, product)
    row = ground.connection_of(product, "alice@kestrel.example")["id"]
    dana.goto(f"{product.url}/account/connections/")
    dana.get_by_role("link", name="Diagnose Alice").click()
    expect(_steps(dana, "failed")).to_have_count(0)

    product.simulator.control("POST", "people/alice@kestrel.example/revoke-sessions")
    ground.change(product, "UPDATE integrations_connection SET access_token = '', refreshed_at = NULL")
    dana.get_by_role("button", name="Check now").click()

    expect(dana.get_by_text("Needs reconnecting", exact=True)).to_be_visible(timeout=story.A_WORKER_TAKES_MS)
    expect(_steps(dana, "failed")).to_contain_text("AADSTS50173. The sessions were ended at Microsoft")
    expect(dana.get_by_text("Alice presses Reconnect on the profile. Nothing else does.")).to_be_visible()
    dana.get_by_role("button", name="Remind Alice").click()
    expect(dana.get_by_text("Alice gets an e-mail with a link to reconnect.")).to_be_visible()
    bundle = _downloaded(dana)
    assert (bundle["connection"]["id"], bundle["connection"]["reason"]) == (row, "sessions_revoked")


def test_it_works_without_a_script(product: Product, windows: Windows) -> None:
    dana, alice = windows.of("dana", java_script_enabled=False), windows.of("alice")
    story.connect(alice, product)
    row = ground.connection_of(product, "alice@kestrel.example")["id"]

    dana.goto(f"{product.url}/account/connections/{row}/")
    dana.get_by_role("button", name="Check now").click()

    for _ in range(30):
        if dana.get_by_text("The mailbox answered.").is_visible():
            break
        dana.wait_for_timeout(1000)
        dana.get_by_role("link", name="Look again").click()
    expect(dana.get_by_text("The mailbox answered.")).to_be_visible()


def _begin_a_test(page: Page, product: Product, name: str) -> None:
    page.goto(f"{product.url}/account/connections/")
    page.get_by_role("link", name="Test the integration").click()
    page.get_by_label("Name or e-mail").fill(name)
    page.get_by_role("button", name="Find").click()
    page.get_by_role("button", name="Begin the test").click()


def _steps(page: Page, mark: str) -> Locator:
    return page.locator(f".steps > .{mark}")


def _downloaded(page: Page) -> dict[str, dict[str, object]]:
    with page.expect_download() as download:
        page.get_by_role("link", name="Support bundle").click()
    found: dict[str, dict[str, object]] = json.loads(Path(download.value.path()).read_text())
    return found
