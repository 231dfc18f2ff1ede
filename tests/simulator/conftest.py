from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.simulated import Simulator
from tests.simulator.client import Client


@pytest.fixture(scope="session")
def simulator(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Simulator]:
    started = Simulator().start(Path(tmp_path_factory.mktemp("simulator")))
    yield started
    started.stop()


@pytest.fixture
def client(simulator: Simulator) -> Client:
    """A client of the simulator as it was on its first day: nobody has consented, nothing is broken."""
    simulator.control("POST", "reset")
    return Client(simulator)
