"""The pages of organizations: looks, and what an admin does there."""

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
from integrations.failures import Reason
from integrations.models import LinkState, State, TenantLink
from integrations.organization import validating
from integrations.organization.needs import FULL_ACCESS
from integrations.preferences import Api
from tests.cast import FOUNDED, Cast, ClientOf
from tests.integrations.authorized import authorized, connected_by
from tests.journeys.looks import LOOKS, faults_of

pytestmark = [pytest.mark.usefixtures("static_files"), pytest.mark.django_db(transaction=True), pytest.mark.once]


@pytest.fixture(autouse=True)
def _files_by_their_own_names(settings: Any) -> None:
    """The server of the tests finds files where they are written, and knows no name with a hash in it."""
    plain = {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}
    settings.STORAGES = {**settings.STORAGES, "staticfiles": plain}
    cache.clear()


@pytest.fixture
def link(cast: Cast) -> TenantLink:
    """With everything that a page can say at once."""
    link = authorized(
        cast.kestrel,
        domains=["a-rather-long-name-of-a-subsidiary.kestrel.example", "kestrel.example"],
        linked_by=cast.dana,
        roles=["Calendars.Read", "Directory.Read.All", "Mail.Read"],
        probed={
            "calendar": "ok",
            "calendar_write": "refused",
            "rights_roles": ["Calendars.Read", "Directory.Read.All", "Mail.Read"],
        },
        probed_address=cast.wilhelmina.email,
        drift={"missing": ["Calendars.ReadWrite"], "more": ["Mail.Read"], "without": []},
        drift_since=FOUNDED,
        service_principal_id="11111111-2222-4333-8444-555555555555",
    )
    connected_by(link, [cast.alice, cast.wilhelmina])
    connected_by(link, [cast.bob], State.NOT_ELIGIBLE, reason=Reason.SCOPED_OUT.value)
    connected_by(link, [cast.gus], State.NOT_ELIGIBLE, reason=Reason.AMBIGUOUS.value)
    return link


def _enter(page: Page, live_server: LiveServer, person: User, client_of: ClientOf, address: str) -> None:
    session = client_of(person).cookies[portal.SESSION_COOKIE_NAME]
    page.context.add_cookies([{"name": session.key, "value": session.value, "url": live_server.url}])
    page.goto(f"{live_server.url}{address}")


@pytest.fixture
def by_ews(cast: Cast, link: TenantLink) -> TenantLink:
    """Another one beside it, shut by Microsoft."""
    shut = {"state": LinkState.PAUSED, "reason": Reason.EWS_DISABLED.value}
    found = authorized(cast.kestrel, api=Api.EWS.value, roles=[FULL_ACCESS, "Mail.ReadWrite"], **shut)
    connected_by(found, [cast.dana], State.PAUSED, api=Api.EWS.value, reason=Reason.EWS_DISABLED.value)
    return found


@pytest.mark.parametrize("look", LOOKS.values(), ids=LOOKS.keys())
@pytest.mark.parametrize("name", ["organizations", "organization"])
def test_nothing_is_wrong_with_one_by_ews(
    browser: Browser, live_server: LiveServer, cast: Cast, by_ews: TenantLink, client_of: ClientOf, look: Any, name: str
) -> None:
    page = browser.new_context(**look).new_page()
    address = reverse("organizations") + "?api=ews" if name == "organizations" else reverse(name, args=[by_ews.pk])
    _enter(page, live_server, cast.dana, client_of, address)

    page.locator("main details").evaluate_all("all => all.forEach(one => { one.open = true; })")
    faults = faults_of(page)

    if where := os.environ.get("PICTURES"):
        page.screenshot(path=str(Path(where) / f"{name}-ews-{look['viewport']['width']}.png"), full_page=True)
    page.context.close()
    assert faults == []


@pytest.mark.parametrize("look", LOOKS.values(), ids=LOOKS.keys())
@pytest.mark.parametrize("name", ["organizations", "organization", "organization_end"])
def test_nothing_is_wrong_with_it_whatever_the_window(
    browser: Browser, live_server: LiveServer, cast: Cast, link: TenantLink, client_of: ClientOf, look: Any, name: str
) -> None:
    page = browser.new_context(**look).new_page()
    _enter(page, live_server, cast.dana, client_of, reverse(name, args=[] if name == "organizations" else [link.pk]))

    page.locator("main details").evaluate_all("all => all.forEach(one => { one.open = true; })")
    faults = faults_of(page)

    if where := os.environ.get("PICTURES"):
        page.screenshot(path=str(Path(where) / f"{name}-{look['viewport']['width']}.png"), full_page=True)
    page.context.close()
    assert faults == []


def test_a_check_appears_by_itself_as_soon_as_a_worker_has_answered(
    browser: Browser, live_server: LiveServer, cast: Cast, link: TenantLink, client_of: ClientOf
) -> None:
    page = browser.new_context().new_page()
    _enter(page, live_server, cast.dana, client_of, reverse("organization", args=[link.pk]))
    page.get_by_label("Mailbox that should be open").fill(cast.alice.email)
    page.get_by_role("button", name="Check again").click()
    expect(page.get_by_text("A worker asks Microsoft now.")).to_be_visible()

    validating.carry_out(link.pk, now=timezone.now())

    expect(page.get_by_text("Checked today")).to_be_visible()
    page.context.close()


def test_what_was_chosen_for_the_commands_stays_in_sight(
    browser: Browser, live_server: LiveServer, cast: Cast, link: TenantLink, client_of: ClientOf
) -> None:
    page = browser.new_context().new_page()
    _enter(page, live_server, cast.dana, client_of, reverse("organization", args=[link.pk]))
    page.get_by_text("Limit it to some mailboxes").click()
    page.get_by_label("Group or filter").fill("sales@kestrel.example")

    page.get_by_role("button", name="Fill in the commands").click()

    expect(page.get_by_text("Get-Recipient -Identity 'sales@kestrel.example'")).to_be_visible()
    page.context.close()
