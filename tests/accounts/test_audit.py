from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest
from django.core.management import call_command
from django.db import DatabaseError, connection, transaction
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from hypothesis import given
from hypothesis import strategies as st

from accounts import audit, groups, people
from accounts.models import AppendOnly, AuditEntry
from accounts.views.audit import Change, changes
from tests.cast import FOUNDED, Cast, ClientOf

NOW = FOUNDED + timedelta(days=30)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=9),
    lambda children: st.lists(children, max_size=3) | st.dictionaries(st.text(max_size=9), children, max_size=3),
    max_leaves=9,
)


def _entry(cast: Cast) -> AuditEntry:
    return audit.record(people.DEACTIVATED, account=cast.kestrel, actor=cast.dana, on=cast.bob, now=NOW)


# ── Append-only ─────────────────────────────────────────────────────────────
def test_an_entry_cannot_be_saved_again_or_deleted(cast: Cast) -> None:
    entry = _entry(cast)

    for attempt in (entry.save, entry.delete, AuditEntry.objects.all().delete):
        with pytest.raises(AppendOnly):
            attempt()
    with pytest.raises(AppendOnly):
        AuditEntry.objects.update(actor_name="Nobody")

    assert AuditEntry.objects.get().actor_name == "Dana"


def test_the_database_refuses_to_change_an_entry(cast: Cast) -> None:
    _entry(cast)

    with pytest.raises(DatabaseError, match="append-only"), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("UPDATE accounts_auditentry SET actor_name = 'Nobody'")

    assert AuditEntry.objects.get().actor_name == "Dana"


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


def test_an_action_nobody_declared_is_refused(cast: Cast) -> None:
    with pytest.raises(KeyError):
        audit.record("person.abducted", account=cast.kestrel, actor=None, on=cast.bob, now=NOW)


def test_entries_outlive_what_they_speak_of(cast: Cast) -> None:
    group = groups.create(account=cast.kestrel, name="Engineering", actor=cast.dana, now=NOW)
    groups.delete(group, actor=cast.dana, now=NOW)

    sentences = [audit.sentence(entry) for entry in AuditEntry.objects.order_by("pk")]

    assert sentences == ["Dana created the group Engineering.", "Dana deleted the group Engineering."]


# ── The page ────────────────────────────────────────────────────────────────
def test_the_page_tells_newest_first_in_words(cast: Cast, client_of: ClientOf) -> None:
    people.change_role(cast.alice, role="admin", actor=cast.dana, now=NOW)
    groups.add_member(cast.sales, cast.bob, actor=cast.gus, now=NOW + timedelta(hours=1))

    response = client_of(cast.dana).get(reverse("audit"))

    lines = response.context["lines"]
    assert [line.sentence for line in lines] == ["Gus added somebody to Sales.", "Dana changed the role of Alice."]
    assert [line.changes for line in lines] == [(Change("Person", None, "Bob"),), (Change("Role", "Member", "Admin"),)]


def test_the_page_shows_nothing_of_another_account(cast: Cast, client_of: ClientOf) -> None:
    groups.create(account=cast.corvid, name="Rooks", actor=cast.mallory, now=NOW)

    response = client_of(cast.dana).get(reverse("audit"))

    assert "Nothing has been changed yet" in response.content.decode()


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ({"q": "gus"}, ["group.member_added"]),
        ({"action": "person.role_changed"}, ["person.role_changed"]),
        ({"q": "gus", "action": "person.role_changed"}, []),
        ({"action": "no such action"}, ["group.member_added", "person.role_changed"]),
    ],
)
def test_the_page_is_filtered_by_who_and_what(
    query: dict[str, str], found: list[str], cast: Cast, client_of: ClientOf
) -> None:
    people.change_role(cast.alice, role="admin", actor=cast.dana, now=NOW)
    groups.add_member(cast.sales, cast.bob, actor=cast.gus, now=NOW)

    page = client_of(cast.dana).get(reverse("audit"), query).context["page"]

    assert [entry.action for entry in page] == found


def test_a_page_asks_as_often_for_sixty_entries_as_for_three(cast: Cast, client_of: ClientOf) -> None:
    dana = client_of(cast.dana)
    _fill(cast, 3)
    with CaptureQueriesContext(connection) as few:
        dana.get(reverse("audit"))

    _fill(cast, 60)
    with CaptureQueriesContext(connection) as many:
        response = dana.get(reverse("audit"))

    assert len(many) == len(few) <= 6
    assert (len(response.context["page"]), response.context["page"].paginator.num_pages) == (50, 2)


def _fill(cast: Cast, number: int) -> None:
    for _ in range(number):
        audit.record(
            people.ROLE_CHANGED,
            account=cast.kestrel,
            actor=cast.dana,
            on=cast.bob,
            now=NOW,
            before={"role": "member"},
            after={"role": "admin"},
        )


# ── Before and after, in words ──────────────────────────────────────────────
@pytest.mark.parametrize(
    ("before", "after", "words"),
    [
        (None, None, ()),
        ({"role": "member"}, {"role": "owner"}, (Change("Role", "Member", "Owner"),)),
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
    assert changes(before, after) == words


@given(before=JSON, after=JSON)
def test_anything_that_was_stored_can_be_shown(before: object, after: object) -> None:
    shown: tuple[Change, ...] = changes(before, after)

    assert all(change.before is not None or change.after is not None for change in shown)


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
        lambda cast: groups.add_member(cast.sales, cast.bob, actor=cast.alice, now=NOW),
        lambda cast: people.change_role(cast.bob, role="admin", actor=cast.mallory, now=NOW),
    ],
)
def test_a_refused_change_leaves_no_entry(change: Callable[[Cast], object], cast: Cast) -> None:
    with pytest.raises(people.NotAllowed):
        change(cast)

    assert not AuditEntry.objects.exists()
