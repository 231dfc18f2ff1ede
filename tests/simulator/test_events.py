"""Events: written, read, changed and deleted, one by one."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote, urlencode
from uuid import uuid4

import pytest

from tests.simulator.aviary import BEN, Birds
from tests.simulator.client import ALICE, BOB, Reader
from tests.simulator.mailbox import Json, Mailbox, at, daily

MARKER = "String {66f5a359-4659-4830-9070-00047ec6ac6e} Name PortalEventId"
LIKE_A_REAL_ID = "AAMkAGI1AAAoZCfHAAAAAAENAAA="
WHEN = {"start": at("2031-03-03T10:00"), "end": at("2031-03-03T11:00")}
WHOLE = {
    "@odata.context", "@odata.etag", "id", "createdDateTime", "lastModifiedDateTime", "changeKey", "categories",
    "originalStartTimeZone", "originalEndTimeZone", "iCalUId", "uid", "reminderMinutesBeforeStart", "isReminderOn",
    "hasAttachments", "subject", "bodyPreview", "importance", "sensitivity", "isAllDay", "isCancelled", "isOrganizer",
    "isDraft", "hideAttendees", "responseRequested", "allowNewTimeProposals", "seriesMasterId", "showAs", "type",
    "webLink", "onlineMeetingUrl", "isOnlineMeeting", "onlineMeetingProvider", "onlineMeeting", "recurrence",
    "occurrenceId", "responseStatus", "body", "start", "end", "location", "locations", "attendees", "organizer",
}  # fmt: skip


@pytest.fixture
def box(office: Reader) -> Mailbox:
    """Alice's, in a calendar of its own."""
    return Mailbox.of(office, ALICE).in_new_calendar(f"Test {uuid4()}")


# ── Creating ────────────────────────────────────────────────────────────────
def test_a_created_event_comes_back_whole(box: Mailbox) -> None:
    answer = box.ask("POST", "/me/events", {"subject": "Lunch", **WHEN})

    event = answer.json()
    assert answer.status_code == 201
    assert set(event) == WHOLE
    assert event["@odata.etag"] == f'W/"{event["changeKey"]}"' == answer.headers["ETag"]
    assert event["start"] == {"dateTime": "2031-03-03T10:00:00.0000000", "timeZone": "UTC"}
    assert (event["type"], event["showAs"], event["isOrganizer"]) == ("singleInstance", "busy", True)
    assert event["responseStatus"] == {"response": "organizer", "time": "0001-01-01T00:00:00Z"}
    assert event["organizer"]["emailAddress"] == {"name": "Alice Moreau", "address": ALICE}
    assert event["body"] == {"contentType": "html", "content": ""}
    assert box.ask("GET", answer.headers["Location"]).json()["id"] == event["id"]
    box.delete(event["id"])


def test_what_was_written_is_read_again(box: Mailbox) -> None:
    wanted = {
        "subject": "Größe & “quotes”",
        "importance": "high",
        "sensitivity": "private",
        "showAs": "workingElsewhere",
        "categories": ["Red", "Blue"],
        "reminderMinutesBeforeStart": 45,
        "isReminderOn": False,
        "responseRequested": False,
        "allowNewTimeProposals": False,
        "hideAttendees": True,
        "transactionId": str(uuid4()),
    }
    place = {"displayName": "Room Heron", "address": {"city": "Leeds"}}

    created = box.ask("POST", f"{box.path}/events", {**WHEN, **wanted, "location": place}).json()
    read = box.ask("GET", f"/me/events/{created['id']}").json()

    assert {name: read[name] for name in wanted} == wanted
    assert read["location"]["displayName"] == "Room Heron"
    assert read["location"]["address"] == {"city": "Leeds"}
    assert read["locations"] == [read["location"]]
    assert {**read, "@odata.context": ""} == {**created, "@odata.context": ""}


@pytest.mark.parametrize("path", ["/me/events", "/me/calendar/events", "/users/{id}/events"])
def test_events_are_created_in_the_default_calendar_by_any_path(office: Reader, path: str) -> None:
    box = Mailbox.of(office, ALICE)
    me = box.ask("GET", "/me").json()

    created = box.ask("POST", path.replace("{id}", me["id"]), {"subject": "Anywhere", **WHEN}).json()

    assert box.ask("GET", f"/me/calendar/events/{created['id']}").json()["subject"] == "Anywhere"
    assert box.ask("GET", f"/users/{ALICE}/events/{created['id']}").json()["subject"] == "Anywhere"
    box.delete(created["id"])


