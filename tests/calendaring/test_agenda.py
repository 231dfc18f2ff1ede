"""The coming two weeks, read live from a real Microsoft; who may see them, and what is shown when it cannot be read."""

from __future__ import annotations

import html
import re
import time
from datetime import timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from django.apps import apps
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from accounts.cascade import declare
from accounts.cascade.write import choose
from accounts.models import Account, User
from calendaring import agenda
from integrations import checking, tokens
from integrations.models import Connection, State
from integrations.preferences import Integrations
from tests.cast import FOUNDED, ClientOf
from tests.integrations import leaving
from tests.integrations.wired import connected, forget_microsoft
from tests.simulated import Simulator

pytestmark = pytest.mark.django_db
LONDON = ZoneInfo("Europe/London")
PAGES = ["/meetings/", "/meetings/?read=now", "/meetings/agenda/"]


def read(person: User) -> agenda.Agenda:
    return agenda.read(person, zone=LONDON, now=timezone.now())


def text_of(response: Any) -> str:
    return " ".join(html.unescape(re.sub(r"<[^>]+>", " ", response.content.decode())).split())


# ── Who may not ─────────────────────────────────────────────────────────────
@pytest.mark.parametrize("path", PAGES)
def test_a_visitor_is_taken_to_the_sign_in_page(path: str) -> None:
    response = Client().get(path)

    assert response.status_code == 302
    assert response.headers["Location"].startswith(reverse("account_login"))


def test_everybody_sees_the_own_calendar_and_nobody_elses(
    alice: User, mallory: User, dana: User, microsoft: Simulator, client_of: ClientOf
) -> None:
    connected(alice, microsoft)

    mine, theirs, admins = (text_of(client_of(person).get("/meetings/agenda/")) for person in (alice, mallory, dana))

    assert "Daily stand-up" in mine
    assert "Daily stand-up" not in theirs + admins
    assert "See your calendar here" in theirs
    assert "See your calendar here" in admins


@pytest.mark.parametrize("path", PAGES)
def test_nothing_can_be_sent_there(path: str, alice: User, client_of: ClientOf) -> None:
    assert client_of(alice).post(path).status_code == 405


# ── It is read ──────────────────────────────────────────────────────────────
def test_a_calendar_of_several_pages_is_read_to_its_end(bob: User, microsoft: Simulator, settings: Any) -> None:
    connected(bob, microsoft)

    found = read(bob)

    entries = [entry for day in found.days for entry in day.entries]
    assert found.state == "ready"
    assert len(entries) > 50
    assert {"Ticket triage", "On call", "Sydney vendor call"} <= {entry.subject for entry in entries}
    assert found.connection is not None
    assert found.connection.address == "bob@kestrel.example"


def test_the_days_are_the_coming_fourteen_in_the_readers_zone(alice: User, microsoft: Simulator) -> None:
    connected(alice, microsoft)
    now = timezone.now()

    for zone in ("Pacific/Kiritimati", "Pacific/Pago_Pago"):
        found = agenda.read(alice, zone=ZoneInfo(zone), now=now)

        today = now.astimezone(ZoneInfo(zone)).date()
        assert found.days
        assert all(today <= day.date < today + timedelta(days=14) for day in found.days)


def test_the_page_shows_times_in_the_readers_zone_and_marks_what_is_no_meeting(
    alice: User, microsoft: Simulator, client_of: ClientOf
) -> None:
    connected(alice, microsoft)

    shown = text_of(client_of(alice).get("/meetings/?read=now"))

    assert "in the time of Europe/Berlin" in shown
    assert re.search(r"10:30 – 10:45 Daily stand-up", shown), "09:30 in London"
    assert "Not a Zoom meeting" in shown
    assert "Read from alice@kestrel.example" in shown


def test_the_page_answers_at_once_and_leaves_the_reading_to_the_fragment(
    alice: User, microsoft: Simulator, client_of: ClientOf, settings: Any
) -> None:
    connected(alice, microsoft)
    microsoft.control("POST", "faults", {"target": "graph", "status": None, "seconds": 30, "latency_ms": 3000})
    client = client_of(alice)
    started = time.monotonic()

    page = client.get("/meetings/")

    assert time.monotonic() - started < 2
    assert 'hx-get="/meetings/agenda/' in page.content.decode()
    assert "Reading your calendar…" in text_of(page)


def rows() -> dict[str, int]:
    return {model._meta.label: model._default_manager.count() for model in apps.get_models()}


def columns(connection: Connection) -> dict[str, Any]:
    return dict(Connection.objects.filter(pk=connection.pk).values().get())


