"""Graph's calendar view: what is read from it, and what is refused."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from django.utils import timezone
from hypothesis import given
from hypothesis import strategies as st

from accounts.models import User
from integrations import tokens
from integrations.contracts import (
    AuthorizationLost,
    CredentialRefused,
    NotEligible,
    NotPermitted,
    Passing,
    Throttled,
    Unreachable,
)
from integrations.failures import Reason
from integrations.microsoft.graph import calendars, events, me
from integrations.microsoft.graph.provider import GraphCalendar
from tests.integrations.tls_host import Host, certificate, host
from tests.integrations.wired import connected, forget_microsoft
from tests.simulated import Simulator

__all__ = ["certificate", "host"]

START = datetime(2026, 11, 23, tzinfo=UTC)
END = START + timedelta(days=14)


def an_event(**changes: Any) -> dict[str, Any]:
    """As Graph writes one."""
    return {
        "id": "AAMk1",
        "subject": "Pipeline review",
        "isAllDay": False,
        "isCancelled": False,
        "sensitivity": "normal",
        "showAs": "busy",
        "type": "singleInstance",
        "start": {"dateTime": "2026-11-23T10:00:00.0000000", "timeZone": "UTC"},
        "end": {"dateTime": "2026-11-23T11:00:00.0000000", "timeZone": "UTC"},
        "location": {"displayName": "Room Kite"},
        "bodyPreview": "",
        "body": {"contentType": "text", "content": "Bring numbers."},
        "attendees": [{"emailAddress": {"name": "Alice", "address": "alice@kestrel.example"}}],
        "organizer": {"emailAddress": {"name": "Gus", "address": "gus@kestrel.example"}},
    } | changes


def at(moment: str, zone: str = "UTC") -> dict[str, str]:
    return {"dateTime": moment, "timeZone": zone}


# ── One event ───────────────────────────────────────────────────────────────
def test_a_timed_event_is_read() -> None:
    event = events.read(an_event())

    assert event.starts_at == datetime(2026, 11, 23, 10, tzinfo=UTC)
    assert event.ends_at == datetime(2026, 11, 23, 11, tzinfo=UTC)
    assert (event.first_day, event.last_day, event.is_all_day) == (None, None, False)
    assert (event.subject, event.location, event.body) == ("Pipeline review", "Room Kite", "Bring numbers.")
    assert (event.organizer, event.attendees) == ("Gus", 1)
    assert not (event.is_cancelled or event.is_private or event.is_tentative or event.is_recurring)


@pytest.mark.parametrize(
    ("end", "last"),
    [
        ("2026-11-24T00:00:00.0000000", date(2026, 11, 23)),
        ("2026-11-26T00:00:00.0000000", date(2026, 11, 25)),
        ("2026-11-23T00:00:00.0000000", date(2026, 11, 23)),
    ],
)
def test_the_end_of_an_all_day_event_is_exclusive(end: str, last: date) -> None:
    event = events.read(an_event(isAllDay=True, start=at("2026-11-23T00:00:00.0000000"), end=at(end)))

    assert (event.first_day, event.last_day) == (date(2026, 11, 23), last)
    assert (event.starts_at, event.ends_at) == (None, None)
    assert event.is_all_day


@pytest.mark.parametrize(
    ("change", "name"),
    [
        ({"isCancelled": True}, "is_cancelled"),
        ({"sensitivity": "private"}, "is_private"),
        ({"sensitivity": "confidential"}, "is_private"),
        ({"showAs": "tentative"}, "is_tentative"),
        ({"type": "occurrence"}, "is_recurring"),
        ({"type": "exception"}, "is_recurring"),
    ],
)
def test_its_marks_are_read(change: dict[str, Any], name: str) -> None:
    assert getattr(events.read(an_event(**change)), name) is True


@pytest.mark.parametrize("name", ["subject", "location", "body", "attendees", "organizer"])
@pytest.mark.parametrize("value", [None, "missing"])
def test_what_is_missing_or_null_is_empty(name: str, value: str | None) -> None:
    raw = an_event(**{name: None})
    if value:
        del raw[name]

    event = events.read(raw)

    assert not getattr(event, name)


def test_the_preview_stands_in_for_a_body() -> None:
    assert events.read(an_event(body=None, bodyPreview="Bring…")).body == "Bring…"


@given(
    st.datetimes(datetime(1990, 1, 1), datetime(2100, 1, 1)),  # noqa: DTZ001  as Graph writes them: without a zone
    st.integers(0, 9),
)
def test_seven_digits_of_a_second_or_any_other_number_are_understood(moment: datetime, digits: int) -> None:
    fraction = f"{moment.microsecond:06}000"[:digits]
    written = moment.strftime("%Y-%m-%dT%H:%M:%S") + (f".{fraction}" if digits else "")

    event = events.read(an_event(start=at(written), end=at("2101-01-01T00:00:00")))

    kept = int(fraction[:6].ljust(6, "0")) if digits else 0
    assert event.starts_at == moment.replace(microsecond=kept, tzinfo=UTC)


@pytest.mark.parametrize(
    "start",
    [
        None,
        {},
        "2026-11-23T10:00:00",
        at(""),
        at("now"),
        at("2026-11-23"),
        at("10:00:00"),
        at("2026-W48-1T10:00:00"),
        at("20261123T100000"),
        at("2026-11-23 10:00:00"),
        at("2026-11-23T10:00"),
        at("2026-11-23T10:00:00+02:00"),
        at("2026-11-23T10:00:00.0000000+02:00"),
        at("2026-11-23T25:00:00"),
        at("2026-13-01T10:00:00"),
        at("2026-11-23T10:00:00\n"),
        at("２０２６-11-23T10:00:00"),
        at("2026-11-23T10:00:00", "Pacific Standard Time"),
        at("2026-11-23T10:00:00", "Europe/Berlin"),
        at("2026-11-23T10:00:00", ""),
        {"dateTime": "2026-11-23T10:00:00"},
        {"timeZone": "UTC"},
        {"dateTime": 1795427200, "timeZone": "UTC"},
        {"dateTime": None, "timeZone": "UTC"},
    ],
)
@pytest.mark.parametrize("which", ["start", "end"])
def test_a_missing_or_odd_time_is_an_error_and_never_now(which: str, start: Any) -> None:
    with pytest.raises((KeyError, TypeError, ValueError, AttributeError)):
        events.read(an_event(**{which: start}))


@pytest.mark.parametrize("name", ["id", "isAllDay", "start", "end"])
def test_an_event_without_what_it_cannot_be_without_is_an_error(name: str) -> None:
    raw = an_event()
    del raw[name]

    with pytest.raises(KeyError):
        events.read(raw)


# ── Pages ───────────────────────────────────────────────────────────────────
class Pages:
    """Graph, with the pages a test gives it."""

    def __init__(self, host: Host) -> None:
        self.host = host
        self.pages: list[object] = []
        self.host.talk = lambda connection, _path: connection.sendall(self._next())

    def _next(self) -> bytes:
        body = json.dumps(self.pages.pop(0) if self.pages else {"value": []}).encode()
        return b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body)


@pytest.fixture
def pages(host: Host, certificate: Path, settings: Any) -> Iterator[Pages]:
    settings.MICROSOFT_GRAPH_URL = f"{host.url}/v1.0"
    settings.MICROSOFT_CA_BUNDLE = str(certificate)
    forget_microsoft()
    yield Pages(host)
    forget_microsoft()


def test_pages_are_followed_to_the_last(pages: Pages) -> None:
    link = f"{pages.host.url}/v1.0/me/calendarView?$skip=1"
    pages.pages = [
        {"value": [an_event(id="1")], "@odata.nextLink": link},
        {"value": [], "@odata.nextLink": link},
        {"value": [an_event(id="2")]},
    ]

    found = [event.id for event in events.events_between("token", START, END)]

    assert found == ["1", "2"]
    assert pages.host.paths[1:] == ["/v1.0/me/calendarView?$skip=1"] * 2


def test_only_what_is_shown_is_asked_for_in_utc(pages: Pages) -> None:
    list(events.events_between("token", START, END))

    asked = pages.host.paths[0]
    assert "startDateTime=2026-11-23T00%3A00%3A00Z" in asked
    assert "endDateTime=2026-12-07T00%3A00%3A00Z" in asked
    assert "%24select=id%2Csubject" in asked


@pytest.mark.parametrize(
    "link",
    [
        "https://evil.example/v1.0/me/calendarView",
        "https://localhost:1/v1.0/me/calendarView",
        "http://{name}/v1.0/me/calendarView",
        "//evil.example/x",
        "https://{name}@evil.example/x",
        "https://evil.example\\@{name}/x",
        "/v1.0/me/calendarView",
        "nonsense",
    ],
)
def test_a_link_that_leads_elsewhere_is_not_followed(link: str, pages: Pages) -> None:
    pages.pages = [{"value": [an_event()], "@odata.nextLink": link.format(name=pages.host.name)}]

    with pytest.raises(Unreachable):
        list(events.events_between("token", START, END))

    assert len(pages.host.paths) == 1


def test_the_token_for_the_calendar_is_not_even_sent_to_microsofts_other_host(
    pages: Pages, certificate: Path, settings: Any
) -> None:
    """The session may speak to the authority, too; Graph's token must not go there."""
    authority = Host(certificate)
    settings.MICROSOFT_AUTHORITY_HOST = authority.url
    pages.pages = [{"value": [an_event()], "@odata.nextLink": f"{authority.url}/v1.0/me/calendarView"}]

    with pytest.raises(Unreachable):
        list(events.events_between("token", START, END))

    assert authority.paths == []
    authority.close()


