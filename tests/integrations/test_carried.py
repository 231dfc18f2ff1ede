"""What a person, and an admin who looks at them, is told of a calendar that the organization carries or will carry."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from django.db import connection as database
from django.test.utils import CaptureQueriesContext

from accounts.models import Account, User
from integrations.failures import Reason
from integrations.models import Connection, Move, State, TenantLink
from tests.cast import FOUNDED, ClientOf, joined
from tests.integrations.authorized import BY_ADMIN, TENANT, authorized, connected_by, set_up_by_admin
from tests.integrations.test_panels import profile_of, shown_to, text_of
from tests.integrations.tied import connect, set_to, state_of, take_back

pytestmark = pytest.mark.django_db
DELETE, PERMISSIONS = "/profile/calendar/delete/", "/profile/calendar/office-365/"
BUTTONS = ("Configure", "Reconnect", "Delete")


@pytest.fixture
def link(kestrel: Account, dana: User) -> TenantLink:
    set_up_by_admin(kestrel, by=dana)
    return authorized(kestrel)


def section_of(person: User, client_of: ClientOf) -> str:
    return profile_of(person, client_of).split("Calendar and Contacts Integration")[1]


# ── Connected ───────────────────────────────────────────────────────────────
def test_it_says_who_carries_it_what_is_reached_and_what_is_not(
    link: TenantLink, alice: User, client_of: ClientOf
) -> None:
    connected_by(link, [alice], calendar_write=True)

    shown = section_of(alice, client_of)

    assert "Connected by your organization" in shown
    assert "Decided for Kestrel & Co by Dana" in shown or "Decided for Account by Dana" in shown
    assert "Other calendars, attachments, creating a calendar, searching" in shown
    assert "Not read: that is not chosen in the settings." in shown
    assert not any(button in shown for button in BUTTONS), "nothing of it is theirs to do"


@pytest.mark.parametrize(
    ("roles", "says"),
    [
        (["Calendars.Read"], "Not read: Microsoft does not give Meridian Contacts.Read."),
        (["Calendars.Read", "Contacts.Read"], ""),
        (["Calendars.Read", "Contacts.ReadWrite"], ""),
    ],
)
def test_contacts_say_why_they_are_not_read(
    roles: list[str], says: str, kestrel: Account, dana: User, alice: User, client_of: ClientOf
) -> None:
    set_to("services", replace(BY_ADMIN, organization_contacts=True), at=kestrel, by=dana)
    connected_by(authorized(kestrel, roles=roles), [alice])

    shown = section_of(alice, client_of)

    assert ("Not read" in shown) == bool(says)
    assert says in shown


def test_who_does_not_want_it_turns_it_off_in_the_own_settings(
    link: TenantLink, alice: User, client_of: ClientOf
) -> None:
    connected_by(link, [alice])
    browser = client_of(alice)
    page = browser.get("/profile/").content.decode()
    assert "If you do not want your calendar here, turn it off for yourself" in text_of(page)
    address = page.split("turn it off for yourself")[1].split('href="')[1].split('"')[0]
    assert browser.get(address.partition("#")[0]).status_code == 200

    set_to("enabled", False, at=alice, by=alice)
    shown = section_of(alice, client_of)

    assert state_of(alice) == State.BLOCKED_BY_POLICY
    assert "Calendar integration is turned off in your own settings." in shown
    assert "Allowed again, it comes back by itself." in shown
    assert "sealed access" not in shown


def test_where_the_switch_is_locked_it_says_who_locked_it(
    link: TenantLink, kestrel: Account, dana: User, alice: User, client_of: ClientOf
) -> None:
    connected_by(link, [alice])
    set_to("enabled", True, at=kestrel, by=dana, is_locked=True)

    shown = section_of(alice, client_of)

    assert "You cannot turn it off for yourself." in shown
    assert "turn it off for yourself in" not in shown


def test_it_cannot_be_deleted_while_it_would_be_connected_again(
    link: TenantLink, alice: User, client_of: ClientOf
) -> None:
    connected_by(link, [alice])

    answer = client_of(alice).post(DELETE, follow=True)

    assert "it would be connected again" in text_of(answer.content.decode())
    assert state_of(alice) == State.CONNECTED


@pytest.mark.parametrize(
    ("state", "reason", "says"),
    [
        (State.PAUSED, Reason.CONSENT_REVOKED, "has withdrawn its consent"),
        (State.NOT_ELIGIBLE, Reason.NO_MAILBOX, "has no mailbox of yours"),
        (State.NOT_ELIGIBLE, Reason.AMBIGUOUS, "which mailbox is yours"),
        (State.NOT_ELIGIBLE, Reason.SCOPED_OUT, "does not let Meridian into your mailbox"),
        (State.NOT_ELIGIBLE, Reason.ON_PREMISES, "on-premises"),
        (State.NOT_ELIGIBLE, Reason.GUEST, "guest"),
        (State.DEGRADED, Reason.NO_ANSWER, "Microsoft does not answer."),
    ],
)
def test_trouble_says_whom_to_ask_and_offers_nothing_that_would_not_help(
    state: State, reason: Reason, says: str, link: TenantLink, alice: User, client_of: ClientOf
) -> None:
    connected_by(link, [alice], state, reason=reason.value)

    shown = section_of(alice, client_of)

    assert says in shown
    assert not any(button in shown for button in BUTTONS)


# ── Not connected ───────────────────────────────────────────────────────────
def test_who_is_about_to_be_looked_up_need_not_do_anything(link: TenantLink, alice: User, client_of: ClientOf) -> None:
    shown = section_of(alice, client_of)

    assert "Waiting to be connected" in shown
    assert "you need not do anything" in shown
    assert "Configure" not in shown


def test_who_has_another_domain_is_told_whom_to_ask(link: TenantLink, kestrel: Account, client_of: ClientOf) -> None:
    eve = joined(kestrel, name="Eve", email="eve@elsewhere.example")

    assert "but not those of elsewhere.example" in section_of(eve, client_of)


def test_where_nobody_has_authorized_it_the_profile_says_so(
    kestrel: Account, dana: User, alice: User, client_of: ClientOf
) -> None:
    set_up_by_admin(kestrel, by=dana)

    assert "once an Office 365 admin has authorized it" in section_of(alice, client_of)


def test_a_link_that_has_ended_counts_for_nothing(link: TenantLink, alice: User, client_of: ClientOf) -> None:
    TenantLink.objects.update(ended_at=FOUNDED, state="ended")

    assert "once an Office 365 admin has authorized it" in section_of(alice, client_of)


# ── From one to the other ───────────────────────────────────────────────────
@pytest.mark.parametrize(
    ("move", "says"),
    [(Move.READY, "is taking this connection over"), (Move.REFUSED, "does not carry this one, which stays your own")],
)
def test_the_own_connection_says_what_becomes_of_it(
    move: Move, says: str, link: TenantLink, alice: User, client_of: ClientOf
) -> None:
    connect([alice], tenant_id=TENANT, move=move)

    assert says in section_of(alice, client_of)


def test_who_is_asked_to_sign_in_once_gets_the_way_and_may_end_it(
    link: TenantLink, kestrel: Account, dana: User, alice: User, client_of: ClientOf
) -> None:
    connected_by(link, [alice], calendar_write=True)
    take_back("services", at=kestrel, by=dana)

    shown = section_of(alice, client_of)
    permissions = text_of(client_of(alice).get(PERMISSIONS).content.decode())
    deleted = client_of(alice).post(DELETE, follow=True)

    assert "Sign in at Microsoft once to keep your calendar here." in shown
    assert "Configure" in shown and "Delete" in shown
    assert "Authorize" in permissions, "what the organization carries is not narrowed but replaced"
    assert "The connection is deleted." in text_of(deleted.content.decode())
    assert "Microsoft lists Meridian" not in text_of(deleted.content.decode())
    assert state_of(alice) == State.DISCONNECTED


def test_ticking_less_does_not_narrow_what_nobody_ticked(
    link: TenantLink, kestrel: Account, dana: User, alice: User, client_of: ClientOf, settings: Any
) -> None:
    connected_by(link, [alice], calendar_write=True)
    take_back("services", at=kestrel, by=dana)
    settings.MICROSOFT_AUTHORITY_HOST = "http://127.0.0.1:9"

    client_of(alice).post(PERMISSIONS, {})

    assert Connection.objects.get().calendar_write


# ── Other pages ─────────────────────────────────────────────────────────────
@pytest.mark.parametrize(
    ("tie", "says"),
    [
        ({}, "Connected by the organization"),
        ({"state": State.NOT_ELIGIBLE, "reason": "no_mailbox"}, "goes on looking by itself"),
        (None, "about to be looked up at Microsoft"),
    ],
)
def test_an_admin_sees_the_same_of_somebody(
    tie: dict[str, Any] | None, says: str, link: TenantLink, dana: User, alice: User
) -> None:
    if tie is not None:
        connected_by(link, [alice], **tie)

    assert says in text_of(shown_to(dana, alice))


def test_the_banner_names_no_account_that_the_person_has_not_connected(
    link: TenantLink, alice: User, client_of: ClientOf
) -> None:
    connected_by(link, [alice], State.NOT_ELIGIBLE, reason="no_mailbox")

    shown = text_of(client_of(alice).get("/meetings/", follow=True).content.decode())

    assert "could not open a mailbox of yours" in shown


def test_the_profile_costs_three_queries_more_than_for_others(
    link: TenantLink, kestrel: Account, dana: User, alice: User, client_of: ClientOf
) -> None:
    """By whose consent, and who decided it: of the method and of the switch."""
    connected_by(link, [alice])
    browser = client_of(alice)
    browser.get("/profile/")

    with CaptureQueriesContext(database) as carried:
        browser.get("/profile/")
    Connection.objects.update(method="oauth", link=None)
    take_back("services", at=kestrel, by=dana)
    with CaptureQueriesContext(database) as own:
        browser.get("/profile/")

    assert len(carried) - len(own) <= 3
