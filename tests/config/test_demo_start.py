"""The real demo, from an empty directory: it starts, keeps its data, survives deaths, and leaves nobody behind."""

from __future__ import annotations

import signal
import sqlite3
import time
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from config.demo.installation import worker_is_ready
from config.demo.ports import free_dns_port, free_port, is_taken
from tests.config.watching import Program, descendants, is_alive, kill, until

READY = "Meridian is ready:"
# Two busy cores and nothing cached; a laptop takes a tenth of it.
PATIENCE = 90.0
TELLING = {
    "portal": "gunicorn",
    "worker": "celery -A config worker",
    "simulator": "manage.py simulator",
    "redis": "valkey",
}
# What a laptop may have lying around and must not leak in.
STRAYS = {
    "DATABASE_URL": "postgres://nobody@192.0.2.1/nothing",
    "REQUESTS_CA_BUNDLE": "/nowhere.pem",
    "https_proxy": "http://192.0.2.1:3128",
}

pytestmark = pytest.mark.timeout(300)


@dataclass
class Demo:
    """One laptop: a directory and its ports, on which the demo is started, perhaps again."""

    directory: Path
    portal: int = field(default_factory=free_port)
    simulator_https: int = field(default_factory=free_port)
    simulator_http: int = field(default_factory=free_port)
    simulator_dns: int = field(default_factory=free_dns_port)
    simulator_exchange: int = field(default_factory=free_port)

    def start(self) -> Program:
        return Program("config.demo", log=self.directory / "console", environment={**STRAYS, **self._environment()})

    def people(self) -> list[tuple[int, str]]:
        connection = sqlite3.connect(self.directory / "data" / "portal.sqlite3")
        try:
            return connection.execute("SELECT id, email FROM accounts_user ORDER BY id").fetchall()
        finally:
            connection.close()

    def keys(self) -> str:
        return (self.directory / "data" / "environment").read_text()

    def log(self, name: str) -> str:
        return (self.directory / "data" / "logs" / f"{name}.log").read_text()

    def logs(self) -> str:
        return "".join(log.read_text() for log in (self.directory / "data" / "logs").glob("*.log"))

    def answers(self) -> bool:
        return bool(
            get(f"http://localhost:{self.portal}/readyz") and get(f"http://localhost:{self.simulator_http}/healthz")
        )

    def _environment(self) -> dict[str, str]:
        return {
            "MERIDIAN_DEMO_DATA": str(self.directory / "data"),
            "MERIDIAN_PORT": str(self.portal),
            "SIMULATOR_HTTPS_PORT": str(self.simulator_https),
            "SIMULATOR_HTTP_PORT": str(self.simulator_http),
            "SIMULATOR_DNS_PORT": str(self.simulator_dns),
            "SIMULATOR_EXCHANGE_PORT": str(self.simulator_exchange),
        }


def get(url: str) -> str:
    """The page, or nothing."""
    try:
        with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(url, timeout=10) as answer:
            return str(answer.read().decode())
    except OSError:
        return ""


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Demo:
    return Demo(tmp_path_factory.mktemp("demo"))


@pytest.fixture(scope="module")
def running(demo: Demo) -> Iterator[Program]:
    with demo.start() as runner:
        runner.wait_for(READY, within=PATIENCE)
        yield runner


def test_it_says_where_and_who_and_the_page_is_there(demo: Demo, running: Program) -> None:
    page = get(f"http://localhost:{demo.portal}/")

    assert "Sign in" in page
    assert f"{READY}  http://localhost:{demo.portal}\n" in running.said()
    promised = {word for word in running.said().split() if word.endswith("@kestrel.example")}
    assert len(promised) == 5
    assert promised <= {email for _, email in demo.people()}


def test_no_secret_is_printed_or_logged_or_seen_in_the_list_of_processes(demo: Demo, running: Program) -> None:
    lines = [line for line in demo.keys().splitlines() if not line.startswith("MICROSOFT_CLIENT_ID=")]
    secrets = [line.partition("=")[2] for line in lines]
    visible = running.said() + demo.logs() + "".join(descendants(running.process.pid).values())

    assert len(secrets) >= 5
    assert [secret for secret in secrets if secret in visible] == []


@pytest.mark.parametrize("name", TELLING)
def test_a_part_that_is_killed_comes_back(demo: Demo, running: Program, name: str) -> None:
    written = len(demo.log(name))
    family = descendants(running.process.pid).items()
    victim = min(pid for pid, line in family if TELLING[name] in line and "leash.py" not in line)

    kill(victim)

    running.wait_for(f"{name} ended (killed by SIGKILL) and is started again")
    until(demo.answers, within=30, what="portal and simulator")
    if name == "worker":
        until(lambda: worker_is_ready(demo.log("worker")[written:]), within=30, what="the worker")


def test_ctrl_c_ends_all_of_it_and_starting_again_keeps_the_data(tmp_path: Path) -> None:
    demo = Demo(tmp_path)
    with demo.start() as runner:
        runner.wait_for(READY, within=PATIENCE)
        kept = demo.people(), demo.keys()
        everybody = descendants(runner.process.pid)
        began = time.monotonic()

        runner.process.send_signal(signal.SIGINT)

        assert runner.ends() == 0
        assert time.monotonic() - began < 6
        assert len(everybody) >= 12  # five leashes, what they hold, and the portal's two workers
        assert [line for pid, line in everybody.items() if is_alive(pid)] == []
        assert not is_taken(demo.portal)

    with demo.start() as runner:
        runner.wait_for(READY, within=PATIENCE)

        assert (demo.people(), demo.keys()) == kept


def test_kill_9_of_the_runner_leaves_no_orphan_and_the_next_start_works(tmp_path: Path) -> None:
    demo = Demo(tmp_path)
    with demo.start() as runner:
        runner.wait_for(READY, within=PATIENCE)
        everybody = descendants(runner.process.pid)

        kill(runner.process.pid)
        runner.process.wait()

        until(lambda: not any(map(is_alive, everybody)), within=6, what="the end of everybody")

    with demo.start() as runner:
        runner.wait_for(READY, within=PATIENCE)