def test_an_event_is_found_in_its_calendar_and_in_no_other(box: Mailbox) -> None:
    event = box.create("Here", "2031-03-03T10:00", "2031-03-03T11:00")
    other = box.in_new_calendar(f"Other {uuid4()}")

    assert box.ask("GET", f"{box.path}/events/{event['id']}").status_code == 200
    assert box.ask("GET", f"{other.path}/events/{event['id']}").status_code == 404
    assert box.ask("GET", f"/me/calendar/events/{event['id']}").status_code == 404
    assert [one["id"] for one in box.view()] == [event["id"]]


def test_events_of_others_are_not_found(office: Reader, box: Mailbox) -> None:
    event = box.create("Mine", "2031-03-03T10:00", "2031-03-03T11:00")
    bob = Mailbox.of(office, BOB)

    for method in ("GET", "PATCH", "DELETE"):
        answer = bob.ask(method, f"/me/events/{event['id']}", {"subject": "Yours"} if method == "PATCH" else None)
        assert _refusal(answer) == (404, "ErrorItemNotFound")


def test_times_of_windows_and_iana_zones_are_the_same_moment(box: Mailbox) -> None:
    windows, iana = (
        box.create("Zoned", "2031-03-03T10:00", "2031-03-03T11:00", start=at("2031-03-03T02:00", zone),
                   end=at("2031-03-03T03:00", zone))
        for zone in ("Pacific Standard Time", "America/Los_Angeles")
    )  # fmt: skip

    assert windows["start"] == iana["start"] == {"dateTime": "2031-03-03T10:00:00.0000000", "timeZone": "UTC"}
    assert windows["originalStartTimeZone"] == iana["originalStartTimeZone"] == "Pacific Standard Time"
    tokyo = box.ask("GET", f"/me/events/{iana['id']}", Prefer='outlook.timezone="Tokyo Standard Time"')
    assert tokyo.json()["start"] == {"dateTime": "2031-03-03T19:00:00.0000000", "timeZone": "Tokyo Standard Time"}
    assert tokyo.headers["Preference-Applied"] == 'outlook.timezone="Tokyo Standard Time"'


def test_all_day_is_midnight_to_midnight_wherever_one_looks(box: Mailbox) -> None:
    zone = "Pacific Standard Time"

    event = box.create("Day off", "", "", isAllDay=True, start=at("2031-03-03T00:00", zone),
                       end=at("2031-03-04T00:00", zone))  # fmt: skip

    for prefer in ("UTC", "Asia/Tokyo", zone):
        read = box.ask("GET", f"/me/events/{event['id']}", Prefer=f'outlook.timezone="{prefer}"').json()
        assert read["start"]["dateTime"] == "2031-03-03T00:00:00.0000000"
        assert read["end"]["dateTime"] == "2031-03-04T00:00:00.0000000"


@pytest.mark.parametrize(
    ("sent", "text"),
    [
        ({"contentType": "text", "content": "1 < 2\nsecond line"}, "1 < 2\r\nsecond line"),
        ({"contentType": "html", "content": "<p>1 &lt; 2</p><b>second</b> line"}, "1 < 2\r\nsecond line"),
    ],
)
def test_bodies_are_kept_as_html_and_shown_as_text_on_request(box: Mailbox, sent: Json, text: str) -> None:
    event = box.create("Body", "2031-03-03T10:00", "2031-03-03T11:00", body=sent)

    read = box.ask("GET", f"/me/events/{event['id']}", Prefer='outlook.body-content-type="text"').json()

    assert event["body"]["contentType"] == "html"
    assert event["body"]["content"].startswith("<html>")
    assert "1 &lt; 2" in event["body"]["content"]
    assert read["body"] == {"contentType": "text", "content": text}
    assert event["bodyPreview"] == text


