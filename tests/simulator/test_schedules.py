"""When people are free, what reminds them, groups of calendars, and the translation of ids."""

from __future__ import annotations

from typing import Any

import pytest

from tests.simulator.client import ALICE, BOB, Reader
from tests.simulator.mailbox import Json, Mailbox, at, daily

MALLORY = "mallory@corvid.example"


@pytest.fixture
def gus(office: Reader) -> Mailbox:
    return Mailbox.of(office, "gus@kestrel.example")


def test_a_schedule_says_when_somebody_is_taken(office: Reader, gus: Mailbox) -> None:
    alice = Mailbox.of(office, ALICE)
    alice.create("Secret", "2033-05-01T09:00", "2033-05-01T09:30")
    alice.create("Maybe", "2033-05-01T09:15", "2033-05-01T10:00", showAs="tentative")
    alice.create("Away", "2033-05-01T11:00", "2033-05-01T12:00", showAs="oof", recurrence=daily("2033-05-01", 3))

    (found,) = _schedules(gus, [ALICE])

    assert found["availabilityView"] == "21003300"
    assert [one["status"] for one in found["scheduleItems"]] == ["busy", "tentative", "oof"]
    assert all("subject" not in one for one in found["scheduleItems"])
    assert found["scheduleItems"][2]["start"]["dateTime"] == "2033-05-01T11:00:00.0000000"
    assert found["workingHours"]["timeZone"]["name"] == "GMT Standard Time"


def test_ones_own_schedule_says_what_it_is(gus: Mailbox) -> None:
    gus.create("Mine", "2033-06-05T09:00", "2033-06-05T09:30", location={"displayName": "Room Kite"})

    (found,) = _schedules(gus, ["GUS@kestrel.example"], day="2033-06-05")

    assert [(one["subject"], one["location"]) for one in found["scheduleItems"]] == [("Mine", "Room Kite")]


@pytest.mark.parametrize("address", ["nobody@kestrel.example", MALLORY, "nora@kestrel.example"])
def test_who_is_not_of_the_organization_has_no_schedule(gus: Mailbox, address: str) -> None:
    known, unknown = _schedules(gus, [BOB, address])

    assert "error" not in known
    assert unknown["error"]["responseCode"] == "ErrorMailRecipientNotFound"


@pytest.mark.parametrize(
    "change",
    [
        {"schedules": []},
        {"schedules": [f"p{number}@kestrel.example" for number in range(21)]},
        {"availabilityViewInterval": 4},
        {"endTime": at("2033-04-30T08:00")},
        {"endTime": at("2033-09-01T08:00")},
        {"startTime": None},
        {"colour": "red"},
    ],
)
def test_a_question_that_makes_no_sense_is_refused(gus: Mailbox, change: Json) -> None:
    assert gus.ask("POST", "/me/calendar/getSchedule", {**_question([BOB]), **change}).status_code == 400


def test_reminders_of_a_window(gus: Mailbox) -> None:
    event = gus.create("Remind me", "2033-07-04T10:00", "2033-07-04T11:00", reminderMinutesBeforeStart=30,
                       recurrence=daily("2033-07-04", 3))  # fmt: skip
    gus.create("Do not", "2033-07-04T10:00", "2033-07-04T11:00", isReminderOn=False)

    answer = gus.ask("GET", "/me/reminderView(startDateTime='2033-07-05T09:00:00Z',endDateTime='2033-07-05T09:45:00Z')")

    (found,) = answer.json()["value"]
    assert (found["eventSubject"], found["reminderFireTime"]["dateTime"]) == (
        "Remind me", "2033-07-05T09:30:00.0000000",
    )  # fmt: skip
    assert gus.ask("GET", f"/me/events/{found['eventId']}").json()["seriesMasterId"] == event["id"]


def test_there_is_one_group_of_calendars(gus: Mailbox) -> None:
    (group,) = gus.ask("GET", "/me/calendarGroups").json()["value"]

    assert group["name"] == "My Calendars"
    assert gus.ask("GET", f"/me/calendarGroups/{group['id']}").json()["id"] == group["id"]
    inside = gus.ask("GET", f"/me/calendarGroups/{group['id']}/calendars").json()["value"]
    assert inside == gus.ask("GET", "/me/calendars").json()["value"]
    assert gus.ask("GET", f"/me/calendarGroups/{group['id'].swapcase()}").status_code in (400, 404)


def test_ids_are_translated_there_and_back(gus: Mailbox) -> None:
    master = gus.create("Ids", "2033-08-06T10:00", "2033-08-06T11:00", recurrence=daily("2033-08-06", 3))
    window = "startDateTime=2033-08-07T00:00:00Z&endDateTime=2033-08-08T00:00:00Z"
    (occurrence,) = gus.ask("GET", f"/me/calendarView?{window}").json()["value"]
    ids = [master["id"], occurrence["id"], "AAMkADnobodyHasThisId"]

    there = _translate(gus, ids, "restId", "restImmutableEntryId")

    prefer = {"Prefer": 'IdType="ImmutableId"'}
    shown = gus.ask("GET", f"/me/events/{occurrence['id']}", **prefer).json()
    assert there[1]["targetId"] == shown["id"]
    assert there[0]["targetId"] == shown["seriesMasterId"]
    assert there[2]["errorDetails"]["code"] == "ErrorItemNotFound"
    back = _translate(gus, [one["targetId"] for one in there[:2]], "restImmutableEntryId", "restId")
    assert [one["targetId"] for one in back] == ids[:2]


def test_ids_of_exchange_web_services_are_translated_too(gus: Mailbox) -> None:
    event = gus.create("Ids", "2033-08-20T10:00", "2033-08-20T11:00")
    spelt = event["id"].replace("-", "/").replace("_", "+")

    (there,) = _translate(gus, [event["id"]], "restId", "ewsId")
    (back,) = _translate(gus, [spelt], "ewsId", "restId")
    (immutable,) = _translate(gus, [spelt], "ewsId", "restImmutableEntryId")

    assert (there["targetId"], back["targetId"]) == (spelt, event["id"])
    assert _translate(gus, [immutable["targetId"]], "restImmutableEntryId", "ewsId")[0]["targetId"] == spelt


def test_ids_of_other_protocols_are_not_simulated(gus: Mailbox) -> None:
    body = {"inputIds": ["x"], "sourceIdType": "entryId", "targetIdType": "restId"}

    assert gus.ask("POST", "/me/translateExchangeIds", body).status_code == 501
    assert gus.ask("POST", "/me/translateExchangeIds", {**body, "sourceIdType": "x"}).status_code == 400


def _schedules(box: Mailbox, addresses: list[str], day: str = "2033-05-01") -> list[Any]:
    answer = box.ask("POST", "/me/calendar/getSchedule", _question(addresses, day))
    assert answer.status_code == 200, answer.text
    return list(answer.json()["value"])


def _question(addresses: list[str], day: str = "2033-05-01") -> Json:
    return {
        "schedules": addresses,
        "startTime": at(f"{day}T09:00"),
        "endTime": at(f"{day}T13:00"),
        "availabilityViewInterval": 30,
    }


def _translate(box: Mailbox, ids: list[str], source: str, target: str) -> list[Any]:
    body = {"inputIds": ids, "sourceIdType": source, "targetIdType": target}
    answer = box.ask("POST", "/me/translateExchangeIds", body)
    assert answer.status_code == 200, answer.text
    return list(answer.json()["value"])
