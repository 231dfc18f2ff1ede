from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta

import pytest
from django.core.exceptions import PermissionDenied
from django.db import connection
from django.http import HttpRequest
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from pytest_django import Settings

from accounts import groups, openings, people
from accounts.models import Account, AuditEntry, Group, Membership, Role, User
from accounts.openings import Leaving, Panel
from tests.cast import FOUNDED, Cast, ClientOf, crowd, joined

NOW = FOUNDED + timedelta(days=30)


def _invited(cast: Cast, *, email: str = "nia@kestrel.example", actor: User | None = None) -> User:
    return people.invite(
        account=cast.kestrel, email=email, name="Nia", role="member", actor=actor or cast.dana, now=NOW
    ).person


def _actions() -> list[str]:
    return list(AuditEntry.objects.order_by("pk").values_list("action", flat=True))


# ── Inviting ────────────────────────────────────────────────────────────────
def test_inviting_adds_somebody_who_cannot_sign_in_yet(cast: Cast) -> None:
    invited = people.invite(
        account=cast.kestrel,
        email=" Nia@Kestrel.example ",
        name="Nia",
        role="admin",
        groups=[cast.sales],
        actor=cast.dana,
        now=NOW,
    )

    person = User.objects.get(pk=invited.person.pk)
    assert (person.email, person.role, person.is_active) == ("nia@kestrel.example", Role.ADMIN, False)
    assert (person.invited_at, person.invited_by, person.joined_at) == (NOW, cast.dana, None)
    assert not person.has_usable_password()
    assert list(person.member_of.all()) == [cast.sales]
    entry = AuditEntry.objects.get()
    assert (entry.action, entry.actor, entry.at) == ("person.invited", cast.dana, NOW)
    assert entry.after == {"email": "nia@kestrel.example", "role": "admin", "groups": ["Sales"]}


@pytest.mark.parametrize("email", ["alice@kestrel.example", "ALICE@kestrel.example", "mallory@corvid.example"])
def test_an_address_exists_once_over_all_accounts_and_the_refusal_does_not_say_where(cast: Cast, email: str) -> None:
    with pytest.raises(people.AddressTaken) as refused:
        _invited(cast, email=email)

    assert str(refused.value) == "This address cannot be invited: it is already used."
    assert _actions() == []


@pytest.mark.django_db(transaction=True)
def test_of_two_accounts_that_invite_the_same_address_at_once_one_gets_it(cast: Cast) -> None:
    start = threading.Barrier(2)
    refused: list[people.AddressTaken] = []

    def invite(actor: User) -> None:
        start.wait(10)
        try:
            people.invite(
                account=actor.account, email="nia@kestrel.example", name="", role="member", actor=actor, now=NOW
            )
        except people.AddressTaken as refusal:
            refused.append(refusal)
        finally:
            connection.close()

    threads = [threading.Thread(target=invite, args=(actor,)) for actor in (cast.dana, cast.mallory)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)

    assert User.objects.filter(email="nia@kestrel.example").count() == 1
    assert len(refused) == 1
    assert _actions() == ["person.invited"]


def test_only_an_owner_invites_an_owner(cast: Cast) -> None:
    admin = joined(cast.kestrel, name="Ada", email="ada@kestrel.example", role=Role.ADMIN)

    with pytest.raises(people.NotAllowed):
        people.invite(account=cast.kestrel, email="n@k.example", name="", role="owner", actor=admin, now=NOW)

    assert not User.objects.filter(email="n@k.example").exists()


def test_who_lost_the_right_while_the_page_was_open_is_refused(cast: Cast) -> None:
    admin = joined(cast.kestrel, name="Ada", email="ada@kestrel.example", role=Role.ADMIN)
    people.deactivate(User.objects.get(pk=admin.pk), actor=cast.dana, now=NOW)

    with pytest.raises(PermissionDenied):
        people.change_role(cast.alice, role="admin", actor=admin, now=NOW)

    assert User.objects.get(pk=cast.alice.pk).role == Role.MEMBER


def test_inviting_again_records_it_and_asks_anew(cast: Cast) -> None:
    person = _invited(cast)

    people.invite_again(person, actor=cast.dana, now=NOW + timedelta(days=1))

    person.refresh_from_db()
    assert person.invited_at == NOW + timedelta(days=1)
    assert _actions() == ["person.invited", "person.invited_again"]