def test_an_online_meeting_has_an_address_to_join(box: Mailbox) -> None:
    event = box.create("Call", "2031-03-03T10:00", "2031-03-03T11:00", isOnlineMeeting=True)

    assert event["onlineMeeting"]["joinUrl"].startswith("https://teams.microsoft.com/l/meetup-join/")
    assert event["onlineMeetingProvider"] == "teamsForBusiness"
    again = box.change(event["id"], isOnlineMeeting=True).json()
    assert again["onlineMeeting"] == event["onlineMeeting"]


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"start": None}, "ErrorPropertyValidationFailure"),
        ({"end": {"timeZone": "UTC"}}, "ErrorPropertyValidationFailure"),
        ({"end": at("2031-03-03T09:59")}, "ErrorPropertyValidationFailure"),
        ({"start": {"dateTime": "tomorrow", "timeZone": "UTC"}}, "ErrorPropertyValidationFailure"),
        ({"start": {"dateTime": "2031-02-30T10:00:00", "timeZone": "UTC"}}, "ErrorPropertyValidationFailure"),
        ({"start": {"dateTime": "9999-02-03T10:00:00", "timeZone": "UTC"}}, "ErrorPropertyValidationFailure"),
        ({"start": at("2031-03-03T10:00", "Mars/Olympus")}, "TimeZoneNotSupportedException"),
        ({"start": "2031-03-03T10:00:00"}, "RequestBodyRead"),
        ({"isAllDay": True}, "ErrorInvalidRequest"),
        ({"isAllDay": True, "start": at("2031-03-03T00:00"), "end": at("2031-03-03T00:00")}, "ErrorInvalidRequest"),
        ({"isAllDay": "yes"}, "RequestBodyRead"),
        ({"subject": "x" * 256}, "ErrorPropertyValidationFailure"),
        ({"subject": 5}, "RequestBodyRead"),
        ({"colour": "red"}, "RequestBodyRead"),
        ({"start": {**at("2031-03-03T10:00"), "offset": 5}}, "RequestBodyRead"),
        ({"showAs": "asleep"}, "RequestBodyRead"),
        ({"sensitivity": "secret"}, "RequestBodyRead"),
        ({"importance": 3}, "RequestBodyRead"),
        ({"categories": "Red"}, "RequestBodyRead"),
        ({"attendees": [{"emailAddress": {"name": "Nobody"}}]}, "ErrorPropertyValidationFailure"),
        ({"attendees": [{"emailAddress": {"address": "no address"}}]}, "ErrorPropertyValidationFailure"),
        ({"attendees": [{"emailAddress": {"address": "a@b.example"}, "type": "vip"}]}, "RequestBodyRead"),
        ({"reminderMinutesBeforeStart": -1}, "ErrorPropertyValidationFailure"),
        ({"body": {"contentType": "markdown", "content": "x"}}, "RequestBodyRead"),
        ({"recurrence": daily("2031-03-04", 3)}, "ErrorPropertyValidationFailure"),
        ({"recurrence": {"pattern": {"type": "daily", "interval": 1}}}, "ErrorPropertyValidationFailure"),
        ({"singleValueExtendedProperties": [{"id": "Nonsense", "value": "x"}]}, "ErrorInvalidProperty"),
    ],
)
def test_what_cannot_be_an_event_is_refused(box: Mailbox, change: Mapping[str, Any], code: str) -> None:
    answer = box.ask("POST", f"{box.path}/events", {"subject": "No", **WHEN, **change})

    assert _refusal(answer) == (400, code)
    assert box.view() == []


@pytest.mark.parametrize(
    "place",
    [
        {"address": 5},
        {"address": {"city": 5}},
        {"address": {"planet": "Earth"}},
        {"coordinates": "q"},
        {"coordinates": {"latitude": "51"}},
        {"coordinates": {"latitude": True}},
        {"coordinates": {"latitude": 10**400}},
        {"locationType": "bogus"},
        {"uniqueIdType": 7},
        {"uniqueId": 7},
        {"locationUri": [1]},
        {"locationEmailAddress": {}},
        {"@odata.type": "#microsoft.graph.event"},
    ],
)
def test_what_cannot_be_a_place_is_refused(box: Mailbox, place: Json) -> None:
    event = box.create("Here", "2031-03-03T10:00", "2031-03-03T11:00")
    bodies: list[Json] = [{"location": {"displayName": "x", **place}}, {"locations": [{"displayName": "x", **place}]}]

    for body in bodies:
        assert _refusal(box.ask("POST", f"{box.path}/events", {"subject": "No", **WHEN, **body})) == (
            400, "RequestBodyRead",
        )  # fmt: skip
        assert _refusal(box.change(event["id"], **body)) == (400, "RequestBodyRead")

    assert [one["location"] for one in box.view()] == [event["location"]]


def test_a_place_comes_back_with_all_that_was_said_of_it(box: Mailbox) -> None:
    place = {
        "displayName": "Hotel Heron",
        "locationEmailAddress": "desk@heron.example",
        "address": {"street": "1 Quay", "city": "Leeds", "state": "", "countryOrRegion": "UK", "postalCode": "LS1"},
        "coordinates": {"latitude": 53.8, "longitude": -1.5, "altitude": 12},
        "locationUri": "https://heron.example/",
        "uniqueId": "heron",
    }
    sent = {**place, "@odata.type": "#microsoft.graph.location", "locationType": "HOTEL", "uniqueIdType": "Bing"}

    event = box.create("There", "2031-03-03T10:00", "2031-03-03T11:00", location=sent)

    assert event["location"] == {**place, "locationType": "hotel", "uniqueIdType": "bing"}
    assert box.change(event["id"], location=event["location"]).json()["location"] == event["location"]


