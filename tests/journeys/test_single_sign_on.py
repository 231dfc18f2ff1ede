# ruff: noqa: S608  our own words for our own throwaway database
"""People sign in at their organization's identity provider, by either protocol, and are asked to connect their calendar
as their settings say: once, or until it is done."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, expect

from tests.journeys import ground, story
from tests.journeys.windows import Windows
from tests.processes import Product

pytestmark = [
    pytest.mark.journey,
    pytest.mark.timeout(300),
    pytest.mark.parametrize("protocol", ["openid_connect", "saml"]),
]
PROMPT = "integrations.sso_prompt"
ONCE, EACH_TIME, NEVER = "first_time", "every_time", "off"
ALICE, BOB, DANA = "alice@kestrel.example", "bob@kestrel.example", "dana@kestrel.example"


@pytest.fixture(autouse=True)
def provider(protocol: str, product: Product, windows: Windows) -> Iterator[None]:
    """On; everybody is known there by a domain that was verified."""
    windows.of("dana")  # with her password, as she is used to
    product.seed_single_sign_on()
    ground.change(product, "UPDATE accounts_identityprovider SET is_on = '0'")
    ground.until(lambda: _is_read(product))
    ground.change(
        product,
        "UPDATE accounts_identityprovider SET is_on = '0'",
        f"UPDATE accounts_identityprovider SET is_on = '1' WHERE protocol = '{protocol}'",
        "INSERT INTO accounts_associateddomain (account_id, name, state, method, token, trouble, found,"
        " attempts, added_at)"
        " SELECT account_id, 'kestrel.example', 'verified', 'txt', 'token-of-a-journey', '', '', 0, CURRENT_TIMESTAMP"
        f" FROM accounts_user WHERE email = '{DANA}'",
    )
    yield
    ground.change(product, "UPDATE accounts_identityprovider SET is_on = '0', is_only = '0'")


def _is_read(product: Product) -> bool:
    """A worker has read the metadata."""
    found = ground.ask(product, "SELECT sign_in_url FROM accounts_identityprovider WHERE protocol = 'saml'")
    return bool(found and found[0][0])


def sign_in(windows: Windows, product: Product, address: str, *, to: str = "/profile/") -> Page:
    """In a window that nobody was signed in in."""
    page = windows.signed_out()
    _sign_in(page, product, address, to=to)
    return page


def _sign_in(page: Page, product: Product, address: str, *, to: str = "/profile/") -> None:
    page.goto(f"{product.url}{to}")
    page.get_by_label("E-mail").fill(address)
    page.get_by_role("button", name="Next").click()
    page.get_by_role("link", name=re.compile("^Continue (with|to)")).click()
    _sign_in_there(page, address)


def _sign_in_there(page: Page, address: str) -> None:
    """Who was not named is picked."""
    expect(page.get_by_label("Password").or_(page.get_by_text("Pick an account"))).to_be_visible()
    if page.get_by_text("Pick an account").is_visible():
        page.get_by_role("link", name=address).click()
    story.sign_in_at_microsoft(page)


def is_asked(page: Page) -> None:
    expect(page.get_by_role("heading", name=re.compile("onnect your calendar"))).to_be_visible()


def is_not_asked(page: Page) -> None:
    expect(story.panel(page)).to_be_visible()


def answers(product: Product, address: str) -> list[str]:
    found = ground.ask(
        product,
        "SELECT answer FROM integrations_calendarprompt p JOIN accounts_user u ON u.id = p.user_id"
        f" WHERE u.email = '{address}' ORDER BY p.id",
    )
    return [str(row[0]) for row in found]


def _came_of_it(windows: Windows, product: Product, words: str) -> None:
    """As Dana sees it."""
    dana = windows.of("dana")
    dana.goto(f"{product.url}/account/calendar-prompts/")
    expect(dana.get_by_role("table")).to_contain_text(words)


def prompt(product: Product, value: str, *, at: str = "", locked: bool = False) -> None:
    ground.decide(product, PROMPT, json.dumps(value), by=DANA, at=at, locked=locked)


def test_the_first_time_alone(product: Product, windows: Windows, protocol: str) -> None:
    prompt(product, ONCE)
    alice = sign_in(windows, product, ALICE)
    is_asked(alice)

    alice.get_by_role("button", name="Continue to Microsoft").click()
    story.accept(alice)  # who it is Microsoft knows already

    story.is_connected(alice)
    _came_of_it(windows, product, "Connected")
    is_not_asked(sign_in(windows, product, ALICE))

    bob = sign_in(windows, product, BOB)
    is_asked(bob)
    bob.get_by_role("button", name="Go on without it").click()
    is_not_asked(bob)
    expect(bob.get_by_role("link", name=story.CONFIGURE)).to_be_visible()
    is_not_asked(sign_in(windows, product, BOB))
    assert answers(product, BOB) == ["declined"]


def test_refused_at_microsoft_is_never_asked_again(product: Product, windows: Windows, protocol: str) -> None:
    prompt(product, ONCE)
    alice = sign_in(windows, product, ALICE, to="/meetings/")
    is_asked(alice)
    alice.get_by_role("button", name="Continue to Microsoft").click()
    alice.get_by_role("button", name="Cancel").click()
    expect(alice.get_by_role("main")).to_contain_text("You are not asked again when you sign in.")
    alice.get_by_role("button", name="Continue").click()
    expect(alice.get_by_role("heading", name="Meetings")).to_be_visible()
    _came_of_it(windows, product, "Refused at Microsoft")

    again = sign_in(windows, product, ALICE)

    is_not_asked(again)
    expect(again.get_by_role("link", name=story.CONFIGURE)).to_be_visible()


def test_every_time_until_it_is_done(product: Product, windows: Windows, protocol: str) -> None:
    prompt(product, EACH_TIME)
    for _ in range(2):
        alice = sign_in(windows, product, ALICE)
        is_asked(alice)
        alice.get_by_role("button", name="Go on without it").click()
        is_not_asked(alice)
    alice = sign_in(windows, product, ALICE)
    is_asked(alice)
    alice.get_by_role("button", name="Continue to Microsoft").click()
    story.accept(alice)
    story.is_connected(alice)

    is_not_asked(sign_in(windows, product, ALICE))

    ground.is_now(product, state="needs_reauth", reason="consent_revoked")
    broken = sign_in(windows, product, ALICE)
    expect(broken.get_by_role("heading", name="Reconnect your calendar?")).to_be_visible()


def test_each_level_and_its_locks(product: Product, windows: Windows, protocol: str) -> None:
    """Alice is in Sales, Bob is not."""
    prompt(product, NEVER)
    prompt(product, EACH_TIME, at="Sales")
    is_asked(sign_in(windows, product, ALICE))
    is_not_asked(sign_in(windows, product, BOB))

    prompt(product, NEVER, at=ALICE)
    is_not_asked(sign_in(windows, product, ALICE))

    prompt(product, EACH_TIME, at="Sales", locked=True)
    is_asked(sign_in(windows, product, ALICE))

    prompt(product, EACH_TIME, at=BOB)
    is_asked(sign_in(windows, product, BOB))

    prompt(product, NEVER, locked=True)
    is_not_asked(sign_in(windows, product, ALICE))
    is_not_asked(sign_in(windows, product, BOB))


def test_a_password_is_never_followed_by_it(product: Product, windows: Windows, protocol: str) -> None:
    prompt(product, EACH_TIME)
    page = windows.signed_out()
    page.goto(f"{product.url}/profile/")

    page.get_by_label("E-mail").fill(ALICE)
    page.get_by_role("button", name="Next").click()
    page.get_by_role("button", name="Use your password instead").click()
    page.get_by_label("Password", exact=True).fill(story.PORTAL_PASSWORD)
    page.get_by_role("button", name="Sign in").click()

    is_not_asked(page)
    assert answers(product, ALICE) == []


def test_the_admin_sees_it_and_lets_somebody_be_asked_once_more(
    product: Product, windows: Windows, protocol: str
) -> None:
    prompt(product, ONCE)
    bob = sign_in(windows, product, BOB)
    bob.get_by_role("button", name="Go on without it").click()
    is_not_asked(bob)
    dana = windows.of("dana")

    dana.goto(f"{product.url}/account/calendar-prompts/")
    expect(dana.get_by_role("main")).to_contain_text("Went on without it")
    ground.change(product, "UPDATE integrations_calendarprompt SET reset_at = CURRENT_TIMESTAMP")

    is_asked(sign_in(windows, product, BOB))


def test_who_is_refused_reads_why_and_the_admin_finds_it(product: Product, windows: Windows, protocol: str) -> None:
    application = "4b8f2e63-9a17-4d50-8c3e-7f1b0d6a9e24"
    product.simulator.control(
        "POST", f"applications/{application}/tenants/kestrel.example/require-assignment", {"on": True}
    )

    alice = sign_in(windows, product, ALICE)
    alice.get_by_role("button", name=re.compile("^Return to")).click()  # Entra says it itself, and may be left

    expect(alice.get_by_role("heading", name="You may not use Meridian yet")).to_be_visible()
    reference = alice.get_by_text("Reference:").locator("strong").inner_text()
    dana = windows.of("dana")
    dana.goto(f"{product.url}/account/sign-ins/?q={reference}")
    expect(dana.get_by_role("row", name=re.compile(reference))).to_contain_text("AADSTS50105")


def test_an_admin_tests_turns_on_and_ends_passwords(product: Product, windows: Windows, protocol: str) -> None:
    windows.forgive("status of 422")
    ground.change(product, "UPDATE accounts_identityprovider SET is_on = '0'")
    page = windows.signed_out()
    story.sign_in(page, product, "dana")
    page.get_by_role("link", name="Single Sign-On").click()
    name = "Kestrel’s Entra" if protocol == "openid_connect" else "Kestrel’s Entra by SAML"
    page.get_by_role("link", name=name, exact=True).click()
    page.get_by_role("link", name="Test sign-in").click()
    page.get_by_role("link", name="Go to the identity provider").click()
    _sign_in_there(page, DANA)
    expect(page.get_by_role("main")).to_contain_text("It passed")
    page.get_by_role("link", name="Turn on").click()
    page.get_by_role("button", name="Turn on").click()
    page.get_by_role("link", name="Only single sign-on…").click()
    page.get_by_role("checkbox", name="Dana").check()
    page.get_by_role("button", name="End passwords").click()
    expect(page.get_by_text("On, and nothing else")).to_be_visible()

    other = windows.signed_out()
    other.goto(f"{product.url}/profile/")
    other.get_by_label("E-mail").fill(ALICE)
    other.get_by_role("button", name="Next").click()
    _sign_in_there(other, ALICE)  # it goes on there by itself
    is_not_asked(other)
    _keeps_the_password(windows.signed_out(), product)


def _keeps_the_password(page: Page, product: Product) -> None:
    page.goto(f"{product.url}/profile/")
    page.get_by_label("E-mail").fill(DANA)
    page.get_by_role("button", name="Next").click()
    page.get_by_role("button", name="Use your password instead").click()
    page.get_by_label("Password", exact=True).fill(story.PORTAL_PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    is_not_asked(page)
