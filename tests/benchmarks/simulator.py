"""The simulated Microsoft 365 beside the least that the same server, keys and database can do.

* `/token` refreshes and pages of delta, each beside a view of `tests.simulator.measured.bare`, in turns, so that both
  meet the same weather;
* a crowd of 100 mailboxes (`--small`: 30) with 1,000 events each, beside a plain executemany of the same rows;
* a reset of that tenant, when eleven events of each mailbox were touched, beside three seconds;
* resident memory from request 1,000 to 20,000, beside 10 MiB; `--small` sends fewer and reckons up.
"""

from __future__ import annotations

import json
import os
import re
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import cycle, islice
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import requests

from tests.benchmarks.load import Load, Request
from tests.benchmarks.stage import Measure, main
from tests.simulated import ROOT, Simulator, free_port

PASSWORD = "crowd-demo-1"
SCOPE = "openid profile offline_access User.Read Calendars.Read"
WHO = "crowd-001@many.example"
RESET_SECONDS = 3.0
GROWTH_KIB = 10 * 1024
SPAN = 19_000
SEED = f"""
password: {PASSWORD}
tenants:
  - name: Many
    domains: [many.example]
    crowd: {{people: %d, events: 1000}}
applications:
  - client_id: ${{SIMULATOR_APP_CLIENT_ID}}
    name: Measured
    publisher: many.example
    secret: ${{SIMULATOR_APP_CLIENT_SECRET}}
    redirect_uris: ["${{SIMULATOR_APP_REDIRECT_URI}}"]
"""


@dataclass(frozen=True)
class Ground:
    """A simulator with a crowd, somebody's tokens, and the baseline beside it on the same data."""

    simulator: Simulator
    tokens: dict[str, Any]
    ours: Load
    bare: Load
    bare_url: str


def run(small: bool, directory: Path) -> list[Measure]:
    with _ground(directory) as ground:
        measures = [_refreshes(ground, small), _delta(ground, small), _memory(ground, small)]
    return [*measures, *_planting(directory, 30 if small else 100)]


def _refreshes(ground: Ground, small: bool) -> Measure:
    fields = _refresh_form(ground)
    ours = Request.form(f"{ground.simulator.authority}/oauth2/v2.0/token", fields)
    bare = Request.form(f"{ground.bare_url}/token", fields)
    return _in_turns(ground, "token refreshes", [ours], [bare], rounds=4 if small else 11, times=120 if small else 400)


def _delta(ground: Ground, small: bool) -> Measure:
    bearer = {"Authorization": f"Bearer {ground.tokens['access_token']}"}
    now = datetime.now(UTC)
    first, last = ((now + timedelta(days=days)).strftime("%Y-%m-%dT%H:%M:%SZ") for days in (-200, 400))
    headers = {**bearer, "Prefer": "odata.maxpagesize=50"}
    link = f"{ground.simulator.graph_url}/me/calendarView/delta?startDateTime={first}&endDateTime={last}"
    ours, behinds = [], [0]
    while link:
        ours.append(Request("GET", link, headers))
        page = json.loads(ground.ours.ask(ours[-1]))
        behinds.append(behinds[-1] + len(page["value"]))
        link = page.get("@odata.nextLink", "")
    assert behinds[-1] == 1000, f"{behinds[-1]} events"
    window = urlencode({"first": first.rstrip("Z"), "last": last.rstrip("Z")})
    calendar, rows = _rows(ground)
    bare = [
        Request("GET", f"{ground.bare_url}/delta/{calendar}/{rows[behind - 1] if behind else 0}?{window}", {})
        for behind in behinds[: len(ours)]
    ]
    return _in_turns(
        ground, "delta, 50 events a page", ours, bare, rounds=4 if small else 11, times=150 if small else 600
    )


def _in_turns(
    ground: Ground, name: str, ours: Sequence[Request], bare: Sequence[Request], *, rounds: int, times: int
) -> Measure:
    """The median of the rounds' ratios; the first round of each does not count."""
    rates = [
        (ground.ours.rate(list(islice(cycle(ours), times))), ground.bare.rate(list(islice(cycle(bare), times))))
        for _ in range(rounds + 1)
    ][1:]
    ratio = statistics.median(one / other for one, other in rates)
    mine, theirs = (statistics.median(column) for column in zip(*rates, strict=True))
    return Measure(name, ratio, f"{mine:.0f} a second beside {theirs:.0f}", at_least=0.5)


def _memory(ground: Ground, small: bool) -> Measure:
    """A client's usual day, refusals and all."""
    # A short run begins where what is bounded is nearer its bound: filling it up is no growth that goes on.
    begin, end = (3_000, 6_000) if small else (1_000, 20_000)
    day = list(_usual_day(ground))
    ground.ours.rate(list(islice(cycle(day), begin)))
    before = _resident(ground.simulator)
    ground.ours.rate(list(islice(cycle(day), end - begin)))
    grown = (_resident(ground.simulator) - before) * SPAN / (end - begin)
    says = f"{grown / 1024:.1f} MiB in {SPAN:,} requests (from {begin:,} to {end:,}), {before / 1024:.0f} MiB before"
    return Measure("memory growth", max(grown, 0) / GROWTH_KIB, says, at_most=1.0)


