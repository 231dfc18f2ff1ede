"""What goes wrong by Exchange Web Services, as its person sees it: the state, its sentence, its one button, and how it
ends."""

from __future__ import annotations

from datetime import timedelta

import pytest
from allauth.account.models import EmailAddress
from django.utils import timezone

from accounts.models import Account, User
from accounts.sign_in import addresses
from integrations import checking, connecting, health, opening, retrying, states
from integrations.exchange import asked, joining, server_checks, servers
from integrations.failures import Failure, Outcome, Reason
from integrations.models import Connection, ConsentRequest, ExchangeServer, State, Trouble
from integrations.preferences import Api, Method
from tests.cast import ClientOf, joined
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
from tests.integrations.wired import assert_ended, connected, redeemed
from tests.simulated import Simulator

pytestmark = pytest.mark.django_db
NEW_PASSWORD = "a-new-harbour-43"


@pytest.fixture
def ingrid(kestrel: Account, dana: User, microsoft: Simulator) -> User:
    """Connected with her password to the server of the warehouse."""
    person = ingrid_of(kestrel)
    lead(kestrel, at_exchange(microsoft), by=dana)
    assert signed_in_by(person).step == "done"
    return person


@pytest.fixture
def alice_by_ews(kestrel: Account, dana: User, alice: User, microsoft: Simulator) -> User:
    lead(kestrel, OFFICE_BY_EWS, by=dana)
    connected(alice, microsoft)
    return alice


def looked_at(person: User, *, after: timedelta = timedelta()) -> Connection:
    checking.check(connection_of(person).pk, now=timezone.now() + after)
    return connection_of(person)


def stands(connection: Connection) -> tuple[str, str]:
    return connection.state, connection.reason


# ── A password of one's own ─────────────────────────────────────────────────
def test_a_password_that_was_changed_is_never_tried_again(ingrid: User, microsoft: Simulator) -> None:
    microsoft.control("POST", f"people/{ingrid.email}/password", {"password": NEW_PASSWORD})

    connection = looked_at(ingrid)

    assert stands(connection) == (State.NEEDS_REAUTH, Reason.PASSWORD_REFUSED)
    assert (connection.password, connection.refresh_due_at) == ("", None)
    words = health.of_connection(connection)
    assert words is not None
    assert "The Exchange server no longer accepts your user name and password" in words.says
    assert words.button == health.RECONNECT


def test_the_new_password_mends_it_in_place(ingrid: User, microsoft: Simulator) -> None:
    microsoft.control("POST", f"people/{ingrid.email}/password", {"password": NEW_PASSWORD})
    before = looked_at(ingrid)

    consent = signed_in_by(ingrid, password=NEW_PASSWORD)

    assert consent.step == "done"
    after = connection_of(ingrid)
    assert (after.pk, after.connected_at) == (before.pk, before.connected_at)
    assert stands(after) == (State.CONNECTED, "")


def test_a_wrong_password_connects_nothing_and_keeps_nothing(
    kestrel: Account, dana: User, microsoft: Simulator
) -> None:
    person = ingrid_of(kestrel)
    lead(kestrel, at_exchange(microsoft), by=dana)

    consent = signed_in_by(person, password="not-hers")

    assert_ended(consent, Reason.PASSWORD_REFUSED)
    assert not Connection.objects.filter(user=person).exclude(state=State.DISCONNECTED).exists()
    assert "did not accept this user name and password" in health.of_consent(consent, None).says


def test_nobodys_account_is_locked_by_trying_here(ingrid: User) -> None:
    now = timezone.now()
    for number in range(joining.TRIES):
        ConsentRequest.objects.create(
            user=ingrid,
            state_digest=str(number),
            calendar_write=False,
            contacts_write=False,
            created_at=now,
            expires_at=now,
            ended_at=now,
            reason=Reason.PASSWORD_REFUSED.value,
            user_name_digest=str(number),
        )

    with pytest.raises(joining.TooManyRefused):
        joining.by_password(ingrid, user_name="i", password="p", address=ingrid.email, now=now)


