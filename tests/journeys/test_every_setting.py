"""As `test_every_page`: settings at each level, the review of a change, the order and the members of groups."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import pytest
from playwright.sync_api import expect

from tests.journeys import ground, story
from tests.journeys.looks import LOOKS, Walk
from tests.journeys.windows import Windows
from tests.processes import Product

pytestmark = [
    pytest.mark.journey,
    pytest.mark.timeout(300),
    pytest.mark.parametrize("look", LOOKS.values(), ids=LOOKS.keys()),
]
Look = Mapping[str, Any]

ACCOUNT = "/account/settings/mail-calendar/"
LONG = "wilhelmina-anastasia.von-hohenlohe-langenburg@kestrel.example"
DANA, GUS, NORA = (story.address(name) for name in ("dana", "gus", "nora"))
DOMAINS = "Restrict calendar and contacts integration by domain"
A_LONG_DOMAIN = f"{'calendars-of-' * 4}kestrel.example"
RULE = f'{{"is_on": true, "domains": ["{A_LONG_DOMAIN}", "kestrel.example"]}}'
A_LIST = f"email\n{LONG}\nbob@kestrel.example\n{'very-' * 12}long@kestrel.example\nno address at all\n"


def test_settings_at_each_level(product: Product, windows: Windows, look: Look) -> None:
    windows.forgive("status of 422")
    _much_is_decided(product)
    dana, nora = Walk(windows.of("dana", **look), product), Walk(windows.of("nora", **look), product)
    page = dana.page

    page.goto(f"{product.url}{ACCOUNT}")
    dana.unfold()
    dana.to(f"{ACCOUNT}?q=nothing-is-called-this", f"{ACCOUNT}?show=overridden")
    for name in ("Engineering", "Sales"):
        story.to_group_settings(page, product, name)
        dana.unfold()
    dana.to(f"{page.url.partition('?')[0]}?change=integrations.services#setting-services")
    story.to_person(page, product, "nora")
    page.get_by_role("link", name="Mail & Calendar").click()
    dana.unfold()
    page.goto(f"{product.url}{ACCOUNT}")
    story.row(page, DOMAINS).get_by_role("checkbox").check()
    story.press_in_row(page, DOMAINS, "Save")
    expect(story.row(page, DOMAINS).get_by_role("alert").first).to_be_visible()
    dana.look()
    nora.to("/settings/mail-calendar/")
    expect(story.row(nora.page, story.SWITCH)).to_contain_text("Locked by Engineering")
    nora.unfold()

    assert not [*dana.faults, *nora.faults]


def test_reviewing_a_change(product: Product, windows: Windows, look: Look) -> None:
    windows.forgive("status of (404|409|410)")
    story.connect(windows.of("alice"), product)
    walk = Walk(windows.of("dana", **look), product)
    page = walk.page

    page.goto(f"{product.url}{ACCOUNT}")
    story.press_in_row(page, story.SWITCH, "Lock")
    expect(story.sheet(page)).to_be_visible()
    walk.look()
    page.keyboard.press("Escape")
    story.switch(page).click()
    expect(story.sheet(page)).to_contain_text("will be blocked at once")
    walk.look()
    reviewed = page.url
    ground.decide(product, "integrations.enabled", "true", by=LONG)
    story.sheet(page).get_by_role("button", name="Disable and block 1 connection").click()
    expect(story.sheet(page).get_by_role("alert")).to_contain_text("This was changed meanwhile.")
    walk.look()
    story.sheet(page).get_by_role("button", name=re.compile("^Disable")).click()
    expect(story.toast(page)).to_be_visible()
    walk.look()
    walk.to(reviewed)
    expect(page.get_by_role("heading", name="This review has ended")).to_be_visible()

    assert not walk.faults


def test_two_at_one_row(product: Product, windows: Windows, look: Look) -> None:
    windows.forgive("status of 409")
    walk = Walk(windows.of("dana", **look), product)
    page = walk.page

    page.goto(f"{product.url}{ACCOUNT}")
    ground.decide(product, "integrations.domains", RULE, by=LONG)
    story.row(page, DOMAINS).get_by_role("checkbox").check()
    story.row(page, DOMAINS).get_by_role("textbox").fill(A_LONG_DOMAIN)
    story.press_in_row(page, DOMAINS, "Save")
    expect(story.row(page, DOMAINS).get_by_role("alert").first).to_be_visible()
    walk.look()

    assert not walk.faults


def test_groups_and_lists_of_members(product: Product, windows: Windows, look: Look) -> None:
    windows.forgive("status of 422")
    ground.another_group(product, "Marketing")
    ground.decide(product, "integrations.enabled", "false", by=GUS, at="Sales")
    walk = Walk(windows.of("dana", **look), product)
    page = walk.page

    walk.to("/groups/?q=nothing-is-called-this", "/groups/")
    walk.unfold()
    for path in ("Members", "Add or remove many by a CSV list"):
        if path == "Members":
            story.to_group(page, product, "Sales")
        page.get_by_role("link", name=path, exact=True).click()
        walk.look()
    page.get_by_role("button", name="See what would happen").click()
    expect(page.get_by_role("alert").first).to_be_visible()
    walk.look()
    page.get_by_label(re.compile("paste", re.IGNORECASE)).fill(A_LIST)
    page.get_by_role("button", name="See what would happen").click()
    expect(page.get_by_role("table", name="Lines that cannot be done")).to_be_visible()
    walk.look()
    review = page.url
    for state in ("done", "failed"):
        ground.job_is_now(product, state=state)
        walk.to(review)
    ground.job_is_now(product, state="running", moved_at="'2001-01-01 00:00:00+00:00'")
    walk.to(review)
    expect(page.get_by_text("No worker has answered")).to_be_visible()
    walk.dialogs()

    assert not walk.faults


def test_people_and_the_log(product: Product, windows: Windows, look: Look) -> None:
    windows.forgive("status of 422")
    ground.decide(product, "integrations.enabled", "false", by=DANA, at=LONG)
    walk = Walk(windows.of("dana", **look), product)
    page = walk.page

    story.to_person(page, product, "wilhelmina-anastasia.von-hohenlohe-langenburg")
    page.get_by_role("link", name="Review the deletion").click()
    page.get_by_role("button", name=re.compile("^Delete")).click()
    expect(page.get_by_label("The person’s e-mail")).to_have_attribute("aria-invalid", "true")
    walk.look()
    walk.to(
        "/account/audit/?q=nobody-is-called-this",
        "/account/audit/?level=nonsense&since=yesterday",
        "/account/audit/?person=999999&level=user",
    )

    assert not walk.faults


def _much_is_decided(product: Product) -> None:
    """A lock with choices that sleep under it, an override of the same value and one of another, long words."""
    ground.decide(product, "integrations.enabled", "false", by=LONG, at=NORA)
    ground.decide(product, "integrations.enabled", "true", by=NORA, at="Engineering", locked=True)
    ground.decide(product, "integrations.domains", RULE, by=LONG, at="Engineering")
    ground.decide(product, "integrations.enabled", "true", by=GUS, at="Sales")
    ground.decide(product, "integrations.grace", "0", by=DANA)
