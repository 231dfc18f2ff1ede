"""The order of the groups: by keyboard, by number and by mouse; and what a move means is said before it happens."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.journeys import ground, story
from tests.journeys.windows import Windows
from tests.processes import Product

pytestmark = [pytest.mark.journey, pytest.mark.timeout(300)]

WILHELMINA = "Wilhelmina-Anastasia von Hohenlohe-Langenburg"


def test_by_keyboard(product: Product, windows: Windows) -> None:
    ground.another_group(product, "Marketing")
    dana = _at_the_groups(windows, product)

    dana.get_by_role("button", name="Move Marketing up").focus()
    dana.keyboard.press("Enter")
    expect(story.toast(dana)).to_contain_text("Marketing is now P2.")
    expect(dana.get_by_role("button", name="Move Marketing up")).to_be_focused()
    dana.keyboard.press("Enter")
    expect(story.toast(dana)).to_contain_text("Marketing is now P1.")
    expect(_row(dana, "Marketing").locator(":focus")).to_be_visible()
    _stand(dana, "Marketing", "Engineering", "Sales")

    _row(dana, "Marketing").get_by_text("Move to…").focus()
    dana.keyboard.press("Enter")
    dana.get_by_role("spinbutton", name="Position of Marketing").fill("3")
    dana.keyboard.press("Enter")
    expect(story.toast(dana)).to_contain_text("Marketing is now P3.")
    dana.goto(f"{product.url}/groups/")
    _stand(dana, "Engineering", "Sales", "Marketing")


def test_by_mouse(product: Product, windows: Windows) -> None:
    for name in ("Marketing", "Support"):
        ground.another_group(product, name)
    dana = _at_the_groups(windows, product)

    _drag(dana, "Support", onto="Sales")
    dana.keyboard.press("Escape")
    dana.mouse.up()
    _stand(dana, "Engineering", "Sales", "Marketing", "Support")
    _drag(dana, "Support", onto="Sales")
    dana.mouse.up()
    expect(story.toast(dana)).to_contain_text("Support is now P2.")
    _drag(dana, "Engineering", onto="Marketing", below=True)
    dana.mouse.up()
    expect(story.toast(dana)).to_contain_text("Engineering is now P4.")

    dana.goto(f"{product.url}/groups/")
    _stand(dana, "Support", "Sales", "Marketing", "Engineering")


def test_a_move_that_changes_what_holds_for_somebody(product: Product, windows: Windows) -> None:
    """Engineering has it on and Sales off: she is in both, and follows whichever stands first."""
    her = windows.of("wilhelmina-anastasia.von-hohenlohe-langenburg")
    dana = windows.of("dana")
    story.to_group_settings(dana, product, "Engineering")
    story.press_in_row(dana, story.SWITCH, "Override")
    story.confirm(dana, "Save")
    story.to_group_settings(dana, product, "Sales")
    story.switch(dana).click()
    story.confirm(dana, "Disable")
    story.connect(her, product)

    dana.goto(f"{product.url}/groups/")
    _drag(dana, "Sales", onto="Engineering")
    dana.mouse.up()
    expect(story.sheet(dana)).to_contain_text("1 connection will be blocked at once.")
    expect(story.sheet(dana).get_by_role("row", name=re.compile(WILHELMINA))).to_be_visible()
    story.sheet(dana).get_by_role("button", name="Cancel").click()
    _stand(dana, "Engineering", "Sales")
    dana.get_by_role("button", name="Move Sales up").click()
    story.confirm(dana, "Move and block 1 connection")

    _stand(dana, "Sales", "Engineering")
    her.reload()
    expect(story.badge(her)).to_have_text("Blocked by policy", timeout=story.A_WORKER_TAKES_MS)
    story.to_own_settings(her, product)
    expect(story.row(her, story.SWITCH)).to_contain_text("Off, from Sales, chosen by Dana")
    dana.get_by_role("button", name="Move Sales down").click()
    expect(story.sheet(dana)).to_contain_text("1 connection comes back by itself.")
    story.confirm(dana, "Move")
    story.to_profile(her, product)
    story.is_connected(her)


def _at_the_groups(windows: Windows, product: Product) -> Page:
    dana = windows.of("dana")
    dana.goto(f"{product.url}/groups/")
    return dana


def _row(page: Page, name: str) -> Locator:
    return page.get_by_role("row").filter(has=page.get_by_role("link", name=name, exact=True))


def _stand(page: Page, *names: str) -> None:
    expect(page.get_by_role("main").get_by_role("rowheader").get_by_role("link")).to_have_text(list(names))


def _drag(page: Page, name: str, *, onto: str, below: bool = False) -> None:
    """Takes the group by its handle to the upper or the lower half of another's row; the button stays down."""
    _row(page, name).locator("[data-grip]").hover()
    page.mouse.down()
    box = _row(page, onto).bounding_box()
    assert box
    page.mouse.move(box["x"] + 40, box["y"] + box["height"] * (0.8 if below else 0.2), steps=8)