def test_nothing_of_it_is_stored(alice: User, microsoft: Simulator) -> None:
    connection = connected(alice, microsoft)
    read(alice)
    before, kept = rows(), columns(connection)

    found = read(alice)

    after = columns(connection)
    assert found.days
    assert rows() == before
    assert {name for name, value in after.items() if value != kept[name]} <= {"last_good_at"}


def test_looking_is_written_down_once_an_hour(alice: User, microsoft: Simulator) -> None:
    connected(alice, microsoft)
    now = timezone.now()
    Connection.objects.update(last_used_at=now - timedelta(minutes=59))
    agenda.read(alice, zone=LONDON, now=now)
    untouched = Connection.objects.get().last_used_at
    Connection.objects.update(last_used_at=now - timedelta(minutes=61))

    agenda.read(alice, zone=LONDON, now=now)

    assert untouched == now - timedelta(minutes=59)
    assert Connection.objects.get().last_used_at == now


# ── It cannot be read ───────────────────────────────────────────────────────
def test_the_whole_reading_gets_five_seconds(bob: User, microsoft: Simulator) -> None:
    connected(bob, microsoft)
    microsoft.control("POST", "faults", {"target": "graph", "status": None, "seconds": 60, "latency_ms": 9000})
    started = time.monotonic()

    found = read(bob)

    assert 4.5 < time.monotonic() - started < 6
    assert (found.state, found.days) == ("slow", [])
    assert Connection.objects.get().state == State.DEGRADED
    assert Connection.objects.get().refresh_token


def test_trouble_degrades_and_a_good_answer_mends(alice: User, microsoft: Simulator) -> None:
    connected(alice, microsoft)
    microsoft.control("POST", "faults", {"target": "graph", "status": 503, "seconds": 60})

    assert read(alice).state == "slow"
    assert Connection.objects.get().state == State.DEGRADED
    microsoft.control("DELETE", "faults")
    assert read(alice).state == "ready"
    assert (Connection.objects.get().state, Connection.objects.get().reason) == (State.CONNECTED, "")


def test_while_microsoft_asks_us_to_wait_nobody_asks(alice: User, microsoft: Simulator) -> None:
    connected(alice, microsoft)
    microsoft.control("POST", "faults", {"target": "graph", "status": 429, "seconds": 60})
    assert read(alice).state == "slow"
    counted = microsoft.control("GET", "state")["requests"]["graph"]

    assert read(alice).state == "slow"

    assert microsoft.control("GET", "state")["requests"]["graph"] == counted


def test_an_expired_token_is_asked_of_the_worker_and_polled_for(
    alice: User, microsoft: Simulator, client_of: ClientOf
) -> None:
    connection = connected(alice, microsoft)
    Connection.objects.update(access_token="", access_expires_at=None)
    client = client_of(alice)

    waiting = client.get("/meetings/agenda/").content.decode()
    tokens.refresh(Connection.objects.get(pk=connection.pk), now=timezone.now())
    ready = text_of(client.get("/meetings/agenda/?polls=1"))

    assert 'hx-get="/meetings/agenda/?polls=1"' in waiting
    assert "Daily stand-up" in ready


def test_a_token_that_microsoft_refuses_before_its_time_is_renewed_and_no_trouble(
    alice: User, microsoft: Simulator
) -> None:
    connection = connected(alice, microsoft)
    Connection.objects.update(refreshed_at=timezone.now() - timedelta(minutes=5))
    microsoft.control("POST", "people/alice@kestrel.example/expire-tokens")

    assert read(alice).state == "pending"

    asked_for = Connection.objects.get(pk=connection.pk)
    assert (asked_for.state, asked_for.access_token) == (State.CONNECTED, "")
    assert asked_for.refresh_due_at is not None
    assert asked_for.refresh_due_at <= timezone.now()
    tokens.refresh(asked_for, now=timezone.now())
    assert read(alice).state == "ready"


def test_a_grant_that_is_gone_right_after_connecting_is_not_taken_for_passing_trouble(
    alice: User, microsoft: Simulator
) -> None:
    connection = connected(alice, microsoft)
    microsoft.control("POST", "people/alice@kestrel.example/revoke-sessions")
    microsoft.control("POST", "people/alice@kestrel.example/expire-tokens")

    assert read(alice).state == "pending"

    assert Connection.objects.get(pk=connection.pk).state == State.CONNECTED
    checking.check(connection.pk, now=timezone.now())  # which the page has asked a worker for
    assert Connection.objects.get(pk=connection.pk).state == State.NEEDS_REAUTH


