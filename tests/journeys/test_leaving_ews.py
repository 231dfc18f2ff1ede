"""Exchange Web Services are chosen, shut off, and left: by a person alone, and by an admin for everybody."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.journeys import ground, story
from tests.journeys.windows import Windows
from tests.processes import Product

pytestmark = [pytest.mark.journey, pytest.mark.timeout(300)]

POLICY = "Services and permissions"
SHUT_OFF = "Exchange Online no longer answers Meridian by Exchange Web Services (EWS)"
TO_GRAPH = re.compile("^Move to Graph")


def test_on_the_day_of_the_shut_off_one_sentence_and_one_button_lead_to_graph(
    product: Product, windows: Windows
) -> None:
    dana, bob = windows.of("dana"), windows.of("bob")
    _choose_ews(dana, product)
    story.connect(bob, product)
    expect(story.panel(bob)).to_contain_text("Office 365 by Exchange Web Services (EWS)")
    bob.goto(f"{product.url}/meetings/")
    expect(bob.get_by_text("Daily stand-up").first).to_be_visible(timeout=story.A_WORKER_TAKES_MS)

    _shut_off(product)
    bob.reload()
    expect(bob.get_by_role("main")).to_contain_text(SHUT_OFF, timeout=story.A_WORKER_TAKES_MS)
    expect(bob.get_by_role("main").locator("button.primary")).to_have_text(["Move to Graph"])
    story.to_profile(bob, product)
    expect(story.panel(bob)).to_contain_text(SHUT_OFF)
    expect(story.panel(bob).locator(".form-foot .btn.primary")).to_have_text(["Move to Graph"])
    story.panel(bob).get_by_role("button", name=TO_GRAPH).click()
    story.accept(bob)  # Microsoft knows him by now, and asks for no password

    story.is_connected(bob)
    expect(story.panel(bob)).not_to_contain_text("Exchange Web Services")
    assert ground.connection_of(product, story.address("bob"))["api"] == "graph"
    bob.goto(f"{product.url}/meetings/")
    expect(bob.get_by_text("Daily stand-up").first).to_be_visible(timeout=story.A_WORKER_TAKES_MS)


def test_an_admin_finds_them_moves_them_and_can_bring_them_back(product: Product, windows: Windows) -> None:
    dana, bob, hers = windows.of("dana"), windows.of("bob"), windows.of("dana")
    _agreed_to_graph_before(bob, product)
    _choose_ews(dana, product)
    _connect_again(bob, product)
    story.connect(hers, product)

    _to_assistant(dana, product)
    expect(_section(dana, "Countdown")).to_contain_text("2 people")
    _look(dana, product)
    expect(_section(dana, "Plan")).to_contain_text("Move without them: 1")
    expect(_section(dana, "Plan")).to_contain_text("Must agree once: 1")
    _section(dana, "Plan").get_by_role("button", name=TO_GRAPH).click()
    dana.locator("button.primary").last.click()
    ground.until(lambda: ground.connection_of(product, story.address("bob"))["api"] == "graph")
    ground.until(lambda: ground.connection_of(product, story.address("dana"))["move"] == "asked")
    assert ground.connection_of(product, story.address("dana"))["api"] == "ews"

    _to_assistant(dana, product)
    expect(_section(dana, "Moved to Graph")).to_contain_text(story.address("bob"))
    story.to_profile(hers, product)
    expect(story.panel(hers).get_by_role("button", name=TO_GRAPH)).to_have_count(1)
    _section_of_jobs(dana, "Tried to move to Graph").get_by_role("link", name="2 of 2 people").click()
    with dana.expect_download() as report:
        dana.get_by_role("link", name="Download the report of every person").click()
    rows = report.value.path().read_text()
    assert "Moved to Graph." in rows
    assert "Must agree at Microsoft once; asked by e-mail. EWS goes on until then." in rows

    _to_assistant(dana, product)
    _section(dana, "Plan").get_by_role("button", name=re.compile("^Back to EWS")).click()
    dana.locator("button.primary").last.click()
    _to_assistant(dana, product)
    _section(dana, "Moved to Graph").get_by_role("button", name=re.compile("^Bring back")).click()
    ground.until(lambda: ground.connection_of(product, story.address("bob"))["api"] == "ews")
    story.to_profile(bob, product)
    story.is_connected(bob)


def test_nobody_is_moved_before_graph_has_opened_the_mailbox(product: Product, windows: Windows) -> None:
    dana, bob = windows.of("dana"), windows.of("bob")
    _agreed_to_graph_before(bob, product)
    _choose_ews(dana, product)
    _connect_again(bob, product)
    product.simulator.control("POST", "faults", {"target": "graph", "status": 503, "seconds": 300})

    _to_assistant(dana, product)
    _section(dana, "Plan").get_by_role("button", name=TO_GRAPH).click()
    dana.locator("button.primary").last.click()
    tried = "SELECT tried_at FROM integrations_graphprospect WHERE tried_at IS NOT NULL AND outcome = 'unknown'"
    ground.until(lambda: bool(ground.ask(product, tried)))
    assert ground.connection_of(product, story.address("bob"))["api"] == "ews"
    bob.goto(f"{product.url}/meetings/")
    expect(bob.get_by_text("Daily stand-up").first).to_be_visible(timeout=story.A_WORKER_TAKES_MS)
    _to_assistant(dana, product)
    expect(dana.get_by_role("row").filter(has_text=story.address("bob"))).to_contain_text("Not found out")

    product.simulator.control("DELETE", "faults")
    _to_assistant(dana, product)
    dana.get_by_role("button", name="Move now those whose settings say Graph").click()
    ground.until(lambda: ground.connection_of(product, story.address("bob"))["api"] == "graph")


def _agreed_to_graph_before(bob: Page, product: Product) -> None:
    story.connect(bob, product)
    story.panel(bob).get_by_role("button", name="Delete").click()
    bob.get_by_role("dialog").get_by_role("button", name="Delete").click()
    expect(story.panel(bob)).to_contain_text(story.CONFIGURE)


def _connect_again(page: Page, product: Product) -> None:
    """Microsoft knows them by now, and asks for no password."""
    story.to_permissions(page, product)
    page.get_by_role("button", name="Authorize").click()
    story.accept(page)
    story.is_connected(page)


def _choose_ews(dana: Page, product: Product) -> None:
    dana.goto(f"{product.url}/account/settings/mail-calendar/")
    row = story.row(dana, POLICY)
    row.get_by_role("radio", name=re.compile("Exchange Web Services")).check()
    expect(row).to_contain_text("1 April 2027")
    story.press_in_row(dana, POLICY, "Save")
    expect(story.sheet(dana)).to_contain_text("Full mailbox access.")
    story.sheet(dana).locator("button.primary").click()
    expect(story.sheet(dana)).to_be_hidden()


def _shut_off(product: Product) -> None:
    product.simulator.control("POST", "tenants/kestrel.example/ews-policy-date", {"day": "2026-10-01"})


def _to_assistant(dana: Page, product: Product) -> None:
    dana.goto(f"{product.url}/account/settings/mail-calendar/")
    dana.get_by_role("navigation", name="Portal").get_by_role("link", name="EWS retirement").click()
    expect(dana.get_by_role("heading", name="EWS retirement")).to_be_visible()


def _look(dana: Page, product: Product) -> None:
    dana.get_by_role("button", name="Look whether they could use Graph").click()
    done = "SELECT state FROM accounts_job WHERE kind = 'leaving_ews.look'"
    ground.until(lambda: ground.ask(product, done) == [("done",)])
    _to_assistant(dana, product)


def _section(page: Page, heading: str) -> Locator:
    return page.get_by_role("region", name=heading)


def _section_of_jobs(page: Page, label: str) -> Locator:
    return page.locator("#ews-jobs div", has=page.get_by_text(label))
