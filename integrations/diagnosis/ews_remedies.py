# ruff: noqa: E501  sentences stay whole, so that a search finds them
"""What helps a connection by Exchange Web Services, said to an admin of the account. Pure.

None: what helps any other connection helps it, too.
"""

from __future__ import annotations

from collections.abc import Mapping

from integrations.diagnosis.remedies import NOTHING, WAIT, Place, Remedy, Who
from integrations.failures import Reason
from integrations.models import State
from integrations.policy import Obstacle

_TO_GRAPH = Remedy(
    Who.ACCOUNT_ADMIN,
    "An admin of this account moves {name} to Graph, which Exchange Online keeps. Or, until 1 April 2027, the Microsoft 365 admin allows EWS for Meridian again; the connection then comes back by itself.",
    Place.EWS,
)
_IN_THE_CLOUD = Remedy(
    Who.ACCOUNT_ADMIN,
    "The mailbox is in Exchange Online now: an admin of this account lets {name} connect by Office 365, and {name} signs in there once.",
    Place.EWS,
)
_AT_THE_SERVER = Remedy(
    Who.ACCOUNT_ADMIN,
    "An admin of this account sees to the Exchange server: its page says what is wrong with it and what helps. Everybody there then comes back by itself.",
    Place.SERVERS,
)
_SERVERS_ADMIN = Remedy(
    Who.SERVER_ADMIN,
    "The admin of the Exchange server lets the impersonation account open {name}’s mailbox, by the role ApplicationImpersonation. Meridian looks again by itself, once a day; sooner with Check now.",
)
_PASSWORD = Remedy(
    Who.PERSON,
    "{name} presses Reconnect on the profile and types the password of now. Meridian does not try the old one again, so that the server does not lock the account.",
)
_LOST: Mapping[str, Remedy] = {
    Reason.PASSWORD_EXPIRED: Remedy(
        Who.PERSON,
        "{name} sets a new password at the organization, then presses Reconnect on the profile and types it.",
    ),
    Reason.ADDRESS_CHANGED: Remedy(
        Who.PERSON,
        "{name} presses Reconnect on the profile: the mailbox of the address of now is connected.",
    ),
    Reason.ACCOUNT_DISABLED: Remedy(
        Who.SERVER_ADMIN,
        "The admin of the Exchange server enables the account; then {name} presses Reconnect on the profile.",
    ),
    Reason.PERMISSION_MISSING: Remedy(
        Who.SERVER_ADMIN,
        "The admin of the Exchange server allows Exchange Web Services for the mailbox; then {name} presses Reconnect on the profile.",
    ),
}
_NOT_ELIGIBLE: Mapping[str, Remedy] = {
    Reason.MOVED_TO_CLOUD: _IN_THE_CLOUD,
    Reason.IMPERSONATION_REFUSED: _SERVERS_ADMIN,
}
_NO_MAILBOX = Remedy(
    Who.SERVER_ADMIN,
    "The admin of the Exchange server can tell where the mailbox of {name} is. Meridian looks again by itself; sooner, if {name} presses Reconnect.",
)
_LOCKED = Remedy(
    Who.NOBODY,
    "Nothing needs to be done: Meridian waits for half an hour, then tries again by itself. If the account is locked again and again, something else uses an old password.",
)
_ANOTHER_WAY = Remedy(
    Who.PERSON, "{name} presses Configure on the profile and connects in the way that the settings lead now."
)
_BLOCKED = (Obstacle.SET_UP_BY_ADMIN, Obstacle.SET_UP_BY_PEOPLE, Obstacle.ANOTHER_SERVER)
# Of the server, and not of one mailbox.
_OF_THE_SERVER = (
    Reason.SERVER_UNREACHABLE,
    Reason.CERTIFICATE_UNTRUSTED,
    Reason.ADDRESS_NOT_ALLOWED,
    Reason.NOT_EXCHANGE,
)


def at_microsoft(state: State, reason: str) -> Remedy | None:
    is_off = reason in (Reason.EWS_DISABLED, Reason.EWS_NOT_ALLOWED)
    return _TO_GRAPH if is_off and state in (State.PAUSED, State.NOT_ELIGIBLE) else None


def at_own_server(state: State, reason: str, *, is_impersonated: bool) -> Remedy | None:
    match state:
        case State.NEEDS_REAUTH:
            return _LOST.get(reason, _PASSWORD)
        case State.DEGRADED if reason == Reason.ACCOUNT_LOCKED:
            return _LOCKED
        case State.DEGRADED:
            return _AT_THE_SERVER if reason in _OF_THE_SERVER else WAIT
        case State.PAUSED:
            return None if reason == Reason.KEY_MISSING and not is_impersonated else _AT_THE_SERVER
        case State.NOT_ELIGIBLE:
            return _NOT_ELIGIBLE.get(reason, _NO_MAILBOX)
        case State.BLOCKED_BY_POLICY if reason in _BLOCKED:
            return _ANOTHER_WAY
        case State.CONNECTED:
            return NOTHING
        case _:
            return None