@pytest.mark.parametrize(
    "wrong",
    [
        {"@odata.type": "#microsoft.graph.message"},
        {"@odata.type": 5},
        {"id": 5},
        {"isCancelled": "x"},
        {"hasAttachments": 1},
        {"createdDateTime": "yesterday"},
        {"lastModifiedDateTime": "2031-02-30T10:00:00Z"},
        {"type": "meeting"},
        {"organizer": 5},
        {"organizer": {"emailAddress": {"address": 5}}},
        {"responseStatus": [1]},
        {"responseStatus": {"response": "maybe"}},
        {"onlineMeeting": "https://meet.example/"},
        {"instances": {}},
        {"calendar": "mine"},
        {"attendees": [{"emailAddress": {"address": BOB}, "status": 5}]},
    ],
)
def test_what_only_the_service_writes_must_be_readable_all_the_same(box: Mailbox, wrong: Json) -> None:
    answer = box.ask("POST", f"{box.path}/events", {"subject": "No", **WHEN, **wrong})

    assert _refusal(answer) == (400, "RequestBodyRead")
    assert box.view() == []


def test_an_event_can_be_sent_back_as_it_was_read(box: Mailbox) -> None:
    read = box.create(
        "Meeting", "2031-03-03T10:00", "2031-03-03T11:00", attendees=[{"emailAddress": {"address": BOB}}],
        isOnlineMeeting=True, location={"displayName": "Room Heron"}, recurrence=daily("2031-03-03", 3),
    )  # fmt: skip
    one = box.view()[1]

    for event in (read, one):
        answer = box.change(event["id"], **event)
        assert answer.status_code == 200, answer.text
        assert answer.json()["location"] == event["location"]
    box.delete(read["id"])


def test_an_event_has_at_most_five_hundred_attendees(box: Mailbox) -> None:
    crowd = [{"emailAddress": {"address": f"p{number}@elsewhere.example"}} for number in range(501)]

    refused = box.ask("POST", f"{box.path}/events", {"subject": "All", **WHEN, "attendees": crowd})
    taken = box.ask("POST", f"{box.path}/events", {"subject": "All", **WHEN, "attendees": crowd[:500]})

    assert refused.status_code == 400
    assert len(taken.json()["attendees"]) == 500


@pytest.mark.parametrize(
    "odd",
    [
        {"subject": "half a \ud83d character and a \0"},
        {"body": {"contentType": "html", "content": "<head" * 1000 + "\udc00\0"}},
        {"location": {"displayName": "\ud800"}},
        {"categories": ["\ud800", "'\"%"]},
        {"transactionId": "\ud800"},
        {"attendees": [{"emailAddress": {"address": "x@\ud800.example", "name": "\ud800"}}]},
        {"singleValueExtendedProperties": [{"id": MARKER, "value": "\ud800"}]},
    ],
)
def test_odd_characters_break_nothing(box: Mailbox, odd: Json) -> None:
    answer = box.ask("POST", f"{box.path}/events", {"subject": "Odd", **WHEN, **odd})

    assert answer.status_code in (201, 400), answer.text
    assert len(box.view()) == (answer.status_code == 201)
    if answer.status_code == 201:
        box.delete(answer.json()["id"])


def test_what_only_the_service_writes_is_ignored(box: Mailbox) -> None:
    theirs = {"id": LIKE_A_REAL_ID, "changeKey": "x", "isOrganizer": False, "webLink": "x", "iCalUId": "x",
              "organizer": {"emailAddress": {"address": BOB}}, "type": "exception", "@odata.etag": "x"}  # fmt: skip

    event = box.create("Mine", "2031-03-03T10:00", "2031-03-03T11:00", **theirs)

    assert not [name for name in theirs if event[name] == theirs[name]]


# ── Changing and deleting ───────────────────────────────────────────────────
def test_a_change_changes_what_it_names_and_nothing_else(box: Mailbox) -> None:
    before = box.create("Old", "2031-03-03T10:00", "2031-03-03T11:00", categories=["Red"], body=_text("Agenda"))

    answer = box.change(before["id"], subject="New")

    after = answer.json()
    assert answer.status_code == 200
    assert after["subject"] == "New"
    moving = {"subject", "@odata.etag", "changeKey", "lastModifiedDateTime"}
    assert {name: after[name] for name in after if name not in moving} == {
        name: before[name] for name in before if name not in moving
    }
    assert after["changeKey"] != before["changeKey"]
    assert answer.headers["ETag"] == after["@odata.etag"]


def test_a_new_start_alone_must_still_come_before_the_end(box: Mailbox) -> None:
    event = box.create("Fixed", "2031-03-03T10:00", "2031-03-03T11:00")

    late = box.change(event["id"], start=at("2031-03-03T11:01"))
    early = box.change(event["id"], start=at("2031-03-03T09:00"))

    assert _refusal(late) == (400, "ErrorPropertyValidationFailure")
    assert early.json()["start"]["dateTime"] == "2031-03-03T09:00:00.0000000"
    assert early.json()["end"] == event["end"]


