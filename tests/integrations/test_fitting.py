"""What the settings permit, and what becomes of connections when the settings change."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from itertools import product
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from accounts import people
from accounts.cascade import declare, read
from accounts.cascade.write import choose
from accounts.models import Account, AuditEntry, Group, SettingDecision, User
from integrations import fitting, panels
from integrations.models import ALIVE, Connection, State
from integrations.policy import Obstacle, Shape, may_connect, still_fits
from integrations.preferences import Api, Integrations, Method, Service, ServicePolicy
from tests.cast import FOUNDED, crowd

ENABLED = declare.setting_of(Integrations, "enabled")
DAY = timedelta(days=1)
flags = st.booleans()
policies = st.builds(
    ServicePolicy, authorize_with=st.sampled_from(Api), who_can_set_up=st.sampled_from(Method), calendar_write=flags,
    contacts_write=flags,
)  # fmt: skip
effective = st.builds(Integrations, enabled=flags, services=policies)
shapes = st.builds(
    Shape, api=st.sampled_from(Api), method=st.sampled_from(Method), calendar_write=flags, contacts_write=flags
)


# ── The rule ────────────────────────────────────────────────────────────────
@pytest.mark.parametrize(
    ("settings", "wish", "obstacle"),
    [
        (Integrations(), Shape(), None),
        (Integrations(), Shape(calendar_write=True, contacts_write=True), None),
        (Integrations(enabled=False), Shape(), Obstacle.TURNED_OFF),
        (Integrations(services=ServicePolicy(authorize_with=Api.EWS)), Shape(), Obstacle.ANOTHER_API),
        (Integrations(services=ServicePolicy(authorize_with=Api.EWS)), Shape(api=Api.EWS), None),
        (
            Integrations(services=ServicePolicy(who_can_set_up=Method.APPLICATION_PERMISSIONS)),
            Shape(),
            Obstacle.SET_UP_BY_ADMIN,
        ),
        (Integrations(services=ServicePolicy(calendar_write=False)), Shape(), None),
        (
            Integrations(services=ServicePolicy(calendar_write=False)),
            Shape(calendar_write=True),
            Obstacle.CALENDAR_WRITE,
        ),
        (
            Integrations(services=ServicePolicy(contacts_write=False)),
            Shape(contacts_write=True),
            Obstacle.CONTACTS_WRITE,
        ),
    ],
)
def test_what_may_be_connected(settings: Integrations, wish: Shape, obstacle: Obstacle | None) -> None:
    assert may_connect(settings, wish) == obstacle


@given(effective, shapes)
def test_turned_off_is_off_for_all(settings: Integrations, shape: Shape) -> None:
    off = replace(settings, enabled=False)

    assert may_connect(off, shape) == Obstacle.TURNED_OFF
    assert still_fits(off, shape, services_locked=True) == Obstacle.TURNED_OFF
    assert still_fits(off, shape, services_locked=False) == Obstacle.TURNED_OFF


@given(effective, shapes)
def test_under_a_locked_policy_a_connection_stays_if_and_only_if_it_could_be_made(
    settings: Integrations, shape: Shape
) -> None:
    assert still_fits(settings, shape, services_locked=True) == may_connect(settings, shape)


@given(effective, shapes)
def test_under_an_unlocked_policy_only_the_switch_ends_a_connection(settings: Integrations, shape: Shape) -> None:
    assert (still_fits(settings, shape, services_locked=False) is None) == settings.enabled


@given(effective, shapes)
def test_who_asks_for_less_is_never_refused_more(settings: Integrations, shape: Shape) -> None:
    less = replace(shape, calendar_write=False, contacts_write=False)

    if may_connect(settings, shape) is None:
        assert may_connect(settings, less) is None


def test_every_obstacle_has_words() -> None:
    from integrations import health

    assert all(health.of_obstacle(obstacle).endswith(".") for obstacle in Obstacle)


def test_the_service_is_the_one_there_is() -> None:
    assert list(Service) == [Service.OFFICE_365]


# ── Connections ─────────────────────────────────────────────────────────────
def connect(people: list[User], state: str = State.CONNECTED) -> list[Connection]:
    return Connection.objects.bulk_create(
        Connection(
            user=person,
            state=state,
            since_at=FOUNDED,
            tenant_id="t",
            object_id=f"o{person.pk}",
            refresh_token="sealed",
            access_token="sealed",
            refresh_due_at=FOUNDED,
        )
        for person in people
    )


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

    with django_assert_num_queries(5):
        assert fitting.apply_policy(kestrel, now=FOUNDED) == 0


# ── The grace ───────────────────────────────────────────────────────────────
@pytest.mark.django_db
@pytest.mark.parametrize(("after", "gone"), [(7 * DAY - timedelta(seconds=1), False), (7 * DAY, True)])
def test_after_seven_days_the_tokens_of_what_stayed_blocked_are_destroyed(
    after: timedelta, gone: bool, alice: User
) -> None:
    connect([alice], State.BLOCKED_BY_POLICY)

    assert fitting.let_go(now=FOUNDED + after) == int(gone)

    connection = Connection.objects.get()
    assert (connection.state == State.DISCONNECTED) == gone
    assert (connection.refresh_token, connection.access_token) == (("", "") if gone else ("sealed", "sealed"))
    assert AuditEntry.objects.filter(action="calendar.grace_over").count() == int(gone)


@pytest.mark.django_db
@pytest.mark.parametrize("state", [state for state in State if state != State.BLOCKED_BY_POLICY])
def test_the_end_of_the_grace_is_for_the_blocked_alone(state: State, alice: User) -> None:
    connect([alice], state)

    assert fitting.let_go(now=FOUNDED + 100 * DAY) == 0
    assert states() == [state]


# ── The numbers on the settings page ────────────────────────────────────────
@pytest.mark.django_db
@pytest.mark.parametrize(("alive", "blocked"), list(product([0, 1, 3], [0, 1, 2])))
def test_the_remark_on_the_row_says_exactly_what_will_happen(
    alive: int, blocked: int, kestrel: Account, dana: User
) -> None:
    people = crowd(kestrel, alive + blocked + 2)
    connect(people[:alive])
    connect(people[alive : alive + blocked], State.BLOCKED_BY_POLICY)
    connect(people[alive + blocked :], State.NEEDS_REAUTH)
    remark = panels.on_enabled_row(kestrel)

    choose(ENABLED, True, at=kestrel, actor=dana, now=FOUNDED)
    came_back = fitting.apply_policy(kestrel, now=FOUNDED)
    SettingDecision.objects.all().delete()
    Connection.objects.filter(user__in=people[alive : alive + blocked]).update(state=State.BLOCKED_BY_POLICY)
    choose(ENABLED, False, at=kestrel, actor=dana, now=FOUNDED)
    stopped = fitting.apply_policy(kestrel, now=FOUNDED)

    assert (came_back, stopped) == (blocked, alive)
    counted = {0: "Nobody is", 1: "1 person is"}.get(alive, f"{alive} people are")
    assert remark.now.startswith(counted)
    assert remark.if_off.startswith(f"{counted} connected now")
    returning = {0: "", 1: "1 person is blocked"}.get(blocked, f"{blocked} people are blocked")
    assert returning in remark.if_on
    assert ("blocked" in remark.if_on) == bool(blocked)


# ── One connection, before a page uses it ───────────────────────────────────
@pytest.mark.django_db
@pytest.mark.parametrize("state", State)
def test_what_a_page_speaks_of_is_as_the_settings_say_without_any_worker(
    state: State, kestrel: Account, dana: User, alice: User
) -> None:
    connect([alice], state)
    choose(ENABLED, False, at=kestrel, actor=dana, now=FOUNDED)
    connection = Connection.objects.select_related("user__account").get()

    settled = fitting.settle(connection, read.effective(Integrations, alice), now=FOUNDED + DAY)

    is_blocked = state in (*ALIVE, State.BLOCKED_BY_POLICY)
    assert settled.state == Connection.objects.get().state == (State.BLOCKED_BY_POLICY if is_blocked else state)


@pytest.mark.django_db
def test_settling_brings_back_what_is_allowed_again(alice: User) -> None:
    connect([alice], State.BLOCKED_BY_POLICY)
    connection = Connection.objects.select_related("user__account").get()

    settled = fitting.settle(connection, Integrations(), now=FOUNDED)

    assert (settled.state, settled.refresh_token) == (State.CONNECTED, "sealed")
    assert AuditEntry.objects.get().action == "calendar.released"


@pytest.mark.django_db
def test_of_two_that_settle_at_once_one_writes(kestrel: Account, alice: User) -> None:
    connect([alice])
    first, second = (Connection.objects.select_related("user__account").get() for _ in range(2))
    off = Integrations(enabled=False)

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
