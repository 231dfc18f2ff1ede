from __future__ import annotations

from typing import Any

import pytest
from django.core.management import call_command
from pytest_django import Settings

from accounts import groups
from accounts.cascade import read
from accounts.cascade.declare import to_json
from accounts.models import Account, AuditEntry, Group, Membership, SettingDecision, User
from config.management.commands.seed_demo import KESTREL
from integrations.preferences import Integrations, ServicePolicy


@pytest.fixture
def kestrel(db: None, settings: Settings) -> Account:
    # A slow hash for each of the cast says nothing here.
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
    call_command("seed_demo", verbosity=0)
    return Account.objects.get(name="Kestrel & Co")


def _held(name: str) -> Any:
    return read.held(Integrations, User.objects.get(name=name))


def test_the_story_starts_with_the_integration_off_for_those_who_tell_it(kestrel: Account) -> None:
    assert read.of_account(Integrations, kestrel).enabled is False
    for name in ("Dana", "Gus", "Alice", "Bob"):
        assert _held(name).values == Integrations(enabled=False)
        assert _held(name).locked == frozenset()


def test_the_groups_are_ranked_and_overlap(kestrel: Account) -> None:
    ranked: Any = groups.ranked(Group.objects.filter(account=kestrel))

    assert [(group.name, group.position) for group in ranked] == [("Engineering", 1), ("Sales", 2)]
    members = {
        group.name: set(group.people.values_list("name", flat=True)) for group in Group.objects.filter(account=kestrel)
    }
    assert members["Engineering"] & members["Sales"] == {"Wilhelmina-Anastasia von Hohenlohe-Langenburg"}
    assert {"Gus", "Alice"} < members["Sales"]
    assert not Membership.objects.filter(user__name="Bob").exists()
    admins = Membership.objects.filter(is_admin=True).values_list("user__name", "group__name")
    assert set(admins) == {("Gus", "Sales"), ("Nora", "Engineering")}


def test_there_is_a_lock_a_choice_that_sleeps_under_it_and_overrides(kestrel: Account) -> None:
    both, nora = _held("Wilhelmina-Anastasia von Hohenlohe-Langenburg"), _held("Nora")

    for holding in (both, nora):
        assert (holding.values.enabled, holding.locked) == (True, {"enabled"})
        assert holding.values.domains.domains == ("kestrel.example", "kestrelandco.example")
    assert SettingDecision.objects.get(user__name="Nora").value is False
    assert SettingDecision.objects.get(group__name="Sales").value == to_json(ServicePolicy())


def test_everybody_in_a_group_has_a_primary_one(kestrel: Account) -> None:
    primary = Membership.objects.filter(is_primary=True, user__account=kestrel)

    assert primary.count() == Membership.objects.values("user").distinct().count()


def test_run_again_it_leaves_things_as_people_left_them(kestrel: Account) -> None:
    groups.delete(Group.objects.get(name="Sales"), actor=None, now=kestrel.created_at)
    before = (User.objects.count(), Group.objects.count(), AuditEntry.objects.count())

    call_command("seed_demo", verbosity=0)

    assert (User.objects.count(), Group.objects.count(), AuditEntry.objects.count()) == before
    assert User.objects.filter(account=kestrel).count() == len(KESTREL.cast)
