"""The one way to a mailbox by EWS: whoever asks, and with whatever, asks here.

Everything raises `CalendarError` and nothing else. exchangelib is loaded when the first mailbox is opened, not before.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from accounts import vault
from integrations import failures
from integrations.contracts import AppGone, AuthorizationLost, CalendarProvider, Changes, CredentialRefused, Opened
from integrations.failures import Failure, Outcome, Reason
from integrations.models import Connection, ExchangeServer
from integrations.preferences import Method, Service

if TYPE_CHECKING:
    from integrations.microsoft.ews.doors import Door
    from integrations.microsoft.ews.provider import EwsCalendar


_NO_ACCOUNT = Failure(Outcome.APP_GONE, Reason.IMPERSONATION_ENDED)


_ANOTHER_ADDRESS = Failure(Outcome.AUTHORIZATION_LOST, Reason.ADDRESS_CHANGED)


def opens_for(connection: Connection) -> bool:
    """An impersonation account opens the mailbox of the person's own address: is it still the same?"""
    return not connection.opened_for or connection.opened_for.lower() == connection.user.email.lower()


def calendar_of(connection: Connection, token: str) -> CalendarProvider:
    """`token`: Microsoft's, where it is Office 365; "" where it is a server of the organization's own."""
    return _opened(connection, token)


def changes_of(connection: Connection, token: str, cursor: str) -> Changes:
    """What became of the calendar since; `cursor` "": all of it."""
    return _opened(connection, token).changes_since(cursor)


def probe_password(server_address: str, *, user_name: str, password: str, address: str) -> Opened:
    """Does this password open the mailbox of that address, and is it the user's own?"""
    from integrations.microsoft.ews import doors, probing

    return probing.probe(doors.by_password(server_address, user_name, password), address)


def probe_delegated(token: str, address: str) -> Opened:
    """Does the person's own token open their own mailbox? `address`: by what they sign in."""
    from integrations.microsoft.ews import doors, probing

    return probing.probe(doors.by_person(token), address)


def probe_as_app(token: str, address: str) -> Opened:
    """Does the organization's token open that mailbox?"""
    from integrations.microsoft.ews import doors, probing

    return probing.probe(doors.by_application(token, address), address)


def probe_impersonating(server: ExchangeServer, address: str) -> Opened:
    """Does the server's impersonation account open that mailbox?"""
    from integrations.microsoft.ews import probing

    return probing.probe(_impersonating(server, address), address)


def probe_server(server: ExchangeServer) -> str:
    """Is there an Exchange server, and does it accept its impersonation account? Its build; nobody's mailbox is
    opened. Without such an account it is only looked whether it answers."""
    from integrations.microsoft.ews import doors, probing

    if not server.password:
        probing.reach(doors.anonymous(server.address))
        return server.build
    door = doors.by_password(server.address, server.user_name, _password_of(server), build=server.build)
    return probing.sign_in(door)


def is_in_cloud(server_address: str, address: str) -> bool | None:
    """What the server itself tells everybody of where that mailbox is. None: it did not say."""
    from integrations.microsoft.ews import autodiscover

    return autodiscover.is_in_cloud(server_address, address)


def _opened(connection: Connection, token: str) -> EwsCalendar:
    from integrations.microsoft.ews.provider import EwsCalendar

    return EwsCalendar(_door_of(connection, token))


def _door_of(connection: Connection, token: str) -> Door:
    from integrations.microsoft.ews import doors

    if connection.service == Service.OFFICE_365.value:
        if connection.is_by_organization:
            return doors.by_application(token, connection.address)
        return doors.by_person(token)
    server = connection.server
    if server is None:  # an admin removed it in this moment
        raise CredentialRefused(failures.KEY_MISSING)
    if connection.method == Method.IMPERSONATION.value:
        if not opens_for(connection):
            raise AuthorizationLost(_ANOTHER_ADDRESS)
        return _impersonating(server, connection.address)
    password = _open(connection.password, vault.place_of(connection, "password"))
    return doors.by_password(
        server.address, connection.user_name, password, mailbox=connection.address, build=server.build
    )


def _impersonating(server: ExchangeServer, address: str) -> Door:
    from integrations.microsoft.ews import doors

    if not server.password:  # an admin removed the account in this moment
        raise AppGone(_NO_ACCOUNT)
    return doors.impersonating(server.address, server.user_name, _password_of(server), address, build=server.build)


def _password_of(server: ExchangeServer) -> str:
    return _open(server.password, vault.place_of(server, "password"))


def _open(sealed: str, place: str) -> str:
    try:
        return vault.open_sealed(sealed, bound_to=place)
    except vault.CannotOpen as problem:
        raise CredentialRefused(failures.KEY_MISSING) from problem
