"""The simulator's settings without its middleware and routes: the same Django, the same database."""

from __future__ import annotations

from integrations.simulator.settings import *  # noqa: F403

MIDDLEWARE = []
ROOT_URLCONF = "tests.simulator.measured.bare"
