"""Whoever is connected is connected to their own mailbox; and what two sweeps say of somebody does not alternate."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from accounts.models import Account, AuditEntry, DomainState, User
from integrations import checking, disconnecting
from integrations.models import Connection, Move, State, TenantLink
from integrations.organization import following, links, people, planning, probing
from integrations.organization.covering import Covered
from integrations.organization.matching import NOBODY
from integrations.preferences import Integrations, Method
from tests.cast import joined
from tests.integrations.authorized import connected_by
from tests.integrations.followed import followed, how, object_id_of, served
from tests.integrations.linked import at, standing, with_person
from tests.integrations.test_connecting_people import crowd
from tests.integrations.wired import connected
from tests.simulated import Simulator

pytestmark = pytest.mark.django_db(transaction=True)

GUS = "gus@kestrel.example"
AMBIGUOUS = (State.NOT_ELIGIBLE, "ambiguous")
DISABLED = (State.NOT_ELIGIBLE, "account_disabled")
NO_MAILBOX = (State.NOT_ELIGIBLE, "no_mailbox")


@pytest.fixture
def link(kestrel: Account, dana: User, alice: User, bob: User, microsoft: Simulator) -> TenantLink:
    return served(kestrel, microsoft, by=dana)


def of(person: User) -> Connection:
    return Connection.objects.get(user=person)


def hours(number: float) -> timedelta:
    return timedelta(hours=number)


def probed(link: TenantLink, *, after: timedelta) -> None:
    """All of its mailboxes, because it is time."""
    now = timezone.now() + after
    TenantLink.objects.filter(pk=link.pk).update(probe_due_at=now)
    while probing.probe(link.pk, now=now, clock=lambda: now):
        pass


def renamed(microsoft: Simulator, name: str, upn: str) -> None:
    """The name of before is free."""
    microsoft.control("POST", f"people/{name}/rename", {"upn": upn})
    microsoft.control("POST", f"people/{upn}/aliases", {"addresses": []})


def also_called(microsoft: Simulator, name: str, *addresses: str) -> None:
    microsoft.control("POST", f"people/{name}/aliases", {"addresses": list(addresses)})


def without_directory(link: TenantLink, microsoft: Simulator) -> None:
    at(microsoft, "remove-roles", roles=["User.Read.All"])
    TenantLink.objects.filter(pk=link.pk).update(access_token="")


# ── By an address ───────────────────────────────────────────────────────────
def test_the_address_of_an_earlier_connection_opens_nobody_elses_mailbox(
    kestrel: Account, dana: User, microsoft: Simulator
) -> None:
    """Connected once, with another's password, and deleted since; the directory knows nobody of the own address."""
    zoe = joined(kestrel, name="Zoe", email="zoe@kestrel.example")
    connected(zoe, microsoft, name=GUS)
    disconnecting.disconnect(zoe, actor=zoe, now=timezone.now())
    link = served(kestrel, microsoft, by=dana)

    followed(link)
    assert (how(zoe)[1:], of(zoe).address) == (NO_MAILBOX, zoe.email)
    probed(link, after=hours(7))

    assert how(zoe)[1:] == NO_MAILBOX
    assert not AuditEntry.objects.filter(action="calendar.let_in").exists()


def test_a_name_that_was_given_to_a_newcomer_leads_to_them_alone(
    link: TenantLink, alice: User, microsoft: Simulator
) -> None:
    followed(link)
    renamed(microsoft, alice.email, "al@kestrel.example")
    followed(link, after=hours(1))
    renamed(microsoft, "al@kestrel.example", "left@kestrel.example")
    microsoft.control("POST", "people/left@kestrel.example/delete")
    followed(link, after=hours(2))

    renamed(microsoft, GUS, "al@kestrel.example")
    probed(link, after=hours(9))

    assert how(alice)[1:] == NO_MAILBOX


def test_where_the_directory_may_be_read_nobody_is_asked_for_by_an_address(
    link: TenantLink, kestrel: Account, microsoft: Simulator
) -> None:
    zoe = joined(kestrel, name="Zoe", email="zoe@kestrel.example")
    followed(link)

    renamed(microsoft, GUS, zoe.email)
    probed(link, after=hours(7))
    assert how(zoe)[1:] == NO_MAILBOX
    followed(link, after=hours(8))

    assert (how(zoe)[1], of(zoe).object_id) == (State.CONNECTED, object_id_of(microsoft, zoe.email))


