"""What the profile and the page about a person say of a connection that the settings touch."""

from __future__ import annotations

import html
import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.template.loader import render_to_string
from django.test import RequestFactory
from django.utils import timezone

from accounts import openings
from accounts.cascade import declare
from accounts.cascade.write import choose
from accounts.models import Account, Group, User
from integrations import fitting, panels
from integrations.failures import Reason
from integrations.models import Connection, State
from integrations.preferences import Integrations, ServicePolicy
from tests.cast import ClientOf
from tests.integrations.tied import connect, set_to, state_of

pytestmark = pytest.mark.django_db
READ_CONTACTS = ServicePolicy(contacts_write=False)
PERMISSIONS = "/profile/calendar/office-365/"


def text_of(markup: str) -> str:
    words = " ".join(html.unescape(re.sub(r"<[^>]+>", " ", markup)).split())
    return re.sub(r" ([.,])", r"\1", words)


def profile_of(person: User, client_of: ClientOf) -> str:
    return text_of(client_of(person).get("/profile/").content.decode())


def shown_to(reader: User, person: User) -> str:
    request = RequestFactory().get("/")
    request.user = reader
    panel = panels.on_person(request, person)
    return render_to_string(panel.template, {"panel": panel.context})


# ── The profile ─────────────────────────────────────────────────────────────
def test_a_lock_says_what_no_longer_fits_who_decided_and_offers_the_way_on(
    kestrel: Account, sales: Group, dana: User, alice: User, client_of: ClientOf
) -> None:
    connect([alice], contacts_write=True, last_good_at=timezone.now())
    set_to("services", READ_CONTACTS, at=sales, by=dana, now=timezone.now(), is_locked=True)

    shown = profile_of(alice, client_of)

    assert "Your organization allows reading contacts only." in shown
    assert "To go on at once, choose fewer permissions under Configure." in shown
    assert "Decided for Sales by Dana, today" in shown
    assert "Configure" in shown.split("Decided for")[1]


def test_choosing_fewer_permissions_brings_it_back_at_once(
    kestrel: Account, dana: User, alice: User, client_of: ClientOf
) -> None:
    connect([alice], contacts_write=True)
    set_to("services", READ_CONTACTS, at=kestrel, by=dana, is_locked=True)
    client = client_of(alice)
    client.get("/profile/")
    assert state_of(alice) == State.BLOCKED_BY_POLICY

    response = client.post(PERMISSIONS, {}, follow=True)

    assert "Meridian now uses only what is ticked." in text_of(response.content.decode())
    assert state_of(alice) == State.CONNECTED
    assert Connection.objects.get().refresh_token == "sealed"


def test_who_turned_it_off_alone_is_not_sent_to_an_admin(alice: User, client_of: ClientOf) -> None:
    set_to("enabled", False, at=alice, by=alice, now=timezone.now())

    shown = profile_of(alice, client_of)
    sent_back = text_of(client_of(alice).get("/profile/calendar/", follow=True).content.decode())

    assert "Calendar integration is turned off in your own settings. You chose that in your settings, today" in shown
    assert "Ask an admin" not in shown + sent_back
    assert "turned off in your own settings." in sent_back


def test_an_admin_reads_whose_choice_it_was(dana: User, alice: User) -> None:
    set_to("enabled", False, at=alice, by=alice, now=timezone.now())

    assert "The integration is turned off. Decided in the settings of Alice, today" in text_of(shown_to(dana, alice))


def test_turned_off_by_the_account_it_says_who_and_whom_to_ask(
    kestrel: Account, dana: User, alice: User, client_of: ClientOf
) -> None:
    set_to("enabled", False, at=kestrel, by=dana, now=timezone.now())

    shown = profile_of(alice, client_of)

    assert "Your organization has turned calendar integration off. Decided for Account by Dana, today" in shown
    assert "Ask an admin of your account if you need it." in shown


@pytest.mark.parametrize("days", [0, 7])
def test_what_the_policy_ended_is_told_when_it_is_over(
    days: int, kestrel: Account, dana: User, alice: User, client_of: ClientOf
) -> None:
    connect([alice])
    set_to("grace", days, at=kestrel, by=dana)
    set_to("enabled", False, at=kestrel, by=dana)
    fitting.apply_policy(kestrel, now=timezone.now() - timedelta(days=8))

    shown = profile_of(alice, client_of)

    assert "Your connection was ended. Your organization has turned calendar integration off." in shown
    assert "Meridian forgot its access to alice@kestrel.example" in shown
    assert shown.count("turned calendar integration off") == 1


