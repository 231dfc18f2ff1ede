from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

import pytest
from allauth.account.models import EmailAddress
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from accounts import deleting, groups, openings, people
from accounts.cascade.declare import setting_of
from accounts.cascade.write import choose
from accounts.models import AuditEntry, Group, Job, Membership, PendingChange, Role, SettingDecision, User
from accounts.models.audit import MASKED, MASKED_PERSON
from accounts.openings import Leaving
from integrations.models import Connection, State
from integrations.preferences import Integrations
from tests.at_once import at_once
from tests.cast import FOUNDED, Cast, ClientOf, crowd, joined

NOW = FOUNDED + timedelta(days=30)


# ── What is gone ────────────────────────────────────────────────────────────
def test_everything_of_the_person_is_gone(cast: Cast, client_of: ClientOf) -> None:
    alice = client_of(cast.alice)
    choose(setting_of(Integrations, "enabled"), False, at=cast.alice, actor=cast.alice, now=NOW)
    Connection.objects.create(user=cast.alice, state=State.CONNECTED, since_at=NOW)
    key = cast.alice.pk

    deleting.delete(cast.alice, actor=cast.dana, now=NOW)

    assert not User.objects.filter(pk=key).exists()
    assert not Membership.objects.filter(user=key).exists()
    assert not SettingDecision.objects.filter(user=key).exists()
    assert not Connection.objects.filter(user=key).exists()
    assert not EmailAddress.objects.filter(email="alice@kestrel.example").exists()
    assert alice.get(reverse("profile"))["Location"].startswith(reverse("account_login"))


def test_the_address_is_free_again(cast: Cast) -> None:
    deleting.delete(cast.alice, actor=cast.dana, now=NOW)

    invited = people.invite(
        account=cast.corvid, email="alice@kestrel.example", name="", role="member", actor=cast.mallory, now=NOW
    )

    assert invited.person.account == cast.corvid


def test_the_log_keeps_what_was_done_and_forgets_the_name(cast: Cast) -> None:
    groups.remove_members(cast.sales, [cast.alice.pk], actor=cast.dana, now=NOW)
    choose(setting_of(Integrations, "enabled"), False, at=cast.alice, actor=cast.alice, now=NOW)

    deleting.delete(cast.alice, actor=cast.dana, now=NOW, reason="Left the company")

    entry = AuditEntry.objects.get(action="person.deleted")
    assert (entry.actor_name, entry.target_name, entry.reason) == ("Dana", MASKED_PERSON, "Left the company")
    assert entry.before == {"email": MASKED, "role": "member", "groups": []}
    written = str(list(AuditEntry.objects.values()))
    assert "Alice" not in written
    assert "alice@" not in written
    assert AuditEntry.objects.count() == 3


def test_what_the_person_did_and_decided_for_others_stays(cast: Cast) -> None:
    ada = joined(cast.kestrel, name="Ada", email="ada@kestrel.example", role=Role.ADMIN)
    choose(setting_of(Integrations, "enabled"), False, at=cast.sales, actor=ada, now=NOW)
    nia = people.invite(
        account=cast.kestrel, email="nia@kestrel.example", name="", role="member", actor=ada, now=NOW
    ).person
    job = Job.objects.create(account=cast.kestrel, by=ada, kind="members", title="A list", created_at=NOW, moved_at=NOW)

    deleting.delete(ada, actor=cast.dana, now=NOW)

    assert SettingDecision.objects.get(group=cast.sales).decided_by is None
    assert User.objects.get(pk=nia.pk).invited_by is None
    assert Job.objects.get(pk=job.pk).by is None
    assert "Ada" not in str(list(AuditEntry.objects.values("actor_name", "target_name")))


def test_what_the_person_was_about_to_do_is_forgotten(cast: Cast) -> None:
    proposed = {"account": cast.kestrel, "change": {}, "back": "/", "created_at": NOW, "expires_at": NOW}
    PendingChange.objects.create(by=cast.gus, **proposed)
    others = PendingChange.objects.create(by=cast.dana, **proposed)

    deleting.delete(cast.gus, actor=cast.dana, now=NOW)

    assert list(PendingChange.objects.all()) == [others]