def test_a_withdrawn_invitation_leaves_nobody_but_the_record(cast: Cast) -> None:
    person = _invited(cast)

    people.withdraw(person, actor=cast.dana, now=NOW)

    assert not User.objects.filter(email="nia@kestrel.example").exists()
    entry = AuditEntry.objects.get(action="person.invitation_withdrawn")
    assert (entry.target_name, entry.before) == ("Nia", {"email": "nia@kestrel.example"})


@pytest.mark.parametrize("change", [people.withdraw, people.invite_again])
def test_who_has_joined_has_no_invitation(cast: Cast, change: Callable[..., object]) -> None:
    with pytest.raises(people.AlreadyJoined):
        change(cast.alice, actor=cast.dana, now=NOW)

    assert User.objects.filter(pk=cast.alice.pk).exists()
    assert _actions() == []


# ── Roles ───────────────────────────────────────────────────────────────────
def test_a_role_changes_with_its_entry(cast: Cast) -> None:
    people.change_role(cast.alice, role="admin", actor=cast.dana, now=NOW)

    cast.alice.refresh_from_db()
    entry = AuditEntry.objects.get()
    assert cast.alice.role == Role.ADMIN
    assert (entry.action, entry.before, entry.after) == ("person.role_changed", {"role": "member"}, {"role": "admin"})


def test_the_same_role_again_is_no_change(cast: Cast) -> None:
    people.change_role(cast.alice, role="member", actor=cast.dana, now=NOW)

    assert _actions() == []


def test_an_admin_cannot_make_an_owner_not_even_of_himself(cast: Cast) -> None:
    admin = joined(cast.kestrel, name="Ada", email="ada@kestrel.example", role=Role.ADMIN)

    for person in (admin, cast.alice):
        with pytest.raises(people.NotAllowed):
            people.change_role(person, role="owner", actor=admin, now=NOW)

    assert User.objects.filter(account=cast.kestrel, role=Role.OWNER).count() == 1


def test_an_admin_cannot_touch_an_owner(cast: Cast) -> None:
    admin = joined(cast.kestrel, name="Ada", email="ada@kestrel.example", role=Role.ADMIN)
    joined(cast.kestrel, name="Second", email="second@kestrel.example", role=Role.OWNER)

    with pytest.raises(people.NotAllowed):
        people.change_role(cast.dana, role="member", actor=admin, now=NOW)
    with pytest.raises(people.NotAllowed):
        people.deactivate(cast.dana, actor=admin, now=NOW)

    assert _actions() == []


def test_the_last_active_owner_can_be_neither_demoted_nor_deactivated(cast: Cast) -> None:
    gone = joined(cast.kestrel, name="Gone", email="gone@kestrel.example", role=Role.OWNER)
    people.deactivate(gone, actor=cast.dana, now=NOW)
    people.invite(account=cast.kestrel, email="n@k.example", name="", role="owner", actor=cast.dana, now=NOW)
    before = _actions()

    with pytest.raises(people.LastOwner):
        people.change_role(cast.dana, role="admin", actor=cast.dana, now=NOW)
    with pytest.raises(people.LastOwner):
        people.deactivate(cast.dana, actor=None, now=NOW)

    cast.dana.refresh_from_db()
    assert (cast.dana.role, cast.dana.is_active) == (Role.OWNER, True)
    assert _actions() == before


def test_one_of_two_owners_may_step_back(cast: Cast) -> None:
    joined(cast.kestrel, name="Second", email="second@kestrel.example", role=Role.OWNER)

    people.change_role(cast.dana, role="member", actor=cast.dana, now=NOW)

    assert User.objects.get(pk=cast.dana.pk).role == Role.MEMBER


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("attempt", range(5))
def test_two_owners_who_remove_each_other_at_once_leave_one(attempt: int, cast: Cast) -> None:
    second = joined(cast.kestrel, name="Second", email="second@kestrel.example", role=Role.OWNER)
    start = threading.Barrier(2)
    refused: list[Exception] = []

    def act(person: User, actor: User, how: Callable[..., object]) -> None:
        start.wait(10)
        try:
            how(person, actor=actor, now=NOW)
        except (people.LastOwner, people.NotAllowed) as refusal:
            refused.append(refusal)
        finally:
            connection.close()

    def demote(person: User, *, actor: User, now: datetime) -> None:
        people.change_role(person, role="member", actor=actor, now=now)

    threads = [
        threading.Thread(target=act, args=(second, cast.dana, demote)),
        threading.Thread(target=act, args=(cast.dana, second, people.deactivate)),
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)

    assert User.objects.filter(account=cast.kestrel, role=Role.OWNER, is_active=True).count() == 1
    assert len(refused) == 1
    assert len(_actions()) == 1