def test_more_than_is_given_now_is_marked_in_words(
    kestrel: Account, dana: User, alice: User, client_of: ClientOf
) -> None:
    connect([alice], contacts_write=True, calendar_write=True)
    assert "more than is given now" not in profile_of(alice, client_of)

    set_to("services", READ_CONTACTS, at=kestrel, by=dana)

    shown = profile_of(alice, client_of)
    assert shown.count("Write, more than is given now") == 1
    assert "What you gave stays until you change it." in shown
    assert state_of(alice) == State.CONNECTED


def test_a_lost_connection_that_is_not_allowed_either_has_no_button_that_leads_nowhere(
    kestrel: Account, dana: User, alice: User, client_of: ClientOf
) -> None:
    connect([alice], State.NEEDS_REAUTH, reason=Reason.INACTIVE.value)
    assert "Reconnect" in profile_of(alice, client_of)

    set_to("enabled", False, at=kestrel, by=dana)

    shown = profile_of(alice, client_of)
    assert "Reconnect" not in shown
    assert "Your organization has turned calendar integration off." in shown


@pytest.mark.parametrize("is_off", [False, True])
def test_the_panel_costs_the_same_for_whoever_asks(
    is_off: bool, kestrel: Account, dana: User, alice: User, django_assert_max_num_queries: Callable[..., Any]
) -> None:
    connect([alice])
    if is_off:
        set_to("enabled", False, at=kestrel, by=dana)
        fitting.apply_policy(kestrel, now=timezone.now())

    with django_assert_max_num_queries(6 if is_off else 4):
        panels.calendar_of(alice, now=timezone.now())


# ── The page about a person ─────────────────────────────────────────────────
def test_admins_are_offered_the_panel() -> None:
    assert panels.on_person in openings.person_admin_panels


@pytest.mark.parametrize("state", State)
@pytest.mark.parametrize("reason", ["", Reason.INACTIVE.value, "turned_off", "something new"])
def test_it_opens_in_every_state_and_has_nothing_to_press(state: State, reason: str, dana: User, alice: User) -> None:
    connect([alice], state, reason=reason)

    shown = shown_to(dana, alice)

    assert "Contact and Calendar Integration" in shown
    assert "<button" not in shown
    assert "<form" not in shown
    assert "sealed" not in shown.replace("sealed access", "")


def test_it_says_what_an_admin_needs_to_know(kestrel: Account, sales: Group, dana: User, alice: User) -> None:
    connect([alice], contacts_write=True, last_good_at=timezone.now())
    set_to("services", READ_CONTACTS, at=sales, by=dana, now=timezone.now(), is_locked=True)

    markup = shown_to(dana, alice)

    shown = text_of(markup)
    assert "alice@kestrel.example Office 365 Blocked by policy" in shown
    assert "Contacts may only be read. Decided for Sales by Dana, today" in shown
    assert "The sealed access is kept until" in shown
    assert "Blocked by policy since today" in shown
    assert f'href="/groups/{sales.pk}/settings/mail-calendar/#setting-services"' in markup


def test_without_a_connection_it_says_so_and_why_none_can_be_made(kestrel: Account, dana: User, alice: User) -> None:
    assert "Alice has not connected a calendar." in text_of(shown_to(dana, alice))

    set_to("enabled", False, at=kestrel, by=dana)

    assert "The integration is turned off. Decided for Account by Dana" in text_of(shown_to(dana, alice))


def test_what_stays_though_less_is_given_is_marked_for_admins_too(kestrel: Account, dana: User, alice: User) -> None:
    connect([alice], contacts_write=True)
    choose(declare.setting_of(Integrations, "services"), READ_CONTACTS, at=kestrel, actor=dana, now=timezone.now())

    assert "The settings now give less than Alice gave before." in text_of(shown_to(dana, alice))


def test_the_page_about_a_person_ends_with_it(alice: User, dana: User, client_of: ClientOf) -> None:
    connect([alice])

    shown = text_of(client_of(dana).get(f"/people/{alice.pk}/").content.decode())

    assert "Contact and Calendar Integration alice@kestrel.example Office 365 Connected" in shown
