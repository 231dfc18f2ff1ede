"""Pages of calendars that the organization carries, in a real browser: for every eye and every width."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest
from django.urls import reverse
from playwright.sync_api import Browser
from pytest_django.live_server_helper import LiveServer

from accounts.cascade import declare
from accounts.cascade.changes import Choose
from accounts.cascade.declare import Level
from integrations.models import Move, State
from integrations.preferences import Integrations, ServicePolicy
from tests.accounts.test_change_sheet_in_a_browser import enter, sheet_of
from tests.cast import Cast, ClientOf
from tests.integrations.authorized import BY_ADMIN, TENANT, authorized, connected_by, set_up_by_admin
from tests.integrations.tied import connect
from tests.journeys.looks import LOOKS, faults_of

pytestmark = [pytest.mark.usefixtures("static_files"), pytest.mark.django_db(transaction=True), pytest.mark.once]
SERVICES = declare.setting_of(Integrations, "services")


@pytest.fixture(autouse=True)
def _files_by_their_own_names(settings: Any) -> None:
    """The server of the tests finds files where they are written, and knows no name with a hash in it."""
    plain = {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}
    settings.STORAGES = {**settings.STORAGES, "staticfiles": plain}


@pytest.mark.parametrize("look", LOOKS)
def test_every_eye_can_read_them(
    look: str, browser: Browser, live_server: LiveServer, client_of: ClientOf, cast: Cast
) -> None:
    page = browser.new_context(**LOOKS[look]).new_page()
    set_up_by_admin(cast.kestrel, by=cast.dana)
    link = authorized(cast.kestrel)
    connected_by(link, [cast.alice], calendar_write=True)
    connected_by(link, [cast.bob], State.NOT_ELIGIBLE, reason="scoped_out")
    connect([cast.gus], tenant_id=TENANT, move=Move.READY)
    found = []

    for person in (cast.alice, cast.bob, cast.gus, cast.wilhelmina):
        page.context.clear_cookies()
        enter(page, live_server, client_of, person)
        page.goto(f"{live_server.url}/profile/")
        found += faults_of(page)
    page.context.clear_cookies()
    enter(page, live_server, client_of, cast.dana)
    for policy in (ServicePolicy(), dataclasses.replace(BY_ADMIN, calendar_write=False)):
        change = Choose(SERVICES.key, Level.ACCOUNT, cast.kestrel.pk, SERVICES.to_json(policy), False)
        page.goto(sheet_of(live_server, change, cast.dana))
        found += faults_of(page)
    page.goto(f"{live_server.url}{reverse('person', args=[cast.bob.pk])}")
    found += faults_of(page)

    assert found == []
