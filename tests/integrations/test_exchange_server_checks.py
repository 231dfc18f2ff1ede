"""What a check of an organization's own server finds, asked of one, and what becomes of whoever is connected there."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest
from django.core.cache import cache
from django.utils import timezone

from accounts.models import Account, User
from integrations import retrying
from integrations.exchange import asked, server_checks, servers
from integrations.failures import Reason
from integrations.models import Connection, ExchangeServer, ServerState, State
from integrations.preferences import Method
from tests.cast import joined
from tests.integrations.served import by_ews, read, tied_to
from tests.integrations.tied import set_to
from tests.simulated import PASSWORD, Simulator

pytestmark = pytest.mark.django_db(transaction=True)

ACCOUNT = "svc-calendar@kestrel.example"


@pytest.fixture(autouse=True)
def _nothing_was_asked() -> None:
    cache.clear()


@pytest.fixture
def ingrid(kestrel: Account) -> User:
    return joined(kestrel, name="Ingrid", email="ingrid@kestrel.example")


@pytest.fixture
def hugo(kestrel: Account) -> User:
    return joined(kestrel, name="Hugo", email="hugo@kestrel.example")


@pytest.fixture
def bare(kestrel: Account, dana: User, microsoft: Simulator) -> ExchangeServer:
    """Named by the settings, without an impersonation account, and never asked."""
    set_to("services", by_ews(Method.IMPERSONATION, microsoft.exchange_url), at=kestrel, by=dana)
    return servers.at(kestrel, microsoft.exchange_url, now=timezone.now())


@pytest.fixture
def server(bare: ExchangeServer, dana: User) -> ExchangeServer:
    """With the account that the server has for it."""
    return with_account(bare, dana)


def with_account(server: ExchangeServer, by: User, *, password: str = PASSWORD, name: str = ACCOUNT) -> ExchangeServer:
    servers.set_impersonation(server, user_name=name, password=password, actor=by, now=timezone.now())
    return read(server)


def checked(server: ExchangeServer, *, now: datetime | None = None) -> tuple[str, str]:
    found = server_checks.check(server.pk, now=now or timezone.now())
    assert found is not None
    return found.state, found.reason


def stands(one: Connection) -> tuple[str, str]:
    one.refresh_from_db()
    return one.state, one.reason


# ── Well ────────────────────────────────────────────────────────────────────
def test_a_server_that_lets_its_account_in_is_working(server: ExchangeServer) -> None:
    assert checked(server) == (ServerState.WORKING, "")

    now = read(server)
    assert now.build.startswith("15.")
    assert now.last_good_at is not None
    assert now.checked_at is not None
    assert now.claimed_until is None
    assert now.check_due_at is not None
    assert now.check_due_at > timezone.now() + timedelta(minutes=5)


def test_a_server_without_an_account_is_working_if_it_answers(bare: ExchangeServer) -> None:
    assert checked(bare) == (ServerState.WORKING, "")


def test_of_a_server_that_nothing_needs_nobody_asks(kestrel: Account, microsoft: Simulator) -> None:
    forgotten = servers.at(kestrel, microsoft.exchange_url, now=timezone.now())

    server_checks.check(forgotten.pk, now=timezone.now())

    assert not ExchangeServer.objects.exists()
    assert not microsoft.control("GET", "state")["requests"].get("ews")


def test_of_a_server_where_somebody_was_connected_it_is_remembered(kestrel: Account, ingrid: User) -> None:
    server = servers.at(kestrel, "https://mail.gone.example/EWS/Exchange.asmx", now=timezone.now())
    tied_to(server, Method.PASSWORD, [ingrid], state=State.DISCONNECTED)

    assert checked(server) == (ServerState.UNKNOWN, "")
    assert read(server).check_due_at is None


def test_a_server_that_has_locked_its_account_is_left_alone_until_its_time(
    bare: ExchangeServer, dana: User, ingrid: User, microsoft: Simulator
) -> None:
    server = with_account(bare, dana)
    tied_to(server, Method.IMPERSONATION, [ingrid])
    microsoft.control("POST", f"people/{ACCOUNT}/lock")
    assert checked(server)[1] == Reason.ACCOUNT_LOCKED
    microsoft.control("POST", f"people/{ACCOUNT}/unlock")

    assert checked(server)[1] == Reason.ACCOUNT_LOCKED
    assert not retrying.may_try(Connection.objects.select_related("server").get(), now=timezone.now())
    later = timezone.now() + timedelta(minutes=31)
    server_checks.check(server.pk, now=later, is_due=True)
    assert read(server).state == ServerState.WORKING


# ── The account ─────────────────────────────────────────────────────────────
def test_a_wrong_password_is_tried_once_and_never_again(
    bare: ExchangeServer, dana: User, ingrid: User, microsoft: Simulator
) -> None:
    server = with_account(bare, dana, password="not its password")
    (one,) = tied_to(server, Method.IMPERSONATION, [ingrid])

    assert checked(server) == (ServerState.PAUSED, Reason.PASSWORD_REFUSED)
    for hours in range(1, 8):
        assert checked(server, now=timezone.now() + timedelta(hours=hours))[1] == Reason.PASSWORD_REFUSED

    assert stands(one) == (State.PAUSED, Reason.PASSWORD_REFUSED)
    # Had it been tried seven times, the server would have locked the account by now.
    assert checked(with_account(server, dana)) == (ServerState.WORKING, "")
    assert stands(one) == (State.CONNECTED, "")


def test_whoever_has_a_password_goes_on_while_the_account_is_refused(
    bare: ExchangeServer, dana: User, ingrid: User, microsoft: Simulator
) -> None:
    server = with_account(bare, dana, password="not its password")
    (own,) = tied_to(server, Method.PASSWORD, [ingrid], state=State.PAUSED, reason=Reason.SERVER_UNREACHABLE)
    checked(server)

    checked(server)

    assert stands(own) == (State.CONNECTED, "")


def test_an_account_that_may_open_nobody_pauses_the_server_once_enough_were_asked(
    server: ExchangeServer, ingrid: User, hugo: User, alice: User, microsoft: Simulator
) -> None:
    people = tied_to(server, Method.IMPERSONATION, [ingrid, hugo, alice])
    microsoft.control("POST", f"people/{ACCOUNT}/forbid-impersonation")

    assert checked(server) == (ServerState.PAUSED, Reason.IMPERSONATION_REFUSED)
    assert [stands(one)[0] for one in people] == [State.PAUSED] * 3

    microsoft.control("POST", f"people/{ACCOUNT}/allow-impersonation")
    assert checked(server) == (ServerState.WORKING, "")
    assert [stands(one)[0] for one in people[:2]] == [State.CONNECTED] * 2


def test_one_mailbox_alone_says_nothing_about_the_server(
    server: ExchangeServer, ingrid: User, microsoft: Simulator
) -> None:
    (one,) = tied_to(server, Method.IMPERSONATION, [ingrid])
    microsoft.control("POST", f"people/{ACCOUNT}/forbid-impersonation")

    assert checked(server) == (ServerState.WORKING, "")
    assert stands(one) == (State.NOT_ELIGIBLE, Reason.IMPERSONATION_REFUSED)

    microsoft.control("POST", f"people/{ACCOUNT}/allow-impersonation")
    checked(server)
    assert stands(one) == (State.CONNECTED, "")


def test_a_mailbox_that_is_not_there_is_its_own_trouble(server: ExchangeServer, alice: User, ingrid: User) -> None:
    """Alice's is in Exchange Online."""
    gone, there = tied_to(server, Method.IMPERSONATION, [alice, ingrid])

    assert checked(server) == (ServerState.WORKING, "")

    assert (stands(gone)[0], stands(there)[0]) == (State.CONNECTED, State.CONNECTED)
    there.refresh_from_db()
    assert there.last_good_at is not None


