"""An organization's people connected by Exchange Web Services, with one token of its own."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from accounts.models import Account, Group, Letter, User
from integrations import failures, fitting
from integrations.models import Connection, EwsPast, LinkState, Move, State, TenantLink
from integrations.organization import hearing, link_checks, links, mailbox_rights, probing, wanted
from integrations.organization.needs import FULL_ACCESS, Standing, compare
from integrations.preferences import Api, Method, Service, ServicePolicy
from tests.cast import joined
from tests.integrations.followed import followed, how, served
from tests.integrations.linked import again, at, standing
from tests.integrations.linked_by_ews import BY_EWS, ROLE, allowed, linked_by_ews, served_by_ews, shut, shut_for
from tests.integrations.tied import set_to
from tests.integrations.wired import connected
from tests.simulated import Simulator

pytestmark = pytest.mark.django_db(transaction=True)
BY_APP = Method.APPLICATION_PERMISSIONS.value
LATER = timedelta(minutes=11)


@pytest.fixture
def link(kestrel: Account, dana: User, microsoft: Simulator) -> TenantLink:
    return served_by_ews(kestrel, microsoft, by=dana)


def of(person: User) -> Connection:
    return Connection.objects.get(user=person)


def checked(link: TenantLink, *, after: timedelta = timedelta()) -> TenantLink:
    found = link_checks.check_link(link.pk, now=timezone.now() + after)
    assert found is not None
    return found


def probed(link: TenantLink, *, after: timedelta = timedelta(hours=7)) -> None:
    """All mailboxes, as far as a worker goes."""
    now = timezone.now() + after
    TenantLink.objects.filter(pk=link.pk).update(probe_due_at=now)
    while probing.probe(link.pk, now=now, clock=lambda: now):
        pass


# ── Who is connected ────────────────────────────────────────────────────────
def test_everybody_with_a_mailbox_is_connected_by_it(link: TenantLink, alice: User, bob: User) -> None:
    fresh = followed(link)

    assert [how(one) for one in (alice, bob)] == [(BY_APP, State.CONNECTED, "")] * 2
    row = of(alice)
    assert (row.service, row.api, row.link_id) == (Service.OFFICE_365, Api.EWS, link.pk)
    assert (row.calendar_write, row.contacts_write, row.granted) == (False, False, [FULL_ACCESS])
    assert fresh.found["directory"] == "none"


def test_who_has_no_mailbox_in_exchange_online_is_told_so(link: TenantLink, kestrel: Account) -> None:
    nora = joined(kestrel, name="Nora", email="nora@kestrel.example")
    ingrid = joined(kestrel, name="Ingrid", email="ingrid@kestrel.example")

    followed(link)

    assert how(nora) == how(ingrid) == (BY_APP, State.NOT_ELIGIBLE, "no_mailbox")


def test_an_alias_leads_to_the_mailbox_by_its_own_name(link: TenantLink, kestrel: Account) -> None:
    moreau = joined(kestrel, name="Alice", email="a.moreau@kestrel.example")

    followed(link)

    assert of(moreau).address == "alice@kestrel.example"


def test_two_addresses_of_one_mailbox_connect_nobody(link: TenantLink, kestrel: Account, alice: User) -> None:
    moreau = joined(kestrel, name="Another Alice", email="a.moreau@kestrel.example")

    followed(link)

    assert how(alice) == how(moreau) == (BY_APP, State.NOT_ELIGIBLE, "ambiguous")


def test_whoever_has_a_mailbox_keeps_it(link: TenantLink, kestrel: Account, alice: User) -> None:
    followed(link)
    moreau = joined(kestrel, name="Another Alice", email="a.moreau@kestrel.example")

    followed(link)

    assert how(alice) == (BY_APP, State.CONNECTED, "")
    assert how(moreau) == (BY_APP, State.NOT_ELIGIBLE, "ambiguous")


def test_nobody_of_another_domain_is_asked_for(link: TenantLink, kestrel: Account) -> None:
    stranger = joined(kestrel, name="Trent", email="trent@corvid.example")

    followed(link)

    assert not Connection.objects.filter(user=stranger).exists()


def test_each_api_has_a_consent_and_people_of_its_own(
    kestrel: Account, sales: Group, alice: User, bob: User, dana: User, microsoft: Simulator
) -> None:
    by_graph = served(kestrel, microsoft, by=dana)
    by_ews = linked_by_ews(kestrel, microsoft)
    set_to("services", BY_EWS, at=sales, by=dana)

    followed(by_graph)
    followed(by_ews)

    assert (of(alice).link_id, of(alice).api) == (by_ews.pk, Api.EWS)
    assert (of(bob).link_id, of(bob).api) == (by_graph.pk, Api.GRAPH)
    assert again(by_ews).roles == [FULL_ACCESS]
    assert FULL_ACCESS not in again(by_graph).roles


# ── What stands in the way ──────────────────────────────────────────────────
def test_shut_for_all_pauses_all_and_tells_nobody(
    link: TenantLink, alice: User, bob: User, microsoft: Simulator
) -> None:
    followed(link)
    shut(microsoft)

    fresh = checked(link)

    assert (fresh.state, fresh.reason) == (LinkState.PAUSED, "ews_disabled")
    assert standing(of(alice)) == standing(of(bob)) == (State.PAUSED, "ews_disabled")
    assert not Letter.objects.exists()


def test_allowed_again_all_come_back(link: TenantLink, alice: User, microsoft: Simulator) -> None:
    followed(link)
    shut(microsoft)
    checked(link)
    allowed(microsoft)

    fresh = checked(link, after=LATER)

    assert fresh.state == LinkState.WORKING
    assert standing(of(alice)) == (State.CONNECTED, "")


def test_not_on_the_list_is_said_by_its_own_name(link: TenantLink, alice: User, microsoft: Simulator) -> None:
    followed(link)
    microsoft.control("POST", "tenants/kestrel.example/ews-allowed-apps", {"applications": [], "listed": True})

    assert checked(link).reason == "ews_not_allowed"


def test_shut_for_one_mailbox_is_that_ones_alone(
    link: TenantLink, alice: User, bob: User, microsoft: Simulator
) -> None:
    followed(link)
    shut_for(microsoft, alice)

    probed(link)

    assert standing(of(alice)) == (State.NOT_ELIGIBLE, "ews_disabled")
    assert standing(of(bob)) == (State.CONNECTED, "")
    assert again(link).state == LinkState.WORKING


def test_switched_on_for_it_again_it_comes_back(link: TenantLink, alice: User, bob: User, microsoft: Simulator) -> None:
    followed(link)
    shut_for(microsoft, alice)
    probed(link)
    shut_for(microsoft, alice, "true")

    probed(link, after=timedelta(hours=14))

    assert standing(of(alice)) == (State.CONNECTED, "")


def test_a_mailbox_that_is_shut_from_the_first_day_is_kept_in_view(
    link: TenantLink, alice: User, bob: User, microsoft: Simulator
) -> None:
    shut_for(microsoft, alice)

    followed(link)

    assert how(alice) == (BY_APP, State.NOT_ELIGIBLE, "ews_disabled")
    assert how(bob) == (BY_APP, State.CONNECTED, "")


def test_what_exchange_keeps_back_is_scoped_out(link: TenantLink, alice: User, bob: User, microsoft: Simulator) -> None:
    followed(link)
    at(microsoft, "access-policy", kind="deny", people=[alice.email])

    probed(link)

    assert standing(of(alice)) == (State.NOT_ELIGIBLE, "scoped_out")
    assert standing(of(bob)) == (State.CONNECTED, "")


def test_a_role_for_some_mailboxes_goes_on_where_it_counts(
    link: TenantLink, alice: User, bob: User, microsoft: Simulator
) -> None:
    followed(link)
    at(microsoft, "scope", role="Application EWS.AccessAsApp", people=[bob.email])
    at(microsoft, "remove-roles", roles=[ROLE])
    link_checks.check_link(link.pk, now=timezone.now(), anew=True)

    probed(link)

    fresh = again(link)
    assert (fresh.state, fresh.roles) == (LinkState.WORKING, [])
    assert standing(of(bob)) == (State.CONNECTED, "")
    assert standing(of(alice)) == (State.NOT_ELIGIBLE, "scoped_out")
    rows = compare(wanted.needed_for(fresh), fresh.roles, mailbox_rights.known(fresh))
    assert [(row.name, row.standing) for row in rows] == [(FULL_ACCESS, Standing.SCOPED)]


def test_a_consent_that_is_taken_back_pauses_all(link: TenantLink, alice: User, microsoft: Simulator) -> None:
    followed(link)
    at(microsoft, "remove-roles", roles=[ROLE])

    fresh = link_checks.check_link(link.pk, now=timezone.now(), anew=True)

    assert fresh is not None
    assert (fresh.state, fresh.reason) == (LinkState.PAUSED, "consent_revoked")


def test_while_exchange_asks_for_time_nobody_is_asked_for(
    link: TenantLink, alice: User, bob: User, microsoft: Simulator
) -> None:
    step = {"code": "ErrorServerBusy", "retry_after": 300}
    microsoft.control("POST", "faults", {"target": "ews", "steps": [step], "seconds": 60})

    fresh = followed(link)

    assert how(alice) == how(bob) == ("", "", "")
    assert fresh.not_before is not None
    assert fresh.not_before > timezone.now() + timedelta(minutes=4)


def test_throttled_probes_take_nothing_away(link: TenantLink, alice: User, bob: User, microsoft: Simulator) -> None:
    followed(link)
    step = {"code": "ErrorServerBusy", "retry_after": 300}
    microsoft.control("POST", "faults", {"target": "ews", "steps": [step], "seconds": 60})

    probed(link)

    assert standing(of(alice)) == standing(of(bob)) == (State.CONNECTED, "")
    assert again(link).state == LinkState.DEGRADED


def test_no_answer_is_passing_and_of_nobody(link: TenantLink, alice: User, microsoft: Simulator, settings: Any) -> None:
    followed(link)
    settings.MICROSOFT_EWS_URL = "https://localhost:9/EWS/Exchange.asmx"

    fresh = checked(link)

    assert (fresh.state, fresh.reason) == (LinkState.DEGRADED, "no_answer")
    assert standing(of(alice)) == (State.CONNECTED, "")


def test_the_mailbox_is_followed_to_its_new_name(link: TenantLink, kestrel: Account, microsoft: Simulator) -> None:
    moreau = joined(kestrel, name="Alice", email="a.moreau@kestrel.example")
    followed(link)
    Connection.objects.filter(user=moreau).update(address="alice.before@kestrel.example")

    probed(link)

    assert (of(moreau).address, of(moreau).state) == ("alice@kestrel.example", State.CONNECTED)


def test_an_address_that_became_anothers_ends_what_it_opened(
    link: TenantLink, kestrel: Account, alice: User, microsoft: Simulator
) -> None:
    support = joined(kestrel, name="Support", email="support@kestrel.example")
    followed(link)
    assert of(support).address == "bob@kestrel.example"
    microsoft.control("POST", "people/bob@kestrel.example/aliases", {"addresses": []})
    moreaus = ["a.moreau@kestrel.example", support.email]
    microsoft.control("POST", "people/alice@kestrel.example/aliases", {"addresses": moreaus})

    probed(link)

    assert standing(of(support)) == (State.NOT_ELIGIBLE, "ambiguous")
    assert standing(of(alice)) == (State.CONNECTED, "")


# ── Connections made otherwise ──────────────────────────────────────────────
def test_what_a_person_made_by_ews_is_moved_for_the_same_mailbox(
    kestrel: Account, alice: User, dana: User, microsoft: Simulator
) -> None:
    allowed(microsoft)
    set_to("services", ServicePolicy(authorize_with=Api.EWS), at=kestrel, by=dana)
    own = connected(alice, microsoft)

    followed(served_by_ews(kestrel, microsoft, by=dana))

    row = of(alice)
    assert (row.method, row.api, row.refresh_token) == (BY_APP, Api.EWS, "")
    assert (row.object_id, row.address) == (own.object_id, own.address)


def test_a_lock_does_not_cut_off_what_is_about_to_be_moved(
    kestrel: Account, alice: User, dana: User, microsoft: Simulator
) -> None:
    set_to("services", ServicePolicy(authorize_with=Api.EWS), at=kestrel, by=dana)
    link = linked_by_ews(kestrel, microsoft)
    connected(alice, microsoft)

    set_to("services", BY_EWS, at=kestrel, by=dana, is_locked=True)
    hearing.settings_changed(account=kestrel, key="integrations.services")
    fitting.apply_policy(kestrel, now=timezone.now())

    assert (of(alice).state, of(alice).move, of(alice).link) == (State.CONNECTED, Move.READY, None)
    assert link.domains == ["kestrel.example"]


def test_what_a_person_made_by_ews_stays_where_their_address_leads_elsewhere(
    kestrel: Account, alice: User, bob: User, dana: User, microsoft: Simulator
) -> None:
    allowed(microsoft)
    set_to("services", ServicePolicy(authorize_with=Api.EWS), at=kestrel, by=dana)
    connected(alice, microsoft, name=bob.email)
    link = served_by_ews(kestrel, microsoft, by=dana)

    followed(link)

    row = of(alice)
    assert (row.method, row.address, row.move) == (Method.OAUTH, bob.email, Move.REFUSED)


def test_what_a_person_made_by_graph_is_not_moved_back_to_ews(
    kestrel: Account, alice: User, dana: User, microsoft: Simulator
) -> None:
    connected(alice, microsoft)

    fresh = followed(served_by_ews(kestrel, microsoft, by=dana))

    row = of(alice)
    assert (row.method, row.api, row.move) == (Method.OAUTH, Api.GRAPH, Move.UNKNOWN)
    assert fresh.found["elsewhere"] == 1


def test_from_ews_to_graph_they_move_once_graph_has_opened_the_mailbox(
    link: TenantLink, kestrel: Account, alice: User, bob: User, dana: User, microsoft: Simulator
) -> None:
    followed(link)
    by_graph = served_by_graph_instead(kestrel, microsoft, by=dana)

    followed(by_graph)

    assert [(of(one).api, of(one).link_id, of(one).state) for one in (alice, bob)] == [
        (Api.GRAPH, by_graph.pk, State.CONNECTED)
    ] * 2
    past = EwsPast.objects.get(connection__user=alice)
    assert (past.method, past.link_id, past.address) == (BY_APP, link.pk, alice.email)


def test_where_graph_opens_nothing_ews_goes_on(
    link: TenantLink, kestrel: Account, alice: User, bob: User, dana: User, microsoft: Simulator
) -> None:
    followed(link)
    by_graph = served_by_graph_instead(kestrel, microsoft, by=dana)
    at(microsoft, "access-policy", kind="deny", people=[alice.email])

    followed(by_graph)

    assert (of(alice).api, of(alice).link_id, of(alice).state) == (Api.EWS, link.pk, State.CONNECTED)
    assert of(bob).api == Api.GRAPH


def served_by_graph_instead(kestrel: Account, microsoft: Simulator, *, by: User) -> TenantLink:
    from tests.integrations.authorized import set_up_by_admin
    from tests.integrations.linked import linked

    set_up_by_admin(kestrel, by=by)
    return linked(kestrel, microsoft)


def test_at_its_end_the_other_consent_goes_on(
    kestrel: Account, sales: Group, alice: User, bob: User, dana: User, microsoft: Simulator
) -> None:
    by_graph = served(kestrel, microsoft, by=dana)
    by_ews = linked_by_ews(kestrel, microsoft)
    set_to("services", BY_EWS, at=sales, by=dana)
    followed(by_graph)
    followed(by_ews)

    links.ended(by_ews, actor=dana, now=timezone.now())

    assert (of(alice).state, of(alice).reason) == (State.DISCONNECTED, failures.Reason.LINK_ENDED)
    assert of(bob).state == State.CONNECTED
    assert links.of_account(kestrel.pk) == [by_graph.pk]
