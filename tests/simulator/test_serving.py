"""The process: when it refuses to start, how it ends, what it keeps."""

from __future__ import annotations

import http.client
import os
import signal
import socket
import sqlite3
import ssl
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import requests
from cryptography import x509

from tests.simulated import ROOT, Simulator, free_port
from tests.simulator.client import BOB, Client

TABLES = ("simulator_authorizationcode", "simulator_browsersession")


def _refused(data: Path, *options: str, **environment: str) -> str:
    """Start where it must not start; the one line it says."""
    ports = ["--https-port", str(free_port()), "--http-port", str(free_port())]
    done = subprocess.run(
        [sys.executable, "manage.py", "simulator", "--data", str(data), *ports, *options],
        cwd=ROOT,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=60,
    )
    said = done.stderr.strip().splitlines()
    assert done.returncode == 1, done.stderr
    assert len([line for line in said if "WARNING" not in line]) == 1, done.stderr
    return said[-1]


@pytest.mark.parametrize("option", ["--https-port", "--http-port"])
def test_a_port_in_use_is_said_in_one_line(tmp_path: Path, option: str) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()

        said = _refused(tmp_path, option, str(taken.getsockname()[1]))

    assert "the port is in use" in said


@pytest.mark.parametrize("port", ["0", "99999", "https"])
def test_what_is_no_port_is_said_in_one_line(tmp_path: Path, port: str) -> None:
    assert "is no port" in _refused(tmp_path, "--https-port", port)


def test_a_second_one_in_the_same_directory_is_refused_in_one_line(tmp_path: Path) -> None:
    first = Simulator().start(tmp_path)
    try:
        assert "Another simulator is at work" in _refused(tmp_path)
        assert requests.get(f"{first.human_url}/healthz", timeout=5).ok
    finally:
        first.stop()

    assert first.start().process.poll() is None
    first.stop()


