"""The connections console with the real worker: found, chosen, checked, reminded and disconnected by the admin."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.journeys import ground, story
from tests.journeys.windows import Windows
from tests.processes import Product

pytestmark = [pytest.mark.journey, pytest.mark.timeout(300)]

ALICE, BOB = "alice@kestrel.example", "bob@kestrel.example"


def test_the_admin_finds_who_is_lost_checks_reminds_and_disconnects(product: Product, windows: Windows) -> None:
    alice, bob, dana = windows.of("alice"), windows.of("bob"), windows.of("dana")
    story.connect(alice, product)
    story.connect(bob, product)
    product.simulator.control("POST", f"people/{BOB}/revoke-sessions")
    _tokens_are_used_up(product)

    # Found: both as connected, since nobody has asked Microsoft yet.
    dana.get_by_role("navigation", name="Portal").get_by_role("link", name="Connections").click()
    dana.get_by_role("link", name="2 Connected", exact=True).click()
    dana.get_by_role("link", name="Choose all 2").click()
    dana.get_by_role("button", name="Check now").click()

    assert _outcomes(dana) == {
        ALICE: "Connected.",
        BOB: "Needs reconnecting: The sessions were ended at Microsoft, or the password was changed.",
    }
    dana.get_by_role("link", name="Back").click()
    expect(dana.get_by_role("link", name="1 Connected", exact=True)).to_have_attribute("aria-current", "true")

    # Reminded, once a day.
    dana.get_by_role("link", name="1 Needs reconnecting").click()
    dana.get_by_label("Choose Bob").check()
    dana.get_by_role("button", name="Remind").click()
    assert _outcomes(dana) == {BOB: "A letter is on its way."}
    ground.until(lambda: bool(ground.ask(product, "SELECT 1 FROM accounts_letter WHERE sent_at IS NOT NULL")))

    # Disconnected, after the question whom exactly.
    dana.get_by_role("link", name="Back").click()
    dana.get_by_label("Choose Bob").check()
    dana.get_by_role("button", name="Disconnect…").click()
    expect(dana.get_by_role("heading", level=1)).to_have_text("Disconnect 1 person?")
    dana.get_by_label("Reason").fill("He has left the team.")
    dana.get_by_role("button", name="Disconnect 1 person").click()
    assert _outcomes(dana) == {BOB: "Disconnected."}
    assert ground.connection_of(product, BOB)["state"] == "disconnected"
    assert ground.connection_of(product, ALICE)["state"] == "connected"
    dana.goto(f"{product.url}/account/audit/")
    expect(dana.get_by_role("main")).to_contain_text("Reason: He has left the team.")


def test_a_worker_killed_while_it_checks_leaves_the_rest_to_the_next(product: Product, windows: Windows) -> None:
    people = [windows.of(name) for name in ("alice", "bob")]
    dana = windows.of("dana")
    for person in people:
        story.connect(person, product)
    _tokens_are_used_up(product)
    product.simulator.control("POST", "faults", {"target": "token", "seconds": 15, "steps": [{"latency_ms": 5000}]})
    dana.goto(f"{product.url}/account/connections/?state=connected&all=1")
    dana.get_by_role("button", name="Check now").click()
    ground.until(lambda: bool(ground.ask(product, "SELECT 1 FROM accounts_job WHERE claimed_until IS NOT NULL")))

    with ground.worker_killed(product):
        assert ground.lines_done(product) == (0, 2)
        _leases_and_claims_run_out(product)

    assert set(_outcomes(dana).values()) == {"Connected."}
    assert ground.lines_done(product) == (2, 2)


def _outcomes(page: Page) -> dict[str, str]:
    """What the report says happened to each, once the job has ended."""
    expect(page.get_by_role("main").get_by_text("Ended")).to_be_visible(timeout=90_000)
    with page.expect_download() as download:
        page.get_by_role("link", name="Download the report of every person").click()
    with Path(download.value.path()).open(encoding="utf-8-sig", newline="") as file:
        return {line["E-mail"]: line["What happened"] for line in csv.DictReader(file)}


def _tokens_are_used_up(product: Product) -> None:
    ground.change(
        product, "UPDATE integrations_connection SET access_token = '', access_expires_at = '2020-01-01 00:00:00+00:00'"
    )


def _leases_and_claims_run_out(product: Product) -> None:
    """As if the time had passed for which a dead worker keeps others away."""
    ground.claims_run_out(product)
    ground.change(product, "UPDATE integrations_connection SET lease_until = NULL, lease_holder = NULL")
