"""When many connections of one tenant are in passing trouble at once, and when it is over."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.core import mail
from django.urls import reverse
from django.utils import timezone
from hypothesis import given
from hypothesis import strategies as st

from accounts.models import Account, Letter
from integrations import checking, incidents
from integrations.exchange.identity import server_id
from integrations.failures import Reason
from integrations.models import Connection, Incident, State
from tests.cast import Cast, ClientOf, crowd
from tests.integrations.holding import used_up
from tests.integrations.tied import connect
from tests.integrations.wired import connected
from tests.simulated import Simulator

NOW = timezone.now


def group(
    account: Account, *, alive: int, degraded: int = 0, tenant: str = "t", reason: str = Reason.NO_ANSWER
) -> None:
    """So many more connections of an account in one tenant, some of them in passing trouble."""
    people = crowd(account, alive)
    connect(people[:degraded], State.DEGRADED, tenant_id=tenant, reason=reason)
    connect(people[degraded:], tenant_id=tenant)


def trouble(account: Account, number: int, reason: str = Reason.NO_ANSWER) -> None:
    """From now on exactly so many are in trouble."""
    of_account = Connection.objects.filter(account=account)
    of_account.update(state=State.CONNECTED, reason="")
    some = list(of_account.order_by("pk").values_list("pk", flat=True)[:number])
    Connection.objects.filter(pk__in=some).update(state=State.DEGRADED, reason=reason)


# ── The rule ────────────────────────────────────────────────────────────────
@pytest.mark.parametrize(
    ("troubled", "alive", "begins"),
    [
        (0, 0, False),
        (4, 4, False),  # small accounts: four people may have had a bad minute each
        (5, 5, True),
        (5, 25, True),
        (5, 26, False),
        (199, 1000, False),
        (200, 1000, True),
    ],
)
def test_it_begins_with_five_and_one_in_five(troubled: int, alive: int, begins: bool) -> None:
    assert incidents.is_beginning(troubled, alive) is begins


@pytest.mark.parametrize(
    ("troubled", "alive", "over"),
    [(3, 5, False), (2, 5, True), (3, 25, False), (2, 25, True), (100, 1000, False), (99, 1000, True), (0, 0, True)],
)
def test_it_is_over_below_half_of_that(troubled: int, alive: int, over: bool) -> None:
    assert incidents.is_over(troubled, alive) is over


@given(troubled=st.integers(0, 5000), alive=st.integers(0, 5000))
def test_what_begins_is_not_over_and_more_trouble_never_ends_it(troubled: int, alive: int) -> None:
    assert not (incidents.is_beginning(troubled, alive) and incidents.is_over(troubled, alive))
    if not incidents.is_over(troubled, alive):
        assert not incidents.is_over(troubled + 1, alive)


# ── The watch ───────────────────────────────────────────────────────────────
def test_one_open_incident_with_the_commonest_reason_and_nobody_is_mailed(cast: Cast) -> None:
    group(cast.kestrel, alive=12, degraded=5, reason=Reason.SERVICE_TROUBLE)
    connect([cast.alice, cast.bob], State.DEGRADED, reason=Reason.NO_ANSWER)
    now = NOW()

    incidents.watch(now=now)
    incidents.watch(now=now + timedelta(seconds=30))

    incident = Incident.objects.get()
    assert (incident.account, incident.tenant_id, incident.began_at) == (cast.kestrel, "t", now)
    assert (incident.reason, incident.affected, incident.connected) == (Reason.SERVICE_TROUBLE, 7, 14)
    assert incident.ended_at is None
    assert mail.outbox == []


def test_an_outage_is_noticed_before_everybody_was_asked(kestrel: Account) -> None:
    """Access is renewed every few hours: of two hundred, half an hour of an outage meets some twenty."""
    group(kestrel, alive=200, degraded=20)
    now = NOW()
    Connection.objects.filter(state=State.CONNECTED).update(last_good_at=now - timedelta(hours=1))

    incidents.watch(now=now)

    incident = Incident.objects.get()
    assert (incident.affected, incident.connected, incident.ended_at) == (20, 200, None)


def test_a_few_in_trouble_among_many_who_just_had_an_answer_are_no_incident(kestrel: Account) -> None:
    group(kestrel, alive=200, degraded=20)
    now = NOW()
    Connection.objects.filter(state=State.CONNECTED).update(last_good_at=now - timedelta(minutes=10))

    incidents.watch(now=now)

    assert not Incident.objects.exists()


def test_flapping_is_one_incident(kestrel: Account) -> None:
    group(kestrel, alive=50)
    began = NOW()

    for minute, number in enumerate([10, 9, 5, 10, 7, 12, 6, 5]):
        trouble(kestrel, number)
        incidents.watch(now=began + timedelta(minutes=minute))

    incident = Incident.objects.get()
    assert (incident.affected, incident.ended_at) == (12, None)


def test_it_ends_below_half_and_the_next_is_another(kestrel: Account) -> None:
    group(kestrel, alive=50, degraded=10)
    began = NOW()
    incidents.watch(now=began)

    trouble(kestrel, 4)
    incidents.watch(now=began + timedelta(minutes=1))
    trouble(kestrel, 9)
    incidents.watch(now=began + timedelta(minutes=2))
    trouble(kestrel, 10)
    incidents.watch(now=began + timedelta(minutes=3))

    ended = list(Incident.objects.order_by("began_at").values_list("ended_at", flat=True))
    assert ended == [began + timedelta(minutes=1), None]


def test_two_tenants_of_one_account_are_two_matters(kestrel: Account) -> None:
    group(kestrel, alive=30, degraded=4, tenant="one")
    other = crowd(Account.objects.create(name="Elsewhere", created_at=NOW()), 6)
    connect(other, State.DEGRADED, tenant_id="one", reason=Reason.NO_ANSWER)

    incidents.watch(now=NOW())

    # Nine are in trouble in this tenant; each account's are its own.
    assert list(Incident.objects.values_list("account__name", "affected")) == [("Elsewhere", 6)]


@pytest.mark.parametrize(
    "state", [state for state in State if state not in (State.DEGRADED,)], ids=lambda state: state.value
)
def test_nothing_but_passing_trouble_counts(state: State, kestrel: Account) -> None:
    connect(crowd(kestrel, 20), state, reason=Reason.CREDENTIAL_EXPIRED)

    incidents.watch(now=NOW())

    assert not Incident.objects.exists()


def test_where_everybody_has_gone_it_is_over(kestrel: Account) -> None:
    group(kestrel, alive=10, degraded=10)
    incidents.watch(now=NOW())

    Connection.objects.update(state=State.DISCONNECTED)
    incidents.watch(now=NOW())

    assert Incident.objects.get().ended_at is not None


def test_it_costs_the_same_whatever_the_number_of_accounts(kestrel: Account, django_assert_num_queries: Any) -> None:
    group(kestrel, alive=8, degraded=6)
    for number in range(6):
        group(Account.objects.create(name=f"Account {number}", created_at=NOW()), alive=8, degraded=number + 2)

    with django_assert_num_queries(6):  # three to look, one to write, and the transaction
        incidents.watch(now=NOW())
    with django_assert_num_queries(3 + 2):
        incidents.watch(now=NOW())

    assert Incident.objects.count() == 4


def test_two_who_watch_at_once_open_one(kestrel: Account) -> None:
    group(kestrel, alive=8, degraded=6)
    incidents.watch(now=NOW())
    row = Incident.objects.values("account_id", "tenant_id", "reason", "affected", "connected", "began_at").get()

    Incident.objects.bulk_create([Incident(**row)], ignore_conflicts=True)

    assert Incident.objects.count() == 1


# ── What is told of it ──────────────────────────────────────────────────────
def test_a_connection_knows_the_incident_it_is_part_of(cast: Cast) -> None:
    group(cast.kestrel, alive=8, degraded=6)
    mine, fine, lonely = connect([cast.alice, cast.bob, cast.gus], State.DEGRADED, reason=Reason.NO_ANSWER)
    Connection.objects.filter(pk=fine.pk).update(state=State.CONNECTED)
    Connection.objects.filter(pk=lonely.pk).update(tenant_id="another")
    incidents.watch(now=NOW())

    reports = {
        one.user.name: incidents.of(one) for one in Connection.objects.filter(pk__in=[mine.pk, fine.pk, lonely.pk])
    }

    assert reports["Alice"] is not None
    assert (reports["Bob"], reports["Gus"]) == (None, None)
    assert [report.says for report in incidents.open_in(cast.kestrel)] == ["Microsoft has not been answering"]
    assert incidents.open_in(cast.corvid) == []


def test_the_person_reads_that_it_is_not_only_them(cast: Cast, client_of: ClientOf) -> None:
    [mine] = connect([cast.alice], State.DEGRADED, reason=Reason.NO_ANSWER)
    before = client_of(cast.alice).get(reverse("profile")).content.decode()
    group(cast.kestrel, alive=8, degraded=6)
    incidents.watch(now=NOW())

    during = client_of(cast.alice).get(reverse("profile")).content.decode()

    assert "It is not only you" not in before
    assert "It is not only you: many in your organization are in the same trouble." in during
    assert incidents.of(mine) is not None


@pytest.mark.parametrize("reason", [*Reason, "something new"])
def test_every_reason_has_a_sentence_while_it_goes_on_and_when_it_is_over(reason: str, kestrel: Account) -> None:
    for tenant, ended in (("on", None), ("over", NOW())):
        Incident.objects.create(
            account=kestrel, tenant_id=tenant, reason=reason, affected=5, connected=5, began_at=NOW(), ended_at=ended
        )

    [going_on], [past] = incidents.open_in(kestrel), incidents.past_in(kestrel, most=3)

    assert going_on.says.startswith("Microsoft has ")
    assert past.says and not past.says.startswith("Microsoft has ")


def test_history_is_kept_for_ninety_days(kestrel: Account) -> None:
    now = NOW()
    for tenant, ended in [("old", now - timedelta(days=91)), ("new", now - timedelta(days=89)), ("open", None)]:
        Incident.objects.create(
            account=kestrel,
            tenant_id=tenant,
            reason=Reason.NO_ANSWER,
            affected=5,
            connected=5,
            began_at=now - timedelta(days=95),
            ended_at=ended,
        )

    incidents.forget_old(now=now)

    assert set(Incident.objects.values_list("tenant_id", flat=True)) == {"new", "open"}


# ── A storm ─────────────────────────────────────────────────────────────────
@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("target", ["token", "graph"])
def test_a_storm_of_errors_is_one_incident_that_ends_with_it(
    target: str, cast: Cast, microsoft: Simulator, client_of: ClientOf
) -> None:
    people = [cast.dana, cast.gus, cast.alice, cast.bob, cast.wilhelmina]
    known = [connected(person, microsoft) for person in people]
    console = client_of(cast.dana)

    microsoft.control("POST", "faults", {"target": target, "steps": [{"status": 503}, {"status": 500}]})
    _check_all(known)
    incidents.watch(now=NOW())
    during = console.get(reverse("connections")).content.decode()
    microsoft.control("DELETE", "faults")
    _check_all(known)
    incidents.watch(now=NOW())

    incident = Incident.objects.get()
    assert (incident.affected, incident.connected, incident.reason) == (5, 5, Reason.SERVICE_TROUBLE)
    assert incident.ended_at is not None
    assert "5 of 5 connections at once." in during
    assert "connections at once." not in console.get(reverse("connections")).content.decode()
    assert "Microsoft had trouble answering" in console.get(reverse("incidents")).content.decode()
    assert not mail.outbox and not Letter.objects.exists()
    assert set(Connection.objects.values_list("state", flat=True)) == {State.CONNECTED}


def _check_all(connections: list[Connection]) -> None:
    """Each with an access token that is used up."""
    for one in connections:
        checking.check(used_up(one).pk, now=NOW())


def test_the_trouble_of_an_own_server_is_not_said_of_microsoft(kestrel: Account) -> None:
    own = server_id("https://mail.kestrel.example/EWS/Exchange.asmx")
    group(kestrel, alive=10, degraded=6, tenant=own, reason=Reason.SERVER_UNREACHABLE)

    incidents.watch(now=NOW())

    (report,) = incidents.open_in(kestrel)
    assert report.says == "An Exchange server has not been answering"