def test_what_was_taken_back_while_it_was_tried_counts_as_a_try(ingrid: User) -> None:
    now = timezone.now()
    for number in range(joining.TRIES):
        joining.by_password(ingrid, user_name=f"i{number}", password="p", address=ingrid.email, now=now)
        connecting.give_up(ingrid, now=now)

    with pytest.raises(joining.TooManyRefused):
        joining.by_password(ingrid, user_name="another", password="p", address=ingrid.email, now=now)


def test_nobody_locks_a_colleagues_account_and_no_two_do_it_together(
    ingrid: User, kestrel: Account, microsoft: Simulator
) -> None:
    guessers = [joined(kestrel, name=f"Guesser {number}", email=f"g{number}@kestrel.example") for number in range(4)]
    now = timezone.now()
    for guesser in guessers:
        joining.by_password(guesser, user_name="Hugo@kestrel.example", password="p", address=guesser.email, now=now)

    with pytest.raises(joining.TooManyRefused):
        joining.by_password(ingrid, user_name="hugo@kestrel.example ", password="p", address=ingrid.email, now=now)

    joining.by_password(ingrid, user_name=ingrid.email, password="p", address=ingrid.email, now=now)
    later = now + joining.WITHIN
    joining.by_password(ingrid, user_name="hugo@kestrel.example", password="p", address=ingrid.email, now=later)


def test_whose_mailbox_it_is_is_told_to_nobody_who_has_not_opened_it(
    ingrid: User, kestrel: Account, microsoft: Simulator
) -> None:
    stranger = joined(kestrel, name="Stranger", email="stranger@kestrel.example")

    consent = signed_in_by(stranger, user_name="ingrid@kestrel.example", address=ingrid.email, password="a guess")

    assert_ended(consent, Reason.PASSWORD_REFUSED)


def test_who_typed_a_wrong_password_types_the_rest_once(ingrid: User, client_of: ClientOf) -> None:
    client = client_of(ingrid)
    typed = {"user_name": "KESTREL\\ingrid", "password": "wrong", "address": ingrid.email}

    client.post("/profile/calendar/exchange/", typed)
    page = client.get("/profile/calendar/exchange/").content.decode()

    assert 'value="KESTREL\\ingrid"' in page
    assert "wrong" not in page


def test_no_password_goes_to_another_server_than_the_one_that_was_shown(
    ingrid: User, kestrel: Account, dana: User, microsoft: Simulator, client_of: ClientOf
) -> None:
    client = client_of(ingrid)
    shown = client.get("/profile/calendar/exchange/").content.decode()
    lead(kestrel, at_exchange(microsoft, address="https://mail.other.example/EWS/Exchange.asmx"), by=dana)
    typed = {"user_name": "ingrid", "password": "hers", "address": ingrid.email, "server": microsoft.exchange_url}

    page = client.post("/profile/calendar/exchange/", typed).content.decode()

    assert f'name="server" value="{microsoft.exchange_url}"' in shown
    assert "Your organization has chosen another Exchange server since this page was opened." in page
    assert 'name="server" value="https://mail.other.example/EWS/Exchange.asmx"' in page
    assert not ConsentRequest.objects.filter(user=ingrid, ended_at=None).exists()


def test_whose_mailbox_moved_and_whose_settings_followed_has_a_button(
    ingrid: User, kestrel: Account, dana: User, client_of: ClientOf
) -> None:
    moved = {"state": State.NOT_ELIGIBLE, "reason": Reason.MOVED_TO_CLOUD, "trouble": Trouble.MAILBOX}
    Connection.objects.filter(user=ingrid).update(**moved)
    lead(kestrel, OFFICE_BY_EWS, by=dana)

    words = health.of_connection(connection_of(ingrid), to_microsoft=True)

    assert words is not None
    assert (words.explains, words.button) == ("Sign in at Microsoft once, and your calendar goes on.", health.RECONNECT)