# ── Leaving and coming back ─────────────────────────────────────────────────
def test_deactivating_ends_the_session_at_the_next_click(cast: Cast, client_of: ClientOf) -> None:
    alice = client_of(cast.alice)
    assert alice.get(reverse("profile")).status_code == 200

    people.deactivate(cast.alice, actor=cast.dana, now=NOW)

    assert alice.get(reverse("profile")).status_code == 302
    assert _actions() == ["person.deactivated"]


def test_a_session_from_before_does_not_come_back_to_life_with_the_person(cast: Cast, client_of: ClientOf) -> None:
    lost, bystander = client_of(cast.alice), client_of(cast.bob)

    people.deactivate(cast.alice, actor=cast.dana, now=NOW)
    people.reactivate(cast.alice, actor=cast.dana, now=NOW)

    assert lost.get(reverse("profile")).status_code == 302
    assert client_of(User.objects.get(pk=cast.alice.pk)).get(reverse("profile")).status_code == 200
    assert bystander.get(reverse("profile")).status_code == 200


def test_a_session_outlives_a_new_secret_key_as_long_as_the_old_one_is_named(
    cast: Cast, client_of: ClientOf, settings: Settings
) -> None:
    alice, gus = client_of(cast.alice), client_of(cast.gus)
    settings.SECRET_KEY, settings.SECRET_KEY_FALLBACKS = "another-key-" * 5, [settings.SECRET_KEY]

    people.deactivate(cast.gus, actor=cast.dana, now=NOW)
    people.reactivate(cast.gus, actor=cast.dana, now=NOW)

    assert alice.get(reverse("profile")).status_code == 200
    assert gus.get(reverse("profile")).status_code == 302


@pytest.fixture
def leavings() -> Iterator[list[Leaving]]:
    """The opening as it is, put back afterwards."""
    before = list(openings.on_leaving)
    openings.on_leaving.clear()
    yield openings.on_leaving
    openings.on_leaving[:] = before


def test_deactivating_tells_the_floors_above(cast: Cast, leavings: list[Leaving]) -> None:
    left: list[tuple[User, User | None, datetime]] = []

    def note(person: User, *, actor: User | None, now: datetime) -> None:
        left.append((person, actor, now))

    leavings.append(note)

    people.deactivate(cast.alice, actor=cast.dana, now=NOW)
    people.deactivate(cast.alice, actor=cast.dana, now=NOW)

    assert left == [(cast.alice, cast.dana, NOW)]


def test_when_a_floor_above_fails_nobody_is_deactivated(cast: Cast, leavings: list[Leaving]) -> None:
    def fail(person: User, *, actor: User | None, now: datetime) -> None:
        raise RuntimeError("above")

    leavings.append(fail)

    with pytest.raises(RuntimeError):
        people.deactivate(cast.alice, actor=cast.dana, now=NOW)

    assert User.objects.get(pk=cast.alice.pk).is_active
    assert _actions() == []


def test_nobody_deactivates_himself(cast: Cast) -> None:
    joined(cast.kestrel, name="Second", email="second@kestrel.example", role=Role.OWNER)

    with pytest.raises(people.OwnDeactivation):
        people.deactivate(cast.dana, actor=cast.dana, now=NOW)


def test_reactivating_lets_the_person_in_as_before(cast: Cast) -> None:
    people.deactivate(cast.alice, actor=cast.dana, now=NOW)

    people.reactivate(cast.alice, actor=cast.dana, now=NOW)

    cast.alice.refresh_from_db()
    assert cast.alice.is_active
    assert cast.alice.memberships.count() == 1
    assert _actions() == ["person.deactivated", "person.reactivated"]


