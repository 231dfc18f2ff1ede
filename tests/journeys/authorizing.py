"""The way of an Office 365 admin who sets the integration up for everybody, step by step, as a person does it."""

from __future__ import annotations

from playwright.sync_api import Locator, Page, expect

from tests.journeys import ground, story
from tests.processes import Product

DOMAIN = "kestrel.example"
POLICY = "Services and permissions"
BY_ADMIN = "Office 365 admin can set up the integration by using Application Permissions"
AUTHORIZE = "Authorize and Save"
A_WHILE_MS = 60_000


# ── The domain ──────────────────────────────────────────────────────────────
def to_account_profile(page: Page, product: Product) -> None:
    page.goto(f"{product.url}/account/profile/")


def add_domain(page: Page, product: Product, domain: str = DOMAIN) -> None:
    """Ends on the page with what has to be published."""
    to_account_profile(page, product)
    page.get_by_label("Add domains").fill(domain)
    page.get_by_role("button", name="Add", exact=True).click()
    expect(page.get_by_role("heading", name="The proof")).to_be_visible()


def publish(page: Page, product: Product, domain: str = DOMAIN) -> None:
    """What the page says, in the zone of the domain; then Meridian is asked to look."""
    record = page.locator("#record").inner_text()
    product.simulator.control("POST", f"tenants/{domain}/publish-text", {"name": domain, "text": record})
    page.get_by_role("button", name="Verify Domain").click()
    expect(page.get_by_text("The proof was found.")).to_be_visible(timeout=A_WHILE_MS)


def verify_domain(page: Page, product: Product, domain: str = DOMAIN) -> None:
    add_domain(page, product, domain)
    publish(page, product, domain)


# ── The sheet ───────────────────────────────────────────────────────────────
def to_sheet(page: Page, product: Product) -> Locator:
    """Application Permissions chosen for the account; the checklist says that all is ready, or what is not."""
    page.goto(f"{product.url}/account/settings/mail-calendar/")
    row = story.row(page, POLICY)
    row.get_by_role("radio", name=BY_ADMIN).check()
    story.press_in_row(page, POLICY, "Save")
    expect(story.sheet(page).get_by_role("heading", name="Before you authorize")).to_be_visible()
    return story.sheet(page)


def authorize_and_save(page: Page) -> None:
    """As soon as the button is there: a worker asks Microsoft whose domain it is. Ends at Microsoft."""
    button = story.sheet(page).get_by_role("button", name=AUTHORIZE)
    expect(button).not_to_have_attribute("aria-disabled", "true", timeout=A_WHILE_MS)
    button.click()
    expect(
        page.get_by_role("heading", name="Sign in").or_(page.get_by_role("heading", name="Pick an account"))
    ).to_be_visible()


# ── At Microsoft ────────────────────────────────────────────────────────────
def sign_in_as(page: Page, name: str) -> None:
    """From the list of those whom Microsoft offers, or as somebody whom it does not."""
    page.get_by_role("heading", name="Pick an account").or_(page.get_by_label("Password")).first.wait_for()
    if page.get_by_role("link", name=name).count():
        page.get_by_role("link", name=name).click()
    elif page.get_by_role("link", name="Use another account").count():
        page.get_by_role("link", name="Use another account").click()
    user_name = page.get_by_label("User name")
    user_name.wait_for()
    user_name.fill(story.address(name.lower()))
    story.sign_in_at_microsoft(page)


def consent(page: Page, name: str = "Dana") -> None:
    """Signed in first, unless the browser is already."""
    asked = page.get_by_role("heading", name="Permissions requested")
    asked.or_(page.get_by_role("heading", name="Pick an account")).or_(page.get_by_label("Password")).first.wait_for()
    if not asked.count():
        sign_in_as(page, name)
    expect(asked).to_be_visible()
    story.accept(page)


def is_authorized(page: Page) -> None:
    expect(page.get_by_role("heading", name="Authorized", exact=True)).to_be_visible(timeout=A_WHILE_MS)


# ── All of it ───────────────────────────────────────────────────────────────
def authorize(page: Page, product: Product) -> None:
    """From nothing to *Authorized*."""
    verify_domain(page, product)
    to_sheet(page, product)
    authorize_and_save(page)
    consent(page)
    is_authorized(page)


def to_organization(page: Page, product: Product) -> None:
    page.goto(f"{product.url}/account/organizations/")
    page.get_by_role("main").get_by_role("link", name=DOMAIN).click()


def is_connected(product: Product, name: str) -> None:
    """By a worker, some time soon."""
    ground.until(lambda: ground.connection_of(product, story.address(name)).get("state") == "connected")