def test_who_waits_for_an_account_that_nobody_has_set_is_looked_at_weekly_and_not_at_every_turn(
    by_impersonation: User, kestrel: Account, dana: User, microsoft: Simulator
) -> None:
    server = with_impersonation(kestrel, microsoft, by=dana)
    impersonated(by_impersonation)
    servers.remove_impersonation(server, actor=dana, now=timezone.now())
    out = {"state": State.NOT_ELIGIBLE, "reason": Reason.NO_MAILBOX, "trouble": Trouble.MAILBOX}
    Connection.objects.filter(user=by_impersonation).update(**out, refresh_due_at=timezone.now())

    due = looked_at(by_impersonation).refresh_due_at

    assert due is not None
    assert due > timezone.now() + timedelta(days=4)


def test_a_mailbox_in_the_cloud_is_not_tried_again(ingrid: User) -> None:
    request = ConsentRequest(user=ingrid, service="exchange", reason=Reason.MOVED_TO_CLOUD)

    words = health.of_consent(request, None)

    assert "An admin of your account has to choose Office 365 for you" in words.explains


# ── The impersonation account ───────────────────────────────────────────────
@pytest.fixture
def by_impersonation(kestrel: Account, dana: User, microsoft: Simulator) -> User:
    lead(kestrel, at_exchange(microsoft, Method.IMPERSONATION), by=dana)
    return hugo_of(kestrel)


def test_a_wrong_impersonation_account_is_tried_once_however_many_wait(
    by_impersonation: User, kestrel: Account, dana: User, microsoft: Simulator
) -> None:
    people = [by_impersonation, *(joined(kestrel, name=f"P{n}", email=f"p{n}@kestrel.example") for n in range(6))]
    with_impersonation(kestrel, microsoft, by=dana, password="wrong")
    waiting = [joining.by_impersonation(person, now=timezone.now()) for person in people]

    ended = [redeemed(one) for one in waiting]

    assert {one.reason for one in ended} == {Reason.IMPERSONATION_ENDED}
    server = ExchangeServer.objects.get()
    assert (server.state, server.reason) == ("paused", Reason.PASSWORD_REFUSED)


def test_an_account_that_was_removed_meanwhile_is_no_alarm(
    by_impersonation: User, kestrel: Account, dana: User, microsoft: Simulator, mailoutbox: list[object]
) -> None:
    server = with_impersonation(kestrel, microsoft, by=dana)
    server_checks.check(server.pk, now=timezone.now())
    request = joining.by_impersonation(by_impersonation, now=timezone.now())
    servers.remove_impersonation(server, actor=dana, now=timezone.now())

    consent = redeemed(request)
    asked.ask(server, address=by_impersonation.email, now=timezone.now())
    asked.carry_out(server.pk, now=timezone.now())

    assert_ended(consent, Reason.IMPERSONATION_ENDED)
    check = asked.latest(server, now=timezone.now())
    assert check is not None
    assert "was not asked, because the impersonation account cannot be used" in check.says
    assert mailoutbox == []


def test_who_has_another_name_at_the_server_reconnects_all_the_same(
    by_impersonation: User, kestrel: Account, dana: User, microsoft: Simulator
) -> None:
    with_impersonation(kestrel, microsoft, by=dana)
    person = joined(kestrel, name="Ingrid", email="i.halvorsen@kestrel.example")  # an alias there
    assert impersonated(person).step == "done"

    again = impersonated(person)

    assert (again.step, again.reason) == ("done", "")
    assert connection_of(person).address == "ingrid@kestrel.example"


