"""The processes the product is made of, and what each is told. The demo runs them, and so do the journeys."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from config.demo.children import ROOT, Command
from config.demo.place import Ports, private_directory

# From the laptop's environment: what finds programs, and nothing that would lead to its databases or proxies.
INHERITED = ("PATH", "HOME", "LANG", "LC_ALL", "LC_CTYPE", "TMPDIR", "USER", "LOGNAME")
# As the simulated Microsoft gives it, anew at each start.
SECRET_LIVES = timedelta(days=180)


@dataclass(frozen=True)
class Installation:
    """One installation: where it keeps its data, what it stands on, which ports it has."""

    data: Path
    ports: Ports
    keys: Mapping[str, str] = field(repr=False)
    database_url: str = field(repr=False)
    redis_url: str = field(repr=False)
    # For the portal, on top of the rest.
    overrides: Mapping[str, str] = field(default_factory=dict)
    # For the simulated Microsoft 365, on top of the rest.
    for_simulator: Mapping[str, str] = field(default_factory=dict)

    @property
    def url(self) -> str:
        return f"http://localhost:{self.ports.portal}"

    @property
    def readiness(self) -> str:
        return f"{self.url}/readyz"

    @property
    def simulator_url(self) -> str:
        """The pages people see; programs use HTTPS."""
        return f"http://localhost:{self.ports.simulator_http}"

    @property
    def simulator_readiness(self) -> str:
        return f"{self.simulator_url}/healthz"

    @property
    def certificate_authority(self) -> Path:
        return self.data / "simulator" / "ca.pem"

    @property
    def redirect_uri(self) -> str:
        """Where Microsoft sends people back to; an application names it to Microsoft beforehand."""
        return f"{self.url}/integrations/microsoft/callback/"

    # ── Its processes ───────────────────────────────────────────────────────
    def simulator(self) -> Command:
        return Command(
            "simulator",
            _python(
                ROOT / "manage.py",
                "simulator",
                f"--data={private_directory(self.data / 'simulator')}",
                f"--https-port={self.ports.simulator_https}",
                f"--http-port={self.ports.simulator_http}",
                f"--dns-port={self.ports.simulator_dns}",
                f"--exchange-port={self.ports.simulator_exchange}",
            ),
            {
                **bare_environment(),
                "SIMULATOR_DATA": str(self.data / "simulator"),
                "SIMULATOR_CONTROL_TOKEN": self.keys["SIMULATOR_CONTROL_TOKEN"],
                "SIMULATOR_APP_CLIENT_ID": self.keys["MICROSOFT_CLIENT_ID"],
                "SIMULATOR_APP_CLIENT_SECRET": self.keys["MICROSOFT_CLIENT_SECRET"],
                "SIMULATOR_APP_REDIRECT_URI": self.redirect_uri,
                "SIMULATOR_SSO_CLIENT_SECRET": self.keys["SINGLE_SIGN_ON_CLIENT_SECRET"],
                "SIMULATOR_SSO_PORTAL": self.url,
                **self.for_simulator,
            },
        )

    def manage(self, name: str, *arguments: str) -> Command:
        """A management command that ends by itself."""
        return Command(name, _python(ROOT / "manage.py", *arguments), self.environment())

    def seed_single_sign_on(self) -> Command:
        """The secret is the one that the simulated Entra knows."""
        command = self.manage("seed-single-sign-on", "seed_single_sign_on")
        secret = {"DEMO_SINGLE_SIGN_ON_SECRET": self.keys["SINGLE_SIGN_ON_CLIENT_SECRET"]}
        return replace(command, environment={**command.environment, **secret})

    def portal(self) -> Command:
        return self._module(
            "portal",
            "gunicorn",
            "config.wsgi:application",
            f"--bind=127.0.0.1:{self.ports.portal}",
            "--worker-class=gthread",
            "--workers=2",
            "--threads=4",
            "--graceful-timeout=2",
            "--no-control-socket",
            f"--worker-tmp-dir={private_directory(self.data / 'run')}",
        )

    def worker(self) -> Command:
        return self._module(
            "worker",
            "celery",
            "-A",
            "config",
            "worker",
            "-P",
            "threads",
            "-c",
            "6",
            "--without-gossip",
            "--without-mingle",
        )

    def beat(self) -> Command:
        schedule = private_directory(self.data / "run") / "beat"
        # No pid file: one that a kill -9 left behind would stop the next start.
        return self._module("beat", "celery", "-A", "config", "beat", "-s", str(schedule), "--pidfile=")

    def environment(self) -> dict[str, str]:
        """The portal's: its only configuration, in the demo as in production."""
        simulator = f"https://localhost:{self.ports.simulator_https}"
        return {
            **bare_environment(),
            "SECRET_KEY": self.keys["SECRET_KEY"],
            "TOKEN_KEYS": self.keys["TOKEN_KEYS"],
            "PUBLIC_URL": self.url,
            # The owner of the demo's account runs it, too, so that somebody can sign in who sees Operations.
            "OPERATOR_EMAILS": "operator@meridian.example,dana@kestrel.example",
            "DATABASE_URL": self.database_url,
            "REDIS_URL": self.redis_url,
            # The slash after the scheme's two is the separator, the path's own comes after it.
            "EMAIL_URL": f"filemail:///{private_directory(self.data / 'mail')}",
            "MAILBOX_PAGE": "true",
            "STATIC_ROOT": str(self.data / "static"),
            "LOG_JSON": "false",
            "MICROSOFT_CLIENT_ID": self.keys["MICROSOFT_CLIENT_ID"],
            "MICROSOFT_CLIENT_SECRET": self.keys["MICROSOFT_CLIENT_SECRET"],
            "MICROSOFT_CLIENT_SECRET_EXPIRES": str(datetime.now(UTC).date() + SECRET_LIVES),
            "MICROSOFT_AUTHORITY_HOST": simulator,
            "MICROSOFT_GRAPH_URL": f"{simulator}/v1.0",
            "MICROSOFT_EWS_URL": f"{simulator}/EWS/Exchange.asmx",
            "MICROSOFT_CA_BUNDLE": str(self.certificate_authority),
            "MICROSOFT_SIGN_IN_ORIGINS": f"{simulator},{self.simulator_url}",
            # An Exchange server of their own, at https://localhost:8444/EWS/Exchange.asmx.
            "EXCHANGE_PORTS": f"443,{self.ports.simulator_exchange}",
            "EXCHANGE_CA_BUNDLE": str(self.certificate_authority),
            # Kestrel’s people sign in at the simulated Entra, too, if they like.
            "SINGLE_SIGN_ON_PORTS": f"443,{self.ports.simulator_https}",
            "SINGLE_SIGN_ON_CA_BUNDLE": str(self.certificate_authority),
            # Domains are looked up in the simulated organizations' zones, and all that answers is on this machine.
            "DNS_SERVERS": f"127.0.0.1:{self.ports.simulator_dns}",
            "PRIVATE_NETWORKS_ALLOWED": "127.0.0.0/8,::1/128",
            **self.overrides,
        }

    def _module(self, name: str, *arguments: str) -> Command:
        return Command(name, _python("-m", *arguments), self.environment())


def bare_environment() -> dict[str, str]:
    return {
        **{name: os.environ[name] for name in INHERITED if name in os.environ},
        "PYTHONUNBUFFERED": "1",
        # Everything is on this machine; and macOS may kill a forked process that asks it for its proxies.
        "NO_PROXY": "*",
        "PYTHONPATH": str(ROOT),
    }


def worker_is_ready(output: str) -> bool:
    """Celery's own words once it takes tasks."""
    return " ready." in output


def _python(*arguments: str | Path) -> tuple[str, ...]:
    return (sys.executable, *(str(argument) for argument in arguments))
