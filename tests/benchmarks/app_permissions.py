"""An organization's people, connected by its one consent: beside the bare HTTP of the same requests.

Two Celery workers on real Redis and PostgreSQL go the whole path: following reads the directory and matches, the job
probes by `$batch` and writes, from the moment the consent is established until everybody is connected. The simulated
Microsoft 365, with a crowd of its own, answers them and the bare loop alike, in turn; the loop asks the same requests,
over the same TLS, with as many in flight and one session a thread, and keeps nothing. Then several processes open
mailboxes at once: the one token of the organization serves them all.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import requests

from config.demo.children import ROOT
from tests.benchmarks.stage import Measure, main
from tests.simulated import Simulator

DOMAIN = "many.example"
ROLES = ["User.Read.All", "Calendars.ReadWrite"]
WORKERS, READERS = 2, 3
PATIENCE = 900.0  # seconds for one round
SEED = """
password: crowd-demo-1
tenants:
  - name: Many
    domains: [%s]
    crowd: {people: %d}
applications:
  - client_id: ${SIMULATOR_APP_CLIENT_ID}
    name: Measured
    publisher: %s
    secret: ${SIMULATOR_APP_CLIENT_SECRET}
    redirect_uris: ["${SIMULATOR_APP_REDIRECT_URI}"]
    roles: [User.Read.All, Calendars.ReadWrite]
