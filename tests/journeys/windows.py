"""Browser windows in which nothing may go wrong unseen: every error in a console is kept."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Error, Page

from tests.journeys import story
from tests.processes import Product

PATIENCE_MS = 30_000
ORDINARY: Mapping[str, Any] = {
    "locale": "en-GB",
    "timezone_id": "Europe/London",
    "viewport": {"width": 1366, "height": 900},
}


class Windows:
    """Opens windows, each with cookies of its own. `troubles` is what the consoles said."""

    def __init__(self, browser: Browser, product: Product) -> None:
        self.troubles: list[str] = []
        self._browser, self._product = browser, product
        self._open: list[BrowserContext] = []
        self._cookies: dict[str, Any] = {}
        self._forgiven: list[str] = []

    def signed_out(self, **options: Any) -> Page:
        context = self._browser.new_context(**{**ORDINARY, **options})
        context.set_default_timeout(PATIENCE_MS)
        self._open.append(context)
        page = context.new_page()
        page.on("console", self._note_message)
        page.on("pageerror", self._note_error)
        return page

    def of(self, name: str, **options: Any) -> Page:
        """Somebody who is signed in, on the first page; signing in itself is done once for each."""
        if name not in self._cookies:
            page = self.signed_out()
            story.sign_in(page, self._product, name)
            self._cookies[name] = page.context.storage_state()
            page.context.close()
        page = self.signed_out(storage_state=self._cookies[name], **options)
        page.goto(self._product.url)
        return page

    def forgive(self, pattern: str) -> None:
        """What a console may say in this test, such as an error page's own status."""
        self._forgiven.append(pattern)

    def close(self) -> list[str]:
        """Close all; the troubles nobody forgave."""
        for context in self._open:
            context.close()
        self._open.clear()
        left = [trouble for trouble in self.troubles if not any(re.search(one, trouble) for one in self._forgiven)]
        self.troubles, self._forgiven = [], []
        return left

    def _note_message(self, message: ConsoleMessage) -> None:
        if message.type == "error":
            self.troubles.append(f"{message.text} ({message.location.get('url', '')})")

    def _note_error(self, error: Error) -> None:
        self.troubles.append(f"{error}")
