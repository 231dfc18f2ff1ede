"""Each main page beside a bare signed-in Django page, through the same middleware: server time and queries."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tests.benchmarks.stage import Measure, main, median_seconds

PAGES = {
    "meetings (before the fragment)": ("alice@kestrel.example", "/meetings/"),
    "profile": ("alice@kestrel.example", "/profile/"),
    "account settings": ("dana@kestrel.example", "/account/settings/mail-calendar/"),
    "people": ("dana@kestrel.example", "/people/"),
    "groups": ("dana@kestrel.example", "/groups/"),
    "audit log": ("dana@kestrel.example", "/account/audit/"),
}


def run(small: bool, directory: Path) -> list[Measure]:
    from django.core.management import call_command
    from django.test import override_settings

    call_command("seed_demo", verbosity=0)
    times = 30 if small else 300
    with override_settings(ROOT_URLCONF="tests.benchmarks.bare", SECURE_SSL_REDIRECT=False):
        bare = {email: _seconds(email, "/bare/", times) for email, _ in PAGES.values()}
        return [_measure(name, email, path, bare[email], times) for name, (email, path) in PAGES.items()]


def _measure(name: str, email: str, path: str, bare: float, times: int) -> Measure:
    seconds = _seconds(email, path, times)
    says = f"{1000 * seconds:.1f} ms beside {1000 * bare:.1f} ms, {_queries(email, path)} queries beside 2"
    return Measure(name, seconds / bare, says)


def _seconds(email: str, path: str, times: int) -> float:
    client = _client(email)
    assert client.get(path).status_code == 200, path
    return median_seconds(lambda: client.get(path), times=times)


def _queries(email: str, path: str) -> int:
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    client = _client(email)
    with CaptureQueriesContext(connection) as captured:
        client.get(path)
    return len(captured)


def _client(email: str) -> Any:
    from django.test import Client

    from accounts.models import User

    client = Client(headers={"host": "localhost"})
    client.force_login(User.objects.get(email=email))
    return client


if __name__ == "__main__":
    main(run)
