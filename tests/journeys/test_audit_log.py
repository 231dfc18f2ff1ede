"""The log: everything is in it, people’s own changes too; found by filters, and taken along as a file."""

from __future__ import annotations

import csv

import pytest
from playwright.sync_api import expect

from tests.journeys import ground, story
from tests.journeys.windows import Windows
from tests.processes import Product

pytestmark = [pytest.mark.journey, pytest.mark.timeout(300)]


def test_filtering_and_downloading(product: Product, windows: Windows) -> None:
    bob, dana = windows.of("bob"), windows.of("dana")
    story.to_own_settings(bob, product)
    story.switch(bob).click()
    story.sheet(bob).get_by_label("Reason").fill("=1+1, and my own")
    story.confirm(bob, "Disable")
    story.to_mail_and_calendar(dana)
    story.flip_the_switch(dana, "Disable")

    dana.get_by_role("navigation", name="Portal").get_by_role("link", name="Audit log").click()
    for label, choice in (("Level", "User"), ("Setting", story.SWITCH)):
        dana.get_by_label(label, exact=True).select_option(choice)
    dana.wait_for_load_state()  # the key does nothing before the script is there
    dana.keyboard.press("/")
    dana.keyboard.type("bob")
    dana.get_by_role("button", name="Filter").click()
    newest = dana.get_by_role("row").nth(1)
    expect(newest).to_contain_text("Bob")
    expect(newest).to_contain_text("Reason: =1+1, and my own")
    expect(dana.get_by_role("table")).not_to_contain_text("Dana changed")
    expect(dana.get_by_label("Level", exact=True)).to_have_value("user")
    with dana.expect_download() as download:
        dana.get_by_role("link", name="Download as CSV").click()

    with download.value.path().open(encoding="utf-8-sig", newline="") as file:
        lines = list(csv.DictReader(file))
    assert {line["Who"] for line in lines} == {"Bob"}
    assert lines[0]["Reason"] == "'=1+1, and my own", "a spreadsheet would take it for a formula"
    dana.get_by_label("To", exact=True).fill("2001-01-01")
    dana.get_by_role("button", name="Filter").click()
    expect(dana.get_by_role("main")).to_contain_text("No entry matches")
    dana.get_by_role("link", name="Show everything").click()
    expect(dana.get_by_role("row").nth(1)).to_contain_text("downloaded entries of the audit log")
    assert ground.ask(product, "SELECT 1 FROM accounts_auditentry WHERE action = 'audit.exported'")
