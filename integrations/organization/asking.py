"""Many mailboxes of an organization are asked whether they open: by Graph twenty by one request and several requests at
once, by EWS each by its own."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

from django.db import connections as databases

from integrations.contracts import CalendarError
from integrations.failures import Failure
from integrations.microsoft.graph import batch, calendars, mailboxes
from integrations.microsoft.graph.asking_again import Patience
from integrations.models import Connection, TenantLink
from integrations.organization import asking_ews

IN_FLIGHT = 4
AT_ONCE = IN_FLIGHT * batch.MOST

Answer = batch.Answer


def path_of(connection: Connection) -> str:
    """Where in Graph the mailbox of a connection by the organization is: by its object id, which never changes; by its
    address where the directory may not be read."""
    return mailboxes.of(connection.object_id or connection.address)


def open_one(link: TenantLink, token: str, connection: Connection) -> Failure | None:
    """Its calendar, of which nothing is kept. None: it opened."""
    if link.is_by_ews:
        answer = asking_ews.open_one(token, connection.address)
        return answer if isinstance(answer, Failure) else None
    try:
        calendars.get_default_calendar(token, path_of(connection))
    except CalendarError as problem:
        return problem.failure
    return None


def each(
    link: TenantLink, token: str, connections: Sequence[Connection], *, patience: timedelta = batch.PATIENCE
) -> list[tuple[Connection, Answer]]:
    """At most AT_ONCE, in their order. Raises `CalendarError` where one of the requests is not answered.

    By EWS a mailbox is asked for by the person's own address, which alone says whose it is; the answer names it."""
    if link.is_by_ews:
        addresses = [one.user.email for one in connections]
        return list(zip(connections, asking_ews.open_each(token, addresses, patience=patience), strict=True))
    parcels = list(_parcels(connections))
    with ThreadPoolExecutor(max(len(parcels), 1)) as pool:
        said = list(pool.map(lambda some: _answers(token, some, patience), parcels))
    return [pair for some, answers in zip(parcels, said, strict=True) for pair in zip(some, answers, strict=True)]


def _answers(token: str, connections: Sequence[Connection], patience: timedelta) -> list[Answer]:
    try:
        paths = [f"{path_of(one)}/calendar?$select=id" for one in connections]
        return batch.get_each(token, paths, patience=Patience(patience))
    finally:
        databases.close_all()


def _parcels(connections: Sequence[Connection]) -> Iterator[Sequence[Connection]]:
    return (connections[at : at + batch.MOST] for at in range(0, len(connections), batch.MOST))
