"""Choosing EWS with a script: what does not go with a choice cannot be chosen, and what means nothing is not shown."""

from __future__ import annotations

from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect
from pytest_django.live_server_helper import LiveServer

from accounts.models import User
from tests.accounts.settings.reading import decision
from tests.cast import Cast, ClientOf
from tests.journeys.looks import LOOKS, faults_of

pytestmark = [
    pytest.mark.once,
    pytest.mark.usefixtures("static_files"),
    pytest.mark.django_db(transaction=True),
]

PAGE = "/account/settings/mail-calendar/"


@pytest.fixture(autouse=True)
def _files_by_their_own_names(settings: Any) -> None:
    plain = {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}
    settings.STORAGES = {**settings.STORAGES, "staticfiles": plain}


def opened(page: Page, live_server: LiveServer, client_of: ClientOf, person: User) -> Page:
    cookies = client_of(person).cookies.values()
    page.context.add_cookies([{"name": one.key, "value": one.value, "url": live_server.url} for one in cookies])
    page.goto(live_server.url + PAGE)
    return page


def test_choices_that_do_not_go_together_cannot_be_made(
    page: Page, live_server: LiveServer, cast: Cast, client_of: ClientOf
) -> None:
    opened(page, live_server, client_of, cast.dana)
    row = page.locator("#setting-services")

    expect(row.get_by_label("EWS URL")).to_be_hidden()
    row.get_by_label("Exchange", exact=True).check()

    expect(row.get_by_label("Exchange Web Services (EWS)")).to_be_checked()
    expect(row.locator("[name=authorize_with][value=graph]")).to_be_disabled()
    expect(row.get_by_label("Users can set up the integration by using their Exchange")).to_be_checked()
    expect(row.get_by_label("People may give permission to write their calendar")).to_be_hidden()
    expect(row.get_by_text("EWS opens the whole mailbox")).to_be_visible()
    row.get_by_label("EWS URL").fill("mail.kestrel.example")
    row.get_by_role("button", name="Save").click()
    page.get_by_role("button", name="Save").click()
    expect(page).to_have_url(live_server.url + PAGE + "#setting-services")
    assert decision("integrations.services").value == {
        "authorize_with": "ews",
        "calendar_write": True,
        "contacts_write": True,
        "default_service": "exchange",
        "ews_url": "https://mail.kestrel.example/EWS/Exchange.asmx",
        "organization_contacts": False,
        "who_can_set_up": "password",
    }


@pytest.mark.parametrize("look", LOOKS)
def test_the_row_and_its_sheet_are_fit_for_everybody(
    look: str, browser: Browser, live_server: LiveServer, cast: Cast, client_of: ClientOf
) -> None:
    page = opened(browser.new_context(**LOOKS[look]).new_page(), live_server, client_of, cast.dana)
    row = page.locator("#setting-services")
    row.get_by_label("Exchange", exact=True).check()
    row.get_by_label("EWS URL").fill("mail.kestrel.example")

    faults = faults_of(page)
    row.get_by_role("button", name="Save").click()
    page.wait_for_url("**/changes/**")
    faults += faults_of(page)

    assert faults == []
