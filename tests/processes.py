"""The whole product as real processes, for journeys: portal, worker, beat, Redis and the simulated Microsoft 365.

The pieces are those of `make demo`; each can be killed and started alone. All of them end with pytest, however
it ends.
"""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

from config.demo import keys
from config.demo.children import Child, Command
from config.demo.installation import Installation, worker_is_ready
from config.demo.place import Ports
from config.demo.ports import answers_ok, free_dns_port, free_port
from tests.servers import Redis, Server, short_directory
from tests.simulated import Simulator

PATIENCE = 45.0  # seconds
PROCESSES = ("portal", "worker", "beat", "simulator")


class Product:
    """`start()` it once; then `kill("worker")`, `start("worker")`, and so on. `stop()` ends and forgets all."""

    def __init__(self, *, database: Server, redis: Server, static_root: Path) -> None:
        self.data = short_directory()
        self._database = _ScratchDatabase(database, self.data)
        # A Redis of its own: its queue must survive the emptying after each test, and may be killed.
        self._redis = redis.another() if isinstance(redis, Redis) else _OtherNumber(redis)
        self.installation = Installation(
            data=self.data,
            ports=Ports(free_port(), free_port(), free_port(), free_dns_port(), free_port(), redis=0),
            keys=keys.kept_in(self.data / "environment"),
            database_url=self._database.url,
            redis_url=self._redis.url,
            overrides={"STATIC_ROOT": str(static_root)},
            for_simulator={"SIMULATOR_ISSUED": str(self.data / "issued")},
        )
        self._children: dict[str, Child] = {}

    @property
    def url(self) -> str:
        return self.installation.url

    @property
    def simulator(self) -> Simulator:
        """A client of the simulated Microsoft 365: its addresses and its control API. Its process is ours."""
        return Simulator(
            data=self.installation.certificate_authority.parent,
            redirect_uri=self.installation.redirect_uri,
            https_port=self.installation.ports.simulator_https,
            http_port=self.installation.ports.simulator_http,
            dns_port=self.installation.ports.simulator_dns,
            exchange_port=self.installation.ports.simulator_exchange,
            client_id=self.installation.keys["MICROSOFT_CLIENT_ID"],
            client_secret=self.installation.keys["MICROSOFT_CLIENT_SECRET"],
            control_token=self.installation.keys["SIMULATOR_CONTROL_TOKEN"],
        )

    @property
    def letters(self) -> list[str]:
        """What was mailed, the oldest first."""
        files = sorted((self.data / "mail").glob("*.log"), key=lambda file: file.stat().st_mtime)
        return [file.read_text(encoding="utf-8") for file in files]

    @property
    def redis_url(self) -> str:
        return self.installation.redis_url

    @property
    def issued(self) -> list[str]:
        """Every secret that the simulated Microsoft 365 has handed out."""
        return (self.data / "issued").read_text(encoding="utf-8").split()

    # ── Its life ────────────────────────────────────────────────────────────
    def start(self, *names: str) -> None:
        """These processes, or everything with the demo's people in place; returns when they are ready."""
        if not names:
            self._lay_the_ground()
        for name in names or ("portal", "worker", "beat"):
            self._start(name)
        for name in names or ("portal", "worker"):
            self._wait_for(name)

    def kill(self, name: str) -> None:
        """kill -9, its whole process group."""
        self._children.pop(name).kill()

    @property
    def can_lose_its_redis(self) -> bool:
        return isinstance(self._redis, Redis)

    @property
    def can_lose_its_database(self) -> bool:
        return self._database.url.startswith("postgres")

    @contextmanager
    def redis_away(self) -> Iterator[None]:
        assert isinstance(self._redis, Redis), "It is not ours to kill."
        with self._redis.away():
            yield

    @contextmanager
    def database_away(self) -> Iterator[None]:
        """Every connection breaks, and no new one is let in."""
        with self._database.away():
            yield

    def mind(self) -> None:
        """Start again who has died, as the supervisor of `make demo` does."""
        for name in [name for name, child in self._children.items() if child.exit_code() is not None]:
            self.start(name)

    def manage(self, *arguments: str) -> str:
        """A management command; what it said."""
        return self._finish(self.installation.manage(f"manage-{arguments[0]}", *arguments))

    def seed_single_sign_on(self) -> None:
        """The demo's people may sign in by the simulated Entra from now on, as in `make demo`."""
        self._finish(self.installation.seed_single_sign_on())

    def output(self, name: str) -> str:
        """All that the process has written, of its earlier lives too."""
        log = self.data / "logs" / f"{name}.log"
        return log.read_text(encoding="utf-8", errors="replace") if log.exists() else ""

    def outputs(self) -> dict[str, str]:
        return {log.stem: self.output(log.stem) for log in sorted((self.data / "logs").glob("*.log"))}

    def stop(self) -> None:
        for child in self._children.values():
            child.kill()
        self._children.clear()
        self._redis.stop()
        self._database.drop()
        shutil.rmtree(self.data, ignore_errors=True)

    # ── How ─────────────────────────────────────────────────────────────────
    def _lay_the_ground(self) -> None:
        self._database.create()
        self._redis.start()
        self.start("simulator")
        self.manage("migrate", "--no-input")
        self.manage("seed_demo")

    def _start(self, name: str) -> None:
        if name not in PROCESSES:
            raise ValueError(f"{name} is none of {', '.join(PROCESSES)}")
        command: Callable[[], Command] = getattr(self.installation, name)
        self._children[name] = self._launch(command())

    def _finish(self, command: Command) -> str:
        child = self._launch(command)
        if not child.wait(PATIENCE) or child.exit_code():
            child.kill()
            raise RuntimeError(f"{command.name} failed:\n{child.output()}")
        return child.output()

    def _launch(self, command: Command) -> Child:
        log = self.data / "logs" / f"{command.name}.log"
        log.parent.mkdir(exist_ok=True)
        return Child(command, log=log)

    def _wait_for(self, name: str) -> None:
        deadline, child = time.monotonic() + PATIENCE, self._children[name]
        while not self._is_ready(name):
            if child.exit_code() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"{name} did not get ready:\n{child.output()}")
            time.sleep(0.05)

    def _is_ready(self, name: str) -> bool:
        match name:
            case "portal":
                return answers_ok(self.installation.readiness)
            case "simulator":
                return answers_ok(self.installation.simulator_readiness)
            case "worker":
                return worker_is_ready(self._children[name].output())
            case _:
                return True