def test_what_is_deleted_is_not_found(box: Mailbox) -> None:
    event = box.create("Gone", "2031-03-03T10:00", "2031-03-03T11:00")

    answer = box.delete(event["id"])

    assert (answer.status_code, answer.content) == (204, b"")
    for again in (box.delete(event["id"]), box.change(event["id"], subject="x"), _get(box, event["id"])):
        assert _refusal(again) == (404, "ErrorItemNotFound")


def test_permanent_delete_deletes(box: Mailbox) -> None:
    event = box.create("Gone", "2031-03-03T10:00", "2031-03-03T11:00")

    assert box.ask("POST", f"/me/events/{event['id']}/permanentDelete").status_code == 204
    assert _get(box, event["id"]).status_code == 404


@pytest.mark.parametrize("method", ["PATCH", "DELETE"])
def test_if_match_guards_against_what_one_has_not_seen(box: Mailbox, method: str) -> None:
    event = box.create("Guarded", "2031-03-03T10:00", "2031-03-03T11:00")
    fresh = box.change(event["id"], subject="Meanwhile").json()["@odata.etag"]
    body = {"subject": "Mine"} if method == "PATCH" else None

    stale = box.ask(method, f"/me/events/{event['id']}", body, **{"If-Match": event["@odata.etag"]})
    good = box.ask(method, f"/me/events/{event['id']}", body, **{"If-Match": fresh})

    assert _refusal(stale) == (412, "ErrorIrresolvableConflict")
    assert good.status_code in (200, 204)


def test_if_match_star_takes_any(box: Mailbox) -> None:
    event = box.create("Any", "2031-03-03T10:00", "2031-03-03T11:00")

    assert box.ask("DELETE", f"/me/events/{event['id']}", **{"If-Match": "*"}).status_code == 204


@pytest.mark.parametrize(
    ("event_id", "refusal"),
    [
        ("nonsense", (400, "ErrorInvalidIdMalformed")),
        ("1", (400, "ErrorInvalidIdMalformed")),
        ("AAMk%20%27", (400, "ErrorInvalidIdMalformed")),
        (quote(LIKE_A_REAL_ID), (404, "ErrorItemNotFound")),
    ],
)
def test_an_id_that_names_nothing(box: Mailbox, event_id: str, refusal: tuple[int, str]) -> None:
    assert _refusal(_get(box, event_id)) == refusal


def test_ids_are_told_apart_by_case(box: Mailbox) -> None:
    event = box.create("Case", "2031-03-03T10:00", "2031-03-03T11:00")

    assert _refusal(_get(box, f"AAMkAD{event['id'][6:].swapcase()}")) == (404, "ErrorItemNotFound")


def test_reminders_are_dismissed_and_snoozed(box: Mailbox) -> None:
    event = box.create("Soon", "2031-03-03T10:00", "2031-03-03T11:00")

    snoozed = box.ask("POST", f"/me/events/{event['id']}/snoozeReminder", {"newReminderTime": at("2031-03-03T09:55")})
    nonsense = box.ask("POST", f"/me/events/{event['id']}/snoozeReminder", {})
    dismissed = box.ask("POST", f"/me/events/{event['id']}/dismissReminder")

    assert (snoozed.status_code, nonsense.status_code, dismissed.status_code) == (200, 400, 200)
    assert _get(box, event["id"]).json()["isReminderOn"] is False


def test_who_may_only_read_writes_nothing(office: Reader) -> None:
    box = Mailbox.of(office, "gus@kestrel.example", "openid Calendars.Read")

    answers = [
        box.ask("POST", "/me/events", {"subject": "No", **WHEN}),
        box.ask("POST", "/me/calendars", {"name": "No"}),
        box.ask("DELETE", f"/me/events/{LIKE_A_REAL_ID}"),
        box.ask("POST", f"/me/events/{LIKE_A_REAL_ID}/accept"),
    ]

    assert {_refusal(answer) for answer in answers} == {(403, "ErrorAccessDenied")}


# ── Created once ────────────────────────────────────────────────────────────
def test_a_transaction_id_creates_once(box: Mailbox) -> None:
    transaction = str(uuid4())
    first = box.create("Once", "2031-03-03T10:00", "2031-03-03T11:00", transactionId=transaction)

    again = box.ask("POST", "/me/events", {"subject": "Twice", **WHEN, "transactionId": transaction})

    assert first["transactionId"] == transaction
    assert _refusal(again) == (409, "ErrorDuplicateTransactionId")
    assert again.json()["error"]["@event.existingEventId"] == first["id"]
    assert [event["subject"] for event in box.view()] == ["Once"]


