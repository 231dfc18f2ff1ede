"""The admin's page of those who wait: what it says in each state, and what it costs."""

from __future__ import annotations

import html
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from accounts.models import AuditEntry, User
from integrations import admin_consent
from integrations.models import AwaitedApproval, TenantConsent
from tests.cast import FOUNDED, Cast, ClientOf, crowd
from tests.integrations.stopped import (
    CORVID,
    KESTREL,
    consented,
    is_released,
    link_of,
    made,
    proved,
    queue,
    recorded,
    waits,
)
from tests.integrations.tied import connect
from tests.simulated import Simulator

pytestmark = pytest.mark.django_db

PAGE, ACT = "approvals", "approvals_act"


def shown(browser: Client, **query: str) -> str:
    return html.unescape(browser.get(reverse(PAGE), query).content.decode())


@pytest.fixture
def admin(cast: Cast, client_of: ClientOf) -> Client:
    return client_of(cast.dana)


def test_without_anybody_who_waits_it_says_so(admin: Client) -> None:
    assert "Nobody waits" in shown(admin)


def test_it_shows_who_waits_for_what_and_since_when(cast: Cast, admin: Client) -> None:
    queue([cast.alice], calendar_write=True, code="AADSTS90095")
    queue([cast.wilhelmina])

    page = shown(admin)

    assert "2 people wait" in page
    for words in ("Alice", "Calendar: write · Contacts: read", "AADSTS90095", cast.wilhelmina.email):
        assert words in page
    assert "1–2 of 2 people" in page


def test_one_organization_at_a_time_the_fullest_first(cast: Cast, admin: Client) -> None:
    queue([cast.alice, cast.bob])
    queue([cast.gus], tenant_id=CORVID, domain="corvid.example")

    first, other = shown(admin), shown(admin, organization=CORVID)

    assert ("Alice" in first, "gus@kestrel.example" in first) == (True, False)
    assert ("Alice" in other, "gus@kestrel.example" in other) == (False, True)


def test_many_organizations_are_chosen_from_a_list(cast: Cast, admin: Client) -> None:
    for number, person in enumerate(crowd(cast.kestrel, 15)):
        queue([person], tenant_id="", domain=f"domain-{number:02}.example")

    page = shown(admin, organization="domain-13.example")

    assert '<option value="domain-13.example" selected>domain-13.example (1)</option>' in page
    assert "Member 013" in page
    assert "Member 012" not in page


def test_domains_of_one_tenant_are_one_organization(cast: Cast, admin: Client) -> None:
    queue([cast.alice])
    queue([cast.bob], domain="kestrelandco.example")

    assert "kestrel.example, kestrelandco.example" in shown(admin)


def test_a_domain_that_nobody_knows_is_said_so(cast: Cast, admin: Client) -> None:
    queue([cast.alice], tenant_id="", domain="nobody.example")

    page = shown(admin)

    assert "Microsoft knows no organization of this domain." in page
    assert "Make a link" not in page


@pytest.mark.parametrize("do", ["release", "link"])
def test_nobody_is_approved_or_asked_for_where_no_organization_is_known(
    do: str, cast: Cast, admin: Client, microsoft: Simulator
) -> None:
    queue([cast.alice], tenant_id="", domain="one.example")
    queue([cast.bob], tenant_id="", domain="two.example")

    answer = admin.post(reverse(ACT), {"organization": "one.example", "do": do}, follow=True)

    assert "Microsoft knows no organization of this domain yet." in answer.content.decode()
    assert not TenantConsent.objects.exists()
    assert waits(cast.alice) and waits(cast.bob)


def test_an_unfinished_look_up_asks_for_itself_again(cast: Cast, admin: Client) -> None:
    queue([cast.alice], tenant_id="", looked_up_at=None, since_at=timezone.now())

    page = shown(admin)

    assert "asks Microsoft whose domain this is" in page
    assert 'hx-trigger="load delay:2s"' in page


def test_a_look_up_that_nobody_answers_is_said_so_with_another_way(cast: Cast, admin: Client) -> None:
    queue([cast.alice], tenant_id="", looked_up_at=None)

    page = shown(admin)

    assert "Microsoft has not said yet whose domain this is." in page
    assert "Domain at Microsoft" in page and "Look again" in page
    assert 'hx-trigger="load delay:2s"' not in page


def test_it_is_searched(cast: Cast, admin: Client) -> None:
    queue([cast.alice, cast.bob])

    assert "Alice" not in shown(admin, q="bob@")
    assert "Nobody matches" in shown(admin, q="nobody of that name")


def test_many_are_turned_over_page_by_page(cast: Cast, admin: Client) -> None:
    queue(crowd(cast.kestrel, 120))

    page = shown(admin, page="3")

    assert "101–120 of 120 people" in page
    assert "Member 119" in page
    assert "Member 000" not in page


def test_an_admin_is_not_led_where_only_owners_may_go(cast: Cast, client_of: ClientOf) -> None:
    User.objects.filter(pk=cast.bob.pk).update(role="admin")
    queue([cast.dana, cast.alice])

    page = shown(client_of(User.objects.get(pk=cast.bob.pk)))

    assert reverse("person", args=[cast.alice.pk]) in page
    assert reverse("person", args=[cast.dana.pk]) not in page


def test_the_link_is_made_and_shown_with_a_text_to_send(cast: Cast, admin: Client, microsoft: Simulator) -> None:
    queue([cast.alice])
    assert "Make a link" in shown(admin)

    answer = admin.post(reverse(ACT), {"organization": KESTREL, "do": "link"}, follow=True)

    page, link = html.unescape(answer.content.decode()), link_of(TenantConsent.objects.get())
    assert page.count(link) == 3  # to copy, in the letter, and to open
    assert "Open at Microsoft" in page
    assert "New link" in page
    assert answer.headers["Cache-Control"].count("no-store") == 1
    entry = AuditEntry.objects.get(action="tenant_consent.made")
    assert (entry.actor, entry.after) == (cast.dana, {"permissions": ["Calendars.Read", "Contacts.Read", "User.Read"]})


