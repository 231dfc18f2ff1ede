"""The sheet in a real browser: for every eye, every width, every hand, and without a script."""

from __future__ import annotations

from typing import Any

import pytest
from django.urls import reverse
from django.utils import timezone
from playwright.sync_api import Browser, Page, expect
from pytest_django.live_server_helper import LiveServer

from accounts import reviewing
from accounts.cascade import write
from accounts.cascade.changes import Change, Choose, Dissolve
from accounts.cascade.declare import Level, setting_of
from accounts.models import AuditEntry, PendingChange, SettingDecision, User
from integrations.preferences import Integrations, ServicePolicy
from tests.accounts.connected import connect
from tests.cast import Cast, ClientOf, crowd
from tests.journeys.looks import LOOKS, faults_of

pytestmark = [pytest.mark.usefixtures("static_files"), pytest.mark.django_db(transaction=True), pytest.mark.once]

BACK = "/account/settings/mail-calendar/"


@pytest.fixture(autouse=True)
def _files_by_their_own_names(settings: Any) -> None:
    """The server of the tests finds files where they are written, and knows no name with a hash in it."""
    plain = {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}
    settings.STORAGES = {**settings.STORAGES, "staticfiles": plain}


@pytest.fixture
def complaints(page: Page) -> list[str]:
    heard: list[str] = []
    page.on("pageerror", lambda error: heard.append(str(error)))
    page.on("console", lambda said: heard.append(said.text) if said.type == "error" else None)
    return heard


def enter(page: Page, live_server: LiveServer, client_of: ClientOf, person: User) -> None:
    """`person` is signed in from now on."""
    cookies = client_of(person).cookies.values()
    page.context.add_cookies([{"name": one.key, "value": one.value, "url": live_server.url} for one in cookies])


def sheet_of(live_server: LiveServer, change: Change, by: User) -> str:
    made = reviewing.submit(change, by=by, back=BACK, seen=None, now=timezone.now())
    assert isinstance(made, PendingChange)
    return f"{live_server.url}{reverse('change', args=[made.pk])}"


def choose(page: Page, name: str) -> None:
    """Faster than anybody’s hand, a click would come before the new links are looked after."""
    page.get_by_role("link", name=name).click()
    expect(page.get_by_role("link", name=name)).to_have_attribute("aria-current", "true")


def lock(cast: Cast) -> Choose:
    """Ends the connections of 25 people of Sales, and puts the choice of Sales to sleep."""
    people = crowd(cast.kestrel, 24, group=cast.sales)
    connect([*people, cast.wilhelmina], contacts_write=True)
    services = setting_of(Integrations, "services")
    write.choose(services, ServicePolicy(), at=cast.sales, actor=cast.gus, now=timezone.now())
    value = services.to_json(ServicePolicy(contacts_write=False))
    return Choose(services.key, Level.ACCOUNT, cast.kestrel.pk, value, is_locked=True)


@pytest.mark.parametrize("look", LOOKS)
def test_it_is_fit_for_everybody(
    look: str, browser: Browser, live_server: LiveServer, cast: Cast, client_of: ClientOf
) -> None:
    page = browser.new_context(**LOOKS[look]).new_page()
    enter(page, live_server, client_of, cast.dana)
    found = []

    for change in (
        lock(cast),
        Choose("integrations.enabled", Level.ACCOUNT, cast.kestrel.pk, True),
        Dissolve(cast.sales.pk),
    ):
        page.goto(sheet_of(live_server, change, cast.dana))
        found += faults_of(page)
    page.goto(f"{live_server.url}/changes/00000000-0000-0000-0000-000000000000/")
    found += faults_of(page)
    page.context.close()

    assert found == []


def test_it_is_read_from_its_heading_and_left_with_escape(
    page: Page, live_server: LiveServer, cast: Cast, client_of: ClientOf
) -> None:
    enter(page, live_server, client_of, cast.dana)
    page.goto(sheet_of(live_server, Choose("integrations.enabled", Level.ACCOUNT, cast.kestrel.pk, False), cast.dana))
    dialog = page.get_by_role("dialog", name="Review changes")

    expect(dialog.get_by_role("heading", name="Review changes")).to_be_focused()
    expect(dialog.get_by_role("button", name="Disable", exact=True)).to_be_visible()
    page.keyboard.press("Escape")

    expect(page).to_have_url(f"{live_server.url}{BACK}")
    assert not SettingDecision.objects.exists()


def test_the_page_behind_cannot_be_reached(
    page: Page, live_server: LiveServer, cast: Cast, client_of: ClientOf
) -> None:
    enter(page, live_server, client_of, cast.dana)
    page.goto(sheet_of(live_server, Choose("integrations.enabled", Level.ACCOUNT, cast.kestrel.pk, False), cast.dana))

    behind = []
    for _ in range(20):
        page.keyboard.press("Tab")
        behind.append(page.evaluate("document.activeElement.closest('.behind') !== null"))

    assert not any(behind)
    expect(page.get_by_role("button", name="Cancel")).to_be_visible()


def test_what_was_typed_stays_while_one_looks_through_the_list(
    page: Page, live_server: LiveServer, cast: Cast, client_of: ClientOf, complaints: list[str]
) -> None:
    enter(page, live_server, client_of, cast.dana)
    page.goto(sheet_of(live_server, lock(cast), cast.dana))
    page.get_by_label("Reason").fill("The audit said so.")
    page.keyboard.press("Escape")

    choose(page, "Asleep 1")
    expect(page.get_by_role("rowheader", name="Sales Group, P1")).to_be_visible()
    choose(page, "Blocked 25")
    page.get_by_role("link", name="Next").click()
    expect(page.get_by_text("11–20 of 25 people")).to_be_visible()
    expect(page.get_by_label("Reason")).to_have_value("The audit said so.")
    page.get_by_role("button", name="Lock and block 25 connections").click()

    expect(page.get_by_text("“Services and permissions” is locked")).to_be_visible()
    assert AuditEntry.objects.filter(action="setting.locked").get().reason == "The audit said so."
    assert complaints == []


def test_it_works_without_a_script(browser: Browser, live_server: LiveServer, cast: Cast, client_of: ClientOf) -> None:
    page = browser.new_context(java_script_enabled=False).new_page()
    enter(page, live_server, client_of, cast.dana)
    page.goto(sheet_of(live_server, lock(cast), cast.dana))

    page.get_by_role("link", name="Value changes").click()
    page.get_by_role("link", name="Next").click()
    page.get_by_label("Reason").fill("By hand")
    page.get_by_role("button", name="Lock and block 25 connections").click()

    expect(page.get_by_text("“Services and permissions” is locked")).to_be_visible()
    page.get_by_role("button", name="Undo").first.click()
    expect(page.get_by_role("dialog", name="Review changes")).to_be_visible()
    page.get_by_role("button", name="Cancel").click()
    expect(page.get_by_role("heading", level=1, name="Account Settings")).to_be_visible()
    page.context.close()
