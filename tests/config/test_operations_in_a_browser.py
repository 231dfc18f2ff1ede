"""*Operations* in a real browser: for every eye and every width, by itself, and without a script."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import pytest
from django.urls import reverse
from django.utils import timezone
from playwright.sync_api import Browser, Page, expect
from pytest_django.live_server_helper import LiveServer
from redis import Redis

from accounts.models import User
from config import heartbeats
from integrations import credential_checks, credentials
from integrations.failures import Reason
from integrations.microsoft import app_credentials, msal_apps
from integrations.models import AppCredential, Connection, State
from tests.cast import Cast, ClientOf
from tests.journeys.looks import LOOKS, faults_of

pytestmark = [pytest.mark.usefixtures("static_files"), pytest.mark.django_db(transaction=True), pytest.mark.once]


@pytest.fixture(autouse=True)
def _files_by_their_own_names(settings: Any) -> None:
    """The server of the tests finds files where they are written, and knows no name with a hash in it."""
    plain = {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}
    settings.STORAGES = {**settings.STORAGES, "staticfiles": plain}


@pytest.fixture(autouse=True)
def _dana_runs_the_installation(settings: Any) -> None:
    settings.OPERATOR_EMAILS = ["dana@kestrel.example"]
    msal_apps.forget()


def enter(page: Page, live_server: LiveServer, client_of: ClientOf, person: User) -> None:
    cookies = client_of(person).cookies.values()
    page.context.add_cookies([{"name": one.key, "value": one.value, "url": live_server.url} for one in cookies])


def a_bad_day(cast: Cast, settings: Any, redis_url: str) -> None:
    """Of everything that may be wrong, something."""
    now = timezone.now()
    settings.MICROSOFT_CLIENT_SECRET_EXPIRES = now - timedelta(days=2)
    settings.MICROSOFT_CLIENT_SECRET_2 = "4c0c1f5a-0b6e-4a57-9f5d-0f6f2a3f8f10"
    settings.MICROSOFT_CLIENT_SECRET_EXPIRES_2 = now + timedelta(days=12)
    for credential in app_credentials.of_environment():
        credentials.register(credential, now=now)
    AppCredential.objects.update(
        accepted_at=now - timedelta(days=3),
        refused_at=now,
        checked_at=now,
        reason=Reason.CREDENTIAL_EXPIRED,
        code="AADSTS7000222",
        trace_id="b6a0c0de-6c7b-4a80-9d5e-2f6e0c5b8800",
    )
    Connection.objects.create(
        user=cast.alice, state=State.PAUSED, reason=Reason.CREDENTIAL_EXPIRED, since_at=now, refresh_due_at=now
    )
    heartbeats.Heart("celery@a-worker-with-a-long-name.kestrel.example", 8, lambda: (3, 12840)).beat()
    silent = {"seen_at": (now - timedelta(minutes=2)).isoformat(), "concurrency": 4, "busy": 0, "done": 9}
    with Redis.from_url(redis_url) as redis:
        redis.hset("meridian:heartbeats", "celery@silent", json.dumps(silent))


@pytest.mark.parametrize("look", LOOKS.values(), ids=LOOKS.keys())
def test_on_a_bad_day_it_has_no_fault(
    look: Mapping[str, Any],
    cast: Cast,
    dana: User,
    client_of: ClientOf,
    settings: Any,
    redis_url: str,
    browser: Browser,
    live_server: LiveServer,
) -> None:
    a_bad_day(cast, settings, redis_url)
    page = browser.new_page(**look)
    enter(page, live_server, client_of, dana)

    page.goto(f"{live_server.url}{reverse('operations')}")

    expect(page.get_by_text("Microsoft accepts none of the portal’s own credentials.")).to_be_visible()
    expect(page.get_by_text("copy the one named Value")).to_be_visible()
    assert not faults_of(page)
    page.close()


def test_what_comes_of_a_check_appears_by_itself(
    dana: User, client_of: ClientOf, page: Page, live_server: LiveServer
) -> None:
    enter(page, live_server, client_of, dana)
    page.goto(f"{live_server.url}{reverse('operations')}")

    page.get_by_role("button", name="Check the credentials now").click()
    expect(page.get_by_text("Being tried")).to_be_visible()
    credential_checks.check_wanted(now=timezone.now())

    expect(page.get_by_text("Being tried")).to_have_count(0)
    expect(page.get_by_text("Not judged: ")).to_be_visible()


def test_without_a_script_one_looks_again(
    dana: User, client_of: ClientOf, browser: Browser, live_server: LiveServer
) -> None:
    page = browser.new_page(java_script_enabled=False)
    enter(page, live_server, client_of, dana)
    page.goto(f"{live_server.url}{reverse('operations')}")
    page.get_by_role("button", name="Check the credentials now").click()
    expect(page.get_by_text("Being tried")).to_be_visible()

    credential_checks.check_wanted(now=timezone.now())
    page.get_by_role("link", name="Look again").click()

    expect(page.get_by_text("Being tried")).to_have_count(0)
    page.close()
