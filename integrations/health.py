# ruff: noqa: E501  sentences stay whole, so that a search finds them
"""What is wrong with a connection, or with the way to one, in words a person can act on. One button each."""

from __future__ import annotations

from dataclasses import dataclass

from django.utils.html import format_html
from django.utils.safestring import SafeString

from accounts.domain_names import listed
from accounts.templatetags.ui import local_moment
from integrations.domains import DomainRule
from integrations.exchange import words as ews
from integrations.failures import Reason
from integrations.models import Connection, ConsentRequest, Ending, State
from integrations.policy import Obstacle
from integrations.preferences import Api, Service

RECONNECT = "reconnect"
# From Exchange Web Services to Graph, by the usual consent.
MOVE = "move"
CONNECT = "connect"
WAIT = ""


@dataclass(frozen=True)
class Words:
    """`says` is the sentence in bold, `explains` what follows from it; `button` is what mends it, if anything."""

    kind: str
    says: str
    explains: str = ""
    button: str = WAIT


_KEPT = "Your settings and history are kept."
_GOES_BY_ITSELF = "Your connection is kept; Meridian tries again by itself. There is nothing you need to do."
_LOST: dict[str, str] = {
    Reason.SESSIONS_REVOKED: "Microsoft no longer accepts Meridian’s access: your sessions were ended or your password was changed.",
    Reason.INACTIVE: "Microsoft ended Meridian’s access because it was not used for 90 days.",
    Reason.GRANT_EXPIRED: "Microsoft’s permission for Meridian has expired.",
    Reason.GRANT_UNKNOWN: "Microsoft no longer recognises the access that it had given Meridian.",
    Reason.SIGN_IN_TOO_OLD: "Your organization asks you to sign in at Microsoft again from time to time.",
    Reason.CONSENT_WITHDRAWN: "The permission for Meridian was withdrawn at Microsoft.",
    Reason.PASSWORD_EXPIRED: "Your password at Microsoft has expired. Change it there, then reconnect.",
    Reason.ACCOUNT_DISABLED: "Your account at Microsoft is disabled. Your Microsoft 365 admin can enable it.",
    Reason.ACCOUNT_GONE: "Microsoft no longer knows this account. Your Microsoft 365 admin can tell why.",
    Reason.ACCOUNT_LOCKED: "Your account at Microsoft is locked after too many attempts. Wait a while, then reconnect.",
    Reason.MFA_NEEDED: "Microsoft wants to confirm that it is you, with a second step.",
    Reason.STEP_UP: "Microsoft wants you to sign in again, with more proof than before.",
    Reason.CONDITIONAL_ACCESS: "A rule of your organization at Microsoft stops Meridian (Conditional Access). Your Microsoft 365 admin can tell which.",
    Reason.NOT_ASSIGNED: "Your organization lets only chosen people use Meridian with Microsoft 365. Your Microsoft 365 admin can add you.",
    Reason.REFUSED: "Microsoft refused Meridian’s access and did not say why in words we know.",
    Reason.PERMISSION_MISSING: "For a day Microsoft has not let Meridian read the mailbox, although the permission was given.",
    Reason.APPROVED: "Meridian was approved at Microsoft. One step is left, which is yours.",
    Reason.CODE_SPENT: "What Microsoft had sent along was used already.",
    Reason.CODE_REFUSED: "Microsoft did not accept what it had sent along.",
    Reason.LOST_IN_FLIGHT: "Meridian was interrupted while it renewed its access, and Microsoft does not accept the old one again. Nothing is wrong with your account.",
}
_PASSING: dict[str, str] = {
    Reason.TOO_MANY_REQUESTS: "Microsoft asks us to wait: too many requests.",
    Reason.SERVICE_TROUBLE: "Microsoft has trouble answering.",
    Reason.NO_ANSWER: "Microsoft does not answer.",
    Reason.NO_MAILBOX: "Microsoft says that this account has no mailbox at the moment.",
    Reason.GUEST: "Microsoft says that this account has no mailbox at the moment: it is a guest there.",
    Reason.ON_PREMISES: "Microsoft says that this account has no mailbox at the moment; it may have moved to a server of your organization’s own.",
    Reason.TOKEN_REFUSED: "Microsoft refused a key that it had just given.",
    Reason.PERMISSION_MISSING: "Microsoft does not let Meridian read the mailbox at the moment, although the permission was given.",
}
_POLICY: dict[str, str] = {
    Obstacle.TURNED_OFF: "Your organization has turned calendar integration off.",
    Obstacle.ANOTHER_SERVICE: "Your organization now uses another calendar service.",
    Obstacle.ANOTHER_API: "Your organization now connects calendars in another way.",
    Obstacle.ANOTHER_SERVER: "Your organization now uses another Exchange server.",
    Obstacle.SET_UP_BY_ADMIN: "In your organization the Microsoft 365 admin sets calendars up for everybody.",
    Obstacle.SET_UP_BY_PEOPLE: "In your organization everybody now connects their own calendar, by signing in at Microsoft once.",
    Obstacle.DOMAIN: "Your organization allows only accounts of certain domains to be connected.",
    Obstacle.CALENDAR_WRITE: "Your organization allows reading calendars only.",
    Obstacle.CONTACTS_WRITE: "Your organization allows reading contacts only.",
}
_CONSENT: dict[str, str] = {
    Reason.DECLINED: "You declined at Microsoft.",
    Reason.CANCELLED: "You left Microsoft’s page without finishing.",
    Reason.ADMIN_APPROVAL: "Microsoft wants an administrator’s approval: your organization does not let people give these permissions themselves. Ask your Microsoft 365 admin to approve Meridian.",
    Reason.NO_MAILBOX: "This Microsoft account has no mailbox that Meridian can read. Most likely it has no licence for one, or its mailbox is not set up yet, was deleted, or is kept on a server of the organization’s own.",
    Reason.APP_REMOVED: "Meridian is not known, or switched off, in your Microsoft 365 organization. Your Microsoft 365 admin can allow it.",
    Reason.CREDENTIAL_EXPIRED: "Meridian’s own registration at Microsoft needs attention. Its operator has been told.",
    Reason.CREDENTIAL_WRONG: "Meridian’s own registration at Microsoft needs attention. Its operator has been told.",
    Reason.REQUEST_REJECTED: "Microsoft rejected the way Meridian asked. Tell the people who run Meridian, and quote the trace.",
    Ending.EXPIRED: "You did not come back from Microsoft within ten minutes.",
    Ending.INTERRUPTED: "The way to Microsoft was interrupted after you had come back, and what Microsoft sent along can be used only once.",
    Ending.UNTRUSTED: "The answer could not be proved to come from Microsoft.",
    Ending.TAKEN: "This mailbox is already connected to somebody else in Meridian. That connection must be deleted before it can be connected here; an admin of your account can help.",
    Ending.ANOTHER_ACCOUNT: "You signed in at Microsoft with another account than the connected one. Choose the same account, or delete the connection first.",
    Ending.GUEST: "This account is a guest in that Microsoft 365 organization, and guests have no mailbox there. Choose the account of your own organization.",
    Ending.ON_PREMISES: "Microsoft 365 knows this account, but does not hold its mailbox: most likely it is on a server of your organization’s own (on-premises), which Meridian cannot reach.",
    Ending.LESS_GRANTED: "Microsoft did not give the permission to read the calendar, without which nothing works. The next time it asks you for every permission anew.",
    Ending.NOT_LASTING: "Microsoft gave no lasting access, only for the moment. The next time it asks you for every permission anew.",
    Ending.ANOTHER_DOMAIN: "You signed in at Microsoft with an account of another domain than your organization allows.",
    Ending.NOT_ALLOWED: "Your organization changed its settings while you were at Microsoft.",
}
_PAUSED: dict[str, str] = {
    Reason.SERVICE_ABSENT: "Your Microsoft 365 organization does not offer the service by which Meridian reads calendars. Your Microsoft 365 admin can tell why.",
    Reason.TENANT_GONE: "Microsoft no longer knows your organization. Your Microsoft 365 admin can tell why.",
    Reason.TENANT_BLOCKED: "Microsoft has blocked your organization. Your Microsoft 365 admin can tell why.",
    Reason.APP_REMOVED: "Meridian was removed or switched off in your Microsoft 365 organization. Your Microsoft 365 admin can allow it again.",
    Reason.KEY_MISSING: "Meridian cannot open what it keeps for this connection. Its operator has been told.",
}
_APPEARS: dict[str, str] = {
    Reason.NO_MAILBOX: "Your Microsoft 365 admin can tell. Should a mailbox appear, Meridian finds it within a week; or reconnect then, or with another account.",
    Reason.GUEST: "You can reconnect with another account.",
}
# Of a connection by the organization: what its person is told, who can do nothing about it alone.
_OF_THE_ORGANIZATION: dict[str, str] = {
    **ews.EWS_IS_OFF,
    Reason.CONSENT_REVOKED: "Your Microsoft 365 organization has withdrawn its consent for Meridian.",
    Reason.PERMISSION_MISSING: "Your Microsoft 365 organization no longer lets Meridian read calendars.",
    Reason.CONDITIONAL_ACCESS: _LOST[Reason.CONDITIONAL_ACCESS],
    Reason.REFUSED: "Microsoft refuses the access that your organization had given Meridian.",
}
_NOT_FOR_YOU: dict[str, str] = {
    Reason.NO_MAILBOX: "Your organization connects calendars for everybody, but Microsoft 365 has no mailbox of yours that Meridian can read.",
    Reason.GUEST: "Your organization connects calendars for everybody, but you are a guest in its Microsoft 365, and guests have no mailbox there.",
    Reason.ON_PREMISES: "Your organization connects calendars for everybody, but your mailbox is most likely on a server of its own (on-premises), which Meridian cannot reach.",
    Reason.AMBIGUOUS: "Your organization connects calendars for everybody, but it cannot be told for certain which mailbox is yours.",
    Reason.SCOPED_OUT: "Your Microsoft 365 organization does not let Meridian into your mailbox.",
    Reason.EWS_DISABLED: "Exchange Web Services (EWS), by which your organization connects calendars, are switched off for your mailbox.",
    Reason.EWS_NOT_ALLOWED: "Your Microsoft 365 organization does not let Meridian use Exchange Web Services (EWS) for your mailbox.",
    Reason.ACCOUNT_DISABLED: "Your organization connects calendars for everybody, but your account at Microsoft is disabled.",
}
_NO_MORE: dict[str, str] = {
    Reason.OUTSIDE_DOMAIN: "The address that you sign in with is not of a domain for which your organization connects calendars.",
    Reason.NOT_COVERED: "Your organization no longer connects your calendar.",
    Reason.LINK_ENDED: "Your organization no longer connects calendars for everybody.",
}
_MENDED_THERE = (
    "Your Microsoft 365 admin can tell why. Meridian looks again by itself: there is nothing you need to do."
)
_KEPT_THERE = "Your connection is kept and comes back by itself. There is nothing you need to do."
# In these the button is called Reconnect.
_RECONNECTS = (State.NEEDS_REAUTH, State.NOT_ELIGIBLE)
# Removed, not merely switched off: its consents went with it.
REMOVED = ("AADSTS700016", "AADSTS7000229")
_REMOVED = "Meridian was removed from your Microsoft 365 organization."
_AFTER_REMOVAL = "Your connection is kept, and comes back by itself once your Microsoft 365 admin approves Meridian for everybody again. If your organization lets people decide for themselves, reconnect."
_OPERATOR = "Meridian’s own registration at Microsoft needs attention. Its operator has been told."
_FALLBACK = "Something unexpected stopped it."


