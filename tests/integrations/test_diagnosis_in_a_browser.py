"""The pages about one connection, about incidents and of a test: looks, whatever the window."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings as portal
from django.urls import reverse
from django.utils import timezone
from playwright.sync_api import Browser, Page
from pytest_django.live_server_helper import LiveServer

from accounts import letters
from accounts.models import User
from integrations import incidents, states, trials
from integrations.diagnosis import asked
from integrations.failures import Failure, Outcome, Reason
from integrations.models import Connection, State
from integrations.trials import asking
from tests.cast import Cast, ClientOf, crowd
from tests.integrations.tied import connect
from tests.integrations.wired import connected
from tests.journeys.looks import LOOKS, faults_of
from tests.simulated import Simulator

pytestmark = [
    pytest.mark.once,
    pytest.mark.usefixtures("static_files"),
    pytest.mark.django_db(transaction=True),
    pytest.mark.parametrize("look", LOOKS.values(), ids=LOOKS.keys()),
]
NOW = timezone.now


@pytest.fixture(autouse=True)
def _files_by_their_own_names(settings: Any) -> None:
    """The server of the tests finds files where they are written, and knows no name with a hash in it."""
    plain = {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}
    settings.STORAGES = {**settings.STORAGES, "staticfiles": plain}


def faults_at(address: str, reader: User, page: Page, live_server: LiveServer, client_of: ClientOf) -> list[str]:
    session = client_of(reader).cookies[portal.SESSION_COOKIE_NAME]
    page.context.add_cookies([{"name": session.key, "value": session.value, "url": live_server.url}])
    page.goto(f"{live_server.url}{address}")
    page.locator("main details").evaluate_all("all => all.forEach(one => { one.open = true; })")
    if shots := os.environ.get("SHOTS"):
        width = page.viewport_size["width"] if page.viewport_size else 0
        name = address.strip("/").replace("/", "-").partition("?")[0]
        page.screenshot(path=Path(shots) / f"{name}-{width}.png", full_page=True)
    return faults_of(page)


def test_somebody_whose_authorization_is_lost(
    browser: Browser, live_server: LiveServer, cast: Cast, microsoft: Simulator, client_of: ClientOf, look: Any
) -> None:
    connection = connected(cast.alice, microsoft, calendar_write=True)
    failure = Failure(
        Outcome.AUTHORIZATION_LOST, Reason.SESSIONS_REVOKED, "AADSTS50173", "7f3c19ab-04e2-4c1a-9d0b-2f6e0c5b8800"
    )
    states.went_wrong(connection, failure, now=NOW())
    letters.send_waiting(now=NOW())
    address = reverse("connection_diagnose", args=[connection.pk])

    faults = faults_at(address, cast.dana, browser.new_context(**look).new_page(), live_server, client_of)

    assert not faults


def test_one_of_many_in_passing_trouble_that_is_being_checked(
    browser: Browser, live_server: LiveServer, cast: Cast, client_of: ClientOf, look: Any
) -> None:
    connect(crowd(cast.kestrel, 9), State.DEGRADED, reason=Reason.NO_ANSWER)
    [connection] = connect([cast.wilhelmina], State.DEGRADED, reason=Reason.NO_ANSWER, trouble="mailbox")
    incidents.watch(now=NOW())
    asked.ask(connection, now=NOW())
    address = reverse("connection_diagnose", args=[connection.pk])

    page = browser.new_context(**look).new_page()
    faults = faults_at(address, cast.dana, page, live_server, client_of)
    Connection.objects.update(state=State.CONNECTED)
    incidents.watch(now=NOW())
    connect([cast.alice, cast.bob], State.DEGRADED, reason=Reason.NO_ANSWER, tenant_id="another")
    faults += faults_at(reverse("incidents"), cast.dana, page, live_server, client_of)

    assert not faults


def test_a_test_that_is_begun_under_way_and_over(
    browser: Browser, live_server: LiveServer, cast: Cast, microsoft: Simulator, client_of: ClientOf, look: Any
) -> None:
    context = browser.new_context(**look)
    trial = trials.begin(cast.bob, by=cast.dana, now=NOW())
    asking.look(trial.pk, now=NOW())
    page = context.new_page()
    faults = faults_at(reverse("trial", args=[trial.pk]), cast.dana, page, live_server, client_of)
    page.close()  # it would load itself anew

    connected(cast.bob, microsoft, calendar_write=True, contacts_write=True)
    asking.look(trial.pk, now=NOW())
    page = context.new_page()
    faults += faults_at(reverse("trial", args=[trial.pk]) + "?at=2", cast.dana, page, live_server, client_of)
    trials.begin(cast.wilhelmina, by=cast.dana, now=NOW())
    faults += faults_at(reverse("trial_begin") + "?q=a", cast.dana, page, live_server, client_of)

    assert not faults