"""


@dataclass(frozen=True)
class Size:
    people: int
    rounds: int


SMALL, WHOLE = Size(people=1_500, rounds=2), Size(people=20_000, rounds=2)


@dataclass(frozen=True)
class Counts:
    """What the simulated Microsoft 365 was asked."""

    directory: int
    batches: int
    calendars: int
    """Whose calendar was asked for, in batches and alone."""
    tokens: int

    def probes(self, people: int) -> int:
        """Batches, and questions on their own: all but one to each mailbox were."""
        return self.batches + max(0, self.calendars - people)

    def __add__(self, other: Counts) -> Counts:
        mine, theirs = vars(self), vars(other)
        return Counts(**{name: mine[name] + theirs[name] for name in mine})

    def __sub__(self, other: Counts) -> Counts:
        mine, theirs = vars(self), vars(other)
        return Counts(**{name: mine[name] - theirs[name] for name in mine})


@dataclass(frozen=True)
class Round:
    ours: float
    bare: float
    asked: Counts


def run(small: bool, directory: Path) -> list[Measure]:
    from django.db import connection as database

    if database.vendor != "postgresql":
        raise SystemExit("This is measured on PostgreSQL, and there is none.")
    size = SMALL if small else WHOLE
    with _ground(size, directory) as ground:
        rounds = [ground.race(size.people) for _ in range(size.rounds)]
        again = ground.probed_again()
        tokens = ground.tokens_of_readers(rounds[-1].asked + again)
    linking = rounds[-1].asked
    return [
        _requests("directory", linking.directory, size.people / 500 + 10),
        _requests("probes", linking.probes(size.people), size.people / 20 + 10),
        _requests("probes of the sweep", again.probes(size.people), size.people / 20 + 10),
        _wall(rounds),
        tokens,
    ]


def _requests(name: str, count: int, most: float) -> Measure:
    return Measure(f"{name}, requests", count / most, f"{count:,} of at most {most:,.0f}", at_most=1.0)


def _wall(rounds: Sequence[Round]) -> Measure:
    ratio = statistics.median(one.ours / one.bare for one in rounds)
    ours, bare = (statistics.median(column) for column in ([r.ours for r in rounds], [r.bare for r in rounds]))
    return Measure("everybody connected", ratio, f"{ours:.1f} s beside {bare:.1f} s of bare HTTP", at_most=1.5)


# ── The ground ──────────────────────────────────────────────────────────────
@contextmanager
def _ground(size: Size, directory: Path) -> Iterator[Ground]:
    seed = directory / "seed.yaml"
    seed.write_text(SEED % (DOMAIN, size.people, DOMAIN), encoding="utf-8")
    simulator = Simulator(
        client_id=os.environ["MICROSOFT_CLIENT_ID"],
        client_secret=os.environ["MICROSOFT_CLIENT_SECRET"],
        options=("--seed", str(seed)),
    )
    with ExitStack() as stack:
        stack.callback(simulator.stop)
        simulator.start(directory / "simulator", wait=300)
        at = f"applications/{simulator.client_id}/tenants/{DOMAIN}"
        simulator.control("POST", f"{at}/grant-roles", {"roles": ROLES})
        yield _peopled(simulator, size, directory, stack)


def _peopled(simulator: Simulator, size: Size, directory: Path, stack: ExitStack) -> Ground:
    from tests.refreshers import Worker

    tenant = str(simulator.control("GET", f"tenants/{DOMAIN}")["id"])
    ground = Ground(simulator, directory, tenant, _people(size.people))
    for number in range(WORKERS):
        worker = Worker(simulator, directory, in_flight=8, number=number)
        stack.callback(worker.kill)
    return ground


def _people(count: int) -> Any:
    """An account whose people have the crowd's addresses, and which leaves them to their organization's consent."""
    from django.utils import timezone

    from accounts.models import Account, AssociatedDomain, DomainState, Role, User
    from tests.cast import joined
    from tests.integrations.authorized import set_up_by_admin
    from tests.integrations.tied import set_to

    now = timezone.now()
    account = Account.objects.create(name="Many", created_at=now)
    owner = joined(account, name="Owner", email="owner@elsewhere.example", role=Role.OWNER)
    User.objects.bulk_create(
        (
            User(
                account=account,
                name=f"Person {number}",
                email=f"crowd-{number:03d}@{DOMAIN}",
                is_active=True,
                joined_at=now,
            )
            for number in range(1, count + 1)
        ),
        batch_size=1000,
    )
    AssociatedDomain.objects.create(
        account=account, name=DOMAIN, token="proved", state=DomainState.VERIFIED, added_at=now, verified_at=now
    )
    set_to("enabled", True, at=account, by=owner, now=now)
    set_up_by_admin(account, by=owner)
    return owner


class Ground:
    """The simulated organization, the account, and the workers beside it."""

    def __init__(self, simulator: Simulator, directory: Path, tenant: str, owner: Any) -> None:
        self._simulator, self._directory, self._tenant, self._owner = simulator, directory, tenant, owner

    def race(self, people: int) -> Round:
        """Ours and the bare loop, one after the other."""
        before = self._asked()
        ours = self._linked_in(people)
        asked = self._asked() - before
        bare = _Bare(self._simulator, self._tenant)
        return Round(ours, bare.seconds(people), asked)

    def probed_again(self) -> Counts:
        """What the sweep asks that comes back to every mailbox."""
        from django.utils import timezone

        from integrations.models import TenantLink
        from integrations.organization import probing
        from tests.refreshers import until

        before, now = self._asked(), timezone.now()
        probing.again(TenantLink.objects.get(), now=now)
        until(TenantLink.objects.filter(probe_due_at__gt=now).exists, seconds=PATIENCE)
        return self._asked() - before

    def tokens_of_readers(self, before_them: Counts) -> Measure:
        """With those that were asked for before, since the consent: whatever processes ask that have just begun."""
        from tests.refreshers import environment

        before = self._asked()
        argv = [sys.executable, "-m", "tests.benchmarks.mailbox_reader"]
        # What Simulator and TokenEndpoint have in common is all that is needed of it.
        readers = [
            subprocess.Popen([*argv, str(number), str(READERS)], cwd=ROOT, env=environment(self._simulator))
            for number in range(READERS)
        ]
        codes = [reader.wait(timeout=PATIENCE) for reader in readers]
        assert codes == [0] * READERS, f"A reader failed: {codes}"
        count = before_them.tokens + (self._asked() - before).tokens
        says = f"{count} asked for by {WORKERS} workers and {READERS} other processes"
        return Measure("tokens of the organization", float(count), says, at_most=1.0)

    def _linked_in(self, people: int) -> float:
        from django.utils import timezone

        from integrations.models import Connection, State
        from integrations.organization import links
        from tests.refreshers import until

        self._forget()
        request = self._request()
        connected = Connection.objects.filter(state=State.CONNECTED)
        started = time.perf_counter()
        links.establish(request, ROLES, now=timezone.now())
        until(lambda: connected.count() == people, seconds=PATIENCE, look_every=0.2)
        return time.perf_counter() - started

    def _request(self) -> Any:
        """Of an administrator who has been to Microsoft and back, and whose consent is proved."""
        from django.utils import timezone

        from integrations.models import LinkRequest

        now = timezone.now()
        return LinkRequest.objects.create(
            account=self._owner.account,
            by=self._owner,
            tenant_id=self._tenant,
            domain=DOMAIN,
            created_at=now,
            expires_at=now,
            consented_as=f"admin@{DOMAIN}",
        )

    def _forget(self) -> None:
        from accounts.models import Job
        from integrations.models import Connection, LinkRequest, TenantLink

        for model in (Connection, LinkRequest, TenantLink, Job):
            model.objects.all().delete()

    def _asked(self) -> Counts:
        numbers = self._simulator.control("GET", "requests")
        graph: dict[str, int] = {}
        for line in numbers["graph"]:
            graph[line["route"]] = graph.get(line["route"], 0) + line["count"]
        tokens = sum(one["count"] for one in numbers["token"] if one["grant_type"] == "client_credentials")
        return Counts(graph.get("users", 0), graph.get("$batch", 0), graph.get("users/{id}/calendar", 0), tokens)


class _Bare:
    """The same requests, and nothing done with their answers."""

    def __init__(self, simulator: Simulator, tenant: str) -> None:
        self._simulator, self._tenant = simulator, tenant
        self._local = threading.local()

    def seconds(self, people: int) -> float:
        from accounts import errands

        started = time.perf_counter()
        with self._simulator.http() as http:
            self._bearer = self._token(http)
            ids = list(self._directory(http))
        with ThreadPoolExecutor(errands.AT_ONCE, initializer=self._begin) as pool:
            answered = sum(pool.map(self._probe, (ids[at : at + 20] for at in range(0, len(ids), 20))))
        assert answered == people, f"{answered} of {people}"
        return time.perf_counter() - started

    def _begin(self) -> None:
        self._local.http = self._simulator.http()

    def _token(self, http: requests.Session) -> str:
        form = {
            "client_id": self._simulator.client_id,
            "client_secret": self._simulator.client_secret,
            "grant_type": "client_credentials",
            "scope": "https://graph.microsoft.com/.default",
        }
        answer = http.post(f"{self._simulator.origin}/{self._tenant}/oauth2/v2.0/token", data=form, timeout=30)
        return str(answer.json()["access_token"])

    def _directory(self, http: requests.Session) -> Iterator[str]:
        from integrations.microsoft.graph import directory

        link = f"{self._simulator.graph_url}/users?$select={directory._ASKED}&$top={directory.PAGE}"
        while link:
            page = http.get(link, headers={"Authorization": f"Bearer {self._bearer}"}, timeout=60).json()
            yield from (one["id"] for one in page["value"])
            link = page.get("@odata.nextLink", "")

    def _probe(self, ids: Sequence[str]) -> int:
        """How many mailboxes have answered."""
        items = [
            {"id": str(at), "method": "GET", "url": f"/users/{one}/calendar?$select=id"} for at, one in enumerate(ids)
        ]
        answer = self._local.http.post(
            f"{self._simulator.graph_url}/$batch",
            json={"requests": items},
            headers={"Authorization": f"Bearer {self._bearer}"},
            timeout=60,
        )
        return sum(one["status"] == 200 for one in answer.json()["responses"])


if __name__ == "__main__":
    main(run)
