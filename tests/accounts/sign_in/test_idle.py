from __future__ import annotations

import time
from typing import Any

import pytest
from django.contrib.sessions.models import Session
from django.test import Client

from accounts.models import User
from tests.cast import ClientOf

PAGE = "/profile/"
MINUTE = 60.0


@pytest.fixture
def browser(client_of: ClientOf, alice: User) -> Client:
    return client_of(alice)


def move(client: Client, **moments: float) -> None:
    """The session's moments, so many seconds ago."""
    session = client.session
    for name, ago in moments.items():
        session[name] = time.time() - ago
    session.save()


def test_an_hour_without_anybody_ends_the_session_and_says_so(browser: Client) -> None:
    move(browser, active_at=60 * MINUTE)

    answer = browser.get(PAGE)
    page = browser.get(answer["Location"]).content.decode()

    assert answer["Location"] == "/auth/login/?next=/profile/"
    assert "because nobody did anything here for a while" in page
    assert "_auth_user_id" not in browser.session


def test_just_under_an_hour_is_no_matter_and_counts_as_activity(browser: Client) -> None:
    move(browser, active_at=59 * MINUTE)

    assert browser.get(PAGE).status_code == 200
    assert browser.session["active_at"] > time.time() - MINUTE


def test_how_long_is_up_to_the_operator(browser: Client, settings: Any) -> None:
    settings.SESSION_IDLE_MINUTES = 5
    move(browser, active_at=6 * MINUTE)

    assert browser.get(PAGE).status_code == 302


def test_a_working_day_ends_a_session_however_busy(browser: Client) -> None:
    move(browser, began_at=12 * 60 * MINUTE, active_at=10)

    answer = browser.get(PAGE)

    assert answer["Location"] == "/auth/login/?next=/profile/"
    assert "after twelve hours" in browser.get(answer["Location"]).content.decode()


def test_activity_does_not_move_the_end_of_the_day(browser: Client) -> None:
    move(browser, began_at=11 * 60 * MINUTE, active_at=50 * MINUTE)
    before = browser.session["began_at"]

    browser.get(PAGE)

    assert browser.session["began_at"] == before


def test_what_a_page_asks_for_by_itself_keeps_nobody_signed_in(browser: Client) -> None:
    move(browser, active_at=30 * MINUTE)
    before = browser.session["active_at"]

    polled = browser.get(PAGE, headers={"HX-Request": "true", "X-Background": "true"})

    assert polled.status_code == 200
    assert browser.session["active_at"] == before


def test_a_poll_after_the_hour_leads_the_whole_page_to_sign_in(browser: Client) -> None:
    move(browser, active_at=61 * MINUTE)

    polled = browser.get(
        "/profile/",
        headers={"HX-Request": "true", "X-Background": "true", "HX-Current-URL": "http://testserver/profile/?a=1"},
    )

    assert polled["HX-Redirect"] == "/auth/login/?next=/profile/%3Fa%3D1"


def test_the_session_is_written_once_a_minute_at_most(browser: Client) -> None:
    move(browser, active_at=30)
    before = browser.session["active_at"]

    browser.get(PAGE)

    assert browser.session["active_at"] == before


def test_a_session_from_before_the_limits_begins_now(browser: Client) -> None:
    session = browser.session
    del session["began_at"], session["active_at"]
    session.save()

    assert browser.get(PAGE).status_code == 200
    assert browser.session["began_at"] > time.time() - MINUTE


def test_signing_out_ends_the_session_for_good(browser: Client) -> None:
    kept = browser.cookies["meridian"].value

    browser.post("/auth/logout/")

    assert not Session.objects.filter(session_key=kept).exists()
    browser.cookies["meridian"] = kept
    assert browser.get(PAGE).status_code == 302