@pytest.mark.parametrize("change", [people.deactivate, people.reactivate])
def test_an_invitation_is_no_way_in_for_others(cast: Cast, change: Callable[..., object]) -> None:
    person = _invited(cast)

    with pytest.raises(people.NotJoined):
        change(person, actor=cast.dana, now=NOW)

    assert not User.objects.get(pk=person.pk).is_active


def test_somebody_who_was_removed_meanwhile_cannot_be_changed(cast: Cast) -> None:
    person = _invited(cast)
    stale = User.objects.get(pk=person.pk)
    people.withdraw(person, actor=cast.dana, now=NOW)

    with pytest.raises(people.PersonGone):
        people.change_role(stale, role="admin", actor=cast.dana, now=NOW)


# ── The list ────────────────────────────────────────────────────────────────
def test_the_list_shows_the_people_of_ones_own_account_only(cast: Cast, client_of: ClientOf) -> None:
    shown = client_of(cast.dana).get(reverse("people")).content.decode()

    assert all(person.email in shown for person in (cast.dana, cast.gus, cast.alice, cast.bob, cast.wilhelmina))
    assert "mallory" not in shown.lower()


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ({"q": "ali"}, {"alice"}),
        ({"q": "KESTREL.example hohenlohe"}, {"wilhelmina"}),
        ({"q": "nobody at all"}, set()),
        ({"role": "owner"}, {"dana"}),
        ({"state": "invited"}, {"nia"}),
        ({"state": "deactivated"}, {"bob"}),
        ({"state": "active", "role": "member"}, {"gus", "alice", "wilhelmina"}),
        ({"group": "SAL"}, {"gus", "alice"}),
        ({"group": "Engineering"}, {"wilhelmina"}),
        ({"group": "Sales", "q": "ali"}, {"alice"}),
        ({"group": "Rooks"}, set()),
        (
            {"role": "emperor", "state": "asleep", "page": "minus one"},
            {"dana", "gus", "alice", "bob", "wilhelmina", "nia"},
        ),
    ],
)
def test_the_list_is_searched_and_filtered(
    query: dict[str, str], found: set[str], cast: Cast, client_of: ClientOf
) -> None:
    _invited(cast)
    people.deactivate(cast.bob, actor=cast.dana, now=NOW)
    # Gus is in both; it is the primary group that one is listed under.
    engineering = groups.create(account=cast.kestrel, name="Engineering", actor=cast.dana, now=NOW)
    groups.add_members(engineering, [cast.wilhelmina.pk, cast.gus.pk], actor=cast.dana, now=NOW)
    rooks = groups.create(account=cast.corvid, name="Rooks", actor=cast.mallory, now=NOW)
    groups.add_members(rooks, [cast.mallory.pk], actor=cast.mallory, now=NOW)

    page = client_of(cast.dana).get(reverse("people"), query).context["page"]

    assert {person.email.split("@")[0].split("-")[0] for person in page} == found


def test_the_list_counts_people_by_state(cast: Cast, client_of: ClientOf) -> None:
    _invited(cast)
    people.deactivate(cast.bob, actor=cast.dana, now=NOW)

    counts = client_of(cast.dana).get(reverse("people"), {"q": "alice"}).context["counts"]

    assert counts == {"all": 6, "active": 4, "invited": 1, "deactivated": 1}


def test_the_list_has_pages_of_fifty_in_order_of_name(cast: Cast, client_of: ClientOf) -> None:
    crowd(cast.kestrel, 60)

    first, second = (client_of(cast.dana).get(reverse("people"), {"page": n}).context["page"] for n in (1, 2))

    names = [person.name for person in [*first, *second]]
    assert (len(first), len(second)) == (50, 15)
    assert names == sorted(names, key=str.lower)


@pytest.mark.parametrize("name", ["people", "person", "profile", "people_invite", "profile_edit"])
def test_a_page_asks_as_often_for_sixty_people_as_for_three(name: str, cast: Cast, client_of: ClientOf) -> None:
    client = client_of(cast.dana)
    address = reverse(name, args=[cast.alice.pk] if name == "person" else [])

    with CaptureQueriesContext(connection) as few:
        client.get(address)
    _many_people_and_groups(cast.kestrel, cast.alice)
    _many_people_and_groups(cast.kestrel, cast.dana)
    with CaptureQueriesContext(connection) as many:
        client.get(address)

    assert len(many) == len(few) <= 10


