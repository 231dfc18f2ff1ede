"""`python -m config.demo` runs the demo; `python -m config.demo reset` forgets what it kept."""

from __future__ import annotations

import os
import sys
import time

from config.demo import keys, place, valkey
from config.demo.installation import Installation, bare_environment, worker_is_ready
from config.demo.ports import answers_ok
from config.demo.supervisor import Supervisor
from config.demo.words import AskedToStop, CannotStart, GaveUp, say, welcome

PATIENCE = 60.0  # seconds for one child to get ready: a laptop on battery is slow


def main(argv: list[str]) -> int:
    if os.name != "posix":
        say("The demo runs on Linux and macOS. On Windows, use the Windows Subsystem for Linux.")
        return 1
    try:
        if argv[1:] == ["reset"]:
            place.forget(place.chosen_data(os.environ))
            say("Forgotten. make demo starts afresh.")
        else:
            run()
    except (CannotStart, GaveUp) as reason:
        say(str(reason))
        return 1
    return 0


def run() -> None:
    data = place.chosen_data(os.environ)
    with place.alone_with(data) as lock:
        os.umask(0o077)
        supervisor = Supervisor(logs=data / "logs", say=say, keep_open=(lock,))
        supervisor.heed_signals()
        installation = _installation(os.environ)
        try:
            _bring_up(supervisor, installation)
            supervisor.watch()
        except AskedToStop:
            say("Stopping …")
        finally:
            supervisor.stop()
        say("Stopped. The data are kept; make demo goes on from here.")


def _installation(environ: os._Environ[str]) -> Installation:
    data, ports = place.chosen_data(environ), place.chosen_ports(environ)
    kept = keys.kept_in(data / "environment")
    return Installation(
        data=data,
        ports=ports,
        keys=kept,
        database_url=f"sqlite:///{data / 'portal.sqlite3'}",
        redis_url=valkey.url(port=ports.redis, password=kept["REDIS_PASSWORD"]),
    )


def _bring_up(supervisor: Supervisor, installation: Installation) -> None:
    began = time.monotonic()
    say("Starting Redis and the simulated Microsoft 365 …")
    _ground(supervisor, installation)
    say("Preparing the database and the demo organization …")
    migrate = installation.manage("migrate", "migrate", "--no-input")
    supervisor.run(migrate, installation.manage("collectstatic", "collectstatic", "--no-input"), within=PATIENCE)
    for command in (installation.portal(), installation.worker(), installation.beat()):
        supervisor.start(command)
    supervisor.run(installation.manage("seed", "seed_demo"), within=PATIENCE)
    supervisor.run(installation.seed_single_sign_on(), within=PATIENCE)
    say("Waiting for the portal and the worker …")
    supervisor.wait_until(lambda: answers_ok(installation.readiness), who="portal", within=PATIENCE)
    supervisor.wait_until(lambda: worker_is_ready(supervisor.output("worker")), who="worker", within=PATIENCE)
    say(welcome(installation.ports, installation.data))
    say(f"  (Ready after {time.monotonic() - began:.1f} s.)")


def _ground(supervisor: Supervisor, installation: Installation) -> None:
    """What the portal's settings need to find: Redis, and the simulator's certificate authority."""
    port, password = installation.ports.redis, installation.keys["REDIS_PASSWORD"]
    kept = place.private_directory(installation.data / valkey.embedded_name())
    redis = valkey.server(
        valkey.embedded_binary(), data=kept, port=port, password=password, environment=bare_environment()
    )
    supervisor.start(redis)
    supervisor.start(installation.simulator())
    supervisor.wait_until(lambda: valkey.answers(port=port, password=password), who="redis", within=PATIENCE)
    supervisor.wait_until(lambda: answers_ok(installation.simulator_readiness), who="simulator", within=PATIENCE)


if __name__ == "__main__":
    sys.exit(main(sys.argv))
