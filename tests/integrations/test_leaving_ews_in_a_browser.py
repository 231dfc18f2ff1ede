"""The page *EWS retirement* in a browser: looks."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.conf import settings as portal
from django.utils import timezone
from playwright.sync_api import Browser
from pytest_django.live_server_helper import LiveServer

from integrations.models import EwsPast, GraphProspect, Move, Prospect, State
from integrations.preferences import Method, Service
from tests.cast import Cast, ClientOf, crowd
from tests.integrations.leaving import EWS, say, tied_by_ews
from tests.integrations.tied import connect
from tests.journeys.looks import LOOKS, faults_of

pytestmark = [pytest.mark.usefixtures("static_files"), pytest.mark.django_db(transaction=True), pytest.mark.once]


@pytest.fixture(autouse=True)
def _files_by_their_own_names(settings: Any) -> None:
    """The server of the tests finds files where they are written, and knows no name with a hash in it."""
    plain = {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}
    settings.STORAGES = {**settings.STORAGES, "staticfiles": plain}


@pytest.fixture
def people(cast: Cast) -> None:
    """Some of each kind, one with a long name."""
    now = timezone.now()
    say(EWS, at=cast.sales, by=cast.dana)
    made = tied_by_ews([*crowd(cast.kestrel, 6), cast.alice, cast.wilhelmina], move=Move.ASKED)
    for one, outcome in zip(made, Prospect, strict=False):
        GraphProspect.objects.create(connection=one, outcome=outcome, looked_at=now, reason="consent_withdrawn")
    paused = {"service": Service.EXCHANGE.value, "method": Method.PASSWORD.value}
    tied_by_ews([cast.gus], state=State.PAUSED, reason="ews_disabled", **paused)
    for one in connect([cast.bob]):
        kept = {"service": "office_365", "method": "oauth", "moved_at": now, "kept_until": now + timedelta(days=7)}
        EwsPast.objects.create(connection=one, address=one.address, **kept)


@pytest.mark.parametrize("look", LOOKS.values(), ids=LOOKS.keys())
@pytest.mark.parametrize("query", ["", "?q=nobody-at-all"])
def test_nothing_is_wrong_with_it_whatever_the_window(
    browser: Browser, live_server: LiveServer, cast: Cast, people: None, client_of: ClientOf, look: Any, query: str
) -> None:
    session = client_of(cast.dana).cookies[portal.SESSION_COOKIE_NAME]
    context = browser.new_context(**look)
    page = context.new_page()
    context.add_cookies([{"name": session.key, "value": session.value, "url": live_server.url}])

    page.goto(f"{live_server.url}/account/ews/{query}")

    assert faults_of(page) == []
    context.close()