def test_without_the_directory_a_mailbox_that_opens_is_its_persons(
    link: TenantLink, kestrel: Account, microsoft: Simulator
) -> None:
    zoe = joined(kestrel, name="Zoe", email="zoe@kestrel.example")
    without_directory(link, microsoft)
    followed(link)
    assert how(zoe)[1:] == NO_MAILBOX

    renamed(microsoft, GUS, zoe.email)
    probed(link, after=hours(7))

    assert (how(zoe)[1], of(zoe).address) == (State.CONNECTED, zoe.email)
    assert AuditEntry.objects.filter(action="calendar.connected_by_organization", about_id=zoe.pk).count() == 1


def test_without_the_directory_a_mailbox_that_somebody_has_is_not_given_twice(
    link: TenantLink, kestrel: Account, mallory: User, microsoft: Simulator
) -> None:
    gus = joined(kestrel, name="Gus", email=GUS)
    connected(mallory, microsoft, name=GUS)
    without_directory(link, microsoft)

    followed(link)
    assert how(gus)[1:] == AMBIGUOUS
    probed(link, after=hours(7))
    checking.check(of(gus).pk, now=timezone.now() + hours(8))

    assert how(gus)[1:] == AMBIGUOUS


# ── Check now ───────────────────────────────────────────────────────────────
def test_checking_guesses_nothing_and_looks_in_the_directory_again(
    link: TenantLink, kestrel: Account, microsoft: Simulator
) -> None:
    gus = joined(kestrel, name="Gus", email=GUS)
    also_called(microsoft, "bob@kestrel.example", GUS)
    followed(link)
    assert how(gus)[1:] == AMBIGUOUS
    now = timezone.now() + timedelta(minutes=5)

    finding = checking.check(of(gus).pk, now=now)

    assert (finding.state, finding.is_asked) == (State.NOT_ELIGIBLE, False)
    assert "looks in the directory again" in finding.says
    assert how(gus)[1:] == AMBIGUOUS
    assert following.to_follow(now=now) == [link.pk]


def test_checking_does_not_open_the_mailbox_of_the_disabled(
    link: TenantLink, alice: User, microsoft: Simulator
) -> None:
    followed(link)
    with_person(microsoft, alice, "disable")
    followed(link, after=hours(1))
    Connection.objects.filter(user=alice).update(refresh_due_at=timezone.now())

    checking.check_due(now=timezone.now() + hours(1))

    assert how(alice)[1:] == DISABLED
    assert of(alice).refresh_due_at is None  # it is the directory that tells


def test_checking_without_the_directory_connects_as_following_does(
    link: TenantLink, kestrel: Account, microsoft: Simulator
) -> None:
    zoe = joined(kestrel, name="Zoe", email="zoe@kestrel.example")
    without_directory(link, microsoft)
    followed(link)
    renamed(microsoft, GUS, zoe.email)

    checking.check(of(zoe).pk, now=timezone.now() + hours(1))

    assert how(zoe)[1] == State.CONNECTED
    assert AuditEntry.objects.filter(action="calendar.connected_by_organization", about_id=zoe.pk).count() == 1


# ── What was established ────────────────────────────────────────────────────
def test_an_identity_that_never_opened_is_not_followed(
    link: TenantLink, kestrel: Account, microsoft: Simulator
) -> None:
    otto = joined(kestrel, name="Otto", email="otto@kestrel.example")
    followed(link)
    assert how(otto)[1:] == DISABLED

    renamed(microsoft, otto.email, "carl@kestrel.example")
    microsoft.control("POST", "people/carl@kestrel.example/enable")
    renamed(microsoft, GUS, otto.email)
    followed(link, after=hours(1))

    assert how(otto)[1] == State.CONNECTED
    assert of(otto).object_id == object_id_of(microsoft, otto.email)


def test_another_identity_that_never_opened_is_not_followed_either(
    link: TenantLink, kestrel: Account, microsoft: Simulator
) -> None:
    """Whose mailbox it once was had another; this one was disabled from the beginning."""
    gus = joined(kestrel, name="Gus", email=GUS)
    followed(link)
    renamed(microsoft, GUS, "left@kestrel.example")
    microsoft.control("POST", "people/left@kestrel.example/delete")
    renamed(microsoft, "otto@kestrel.example", GUS)
    followed(link, after=hours(1))
    assert how(gus)[1:] == DISABLED

    renamed(microsoft, GUS, "carl@kestrel.example")
    microsoft.control("POST", "people/carl@kestrel.example/enable")
    followed(link, after=hours(2))

    assert how(gus)[1:] == NO_MAILBOX


# ── Two sweeps ──────────────────────────────────────────────────────────────
def test_who_is_disabled_at_microsoft_stays_out_whoever_asks(
    link: TenantLink, alice: User, microsoft: Simulator
) -> None:
    followed(link)
    with_person(microsoft, alice, "disable")
    seen = []

    for number in (1, 2, 3):
        followed(link, after=hours(number * 7))
        seen.append(how(alice)[1:])
        probed(link, after=hours(number * 7 + 1))
        seen.append(how(alice)[1:])

    assert set(seen) == {DISABLED}
    about = AuditEntry.objects.filter(about_id=alice.pk, action="calendar.not_connected_by_organization")
    assert about.count() == 1