# ── The server ──────────────────────────────────────────────────────────────
def test_a_server_that_is_down_degrades_everybody_and_brings_them_back(
    server: ExchangeServer, ingrid: User, hugo: User, microsoft: Simulator
) -> None:
    (one,), (own,) = tied_to(server, Method.IMPERSONATION, [ingrid]), tied_to(server, Method.PASSWORD, [hugo])
    checked(server)
    microsoft.control("POST", "exchange-down")

    assert checked(server) == (ServerState.DEGRADED, Reason.SERVER_UNREACHABLE)
    assert [stands(each)[0] for each in (one, own)] == [State.DEGRADED] * 2

    microsoft.control("POST", "exchange-up")
    assert checked(server) == (ServerState.WORKING, "")
    assert [stands(each)[0] for each in (one, own)] == [State.CONNECTED] * 2


def test_a_certificate_that_nobody_knows_pauses_everybody(
    server: ExchangeServer, ingrid: User, microsoft: Simulator
) -> None:
    (one,) = tied_to(server, Method.IMPERSONATION, [ingrid])
    microsoft.control("POST", "exchange-certificate", {"certificate": "untrusted"})

    assert checked(server) == (ServerState.PAUSED, Reason.CERTIFICATE_UNTRUSTED)
    assert stands(one) == (State.PAUSED, Reason.CERTIFICATE_UNTRUSTED)

    microsoft.control("POST", "exchange-certificate", {"certificate": "trusted"})
    assert checked(server) == (ServerState.WORKING, "")