# What brings back what the policy blocks, where the person can do it alone.
_MENDS: dict[str, str] = {
    Obstacle.CALENDAR_WRITE: "To go on at once, choose fewer permissions under Configure.",
    Obstacle.CONTACTS_WRITE: "To go on at once, choose fewer permissions under Configure.",
    Obstacle.DOMAIN: "To connect another account, delete this connection first.",
    Obstacle.SET_UP_BY_PEOPLE: "To go on, press Configure and sign in at Microsoft once.",
}


def of_connection(
    connection: Connection,
    rule: DomainRule | None = None,
    *,
    is_own: bool = False,
    may_move: bool = False,
    to_microsoft: bool = False,
) -> Words | None:
    """None: all is well, or nothing is connected. `rule` is the person's, so that a sentence can name the domains;
    `is_own`: it is the person's own choice that stands in the way; `may_move`: they may leave EWS for Graph alone;
    `to_microsoft`: the settings lead there by now."""
    if connection.is_by_organization and (words := _by_organization(connection)):
        return words
    if connection.api == Api.EWS and (words := _by_ews(connection, may_move=may_move, to_microsoft=to_microsoft)):
        return words
    match connection.state:
        case State.NEEDS_REAUTH:
            says = _LOST.get(connection.reason) or _CONSENT.get(connection.reason) or _LOST[Reason.REFUSED]
            return Words("bad", says, _KEPT, RECONNECT)
        case State.DEGRADED:
            says = _PASSING.get(connection.reason, _PASSING[Reason.SERVICE_TROUBLE])
            return Words("warn", says, _GOES_BY_ITSELF)
        case State.PAUSED if connection.reason == Reason.APP_REMOVED and connection.code in REMOVED:
            return Words("warn", _REMOVED, _AFTER_REMOVAL, RECONNECT)
        case State.PAUSED:
            says = _PAUSED.get(connection.reason, _OPERATOR)
            return Words("warn", says, "Your connection is kept and comes back by itself. Do not reconnect.")
        case State.BLOCKED_BY_POLICY:
            return Words("warn", _of_policy(connection.reason, rule, is_own), _blocked(connection))
        case State.DISCONNECTED if connection.reason in _POLICY:
            forgot = "stopped using" if connection.is_by_organization else "forgot its access to"
            explains = format_html("Meridian {} {}, {}.", forgot, connection.address, local_moment(connection.since_at))
            return Words("warn", f"Your connection was ended. {_of_policy(connection.reason, rule, is_own)}", explains)
        case State.NOT_ELIGIBLE:
            says = _CONSENT.get(connection.reason, _CONSENT[Reason.NO_MAILBOX])
            return Words("bad", says, _APPEARS.get(connection.reason, _APPEARS[Reason.NO_MAILBOX]), RECONNECT)
        case _:
            return None


