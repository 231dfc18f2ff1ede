"""What happens to a person's sessions, tokens and consents."""

from __future__ import annotations

from datetime import datetime

from django.db import transaction
from django.db.models import F

from integrations.simulator.control.acts.declaring import Action, Kind, Parameter
from integrations.simulator.models import Application, Grant, Person, RefreshToken

GROUP = "Sessions and tokens"


def revoke_sessions(person: Person, *, now: datetime) -> str:
    """Refresh tokens and browser sessions issued until now are dead (50173); access tokens live to their end."""
    Person.objects.filter(pk=person.pk).update(valid_from=now)
    return f"{person.name}’s sessions are revoked. Refresh tokens from before are refused; access tokens live on."


def expire_access_tokens(person: Person, *, now: datetime) -> str:
    """Graph refuses them from now on (401), as if their time were up."""
    Person.objects.filter(pk=person.pk).update(generation=F("generation") + 1)
    return f"{person.name}’s access tokens are refused from now on. Refresh tokens still work."


def expire_refresh_tokens(person: Person, *, now: datetime) -> str:
    """As after 90 idle days (700082)."""
    RefreshToken.objects.filter(person=person, expires_at__gt=now).update(expires_at=now)
    return f"{person.name}’s refresh tokens are refused from now on, as after 90 idle days."


def expire_all_tokens(person: Person, *, now: datetime) -> str:
    with transaction.atomic():
        expire_access_tokens(person, now=now)
        expire_refresh_tokens(person, now=now)
    return f"{person.name}’s access tokens and refresh tokens are refused from now on, as after 90 idle days."


def withdraw_consent(person: Person, *, client_id: Application | None = None, now: datetime) -> str:
    """As an administrator deletes a consent: refused with 65001 at the next refresh."""
    mine = Grant.objects.filter(person=person)
    if client_id is not None:
        mine = mine.filter(service_principal__application=client_id)
    mine.delete()
    return f"{person.name}’s {'consent is' if client_id else 'consents are'} deleted. The next refresh is refused."


def _action(name: str, label: str, effect: str, do: object, *parameters: Parameter) -> Action:
    return Action(
        on="people",
        name=name,
        label=label,
        group=GROUP,
        effect=effect,
        do=do,  # type: ignore[arg-type]
        parameters=parameters,
        is_harmful=True,
    )


ACTIONS = (
    _action(
        "revoke-sessions",
        "Revoke sessions",
        "As revokeSignInSessions: every refresh token and browser session from before is dead. The next refresh is "
        "refused with AADSTS50173. Access tokens live to their end.",
        revoke_sessions,
    ),
    _action(
        "expire-tokens",
        "Expire access tokens",
        "Graph answers 401 to every access token of theirs. A client with a refresh token gets a new one and goes on.",
        expire_access_tokens,
    ),
    _action(
        "expire-refresh-tokens",
        "Expire refresh tokens",
        "As after 90 idle days: the next refresh is refused with AADSTS700082. Access tokens live to their end.",
        expire_refresh_tokens,
    ),
    _action(
        "expire-all-tokens",
        "Expire all tokens",
        "Access tokens get 401 from Graph, and refresh tokens AADSTS700082. They have to sign in again.",
        expire_all_tokens,
    ),
    _action(
        "withdraw-consent",
        "Delete consent",
        "As an administrator deletes what they allowed: the next refresh is refused with AADSTS65001. Access tokens "
        "live to their end. What was granted for everybody stays.",
        withdraw_consent,
        Parameter(name="client_id", label="Application", kind=Kind.APPLICATION, is_required=False),
    ),
)
