"""Deciding: refused where it must be, and never without its entry in the audit log."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import pytest
from django.db import IntegrityError, transaction
from django.db.models import Model
from django.db.models.signals import pre_save

from accounts import audit
from accounts.cascade import declare
from accounts.cascade.declare import BadValue, Setting
from accounts.cascade.read import effective
from accounts.cascade.write import NotAtThisLevel, SettingLocked, choose, decided, inherit
from accounts.models import Account, AuditEntry, Group, Membership, Role, SettingDecision, User
from integrations.preferences import Integrations, ServicePolicy
from tests.cast import FOUNDED

pytestmark = pytest.mark.django_db

LATER = FOUNDED + timedelta(days=1)
ENABLED: Setting = declare.setting_of(Integrations, "enabled")
SERVICES: Setting = declare.setting_of(Integrations, "services")


class Broken(Exception):
    pass


@contextmanager
def saving_fails(model: type[Model]) -> Iterator[None]:
    """As when the disk is full at that moment."""

    def fail(**_: object) -> None:
        raise Broken

    pre_save.connect(fail, sender=model)
    try:
        yield
    finally:
        pre_save.disconnect(fail, sender=model)


def locked(at: dict[str, Any], value: bool = False) -> SettingDecision:
    row: SettingDecision = SettingDecision.objects.create(
        **at, key=ENABLED.key, value=value, is_locked=True, decided_at=FOUNDED
    )
    return row


def test_a_choice_is_stored_with_who_and_when_and_in_the_audit_log(kestrel: Account, dana: User) -> None:
    choose(ENABLED, False, at=kestrel, actor=dana, now=LATER)

    row = SettingDecision.objects.get()
    entry = AuditEntry.objects.get()
    assert (row.account, row.key, row.value, row.is_locked) == (kestrel, ENABLED.key, False, False)
    assert (row.decided_by, row.decided_at) == (dana, LATER)
    assert (entry.actor, entry.at, entry.account) == (dana, LATER, kestrel)
    assert entry.before == {"setting": ENABLED.key}
    assert entry.after == {"setting": ENABLED.key, "value": False, "locked": False}
    assert audit.sentence(entry) == f"Dana changed “{ENABLED.label}” for Kestrel & Co."


def test_changing_a_choice_keeps_its_lock_and_tells_the_value_before(kestrel: Account, dana: User) -> None:
    locked({"account": kestrel}, value=True)

    choose(ENABLED, False, at=kestrel, actor=dana, now=LATER)

    row, entry = SettingDecision.objects.get(), AuditEntry.objects.get()
    assert (row.value, row.is_locked) == (False, True)
    assert entry.before == {"setting": ENABLED.key, "value": True, "locked": True}


def test_without_its_audit_entry_nothing_is_decided(kestrel: Account, dana: User) -> None:
    with saving_fails(AuditEntry), pytest.raises(Broken):
        choose(ENABLED, False, at=kestrel, actor=dana, now=LATER)

    assert not SettingDecision.objects.exists()


def test_without_the_decision_nothing_is_in_the_audit_log(kestrel: Account, dana: User) -> None:
    with saving_fails(SettingDecision), pytest.raises(Broken):
        choose(ENABLED, False, at=kestrel, actor=dana, now=LATER)

    assert not AuditEntry.objects.exists()


def test_taking_a_decision_back_fails_with_its_audit_entry(kestrel: Account, dana: User) -> None:
    choose(ENABLED, False, at=kestrel, actor=dana, now=LATER)

    with saving_fails(AuditEntry), pytest.raises(Broken):
        inherit(ENABLED, at=kestrel, actor=dana, now=LATER)

    assert SettingDecision.objects.get().value is False


@pytest.mark.parametrize("who", ["kestrel", "sales", "alice"])
def test_a_choice_equal_to_the_inherited_value_is_a_decision(
    who: str, dana: User, request: pytest.FixtureRequest
) -> None:
    at = request.getfixturevalue(who)

    choose(ENABLED, ENABLED.default, at=at, actor=dana, now=LATER)

    assert SettingDecision.objects.get().value is ENABLED.default
    assert AuditEntry.objects.count() == 1


def test_a_decision_equal_to_the_one_above_outlives_its_change(kestrel: Account, alice: User, dana: User) -> None:
    choose(ENABLED, True, at=kestrel, actor=dana, now=LATER)
    choose(ENABLED, True, at=alice, actor=alice, now=LATER)

    choose(ENABLED, False, at=kestrel, actor=dana, now=LATER)

    assert effective(Integrations, alice).enabled is True


def test_choosing_the_same_again_changes_nothing_and_is_not_logged(kestrel: Account, dana: User, gus: User) -> None:
    User.objects.filter(pk=gus.pk).update(role=Role.ADMIN)
    choose(ENABLED, False, at=kestrel, actor=dana, now=FOUNDED)

    choose(ENABLED, False, at=kestrel, actor=gus, now=LATER)

    assert SettingDecision.objects.get().decided_by == dana
    assert AuditEntry.objects.count() == 1


def test_inherit_deletes_the_decision_and_logs_what_it_was(kestrel: Account, dana: User) -> None:
    choose(ENABLED, False, at=kestrel, actor=dana, now=FOUNDED)

    inherit(ENABLED, at=kestrel, actor=dana, now=LATER)

    entry = AuditEntry.objects.latest("id")
    assert not SettingDecision.objects.exists()
    assert entry.before == {"setting": ENABLED.key, "value": False, "locked": False}
    assert entry.after == {"setting": ENABLED.key}


def test_inherit_without_a_decision_does_nothing(kestrel: Account, dana: User) -> None:
    inherit(ENABLED, at=kestrel, actor=dana, now=LATER)

    assert not AuditEntry.objects.exists()


@pytest.mark.parametrize("below", ["sales", "alice", "bob"])
@pytest.mark.parametrize("change", [choose, inherit])
def test_under_a_lock_of_the_account_nobody_decides(
    below: str, change: Callable[..., None], kestrel: Account, dana: User, request: pytest.FixtureRequest
) -> None:
    at = request.getfixturevalue(below)
    lock = locked({"account": kestrel})
    value = (True,) if change is choose else ()

    with pytest.raises(SettingLocked) as refused:
        change(ENABLED, *value, at=at, actor=dana, now=LATER)

    by = refused.value.by
    assert (by.level, by.place_id, by.value, by.is_locked) == ("account", kestrel.pk, lock.value, True)
    assert SettingDecision.objects.count() == 1
    assert not AuditEntry.objects.exists()


def test_the_account_itself_is_not_bound_by_its_own_lock(kestrel: Account, dana: User) -> None:
    locked({"account": kestrel})

    choose(ENABLED, True, at=kestrel, actor=dana, now=LATER)

    assert SettingDecision.objects.get().value is True


def test_a_lock_of_the_group_that_speaks_binds_its_members_alone(sales: Group, alice: User, bob: User) -> None:
    locked({"group": sales})

    choose(ENABLED, False, at=bob, actor=bob, now=LATER)
    with pytest.raises(SettingLocked):
        choose(ENABLED, False, at=alice, actor=alice, now=LATER)

    assert list(SettingDecision.objects.exclude(user=None).values_list("user__name", flat=True)) == ["Bob"]


def test_a_lock_in_a_lower_ranked_group_binds_nobody(kestrel: Account, sales: Group, alice: User) -> None:
    lower = Group.objects.create(account=kestrel, name="Lower", rank=sales.rank + 1, created_at=FOUNDED)
    Membership.objects.create(group=lower, user=alice)
    locked({"group": lower})
    SettingDecision.objects.create(group=sales, key=ENABLED.key, value=True, decided_at=FOUNDED)

    choose(ENABLED, False, at=alice, actor=alice, now=LATER)

    assert effective(Integrations, alice).enabled is False


def test_a_lock_of_another_account_binds_nobody_here(corvid: Account, alice: User) -> None:
    locked({"account": corvid})

    choose(ENABLED, False, at=alice, actor=alice, now=LATER)

    assert effective(Integrations, alice).enabled is False


def test_a_lock_makes_decisions_below_dormant_and_unlocking_wakes_them(kestrel: Account, alice: User) -> None:
    choose(ENABLED, False, at=alice, actor=alice, now=FOUNDED)
    lock = locked({"account": kestrel}, value=True)

    under_lock = effective(Integrations, alice).enabled
    SettingDecision.objects.filter(pk=lock.pk).update(is_locked=False)

    assert under_lock is True
    assert effective(Integrations, alice).enabled is False


def test_a_level_the_declaration_does_not_name_is_refused(alice: User) -> None:
    with pytest.raises(NotAtThisLevel):
        choose(SERVICES, ServicePolicy(), at=alice, actor=alice, now=LATER)

    assert not SettingDecision.objects.exists()


@pytest.mark.parametrize("value", [1, "on", None, ServicePolicy()])
def test_a_value_of_another_type_is_refused(value: Any, kestrel: Account, dana: User) -> None:
    with pytest.raises(BadValue):
        choose(ENABLED, value, at=kestrel, actor=dana, now=LATER)

    assert not SettingDecision.objects.exists()
    assert not AuditEntry.objects.exists()


def test_the_database_refuses_a_lock_of_a_person(alice: User) -> None:
    with pytest.raises(IntegrityError, match="users_cannot_lock"), transaction.atomic():
        locked({"user": alice})


def test_the_database_refuses_a_second_decision_at_one_level(kestrel: Account) -> None:
    locked({"account": kestrel})

    with pytest.raises(IntegrityError), transaction.atomic():
        locked({"account": kestrel})


@pytest.mark.parametrize("levels", [[], ["account", "group"], ["group", "user"], ["account", "group", "user"]])
def test_the_database_wants_exactly_one_level(levels: list[str], kestrel: Account, sales: Group, alice: User) -> None:
    places = {"account": kestrel, "group": sales, "user": alice}

    with pytest.raises(IntegrityError, match="a_decision_has_exactly_one_level"), transaction.atomic():
        SettingDecision.objects.create(
            **{level: places[level] for level in levels}, key=ENABLED.key, value=True, decided_at=FOUNDED
        )


def test_a_composite_is_stored_canonical(kestrel: Account, dana: User) -> None:
    choose(SERVICES, ServicePolicy(contacts_write=False), at=kestrel, actor=dana, now=LATER)

    assert SettingDecision.objects.get().value == {
        "authorize_with": "graph",
        "calendar_write": True,
        "contacts_write": False,
        "default_service": "office_365",
        "ews_url": "",
        "organization_contacts": False,
        "who_can_set_up": "oauth",
    }
    assert effective(Integrations, dana).services == ServicePolicy(contacts_write=False)


def test_others_hear_of_a_change_only_once_it_is_committed(
    kestrel: Account, dana: User, django_capture_on_commit_callbacks: Callable[..., Any]
) -> None:
    heard: list[tuple[Account, str]] = []

    def hear(*, account: Account, key: str, **_: object) -> None:
        heard.append((account, key))

    decided.connect(hear, sender=SettingDecision)
    try:
        with django_capture_on_commit_callbacks() as callbacks:
            choose(ENABLED, False, at=kestrel, actor=dana, now=LATER)
        assert heard == []
        for callback in callbacks:
            callback()
    finally:
        decided.disconnect(hear, sender=SettingDecision)

    assert heard == [(kestrel, ENABLED.key)]