def _by_ews(connection: Connection, *, may_move: bool, to_microsoft: bool) -> Words | None:
    """None: it is said as of any other connection."""
    if connection.state == State.PAUSED and connection.reason in ews.EWS_IS_OFF:
        says = ews.EWS_IS_OFF[connection.reason]
        return Words("bad", says, ews.AT_ONCE, MOVE) if may_move else Words("warn", says, ews.ADMINS_MOVE)
    if connection.service != Service.EXCHANGE:
        return None
    return _at_own_server(connection, may_move=may_move, to_microsoft=to_microsoft)


def _at_own_server(connection: Connection, *, may_move: bool, to_microsoft: bool) -> Words | None:
    """Where the words of others would speak of Microsoft."""
    reason = connection.reason
    match connection.state:
        case State.NEEDS_REAUTH:
            explains = ews.NOT_AGAIN if reason == Reason.PASSWORD_REFUSED else _KEPT
            return Words("bad", ews.LOST.get(reason, ews.LOST[Reason.REFUSED]), explains, RECONNECT)
        case State.DEGRADED:
            says = ews.PASSING.get(reason, ews.PASSING[Reason.SERVICE_TROUBLE])
            return Words("warn", says, ews.LOCKED_OUT if reason == Reason.ACCOUNT_LOCKED else _GOES_BY_ITSELF)
        case State.PAUSED:
            return Words("warn", ews.PAUSED.get(reason, ews.PAUSED_OTHERWISE), ews.KEPT_THERE)
        case State.NOT_ELIGIBLE if reason == Reason.MOVED_TO_CLOUD:
            button = MOVE if may_move else RECONNECT if to_microsoft else WAIT
            return Words("bad", ews.NO_MAILBOX[reason], ews.MOVED_ON if button else ews.MOVED_AND_STUCK, button)
        case State.NOT_ELIGIBLE if reason == Reason.IMPERSONATION_REFUSED:
            return Words("warn", ews.NO_MAILBOX[reason], ews.LET_IN)
        case State.NOT_ELIGIBLE:
            return Words("bad", ews.NO_MAILBOX[Reason.NO_MAILBOX], ews.KNOWS_NONE, RECONNECT)
        case _:
            return None


