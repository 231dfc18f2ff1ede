"""Series in a calendar: expanded, with exceptions and cancelled occurrences."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode
from uuid import uuid4

import pytest

from tests.simulator.client import ALICE, Reader
from tests.simulator.mailbox import Json, Mailbox, at, daily


@pytest.fixture
def box(office: Reader) -> Mailbox:
    return Mailbox.of(office, ALICE).in_new_calendar(f"Test {uuid4()}")


def test_the_view_expands_a_series_and_does_not_list_it(box: Mailbox) -> None:
    master = _daily(box, times=5)

    found = box.view()

    assert [one["start"]["dateTime"][:16] for one in found] == [f"2031-03-0{day}T10:00" for day in range(3, 8)]
    assert {one["type"] for one in found} == {"occurrence"}
    assert {one["seriesMasterId"] for one in found} == {master["id"]}
    assert {one["uid"] for one in found} == {master["uid"]}
    assert len({one["iCalUId"] for one in found}) == 5
    assert all(one["recurrence"] is None and one["originalStart"] for one in found)
    assert found[0]["occurrenceId"] == f"OID.{master['id']}.2031-03-03"
    assert master["type"] == "seriesMaster"
    assert "originalStart" not in master


def test_the_recurrence_comes_back_written_out(box: Mailbox) -> None:
    recurrence = {
        "pattern": {"type": "weekly", "interval": 2, "daysOfWeek": ["monday", "Friday"], "firstDayOfWeek": "monday"},
        "range": {"type": "endDate", "startDate": "2031-03-03", "endDate": "2031-06-30"},
    }

    master = box.create("Weekly", "2031-03-03T10:00", "2031-03-03T11:00", recurrence=recurrence)

    assert master["recurrence"] == {
        "pattern": {
            "type": "weekly",
            "interval": 2,
            "month": 0,
            "dayOfMonth": 0,
            "daysOfWeek": ["monday", "friday"],
            "firstDayOfWeek": "monday",
            "index": "first",
        },
        "range": {
            "type": "endDate",
            "startDate": "2031-03-03",
            "endDate": "2031-06-30",
            "recurrenceTimeZone": "UTC",
            "numberOfOccurrences": 0,
        },
    }


def test_a_series_that_starts_off_its_pattern_begins_with_the_first_day_that_fits(box: Mailbox) -> None:
    recurrence = {
        "pattern": {"type": "weekly", "interval": 1, "daysOfWeek": ["wednesday"], "firstDayOfWeek": "monday"},
        "range": {"type": "noEnd", "startDate": "2031-03-03"},
    }

    master = box.create("Wednesdays", "2031-03-03T10:00", "2031-03-03T11:00", recurrence=recurrence)

    assert master["start"]["dateTime"] == "2031-03-05T10:00:00.0000000"
    assert master["recurrence"]["range"]["startDate"] == "2031-03-05"
    assert box.view()[0]["start"] == master["start"]


def test_a_series_without_an_occurrence_is_refused(box: Mailbox) -> None:
    recurrence = {
        "pattern": {"type": "weekly", "interval": 1, "daysOfWeek": ["wednesday"], "firstDayOfWeek": "monday"},
        "range": {"type": "endDate", "startDate": "2031-03-03", "endDate": "2031-03-04"},
    }

    answer = box.ask(
        "POST",
        f"{box.path}/events",
        {"subject": "Never", "start": at("2031-03-03T10:00"), "end": at("2031-03-03T11:00"), "recurrence": recurrence},
    )

    assert answer.status_code == 400
    assert box.view() == []


def test_a_series_whose_occurrences_overlap_is_refused(box: Mailbox) -> None:
    """They may meet: a day that begins when the last one ends is none too many."""
    overlapping = {"subject": "Long", "start": at("2031-03-03T10:00"), "end": at("2031-03-04T10:01")}

    meeting = box.create("Shift", "2031-03-03T10:00", "2031-03-04T10:00", recurrence=daily("2031-03-03", 3))
    spread = box.create("Trip", "2031-03-03T10:00", "2031-03-05T09:00", recurrence=daily("2031-03-03", 3, every=2))
    answers = [
        box.ask("POST", f"{box.path}/events", {**overlapping, "recurrence": daily("2031-03-03", 3)}),
        box.change(meeting["id"], end=at("2031-03-04T10:01")),
        box.change(spread["id"], recurrence=daily("2031-03-03", 3)),
    ]

    for answer in answers:
        assert (answer.status_code, answer.json()["error"]["code"]) == (400, "ErrorOccurrenceTimeSpanTooBig")
        assert answer.json()["error"]["message"] == (
            "One occurrence of the recurring calendar item overlaps with another occurrence of the same calendar item."
        )
    assert len(box.view()) == 6


def test_a_series_keeps_its_local_time_when_the_clocks_change(box: Mailbox) -> None:
    """London's clocks go forward on 30 March 2031."""
    master = box.create(
        "Zoned",
        "",
        "",
        start=at("2031-03-28T10:00", "GMT Standard Time"),
        end=at("2031-03-28T11:00", "GMT Standard Time"),
        recurrence=daily("2031-03-28", 5),
    )

    found = _instances(box, master["id"])

    assert [one["start"]["dateTime"][8:16] for one in found] == [
        "28T10:00",
        "29T10:00",
        "30T09:00",
        "31T09:00",
        "01T09:00",
    ]


