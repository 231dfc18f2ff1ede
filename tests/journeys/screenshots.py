"""The pictures in docs/screenshots: `make screenshots`, or `python -m tests.journeys.screenshots`.

Taken of the real thing while Dana and Alice go through the main job, so that no picture shows what is not there.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from playwright.sync_api import Page, expect, sync_playwright

from tests.journeys import ground, story
from tests.journeys.windows import Windows
from tests.processes import Product

WHERE = Path(__file__).parents[2] / "docs" / "screenshots"
WIDE: dict[str, Any] = {"viewport": {"width": 1366, "height": 768}, "color_scheme": "light"}
DARK: dict[str, Any] = {"viewport": {"width": 1366, "height": 768}, "color_scheme": "dark"}
NARROW: dict[str, Any] = {"viewport": {"width": 320, "height": 720}, "color_scheme": "light"}
SHORTEST, TALLEST = 700, 1400  # px


def take_all(product: Product, windows: Windows) -> None:
    ground.begin_again(product, enabled=False)
    _the_admin_enables(product, windows)
    _the_person_connects(product, windows)
    _the_admin_locks(product, windows)
    _others(product, windows)
    _lost(product, windows)
    if troubles := windows.close():
        raise SystemExit("The consoles said:\n" + "\n".join(troubles))


def _the_admin_enables(product: Product, windows: Windows) -> None:
    door = windows.signed_out(**WIDE)
    door.goto(product.url)
    _take(door, "sign-in")
    dana = windows.of("dana", **WIDE)
    story.to_mail_and_calendar(dana)
    story.switch(dana).click()
    expect(story.sheet(dana)).to_be_visible()
    _take(dana, "enable")
    story.confirm(dana, "Enable")
    for name, look in (("", WIDE), ("-dark", DARK), ("-320", NARROW)):
        page = windows.of("dana", **look)
        page.goto(f"{product.url}/account/settings/mail-calendar/")
        _take(page, f"account-settings{name}")


def _the_person_connects(product: Product, windows: Windows) -> None:
    alice = windows.of("alice", **WIDE)
    story.to_profile(alice, product)
    _take(alice, "profile-not-connected")
    alice.get_by_role("link", name=story.CONFIGURE).click()
    alice.get_by_role("radio", name="Office 365").check()
    _take(alice, "select-a-service")
    alice.get_by_role("button", name="Next").click()
    _take(alice, "permissions")
    alice.get_by_role("button", name="Authorize").click()
    story.sign_in_at_microsoft(alice)
    expect(alice.get_by_role("button", name="Accept")).to_be_visible()
    _take(alice, "simulated-consent")
    product.simulator.control("POST", "faults", {"target": "graph", "latency_ms": 5000, "seconds": 60})
    story.accept(alice)
    expect(story.panel(alice).locator(".steps .done")).to_have_count(3)
    _take(alice, "profile-connecting")
    product.simulator.control("DELETE", "faults")
    story.is_connected(alice)
    for name, look in (("", WIDE), ("-dark", DARK), ("-320", NARROW)):
        page = windows.of("alice", **look)
        story.to_profile(page, product)
        _take(page, f"profile-connected{name}")
    alice.goto(f"{product.url}/meetings/")
    expect(alice.get_by_text("Not a Zoom meeting").first).to_be_visible(timeout=story.A_WORKER_TAKES_MS)
    _take(alice, "meetings")


def _the_admin_locks(product: Product, windows: Windows) -> None:
    """Alice and her group chose it, so that something sleeps under the lock."""
    alice, gus, dana = (windows.of(name, **WIDE) for name in ("alice", "gus", "dana"))
    story.to_own_settings(alice, product)
    story.to_group_settings(gus, product, "Sales")
    for page in (alice, gus):
        story.press_in_row(page, story.SWITCH, "Override")
        story.confirm(page, "Save")
    story.to_mail_and_calendar(dana)
    story.flip_the_switch(dana, "Disable")
    story.press_in_row(dana, story.SWITCH, "Lock")
    story.sheet(dana).get_by_label("Reason").fill("The audit is in November.")
    _take(dana, "review-changes")
    story.confirm(dana, "Lock and block 1 connection")
    for page, name in ((gus, "group-settings-locked"), (alice, "settings-locked")):
        page.goto(page.url.partition("#")[0])
        story.row(page, story.SWITCH).get_by_text("Why this value?").click()
        _take(page, name)
    story.press_in_row(dana, story.SWITCH, "Unlock")
    story.confirm(dana, "Unlock")
    story.flip_the_switch(dana, "Enable")
    ground.until(lambda: ground.connection_of(product, story.address("alice"))["state"] == "connected")


def _others(product: Product, windows: Windows) -> None:
    dana = windows.of("dana", **WIDE)
    for name in ("Marketing", "Support"):
        ground.another_group(product, name)
    for name in ("people", "account/audit", "groups"):
        dana.goto(f"{product.url}/{name}/")
        _take(dana, name.rpartition("/")[2])
    dana.get_by_role("link", name="Sales").click()
    _take(dana, "group")


def _lost(product: Product, windows: Windows) -> None:
    ground.tokens_are_no_longer_new(product)
    product.simulator.control("POST", "people/alice@kestrel.example/revoke-sessions")
    product.simulator.control("POST", "people/alice@kestrel.example/expire-tokens")
    alice = windows.of("alice", **WIDE)
    alice.goto(f"{product.url}/meetings/")
    expect(alice.get_by_role("button", name="Reconnect")).to_be_visible(timeout=story.A_WORKER_TAKES_MS)
    story.to_profile(alice, product)
    _take(alice, "profile-authorization-lost")


def _take(page: Page, name: str, *, whole: bool = True) -> None:
    """The window made as tall as the page, up to what anybody would scroll: bars that stick stay where they belong."""
    width = page.evaluate("innerWidth")
    page.set_viewport_size({"width": width, "height": SHORTEST})
    if whole:
        needed = page.evaluate("document.scrollingElement.scrollHeight")
        page.set_viewport_size({"width": width, "height": min(needed, TALLEST)})
    page.evaluate("scrollTo(0, 0)")
    page.mouse.move(0, 0)
    page.screenshot(path=WHERE / f"{name}.png", animations="disabled", caret="hide")


@contextmanager
def _installation() -> Iterator[Product]:
    """As the tests have it, without pytest."""
    from tests import conftest

    conftest.database.start()
    try:
        product = Product(
            database=conftest.database, redis=conftest.redis, static_root=_collected(conftest.directory / "static")
        )
        try:
            product.start()
            ground.remember(product)
            yield product
        finally:
            product.stop()
    finally:
        conftest.pytest_unconfigure()


def _collected(static_root: Path) -> Path:
    from django.core.management import call_command

    call_command("collectstatic", interactive=False, verbosity=0)
    return static_root


def main() -> None:
    from tests.conftest import CHROMIUM, CHROMIUM_FLAGS

    if not CHROMIUM:
        raise SystemExit("The pictures need Chromium. Install it, or set CHROMIUM_PATH.")
    WHERE.mkdir(parents=True, exist_ok=True)
    with _installation() as product, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=CHROMIUM_FLAGS)
        take_all(product, Windows(browser, product))
        browser.close()


if __name__ == "__main__":
    main()
