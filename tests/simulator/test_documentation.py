"""docs/simulator.md names tests, routes and actions that are there, and all routes and actions that there are."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from itertools import product
from pathlib import Path

from tests.simulator.client import Reader

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "simulator.md").read_text(encoding="utf-8")
# What the page's table writes once, and the routes have in several places.
EVENTS = ("{mailbox}/events", "{mailbox}/calendar/events", "{mailbox}/calendars/{id}/events")
PRINT_ROUTES = """
import json
from integrations.simulator.graph.routes import ROUTES
print(json.dumps([(route.method, route.path) for route in ROUTES]))
"""
_TEST = re.compile(r"^(?:async )?def (test_\w+)", re.MULTILINE)


def _section(title: str) -> str:
    return PAGE.split(f"\n## {title}\n")[1].split("\n## ")[0]


def _rows(text: str) -> list[list[str]]:
    """The cells of all rows of all tables, without their heads."""
    lines = [line.strip("| ").split(" | ") for line in text.splitlines() if line.startswith("| ")]
    return [cells for cells in lines if cells[0] not in {"Behaviour", "Path"}]


def _tests_there_are() -> set[str]:
    files = [*ROOT.glob("tests/simulator/test_*.py"), *ROOT.glob("tests/conformance/test_*.py")]
    return {name for file in files for name in _TEST.findall(file.read_text(encoding="utf-8"))}


def test_each_behaviour_names_a_test_that_is_there() -> None:
    rows = _rows(_section("What it does, and the test that says so"))

    named = {behaviour: re.findall(r"`(test_\w+)`", tests) for behaviour, tests in rows}

    assert len(named) > 50
    assert [behaviour for behaviour, tests in named.items() if not tests] == []
    assert {name for tests in named.values() for name in tests} - _tests_there_are() == set()


def test_the_table_of_routes_is_that_of_the_simulator(tmp_path: Path) -> None:
    shell = [sys.executable, "manage.py", "simulator", "shell", "--verbosity", "0", "--command", PRINT_ROUTES]
    environment = {**os.environ, "SIMULATOR_DATA": str(tmp_path)}
    printed = subprocess.run(shell, cwd=ROOT, env=environment, capture_output=True, text=True, check=True).stdout

    documented = {
        (method, path.strip("`").replace("{events}", place))
        for (path, methods), place in product(_rows(_section("Graph’s routes")), EVENTS)
        for method in re.findall(r"\b[A-Z]{3,6}\b", methods)
    }

    assert documented == {(method, path) for method, path in json.loads(printed)}


def test_every_action_of_the_trainer_is_named(reader: Reader) -> None:
    named = set(re.findall(r"`([\w-]+)`", _section("The console and the control API")))

    actions = {one["path"].rpartition("/")[2] for one in reader.simulator.control("GET", "")["actions"]}

    assert len(actions) > 40
    assert actions - named == set()