def _many_people_and_groups(account: Account, person: User) -> None:
    last = Group.objects.filter(account=account).count()
    for number in range(last, last + 10):
        group = Group.objects.create(account=account, name=f"G{number}", rank=10_000 + number, created_at=NOW)
        Membership.objects.create(group=group, user=person)
    if last < 5:
        crowd(account, 60, group=group)


# ── The pages of a person ───────────────────────────────────────────────────
def test_inviting_in_the_browser_ends_on_the_person_and_says_where_the_mail_went(
    cast: Cast, client_of: ClientOf
) -> None:
    sent = {"email": "nia@kestrel.example", "name": "Nia", "role": "member", "group": cast.sales.pk}

    response = client_of(cast.dana).post(reverse("people_invite"), sent, follow=True)

    person = User.objects.get(email="nia@kestrel.example")
    assert response.redirect_chain == [(reverse("person", args=[person.pk]), 302)]
    assert "The invitation is on its way to nia@kestrel.example." in response.content.decode()
    assert list(person.member_of.all()) == [cast.sales]


def test_a_refused_invitation_keeps_what_was_typed(cast: Cast, client_of: ClientOf) -> None:
    sent = {"email": "mallory@corvid.example", "name": "Typed Name", "role": "admin", "group": ""}

    shown = client_of(cast.dana).post(reverse("people_invite"), sent).content.decode()

    assert "This address cannot be invited: it is already used." in shown
    assert 'value="mallory@corvid.example"' in shown
    assert 'value="Typed Name"' in shown
    assert "Corvid" not in shown


def test_a_group_of_another_account_cannot_be_chosen(cast: Cast, client_of: ClientOf) -> None:
    strange = Group.objects.create(account=cast.corvid, name="Rooks", rank=1, created_at=NOW)
    sent = {"email": "nia@kestrel.example", "role": "member", "group": strange.pk}

    response = client_of(cast.dana).post(reverse("people_invite"), sent)

    assert "group" in response.context["form"].errors
    assert not User.objects.filter(email="nia@kestrel.example").exists()


def test_an_admin_is_not_offered_to_make_owners(cast: Cast, client_of: ClientOf) -> None:
    admin = joined(cast.kestrel, name="Ada", email="ada@kestrel.example", role=Role.ADMIN)

    form = client_of(admin).get(reverse("people_invite")).context["form"]

    assert [value for value, _label in form.fields["role"].choices] == ["admin", "member"]


def test_the_last_owner_is_told_why_he_stays_one(cast: Cast, client_of: ClientOf) -> None:
    response = client_of(cast.dana).post(reverse("person_role", args=[cast.dana.pk]), {"role": "member"}, follow=True)

    assert "This is the last active owner of the account." in response.content.decode()


@pytest.mark.parametrize("nonsense", ["", "emperor"])
def test_a_role_that_does_not_exist_changes_nothing(nonsense: str, cast: Cast, client_of: ClientOf) -> None:
    response = client_of(cast.dana).post(reverse("person_role", args=[cast.alice.pk]), {"role": nonsense}, follow=True)

    assert "Choose one of the roles." in response.content.decode()
    assert _actions() == []


@pytest.mark.parametrize(
    ("button", "says"),
    [
        ("person_deactivate", "Alice is deactivated and can no longer sign in."),
        ("person_reactivate", "Alice is active again and can sign in as before."),
    ],
)
def test_a_button_says_what_it_did(button: str, says: str, cast: Cast, client_of: ClientOf) -> None:
    response = client_of(cast.dana).post(reverse(button, args=[cast.alice.pk]), follow=True)

    assert says in response.content.decode()


def test_names_cannot_carry_markup(cast: Cast, client_of: ClientOf) -> None:
    joined(cast.kestrel, name="<script>alert(1)</script> & Co", email="x@kestrel.example")

    shown = client_of(cast.dana).get(reverse("people")).content.decode()

    assert "<script>alert" not in shown
    assert "&lt;script&gt;alert(1)&lt;/script&gt; &amp; Co" in shown


