# ruff: noqa: E501  sentences stay whole, so that a search finds them
"""What helps a connection, said to an admin of the account: always one thing, and who does it. Pure.

What the person is told is in `health.py`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from integrations.failures import Reason
from integrations.policy import Obstacle


class Who(StrEnum):
    """Who does what helps."""

    NOBODY = "nobody"
    PERSON = "person"
    ACCOUNT_ADMIN = "account_admin"
    MICROSOFT_ADMIN = "microsoft_admin"
    SERVER_ADMIN = "server_admin"
    OPERATOR = "operator"


class Place(StrEnum):
    """Where in the portal it is done, if an admin does it there."""

    NOWHERE = ""
    APPROVALS = "approvals"
    SETTING = "setting"
    ORGANIZATION = "organization"
    DOMAINS = "domains"
    SERVERS = "servers"
    EWS = "ews"


@dataclass(frozen=True)
class Remedy:
    who: Who
    # With {name} for the person.
    sentence: str
    place: Place = Place.NOWHERE

    def says(self, name: str) -> str:
        return self.sentence.format(name=name)


WAIT = Remedy(
    Who.NOBODY,
    "Nothing needs to be done: Meridian tries again by itself. {name} should not reconnect, which would change nothing.",
)
NOTHING = Remedy(Who.NOBODY, "Nothing needs to be done.")
RECONNECT = Remedy(Who.PERSON, "{name} presses Reconnect on the profile. Nothing else does.")
OPERATOR = Remedy(
    Who.OPERATOR,
    "The people who run Meridian renew its registration at Microsoft. The connection then comes back by itself; {name} should not reconnect.",
)
APPROVE = Remedy(
    Who.MICROSOFT_ADMIN,
    "The Microsoft 365 admin approves Meridian once for everybody; then {name} presses Authorize.",
    Place.APPROVALS,
)
ALLOW = Remedy(
    Who.ACCOUNT_ADMIN,
    "An admin of this account allows it in the settings. The connection then comes back by itself, until {name}’s sealed access is forgotten.",
    Place.SETTING,
)
ALLOW_FIRST = Remedy(
    Who.ACCOUNT_ADMIN,
    "First an admin of this account allows it in the settings; then {name} connects on the profile.",
    Place.SETTING,
)
OPERATOR_FIRST = Remedy(
    Who.OPERATOR,
    "First the people who run Meridian renew its registration at Microsoft; then {name} connects on the profile.",
)
ON_THE_WAY = Remedy(Who.NOBODY, "Nothing needs to be done: a worker is at it, which usually takes a few seconds.")
ACTIVATE_FIRST = Remedy(Who.ACCOUNT_ADMIN, "First an admin of this account reactivates {name}, who cannot sign in.")
CONNECT = Remedy(
    Who.PERSON, "{name} presses Configure Calendar and Contacts Service on the profile, if a calendar is wanted again."
)
WITHHELD = Remedy(
    Who.PERSON, "{name} presses Configure on the profile, ticks what is missing, and accepts it at Microsoft."
)
BY_ORGANIZATION = Remedy(
    Who.MICROSOFT_ADMIN,
    "In this account {name} does not connect: an Office 365 admin authorizes Meridian for everybody, and {name} is connected without a step as soon as that opens a mailbox of theirs.",
    Place.ORGANIZATION,
)
_FEWER = Remedy(
    Who.PERSON,
    "{name} presses Configure on the profile and chooses fewer permissions; or an admin of this account allows more.",
    Place.SETTING,
)
_MAILBOX = Remedy(
    Who.MICROSOFT_ADMIN,
    "The Microsoft 365 admin gives {name} a mailbox in Exchange Online, which needs a licence. Meridian looks again by itself; sooner, if {name} presses Reconnect.",
)
_ALLOW_APP = Remedy(
    Who.MICROSOFT_ADMIN,
    "The Microsoft 365 admin allows Meridian again in Entra, under Enterprise applications. The connection then comes back by itself.",
)
_APPROVE_ANEW = Remedy(
    Who.MICROSOFT_ADMIN,
    "Meridian was removed there. The Microsoft 365 admin approves it once more for everybody, and the connection comes back by itself; or, if the organization lets people decide for themselves, {name} presses Reconnect.",
)
_KEY = Remedy(
    Who.OPERATOR,
    "The people who run Meridian put the old key back at the end of TOKEN_KEYS. The connection then comes back by itself.",
)

_LOST: Mapping[str, Remedy] = {
    Reason.PASSWORD_EXPIRED: Remedy(
        Who.PERSON, "{name} sets a new password at Microsoft, then presses Reconnect on the profile."
    ),
    Reason.ACCOUNT_DISABLED: Remedy(
        Who.MICROSOFT_ADMIN,
        "The Microsoft 365 admin enables the account; then {name} presses Reconnect on the profile.",
    ),
    Reason.ACCOUNT_GONE: Remedy(
        Who.MICROSOFT_ADMIN,
        "The Microsoft 365 admin can tell what became of the account. With another one, {name} deletes this connection and connects anew.",
    ),
    Reason.ACCOUNT_LOCKED: Remedy(
        Who.PERSON,
        "{name} waits until Microsoft unlocks the account, or has its admin unlock it; then presses Reconnect on the profile.",
    ),
    Reason.MFA_NEEDED: Remedy(
        Who.PERSON, "{name} presses Reconnect on the profile and confirms at Microsoft with a second step."
    ),
    Reason.STEP_UP: Remedy(
        Who.PERSON, "{name} presses Reconnect on the profile and gives Microsoft the proof it asks for."
    ),
    Reason.TENANT_GONE: Remedy(
        Who.MICROSOFT_ADMIN,
        "The Microsoft 365 admin can tell what became of the organization at Microsoft. With an account of another one, {name} deletes this connection and connects anew.",
    ),
    Reason.CONDITIONAL_ACCESS: Remedy(
        Who.MICROSOFT_ADMIN,
        "The Microsoft 365 admin finds the rule in Entra’s sign-in log by the trace ID and lets Meridian pass; then {name} presses Reconnect on the profile.",
    ),
    Reason.NOT_ASSIGNED: Remedy(
        Who.MICROSOFT_ADMIN,
        "The Microsoft 365 admin assigns {name} to Meridian in Entra, under Enterprise applications; then {name} presses Reconnect on the profile.",
    ),
    Reason.APP_REMOVED: Remedy(
        Who.MICROSOFT_ADMIN,
        "The Microsoft 365 admin allows Meridian again in Entra; then {name} presses Reconnect on the profile.",
    ),
    Reason.ADMIN_APPROVAL: APPROVE,
    Reason.APPROVED: Remedy(Who.PERSON, "{name} presses Authorize on the profile: one step is left."),
    Reason.REFUSED: Remedy(
        Who.PERSON,
        "{name} presses Reconnect on the profile. If Microsoft refuses again, its support can tell why by the trace ID.",
    ),
}
_PASSING: Mapping[str, Remedy] = {
    Reason.NO_MAILBOX: Remedy(
        Who.NOBODY,
        "Meridian tries again by itself, as a mailbox may be on the move. If this stays, the Microsoft 365 admin looks at {name}’s licence for Exchange Online.",
    ),
}
_PAUSED: Mapping[str, Remedy] = {
    Reason.APP_REMOVED: _ALLOW_APP,
    Reason.SERVICE_ABSENT: Remedy(
        Who.MICROSOFT_ADMIN,
        "The Microsoft 365 admin can tell why the organization does not offer Microsoft Graph. The connection comes back by itself once it does.",
    ),
    Reason.TENANT_GONE: Remedy(
        Who.MICROSOFT_ADMIN,
        "The Microsoft 365 admin can tell what became of the organization at Microsoft. The connection comes back by itself once Microsoft knows it again.",
    ),
    Reason.TENANT_BLOCKED: Remedy(
        Who.MICROSOFT_ADMIN,
        "The Microsoft 365 admin asks Microsoft why the organization is blocked. The connection comes back by itself once it no longer is.",
    ),
    Reason.KEY_MISSING: _KEY,
}
_NOT_ELIGIBLE: Mapping[str, Remedy] = {
    Reason.GUEST: Remedy(
        Who.PERSON, "{name} presses Reconnect on the profile and chooses the account of the own organization."
    ),
    Reason.ON_PREMISES: Remedy(
        Who.MICROSOFT_ADMIN,
        "The Microsoft 365 admin can tell whether the mailbox will move to Exchange Online, where Meridian can read it. Meridian looks again by itself; sooner, if {name} presses Reconnect.",
    ),
}
_BLOCKED: Mapping[str, Remedy] = {
    Obstacle.CALENDAR_WRITE: _FEWER,
    Obstacle.CONTACTS_WRITE: _FEWER,
    Obstacle.SET_UP_BY_ADMIN: BY_ORGANIZATION,
}


def of_lost(reason: str) -> Remedy:
    return _LOST.get(reason, RECONNECT)


def of_passing(reason: str) -> Remedy:
    return _PASSING.get(reason, WAIT)


def of_paused(reason: str, *, is_removed: bool = False) -> Remedy:
    return _APPROVE_ANEW if is_removed else _PAUSED.get(reason, OPERATOR)


def of_blocked(reason: str) -> Remedy:
    return _BLOCKED.get(reason, ALLOW)


def of_no_mailbox(reason: str) -> Remedy:
    return _NOT_ELIGIBLE.get(reason, _MAILBOX)
