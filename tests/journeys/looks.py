"""What must hold for every page a person can see, however wide the window and whatever the colours."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect

from tests.processes import Product

LOOKS: Mapping[str, Mapping[str, Any]] = {
    "1366 px, light": {"viewport": {"width": 1366, "height": 900}, "color_scheme": "light", "reduced_motion": "reduce"},
    "320 px, dark": {"viewport": {"width": 320, "height": 720}, "color_scheme": "dark", "reduced_motion": "reduce"},
}
MOTIONS = """() => Promise.all(
    document.getAnimations()
        .filter((motion) => motion.effect.getComputedTiming().endTime !== Infinity)
        .map((motion) => motion.finished.catch(() => null))
)"""
RULES = {
    "runOnly": {
        "type": "tag",
        "values": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"],
    },
    "resultTypes": ["violations"],
    "preload": False,
}
WIDTHS = "() => [document.scrollingElement.scrollWidth, document.documentElement.clientWidth]"


class Walk:
    """Goes from page to page and writes down what is wrong on each."""

    def __init__(self, page: Page, product: Product) -> None:
        self.page, self.faults = page, list[str]()
        self._url = product.url

    def look(self) -> None:
        self.faults += faults_of(self.page)

    def unfold(self) -> None:
        """Everything that can be unfolded on this page, at once."""
        self.page.locator("main details").evaluate_all("all => all.forEach(one => { one.open = true; })")
        self.look()

    def to(self, *paths: str) -> None:
        for path in paths:
            self.page.goto(path if path.startswith("http") else f"{self._url}{path}")
            self.look()

    def dialogs(self) -> None:
        """Every confirmation of this page, opened one after the other."""
        names = self.page.locator("[popover][role=dialog]").evaluate_all("all => all.map(one => one.id)")
        assert names, "this page should ask before it does something"
        for name in names:
            dialog = self.page.locator(f"#{name}")
            dialog.evaluate("element => element.showPopover()")
            expect(dialog).to_be_visible()
            self.look()
            dialog.evaluate("element => element.hidePopover()")


def be_still(page: Page) -> None:
    """Wait until whatever moves for a moment has come to rest: half-way in, a text has half its contrast."""
    page.evaluate(MOTIONS)


def faults_of(page: Page) -> list[str]:
    """What axe finds, and whether one must scroll sideways; none, if all is well."""
    be_still(page)
    where = f"{page.title()} <{page.url.split('?')[0]}>"
    found = [f"{where}: {_told(violation)}" for violation in Axe().run(page, options=RULES).response["violations"]]
    needed, given = page.evaluate(WIDTHS)
    if needed > given:
        found.append(f"{where}: is {needed} px wide in a window of {given} px")
    return found


def _told(violation: Mapping[str, Any]) -> str:
    places = "; ".join(str(node["target"][0]) for node in violation["nodes"][:4])
    return f"{violation['id']} ({violation['help']}) at {places}"