def test_a_transaction_id_creates_once_at_the_same_moment(box: Mailbox) -> None:
    body = {"subject": "Race", **WHEN, "transactionId": str(uuid4())}
    statuses: list[int] = []
    threads = [
        threading.Thread(
            target=lambda: statuses.append(box.ask("POST", f"{box.path}/events", body).status_code), daemon=True
        )
        for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)

    assert sorted(statuses) == [201, 409, 409, 409]
    assert len(box.view()) == 1


def test_a_transaction_id_is_free_again_when_its_event_is_gone(box: Mailbox) -> None:
    transaction = str(uuid4())
    first = box.create("Once", "2031-03-03T10:00", "2031-03-03T11:00", transactionId=transaction)
    box.delete(first["id"])

    second = box.create("Again", "2031-03-03T10:00", "2031-03-03T11:00", transactionId=transaction)

    assert second["id"] != first["id"]


def test_a_transaction_id_cannot_change(box: Mailbox) -> None:
    event = box.create("Once", "2031-03-03T10:00", "2031-03-03T11:00", transactionId="mine")

    assert box.change(event["id"], transactionId="other").json()["transactionId"] == "mine"
    box.delete(event["id"])


# ── A mark of one's own ─────────────────────────────────────────────────────
def test_an_extended_property_is_shown_only_when_expanded(box: Mailbox) -> None:
    event = _marked(box, "portal-1")

    plain = _get(box, event["id"]).json()
    expanded = box.ask("GET", f"/me/events/{event['id']}?{_expand(MARKER)}").json()
    other = box.ask("GET", f"/me/events/{event['id']}?{_expand(MARKER + 'X')}").json()

    assert "singleValueExtendedProperties" not in plain
    assert "singleValueExtendedProperties" not in other
    assert expanded["singleValueExtendedProperties"] == [{"id": MARKER, "value": "portal-1"}]


@pytest.mark.parametrize(
    ("property_id", "value", "is_found"),
    [
        (MARKER, "Portal-2", True),
        (MARKER, "PORTAL-2", True),
        (MARKER, "portal", False),
        (MARKER.replace("66f5a359", "66F5A359"), "Portal-2", True),
        (MARKER.replace("PortalEventId", "portaleventid"), "Portal-2", False),
    ],
)
def test_an_event_is_found_by_its_extended_property(box: Mailbox, property_id: str, value: str, is_found: bool) -> None:
    event = _marked(box, "Portal-2")
    box.create("Unmarked", "2031-03-04T10:00", "2031-03-04T11:00")

    condition = f"singleValueExtendedProperties/Any(ep: ep/id eq '{property_id}' and ep/value eq '{value}')"
    answer = box.ask("GET", f"{box.path}/events?{urlencode({'$filter': condition})}&{_expand(MARKER)}")

    assert answer.status_code == 200, answer.text
    found = answer.json()["value"]
    assert [one["id"] for one in found] == ([event["id"]] if is_found else [])
    assert all(one["singleValueExtendedProperties"][0]["value"] == "Portal-2" for one in found)


def test_extended_properties_are_changed_one_by_one(box: Mailbox) -> None:
    event = _marked(box, "first")
    second = MARKER.replace("PortalEventId", "Other")

    box.change(event["id"], singleValueExtendedProperties=[{"id": second, "value": "second"}])

    both = box.ask("GET", f"/me/events/{event['id']}?{_expand(MARKER, second)}").json()
    assert [one["value"] for one in both["singleValueExtendedProperties"]] == ["first", "second"]


@pytest.mark.parametrize("option", ["$expand", "$filter"])
def test_basic_permission_opens_no_extended_properties(birds: Birds, option: str) -> None:
    asked = {
        "$expand": f"singleValueExtendedProperties($filter=id eq '{MARKER}')",
        "$filter": f"singleValueExtendedProperties/any(ep: ep/id eq '{MARKER}' and ep/value eq 'x')",
    }[option]
    path = f"/users/{BEN}/events?{urlencode({option: asked})}"

    basic = birds.graph(birds.as_app("Calendars.ReadBasic.All"), path)
    full = birds.graph(birds.as_app("Calendars.Read"), path)

    assert _refusal(basic) == (403, "ErrorAccessDenied")
    assert full.status_code == 200


# ── Ids that stay ───────────────────────────────────────────────────────────
def test_immutable_ids_are_given_and_taken(box: Mailbox) -> None:
    prefer = {"Prefer": 'IdType="ImmutableId"'}
    created = box.ask("POST", f"{box.path}/events", {"subject": "Stays", **WHEN}, **prefer)
    immutable = created.json()["id"]

    read = box.ask("GET", f"/me/events/{immutable}", **prefer)
    listed = box.ask("GET", f"{box.path}/calendarView?{box.window}", **prefer).json()["value"]
    usual = box.view()[0]["id"]

    assert created.headers["Preference-Applied"] == 'IdType="ImmutableId"'
    assert read.json()["id"] == immutable == listed[0]["id"]
    assert usual != immutable
    assert _get(box, usual).json()["changeKey"] == read.json()["changeKey"]