def _usual_day(ground: Ground) -> Iterator[Request]:
    bearer = {"Authorization": f"Bearer {ground.tokens['access_token']}"}
    graph = ground.simulator.graph_url
    now = datetime.now(UTC)
    window = "&".join(
        f"{name}={(now + timedelta(days=days)):%Y-%m-%dT%H:%M:%SZ}"
        for name, days in (("startDateTime", -7), ("endDateTime", 28))
    )
    token = f"{ground.simulator.authority}/oauth2/v2.0/token"
    yield Request.form(token, _refresh_form(ground))
    yield Request.form(token, {**_refresh_form(ground), "refresh_token": "nobody's"}, 400)
    for path in ("/me", "/me/calendars", f"/me/calendarView?{window}", f"/me/calendarView/delta?{window}"):
        yield Request("GET", f"{graph}{path}", bearer)
    yield Request("GET", f"{graph}/users", bearer, status=403)
    yield Request("GET", f"{graph}/me/messages", bearer, status=404)
    yield Request("GET", f"{graph}/me", {"Authorization": "Bearer nobody.s.token"}, status=401)


def _planting(directory: Path, mailboxes: int) -> list[Measure]:
    place = directory / "planting"
    place.mkdir()
    (place / "seed.yaml").write_text(SEED % mailboxes)
    environment = {**os.environ, "SIMULATOR_APP_CLIENT_ID": Simulator.client_id, "SIMULATOR_APP_CLIENT_SECRET": "x"}
    command = [sys.executable, "-m", "tests.simulator.measured.planting", str(place), str(place / "seed.yaml")]
    done = subprocess.run(command, cwd=ROOT, env=environment, check=True, capture_output=True, text=True)
    took = json.loads(done.stdout)
    events = f"{took['events']:,.0f} events"
    planted = f"{events} in {took['planted']:.1f} s beside {took['bare']:.1f} s"
    reset = f"{took['reset']:.2f} s, {took['reset again']:.2f} s where nothing was touched"
    return [
        Measure("seeding in bulk", took["bare"] / took["planted"], planted, at_least=0.5),
        Measure("reset of a tenant", took["reset"] / RESET_SECONDS, reset, at_most=1.0),
    ]


@contextmanager
def _ground(directory: Path) -> Iterator[Ground]:
    directory = directory / "ground"
    directory.mkdir()
    (directory / "seed.yaml").write_text(SEED % 3)
    simulator = Simulator(options=("--seed", str(directory / "seed.yaml"))).start(directory)
    try:
        # Microsoft's limits for one mailbox are below what is measured here.
        simulator.control("POST", "throttling", {"requests": 1_000_000})
        tokens = _connect(simulator)
        (directory / "sample.json").write_text(json.dumps(tokens))
        https, http = free_port(), free_port()
        command = [sys.executable, "-m", "tests.simulator.measured.bare", str(directory), str(https), str(http)]
        with (directory / "bare.log").open("w") as log:
            bare = subprocess.Popen([*command, str(directory / "sample.json")], cwd=ROOT, stdout=log, stderr=log)
        try:
            _wait(http)
            ours, beside = (Load(port, simulator.ca_path) for port in (simulator.https_port, https))
            yield Ground(simulator, tokens, ours, beside, f"https://localhost:{https}")
        finally:
            bare.terminate()
            bare.wait(timeout=15)
    finally:
        simulator.stop()


def _connect(simulator: Simulator) -> dict[str, Any]:
    query = {
        "client_id": simulator.client_id,
        "response_type": "code",
        "redirect_uri": simulator.redirect_uri,
        "scope": SCOPE,
    }
    url = f"{simulator.human_url}/organizations/oauth2/v2.0/authorize?{urlencode(query)}"
    code = simulator.sign_in(url, WHO, PASSWORD)["code"]
    form = {
        "client_id": simulator.client_id,
        "client_secret": simulator.client_secret,
        "grant_type": "authorization_code",
        "redirect_uri": simulator.redirect_uri,
        "code": code,
    }
    answer = simulator.http().post(f"{simulator.authority}/oauth2/v2.0/token", data=form, timeout=30)
    return dict(answer.json())


def _refresh_form(ground: Ground) -> dict[str, str]:
    return {
        "client_id": ground.simulator.client_id,
        "client_secret": ground.simulator.client_secret,
        "grant_type": "refresh_token",
        "refresh_token": ground.tokens["refresh_token"],
        "scope": SCOPE,
    }


def _rows(ground: Ground) -> tuple[int, list[int]]:
    """The calendar's row number, and those of its events in the order of delta."""
    import sqlite3
    from contextlib import closing

    with closing(sqlite3.connect(ground.simulator.data / "simulator.sqlite3")) as database:
        (calendar,) = database.execute(
            "SELECT c.id FROM simulator_calendar c JOIN simulator_person p ON p.id = c.person_id WHERE p.upn = ?",
            (WHO,),
        ).fetchone()
        events = database.execute("SELECT id FROM simulator_event WHERE calendar_id = ? ORDER BY id", (calendar,))
        return calendar, [number for (number,) in events]


def _resident(simulator: Simulator) -> int:
    """In KiB."""
    status = Path(f"/proc/{simulator.process.pid}/status")
    if status.exists():
        found = re.search(r"VmRSS:\s+(\d+) kB", status.read_text())
        assert found
        return int(found[1])
    command = ["ps", "-o", "rss=", "-p", str(simulator.process.pid)]
    return int(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


def _wait(http_port: int) -> None:
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        try:
            if requests.get(f"http://localhost:{http_port}/healthz", timeout=1).ok:
                return
        except requests.ConnectionError:
            time.sleep(0.1)
    raise AssertionError("The baseline did not start.")


if __name__ == "__main__":
    main(run)
