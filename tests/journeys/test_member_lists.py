"""Members by a list, with the real worker: what would happen is shown first, and a dead worker doubles nobody."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest
from playwright.sync_api import FilePayload, Page, expect

from tests.journeys import ground, story
from tests.journeys.windows import Windows
from tests.processes import Product

pytestmark = [pytest.mark.journey, pytest.mark.timeout(300)]

BOB = "bob@kestrel.example"
LIST = """email;action
bob@kestrel.example;add
alice@kestrel.example;remove
nobody-here@kestrel.example;add
gus@kestrel.example;add
mallory@corvid.example;add
"""
MANY = 2000


def test_a_list_says_what_it_would_do_and_then_does_it(product: Product, windows: Windows) -> None:
    bob, dana = windows.of("bob"), windows.of("dana")
    story.connect(bob, product)
    _sales_is_off(dana, product)

    _bring(dana, product, LIST)
    review = dana.get_by_role("main")
    expect(review).to_contain_text("1 connection will be blocked at once.")
    expect(dana.get_by_role("table", name="People whose settings or connections change")).to_contain_text(BOB)
    troubles = dana.get_by_role("table", name="Lines that cannot be done")
    expect(troubles.get_by_role("row")).to_have_count(3)
    expect(troubles.get_by_role("row").nth(2)).to_contain_text("mallory@corvid.example")
    assert ground.members_of(product, "Sales")[:2] == ["alice@kestrel.example", "gus@kestrel.example"]
    dana.get_by_label("Reason").fill("The new quarter.")
    dana.get_by_role("button", name="Add 1 person and remove 1 person").click()

    expect(review.get_by_text("Done", exact=True).first).to_be_visible(timeout=story.A_WORKER_TAKES_MS)
    expect(review).to_contain_text("5 of 5 lines", timeout=story.A_WORKER_TAKES_MS)
    with dana.expect_download() as download:
        dana.get_by_role("link", name="Download the report of every line").click()
    assert _outcomes(download.value.path()) == {
        BOB: "Done",
        "alice@kestrel.example": "Done",
        "nobody-here@kestrel.example": "Not done",
        "gus@kestrel.example": "Nothing to do",
        "mallory@corvid.example": "Not done",
    }
    ground.until(lambda: ground.connection_of(product, BOB)["state"] == "blocked_by_policy")
    assert BOB in ground.members_of(product, "Sales")
    assert "alice@kestrel.example" not in ground.members_of(product, "Sales")


def test_a_worker_killed_in_the_middle_of_a_list_doubles_nobody(product: Product, windows: Windows) -> None:
    dana = windows.of("dana")
    with ground.crowd(product, MANY) as people:
        _bring(dana, product, "email\n" + "\n".join(people))
        dana.get_by_role("button", name="Add 2,000 people").click()

        ground.until(lambda: ground.lines_done(product)[0] > 0)
        with ground.worker_killed(product):
            handled, total = ground.lines_done(product)
            assert 0 < handled < total == MANY
            expect(dana.get_by_role("progressbar", name="Lines")).to_be_visible()
            ground.claims_run_out(product)

        expect(dana.get_by_role("main")).to_contain_text("2,000 of 2,000 lines", timeout=2 * story.A_WORKER_TAKES_MS)
        expect(dana.get_by_role("progressbar", name="Lines")).to_have_attribute("value", "2000")
        members = [address for address in ground.members_of(product, "Sales") if address.startswith("crowd-")]
        assert sorted(members) == sorted(people)
        assert _added(product) == MANY


def _sales_is_off(page: Page, product: Product) -> None:
    story.to_group_settings(page, product, "Sales")
    story.switch(page).click()
    story.confirm(page, "Disable")


def _bring(page: Page, product: Product, text: str) -> None:
    story.to_group(page, product, "Sales")
    page.get_by_role("link", name="Members", exact=True).click()
    page.get_by_role("link", name="Add or remove many by a CSV list").click()
    file = FilePayload(name="members.csv", mimeType="text/csv", buffer=text.encode())
    page.get_by_label("CSV file").set_input_files(file)
    page.get_by_role("button", name="See what would happen").click()
    expect(page.get_by_role("heading", name="Review the list for Sales")).to_be_visible()


def _outcomes(report: Path) -> dict[str, str]:
    with report.open(encoding="utf-8-sig", newline="") as file:
        return {line["E-mail"]: line["Outcome"] for line in csv.DictReader(file)}


def _added(product: Product) -> int:
    """How many entries of the audit log say that one of the crowd was added."""
    ((number,),) = ground.ask(
        product,
        "SELECT COUNT(*) FROM accounts_auditentry WHERE action = 'group.member_added' AND about_id IN"
        " (SELECT id FROM accounts_user WHERE email LIKE 'crowd-%')",
    )
    return int(number)
