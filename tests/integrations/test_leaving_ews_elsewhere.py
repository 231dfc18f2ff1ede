"""Leaving EWS where no person's own token says anything: own servers, and the consent of an organization."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from accounts.models import Account, User
from integrations import fitting
from integrations.leaving_ews import going_back, moving
from integrations.leaving_ews.going_back import Returned
from integrations.leaving_ews.moving import Ending
from integrations.models import Connection, EwsPast, GraphProspect, Move, Prospect, State
from integrations.preferences import Api, Method, Service
from tests.integrations.holding import again
from tests.integrations.leaving import EWS, GRAPH, GRAPH_BY_APP, by_ews, say
from tests.integrations.linked import linked
from tests.integrations.reaching_exchange import at_exchange, hugo_of, ingrid_of, signed_in_by, with_impersonation
from tests.integrations.wired import connected
from tests.simulated import Simulator

pytestmark = pytest.mark.django_db


@pytest.fixture
def ingrid(kestrel: Account) -> User:
    return ingrid_of(kestrel)


@pytest.fixture
def on_her_server(ingrid: User, kestrel: Account, dana: User, microsoft: Simulator) -> Connection:
    say(at_exchange(microsoft), at=kestrel, by=dana)
    signed_in_by(ingrid)
    return Connection.objects.get(user=ingrid)


def test_a_mailbox_on_premises_stays_and_where_graph_is_locked_it_is_blocked_as_announced(
    on_her_server: Connection, kestrel: Account, dana: User
) -> None:
    say(GRAPH, at=kestrel, by=dana, is_locked=True)

    ending = moving.move(on_her_server.pk, now=timezone.now()).ending
    fitting.apply_policy(kestrel, now=timezone.now())

    still = again(on_her_server)
    assert ending is Ending.ON_PREMISES
    assert (still.api, still.move, still.state) == (Api.EWS, Move.REFUSED, State.BLOCKED_BY_POLICY)


def test_a_mailbox_on_premises_stays_connected_where_the_settings_leave_it_open(
    on_her_server: Connection, kestrel: Account, dana: User
) -> None:
    say(GRAPH, at=kestrel, by=dana)
    moving.move(on_her_server.pk, now=timezone.now())

    fitting.apply_policy(kestrel, now=timezone.now())

    assert again(on_her_server).state == State.CONNECTED
    assert GraphProspect.objects.get().outcome == Prospect.ON_PREMISES


def test_whose_mailbox_has_moved_to_the_cloud_is_asked_and_their_consent_takes_over(
    on_her_server: Connection, ingrid: User, kestrel: Account, dana: User, microsoft: Simulator
) -> None:
    say(GRAPH, at=kestrel, by=dana, is_locked=True)
    microsoft.control("POST", "people/ingrid@kestrel.example/move-to-cloud")

    ending = moving.move(on_her_server.pk, now=timezone.now()).ending
    connected(ingrid, microsoft)

    moved, past = again(on_her_server), EwsPast.objects.get()
    assert ending is Ending.ASKED
    assert (moved.service, moved.api, moved.password) == (Service.OFFICE_365, Api.GRAPH, "")
    assert (past.service, past.method) == (Service.EXCHANGE, Method.PASSWORD)


def test_back_on_the_own_server_the_password_opens_the_mailbox_as_before(
    on_her_server: Connection, ingrid: User, kestrel: Account, dana: User, microsoft: Simulator
) -> None:
    say(GRAPH, at=kestrel, by=dana)
    microsoft.control("POST", "people/ingrid@kestrel.example/move-to-cloud")
    connected(ingrid, microsoft)
    microsoft.control("POST", "people/ingrid@kestrel.example/move-on-premises")
    say(at_exchange(microsoft), at=kestrel, by=dana)

    returned = going_back.go_back(on_her_server.pk, actor=dana, now=timezone.now())

    back = again(on_her_server)
    assert returned == (Returned.BACK, "")
    assert (back.service, back.api, back.method, back.state) == ("exchange", "ews", "password", State.CONNECTED)
    assert (back.server_id, back.user_name) == (on_her_server.server_id, on_her_server.user_name)
    assert back.password
    assert not back.refresh_token


def test_by_an_impersonation_account_somebody_on_premises_stays(
    kestrel: Account, dana: User, microsoft: Simulator
) -> None:
    hugo = hugo_of(kestrel)
    say(at_exchange(microsoft, Method.IMPERSONATION), at=kestrel, by=dana)
    server = with_impersonation(kestrel, microsoft, by=dana)
    way = {"service": "exchange", "api": "ews", "method": "impersonation", "server": server}
    made = Connection.objects.create(
        user=hugo, state=State.CONNECTED, since_at=timezone.now(), address=hugo.email, **way
    )
    say(GRAPH_BY_APP, at=kestrel, by=dana)

    assert moving.move(made.pk, now=timezone.now()).ending is Ending.ON_PREMISES


# ── By the consent of an organization ───────────────────────────────────────
def test_without_the_organizations_consent_to_graph_an_admin_is_needed_and_ews_goes_on(
    alice: User, kestrel: Account, dana: User, microsoft: Simulator
) -> None:
    connection = by_ews(alice, microsoft, by=dana)
    say(GRAPH_BY_APP, at=kestrel, by=dana)

    ending = moving.move(connection.pk, now=timezone.now()).ending

    assert ending is Ending.NEEDS_ADMIN
    assert (again(connection).api, again(connection).move) == (Api.EWS, Move.READY)


def test_the_organizations_consent_takes_over_once_it_opens_the_same_mailbox(
    alice: User, kestrel: Account, dana: User, microsoft: Simulator
) -> None:
    connection = by_ews(alice, microsoft, by=dana)
    link = linked(kestrel, microsoft)
    say(GRAPH_BY_APP, at=kestrel, by=dana)

    ending = moving.move(connection.pk, now=timezone.now() + timedelta(seconds=1)).ending

    moved = again(connection)
    assert ending is Ending.MOVED
    assert (moved.api, moved.method, moved.link_id) == (Api.GRAPH, Method.APPLICATION_PERMISSIONS, link.pk)
    assert EwsPast.objects.get().method == Method.OAUTH


def test_from_the_organizations_consent_somebody_goes_back_to_their_own_access_by_ews(
    alice: User, kestrel: Account, dana: User, microsoft: Simulator
) -> None:
    connection = by_ews(alice, microsoft, by=dana)
    linked(kestrel, microsoft)
    say(GRAPH_BY_APP, at=kestrel, by=dana)
    moving.move(connection.pk, now=timezone.now())
    say(EWS, at=kestrel, by=dana)

    returned = going_back.go_back(connection.pk, now=timezone.now())

    back = again(connection)
    assert returned == (Returned.BACK, "")
    assert (back.api, back.method, back.link_id) == (Api.EWS, Method.OAUTH, None)
    assert back.refresh_token