def test_who_signs_in_with_another_address_since_is_let_into_the_old_mailbox_no_longer(
    by_impersonation: User, kestrel: Account, dana: User, microsoft: Simulator
) -> None:
    with_impersonation(kestrel, microsoft, by=dana)
    impersonated(by_impersonation)
    by_impersonation.email = "ingrid@kestrel.example"
    by_impersonation.save(update_fields=["email"])
    addresses.prove(by_impersonation)

    connection = looked_at(by_impersonation)

    assert stands(connection) == (State.NEEDS_REAUTH, Reason.ADDRESS_CHANGED)
    words = health.of_connection(connection)
    assert words is not None
    assert words.button == health.RECONNECT
    assert impersonated(by_impersonation).step == "done"
    assert connection_of(by_impersonation).address == "ingrid@kestrel.example"


def test_who_has_just_been_let_in_is_not_paused_by_older_trouble_of_the_server(
    kestrel: Account, dana: User, microsoft: Simulator
) -> None:
    person = ingrid_of(kestrel)
    lead(kestrel, at_exchange(microsoft), by=dana)
    server = servers.at(kestrel, microsoft.exchange_url, now=timezone.now())
    untrusted = Failure(Outcome.APP_GONE, Reason.CERTIFICATE_UNTRUSTED)
    states.server_troubled(server, untrusted, now=timezone.now())

    signed_in_by(person)

    assert stands(connection_of(person)) == (State.CONNECTED, "")
    server.refresh_from_db()
    assert server.build
    assert server.check_due_at is not None
    assert server.check_due_at <= timezone.now()


def test_a_locked_account_is_left_alone_for_half_an_hour(ingrid: User, microsoft: Simulator) -> None:
    microsoft.control("POST", f"people/{ingrid.email}/lock")

    connection = looked_at(ingrid)

    assert stands(connection) == (State.DEGRADED, Reason.ACCOUNT_LOCKED)
    assert connection.password
    assert connection.refresh_due_at
    assert connection.refresh_due_at >= timezone.now() + timedelta(minutes=29)
    with pytest.raises(opening.NotNow):
        opening.open_calendar(connection, now=timezone.now())
    assert not retrying.may_try(connection, now=timezone.now())


@pytest.mark.parametrize(
    ("action", "reason", "sentence"),
    [
        ("expire-password", Reason.PASSWORD_EXPIRED, "Your password at the Exchange server has expired."),
        ("disable", Reason.ACCOUNT_DISABLED, "Your account at the Exchange server is disabled."),
    ],
)
def test_what_the_account_itself_lacks_is_said(
    action: str, reason: Reason, sentence: str, ingrid: User, microsoft: Simulator
) -> None:
    microsoft.control("POST", f"people/{ingrid.email}/{action}")

    connection = looked_at(ingrid)

    assert stands(connection) == (State.NEEDS_REAUTH, reason)
    words = health.of_connection(connection)
    assert words is not None
    assert sentence in words.says
    assert words.button == health.RECONNECT


# ── The server ──────────────────────────────────────────────────────────────
def test_a_server_that_does_not_answer_takes_nothing_away(ingrid: User, microsoft: Simulator) -> None:
    microsoft.control("POST", "exchange-down")

    down = looked_at(ingrid)
    microsoft.control("POST", "exchange-up")
    up = looked_at(ingrid, after=timedelta(minutes=5))

    assert stands(down) == (State.DEGRADED, Reason.SERVER_UNREACHABLE)
    assert down.password
    assert retrying.may_try(down, now=timezone.now())
    assert stands(up) == (State.CONNECTED, "")


def test_a_certificate_that_nobody_trusts_gets_no_password(ingrid: User, microsoft: Simulator) -> None:
    microsoft.control("POST", "exchange-certificate", {"certificate": "untrusted"})

    untrusted = looked_at(ingrid)
    microsoft.control("POST", "exchange-certificate", {"certificate": "trusted"})
    trusted = looked_at(ingrid, after=timedelta(hours=2))

    assert stands(untrusted) == (State.PAUSED, Reason.CERTIFICATE_UNTRUSTED)
    words = health.of_connection(untrusted)
    assert words is not None
    assert "is not trusted" in words.says
    assert stands(trusted) == (State.CONNECTED, "")


