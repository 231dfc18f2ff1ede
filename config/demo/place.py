"""Where the demo keeps what it keeps, and on which ports it listens."""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from config.demo.children import ROOT
from config.demo.ports import free_port, is_taken, is_taken_for_dns
from config.demo.words import CannotStart

LAST_ONE_ENDS_WITHIN = 6.0  # seconds; a runner that was killed leaves its children their grace


@dataclass(frozen=True)
class Ports:
    portal: int
    simulator_https: int
    simulator_http: int
    simulator_dns: int
    simulator_exchange: int
    redis: int


def chosen_ports(environ: Mapping[str, str]) -> Ports:
    """The usual ones or those asked for; each must be free."""
    return Ports(
        portal=_free(environ, "MERIDIAN_PORT", 8000, "the portal"),
        simulator_https=_free(environ, "SIMULATOR_HTTPS_PORT", 8443, "the simulated Microsoft 365"),
        simulator_http=_free(environ, "SIMULATOR_HTTP_PORT", 8081, "the simulated Microsoft 365’s pages"),
        simulator_dns=_free(
            environ, "SIMULATOR_DNS_PORT", 8053, "the simulated Microsoft 365’s DNS server", is_taken_for_dns
        ),
        simulator_exchange=_free(environ, "SIMULATOR_EXCHANGE_PORT", 8444, "the simulated Exchange Server"),
        redis=free_port(),
    )


def chosen_data(environ: Mapping[str, str]) -> Path:
    return (ROOT / (environ.get("MERIDIAN_DEMO_DATA") or ".demo")).resolve()


def private_directory(path: Path) -> Path:
    path.mkdir(mode=0o700, parents=True, exist_ok=True)
    return path


@contextlib.contextmanager
def alone_with(data: Path) -> Iterator[int]:
    """One demo at a time for one directory. Children keep the lock's descriptor open, so it holds until they ended."""
    lock = os.open(private_directory(data) / "lock", os.O_RDWR | os.O_CREAT, 0o600)
    try:
        _claim(lock, data)
        os.ftruncate(lock, 0)
        os.pwrite(lock, str(os.getpid()).encode(), 0)
        yield lock
    finally:
        os.close(lock)


def forget(data: Path) -> None:
    if data.exists():
        with alone_with(data):
            shutil.rmtree(data)


def _claim(lock: int, data: Path) -> None:
    deadline = time.monotonic() + LAST_ONE_ENDS_WITHIN
    while not _locked(lock):
        holder = os.pread(lock, 32, 0).decode()
        if _lives(holder) or time.monotonic() > deadline:
            raise CannotStart(f"A demo is running on {data} already (process {holder}). Stop it with Ctrl-C there.")
        time.sleep(0.1)


def _locked(lock: int) -> bool:
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _lives(pid: str) -> bool:
    try:
        os.kill(int(pid), 0)
    except (ValueError, ProcessLookupError):
        return False
    except PermissionError:
        return True
    return True


def _free(
    environ: Mapping[str, str], name: str, usual: int, whose: str, taken: Callable[[int], bool] = is_taken
) -> int:
    asked = environ.get(name) or str(usual)
    if not asked.isdigit() or not 0 < int(asked) < 65536:
        raise CannotStart(f"{name} must be a port between 1 and 65535, not “{asked}”.")
    port = int(asked)
    if taken(port):
        raise CannotStart(
            f"Port {port}, which {whose} needs, is in use. Stop what listens there, or take another: "
            f"{name}={port + 100} make demo"
        )
    return port