def test_an_all_day_series(box: Mailbox) -> None:
    box.create(
        "Days off",
        "",
        "",
        isAllDay=True,
        start=at("2031-03-03T00:00", "Tokyo Standard Time"),
        end=at("2031-03-05T00:00", "Tokyo Standard Time"),
        recurrence=daily("2031-03-03", 3, every=7),
    )

    found = box.view()

    assert [(one["start"]["dateTime"], one["end"]["dateTime"]) for one in found] == [
        (f"2031-03-{day:02}T00:00:00.0000000", f"2031-03-{day + 2:02}T00:00:00.0000000") for day in (3, 10, 17)
    ]


def test_an_occurrence_is_read_by_its_id(box: Mailbox) -> None:
    _daily(box, times=3)
    second = box.view()[1]

    read = box.ask("GET", f"/me/events/{second['id']}").json()
    selected = box.ask("GET", f"/me/events/{second['id']}?$select=start").json()

    assert {**read, "@odata.context": ""} == {**second, "@odata.context": ""}
    assert set(selected) == {"@odata.context", "@odata.etag", "id", "start"}


@pytest.mark.parametrize("day", ["2031-03-02", "2031-03-06"])
def test_what_the_series_has_not_is_not_found(box: Mailbox, day: str) -> None:
    _daily(box, times=3)
    ids = [one["id"] for one in box.view()]
    other = _daily(box, times=30, start=day)
    foreign = next(one["id"] for one in _instances(box, other["id"]))

    assert foreign not in ids
    assert box.ask("GET", f"/me/events/{ids[0][:-4]}{foreign[-4:]}").status_code == 404


def test_a_changed_occurrence_is_an_exception_in_its_place(box: Mailbox) -> None:
    master = _daily(box, times=3)
    second = box.view()[1]

    changed = box.change(second["id"], subject="Moved", start=at("2031-03-04T15:00"), end=at("2031-03-04T16:00"))
    found = box.view()

    assert changed.status_code == 200
    assert (changed.json()["type"], changed.json()["seriesMasterId"]) == ("exception", master["id"])
    assert changed.json()["id"] == second["id"]
    assert changed.json()["originalStart"] == "2031-03-04T10:00:00Z"
    assert [(one["type"], one["subject"]) for one in found] == [
        ("occurrence", "Daily"),
        ("exception", "Moved"),
        ("occurrence", "Daily"),
    ]
    assert found[1]["start"]["dateTime"] == "2031-03-04T15:00:00.0000000"
    assert found[1]["iCalUId"] == second["iCalUId"]


