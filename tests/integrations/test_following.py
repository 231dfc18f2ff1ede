"""People are connected by their organization's consent without a step of their own, and followed ever after."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from accounts import people
from accounts.models import Account, AuditEntry, DomainState, Group, Role, User
from integrations import fitting
from integrations.domains import DomainRule
from integrations.models import ALIVE, Connection, Move, State, TenantLink
from integrations.organization import following, links
from integrations.preferences import Method, ServicePolicy
from tests.cast import joined
from tests.integrations.authorized import BY_ADMIN
from tests.integrations.followed import followed, how, object_id_of, served, verified
from tests.integrations.linked import at, with_person
from tests.integrations.tied import set_to
from tests.integrations.wired import connected, row
from tests.simulated import Simulator

pytestmark = pytest.mark.django_db(transaction=True)

APP = Method.APPLICATION_PERMISSIONS.value
BUSY = {"status": 429, "retry_after": 600}
CONNECTED = (APP, State.CONNECTED, "")


def also_called(microsoft: Simulator, name: str, *addresses: str) -> None:
    microsoft.control("POST", f"people/{name}/aliases", {"addresses": list(addresses)})


@pytest.fixture
def link(kestrel: Account, dana: User, alice: User, bob: User, microsoft: Simulator) -> TenantLink:
    return served(kestrel, microsoft, by=dana)


def test_everybody_with_a_mailbox_is_connected(link: TenantLink, dana: User, alice: User, bob: User) -> None:
    fresh = followed(link)

    assert {how(person) for person in (dana, alice, bob)} == {CONNECTED}
    assert fresh.found == {
        "matched": 3,
        "no_mailbox": 0,
        "ambiguous": 0,
        "outside_domain": 0,
        "scoped_out": 0,
        "elsewhere": 0,
        "directory": "read",
    }
    assert fresh.followed_at is not None and fresh.claimed_until is None


def test_the_row_says_whose_mailbox_it_is_and_holds_no_token(
    link: TenantLink, alice: User, microsoft: Simulator
) -> None:
    followed(link)

    one = Connection.objects.get(user=alice)
    assert (one.tenant_id, one.object_id) == (link.tenant_id, object_id_of(microsoft, "alice@kestrel.example"))
    assert (one.link_id, one.address, one.refresh_token, one.access_token) == (link.pk, alice.email, "", "")
    assert (one.calendar_write, one.contacts_write) == (True, False)
    assert one.granted == ["Calendars.ReadWrite", "User.Read.All"]
    assert AuditEntry.objects.get(action="calendar.connected_by_organization", about_id=alice.pk).actor is None


def test_a_second_look_writes_nothing(link: TenantLink, alice: User) -> None:
    followed(link)
    before, entries = row(Connection, Connection.objects.get(user=alice).pk), AuditEntry.objects.count()

    followed(link, after=timedelta(hours=1))

    assert row(Connection, Connection.objects.get(user=alice).pk) == before
    assert AuditEntry.objects.count() == entries


def test_each_who_cannot_be_connected_is_told_why(
    link: TenantLink, kestrel: Account, alice: User, microsoft: Simulator
) -> None:
    nora = joined(kestrel, name="Nora", email="nora@kestrel.example")
    otto = joined(kestrel, name="Otto", email="otto@kestrel.example")
    nobody = joined(kestrel, name="Nobody", email="nobody@kestrel.example")
    also_called(microsoft, "gus@kestrel.example", "alice.too@kestrel.example")
    also_called(microsoft, "bob@kestrel.example", "dana.too@kestrel.example")
    twin = joined(kestrel, name="Dana too", email="dana.too@kestrel.example")

    fresh = followed(link)

    assert how(nora)[1:] == (State.NOT_ELIGIBLE, "no_mailbox")
    assert how(otto)[1:] == (State.NOT_ELIGIBLE, "account_disabled")
    assert how(nobody)[1:] == (State.NOT_ELIGIBLE, "no_mailbox")
    assert how(twin)[1:] == (State.NOT_ELIGIBLE, "ambiguous")  # Bob's mailbox, and Bob is here too
    assert (fresh.found["no_mailbox"], fresh.found["ambiguous"]) == (3, 2)


def test_people_of_other_domains_are_left_alone(link: TenantLink, kestrel: Account, microsoft: Simulator) -> None:
    """Whatever the directory says: the account has not proved that this address is its own."""
    stranger = joined(kestrel, name="Eve", email="eve@elsewhere.example")
    microsoft.control("POST", "tenants/kestrel.example/add-domain", {"name": "elsewhere.example"})
    also_called(microsoft, "gus@kestrel.example", "eve@elsewhere.example")

    fresh = followed(link)

    assert how(stranger) == ("", "", "")
    assert fresh.found["outside_domain"] == 1


def test_somebody_who_joins_is_connected_by_the_next_look(
    link: TenantLink, kestrel: Account, microsoft: Simulator
) -> None:
    followed(link)
    gus = joined(kestrel, name="Gus", email="gus@kestrel.example")

    followed(link, after=timedelta(hours=1))

    assert how(gus) == CONNECTED


def test_joining_calls_for_it(link: TenantLink, dana: User, kestrel: Account) -> None:
    followed(link)
    followed(link)
    assert following.to_follow(now=timezone.now()) == []
    email, now = "gus@kestrel.example", timezone.now()
    invited = people.invite(account=kestrel, email=email, name="Gus", role=Role.MEMBER, actor=dana, now=now)

    people.accept(invited.person, name="Gus", password="a-quiet-harbour-42", time_zone="UTC", now=timezone.now())

    assert following.to_follow(now=timezone.now()) == [link.pk]


def test_whom_a_group_leaves_to_oauth_is_not_connected_until_they_leave_it(
    link: TenantLink, dana: User, alice: User, sales: Group
) -> None:
    set_to("services", ServicePolicy(), at=sales, by=dana)
    followed(link)
    assert how(alice) == ("", "", "")

    alice.memberships.all().delete()
    followed(link, after=timedelta(hours=1))

    assert how(alice) == CONNECTED


def test_a_setting_that_changes_calls_for_it(link: TenantLink, dana: User, alice: User) -> None:
    followed(link)
    followed(link)  # the first token named new roles
    assert following.to_follow(now=timezone.now()) == []

    set_to("enabled", False, at=alice, by=dana, now=timezone.now())

    assert following.to_follow(now=timezone.now()) == [link.pk]


def test_who_turns_it_off_is_disconnected_and_back_on_is_connected_again(
    link: TenantLink, kestrel: Account, dana: User, alice: User
) -> None:
    followed(link)
    set_to("enabled", False, at=alice, by=alice)
    fitting.apply_policy(kestrel, now=timezone.now())
    followed(link, after=timedelta(hours=1))
    assert how(alice)[1] not in ALIVE

    fitting.let_go(kestrel, now=timezone.now() + timedelta(days=8))
    set_to("enabled", True, at=alice, by=alice)
    fitting.apply_policy(kestrel, now=timezone.now())
    followed(link, after=timedelta(days=8))

    assert how(alice) == CONNECTED


def test_a_renamed_name_to_sign_in_with_is_followed(link: TenantLink, alice: User, microsoft: Simulator) -> None:
    followed(link)
    before = Connection.objects.get(user=alice)

    microsoft.control("POST", "people/alice@kestrel.example/rename", {"upn": "alice.jones@kestrel.example"})
    followed(link, after=timedelta(hours=1))

    one = Connection.objects.get(user=alice)
    assert (one.state, one.object_id, one.since_at) == (State.CONNECTED, before.object_id, before.since_at)
    assert one.address == "alice.jones@kestrel.example"


def test_an_alias_that_is_added_is_followed(link: TenantLink, kestrel: Account, microsoft: Simulator) -> None:
    late = joined(kestrel, name="Gus", email="g.long@kestrel.example")
    followed(link)
    assert how(late)[1:] == (State.NOT_ELIGIBLE, "no_mailbox")

    also_called(microsoft, "gus@kestrel.example", "g.long@kestrel.example")
    followed(link, after=timedelta(hours=1))

    assert how(late) == CONNECTED
    assert Connection.objects.get(user=late).address == "gus@kestrel.example"


def test_an_account_that_is_switched_off_at_microsoft_is_not_eligible_until_it_is_back(
    link: TenantLink, alice: User, microsoft: Simulator
) -> None:
    followed(link)

    with_person(microsoft, alice, "disable")
    followed(link, after=timedelta(hours=1))
    assert how(alice)[1:] == (State.NOT_ELIGIBLE, "account_disabled")
    with_person(microsoft, alice, "enable")
    followed(link, after=timedelta(hours=2))

    assert how(alice) == CONNECTED


def test_without_the_right_to_read_the_directory_people_are_asked_for_by_their_address(
    link: TenantLink, kestrel: Account, alice: User, microsoft: Simulator
) -> None:
    followed(link)
    at(microsoft, "remove-roles", roles=["User.Read.All"])
    TenantLink.objects.filter(pk=link.pk).update(access_token="")
    gus = joined(kestrel, name="Gus", email="gus@kestrel.example")
    nobody = joined(kestrel, name="Nobody", email="nobody@kestrel.example")

    fresh = followed(link, after=timedelta(hours=1))

    assert (how(gus), how(alice)) == (CONNECTED, CONNECTED)
    assert how(nobody)[1:] == (State.NOT_ELIGIBLE, "no_mailbox")
    assert Connection.objects.get(user=gus).object_id == ""
    assert Connection.objects.get(user=alice).object_id != ""
    assert fresh.found["directory"] == "refused"


def test_the_right_to_read_the_directory_given_back_tells_who_it_is(
    link: TenantLink, alice: User, microsoft: Simulator
) -> None:
    at(microsoft, "remove-roles", roles=["User.Read.All"])
    followed(link)
    at(microsoft, "grant-roles", roles=["User.Read.All"])
    TenantLink.objects.filter(pk=link.pk).update(access_token="")

    followed(link, after=timedelta(hours=1))

    assert Connection.objects.get(user=alice).object_id == object_id_of(microsoft, "alice@kestrel.example")


def test_a_domain_that_lapsed_ends_its_peoples_connections(link: TenantLink, kestrel: Account, alice: User) -> None:
    followed(link)

    kestrel.associated_domains.update(state=DomainState.LAPSED)
    fresh = followed(link, after=timedelta(hours=1))

    assert how(alice)[1:] == (State.DISCONNECTED, "outside_domain")
    assert fresh.domains == []
    entry = AuditEntry.objects.get(action="calendar.organization_left", about_id=alice.pk)
    assert entry.after == {"reason": "outside_domain"}


def test_a_domain_that_lapsed_ends_them_while_microsoft_is_down(
    link: TenantLink, kestrel: Account, alice: User, microsoft: Simulator
) -> None:
    followed(link)
    kestrel.associated_domains.update(state=DomainState.LAPSED)
    for target in ("token", "graph"):
        microsoft.control("POST", "faults", {"target": target, "steps": [{"status": 503}]})

    followed(link, after=timedelta(hours=1))

    assert how(alice)[1:] == (State.DISCONNECTED, "outside_domain")


def test_a_domain_of_another_organization_is_not_its(link: TenantLink, kestrel: Account, microsoft: Simulator) -> None:
    """Verified here by the account, and at Microsoft Corvid's."""
    verified(kestrel, "corvid.example")
    trent = joined(kestrel, name="Trent", email="trent@corvid.example")

    fresh = followed(link)

    assert fresh.domains == ["kestrel.example"]
    assert how(trent) == ("", "", "")