def test_a_busy_server_gets_the_wait_it_asks_for(ingrid: User, microsoft: Simulator) -> None:
    microsoft.control("POST", "exchange-busy", {"milliseconds": 600_000})

    connection = looked_at(ingrid)

    assert stands(connection) == (State.DEGRADED, Reason.TOO_MANY_REQUESTS)
    assert connection.refresh_due_at
    assert connection.refresh_due_at >= timezone.now() + timedelta(minutes=9)


def test_a_mailbox_that_moved_to_the_cloud_is_said_at_once(ingrid: User, microsoft: Simulator) -> None:
    microsoft.control("POST", f"people/{ingrid.email}/move-to-cloud")

    connection = looked_at(ingrid)

    assert stands(connection) == (State.NOT_ELIGIBLE, Reason.MOVED_TO_CLOUD)
    words = health.of_connection(connection)
    assert words is not None
    assert words.says == "Your mailbox was moved from the Exchange server to Exchange Online."
    moving = health.of_connection(connection, may_move=True)
    assert moving is not None
    assert moving.button == health.MOVE


def test_what_is_back_is_found_again(ingrid: User, microsoft: Simulator) -> None:
    microsoft.control("POST", f"people/{ingrid.email}/move-to-cloud")
    looked_at(ingrid)
    microsoft.control("POST", f"people/{ingrid.email}/move-on-premises")

    assert stands(looked_at(ingrid)) == (State.CONNECTED, "")


# ── An impersonation account ────────────────────────────────────────────────
@pytest.fixture
def hugo(kestrel: Account, dana: User, microsoft: Simulator) -> User:
    """Connected by the impersonation account of the warehouse."""
    person = hugo_of(kestrel)
    lead(kestrel, at_exchange(microsoft, Method.IMPERSONATION), by=dana)
    with_impersonation(kestrel, microsoft, by=dana)
    assert impersonated(person).step == "done"
    return person


def test_a_refused_impersonation_account_is_the_servers_and_nobody_has_to_reconnect(
    hugo: User, microsoft: Simulator
) -> None:
    microsoft.control("POST", "people/svc-calendar@kestrel.example/password", {"password": NEW_PASSWORD})

    connection = looked_at(hugo)

    assert stands(connection) == (State.PAUSED, Reason.PASSWORD_REFUSED)
    words = health.of_connection(connection)
    assert words is not None
    assert "the account by which your organization connects calendars" in words.says
    assert words.button == health.WAIT
    with pytest.raises(opening.NotNow):
        opening.open_calendar(connection, now=timezone.now())


def test_without_a_working_account_nobody_begins(kestrel: Account, dana: User, microsoft: Simulator) -> None:
    person = hugo_of(kestrel)
    lead(kestrel, at_exchange(microsoft, Method.IMPERSONATION), by=dana)

    with pytest.raises(joining.NotReady):
        joining.by_impersonation(person, now=timezone.now())


def test_an_address_that_nobody_has_proved_is_let_into_no_mailbox(
    kestrel: Account, dana: User, microsoft: Simulator
) -> None:
    person = hugo_of(kestrel)
    EmailAddress.objects.filter(user=person).update(verified=False)
    lead(kestrel, at_exchange(microsoft, Method.IMPERSONATION), by=dana)
    with_impersonation(kestrel, microsoft, by=dana)

    with pytest.raises(joining.NotProved):
        joining.by_impersonation(person, now=timezone.now())


def test_what_is_said_to_the_account_of_all_never_costs_one_person_the_connection(hugo: User) -> None:
    failure = Failure(Outcome.AUTHORIZATION_LOST, Reason.PASSWORD_REFUSED)

    states.went_wrong(connection_of(hugo), failure, now=timezone.now(), of=Trouble.MAILBOX)

    assert stands(connection_of(hugo)) == (State.DEGRADED, Reason.SERVICE_TROUBLE)


