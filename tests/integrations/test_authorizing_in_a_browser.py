"""The sheet and the pages of an authorization: looks, and what a person sees change by itself."""

from __future__ import annotations

from typing import Any

import pytest
from django.conf import settings as portal
from django.urls import reverse
from django.utils import timezone
from playwright.sync_api import Browser, Page, expect
from pytest_django.live_server_helper import LiveServer

from accounts.models import AssociatedDomain, PendingChange, User
from integrations.models import LinkRequest, LinkStep, TenantLink
from integrations.organization import endings, saving, trips
from tests.cast import Cast, ClientOf
from tests.integrations.authorized import authorized
from tests.integrations.stopped import KESTREL
from tests.integrations.travelling import learnt, own, sheet
from tests.journeys.looks import LOOKS, faults_of
from tests.simulated import Simulator

pytestmark = [pytest.mark.usefixtures("static_files"), pytest.mark.django_db(transaction=True), pytest.mark.once]


@pytest.fixture(autouse=True)
def _files_by_their_own_names(settings: Any) -> None:
    """The server of the tests finds files where they are written, and knows no name with a hash in it."""
    plain = {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}
    settings.STORAGES = {**settings.STORAGES, "staticfiles": plain}


def _enter(page: Page, live_server: LiveServer, person: User, client_of: ClientOf, address: str) -> None:
    session = client_of(person).cookies[portal.SESSION_COOKIE_NAME]
    page.context.add_cookies([{"name": session.key, "value": session.value, "url": live_server.url}])
    page.goto(f"{live_server.url}{address}")


def _sheet_ready(cast: Cast, *domains: str) -> str:
    own(cast.kestrel, *domains)
    learnt(cast.kestrel)
    return reverse("change", args=[sheet(cast.dana).pk])


def _trip(cast: Cast, **values: Any) -> str:
    """The page of one that has come so far."""
    now = timezone.now()
    own(cast.kestrel, "kestrel.example")
    link = authorized(cast.kestrel, tenant_id=KESTREL)
    request = trips.begin(
        cast.kestrel,
        domain="kestrel.example",
        by=cast.dana,
        change=sheet(cast.dana),
        is_handed_on=values.pop("hand_on", False),
        now=now,
    )
    if values.pop("is_linked", False):
        values["link"] = link
    if values.get("step") in (LinkStep.IDENTIFIED, LinkStep.ANSWERED):
        values["answered_at"] = now
    LinkRequest.objects.filter(pk=request.pk).update(**values)
    return reverse("authorize", args=[request.pk])


PAGES: dict[str, Any] = {
    "no domain": lambda cast: _sheet_ready(cast),
    "several organizations": lambda cast: _sheet_ready(
        cast, "kestrel.example", "kestrelandco.example", "corvid.example", "a-rather-long-name-nobody-knows.example"
    ),
    "handed on": lambda cast: _trip(cast, hand_on=True),
    "declined": lambda cast: _trip(cast, reason="declined", code="AADSTS65004", trace_id="0" * 36),
    "at Microsoft": lambda cast: _trip(cast, step=LinkStep.SENT),
    "spreading": lambda cast: _trip(cast, step=LinkStep.IDENTIFIED, reason="app_removed", code="AADSTS700016"),
    "done": lambda cast: _trip(cast, step=LinkStep.DONE, ended_at=timezone.now(), is_linked=True),
    "not saved": lambda cast: _trip(
        cast, step=LinkStep.DONE, ended_at=timezone.now(), is_linked=True, not_saved=saving.MOVED
    ),
    "ended": lambda cast: _trip(
        cast, step=LinkStep.FAILED, ended_at=timezone.now(), reason=endings.Ending.ANOTHER_TENANT
    ),
}


@pytest.mark.parametrize("look", LOOKS.values(), ids=LOOKS.keys())
def test_nothing_is_wrong_with_it_whatever_the_window(
    browser: Browser, live_server: LiveServer, cast: Cast, microsoft: Simulator, client_of: ClientOf, look: Any
) -> None:
    page = browser.new_context(**look).new_page()
    faults: dict[str, list[str]] = {}

    for name, arrive in PAGES.items():
        for gone in (LinkRequest, TenantLink, PendingChange, AssociatedDomain):
            gone.objects.all().delete()
        _enter(page, live_server, cast.dana, client_of, arrive(cast))
        page.locator("main details").evaluate_all("all => all.forEach(one => { one.open = true; })")
        faults[name] = faults_of(page)

    page.context.close()
    assert {name: found for name, found in faults.items() if found} == {}


@pytest.mark.parametrize("look", LOOKS.values(), ids=LOOKS.keys())
def test_the_page_for_an_admin_elsewhere_is_as_good(
    browser: Browser, live_server: LiveServer, cast: Cast, microsoft: Simulator, look: Any
) -> None:
    _trip(cast, hand_on=True)
    word = trips.word_of(LinkRequest.objects.get())
    page = browser.new_context(**look).new_page()
    page.goto(live_server.url + reverse("authorize_link", args=[word]))

    faults = faults_of(page)

    assert word not in page.url
    page.context.close()
    assert faults == []


def test_the_checklist_follows_what_a_worker_learns(
    page: Page, live_server: LiveServer, cast: Cast, microsoft: Simulator, client_of: ClientOf
) -> None:
    own(cast.kestrel, "kestrel.example")
    _enter(page, live_server, cast.dana, client_of, reverse("change", args=[sheet(cast.dana).pk]))
    expect(page.get_by_text("Meridian asks Microsoft whose kestrel.example is")).to_be_visible()
    page.get_by_label("Reason").fill("One for all")

    learnt(cast.kestrel)

    expect(page.get_by_text("belongs to one Microsoft 365 organization")).to_be_visible(timeout=10_000)
    expect(page.get_by_role("button", name="Authorize and Save")).not_to_have_attribute("aria-disabled", "true")
    expect(page.get_by_label("Reason")).to_have_value("One for all")


def test_the_same_without_a_script(
    browser: Browser, live_server: LiveServer, cast: Cast, microsoft: Simulator, client_of: ClientOf
) -> None:
    own(cast.kestrel, "kestrel.example")
    page = browser.new_context(java_script_enabled=False).new_page()
    _enter(page, live_server, cast.dana, client_of, reverse("change", args=[sheet(cast.dana).pk]))

    learnt(cast.kestrel)
    page.get_by_role("link", name="Look again").click()

    expect(page.get_by_text("belongs to one Microsoft 365 organization")).to_be_visible()
    page.context.close()


def test_progress_shows_its_end_by_itself(
    page: Page, live_server: LiveServer, cast: Cast, microsoft: Simulator, client_of: ClientOf
) -> None:
    _enter(page, live_server, cast.dana, client_of, _trip(cast, step=LinkStep.IDENTIFIED, reason="app_removed"))
    expect(page.get_by_text("has not arrived everywhere")).to_be_visible()

    LinkRequest.objects.update(step=LinkStep.DONE, reason="", ended_at=timezone.now())

    expect(page.get_by_text("The organization is linked.")).to_be_visible(timeout=10_000)
