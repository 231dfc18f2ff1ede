"""One consent connects everybody: the domain, Application Permissions, Microsoft, and what follows from it."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Page, Route, expect

from tests.journeys import authorizing, ground, looks, story
from tests.journeys.windows import Windows
from tests.processes import Product

pytestmark = [pytest.mark.journey, pytest.mark.timeout(300)]


def test_one_consent_connects_everybody_without_a_step(product: Product, windows: Windows) -> None:
    dana, alice = windows.of("dana"), windows.of("alice")

    authorizing.verify_domain(dana, product)
    assert not looks.faults_of(dana)
    authorizing.to_sheet(dana, product)
    assert not looks.faults_of(dana)
    authorizing.authorize_and_save(dana)
    authorizing.consent(dana)
    authorizing.is_authorized(dana)
    assert "code=" not in dana.url and "state=" not in dana.url
    assert not looks.faults_of(dana)

    for name in ("alice", "bob", "gus"):
        authorizing.is_connected(product, name)
    story.to_profile(alice, product)
    expect(story.panel(alice)).to_contain_text("Connected by your organization")
    assert not looks.faults_of(alice)
    alice.get_by_role("navigation", name="Portal").get_by_role("link", name="Meetings").click()
    expect(alice.get_by_role("heading", name="Daily stand-up").first).to_be_visible(timeout=story.A_WORKER_TAKES_MS)
    _dana_sees_who_is_connected(dana, product)


def test_who_had_connected_before_is_moved_without_a_gap(product: Product, windows: Windows) -> None:
    alice, dana = windows.of("alice"), windows.of("dana")
    story.connect(alice, product)
    before = ground.connection_of(product, story.address("alice"))
    states = set[str]()

    def is_moved() -> bool:
        states.add(ground.connection_of(product, story.address("alice"))["state"])
        method = f"SELECT method FROM integrations_connection WHERE id = {before['id']}"  # noqa: S608  our own row
        return ground.ask(product, method) == [("application_permissions",)]

    authorizing.authorize(dana, product)
    ground.until(is_moved)

    assert states == {"connected"}
    assert ground.connection_of(product, story.address("alice"))["id"] == before["id"]
    refresh, access = ground.sealed_tokens_of(product, story.address("alice"))
    assert (refresh, access) == ("", "")
    story.to_profile(alice, product)
    expect(story.panel(alice)).to_contain_text("Connected by your organization")


def test_whoever_declines_changes_nothing_and_may_try_again(product: Product, windows: Windows) -> None:
    dana = windows.of("dana")
    authorizing.verify_domain(dana, product)
    authorizing.to_sheet(dana, product)
    authorizing.authorize_and_save(dana)

    authorizing.sign_in_as(dana, "Dana")
    dana.get_by_role("button", name="Cancel").click()

    expect(dana.get_by_text("The consent was declined at Microsoft.")).to_be_visible()
    assert not looks.faults_of(dana)
    _is_not_saved(product)
    dana.get_by_role("button", name="Go to Microsoft").click()
    authorizing.consent(dana)
    authorizing.is_authorized(dana)


def test_somebody_who_may_not_consent_leads_nowhere(product: Product, windows: Windows) -> None:
    dana = windows.of("dana")
    authorizing.verify_domain(dana, product)
    authorizing.to_sheet(dana, product)
    authorizing.authorize_and_save(dana)

    authorizing.sign_in_as(dana, "Bob")
    expect(dana.get_by_role("heading", name="Need admin approval")).to_be_visible()
    dana.get_by_role("button", name="Return to").click()

    expect(dana.get_by_text("Nothing has changed").first).to_be_visible()
    _is_not_saved(product)


def test_an_admin_of_another_organization_is_not_believed(product: Product, windows: Windows) -> None:
    windows.forgive("status of 400")
    dana = windows.of("dana")
    authorizing.verify_domain(dana, product)
    authorizing.to_sheet(dana, product)
    authorizing.authorize_and_save(dana)

    _tries_as_mallory(dana)

    _is_not_saved(product)
    assert not ground.ask(product, "SELECT 1 FROM integrations_tenantlink")


def test_an_answer_that_names_another_tenant_changes_nothing(product: Product, windows: Windows) -> None:
    dana = windows.of("dana")
    authorizing.verify_domain(dana, product)
    authorizing.to_sheet(dana, product)
    corvid = product.simulator.control("GET", "tenants/corvid.example")["id"]
    dana.route(re.compile("/grant"), lambda route: _answer_of_tenant(route, corvid))
    authorizing.authorize_and_save(dana)

    authorizing.consent(dana)

    expect(dana.get_by_text("The answer was for another Microsoft 365 organization.")).to_be_visible()
    _is_not_saved(product)
    assert not ground.ask(product, "SELECT 1 FROM integrations_tenantlink")


def test_without_a_verified_domain_nobody_is_sent_to_microsoft(product: Product, windows: Windows) -> None:
    dana = windows.of("dana")

    sheet = authorizing.to_sheet(dana, product)

    expect(sheet).to_contain_text("No associated domain is verified")
    expect(sheet.get_by_role("button", name=authorizing.AUTHORIZE)).to_have_attribute("aria-disabled", "true")
    assert not looks.faults_of(dana)
    sheet.get_by_role("link", name="Verify a domain").click()
    expect(dana.get_by_role("heading", name="Account Profile")).to_be_visible()


def test_a_domain_that_microsoft_does_not_know_is_not_enough(product: Product, windows: Windows) -> None:
    new = {"name": "merlin.example", "verified": False}
    product.simulator.control("POST", "tenants/kestrel.example/add-domain", new)
    dana = windows.of("dana")
    authorizing.verify_domain(dana, product, "merlin.example")

    sheet = authorizing.to_sheet(dana, product)

    expect(sheet).to_contain_text("Microsoft knows no organization of merlin.example", timeout=authorizing.A_WHILE_MS)
    expect(sheet.get_by_role("button", name=authorizing.AUTHORIZE)).to_have_attribute("aria-disabled", "true")


def test_drift_is_shown_and_told_and_the_end_disconnects_everybody(product: Product, windows: Windows) -> None:
    dana = windows.of("dana")
    authorizing.authorize(dana, product)
    authorizing.is_connected(product, "alice")
    application = f"applications/{product.simulator.client_id}/tenants/kestrel.example"

    authorizing.to_organization(dana, product)
    _check_again(dana)
    expect(dana.get_by_text("What Microsoft grants changed")).to_have_count(0)
    product.simulator.control("POST", f"{application}/remove-roles", {"roles": ["User.Read.All"]})
    _check_again(dana)
    expect(dana.get_by_text("What Microsoft grants changed")).to_be_visible(timeout=authorizing.A_WHILE_MS)
    assert not looks.faults_of(dana)
    ground.until(lambda: any("dana@" in letter and "User.Read.All" in letter for letter in product.letters))

    dana.get_by_role("link", name="End…").click()
    expect(dana.get_by_role("heading", name="Who would be disconnected")).to_be_visible()
    assert not looks.faults_of(dana)
    dana.get_by_role("button", name="End it").click()
    ground.until(lambda: ground.connection_of(product, story.address("alice"))["state"] == "disconnected")


@pytest.mark.parametrize("options", [{"java_script_enabled": False}], ids=["no script"])
def test_it_walks_without_a_script(product: Product, windows: Windows, options: dict[str, bool]) -> None:
    dana = windows.of("dana", **options)

    authorizing.add_domain(dana, product)
    record = dana.locator("#record").inner_text()
    name = authorizing.DOMAIN
    product.simulator.control("POST", f"tenants/{name}/publish-text", {"name": name, "text": record})
    dana.get_by_role("button", name="Verify Domain").click()
    _look_until(dana, "The proof was found.")
    authorizing.to_sheet(dana, product)
    _look_until(dana, "belongs to one Microsoft 365 organization")
    authorizing.authorize_and_save(dana)
    authorizing.consent(dana)
    _look_until(dana, "The organization is linked.")

    authorizing.is_connected(product, "alice")


def _dana_sees_who_is_connected(page: Page, product: Product) -> None:
    authorizing.to_organization(page, product)
    expect(page.get_by_role("heading", name="kestrel.example")).to_be_visible()
    expect(page.get_by_role("row", name="Connected")).to_be_visible()
    assert not looks.faults_of(page)
    row = ground.connection_of(product, story.address("alice"))
    page.goto(f"{product.url}/account/connections/{row['id']}/")
    steps = page.get_by_role("list").filter(has_text="An Office 365 admin has authorized Meridian for kestrel.example")
    expect(steps.get_by_role("listitem").filter(has_text="Done:")).to_have_count(8)
    assert not looks.faults_of(page)
    page.goto(f"{product.url}/account/connections/?method=application_permissions")
    expect(page.get_by_role("row", name="Alice")).to_contain_text("Application permissions")
    assert not looks.faults_of(page)


def _check_again(page: Page) -> None:
    with page.expect_navigation():
        page.get_by_role("button", name="Check again").click()
    expect(page.get_by_text(re.compile("^Checked "))).to_be_visible(timeout=authorizing.A_WHILE_MS)


def _is_not_saved(product: Product) -> None:
    saved = "SELECT 1 FROM accounts_settingdecision WHERE key = 'integrations.services'"
    assert not ground.ask(product, saved)


def _tries_as_mallory(page: Page) -> None:
    """Microsoft lets her no further, as it was asked for Kestrel."""
    authorizing.sign_in_as(page, "Mallory")
    expect(page.get_by_role("alert")).to_be_visible()
    expect(page.get_by_role("button", name="Accept")).to_have_count(0)


def _answer_of_tenant(route: Route, tenant: str) -> None:
    """With Microsoft’s answer, somebody writes another tenant into the address that the browser is sent to."""
    answer = route.fetch(max_redirects=0)
    headers = dict(answer.headers)
    if "tenant=" in headers.get("location", ""):
        headers["location"] = re.sub("tenant=[^&]+", f"tenant={tenant}", headers["location"])
    route.fulfill(response=answer, headers=headers)


def _look_until(page: Page, words: str) -> None:
    """As somebody without a script does: by pressing *Look again*."""
    found = page.get_by_text(words).first

    def is_there() -> bool:
        again = page.get_by_role("link", name="Look again")
        if not found.count() and again.count():
            again.first.click()
        return bool(found.count())

    ground.until(is_there)