def test_scope_by_scope_what_is_granted_and_what_is_missing(cast: Cast, admin: Client, microsoft: Simulator) -> None:
    queue([cast.alice])
    consent = made(cast.kestrel, cast.dana)
    recorded(consented(consent, microsoft))
    proved(consent)
    queue([cast.gus], calendar_write=True, since_at=timezone.now() + timedelta(seconds=1))
    connect([cast.bob], tenant_id=KESTREL, granted=["User.Read", "Calendars.ReadWrite"])

    page = shown(admin)

    assert page.count("</svg>Granted</span>") == 2  # User.Read and Contacts.Read
    assert page.count("Missing") == 1
    assert "1 person has it for themselves" in page
    assert "Approved, and yet Microsoft stops people." in page


@pytest.mark.parametrize(
    ("columns", "says"),
    [
        ({}, "The link waits to be opened."),
        ({"expires_at": FOUNDED}, "The link has expired."),
        ({"answered_at": timezone.now}, "asks Microsoft whether that is so"),
        ({"answered_at": FOUNDED}, "No worker has answered for 30 seconds."),
        ({"answered_at": FOUNDED, "attempts": 2, "code": "AADSTS700016"}, "everywhere yet (AADSTS700016)"),
        ({"answered_at": FOUNDED, "attempts": 2, "code": "AADSTS7000215"}, "cannot say at the moment (AADSTS7000215)"),
        ({"answered_at": FOUNDED, "attempts": 2}, "Microsoft does not answer. Meridian asks again by itself."),
        ({"answered_at": FOUNDED, "reason": "declined"}, "The Microsoft 365 admin declined."),
        ({"answered_at": FOUNDED, "reason": "cancelled"}, "left without accepting"),
        ({"answered_at": FOUNDED, "reason": "admin_approval"}, "who is no Microsoft 365 admin there"),
        ({"answered_at": FOUNDED, "reason": "service_trouble"}, "Microsoft had trouble answering"),
        ({"answered_at": FOUNDED, "reason": "app_removed", "attempts": 9}, "did not bear out"),
        ({"answered_at": FOUNDED, "granted_at": FOUNDED, "granted": ["User.Read"]}, "Approved without Calendars.Read"),
    ],
)
def test_how_it_stands_with_the_link(
    cast: Cast, admin: Client, microsoft: Simulator, columns: dict[str, Any], says: str
) -> None:
    queue([cast.alice], since_at=FOUNDED - timedelta(days=1))
    made(cast.kestrel, cast.dana)
    values = {name: value() if callable(value) else value for name, value in columns.items()}
    TenantConsent.objects.update(**values)

    assert says in shown(admin)


def test_the_released_are_listed_until_they_connect(cast: Cast, admin: Client) -> None:
    queue([cast.alice], released_at=FOUNDED)

    page = shown(admin)

    assert "Approved, one step left" in page
    assert "Nobody waits" in page


@pytest.mark.parametrize("do", ["link", "check", "release", "domain", "anything", ""])
def test_what_nobody_waits_for_changes_nothing(cast: Cast, admin: Client, do: str) -> None:
    queue([cast.mallory])

    page = admin.post(reverse(ACT), {"organization": KESTREL, "do": do}, follow=True).content.decode()

    assert "Nothing has changed" in page
    assert AwaitedApproval.objects.filter(released_at=None).count() == 1
    assert not TenantConsent.objects.exists()


def test_strangers_see_and_touch_nothing(cast: Cast, client_of: ClientOf, microsoft: Simulator) -> None:
    queue([cast.alice])
    link = link_of(made(cast.kestrel, cast.dana))
    stranger = client_of(cast.mallory)

    page = shown(stranger, organization=KESTREL)
    stranger.post(reverse(ACT), {"organization": KESTREL, "do": "release"})

    assert not [word for word in ("Alice", "kestrel.example", link) if word in page]
    assert not is_released(cast.alice)


@pytest.mark.parametrize("number", [5, 500])
def test_it_costs_the_same_however_many_wait(
    cast: Cast, admin: Client, microsoft: Simulator, number: int, django_assert_num_queries: Any
) -> None:
    people = crowd(cast.kestrel, number)
    queue(people[::2])
    queue(people[1::2], tenant_id=CORVID, domain="corvid.example", calendar_write=True)
    made(cast.kestrel, cast.dana)
    shown(admin)

    with django_assert_num_queries(COST):
        shown(admin)


COST = 11


def test_a_link_of_a_lost_key_is_made_anew(cast: Cast, admin: Client, microsoft: Simulator) -> None:
    queue([cast.alice])
    made(cast.kestrel, cast.dana)
    TenantConsent.objects.update(state="v1.gone.AAAA")

    page = shown(admin)

    assert "Make a link" in page
    assert "Open at Microsoft" not in page


def test_who_waits_for_whom_is_not_told_to_a_member(cast: Cast, client_of: ClientOf) -> None:
    queue([cast.alice])
    person: User = cast.bob

    assert client_of(person).get(reverse(PAGE)).status_code == 403


def test_a_link_past_its_time_is_not_shown(cast: Cast, admin: Client, microsoft: Simulator) -> None:
    queue([cast.alice])
    consent = made(cast.kestrel, cast.dana, now=timezone.now() - admin_consent.LASTS)

    assert link_of(consent) == ""
    assert "The link has expired." in shown(admin)
