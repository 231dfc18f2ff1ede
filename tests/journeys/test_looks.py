"""The check of every page is one that can fail."""

from __future__ import annotations

import pytest
from playwright.sync_api import Browser

from tests.journeys.looks import faults_of

pytestmark = [pytest.mark.journey, pytest.mark.timeout(300)]

GOOD = """<!doctype html><html lang="en"><title>Good</title><main><h1>Good</h1><p>All is well.</p></main></html>"""


@pytest.mark.parametrize(
    ("bad", "told"),
    [
        (GOOD.replace("<p>", "<img src='data:,'><p>"), "image-alt"),
        (GOOD.replace("<p>", "<p style='color: #bbb; background: #fff'>"), "color-contrast"),
        (GOOD.replace("<h1>Good</h1>", "<h1>Good</h1><h3>Too deep</h3>"), "heading-order"),
        (GOOD.replace("<p>", "<p style='width: 400px'>"), "px wide in a window of 320 px"),
        (
            GOOD.replace("<p>", "<a href='/' style='display:block;width:9px;height:9px'>A</a>" * 2 + "<p>"),
            "target-size",
        ),
    ],
)
def test_it_finds(browser: Browser, bad: str, told: str) -> None:
    page = browser.new_page(viewport={"width": 320, "height": 600})
    page.set_content(bad)

    found = faults_of(page)

    page.close()
    assert any(told in fault for fault in found), found


def test_it_finds_nothing_where_nothing_is_wrong(browser: Browser) -> None:
    page = browser.new_page(viewport={"width": 320, "height": 600})
    page.set_content(GOOD)

    found = faults_of(page)

    page.close()
    assert not found