def _by_organization(connection: Connection) -> Words | None:
    """None: it is said as of any other connection."""
    match connection.state:
        case State.PAUSED if connection.reason == Reason.APP_REMOVED and connection.code in REMOVED:
            return Words("warn", _REMOVED, _KEPT_THERE)
        case State.PAUSED:
            says = _OF_THE_ORGANIZATION.get(connection.reason) or _PAUSED.get(connection.reason, _OPERATOR)
            return Words("warn", says, _KEPT_THERE)
        case State.NOT_ELIGIBLE:
            return Words("warn", _NOT_FOR_YOU.get(connection.reason, _NOT_FOR_YOU[Reason.NO_MAILBOX]), _MENDED_THERE)
        case State.DISCONNECTED if connection.reason in _NO_MORE:
            return Words("warn", f"Your connection was ended. {_NO_MORE[connection.reason]}")
        case _:
            return None


def of_consent(request: ConsentRequest, connection: Connection | None, rule: DomainRule | None = None) -> Words:
    """Why a way to Microsoft ended without success; `connection` as it stands now."""
    tables = [_CONSENT, _LOST, ews.EWS_IS_OFF, _PASSING, _PAUSED]
    at_server = [ews.ON_THE_WAY, ews.PASSING]
    tables = at_server + tables if request.service == Service.EXCHANGE else tables + at_server
    says = next((words[request.reason] for words in tables if request.reason in words), _FALLBACK)
    if request.reason == Ending.ANOTHER_DOMAIN:
        says = f"{says} {of_rule(rule)}".strip()
    return Words("warn", says, _what_now(request, connection), CONNECT)


