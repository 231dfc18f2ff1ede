"""A lock, and what becomes of connections under it: blocked at once, back without a consent, forgotten in the end."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from importlib import import_module
from types import SimpleNamespace
from typing import Any

import pytest
from django.apps import apps
from django.db import connection as database
from django.utils import timezone

from accounts.models import Account, AuditEntry, Group, User
from integrations import connecting, fitting, opening, refreshing, states, tasks, tokens
from integrations.microsoft import identity
from integrations.models import Connection, State
from integrations.policy import Obstacle
from integrations.preferences import ServicePolicy
from tests.cast import FOUNDED, crowd
from tests.integrations.holding import again, held, used_up
from tests.integrations.tied import connect, set_to, state_of, take_back
from tests.integrations.wired import asked, connected
from tests.simulated import Simulator

pytestmark = pytest.mark.django_db
DAY = timedelta(days=1)
READ_CONTACTS = ServicePolicy(contacts_write=False)


def lock_contacts(at: Account | Group, by: User, *, is_locked: bool = True) -> None:
    set_to("services", READ_CONTACTS, at=at, by=by, is_locked=is_locked)


# ── Blocked, and back ───────────────────────────────────────────────────────
def test_a_lock_blocks_exactly_those_that_no_longer_fit(
    kestrel: Account, sales: Group, dana: User, alice: User, bob: User, gus: User
) -> None:
    connect([alice, bob], contacts_write=True)
    connect([gus], calendar_write=True)

    lock_contacts(kestrel, dana)

    assert fitting.apply_policy(kestrel, now=FOUNDED) == 2
    assert (state_of(alice), state_of(bob), state_of(gus)) == (
        State.BLOCKED_BY_POLICY,
        State.BLOCKED_BY_POLICY,
        State.CONNECTED,
    )
    assert Connection.objects.get(user=alice).reason == Obstacle.CONTACTS_WRITE


def test_the_same_choice_unlocked_takes_nothing_away(kestrel: Account, dana: User, alice: User) -> None:
    connect([alice], contacts_write=True)

    lock_contacts(kestrel, dana, is_locked=False)

    assert fitting.apply_policy(kestrel, now=FOUNDED) == 0
    assert state_of(alice) == State.CONNECTED


def test_a_lock_of_a_group_is_for_its_members_and_only_where_the_group_speaks(
    kestrel: Account, sales: Group, dana: User, alice: User, bob: User, gus: User
) -> None:
    connect([alice, bob, gus], contacts_write=True)
    better = Group.objects.create(account=kestrel, name="Board", rank=1, created_at=FOUNDED)
    better.memberships.create(user=gus)
    set_to("services", ServicePolicy(), at=better, by=dana)

    lock_contacts(sales, dana)
    fitting.apply_policy(kestrel, now=FOUNDED)

    assert (state_of(alice), state_of(bob), state_of(gus)) == (
        State.BLOCKED_BY_POLICY,
        State.CONNECTED,
        State.CONNECTED,
    )


@pytest.mark.parametrize("days", [1, 7, 30])
def test_unlocking_within_the_grace_brings_back_the_same_tokens_without_a_consent(
    days: int, kestrel: Account, dana: User, alice: User, microsoft: Simulator
) -> None:
    before = connected(alice, microsoft, contacts_write=True)
    secret, consents = held(before), asked(microsoft, "authorization_code")
    now = timezone.now()
    set_to("grace", days, at=kestrel, by=dana)

    lock_contacts(kestrel, dana)
    fitting.apply_policy(kestrel, now=now)
    blocked = again(before)
    fitting.let_go(kestrel, now=now + days * DAY - timedelta(seconds=1))
    lock_contacts(kestrel, dana, is_locked=False)
    fitting.apply_policy(kestrel, now=now + days * DAY - timedelta(seconds=1))

    after = again(before)
    assert (blocked.state, blocked.kept_until) == (State.BLOCKED_BY_POLICY, now + days * DAY)
    assert (after.state, after.reason, after.kept_until) == (State.CONNECTED, "", None)
    assert held(after) == secret
    assert (after.contacts_write, after.granted) == (before.contacts_write, before.granted)
    assert asked(microsoft, "authorization_code") == consents
    tokens.refresh(after, now=timezone.now())
    assert again(after).state == State.CONNECTED, "Microsoft still agrees"


@pytest.mark.parametrize("state", [state for state in State if state not in fitting.WATCHED])
def test_nobody_is_connected_by_a_lock_or_by_lifting_one(
    state: State, kestrel: Account, dana: User, alice: User
) -> None:
    connect([alice], state, refresh_token="", access_token="")

    lock_contacts(kestrel, dana)
    fitting.apply_policy(kestrel, now=FOUNDED)
    take_back("services", at=kestrel, by=dana)
    fitting.apply_policy(kestrel, now=FOUNDED)

    assert state_of(alice) == state


def test_blocked_for_another_reason_the_person_is_told_the_new_one(kestrel: Account, dana: User, alice: User) -> None:
    connect([alice], contacts_write=True)
    lock_contacts(kestrel, dana)
    fitting.apply_policy(kestrel, now=FOUNDED)

    set_to("enabled", False, at=kestrel, by=dana)

    assert fitting.apply_policy(kestrel, now=FOUNDED + DAY) == 0
    connection = Connection.objects.get()
    assert (connection.reason, connection.since_at) == (Obstacle.TURNED_OFF, FOUNDED)
    assert connection.kept_until == FOUNDED + 7 * DAY, "the promise stays as it was"


def test_who_gives_up_what_is_too_much_is_back_without_microsoft(kestrel: Account, dana: User, alice: User) -> None:
    connect([alice], contacts_write=True)
    lock_contacts(kestrel, dana)
    fitting.apply_policy(kestrel, now=FOUNDED)

    narrowed = connecting.narrow(alice, calendar_write=False, contacts_write=False, now=FOUNDED)
    fitting.apply_policy(kestrel, now=FOUNDED)

    assert narrowed is connecting.Narrowed.YES
    assert (state_of(alice), Connection.objects.get().refresh_token) == (State.CONNECTED, "sealed")


# ── Nothing uses it, whether a worker runs or not ───────────────────────────
def test_a_locked_out_connection_gives_no_token_though_one_is_held(
    kestrel: Account, dana: User, alice: User, microsoft: Simulator
) -> None:
    connection = again(connected(alice, microsoft, contacts_write=True))
    lock_contacts(kestrel, dana)

    with pytest.raises(tokens.NotAlive):
        tokens.access_token(connection, now=timezone.now())

    assert state_of(alice) == State.BLOCKED_BY_POLICY


def test_a_locked_out_connection_is_not_refreshed(
    kestrel: Account, dana: User, alice: User, microsoft: Simulator
) -> None:
    connection = used_up(connected(alice, microsoft, contacts_write=True))
    before = asked(microsoft)
    lock_contacts(kestrel, dana)

    tokens.refresh(connection, now=timezone.now())
    Connection.objects.update(refresh_due_at=timezone.now() - DAY)
    tasks.refresh_one(connection_id=connection.pk)

    assert asked(microsoft) == before
    assert state_of(alice) == State.BLOCKED_BY_POLICY


@pytest.mark.django_db(transaction=True)
def test_the_sweep_of_refreshes_asks_the_settings_too(
    kestrel: Account, dana: User, alice: User, microsoft: Simulator
) -> None:
    connection = used_up(connected(alice, microsoft, contacts_write=True))
    Connection.objects.update(refresh_due_at=timezone.now() - DAY)
    before = asked(microsoft)
    lock_contacts(kestrel, dana)

    refreshing.refresh_due(now=timezone.now())

    assert asked(microsoft) == before
    assert again(connection).state == State.BLOCKED_BY_POLICY


def test_a_page_finds_it_blocked(kestrel: Account, dana: User, alice: User) -> None:
    connect([alice], contacts_write=True)
    lock_contacts(kestrel, dana)

    found = opening.connection_of(alice, now=FOUNDED)

    assert found is not None
    assert not found.is_alive


def test_a_token_that_arrives_after_the_block_is_kept_and_not_used(
    kestrel: Account, dana: User, alice: User, microsoft: Simulator
) -> None:
    """Microsoft may have ended the pair before: without the new one there would be nothing to come back with."""
    connection = used_up(connected(alice, microsoft))
    states.blocked([connection.pk], Obstacle.TURNED_OFF, grace=7 * DAY, now=timezone.now())
    fresh = identity.Tokens(access_token="a2", refresh_token="r2", lasts=timedelta(hours=1), scopes=("Calendars.Read",))

    assert tokens.store(connection, fresh, asked_at=timezone.now()) is False

    kept = again(connection)
    assert (kept.state, kept.refresh_due_at) == (State.BLOCKED_BY_POLICY, None)
    assert held(kept) == "r2"


# ── The grace ───────────────────────────────────────────────────────────────
@pytest.mark.parametrize(("after", "gone"), [(7 * DAY - timedelta(seconds=1), False), (7 * DAY, True)])
def test_when_the_grace_is_over_the_tokens_are_destroyed_and_the_reason_is_kept(
    after: timedelta, gone: bool, kestrel: Account, dana: User, alice: User
) -> None:
    connect([alice])
    set_to("enabled", False, at=kestrel, by=dana)
    fitting.apply_policy(kestrel, now=FOUNDED)

    assert fitting.let_go(kestrel, now=FOUNDED + after) == int(gone)

    connection = Connection.objects.get()
    assert (connection.state == State.DISCONNECTED) == gone
    assert (connection.refresh_token, connection.access_token) == (("", "") if gone else ("sealed", "sealed"))
    assert connection.reason == Obstacle.TURNED_OFF
    assert AuditEntry.objects.filter(action="calendar.grace_over").count() == int(gone)


def test_without_a_grace_the_tokens_are_destroyed_with_the_block(kestrel: Account, dana: User, alice: User) -> None:
    connect([alice])
    set_to("grace", 0, at=kestrel, by=dana)
    set_to("enabled", False, at=kestrel, by=dana)

    assert fitting.apply_policy(kestrel, now=FOUNDED) == 1

    connection, entry = Connection.objects.get(), AuditEntry.objects.latest("id")
    assert (connection.state, connection.reason) == (State.DISCONNECTED, Obstacle.TURNED_OFF)
    assert (connection.refresh_token, connection.access_token, connection.kept_until) == ("", "", None)
    assert (entry.action, entry.after, entry.about_id) == ("calendar.ended", {"reason": "turned_off"}, alice.pk)


def test_after_the_grace_allowing_it_again_connects_nobody(kestrel: Account, dana: User, alice: User) -> None:
    connect([alice])
    set_to("enabled", False, at=kestrel, by=dana)
    fitting.apply_policy(kestrel, now=FOUNDED)
    fitting.let_go(kestrel, now=FOUNDED + 7 * DAY)

    set_to("enabled", True, at=kestrel, by=dana)

    assert fitting.apply_policy(kestrel, now=FOUNDED + 7 * DAY) == 0
    assert state_of(alice) == State.DISCONNECTED


@pytest.mark.parametrize("later", [0, 1, 30])
def test_a_later_change_of_the_grace_breaks_no_promise(later: int, kestrel: Account, dana: User, alice: User) -> None:
    connect([alice])
    set_to("enabled", False, at=kestrel, by=dana)
    fitting.apply_policy(kestrel, now=FOUNDED)

    set_to("grace", later, at=kestrel, by=dana)
    fitting.apply_policy(kestrel, now=FOUNDED + DAY)

    assert Connection.objects.get().kept_until == FOUNDED + 7 * DAY
    assert fitting.let_go(kestrel, now=FOUNDED + 6 * DAY) == 0
    assert fitting.let_go(kestrel, now=FOUNDED + 7 * DAY) == 1


def test_a_page_that_looks_after_the_grace_destroys_the_tokens_itself(
    kestrel: Account, dana: User, alice: User
) -> None:
    connect([alice])
    set_to("enabled", False, at=kestrel, by=dana)
    fitting.apply_policy(kestrel, now=FOUNDED)

    found = opening.connection_of(alice, now=FOUNDED + 7 * DAY)

    assert found is not None
    assert (found.state, Connection.objects.get().refresh_token) == (State.DISCONNECTED, "")


def test_what_is_allowed_again_comes_back_before_a_late_worker_lets_it_go(
    kestrel: Account, dana: User, alice: User
) -> None:
    connect([alice], State.BLOCKED_BY_POLICY, kept_until=timezone.now() - DAY, reason="turned_off")

    tasks.apply_policy_to(account_id=kestrel.pk)

    assert state_of(alice) == State.CONNECTED


@pytest.mark.parametrize("state", [state for state in State if state != State.BLOCKED_BY_POLICY])
def test_the_end_of_the_grace_is_for_the_blocked_alone(state: State, kestrel: Account, alice: User) -> None:
    connect([alice], state, kept_until=FOUNDED)

    assert fitting.let_go(kestrel, now=FOUNDED + 100 * DAY) == 0
    assert state_of(alice) == state


def test_another_accounts_grace_is_its_own(kestrel: Account, mallory: User) -> None:
    connect([mallory], State.BLOCKED_BY_POLICY, kept_until=FOUNDED)

    assert fitting.let_go(kestrel, now=FOUNDED + DAY) == 0


# ── Many ────────────────────────────────────────────────────────────────────
def test_many_are_blocked_brought_back_and_let_go_in_batches_until_none_is_left(
    kestrel: Account, dana: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fitting, "BATCH", 20)
    connect(crowd(kestrel, 50))

    set_to("enabled", False, at=kestrel, by=dana)
    assert fitting.apply_policy(kestrel, now=FOUNDED) == 50
    set_to("enabled", True, at=kestrel, by=dana)
    assert fitting.apply_policy(kestrel, now=FOUNDED) == 50
    set_to("enabled", False, at=kestrel, by=dana)
    fitting.apply_policy(kestrel, now=FOUNDED)
    assert fitting.let_go(kestrel, now=FOUNDED + 7 * DAY) == 50

    counts = {action: AuditEntry.objects.filter(action=f"calendar.{action}").count() for action in COUNTED}
    assert counts == {"blocked": 100, "released": 50, "grace_over": 50}
    assert AuditEntry.objects.filter(action="calendar.blocked").values("about_id").distinct().count() == 50


COUNTED = ("blocked", "released", "grace_over")


@pytest.mark.parametrize("size", [5, 60])
def test_blocking_costs_the_same_at_any_size_of_a_batch(
    size: int, kestrel: Account, dana: User, django_assert_max_num_queries: Callable[..., Any]
) -> None:
    connect(crowd(kestrel, size))
    set_to("enabled", False, at=kestrel, by=dana)

    with django_assert_max_num_queries(14):
        assert fitting.apply_policy(kestrel, now=FOUNDED) == size


def test_what_changed_between_looking_and_writing_is_looked_at_again(
    kestrel: Account, dana: User, alice: User, bob: User
) -> None:
    """The person gave up the surplus, or disconnected, while a worker was at it."""
    first, second = connect([alice, bob], contacts_write=True)
    lock_contacts(kestrel, dana)
    holding = fitting.holding_in(kestrel)
    Connection.objects.filter(pk=first.pk).update(contacts_write=False)
    Connection.objects.filter(pk=second.pk).update(state=State.DISCONNECTED)

    assert fitting.apply_to(kestrel, [first.pk, second.pk], holding, now=FOUNDED) == 0
    assert (state_of(alice), state_of(bob)) == (State.CONNECTED, State.DISCONNECTED)


# ── How it hears of a change ────────────────────────────────────────────────
def test_a_change_of_ranks_or_memberships_nudges(kestrel: Account, monkeypatch: pytest.MonkeyPatch) -> None:
    from accounts.cascade.write import placed
    from accounts.models import Membership

    nudged: list[dict[str, Any]] = []
    monkeypatch.setattr(tasks.apply_policy_to, "apply_async", lambda **sent: nudged.append(sent["kwargs"]))

    placed.send(sender=Membership, account=kestrel)

    assert nudged == [{"account_id": kestrel.pk}]


# ── What was there before ───────────────────────────────────────────────────
def test_what_was_blocked_before_grace_was_a_setting_keeps_its_seven_days(alice: User, bob: User) -> None:
    connect([alice], State.BLOCKED_BY_POLICY)
    connect([bob])
    migration = import_module("integrations.migrations.0002_grace")

    migration.promise_seven_days(apps, SimpleNamespace(connection=database))

    kept = dict(Connection.objects.values_list("user__name", "kept_until"))
    assert kept == {"Alice": FOUNDED + 7 * DAY, "Bob": None}
