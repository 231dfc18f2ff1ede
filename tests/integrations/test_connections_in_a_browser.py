"""The connections console with and without a script: boxes, the search, looks."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.conf import settings as portal
from django.utils import timezone
from playwright.sync_api import Browser, Page, expect
from pytest_django.live_server_helper import LiveServer

from accounts.models import Account, User
from integrations.models import Connection, State
from tests.cast import Cast, ClientOf, crowd
from tests.integrations.tied import connect
from tests.journeys.looks import LOOKS, faults_of

pytestmark = [pytest.mark.usefixtures("static_files"), pytest.mark.django_db(transaction=True), pytest.mark.once]


@pytest.fixture(autouse=True)
def _files_by_their_own_names(settings: Any) -> None:
    """The server of the tests finds files where they are written, and knows no name with a hash in it."""
    plain = {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}
    settings.STORAGES = {**settings.STORAGES, "staticfiles": plain}


@pytest.fixture
def people(cast: Cast) -> list[User]:
    """Some of each state, one with a long name."""
    now = timezone.now()
    more = crowd(cast.kestrel, 60)
    connect(more[:40], last_good_at=now, connected_at=now - timedelta(days=430), calendar_write=True)
    connect(more[40:42], State.DEGRADED, reason="no_answer", last_good_at=now - timedelta(hours=3), connected_at=now)
    lost = {"reason": "sessions_revoked", "last_good_at": now - timedelta(days=1)}
    connect([cast.bob, cast.wilhelmina], State.NEEDS_REAUTH, connected_at=now - timedelta(days=21), **lost)
    connect([cast.alice], State.BLOCKED_BY_POLICY, reason="domain", kept_until=now + timedelta(days=3))
    connect([cast.gus], withheld=["calendar_write", "contacts_read"], last_good_at=now, connected_at=now)
    return more


def _enter(page: Page, live_server: LiveServer, person: User, client_of: ClientOf, query: str = "") -> None:
    session = client_of(person).cookies[portal.SESSION_COOKIE_NAME]
    page.context.add_cookies([{"name": session.key, "value": session.value, "url": live_server.url}])
    page.goto(f"{live_server.url}/account/connections/{query}")


@pytest.mark.parametrize("look", LOOKS.values(), ids=LOOKS.keys())
@pytest.mark.parametrize("query", ["", "?state=needs_reauth&all=1", "?q=nobody-at-all", "?state=paused"])
def test_nothing_is_wrong_with_it_whatever_the_window(
    browser: Browser,
    live_server: LiveServer,
    cast: Cast,
    people: list[User],
    client_of: ClientOf,
    look: Any,
    query: str,
) -> None:
    page = browser.new_context(**look).new_page()
    _enter(page, live_server, cast.dana, client_of, query)

    faults = faults_of(page)

    page.context.close()
    assert faults == []


def test_one_box_ticks_the_page_and_the_number_is_told(
    page: Page, live_server: LiveServer, cast: Cast, people: list[User], client_of: ClientOf
) -> None:
    _enter(page, live_server, cast.dana, client_of, "?state=needs_reauth")
    told = page.get_by_role("status").filter(has_text="chosen")

    page.get_by_label("Choose Bob").check()
    expect(told).to_have_text("1 chosen")
    page.get_by_label("Choose all on this page").check()
    expect(told).to_have_text("2 chosen")
    page.get_by_label("Choose Bob").uncheck()
    expect(told).to_have_text("1 chosen")
    page.get_by_role("button", name="Disconnect…").click()

    expect(page.get_by_role("heading", level=1)).to_have_text("Disconnect 1 person?")
    expect(page.get_by_role("table")).to_contain_text("Wilhelmina")


def test_a_slash_goes_to_the_search_and_enter_finds(
    page: Page, live_server: LiveServer, cast: Cast, people: list[User], client_of: ClientOf
) -> None:
    _enter(page, live_server, cast.dana, client_of)

    page.keyboard.press("/")
    page.keyboard.type("bob@kestrel")
    page.keyboard.press("Enter")

    expect(page.get_by_role("row")).to_have_count(2)
    expect(page.get_by_role("link", name="1 Needs reconnecting")).to_be_visible()


def test_everything_works_without_a_script(
    browser: Browser, live_server: LiveServer, cast: Cast, people: list[User], client_of: ClientOf
) -> None:
    page = browser.new_context(java_script_enabled=False).new_page()
    _enter(page, live_server, cast.dana, client_of)

    page.get_by_role("link", name="2 Needs reconnecting").click()
    expect(page.get_by_label("Choose all on this page")).to_be_hidden()
    page.get_by_role("link", name="Choose all 2").click()
    expect(page.get_by_text("All 2 chosen")).to_be_visible()
    page.get_by_role("button", name="Disconnect…").click()
    page.get_by_label("Reason").fill("They have left.")
    page.get_by_role("button", name="Disconnect 2 people").click()

    expect(page.get_by_role("heading", level=1)).to_have_text("Disconnect people")
    expect(page.get_by_text("0 of 2 people")).to_be_visible()
    assert Connection.objects.filter(state=State.NEEDS_REAUTH).count() == 2
    page.context.close()


def test_pages_keep_the_filter_and_the_choice(
    page: Page, live_server: LiveServer, cast: Cast, people: list[User], client_of: ClientOf, kestrel: Account
) -> None:
    connect(people[42:], State.CONNECTED)
    _enter(page, live_server, cast.dana, client_of, "?state=connected&q=crowd.example&sort=-name&all=1")

    page.get_by_role("link", name="Next").click()

    expect(page.get_by_text("51–58 of 58")).to_be_visible()
    expect(page.get_by_text("All 58 chosen")).to_be_visible()
    expect(page.get_by_role("searchbox")).to_have_value("crowd.example")
    expect(page.get_by_role("columnheader", name="Person")).to_have_attribute("aria-sort", "descending")
