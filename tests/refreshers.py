"""Many connections whose refresh is due, and worker processes that refresh them; for measuring and for soaks."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterable
from datetime import timedelta
from pathlib import Path
from typing import Protocol
from urllib.parse import urlsplit, urlunsplit

from django.conf import settings
from django.db import connection as database
from django.utils import timezone

from accounts import vault
from accounts.models import Account, User
from config.demo.children import ROOT, Child, Command
from integrations.models import ALIVE, Connection, State
from tests.servers import wait_until
from tests.token_endpoint import refresh_token

TENANT = "6f1d8c3a-2b7e-4c55-9a41-5d0e3b9c7f21"
GRANTED = ["Calendars.Read", "Contacts.Read", "User.Read"]
PATIENCE = 60.0


class Endpoint(Protocol):
    """What answers in Microsoft's place."""

    @property
    def origin(self) -> str: ...

    @property
    def ca_path(self) -> Path: ...


class Worker:
    """A process that refreshes; its database connections are known by the name `refresher`."""

    def __init__(self, endpoint: Endpoint, directory: Path, *, in_flight: int, number: int = 0) -> None:
        self._told = directory / f"worker-{number}.pid"
        self._told.unlink(missing_ok=True)
        log = directory / f"worker-{number}.log"
        argv = (sys.executable, "-m", "tests.benchmarks.worker", str(in_flight), str(self._told))
        self._child = Child(Command("worker", argv, environment(endpoint)), log=log)
        try:
            wait_until(self._told.exists, self._child)
        except RuntimeError:
            self._child.kill()
            raise

    @property
    def pid(self) -> int:
        return int(self._told.read_text())

    def megabytes(self) -> float:
        """Of memory, resident."""
        ps = shutil.which("ps") or "ps"
        found = subprocess.run([ps, "-o", "rss=", "-p", str(self.pid)], capture_output=True, text=True, check=True)
        return int(found.stdout) / 1024

    def kill(self) -> None:
        """kill -9."""
        self._child.kill()


class Refreshers:
    """Several processes that refresh whatever is due, until the block ends."""

    def __init__(self, endpoint: Endpoint, directory: Path, count: int, *, in_flight: int) -> None:
        self._endpoint, self._directory, self._in_flight = endpoint, directory, in_flight
        self._stop = directory / "stop"
        self._count = count
        self._begun = 0
        self._children: list[Child] = []

    def __enter__(self) -> Refreshers:
        for old in (self._stop, *self._directory.glob("begun-*")):
            old.unlink(missing_ok=True)
        self._children = [self._started() for _ in range(self._count)]
        self.wait_until_all_have_begun()
        return self

    def __exit__(self, *_: object) -> None:
        """They finish what they have begun."""
        self._stop.touch()
        ended = [child.wait(PATIENCE) for child in self._children]
        for child in self._children:
            child.kill()
        assert all(ended), self.output()

    def kill_one(self) -> None:
        """kill -9, the one that is longest at work; another takes its place."""
        self._children.pop(0).kill()
        self._children.append(self._started())

    def wait_until_all_have_begun(self) -> None:
        last = range(self._begun - self._count + 1, self._begun + 1)
        until(lambda: all((self._directory / f"begun-{at}").exists() for at in last), seconds=PATIENCE)

    def output(self) -> str:
        return (self._directory / "refreshers.log").read_text()[-5000:]

    def _started(self) -> Child:
        self._begun += 1
        files = (str(self._stop), str(self._directory / f"begun-{self._begun}"))
        argv = (sys.executable, "-m", "tests.soaks.refresher", str(self._in_flight), *files)
        return Child(Command("refresher", argv, environment(self._endpoint)), log=self._directory / "refreshers.log")


def environment(endpoint: Endpoint) -> dict[str, str]:
    """Of a process that works on this process's test database and asks the stub."""
    name = str(settings.DATABASES["default"]["NAME"])
    path = name if name.startswith("/") else f"/{name}"
    url = os.environ["DATABASE_URL"]
    return {
        **os.environ,
        "DATABASE_URL": f"sqlite:///{name}"
        if url.startswith("sqlite")
        else urlunsplit(urlsplit(url)._replace(path=path)),
        "MICROSOFT_AUTHORITY_HOST": endpoint.origin,
        "MICROSOFT_GRAPH_URL": f"{endpoint.origin}/v1.0",
        "MICROSOFT_CA_BUNDLE": str(endpoint.ca_path),
        "PGAPPNAME": "refresher",
        "PYTHONPATH": str(ROOT),
    }


def connected(count: int, *, accounts: int = 4) -> None:
    """So many people of several accounts, each connected, and nobody else; nothing is due."""
    now = timezone.now()
    Connection.objects.all().delete()
    before = User.objects.count()
    owners = Account.objects.bulk_create(Account(name=f"Many & Co {at}", created_at=now) for at in range(accounts))
    people = User.objects.bulk_create(
        (
            User(
                account=owners[at % accounts], email=f"p{before + at}@many.example", name=f"Person {at}", is_active=True
            )
            for at in range(count)
        ),
        batch_size=1000,
    )
    Connection.objects.bulk_create(
        (
            Connection(
                user=person,
                state=State.CONNECTED,
                since_at=now,
                connected_at=now,
                tenant_id=TENANT,
                object_id=f"object-{person.pk}",
                address=person.email,
                token_version=1,
                granted=GRANTED,
            )
            for person in people
        ),
        batch_size=1000,
    )
    _seal(Connection.objects.filter(refresh_token="").values_list("pk", flat=True))


def make_due(count: int) -> None:
    """The refresh of the first so many that live, an hour ago."""
    first = Connection.objects.filter(state__in=ALIVE).order_by("pk").values_list("pk", flat=True)[:count]
    Connection.objects.filter(pk__in=list(first), state__in=ALIVE).update(
        refresh_due_at=timezone.now() - timedelta(hours=1)
    )


def left() -> int:
    """How many are due still, or under way."""
    return Connection.objects.filter(refresh_due_at__lte=timezone.now()).count()


def until(is_so: Callable[[], bool], *, seconds: float, look_every: float = 0.05) -> None:
    ends = time.monotonic() + seconds
    while not is_so():
        if time.monotonic() > ends:
            raise AssertionError(f"It did not happen within {seconds:.0f} seconds.")
        time.sleep(look_every)


def database_connections() -> int:
    """Of the workers, as PostgreSQL counts them."""
    with database.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM pg_stat_activity WHERE application_name = 'refresher'")
        return int(cursor.fetchone()[0])


def _seal(ids: Iterable[int]) -> None:
    rows = []
    for pk in ids:
        place = f"integrations_connection:refresh_token:{pk}"
        rows.append(Connection(pk=pk, refresh_token=vault.seal(refresh_token(str(pk), 1), bound_to=place)))
    Connection.objects.bulk_update(rows, ["refresh_token"], batch_size=500)