def test_ids_of_series_and_occurrences_are_immutable_together(box: Mailbox) -> None:
    prefer = {"Prefer": 'IdType="ImmutableId"'}
    created = box.create("Daily", "2031-03-03T10:00", "2031-03-03T11:00", recurrence=daily("2031-03-03", 3))

    listed = box.ask("GET", f"{box.path}/calendarView?{box.window}", **prefer).json()["value"]

    master = box.ask("GET", f"/me/events/{created['id']}", **prefer).json()["id"]
    assert {one["seriesMasterId"] for one in listed} == {master}
    assert box.ask("GET", f"/me/events/{listed[1]['id']}", **prefer).json()["start"] == listed[1]["start"]


# ── Lists ───────────────────────────────────────────────────────────────────
def test_the_list_has_series_and_single_events_ten_a_page(box: Mailbox) -> None:
    series = box.create("Series", "2031-03-03T08:00", "2031-03-03T09:00", recurrence=daily("2031-03-03", 30))
    singles = [box.create(f"Single {day:02}", f"2031-03-{day:02}T10:00", f"2031-03-{day:02}T11:00")
               for day in range(4, 16)]  # fmt: skip

    first = box.ask("GET", f"{box.path}/events?$count=true").json()
    second = box.ask("GET", first["@odata.nextLink"]).json()

    assert first["@odata.count"] == 13
    assert [one["id"] for one in first["value"] + second["value"]] == [series["id"], *(one["id"] for one in singles)]
    assert len(first["value"]) == 10
    assert "@odata.nextLink" not in second


@pytest.mark.parametrize(
    ("condition", "subjects"),
    [
        ("subject eq 'Alpha'", ["Alpha"]),
        ("startswith(subject,'al')", ["Alpha"]),
        ("contains(subject,'a') and isAllDay eq false", ["Alpha", "Gamma"]),
        ("start/dateTime ge '2031-03-04T00:00:00'", ["Beta", "Gamma"]),
        ("start/dateTime lt '2031-03-04T00:00:00Z'", ["Alpha"]),
        ("end/dateTime gt '2031-03-05T10:30:00.0000000'", ["Gamma"]),
        ("isAllDay eq true or importance eq 'high'", ["Alpha", "Beta"]),
        ("not (showAs eq 'free')", ["Alpha", "Gamma"]),
        ("categories/any(c: c eq 'Red')", ["Alpha"]),
        ("categories/any(c: c eq 'grün \"x\"')", ["Alpha"]),
        ("categories/any(c: c eq 'Re')", []),
        ("categories/any(c: c eq ', ')", []),
        ("type eq 'seriesMaster'", ["Gamma"]),
        ("isOrganizer eq true and subject ne 'Beta'", ["Alpha", "Gamma"]),
        (f"organizer/emailAddress/address eq '{ALICE}'", ["Alpha", "Beta", "Gamma"]),
        ("createdDateTime lt 2020-01-01T00:00:00Z", []),
        ("subject eq 'ALPHA' and 2020-01-01 lt start/dateTime", ["Alpha"]),
        ("type in ('seriesMaster', 'exception')", ["Gamma"]),
        ("isAllDay", ["Beta"]),
    ],
)
def test_lists_are_filtered(box: Mailbox, condition: str, subjects: list[str]) -> None:
    _three(box)

    answer = box.ask("GET", f"{box.path}/events?{urlencode({'$filter': condition})}")

    assert answer.status_code == 200, answer.text
    assert [one["subject"] for one in answer.json()["value"]] == subjects


def test_an_event_is_found_by_its_icaluid(box: Mailbox) -> None:
    alpha, *_ = _three(box)

    found = box.ask("GET", f"{box.path}/events?{urlencode({'$filter': 'iCalUId eq ' + repr(alpha['iCalUId'])})}")

    assert [one["id"] for one in found.json()["value"]] == [alpha["id"]]


