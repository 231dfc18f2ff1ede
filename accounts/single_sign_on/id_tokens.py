"""An id_token is judged: by whom, for whom, when, and in answer to what (OpenID Connect Core 1.0 §3.1.3.7)."""

from __future__ import annotations

import base64
import hashlib
import hmac
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import jwt

from accounts.single_sign_on import published_keys
from accounts.single_sign_on.causes import Cause
from accounts.single_sign_on.checks import Checks

SKEW = timedelta(minutes=5)
LONGEST = 64 * 1024  # characters of a token
LONGEST_SUBJECT = 255
_EVERY_CHECK_IS_OURS = {
    **dict.fromkeys(("verify_exp", "verify_nbf", "verify_iat", "verify_aud", "verify_iss"), False),
    **dict.fromkeys(("verify_sub", "verify_jti"), False),
    "verify_signature": True,
}


@dataclass(frozen=True)
class Expected:
    issuer: str
    jwks_uri: str
    client_id: str
    nonce: str
    # The one that came with it; "" where none did.
    access_token: str
    # Whoever signs in must have shown at the provider that it is them since then; None: whenever that was.
    shown_since: datetime | None = None
    # The provider says when that was.
    tells_when: bool = False


def judged(token: Any, expected: Expected, checks: Checks, *, now: datetime) -> dict[str, Any]:
    """Its claims, all of them checked. Raises Refused."""
    algorithm, kid = _header(token, checks)
    claims = _signed(token, expected, checks, algorithm=algorithm, kid=kid, now=now)
    _issuer(claims, expected, checks)
    _audience(claims, expected, checks)
    _nonce(claims, expected, checks)
    _times(claims, checks, now=now)
    _subject(claims, checks)
    _access_token(claims, expected, checks, algorithm=algorithm)
    _shown_anew(claims, expected, checks)
    return claims


def _header(token: Any, checks: Checks) -> tuple[str, str]:
    if not isinstance(token, str) or not 0 < len(token) <= LONGEST:
        raise checks.failed("Token", Cause.MALFORMED, "The provider gave no id_token that makes sense.")
    if token.count(".") == 4:
        raise checks.failed("Token", Cause.MALFORMED, "The id_token is encrypted. Turn that off at the provider.")
    try:
        header = jwt.get_unverified_header(token)
    except (jwt.PyJWTError, ValueError) as problem:
        raise checks.failed("Token", Cause.MALFORMED, "The id_token is no signed token (JWT).") from problem
    algorithm, kid = header.get("alg"), header.get("kid", "")
    if algorithm not in published_keys.ALGORITHMS:
        says = f"The id_token is signed by “{str(algorithm)[:20]}”, which is not accepted: use RS256, PS256 or ES256."
        raise checks.failed("Signature", Cause.SIGNATURE, says)
    if "crit" in header or not isinstance(kid, str):
        raise checks.failed("Signature", Cause.MALFORMED, "The head of the id_token says what is not understood here.")
    return str(algorithm), kid


def _signed(
    token: str, expected: Expected, checks: Checks, *, algorithm: str, kid: str, now: datetime
) -> dict[str, Any]:
    keys = published_keys.fitting(expected.jwks_uri, kid=kid, algorithm=algorithm, now=now)
    name = kid[:80] or "without a name"
    if not keys:
        says = f"The id_token is signed with {algorithm} by key {name}, which the provider does not publish."
        raise checks.failed("Signature", Cause.KEY_UNKNOWN, says)
    for key in keys:
        try:
            claims = jwt.decode(token, key, algorithms=[algorithm], options=_EVERY_CHECK_IS_OURS)  # type: ignore[arg-type]
        except jwt.PyJWTError:
            continue
        checks.passed("Signature", f"{algorithm} by key {name}, published by the provider.")
        return dict(claims)
    says = f"The signature of the id_token is not by key {name} of the provider ({algorithm})."
    raise checks.failed("Signature", Cause.SIGNATURE, says)


def _issuer(claims: dict[str, Any], expected: Expected, checks: Checks) -> None:
    if claims.get("iss") != expected.issuer:
        says = f"The id_token is of {_short(claims.get('iss'))}, and {expected.issuer} was asked."
        raise checks.failed("Issuer", Cause.ISSUER, says)
    checks.passed("Issuer", f"{expected.issuer}, as it is set up.")


