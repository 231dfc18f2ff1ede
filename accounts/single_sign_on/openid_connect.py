"""Signing in by OpenID Connect: where to send the browser, and what its answer shows (code flow with PKCE)."""

from __future__ import annotations

import hmac
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from accounts import outbound
from accounts.models import IdentityProvider
from accounts.single_sign_on import discovery, id_tokens, openid_claims, openid_exchange, published_keys
from accounts.single_sign_on.causes import Cause, Refused
from accounts.single_sign_on.checks import Checks
from accounts.single_sign_on.discovery import Discovered
from accounts.single_sign_on.id_tokens import Expected
from accounts.single_sign_on.openid_exchange import OfAccount, said_of
from accounts.single_sign_on.trips import Trip
from accounts.single_sign_on.vouched import Vouched

WHOLE = timedelta(seconds=12)  # for all that is asked of the provider while somebody waits
_LONGEST_CODE = 4096
_NOT_ASSIGNED = ("AADSTS50105", "AADSTS50020")  # of Entra: no assignment, and not of this tenant
_LATER = frozenset({"server_error", "temporarily_unavailable"})

callback_address = openid_exchange.callback_address


@dataclass(frozen=True)
class Seen:
    """What there is at an address that an admin has given."""

    issuer: str
    authorization_endpoint: str
    token_endpoint: str
    jwks_uri: str
    userinfo_endpoint: str
    keys: int


def look(address: str, *, now: datetime) -> Seen:
    """At the issuer’s address, with or without /.well-known/openid-configuration. Raises Refused."""
    with outbound.deadline(WHOLE):
        found = discovery.typed(address, now=now)
        keys = published_keys.count(found.jwks_uri, now=now)
    if not keys:
        raise Refused(Cause.KEY_UNKNOWN, "The provider publishes no key by which a signature could be checked.")
    return Seen(
        issuer=found.issuer,
        authorization_endpoint=found.authorization_endpoint,
        token_endpoint=found.token_endpoint,
        jwks_uri=found.jwks_uri,
        userinfo_endpoint=found.userinfo_endpoint,
        keys=keys,
    )


def begin(provider: IdentityProvider, trip: Trip, *, now: datetime) -> str:
    """The address to send the browser to. Raises Refused."""
    with outbound.deadline(WHOLE):
        found = discovery.of(provider.issuer, now=now)
    return OfAccount(provider, trip, found).address()


def receive(
    provider: IdentityProvider, trip: Trip, answer: Mapping[str, str], checks: Checks, *, now: datetime
) -> Vouched:
    """`trip` is the one that `state` of the answer names, for this provider. Raises Refused."""
    try:
        with outbound.deadline(WHOLE):
            return _received(provider, trip, answer, checks, now=now)
    except Refused as refused:
        # What was refused on the way to the provider has no line in the report yet.
        if not any(made["result"] == "failed" for made in checks.made):
            checks.failed("Provider", refused.cause, refused.detail)
        raise


def _received(
    provider: IdentityProvider, trip: Trip, answer: Mapping[str, str], checks: Checks, *, now: datetime
) -> Vouched:
    if trip.provider != provider.pk or not hmac.compare_digest(trip.state.encode(), answer.get("state", "").encode()):
        raise checks.failed("Question", Cause.NOT_ASKED, "The answer is not to a question of this browser.")
    _refused(answer, checks)
    found = discovery.of(provider.issuer, now=now)
    checks.passed("Provider", f"{found.issuer} describes itself.")
    _named(answer, found, checks)
    tokens = OfAccount(provider, trip, found).tokens(_code(answer, checks))
    checks.passed("Code", "The provider gave a token for it, and accepted the client secret.")
    access_token = tokens.get("access_token")
    access_token = access_token if isinstance(access_token, str) else ""
    expected = _expected(provider, trip, found, access_token)
    claims = id_tokens.judged(tokens.get("id_token"), expected, checks, now=now)

    def more() -> openid_claims.Claims:
        return openid_exchange.more_of(found, access_token, subject=str(claims["sub"]))

    return openid_claims.vouched(claims, provider, more, checks)


def _expected(provider: IdentityProvider, trip: Trip, found: Discovered, access_token: str) -> Expected:
    return Expected(
        issuer=provider.issuer,
        jwks_uri=found.jwks_uri,
        client_id=provider.client_id,
        nonce=trip.nonce,
        access_token=access_token,
        shown_since=datetime.fromtimestamp(trip.begun_at, UTC) if trip.purpose == "again" else None,
        tells_when=not discovery.is_entra(found.issuer),
    )


def _refused(answer: Mapping[str, str], checks: Checks) -> None:
    """The provider says no, by the browser: anybody may have written that, so it is told and not believed."""
    if not (error := answer.get("error", "")):
        return
    words = said_of(answer.get("error_description"))
    if any(code in words for code in _NOT_ASSIGNED):
        cause = Cause.NOT_ASSIGNED
    elif error == "access_denied":
        cause = Cause.CANCELLED
    elif error in _LATER:
        cause = Cause.PROVIDER_DOWN
    else:
        cause = Cause.PROVIDER_REFUSED
    says = f"The provider answered with {said_of(error)[:60]}{f': {words}' if words else ''}"
    raise checks.failed("Answer", cause, says)


def _named(answer: Mapping[str, str], found: Discovered, checks: Checks) -> None:
    """RFC 9207: an answer that names another provider is of a mix-up."""
    said = answer.get("iss")
    if said is None and not found.names_itself:
        return
    if said != found.issuer:
        says = f"The answer is of {said_of(said)[:150] or 'nobody that it names'}, and {found.issuer} was asked."
        raise checks.failed("Answer", Cause.ISSUER, says)
    checks.passed("Answer", "It names the provider that was asked.")


def _code(answer: Mapping[str, str], checks: Checks) -> str:
    code = answer.get("code", "")
    if not 0 < len(code) <= _LONGEST_CODE:
        raise checks.failed("Answer", Cause.MALFORMED, "The answer holds neither a code nor an error.")
    return code
