"""By what right a mailbox is asked for: a password, an impersonation account, or a token of Microsoft's."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from django.conf import settings


@dataclass(frozen=True)
class Door:
    # Where EWS is spoken.
    address: str
    # Exchange Online: `secret` is a token of Microsoft's, which is sent to Microsoft's own address and nowhere else.
    # Else a server of an organization's own: `secret` is the password of `user_name`.
    is_microsofts: bool = False
    user_name: str = ""
    secret: str = field(default="", repr=False)
    # As whom: the address of the mailbox in ExchangeImpersonation.
    impersonated: str = ""
    # The mailbox that is named; "" is that of whoever asks.
    mailbox: str = ""
    # As the server named itself before, so that it is asked in words it knows.
    build: str = ""

    @property
    def about(self) -> str:
        """The address of the mailbox, as far as it is known."""
        return self.impersonated or self.mailbox


def by_person(token: str) -> Door:
    """A person's own token opens their own mailbox."""
    return Door(settings.MICROSOFT_EWS_URL, is_microsofts=True, secret=token)


def by_application(token: str, address: str) -> Door:
    return Door(settings.MICROSOFT_EWS_URL, is_microsofts=True, secret=token, impersonated=address, mailbox=address)


def by_password(server_address: str, user_name: str, password: str, *, mailbox: str = "", build: str = "") -> Door:
    return Door(server_address, user_name=user_name, secret=password, mailbox=mailbox, build=build)


def impersonating(server_address: str, user_name: str, password: str, address: str, *, build: str = "") -> Door:
    door = by_password(server_address, user_name, password, mailbox=address, build=build)
    return replace(door, impersonated=address)


def anonymous(server_address: str) -> Door:
    """Nobody signs in."""
    return Door(server_address)
