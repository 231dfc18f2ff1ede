"""An organization's own Exchange servers: what becomes of them, and of all who are connected there."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.core import mail

from accounts import letters, vault
from accounts.models import Account, AuditEntry, Group, Role, User
from integrations import states
from integrations.exchange import places, server_checks, servers, telling
from integrations.failures import Failure, Outcome, Reason
from integrations.models import Connection, ExchangeServer, ServerState, State, Trouble
from integrations.preferences import Api, Method, ServicePolicy
from tests.cast import FOUNDED, crowd, joined
from tests.integrations.served import ADDRESS, PASSWORD, by_ews, read, served, tied_to
from tests.integrations.tied import set_to

pytestmark = pytest.mark.django_db

LATER = FOUNDED + timedelta(hours=2)
UNREACHABLE = Failure(Outcome.UNREACHABLE, Reason.SERVER_UNREACHABLE, "connect")
UNTRUSTED = Failure(Outcome.APP_GONE, Reason.CERTIFICATE_UNTRUSTED, "certificate")
REFUSED = Failure(Outcome.AUTHORIZATION_LOST, Reason.PASSWORD_REFUSED, "401")
LOCKED = Failure(Outcome.THROTTLED, Reason.ACCOUNT_LOCKED, "401", retry_after=timedelta(minutes=30))
NO_IMPERSONATION = Failure(Outcome.NOT_PERMITTED, Reason.IMPERSONATION_REFUSED, "ErrorImpersonateUserDenied")
BUSY = Failure(Outcome.THROTTLED, Reason.TOO_MANY_REQUESTS, "ErrorServerBusy", retry_after=timedelta(hours=3))


@pytest.fixture
def server(kestrel: Account, dana: User) -> ExchangeServer:
    return served(kestrel, dana)


@pytest.fixture
def with_password(server: ExchangeServer, alice: User) -> Connection:
    return tied_to(server, Method.PASSWORD, [alice])[0]


@pytest.fixture
def impersonated(server: ExchangeServer, bob: User) -> Connection:
    return tied_to(server, Method.IMPERSONATION, [bob])[0]


def stands(one: Connection) -> tuple[str, str, str]:
    one.refresh_from_db()
    return one.state, one.reason, one.trouble


# ── Written down ────────────────────────────────────────────────────────────
def test_a_server_is_written_down_once_for_all_settings_that_name_it(kestrel: Account) -> None:
    first = servers.for_policy(kestrel, by_ews(Method.PASSWORD), now=FOUNDED)
    second = servers.for_policy(kestrel, by_ews(Method.IMPERSONATION), now=LATER)

    assert (first.pk, second.since_at) == (second.pk, FOUNDED)


def test_two_accounts_that_name_the_same_server_share_nothing(kestrel: Account, mallory: User) -> None:
    ours = servers.at(kestrel, ADDRESS, now=FOUNDED)
    theirs = servers.at(mallory.account, ADDRESS, now=FOUNDED)

    assert ours.pk != theirs.pk
    assert list(servers.of(kestrel)) == [ours]


def test_settings_of_the_account_and_of_groups_name_servers(kestrel: Account, sales: Group, dana: User) -> None:
    set_to("services", by_ews(Method.IMPERSONATION), at=kestrel, by=dana)
    set_to("services", by_ews(Method.PASSWORD, "https://other.example/EWS/Exchange.asmx"), at=sales, by=dana)

    servers.keep(kestrel, now=FOUNDED)
    servers.keep(kestrel, now=LATER)

    assert [one.address for one in servers.of(kestrel)] == [ADDRESS, "https://other.example/EWS/Exchange.asmx"]
    named = places.deciding(kestrel)
    assert [(one.group, one.method) for one in named[ADDRESS]] == [("", Method.IMPERSONATION)]
    assert [one.group for one in named["https://other.example/EWS/Exchange.asmx"]] == ["Sales"]


def test_microsofts_own_address_is_no_server_of_the_account(kestrel: Account, dana: User) -> None:
    set_to("services", ServicePolicy(authorize_with=Api.EWS), at=kestrel, by=dana)

    servers.keep(kestrel, now=FOUNDED)

    assert not servers.of(kestrel).exists()


# ── The impersonation account ───────────────────────────────────────────────
def test_its_password_is_sealed_for_this_row_alone(server: ExchangeServer) -> None:
    assert PASSWORD not in server.password
    assert vault.open_sealed(server.password, bound_to=vault.place_of(server, "password")) == PASSWORD


def test_the_audit_log_names_the_account_and_never_the_password(server: ExchangeServer, dana: User) -> None:
    servers.set_impersonation(server, user_name="KESTREL\\other", password="an0ther-one", actor=dana, now=LATER)

    entries = AuditEntry.objects.filter(action__startswith="exchange.impersonation").order_by("pk")

    assert [one.action for one in entries] == ["exchange.impersonation_set", "exchange.impersonation_replaced"]
    assert entries[1].after == {"user_name": "KESTREL\\other"}
    assert "an0ther-one" not in str(list(entries.values()))


def test_another_account_is_tried_at_once_and_forgets_what_was_said_of_the_one_before(
    server: ExchangeServer, impersonated: Connection, dana: User
) -> None:
    states.server_troubled(server, REFUSED, now=FOUNDED)

    servers.set_impersonation(server, user_name="KESTREL\\other", password="an0ther-one", actor=dana, now=LATER)

    now = read(server)
    assert (now.state, now.reason, now.check_due_at, now.version) == (ServerState.UNKNOWN, "", LATER, 2)
    assert server_checks.may_sign_in(now)
    assert stands(impersonated)[:2] == (State.PAUSED, Reason.PASSWORD_REFUSED)  # until the new one is accepted


def test_whoever_waited_comes_back_once_the_new_account_is_let_in(
    server: ExchangeServer, impersonated: Connection, dana: User
) -> None:
    states.server_troubled(server, REFUSED, now=FOUNDED)
    servers.set_impersonation(server, user_name="KESTREL\\other", password="an0ther-one", actor=dana, now=LATER)

    count = states.server_works(read(server), now=LATER)

    assert (count, stands(impersonated)) == (1, (State.CONNECTED, "", Trouble.NONE))
    assert LATER <= (impersonated.refresh_due_at or FOUNDED) <= LATER + states.servers.SPREAD


def test_a_late_answer_about_the_account_before_changes_nothing(
    server: ExchangeServer, impersonated: Connection, dana: User
) -> None:
    servers.set_impersonation(server, user_name="KESTREL\\other", password="an0ther-one", actor=dana, now=LATER)

    assert not states.server_troubled(server, REFUSED, now=LATER)
    assert states.server_works(server, now=LATER) == 0
    assert stands(impersonated)[0] == State.CONNECTED


def test_without_the_account_those_it_connected_are_paused_and_the_others_go_on(
    server: ExchangeServer, impersonated: Connection, with_password: Connection, dana: User
) -> None:
    count = servers.remove_impersonation(server, actor=dana, now=LATER, reason="Not needed")

    now = read(server)
    assert (count, now.user_name, now.password) == (1, "", "")
    assert stands(impersonated) == (State.PAUSED, Reason.IMPERSONATION_ENDED, Trouble.SIGN_IN)
    assert impersonated.refresh_due_at is None
    assert stands(with_password)[0] == State.CONNECTED
    entry = AuditEntry.objects.get(action="exchange.impersonation_removed")
    assert (entry.reason, entry.affected) == ("Not needed", 1)


def test_a_server_without_an_account_that_answers_brings_nobody_back_who_needs_one(
    server: ExchangeServer, impersonated: Connection, dana: User
) -> None:
    servers.remove_impersonation(server, actor=dana, now=FOUNDED)

    states.server_works(read(server), now=LATER)

    assert stands(impersonated)[0] == State.PAUSED


def test_removing_it_twice_is_removing_it_once(server: ExchangeServer, dana: User) -> None:
    servers.remove_impersonation(server, actor=dana, now=FOUNDED)

    assert servers.remove_impersonation(server, actor=dana, now=LATER) == 0
    assert AuditEntry.objects.filter(action="exchange.impersonation_removed").count() == 1


# ── Trouble ─────────────────────────────────────────────────────────────────
@pytest.mark.parametrize(
    ("failure", "server_state", "of_account", "of_password"),
    [
        (UNREACHABLE, ServerState.DEGRADED, State.DEGRADED, State.DEGRADED),
        (UNTRUSTED, ServerState.PAUSED, State.PAUSED, State.PAUSED),
        (REFUSED, ServerState.PAUSED, State.PAUSED, State.CONNECTED),
        (LOCKED, ServerState.DEGRADED, State.DEGRADED, State.CONNECTED),
        (NO_IMPERSONATION, ServerState.PAUSED, State.PAUSED, State.CONNECTED),
        (BUSY, ServerState.DEGRADED, State.DEGRADED, State.CONNECTED),
    ],
    ids=lambda one: str(one.reason) if isinstance(one, Failure) else "",
)
def test_what_concerns_the_server_concerns_all_and_what_concerns_its_account_only_those_it_connects(
    server: ExchangeServer,
    impersonated: Connection,
    with_password: Connection,
    failure: Failure,
    server_state: str,
    of_account: str,
    of_password: str,
) -> None:
    states.server_troubled(server, failure, now=LATER)

    now = read(server)
    assert (now.state, now.reason, now.since_at, now.code) == (server_state, failure.reason, LATER, failure.code)
    assert stands(impersonated)[:2] == (of_account, failure.reason)
    assert stands(with_password)[0] == of_password


def test_all_of_it_comes_back_by_itself(
    server: ExchangeServer, impersonated: Connection, with_password: Connection
) -> None:
    states.server_troubled(server, UNTRUSTED, now=FOUNDED)

    count = states.server_works(read(server), now=LATER, build="15.2.1544.11")

    now = read(server)
    assert (count, now.state, now.reason, now.build) == (2, ServerState.WORKING, "", "15.2.1544.11")
    assert [stands(one)[0] for one in (impersonated, with_password)] == [State.CONNECTED] * 2
    actions = AuditEntry.objects.filter(action__startswith="exchange.server").values_list("action", flat=True)
    assert sorted(actions) == ["exchange.server_found", "exchange.server_lost"]


def test_the_trouble_of_one_mailbox_outlives_that_of_its_server(
    server: ExchangeServer, impersonated: Connection
) -> None:
    since = FOUNDED + timedelta(minutes=1)
    Connection.objects.filter(pk=impersonated.pk).update(
        state=State.DEGRADED, trouble=Trouble.MAILBOX, reason=Reason.NO_MAILBOX, refused_since=since
    )
    states.server_troubled(server, UNTRUSTED, now=FOUNDED)

    states.server_works(read(server), now=LATER)

    assert stands(impersonated) == (State.DEGRADED, Reason.NO_MAILBOX, Trouble.MAILBOX)
    assert (impersonated.since_at, impersonated.refresh_due_at) == (since, LATER)


def test_passing_trouble_does_not_hide_a_refused_password(server: ExchangeServer) -> None:
    states.server_troubled(server, REFUSED, now=FOUNDED)

    states.server_troubled(read(server), UNREACHABLE, now=LATER)

    now = read(server)
    assert (now.state, now.reason, now.since_at) == (ServerState.PAUSED, Reason.PASSWORD_REFUSED, FOUNDED)


def test_a_server_that_answers_again_brings_back_passwords_while_its_account_stays_refused(
    server: ExchangeServer, impersonated: Connection, with_password: Connection
) -> None:
    states.server_troubled(server, UNREACHABLE, now=FOUNDED)
    states.server_troubled(read(server), REFUSED, now=FOUNDED)

    states.server_reached(read(server), now=LATER)

    assert stands(with_password)[0] == State.CONNECTED
    assert stands(impersonated)[:2] == (State.PAUSED, Reason.PASSWORD_REFUSED)
    assert read(server).state == ServerState.PAUSED


def test_who_met_the_outage_alone_is_asked_again_and_not_taken_for_well(
    server: ExchangeServer, with_password: Connection
) -> None:
    Connection.objects.filter(pk=with_password.pk).update(
        state=State.DEGRADED,
        trouble=Trouble.MAILBOX,
        reason=Reason.SERVER_UNREACHABLE,
        refresh_due_at=LATER + timedelta(hours=1),
    )

    states.server_works(server, now=LATER)

    assert stands(with_password)[0] == State.DEGRADED
    assert (with_password.refresh_due_at or FOUNDED) <= LATER + states.servers.SPREAD


def test_it_waits_as_long_as_it_was_asked_to(server: ExchangeServer) -> None:
    states.server_troubled(server, BUSY, now=FOUNDED, spread=0)

    assert read(server).check_due_at == FOUNDED + timedelta(hours=3)


def test_a_server_that_is_silent_for_long_is_asked_every_ten_minutes_at_least(server: ExchangeServer) -> None:
    for _ in range(12):
        states.server_troubled(read(server), UNREACHABLE, now=FOUNDED, spread=1)

    assert read(server).check_due_at == FOUNDED + timedelta(minutes=10)


def test_connections_that_the_settings_block_or_that_ended_stay_as_they_are(
    server: ExchangeServer, kestrel: Account
) -> None:
    others = (State.BLOCKED_BY_POLICY, State.DISCONNECTED, State.NEEDS_REAUTH, State.NOT_ELIGIBLE)
    people = crowd(kestrel, len(others))
    made = [
        tied_to(server, Method.IMPERSONATION, [who], state=state) for who, state in zip(people, others, strict=True)
    ]

    states.server_troubled(server, UNTRUSTED, now=FOUNDED)
    states.server_works(read(server), now=LATER)

    assert [stands(one)[0] for (one,) in made] == list(others)


def test_a_thousand_are_moved_by_as_many_statements_as_ten(
    server: ExchangeServer, kestrel: Account, django_assert_max_num_queries: Callable[[int], Any]
) -> None:
    tied_to(server, Method.IMPERSONATION, crowd(kestrel, 1000))

    with django_assert_max_num_queries(16):
        states.server_troubled(server, UNTRUSTED, now=FOUNDED)
    with django_assert_max_num_queries(16):
        assert states.server_works(read(server), now=LATER) == 1000


def test_what_the_settings_allow_again_is_no_better_than_its_server(
    server: ExchangeServer, impersonated: Connection, with_password: Connection
) -> None:
    states.server_troubled(server, REFUSED, now=FOUNDED)
    Connection.objects.update(state=State.CONNECTED, reason="", trouble="")

    states.as_its_server([impersonated.pk, with_password.pk], now=LATER)

    assert stands(impersonated)[:2] == (State.PAUSED, Reason.PASSWORD_REFUSED)
    assert stands(with_password)[0] == State.CONNECTED


# ── Single mailboxes ────────────────────────────────────────────────────────
def test_a_mailbox_that_the_account_may_not_open_is_that_mailboxs_matter(
    server: ExchangeServer, impersonated: Connection
) -> None:
    assert server_checks.settle(impersonated, NO_IMPERSONATION, now=LATER)

    assert stands(impersonated)[:2] == (State.NOT_ELIGIBLE, Reason.IMPERSONATION_REFUSED)
    assert impersonated.refresh_due_at == LATER + timedelta(days=1)
    assert read(server).state == ServerState.WORKING
    assert server_checks.may_be_asked(again(impersonated))


def test_it_is_connected_again_once_it_may_be_opened(impersonated: Connection) -> None:
    states.impersonation_refused([impersonated.pk], now=FOUNDED, code="x")

    states.impersonation_allowed([impersonated.pk], now=LATER)

    assert stands(impersonated) == (State.CONNECTED, "", Trouble.NONE)
    personal = AuditEntry.objects.filter(action__startswith="calendar.impersonation").values_list("about_id", flat=True)
    assert list(personal) == [impersonated.user_id] * 2


def test_a_refusal_of_the_account_that_one_mailbox_meets_is_filed_with_the_server(
    server: ExchangeServer, impersonated: Connection, kestrel: Account
) -> None:
    (other,) = tied_to(server, Method.IMPERSONATION, crowd(kestrel, 1))

    assert server_checks.settle(again(impersonated), REFUSED, now=LATER)

    assert stands(other)[:2] == (State.PAUSED, Reason.PASSWORD_REFUSED)
    assert not server_checks.may_be_asked(again(other))


def test_a_refusal_of_a_persons_own_password_is_their_own(with_password: Connection) -> None:
    assert not server_checks.settle(again(with_password), REFUSED, now=LATER)


@pytest.mark.parametrize("method", [Method.PASSWORD, Method.IMPERSONATION])
def test_one_that_does_not_reach_the_server_has_the_server_looked_at(
    server: ExchangeServer, alice: User, method: Method
) -> None:
    (one,) = tied_to(server, method, [alice])
    ExchangeServer.objects.filter(pk=server.pk).update(check_due_at=LATER + timedelta(hours=1))

    assert not server_checks.settle(again(one), UNREACHABLE, now=LATER)

    assert read(server).check_due_at == LATER


def test_while_the_account_is_locked_out_nobody_asks_with_it(server: ExchangeServer, impersonated: Connection) -> None:
    states.server_troubled(server, LOCKED, now=FOUNDED)

    assert not server_checks.may_be_asked(again(impersonated))


def again(connection: Connection) -> Connection:
    return Connection.objects.select_related("server").get(pk=connection.pk)


# ── Letters ─────────────────────────────────────────────────────────────────
@pytest.fixture
def post(kestrel: Account) -> Callable[..., list[str]]:
    joined(kestrel, name="Ada", email="ada@kestrel.example", role=Role.ADMIN)

    def send(*, now: Any) -> list[str]:
        mail.outbox.clear()
        telling.tell(now=now)
        letters.send_waiting(now=now)
        return sorted(one.to[0] for one in mail.outbox)

    return send


ADMINS = ["ada@kestrel.example", "dana@kestrel.example"]


def test_the_admins_are_told_of_grave_trouble_at_once_and_only_once(
    server: ExchangeServer, impersonated: Connection, post: Callable[..., list[str]]
) -> None:
    states.server_troubled(server, REFUSED, now=FOUNDED)

    first = post(now=FOUNDED)
    text = mail.outbox[0].body
    states.server_troubled(read(server), REFUSED, now=LATER)

    assert (first, post(now=LATER)) == (ADMINS, [])
    assert ADDRESS in text
    assert "the impersonation account" in text
    assert "KESTREL" not in text


def test_passing_trouble_is_told_after_an_hour(
    server: ExchangeServer, impersonated: Connection, post: Callable[..., list[str]]
) -> None:
    states.server_troubled(server, UNREACHABLE, now=FOUNDED)

    assert post(now=FOUNDED + timedelta(minutes=59)) == []
    assert post(now=FOUNDED + timedelta(minutes=60)) == ADMINS
    assert post(now=FOUNDED + timedelta(days=2)) == []


def test_other_trouble_and_trouble_anew_are_told_anew(
    server: ExchangeServer, impersonated: Connection, post: Callable[..., list[str]]
) -> None:
    states.server_troubled(server, UNTRUSTED, now=FOUNDED)
    assert post(now=FOUNDED) == ADMINS

    states.server_troubled(read(server), REFUSED, now=FOUNDED + timedelta(minutes=1))
    assert post(now=FOUNDED + timedelta(minutes=1)) == ADMINS

    states.server_works(read(server), now=FOUNDED + timedelta(minutes=2))
    states.server_troubled(read(server), UNTRUSTED, now=FOUNDED + timedelta(minutes=3))
    assert post(now=FOUNDED + timedelta(minutes=3)) == ADMINS


def test_what_is_over_before_its_letter_goes_is_not_told(
    server: ExchangeServer, impersonated: Connection, post: Callable[..., list[str]]
) -> None:
    states.server_troubled(server, UNTRUSTED, now=FOUNDED)
    telling.tell(now=FOUNDED)

    states.server_works(read(server), now=LATER)

    assert post(now=LATER) == []


def test_a_server_that_nobody_needs_is_nobodys_trouble(kestrel: Account, post: Callable[..., list[str]]) -> None:
    states.server_troubled(servers.at(kestrel, ADDRESS, now=FOUNDED), UNTRUSTED, now=FOUNDED)

    assert post(now=LATER) == []
