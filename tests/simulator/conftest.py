from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.simulated import Simulator
from tests.simulator import aviary, rookery
from tests.simulator.aviary import Birds
from tests.simulator.client import Client, Reader
from tests.simulator.rookery import Rooks
from tests.simulator.rows import Rows


@pytest.fixture(scope="session")
def simulator(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Simulator]:
    started = Simulator().start(Path(tmp_path_factory.mktemp("simulator")))
    yield started
    started.stop()


@pytest.fixture
def client(simulator: Simulator) -> Iterator[Client]:
    """A client of the simulator as it was on its first day: nobody has consented, nothing is broken."""
    before = _lasting(simulator)
    yield Client(simulator)
    # Many tests are refused before anything is written; a reset is quick, but they are many.
    if _lasting(simulator) != before:
        simulator.control("POST", "reset")


@pytest.fixture
def rows(simulator: Simulator) -> Iterator[Rows]:
    """For changes that the tests' own question about the state does not see: a reset follows whatever they are."""
    changing = Rows(simulator)
    yield changing
    if changing.is_changed:
        simulator.control("POST", "reset")


@pytest.fixture(scope="session")
def reader(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Reader]:
    """A client of a simulator that nobody changes: whoever signs in once keeps the token for all tests."""
    started = Simulator().start(Path(tmp_path_factory.mktemp("read-only")))
    yield Reader(started)
    started.stop()


@pytest.fixture(scope="session")
def office(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Reader]:
    """A client of a simulator whose calendars are written to: each test in a calendar or a year of its own."""
    started = Simulator().start(Path(tmp_path_factory.mktemp("office")))
    yield Reader(started)
    started.stop()


@pytest.fixture(scope="session")
def _rookery(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Simulator]:
    started = rookery.start(tmp_path_factory.mktemp("rookery"))
    yield started
    started.stop()


@pytest.fixture
def rooks(_rookery: Simulator) -> Iterator[Rooks]:
    """A client among organizations of every kind, as on their first day."""
    yield Rooks(_rookery)
    _rookery.control("POST", "reset")


@pytest.fixture(scope="session")
def birds(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Birds]:
    """A client among people of every kind, whom nobody changes; it holds tokens with any permissions."""
    started = aviary.start(tmp_path_factory.mktemp("aviary"))
    yield Birds(started)
    started.stop()


@pytest.fixture
def flock(birds: Birds) -> Iterator[Birds]:
    """The same, for tests that do change something."""
    yield birds
    birds.reset()


def _lasting(simulator: Simulator) -> dict[str, Any]:
    state = simulator.control("GET", "state")
    names = ("tenants", "applications", "service_principals", "grants", "refresh_tokens", "faults", "exchange")
    kept = {name: state[name] for name in names}
    # A reset makes new applications and moves TokensValidFrom; neither tells one test from another.
    people = [{**person, "tokens_valid_from": None} for person in state["people"]]
    return {**kept, "people": people}
