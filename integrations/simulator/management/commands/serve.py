from __future__ import annotations

import fcntl
import os
import re
import sqlite3
from argparse import ArgumentParser
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError
from django.db import DatabaseError, connection
from django.utils import timezone

from integrations.simulator import certificates, place, rounds, server
from integrations.simulator.control import door
from integrations.simulator.entra import keys
from integrations.simulator.place import Place
from integrations.simulator.premises import CannotListen
from integrations.simulator.seeds import loader, reading

HOSTNAME = re.compile(r"(?=.{1,253}$)[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?(\.[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?)*")
PRODUCTION = ("production", "prod", "live")


class Command(BaseCommand):
    help = "Serve the simulated Microsoft 365: HTTPS for machines, plain HTTP for people."
    requires_system_checks = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--data", default=os.environ.get("SIMULATOR_DATA") or ".simulator")
        parser.add_argument("--host", default="127.0.0.1", help="the address to listen on (default: %(default)s)")
        parser.add_argument("--allow-remote", action="store_true", help="let --host be reachable from elsewhere")
        parser.add_argument("--https-port", default="8443")
        parser.add_argument("--http-port", default="8081")
        parser.add_argument("--dns-port", default="8053", help="UDP and TCP (default: %(default)s)")
        parser.add_argument("--exchange-port", default="8444", help="of the Exchange Server on-premises")
        parser.add_argument("--name", action="append", default=[], help="a further host name that is answered")
        parser.add_argument("--seed", default=str(reading.BUNDLED), help="YAML; read once, at the start")

    def handle(self, *args: Any, **options: Any) -> None:
        _refuse_in_production()
        here = Place(
            data=Path(options["data"]).absolute(),
            host=options["host"],
            https_port=_port(options["https_port"]),
            http_port=_port(options["http_port"]),
            dns_port=_port(options["dns_port"]),
            exchange_port=_port(options["exchange_port"]),
            names=tuple(_hostname(name) for name in options["name"]),
        )
        if not here.is_loopback and not options["allow_remote"]:
            raise CommandError(f"{here.host} can be reached from elsewhere. Add --allow-remote if that is meant.")
        try:
            loader.use(Path(options["seed"]))
            here.data.mkdir(mode=0o700, parents=True, exist_ok=True)
            with _alone_in(here.data):
                self._serve(here)
        except (CannotListen, loader.BadSeed) as problem:
            raise CommandError(str(problem)) from None
        except (OSError, DatabaseError, sqlite3.Error, ValueError) as problem:
            raise CommandError(f"The data directory {here.data} cannot be used: {problem}") from None

    def _serve(self, here: Place) -> None:
        _prepare(here)
        from integrations.simulator.wsgi import application

        server.serve(here, application, ready=lambda: self._say(here))

    def _say(self, here: Place) -> None:
        self.stdout.write(
            f"Simulated Microsoft 365. People and console: {here.human_origin()}/  "
            f"Machines: {here.machine_origin()}  Exchange on-premises: {here.exchange_origin()}  "
            f"CA: {here.data / 'ca.pem'}"
        )
        self.stdout.flush()


def _refuse_in_production() -> None:
    if os.environ.get("ENVIRONMENT", "").strip().lower() in PRODUCTION:
        raise CommandError("ENVIRONMENT says this is production. The simulated Microsoft 365 does not start there.")


def _port(text: str) -> int:
    if not text.isdecimal() or not 1 <= int(text) <= 65535:
        raise CommandError(f"“{text}” is no port: choose a number from 1 to 65535.")
    return int(text)


@contextmanager
def _alone_in(data: Path) -> Iterator[None]:
    """Keys, faults, the request log and whose turn it is to write are kept by one process."""
    with (data / "lock").open("a") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise CommandError(
                f"Another simulator is at work in {data}. Stop it, or choose another directory with --data."
            ) from None
        yield


def _hostname(name: str) -> str:
    if not HOSTNAME.fullmatch(name.lower()):
        raise CommandError(f"--name: “{name}” is no host name (`m365.example.org`).")
    return name.lower()


def _prepare(here: Place) -> None:
    now = timezone.now()
    place.settle(here)
    certificates.ensure(here.data, names=here.names, now=now)
    settings.ALLOWED_HOSTS.extend(here.names)
    # All before the first request: threads that came at once would each make a key.
    keys.current()
    door.control_token()
    # Settings could not know of --data; no connection has been opened yet.
    connection.settings_dict["NAME"] = str(here.data / "simulator.sqlite3")
    call_command("migrate", verbosity=0, interactive=False)
    loader.plant(now=now)
    rounds.forget(now=now)
    connection.close()
