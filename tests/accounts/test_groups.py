from __future__ import annotations

import threading
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection

from accounts import groups
from accounts.cascade import write
from accounts.models import AuditEntry, Group, SettingDecision, User
from tests.cast import FOUNDED, Cast

NOW = FOUNDED + timedelta(days=30)


def _last_entry() -> AuditEntry:
    return AuditEntry.objects.latest("pk")


# ── Rank and name ───────────────────────────────────────────────────────────
def test_a_new_group_is_ranked_last_with_room_before_it(cast: Cast) -> None:
    first = groups.create(account=cast.kestrel, name="Engineering", actor=cast.dana, now=NOW)
    second = groups.create(account=cast.kestrel, name="Support", actor=cast.dana, now=NOW)

    ranked: Any = groups.ranked(Group.objects.filter(account=cast.kestrel))
    assert [(group.name, group.position) for group in ranked] == [("Sales", 1), ("Engineering", 2), ("Support", 3)]
    assert second.rank - first.rank > 1
    assert (_last_entry().action, _last_entry().target_name) == ("group.created", "Support")


def test_the_position_counts_all_groups_of_the_account_even_when_few_are_shown(cast: Cast) -> None:
    groups.create(account=cast.kestrel, name="Engineering", actor=cast.dana, now=NOW)
    groups.create(account=cast.corvid, name="Rooks", actor=cast.mallory, now=NOW)

    shown: Any = groups.ranked(Group.objects.filter(name__in=["Engineering", "Rooks"]).order_by("name"))

    assert {group.name: group.position for group in shown} == {"Engineering": 2, "Rooks": 1}


@pytest.mark.parametrize("name", ["Sales", "SALES"])
def test_a_name_exists_once_within_an_account(cast: Cast, name: str) -> None:
    with pytest.raises(groups.NameTaken):
        groups.create(account=cast.kestrel, name=name, actor=cast.dana, now=NOW)

    assert Group.objects.count() == 1
    assert not AuditEntry.objects.exists()
    assert groups.create(account=cast.corvid, name=name, actor=cast.mallory, now=NOW).account == cast.corvid


def test_renaming_records_both_names(cast: Cast) -> None:
    groups.rename(cast.sales, name="SALES", actor=cast.dana, now=NOW)

    entry = AuditEntry.objects.get()
    assert (entry.action, entry.before, entry.after) == ("group.renamed", {"name": "Sales"}, {"name": "SALES"})


def test_renaming_to_a_taken_name_changes_nothing(cast: Cast) -> None:
    other = groups.create(account=cast.kestrel, name="Engineering", actor=cast.dana, now=NOW)

    with pytest.raises(groups.NameTaken):
        groups.rename(other, name="sales", actor=cast.dana, now=NOW)

    assert Group.objects.get(pk=other.pk).name == "Engineering"
    assert _last_entry().action == "group.created"


@pytest.mark.django_db(transaction=True)
def test_groups_created_at_the_same_moment_get_different_ranks(cast: Cast) -> None:
    start = threading.Barrier(4)
    failures: list[BaseException] = []

    def create(name: str) -> None:
        start.wait(10)
        try:
            groups.create(account=cast.kestrel, name=name, actor=cast.dana, now=NOW)
        except Exception as failure:  # noqa: BLE001  whatever it was, the test fails by it
            failures.append(failure)
        finally:
            connection.close()

    threads = [threading.Thread(target=create, args=(f"G{number}",)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)

    assert failures == []
    assert len(set(Group.objects.filter(account=cast.kestrel).values_list("rank", flat=True))) == 5


def test_deleting_takes_its_decisions_along_and_leaves_the_people(cast: Cast) -> None:
    SettingDecision.objects.create(group=cast.sales, key="k", value=True, decided_at=NOW)

    left = groups.delete(cast.sales, actor=cast.dana, now=NOW, reason="Merged", affected=2)

    assert left == 2
    assert not Group.objects.exists()
    assert not SettingDecision.objects.exists()
    assert User.objects.filter(account=cast.kestrel).count() == 5
    entry = AuditEntry.objects.get()
    assert (entry.action, entry.target_name) == ("group.deleted", "Sales")
    assert entry.before == {"people": 2, "position": 1, "decisions": 1}
    assert (entry.reason, entry.affected) == ("Merged", 2)


@pytest.mark.django_db(transaction=True)
def test_who_acts_on_settings_is_told_when_a_group_is_gone_and_not_when_it_is_new_or_renamed(cast: Cast) -> None:
    told: list[object] = []

    def note(**said: object) -> None:
        told.append(said["account"])

    write.placed.connect(note)
    try:
        made = groups.create(account=cast.kestrel, name="Engineering", actor=cast.dana, now=NOW)
        groups.rename(made, name="R&D", actor=cast.dana, now=NOW)
        before = list(told)
        groups.delete(made, actor=cast.dana, now=NOW)
    finally:
        write.placed.disconnect(note)

    assert (before, told) == ([], [cast.kestrel])
