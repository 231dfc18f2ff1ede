"""A connection that holds tokens, for the tests of what becomes of them."""

from __future__ import annotations

import threading
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
from django.db import connections as databases
from django.utils import timezone

from accounts import vault
from accounts.models import User
from integrations.models import Connection, State
from tests.integrations.wired import connected
from tests.simulated import Simulator


@pytest.fixture
def connection(alice: User, microsoft: Simulator) -> Connection:
    """Alice's, connected; its access token is used up."""
    return used_up(connected(alice, microsoft))


def used_up(connection: Connection) -> Connection:
    Connection.objects.filter(pk=connection.pk).update(access_expires_at=timezone.now(), access_token="")
    return again(connection)


def again(connection: Connection) -> Connection:
    """As a process that knows nothing yet reads it."""
    return Connection.objects.select_related("user__account").get(pk=connection.pk)


def held(connection: Connection, column: str = "refresh_token") -> str:
    sealed = getattr(again(connection), column)
    return vault.open_sealed(sealed, bound_to=f"integrations_connection:{column}:{connection.pk}")


def alike(first: Connection, people: list[User]) -> list[Connection]:
    """Connections of many people that all hold the refresh token of the first: Microsoft lets it be used again."""
    secret = held(first)
    made = Connection.objects.bulk_create(
        Connection(
            user=person,
            state=State.CONNECTED,
            since_at=first.since_at,
            tenant_id=first.tenant_id,
            object_id=str(uuid.uuid4()),
            refresh_due_at=first.since_at,
        )
        for person in people
    )
    for one in made:
        place = f"integrations_connection:refresh_token:{one.pk}"
        Connection.objects.filter(pk=one.pk).update(refresh_token=vault.seal(secret, bound_to=place))
    return made


@contextmanager
def meanwhile(work: Callable[[], object]) -> Iterator[list[object]]:
    """`work` runs in a thread of its own while the block runs; the list then holds its answer, or its exception."""
    outcome: list[object] = []

    def run() -> None:
        try:
            outcome.append(work())
        except Exception as problem:  # noqa: BLE001  the test looks at it
            outcome.append(problem)
        finally:
            databases.close_all()

    thread = threading.Thread(target=run)
    thread.start()
    try:
        yield outcome
    finally:
        thread.join()


def slow_down(microsoft: Simulator, milliseconds: int) -> None:
    microsoft.control("POST", "faults", {"target": "token", "status": None, "seconds": 60, "latency_ms": milliseconds})


def until_asked(microsoft: Simulator, connection: Connection) -> None:
    """Until a refresh is on its way."""
    while again(connection).lease_until is None:
        time.sleep(0.01)
    time.sleep(0.1)
