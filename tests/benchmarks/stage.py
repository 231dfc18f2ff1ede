"""What every benchmark stands on: throwaway servers, an empty database, and one way to report."""

from __future__ import annotations

import argparse
import json
import os
import shutil
import statistics
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import django

from tests import surroundings


@dataclass(frozen=True)
class Measure:
    """`ratio` = measured / baseline. `at_most` and `at_least` are the target; neither: noted only."""

    name: str
    ratio: float
    says: str
    at_most: float | None = None
    at_least: float | None = None

    @property
    def ok(self) -> bool:
        enough = self.at_least is None or self.ratio >= self.at_least
        return enough and (self.at_most is None or self.ratio <= self.at_most)

    @property
    def target(self) -> str | None:
        if self.at_most is not None:
            return f"<= {self.at_most}"
        return f">= {self.at_least}" if self.at_least is not None else None


@contextmanager
def stage() -> Iterator[Path]:
    """Servers that run, settings that were read, an empty database; all gone afterwards. Gives a directory."""
    database, redis, directory = surroundings.settle()
    os.environ["LOG_LEVEL"] = "ERROR"  # a line a request would be measured too
    django.setup()
    from django.conf import settings
    from django.core.management import call_command
    from django.test.utils import setup_databases, teardown_databases

    database.start()
    redis.start()
    config = settings.DATABASES["default"]
    if config["ENGINE"].endswith("sqlite3"):
        config.setdefault("TEST", {})["NAME"] = f"{config['NAME']}.test"
    sys.stderr.write(f"standing on: {database.name}, {redis.name}\n")
    old = setup_databases(verbosity=0, interactive=False)
    call_command("collectstatic", interactive=False, verbosity=0)
    try:
        yield directory
    finally:
        teardown_databases(old, verbosity=0)
        database.stop()
        redis.stop()
        shutil.rmtree(directory, ignore_errors=True)


def median_seconds(call: Callable[[], object], *, times: int) -> float:
    """After a few calls that do not count."""
    for _ in range(3):
        call()
    taken = []
    for _ in range(times):
        started = time.perf_counter()
        call()
        taken.append(time.perf_counter() - started)
    return statistics.median(taken)


def quickest_seconds(call: Callable[[], object], *, times: int) -> float:
    """The best of so many: for what takes less than a millisecond, where the rest is what else this machine did."""
    taken = []
    for _ in range(times):
        started = time.perf_counter()
        call()
        taken.append(time.perf_counter() - started)
    return min(taken)


def main(run: Callable[[bool, Path], list[Measure]]) -> None:
    """`run(small, directory)` measures; this reports and exits."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--small", action="store_true", help="end within a minute")
    parser.add_argument("--json", action="store_true", help="one JSON object")
    options = parser.parse_args()
    with stage() as directory:
        measures = run(options.small, directory)
    if options.json:
        found = {m.name: {"ratio": round(m.ratio, 3), "target": m.target, "ok": m.ok} for m in measures}
        sys.stdout.write(json.dumps(found) + "\n")
    else:
        for m in measures:
            mark = "missed" if not m.ok else "ok" if m.target else "noted"
            sys.stdout.write(f"{mark:7} {m.name:32} {m.ratio:7.2f}  target {m.target or '–':10} {m.says}\n")
    sys.exit(0 if all(m.ok for m in measures) else 1)
