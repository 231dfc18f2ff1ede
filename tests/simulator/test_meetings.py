"""Meetings: copies in the calendars of all attendees with a mailbox here, and their answers back at the organizer."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode
from uuid import uuid4

import pytest

from tests.simulator.client import ALICE, BOB, Reader
from tests.simulator.mailbox import Json, Mailbox, at, daily

GUS = "gus@kestrel.example"
MALLORY = "mallory@corvid.example"
OUTSIDE = "priya@heronworks.example"


@pytest.fixture
def alice(office: Reader) -> Mailbox:
    return Mailbox.of(office, ALICE)


@pytest.fixture
def bob(office: Reader) -> Mailbox:
    return Mailbox.of(office, BOB)


@pytest.fixture
def mallory(office: Reader) -> Mailbox:
    """Of another organization."""
    return Mailbox.of(office, MALLORY)


def test_attendees_have_a_copy_wherever_their_mailbox_is(alice: Mailbox, bob: Mailbox, mallory: Mailbox) -> None:
    event = _meeting(alice, BOB, MALLORY.upper(), OUTSIDE)

    for box in (bob, mallory):
        copy = _copy(box, event)
        assert copy["id"] != event["id"]
        assert copy["uid"] == event["uid"]
        assert copy["subject"] == event["subject"]
        assert copy["start"] == event["start"]
        assert (copy["isOrganizer"], copy["showAs"]) == (False, "tentative")
        assert copy["responseStatus"]["response"] == "notResponded"
        assert copy["organizer"]["emailAddress"]["address"] == ALICE
        assert len(copy["attendees"]) == 3
    assert [one["status"]["response"] for one in event["attendees"]] == ["none"] * 3


def test_changes_of_the_organizer_come_to_the_copies(alice: Mailbox, bob: Mailbox) -> None:
    event = _meeting(alice, BOB)
    before = _copy(bob, event)

    alice.change(event["id"], subject=f"{event['subject']} (new room)", location={"displayName": "Room Kite"})
    after = _copy(bob, event)

    assert (after["id"], after["location"]["displayName"]) == (before["id"], "Room Kite")
    assert after["changeKey"] != before["changeKey"]


def test_what_is_the_organizers_own_stays_with_them(alice: Mailbox, bob: Mailbox) -> None:
    event = _meeting(alice, BOB)
    before = _copy(bob, event)

    alice.change(event["id"], showAs="oof", categories=["Mine"], reminderMinutesBeforeStart=5)

    assert _copy(bob, event) == before


@pytest.mark.parametrize(
    ("action", "response", "show_as"),
    [("accept", "accepted", "busy"), ("tentativelyAccept", "tentativelyAccepted", "tentative")],
)
def test_an_answer_is_with_the_attendee_and_with_the_organizer(
    alice: Mailbox, bob: Mailbox, action: str, response: str, show_as: str
) -> None:
    event = _meeting(alice, BOB, GUS)

    answer = _act(bob, event, action, {"comment": "Fine", "sendResponse": True})

    copy = _copy(bob, event)
    assert (answer.status_code, answer.content) == (202, b"")
    assert (copy["responseStatus"]["response"], copy["showAs"]) == (response, show_as)
    assert copy["responseStatus"]["time"] > "2026"
    assert _responses(alice, event) == {BOB: response, GUS: "none"}


def test_a_declined_meeting_leaves_the_calendar(alice: Mailbox, bob: Mailbox) -> None:
    event = _meeting(alice, BOB)

    assert _act(bob, event, "decline", {}).status_code == 202

    assert _copies(bob, event) == []
    assert _responses(alice, event) == {BOB: "declined"}


def test_an_answer_need_not_be_told(alice: Mailbox, bob: Mailbox) -> None:
    event = _meeting(alice, BOB)

    _act(bob, event, "accept", {"SendResponse": False})

    assert _copy(bob, event)["responseStatus"]["response"] == "accepted"
    assert _responses(alice, event) == {BOB: "none"}


def test_another_time_asks_everybody_again(alice: Mailbox, bob: Mailbox, mallory: Mailbox) -> None:
    event = _meeting(alice, BOB, MALLORY)
    _act(bob, event, "accept", {})
    _act(mallory, event, "decline", {})

    alice.change(event["id"], start=at("2031-03-03T14:00"), end=at("2031-03-03T15:00"))

    for box in (bob, mallory):
        copy = _copy(box, event)
        assert copy["start"]["dateTime"] == "2031-03-03T14:00:00.0000000"
        assert (copy["responseStatus"]["response"], copy["showAs"]) == ("notResponded", "tentative")
    assert _responses(alice, event) == {BOB: "none", MALLORY: "none"}


def test_who_declined_does_not_hear_of_a_new_subject(alice: Mailbox, bob: Mailbox) -> None:
    event = _meeting(alice, BOB)
    _act(bob, event, "decline", {})

    alice.change(event["id"], importance="high")

    assert _copies(bob, event) == []
    assert _responses(alice, event) == {BOB: "declined"}


def test_people_come_and_go(alice: Mailbox, bob: Mailbox, mallory: Mailbox) -> None:
    event = _meeting(alice, BOB)
    _act(bob, event, "accept", {})

    alice.change(event["id"], attendees=[_attendee(MALLORY)])

    gone, come = _copy(bob, event), _copy(mallory, event)
    assert (gone["isCancelled"], gone["showAs"]) == (True, "free")
    assert gone["subject"] == f"Canceled: {event['subject']}"
    assert (come["isCancelled"], come["responseStatus"]["response"]) == (False, "notResponded")


def test_who_stays_keeps_their_answer_when_others_come(alice: Mailbox, bob: Mailbox) -> None:
    event = _meeting(alice, BOB)
    _act(bob, event, "accept", {})

    alice.change(event["id"], attendees=[_attendee(BOB), _attendee(GUS)])

    assert _responses(alice, event) == {BOB: "accepted", GUS: "none"}
    assert _copy(bob, event)["responseStatus"]["response"] == "accepted"
    assert len(_copy(bob, event)["attendees"]) == 2


@pytest.mark.parametrize("way", ["delete", "cancel", "permanentDelete"])
def test_a_meeting_that_is_called_off_stays_with_the_others_as_cancelled(
    alice: Mailbox, bob: Mailbox, way: str
) -> None:
    event = _meeting(alice, BOB)

    answer = alice.delete(event["id"]) if way == "delete" else _act(alice, event, way, {})

    copy = _copy(bob, event)
    assert answer.status_code == (202 if way == "cancel" else 204)
    assert alice.ask("GET", f"/me/events/{event['id']}").status_code == 404
    assert (copy["isCancelled"], copy["showAs"], copy["subject"]) == (True, "free", f"Canceled: {event['subject']}")
    assert _refusal(_act(bob, event, "accept", {})) == (400, "ErrorCalendarIsCancelledForAccept")


def test_an_attendee_deletes_only_their_copy(alice: Mailbox, bob: Mailbox, mallory: Mailbox) -> None:
    event = _meeting(alice, BOB, MALLORY)

    bob.delete(_copy(bob, event)["id"])

    assert _copies(bob, event) == []
    assert _copy(mallory, event)["isCancelled"] is False
    assert _responses(alice, event) == {BOB: "none", MALLORY: "none"}


@pytest.mark.parametrize(
    "change",
    [
        {"subject": "Mine now"},
        {"start": at("2031-03-03T08:00")},
        {"location": {"displayName": "Elsewhere"}},
        {"attendees": []},
        {"recurrence": daily("2031-03-03", 2)},
    ],
)
def test_an_attendee_cannot_change_what_is_the_organizers(alice: Mailbox, bob: Mailbox, change: Json) -> None:
    event = _meeting(alice, BOB)
    copy = _copy(bob, event)

    answer = bob.change(copy["id"], **change)

    assert _refusal(answer) == (403, "ErrorAccessDenied")
    assert _copy(bob, event) == copy


def test_an_attendee_changes_what_is_their_own(alice: Mailbox, bob: Mailbox) -> None:
    event = _meeting(alice, BOB)
    copy = _copy(bob, event)

    answer = bob.change(copy["id"], showAs="oof", categories=["Red"], isReminderOn=False, subject=copy["subject"])

    assert (answer.json()["showAs"], answer.json()["categories"]) == ("oof", ["Red"])
    assert alice.ask("GET", f"/me/events/{event['id']}").json()["showAs"] == "busy"


def test_only_the_organizer_cancels_and_only_others_answer(alice: Mailbox, bob: Mailbox) -> None:
    event = _meeting(alice, BOB)

    cancelled = _act(bob, event, "cancel", {})
    accepted = _act(alice, event, "accept", {})

    assert _refusal(cancelled) == (400, "ErrorInvalidRequest")
    assert cancelled.json()["error"]["message"] == (
        "Your request can't be completed. You need to be an organizer to cancel a meeting."
    )
    assert _refusal(accepted) == (400, "ErrorInvalidRequest")
    assert accepted.json()["error"]["message"] == (
        "Your request can't be completed. You can't respond to this meeting because you're the meeting organizer."
    )


@pytest.mark.parametrize(
    "body",
    [
        {"sendResponse": "yes"},
        {"comment": 5},
        {"nothing": 1},
        {"sendResponse": False, "proposedNewTime": {"start": at("2031-03-04T10:00"), "end": at("2031-03-04T11:00")}},
        {"proposedNewTime": {"start": at("2031-03-04T10:00"), "end": at("2031-03-04T09:00")}},
    ],
)
def test_an_answer_that_makes_no_sense_is_refused(alice: Mailbox, bob: Mailbox, body: Json) -> None:
    event = _meeting(alice, BOB)

    assert _act(bob, event, "decline", body).status_code == 400
    assert _copy(bob, event)["responseStatus"]["response"] == "notResponded"


def test_who_was_not_asked_to_answer_answers_only_for_themselves(alice: Mailbox, bob: Mailbox) -> None:
    event = _meeting(alice, BOB, responseRequested=False)

    told = _act(bob, event, "accept", {})
    untold = _act(bob, event, "accept", {"sendResponse": False})

    assert told.json()["error"]["message"] == (
        "Your request can't be completed. The meeting organizer hasn't requested a response."
    )
    assert untold.status_code == 202
    assert _copy(bob, event)["responseStatus"]["response"] == "accepted"


def test_a_forwarded_meeting_invites_more(alice: Mailbox, bob: Mailbox, mallory: Mailbox) -> None:
    event = _meeting(alice, BOB)

    answer = _act(bob, event, "forward", {"ToRecipients": [{"emailAddress": {"address": MALLORY}}], "Comment": "You?"})

    assert answer.status_code == 202
    assert _copy(mallory, event)["responseStatus"]["response"] == "notResponded"
    assert _responses(alice, event) == {BOB: "none", MALLORY: "none"}
    assert _act(bob, event, "forward", {}).status_code == 400


def test_hidden_attendees_see_only_themselves(alice: Mailbox, bob: Mailbox) -> None:
    event = _meeting(alice, BOB, MALLORY, hideAttendees=True)

    assert [one["emailAddress"]["address"] for one in _copy(bob, event)["attendees"]] == [BOB]
    assert len(event["attendees"]) == 2


# ── Series ──────────────────────────────────────────────────────────────────
def test_a_series_is_a_series_in_the_copies_too(alice: Mailbox, bob: Mailbox) -> None:
    master = _meeting(alice, BOB, recurrence=daily("2031-03-03", 3))

    found = _copies(bob, master)

    mine = [one for one in alice.view() if one["uid"] == master["uid"]]
    assert [one["iCalUId"] for one in found] == [one["iCalUId"] for one in mine]
    assert len({one["seriesMasterId"] for one in found} | {master["id"]}) == 2
    assert {one["type"] for one in found} == {"occurrence"}


def test_exceptions_and_cancelled_occurrences_come_to_the_copies(alice: Mailbox, bob: Mailbox) -> None:
    master = _meeting(alice, BOB, recurrence=daily("2031-03-03", 3))
    first, second, _ = (one for one in alice.view() if one["uid"] == master["uid"])

    alice.change(first["id"], start=at("2031-03-03T15:00"), end=at("2031-03-03T16:00"))
    alice.delete(second["id"])

    found = _copies(bob, master)
    assert [(one["type"], one["isCancelled"]) for one in found] == [
        ("exception", False), ("exception", True), ("occurrence", False),
    ]  # fmt: skip
    assert found[0]["start"]["dateTime"] == "2031-03-03T15:00:00.0000000"
    assert found[1]["subject"].startswith("Canceled: ")


def test_one_occurrence_is_answered_alone(alice: Mailbox, bob: Mailbox) -> None:
    master = _meeting(alice, BOB, recurrence=daily("2031-03-03", 3))
    first, second, _ = _copies(bob, master)

    bob.ask("POST", f"/me/events/{first['id']}/accept", {})
    bob.ask("POST", f"/me/events/{second['id']}/decline", {})

    mine = [one for one in alice.view() if one["uid"] == master["uid"]]
    assert [one["responseStatus"]["response"] for one in _copies(bob, master)] == ["accepted", "notResponded"]
    assert [one["attendees"][0]["status"]["response"] for one in mine] == ["accepted", "declined", "none"]


def test_a_whole_series_is_answered_at_once(alice: Mailbox, bob: Mailbox) -> None:
    master = _meeting(alice, BOB, recurrence=daily("2031-03-03", 3))
    series = _copies(bob, master)[0]["seriesMasterId"]

    bob.ask("POST", f"/me/events/{series}/accept", {})

    assert {one["responseStatus"]["response"] for one in _copies(bob, master)} == {"accepted"}
    assert _responses(alice, master) == {BOB: "accepted"}


def test_an_answer_to_the_series_counts_for_what_differs_in_it_too(alice: Mailbox, bob: Mailbox) -> None:
    master = _meeting(alice, BOB, recurrence=daily("2031-03-03", 3))
    bob.change(_copies(bob, master)[0]["id"], showAs="oof")
    alice.change(next(one["id"] for one in alice.view() if one["uid"] == master["uid"]), categories=["Mine"])

    bob.ask("POST", f"/me/events/{_copies(bob, master)[0]['seriesMasterId']}/accept", {})

    for box in (alice, bob):
        found = _copies(box, master)
        assert [one["attendees"][0]["status"]["response"] for one in found] == ["accepted"] * 3


def test_another_pattern_comes_to_the_copies(alice: Mailbox, bob: Mailbox) -> None:
    master = _meeting(alice, BOB, recurrence=daily("2031-03-03", 3))
    bob.ask("POST", f"/me/events/{_copies(bob, master)[0]['id']}/accept", {})

    alice.change(master["id"], recurrence=daily("2031-03-03", 2, every=2))

    found = _copies(bob, master)
    assert [one["start"]["dateTime"][8:10] for one in found] == ["03", "05"]
    assert {one["responseStatus"]["response"] for one in found} == {"notResponded"}


def test_a_series_that_is_called_off_is_cancelled_in_the_copies(alice: Mailbox, bob: Mailbox) -> None:
    master = _meeting(alice, BOB, recurrence=daily("2031-03-03", 3))
    alice.change(next(one["id"] for one in alice.view() if one["uid"] == master["uid"]), subject="Own")
    bob.change(_copies(bob, master)[1]["id"], showAs="oof")

    alice.delete(master["id"])

    found = _copies(bob, master)
    assert [one["isCancelled"] for one in found] == [True] * 3
    assert [one["showAs"] for one in found] == ["free"] * 3


def test_who_is_invited_to_one_occurrence_has_that_one(alice: Mailbox, bob: Mailbox, mallory: Mailbox) -> None:
    master = _meeting(alice, BOB, recurrence=daily("2031-03-03", 3))
    second = [one for one in alice.view() if one["uid"] == master["uid"]][1]

    alice.change(second["id"], attendees=[_attendee(BOB), _attendee(MALLORY)])

    found = _copies(mallory, master)
    assert [one["iCalUId"] for one in found] == [second["iCalUId"]]
    mallory.ask("POST", f"/me/events/{found[0]['id']}/accept", {})
    answers = {
        one["emailAddress"]["address"]: one["status"]["response"]
        for one in alice.ask("GET", f"/me/events/{second['id']}").json()["attendees"]
    }
    assert answers == {BOB: "none", MALLORY: "accepted"}


@pytest.mark.parametrize("way", ["delete", "another pattern"])
def test_who_was_invited_to_one_occurrence_hears_that_it_is_no_more(alice: Mailbox, mallory: Mailbox, way: str) -> None:
    master = _meeting(alice, BOB, recurrence=daily("2031-03-03", 3))
    second = [one for one in alice.view() if one["uid"] == master["uid"]][1]
    alice.change(second["id"], attendees=[_attendee(BOB), _attendee(MALLORY)])

    if way == "delete":
        alice.delete(master["id"])
    else:
        alice.change(master["id"], recurrence=daily("2031-03-03", 2, every=7))

    assert [one["isCancelled"] for one in _copies(mallory, master)] == [True]


def test_the_same_time_in_another_zone_keeps_the_answers(alice: Mailbox, bob: Mailbox) -> None:
    event = _meeting(alice, BOB)
    _act(bob, event, "accept", {})

    alice.change(event["id"], start=at("2031-03-03T19:00", "Asia/Tokyo"), end=at("2031-03-03T20:00", "Asia/Tokyo"))

    assert _responses(alice, event) == {BOB: "accepted"}


def _meeting(box: Mailbox, *addresses: str, **more: Any) -> Json:
    return box.create(
        f"Meeting {uuid4()}", "2031-03-03T10:00", "2031-03-03T11:00",
        attendees=[_attendee(address) for address in addresses], **more,
    )  # fmt: skip


def _attendee(address: str) -> Json:
    return {"emailAddress": {"address": address, "name": address.partition("@")[0]}, "type": "required"}


def _copies(box: Mailbox, event: Json) -> list[Json]:
    condition = urlencode({"$filter": f"uid eq '{event['uid']}'"})
    answer = box.ask("GET", f"/me/calendarView?{box.window}&$top=1000&{condition}")
    assert answer.status_code == 200, answer.text
    return list(answer.json()["value"])


def _copy(box: Mailbox, event: Json) -> Json:
    (found,) = _copies(box, event)
    return found


def _act(box: Mailbox, event: Json, action: str, body: Json) -> Any:
    found = _copies(box, event)
    return box.ask("POST", f"/me/events/{found[0]['id']}/{action}", body)


def _responses(box: Mailbox, event: Json) -> dict[str, str]:
    read = box.ask("GET", f"/me/events/{event['id']}").json()
    return {one["emailAddress"]["address"]: one["status"]["response"] for one in read["attendees"]}


def _refusal(answer: Any) -> tuple[int, str]:
    return answer.status_code, answer.json()["error"]["code"]