def _what_now(request: ConsentRequest, connection: Connection | None) -> str:
    if request.reason == Reason.MOVED_TO_CLOUD:
        return ews.MOVED_ELSEWHERE
    state = connection.state if connection else State.DISCONNECTED
    if request.reason == Ending.INTERRUPTED:
        before = "Nothing is connected." if state == State.DISCONNECTED else "Your connection is as it was."
        return f"{before} Press {'Reconnect' if state in _RECONNECTS else 'Authorize'} again."
    touched = connection is not None and connection.since_at == request.ended_at
    return "You can try again." if touched else "Nothing has changed. You can try again."


def of_passing(reason: str, service: str = Service.OFFICE_365) -> str:
    """Passing trouble on the way, or none worth a word."""
    if service == Service.EXCHANGE:
        return ews.PASSING.get(reason, "")
    return _PASSING.get(reason) or _CONSENT.get(reason, "")


def of_obstacle(obstacle: Obstacle, rule: DomainRule | None = None, *, is_own: bool = False) -> str:
    return _of_policy(obstacle, rule, is_own)


def of_rule(rule: DomainRule | None) -> str:
    """Whose accounts may be connected; empty where anybody's may."""
    return f"Only accounts of {listed(rule.domains)} may be connected here." if rule and rule.is_on else ""


def of_mending(obstacle: Obstacle) -> str:
    """What brings it back at once, where the person can do that alone; else empty."""
    return _MENDS.get(obstacle, "")


def _of_policy(reason: str, rule: DomainRule | None, is_own: bool) -> str:
    if is_own and reason == Obstacle.TURNED_OFF:
        return "Calendar integration is turned off in your own settings."
    return (of_rule(rule) if reason == Obstacle.DOMAIN else "") or _POLICY.get(reason, _FALLBACK)


def _blocked(connection: Connection) -> SafeString:
    if connection.is_by_organization:
        mends = _MENDS[Obstacle.SET_UP_BY_PEOPLE] if connection.reason == Obstacle.SET_UP_BY_PEOPLE else ""
        return format_html("Meridian uses nothing of it. Allowed again, it comes back by itself. {}", mends)
    return format_html(
        "Meridian uses nothing of this connection. It keeps its sealed access until {}; allowed again before, the "
        "connection comes back by itself. {}",
        local_moment(connection.kept_until) or "it is forgotten",
        _MENDS.get(connection.reason, ""),
    )