@pytest.mark.parametrize("state", ["active", "deactivated", "invited"])
def test_whoever_it_is_can_be_deleted(state: str, cast: Cast) -> None:
    person = cast.bob
    if state == "deactivated":
        person = people.deactivate(cast.bob, actor=cast.dana, now=NOW)
    if state == "invited":
        person = people.invite(
            account=cast.kestrel, email="nia@kestrel.example", name="", role="member", actor=cast.dana, now=NOW
        ).person

    deleting.delete(person, actor=cast.dana, now=NOW)

    assert not User.objects.filter(pk=person.pk).exists()


@pytest.fixture
def leavings() -> Iterator[list[Leaving]]:
    """The opening as it is, put back afterwards."""
    before = list(openings.on_leaving)
    openings.on_leaving.clear()
    yield openings.on_leaving
    openings.on_leaving[:] = before


def test_the_floors_above_are_told_while_the_person_is_still_there(cast: Cast, leavings: list[Leaving]) -> None:
    told: list[tuple[str, User | None, datetime]] = []

    def note(person: User, *, actor: User | None, now: datetime) -> None:
        told.append((User.objects.get(pk=person.pk).email, actor, now))

    leavings.append(note)

    deleting.delete(cast.alice, actor=cast.dana, now=NOW)

    assert told == [("alice@kestrel.example", cast.dana, NOW)]


def test_when_a_floor_above_fails_nobody_is_deleted(cast: Cast, leavings: list[Leaving]) -> None:
    def fail(person: User, *, actor: User | None, now: datetime) -> None:
        raise RuntimeError("above")

    leavings.append(fail)

    with pytest.raises(RuntimeError):
        deleting.delete(cast.alice, actor=cast.dana, now=NOW)

    assert User.objects.filter(pk=cast.alice.pk).exists()
    assert not AuditEntry.objects.exists()


# ── Who may not ─────────────────────────────────────────────────────────────
def test_nobody_deletes_himself(cast: Cast) -> None:
    joined(cast.kestrel, name="Second", email="second@kestrel.example", role=Role.OWNER)

    with pytest.raises(deleting.OwnDeletion):
        deleting.delete(cast.dana, actor=cast.dana, now=NOW)


def test_the_last_owner_is_never_deleted(cast: Cast) -> None:
    with pytest.raises(people.LastOwner):
        deleting.delete(cast.dana, actor=None, now=NOW)

    assert User.objects.filter(pk=cast.dana.pk).exists()


@pytest.mark.parametrize("actor", ["gus", "bob", "mallory"])
def test_who_does_not_manage_people_deletes_nobody(actor: str, cast: Cast) -> None:
    with pytest.raises(people.NotAllowed):
        deleting.delete(cast.alice, actor=getattr(cast, actor), now=NOW)

    assert User.objects.filter(pk=cast.alice.pk).exists()


def test_an_admin_deletes_no_owner(cast: Cast) -> None:
    ada = joined(cast.kestrel, name="Ada", email="ada@kestrel.example", role=Role.ADMIN)
    joined(cast.kestrel, name="Second", email="second@kestrel.example", role=Role.OWNER)

    with pytest.raises(people.NotAllowed):
        deleting.delete(cast.dana, actor=ada, now=NOW)


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("attempt", range(3))
def test_two_owners_who_delete_each_other_at_once_leave_one(attempt: int, cast: Cast) -> None:
    second = joined(cast.kestrel, name="Second", email="second@kestrel.example", role=Role.OWNER)

    failures = at_once(
        lambda: deleting.delete(second, actor=cast.dana, now=NOW),
        lambda: deleting.delete(cast.dana, actor=second, now=NOW),
    )

    assert User.objects.filter(account=cast.kestrel, role=Role.OWNER).count() == 1
    assert [type(failure) for failure in failures] == [people.NotAllowed]


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("attempt", range(3))
def test_who_is_deleted_while_joining_a_group_is_gone_and_nothing_breaks(attempt: int, cast: Cast) -> None:
    failures = at_once(
        lambda: deleting.delete(User.objects.get(pk=cast.bob.pk), actor=cast.dana, now=NOW),
        lambda: groups.add_members(cast.sales, [cast.bob.pk], actor=cast.gus, now=NOW),
    )

    assert all(isinstance(failure, people.PersonGone) for failure in failures)
    assert not Membership.objects.filter(user=cast.bob.pk).exists()


