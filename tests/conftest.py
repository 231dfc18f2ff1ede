"""The ground every test stands on. Servers start when the first test asks for them, and end with pytest."""

from __future__ import annotations

import shutil
from collections.abc import Generator, Iterator
from typing import TYPE_CHECKING, Any

import django
import pytest
import redis as redis_client
from hypothesis import settings as hypothesis_settings

from tests import surroundings
from tests.servers import Server

if TYPE_CHECKING:
    from tests.processes import Product
    from tests.simulated import Simulator

# The settings are read right here: conftest modules further down may import models.
try:
    database, redis, directory = surroundings.settle()
except surroundings.CannotRun as reason:
    raise pytest.UsageError(str(reason)) from None
django.setup()

pytest_plugins = ["tests.cast"]
CHROMIUM = surroundings.chosen_browser()
collect_ignore_glob = [] if surroundings.has_official_clients() else ["conformance", "conformance/*"]
BROWSER_FIXTURES = {"page", "context", "new_context", "browser", "browser_type", "launch_browser", "playwright"}
SHOWN_OF_A_LOG = 6000  # characters
# Chromium must not call out: component updates, translations, certificate lists, anything but this machine.
CHROMIUM_FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--disable-dev-shm-usage",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-default-apps",
    "--disable-extensions",
    "--metrics-recording-only",
    "--disable-features=Translate,MediaRouter,OptimizationHints,DialMediaRouteProvider",
    "--host-resolver-rules=MAP * ~NOTFOUND , EXCLUDE 127.0.0.1 , EXCLUDE localhost",
]

# Failing examples are printed and belong into the test; no deadline, since two busy cores are slow at times.
hypothesis_settings.register_profile("meridian", deadline=None, print_blob=True, database=None)
hypothesis_settings.load_profile("meridian")


# ── What this run leaves out ────────────────────────────────────────────────
def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "journey: a whole story in a real browser, with real processes")
    config.addinivalue_line(
        "markers", "once: long, and says the same on either database; CI's second run leaves it out"
    )
    if not CHROMIUM:
        surroundings.left_out.append("Chromium (every test in a real browser)")
    if not surroundings.has_official_clients():
        surroundings.left_out.append("Microsoft’s own clients (tests/conformance, which `make conformance` runs)")
    if surroundings.IS_CI and surroundings.left_out:
        raise pytest.UsageError(f"CI=true leaves nothing out, and this is missing: {'; '.join(surroundings.left_out)}.")


def pytest_unconfigure() -> None:
    database.stop()
    redis.stop()
    shutil.rmtree(directory, ignore_errors=True)


def pytest_report_header() -> str:
    return f"standing on: {database.name}, {redis.name}, {CHROMIUM or 'no browser'}"


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if CHROMIUM:
        return
    in_a_browser = [item for item in items if item.get_closest_marker("journey") or BROWSER_FIXTURES & _fixtures(item)]
    config.hook.pytest_deselected(items=in_a_browser)
    items[:] = [item for item in items if item not in in_a_browser]


def _fixtures(item: pytest.Item) -> set[str]:
    return set(getattr(item, "fixturenames", ()))


def pytest_terminal_summary(terminalreporter: Any) -> None:
    if surroundings.left_out:
        terminalreporter.write_line(f"Left out, for want of: {'; '.join(surroundings.left_out)}.", yellow=True)


# ── The ground ──────────────────────────────────────────────────────────────
@pytest.fixture(scope="session")
def database_server() -> Server:
    database.start()
    return database


@pytest.fixture(scope="session")
def redis_url() -> str:
    """A Redis that runs; emptied after each test."""
    redis.start()
    return redis.url


@pytest.fixture(scope="session")
def static_files() -> None:
    """Collected, so that pages find the manifest; that it can be built is a test in itself."""
    from django.core.management import call_command
    from django.test import override_settings

    # Compressing takes a second and changes no name.
    with override_settings(WHITENOISE_SKIP_COMPRESS_EXTENSIONS=("css", "js", "svg", "txt", "map", "ico", "png")):
        call_command("collectstatic", interactive=False, verbosity=0)


