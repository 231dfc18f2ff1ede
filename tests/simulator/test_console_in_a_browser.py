"""The console in a real browser: every page for everybody, and the ways a trainer goes."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect

from tests.simulated import Simulator
from tests.simulator.client import ALICE, Client

PERSON = "/console/people/2f7b4c34-5e3d-4a2c-9b11-3d4c9e7b6a03"


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """A simulator that has seen something already: its pages are full."""
    simulator = Simulator().start(Path(tmp_path_factory.mktemp("console")))
    yield Client(simulator)
    simulator.stop()


@pytest.fixture(autouse=True)
def _busy_day(trained: Client) -> None:
    trained.simulator.control("POST", "reset")
    tokens = trained.connect()
    for _ in range(2):
        trained.refresh(tokens["refresh_token"])
    trained.graph("no.such.token", "/me")
    trained.simulator.control("POST", "faults", {"target": "graph", "status": 429, "seconds": 60, "path": "me/events"})


@pytest.fixture
def complaints(page: Page) -> list[str]:
    said: list[str] = []
    page.on("console", lambda message: said.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: said.append(str(error)))
    return said


@pytest.mark.parametrize("width", [320, 1366])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_page_is_fit_for_everybody(browser: Any, trained: Client, width: int, scheme: str) -> None:
    context = browser.new_context(viewport={"width": width, "height": 800}, color_scheme=scheme)
    page = context.new_page()

    for address in _addresses(trained):
        page.goto(f"{trained.simulator.human_url}{address}")
        page.evaluate("document.querySelectorAll('details').forEach((one) => { one.open = true; })")
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), f"{address} is too wide"
        found = Axe().run(page)
        assert found.violations_count == 0, f"{address}:\n{found.generate_report()}"
    context.close()


def test_no_page_breaks_its_own_policy(page: Page, trained: Client, complaints: list[str]) -> None:
    for address in _addresses(trained):
        page.goto(f"{trained.simulator.human_url}{address}")

    assert complaints == []


def test_an_action_says_what_will_happen_and_then_what_has(page: Page, trained: Client) -> None:
    page.goto(f"{trained.simulator.human_url}{PERSON}")
    disclosure = page.locator("summary", has_text="Revoke sessions")
    disclosure.focus()
    page.keyboard.press("Enter")
    expect(page.get_by_text("The next refresh is refused with AADSTS50173")).to_be_visible()
    page.get_by_role("button", name=re.compile("Revoke sessions.*Alice Moreau")).press("Enter")

    expect(page.get_by_role("status")).to_contain_text("Alice Moreau’s sessions are revoked.")


def test_a_bad_day_begins_without_a_script(browser: Any, trained: Client) -> None:
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()

    page.goto(trained.simulator.human_url)
    page.get_by_role("button", name=re.compile("Begin.*Graph is down")).click()

    expect(page.get_by_role("status")).to_contain_text("For 5 minutes Graph answers 503.")
    assert trained.graph(trained.connect()["access_token"], "/me").status_code == 503
    context.close()


def test_an_event_is_edited_as_in_outlook(page: Page, trained: Client) -> None:
    page.goto(f"{trained.simulator.human_url}{PERSON}")
    page.locator(".diary a").first.click()
    page.locator("summary", has_text="Change").click()
    page.get_by_label("Subject").fill("Moved by the trainer")
    page.get_by_role("button", name=re.compile("^Change")).click()

    expect(page.get_by_role("status")).to_contain_text("“Moved by the trainer” is changed")
    expect(page.locator(".diary")).to_contain_text(["Moved by the trainer"])


def test_a_rule_with_steps_is_built(page: Page, trained: Client) -> None:
    page.goto(f"{trained.simulator.human_url}/console/faults")
    page.get_by_label("Person").fill(ALICE)
    page.get_by_label("How many in all").fill("4")
    page.get_by_label("Retry-After in s").first.fill("3")
    page.locator("summary", has_text="More steps").click()
    page.locator("#status-2").select_option("reset")
    page.get_by_role("button", name="Start the fault").click()

    expect(page.get_by_role("status")).to_have_text("The fault is on.")
    expect(page.locator(".faults")).to_contain_text("answers 429, Retry-After 3 s, then connection reset")


def test_the_log_follows_by_itself_until_paused(page: Page, trained: Client) -> None:
    page.goto(f"{trained.simulator.human_url}/log")
    first = page.locator("#entries > li").first
    trained.simulator.control("POST", f"people/{ALICE}/lock")
    expect(first).to_contain_text("Alice Moreau is locked out")

    page.get_by_role("button", name="Pause").click()
    trained.simulator.control("POST", f"people/{ALICE}/unlock")
    page.wait_for_timeout(2500)
    expect(first).to_contain_text("Alice Moreau is locked out")

    page.get_by_role("button", name="Pause").click()
    expect(first).to_contain_text("Alice Moreau is unlocked")


def test_the_log_is_filtered_without_a_script(browser: Any, trained: Client) -> None:
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()

    page.goto(f"{trained.simulator.human_url}/log")
    page.get_by_label("Only with remarks").check()
    page.get_by_role("button", name="Show").click()

    entries = page.locator("#entries > li")
    expect(entries).to_have_count(1)
    expect(entries.first).to_contain_text("Used a refresh token a second time")
    context.close()


def _addresses(trained: Client) -> list[str]:
    state = trained.simulator.control("GET", "state")
    kestrel, corvid = (
        next(tenant["id"] for tenant in state["tenants"] if tenant["name"] == name)
        for name in ("Kestrel & Co", "Corvid Ltd")
    )
    events = trained.simulator.control("GET", f"people/{ALICE}/events")["events"]
    application = f"/console/applications/{trained.simulator.client_id}"
    return [
        "/",
        "/log",
        "/console/faults",
        f"/console/tenants/{kestrel}",
        PERSON,
        f"{PERSON}/rename",
        f"{PERSON}/events/{events[0]['id']}",
        application,
        f"{application}/tenants/{kestrel}",
        f"{application}/tenants/{corvid}",
    ]
