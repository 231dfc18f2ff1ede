"""The address that an OpenID provider sends the browser back to."""

from __future__ import annotations

from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlencode

import pytest
from django.http.response import HttpResponseBase
from django.test import Client
from django.urls import reverse

from accounts.models import Account, Bond, IdentityProvider, SignInEntry, SingleSignOnIdentity, User
from accounts.single_sign_on import openid_connect
from accounts.single_sign_on.causes import Cause
from accounts.single_sign_on.trips import Trip
from tests.accounts.single_sign_on.at_openid import set_up, trip_to
from tests.openid_provider import OpenIdProvider, another_provider, openid_certificate, openid_provider

__all__ = ["another_provider", "openid_certificate", "openid_provider"]

pytestmark = pytest.mark.django_db


@pytest.fixture
def row(kestrel: Account, openid_provider: OpenIdProvider) -> IdentityProvider:
    return set_up(kestrel, openid_provider.issuer, is_on=True)


@pytest.fixture
def bound(row: IdentityProvider, alice: User) -> SingleSignOnIdentity:
    now = datetime.now(UTC)
    return SingleSignOnIdentity.objects.create(
        provider=row,
        user=alice,
        issuer=row.issuer,
        subject="alice-7",
        email=alice.email,
        bond=Bond.DOMAIN,
        bound_at=now,
        last_used_at=now,
    )


def on_the_way(browser: Client, row: IdentityProvider, **changes: Any) -> Trip:
    """As `starting` leaves it."""
    trip = trip_to(row, **changes)
    session = browser.session
    session["single_sign_on"] = {trip.state: asdict(trip)}
    session.save()
    return trip


def answer_of(provider: OpenIdProvider, row: IdentityProvider, trip: Trip) -> str:
    """Path and query of the way back."""
    return provider.way_back(openid_connect.begin(row, trip, now=datetime.now(UTC))).removeprefix("http://localhost")


def cause_of(answer: HttpResponseBase) -> str:
    """What the log has of it; and the browser is told where to read about it."""
    entry = SignInEntry.objects.get()
    assert answer.status_code == 302
    assert answer.headers["Location"] == reverse("sso_trouble", args=[entry.reference])
    return entry.cause


def who(browser: Client) -> str:
    return str(browser.session.get("_auth_user_id", ""))


def test_whoever_is_bound_comes_in(
    openid_provider: OpenIdProvider, row: IdentityProvider, bound: SingleSignOnIdentity, client: Client
) -> None:
    trip = on_the_way(client, row, going_to="/profile/")

    answer = client.get(answer_of(openid_provider, row, trip))

    assert who(client) == str(bound.user_id)
    assert answer.headers["Location"] == "/profile/"


def test_the_answer_to_somebody_elses_question(
    openid_provider: OpenIdProvider, row: IdentityProvider, bound: SingleSignOnIdentity, client: Client
) -> None:
    """Login CSRF: the attacker’s own answer, in the victim’s browser."""
    trip = on_the_way(Client(), row)

    answer = client.get(answer_of(openid_provider, row, trip))

    assert cause_of(answer) == Cause.NOT_ASKED
    assert who(client) == ""
    assert openid_provider.forms == [], "The code was not even redeemed."


def test_an_answer_counts_once(
    openid_provider: OpenIdProvider, row: IdentityProvider, bound: SingleSignOnIdentity, client: Client
) -> None:
    path = answer_of(openid_provider, row, on_the_way(client, row))
    client.get(path)
    client.logout()
    SignInEntry.objects.all().delete()

    assert cause_of(client.get(path)) == Cause.NOT_ASKED


def test_the_answer_of_one_provider_at_the_address_of_another(
    kestrel: Account,
    openid_provider: OpenIdProvider,
    another_provider: OpenIdProvider,
    row: IdentityProvider,
    client: Client,
) -> None:
    other = set_up(kestrel, another_provider.issuer)
    trip = on_the_way(client, row)
    path = answer_of(openid_provider, row, trip).replace(row.key, other.key)

    assert cause_of(client.get(path)) == Cause.NOT_ASKED
    assert another_provider.forms == []


def test_an_answer_that_came_too_late(openid_provider: OpenIdProvider, row: IdentityProvider, client: Client) -> None:
    begun = datetime.now(UTC) - timedelta(minutes=11)
    trip = on_the_way(client, row, begun_at=begun.timestamp())

    assert cause_of(client.get(answer_of(openid_provider, row, trip))) == Cause.TOO_LATE


def test_something_that_stands_twice(openid_provider: OpenIdProvider, row: IdentityProvider, client: Client) -> None:
    path = answer_of(openid_provider, row, on_the_way(client, row))

    assert cause_of(client.get(f"{path}&code=another")) == Cause.MALFORMED


def test_somebody_who_went_back(row: IdentityProvider, client: Client) -> None:
    trip = on_the_way(client, row)
    said = urlencode({"state": trip.state, "error": "access_denied"})

    assert cause_of(client.get(f"{reverse('sso_callback', args=[row.key])}?{said}")) == Cause.CANCELLED


def test_no_provider_of_this_name(client: Client) -> None:
    assert client.get(reverse("sso_callback", args=["nobodys"])).status_code == 404


def test_a_provider_of_the_other_protocol(kestrel: Account, client: Client) -> None:
    row = set_up(kestrel, "https://idp.example", protocol="saml")

    assert client.get(reverse("sso_callback", args=[row.key])).status_code == 404


def test_nobody_keeps_the_answer(row: IdentityProvider, client: Client) -> None:
    answer = client.get(reverse("sso_callback", args=[row.key]))

    assert "no-store" in answer.headers["Cache-Control"]
    assert client.post(reverse("sso_callback", args=[row.key])).status_code == 405
