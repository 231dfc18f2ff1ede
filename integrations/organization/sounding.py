"""Whether an organization's mailboxes open with its token: a few are asked, and more before the worst is believed."""

from __future__ import annotations

import random
from collections.abc import Iterable
from dataclasses import dataclass, field

from django.db.models import Q, QuerySet

from integrations.contracts import CalendarError, NotEligible, NotPermitted
from integrations.failures import Failure, Reason
from integrations.microsoft.graph import calendars, mailboxes, me
from integrations.models import ALIVE, Connection, State, TenantLink
from integrations.preferences import Method

FEW, MANY = 3, 25
PATIENCE = 2  # that do not answer; then nothing is learned by asking more
CALENDAR_ROLES = frozenset({"Calendars.Read", "Calendars.ReadWrite"})
DIRECTORY_ROLES = frozenset({"User.Read.All", "User.ReadWrite.All", "Directory.Read.All", "Directory.ReadWrite.All"})


@dataclass
class Heard:
    """Connections whose mailbox opened, and those that were refused; what did not answer; whether Microsoft refused the
    token itself, before its time; and whether the directory no longer knows the application."""

    opened: list[int] = field(default_factory=list)
    refused: list[int] = field(default_factory=list)
    refusal: Failure | None = None
    silent: list[Failure] = field(default_factory=list)
    is_token_refused: bool = False
    is_unknown_there: bool = False

    @property
    def is_doubtful(self) -> bool:
        """A new token might be answered otherwise."""
        return self.is_token_refused or self.is_unknown_there or bool(self.refused and not self.opened)


def path_of(connection: Connection) -> str:
    """Where in Graph the mailbox of a connection by the organization is: by its object id, which never changes; by its
    address where the directory may not be read."""
    return mailboxes.of(connection.object_id or connection.address)


def sound(link: TenantLink, token: str) -> Heard:
    """Ask until one opens; a role that would open all of them makes a few enough. Raises nothing of Microsoft's."""
    heard = Heard()
    has_role = bool(CALENDAR_ROLES.intersection(link.roles))
    for connection in _sample(link, FEW if has_role else MANY):
        _ask(connection, token, heard)
        if heard.opened or heard.is_token_refused or len(heard.silent) >= PATIENCE:
            break
    if heard.opened and DIRECTORY_ROLES.intersection(link.roles):
        _ask_directory(heard.opened[0], token, heard)
    return heard


def _ask(connection: Connection, token: str, heard: Heard) -> None:
    try:
        calendars.get_default_calendar(token, path_of(connection))
    except NotPermitted as problem:
        if connection.state != State.NOT_ELIGIBLE:  # of those that were kept out before it is no news
            heard.refused.append(connection.pk)
            heard.refusal = problem.failure
    except NotEligible:
        pass  # of this mailbox alone, which is asked in its own time
    except CalendarError as problem:
        heard.is_token_refused = problem.failure.reason is Reason.TOKEN_REFUSED
        heard.silent.append(problem.failure)
    else:
        heard.opened.append(connection.pk)


def _ask_directory(opened: int, token: str, heard: Heard) -> None:
    """Of an application that was removed or switched off, the directory knows at once; mailboxes open until the token
    ends."""
    connection = Connection.objects.get(pk=opened)
    try:
        me.get_address(token, path_of(connection))
    except CalendarError as problem:
        heard.is_unknown_there = problem.failure.reason is Reason.TOKEN_REFUSED


def _sample(link: TenantLink, most: int) -> Iterable[Connection]:
    """Those that answered last come first, then any; then those that were kept out, should nobody else be left."""
    mine = Connection.objects.filter(link=link.pk, method=Method.APPLICATION_PERMISSIONS.value)
    mine = mine.exclude(object_id="", address="").only("object_id", "address", "state")
    alive = mine.filter(state__in=ALIVE)
    first = list(alive.filter(last_good_at__isnull=False).order_by("-last_good_at", "pk")[:FEW])
    yield from first
    yield from _any_of(alive.exclude(pk__in=[one.pk for one in first]), most - len(first))
    kept_out = Q(state=State.NOT_ELIGIBLE, reason=Reason.SCOPED_OUT.value)
    yield from _any_of(mine.filter(kept_out), FEW)


def _any_of(found: QuerySet[Connection], most: int) -> Iterable[Connection]:
    ids = list(found.order_by("pk").values_list("pk", flat=True)) if most > 0 else []
    chosen = random.sample(ids, min(most, len(ids)))
    return found.filter(pk__in=chosen) if chosen else ()
