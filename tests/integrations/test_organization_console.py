"""People whom their organization has connected, on the console: found, shown, and what may be done with many."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from accounts import deleting, job_reports, jobs
from accounts.models import Job, Letter
from integrations import approval_queue, approvals, incidents, telling
from integrations.console import bulk
from integrations.failures import Reason
from integrations.models import AwaitedApproval, Connection, Incident, LinkState, State, TenantLink
from tests.cast import Cast, ClientOf, crowd
from tests.integrations.authorized import BY_ADMIN, authorized, connected_by, set_up_by_admin
from tests.integrations.tied import connect, set_to, state_of

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def link(cast: Cast) -> TenantLink:
    set_up_by_admin(cast.kestrel, by=cast.dana)
    return authorized(cast.kestrel)


def page_of(client: Client, query: str = "") -> str:
    return client.get(reverse("connections") + query).content.decode()


def worked() -> dict[str, tuple[str, str]]:
    """What the newest job says of each person."""
    job = Job.objects.latest("created_at")
    while jobs.work_on(job.pk, now=timezone.now()):
        pass
    return {str(email): (str(state), str(what)) for _, email, state, what in job_reports.report(job)}


# ── Found and shown ─────────────────────────────────────────────────────────
def test_they_are_found_by_their_organization_and_by_the_method(
    cast: Cast, link: TenantLink, client_of: ClientOf
) -> None:
    connected_by(link, [cast.alice])
    connect([cast.bob])
    dana = client_of(cast.dana)

    for query in (f"?organization={link.pk}", "?method=application_permissions"):
        found = page_of(dana, query)
        assert "alice@kestrel.example" in found and "bob@kestrel.example" not in found
    assert f'<option value="{link.pk}" selected>kestrel.example</option>' in page_of(dana, f"?organization={link.pk}")


@pytest.mark.parametrize("sent", ["0", "-1", "nonsense", "9" * 40])
def test_nonsense_filters_nothing(sent: str, cast: Cast, link: TenantLink, client_of: ClientOf) -> None:
    connected_by(link, [cast.alice])

    assert "alice@kestrel.example" in page_of(client_of(cast.dana), f"?organization={sent}")


def test_another_accounts_organization_filters_nothing(cast: Cast, link: TenantLink, client_of: ClientOf) -> None:
    theirs = authorized(cast.corvid, domains=["corvid.example"])
    connected_by(link, [cast.alice])

    found = page_of(client_of(cast.dana), f"?organization={theirs.pk}")

    assert "alice@kestrel.example" in found and "corvid.example" not in found


def test_where_no_organization_has_consented_there_is_no_such_filter(cast: Cast, client_of: ClientOf) -> None:
    connect([cast.alice])

    assert "All organizations" not in page_of(client_of(cast.dana))


def test_it_says_what_is_used_and_that_no_mailbox_was_found(cast: Cast, link: TenantLink, client_of: ClientOf) -> None:
    connected_by(link, [cast.alice], calendar_write=True)
    connected_by(link, [cast.bob], State.NOT_ELIGIBLE, reason=Reason.NO_MAILBOX, object_id="", address="")

    found = page_of(client_of(cast.dana))

    assert "Office 365 · Graph API · Application permissions" in found
    assert "Calendar: write · Contacts: none" in found
    assert "No mailbox found" in found


def test_contacts_are_read_where_they_are_ticked_and_given(cast: Cast, link: TenantLink, client_of: ClientOf) -> None:
    connected_by(link, [cast.alice], granted=["Calendars.Read", "Contacts.Read"])
    dana = client_of(cast.dana)
    assert "Calendar: read · Contacts: none" in page_of(dana)

    ticked = dataclasses.replace(BY_ADMIN, organization_contacts=True)
    set_to("services", ticked, at=cast.kestrel, by=cast.dana)

    assert "Calendar: read · Contacts: read" in page_of(dana)
    assert "Calendar: read · Contacts: read" in dana.get(reverse("connections_csv")).getvalue().decode()


@pytest.mark.parametrize("number", [5, 60])
def test_a_page_costs_one_query_more_however_many_an_organization_connects(
    number: int, cast: Cast, link: TenantLink, client_of: ClientOf, django_assert_num_queries: Any
) -> None:
    connected_by(link, crowd(cast.kestrel, number, group=cast.sales))
    dana = client_of(cast.dana)
    page_of(dana)

    with django_assert_num_queries(17):
        page_of(dana)


# ── Many at once ────────────────────────────────────────────────────────────
def test_nobody_is_reminded_of_what_only_the_organization_can_mend(
    cast: Cast, link: TenantLink, client_of: ClientOf
) -> None:
    [connection] = connected_by(link, [cast.alice], State.NOT_ELIGIBLE, reason=Reason.SCOPED_OUT)

    client_of(cast.dana).post(reverse("connections_act"), {"do": "remind", "chosen": [cast.alice.pk]})

    assert worked() == {"alice@kestrel.example": ("Nothing to do", bulk.NOTHING_OF_THEIRS.outcome)}
    assert telling.remind([connection], by=cast.dana, now=timezone.now()) == set()
    assert not Letter.objects.exists()


def test_nobody_is_disconnected_who_would_be_connected_again_at_the_next_look(
    cast: Cast, link: TenantLink, client_of: ClientOf
) -> None:
    connected_by(link, [cast.alice])
    connect([cast.bob])
    dana = client_of(cast.dana)
    chosen = {"do": "disconnect", "chosen": [cast.alice.pk, cast.bob.pk, cast.gus.pk]}

    address = dana.post(reverse("connections_act"), chosen).headers["Location"]
    page = dana.get(address).content.decode()
    dana.post(address, {"reason": ""})

    assert "Disconnect 1 person?" in page
    assert 'which the settings end</dt><dd class="num">1</dd>' in page
    assert 'Not connected</dt><dd class="num">1</dd>' in page
    assert worked()["alice@kestrel.example"] == ("Nothing to do", bulk.BY_ORGANIZATION.outcome)
    assert (state_of(cast.alice), state_of(cast.bob)) == (State.CONNECTED, State.DISCONNECTED)


def test_who_was_moved_to_the_organization_before_the_worker_came_is_spared(
    cast: Cast, link: TenantLink, client_of: ClientOf
) -> None:
    connect([cast.alice])
    dana = client_of(cast.dana)
    address = dana.post(reverse("connections_act"), {"do": "disconnect", "chosen": [cast.alice.pk]}).headers["Location"]
    dana.post(address, {"reason": ""})

    Connection.objects.update(method="application_permissions", link=link)

    assert worked() == {"alice@kestrel.example": ("Nothing to do", bulk.BY_ORGANIZATION.outcome)}
    assert state_of(cast.alice) == State.CONNECTED


# ── What else lives beside them ─────────────────────────────────────────────
def test_nobody_waits_for_an_approval_where_an_admin_authorizes_for_all(cast: Cast) -> None:
    wish = {"calendar_write": False, "contacts_write": False}
    AwaitedApproval.objects.create(user=cast.alice, account=cast.kestrel, since_at=timezone.now(), **wish)

    set_up_by_admin(cast.kestrel, by=cast.dana)
    approvals.fit(cast.kestrel, now=timezone.now())

    assert not AwaitedApproval.objects.exists()


def test_what_the_organization_gave_for_all_is_nobodys_own_consent(cast: Cast, link: TenantLink) -> None:
    connected_by(link, [cast.alice], granted=["Calendars.ReadWrite"])
    connect([cast.bob], tenant_id=link.tenant_id, granted=["Calendars.ReadWrite"])

    assert approval_queue._given_by_people(cast.kestrel, link.tenant_id) == {"Calendars.ReadWrite": 1}


def test_an_organization_that_is_paused_is_no_incident_and_one_that_does_not_answer_is_one(
    cast: Cast, link: TenantLink
) -> None:
    connected_by(link, crowd(cast.kestrel, 10), State.PAUSED, reason=Reason.CONSENT_REVOKED)
    incidents.watch(now=timezone.now())
    assert not Incident.objects.exists()

    TenantLink.objects.update(state=LinkState.DEGRADED, reason=Reason.NO_ANSWER)
    Connection.objects.update(state=State.DEGRADED, reason=Reason.NO_ANSWER)
    incidents.watch(now=timezone.now())

    assert Incident.objects.get().affected == 10


def test_whoever_is_deleted_takes_the_connection_along_and_nothing_of_the_authorization(
    cast: Cast, link: TenantLink
) -> None:
    connected_by(link, [cast.alice, cast.bob])
    TenantLink.objects.update(linked_by=cast.alice)

    deleting.delete(cast.alice, actor=cast.dana, now=timezone.now())

    assert list(Connection.objects.values_list("user", flat=True)) == [cast.bob.pk]
    link.refresh_from_db()
    assert (link.state, link.linked_by) == (LinkState.WORKING, None)
