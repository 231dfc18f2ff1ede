"""The page of those who wait, and the pages for a Microsoft 365 admin: looks, and what a person does there."""

from __future__ import annotations

from typing import Any

import pytest
from django.conf import settings as portal
from django.urls import reverse
from django.utils import timezone
from playwright.sync_api import Browser, Page, expect
from pytest_django.live_server_helper import LiveServer

from accounts.models import User
from integrations.admin_consent import Said
from integrations.models import TenantConsent
from tests.cast import FOUNDED, Cast, ClientOf, crowd
from tests.integrations.stopped import CORVID, KESTREL, made, queue
from tests.integrations.tied import connect
from tests.journeys.looks import LOOKS, faults_of
from tests.simulated import Simulator

pytestmark = [pytest.mark.usefixtures("static_files"), pytest.mark.django_db(transaction=True), pytest.mark.once]


@pytest.fixture(autouse=True)
def _files_by_their_own_names(settings: Any) -> None:
    """The server of the tests finds files where they are written, and knows no name with a hash in it."""
    plain = {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}
    settings.STORAGES = {**settings.STORAGES, "staticfiles": plain}


@pytest.fixture
def crowded(cast: Cast, microsoft: Simulator) -> TenantConsent:
    """Three organizations: with a link and a long name, with one under way, and one that nobody knows."""
    queue([cast.alice], calendar_write=True, code="AADSTS90095")
    queue([cast.wilhelmina], contacts_write=True, domain="kestrelandco.example")
    queue([cast.bob], tenant_id=CORVID, domain="corvid.example", released_at=FOUNDED)
    queue([cast.gus], tenant_id="", domain="a-rather-long-name-that-nobody-knows.example")
    connect([cast.dana], tenant_id=KESTREL, granted=["User.Read", "Calendars.Read"])
    given = made(cast.kestrel, cast.dana)
    now = timezone.now()
    TenantConsent.objects.filter(pk=given.pk).update(granted_at=now, granted=["User.Read", "Contacts.Read"])
    return made(cast.kestrel, cast.dana)


def _enter(page: Page, live_server: LiveServer, person: User, client_of: ClientOf, query: str = "") -> None:
    session = client_of(person).cookies[portal.SESSION_COOKIE_NAME]
    page.context.add_cookies([{"name": session.key, "value": session.value, "url": live_server.url}])
    page.goto(f"{live_server.url}{reverse('approvals')}{query}")


@pytest.mark.parametrize("look", LOOKS.values(), ids=LOOKS.keys())
@pytest.mark.parametrize("organization", [KESTREL, CORVID, "a-rather-long-name-that-nobody-knows.example"])
def test_nothing_is_wrong_with_it_whatever_the_window(
    browser: Browser,
    live_server: LiveServer,
    cast: Cast,
    crowded: TenantConsent,
    client_of: ClientOf,
    look: Any,
    organization: str,
) -> None:
    page = browser.new_context(**look).new_page()
    _enter(page, live_server, cast.dana, client_of, f"?organization={organization}")

    faults = faults_of(page)
    for dialog in page.locator("[popover][role=dialog]").all():
        dialog.evaluate("element => element.showPopover()")
        faults += faults_of(page)

    page.context.close()
    assert faults == []


@pytest.mark.parametrize("look", LOOKS.values(), ids=LOOKS.keys())
def test_so_it_is_with_many_organizations(
    browser: Browser, live_server: LiveServer, cast: Cast, client_of: ClientOf, look: Any
) -> None:
    for number, person in enumerate(crowd(cast.kestrel, 15)):
        queue([person], tenant_id="", domain=f"a-rather-long-name-that-nobody-knows-{number}.example")
    page = browser.new_context(**look).new_page()
    _enter(page, live_server, cast.dana, client_of)

    faults = faults_of(page)

    page.context.close()
    assert faults == []


@pytest.mark.parametrize("look", LOOKS.values(), ids=LOOKS.keys())
@pytest.mark.parametrize("said", [Said.RECORDED, Said.ANOTHER_TENANT])
def test_the_pages_for_a_microsoft_admin_are_as_good(
    browser: Browser, live_server: LiveServer, look: Any, said: Said
) -> None:
    page = browser.new_context(**look).new_page()
    page.goto(live_server.url + reverse("admin_consent_done", args=[said.value]))

    faults = faults_of(page)

    page.context.close()
    assert faults == []


def test_what_is_under_way_shows_its_end_by_itself(
    page: Page, live_server: LiveServer, cast: Cast, crowded: TenantConsent, client_of: ClientOf
) -> None:
    TenantConsent.objects.filter(pk=crowded.pk).update(answered_at=timezone.now(), claimed_until=timezone.now())
    _enter(page, live_server, cast.dana, client_of)
    expect(page.get_by_text("Meridian asks Microsoft whether that is so.")).to_be_visible()

    TenantConsent.objects.filter(pk=crowded.pk).update(granted_at=timezone.now(), granted=crowded.scopes)

    expect(page.get_by_text("A Microsoft 365 admin has approved Meridian.")).to_be_visible(timeout=10_000)
    expect(page.get_by_text("Missing", exact=True)).to_have_count(0)


def test_the_same_without_a_script(
    browser: Browser, live_server: LiveServer, cast: Cast, crowded: TenantConsent, client_of: ClientOf
) -> None:
    TenantConsent.objects.filter(pk=crowded.pk).update(answered_at=timezone.now(), claimed_until=timezone.now())
    page = browser.new_context(java_script_enabled=False).new_page()
    _enter(page, live_server, cast.dana, client_of)

    TenantConsent.objects.filter(pk=crowded.pk).update(granted_at=timezone.now(), granted=crowded.scopes)
    page.get_by_role("link", name="Look again").click()

    expect(page.get_by_text("A Microsoft 365 admin has approved Meridian.")).to_be_visible()
    page.context.close()