def test_the_restriction_by_domain_holds_for_the_mailbox(
    link: TenantLink, dana: User, kestrel: Account, alice: User
) -> None:
    set_to("domains", DomainRule(is_on=True, domains=("owl.example",)), at=kestrel, by=dana)

    fresh = followed(link)

    assert how(alice) == ("", "", "")
    assert fresh.found["outside_domain"] == 3


def test_somebody_elses_mailbox_is_left_to_them(
    link: TenantLink, alice: User, mallory: User, microsoft: Simulator
) -> None:
    """Connected in another account, by whoever has signed in there."""
    Connection.objects.create(
        user=mallory,
        state=State.CONNECTED,
        since_at=timezone.now(),
        tenant_id=link.tenant_id,
        object_id=object_id_of(microsoft, alice.email),
        address=alice.email,
    )

    followed(link)

    assert how(alice)[1:] == (State.NOT_ELIGIBLE, "ambiguous")
    assert how(mallory)[:2] == (Method.OAUTH.value, State.CONNECTED)


def test_their_own_connection_is_moved_after_the_mailbox_has_opened(
    kestrel: Account, dana: User, alice: User, microsoft: Simulator
) -> None:
    own = connected(alice, microsoft)
    link = served(kestrel, microsoft, by=dana)
    microsoft.control("POST", "faults", {"target": "graph", "path": "$batch", "steps": [BUSY]})

    followed(link)
    kept = Connection.objects.get(pk=own.pk)
    assert (kept.method, kept.move, kept.refresh_token) == (Method.OAUTH.value, Move.READY, own.refresh_token)
    microsoft.control("DELETE", "faults")
    followed(link, after=timedelta(minutes=2))

    moved = Connection.objects.get(pk=own.pk)
    assert (moved.method, moved.state, moved.move, moved.object_id) == (APP, State.CONNECTED, "", own.object_id)
    assert (moved.refresh_token, moved.access_token, moved.connected_at) == ("", "", own.connected_at)
    assert AuditEntry.objects.filter(action="calendar.moved_to_organization", about_id=alice.pk).count() == 1


