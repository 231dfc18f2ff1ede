"""From each person's own consent to the organization's and back: who is moved, who is asked, who is blocked, and that
nobody is without a calendar meanwhile."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from django.core import mail
from hypothesis import given
from hypothesis import strategies as st

from accounts import letters, reviewing, undoing
from accounts.cascade import declare
from accounts.cascade.changes import Choose
from accounts.cascade.declare import Level
from accounts.cascade.facts import Held
from accounts.cascade.impact import Consequence, impact
from accounts.models import Account, AssociatedDomain, AuditEntry, DomainState, Group, PendingChange, User
from integrations import fitting
from integrations.domains import DomainRule
from integrations.models import Connection, Move, State
from integrations.policy import Obstacle, Shape, excess, may_connect, still_fits
from integrations.preferences import Integrations, Method, ServicePolicy
from tests.cast import FOUNDED, crowd, joined
from tests.integrations.authorized import BY_ADMIN, TENANT, authorized, connected_by
from tests.integrations.tied import connect, set_to, state_of, take_back
from tests.integrations.wired import connected
from tests.simulated import Simulator

pytestmark = pytest.mark.django_db
SERVICES = declare.setting_of(Integrations, "services")
APP = Method.APPLICATION_PERMISSIONS
DAY = timedelta(days=1)
LOCKED, FREE = frozenset({"services"}), frozenset[str]()
BY_PEOPLE = ServicePolicy()
CARRIED = Shape(method=APP, domain="kestrel.example")
ready_or_not = st.builds(Shape, method=st.sampled_from(Method), may_move=st.booleans(), calendar_write=st.booleans())


def told(account: Account, policy: ServicePolicy, *, at: Account | Group, is_locked: bool = False) -> Consequence:
    level = Level.ACCOUNT if isinstance(at, Account) else Level.GROUP
    (found,) = impact(account, Choose(SERVICES.key, level, at.pk, SERVICES.to_json(policy), is_locked)).consequences
    return found


def whom(effects: Any) -> set[int]:
    return {effect.person for effect in effects}


def verified(account: Account, name: str) -> None:
    AssociatedDomain.objects.create(
        account=account, name=name, token=name, state=DomainState.VERIFIED, added_at=FOUNDED, verified_at=FOUNDED
    )


# ── The rule ────────────────────────────────────────────────────────────────
@pytest.mark.parametrize(
    ("policy", "shape", "unlocked", "locked"),
    [
        (BY_ADMIN, Shape(), None, Obstacle.SET_UP_BY_ADMIN),
        (BY_ADMIN, Shape(may_move=True), None, None),
        (BY_ADMIN, CARRIED, None, None),
        (BY_PEOPLE, CARRIED, None, Obstacle.SET_UP_BY_PEOPLE),
        (BY_PEOPLE, Shape(may_move=True), None, None),
        # What the organization gives is narrowed, never blocked.
        (replace(BY_ADMIN, calendar_write=False), replace(CARRIED, calendar_write=True), None, None),
        (replace(BY_ADMIN, contacts_write=False), Shape(may_move=True, contacts_write=True), None, None),
    ],
)
def test_what_a_change_of_the_method_leaves(
    policy: ServicePolicy, shape: Shape, unlocked: Obstacle | None, locked: Obstacle | None
) -> None:
    settings = Integrations(services=policy)

    assert still_fits(Held(settings, FREE), shape) == unlocked
    assert still_fits(Held(settings, LOCKED), shape) == locked


@given(ready_or_not, st.sampled_from([BY_ADMIN, BY_PEOPLE]), st.booleans(), st.booleans())
def test_whatever_stays_may_do_no_more_than_the_settings_give_it(
    shape: Shape, policy: ServicePolicy, is_locked: bool, may_write: bool
) -> None:
    held = Held(Integrations(services=replace(policy, calendar_write=may_write)), LOCKED if is_locked else FREE)

    stays = still_fits(held, shape) is None
    is_narrowed = Obstacle.CALENDAR_WRITE in excess(held, shape)

    if stays and (is_locked or shape.method == APP):
        assert (shape.calendar_write and not is_narrowed) <= may_write
    assert is_narrowed <= (shape.calendar_write and not may_write)


def test_nobody_starts_a_consent_where_the_organization_connects_people() -> None:
    assert may_connect(Integrations(services=BY_ADMIN), Shape()) is Obstacle.SET_UP_BY_ADMIN
    assert may_connect(Integrations(), CARRIED) is Obstacle.SET_UP_BY_PEOPLE


# ── To the organization's consent ───────────────────────────────────────────
def test_before_anything_is_authorized_the_sheet_counts_on_the_verified_domains(
    kestrel: Account, dana: User, alice: User, bob: User, gus: User
) -> None:
    verified(kestrel, "kestrel.example")
    stranger = joined(kestrel, name="Eve", email="eve@elsewhere.example")
    connect([alice])
    connect([gus], address="gus@elsewhere.example")

    found = told(kestrel, BY_ADMIN, at=kestrel, is_locked=True)

    assert whom(found.moves.effects) == {alice.pk}
    assert [(one.person, one.because) for one in found.ends] == [(gus.pk, "Set up by the admin")]
    assert whom(found.begins.effects) == {dana.pk, bob.pk}
    assert "as if an Office 365 admin had authorized it for kestrel.example" in found.begins.note
    assert stranger.pk not in whom(found.begins.effects)


def test_once_it_is_authorized_only_its_own_people_are_moved(
    kestrel: Account, dana: User, alice: User, bob: User, gus: User
) -> None:
    authorized(kestrel)
    connect([alice], tenant_id=TENANT, move=Move.READY)
    connect([bob], tenant_id=TENANT, move=Move.REFUSED)
    connect([gus])

    locked = told(kestrel, BY_ADMIN, at=kestrel, is_locked=True)
    unlocked = told(kestrel, BY_ADMIN, at=kestrel)

    assert (whom(locked.moves.effects), whom(locked.ends)) == ({alice.pk}, {bob.pk, gus.pk})
    assert (whom(unlocked.moves.effects), whom(unlocked.ends), unlocked.stays) == ({alice.pk}, set(), 2)
    assert whom(locked.begins.effects) == {dana.pk}
    assert "as if" not in locked.begins.note


def test_for_a_group_only_its_people_are_counted(kestrel: Account, sales: Group, alice: User, bob: User) -> None:
    authorized(kestrel)

    found = told(kestrel, BY_ADMIN, at=sales)

    assert whom(found.begins.effects) == {alice.pk}


def test_who_left_or_never_joined_is_not_looked_up(kestrel: Account, dana: User, alice: User, bob: User) -> None:
    authorized(kestrel)
    User.objects.filter(pk=alice.pk).update(is_active=False)
    User.objects.filter(pk=bob.pk).update(joined_at=None)

    assert whom(told(kestrel, BY_ADMIN, at=kestrel).begins.effects) == {dana.pk}


def test_what_is_being_moved_works_until_it_is(kestrel: Account, dana: User, alice: User) -> None:
    authorized(kestrel)
    connect([alice], tenant_id=TENANT, move=Move.READY, calendar_write=True, contacts_write=True)
    set_to("services", replace(BY_ADMIN, calendar_write=False), at=kestrel, by=dana, is_locked=True)

    fitting.apply_policy(kestrel, now=FOUNDED)

    kept = Connection.objects.get()
    assert (kept.state, kept.method, kept.refresh_token) == (State.CONNECTED, Method.OAUTH, "sealed")
    assert (kept.calendar_write, kept.contacts_write) == (False, True), "a locked ceiling holds at once"


def test_what_the_organization_cannot_carry_is_blocked_by_a_lock_alone(
    kestrel: Account, dana: User, alice: User
) -> None:
    connect([alice], tenant_id=TENANT, move=Move.REFUSED)
    set_to("services", BY_ADMIN, at=kestrel, by=dana)
    fitting.apply_policy(kestrel, now=FOUNDED)
    assert state_of(alice) == State.CONNECTED

    set_to("services", BY_ADMIN, at=kestrel, by=dana, is_locked=True)
    fitting.apply_policy(kestrel, now=FOUNDED)

    blocked = Connection.objects.get()
    assert (blocked.state, blocked.reason) == (State.BLOCKED_BY_POLICY, "set_up_by_admin")
    assert blocked.refresh_token == "sealed"


def test_what_was_blocked_comes_back_once_its_organization_has_consented(
    kestrel: Account, dana: User, alice: User
) -> None:
    connect([alice], tenant_id=TENANT)
    set_to("services", BY_ADMIN, at=kestrel, by=dana, is_locked=True)
    fitting.apply_policy(kestrel, now=FOUNDED)
    assert state_of(alice) == State.BLOCKED_BY_POLICY

    Connection.objects.update(move=Move.READY)
    fitting.apply_policy(kestrel, now=FOUNDED + DAY)

    assert state_of(alice) == State.CONNECTED


# ── Back to each person's own ───────────────────────────────────────────────
def test_without_a_lock_everybody_is_asked_and_nobody_is_cut_off(
    kestrel: Account, dana: User, alice: User, bob: User
) -> None:
    set_to("services", BY_ADMIN, at=kestrel, by=dana)
    connected_by(authorized(kestrel), [alice, bob])

    found = told(kestrel, BY_PEOPLE, at=kestrel)
    take_back("services", at=kestrel, by=dana)
    fitting.apply_policy(kestrel, now=FOUNDED)

    assert (found.ends, found.stays, whom(found.asks.effects)) == ((), 0, {alice.pk, bob.pk})
    assert {state_of(alice), state_of(bob)} == {State.CONNECTED}


def test_a_lock_blocks_at_once_as_the_sheet_said_and_the_letter_says_what_to_do(
    kestrel: Account, dana: User, alice: User
) -> None:
    set_to("services", BY_ADMIN, at=kestrel, by=dana)
    connected_by(authorized(kestrel), [alice])

    found = told(kestrel, BY_PEOPLE, at=kestrel, is_locked=True)
    set_to("services", BY_PEOPLE, at=kestrel, by=dana, is_locked=True)
    fitting.apply_policy(kestrel, now=FOUNDED)

    assert [(one.person, one.because) for one in found.ends] == [(alice.pk, "Set up by each person")]
    assert "can connect by signing in at Microsoft once" in found.note
    blocked = Connection.objects.get()
    assert (blocked.state, blocked.reason) == (State.BLOCKED_BY_POLICY, "set_up_by_people")
    letters.send_waiting(now=FOUNDED)
    assert "sign in at Microsoft once" in mail.outbox[-1].body
    assert "sealed access" not in mail.outbox[-1].body


def test_the_persons_own_consent_replaces_the_organizations_without_a_gap(
    kestrel: Account, dana: User, alice: User, microsoft: Simulator
) -> None:
    own = connected(alice, microsoft)
    link = authorized(kestrel, tenant_id=own.tenant_id)
    Connection.objects.update(method=APP.value, link=link, refresh_token="", access_token="", granted=link.roles)

    again = connected(alice, microsoft, calendar_write=True)

    assert again.pk == own.pk
    assert (again.method, again.link, again.state) == (Method.OAUTH.value, None, State.CONNECTED)
    assert again.refresh_token and again.calendar_write


# ── The switch, the domains, the ceilings ───────────────────────────────────
def test_turned_off_and_on_again_it_comes_back_without_anybody(kestrel: Account, dana: User, alice: User) -> None:
    set_to("services", BY_ADMIN, at=kestrel, by=dana)
    connected_by(authorized(kestrel), [alice])

    set_to("enabled", False, at=kestrel, by=dana)
    fitting.apply_policy(kestrel, now=FOUNDED)
    was = state_of(alice)
    set_to("enabled", True, at=kestrel, by=dana)
    fitting.apply_policy(kestrel, now=FOUNDED + DAY)

    back = Connection.objects.get()
    assert (was, back.state, back.refresh_due_at) == (State.BLOCKED_BY_POLICY, State.CONNECTED, None)


def test_a_list_of_domains_names_whose_mailbox_it_excludes_and_a_rename_is_found(
    kestrel: Account, dana: User, alice: User, bob: User
) -> None:
    set_to("services", BY_ADMIN, at=kestrel, by=dana)
    link = authorized(kestrel)
    connected_by(link, [alice])
    connected_by(link, [bob], address="bob@heron.example")
    rule, domains = DomainRule(is_on=True, domains=("kestrel.example",)), declare.setting_of(Integrations, "domains")

    (found,) = impact(kestrel, Choose(domains.key, Level.ACCOUNT, kestrel.pk, domains.to_json(rule))).consequences
    set_to("domains", rule, at=kestrel, by=dana)
    fitting.apply_policy(kestrel, now=FOUNDED)
    now_excluded = state_of(bob)
    Connection.objects.filter(user=alice).update(address="alice@heron.example")
    fitting.apply_policy(kestrel, now=FOUNDED)

    assert [(one.what, one.because) for one in found.ends] == [("bob@heron.example", "Domain heron.example")]
    assert found.stays == 1
    assert now_excluded == state_of(alice) == State.BLOCKED_BY_POLICY


def test_who_is_allowed_again_is_announced_as_about_to_be_looked_up(
    kestrel: Account, dana: User, alice: User, bob: User
) -> None:
    authorized(kestrel, domains=["kestrel.example", "heron.example"])
    joined(kestrel, name="Hera", email="hera@heron.example")
    set_to("services", BY_ADMIN, at=kestrel, by=dana)
    set_to("domains", DomainRule(is_on=True, domains=("heron.example",)), at=kestrel, by=dana)
    domains = declare.setting_of(Integrations, "domains")
    wider = DomainRule(is_on=True, domains=("heron.example", "kestrel.example"))

    (found,) = impact(kestrel, Choose(domains.key, Level.ACCOUNT, kestrel.pk, domains.to_json(wider))).consequences

    assert whom(found.begins.effects) == {dana.pk, alice.pk, bob.pk}


def test_a_lower_ceiling_narrows_what_the_organization_carries_locked_or_not(
    kestrel: Account, dana: User, alice: User
) -> None:
    set_to("services", replace(BY_ADMIN, calendar_write=False), at=kestrel, by=dana)
    connected_by(authorized(kestrel), [alice], calendar_write=True)

    fitting.as_allowed(Connection.objects.get(), now=FOUNDED)

    one = Connection.objects.get()
    assert (one.state, one.calendar_write) == (State.CONNECTED, False)


# ── What it costs ───────────────────────────────────────────────────────────
@pytest.mark.parametrize("size", [5, 300])
def test_foreseeing_costs_the_same_queries_for_few_and_for_many(
    size: int, kestrel: Account, dana: User, django_assert_max_num_queries: Callable[..., Any]
) -> None:
    link = authorized(kestrel, domains=["crowd.example"])
    people = crowd(kestrel, 2 * size)
    connected_by(link, people[:size])

    with django_assert_max_num_queries(6):
        found = told(kestrel, BY_ADMIN, at=kestrel)

    assert len(found.begins.effects) == size


def test_an_older_entry_that_knows_nothing_of_contacts_can_still_be_undone(kestrel: Account, dana: User) -> None:
    known = SERVICES.to_json(BY_PEOPLE)
    older = {name: value for name, value in known.items() if name != "organization_contacts"}
    set_to("services", BY_ADMIN, at=kestrel, by=dana)
    set_to("services", BY_PEOPLE, at=kestrel, by=dana)
    entry = AuditEntry.objects.latest("pk")
    entry.before = {"value": {**older, "calendar_write": False}, "locked": False}
    entry.after = {"value": older, "locked": False}

    undone = undoing.undo(entry, by=dana, back="/", now=FOUNDED)

    assert isinstance(undone, PendingChange)
    assert reviewing.reviewed(undone).found.changed