# ── Exchange Online ─────────────────────────────────────────────────────────
def test_on_the_day_of_the_shut_off_it_is_paused_and_one_button_leads_to_graph(
    alice_by_ews: User, microsoft: Simulator, client_of: ClientOf
) -> None:
    microsoft.control("POST", "tenants/kestrel.example/ews-policy-date", {"day": "2026-10-02"})

    connection = looked_at(alice_by_ews)

    assert stands(connection) == (State.PAUSED, Reason.EWS_DISABLED)
    assert connection.trouble == Trouble.MAILBOX
    shown = client_of(alice_by_ews).get("/profile/").content.decode()
    assert "Exchange Online no longer answers Meridian by Exchange Web Services (EWS)" in shown
    assert shown.count(">Move to Graph</button>") == 1
    assert ">Reconnect</button>" not in shown


def test_the_button_goes_to_microsoft_for_graph_and_graph_takes_over(
    alice_by_ews: User, microsoft: Simulator, client_of: ClientOf
) -> None:
    microsoft.control("POST", "tenants/kestrel.example/ews-policy-date", {"day": "2026-10-02"})
    before = looked_at(alice_by_ews)
    client = client_of(alice_by_ews)

    sent = client.post("/profile/calendar/to-graph/")
    client.get("/integrations/microsoft/callback/", microsoft.sign_in(sent["Location"], alice_by_ews.email))
    consent = ConsentRequest.objects.latest("created_at")
    redeemed(consent)

    after = connection_of(alice_by_ews)
    assert stands(after) == (State.CONNECTED, "")
    assert (after.pk, after.api, after.object_id) == (before.pk, Api.GRAPH, before.object_id)
    assert "Calendars.Read" in after.granted


def test_under_a_lock_the_way_is_the_admins(
    kestrel: Account, dana: User, alice_by_ews: User, microsoft: Simulator, client_of: ClientOf
) -> None:
    lead(kestrel, OFFICE_BY_EWS, by=dana, is_locked=True)
    microsoft.control("POST", "tenants/kestrel.example/ews-policy-date", {"day": "2026-10-02"})
    looked_at(alice_by_ews)

    client = client_of(alice_by_ews)
    shown, sent = client.get("/profile/").content.decode(), client.post("/profile/calendar/to-graph/")

    assert ">Move to Graph</button>" not in shown
    assert "The admins of your account" in shown
    assert sent["Location"] == "/profile/#calendar"


def test_after_a_scream_test_it_comes_back_by_itself(alice_by_ews: User, microsoft: Simulator) -> None:
    microsoft.control("POST", f"people/{alice_by_ews.email}/ews-enabled", {"setting": "false"})
    stopped = looked_at(alice_by_ews)
    microsoft.control("POST", f"people/{alice_by_ews.email}/ews-enabled", {"setting": "true"})

    back = looked_at(alice_by_ews, after=timedelta(hours=1))

    assert stands(stopped) == (State.PAUSED, Reason.EWS_DISABLED)
    assert stands(back) == (State.CONNECTED, "")


def test_an_application_that_is_not_on_the_list_is_named_so(alice_by_ews: User, microsoft: Simulator) -> None:
    microsoft.control("POST", "tenants/kestrel.example/ews-enabled", {"setting": "true"})
    microsoft.control("POST", "tenants/kestrel.example/ews-policy-date", {"day": "2026-10-02"})
    microsoft.control("POST", "tenants/kestrel.example/ews-allowed-apps", {"applications": [], "listed": True})

    assert stands(looked_at(alice_by_ews)) == (State.PAUSED, Reason.EWS_NOT_ALLOWED)


@pytest.mark.django_db(transaction=True)
def test_by_the_sweep_the_shut_off_is_found_though_nobody_looks(alice_by_ews: User, microsoft: Simulator) -> None:
    microsoft.control("POST", "tenants/kestrel.example/ews-policy-date", {"day": "2026-10-02"})

    checking.check_due(now=timezone.now() + timedelta(days=1), clock=lambda: timezone.now() + timedelta(days=1))

    assert stands(connection_of(alice_by_ews)) == (State.PAUSED, Reason.EWS_DISABLED)
