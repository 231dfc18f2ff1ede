"""Many mailboxes of an organization are asked whether they open: twenty by one request, several requests at once."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

from django.db import connections as databases

from integrations.microsoft.graph import batch, mailboxes
from integrations.microsoft.graph.asking_again import Patience
from integrations.models import Connection

IN_FLIGHT = 4
AT_ONCE = IN_FLIGHT * batch.MOST


def path_of(connection: Connection) -> str:
    """Where in Graph the mailbox of a connection by the organization is: by its object id, which never changes; by its
    address where the directory may not be read."""
    return mailboxes.of(connection.object_id or connection.address)


def each(
    token: str, connections: Sequence[Connection], *, patience: timedelta = batch.PATIENCE
) -> list[tuple[Connection, batch.Answer]]:
    """At most AT_ONCE, in their order. Raises `CalendarError` where one of the requests is not answered."""
    parcels = list(_parcels(connections))
    with ThreadPoolExecutor(max(len(parcels), 1)) as pool:
        said = list(pool.map(lambda some: _answers(token, some, patience), parcels))
    return [pair for some, answers in zip(parcels, said, strict=True) for pair in zip(some, answers, strict=True)]


def _answers(token: str, connections: Sequence[Connection], patience: timedelta) -> list[batch.Answer]:
    try:
        paths = [f"{path_of(one)}/calendar?$select=id" for one in connections]
        return batch.get_each(token, paths, patience=Patience(patience))
    finally:
        databases.close_all()


def _parcels(connections: Sequence[Connection]) -> Iterator[Sequence[Connection]]:
    return (connections[at : at + batch.MOST] for at in range(0, len(connections), batch.MOST))
