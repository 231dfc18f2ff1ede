"""Whether an organization's mailboxes open with its token: a few are asked, and more before the worst is believed."""

from __future__ import annotations

import random
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from itertools import chain

from django.db.models import Case, F, IntegerField, Q, QuerySet, When

from integrations import states
from integrations.contracts import CalendarError
from integrations.failures import Failure, Outcome, Reason
from integrations.microsoft.graph import me
from integrations.models import ALIVE, Connection, State, TenantLink
from integrations.organization import asking
from integrations.organization.asking import path_of
from integrations.organization.needs import FULL_ACCESS
from integrations.preferences import Method
from integrations.states.organization import KEPT_OUT

__all__ = ["CALENDAR_ROLES", "DIRECTORY_ROLES", "Heard", "has_role", "path_of", "sound", "sound_further"]

FEW, MANY = 3, 25
ALL_OF_THEM = timedelta(seconds=20)  # as far as they are asked in this time; the others are asked by probing
A_WHILE = timedelta(seconds=4)  # for a parcel of which some do not answer
PATIENCE = 2  # that do not answer; then nothing is learned by asking more
CALENDAR_ROLES = frozenset({"Calendars.Read", "Calendars.ReadWrite"})
DIRECTORY_ROLES = frozenset({"User.Read.All", "User.ReadWrite.All", "Directory.Read.All", "Directory.ReadWrite.All"})


@dataclass
class Heard:
    """Connections whose mailbox opened, and those that were refused; what did not answer; whether Microsoft refused the
    token itself, before its time; and whether the directory no longer knows the application.

    `is_open`: some mailbox opened, also one that nobody here is connected to. Of those that were kept out before:
    whether one was refused again, and whether one opened. `bar`: EWS is shut for a mailbox, or for all of them: which
    of the two, only the others tell."""

    opened: list[int] = field(default_factory=list)
    refused: list[int] = field(default_factory=list)
    refusal: Failure | None = None
    barred: list[int] = field(default_factory=list)
    bar: Failure | None = None
    is_open: bool = False
    is_still_out: bool = False
    is_back: bool = False
    silent: list[Failure] = field(default_factory=list)
    is_token_refused: bool = False
    is_unknown_there: bool = False

    @property
    def is_doubtful(self) -> bool:
        """A new token might be answered otherwise."""
        is_shut = bool(self.refused or self.barred) and not self.is_open
        return self.is_token_refused or self.is_unknown_there or is_shut


def sound(link: TenantLink, token: str, prefer: Sequence[str] = ()) -> Heard:
    """Ask until one opens, those with these addresses or object ids first; a role that would open all of them makes a
    few enough. Raises nothing of Microsoft's."""
    heard = Heard()
    for connection in chain(_preferred(link, prefer), _sample(link, FEW if has_role(link) else MANY)):
        _ask(link, connection, token, heard)
        if heard.is_open:
            if not link.is_by_ews and DIRECTORY_ROLES.intersection(link.roles):
                _ask_directory(connection, token, heard)
            break
        if heard.is_token_refused or len(heard.silent) >= PATIENCE:
            break
    return heard


def has_role(link: TenantLink) -> bool:
    """Whether its token names one that would open all mailboxes."""
    return FULL_ACCESS in link.roles if link.is_by_ews else bool(CALENDAR_ROLES.intersection(link.roles))


def sound_further(link: TenantLink, token: str, heard: Heard) -> None:
    """All that were refused may be outside of what the organization opens: all others are asked, too, as far as time
    allows, whoever was open last first, until some open. Raises nothing of Microsoft's."""
    ends = time.monotonic() + ALL_OF_THEM.total_seconds()
    known = {*heard.refused, *heard.barred, *heard.opened}
    ids = [pk for pk in _everybody(link).values_list("pk", flat=True) if pk not in known]
    while ids and not heard.is_open and not heard.silent and time.monotonic() < ends:
        some, ids = ids[: asking.AT_ONCE], ids[asking.AT_ONCE :]
        _ask_at_once(link, list(_mine(link).filter(pk__in=some)), token, heard)