# ── The primary group ───────────────────────────────────────────────────────
@pytest.fixture
def engineering(cast: Cast) -> Group:
    made = groups.create(account=cast.kestrel, name="Engineering", actor=cast.dana, now=NOW)
    groups.add_members(made, [cast.alice.pk], actor=cast.dana, now=NOW)
    return made


def test_the_primary_group_is_shown_and_that_settings_do_not_follow_it(
    cast: Cast, engineering: Group, client_of: ClientOf
) -> None:
    dana = client_of(cast.dana)

    shown = dana.get(reverse("person", args=[cast.alice.pk])).content.decode()
    listed = dana.get(reverse("people")).content.decode()

    assert 'Sales <span class="faint">(P1, primary)</span>' in shown
    assert 'Sales <span class="faint">(P1, primary)</span>' in listed
    assert "Settings do not follow the primary group" in shown


def test_another_primary_group_is_chosen_on_the_page(cast: Cast, engineering: Group, client_of: ClientOf) -> None:
    address = reverse("person_primary_group", args=[cast.alice.pk])

    answer = client_of(cast.dana).post(address, {"group": engineering.pk}, follow=True)

    assert "Alice is listed under Engineering now." in answer.content.decode()
    assert cast.alice.memberships.get(is_primary=True).group == engineering


@pytest.mark.parametrize("sent", ["", "x", "9" * 40, "-1", "²"])
def test_what_is_no_group_of_the_person_is_not_chosen(
    sent: str, cast: Cast, engineering: Group, client_of: ClientOf
) -> None:
    address = reverse("person_primary_group", args=[cast.alice.pk])

    answer = client_of(cast.dana).post(address, {"group": sent}, follow=True)

    assert "Choose one of the groups that Alice is in." in answer.content.decode()
    assert cast.alice.memberships.get(is_primary=True).group == cast.sales


def test_in_one_group_there_is_nothing_to_choose(cast: Cast, client_of: ClientOf) -> None:
    shown = client_of(cast.dana).get(reverse("person", args=[cast.gus.pk])).content.decode()

    assert reverse("person_primary_group", args=[cast.gus.pk]) not in shown


def test_nobody_chooses_his_own_primary_group(cast: Cast, engineering: Group, client_of: ClientOf) -> None:
    alice = client_of(cast.alice)

    answer = alice.post(reverse("person_primary_group", args=[cast.alice.pk]), {"group": engineering.pk})

    assert answer.status_code == 403
    assert "primary-group" not in alice.get(reverse("person", args=[cast.alice.pk])).content.decode()


# ── What admins see on a person's page ──────────────────────────────────────
def test_the_floors_above_add_to_the_page_for_those_who_manage_the_person(
    cast: Cast, client_of: ClientOf, monkeypatch: pytest.MonkeyPatch
) -> None:
    def state(request: HttpRequest, person: User) -> Panel:
        return Panel("accounts/_state.html", {"of": person})

    monkeypatch.setattr(openings, "person_admin_panels", [state])
    address = reverse("person", args=[cast.alice.pk])

    panels = [client_of(reader).get(address).context["panels"] for reader in (cast.dana, cast.alice)]

    assert [[panel.context["of"] for panel in shown] for shown in panels] == [[cast.alice], []]


def test_admins_find_the_settings_and_the_deletion_of_a_person(cast: Cast, client_of: ClientOf) -> None:
    address = reverse("person", args=[cast.alice.pk])
    offered = [
        reverse("person_settings_page", args=[cast.alice.pk, "mail-calendar"]),
        reverse("person_delete", args=[cast.alice.pk]),
    ]

    shown = {reader: client_of(reader).get(address).content.decode() for reader in (cast.dana, cast.alice)}

    assert all(f'href="{link}"' in shown[cast.dana] for link in offered)
    assert not any(link in shown[cast.alice] for link in offered)


def test_nobody_is_offered_to_delete_himself(cast: Cast, client_of: ClientOf) -> None:
    shown = client_of(cast.dana).get(reverse("person", args=[cast.dana.pk])).content.decode()

    assert "You cannot delete yourself." in shown
    assert reverse("person_delete", args=[cast.dana.pk]) not in shown
