"""To a calendar by Exchange Web Services: at Microsoft by OAuth, at a server of one's own by password, and by an
impersonation account."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from accounts import vault
from accounts.models import Account, User
from integrations import opening, tokens
from integrations.models import Connection, State
from integrations.preferences import Api, Method, Service
from tests.integrations.reaching_exchange import (
    OFFICE_BY_EWS,
    at_exchange,
    connection_of,
    hugo_of,
    impersonated,
    ingrid_of,
    lead,
    signed_in_by,
    with_impersonation,
)
from tests.integrations.wired import connected
from tests.simulated import PASSWORD, Simulator

pytestmark = pytest.mark.django_db
DAY = timedelta(days=1)


def subjects(connection: Connection) -> set[str]:
    now = timezone.now()
    calendar = opening.open_calendar(connection, now=now)
    return {event.subject for event in calendar.events_between(now - 7 * DAY, now + 14 * DAY)}


# ── Office 365 by EWS ───────────────────────────────────────────────────────
def test_office_365_by_ews_connects_with_the_one_permission_there_is(
    kestrel: Account, dana: User, alice: User, microsoft: Simulator
) -> None:
    lead(kestrel, OFFICE_BY_EWS, by=dana)

    connection = connected(alice, microsoft)

    assert (connection.service, connection.api, connection.method) == (Service.OFFICE_365, Api.EWS, Method.OAUTH)
    assert (connection.address, connection.state) == (alice.email, State.CONNECTED)
    assert set(connection.granted) <= {"EWS.AccessAsUser.All", "openid", "profile", "email", "offline_access"}
    assert (connection.calendar_write, connection.contacts_write, connection.withheld) == (False, False, [])
    assert subjects(connection)


def test_by_ews_the_token_is_refreshed_for_ews(kestrel: Account, dana: User, alice: User, microsoft: Simulator) -> None:
    lead(kestrel, OFFICE_BY_EWS, by=dana)
    connection = connected(alice, microsoft)

    tokens.refresh(connection, now=timezone.now())

    connection.refresh_from_db()
    assert (connection.state, connection.token_version) == (State.CONNECTED, 2)
    assert subjects(connection)


def test_the_refresh_token_of_ews_opens_graph_and_says_nothing_of_the_connection(
    kestrel: Account, dana: User, alice: User, microsoft: Simulator
) -> None:
    connected(alice, microsoft)  # to Graph: so that is consented to
    lead(kestrel, OFFICE_BY_EWS, by=dana)
    connection = connected(alice, microsoft)
    before = connection.refresh_token

    got = tokens.redeem_for(connection, ["User.Read", "Calendars.Read"], now=timezone.now())

    assert got.access_token
    connection.refresh_from_db()
    assert connection.refresh_token != before
    assert (connection.state, connection.api, connection.lease_until) == (State.CONNECTED, Api.EWS, None)
    assert subjects(connection)


# ── A server of one's own, by password ──────────────────────────────────────
def test_a_password_opens_the_mailbox_and_is_kept_sealed(kestrel: Account, dana: User, microsoft: Simulator) -> None:
    ingrid = ingrid_of(kestrel)
    lead(kestrel, at_exchange(microsoft), by=dana)

    consent = signed_in_by(ingrid)

    assert (consent.step, consent.reason, consent.answer) == ("done", "", "")
    connection = connection_of(ingrid)
    assert (connection.state, connection.address) == (State.CONNECTED, ingrid.email)
    assert PASSWORD not in connection.password
    assert vault.open_sealed(connection.password, bound_to=vault.place_of(connection, "password")) == PASSWORD
    assert connection.refresh_due_at
    assert connection.refresh_due_at > timezone.now()
    assert subjects(connection)


def test_by_impersonation_nothing_is_typed(kestrel: Account, dana: User, microsoft: Simulator) -> None:
    hugo = hugo_of(kestrel)
    lead(kestrel, at_exchange(microsoft, Method.IMPERSONATION), by=dana)
    with_impersonation(kestrel, microsoft, by=dana)

    consent = impersonated(hugo)

    assert (consent.step, consent.reason) == ("done", "")
    connection = connection_of(hugo)
    assert (connection.state, connection.user_name, connection.password) == (State.CONNECTED, "", "")
    assert subjects(connection)