def _ask_at_once(link: TenantLink, connections: Sequence[Connection], token: str, heard: Heard) -> None:
    try:
        pairs = asking.each(link, token, connections, patience=A_WHILE)
    except CalendarError as problem:
        heard.is_token_refused = problem.failure.reason is Reason.TOKEN_REFUSED
        heard.silent.append(problem.failure)
        return
    for connection, answer in pairs:
        if not isinstance(answer, Failure):
            _opened(connection, heard)
        elif states.kept_out_by(answer):
            _refused(connection, answer, heard)


def _ask(link: TenantLink, connection: Connection, token: str, heard: Heard) -> None:
    failure = asking.open_one(link, token, connection)
    if failure is None:
        _opened(connection, heard)
    elif states.kept_out_by(failure):
        _refused(connection, failure, heard)
    elif failure.outcome is not Outcome.NOT_ELIGIBLE:  # of this mailbox alone, which is asked in its own time
        heard.is_token_refused = failure.reason is Reason.TOKEN_REFUSED
        heard.silent.append(failure)


def _opened(connection: Connection, heard: Heard) -> None:
    heard.is_open = True
    is_out = connection.state == State.NOT_ELIGIBLE
    heard.is_back = heard.is_back or is_out
    # Whoever was kept out and is known by an address alone is looked at by probing.
    if connection.pk and (connection.object_id or not is_out):
        heard.opened.append(connection.pk)


def _refused(connection: Connection, failure: Failure, heard: Heard) -> None:
    is_bar = failure.outcome is not Outcome.NOT_PERMITTED
    if is_bar and heard.bar is None:
        heard.bar = failure
    if not connection.pk:
        return  # nobody here is connected to it: it may well be closed
    if connection.state != State.NOT_ELIGIBLE and is_bar:
        heard.barred.append(connection.pk)
        return
    if connection.state == State.NOT_ELIGIBLE:  # of those that were kept out before it is no news
        heard.is_still_out = True
    else:
        heard.refused.append(connection.pk)
    heard.refusal = failure


def _ask_directory(connection: Connection, token: str, heard: Heard) -> None:
    """Of an application that was removed or switched off, the directory knows at once; mailboxes open until the token
    ends."""
    try:
        me.get_address(token, path_of(connection))
    except CalendarError as problem:
        heard.is_unknown_there = problem.failure.reason is Reason.TOKEN_REFUSED


def _mine(link: TenantLink) -> QuerySet[Connection]:
    mine = Connection.objects.filter(link=link.pk, method=Method.APPLICATION_PERMISSIONS.value)
    mine = mine.exclude(object_id="", address="")
    if link.is_by_ews:
        return mine.select_related("user").only("object_id", "address", "state", "user__email")
    return mine.only("object_id", "address", "state")


_KEPT_OUT = Q(state=State.NOT_ELIGIBLE, reason__in=[one.value for one in KEPT_OUT])


def _everybody(link: TenantLink) -> QuerySet[Connection]:
    kept_out = Case(When(_KEPT_OUT, then=1), default=0, output_field=IntegerField())
    found = _mine(link).filter(Q(state__in=ALIVE) | _KEPT_OUT)
    return found.order_by(kept_out, F("last_good_at").desc(nulls_last=True), "pk")


def _preferred(link: TenantLink, names: Sequence[str]) -> Iterable[Connection]:
    """Nobody needs to be connected to them."""
    for name in names:
        known = _mine(link).filter(Q(state__in=ALIVE) | _KEPT_OUT).filter(Q(address__iexact=name) | Q(object_id=name))
        yield known.order_by("pk").first() or Connection(address=name, state=State.DISCONNECTED)


def _sample(link: TenantLink, most: int) -> Iterable[Connection]:
    """Those that answered last come first, then any; then those that were kept out, should nobody else be left."""
    mine = _mine(link)
    alive = mine.filter(state__in=ALIVE)
    first = list(alive.filter(last_good_at__isnull=False).order_by("-last_good_at", "pk")[:FEW])
    yield from first
    yield from _any_of(alive.exclude(pk__in=[one.pk for one in first]), most - len(first))
    yield from _any_of(mine.filter(_KEPT_OUT), FEW)


def _any_of(found: QuerySet[Connection], most: int) -> Iterable[Connection]:
    ids = list(found.order_by("pk").values_list("pk", flat=True)) if most > 0 else []
    chosen = random.sample(ids, min(most, len(ids)))
    return found.filter(pk__in=chosen) if chosen else ()
