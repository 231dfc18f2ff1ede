"""One installation for all journeys; each begins with nobody connected, and ends with silent consoles."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from django.conf import settings
from playwright.sync_api import Browser

from tests.journeys import ground
from tests.journeys.windows import Windows
from tests.processes import Product
from tests.servers import Server


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
