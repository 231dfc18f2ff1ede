"""Signing in by OpenID Connect, at a provider that answers on this machine."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.core.cache import cache

from accounts.models import Account, IdentityProvider
from accounts.single_sign_on import openid_connect
from accounts.single_sign_on.causes import Cause, Refused
from accounts.single_sign_on.checks import Checks
from tests.accounts.single_sign_on.at_openid import refused, set_up, signed_in, trip_to
from tests.openid_provider import (
    CLIENT_ID,
    CLIENT_SECRET,
    OpenIdProvider,
    another_provider,
    openid_certificate,
    openid_provider,
    query_of,
    rsa_key,
)

__all__ = ["another_provider", "openid_certificate", "openid_provider"]

pytestmark = pytest.mark.django_db
TENANT = "6f1d8c3a-2b7e-4c55-9a41-5d0e3b9c7f21"


@pytest.fixture
def row(kestrel: Account, openid_provider: OpenIdProvider) -> IdentityProvider:
    return set_up(kestrel, openid_provider.issuer)


@pytest.fixture
def entra(kestrel: Account, openid_provider: OpenIdProvider, settings: Any) -> IdentityProvider:
    """The provider on this machine counts as Microsoft’s, and its issuer is a tenant’s."""
    settings.MICROSOFT_AUTHORITY_HOST = openid_provider.issuer
    openid_provider.issuer = f"{openid_provider.issuer}/{TENANT}/v2.0"
    root = settings.MICROSOFT_AUTHORITY_HOST
    ends = {"authorization_endpoint": "authorize", "token_endpoint": "token", "jwks_uri": "keys"}
    ends["userinfo_endpoint"] = "userinfo"

    def at_the_root(document: dict[str, Any]) -> None:
        document |= {name: f"{root}/{path}" for name, path in ends.items()}

    openid_provider.faults.discovery = at_the_root
    openid_provider.person["tid"] = TENANT.upper()
    return set_up(kestrel, openid_provider.issuer, groups_claim="groups", roles_claim="roles")


# ── The way there ───────────────────────────────────────────────────────────
def test_the_browser_is_sent_with_all_that_binds_the_answer(row: IdentityProvider) -> None:
    trip = trip_to(row, email="alice@kestrel.example")

    asked = query_of(openid_connect.begin(row, trip, now=datetime.now(UTC)))

    assert asked["client_id"] == CLIENT_ID
    assert asked["redirect_uri"] == f"http://localhost/auth/sso/{row.key}/callback/"
    assert asked["scope"] == "openid profile email"
    assert asked["response_type"] == "code"
    assert (asked["state"], asked["nonce"]) == (trip.state, trip.nonce)
    assert asked["code_challenge_method"] == "S256"
    assert asked["login_hint"] == "alice@kestrel.example"
    assert trip.code_verifier not in asked.values()
    assert CLIENT_SECRET not in asked.values()
    assert "prompt" not in asked


def test_whoever_must_show_it_again_is_asked_anew(row: IdentityProvider) -> None:
    asked = query_of(openid_connect.begin(row, trip_to(row, purpose="again"), now=datetime.now(UTC)))

    assert (asked["prompt"], asked["max_age"]) == ("login", "0")


def test_a_test_lets_choose_who_signs_in(row: IdentityProvider) -> None:
    asked = query_of(openid_connect.begin(row, trip_to(row, purpose="test"), now=datetime.now(UTC)))

    assert asked["prompt"] == "select_account"


def test_an_endpoint_keeps_its_own_query(openid_provider: OpenIdProvider, row: IdentityProvider) -> None:
    openid_provider.faults.discovery = lambda found: found.update(
        authorization_endpoint=f"{found['issuer']}/authorize?realm=kestrel"
    )

    address = openid_connect.begin(row, trip_to(row), now=datetime.now(UTC))

    assert "/authorize?realm=kestrel&" in address


# ── And back ────────────────────────────────────────────────────────────────
def test_who_it_is(openid_provider: OpenIdProvider, row: IdentityProvider) -> None:
    checks = Checks()

    found = signed_in(openid_provider, row, checks)

    assert (found.issuer, found.subject) == (openid_provider.issuer, "alice-7")
    assert (found.email, found.name) == ("alice@kestrel.example", "Alice Kestrel")
    assert (found.groups, found.roles, found.tenant) == (None, None, "")
    assert {made["result"] for made in checks.made} == {"passed"}
    says = {made["check"]: made["says"] for made in checks.made}
    assert says["Signature"] == "RS256 by key first, published by the provider."
    assert set(says) >= {"Issuer", "Audience", "Nonce", "Time", "Subject", "Access token", "E-mail", "Code", "Answer"}
    assert "/userinfo" not in openid_provider.asked


def test_a_key_of_another_kind(openid_provider: OpenIdProvider, row: IdentityProvider) -> None:
    openid_provider.signs_with = 1

    assert signed_in(openid_provider, row).subject == "alice-7"


def test_a_padded_signature(openid_provider: OpenIdProvider, row: IdentityProvider) -> None:
    openid_provider.keys[0] = rsa_key("padded", "PS256")

    assert signed_in(openid_provider, row).subject == "alice-7"


@pytest.mark.parametrize("proofs", [["client_secret_basic"], ["client_secret_post", "client_secret_basic"], None])
def test_the_client_proves_who_it_is_as_the_provider_takes_it(
    proofs: Any, openid_provider: OpenIdProvider, row: IdentityProvider
) -> None:
    openid_provider.proofs = proofs

    signed_in(openid_provider, row)

    assert ("client_secret" in openid_provider.forms[0]) is bool(proofs and "client_secret_post" in proofs)


def test_keys_are_exchanged_while_they_are_kept(openid_provider: OpenIdProvider, row: IdentityProvider) -> None:
    signed_in(openid_provider, row)
    openid_provider.keys = [rsa_key("third")]

    signed_in(openid_provider, row)
    signed_in(openid_provider, row)

    assert openid_provider.asked.count("/keys") == 2
    assert openid_provider.asked.count("/.well-known/openid-configuration") == 1


def test_what_is_kept_is_read_again_after_an_hour(openid_provider: OpenIdProvider, row: IdentityProvider) -> None:
    now = datetime.now(UTC)
    openid_connect.begin(row, trip_to(row), now=now)

    openid_connect.begin(row, trip_to(row), now=now + timedelta(minutes=61))

    assert len(openid_provider.asked) == 2


def test_what_is_kept_serves_while_it_cannot_be_read(openid_provider: OpenIdProvider, row: IdentityProvider) -> None:
    now = datetime.now(UTC)
    first = openid_connect.begin(row, trip_to(row, state="s", nonce="n", code_verifier="v"), now=now)
    openid_provider.faults.instead["/.well-known/openid-configuration"] = (503, "text/html", "busy")

    later = [
        openid_connect.begin(row, trip_to(row, state="s", nonce="n", code_verifier="v"), now=now + timedelta(hours=2))
        for _ in range(3)
    ]

    assert later == [first] * 3
    assert len(openid_provider.asked) == 2, "It is not asked for each sign-in while it is in trouble."


def test_nonsense_is_not_kept(openid_provider: OpenIdProvider, row: IdentityProvider) -> None:
    openid_provider.faults.instead["/.well-known/openid-configuration"] = (200, "application/json", '{"busy": true}')
    assert refused(openid_provider, row).cause == Cause.PROVIDER_MISTAKEN
    openid_provider.faults.instead.clear()
    openid_provider.faults.instead["/keys"] = (200, "application/json", '{"busy": true}')
    assert refused(openid_provider, row).cause == Cause.PROVIDER_MISTAKEN
    openid_provider.faults.instead.clear()

    assert signed_in(openid_provider, row).subject == "alice-7"


# ── What it says of the person ──────────────────────────────────────────────
def test_an_address_that_only_userinfo_has(openid_provider: OpenIdProvider, row: IdentityProvider) -> None:
    openid_provider.person["email"] = None
    openid_provider.userinfo = {"email": "alice@kestrel.example"}

    assert signed_in(openid_provider, row).email == "alice@kestrel.example"


def test_userinfo_of_somebody_else(openid_provider: OpenIdProvider, row: IdentityProvider) -> None:
    del openid_provider.person["email"]
    openid_provider.userinfo = {"email": "dana@kestrel.example", "sub": "dana-1"}

    assert refused(openid_provider, row).cause == Cause.PROVIDER_MISTAKEN


def test_no_address_at_all(openid_provider: OpenIdProvider, row: IdentityProvider) -> None:
    openid_provider.person["email"] = "not an address"

    found = refused(openid_provider, row)

    assert (found.cause, found.subject) == (Cause.MISSING_EMAIL, "alice-7")


@pytest.mark.parametrize("said", [False, "false"])
def test_an_address_that_is_called_unverified(
    said: Any, openid_provider: OpenIdProvider, row: IdentityProvider
) -> None:
    openid_provider.person["email_verified"] = said

    found = refused(openid_provider, row)

    assert found.cause == Cause.MISSING_EMAIL
    assert "unverified" in found.detail


def test_claims_by_other_names(openid_provider: OpenIdProvider, row: IdentityProvider) -> None:
    row.email_claim, row.name_claim, row.groups_claim, row.roles_claim = "upn", "display", "realm.groups", "role"
    openid_provider.person |= {"upn": "a@kestrel.example", "display": " A  K ", "realm": {"groups": ["x", "y", "x", 3]}}
    openid_provider.person |= {"role": "admin"}

    found = signed_in(openid_provider, row)

    assert (found.email, found.name, found.groups, found.roles) == ("a@kestrel.example", "A K", ("x", "y"), ("admin",))


def test_nothing_said_of_groups_changes_nothing(openid_provider: OpenIdProvider, row: IdentityProvider) -> None:
    row.groups_claim = "groups"

    assert signed_in(openid_provider, row).groups is None


def test_of_entra_the_tenant_counts(openid_provider: OpenIdProvider, entra: IdentityProvider) -> None:
    openid_provider.person["groups"] = ["g-1"]

    found = signed_in(openid_provider, entra)

    assert (found.tenant, found.groups, found.roles) == (TENANT, ("g-1",), ())


def test_of_others_no_tenant_is_believed(openid_provider: OpenIdProvider, row: IdentityProvider) -> None:
    openid_provider.person["tid"] = TENANT

    assert signed_in(openid_provider, row).tenant == ""


@pytest.mark.parametrize("said", [{"_claim_names": {"groups": "src1"}}, {"hasgroups": True}])
def test_too_many_groups_for_a_token(
    said: dict[str, Any], openid_provider: OpenIdProvider, entra: IdentityProvider
) -> None:
    openid_provider.person |= said
    checks = Checks()

    assert signed_in(openid_provider, entra, checks).groups is None
    assert any("Too many" in made["says"] for made in checks.made)


def test_of_entra_the_sign_in_name_serves_where_there_is_no_address(
    openid_provider: OpenIdProvider, entra: IdentityProvider
) -> None:
    openid_provider.person |= {"email": None, "preferred_username": "alice@kestrel.example"}

    assert signed_in(openid_provider, entra).email == "alice@kestrel.example"


@pytest.mark.parametrize("said", [{"xms_edov": False}, {"xms_edov": "0"}, {"idp": "https://sts.windows.net/another/"}])
def test_of_entra_an_address_that_nobody_has_verified(
    said: dict[str, Any], openid_provider: OpenIdProvider, entra: IdentityProvider
) -> None:
    openid_provider.person |= {**said, "email": "dana@kestrel.example", "preferred_username": "m@corvid.example"}

    assert signed_in(openid_provider, entra).email == "m@corvid.example"


def test_of_entra_a_member_of_the_tenant_is_no_guest(openid_provider: OpenIdProvider, entra: IdentityProvider) -> None:
    openid_provider.person["idp"] = f"https://sts.windows.net/{TENANT}/"

    assert signed_in(openid_provider, entra).email == "alice@kestrel.example"


# ── Trouble ─────────────────────────────────────────────────────────────────
@pytest.mark.parametrize(
    ("answer", "cause"),
    [
        ({"error": "access_denied"}, Cause.CANCELLED),
        ({"error": "access_denied", "error_description": "AADSTS50105: not assigned"}, Cause.NOT_ASSIGNED),
        ({"error": "interaction_required", "error_description": "AADSTS50105: no"}, Cause.NOT_ASSIGNED),
        ({"error": "login_required"}, Cause.PROVIDER_REFUSED),
        ({"error": "temporarily_unavailable"}, Cause.PROVIDER_DOWN),
        ({"error": "server_error"}, Cause.PROVIDER_DOWN),
        ({}, Cause.MALFORMED),
    ],
)
def test_what_the_provider_answers_instead(
    answer: dict[str, str], cause: Cause, openid_provider: OpenIdProvider, row: IdentityProvider
) -> None:
    trip, checks = trip_to(row), Checks()
    answer = {"state": trip.state, "iss": openid_provider.issuer, **answer}

    with pytest.raises(Refused) as found:
        openid_connect.receive(row, trip, answer, checks, now=datetime.now(UTC))

    assert found.value.cause == cause
    assert checks.made[-1]["result"] == "failed"
    assert "/token" not in openid_provider.asked


@pytest.mark.parametrize(
    ("path", "instead", "cause", "says"),
    [
        ("/token", (503, "text/html", "busy"), Cause.PROVIDER_DOWN, "status 503"),
        ("/token", (200, "text/html", "<html>"), Cause.PROVIDER_MISTAKEN, "text/html"),
        ("/token", (400, "text/html", "<html>"), Cause.PROVIDER_MISTAKEN, "text/html"),
        ("/token", (302, "text/html", "https://evil.example/"), Cause.PROVIDER_MISTAKEN, "redirects"),
        ("/token", (200, "application/json", "{}"), Cause.MALFORMED, "id_token"),
        ("/token", (400, "application/json", '{"error": "server_error"}'), Cause.PROVIDER_DOWN, "server_error"),
        ("/keys", (200, "application/json", '{"keys": 3}'), Cause.PROVIDER_MISTAKEN, "no list of keys"),
        ("/keys", (404, "text/html", ""), Cause.PROVIDER_MISTAKEN, "status 404"),
        ("/keys", (200, "application/json", "[" * 5000), Cause.PROVIDER_MISTAKEN, "no JSON object"),
        ("/keys", (200, "application/json", '{"keys": "' + "x" * 2_000_000 + '"}'), Cause.PROVIDER_MISTAKEN, "larger"),
        ("/.well-known/openid-configuration", (200, "text/html", "<html>"), Cause.PROVIDER_MISTAKEN, "text/html"),
    ],
)
def test_an_answer_that_cannot_be_used(
    path: str, instead: Any, cause: Cause, says: str, openid_provider: OpenIdProvider, row: IdentityProvider
) -> None:
    trip, now, checks = trip_to(row), datetime.now(UTC), Checks()
    answer = openid_provider.browse(openid_connect.begin(row, trip, now=now))
    cache.clear()
    openid_provider.faults.instead[path] = instead

    with pytest.raises(Refused) as found:
        openid_connect.receive(row, trip, answer, checks, now=now)

    assert found.value.cause == cause
    assert says in found.value.detail
    assert checks.made[-1]["result"] == "failed"


def test_a_secret_that_is_not_accepted(openid_provider: OpenIdProvider, row: IdentityProvider) -> None:
    row.client_id = "somebody-else"

    found = refused(openid_provider, row)

    assert found.cause == Cause.SECRET_REFUSED
    assert "AADSTS7000215" in found.detail


def test_a_secret_that_cannot_be_opened(openid_provider: OpenIdProvider, row: IdentityProvider) -> None:
    row.client_secret = "v1.new.AAAA"

    assert refused(openid_provider, row).cause == Cause.SECRET_REFUSED


def test_a_provider_that_is_not_there(kestrel: Account, openid_provider: OpenIdProvider, settings: Any) -> None:
    settings.SINGLE_SIGN_ON_PORTS = [9]
    found = refused(openid_provider, set_up(kestrel, "https://localhost:9"))

    assert found.cause == Cause.PROVIDER_DOWN
    assert "refused the connection" in found.detail


def test_a_port_that_is_not_allowed(openid_provider: OpenIdProvider, row: IdentityProvider, settings: Any) -> None:
    settings.SINGLE_SIGN_ON_PORTS = [443]

    assert "not an address that this portal may ask" in refused(openid_provider, row).detail


def test_an_address_inside(openid_provider: OpenIdProvider, row: IdentityProvider, settings: Any) -> None:
    settings.PRIVATE_NETWORKS_ALLOWED = []

    assert "not on the public Internet" in refused(openid_provider, row).detail
    assert openid_provider.asked == []


def test_a_certificate_that_nobody_trusts(
    openid_provider: OpenIdProvider, row: IdentityProvider, settings: Any
) -> None:
    settings.SINGLE_SIGN_ON_CA_BUNDLE = ""

    found = refused(openid_provider, row)

    assert found.cause == Cause.PROVIDER_DOWN
    assert "no certificate that is trusted here: self" in found.detail


@pytest.mark.once
def test_a_provider_that_takes_too_long(openid_provider: OpenIdProvider, row: IdentityProvider) -> None:
    openid_provider.faults.slow["/.well-known/openid-configuration"] = 7

    assert "within 5 seconds" in refused(openid_provider, row).detail


# ── Setting it up ───────────────────────────────────────────────────────────
@pytest.mark.parametrize("more", ["", "/", "/.well-known/openid-configuration"])
def test_looking_at_a_provider(more: str, openid_provider: OpenIdProvider) -> None:
    found = openid_connect.look(f" {openid_provider.issuer}{more} ", now=datetime.now(UTC))

    assert found.issuer == openid_provider.issuer
    assert found.keys == 2


def test_an_issuer_with_a_slash_at_its_end(kestrel: Account, openid_provider: OpenIdProvider) -> None:
    openid_provider.issuer += "/"

    def without(document: dict[str, Any]) -> None:
        document |= {name: str(said).replace("//a", "/a") for name, said in document.items() if "endpoint" in name}

    openid_provider.faults.discovery = without

    assert openid_connect.look(openid_provider.issuer[:-1], now=datetime.now(UTC)).issuer == openid_provider.issuer


@pytest.mark.parametrize("typed", ["", "kestrel.example", "http://localhost", "https://", "https://a.example/?b=c"])
def test_what_is_no_address_of_an_issuer(typed: str) -> None:
    with pytest.raises(Refused) as found:
        openid_connect.look(typed, now=datetime.now(UTC))

    assert found.value.cause == Cause.ISSUER


def test_the_issuer_of_everybody_is_refused(openid_provider: OpenIdProvider) -> None:
    openid_provider.faults.discovery = lambda found: found.update(issuer="https://login.example/{tenantid}/v2.0")

    with pytest.raises(Refused, match="your own tenant"):
        openid_connect.look(openid_provider.issuer, now=datetime.now(UTC))


def test_a_provider_without_keys(openid_provider: OpenIdProvider) -> None:
    openid_provider.keys = []

    with pytest.raises(Refused) as found:
        openid_connect.look(openid_provider.issuer, now=datetime.now(UTC))

    assert found.value.cause == Cause.KEY_UNKNOWN


@pytest.mark.parametrize(
    "said", ["https://a.example/\r\nSet-Cookie: x", "https://a b/", "javascript:alert(1)", 3, None]
)
def test_an_endpoint_that_is_no_address(said: Any, openid_provider: OpenIdProvider) -> None:
    openid_provider.faults.discovery = lambda found: found.update(authorization_endpoint=said)

    with pytest.raises(Refused) as found:
        openid_connect.look(openid_provider.issuer, now=datetime.now(UTC))

    assert found.value.cause == Cause.PROVIDER_MISTAKEN


@pytest.mark.parametrize("name", ["token_endpoint", "jwks_uri", "userinfo_endpoint", "authorization_endpoint"])
def test_every_endpoint_is_by_https(name: str, openid_provider: OpenIdProvider) -> None:
    openid_provider.faults.discovery = lambda found: found.update({name: "http://kestrel.example/x"})

    with pytest.raises(Refused) as found:
        openid_connect.look(openid_provider.issuer, now=datetime.now(UTC))

    assert found.value.cause == Cause.PROVIDER_MISTAKEN
    assert name in found.value.detail
