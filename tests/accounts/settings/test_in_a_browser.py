"""The pages of settings in a real browser: for every eye, every width, every hand, and without a script."""

from __future__ import annotations

from typing import Any

import pytest
from django.urls import reverse
from playwright.sync_api import Browser, Page, expect
from pytest_django.live_server_helper import LiveServer

from accounts.models import SettingDecision, User
from tests.accounts.settings.quiet import Digest, Signature
from tests.accounts.settings.reading import decide
from tests.cast import Cast, ClientOf
from tests.journeys.looks import LOOKS, faults_of

pytestmark = [
    pytest.mark.once,
    pytest.mark.usefixtures("static_files", "quiet"),
    pytest.mark.django_db(transaction=True),
]

OWN = "/settings/quiet/"
REMINDERS = "Remind people of what they forgot"


@pytest.fixture(autouse=True)
def _files_by_their_own_names(settings: Any) -> None:
    """The server of the tests finds files where they are written, and knows no name with a hash in it."""
    plain = {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}
    settings.STORAGES = {**settings.STORAGES, "staticfiles": plain}


def enter(page: Page, live_server: LiveServer, client_of: ClientOf, person: User) -> None:
    """`person` is signed in from now on."""
    cookies = client_of(person).cookies.values()
    page.context.clear_cookies()
    page.context.add_cookies([{"name": one.key, "value": one.value, "url": live_server.url} for one in cookies])


def told(cast: Cast) -> None:
    """Every state a row can be in."""
    decide("quiet.reminders", False, cast.sales, cast.gus, lock=True)
    decide("quiet.digest", Digest.WEEKLY, cast.sales, cast.gus)
    decide("quiet.digest", Digest.NEVER, cast.alice, cast.alice)
    decide("quiet.digest", Digest.DAILY, cast.kestrel, cast.dana, lock=True)
    decide("quiet.snooze", 5, cast.sales, cast.gus)
    decide("quiet.signature", Signature(words=("a-long-word-" * 9, "short")), cast.sales, cast.gus)
    decide("quiet.snooze", 15, cast.wilhelmina, cast.wilhelmina)


@pytest.mark.parametrize("look", LOOKS)
def test_every_page_is_fit_for_everybody(
    look: str, browser: Browser, live_server: LiveServer, cast: Cast, client_of: ClientOf
) -> None:
    told(cast)
    group = reverse("group_settings_page", args=[cast.sales.pk, "quiet"])
    person = reverse("person_settings_page", args=[cast.wilhelmina.pk, "quiet"])
    page = browser.new_context(**LOOKS[look]).new_page()
    found = []
    for reader, path in [
        (cast.dana, "/account/settings/quiet/"),
        (cast.dana, "/account/settings/mail-calendar/"),
        (cast.dana, "/account/settings/quiet/?q=nothing+at+all"),
        (cast.gus, group),
        (cast.gus, f"{group}?change=quiet.signature"),
        (cast.dana, person),
        (cast.alice, OWN),
    ]:
        enter(page, live_server, client_of, reader)
        page.goto(f"{live_server.url}{path}")
        page.evaluate("document.querySelectorAll('details').forEach((chain) => { chain.open = true; })")
        found += faults_of(page)
    page.context.close()

    assert found == []


def test_a_refusal_is_fit_for_everybody_and_is_where_reading_goes_on(
    page: Page, live_server: LiveServer, cast: Cast, client_of: ClientOf
) -> None:
    enter(page, live_server, client_of, cast.dana)
    page.goto(f"{live_server.url}/account/settings/quiet/")

    page.locator("#setting-signature textarea").fill("one two three four")
    page.locator("#setting-signature").get_by_role("button", name="Save").click()

    expect(page.locator("#setting-signature [role=alert]")).to_be_focused()
    expect(page.locator("#setting-signature textarea")).to_have_value("one two three four")
    assert faults_of(page) == []


def test_somebody_was_quicker_is_fit_for_everybody(
    page: Page, live_server: LiveServer, cast: Cast, client_of: ClientOf
) -> None:
    decide("quiet.reminders", False, cast.alice, cast.alice)
    enter(page, live_server, client_of, cast.alice)
    page.goto(f"{live_server.url}{OWN}")
    decide("quiet.reminders", True, cast.alice, cast.dana)
    decide("quiet.reminders", False, cast.alice, cast.dana)

    page.get_by_role("switch", name=REMINDERS).click()

    expect(page.get_by_role("alert")).to_contain_text("Dana made it Off")
    expect(page.get_by_role("alert")).to_be_focused()
    assert faults_of(page) == []

    page.get_by_role("button", name="Turn it on all the same").click()

    expect(page.get_by_role("status")).to_contain_text("is now On for you.")


