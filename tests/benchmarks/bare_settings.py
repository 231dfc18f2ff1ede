"""The simulator's settings without its middleware and routes: the same Django, the same database."""

from __future__ import annotations

from integrations.simulator.settings import *  # noqa: F403

MIDDLEWARE: list[str] = []
ROOT_URLCONF = "tests.benchmarks.bare_microsoft"