def test_an_exception_changes_again(box: Mailbox) -> None:
    _daily(box, times=3)
    second = box.view()[1]["id"]
    box.change(second, subject="Once")

    again = box.change(second, showAs="free").json()

    assert (again["subject"], again["showAs"], again["type"]) == ("Once", "free", "exception")


def test_a_deleted_occurrence_is_gone_and_the_others_stay(box: Mailbox) -> None:
    master = _daily(box, times=3)
    second = box.view()[1]["id"]

    assert box.delete(second).status_code == 204

    assert [one["start"]["dateTime"][8:10] for one in box.view()] == ["03", "05"]
    assert box.ask("GET", f"/me/events/{second}").status_code == 404
    assert box.delete(second).status_code == 404
    assert box.change(second, subject="x").status_code == 404
    assert box.ask("GET", f"/me/events/{master['id']}").status_code == 200


def test_exceptions_and_cancelled_occurrences_are_told_on_request(box: Mailbox) -> None:
    master = _daily(box, times=4)
    _, second, third, _ = box.view()
    box.change(second["id"], subject="Other")
    box.delete(third["id"])
    path = f"/me/events/{master['id']}"

    plain = box.ask("GET", path).json()
    selected = box.ask("GET", f"{path}?$select=subject,cancelledOccurrences,exceptionOccurrences").json()
    expanded = box.ask("GET", f"{path}?$expand=exceptionOccurrences").json()

    assert {"cancelledOccurrences", "exceptionOccurrences"}.isdisjoint(plain)
    assert selected["cancelledOccurrences"] == [f"OID.{master['id']}.2031-03-05"]
    assert [one["id"] for one in selected["exceptionOccurrences"]] == [second["id"]]
    assert expanded["exceptionOccurrences"][0]["subject"] == "Other"


@pytest.mark.parametrize(
    ("starts", "ends", "is_taken"),
    [
        ("2031-03-04T00:30", "2031-03-04T01:30", True),
        ("2031-03-04T23:00", "2031-03-04T23:59", True),
        ("2031-03-03T23:00", "2031-03-03T23:30", False),
        ("2031-03-03T09:00", "2031-03-03T09:30", False),
        ("2031-03-05T00:00", "2031-03-05T00:30", False),
        ("2031-03-05T15:00", "2031-03-05T15:30", False),
    ],
)
def test_an_occurrence_stays_between_its_neighbours(box: Mailbox, starts: str, ends: str, is_taken: bool) -> None:
    _daily(box, times=3)
    second = box.view()[1]

    answer = box.change(second["id"], start=at(starts), end=at(ends))

    assert answer.status_code == (200 if is_taken else 400)
    if not is_taken:
        assert answer.json()["error"]["code"] == "ErrorOccurrenceCrossingBoundary"
        assert [one["type"] for one in box.view()] == ["occurrence"] * 3


def test_an_occurrence_may_take_the_place_of_a_cancelled_neighbour(box: Mailbox) -> None:
    _daily(box, times=4)
    _, second, third, _ = box.view()
    box.delete(third["id"])

    moved = box.change(second["id"], start=at("2031-03-05T15:00"), end=at("2031-03-05T16:00"))

    assert moved.status_code == 200


def test_the_subject_of_a_series_comes_to_occurrences_and_to_exceptions_that_kept_it(box: Mailbox) -> None:
    master = _daily(box, times=3)
    first, second, _ = box.view()
    box.change(first["id"], subject="Own")
    box.change(second["id"], showAs="free")

    box.change(master["id"], subject="New")

    assert [one["subject"] for one in box.view()] == ["Own", "New", "New"]


@pytest.mark.parametrize(
    "change",
    [
        {"recurrence": daily("2031-03-03", 2)},
        {"start": at("2031-03-03T12:00"), "end": at("2031-03-03T13:00")},
    ],
)
def test_a_series_with_other_times_loses_its_exceptions(box: Mailbox, change: Json) -> None:
    master = _daily(box, times=3)
    first, second, _ = box.view()
    box.change(first["id"], subject="Own")
    box.delete(second["id"])

    box.change(master["id"], **change)

    found = box.view()
    assert {one["subject"] for one in found} == {"Daily"}
    assert {one["type"] for one in found} == {"occurrence"}
    assert "04" in {one["start"]["dateTime"][8:10] for one in found}


