"""Pages of calendars that the organization carries, in a real browser: for every eye and every width."""

from __future__ import annotations

import os
from typing import Any

import pytest
from django.urls import reverse
from django.utils import timezone
from playwright.sync_api import Page
from pytest_django.live_server_helper import LiveServer

from accounts import reviewing
from accounts.cascade import declare
from accounts.cascade.changes import Choose
from accounts.cascade.declare import Level
from accounts.models import PendingChange, User
from integrations.models import Move, State
from integrations.preferences import Integrations, ServicePolicy
from tests.accounts.test_change_sheet_in_a_browser import enter
from tests.cast import Cast, ClientOf
from tests.integrations.authorized import BY_ADMIN, TENANT, authorized, connected_by, set_up_by_admin
from tests.integrations.tied import connect, take_back
from tests.journeys.looks import LOOKS, faults_of

pytestmark = [pytest.mark.usefixtures("static_files"), pytest.mark.django_db(transaction=True), pytest.mark.once]
SERVICES = declare.setting_of(Integrations, "services")


@pytest.fixture(autouse=True)
def _files_by_their_own_names(settings: Any) -> None:
    """The server of the tests finds files where they are written, and knows no name with a hash in it."""
    plain = {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}
    settings.STORAGES = {**settings.STORAGES, "staticfiles": plain}


def shot(page: Page, name: str) -> None:
    for width in (1366, 320):
        page.set_viewport_size({"width": width, "height": 900})
        page.screenshot(path=f"/tmp/work/f_shots/{name}-{width}.png", full_page=True)


def test_shots(page: Page, live_server: LiveServer, client_of: ClientOf, cast: Cast) -> None:
    set_up_by_admin(cast.kestrel, by=cast.dana)
    link = authorized(cast.kestrel)
    connected_by(link, [cast.alice], calendar_write=True)
    connected_by(link, [cast.bob], State.NOT_ELIGIBLE, reason="scoped_out")
    connect([cast.gus], tenant_id=TENANT, move=Move.READY)
    for who in (cast.alice, cast.bob, cast.gus, cast.wilhelmina):
        page.context.clear_cookies()
        enter(page, live_server, client_of, who)
        page.goto(f"{live_server.url}/profile/#calendar")
        shot(page, f"profile-{who.name.split()[0]}")
    page.context.clear_cookies()
    enter(page, live_server, client_of, cast.dana)
    page.goto(f"{live_server.url}{reverse('person', args=[cast.alice.pk])}")
    shot(page, "person")
    page.goto(f"{live_server.url}{reverse('person', args=[cast.bob.pk])}")
    shot(page, "person-bob")
    for name, policy, lock in (("people", ServicePolicy(), False), ("people-locked", ServicePolicy(), True)):
        change = Choose(SERVICES.key, Level.ACCOUNT, cast.kestrel.pk, SERVICES.to_json(policy), lock)
        made = reviewing.submit(change, by=cast.dana, back="/account/", seen=None, now=timezone.now())
        page.goto(f"{live_server.url}{reverse('change', args=[made.pk])}")
        shot(page, f"sheet-{name}")
    take_back("services", at=cast.kestrel, by=cast.dana)
    change = Choose(SERVICES.key, Level.ACCOUNT, cast.kestrel.pk, SERVICES.to_json(BY_ADMIN), True)
    made = reviewing.submit(change, by=cast.dana, back="/account/", seen=None, now=timezone.now())
    page.goto(f"{live_server.url}{reverse('change', args=[made.pk])}")
    shot(page, "sheet-admin")
    page.context.clear_cookies()
    enter(page, live_server, client_of, cast.alice)
    page.goto(f"{live_server.url}/profile/#calendar")
    shot(page, "profile-asked")
