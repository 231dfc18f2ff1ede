"""The log itself: what is written, that it stays, and how it is said in words."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.core.management import call_command
from django.db import DatabaseError, connection, models, transaction
from django.test.utils import CaptureQueriesContext
from hypothesis import given
from hypothesis import strategies as st

from accounts import audit, groups, people
from accounts.audit import Change, Subject, changes
from accounts.models import AppendOnly, AuditEntry
from accounts.models.audit import MASKED, MASKED_PERSON
from tests.cast import FOUNDED, Cast, crowd

NOW = FOUNDED + timedelta(days=30)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=9),
    lambda children: st.lists(children, max_size=3) | st.dictionaries(st.text(max_size=9), children, max_size=3),
    max_leaves=9,
)


def _entry(cast: Cast, **more: Any) -> AuditEntry:
    more = {"account": cast.kestrel, "actor": cast.dana, "on": cast.bob, "now": NOW, **more}
    return audit.record(people.DEACTIVATED, **more)


# ── What is written ─────────────────────────────────────────────────────────
def test_what_is_done_to_a_person_is_about_the_person(cast: Cast) -> None:
    entry = _entry(cast)

    assert (entry.level, entry.about_id, entry.actor_name, entry.target_name) == ("user", cast.bob.pk, "Dana", "Bob")


def test_what_is_done_to_a_group_may_be_about_a_person(cast: Cast) -> None:
    alone = _entry(cast, on=cast.sales)
    about = _entry(cast, on=cast.sales, about=cast.bob)

    assert (alone.level, alone.about_id) == ("group", None)
    assert (about.level, about.about_id) == ("group", cast.bob.pk)


def test_the_level_and_the_setting_follow_from_what_was_changed(cast: Cast) -> None:
    entry = _entry(cast, on=cast.kestrel, before={"setting": "a.key"}, after={"setting": "a.key", "value": True})

    assert (entry.level, entry.setting_key) == ("account", "a.key")


def test_reason_affected_level_and_setting_are_kept_as_given(cast: Cast) -> None:
    _entry(cast, level="group", setting_key="b.key", reason="We moved.", affected=1284)

    entry = AuditEntry.objects.get()
    assert (entry.level, entry.setting_key, entry.reason, entry.affected) == ("group", "b.key", "We moved.", 1284)


def test_without_an_actor_the_system_did_it(cast: Cast) -> None:
    entry = _entry(cast, actor=None)

    assert (entry.actor, entry.actor_name) == (None, audit.SYSTEM)


def test_an_action_nobody_declared_is_refused(cast: Cast) -> None:
    with pytest.raises(KeyError):
        audit.record("person.abducted", account=cast.kestrel, actor=None, on=cast.bob, now=NOW)


def test_many_entries_are_the_same_as_one_after_another(cast: Cast) -> None:
    subject = Subject(cast.sales, after={"person": "Bob"}, about=cast.bob.pk)
    given: dict[str, Any] = {
        "account": cast.kestrel,
        "actor": cast.dana,
        "now": NOW,
        "reason": "A new year.",
        "affected": 3,
    }
    audit.record(groups.membership.ADDED, on=subject.on, after=subject.after, about=subject.about, **given)

    number = audit.record_many(groups.membership.ADDED, [subject], **given)

    one, other = AuditEntry.objects.values().order_by("pk")
    assert number == 1
    assert {**one, "id": 0} == {**other, "id": 0}


def test_many_entries_cost_a_query_for_five_hundred(cast: Cast) -> None:
    subjects = [Subject(person) for person in crowd(cast.kestrel, 1001)]

    with CaptureQueriesContext(connection) as captured:
        number = audit.record_many(people.DEACTIVATED, iter(subjects), account=cast.kestrel, actor=cast.dana, now=NOW)

    inserts = [query for query in captured if query["sql"].startswith("INSERT")]
    assert number == AuditEntry.objects.count() == 1001
    # SQLite takes fewer parameters at once.
    assert len(inserts) == 3 if connection.vendor == "postgresql" else len(inserts) < 30


@pytest.mark.django_db
@pytest.mark.parametrize(
    "change",
    [
        lambda cast: people.invite(
            account=cast.kestrel, email="n@k.example", name="", role="member", actor=cast.alice, now=NOW
        ),
        lambda cast: people.change_role(cast.bob, role="admin", actor=cast.alice, now=NOW),
        lambda cast: people.deactivate(cast.bob, actor=cast.gus, now=NOW),
        lambda cast: groups.create(account=cast.kestrel, name="New", actor=cast.gus, now=NOW),
        lambda cast: groups.delete(cast.sales, actor=cast.gus, now=NOW),
        lambda cast: groups.add_members(cast.sales, [cast.bob.pk], actor=cast.alice, now=NOW),
        lambda cast: people.change_role(cast.bob, role="admin", actor=cast.mallory, now=NOW),
    ],
)
def test_a_refused_change_leaves_no_entry(change: Callable[[Cast], object], cast: Cast) -> None:
    with pytest.raises(people.NotAllowed):
        change(cast)

    assert not AuditEntry.objects.exists()


# ── Append-only ─────────────────────────────────────────────────────────────
def test_an_entry_cannot_be_saved_again_or_deleted(cast: Cast) -> None:
    entry = _entry(cast)

    for attempt in (entry.save, entry.delete, AuditEntry.objects.all().delete):
        with pytest.raises(AppendOnly):
            attempt()
    with pytest.raises(AppendOnly):
        AuditEntry.objects.update(actor_name="Nobody")

    assert AuditEntry.objects.get().actor_name == "Dana"


OTHER_VALUES: dict[str, Any] = {
    "at": NOW + timedelta(seconds=1),
    "affected": 4,
    "about_id": 40_404,
    "before": {"role": "owner"},
    "after": None,
    "masked_at": None,
}


@pytest.mark.parametrize("field", [field.attname for field in AuditEntry._meta.concrete_fields])
def test_the_database_refuses_to_change_any_field(field: str, cast: Cast) -> None:
    """Even where the change calls itself a masking."""
    entry = _entry(cast, before={"role": "member"}, after={"role": "admin"}, affected=3, reason="Because.")
    stored = AuditEntry.objects.values().get()
    ids = {"id": entry.pk + 1, "account_id": cast.corvid.pk, "actor_id": cast.bob.pk}
    other = {"masked_at": NOW, field: {**OTHER_VALUES, **ids}.get(field, "other")}

    with pytest.raises(DatabaseError, match="append-only"), transaction.atomic():
        models.QuerySet.update(AuditEntry.objects.all(), **other)

    assert AuditEntry.objects.values().get() == stored


@pytest.mark.parametrize(
    "change",
    [
        {"actor_name": MASKED_PERSON},  # without saying when
        {"actor_name": MASKED_PERSON, "masked_at": None},
        {"masked_at": NOW, "actor_name": "Nobody"},
        {"masked_at": NOW, "target_name": "Nobody"},
        {"masked_at": NOW, "before": None},
        {"masked_at": NOW, "after": {"email": "b@k.example"}},  # it had none
        {"masked_at": NOW, "before": {"email": "other@k.example", "people": 3, "groups": ["Sales"]}},
        {"masked_at": NOW, "before": {"email": MASKED, "people": 4, "groups": ["Sales"]}},
        {"masked_at": NOW, "before": {"email": MASKED, "people": 3, "groups": []}},
        {"masked_at": NOW, "before": {"email": MASKED, "people": 3}},
        {"masked_at": NOW, "before": {"email": MASKED, "people": 3, "groups": ["Sales"], "more": MASKED}},
        {"masked_at": NOW, "before": MASKED},
        {"masked_at": NOW, "before": [MASKED]},
    ],
)
def test_the_database_refuses_whatever_is_not_quite_a_masking(change: dict[str, Any], cast: Cast) -> None:
    _entry(cast, before={"email": "b@k.example", "people": 3, "groups": ["Sales"]})
    stored = AuditEntry.objects.values().get()

    with pytest.raises(DatabaseError, match="append-only"), transaction.atomic():
        models.QuerySet.update(AuditEntry.objects.all(), **change)

    assert AuditEntry.objects.values().get() == stored


def test_the_database_lets_a_name_be_masked_and_never_lifts_the_mask(cast: Cast) -> None:
    stored = {"email": "b@k.example", "people": 3}
    _entry(cast, before=stored, after=["a list stays"])

    AuditEntry.objects.all().mask(now=NOW, target_name=MASKED_PERSON, before={**stored, "email": MASKED})
    AuditEntry.objects.all().mask(now=NOW + timedelta(days=1), actor_name=MASKED_PERSON)

    masked = AuditEntry.objects.values().get()
    assert (masked["actor_name"], masked["target_name"]) == (MASKED_PERSON, MASKED_PERSON)
    assert (masked["before"], masked["after"]) == ({"email": MASKED, "people": 3}, ["a list stays"])
    for back in ({"actor_name": "Dana"}, {"target_name": "Bob"}, {"before": stored}):
        with pytest.raises(DatabaseError, match="append-only"), transaction.atomic():
            AuditEntry.objects.all().mask(now=NOW, **back)
    assert AuditEntry.objects.values().get() == masked


def test_of_the_databases_postgresql_also_refuses_to_delete_an_entry(cast: Cast) -> None:
    """SQLite cannot tell one deletion from the emptying of the database: see the migration."""
    _entry(cast)

    try:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("DELETE FROM accounts_auditentry")
        is_refused = False
    except DatabaseError as refusal:
        is_refused = "append-only" in str(refusal)

    assert is_refused == (connection.vendor == "postgresql")
    assert AuditEntry.objects.exists() == is_refused


@pytest.mark.django_db(transaction=True)
def test_the_database_can_still_be_emptied_as_a_whole(cast: Cast) -> None:
    _entry(cast)

    call_command("flush", interactive=False, verbosity=0)

    assert not AuditEntry.objects.exists()


def test_entries_outlive_what_they_speak_of(cast: Cast) -> None:
    group = groups.create(account=cast.kestrel, name="Engineering", actor=cast.dana, now=NOW)
    groups.delete(group, actor=cast.dana, now=NOW)

    sentences = [audit.sentence(entry) for entry in AuditEntry.objects.order_by("pk")]

    assert sentences == ["Dana created the group Engineering.", "Dana deleted the group Engineering."]


# ── In words ────────────────────────────────────────────────────────────────
def test_a_sentence_names_whom_it_is_about(cast: Cast) -> None:
    groups.add_members(cast.sales, [cast.bob.pk], actor=cast.gus, now=NOW)

    assert audit.sentence(AuditEntry.objects.get()) == "Gus added Bob to Sales."


def test_a_sentence_without_what_it_should_name_is_still_one(cast: Cast) -> None:
    entry = audit.record(groups.membership.ADDED, account=cast.kestrel, actor=cast.dana, on=cast.sales, now=NOW)

    assert audit.sentence(entry) == "Dana added somebody to Sales."


def test_a_sentence_is_filled_once_whatever_it_is_filled_with(cast: Cast) -> None:
    cast.bob.name = "{actor} {setting}"

    assert audit.sentence(_entry(cast)) == "Dana deactivated {actor} {setting}."


def test_a_sentence_begins_with_a_capital_whoever_is_masked(cast: Cast) -> None:
    entry = _entry(cast)
    entry.actor_name = MASKED_PERSON

    assert audit.sentence(entry) == "A deleted person deactivated Bob."


def test_an_action_that_is_no_longer_declared_is_shown_by_its_name(cast: Cast) -> None:
    entry = _entry(cast)
    entry.action = "person.abducted"

    assert audit.sentence(entry) == "Dana: person.abducted, Bob"


@pytest.mark.parametrize(
    ("before", "after", "words"),
    [
        (None, None, ()),
        ({"role": "member"}, {"role": "owner"}, (Change("Role", "Member", "Owner"),)),
        ({"role": "gone"}, {"role": None}, (Change("Role", "gone", "nothing"),)),
        (
            {"name": "A", "time_zone": "UTC"},
            {"name": "A", "time_zone": "Asia/Tokyo"},
            (Change("Time zone", "UTC", "Asia/Tokyo"),),
        ),
        (
            None,
            {"email": "a@b.example", "groups": []},
            (Change("E-mail", None, "a@b.example"), Change("Groups", None, "nothing")),
        ),
        ({"person": "Bob"}, None, (Change("Person", "Bob", None),)),
        ({"email": MASKED}, {"email": MASKED}, ()),
        ({"on": True}, {"on": False}, (Change("On", "On", "Off"),)),
        ("plain", "other", (Change("Value", "plain", "other"),)),
        (
            {"setting": "gone.setting", "value": True, "locked": False},
            {"setting": "gone.setting", "value": True, "locked": True},
            (Change("Lock", "Off", "On"),),
        ),
        (
            None,
            {"setting": "gone.setting", "value": False, "locked": False},
            (Change("gone.setting", "inherited", "Off"),),
        ),
    ],
)
def test_what_changed_is_said_in_words(before: object, after: object, words: tuple[Change, ...]) -> None:
    assert changes(before, after, action=people.ROLE_CHANGED) == words


@given(before=JSON, after=JSON)
def test_anything_that_was_stored_can_be_shown(before: object, after: object) -> None:
    for action in ("", *audit.actions()):
        shown: tuple[Change, ...] = changes(before, after, action=action)

        assert all(change.before is not None or change.after is not None for change in shown)


@given(before=JSON, after=JSON)
def test_a_sentence_can_be_made_of_anything_that_was_stored(before: object, after: object) -> None:
    for action in audit.actions():
        entry = AuditEntry(action=action, actor_name="Dana", target_name="Sales", before=before, after=after)

        assert audit.sentence(entry).strip()


def test_what_is_stored_is_what_was_given(cast: Cast) -> None:
    side = {"name": "Ænne", "people": 3, "list": [1, {"a": None}], "on": False}

    _entry(cast, before=side)

    assert json.dumps(AuditEntry.objects.get().before, sort_keys=True) == json.dumps(side, sort_keys=True)