def _audience(claims: dict[str, Any], expected: Expected, checks: Checks) -> None:
    audience = claims.get("aud")
    meant = [audience] if isinstance(audience, str) else audience
    party = claims.get("azp")
    if not isinstance(meant, list) or expected.client_id not in meant:
        says = f"The id_token is for {_short(audience)}, and this portal is {expected.client_id} there."
        raise checks.failed("Audience", Cause.AUDIENCE, says)
    if party != expected.client_id and (party is not None or len(meant) > 1):
        says = f"The id_token was given to {_short(party)} (azp), and this portal is {expected.client_id} there."
        raise checks.failed("Audience", Cause.AUDIENCE, says)
    checks.passed("Audience", f"Meant for this portal: {expected.client_id}.")


def _nonce(claims: dict[str, Any], expected: Expected, checks: Checks) -> None:
    said = claims.get("nonce")
    if not isinstance(said, str) or not hmac.compare_digest(said.encode(), expected.nonce.encode()):
        what = "has no nonce" if said is None else "has another nonce than the one that was sent"
        says = f"The id_token {what}: it is not the answer to this sign-in."
        raise checks.failed("Nonce", Cause.REPLAYED, says)
    checks.passed("Nonce", "The token answers this very sign-in.")


def _times(claims: dict[str, Any], checks: Checks, *, now: datetime) -> None:
    ends, issued = (_moment(claims, name, checks) for name in ("exp", "iat"))
    begins = _moment(claims, "nbf", checks) if "nbf" in claims else issued
    here = f"it is {_time(now)} here, and {SKEW.seconds // 60} minutes of difference are allowed"
    if now >= ends + SKEW:
        raise checks.failed("Time", Cause.CLOCK, f"The id_token ended at {_time(ends)}; {here}.")
    for name, moment in (("issued", issued), ("valid only from", begins)):
        if moment > now + SKEW:
            raise checks.failed("Time", Cause.CLOCK, f"The id_token is {name} {_time(moment)}; {here}.")
    checks.passed("Time", f"Issued at {_time(issued)}, valid until {_time(ends)}; it is {_time(now)} here.")


def _subject(claims: dict[str, Any], checks: Checks) -> None:
    subject = claims.get("sub")
    if not isinstance(subject, str) or not subject:
        raise checks.failed("Subject", Cause.MISSING_SUBJECT, "The id_token does not say who it is (sub).")
    if len(subject) > LONGEST_SUBJECT:
        says = f"Who it is (sub) takes more than {LONGEST_SUBJECT} characters."
        raise checks.failed("Subject", Cause.MISSING_SUBJECT, says)
    checks.passed("Subject", "The provider says who it is (sub).")


def _access_token(claims: dict[str, Any], expected: Expected, checks: Checks, *, algorithm: str) -> None:
    said = claims.get("at_hash")
    if said is None:
        return
    whole = hashlib.new(f"sha{algorithm[2:]}", expected.access_token.encode()).digest()
    half = base64.urlsafe_b64encode(whole[: len(whole) // 2]).rstrip(b"=").decode()
    if not isinstance(said, str) or not hmac.compare_digest(said.encode(), half.encode()):
        says = "The access token is not the one that the id_token names (at_hash)."
        raise checks.failed("Access token", Cause.SIGNATURE, says)
    checks.passed("Access token", "It is the one that the id_token names (at_hash).")


def _shown_anew(claims: dict[str, Any], expected: Expected, checks: Checks) -> None:
    """Asked by max_age, the provider has to say when (§2); Microsoft’s says it only where its admin makes it."""
    since, said = expected.shown_since, claims.get("auth_time")
    if since is None or (said is None and not expected.tells_when):
        return
    if said is None:
        raise checks.failed("Shown again", Cause.MALFORMED, "The id_token does not say when it was shown (auth_time).")
    if (shown := _moment(claims, "auth_time", checks)) < since - SKEW:
        says = f"The person last showed who they are at {_time(shown)}, and was asked at {_time(since)}."
        raise checks.failed("Shown again", Cause.CLOCK, says)
    checks.passed("Shown again", f"The person showed who they are at {_time(shown)}.")


def _moment(claims: dict[str, Any], name: str, checks: Checks) -> datetime:
    said = claims.get(name)
    says = f"The id_token has no sensible time as {name}."
    if isinstance(said, bool) or not isinstance(said, int | float):
        raise checks.failed("Time", Cause.MALFORMED, says)
    try:
        return datetime.fromtimestamp(said, UTC)
    except (ValueError, OverflowError, OSError) as problem:
        raise checks.failed("Time", Cause.MALFORMED, says) from problem


def _time(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S UTC")


def _short(said: Any) -> str:
    return str(said)[:150] if said else "nobody"