def test_a_series_that_starts_on_another_day_takes_its_range_along(box: Mailbox) -> None:
    master = _daily(box, times=3)

    moved = box.change(master["id"], start=at("2031-03-10T10:00"), end=at("2031-03-10T11:00")).json()

    assert moved["recurrence"]["range"]["startDate"] == "2031-03-10"
    assert [one["start"]["dateTime"][8:10] for one in box.view()] == ["10", "11", "12"]


def test_a_series_becomes_single_and_single_becomes_a_series(box: Mailbox) -> None:
    master = _daily(box, times=3)

    single = box.change(master["id"], recurrence=None).json()
    alone = box.view()
    again = box.change(master["id"], recurrence=daily("2031-03-03", 2)).json()

    assert (single["type"], single["recurrence"]) == ("singleInstance", None)
    assert [one["id"] for one in alone] == [master["id"]]
    assert again["type"] == "seriesMaster"
    assert len(box.view()) == 2


def test_a_deleted_series_is_gone_with_all_its_occurrences(box: Mailbox) -> None:
    master = _daily(box, times=3)
    first = box.view()[0]["id"]
    box.change(first, subject="Own")

    box.delete(master["id"])

    assert box.view() == []
    assert box.ask("GET", f"/me/events/{first}").status_code == 404


def test_instances_of_a_series(box: Mailbox) -> None:
    master = _daily(box, times=12)
    box.create("Another", "2031-03-04T10:00", "2031-03-04T11:00")
    box.change(_instances(box, master["id"])[1]["id"], subject="Own")

    found = _instances(box, master["id"])
    page = box.ask("GET", f"/me/events/{master['id']}/instances?{box.window}").json()
    narrow = {"startDateTime": "2031-03-05T00:00:00Z", "endDateTime": "2031-03-06T00:00:00Z"}
    one = box.ask("GET", f"/me/events/{master['id']}/instances?{urlencode(narrow)}").json()["value"]

    assert [event["subject"] for event in found] == ["Daily", "Own", *["Daily"] * 10]
    assert len(page["value"]) == 10
    assert len(box.ask("GET", page["@odata.nextLink"]).json()["value"]) == 2
    assert [event["start"]["dateTime"][8:10] for event in one] == ["05"]
    assert box.ask("GET", f"/me/events/{master['id']}/instances").status_code == 400
    assert box.ask("GET", f"/me/events/{found[0]['id']}/instances?{box.window}").status_code == 400


def test_pages_of_series_and_single_events_are_the_whole(box: Mailbox) -> None:
    _daily(box, times=9)
    _daily(box, times=9)
    for day in range(3, 12):
        box.create(f"Single {day}", f"2031-03-{day:02}T10:00", f"2031-03-{day:02}T10:30")
    whole = [one["id"] for one in box.view()]

    paged, link = [], f"{box.path}/calendarView?{box.window}&$top=4&$count=true"
    while link:
        page = box.ask("GET", link).json()
        assert page["@odata.count"] == 27
        paged += [one["id"] for one in page["value"]]
        link = page.get("@odata.nextLink", "")

    assert len(set(whole)) == 27
    assert paged == whole


def _daily(box: Mailbox, *, times: int, start: str = "2031-03-03") -> Json:
    return box.create("Daily", f"{start}T10:00", f"{start}T11:00", recurrence=daily(start, times))


def _instances(box: Mailbox, master_id: str) -> list[Any]:
    window = {"startDateTime": "2031-01-01T00:00:00Z", "endDateTime": "2032-01-01T00:00:00Z", "$top": "1000"}
    answer = box.ask("GET", f"/me/events/{master_id}/instances?{urlencode(window)}")
    assert answer.status_code == 200, answer.text
    return list(answer.json()["value"])
