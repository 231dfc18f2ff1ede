"""Whatever an organizer does to a series, the attendee's calendar shows the same."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode
from uuid import uuid4

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.simulator.client import ALICE, BOB, Reader
from tests.simulator.mailbox import Json, Mailbox, at, daily

INDEX = st.integers(0, 9)
EDITS = st.one_of(
    st.tuples(st.just("rename"), st.sampled_from("abc"), INDEX),
    st.tuples(st.just("rename one"), st.sampled_from("xyz"), INDEX),
    st.tuples(st.just("move one"), st.integers(11, 22), INDEX),
    st.tuples(st.just("remove one"), st.none(), INDEX),
    st.tuples(st.just("move all"), st.integers(8, 20), INDEX),
    st.tuples(st.just("repeat"), st.tuples(st.integers(1, 5), st.integers(1, 3)), INDEX),
    st.tuples(st.just("accept one"), st.none(), INDEX),
    st.tuples(st.just("accept all"), st.none(), INDEX),
    st.tuples(st.just("leave out and invite again"), st.none(), INDEX),
)


@given(st.lists(EDITS, min_size=1, max_size=7))
@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_the_attendee_sees_what_the_organizer_sees(office: Reader, edits: list[tuple[str, Any, int]]) -> None:
    alice, bob = Mailbox.of(office, ALICE), Mailbox.of(office, BOB)
    master = alice.create(f"Model {uuid4()}", "2031-03-03T10:00", "2031-03-03T11:00", attendees=[_bob()],
                          recurrence=daily("2031-03-03", 4))  # fmt: skip

    for name, value, index in edits:
        _edit(alice, bob, master, name, value, index)

    mine, theirs = _seen(alice, master["uid"]), _seen(bob, master["uid"])
    assert _told(theirs) == _told(mine)
    alice.delete(master["id"])
    assert _seen(alice, master["uid"]) == []
    assert all(one["isCancelled"] for one in _seen(bob, master["uid"]))


def _edit(alice: Mailbox, bob: Mailbox, master: Json, name: str, value: Any, index: int) -> None:
    mine, theirs = _seen(alice, master["uid"]), _standing(bob, master["uid"])
    one = mine[index % len(mine)]["id"] if mine else ""
    day = mine[index % len(mine)]["start"]["dateTime"][:10] if mine else "2031-03-03"
    if name == "rename":
        answer = alice.change(master["id"], subject=f"{value} {master['subject']}")
    elif name == "rename one" and one:
        answer = alice.change(one, subject=f"{value} alone")
    elif name == "move one" and one:
        answer = alice.change(one, start=at(f"{day}T{value}:30"), end=at(f"{day}T{value + 1}:00"))
    elif name == "remove one" and one:
        answer = alice.delete(one)
    elif name == "move all":
        answer = alice.change(master["id"], start=at(f"2031-03-03T{value:02}:15"), end=at(f"2031-03-03T{value:02}:45"))
    elif name == "repeat":
        times, every = value
        answer = alice.change(master["id"], recurrence=daily("2031-03-03", times, every=every))
    elif name == "accept one" and theirs:
        answer = bob.ask("POST", f"/me/events/{theirs[index % len(theirs)]['id']}/accept", {})
    elif name == "accept all" and theirs:
        answer = bob.ask("POST", f"/me/events/{theirs[0]['seriesMasterId']}/accept", {})
    elif name == "leave out and invite again":
        alice.change(master["id"], attendees=[])
        answer = alice.change(master["id"], attendees=[_bob()])
    else:
        return
    assert answer.status_code in (200, 202, 204), answer.text


def _seen(box: Mailbox, uid: str) -> list[Json]:
    condition = urlencode({"$filter": f"uid eq '{uid}'"})
    answer = box.ask("GET", f"/me/calendarView?{box.window}&$top=1000&{condition}")
    assert answer.status_code == 200, answer.text
    return list(answer.json()["value"])


def _standing(box: Mailbox, uid: str) -> list[Json]:
    return [one for one in _seen(box, uid) if not one["isCancelled"]]


def _told(events: list[Json]) -> list[tuple[Any, ...]]:
    """What was called off is gone for one and cancelled for the other."""
    return sorted(
        (one["iCalUId"], one["start"]["dateTime"], one["end"]["dateTime"], one["subject"])
        for one in events
        if not one["isCancelled"]
    )


def _bob() -> Json:
    return {"emailAddress": {"address": BOB, "name": "Bob"}, "type": "required"}
