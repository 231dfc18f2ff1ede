"""One simulator for all of these tests; they are coroutines, as the Graph client for Python is."""

from __future__ import annotations

import asyncio
import inspect
import shutil
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.conformance.certificates import Certificate, self_signed
from tests.simulated import Simulator

if TYPE_CHECKING:
    # Where Microsoft's clients are missing, this module is read and no test is.
    from msgraph import GraphServiceClient

    from tests.conformance.clients import Clients, Registration, SignedIn

HERE = Path(__file__).parent
CONFORMANCE, READERS, SCOPED, INSTALLED = (f"7d1e6a10-5b0c-4a8e-8f3d-00000000000{number}" for number in (1, 2, 3, 4))
FABRIKAM = "fabrikam.example"
BEN = "ben@fabrikam.example"
SCOPES = ("Calendars.ReadWrite", "Contacts.Read", "MailboxSettings.Read", "User.Read")


@pytest.hookimpl(tryfirst=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> bool | None:
    """Runs a test that is a coroutine, and closes its clients in the loop in which they were used."""
    if not inspect.iscoroutinefunction(pyfuncitem.obj):
        return None
    wanted = inspect.signature(pyfuncitem.obj).parameters
    arguments = {name: value for name, value in pyfuncitem.funcargs.items() if name in wanted}
    clients: Any = pyfuncitem.funcargs.get("clients")
    # Of its own thread: where a browser was driven before, this one has a loop already.
    with ThreadPoolExecutor(1) as thread:
        thread.submit(asyncio.run, _run(pyfuncitem.obj, arguments, clients)).result()
    return True


async def _run(test: Callable[..., Any], arguments: dict[str, Any], clients: Clients | None) -> None:
    try:
        await test(**arguments)
    finally:
        if clients:
            await clients.close()


@pytest.fixture(scope="session")
def certificate() -> Certificate:
    return self_signed("Conformance")


@pytest.fixture(scope="session")
def simulator(tmp_path_factory: pytest.TempPathFactory, certificate: Certificate) -> Iterator[Simulator]:
    directory = Path(tmp_path_factory.mktemp("conformance"))
    shutil.copy(HERE / "seed.yaml", directory)
    (directory / "certificate.pem").write_text(certificate.pem)
    started = Simulator(client_id=CONFORMANCE, options=("--seed", str(directory / "seed.yaml")))
    started.start(directory / "data")
    yield started
    started.stop()


@pytest.fixture(scope="session")
def registration(simulator: Simulator) -> Registration:
    from tests.conformance.clients import Registration

    return Registration(CONFORMANCE, simulator.client_secret)


@pytest.fixture
def clients(simulator: Simulator) -> Clients:
    from tests.conformance.clients import Clients

    return Clients(simulator)


@pytest.fixture(scope="session")
def people(simulator: Simulator, registration: Registration) -> Callable[[str], SignedIn]:
    """Whoever has signed in once stays so, for all tests."""
    from tests.conformance.clients import Clients

    known: dict[str, SignedIn] = {}

    def person(key: str) -> SignedIn:
        if key not in known:
            known[key] = Clients(simulator).sign_in(registration, f"{key}@{FABRIKAM}", SCOPES)
        return known[key]

    return person


@pytest.fixture
def ben(clients: Clients, people: Callable[[str], SignedIn]) -> GraphServiceClient:
    """Delegated: Ben is signed in."""
    return clients.graph(people("ben"))


@pytest.fixture
def app(clients: Clients, registration: Registration) -> GraphServiceClient:
    """App-only: nobody is signed in."""
    from tests.conformance.clients import ItsOwn

    return clients.graph(ItsOwn(clients.msal(registration, FABRIKAM)))


@pytest.fixture
def day() -> datetime:
    """Midnight of a Monday at least four weeks ahead, UTC; naive, as Graph's dateTimeTimeZone is."""
    today = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0, tzinfo=None)
    return today + timedelta(days=35 - today.weekday())