def test_a_listing_without_an_end_is_a_fault(pages: Pages) -> None:
    link = f"{pages.host.url}/v1.0/me/calendarView?again"
    pages.pages = [{"value": [], "@odata.nextLink": link}] * 1000

    with pytest.raises(Unreachable):
        list(events.events_between("token", START, END))

    assert len(pages.host.paths) == events.MAX_PAGES


@pytest.mark.parametrize("page", [[], "x", {}, {"value": None}, {"value": {}}, {"value": [1]}, {"value": [{}]}])
def test_a_senseless_page_is_passing_trouble(page: object, pages: Pages) -> None:
    pages.pages = [page]

    with pytest.raises(Unreachable):
        list(events.events_between("token", START, END))


def test_one_odd_event_is_not_left_out_in_silence(pages: Pages) -> None:
    pages.pages = [{"value": [an_event(), an_event(start=at("2026-11-23T10:00:00", "Mars"))]}]

    with pytest.raises(Unreachable):
        list(events.events_between("token", START, END))


# ── The simulated Microsoft ─────────────────────────────────────────────────
@pytest.fixture
def token(alice: User, microsoft: Simulator) -> str:
    connection = connected(alice, microsoft)
    held = tokens.held_token(connection, now=timezone.now())
    assert held
    return held


