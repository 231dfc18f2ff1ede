"""Does this open that mailbox, and what is its primary address?"""

from __future__ import annotations

from dataclasses import replace

from exchangelib.errors import EWSError

from integrations import ews_failures
from integrations.contracts import NotPermitted, Opened
from integrations.failures import Failure, Outcome, Reason
from integrations.microsoft.ews import client, operations
from integrations.microsoft.ews.client import Mailbox
from integrations.microsoft.ews.doors import Door

LONGEST_ADDRESS = 254  # as `graph.me`
_ANOTHERS = Failure(Outcome.NOT_PERMITTED, Reason.PERMISSION_MISSING, code="not the user’s own mailbox")


def probe(door: Door, address: str) -> Opened:
    """`address`: what the mailbox is known by so far. Its calendar is opened; nothing in it is read.

    Where a person signs in with a password of their own, the mailbox of `address` has to be theirs: one that somebody
    has shared with them is not. Raises `CalendarError`.
    """
    is_persons = not door.impersonated
    with client.opened(door, total=client.PROBE, about=address) as mailbox:
        if is_persons and not door.is_microsofts:
            folder = _open_own(mailbox, address)
        else:
            folder = operations.named(*operations.calendar(mailbox, door.mailbox)).id
        return Opened(_primary(mailbox, address, folder), mailbox.build)


def sign_in(door: Door) -> str:
    """The server's build. Raises `CalendarError`."""
    with client.opened(replace(door, impersonated="", mailbox=""), total=client.PROBE) as mailbox:
        try:
            operations.greet(mailbox)
        except EWSError as problem:
            if not ews_failures.is_about_the_request(client.code_of(problem, mailbox)):
                raise
        return mailbox.build


def reach(door: Door) -> None:
    """Is there a server at all? Nobody signs in. Raises `CalendarError`."""
    with client.opened(door, total=client.PROBE) as mailbox:
        mailbox.wire.knock()


def _open_own(mailbox: Mailbox, address: str) -> str:
    """The calendar's id. Asked for by its address and as the user's own, at once: both have to be the same."""
    opened = [operations.named(one).id for one in operations.calendar(mailbox, address, "")]
    if len(opened) != len((address, "")):
        raise ValueError("another number of folders than was asked for")
    if opened[0] != opened[1]:
        raise NotPermitted(_ANOTHERS)
    return opened[0]


def _primary(mailbox: Mailbox, address: str, folder: str) -> str:
    """As the directory says, where it knows exactly one, and that one is the mailbox that has opened; else what it is
    known by."""
    found = operations.resolve(mailbox, address)
    said = {one.lower(): one for one in found if len(one) <= LONGEST_ADDRESS and "@" in one}
    if address.lower() in said or len(said) != 1:
        return said.get(address.lower(), address)
    primary = next(iter(said.values()))
    return primary if _is_same(mailbox, primary, folder) else address


def _is_same(mailbox: Mailbox, address: str, folder: str) -> bool:
    """A directory that is searched may find somebody else."""
    try:
        return operations.named(*operations.calendar(mailbox, address)).id == folder
    except EWSError:
        return False
