"""Notices and lifecycle events: what they say, who gets them, and how each of them fails."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest

from tests.simulated import Simulator
from tests.simulator.client import ALICE, BOB, Client
from tests.simulator.mailbox import Mailbox, daily
from tests.simulator.receiver import Receiver
from tests.simulator.subscribing import STATE, age, alice, days, later, meet, person, receiver, subscribed

__all__ = ["alice", "receiver"]


@pytest.fixture(scope="module")
def simulator(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Simulator]:
    started = Simulator().start(tmp_path_factory.mktemp("notices"))
    yield started
    started.stop()


# ── Notices ─────────────────────────────────────────────────────────────────
def test_a_notice_has_the_documented_shape(alice: Mailbox, receiver: Receiver) -> None:
    subscription = subscribed(alice, receiver)
    event_id = meet(alice)

    (notice,) = receiver.wait(1)

    me = alice.ask("GET", "/me").json()["id"]
    tenant = alice.ask("GET", "/organization").json()["value"][0]["id"]
    resource = f"Users/{me}/Events/{event_id}"
    assert notice == {
        "subscriptionId": subscription["id"],
        "subscriptionExpirationDateTime": subscription["expirationDateTime"],
        "clientState": STATE,
        "changeType": "created",
        "resource": resource,
        "tenantId": tenant,
        "resourceData": {
            "@odata.type": "#Microsoft.Graph.Event",
            "@odata.id": resource,
            "@odata.etag": alice.ask("GET", f"/me/events/{event_id}").json()["@odata.etag"],
            "id": event_id,
        },
    }
    (post,) = (post for post in receiver.posts if post.notices)
    assert (post.path, post.content_type) == ("/notices", "application/json; charset=utf-8")


def test_creating_changing_and_deleting_are_told_one_by_one(alice: Mailbox, receiver: Receiver) -> None:
    subscribed(alice, receiver)

    event_id = meet(alice)
    receiver.wait(1)
    alice.change(event_id, subject="Changed")
    receiver.wait(2)
    alice.delete(event_id)

    assert [notice["changeType"] for notice in receiver.wait(3)] == ["created", "updated", "deleted"]
    assert {notice["resourceData"]["id"] for notice in receiver.notices} == {event_id}


def test_only_the_changes_that_were_asked_for_are_told(alice: Mailbox, receiver: Receiver) -> None:
    subscribed(alice, receiver, changeType="deleted")

    event_id = meet(alice)
    alice.change(event_id, subject="Changed")
    alice.delete(event_id)

    assert [notice["changeType"] for notice in receiver.wait(1)] == ["deleted"]


def test_an_invitation_is_told_to_who_subscribed_to_the_attendees_mailbox(alice: Mailbox, receiver: Receiver) -> None:
    bob = Mailbox.of(alice.client, BOB)
    subscription = subscribed(bob, receiver)

    guest = {"emailAddress": {"address": BOB, "name": "Bob"}, "type": "required"}
    event_id = meet(alice, attendees=[guest])

    (notice,) = receiver.wait(1)
    assert (notice["subscriptionId"], notice["changeType"]) == (subscription["id"], "created")
    assert notice["resourceData"]["id"] != event_id, "it is the copy in the attendee's own mailbox"
    bob.ask("DELETE", f"/subscriptions/{subscription['id']}")


def test_what_the_person_does_in_outlook_is_told(alice: Mailbox, receiver: Receiver) -> None:
    event_id = meet(alice)
    subscribed(alice, receiver)

    alice.client.simulator.control("DELETE", f"people/{ALICE}/events/{event_id}")

    assert [notice["changeType"] for notice in receiver.wait(1)] == ["deleted"]


def test_one_occurrence_is_told_by_its_own_id(alice: Mailbox, receiver: Receiver) -> None:
    calendar = alice.in_new_calendar(f"Series {next(days)}")
    calendar.create("Stand-up", "2031-03-03T09:00", "2031-03-03T09:15", recurrence=daily("2031-03-03", 3))
    _, second, third = (event["id"] for event in calendar.view())
    subscribed(alice, receiver)

    calendar.change(second, subject="Changed")
    calendar.delete(third)

    told = {(notice["changeType"], notice["resourceData"]["id"]) for notice in receiver.wait(2)}
    assert told == {("updated", second), ("deleted", third)}


def test_ids_in_notices_are_immutable_where_the_subscription_asked_for_them(alice: Mailbox, receiver: Receiver) -> None:
    immutable = {"Prefer": 'IdType="ImmutableId"'}
    body = {
        "changeType": "created",
        "notificationUrl": f"{receiver.url}/notices",
        "resource": "me/events",
        "expirationDateTime": later(days=1),
    }
    assert alice.ask("POST", "/subscriptions", body, **immutable).status_code == 201

    event_id = meet(alice)

    (notice,) = receiver.wait(1)
    told = notice["resourceData"]["id"]
    assert told != event_id
    assert alice.ask("GET", f"/me/events/{told}", **immutable).json()["id"] == told
    assert notice["clientState"] is None


def test_several_notices_that_wait_come_in_one_post(alice: Mailbox, receiver: Receiver) -> None:
    receiver.pauses.append(1.5)
    subscribed(alice, receiver)

    meet(alice, "It keeps the address busy")
    receiver.wait(1)
    waiting = [meet(alice, f"Talk {number}") for number in range(3)]
    receiver.wait(4)

    first, second = (post for post in receiver.posts if post.notices)
    assert len(first.notices) == 1
    assert [notice["resourceData"]["id"] for notice in second.notices] == waiting


def test_the_request_log_shows_what_was_sent_and_no_secret(alice: Mailbox, receiver: Receiver) -> None:
    subscribed(alice, receiver, notificationUrl=f"{receiver.url}/notices?key=very-secret")
    meet(alice)
    receiver.wait(1)
    time.sleep(0.2)

    log = alice.client.simulator.control("GET", "log")

    entry = next(entry for entry in log["entries"] if entry["kind"] == "notice" and "created" in entry["why"])
    assert (entry["path"], entry["status"], entry["who"]) == (f"{receiver.url}/notices", 202, ALICE)
    assert "very-secret" not in str(log)
    assert STATE not in str(log)


# ── Notices that fail ───────────────────────────────────────────────────────
def test_a_notice_that_was_not_accepted_comes_again(alice: Mailbox, receiver: Receiver) -> None:
    receiver.answers.extend([503, 500, 202])
    subscribed(alice, receiver)

    event_id = meet(alice)

    told = receiver.wait(3)
    assert [notice["resourceData"]["id"] for notice in told] == [event_id] * 3
    first, second, third = (post.at for post in receiver.posts if post.notices)
    assert second - first > 0.9
    assert third - second > 1.8, "each pause is longer than the one before"
    time.sleep(0.5)
    assert len(receiver.notices) == 3


def test_a_redirect_is_not_accepted_nor_followed(alice: Mailbox, receiver: Receiver) -> None:
    receiver.answers.extend([302, 202])
    subscribed(alice, receiver)

    meet(alice)

    receiver.wait(2)
    assert {post.path for post in receiver.posts if post.notices} == {"/notices"}


def test_a_trainer_can_have_them_sent_twice(alice: Mailbox, receiver: Receiver) -> None:
    subscribed(alice, receiver)
    person(alice, ALICE, "notices", {"what": "duplicated", "delay_seconds": 0})

    meet(alice)

    first, second = receiver.wait(2)
    assert first == second


def test_a_trainer_can_have_them_delayed(alice: Mailbox, receiver: Receiver) -> None:
    subscribed(alice, receiver)
    person(alice, ALICE, "notices", {"what": "delayed", "delay_seconds": 2})

    meet(alice)
    began = time.monotonic()
    receiver.wait(1)

    assert 1.5 < time.monotonic() - began < 6


def test_a_trainer_can_have_them_dropped_and_delta_still_tells(alice: Mailbox, receiver: Receiver) -> None:
    calendar = alice.in_new_calendar(f"Dropped {next(days)}")
    link = calendar.round().link
    subscribed(alice, receiver)
    person(alice, ALICE, "notices", {"what": "dropped", "delay_seconds": 0})

    made = calendar.create("Nobody hears of it", "2031-03-03T10:00", "2031-03-03T11:00")
    time.sleep(0.6)

    assert receiver.notices == []
    assert calendar.round(link).there == {made["id"]}


# ── Lifecycle ───────────────────────────────────────────────────────────────
def test_a_removed_subscription_is_told_at_its_lifecycle_address(alice: Mailbox, receiver: Receiver) -> None:
    made = subscribed(alice, receiver)

    alice.client.simulator.control("POST", f"subscriptions/{made['id']}/remove")

    (notice,) = receiver.wait(1)
    assert {name: notice[name] for name in ("subscriptionId", "clientState", "lifecycleEvent")} == {
        "subscriptionId": made["id"],
        "clientState": STATE,
        "lifecycleEvent": "subscriptionRemoved",
    }
    assert set(notice) == {
        "subscriptionId", "subscriptionExpirationDateTime", "tenantId", "clientState", "lifecycleEvent"
    }  # fmt: skip
    assert [post.path for post in receiver.posts if post.notices] == ["/lifecycle"]
    assert alice.ask("GET", f"/subscriptions/{made['id']}").status_code == 404


def test_a_deleted_calendar_is_told_to_all_who_watched_it(alice: Mailbox, receiver: Receiver) -> None:
    calendar = alice.ask("POST", "/me/calendars", {"name": "Short-lived"}).json()["id"]
    everything = subscribed(alice, receiver)
    it_alone = subscribed(alice, receiver, resource=f"me/calendars/{calendar}/events", changeType="updated")
    zone = {"timeZone": "UTC"}
    times = {"start": {"dateTime": "2031-03-03T10:00", **zone}, "end": {"dateTime": "2031-03-03T11:00", **zone}}
    event = alice.ask("POST", f"/me/calendars/{calendar}/events", {"subject": "Talk", **times}).json()["id"]
    receiver.wait(1)

    alice.ask("DELETE", f"/me/calendars/{calendar}")

    told = receiver.wait(3)
    assert {(one["subscriptionId"], one.get("changeType"), one.get("lifecycleEvent")) for one in told[1:]} == {
        (everything["id"], "deleted", None), (it_alone["id"], None, "subscriptionRemoved"),
    }  # fmt: skip
    assert {one["resourceData"]["id"] for one in told if "resourceData" in one} == {event}


def test_missed_notices_are_told_and_the_subscription_goes_on(alice: Mailbox, receiver: Receiver) -> None:
    made = subscribed(alice, receiver)

    alice.client.simulator.control("POST", f"subscriptions/{made['id']}/lifecycle", {"event": "missed"})

    assert [notice["lifecycleEvent"] for notice in receiver.wait(1)] == ["missed"]
    assert alice.ask("GET", f"/subscriptions/{made['id']}").status_code == 200


def test_before_its_end_a_subscription_asks_to_be_authorised_anew(alice: Mailbox, receiver: Receiver) -> None:
    made = subscribed(alice, receiver, expirationDateTime=later(minutes=50))
    age(alice, minutes=45)

    (notice,) = receiver.wait(1)

    assert notice["lifecycleEvent"] == "reauthorizationRequired"
    assert alice.ask("POST", f"/subscriptions/{made['id']}/reauthorize").status_code == 204
    time.sleep(2.5)
    assert len(receiver.notices) == 1, "it is not asked again at once"


def test_without_consent_there_are_no_notices_but_a_reminder(simulator: Simulator, receiver: Receiver) -> None:
    bob = Mailbox.of(Client(simulator), BOB)
    subscription = subscribed(bob, receiver)

    simulator.control("DELETE", f"people/{BOB}/grants")

    assert [notice["lifecycleEvent"] for notice in receiver.wait(1)] == ["reauthorizationRequired"]
    meet(bob)
    time.sleep(0.6)
    assert len(receiver.notices) == 1
    bob.ask("DELETE", f"/subscriptions/{subscription['id']}")


def test_revoked_sessions_take_the_subscription_along(simulator: Simulator, receiver: Receiver) -> None:
    bob = Mailbox.of(Client(simulator), BOB)
    subscribed(bob, receiver)

    person(bob, BOB, "revoke-sessions")

    assert [notice["lifecycleEvent"] for notice in receiver.wait(1)] == ["subscriptionRemoved"]


# ── The end ─────────────────────────────────────────────────────────────────
def test_an_expired_subscription_is_silent_and_gone(alice: Mailbox, receiver: Receiver) -> None:
    made = subscribed(alice, receiver, lifecycleNotificationUrl=None, expirationDateTime=later(minutes=46))
    age(alice, minutes=47)

    fresh = Mailbox.of(alice.client, ALICE)
    meet(fresh)
    time.sleep(0.6)

    assert receiver.notices == []
    assert fresh.ask("GET", f"/subscriptions/{made['id']}").status_code == 404
