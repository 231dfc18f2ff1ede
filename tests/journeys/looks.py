"""What must hold for every page a person can see, however wide the window and whatever the colours."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page

LOOKS: Mapping[str, Mapping[str, Any]] = {
    "1366 px, light": {"viewport": {"width": 1366, "height": 900}, "color_scheme": "light"},
    "320 px, dark": {"viewport": {"width": 320, "height": 720}, "color_scheme": "dark"},
}
RULES = {
    "runOnly": {
        "type": "tag",
        "values": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"],
    },
    "resultTypes": ["violations"],
    "preload": False,
}
WIDTHS = "() => [document.scrollingElement.scrollWidth, document.documentElement.clientWidth]"


def faults_of(page: Page) -> list[str]:
    """What axe finds, and whether one must scroll sideways; none, if all is well."""
    where = f"{page.title()} <{page.url.split('?')[0]}>"
    found = [f"{where}: {_told(violation)}" for violation in Axe().run(page, options=RULES).response["violations"]]
    needed, given = page.evaluate(WIDTHS)
    if needed > given:
        found.append(f"{where}: is {needed} px wide in a window of {given} px")
    return found


def _told(violation: Mapping[str, Any]) -> str:
    places = "; ".join(str(node["target"][0]) for node in violation["nodes"][:4])
    return f"{violation['id']} ({violation['help']}) at {places}"