@pytest.fixture(scope="session")
def django_db_modify_db_settings(database_server: Server, redis_url: str, static_files: None) -> None:
    """Whoever asks for the database gets all a page stands on: sessions and limits are in Redis, pages name files."""
    from django.conf import settings

    config = settings.DATABASES["default"]
    # A server's thread that keeps its connection would hold the database when the run ends.
    config["CONN_MAX_AGE"] = 0
    if config["ENGINE"].endswith("sqlite3"):
        config.setdefault("TEST", {})["NAME"] = f"{config['NAME']}.test"


@pytest.fixture(scope="session")
def django_db_setup(django_db_setup: None, django_db_blocker: Any) -> Iterator[None]:
    """At the end nobody else may be connected: a thread of the live server ends when its browser does, not sooner."""
    yield
    from django.db import connection

    if connection.vendor == "postgresql":
        with django_db_blocker.unblock(), connection.cursor() as cursor:
            cursor.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE datname = current_database() AND pid <> pg_backend_pid()"
            )


@pytest.fixture(autouse=True)
def _nothing_left_in_redis(request: pytest.FixtureRequest) -> Iterator[None]:
    yield
    if {"redis_url", "django_db_setup"} & set(request.fixturenames) or request.node.get_closest_marker("django_db"):
        with redis_client.Redis.from_url(redis.url) as client:
            client.flushdb()


@pytest.fixture(autouse=True)
def _as_in_a_new_process() -> None:
    """What a process remembers of Microsoft's answers, another test's process has not heard."""
    from integrations import alarms
    from integrations.microsoft import msal_apps

    msal_apps.forget()
    alarms.forget()


@pytest.fixture(scope="session")
def simulator(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Simulator]:
    """The simulated Microsoft 365 as a process of its own, which knows the portal by its client id and secret.

    One for the whole run. Where it is, the settings do not say: a test that wants the portal to find it overrides
    MICROSOFT_AUTHORITY_HOST, MICROSOFT_GRAPH_URL and MICROSOFT_CA_BUNDLE.
    """
    from django.conf import settings

    from tests.simulated import Simulator

    simulator = Simulator(client_id=settings.MICROSOFT_CLIENT_ID, client_secret=settings.MICROSOFT_CLIENT_SECRET)
    simulator.start(tmp_path_factory.mktemp("simulator"), f"{settings.PUBLIC_URL}/integrations/microsoft/callback/")
    yield simulator
    simulator.stop()


@pytest.fixture(scope="module")
def product(database_server: Server, static_files: None) -> Iterator[Product]:
    """The whole product as real processes with the demo's people in it; a new one for each module of tests."""
    from django.conf import settings

    from tests.processes import Product

    product = Product(database=database_server, redis=redis, static_root=settings.STATIC_ROOT)
    try:
        product.start()
        yield product
    finally:
        product.stop()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """A journey that failed shows the last of what each process has written."""
    report = yield
    product = getattr(item, "funcargs", {}).get("product")
    if product and report.failed:
        for name, output in product.outputs().items():
            report.sections.append((f"end of {name}.log", output[-SHOWN_OF_A_LOG:]))
    return report


# ── The browser ─────────────────────────────────────────────────────────────
@pytest.fixture(scope="session")
def browser_type_launch_args(browser_type_launch_args: dict[str, Any]) -> dict[str, Any]:
    return {**browser_type_launch_args, "args": CHROMIUM_FLAGS, "executable_path": CHROMIUM}


@pytest.fixture(scope="session")
def browser_context_args(browser_context_args: dict[str, Any]) -> dict[str, Any]:
    return {**browser_context_args, "locale": "en-GB", "timezone_id": "Europe/London"}
