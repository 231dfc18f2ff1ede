"""One installation for all journeys; each begins with nobody connected, and ends with silent consoles."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from django.conf import settings
from playwright.sync_api import Browser

from tests.journeys import ground
from tests.journeys.windows import Windows
from tests.processes import Product
from tests.servers import Server

# The stories of the main job run on either database; the others ask little of it, and take their time.
ON_EITHER_DATABASE = ("test_whole_story", "test_connection", "test_killed", "test_three_levels", "test_letters")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if item.path.parent == Path(__file__).parent and item.path.stem not in ON_EITHER_DATABASE:
            item.add_marker(pytest.mark.once)


@pytest.fixture(scope="session")
def product(database_server: Server, static_files: None) -> Iterator[Product]:
    from tests.conftest import redis

    product = Product(database=database_server, redis=redis, static_root=settings.STATIC_ROOT)
    try:
        product.start()
        ground.remember(product)
        yield product
    finally:
        product.stop()


@pytest.fixture(scope="session")
def _windows(browser: Browser, product: Product) -> Windows:
    return Windows(browser, product)


@pytest.fixture
def windows(_windows: Windows, product: Product) -> Iterator[Windows]:
    """Windows of this journey; what their consoles say must be forgiven or nothing."""
    ground.begin_again(product)
    yield _windows
    assert not _windows.close(), "a console said something"
