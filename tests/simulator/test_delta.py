"""calendarView/delta as documented: rounds, pages, stubs and tombstones."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import count

import pytest

from tests.simulated import Simulator
from tests.simulator.client import ALICE, BOB, Client
from tests.simulator.mailbox import Mailbox, at, daily, gone

_numbers = count(1)


@pytest.fixture(scope="module")
def alice(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mailbox]:
    simulator = Simulator().start(tmp_path_factory.mktemp("delta"))
    yield Mailbox.of(Client(simulator), ALICE)
    simulator.stop()


@pytest.fixture
def calendar(alice: Mailbox) -> Mailbox:
    return alice.in_new_calendar(f"Calendar {next(_numbers)}")


# ── The first round ─────────────────────────────────────────────────────────
def test_the_first_round_lists_single_events_whole(calendar: Mailbox) -> None:
    made = calendar.create("Interview", "2031-03-03T10:00", "2031-03-03T11:00")
    calendar.create("Too early", "2031-02-03T10:00", "2031-02-03T11:00")

    done = calendar.round()

    assert [item["id"] for item in done.items] == [made["id"]]
    shown = calendar.view()[0]
    assert done.items[0] == {"@odata.type": "#microsoft.graph.event", **shown}
    assert "$deltatoken=" in done.link


def test_a_series_is_its_master_whole_and_its_occurrences_as_stubs(calendar: Mailbox) -> None:
    made = calendar.create("Stand-up", "2031-03-03T09:00", "2031-03-03T09:15", recurrence=daily("2031-03-03", 3))

    done = calendar.round()

    (master,) = done.of_type("seriesMaster")
    assert (master["id"], master["subject"]) == (made["id"], "Stand-up")
    stubs = done.of_type("occurrence")
    assert [stub["start"]["dateTime"][:16] for stub in stubs] == [f"2031-03-0{day}T09:00" for day in (3, 4, 5)]
    expected = {"@odata.type", "@odata.etag", "id", "seriesMasterId", "type", "start", "end"}
    assert all(set(stub) == expected for stub in stubs)
    assert {stub["seriesMasterId"] for stub in stubs} == {made["id"]}
    assert {stub["id"] for stub in stubs} == {event["id"] for event in calendar.view()}
    assert done.items[0] == master, "the master comes before what is hydrated from it"


def test_an_exception_comes_whole_and_a_cancelled_occurrence_not_at_all(calendar: Mailbox) -> None:
    calendar.create("Stand-up", "2031-03-03T09:00", "2031-03-03T09:15", recurrence=daily("2031-03-03", 3))
    first, second, third = (event["id"] for event in calendar.view())
    calendar.change(second, subject="Stand-up with guests")
    calendar.delete(third)

    done = calendar.round()

    assert [item["id"] for item in done.of_type("occurrence")] == [first]
    (exception,) = done.of_type("exception")
    assert (exception["id"], exception["subject"]) == (second, "Stand-up with guests")
    assert third not in done.there | done.removed


def test_a_series_without_an_occurrence_in_the_window_is_not_listed(calendar: Mailbox) -> None:
    yearly = {
        "pattern": {"type": "absoluteYearly", "interval": 1, "dayOfMonth": 24, "month": 12},
        "range": {"type": "noEnd", "startDate": "2030-12-24"},
    }
    calendar.create("Christmas Eve", "2030-12-24T18:00", "2030-12-24T20:00", recurrence=yearly)

    assert calendar.round().items == []


def test_ten_items_are_a_page_unless_another_size_is_preferred(calendar: Mailbox) -> None:
    calendar.create("Stand-up", "2031-03-03T09:00", "2031-03-03T09:15", recurrence=daily("2031-03-03", 20))

    usual = [len(page["value"]) for page in calendar.pages()]
    small = [len(page["value"]) for page in calendar.pages(Prefer="odata.maxpagesize=4")]

    assert usual == [10, 10, 1], "a master and twenty occurrences"
    assert small == [4, 4, 4, 4, 4, 1]


def test_pages_overlap_nowhere_and_leave_nothing_out(calendar: Mailbox) -> None:
    for day in range(3, 9):
        calendar.create(f"Talk {day}", f"2031-03-0{day}T10:00", f"2031-03-0{day}T11:00")
    calendar.create("Stand-up", "2031-03-03T09:00", "2031-03-03T09:15", recurrence=daily("2031-03-03", 9))

    done = calendar.round(Prefer="odata.maxpagesize=1")

    ids = [item["id"] for item in done.items]
    assert len(ids) == len(set(ids)) == 6 + 1 + 9


def test_the_answer_says_what_it_is_a_collection_of_and_stays_on_the_origin_that_was_asked(calendar: Mailbox) -> None:
    calendar.create("Stand-up", "2031-03-03T09:00", "2031-03-03T09:15", recurrence=daily("2031-03-03", 2))

    answer = calendar.begin(Prefer="odata.maxpagesize=1")

    base = calendar.client.simulator.graph_url
    assert answer.json()["@odata.context"] == f"{base}/$metadata#Collection(event)"
    assert answer.json()["@odata.nextLink"].startswith(f"{base}{calendar.path}/calendarView/delta?$skiptoken=")
    assert answer.headers["Preference-Applied"] == "odata.track-changes, odata.maxpagesize=1"


# ── Later rounds ────────────────────────────────────────────────────────────
def test_nothing_changed_is_an_empty_page_with_another_delta_link(calendar: Mailbox) -> None:
    calendar.create("Interview", "2031-03-03T10:00", "2031-03-03T11:00")
    link = calendar.round().link

    again = calendar.round(link)

    assert again.items == []
    assert again.link


def test_a_later_round_tells_of_what_was_created_changed_and_deleted_since(calendar: Mailbox) -> None:
    changed = calendar.create("Changed", "2031-03-03T10:00", "2031-03-03T11:00")
    deleted = calendar.create("Deleted", "2031-03-04T10:00", "2031-03-04T11:00")
    calendar.create("Untouched", "2031-03-05T10:00", "2031-03-05T11:00")
    link = calendar.round().link
    created = calendar.create("Created", "2031-03-06T10:00", "2031-03-06T11:00")
    calendar.change(changed["id"], subject="Changed indeed")
    calendar.delete(deleted["id"])

    done = calendar.round(link)

    assert done.there == {created["id"], changed["id"]}
    assert gone(deleted["id"]) in done.items
    assert calendar.round(done.link).items == []


def test_an_old_delta_link_works_again_and_tells_the_same(calendar: Mailbox) -> None:
    link = calendar.round().link
    made = calendar.create("Interview", "2031-03-03T10:00", "2031-03-03T11:00")

    assert calendar.round(link).there == calendar.round(link).there == {made["id"]}


def test_what_moves_out_of_the_window_is_removed_and_comes_back_whole(calendar: Mailbox) -> None:
    made = calendar.create("Interview", "2031-03-03T10:00", "2031-03-03T11:00")
    link = calendar.round().link

    calendar.change(made["id"], start=at("2031-06-03T10:00"), end=at("2031-06-03T11:00"))
    left = calendar.round(link)
    calendar.change(made["id"], start=at("2031-03-07T10:00"), end=at("2031-03-07T11:00"))
    returned = calendar.round(left.link)

    assert left.items == [gone(made["id"])]
    assert [item["subject"] for item in returned.items] == ["Interview"]


def test_a_changed_event_outside_the_window_may_appear_as_removed(calendar: Mailbox) -> None:
    made = calendar.create("Far away", "2031-06-03T10:00", "2031-06-03T11:00")
    link = calendar.round().link

    calendar.change(made["id"], subject="Far away, and changed")

    assert calendar.round(link).items == [gone(made["id"])]


def test_a_changed_series_is_told_with_all_its_occurrences(calendar: Mailbox) -> None:
    made = calendar.create("Stand-up", "2031-03-03T09:00", "2031-03-03T09:15", recurrence=daily("2031-03-03", 3))
    link = calendar.round().link

    calendar.change(made["id"], subject="Sit-down")
    done = calendar.round(link)

    assert [item["subject"] for item in done.of_type("seriesMaster")] == ["Sit-down"]
    assert len(done.of_type("occurrence")) == 3
    assert not done.removed


def test_occurrences_that_a_series_has_no_longer_are_removed(calendar: Mailbox) -> None:
    made = calendar.create("Stand-up", "2031-03-03T09:00", "2031-03-03T09:15", recurrence=daily("2031-03-03", 6))
    ids = [event["id"] for event in calendar.view()]
    link = calendar.round().link

    calendar.change(made["id"], recurrence=daily("2031-03-03", 3, every=2))
    done = calendar.round(link)

    kept = {event["id"] for event in calendar.view()}
    assert kept == {ids[0], ids[2], ids[4]}
    assert done.removed == {ids[1], ids[3], ids[5]}
    assert kept <= done.there


def test_a_deleted_series_takes_its_occurrences_and_exceptions_along(calendar: Mailbox) -> None:
    made = calendar.create("Stand-up", "2031-03-03T09:00", "2031-03-03T09:15", recurrence=daily("2031-03-03", 3))
    ids = [event["id"] for event in calendar.view()]
    calendar.change(ids[1], subject="Changed")
    link = calendar.round().link

    calendar.delete(made["id"])

    assert calendar.round(link).removed == {made["id"], *ids}


def test_one_occurrence_changed_or_cancelled_is_told_with_its_series(calendar: Mailbox) -> None:
    calendar.create("Stand-up", "2031-03-03T09:00", "2031-03-03T09:15", recurrence=daily("2031-03-03", 3))
    _, second, third = (event["id"] for event in calendar.view())
    link = calendar.round().link

    calendar.change(second, subject="Changed")
    calendar.delete(third)
    done = calendar.round(link)

    first, master = calendar.view()[0]["id"], calendar.view()[0]["seriesMasterId"]
    assert {(item["id"], item["type"]) for item in done.items if "type" in item} == {
        (master, "seriesMaster"), (first, "occurrence"), (second, "exception"),
    }  # fmt: skip
    assert done.removed == {third}


def test_an_exception_that_moves_into_the_window_brings_its_series_and_takes_it_along(calendar: Mailbox) -> None:
    series = calendar.create("Monthly", "2031-02-20T09:00", "2031-02-20T10:00", recurrence=daily("2031-02-20", 1))
    window = "startDateTime=2031-02-01T00:00:00Z&endDateTime=2031-03-01T00:00:00Z"
    (only,) = (
        one["id"] for one in calendar.ask("GET", f"/me/events/{series['id']}/instances?{window}").json()["value"]
    )
    empty = calendar.round()

    calendar.change(only, start=at("2031-03-05T09:00"), end=at("2031-03-05T10:00"))
    inside = calendar.round(empty.link)
    calendar.change(only, start=at("2031-02-21T09:00"), end=at("2031-02-21T10:00"))
    outside = calendar.round(inside.link)

    assert {item["id"] for item in inside.items if "type" in item} == {series["id"], only}
    assert outside.removed == {series["id"], only}


def test_a_meeting_is_told_in_the_calendars_of_all_who_are_invited(alice: Mailbox, calendar: Mailbox) -> None:
    bob = Mailbox.of(alice.client, BOB)
    link = bob.round().link

    guest = {"emailAddress": {"address": BOB, "name": "Bob"}, "type": "required"}
    made = calendar.create("Review", "2031-03-12T10:00", "2031-03-12T11:00", attendees=[guest])
    arrived = bob.round(link)
    calendar.delete(made["id"])
    left = bob.round(arrived.link)

    (copy,) = arrived.items
    assert (copy["subject"], copy["isOrganizer"], copy["iCalUId"]) == ("Review", False, made["iCalUId"])
    assert copy["id"] != made["id"]
    assert [item["id"] for item in left.items] == [copy["id"]]


def test_what_changes_while_a_round_is_paged_comes_in_the_next(calendar: Mailbox) -> None:
    made = [
        calendar.create(f"Talk {day}", f"2031-03-0{day}T10:00", f"2031-03-0{day}T11:00")["id"] for day in range(3, 7)
    ]
    pages = calendar.pages(Prefer="odata.maxpagesize=2")
    first = next(pages)
    calendar.change(made[0], subject="Talk 3, changed after it was listed")
    calendar.change(made[3], subject="Talk 6, changed before it would have been")
    calendar.delete(made[2])

    rest = list(pages)
    later = calendar.round(rest[-1]["@odata.deltaLink"])

    assert {item["id"] for item in first["value"]} == {made[0], made[1]}
    assert later.there == {made[0], made[3]}
    assert later.removed == {made[2]}