def test_a_locked_switch_is_reached_by_keyboard_says_why_and_does_nothing(
    page: Page, live_server: LiveServer, cast: Cast, client_of: ClientOf
) -> None:
    decide("quiet.reminders", False, cast.sales, cast.gus, lock=True)
    enter(page, live_server, client_of, cast.alice)
    page.goto(f"{live_server.url}{OWN}")
    switch = page.get_by_role("switch", name=REMINDERS)
    page.locator("#setting-reminders summary").focus()

    page.keyboard.press("Tab")

    expect(switch).to_be_focused()
    described = page.locator(f"#{switch.get_attribute('aria-describedby')}")
    expect(described).to_contain_text("locked at Sales by Gus")

    page.keyboard.press("Space")
    page.keyboard.press("Enter")

    expect(switch).to_have_attribute("aria-checked", "false")
    expect(switch).to_be_focused()
    assert SettingDecision.objects.count() == 1


def test_a_switch_is_moved_by_keyboard_and_the_toast_offers_to_undo_it(
    page: Page, live_server: LiveServer, cast: Cast, client_of: ClientOf
) -> None:
    enter(page, live_server, client_of, cast.alice)
    page.goto(f"{live_server.url}{OWN}")

    page.get_by_role("switch", name=REMINDERS).press("Space")

    expect(page.get_by_role("switch", name=REMINDERS)).to_have_attribute("aria-checked", "false")
    expect(page).to_have_url(f"{live_server.url}{OWN}#setting-reminders")
    expect(page.get_by_role("status")).to_contain_text("is now Off for you.")
    assert faults_of(page) == []

    page.get_by_role("status").get_by_role("button", name="Undo").click()

    expect(page.get_by_role("switch", name=REMINDERS)).to_have_attribute("aria-checked", "true")
    assert not SettingDecision.objects.exists()


def test_without_a_script_everything_is_saved_too(
    browser: Browser, live_server: LiveServer, cast: Cast, client_of: ClientOf
) -> None:
    page = browser.new_context(java_script_enabled=False).new_page()
    enter(page, live_server, client_of, cast.gus)
    page.goto(f"{live_server.url}{reverse('group_settings_page', args=[cast.sales.pk, 'quiet'])}")

    page.get_by_role("switch", name=REMINDERS).click()
    expect(page.get_by_role("switch", name=REMINDERS)).to_have_attribute("aria-checked", "false")
    page.locator("#setting-signature").get_by_role("link", name="Change").click()
    page.locator("#setting-signature textarea").fill("Yours")
    page.locator("#setting-signature").get_by_role("button", name="Save").click()
    expect(page.locator("#setting-signature")).to_contain_text("Overridden")
    page.locator("#setting-reminders").get_by_role("button", name="Inherit").click()
    expect(page.get_by_role("switch", name=REMINDERS)).to_have_attribute("aria-checked", "true")
    page.context.close()

    assert [made.key for made in SettingDecision.objects.all()] == ["quiet.signature"]


def test_a_slash_leads_to_the_search_and_a_filter_remembers_it(
    page: Page, live_server: LiveServer, cast: Cast, client_of: ClientOf
) -> None:
    enter(page, live_server, client_of, cast.alice)
    page.goto(f"{live_server.url}{OWN}")

    page.keyboard.press("/")
    page.keyboard.type("bell")
    page.keyboard.press("Enter")

    expect(page.get_by_role("article")).to_have_count(2)
    page.get_by_role("link", name="Overridden 0").click()
    expect(page.get_by_text("No setting matches")).to_be_visible()
    page.get_by_role("link", name="Show all").click()
    expect(page.get_by_role("article")).to_have_count(4)


def test_a_deep_link_marks_its_row(page: Page, live_server: LiveServer, cast: Cast, client_of: ClientOf) -> None:
    enter(page, live_server, client_of, cast.alice)

    page.goto(f"{live_server.url}{OWN}?setting=quiet.snooze")

    expect(page.locator("#setting-snooze")).to_be_in_viewport()
    colours = page.locator("article.row").evaluate_all("rows => rows.map(row => getComputedStyle(row).backgroundColor)")
    assert len(set(colours[:2])) == 1
    assert colours[2] != colours[0]