# ── The page ────────────────────────────────────────────────────────────────
def _page(person: User) -> str:
    return reverse("person_delete", args=[person.pk])


def test_the_page_says_exactly_what_ends(cast: Cast, client_of: ClientOf) -> None:
    engineering = groups.create(account=cast.kestrel, name="Engineering", actor=cast.dana, now=NOW)
    groups.add_members(engineering, [cast.alice.pk], actor=cast.dana, now=NOW)
    choose(setting_of(Integrations, "enabled"), False, at=cast.alice, actor=cast.alice, now=timezone.now())

    answer = client_of(cast.dana).get(_page(cast.alice))

    ending = answer.context["ending"]
    assert [place.group.name for place in ending.places] == ["Sales", "Engineering"]
    assert ending.choices == ("Integrate third-party mail and calendar services",)
    assert ending.entries == 2
    shown = answer.content.decode()
    assert "Sales <span" in shown
    assert "2 entries about or by Alice and one about the deletion stay" in shown
    assert "Calendar" in shown


def test_the_address_has_to_be_typed(cast: Cast, client_of: ClientOf) -> None:
    dana = client_of(cast.dana)

    for typed in ("", "bob@kestrel.example", "alice"):
        answer = dana.post(_page(cast.alice), {"email": typed, "reason": "Left in May"})
        assert answer.status_code == 200
        assert 'value="Left in May"' in answer.content.decode()
        assert f'value="{typed}"' in answer.content.decode() or not typed

    assert "Type alice@kestrel.example to delete this person." in answer.content.decode()
    assert User.objects.filter(pk=cast.alice.pk).exists()


def test_typed_out_it_is_done(cast: Cast, client_of: ClientOf) -> None:
    answer = client_of(cast.dana).post(_page(cast.alice), {"email": " Alice@Kestrel.example "}, follow=True)

    assert answer.redirect_chain == [(reverse("people"), 302)]
    assert "Alice is deleted." in answer.content.decode()
    assert not User.objects.filter(pk=cast.alice.pk).exists()


def test_a_link_deletes_nobody(cast: Cast, client_of: ClientOf) -> None:
    client_of(cast.dana).get(_page(cast.alice), {"email": "alice@kestrel.example"})

    assert User.objects.filter(pk=cast.alice.pk).exists()


def test_an_owner_who_looks_at_himself_reads_that_another_one_can_do_it(cast: Cast, client_of: ClientOf) -> None:
    dana = client_of(cast.dana)

    shown = dana.get(_page(cast.dana)).content.decode()
    refused = dana.post(_page(cast.dana), {"email": cast.dana.email})

    assert "You cannot delete yourself." in shown
    assert "Delete Dana</button>" not in shown
    assert refused.status_code == 200
    assert User.objects.filter(pk=cast.dana.pk).exists()


def test_the_page_asks_as_often_for_many_groups_and_choices_as_for_few(cast: Cast, client_of: ClientOf) -> None:
    dana = client_of(cast.dana)

    with CaptureQueriesContext(connection) as few:
        dana.get(_page(cast.alice))
    for number in range(30):
        made = Group.objects.create(account=cast.kestrel, name=f"G{number}", rank=9000 + number, created_at=NOW)
        Membership.objects.create(group=made, user=cast.alice)
    crowd(cast.kestrel, 30, group=cast.sales)
    with CaptureQueriesContext(connection) as many:
        dana.get(_page(cast.alice))

    assert len(many) == len(few)
