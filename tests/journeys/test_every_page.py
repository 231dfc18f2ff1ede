"""axe finds nothing on any page, nothing makes one scroll sideways, and no console says a word."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import pytest
from allauth.mfa.totp.internal import auth as totp
from playwright.sync_api import Page, expect

from tests.journeys import authorizing, ground, story
from tests.journeys.looks import LOOKS, Walk
from tests.journeys.windows import Windows
from tests.processes import Product

pytestmark = [
    pytest.mark.journey,
    pytest.mark.timeout(300),
    pytest.mark.parametrize("look", LOOKS.values(), ids=LOOKS.keys()),
]
Look = Mapping[str, Any]


def test_signed_out(product: Product, windows: Windows, look: Look) -> None:
    windows.forgive("status of (404|403|410)")
    walk = Walk(windows.signed_out(**look), product)

    walk.to(
        "/auth/login/",
        "/auth/signup/",
        "/auth/password/reset/",
        "/auth/password/reset/done/",
        "/auth/password/reset/key/done/",
        "/auth/password/reset/key/1-forged/",
        "/auth/confirm-email/",
        "/auth/confirm-email/forged/",
        "/auth/inactive/",
        "/invitation/",
        "/no/such/page/",
    )
    walk.page.goto(f"{product.url}/auth/login/")
    _give_the_address(walk.page)
    expect(walk.page.get_by_label("Password", exact=True)).to_be_visible()
    walk.look()
    walk.page.get_by_label("Password", exact=True).fill("not-a-password-of-anybody")
    walk.page.get_by_role("button", name="Sign in").click()
    expect(walk.page.get_by_role("alert")).to_be_visible()
    walk.look()

    assert not walk.faults


def test_when_something_went_wrong(product: Product, windows: Windows, look: Look) -> None:
    windows.forgive("status of (400|403|429|500)")
    walk = Walk(windows.signed_out(**look), product)
    page = walk.page

    walk.to(product.url.replace("localhost", "127.0.0.1"))  # a name that is not ours
    expect(page.get_by_role("heading", name="We did not understand that")).to_be_visible()
    page.goto(f"{product.url}/auth/login/")
    page.context.clear_cookies()
    _give_the_address(page)
    expect(page.get_by_role("heading", name="That was not accepted")).to_be_visible()
    walk.look()
    for _ in range(6):
        page.goto(f"{product.url}/auth/password/reset/")
        page.get_by_label("E-mail").fill("nobody@kestrel.example")
        page.get_by_role("button").click()
    expect(page.get_by_role("heading", name="That was too often")).to_be_visible()
    walk.look()
    dana = Walk(windows.of("dana", **look), product)
    with ground.table_away(product, "accounts_auditentry"):
        dana.to("/account/audit/")
    expect(dana.page.get_by_role("heading", name="Something broke here")).to_be_visible()

    assert not [*walk.faults, *dana.faults]


def test_member(product: Product, windows: Windows, look: Look) -> None:
    windows.forgive("status of (404|403)")
    walk = Walk(windows.of("wilhelmina-anastasia.von-hohenlohe-langenburg", **look), product)

    walk.look()
    walk.to(
        "/meetings/",
        "/profile/",
        "/profile/edit/",
        "/profile/security/",
        "/auth/2fa/totp/activate/",
        "/auth/2fa/recovery-codes/generate/",
        "/profile/calendar/",
        "/profile/calendar/office-365/",
        "/auth/password/change/",
        "/auth/logout/",
        "/auth/email/",
        "/auth/reauthenticate/",
        "/invitation/",
        "/people/",
        "/no/such/page/",
    )
    walk.page.goto(f"{product.url}/meetings/")
    _open_menus(walk)

    assert not walk.faults


def test_second_factor(product: Product, windows: Windows, look: Look) -> None:
    """Gus turns it on, is asked for it, is seen to have it, and turns it off."""
    gus, dana = Walk(windows.of("gus", **look), product), Walk(windows.of("dana", **look), product)
    page = gus.page

    page.goto(f"{product.url}/auth/2fa/totp/activate/")
    page.get_by_role("textbox", name="Code").fill("wrong")
    page.get_by_role("button", name="Turn on").click()
    expect(page.get_by_text("This code is not right.").first).to_be_visible()
    gus.look()
    page.get_by_role("textbox", name="Code").fill(_code_of(page.locator("#secret").inner_text()))
    page.get_by_role("button", name="Turn on").click()
    expect(page.get_by_text("You see them this once.")).to_be_visible()
    gus.look()
    gus.to("/auth/2fa/recovery-codes/", "/auth/2fa/reauthenticate/", "/profile/security/")
    somebody = Walk(windows.signed_out(**look), product)
    somebody.page.goto(f"{product.url}/auth/login/")
    story.fill_in_the_sign_in_form(somebody.page, story.address("gus"))
    expect(somebody.page.get_by_role("heading", name="Your code")).to_be_visible()
    somebody.look()
    story.to_person(dana.page, product, "gus")
    dana.look()
    dana.page.get_by_role("link", name="Reset the second factor").click()
    dana.look()
    gus.to("/auth/2fa/totp/deactivate/")
    page.get_by_role("button", name="Turn off").click()
    expect(page.get_by_text("The second factor is off.")).to_be_visible()

    assert not [*gus.faults, *somebody.faults, *dana.faults]


def test_connection_in_each_state(product: Product, windows: Windows, look: Look) -> None:
    name = "wilhelmina-anastasia.von-hohenlohe-langenburg"
    walk = Walk(windows.of(name, **look), product)
    page = walk.page

    story.to_microsoft(page, product)
    story.to_profile(page, product)
    walk.look()
    story.connect(page, product)
    walk.look()
    walk.dialogs()
    page.goto(f"{product.url}/meetings/")
    expect(page.get_by_text("Not a Zoom meeting").first).to_be_visible(timeout=story.A_WORKER_TAKES_MS)
    walk.look()
    for state, reason in (
        ("connecting", ""),
        ("degraded", "service_trouble"),
        ("paused", "credential_expired"),
        ("needs_reauth", "sessions_revoked"),
        ("blocked_by_policy", "turned_off"),
        ("not_eligible", "no_mailbox"),
    ):
        ground.is_now(product, state=state, reason=reason)
        walk.to("/profile/", "/meetings/")
    ground.begin_again(product, enabled=False)
    walk.to("/profile/", "/meetings/")

    assert not walk.faults


def test_on_the_way(product: Product, windows: Windows, look: Look) -> None:
    walk = Walk(windows.of("alice", **look), product)
    product.simulator.control("POST", "faults", {"target": "token", "status": 503, "seconds": 300})

    story.to_microsoft(walk.page, product)
    story.sign_in_at_microsoft(walk.page)
    story.accept(walk.page)
    expect(story.badge(walk.page)).to_have_text("Connecting")
    walk.look()

    assert not walk.faults


def test_group_admin(product: Product, windows: Windows, look: Look) -> None:
    walk = Walk(windows.of("gus", **look), product)

    walk.to("/groups/")
    walk.page.get_by_role("link", name="Sales").click()
    walk.look()
    members = f"{walk.page.url}members/"
    walk.to(members, f"{members}?add=bob", f"{members}?q=nobody-of-this-name")
    _open_menus(walk)

    assert not walk.faults


def test_owner(product: Product, windows: Windows, look: Look) -> None:
    walk = Walk(windows.of("dana", **look), product)

    walk.to("/account/settings/")
    walk.to("/people/", "/people/?q=nobody-of-this-name", "/people/invite/", "/groups/create/", "/account/audit/")
    walk.to("/account/sign-ins/", "/account/sign-ins/?q=nobody-of-this-name&since=never")
    walk.to("/account/single-sign-on/", "/account/single-sign-on/add/", "/account/single-sign-on/add/?protocol=saml")
    for name in ("Dana", "Wilhelmina-Anastasia von Hohenlohe-Langenburg"):
        walk.page.goto(f"{product.url}/people/")
        walk.page.get_by_role("main").get_by_role("link", name=name).click()
        walk.look()
    walk.dialogs()
    walk.page.get_by_role("link", name="Review the deletion").click()
    walk.look()
    walk.page.goto(f"{product.url}/groups/")
    walk.look()
    walk.page.get_by_role("link", name="Sales").click()
    walk.look()
    _open_menus(walk)
    walk.page.get_by_role("button", name="Review the deletion").click()
    walk.look()

    assert not walk.faults


def test_an_organization_and_whom_it_connects(product: Product, windows: Windows, look: Look) -> None:
    windows.forgive("status of 422")
    dana, alice = Walk(windows.of("dana", **look), product), Walk(windows.of("alice", **look), product)
    page = dana.page

    dana.to("/account/profile/", "/account/organizations/", "/integrations/authorize/unknown/")
    authorizing.to_account_profile(page, product)
    page.get_by_role("button", name="Add", exact=True).click()
    expect(page.get_by_role("alert")).to_be_visible()
    dana.look()
    authorizing.add_domain(page, product)
    dana.look()
    here = page.url.split("?")[0]
    dana.to(f"{here}?method=file", f"{here}?method=meta", here)
    authorizing.publish(page, product)
    dana.to("/account/profile/", f"{here}remove/")
    authorizing.to_sheet(page, product)
    expect(story.sheet(page)).to_contain_text("belongs to", timeout=authorizing.A_WHILE_MS)
    dana.look()
    page.get_by_role("button", name="Hand on to an Office 365 admin").click()
    expect(page.get_by_label("Link for an Office 365 admin")).to_be_visible()
    dana.look()
    _is_handed_on(dana, windows, product, look)
    page.reload()
    authorizing.is_authorized(page)
    dana.look()
    authorizing.is_connected(product, "alice")
    alice.to("/profile/", "/meetings/")
    authorizing.to_organization(page, product)
    dana.unfold()
    page.get_by_role("link", name="End…").click()
    dana.look()
    dana.to("/account/connections/", "/account/connections/?method=application_permissions")
    row = ground.connection_of(product, story.address("alice"))
    dana.to(f"/account/connections/{row['id']}/")
    for state, reason in (
        ("degraded", "no_answer"),
        ("paused", "consent_revoked"),
        ("not_eligible", "scoped_out"),
        ("not_eligible", "ambiguous"),
        ("disconnected", "link_ended"),
    ):
        ground.is_now(product, state=state, reason=reason)
        alice.to("/profile/", "/meetings/")

    assert not [*dana.faults, *alice.faults]


def test_forms_that_came_back(product: Product, windows: Windows, look: Look) -> None:
    walk = Walk(windows.of("dana", **look), product)

    for path, button in (("/people/invite/", "Send the invitation"), ("/groups/create/", "Create the group")):
        walk.page.goto(f"{product.url}{path}")
        walk.page.get_by_role("button", name=button).click()
        expect(walk.page.get_by_role("alert")).to_be_visible()
        walk.look()

    assert not walk.faults


def test_invited(product: Product, windows: Windows, look: Look) -> None:
    address = f"someone-{look['viewport']['width']}@kestrel.example"
    dana = Walk(windows.of("dana", **look), product)
    dana.page.goto(f"{product.url}/people/invite/")
    dana.page.get_by_label("E-mail").fill(address)
    dana.page.get_by_role("button", name="Send the invitation").click()
    expect(dana.page.get_by_text("The invitation is on its way")).to_be_visible()
    dana.look()
    dana.dialogs()
    somebody = Walk(windows.signed_out(**look), product)

    somebody.to(ground.link_in_the_letter_to(product, address))

    assert not [*dana.faults, *somebody.faults]


def test_simulated_microsoft(product: Product, windows: Windows, look: Look) -> None:
    windows.forgive("status of (400|403|404)")
    walk = Walk(windows.of("alice", **look), product)

    story.to_microsoft(walk.page, product)
    walk.look()
    asked = walk.page.url
    walk.page.get_by_label("Password").fill("not-her-password")
    walk.page.get_by_role("button", name="Sign in").click()
    expect(walk.page.get_by_role("alert")).to_be_visible()
    walk.look()
    story.sign_in_at_microsoft(walk.page)
    expect(walk.page.get_by_role("button", name="Accept")).to_be_visible()
    walk.look()
    walk.to(re.sub("scope=[^&]+", "scope=openid+User.Read.All", asked))
    expect(walk.page.get_by_role("heading", name="Need admin approval")).to_be_visible()
    walk.to(
        f"{asked}&prompt=select_account",
        re.sub("client_id=[^&]+", "client_id=forged", asked),
        f"{product.simulator.human_url}/no/such/page",
        f"{product.simulator.human_url}/organizations/oauth2/v2.0/logout",
        f"{product.simulator.human_url}/",
    )

    assert not walk.faults


def _give_the_address(page: Page) -> None:
    page.get_by_label("E-mail").fill(story.address("nobody"))
    page.get_by_role("button", name="Next").click()


def _code_of(secret: str) -> str:
    """What an app with this key shows now."""
    return str(totp.format_hotp_value(totp.hotp_value(secret, next(totp.yield_hotp_counters_from_time()) + 1)))


def _is_handed_on(dana: Walk, windows: Windows, product: Product, look: Look) -> None:
    """To somebody who has nothing but the link."""
    admin = Walk(windows.signed_out(**look), product)
    admin.to(dana.page.get_by_label("Link for an Office 365 admin").input_value())
    admin.page.get_by_role("button", name="Continue to Microsoft").click()
    authorizing.consent(admin.page)
    expect(admin.page.get_by_text("Microsoft has confirmed the consent")).to_be_visible(timeout=authorizing.A_WHILE_MS)
    admin.look()
    dana.faults += admin.faults


def _open_menus(walk: Walk) -> None:
    """The menus of the upper bar, as far as this window has them."""
    for menu in ("menu", "me"):
        opener = walk.page.locator(f'header [popovertarget="{menu}"]')
        if opener.is_visible():
            opener.click()
            expect(walk.page.locator(f"#{menu}")).to_be_visible()
            walk.look()
            walk.page.keyboard.press("Escape")