def test_their_own_connection_stays_where_the_organization_shuts_that_mailbox(
    kestrel: Account, dana: User, alice: User, bob: User, microsoft: Simulator
) -> None:
    own = connected(alice, microsoft)
    link = served(kestrel, microsoft, by=dana)
    at(microsoft, "access-policy", kind="deny", people=["alice@kestrel.example"])

    followed(link)

    kept = Connection.objects.get(pk=own.pk)
    assert (kept.method, kept.state, kept.move) == (Method.OAUTH.value, State.CONNECTED, Move.REFUSED)
    assert how(bob) == CONNECTED


def test_their_own_connection_to_another_mailbox_stays(
    kestrel: Account, dana: User, alice: User, microsoft: Simulator
) -> None:
    own = connected(alice, microsoft, name="gus@kestrel.example")
    link = served(kestrel, microsoft, by=dana)

    followed(link)

    kept = Connection.objects.get(pk=own.pk)
    assert (kept.method, kept.state, kept.move) == (Method.OAUTH.value, State.CONNECTED, Move.REFUSED)
    assert kept.refresh_token == own.refresh_token


def test_whoever_was_to_sign_in_again_need_not(kestrel: Account, dana: User, alice: User, microsoft: Simulator) -> None:
    own = connected(alice, microsoft)
    Connection.objects.filter(pk=own.pk).update(state=State.NEEDS_REAUTH, reason="password_expired", refresh_token="")
    link = served(kestrel, microsoft, by=dana)

    followed(link)

    assert how(alice) == CONNECTED


