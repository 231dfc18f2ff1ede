"""Microsoft's code becomes tokens. They stay sealed with the request until the whole way has been gone, so that a
connection there is stays as it was when the way leads nowhere."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from integrations import failures, scopes
from integrations.connecting import opened
from integrations.consent_steps import Ended, advance, sealed
from integrations.contracts import CalendarError, CredentialRefused, Passing
from integrations.failures import Reason
from integrations.microsoft import id_tokens, identity
from integrations.models import ConsentRequest, Ending, Step

# The code is no good any more: mostly because an attempt had spent it whose answer was lost, or because it came late.
# That is nobody's fault: press Authorize again.
_SPENT = {Reason.CODE_SPENT, Reason.CODE_REFUSED, Reason.GRANT_EXPIRED, Reason.GRANT_UNKNOWN}
EARLY = timedelta(minutes=5)  # longer than one attempt takes


@dataclass(frozen=True)
class Kept:
    """The tokens, and whose they are once that has been proved."""

    tokens: identity.Tokens
    asked_at: datetime
    who: id_tokens.Identity | None


def agree(request: ConsentRequest, *, now: datetime) -> None:
    """Raises Ended, `CalendarError`."""
    answer = opened(request, "answer")
    if failure := failures.of_redirect(answer):
        raise Ended(failure.reason, failure)
    if not answer.get("code"):
        raise Ended(Ending.UNTRUSTED)
    if request.attempts and now >= request.expires_at:
        raise Ended(Ending.INTERRUPTED)
    got = _redeemed(request, answer)
    if not scopes.may_read_calendar(scopes.bare(got.scopes), request.api):
        raise Ended(Ending.LESS_GRANTED)
    if not got.refresh_token:
        raise Ended(Ending.NOT_LASTING)
    keep(request, Step.AGREED, Kept(got, now, None), answer="", not_before=None)


def keep(request: ConsentRequest, step: Step, kept: Kept, **more: object) -> None:
    """Sealed, along with the step that is reached by it."""
    advance(request, step, tokens=sealed(request, "tokens", _packed(kept)), **more)


def kept_by(request: ConsentRequest) -> Kept:
    """Raises `vault.CannotOpen`."""
    packed = opened(request, "tokens")
    who = packed["who"]
    return Kept(
        identity.Tokens(
            access_token=packed["access_token"],
            refresh_token=packed["refresh_token"],
            lasts=timedelta(seconds=packed["lasts"]),
            scopes=tuple(packed["scopes"]),
            id_token=packed["id_token"],
        ),
        datetime.fromisoformat(packed["asked_at"]),
        id_tokens.Identity(*who) if who else None,
    )


def usable_token(request: ConsentRequest, *, now: datetime) -> str:
    """An access token that lasts for this attempt. Raises `CalendarError`."""
    kept = kept_by(request)
    if kept.tokens.access_token and now < kept.asked_at + kept.tokens.lasts - EARLY:
        return kept.tokens.access_token
    assert kept.who is not None, "asked only after the identity was proved"  # noqa: S101
    wanted = scopes.to_ask_again(kept.tokens.scopes, request.api)
    fresh = identity.refresh(kept.tokens.refresh_token, tenant_id=kept.who.tenant_id, scopes=wanted)
    got = identity.Tokens(
        access_token=fresh.access_token,
        refresh_token=fresh.refresh_token or kept.tokens.refresh_token,
        lasts=fresh.lasts,
        scopes=fresh.scopes or kept.tokens.scopes,
    )
    keep(request, Step(request.step), Kept(got, now, kept.who))
    return fresh.access_token


def forget_access(request: ConsentRequest) -> None:
    """Microsoft refused the access token before its time: the next attempt brings another."""
    kept = kept_by(request)
    spent = identity.Tokens(
        access_token="", refresh_token=kept.tokens.refresh_token, lasts=timedelta(), scopes=kept.tokens.scopes
    )
    keep(request, Step(request.step), Kept(spent, kept.asked_at, kept.who))


def _redeemed(request: ConsentRequest, answer: dict[str, str]) -> identity.Tokens:
    try:
        return identity.redeem(opened(request, "flow"), answer)
    except (CredentialRefused, Passing):
        raise
    except CalendarError as problem:
        is_spent = problem.failure.reason in _SPENT
        raise Ended(Ending.INTERRUPTED if is_spent else problem.failure.reason, problem.failure) from problem


def _packed(kept: Kept) -> dict[str, Any]:
    who = kept.who
    return {
        "access_token": kept.tokens.access_token,
        "refresh_token": kept.tokens.refresh_token,
        "id_token": kept.tokens.id_token,
        "scopes": scopes.bare(kept.tokens.scopes),
        "lasts": kept.tokens.lasts.total_seconds(),
        "asked_at": kept.asked_at.isoformat(),
        "who": [who.tenant_id, who.object_id, who.username] if who else None,
    }
