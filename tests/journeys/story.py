"""The steps of the main job, as a person does them."""

from __future__ import annotations

import re

from playwright.sync_api import Locator, Page, expect

from tests.processes import Product

PORTAL_PASSWORD = "meridian-demo-1"
MICROSOFT_PASSWORD = "kestrel-demo-1"
SWITCH = "Integrate third-party mail and calendar services"
CONFIGURE = "Configure Calendar and Contacts Service"
A_WORKER_TAKES_MS = 30_000


def address(name: str) -> str:
    return f"{name}@{'corvid' if name == 'mallory' else 'kestrel'}.example"


def sign_in(page: Page, product: Product, name: str, password: str = PORTAL_PASSWORD) -> None:
    page.goto(product.url)
    fill_in_the_sign_in_form(page, address(name), password)
    expect(page.get_by_role("heading", name="Meetings")).to_be_visible()


def fill_in_the_sign_in_form(page: Page, email: str, password: str = PORTAL_PASSWORD) -> None:
    """Both steps of it; where they lead, the caller knows."""
    page.get_by_label("E-mail").fill(email)
    page.get_by_role("button", name="Next").click()
    page.get_by_label("Password", exact=True).fill(password)
    page.get_by_role("button", name="Sign in").click()


# ── The admin ───────────────────────────────────────────────────────────────
def to_mail_and_calendar(page: Page) -> None:
    page.get_by_role("navigation", name="Portal").get_by_role("link", name="Account Settings").click()
    page.get_by_role("link", name="Mail & Calendar").click()


def flip_the_switch(page: Page, to: str) -> None:
    """`to`: Enable or Disable, as the review says."""
    switch(page).click()
    confirm(page, to)
    expect(switch(page)).to_have_attribute("aria-checked", "true" if to == "Enable" else "false")


def switch(page: Page) -> Locator:
    return page.get_by_role("switch", name=SWITCH)


# ── Settings, at any level ──────────────────────────────────────────────────
def to_own_settings(page: Page, product: Product) -> None:
    page.goto(product.url)
    page.get_by_role("navigation", name="Portal").get_by_role("link", name="Settings", exact=True).click()


def to_group(page: Page, product: Product, name: str) -> None:
    page.goto(f"{product.url}/groups/")
    page.get_by_role("main").get_by_role("link", name=name, exact=True).click()


def to_group_settings(page: Page, product: Product, name: str) -> None:
    to_group(page, product, name)
    page.get_by_role("link", name="Mail & Calendar").click()


def to_person(page: Page, product: Product, name: str) -> None:
    page.goto(f"{product.url}/people/?q={address(name)}")
    page.get_by_role("main").get_by_role("table").get_by_role("link").first.click()


def row(page: Page, label: str) -> Locator:
    return page.get_by_role("article", name=label, exact=True)


def press_in_row(page: Page, label: str, button: str) -> None:
    """*Override*, *Inherit*, *Lock*, *Unlock*, *Save*: the word the button begins with."""
    row(page, label).get_by_role("button", name=re.compile(f"^{button}")).click()


def sheet(page: Page) -> Locator:
    return page.get_by_role("dialog", name="Review changes")


def confirm(page: Page, button: str) -> None:
    """What the sheet's own button says, to the letter."""
    sheet(page).get_by_role("button", name=button, exact=True).click()
    expect(sheet(page)).to_be_hidden()


def toast(page: Page) -> Locator:
    """What the page says of what was just done."""
    return page.locator("#toasts .toast")


# ── The person, in the portal ───────────────────────────────────────────────
def to_profile(page: Page, product: Product) -> None:
    page.goto(f"{product.url}/profile/")


def to_permissions(page: Page, product: Product) -> None:
    to_profile(page, product)
    page.get_by_role("link", name=CONFIGURE).click()
    page.get_by_role("radio", name="Office 365").check()
    page.get_by_role("button", name="Next").click()
    expect(page.get_by_role("heading", name="Office 365")).to_be_visible()


def to_microsoft(page: Page, product: Product) -> None:
    to_permissions(page, product)
    page.get_by_role("button", name="Authorize").click()
    expect(page.get_by_role("heading", name="Sign in")).to_be_visible()


def panel(page: Page) -> Locator:
    """The profile's section on the calendar."""
    return page.locator("#calendar-panel")


def badge(page: Page) -> Locator:
    """The state in a word or two, as the profile shows it."""
    return panel(page).locator(".account .tag")


def is_connected(page: Page) -> None:
    expect(badge(page)).to_have_text("Connected", timeout=A_WORKER_TAKES_MS)


def connect(page: Page, product: Product) -> None:
    """From nothing to *Connected*."""
    to_microsoft(page, product)
    sign_in_at_microsoft(page)
    accept(page)
    is_connected(page)


# ── The person, at Microsoft ────────────────────────────────────────────────
def sign_in_at_microsoft(page: Page) -> None:
    page.get_by_label("Password").fill(MICROSOFT_PASSWORD)
    page.get_by_role("button", name="Sign in").click()


def pick_at_microsoft(page: Page, name: str) -> None:
    """Another account than the one that is suggested."""
    page.get_by_role("link", name="Pick from all accounts").click()
    page.get_by_role("link", name=name).click()


def accept(page: Page) -> None:
    page.get_by_role("button", name="Accept").click()