class _ScratchDatabase:
    """A database of its own on the tests' PostgreSQL server, or a file of its own."""

    def __init__(self, server: Server, data: Path) -> None:
        self._server = server.url if server.url.startswith("postgres") else ""
        self._name = f"journey_{data.name.replace('-', '_')}".lower()
        if self._server:
            self.url = urlunsplit(urlsplit(server.url)._replace(path=f"/{self._name}"))
        else:
            self.url = f"sqlite:///{data / 'portal.sqlite3'}"

    def create(self) -> None:
        self._command(f'CREATE DATABASE "{self._name}"')

    def drop(self) -> None:
        self._command(f'DROP DATABASE IF EXISTS "{self._name}" WITH (FORCE)')

    @contextmanager
    def away(self) -> Iterator[None]:
        self._command(f'ALTER DATABASE "{self._name}" WITH ALLOW_CONNECTIONS false')
        try:
            self._command(f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{self._name}'")  # noqa: S608
            yield
        finally:
            self._command(f'ALTER DATABASE "{self._name}" WITH ALLOW_CONNECTIONS true')

    def _command(self, command: str) -> None:
        if not self._server:
            return
        import psycopg

        maintenance = urlunsplit(urlsplit(self._server)._replace(path="/postgres"))
        with psycopg.connect(maintenance, autocommit=True) as connection:
            connection.execute(command.encode())


class _OtherNumber:
    """A given Redis server under another database number, since the tests empty theirs."""

    def __init__(self, given: Server) -> None:
        self.name = given.name
        self.url = urlunsplit(urlsplit(given.url)._replace(path="/7"))

    def start(self) -> None:
        import redis

        with redis.Redis.from_url(self.url) as client:
            client.flushdb()

    def stop(self) -> None:
        """It is not ours to stop."""