@pytest.mark.django_db
def test_a_real_calendar_is_read(token: str) -> None:
    now = timezone.now()

    found = list(GraphCalendar(token).events_between(now, now + timedelta(days=14)))

    assert len(found) > 10
    assert all(event.subject for event in found)
    assert any(event.is_recurring for event in found)
    assert calendars.get_default_calendar(token).name
    assert me.get_address(token) == "alice@kestrel.example"


@pytest.mark.django_db
def test_many_small_pages_hold_the_same_as_one_large(bob: User, microsoft: Simulator) -> None:
    connection, now = connected(bob, microsoft), timezone.now()
    held = tokens.held_token(connection, now=now)
    assert held

    small, large = (
        [raw["id"] for raw in events.view(held, now, now + timedelta(days=14), top=top)] for top in (7, 100)
    )

    assert len(small) > 50
    assert small == large


@pytest.mark.django_db
def test_a_token_that_was_refused_says_so(token: str, microsoft: Simulator) -> None:
    microsoft.control("POST", "people/alice@kestrel.example/expire-tokens")

    with pytest.raises(Unreachable) as problem:
        me.get_address(token)

    assert problem.value.failure.reason == Reason.TOKEN_REFUSED
    assert problem.value.failure.code == "InvalidAuthenticationToken"
    assert problem.value.failure.trace_id


NO_ANSWERS = {
    "nothing": b"",
    "a page": b"<html>",
    "a list": b"[1]",
    "nested too deeply": b"[" * 100_000,
    "an endless number": b'{"mail": ' + b"9" * 5000 + b"}",
}


@pytest.mark.parametrize("body", NO_ANSWERS.values(), ids=NO_ANSWERS)
def test_what_is_no_answer_of_graphs_is_passing_trouble(
    body: bytes, host: Host, certificate: Path, settings: Any
) -> None:
    settings.MICROSOFT_GRAPH_URL, settings.MICROSOFT_CA_BUNDLE = f"{host.url}/v1.0", str(certificate)
    forget_microsoft()
    head = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(body)
    host.talk = lambda connection, _path: connection.sendall(head + body)

    with pytest.raises(Unreachable):
        me.get_address("a-token")

    forget_microsoft()


@pytest.mark.django_db
def test_throttling_says_how_long(token: str, microsoft: Simulator) -> None:
    microsoft.control("POST", "faults", {"target": "graph", "status": 429, "seconds": 30})

    with pytest.raises(Throttled) as problem:
        me.get_address(token)

    wait = problem.value.failure.retry_after
    assert wait is not None
    assert timedelta(seconds=25) <= wait <= timedelta(seconds=31)


def test_the_token_is_not_in_what_is_printed_of_an_open_calendar() -> None:
    assert "secret-token" not in repr(GraphCalendar("secret-token"))


def test_the_tree_of_errors_tells_passing_from_lasting() -> None:
    assert issubclass(Throttled, Passing)
    assert issubclass(Unreachable, Passing)
    for lasting in (AuthorizationLost, CredentialRefused, NotEligible, NotPermitted):
        assert not issubclass(lasting, Passing)
