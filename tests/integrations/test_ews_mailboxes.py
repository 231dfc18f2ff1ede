"""Mailboxes by EWS at the simulated Microsoft: what opens them, what is read, and what each day of theirs means."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.utils import timezone

from accounts import vault
from accounts.models import Account, User
from integrations.contracts import CalendarError, Opened, RemoteEvent
from integrations.exchange import identity, mailboxes
from integrations.failures import Outcome, Reason
from integrations.microsoft.graph.provider import GraphCalendar
from integrations.models import Connection, ExchangeServer, State
from integrations.preferences import Api, Method, Service
from tests.simulated import PASSWORD, Simulator
from tests.simulator.client import SCOPE, Client

ALICE, INGRID, HUGO = "alice@kestrel.example", "ingrid@kestrel.example", "hugo@kestrel.example"
ACCOUNT = "svc-calendar@kestrel.example"
BY_EWS = "openid offline_access https://outlook.office365.com/EWS.AccessAsUser.All"
ROLE = "https://outlook.office365.com/full_access_as_app"
START = datetime(2026, 11, 23, tzinfo=UTC)
END = START + timedelta(days=14)
KESTREL = "tenants/kestrel.example"


@pytest.fixture
def ews(microsoft: Simulator) -> Simulator:
    """Exchange Online speaks EWS to Meridian, as its admins have decided."""
    microsoft.control("POST", f"{KESTREL}/ews-enabled", {"setting": "true"})
    apps = {"applications": [microsoft.client_id], "listed": True}
    microsoft.control("POST", f"{KESTREL}/ews-allowed-apps", apps)
    return microsoft


def persons_token(microsoft: Simulator, name: str = ALICE, scope: str = BY_EWS) -> str:
    return str(Client(microsoft).connect(name, scope)["access_token"])


def applications_token(microsoft: Simulator) -> str:
    here = f"applications/{microsoft.client_id}/{KESTREL}"
    microsoft.control("POST", f"{here}/grant-roles", {"roles": [ROLE]})
    scope = "https://outlook.office365.com/.default"
    answer = Client(microsoft).token("kestrel.example", grant_type="client_credentials", scope=scope)
    return str(answer.json()["access_token"])


def by_password(microsoft: Simulator, name: str = INGRID, **changes: str) -> Opened:
    sent = {"user_name": name, "password": PASSWORD, "address": name} | changes
    return mailboxes.probe_password(microsoft.exchange_url, **sent)


def refusal(of: Callable[[], object]) -> tuple[Outcome, Reason]:
    with pytest.raises(CalendarError) as caught:
        of()
    return caught.value.failure.outcome, caught.value.failure.reason


@pytest.fixture
def server(kestrel: Account, microsoft: Simulator) -> ExchangeServer:
    """With its impersonation account."""
    server = ExchangeServer.objects.create(
        account=kestrel, address=microsoft.exchange_url, user_name=ACCOUNT, since_at=timezone.now()
    )
    server.password = vault.seal(PASSWORD, bound_to=vault.place_of(server, "password"))
    server.save()
    return server


def tied(person: User, server: ExchangeServer | None, method: Method, **columns: Any) -> Connection:
    usual = {"service": Service.EXCHANGE.value, "api": Api.EWS.value, "method": method.value, "address": INGRID}
    made = {**usual, "state": State.CONNECTED, "since_at": timezone.now(), "server": server, **columns}
    return Connection.objects.create(user=person, **made)


# ── A server of the organization's own ──────────────────────────────────────
@pytest.mark.parametrize("user_name", [INGRID, "KESTREL\\ingrid"])
@pytest.mark.parametrize("address", [INGRID, "i.halvorsen@kestrel.example"])
def test_a_password_opens_ones_own_mailbox(microsoft: Simulator, user_name: str, address: str) -> None:
    opened = by_password(microsoft, user_name=user_name, address=address)

    assert opened.address == INGRID
    assert opened.build.startswith("15.2.")


def test_it_opens_nobody_elses(microsoft: Simulator) -> None:
    assert refusal(lambda: by_password(microsoft, address=HUGO)) == (
        Outcome.NOT_PERMITTED,
        Reason.PERMISSION_MISSING,
    )


def test_a_wrong_one_is_refused_once(microsoft: Simulator) -> None:
    found = refusal(lambda: by_password(microsoft, password="another"))

    assert found == (Outcome.AUTHORIZATION_LOST, Reason.PASSWORD_REFUSED)
    by_password(microsoft)


def test_a_locked_account_is_waited_for(microsoft: Simulator) -> None:
    microsoft.control("POST", f"people/{INGRID}/lock", {"minutes": 10})

    assert refusal(lambda: by_password(microsoft)) == (Outcome.THROTTLED, Reason.ACCOUNT_LOCKED)


@pytest.mark.parametrize("address", [ALICE, "bob@kestrel.example"])
def test_a_mailbox_in_the_cloud_is_found_to_be_there(microsoft: Simulator, address: str) -> None:
    assert refusal(lambda: by_password(microsoft, address=address)) == (
        Outcome.NOT_ELIGIBLE,
        Reason.MOVED_TO_CLOUD,
    )


@pytest.mark.parametrize(("address", "is_there"), [(ALICE, True), (INGRID, False), ("nobody@kestrel.example", None)])
def test_the_server_says_where_a_mailbox_is(microsoft: Simulator, address: str, is_there: bool | None) -> None:
    assert mailboxes.is_in_cloud(microsoft.exchange_url, address) is is_there


def test_nobody_has_said_anything_while_it_is_down(microsoft: Simulator) -> None:
    microsoft.control("POST", "exchange-down")

    assert mailboxes.is_in_cloud(microsoft.exchange_url, ALICE) is None
    assert refusal(lambda: by_password(microsoft)) == (Outcome.UNREACHABLE, Reason.SERVER_UNREACHABLE)

    microsoft.control("POST", "exchange-up")


@pytest.mark.parametrize("certificate", ["untrusted", "expired"])
def test_a_certificate_that_is_not_trusted(microsoft: Simulator, certificate: str) -> None:
    microsoft.control("POST", "exchange-certificate", {"certificate": certificate})

    assert refusal(lambda: by_password(microsoft)) == (Outcome.APP_GONE, Reason.CERTIFICATE_UNTRUSTED)

    microsoft.control("POST", "exchange-certificate", {"certificate": "trusted"})


def test_a_busy_server_says_how_long(microsoft: Simulator) -> None:
    microsoft.control("POST", "exchange-busy", {"milliseconds": 12_000})

    with pytest.raises(CalendarError) as caught:
        by_password(microsoft)

    assert caught.value.failure.reason == Reason.TOO_MANY_REQUESTS
    assert caught.value.failure.retry_after == timedelta(seconds=12)


def test_an_impersonation_account_opens_the_mailboxes_of_its_server(server: ExchangeServer) -> None:
    assert mailboxes.probe_impersonating(server, "i.halvorsen@kestrel.example").address == INGRID
    assert mailboxes.probe_server(server).startswith("15.2.")


def test_one_that_may_not_is_refused(server: ExchangeServer, microsoft: Simulator) -> None:
    microsoft.control("POST", f"people/{ACCOUNT}/forbid-impersonation")

    assert refusal(lambda: mailboxes.probe_impersonating(server, INGRID)) == (
        Outcome.NOT_PERMITTED,
        Reason.IMPERSONATION_REFUSED,
    )
    assert mailboxes.probe_server(server)


def test_a_server_without_one_is_only_reached(server: ExchangeServer, microsoft: Simulator) -> None:
    server.user_name = server.password = ""

    assert mailboxes.probe_server(server) == server.build

    microsoft.control("POST", "exchange-down")
    assert refusal(lambda: mailboxes.probe_server(server)) == (Outcome.UNREACHABLE, Reason.SERVER_UNREACHABLE)
    microsoft.control("POST", "exchange-up")


def test_a_connection_by_password_opens_what_was_sealed_for_it(alice: User, server: ExchangeServer) -> None:
    connection = tied(alice, server, Method.PASSWORD, user_name=INGRID)
    connection.password = vault.seal(PASSWORD, bound_to=vault.place_of(connection, "password"))

    calendar = mailboxes.calendar_of(connection, "")

    assert calendar.default_calendar().name == "Calendar"
    assert "Shift hand-over" in {event.subject for event in calendar.events_between(START, END)}
    assert PASSWORD not in repr(calendar)


def test_one_by_impersonation_has_nothing_of_its_own(alice: User, server: ExchangeServer) -> None:
    connection = tied(alice, server, Method.IMPERSONATION)

    events = list(mailboxes.calendar_of(connection, "").events_between(START, END))

    assert {event.organizer for event in events} >= {"Ingrid Halvorsen", "Hugo Baptiste"}


def test_what_does_not_open_is_our_own_trouble(alice: User, server: ExchangeServer) -> None:
    connection = tied(alice, server, Method.PASSWORD, user_name=INGRID, password=server.password)

    assert refusal(lambda: mailboxes.calendar_of(connection, "")) == (
        Outcome.CREDENTIAL_REFUSED,
        Reason.KEY_MISSING,
    )


def test_changes_are_listed_since_the_last_time(alice: User, server: ExchangeServer) -> None:
    connection = tied(alice, server, Method.IMPERSONATION)

    first = mailboxes.changes_of(connection, "", "")
    second = mailboxes.changes_of(connection, "", first.cursor)
    lost = mailboxes.changes_of(connection, "", "no state of theirs")

    assert (first.is_afresh, first.is_complete) == (True, True)
    assert "Shift hand-over" in {event.subject for event in first.events}
    assert (second.events, second.removed, second.is_afresh) == ((), (), False)
    assert lost.is_afresh
    assert {event.id for event in lost.events} == {event.id for event in first.events}


# ── Exchange Online ─────────────────────────────────────────────────────────
def test_a_persons_token_opens_their_mailbox(ews: Simulator) -> None:
    opened = mailboxes.probe_delegated(persons_token(ews), ALICE)

    assert opened.address == ALICE
    assert opened.build.startswith("15.20.")


def test_an_application_opens_the_mailboxes_that_it_may(ews: Simulator) -> None:
    assert mailboxes.probe_as_app(applications_token(ews), ALICE).address == ALICE


def test_a_mailbox_on_premises_is_not_in_the_cloud(ews: Simulator) -> None:
    assert refusal(lambda: mailboxes.probe_as_app(applications_token(ews), INGRID))[1] == Reason.NO_MAILBOX


@pytest.mark.parametrize(
    ("order", "reason"),
    [
        (("ews-enabled", {"setting": "false"}), Reason.EWS_DISABLED),
        (("ews-allowed-apps", {"applications": [], "listed": True}), Reason.EWS_NOT_ALLOWED),
    ],
)
def test_a_tenant_that_stops_ews_is_told_from_all_other_trouble(
    ews: Simulator, order: tuple[str, dict[str, object]], reason: Reason
) -> None:
    token = persons_token(ews)
    action, sent = order
    ews.control("POST", f"{KESTREL}/{action}", sent)

    assert refusal(lambda: mailboxes.probe_delegated(token, ALICE)) == (Outcome.APP_GONE, reason)


def test_a_token_that_is_not_accepted_is_no_word_about_the_person(ews: Simulator) -> None:
    assert refusal(lambda: mailboxes.probe_delegated("no token at all", ALICE)) == (
        Outcome.UNREACHABLE,
        Reason.TOKEN_REFUSED,
    )


def test_throttling_is_kept_to(ews: Simulator) -> None:
    token = persons_token(ews)
    ews.control("POST", "faults", {"target": "ews", "status": 503, "retry_after": 7})

    with pytest.raises(CalendarError) as caught:
        mailboxes.probe_delegated(token, ALICE)

    assert caught.value.failure.retry_after == timedelta(seconds=7)


def test_the_token_goes_to_microsoft_whatever_server_stands_at_the_connection(
    ews: Simulator, alice: User, server: ExchangeServer
) -> None:
    columns = {"service": Service.OFFICE_365.value, "address": ALICE}
    connection = tied(alice, server, Method.OAUTH, **columns)

    calendar = mailboxes.calendar_of(connection, persons_token(ews))

    assert list(calendar.events_between(START, END))


def test_the_same_calendar_says_the_same_by_ews_and_by_graph(ews: Simulator, alice: User) -> None:
    connection = tied(alice, None, Method.OAUTH, service=Service.OFFICE_365.value, address=ALICE)
    graph = GraphCalendar(persons_token(ews, scope=SCOPE))

    by_ews = mailboxes.calendar_of(connection, persons_token(ews)).events_between(START, END)

    assert sorted(map(_shown, by_ews)) == sorted(map(_shown, graph.events_between(START, END)))


def _shown(event: RemoteEvent) -> str:
    """All of it but its id, which each service makes its own, and how long lines of its text are broken."""
    timed = (event.starts_at, event.ends_at, event.first_day, event.last_day)
    marks = (event.is_cancelled, event.is_private, event.is_tentative, event.is_recurring)
    return repr((event.subject, *map(str, timed), event.organizer, event.location, event.attendees, marks))


# ── Who it is ───────────────────────────────────────────────────────────────
def test_a_mailbox_of_a_server_is_the_same_however_it_is_written() -> None:
    address = "https://mail.kestrel.example/EWS/Exchange.asmx"

    assert identity.mailbox_id(address, "Ingrid@Kestrel.example ") == identity.mailbox_id(address, INGRID)
    assert identity.server_id(address) == identity.server_id("https://mail.kestrel.example/ews/exchange.asmx")
    assert identity.mailbox_id("https://mail.plover.example/EWS", INGRID) != identity.mailbox_id(address, INGRID)
