"""From the sign-in page to the provider and back, with a real one."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from html import unescape
from typing import Any

import pytest
from django.http.response import HttpResponseBase
from django.test import Client
from django.utils import timezone

from accounts import invitations, openings, people
from accounts.models import (
    Account,
    AssociatedDomain,
    AuditEntry,
    Bond,
    DomainState,
    Group,
    IdentityProvider,
    Meaning,
    Membership,
    ProviderMapping,
    Role,
    SignInEntry,
    SingleSignOnIdentity,
    User,
)
from accounts.single_sign_on import log, returning
from accounts.single_sign_on.causes import WORDS, Cause
from tests.accounts.sign_in.test_second_factor import code_of, turned_on
from tests.accounts.single_sign_on.at_openid import set_up
from tests.cast import FOUNDED, PASSWORD, ClientOf, joined
from tests.openid_provider import OpenIdProvider, another_provider, openid_certificate, openid_provider

__all__ = ["another_provider", "openid_certificate", "openid_provider"]

pytestmark = pytest.mark.django_db


@pytest.fixture
def row(kestrel: Account, openid_provider: OpenIdProvider) -> IdentityProvider:
    return set_up(kestrel, openid_provider.issuer, is_on=True)


@pytest.fixture
def verified(kestrel: Account) -> AssociatedDomain:
    return AssociatedDomain.objects.create(
        account=kestrel, name="kestrel.example", token="t", added_at=FOUNDED, state=DomainState.VERIFIED
    )


def link_in(page: HttpResponseBase) -> str:
    found = re.search(r'href="(/auth/sso/[^"]*)"', page.content.decode())  # type: ignore[attr-defined]
    assert found
    return unescape(found[1])


def sign_in(
    browser: Client, provider: OpenIdProvider, *, going_to: str = "", email: str = "alice@kestrel.example"
) -> Any:
    """As a person does it: the address, the link, the provider."""
    page = browser.post("/auth/login/", {"login": email, "next": going_to})
    away = browser.get(link_in(page))
    assert away.status_code == 302, away.content
    assert away.headers["Location"].startswith(provider.issuer)
    return browser.get(provider.way_back(away.headers["Location"]).removeprefix("http://localhost"))


def who(browser: Client) -> str:
    return str(browser.session.get("_auth_user_id", ""))


def cause_of(answer: HttpResponseBase) -> str:
    entry = SignInEntry.objects.filter(outcome="refused").latest("pk")
    assert answer.headers["Location"] == f"/auth/sso/trouble/{entry.reference}/"
    return entry.cause


# ── Bound safely ────────────────────────────────────────────────────────────
@pytest.mark.usefixtures("row")
def test_an_address_alone_asks_for_the_own_password_once(
    client: Client, openid_provider: OpenIdProvider, alice: User
) -> None:
    answer = sign_in(client, openid_provider, going_to="/profile/edit/")
    assert (answer.headers["Location"], who(client)) == ("/auth/sso/confirm/", "")

    wrong = client.post("/auth/sso/confirm/", {"password": "not this one"})
    assert b"That is not your password." in wrong.content
    assert not SingleSignOnIdentity.objects.exists()

    right = client.post("/auth/sso/confirm/", {"password": PASSWORD})
    assert (right.headers["Location"], who(client)) == ("/profile/edit/", str(alice.pk))
    assert SingleSignOnIdentity.objects.get().bond == Bond.PASSWORD

    another = Client()
    assert sign_in(another, openid_provider).headers["Location"] != "/auth/sso/confirm/"
    assert who(another) == str(alice.pk)


@pytest.mark.usefixtures("row")
def test_who_has_a_second_factor_shows_it_too(
    client: Client, openid_provider: OpenIdProvider, alice: User, client_of: ClientOf
) -> None:
    secret = turned_on(client_of(alice))
    sign_in(client, openid_provider, going_to="/profile/edit/")

    first = client.post("/auth/sso/confirm/", {"password": PASSWORD})
    assert (first.headers["Location"], who(client)) == ("/auth/sso/confirm/", "")
    assert not SingleSignOnIdentity.objects.exists()
    page = client.get("/auth/sso/confirm/").content
    assert b"second factor" in page
    assert b'type="password"' not in page

    for said in ({"code": "000000"}, {"code": ""}, {"password": PASSWORD}):
        client.post("/auth/sso/confirm/", said)
        assert who(client) == ""
        assert not SingleSignOnIdentity.objects.exists()
    assert SignInEntry.objects.filter(cause=Cause.WRONG_CODE).count() == 1

    right = client.post("/auth/sso/confirm/", {"code": code_of(secret, ahead=1)})
    assert (right.headers["Location"], who(client)) == ("/profile/edit/", str(alice.pk))
    assert SingleSignOnIdentity.objects.get().bond == Bond.PASSWORD


@pytest.mark.usefixtures("row", "alice")
def test_five_wrong_passwords_end_it(client: Client, openid_provider: OpenIdProvider) -> None:
    sign_in(client, openid_provider)

    answers = [client.post("/auth/sso/confirm/", {"password": f"wrong {n}"}) for n in range(5)]

    assert cause_of(answers[-1]) in (Cause.WRONG_PASSWORD, Cause.TOO_MANY_TRIES)
    assert client.post("/auth/sso/confirm/", {"password": PASSWORD}).headers["Location"] == "/auth/login/"
    assert not SingleSignOnIdentity.objects.exists()


@pytest.mark.usefixtures("row")
def test_the_password_of_somebody_else_proves_nothing(
    client: Client, openid_provider: OpenIdProvider, alice: User, kestrel: Account
) -> None:
    other = joined(kestrel, name="Other", email="other@kestrel.example")
    other.set_password("a-very-different-harbour")
    other.save()
    sign_in(client, openid_provider)

    client.post("/auth/sso/confirm/", {"password": "a-very-different-harbour"})

    assert who(client) == ""


@pytest.mark.usefixtures("row", "verified")
def test_a_verified_domain_binds_by_itself(client: Client, openid_provider: OpenIdProvider, alice: User) -> None:
    sign_in(client, openid_provider)

    assert who(client) == str(alice.pk)
    assert SingleSignOnIdentity.objects.get(user=alice).bond == Bond.DOMAIN
    assert AuditEntry.objects.filter(action="person.identity_bound").exists()


@pytest.mark.usefixtures("row", "verified")
@pytest.mark.parametrize("role", [Role.OWNER, Role.ADMIN])
def test_whoever_has_power_proves_it(client: Client, openid_provider: OpenIdProvider, alice: User, role: str) -> None:
    User.objects.filter(pk=alice.pk).update(role=role)

    assert sign_in(client, openid_provider).headers["Location"] == "/auth/sso/confirm/"


@pytest.mark.usefixtures("verified")
def test_somebody_new_is_created_where_that_is_wanted(
    client: Client, openid_provider: OpenIdProvider, row: IdentityProvider
) -> None:
    openid_provider.person = {"sub": "new-1", "email": "New@kestrel.example", "name": "New Kestrel"}
    assert cause_of(sign_in(client, openid_provider, email="new@kestrel.example")) == Cause.NOBODY

    IdentityProvider.objects.filter(pk=row.pk).update(creates_people=True)
    sign_in(client, openid_provider, email="new@kestrel.example")

    person = User.objects.get(email="new@kestrel.example")
    assert who(client) == str(person.pk)
    assert (person.name, person.role, person.has_usable_password()) == ("New Kestrel", Role.MEMBER, False)


@pytest.mark.usefixtures("verified")
def test_nobody_is_created_outside_the_verified_domains(
    client: Client, openid_provider: OpenIdProvider, row: IdentityProvider
) -> None:
    IdentityProvider.objects.filter(pk=row.pk).update(creates_people=True)
    openid_provider.person = {"sub": "x", "email": "x@elsewhere.example"}

    assert cause_of(sign_in(client, openid_provider, email="any@kestrel.example")) == Cause.NOBODY
    assert not User.objects.filter(email="x@elsewhere.example").exists()


@pytest.mark.usefixtures("row", "verified")
def test_whoever_was_invited_joins(
    client: Client, openid_provider: OpenIdProvider, kestrel: Account, dana: User
) -> None:
    now = timezone.now()
    given: dict[str, Any] = {"role": Role.MEMBER, "groups": (), "actor": dana}
    invited = people.add(kestrel, email="ivy@kestrel.example", name="", **given, now=now)
    link = invitations.token(invited)
    openid_provider.person = {"sub": "ivy", "email": "ivy@kestrel.example", "name": "Ivy"}

    sign_in(client, openid_provider, email="ivy@kestrel.example")

    invited.refresh_from_db()
    assert (who(client), invited.name, invited.is_active) == (str(invited.pk), "Ivy", True)
    with pytest.raises(invitations.Unusable):
        invitations.read(link, now=now)


@pytest.mark.usefixtures("verified")
def test_a_second_subject_does_not_take_over(
    client: Client, openid_provider: OpenIdProvider, row: IdentityProvider, alice: User
) -> None:
    sign_in(Client(), openid_provider)
    openid_provider.person = {**openid_provider.person, "sub": "alice-8"}

    assert cause_of(sign_in(client, openid_provider)) == Cause.BOUND_TO_ANOTHER
    assert who(client) == ""


@pytest.mark.usefixtures("row", "verified")
def test_another_address_is_still_the_same_person(client: Client, openid_provider: OpenIdProvider, alice: User) -> None:
    sign_in(Client(), openid_provider)
    openid_provider.person = {**openid_provider.person, "email": "alice.married@kestrel.example"}

    sign_in(client, openid_provider)

    assert who(client) == str(alice.pk)
    assert SingleSignOnIdentity.objects.get().email == "alice.married@kestrel.example"


@pytest.mark.usefixtures("row", "verified")
def test_somebody_of_another_account_stays_there(client: Client, openid_provider: OpenIdProvider, alice: User) -> None:
    corvid = Account.objects.create(name="Corvid", created_at=FOUNDED)
    joined(corvid, name="Wren", email="wren@kestrel.example")
    openid_provider.person = {"sub": "w", "email": "wren@kestrel.example"}

    answer = sign_in(client, openid_provider)

    assert cause_of(answer) == Cause.ANOTHER_ACCOUNT
    assert b"Corvid" not in client.get(answer.headers["Location"]).content


@pytest.mark.usefixtures("row", "verified")
def test_whoever_is_deactivated_stays_out(client: Client, openid_provider: OpenIdProvider, alice: User) -> None:
    sign_in(Client(), openid_provider)
    User.objects.filter(pk=alice.pk).update(is_active=False)

    assert cause_of(sign_in(client, openid_provider)) == Cause.DEACTIVATED


def test_a_provider_that_was_turned_off_meanwhile(
    client: Client, openid_provider: OpenIdProvider, row: IdentityProvider, alice: User
) -> None:
    away = client.get(link_in(client.post("/auth/login/", {"login": alice.email}))).headers["Location"]
    IdentityProvider.objects.filter(pk=row.pk).update(is_on=False)

    back = client.get(openid_provider.way_back(away).removeprefix("http://localhost"))

    assert cause_of(back) == Cause.TURNED_OFF


# ── On the way ──────────────────────────────────────────────────────────────
def test_no_other_site_begins_a_sign_in(client: Client, row: IdentityProvider, alice: User) -> None:
    asked = client.get(f"/auth/sso/{row.key}/start/?next=/profile/&go=invented")
    assert (asked.status_code, client.get(f"/auth/sso/{row.key}/start/?go=").status_code) == (200, 200)

    link = link_in(asked)
    assert Client().get(link).status_code == 200  # in another browser it is a question, too
    assert client.get(link).status_code == 302
    assert client.get(link).status_code == 200  # used


@pytest.mark.parametrize(
    "wish",
    [
        "https://evil.example/",
        "//evil.example",
        "/\\evil.example",
        "\\\\evil.example",
        "/\tevil",
        "javascript:x",
        "///x",
    ],
)
def test_nobody_is_led_elsewhere(wish: str) -> None:
    assert returning.ours(wish) == "/"


@pytest.mark.usefixtures("row", "verified", "alice")
def test_the_session_is_another_one_afterwards(client: Client, openid_provider: OpenIdProvider) -> None:
    client.post("/auth/login/", {"login": "alice@kestrel.example"})
    before = client.session.session_key

    sign_in(client, openid_provider)

    assert client.session.session_key != before
    assert set(client.session["signed_in_by"]) == {"provider", "identity"}


@pytest.mark.usefixtures("row", "verified")
def test_who_comes_after_hears_of_it(
    client: Client, openid_provider: OpenIdProvider, alice: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    heard: list[openings.SignedInBy] = []

    def first(_request: Any, _person: User, *, by: openings.SignedInBy, going_to: str, **_: Any) -> str:
        heard.append(by)
        return f"/first/?then={going_to}"

    def broken(*_: Any, **__: Any) -> str:
        raise ValueError

    monkeypatch.setattr(openings, "after_single_sign_on", [broken, first])

    assert sign_in(client, openid_provider, going_to="/profile/").headers["Location"] == "/first/?then=/profile/"
    assert [by.email for by in heard] == [alice.email]
    assert who(client) == str(alice.pk)


@pytest.mark.usefixtures("verified")
def test_groups_and_roles_follow(
    client: Client, openid_provider: OpenIdProvider, row: IdentityProvider, alice: User, sales: Group
) -> None:
    IdentityProvider.objects.filter(pk=row.pk).update(groups_claim="groups", roles_claim="roles")
    ProviderMapping.objects.create(provider=row, means=Meaning.GROUP, value="g-sales", group=sales)
    ProviderMapping.objects.create(provider=row, means=Meaning.ROLE, value="r-admin", role=Role.ADMIN)
    Membership.objects.filter(user=alice).delete()
    openid_provider.person |= {"groups": ["g-sales", "g-unknown"], "roles": ["r-admin"]}
    sign_in(client, openid_provider)
    alice.refresh_from_db()
    assert (Membership.objects.filter(user=alice, group=sales).exists(), alice.role) == (True, Role.ADMIN)

    openid_provider.person |= {"groups": [], "roles": []}
    sign_in(Client(), openid_provider)

    alice.refresh_from_db()
    assert (Membership.objects.filter(user=alice, group=sales).exists(), alice.role) == (False, Role.MEMBER)


# ── What is said of it ──────────────────────────────────────────────────────
@pytest.mark.usefixtures("row")
def test_the_page_of_what_went_wrong(client: Client, openid_provider: OpenIdProvider) -> None:
    openid_provider.person = {"sub": "x", "email": "nobody@elsewhere.example"}
    User.objects.filter(email="alice@kestrel.example").delete()
    account = IdentityProvider.objects.get().account
    joined(account, name="Dora", email="dora@kestrel.example")

    answer = sign_in(client, openid_provider, email="dora@kestrel.example")
    page = client.get(answer.headers["Location"]).content.decode()

    entry = SignInEntry.objects.get(outcome="refused")
    assert WORDS[Cause.NOBODY].title in page
    assert entry.reference in page
    assert entry.detail not in page
    assert "nobody@elsewhere.example" in entry.detail
    assert client.get("/auth/sso/trouble/UNKNOWN2/").status_code == 404


def test_unasked_answers_do_not_fill_the_log(
    client: Client, row: IdentityProvider, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(log, "UNASKED_AN_HOUR", 3)
    for n in range(5):
        client.get(f"/auth/sso/{row.key}/callback/?state=made-up-{n}&code=c")

    assert SignInEntry.objects.count() == 3


def test_the_log_forgets_after_90_days(row: IdentityProvider) -> None:
    now = datetime.now(UTC)
    for age in (log.KEPT_FOR * 1.01, log.KEPT_FOR * 0.99):
        log.record(row.account, method="saml", outcome="refused", now=now - age, detail="x" * 600, email="a\0b")

    assert log.forget_old(now=now) == 1
    assert len(SignInEntry.objects.get().detail) == 500