def test_a_data_directory_that_cannot_be_used_is_said_in_one_line(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_text("not a directory")

    assert "cannot be used" in _refused(file / "data")


def test_a_broken_database_is_said_in_one_line(tmp_path: Path) -> None:
    (tmp_path / "simulator.sqlite3").write_text("this is no database " * 100)

    assert "cannot be used" in _refused(tmp_path)


@pytest.mark.parametrize(
    ("text", "reason"), [("tenants: [", "YAML"), ("tenants: {}", "does not make sense"), ("", "does not make sense")]
)
def test_a_bad_seed_is_said_in_one_line(tmp_path: Path, text: str, reason: str) -> None:
    seed = tmp_path / "seed.yaml"
    seed.write_text(text)

    assert reason in _refused(tmp_path / "data", "--seed", str(seed))


@pytest.mark.parametrize(
    ("entry", "reason"),
    [
        ("days: [mon, tue], series: true, whole_days: 2", "“talk” overlaps itself"),
        ("days: [mon], series: true, changes: [{date: 2400-01-03, removed: true}], repeats: {}", "repeats"),
    ],
)
def test_a_series_that_cannot_be_is_said_in_one_line(tmp_path: Path, entry: str, reason: str) -> None:
    seed = tmp_path / "seed.yaml"
    seed.write_text(
        "password: wren-demo-1\ntenants: [{name: Wren, domains: [wren.example], people: {ida: {name: Ida Berg}}}]\n"
        f"calendar: [{{slug: talk, subject: Talk, organizer: ida, {entry}}}]\n"
    )

    assert reason in _refused(tmp_path / "data", "--seed", str(seed))


def test_it_does_not_start_in_production(tmp_path: Path) -> None:
    assert "production" in _refused(tmp_path, ENVIRONMENT="Production")


def test_it_is_not_reachable_from_elsewhere_by_accident(tmp_path: Path) -> None:
    assert "--allow-remote" in _refused(tmp_path, "--host", "0.0.0.0")  # noqa: S104


@pytest.mark.parametrize("by", ["terminate", "interrupt"])
def test_it_ends_at_once_and_cleanly(tmp_path: Path, by: str) -> None:
    simulator = Simulator().start(tmp_path)
    began = time.monotonic()

    simulator.process.send_signal(signal.SIGTERM if by == "terminate" else signal.SIGINT)

    assert simulator.process.wait(timeout=10) == 0
    assert time.monotonic() - began < 5
    assert "Traceback" not in simulator.log_path.read_text()


def test_starting_again_keeps_people_tokens_keys_and_takes_the_new_application(tmp_path: Path) -> None:
    simulator = Simulator().start(tmp_path)
    client = Client(simulator)
    tokens = client.connect()
    authority = simulator.ca_path.read_bytes()
    simulator.kill()
    simulator.redirect_uri = "http://localhost:9999/elsewhere/"
    old_secret, simulator.client_secret = simulator.client_secret, "another-secret-altogether"

    simulator.start()
    try:
        refreshed = client.refresh(tokens["refresh_token"])
        with_old_secret = client.refresh(tokens["refresh_token"], client_secret=old_secret)
        profile = client.graph(tokens["access_token"], "/me")
        state = simulator.control("GET", "state")
    finally:
        simulator.stop()

    assert (refreshed.status_code, profile.status_code) == (200, 200)
    assert with_old_secret.json()["error_codes"] == [7000215]
    assert simulator.ca_path.read_bytes() == authority
    registered = {app["name"]: app["redirect_uris"] for app in state["applications"]}
    assert registered["Meridian"] == ["http://localhost:9999/elsewhere/"]


def test_a_certificate_near_its_end_is_renewed_by_the_same_authority(tmp_path: Path) -> None:
    from integrations.simulator import certificates

    certificates.ensure(tmp_path, now=datetime.now(UTC) - timedelta(days=80))
    authority, old = (tmp_path / "ca.pem").read_bytes(), (tmp_path / "server.pem").read_bytes()

    renewed = certificates.ensure(tmp_path, now=datetime.now(UTC))
    again = certificates.ensure(tmp_path, now=datetime.now(UTC))

    leaf = x509.load_pem_x509_certificate((tmp_path / "server.pem").read_bytes())
    assert (renewed, again) == (True, False)
    assert (tmp_path / "ca.pem").read_bytes() == authority
    assert (tmp_path / "server.pem").read_bytes() != old
    assert leaf.not_valid_after_utc - datetime.now(UTC) > timedelta(days=80)


def test_a_control_token_is_made_and_kept_private(tmp_path: Path) -> None:
    simulator = Simulator(environment={"SIMULATOR_CONTROL_TOKEN": ""}).start(tmp_path)
    path = tmp_path / "control-token"
    simulator.control_token = path.read_text()

    state = simulator.control("GET", "state")
    simulator.stop()

    assert state["people"]
    assert path.stat().st_mode & 0o777 == 0o600


def test_what_is_long_over_is_forgotten_and_what_is_not_is_kept(tmp_path: Path) -> None:
    simulator = Simulator().start(tmp_path)
    old, new = Client(simulator).connect(), Client(simulator).connect(BOB)
    simulator.stop()
    with closing(sqlite3.connect(tmp_path / "simulator.sqlite3")) as database, database:
        for table in (*TABLES, "simulator_refreshtoken"):
            of_alice = "(SELECT id FROM simulator_person WHERE given_name = 'Alice')"
            database.execute(f"UPDATE {table} SET expires_at = '2020-01-01' WHERE person_id = {of_alice}")  # noqa: S608

    simulator.start()
    refreshed = [Client(simulator).refresh(tokens["refresh_token"]) for tokens in (old, new)]
    simulator.stop()
    with closing(sqlite3.connect(tmp_path / "simulator.sqlite3")) as database, database:
        left = [database.execute(f"SELECT count(*) FROM {table}").fetchone()[0] for table in TABLES]  # noqa: S608

    assert [answer.status_code for answer in refreshed] == [400, 200]
    assert refreshed[0].json()["error_codes"] == [70000]
    assert left == [1, 1]


def test_after_weeks_off_the_fortnight_is_as_lively_as_ever(tmp_path: Path) -> None:
    """The database is put back in time: it was last filled a fortnight ago."""
    simulator = Simulator().start(tmp_path)
    simulator.stop()
    past = (datetime.now(UTC).date() - timedelta(days=14)).isoformat()
    with closing(sqlite3.connect(tmp_path / "simulator.sqlite3")) as database, database:
        database.execute("DELETE FROM simulator_event WHERE kind = 'singleInstance' AND starts_at > ?", (past,))
        database.execute("UPDATE simulator_calendar SET filled_until = ?, today_filled_on = ?", (past, past))

    simulator.start()
    client = Client(simulator)
    first = datetime.now(UTC).date()
    last = first + timedelta(days=14)
    window = f"startDateTime={first}T00:00:00Z&endDateTime={last}T00:00:00Z&$top=1000"
    found = client.graph(client.connect(BOB)["access_token"], f"/me/calendarView?{window}").json()["value"]
    simulator.stop()

    assert len(found) > 50
    assert "Quarterly figures walk-through" in {event["subject"] for event in found}


def test_a_data_directory_of_an_earlier_version_starts_anew(tmp_path: Path) -> None:
    environment = {**os.environ, "SIMULATOR_DATA": str(tmp_path)}
    migrate = [sys.executable, "manage.py", "simulator", "migrate", "simulator", "0001", "--verbosity", "0"]
    subprocess.run(migrate, cwd=ROOT, env=environment, check=True, timeout=60)
    with closing(sqlite3.connect(tmp_path / "simulator.sqlite3")) as database, database:
        earlier = ("0f1d8c3a2b7e4c559a415d0e3b9c7f21", "Of an earlier version")
        database.execute("INSERT INTO simulator_tenant (tid, name) VALUES (?, ?)", earlier)

    simulator = Simulator().start(tmp_path)
    tokens = Client(simulator).connect()
    simulator.stop()

    with closing(sqlite3.connect(tmp_path / "simulator.sqlite3")) as database:
        names = {name for (name,) in database.execute("SELECT name FROM simulator_tenant")}
    assert tokens["token_type"] == "Bearer"
    assert "Kestrel & Co" in names
    assert "Of an earlier version" not in names


def test_a_data_directory_with_other_organizations_in_the_way_is_said_in_one_line(tmp_path: Path) -> None:
    Simulator().start(tmp_path).stop()
    seed = tmp_path / "seed.yaml"
    seed.write_text("{password: x, tenants: [{name: Other, domains: [kestrel.example]}]}")

    assert "The data directory holds other organizations" in _refused(tmp_path, "--seed", str(seed))


def test_a_further_name_is_answered_and_certified(tmp_path: Path) -> None:
    plain = Simulator().start(tmp_path)
    foreign = requests.get(f"{plain.human_url}/healthz", headers={"Host": "m365.example.org"}, timeout=10)
    plain.stop()

    named = Simulator(options=("--name", "m365.example.org")).start(tmp_path)
    known = requests.get(f"{named.human_url}/healthz", headers={"Host": "m365.example.org"}, timeout=10)
    named.stop()

    leaf = x509.load_pem_x509_certificate((tmp_path / "server.pem").read_bytes())
    names = leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert (foreign.status_code, known.status_code) == (400, 200)
    assert "m365.example.org" in names.get_values_for_type(x509.DNSName)


def test_a_further_name_must_be_a_host_name(tmp_path: Path) -> None:
    assert "no host name" in _refused(tmp_path, "--name", "https://m365.example.org/")


def test_thirty_two_clients_at_once_are_all_answered(simulator: Simulator) -> None:
    together = threading.Barrier(32)

    def connect(number: int) -> list[int]:
        session = simulator.http()
        together.wait()
        answers = [session.get(f"{simulator.authority}/v2.0/.well-known/openid-configuration", timeout=30)]
        answers += [session.get(f"{simulator.graph_url}/me", timeout=30) for _ in range(5)]
        return [answer.status_code for answer in answers]

    with ThreadPoolExecutor(32) as pool:
        found = list(pool.map(connect, range(32)))

    assert found == [[200, 401, 401, 401, 401, 401]] * 32


def test_a_connection_stays_open_for_the_next_request(simulator: Simulator) -> None:
    context = ssl.create_default_context(cafile=str(simulator.ca_path))
    connection = http.client.HTTPSConnection("localhost", simulator.https_port, context=context, timeout=10)
    ports = set()

    for _ in range(3):
        connection.request("GET", "/healthz")
        assert connection.getresponse().read() == b"ok"
        ports.add(connection.sock.getsockname()[1])
    connection.close()

    assert len(ports) == 1


def test_who_connects_and_says_nothing_stops_nobody(simulator: Simulator) -> None:
    silent = [socket.create_connection(("127.0.0.1", simulator.https_port)) for _ in range(8)]

    answer = simulator.http().get(f"{simulator.origin}/healthz", timeout=5)

    for one in silent:
        one.close()
    assert answer.text == "ok"


def test_what_is_kept_of_deletions_has_a_bound_and_its_space_is_given_back(tmp_path: Path) -> None:
    """More tombstones than a calendar may have: who asks for changes since then reads all anew (410)."""
    simulator = Simulator().start(tmp_path)
    client = Client(simulator)
    token = client.connect()["access_token"]
    window = "startDateTime=2026-01-01T00:00:00Z&endDateTime=2026-01-02T00:00:00Z"
    link = client.graph(token, f"/me/calendarView/delta?{window}").json()["@odata.deltaLink"]
    simulator.stop()
    path = tmp_path / "simulator.sqlite3"
    with closing(sqlite3.connect(path)) as database, database:
        database.executemany(
            "INSERT INTO simulator_tombstone (calendar_id, graph_id, immutable_id, change_number) "
            "SELECT c.id, ?, ?, 1 FROM simulator_calendar c JOIN simulator_person p ON p.id = c.person_id "
            "WHERE p.upn = 'alice@kestrel.example'",
            [(f"{number:0150d}", f"{number:0150d}") for number in range(10_001)],
        )
    full = path.stat().st_size

    simulator.start()
    answer = client.graph(token, link)
    simulator.stop()

    with closing(sqlite3.connect(path)) as database:
        left = database.execute("SELECT count(*) FROM simulator_tombstone").fetchone()[0]
    assert answer.status_code == 410
    assert left == 0
    assert path.stat().st_size < full
