"""The prompt after single sign-on and what admins see of it: looks, whatever the window; and going on without it."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.conf import settings as portal
from django.test import Client
from django.utils import timezone
from playwright.sync_api import Browser, Page, expect
from pytest_django.live_server_helper import LiveServer

from integrations import prompt_resets
from integrations.failures import Reason
from integrations.models import Answer, CalendarPrompt, ConsentRequest, Step
from integrations.preferences import SsoPrompt
from tests.cast import Cast, ClientOf
from tests.integrations.prompted import DONE, PROMPT, asked, say, signs_in
from tests.integrations.wired import begun
from tests.journeys.looks import LOOKS, faults_of
from tests.simulated import Simulator

pytestmark = [pytest.mark.usefixtures("static_files"), pytest.mark.django_db(transaction=True), pytest.mark.once]

LIST = "/account/calendar-prompts/"


@pytest.fixture(autouse=True)
def _files_by_their_own_names(settings: Any) -> None:
    """The server of the tests finds files where they are written, and knows no name with a hash in it."""
    plain = {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}
    settings.STORAGES = {**settings.STORAGES, "staticfiles": plain}


def entered(page: Page, live_server: LiveServer, client: Client, path: str) -> Page:
    session = client.cookies[portal.SESSION_COOKIE_NAME]
    page.context.add_cookies([{"name": session.key, "value": session.value, "url": live_server.url}])
    page.goto(live_server.url + path)
    return page


@pytest.mark.parametrize("look", LOOKS.values(), ids=LOOKS.keys())
def test_nothing_is_wrong_with_the_pages_of_whoever_is_asked(
    browser: Browser, live_server: LiveServer, cast: Cast, microsoft: Simulator, client_of: ClientOf, look: Any
) -> None:
    say(SsoPrompt.FIRST_TIME, at=cast.kestrel, by=cast.dana)
    client = client_of(cast.wilhelmina)
    signs_in(client, cast.wilhelmina, going_to="/settings/mail-calendar/")
    page = entered(browser.new_context(**look).new_page(), live_server, client, PROMPT)

    expect(page.get_by_role("heading", name="Connect your calendar?")).to_be_visible()
    faults = faults_of(page)
    begun(cast.wilhelmina)
    trip = ConsentRequest.objects.get()
    CalendarPrompt.objects.update(answer=Answer.AT_MICROSOFT, consent=trip)
    ConsentRequest.objects.update(step=Step.ANSWERED, answered_at=timezone.now())
    page.goto(live_server.url + DONE)
    expect(page.get_by_role("heading", name="Your calendar is being connected")).to_be_visible()
    faults += faults_of(page)
    ended = {"step": Step.FAILED, "reason": Reason.NO_MAILBOX, "code": "MailboxNotEnabledForRESTAPI"}
    ConsentRequest.objects.update(ended_at=timezone.now(), **ended)
    expect(page.get_by_text("You are not asked again when you sign in.")).to_be_visible()
    page.goto(live_server.url + DONE)
    faults += faults_of(page)
    page.get_by_role("button", name="Continue").click()
    expect(page).to_have_url(f"{live_server.url}/settings/mail-calendar/")
    faults += faults_of(page)
    page.goto(f"{live_server.url}/profile/")
    expect(page.get_by_text("You can connect here any time.")).to_be_visible()
    faults += faults_of(page)

    assert not faults


@pytest.mark.parametrize("look", LOOKS.values(), ids=LOOKS.keys())
def test_nothing_is_wrong_with_what_admins_see(
    browser: Browser, live_server: LiveServer, cast: Cast, client_of: ClientOf, look: Any
) -> None:
    say(SsoPrompt.FIRST_TIME, at=cast.kestrel, by=cast.dana)
    at = timezone.now() - timedelta(days=3)
    for person, answer in zip((cast.alice, cast.bob), (Answer.CONNECTED, Answer.NONE), strict=True):
        asked(person, answer, at=at)
    asked(cast.wilhelmina, Answer.DECLINED, at=at)
    asked(cast.wilhelmina, Answer.FAILED, at=at + timedelta(hours=1), reason="on_premises")
    page = browser.new_context(**look).new_page()
    entered(page, live_server, client_of(cast.dana), LIST)

    faults = faults_of(page)
    for path in (
        f"{LIST}?q=nobody-of-this-name",
        f"{LIST}reset/",
        f"/people/{cast.wilhelmina.pk}/",
        "/account/settings/mail-calendar/",
    ):
        page.goto(live_server.url + path)
        faults += faults_of(page)
    prompt_resets.reset(cast.sales, actor=cast.dana, now=timezone.now())
    page.goto(live_server.url + LIST)
    faults += faults_of(page)
    page.get_by_role("button", name="Undo").click()
    expect(page.get_by_text("Taken back")).to_be_visible()
    page.goto(f"{live_server.url}{LIST}reset/?person={cast.alice.pk}")
    faults += faults_of(page)

    assert not faults