def test_what_is_granted_and_allowed_is_followed(link: TenantLink, kestrel: Account, dana: User, alice: User) -> None:
    followed(link)

    read_only = ServicePolicy(who_can_set_up=BY_ADMIN.who_can_set_up, calendar_write=False)
    set_to("services", read_only, at=kestrel, by=dana)
    followed(link, after=timedelta(hours=1))
    assert Connection.objects.get(user=alice).calendar_write is False
    set_to("services", BY_ADMIN, at=kestrel, by=dana)
    followed(link, after=timedelta(hours=2))

    assert Connection.objects.get(user=alice).calendar_write is True


def test_who_left_is_not_connected_again(link: TenantLink, dana: User, alice: User) -> None:
    followed(link)

    people.deactivate(alice, actor=dana, now=timezone.now())
    followed(link, after=timedelta(hours=1))

    assert how(alice)[1] == State.DISCONNECTED


def test_ending_disconnects_everybody_and_destroys_the_token(link: TenantLink, dana: User, alice: User) -> None:
    followed(link)

    assert links.ended(link, actor=dana, now=timezone.now()) == 3

    over = TenantLink.objects.get(pk=link.pk)
    assert (over.state, over.access_token, over.domains) == ("ended", "", [])
    assert how(alice)[1:] == (State.DISCONNECTED, "link_ended")
    assert following.to_follow(now=timezone.now()) == []
    assert AuditEntry.objects.get(action="organization.ended").affected == 3
