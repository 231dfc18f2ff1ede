"""Gus manages Sales: its members and its settings, and nothing else."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from tests.journeys import ground, story
from tests.journeys.windows import Windows
from tests.processes import Product

pytestmark = [pytest.mark.journey, pytest.mark.timeout(300)]

BOB = "bob@kestrel.example"


def test_he_sees_his_group_and_no_other(product: Product, windows: Windows) -> None:
    windows.forgive("status of 403")
    ground.another_group(product, "Marketing")
    gus = windows.of("gus")
    portal = gus.get_by_role("navigation", name="Portal")
    for hidden in ("Users", "Account Settings", "Audit log"):
        expect(portal.get_by_role("link", name=hidden)).to_have_count(0)

    portal.get_by_role("link", name="Groups").click()
    expect(gus.get_by_role("rowheader").get_by_role("link")).to_have_text(["Sales"])
    for hidden in ("Move Sales up", "Create a group"):
        expect(gus.get_by_role("button", name=hidden)).to_have_count(0)
    gus.get_by_role("link", name="Sales").click()
    for hidden in ("Rename", "Move", "Review the deletion"):
        expect(gus.get_by_role("main").get_by_role("button", name=hidden)).to_have_count(0)

    ((marketing,),) = ground.ask(product, "SELECT id FROM accounts_group WHERE name = 'Marketing'")
    for path in (
        f"/groups/{marketing}/",
        f"/groups/{marketing}/settings/",
        f"/groups/{marketing}/members/import/",
        "/account/settings/",
        "/account/audit/",
    ):
        gus.goto(f"{product.url}{path}")
        expect(gus.get_by_role("heading", level=1)).to_have_text("You may not open this")


def test_he_manages_its_members_and_settings(product: Product, windows: Windows) -> None:
    bob, gus = windows.of("bob"), windows.of("gus")
    story.connect(bob, product)
    story.to_group_settings(gus, product, "Sales")
    story.switch(gus).click()
    story.confirm(gus, "Disable")
    story.press_in_row(gus, story.SWITCH, "Lock")
    story.confirm(gus, "Lock")

    gus.get_by_role("link", name="Members", exact=True).click()
    gus.get_by_label("Name or e-mail of somebody to add").fill("bob")
    gus.get_by_role("button", name="Find").click()
    gus.get_by_role("button", name="Add Bob").click()
    expect(story.sheet(gus)).to_contain_text("1 connection will be blocked at once.")
    story.confirm(gus, "Add and block 1 connection")

    assert BOB in ground.members_of(product, "Sales")
    ground.until(lambda: ground.connection_of(product, BOB)["state"] == "blocked_by_policy")
    story.to_own_settings(bob, product)
    expect(story.row(bob, story.SWITCH)).to_contain_text("Locked by Sales")
    gus.get_by_role("button", name="Remove Bob").click()
    expect(story.sheet(gus)).to_contain_text("1 connection comes back by itself.")
    story.confirm(gus, "Remove")
    ground.until(lambda: ground.connection_of(product, BOB)["state"] == "connected")
