"""The pages of an organization's own Exchange servers: looks, and a check that appears by itself."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings as portal
from django.core.cache import cache
from django.urls import reverse
from django.utils import timezone
from playwright.sync_api import Browser, Page, expect
from pytest_django.live_server_helper import LiveServer

from accounts.models import User
from integrations import states
from integrations.exchange import asked, servers
from integrations.failures import Failure, Outcome, Reason
from integrations.models import ExchangeServer, State
from integrations.preferences import Api, Method
from tests.cast import FOUNDED, Cast, ClientOf
from tests.integrations.served import by_ews, read, served, tied_to
from tests.integrations.tied import connect, set_to
from tests.journeys.looks import LOOKS, faults_of

pytestmark = [pytest.mark.usefixtures("static_files"), pytest.mark.django_db(transaction=True), pytest.mark.once]

LONG = "https://a-rather-long-name-of-a-mail-server.subsidiary.kestrel.example/EWS/Exchange.asmx"
UNTRUSTED = Failure(Outcome.APP_GONE, Reason.CERTIFICATE_UNTRUSTED, "certificate_expired")


@pytest.fixture(autouse=True)
def _files_by_their_own_names(settings: Any) -> None:
    """The server of the tests finds files where they are written, and knows no name with a hash in it."""
    plain = {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}
    settings.STORAGES = {**settings.STORAGES, "staticfiles": plain}
    cache.clear()


@pytest.fixture
def server(cast: Cast) -> ExchangeServer:
    """With everything that a page can say at once; beside it one without an account, and people in Exchange Online."""
    server = served(cast.kestrel, cast.dana, address=LONG)
    set_to("services", by_ews(Method.IMPERSONATION, LONG), at=cast.kestrel, by=cast.dana)
    set_to("services", by_ews(Method.IMPERSONATION), at=cast.sales, by=cast.dana)
    tied_to(server, Method.IMPERSONATION, [cast.alice, cast.wilhelmina])
    tied_to(server, Method.PASSWORD, [cast.bob], state=State.NEEDS_REAUTH, reason=Reason.PASSWORD_REFUSED)
    connect([cast.gus], api=Api.EWS.value)
    servers.keep(cast.kestrel, now=FOUNDED)
    states.server_works(server, now=timezone.now(), build="15.2.1544.11")
    states.server_troubled(read(server), UNTRUSTED, now=timezone.now())
    return read(server)


def _enter(page: Page, live_server: LiveServer, person: User, client_of: ClientOf, address: str) -> None:
    session = client_of(person).cookies[portal.SESSION_COOKIE_NAME]
    page.context.add_cookies([{"name": session.key, "value": session.value, "url": live_server.url}])
    page.goto(f"{live_server.url}{address}")


@pytest.mark.parametrize("look", LOOKS.values(), ids=LOOKS.keys())
@pytest.mark.parametrize("name", ["exchange_servers", "exchange_server", "exchange_server_account_remove"])
def test_nothing_is_wrong_with_it_whatever_the_window(
    browser: Browser,
    live_server: LiveServer,
    cast: Cast,
    server: ExchangeServer,
    client_of: ClientOf,
    look: Any,
    name: str,
) -> None:
    page = browser.new_context(**look).new_page()
    address = reverse(name, args=[] if name == "exchange_servers" else [server.pk])
    _enter(page, live_server, cast.dana, client_of, address)

    faults = faults_of(page)

    if where := os.environ.get("PICTURES"):
        page.screenshot(path=str(Path(where) / f"{name}-{look['viewport']['width']}.png"), full_page=True)
    page.context.close()
    assert faults == []


def test_a_check_appears_by_itself_as_soon_as_a_worker_has_answered(
    browser: Browser,
    live_server: LiveServer,
    cast: Cast,
    server: ExchangeServer,
    client_of: ClientOf,
    settings: Any,
) -> None:
    settings.PRIVATE_NETWORKS_ALLOWED = []
    refused = by_ews(Method.IMPERSONATION, "https://127.0.0.1/EWS/Exchange.asmx")
    set_to("services", refused, at=cast.kestrel, by=cast.dana, now=timezone.now())
    private = servers.for_policy(cast.kestrel, refused, now=timezone.now())
    page = browser.new_context().new_page()
    _enter(page, live_server, cast.dana, client_of, reverse("exchange_server", args=[private.pk]))
    page.get_by_role("button", name="Check now").click()
    expect(page.get_by_text("A worker asks the server now.")).to_be_visible()

    asked.carry_out(private.pk, now=timezone.now())

    expect(page.get_by_text("Checked today")).to_be_visible()
    page.context.close()
