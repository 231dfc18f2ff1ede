"""Whoever runs the installation sees who lives and how Microsoft answers, in real processes."""

from __future__ import annotations

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.journeys import ground, story
from tests.journeys.windows import Windows
from tests.processes import Product

pytestmark = [pytest.mark.journey, pytest.mark.timeout(300)]


def test_a_secret_that_microsoft_refuses_and_takes_again(product: Product, windows: Windows) -> None:
    story.connect(windows.of("alice"), product)
    dana, written = windows.of("dana"), product.letters

    dana.get_by_role("link", name="Operations").click()
    processes = dana.get_by_role("region", name="Workers and beat")
    expect(processes.get_by_role("row").filter(has_text="celery@")).to_contain_text("Lives", timeout=30_000)
    expect(processes.get_by_role("row").filter(has_text="beat").last).to_contain_text("Lives", timeout=30_000)

    _secret_at_microsoft(product, "one-that-nobody-told-the-portal")
    _check(dana)
    expect(_credential(dana)).to_contain_text("Refused", timeout=story.A_WORKER_TAKES_MS)
    expect(_credential(dana)).to_contain_text("The client secret is wrong.")
    expect(dana.get_by_text("Microsoft accepts none of the portal’s own credentials.")).to_be_visible()

    _secret_at_microsoft(product, product.simulator.client_secret)
    _check(dana)
    expect(_credential(dana)).to_contain_text("Accepted", timeout=story.A_WORKER_TAKES_MS)

    assert ground.connection_of(product, "alice@kestrel.example")["state"] == "connected"
    since = set(product.letters) - set(written)
    assert not [letter for letter in since if "alice@kestrel.example" in letter and "econnect" in letter]


def _secret_at_microsoft(product: Product, secret: str) -> None:
    microsoft = product.simulator
    microsoft.control("POST", f"applications/{microsoft.client_id}/secret", {"secret": secret})


def _check(dana: Page) -> None:
    dana.get_by_role("button", name="Check the credentials now").click()


def _credential(dana: Page) -> Locator:
    return dana.get_by_role("region", name="Credentials at Microsoft")