def test_a_mailbox_on_premises_is_called_so_by_everybody(link: TenantLink, alice: User, microsoft: Simulator) -> None:
    followed(link)
    with_person(microsoft, alice, "move-on-premises")
    seen = []

    for number in range(1, 40, 6):
        probed(link, after=hours(number))
        checking.check(of(alice).pk, now=timezone.now() + hours(number) + timedelta(minutes=5))
        seen.append(how(alice)[2])
        followed(link, after=hours(number) + timedelta(minutes=30))
        seen.append(how(alice)[2])
        probed(link, after=hours(number) + timedelta(minutes=40))
        seen.append(how(alice)[2])

    assert set(seen) == {"on_premises"}
    assert standing(of(alice)) == (State.NOT_ELIGIBLE, "on_premises")


# ── Who is not named any more ───────────────────────────────────────────────
def test_who_was_gone_is_known_again_under_another_name(link: TenantLink, alice: User, microsoft: Simulator) -> None:
    followed(link)
    known = of(alice).object_id
    with_person(microsoft, alice, "delete")
    followed(link, after=hours(1))
    assert (how(alice)[1:], of(alice).object_id) == (NO_MAILBOX, known)

    with_person(microsoft, alice, "restore")
    renamed(microsoft, alice.email, "alice.jones@kestrel.example")
    followed(link, after=hours(2))

    assert (how(alice)[1], of(alice).address) == (State.CONNECTED, "alice.jones@kestrel.example")


@pytest.mark.parametrize(("number", "asked"), [(3, 3), (20, 20), (45, 0)])
def test_of_many_whom_the_directory_does_not_name_it_is_the_directory_that_is_doubted(
    link: TenantLink, kestrel: Account, number: int, asked: int
) -> None:
    everybody = crowd(kestrel, number)
    for one in connected_by(link, everybody):
        Connection.objects.filter(pk=one.pk).update(object_id=f"o-{one.user_id}")
    covered = {one.pk: Covered(one.pk, one.email, Integrations()) for one in everybody}

    made = planning.plan(link, people.of(link, covered), dict.fromkeys(covered, NOBODY), now=timezone.now())

    assert {one.object_id for one in made.wishes} <= {f"o-{one.pk}" for one in everybody}
    assert (len(made.wishes), made.unmatched) == (asked, {})


# ── Their own connections ───────────────────────────────────────────────────
def test_without_the_directory_their_own_is_moved_if_both_addresses_open_one_calendar(
    kestrel: Account, dana: User, alice: User, microsoft: Simulator
) -> None:
    """The primary address is not the one they sign in with."""
    own = connected(alice, microsoft)
    Connection.objects.filter(pk=own.pk).update(address="alice.smith@kestrel.example")
    link = served(kestrel, microsoft, by=dana)
    without_directory(link, microsoft)

    followed(link)
    assert how(alice)[1] == State.CONNECTED
    assert of(alice).move == Move.READY  # the right to read it may be on its way
    followed(link, after=hours(1))

    assert how(alice)[:2] == (Method.APPLICATION_PERMISSIONS.value, State.CONNECTED)
    assert of(alice).object_id == own.object_id


def test_without_the_directory_anothers_mailbox_is_not_moved(
    kestrel: Account, dana: User, alice: User, microsoft: Simulator
) -> None:
    connected(alice, microsoft, name=GUS)
    link = served(kestrel, microsoft, by=dana)
    without_directory(link, microsoft)

    followed(link)
    followed(link, after=hours(1))

    assert (how(alice)[:2], of(alice).move) == ((Method.OAUTH.value, State.CONNECTED), Move.REFUSED)


def test_nobody_is_about_to_be_moved_where_no_domain_is_left(
    kestrel: Account, dana: User, alice: User, microsoft: Simulator
) -> None:
    connected(alice, microsoft)
    link = served(kestrel, microsoft, by=dana)
    links.mark_ready(link)
    kestrel.associated_domains.update(state=DomainState.LAPSED)

    followed(link)

    assert of(alice).move == Move.UNKNOWN


def test_a_consent_that_has_ended_meanwhile_moves_nobody(
    kestrel: Account, dana: User, alice: User, microsoft: Simulator
) -> None:
    connected(alice, microsoft)
    link = served(kestrel, microsoft, by=dana)
    links.ended(link, actor=dana, now=timezone.now())

    links.mark_ready(link)

    assert of(alice).move == Move.UNKNOWN
