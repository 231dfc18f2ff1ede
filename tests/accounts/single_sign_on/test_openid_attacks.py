"""What somebody tries who wants to come in as somebody else, by OpenID Connect."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime

import pytest

from accounts.models import Account, IdentityProvider
from accounts.single_sign_on import openid_connect
from accounts.single_sign_on.causes import Cause, Refused
from accounts.single_sign_on.checks import Checks
from tests.accounts.single_sign_on.at_openid import refused, set_up, signed_in, trip_to
from tests.openid_provider import (
    CLIENT_ID,
    CLIENT_SECRET,
    Document,
    OpenIdProvider,
    another_provider,
    by_nobody,
    by_the_public_key,
    openid_certificate,
    openid_provider,
    rsa_key,
    with_key,
)

__all__ = ["another_provider", "openid_certificate", "openid_provider"]

pytestmark = pytest.mark.django_db


@pytest.fixture
def row(kestrel: Account, openid_provider: OpenIdProvider) -> IdentityProvider:
    return set_up(kestrel, openid_provider.issuer, is_on=True)


# ── Tokens ──────────────────────────────────────────────────────────────────
def test_a_token_that_nobody_signed(openid_provider: OpenIdProvider, row: IdentityProvider) -> None:
    openid_provider.faults.sign = by_nobody

    assert refused(openid_provider, row).cause == Cause.SIGNATURE


def test_a_token_signed_with_what_is_published(openid_provider: OpenIdProvider, row: IdentityProvider) -> None:
    openid_provider.faults.sign = by_the_public_key(openid_provider.keys[0])

    found = refused(openid_provider, row)

    assert found.cause == Cause.SIGNATURE
    assert "HS256" in found.detail


def test_a_token_signed_by_somebody_else_in_the_providers_name(
    openid_provider: OpenIdProvider, row: IdentityProvider
) -> None:
    openid_provider.faults.sign = with_key(rsa_key("theirs"))

    assert refused(openid_provider, row).cause == Cause.SIGNATURE


def test_invented_keys_do_not_make_us_ask_each_time(openid_provider: OpenIdProvider, row: IdentityProvider) -> None:
    openid_provider.faults.head = lambda head: head.update(kid="invented")

    found = [refused(openid_provider, row).cause for _ in range(3)]

    assert found == [Cause.KEY_UNKNOWN] * 3
    assert openid_provider.asked.count("/keys") == 2


def test_a_key_that_comes_along_with_the_token(openid_provider: OpenIdProvider, row: IdentityProvider) -> None:
    theirs = rsa_key("theirs")
    openid_provider.faults.head = lambda head: head.update(kid="theirs", jwk=theirs.public, jku="https://evil.example/")
    openid_provider.faults.sign = with_key(theirs)

    assert refused(openid_provider, row).cause == Cause.KEY_UNKNOWN
    assert set(openid_provider.asked) <= {"/.well-known/openid-configuration", "/authorize", "/token", "/keys"}


def test_a_key_of_another_kind_under_the_same_name(openid_provider: OpenIdProvider, row: IdentityProvider) -> None:
    openid_provider.faults.keys = lambda found: found.update(keys=[{**openid_provider.keys[1].public, "kid": "first"}])

    assert refused(openid_provider, row).cause == Cause.KEY_UNKNOWN


def test_a_key_for_encryption_signs_nothing(openid_provider: OpenIdProvider, row: IdentityProvider) -> None:
    openid_provider.faults.keys = lambda found: found["keys"][0].update(use="enc")

    assert refused(openid_provider, row).cause == Cause.KEY_UNKNOWN


def test_a_key_that_is_too_short(openid_provider: OpenIdProvider, row: IdentityProvider) -> None:
    short = {**rsa_key("first", bits=1024).public}
    openid_provider.faults.keys = lambda found: found.update(keys=[short])

    assert refused(openid_provider, row).cause == Cause.KEY_UNKNOWN


NOW = int(time.time())
WRONG: dict[str, tuple[Callable[[Document], None], Cause]] = {
    "of another issuer": (lambda claims: claims.update(iss="https://evil.example"), Cause.ISSUER),
    "of no issuer": (lambda claims: claims.pop("iss"), Cause.ISSUER),
    "for another client": (lambda claims: claims.update(aud="another"), Cause.AUDIENCE),
    "for no client": (lambda claims: claims.pop("aud"), Cause.AUDIENCE),
    "for several, given to nobody": (lambda claims: claims.update(aud=[CLIENT_ID, "another"]), Cause.AUDIENCE),
    "for several, given to another": (
        lambda claims: claims.update(aud=[CLIENT_ID, "another"], azp="another"),
        Cause.AUDIENCE,
    ),
    "given to another": (lambda claims: claims.update(azp="another"), Cause.AUDIENCE),
    "for what contains our name": (lambda claims: claims.update(aud=f"{CLIENT_ID}-too"), Cause.AUDIENCE),
    "expired": (lambda claims: claims.update(exp=time.time() - 301), Cause.CLOCK),
    "of the future": (lambda claims: claims.update(iat=time.time() + 400), Cause.CLOCK),
    "not valid yet": (lambda claims: claims.update(nbf=time.time() + 400), Cause.CLOCK),
    "without an end": (lambda claims: claims.pop("exp"), Cause.MALFORMED),
    "with an end that is none": (lambda claims: claims.update(exp="never"), Cause.MALFORMED),
    "with an end beyond time": (lambda claims: claims.update(exp=1e300), Cause.MALFORMED),
    "issued at no time": (lambda claims: claims.pop("iat"), Cause.MALFORMED),
    "of another sign-in": (lambda claims: claims.update(nonce="another"), Cause.REPLAYED),
    "of no sign-in": (lambda claims: claims.pop("nonce"), Cause.REPLAYED),
    "with a nonce that is none": (lambda claims: claims.update(nonce=["another"]), Cause.REPLAYED),
    "of nobody": (lambda claims: claims.pop("sub"), Cause.MISSING_SUBJECT),
    "of an empty name": (lambda claims: claims.update(sub=""), Cause.MISSING_SUBJECT),
    "of a long name": (lambda claims: claims.update(sub="x" * 256), Cause.MISSING_SUBJECT),
    "of another access token": (lambda claims: claims.update(at_hash="AAAA"), Cause.SIGNATURE),
}


@pytest.mark.parametrize("name", WRONG)
def test_a_token_that_is(name: str, openid_provider: OpenIdProvider, row: IdentityProvider) -> None:
    openid_provider.faults.claims, cause = WRONG[name]

    assert refused(openid_provider, row).cause == cause


def test_a_clock_that_differs_a_little(openid_provider: OpenIdProvider, row: IdentityProvider) -> None:
    openid_provider.faults.claims = lambda claims: claims.update(iat=time.time() + 290, exp=time.time() + 291)
    signed_in(openid_provider, row)
    openid_provider.faults.claims = lambda claims: claims.update(exp=time.time() - 290)
    signed_in(openid_provider, row)


def test_a_clock_that_differs_is_told_exactly(openid_provider: OpenIdProvider, row: IdentityProvider) -> None:
    openid_provider.faults.claims = lambda claims: claims.update(exp=1_700_000_000)

    detail = refused(openid_provider, row).detail

    assert "ended at 2023-11-14 22:13:20 UTC" in detail
    assert "5 minutes of difference are allowed" in detail


def test_several_audiences_with_us_as_the_party(openid_provider: OpenIdProvider, row: IdentityProvider) -> None:
    openid_provider.faults.claims = lambda claims: claims.update(aud=[CLIENT_ID, "another"], azp=CLIENT_ID)

    assert signed_in(openid_provider, row).subject == "alice-7"


def test_an_old_session_at_the_provider_does_not_show_it_again(
    openid_provider: OpenIdProvider, row: IdentityProvider
) -> None:
    signed_in(openid_provider, row, purpose="again")
    openid_provider.faults.claims = lambda claims: claims.update(auth_time=time.time() - 3600)
    assert refused(openid_provider, row, purpose="again").cause == Cause.CLOCK
    openid_provider.faults.claims = lambda claims: claims.pop("auth_time")
    assert refused(openid_provider, row, purpose="again").cause == Cause.MALFORMED


# ── Answers ─────────────────────────────────────────────────────────────────
def test_a_code_of_another_sign_in(openid_provider: OpenIdProvider, row: IdentityProvider) -> None:
    """Injected: the answer to the victim's question, with the code of somebody else's."""
    now, mine, theirs = datetime.now(UTC), trip_to(row), trip_to(row)
    code = openid_provider.browse(openid_connect.begin(row, theirs, now=now))["code"]
    answer = {**openid_provider.browse(openid_connect.begin(row, mine, now=now)), "code": code}

    with pytest.raises(Refused) as found:
        openid_connect.receive(row, mine, answer, Checks(), now=now)

    assert found.value.cause == Cause.PROVIDER_REFUSED


def test_a_code_that_was_used(openid_provider: OpenIdProvider, row: IdentityProvider) -> None:
    now, trip = datetime.now(UTC), trip_to(row)
    answer = openid_provider.browse(openid_connect.begin(row, trip, now=now))
    openid_connect.receive(row, trip, answer, Checks(), now=now)

    with pytest.raises(Refused) as found:
        openid_connect.receive(row, trip, answer, Checks(), now=now)

    assert found.value.cause == Cause.PROVIDER_REFUSED


def test_an_answer_of_another_provider(
    kestrel: Account, openid_provider: OpenIdProvider, another_provider: OpenIdProvider, row: IdentityProvider
) -> None:
    """Mixed up: the trip went to one, the code is of the other; it names itself, and its code goes nowhere."""
    now, trip = datetime.now(UTC), trip_to(row)
    other = set_up(kestrel, another_provider.issuer)
    code = another_provider.browse(openid_connect.begin(other, trip_to(other), now=now))
    answer = {**code, "state": trip.state}

    with pytest.raises(Refused) as found:
        openid_connect.receive(row, trip, answer, Checks(), now=now)

    assert found.value.cause == Cause.ISSUER
    assert openid_provider.forms == []


def test_an_answer_that_does_not_say_whose_it_is(openid_provider: OpenIdProvider, row: IdentityProvider) -> None:
    now, trip = datetime.now(UTC), trip_to(row)
    answer = openid_provider.browse(openid_connect.begin(row, trip, now=now))
    del answer["iss"]

    with pytest.raises(Refused) as found:
        openid_connect.receive(row, trip, answer, Checks(), now=now)

    assert found.value.cause == Cause.ISSUER


def test_a_trip_to_another_provider(kestrel: Account, openid_provider: OpenIdProvider, row: IdentityProvider) -> None:
    trip = trip_to(set_up(kestrel, openid_provider.issuer))

    with pytest.raises(Refused) as found:
        openid_connect.receive(row, trip, {"state": trip.state, "code": "c"}, Checks(), now=datetime.now(UTC))

    assert found.value.cause == Cause.NOT_ASKED


def test_nothing_that_opens_a_door_is_logged(
    openid_provider: OpenIdProvider, row: IdentityProvider, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("DEBUG")
    trip, now, checks = trip_to(row), datetime.now(UTC), Checks()
    answer = openid_provider.browse(openid_connect.begin(row, trip, now=now))
    caplog.clear()
    openid_connect.receive(row, trip, answer, checks, now=now)
    openid_provider.faults.sign = by_nobody
    refused(openid_provider, row)

    said = f"{caplog.text} {checks.made}"
    tokens = [*openid_provider.subjects, openid_provider.forms[0]["code"], trip.code_verifier, trip.nonce]
    assert not [secret for secret in [*tokens, CLIENT_SECRET, "eyJ"] if secret in said]


def test_a_description_of_somebody_else(openid_provider: OpenIdProvider, row: IdentityProvider) -> None:
    openid_provider.faults.discovery = lambda found: found.update(issuer="https://evil.example")

    assert refused(openid_provider, row).cause == Cause.ISSUER