@pytest.mark.parametrize(
    ("condition", "days"),
    [
        ("subject eq 'Gamma'", ["05", "06", "07"]),
        ("start/dateTime ge '2031-03-06T00:00:00'", ["06", "07"]),
        ("type eq 'occurrence' and start/dateTime lt '2031-03-06'", ["05"]),
        ("categories/any(c: c eq 'Red') or subject eq 'gamma'", ["03", "05", "06", "07"]),
        ("not (showAs eq 'busy')", ["04"]),
        ("contains(subject, 'amm') and isAllDay eq false", ["05", "06", "07"]),
        ("seriesMasterId ne null", ["05", "06", "07"]),
    ],
)
def test_the_view_is_filtered_with_its_occurrences(box: Mailbox, condition: str, days: list[str]) -> None:
    _three(box)

    answer = box.ask("GET", f"{box.path}/calendarView?{box.window}&{urlencode({'$filter': condition})}")

    assert answer.status_code == 200, answer.text
    assert [one["start"]["dateTime"][8:10] for one in answer.json()["value"]] == days


@pytest.mark.parametrize(("order", "subjects"), [("subject desc", "GBA"), ("start/dateTime", "ABG"), ("", "ABG")])
def test_lists_are_ordered(box: Mailbox, order: str, subjects: str) -> None:
    _three(box)

    found = box.ask("GET", f"{box.path}/events?{urlencode({'$orderby': order})}").json()["value"]

    assert "".join(one["subject"][0] for one in found) == subjects


def test_a_window_has_at_most_five_years(box: Mailbox) -> None:
    answer = box.ask("GET", "/me/calendarView?startDateTime=2020-01-01T00:00:00Z&endDateTime=2026-01-01T00:00:00Z")

    assert _refusal(answer) == (400, "ErrorInvalidRequest")


# ── Calendars ───────────────────────────────────────────────────────────────
def test_a_calendar_is_made_renamed_and_deleted(office: Reader) -> None:
    box = Mailbox.of(office, ALICE)
    name = f"Plans {uuid4()}"

    made = box.ask("POST", "/me/calendars", {"name": name, "color": "lightBlue"})
    path = f"/me/calendars/{made.json()['id']}"
    twice = box.ask("POST", "/me/calendars", {"name": name})
    renamed = box.ask("PATCH", path, {"name": f"{name}!"})

    assert made.status_code == 201
    assert (made.json()["color"], made.json()["isDefaultCalendar"], made.json()["isRemovable"]) == (
        "lightBlue", False, True,
    )  # fmt: skip
    assert _refusal(twice) == (409, "ErrorFolderExists")
    assert renamed.json()["name"] == f"{name}!"
    assert renamed.json()["changeKey"] != made.json()["changeKey"]
    assert box.ask("DELETE", path).status_code == 204
    assert _refusal(box.ask("GET", path)) == (404, "ErrorItemNotFound")


def test_the_default_calendar_stays(office: Reader) -> None:
    box = Mailbox.of(office, ALICE)
    default = box.ask("GET", "/me/calendar").json()["id"]

    assert _refusal(box.ask("DELETE", f"/me/calendars/{default}")) == (400, "ErrorDeleteDistinguishedFolder")
    assert _refusal(box.ask("PATCH", f"/me/calendars/{default}", {"name": "Mine"})) == (400, "ErrorInvalidRequest")
    assert box.ask("PATCH", "/me/calendar", {"color": "lightRed"}).json()["color"] == "lightRed"


@pytest.mark.parametrize("body", [{}, {"name": ""}, {"name": 5}, {"name": "x" * 300}, {"name": "x", "size": 1},
                                  {"name": "x", "color": "plaid"}])  # fmt: skip
def test_what_cannot_be_a_calendar_is_refused(office: Reader, body: Json) -> None:
    assert Mailbox.of(office, ALICE).ask("POST", "/me/calendars", body).status_code == 400


def _three(box: Mailbox) -> list[Json]:
    return [
        box.create("Alpha", "2031-03-03T10:00", "2031-03-03T11:00", categories=["Red", 'Grün "x"'],
                   importance="high"),
        box.create("Beta", "", "", isAllDay=True, start=at("2031-03-04T00:00"), end=at("2031-03-05T00:00"),
                   showAs="free"),
        box.create("Gamma", "2031-03-05T10:00", "2031-03-05T11:00", recurrence=daily("2031-03-05", 3)),
    ]  # fmt: skip


def _marked(box: Mailbox, value: str) -> Json:
    return box.create("Marked", "2031-03-03T10:00", "2031-03-03T11:00",
                      singleValueExtendedProperties=[{"id": MARKER, "value": value}])  # fmt: skip


def _expand(*ids: str) -> str:
    condition = " or ".join(f"id eq '{one}'" for one in ids)
    return urlencode({"$expand": f"singleValueExtendedProperties($filter={condition})"})


def _text(content: str) -> Json:
    return {"contentType": "text", "content": content}


def _get(box: Mailbox, event_id: str) -> Any:
    return box.ask("GET", f"/me/events/{event_id}")


def _refusal(answer: Any) -> tuple[int, str]:
    return answer.status_code, answer.json()["error"]["code"]
