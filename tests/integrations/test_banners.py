"""The banner: on every page while one's own connection needs one, in one query, and nowhere twice."""

from __future__ import annotations

import html
import re
from typing import Any

import pytest
from django.urls import reverse

from accounts.models import User
from integrations import banners
from integrations.models import AwaitedApproval, State
from tests.cast import FOUNDED, Cast, ClientOf
from tests.integrations.tied import connect

pytestmark = pytest.mark.django_db

# What each state says, and where its one link leads; the others say nothing.
SAYS = {
    State.NEEDS_REAUTH: ("Microsoft does not accept its access any more", "/profile/calendar/reconnect/"),
    State.NOT_ELIGIBLE: ("finds no mailbox that it can read", "/profile/#calendar"),
    State.BLOCKED_BY_POLICY: ("the settings do not allow it", "/profile/#calendar"),
}
EVERYWHERE = ("/settings/", "/profile/edit/", "/people/", "/groups/", "/account/settings/mail-calendar/", "/audit/")


def banner_on(page: Any) -> str:
    """Its words and its link, or nothing."""
    found = re.findall(r'<section class="banner.*?</section>', page.content.decode(), re.DOTALL)
    assert len(found) <= 1
    return html.unescape(found[0]) if found else ""


def approval(person: User, *, released: bool) -> None:
    AwaitedApproval.objects.create(
        user=person,
        account=person.account,
        calendar_write=False,
        contacts_write=False,
        since_at=FOUNDED,
        released_at=FOUNDED if released else None,
    )


@pytest.mark.parametrize("state", State)
def test_each_state_that_needs_the_person_says_so_in_one_query(
    state: State, cast: Cast, django_assert_num_queries: Any
) -> None:
    connect([cast.dana], state)
    says, href = SAYS.get(state, ("", ""))

    with django_assert_num_queries(1):
        found = banners.on_own_connection(cast.dana)

    assert (found is not None) == (state in SAYS)
    if found:
        assert says in found.says
        assert found.href == href


@pytest.mark.parametrize("path", EVERYWHERE)
def test_it_is_on_every_page_of_whose_connection_it_is(path: str, cast: Cast, client_of: ClientOf) -> None:
    connect([cast.dana], State.NEEDS_REAUTH)

    shown = banner_on(client_of(cast.dana).get(path, follow=True))

    assert "Meridian can no longer read your calendar" in shown
    assert f'href="{reverse("reconnect")}">Reconnect</a>' in shown
    assert "aria-label=" in shown


def test_the_connections_of_others_are_no_business_of_an_admins_banner(cast: Cast, client_of: ClientOf) -> None:
    connect([cast.alice], State.NEEDS_REAUTH)
    client = client_of(cast.dana)

    assert not banner_on(client.get("/settings/", follow=True))
    assert not banner_on(client.get(reverse("person", args=[cast.alice.pk])))


@pytest.mark.parametrize("name", ["profile", "reconnect", "connection_delete"])
def test_a_page_that_says_it_itself_does_not_say_it_twice(name: str, cast: Cast, client_of: ClientOf) -> None:
    connect([cast.alice], State.NEEDS_REAUTH)

    page = client_of(cast.alice).get(reverse(name))

    assert page.status_code == 200
    assert not banner_on(page)


@pytest.mark.parametrize("state", [None, State.DISCONNECTED, State.AWAITING_ADMIN, State.NEEDS_REAUTH])
def test_who_was_released_by_an_admin_finds_the_last_step(state: State | None, alice: User) -> None:
    if state:
        connect([alice], state)
    approval(alice, released=True)

    found = banners.on_own_connection(alice)

    assert found is not None
    assert "one step is left" in found.says
    assert found.href == "/profile/#calendar"


def test_who_still_waits_or_is_connected_meanwhile_has_nothing_to_do(alice: User, bob: User) -> None:
    approval(alice, released=False)
    approval(bob, released=True)
    connect([bob])

    assert banners.on_own_connection(alice) is None
    assert banners.on_own_connection(bob) is None


def test_an_error_page_has_it_too(alice: User, client_of: ClientOf) -> None:
    connect([alice], State.NEEDS_REAUTH)

    page = client_of(alice).get("/no/such/page/")

    assert page.status_code == 404
    assert banner_on(page)
