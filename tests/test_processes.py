"""The harness of the journeys: the whole product as real processes, each of which can be killed and started."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, expect

from tests.processes import Product

pytestmark = [pytest.mark.journey, pytest.mark.timeout(180)]


def test_dana_signs_in_on_the_real_thing(product: Product, page: Page) -> None:
    page.goto(product.url)
    page.get_by_label("E-mail").fill("dana@kestrel.example")
    page.get_by_role("button", name="Next").click()
    page.get_by_label("Password", exact=True).fill("meridian-demo-1")
    page.get_by_role("button", name="Sign in").click()

    expect(page.locator(".topbar")).to_contain_text("Kestrel & Co")


def test_a_process_can_be_killed_and_started_again(product: Product) -> None:
    product.kill("worker")
    product.start("worker")

    assert product.output("worker").count(" ready.") >= 2


def test_a_product_knows_its_database_and_not_the_tests(product: Product) -> None:
    said = product.manage(
        "shell", "-c", "from django.conf import settings; print(settings.DATABASES['default']['NAME'])"
    )

    assert "journey" in said or str(product.data) in said


def test_a_command_that_fails_says_why(product: Product) -> None:
    with pytest.raises(RuntimeError, match="Unknown command"):
        product.manage("no-such-command")


def test_the_products_simulator_can_be_controlled(product: Product) -> None:
    state = product.simulator.control("GET", "state")

    assert "alice@kestrel.example" in str(state)
