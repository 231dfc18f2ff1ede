"""The steps of a connection by the organization: its consent, its one access, whose mailbox, and whether we may in."""

from __future__ import annotations

from django.utils.html import format_html
from django.utils.safestring import SafeString

from accounts.domain_names import listed
from accounts.templatetags.ui import local_moment
from integrations.diagnosis.case import OURS, Case
from integrations.diagnosis.model import NO_ACCESS, Mark, Part, Step, because
from integrations.failures import Reason
from integrations.models import Connection, LinkState, State, TenantLink

# Of a mailbox that was found: the organization does not let us in.
_KEPT_OUT = (Reason.SCOPED_OUT, Reason.PERMISSION_MISSING)
# Nothing that the organization could mend.
_OURS = (*OURS, Reason.KEY_MISSING)
# Which mailbox it is could not be told.
_NOT_TOLD = (Reason.AMBIGUOUS, Reason.NO_MAILBOX, Reason.GUEST)

_GIVEN = "An Office 365 admin has authorized Meridian"
_ACCESS = "Microsoft gives Meridian the organization’s access"
_ANSWERS = "The mailbox answers"
_WAITS = "Not asked while the organization’s authorization does not hold."


def of(case: Case) -> list[Step]:
    return [_consent(case), _access(case), _match(case), _scope(case), _mailbox(case)]


def _consent(case: Case) -> Step:
    connection, link = case.connection, case.link
    if connection.state == State.DISCONNECTED:
        said = because(connection) if connection.reason else NO_ACCESS[State.DISCONNECTED]
        return Step(Part.CONSENT, Mark.SKIPPED, _GIVEN, said)
    if link is None or link.state == LinkState.ENDED:
        return Step(Part.CONSENT, Mark.FAILED, "No authorization of an Office 365 admin holds", _ended(link))
    of_domains = f"{_GIVEN} for {listed(link.domains)}" if link.domains else _GIVEN
    if not link.domains:
        says = "None of the account’s associated domains is this organization’s any more."
        return Step(Part.CONSENT, Mark.FAILED, "The authorization covers nobody", says)
    if _is_withdrawn(link):
        return Step(
            Part.CONSENT, Mark.FAILED, "The organization’s authorization does not hold at the moment", because(link)
        )
    return Step(Part.CONSENT, Mark.DONE, of_domains, format_html("Since {}.", local_moment(link.linked_at)))


def _access(case: Case) -> Step:
    connection, link = case.connection, case.link
    if skipped := _skipped(case):
        return Step(Part.RENEWAL, Mark.SKIPPED, _ACCESS, skipped)
    if link is None or _is_withdrawn(link):
        return Step(Part.RENEWAL, Mark.SKIPPED, _ACCESS, _WAITS)
    if connection.reason in _OURS or link.reason in _OURS:
        return Step(Part.RENEWAL, Mark.SKIPPED, _ACCESS, "Not asked while Microsoft refuses Meridian’s own credential.")
    if link.state != LinkState.WORKING:
        return Step(Part.RENEWAL, Mark.FAILED, "Microsoft does not give the organization’s access now", because(link))
    if link.roles_at is None:
        return Step(Part.RENEWAL, Mark.UNKNOWN, _ACCESS, "It has not been asked for yet.")
    said = format_html("One for all its mailboxes; last asked for {}.", local_moment(link.roles_at))
    return Step(Part.RENEWAL, Mark.DONE, _ACCESS, said)


def _match(case: Case) -> Step:
    connection = case.connection
    found = f"A mailbox there is {case.person}’s"
    if skipped := _skipped(case):
        return Step(Part.MATCH, Mark.SKIPPED, found, skipped)
    if _is_unmatched(connection):
        return Step(Part.MATCH, Mark.FAILED, f"No mailbox there is known to be {case.person}’s", because(connection))
    if not connection.address and not connection.object_id:
        return Step(Part.MATCH, Mark.UNKNOWN, found, "It has not been looked for yet.")
    return Step(Part.MATCH, Mark.DONE, found, _told_by(connection))


def _scope(case: Case) -> Step:
    connection = case.connection
    lets = "The organization lets Meridian into it"
    if skipped := _skipped(case):
        return Step(Part.SCOPE, Mark.SKIPPED, lets, skipped)
    if _is_unmatched(connection):
        return Step(Part.SCOPE, Mark.SKIPPED, lets, "Not asked, for want of a mailbox.")
    if connection.reason in _KEPT_OUT:
        return Step(Part.SCOPE, Mark.FAILED, "The organization does not let Meridian into it", because(connection))
    if connection.last_good_at is None:
        return Step(Part.SCOPE, Mark.UNKNOWN, lets, "It has not been asked yet.")
    return Step(Part.SCOPE, Mark.DONE, lets)


def _mailbox(case: Case) -> Step:
    connection = case.connection
    if skipped := _skipped(case):
        return Step(Part.MAILBOX, Mark.SKIPPED, _ANSWERS, skipped)
    if connection.reason in _KEPT_OUT or _is_unmatched(connection):
        return Step(Part.MAILBOX, Mark.SKIPPED, _ANSWERS, _earlier("Not asked, as Meridian may not.", connection))
    if connection.state == State.NOT_ELIGIBLE:
        return Step(Part.MAILBOX, Mark.FAILED, "There is no mailbox that can be read", because(connection))
    if connection.state == State.PAUSED or _is_the_links(case):
        return Step(Part.MAILBOX, Mark.SKIPPED, _ANSWERS, _earlier("Not asked, for want of access.", connection))
    if connection.state == State.DEGRADED:
        return Step(Part.MAILBOX, Mark.FAILED, "The mailbox does not answer at the moment", because(connection))
    if connection.last_good_at is None:
        return Step(Part.MAILBOX, Mark.UNKNOWN, _ANSWERS, "It has not been asked yet.")
    return Step(Part.MAILBOX, Mark.DONE, _ANSWERS, format_html("Last {}.", local_moment(connection.last_good_at)))


def _skipped(case: Case) -> str:
    return NO_ACCESS.get(State(case.connection.state), "")


def _is_withdrawn(link: TenantLink) -> bool:
    """By the organization: neither passing, nor a fault of our own."""
    return link.state in (LinkState.PAUSED, LinkState.ENDED) and link.reason not in _OURS


def _is_unmatched(connection: Connection) -> bool:
    """A mailbox that was found once, and is gone, is another matter."""
    if connection.state != State.NOT_ELIGIBLE:
        return False
    return connection.reason == Reason.AMBIGUOUS or (connection.reason in _NOT_TOLD and not connection.object_id)


def _is_the_links(case: Case) -> bool:
    """The trouble is that of all its mailboxes."""
    link = case.link
    return case.connection.state == State.DEGRADED and link is not None and link.state != LinkState.WORKING


def _told_by(connection: Connection) -> str:
    if not connection.object_id:
        return f"{connection.address}. Found by the address alone: renames and aliases are not followed."
    return f"{connection.address}." if connection.address else ""


def _ended(link: TenantLink | None) -> str | SafeString:
    if link is None or link.ended_at is None:
        return "It was ended."
    return format_html("It was ended {}.", local_moment(link.ended_at))


def _earlier(says: str, connection: Connection) -> str | SafeString:
    if connection.last_good_at is None:
        return says
    return format_html("{} It answered last {}.", says, local_moment(connection.last_good_at))
