"""What becomes of connections when the settings change."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from itertools import product
from typing import Any

import pytest

from accounts import people
from accounts.cascade import declare, read
from accounts.cascade.facts import Held
from accounts.cascade.write import choose
from accounts.models import Account, AuditEntry, Group, User
from integrations import fitting, panels
from integrations.models import ALIVE, Connection, State
from integrations.preferences import Integrations, ServicePolicy
from tests.cast import FOUNDED, crowd
from tests.integrations.tied import connect

ENABLED = declare.setting_of(Integrations, "enabled")
DAY = timedelta(days=1)


# ── Connections ─────────────────────────────────────────────────────────────
def states() -> list[str]:
    return sorted(Connection.objects.values_list("state", flat=True))


@pytest.mark.django_db
@pytest.mark.parametrize("state", ALIVE)
def test_turning_it_off_blocks_and_turning_it_on_brings_back(
    state: State, kestrel: Account, dana: User, alice: User
) -> None:
    connect([alice], state)

    choose(ENABLED, False, at=kestrel, actor=dana, now=FOUNDED)
    assert fitting.apply_policy(kestrel, now=FOUNDED + DAY) == 1
    blocked = Connection.objects.get()
    choose(ENABLED, True, at=kestrel, actor=dana, now=FOUNDED)
    assert fitting.apply_policy(kestrel, now=FOUNDED + 2 * DAY) == 1

    back = Connection.objects.get()
    assert (blocked.state, blocked.reason, blocked.since_at) == (
        State.BLOCKED_BY_POLICY,
        "turned_off",
        FOUNDED + DAY,
    )
    assert (blocked.refresh_token, blocked.refresh_due_at) == ("sealed", None)
    assert (blocked.kept_until, back.kept_until) == (FOUNDED + 8 * DAY, None)
    assert (back.state, back.reason, back.refresh_token) == (State.CONNECTED, "", "sealed")
    assert back.refresh_due_at == FOUNDED + 2 * DAY, "a refresh at once shows whether Microsoft still agrees"
    logged = list(AuditEntry.objects.exclude(action="setting.chosen").order_by("id"))
    assert [entry.action for entry in logged] == ["calendar.blocked", "calendar.released"]
    assert {entry.actor for entry in logged} == {None}


@pytest.mark.django_db
@pytest.mark.parametrize("state", [state for state in State if state not in (*ALIVE, State.BLOCKED_BY_POLICY)])
def test_what_does_not_work_anyway_is_left_as_it_is(state: State, kestrel: Account, dana: User, alice: User) -> None:
    connect([alice], state)
    choose(ENABLED, False, at=kestrel, actor=dana, now=FOUNDED)

    assert fitting.apply_policy(kestrel, now=FOUNDED) == 0
    assert states() == [state]


@pytest.mark.django_db
def test_applying_it_again_changes_nothing(kestrel: Account, dana: User, alice: User) -> None:
    connect([alice])
    choose(ENABLED, False, at=kestrel, actor=dana, now=FOUNDED)
    fitting.apply_policy(kestrel, now=FOUNDED)

    assert fitting.apply_policy(kestrel, now=FOUNDED + DAY) == 0
    assert Connection.objects.get().since_at == FOUNDED


@pytest.mark.django_db
def test_each_person_is_judged_by_what_holds_for_them(
    kestrel: Account, sales: Group, dana: User, alice: User, bob: User, gus: User
) -> None:
    connect([alice, bob, gus])
    choose(ENABLED, False, at=sales, actor=dana, now=FOUNDED)
    choose(ENABLED, True, at=gus, actor=gus, now=FOUNDED)

    fitting.apply_policy(kestrel, now=FOUNDED)

    found = dict(Connection.objects.values_list("user__name", "state"))
    assert found == {"Alice": State.BLOCKED_BY_POLICY, "Bob": State.CONNECTED, "Gus": State.CONNECTED}


@pytest.mark.django_db
def test_another_account_is_not_touched(kestrel: Account, dana: User, alice: User, mallory: User) -> None:
    connect([alice, mallory])
    choose(ENABLED, False, at=kestrel, actor=dana, now=FOUNDED)

    fitting.apply_policy(kestrel, now=FOUNDED)

    assert Connection.objects.get(user=mallory).state == State.CONNECTED


@pytest.mark.django_db
def test_a_lower_ceiling_leaves_who_gave_more_before(kestrel: Account, dana: User, alice: User) -> None:
    connect([alice])
    Connection.objects.update(calendar_write=True)
    services = declare.setting_of(Integrations, "services")
    choose(services, ServicePolicy(calendar_write=False), at=kestrel, actor=dana, now=FOUNDED)

    assert fitting.apply_policy(kestrel, now=FOUNDED) == 0


@pytest.mark.django_db
@pytest.mark.parametrize("size", [3, 60])
def test_looking_costs_the_same_at_any_size(
    size: int, kestrel: Account, django_assert_num_queries: Callable[..., Any]
) -> None:
    connect(crowd(kestrel, size))

    with django_assert_num_queries(3):
        assert fitting.apply_policy(kestrel, now=FOUNDED) == 0


# ── The numbers on the settings page ────────────────────────────────────────
@pytest.mark.django_db
@pytest.mark.parametrize(("alive", "blocked"), list(product([0, 1, 3], [0, 1, 2])))
def test_the_remark_on_the_row_counts_exactly(alive: int, blocked: int, kestrel: Account, dana: User) -> None:
    people = crowd(kestrel, alive + blocked + 2)
    connect(people[:alive])
    connect(people[alive : alive + blocked], State.BLOCKED_BY_POLICY)
    connect(people[alive + blocked :], State.NEEDS_REAUTH)

    remark = panels.on_enabled_row(kestrel)

    counted = {0: "Nobody is connected yet.", 1: "1 person is connected."}.get(alive, f"{alive} people are connected.")
    kept_out = {0: "", 1: " 1 person is blocked."}.get(blocked, f" {blocked} people are blocked.")
    assert remark == counted + kept_out


# ── One connection, before a page uses it ───────────────────────────────────
@pytest.mark.django_db
@pytest.mark.parametrize("state", State)
def test_what_a_page_speaks_of_is_as_the_settings_say_without_any_worker(
    state: State, kestrel: Account, dana: User, alice: User
) -> None:
    connect([alice], state)
    choose(ENABLED, False, at=kestrel, actor=dana, now=FOUNDED)
    connection = Connection.objects.select_related("user__account").get()

    settled = fitting.settle(connection, read.held(Integrations, alice), now=FOUNDED + DAY)

    is_blocked = state in (*ALIVE, State.BLOCKED_BY_POLICY)
    assert settled.state == Connection.objects.get().state == (State.BLOCKED_BY_POLICY if is_blocked else state)


@pytest.mark.django_db
def test_settling_brings_back_what_is_allowed_again(alice: User) -> None:
    connect([alice], State.BLOCKED_BY_POLICY)
    connection = Connection.objects.select_related("user__account").get()

    settled = fitting.settle(connection, Held(Integrations()), now=FOUNDED)

    assert (settled.state, settled.refresh_token) == (State.CONNECTED, "sealed")
    assert AuditEntry.objects.get().action == "calendar.released"


@pytest.mark.django_db
def test_of_two_that_settle_at_once_one_writes(kestrel: Account, alice: User) -> None:
    connect([alice])
    first, second = (Connection.objects.select_related("user__account").get() for _ in range(2))
    off = Held(Integrations(enabled=False))

    states_seen = {fitting.settle(one, off, now=FOUNDED).state for one in (first, second)}

    assert states_seen == {State.BLOCKED_BY_POLICY}
    assert AuditEntry.objects.count() == 1


# ── The end ─────────────────────────────────────────────────────────────────
@pytest.mark.django_db
@pytest.mark.parametrize("state", [state for state in State if state != State.DISCONNECTED])
def test_who_is_deactivated_leaves_no_tokens_behind(state: State, dana: User, alice: User) -> None:
    connect([alice], state)

    people.deactivate(alice, actor=dana, now=FOUNDED)

    connection = Connection.objects.get()
    assert (connection.state, connection.refresh_token, connection.access_token) == (State.DISCONNECTED, "", "")
    assert connection.object_id, "who it was stays as history"
    entry = AuditEntry.objects.get(action="calendar.disconnected")
    assert entry.before == {"state": state.value}
