"""The steps of a connection by Exchange Web Services: a server of the organization's own, or Exchange Online."""

from __future__ import annotations

from django.utils.html import format_html
from django.utils.safestring import SafeString

from accounts.templatetags.ui import local_moment
from integrations.diagnosis.case import Case
from integrations.diagnosis.model import NO_ACCESS, Mark, Part, Step, because
from integrations.exchange import server_checks
from integrations.failures import Reason
from integrations.models import ALIVE, Connection, ExchangeServer, ServerState, State
from integrations.states import OF_THE_SERVER

EWS_IS_OFF = (Reason.EWS_DISABLED, Reason.EWS_NOT_ALLOWED)
# Of the account that asks, whichever mailbox it asks for.
_OF_SIGN_IN = (*server_checks.OF_THE_ACCOUNT, Reason.IMPERSONATION_ENDED)
_REACHES = "The Exchange server answers"
_LETS_IN = "Exchange Online lets Meridian in by Exchange Web Services (EWS)"
_ANSWERS = "The mailbox answers"


def at_own_server(case: Case) -> list[Step]:
    return [_server(case), _sign_in(case), _mailbox(case)]


def at_microsoft(case: Case) -> Step:
    """Whether EWS is allowed there still, as the mailbox or its organization told last."""
    connection = case.connection
    if connection.reason in EWS_IS_OFF:
        return Step(Part.EWS, Mark.FAILED, "Exchange Online does not let Meridian in by EWS", because(connection))
    if skipped := NO_ACCESS.get(State(connection.state), ""):
        return Step(Part.EWS, Mark.SKIPPED, _LETS_IN, skipped)
    if connection.last_good_at is None:
        return Step(Part.EWS, Mark.UNKNOWN, _LETS_IN, "It has not been asked yet.")
    return Step(Part.EWS, Mark.DONE, _LETS_IN, "Until 1 April 2027 at the latest.")


def is_ews_off(connection: Connection) -> bool:
    return connection.reason in EWS_IS_OFF


def _server(case: Case) -> Step:
    connection, server = case.connection, case.server
    if server is None:
        return Step(Part.SERVER, Mark.SKIPPED, _REACHES, NO_ACCESS[State.DISCONNECTED])
    if server.state in (ServerState.DEGRADED, ServerState.PAUSED) and server.reason in OF_THE_SERVER:
        return Step(Part.SERVER, Mark.FAILED, "The Exchange server cannot be used", because(server))
    if connection.state in ALIVE and connection.reason in OF_THE_SERVER:
        return Step(
            Part.SERVER, Mark.FAILED, "The Exchange server did not answer for this mailbox", because(connection)
        )
    if server.last_good_at is None:
        return Step(Part.SERVER, Mark.UNKNOWN, _REACHES, "It has not been asked yet.")
    named = f"Exchange {server.build}. " if server.build else ""
    said = format_html("{}. {}Last {}.", server.address, named, local_moment(server.last_good_at))
    return Step(Part.SERVER, Mark.DONE, _REACHES, said)


def _sign_in(case: Case) -> Step:
    lets = _lets_whom(case)
    connection, server = case.connection, case.server
    if skipped := NO_ACCESS.get(State(connection.state), ""):
        return Step(Part.SIGN_IN, Mark.SKIPPED, lets, skipped)
    if case.is_by_impersonation:
        return _account(server, lets)
    if connection.state == State.NEEDS_REAUTH or connection.reason in _OF_SIGN_IN:
        return Step(
            Part.SIGN_IN, Mark.FAILED, f"The server does not accept {case.person}’s password", because(connection)
        )
    if connection.state in ALIVE and connection.reason in OF_THE_SERVER:
        return Step(Part.SIGN_IN, Mark.SKIPPED, lets, "Not asked, as the server cannot be reached.")
    return Step(Part.SIGN_IN, Mark.DONE if connection.last_good_at else Mark.UNKNOWN, lets)


def _lets_whom(case: Case) -> str:
    if case.is_by_impersonation:
        return "The server lets the impersonation account in"
    return f"The server accepts {case.person}’s own password"


def _account(server: ExchangeServer | None, lets: str) -> Step:
    if server is None or not server.password:
        says = "No impersonation account is set for this server."
        return Step(Part.SIGN_IN, Mark.FAILED, "There is no impersonation account", says)
    if server.reason in _OF_SIGN_IN or server.reason in (Reason.IMPERSONATION_REFUSED, Reason.PERMISSION_MISSING):
        return Step(Part.SIGN_IN, Mark.FAILED, "The impersonation account cannot be used", because(server))
    if server.state in (ServerState.DEGRADED, ServerState.PAUSED):
        return Step(Part.SIGN_IN, Mark.SKIPPED, lets, "Not asked, as the server cannot be used.")
    return Step(Part.SIGN_IN, Mark.DONE if server.last_good_at else Mark.UNKNOWN, lets)


def _mailbox(case: Case) -> Step:
    connection = case.connection
    if skipped := NO_ACCESS.get(State(connection.state), ""):
        return Step(Part.MAILBOX, Mark.SKIPPED, _ANSWERS, skipped)
    if connection.state == State.NOT_ELIGIBLE:
        is_kept_out = connection.reason == Reason.IMPERSONATION_REFUSED
        says = "The server does not let the account into it" if is_kept_out else "There is no mailbox that can be read"
        return Step(Part.MAILBOX, Mark.FAILED, says, because(connection))
    if connection.state == State.NEEDS_REAUTH or _is_before_it(connection):
        return Step(Part.MAILBOX, Mark.SKIPPED, _ANSWERS, _earlier(connection))
    if connection.state != State.CONNECTED:
        return Step(Part.MAILBOX, Mark.FAILED, "The mailbox does not answer at the moment", because(connection))
    if connection.last_good_at is None:
        return Step(Part.MAILBOX, Mark.UNKNOWN, _ANSWERS, "It has not been asked yet.")
    return Step(Part.MAILBOX, Mark.DONE, _ANSWERS, format_html("Last {}.", local_moment(connection.last_good_at)))


def _is_before_it(connection: Connection) -> bool:
    """The server, or whoever signs in there, and not the mailbox."""
    is_in_trouble = connection.state in (State.DEGRADED, State.PAUSED)
    return is_in_trouble and (connection.state == State.PAUSED or connection.reason in (*OF_THE_SERVER, *_OF_SIGN_IN))


def _earlier(connection: Connection) -> str | SafeString:
    if connection.last_good_at is None:
        return "Not asked, for want of access."
    return format_html("Not asked, for want of access. It answered last {}.", local_moment(connection.last_good_at))
