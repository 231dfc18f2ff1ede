# ruff: noqa: E501  sentences stay whole, so that a search finds them
"""What helps a connection by the organization, said to an admin of the account. Pure.

Its person has nothing to press: there is no sign-in of theirs, and what is mended comes back by itself.
"""

from __future__ import annotations

from collections.abc import Mapping

from integrations.diagnosis.remedies import BY_ORGANIZATION, NOTHING, ON_THE_WAY, Place, Remedy, Who
from integrations.failures import Reason
from integrations.models import State

_AUTHORIZE_ANEW = Remedy(
    Who.MICROSOFT_ADMIN,
    "An Office 365 admin authorizes Meridian once more. Everybody’s connection then comes back by itself.",
    Place.ORGANIZATION,
)
_WAIT = Remedy(Who.NOBODY, "Nothing needs to be done: Meridian tries again by itself.")
_OPERATOR = Remedy(
    Who.OPERATOR,
    "The people who run Meridian renew its registration at Microsoft. The connection then comes back by itself.",
)
_ALLOW = Remedy(
    Who.ACCOUNT_ADMIN,
    "An admin of this account allows it in the settings. The connection then comes back by itself.",
    Place.SETTING,
)
_ALLOW_APP = Remedy(
    Who.MICROSOFT_ADMIN,
    "The Microsoft 365 admin allows Meridian to sign in again in Entra, under Enterprise applications. Everybody’s connection then comes back by itself.",
)
_PAUSED: Mapping[str, Remedy] = {
    Reason.CONSENT_REVOKED: _AUTHORIZE_ANEW,
    Reason.PERMISSION_MISSING: _AUTHORIZE_ANEW,
    Reason.CONDITIONAL_ACCESS: Remedy(
        Who.MICROSOFT_ADMIN,
        "The Microsoft 365 admin finds the rule in Entra’s sign-in log of service principals, by the trace ID, and lets Meridian pass. Everybody’s connection then comes back by itself.",
    ),
    Reason.REFUSED: Remedy(
        Who.MICROSOFT_ADMIN,
        "The Microsoft 365 admin, or Microsoft’s support, can tell why by the trace ID. Everybody’s connection comes back by itself once Microsoft accepts Meridian there again.",
    ),
    Reason.TENANT_BLOCKED: Remedy(
        Who.MICROSOFT_ADMIN,
        "The Microsoft 365 admin asks Microsoft why the organization is blocked. Everybody’s connection comes back by itself once it no longer is.",
    ),
    Reason.APP_REMOVED: _ALLOW_APP,
    Reason.SERVICE_ABSENT: Remedy(
        Who.MICROSOFT_ADMIN,
        "The Microsoft 365 admin can tell why the organization does not offer Microsoft Graph. Everybody’s connection comes back by itself once it does.",
    ),
    Reason.TENANT_GONE: Remedy(
        Who.MICROSOFT_ADMIN,
        "The Microsoft 365 admin can tell what became of the organization at Microsoft. Everybody’s connection comes back by itself once Microsoft knows it again.",
    ),
    Reason.KEY_MISSING: Remedy(
        Who.OPERATOR,
        "The people who run Meridian put the old key back at the end of TOKEN_KEYS. The connection then comes back by itself.",
    ),
}
_IN_EXCHANGE = Remedy(
    Who.MICROSOFT_ADMIN,
    "If {name} is to be connected, the Microsoft 365 admin adds the mailbox to those that Exchange lets Meridian into. Exchange may take two hours until it holds; Meridian then finds it by itself.",
    Place.ORGANIZATION,
)
_NO_MAILBOX = Remedy(
    Who.MICROSOFT_ADMIN,
    "The Microsoft 365 admin gives the account with the address of {name} a mailbox in Exchange Online, which needs a licence; or {name}’s address here is made the one that is known there. Meridian then finds it by itself.",
)
_NOT_ELIGIBLE: Mapping[str, Remedy] = {
    Reason.SCOPED_OUT: _IN_EXCHANGE,
    Reason.PERMISSION_MISSING: _IN_EXCHANGE,
    Reason.AMBIGUOUS: Remedy(
        Who.MICROSOFT_ADMIN,
        "The Microsoft 365 admin sees to it that one account only has the address of {name}; or, where two people here have the same mailbox, an admin of this account corrects the address of one. Meridian then finds it by itself.",
    ),
    Reason.GUEST: Remedy(
        Who.MICROSOFT_ADMIN,
        "{name} is a guest in that organization, and guests have no mailbox there. The Microsoft 365 admin can tell whether an account of its own is meant.",
    ),
    Reason.ON_PREMISES: Remedy(
        Who.MICROSOFT_ADMIN,
        "The Microsoft 365 admin can tell whether the mailbox will move to Exchange Online, where Meridian can read it. Meridian then finds it by itself.",
    ),
}
_ENDED: Mapping[str, Remedy] = {
    Reason.LINK_ENDED: _AUTHORIZE_ANEW,
    Reason.OUTSIDE_DOMAIN: Remedy(
        Who.ACCOUNT_ADMIN,
        "An admin of this account verifies the domain of {name}’s address as an associated domain; it must be one of the organization’s at Microsoft, too.",
        Place.DOMAINS,
    ),
}
_PEOPLE_THEMSELVES = Remedy(
    Who.PERSON, "{name} connects on the profile, as people now set the integration up themselves.", Place.SETTING
)


def of(state: State, reason: str, *, is_removed: bool = False) -> Remedy:
    """`is_removed`: the application was removed there, not merely switched off."""
    match state:
        case State.DEGRADED:
            return _WAIT
        case State.PAUSED:
            is_gone = reason == Reason.APP_REMOVED and is_removed
            return _AUTHORIZE_ANEW if is_gone else _PAUSED.get(reason, _OPERATOR)
        case State.NOT_ELIGIBLE:
            return _NOT_ELIGIBLE.get(reason, _NO_MAILBOX)
        case State.BLOCKED_BY_POLICY:
            return of_obstacle(reason)
        case State.DISCONNECTED | State.NEEDS_REAUTH | State.AWAITING_ADMIN:
            return _ENDED.get(reason, BY_ORGANIZATION)
        case State.CONNECTING:
            return ON_THE_WAY
        case _:
            return NOTHING


def of_mailbox(reason: str) -> Remedy:
    """Of one that did not answer just now."""
    return _NOT_ELIGIBLE.get(reason) or _PAUSED.get(reason, _WAIT)


def of_obstacle(obstacle: str) -> Remedy:
    return _PEOPLE_THEMSELVES if obstacle == "set_up_by_people" else _ALLOW
