# ruff: noqa: S608  our own words for our own throwaway database
"""Redis goes, PostgreSQL goes, or the worker is killed while Microsoft is being asked: the state is true afterwards,
the work goes on by itself, and nothing is done twice."""

from __future__ import annotations

import os
import re
import time
from collections.abc import Callable
from contextlib import AbstractContextManager

import pytest
from playwright.sync_api import Page, expect

from tests.journeys import ground, story
from tests.journeys.windows import Windows
from tests.processes import Product

pytestmark = [pytest.mark.journey, pytest.mark.timeout(300)]

ALICE = "alice@kestrel.example"
LATE_MS = 2500  # Microsoft's answer comes while what is gone is gone
AWAY = 4.0  # seconds
# Seconds from Microsoft being asked until it goes; a soak chooses others (tests/soaks/faults.py).
MOMENT = float(os.environ.get("MERIDIAN_MOMENT", "0"))

Away = Callable[[], AbstractContextManager[None]]


@pytest.fixture(params=["worker", "redis", "database"])
def away(request: pytest.FixtureRequest, product: Product) -> Away:
    if request.param == "redis" and not product.can_lose_its_redis:
        pytest.skip("a given Redis is not ours to kill")
    if request.param == "database" and not product.can_lose_its_database:
        pytest.skip("SQLite is a file, and has nothing that could go")
    found: dict[str, Away] = {
        "worker": lambda: ground.worker_killed(product),
        "redis": product.redis_away,
        "database": product.database_away,
    }
    return found[request.param]


def test_consent(away: Away, product: Product, windows: Windows) -> None:
    alice, log = windows.of("alice"), Log(product)
    story.to_microsoft(alice, product)
    story.sign_in_at_microsoft(alice)
    _slow_down(product)

    story.accept(alice)
    _while_a_code_is_redeemed(away, alice, product)

    if not _has_connected(product):
        assert ground.connection_of(product, ALICE) == {}
        story.to_profile(alice, product)
        expect(story.panel(alice)).to_contain_text(re.compile("Press Authorize again"))
        story.to_permissions(alice, product)
        alice.get_by_role("button", name="Authorize").click()
    story.to_profile(alice, product)
    story.is_connected(alice)
    assert log.count("connected") == 1
    assert _letters(product) == 0


def test_reconnect(away: Away, product: Product, windows: Windows) -> None:
    alice, log = windows.of("alice"), Log(product)
    story.connect(alice, product)
    row = ground.connection_of(product, ALICE)["id"]
    product.simulator.control("POST", f"people/{ALICE}/revoke-sessions")
    _make_due(product)
    ground.until(lambda: ground.connection_of(product, ALICE)["state"] == "needs_reauth")
    story.to_profile(alice, product)
    story.panel(alice).get_by_role("button", name="Reconnect").click()
    _slow_down(product)

    story.sign_in_at_microsoft(alice)
    _while_a_code_is_redeemed(away, alice, product)

    story.to_profile(alice, product)
    if not _has_connected(product):
        assert ground.connection_of(product, ALICE)["state"] == "needs_reauth"
        expect(story.panel(alice)).to_contain_text(re.compile("Press Reconnect again"))
        story.panel(alice).get_by_role("button", name="Reconnect").first.click()
    story.is_connected(alice)
    assert ground.connection_of(product, ALICE)["id"] == row
    assert (log.count("connected"), log.count("authorization_lost")) == (2, 1)
    assert _letters(product) == 1


def test_refresh(away: Away, product: Product, windows: Windows) -> None:
    alice, log = windows.of("alice"), Log(product)
    story.connect(alice, product)
    before = ground.connection_of(product, ALICE)["token_version"]
    alice.goto("about:blank")
    _slow_down(product)

    _make_due(product)
    ground.until(lambda: _is_leased(product))
    _gone_for_a_while(away, product)
    _leases_run_out(product)

    ground.until(lambda: ground.connection_of(product, ALICE)["token_version"] > before and not _is_leased(product))
    assert ground.connection_of(product, ALICE)["state"] == "connected"
    assert log.count("authorization_lost") == 0
    assert _letters(product) == 0


def test_disconnect(away: Away, product: Product, windows: Windows) -> None:
    """While its access is being renewed: what comes back is not kept."""
    alice, log = windows.of("alice"), Log(product)
    story.connect(alice, product)
    _slow_down(product)

    _make_due(product)
    ground.until(lambda: _is_leased(product))
    story.panel(alice).get_by_role("button", name="Delete").click()
    alice.get_by_role("dialog").get_by_role("button", name="Delete").click()
    expect(alice.get_by_text("The connection is deleted.")).to_be_visible()
    alice.goto("about:blank")
    _gone_for_a_while(away, product)
    _leases_run_out(product)

    time.sleep(1)  # for whoever would still write
    story.to_profile(alice, product)
    expect(alice.get_by_role("link", name=story.CONFIGURE)).to_be_visible()
    assert ground.connection_of(product, ALICE)["state"] == "disconnected"
    assert ground.sealed_tokens_of(product, ALICE) == ("", "")
    assert log.count("disconnected") == 1
    assert _letters(product) == 0


def _while_a_code_is_redeemed(away: Away, page: Page, product: Product) -> None:
    ground.until(lambda: ground.consent_is_claimed(product))
    page.goto("about:blank")
    _gone_for_a_while(away, product)
    ground.claims_run_out(product)
    ground.until(lambda: not ground.ask(product, "SELECT 1 FROM integrations_consentrequest WHERE ended_at IS NULL"))
    found = ground.ask(product, "SELECT reason FROM integrations_consentrequest ORDER BY created_at DESC LIMIT 1")
    assert found in ([("",)], [("interrupted",)])


def _gone_for_a_while(away: Away, product: Product) -> None:
    time.sleep(MOMENT)
    with away():
        time.sleep(AWAY)
        product.simulator.control("DELETE", "faults")
    # Celery's worker ends when Redis goes while a task is under way; its supervisor starts another.
    for _ in range(20):
        product.mind()
        time.sleep(0.25)


def _slow_down(product: Product) -> None:
    product.simulator.control("POST", "faults", {"target": "token", "latency_ms": LATE_MS, "seconds": 60})


def _make_due(product: Product) -> None:
    ground.tokens_are_gone(product)
    ground.waits_are_over(product)


def _is_leased(product: Product) -> bool:
    return bool(ground.ask(product, "SELECT 1 FROM integrations_connection WHERE lease_until IS NOT NULL"))


def _leases_run_out(product: Product) -> None:
    """As if the time were over for which a dead worker holds one."""
    ground.change(
        product, "UPDATE integrations_connection SET lease_until = connected_at WHERE lease_until IS NOT NULL"
    )


def _has_connected(product: Product) -> bool:
    return bool(ground.connection_of(product, ALICE).get("state") == "connected")


class Log:
    """What the audit log says since then."""

    def __init__(self, product: Product) -> None:
        self.product = product
        ((self.begins,),) = ground.ask(product, "SELECT coalesce(max(id), 0) FROM accounts_auditentry")

    def count(self, action: str) -> int:
        since = f"id > {self.begins} AND action = 'calendar.{action}'"
        ((found,),) = ground.ask(self.product, f"SELECT count(*) FROM accounts_auditentry WHERE {since}")
        return int(found)


def _letters(product: Product) -> int:
    ((count,),) = ground.ask(product, "SELECT count(*) FROM accounts_letter")
    return int(count)