def test_after_thirty_polls_it_says_that_no_worker_answers(
    alice: User, microsoft: Simulator, client_of: ClientOf
) -> None:
    connected(alice, microsoft)
    Connection.objects.update(access_token="", access_expires_at=None)

    said = client_of(alice).get("/meetings/agenda/?polls=30")

    assert "No worker has answered for 30 seconds" in text_of(said)
    assert "hx-get" not in said.content.decode()


@pytest.mark.parametrize("polls", ["-1", "x", "²", "9" * 5000, ""])
def test_a_forged_number_of_polls_breaks_nothing(polls: str, alice: User, client_of: ClientOf) -> None:
    assert client_of(alice).get("/meetings/agenda/", {"polls": polls}).status_code == 200


def test_a_revoked_grant_leads_to_reconnect(alice: User, microsoft: Simulator, client_of: ClientOf) -> None:
    connection = connected(alice, microsoft)
    microsoft.control("POST", "people/alice@kestrel.example/revoke-sessions")
    Connection.objects.update(access_token="", access_expires_at=None)
    tokens.refresh(Connection.objects.get(pk=connection.pk), now=timezone.now())

    shown = text_of(client_of(alice).get("/meetings/agenda/"))

    assert "your sessions were ended or your password was changed" in shown
    assert shown.endswith("Reconnect")


def test_a_key_taken_out_of_the_configuration_does_not_break_the_page(
    alice: User, microsoft: Simulator, client_of: ClientOf, settings: Any
) -> None:
    connected(alice, microsoft)
    settings.TOKEN_KEYS = {"other": bytes(32)}

    assert client_of(alice).get("/meetings/agenda/").status_code == 200
    assert client_of(alice).get("/profile/").status_code == 200


def test_nobody_there_is_trouble_and_no_error_page(alice: User, microsoft: Simulator, settings: Any) -> None:
    connected(alice, microsoft)
    settings.MICROSOFT_GRAPH_URL = "https://localhost:9/v1.0"
    forget_microsoft()

    assert read(alice).state == "slow"


@pytest.mark.parametrize(
    ("state", "shown"),
    [
        (None, "not_connected"),
        (State.DISCONNECTED, "not_connected"),
        (State.CONNECTING, "connecting"),
        (State.NEEDS_REAUTH, "unusable"),
        (State.BLOCKED_BY_POLICY, "unusable"),
        (State.NOT_ELIGIBLE, "unusable"),
        (State.AWAITING_ADMIN, "unusable"),
    ],
)
def test_each_state_has_its_page_and_asks_nobody(
    state: State | None, shown: str, kestrel: Account, dana: User, alice: User, client_of: ClientOf
) -> None:
    if state == State.BLOCKED_BY_POLICY:
        choose(declare.setting_of(Integrations, "enabled"), False, at=kestrel, actor=dana, now=FOUNDED)
    if state:
        reason = "turned_off" if state == State.BLOCKED_BY_POLICY else ""
        Connection.objects.create(user=alice, state=state, since_at=timezone.now(), reason=reason)

    assert read(alice).state == shown
    assert client_of(alice).get("/meetings/agenda/").status_code == 200


def test_a_connection_that_the_settings_forbid_is_not_used_for_one_more_minute(
    kestrel: Account, dana: User, alice: User, microsoft: Simulator
) -> None:
    connected(alice, microsoft)
    choose(declare.setting_of(Integrations, "enabled"), False, at=kestrel, actor=dana, now=timezone.now())
    counted = microsoft.control("GET", "state")["requests"]["graph"]

    assert read(alice).state == "unusable"

    assert microsoft.control("GET", "state")["requests"]["graph"] == counted


# ── Exchange Web Services are shut off ──────────────────────────────────────
@pytest.fixture
def shut_off(alice: User, dana: User, microsoft: Simulator) -> None:
    """Alice's calendar was read by EWS until now."""
    leaving.by_ews(alice, microsoft, by=dana, agrees_to_graph=False)
    microsoft.control("POST", "tenants/kestrel.example/ews-policy-date", {"day": "2026-10-01"})


def test_whose_ews_was_shut_off_has_the_one_button_here_too(shut_off: None, alice: User, client_of: ClientOf) -> None:
    page = client_of(alice).get("/meetings/agenda/")

    assert reverse("connection_to_graph") in page.content.decode()
    assert "Your calendar can go on by Graph at once" in text_of(page)


def test_nobody_is_offered_what_a_lock_forbids(
    shut_off: None, alice: User, dana: User, kestrel: Account, client_of: ClientOf
) -> None:
    leaving.say(leaving.EWS, at=kestrel, by=dana, is_locked=True)

    page = client_of(alice).get("/meetings/agenda/")

    assert reverse("connection_to_graph") not in page.content.decode()
    assert "can move your connection to Graph" in text_of(page)
