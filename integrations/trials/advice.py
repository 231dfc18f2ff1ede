# ruff: noqa: E501  sentences stay whole, so that a search finds them
"""What to do about a step of a test that failed."""

from __future__ import annotations

from collections.abc import Mapping

from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString

from integrations import reasons
from integrations.failures import Reason
from integrations.models import Ending

_AGAIN = "{name} starts again."
_APPROVE = "The Microsoft 365 admin approves Meridian once for everybody; then {name} starts again."
_OPERATOR = "The people who run Meridian mend its registration at Microsoft; then {name} starts again."
_OWN_ACCOUNT = "{name} starts again and chooses the work account of your organization at Microsoft."
_ALL = "{name} starts again and accepts every permission at Microsoft."
_WAIT = "Meridian tries again by itself."
_ALLOW = "The Microsoft 365 admin allows Meridian in Entra, under Enterprise applications; then {name} starts again."
_GRAPH = (
    "An admin of this account chooses Graph; or, until 1 April 2027, the Microsoft 365 admin allows EWS for Meridian."
)

_ADVICE: Mapping[str, str] = {
    Reason.ADMIN_APPROVAL: _APPROVE,
    Reason.DECLINED: "{name} starts again and accepts. If Microsoft had asked for an admin’s approval, that comes first.",
    Reason.CANCELLED: "{name} starts again and goes on to the end. If Microsoft had asked for an admin’s approval, that comes first.",
    Reason.CONDITIONAL_ACCESS: "The Microsoft 365 admin finds the rule in Entra’s sign-in log by the trace ID and lets Meridian pass; then {name} starts again.",
    Reason.NOT_ASSIGNED: "The Microsoft 365 admin assigns {name} to Meridian in Entra, under Enterprise applications; then {name} starts again.",
    Reason.APP_REMOVED: _ALLOW,
    Reason.SERVICE_ABSENT: "The Microsoft 365 admin can tell why the organization has no Microsoft Graph.",
    Reason.TENANT_GONE: "The Microsoft 365 admin can tell what became of the organization at Microsoft.",
    Reason.PASSWORD_EXPIRED: "{name} sets a new password at Microsoft, then starts again.",
    Reason.ACCOUNT_DISABLED: "The Microsoft 365 admin enables the account; then {name} starts again.",
    Reason.ACCOUNT_GONE: _OWN_ACCOUNT,
    Reason.ACCOUNT_LOCKED: "{name} waits until Microsoft unlocks the account, then starts again.",
    Reason.NO_MAILBOX: "The Microsoft 365 admin gives {name} a mailbox in Exchange Online, which needs a licence.",
    Reason.ON_PREMISES: "Choose somebody whose mailbox is in Exchange Online.",
    Reason.GUEST: _OWN_ACCOUNT,
    Reason.PERMISSION_MISSING: _ALL,
    Reason.CREDENTIAL_EXPIRED: _OPERATOR,
    Reason.CREDENTIAL_WRONG: _OPERATOR,
    Reason.REQUEST_REJECTED: _OPERATOR,
    Reason.KEY_MISSING: "The people who run Meridian put the old key back at the end of TOKEN_KEYS.",
    Reason.TOO_MANY_REQUESTS: _WAIT,
    Reason.SERVICE_TROUBLE: _WAIT,
    Reason.NO_ANSWER: "Meridian tries again by itself. If this stays, the people who run Meridian look whether its machine reaches Microsoft.",
    Reason.TOKEN_REFUSED: _WAIT,
    Reason.EWS_DISABLED: _GRAPH,
    Reason.EWS_NOT_ALLOWED: _GRAPH,
    Ending.UNTRUSTED: "{name} starts again. If it happens again, tell the people who run Meridian.",
    Ending.TAKEN: "Whoever has connected this mailbox in Meridian deletes that connection first; or {name} chooses another account.",
    Ending.ANOTHER_ACCOUNT: "{name} starts again and chooses the account that is connected, or deletes the connection first.",
    Ending.LESS_GRANTED: _ALL,
    Ending.NOT_LASTING: _ALL,
    Ending.ANOTHER_DOMAIN: "{name} starts again with an account of an allowed domain; or an admin of this account allows more.",
    Ending.NOT_ALLOWED: "An admin of this account allows it in the settings; then {name} starts again.",
}
_SERVER = "An admin of this account sees to the Exchange server: its page says what is wrong and what helps."
# Of a server of the organization's own.
_AT_SERVER: Mapping[str, str] = {
    Reason.PASSWORD_REFUSED: "{name} starts again with the user name and password of the organization’s own network. Some servers want DOMAIN\\name, others name@domain.",
    Reason.PASSWORD_EXPIRED: "{name} sets a new password at the organization, then starts again.",
    Reason.ACCOUNT_DISABLED: "The admin of the Exchange server enables the account; then {name} starts again.",
    Reason.ACCOUNT_LOCKED: "{name} waits half an hour, then starts again.",
    Reason.IMPERSONATION_REFUSED: "The admin of the Exchange server lets the impersonation account open this mailbox; then {name} starts again.",
    Reason.IMPERSONATION_ENDED: _SERVER,
    Reason.ADDRESS_CHANGED: "{name} starts again: the mailbox of the address of now is connected.",
    Reason.SERVER_UNREACHABLE: _SERVER,
    Reason.CERTIFICATE_UNTRUSTED: _SERVER,
    Reason.ADDRESS_NOT_ALLOWED: _SERVER,
    Reason.NOT_EXCHANGE: _SERVER,
    Reason.NO_MAILBOX: "The admin of the Exchange server can tell where the mailbox of {name} is.",
    Reason.MOVED_TO_CLOUD: "The mailbox is in Exchange Online: an admin of this account lets {name} connect by Office 365.",
    Reason.PERMISSION_MISSING: "The admin of the Exchange server lets this account open the mailbox; then {name} starts again.",
}
# Where Microsoft may have shown *Need admin approval*.
_BY_APPROVAL = (Reason.ADMIN_APPROVAL, Reason.DECLINED, Reason.CANCELLED)


def on(reason: str, name: str) -> SafeString:
    says = _ADVICE.get(reason, _AGAIN).format(name=name)
    if reason in _BY_APPROVAL:
        return format_html('{} <a href="{}">See who awaits an admin</a>.', says, reverse("approvals"))
    return format_html("{}", says)


def at_server(reason: str, name: str) -> SafeString:
    """Where the words of others would speak of Microsoft."""
    says = _AT_SERVER.get(reason)
    return format_html("{}", says.format(name=name)) if says else on(reason, name)


def why(reason: str) -> str:
    """Unknown stays unknown."""
    if reason in Ending.values:
        return f"{Ending(reason).label}."
    try:
        return f"{reasons.in_words(reason)}."
    except KeyError:
        return "Meridian does not know this reason."