def test_a_busy_server_is_left_alone_for_as_long_as_it_says(server: ExchangeServer, microsoft: Simulator) -> None:
    microsoft.control("POST", "exchange-busy", {"milliseconds": 1_800_000})
    now = timezone.now()

    assert checked(server, now=now) == (ServerState.DEGRADED, Reason.TOO_MANY_REQUESTS)

    due = read(server).check_due_at
    assert due is not None
    assert due >= now + timedelta(minutes=30)


def test_an_address_that_the_operator_no_longer_allows_is_not_asked(server: ExchangeServer, settings: Any) -> None:
    settings.PRIVATE_NETWORKS_ALLOWED = []

    assert checked(server) == (ServerState.PAUSED, Reason.ADDRESS_NOT_ALLOWED)


def test_only_one_asks_at_a_time_and_a_dead_worker_holds_nothing(server: ExchangeServer) -> None:
    now = timezone.now()
    ExchangeServer.objects.filter(pk=server.pk).update(claimed_until=now + server_checks.CLAIM)

    assert checked(server, now=now) == (ServerState.UNKNOWN, "")
    assert checked(server, now=now + server_checks.CLAIM) == (ServerState.WORKING, "")


def test_the_sweep_finds_those_that_are_due_and_no_others(server: ExchangeServer) -> None:
    now = timezone.now()

    assert server_checks.check_due(now=now) == 1
    assert server_checks.check_due(now=now) == 0
    assert read(server).state == ServerState.WORKING


# ── Check now ───────────────────────────────────────────────────────────────
def check_of(server: ExchangeServer, address: str = "") -> asked.Check:
    asked.ask(server, address=address, now=timezone.now())
    asked.carry_out(server.pk, now=timezone.now())
    found = asked.latest(server, now=timezone.now())
    assert found is not None
    assert not found.is_waiting
    return found


def test_a_test_mailbox_says_whether_it_opens(server: ExchangeServer) -> None:
    opens, absent = check_of(server, "ingrid@kestrel.example"), check_of(server, "alice@kestrel.example")

    assert (opens.is_fine, opens.says) == (True, "The impersonation account opens ingrid@kestrel.example.")
    assert not absent.is_fine
    assert absent.says.startswith("alice@kestrel.example: The mailbox was moved to Exchange Online.")


def test_a_test_mailbox_that_is_refused_says_so(server: ExchangeServer, microsoft: Simulator) -> None:
    microsoft.control("POST", f"people/{ACCOUNT}/forbid-impersonation")

    check = check_of(server, "ingrid@kestrel.example")

    assert not check.is_fine
    assert "may not open ingrid@kestrel.example" in check.says
    assert check.code == "ErrorImpersonateUserDenied"


def test_without_a_mailbox_the_server_speaks_for_itself(
    server: ExchangeServer, dana: User, microsoft: Simulator
) -> None:
    fine = check_of(server)
    with_account(server, dana, password="not its password")
    refused = check_of(server, "ingrid@kestrel.example")

    assert (fine.is_fine, fine.says) == (True, asked.LET_IN)
    assert not refused.is_fine
    assert "refuses the user name and password" in refused.says
    assert "ingrid@kestrel.example was not asked" in refused.says


def test_whoever_was_refused_is_asked_again_soon_after_a_check(
    server: ExchangeServer, ingrid: User, hugo: User, alice: User, microsoft: Simulator
) -> None:
    people = tied_to(server, Method.IMPERSONATION, [ingrid, hugo])
    Connection.objects.filter(pk=people[1].pk).update(
        state=State.NOT_ELIGIBLE,
        reason=Reason.IMPERSONATION_REFUSED,
        refresh_due_at=timezone.now() + timedelta(days=1),
        address="nobody@kestrel.example",
    )

    check_of(server)

    people[1].refresh_from_db()
    assert people[1].refresh_due_at is not None
    assert people[1].refresh_due_at <= timezone.now()
