"""Subscriptions and what they bring: the handshake, notices, lifecycle events, and how each of them fails."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any

import pytest
import requests

from tests.simulated import Simulator, free_port
from tests.simulator.client import ALICE, BOB, Client
from tests.simulator.mailbox import Mailbox, daily
from tests.simulator.receiver import Echo, Receiver

STATE = "only-we-know-this"
_days = count(1)


@pytest.fixture(scope="module")
def simulator(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Simulator]:
    started = Simulator().start(tmp_path_factory.mktemp("subscriptions"))
    yield started
    started.stop()


@pytest.fixture
def alice(simulator: Simulator) -> Iterator[Mailbox]:
    """Freshly signed in, and without any subscription left over."""
    mailbox = Mailbox.of(Client(simulator), ALICE)
    yield mailbox
    for subscription in simulator.control("GET", "subscriptions")["subscriptions"]:
        simulator.control("DELETE", f"subscriptions/{subscription['id']}")
    person(mailbox, ALICE, "notices", {"what": "sent", "delay_seconds": 0})


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with Receiver() as started:
        yield started


def subscribe(mailbox: Mailbox, receiver: Receiver, **changes: object) -> requests.Response:
    """A name that is None is left out."""
    body: dict[str, object] = {
        "changeType": "created,updated,deleted",
        "notificationUrl": f"{receiver.url}/notices",
        "lifecycleNotificationUrl": f"{receiver.url}/lifecycle",
        "resource": "me/events",
        "expirationDateTime": later(days=3),
        "clientState": STATE,
        **changes,
    }
    return mailbox.ask("POST", "/subscriptions", {name: value for name, value in body.items() if value is not None})


def subscribed(mailbox: Mailbox, receiver: Receiver, **changes: object) -> dict[str, Any]:
    answer = subscribe(mailbox, receiver, **changes)
    assert answer.status_code == 201, answer.text
    return dict(answer.json())


def later(**time: float) -> str:
    return (datetime.now(UTC) + timedelta(**time)).isoformat()


def ends_in(subscription: dict[str, Any]) -> timedelta:
    return datetime.fromisoformat(subscription["expirationDateTime"][:26] + "+00:00") - datetime.now(UTC)


def person(mailbox: Mailbox, name: str, action: str, body: object = None) -> None:
    mailbox.client.simulator.control("POST", f"people/{name}/{action}", body)


def meet(mailbox: Mailbox, subject: str = "Interview", **more: object) -> str:
    """An event on a day of its own."""
    day = (datetime(2032, 1, 1, tzinfo=UTC) + timedelta(days=next(_days))).date()
    return str(mailbox.create(subject, f"{day}T10:00", f"{day}T11:00", **more)["id"])


# ── Creating: the handshake ─────────────────────────────────────────────────
def test_both_addresses_prove_themselves_while_the_client_waits(alice: Mailbox, receiver: Receiver) -> None:
    answer = subscribe(alice, receiver, notificationUrl=f"{receiver.url}/notices?key=a%20b")

    assert answer.status_code == 201
    notices, lifecycle = receiver.handshakes
    assert (notices.path, notices.query["key"], lifecycle.path) == ("/notices", ["a b"], "/lifecycle")
    assert notices.content_type == "text/plain; charset=utf-8"
    assert notices.query["validationToken"] != lifecycle.query["validationToken"]


def test_the_subscription_is_shown_as_documented(alice: Mailbox, receiver: Receiver) -> None:
    answer = subscribe(alice, receiver, changeType="updated,created", latestSupportedTlsVersion="v1_2")

    shown = answer.json()
    me = alice.ask("GET", "/me").json()
    assert answer.headers["Location"].endswith(f"/v1.0/subscriptions('{shown['id']}')")
    assert shown["@odata.context"].endswith("/v1.0/$metadata#subscriptions/$entity")
    assert (shown["resource"], shown["changeType"], shown["clientState"]) == ("me/events", "created,updated", STATE)
    assert (shown["applicationId"], shown["creatorId"]) == (alice.client.simulator.client_id, me["id"])
    assert timedelta(days=2.9) < ends_in(shown) < timedelta(days=3)


@pytest.mark.parametrize(
    ("echo", "message"),
    [
        (Echo(text=lambda token: f"{token}!"), "Response must exactly match validationToken query parameter."),
        (Echo(text=lambda token: token.replace(" ", "%20")), "Response must exactly match validationToken"),
        (Echo(status=404), "HTTP status code is 'NotFound'. Notification endpoint must respond with 200 OK"),
        (Echo(status=202), "Notification endpoint must respond with 200 OK to validation request."),
        (Echo(content_type="text/html"), "Response content type must be text/plain."),
        (Echo(status=302, location="/elsewhere"), "Notification endpoint must respond with 200 OK"),
    ],
)
def test_an_address_that_does_not_echo_the_token_is_refused(
    alice: Mailbox, receiver: Receiver, echo: Echo, message: str
) -> None:
    receiver.echo = echo

    answer = subscribe(alice, receiver)

    error = answer.json()["error"]
    assert (answer.status_code, error["code"]) == (400, "ValidationError")
    assert error["message"].startswith("Subscription validation request failed.")
    assert message in error["message"]
    assert alice.ask("GET", "/subscriptions").json()["value"] == []
    assert len(receiver.posts) == 1, "redirects are not followed"


def test_an_address_has_ten_seconds_to_echo(alice: Mailbox, receiver: Receiver) -> None:
    receiver.echo = Echo(after=10.5)
    began = time.monotonic()

    answer = subscribe(alice, receiver)

    assert answer.status_code == 400
    assert answer.json()["error"]["message"] == "Subscription validation request timed out."
    assert 9.5 < time.monotonic() - began < 14


def test_an_address_where_nobody_is_is_refused(alice: Mailbox, receiver: Receiver) -> None:
    answer = subscribe(alice, receiver, notificationUrl=f"http://127.0.0.1:{free_port()}/notices")

    assert answer.status_code == 400
    assert answer.json()["error"]["message"].startswith("Subscription validation request failed.")


def test_an_https_address_is_trusted_by_the_simulators_own_authority(alice: Mailbox, receiver: Receiver) -> None:
    """The simulator's own HTTPS origin stands in for an application that has a certificate of the same authority."""
    answer = subscribe(alice, receiver, notificationUrl=f"{alice.client.simulator.origin}/nothing/here")

    assert "HTTP status code is 'NotFound'" in answer.json()["error"]["message"], "TLS was no obstacle"


# ── Creating: what is refused ───────────────────────────────────────────────
@pytest.mark.parametrize(
    ("changes", "code", "message"),
    [
        ({"expirationDateTime": None}, "InvalidRequest", "expirationDateTime is a required property"),
        ({"changeType": None}, "InvalidRequest", "changeType is a required property"),
        ({"notificationUrl": None}, "InvalidRequest", "notificationUrl is a required property"),
        ({"resource": None}, "InvalidRequest", "resource is a required property"),
        ({"expirationDateTime": "2031-01-01T00:00:00"}, "InvalidRequest", "Could not process subscription creation"),
        ({"expirationDateTime": "tomorrow"}, "InvalidRequest", "Could not process subscription creation payload."),
        ({"expiration": "x"}, "InvalidRequest", "Are all property names spelled and camelCased properly?"),
        ({"clientState": 7}, "InvalidRequest", "Could not process subscription creation payload."),
        ({"changeType": "created,moved"}, "InvalidRequest", "'moved'"),
        ({"clientState": "x" * 129}, "InvalidRequest", "128"),
        ({"notificationUrl": "http://hooks.example/notices"}, "InvalidRequest", "HTTPS"),
        ({"notificationUrl": "ftp://127.0.0.1/x"}, "InvalidRequest", "HTTPS"),
        ({"lifecycleNotificationUrl": "lifecycle"}, "InvalidRequest", "HTTPS"),
        ({"resource": "me/nonsense"}, "InvalidRequest", "me/nonsense"),
    ],
)
def test_a_request_that_makes_no_subscription_is_refused_in_words(
    alice: Mailbox, receiver: Receiver, changes: dict[str, object], code: str, message: str
) -> None:
    answer = subscribe(alice, receiver, **changes)

    error = answer.json()["error"]
    assert (answer.status_code, error["code"]) == (400, code)
    assert message in error["message"]
    assert not receiver.posts


def test_a_subscription_lasts_10070_minutes_at_most(alice: Mailbox, receiver: Receiver) -> None:
    longest = subscribe(alice, receiver, expirationDateTime=later(minutes=10_069))
    longer = subscribe(alice, receiver, expirationDateTime=later(minutes=10_072))

    assert longest.status_code == 201
    assert (longer.status_code, longer.json()["error"]["code"]) == (400, "ExtensionError")
    assert longer.json()["error"]["message"] == "Subscription expiration can only be 10070 minutes in the future."


def test_less_than_45_minutes_are_raised_to_45(alice: Mailbox, receiver: Receiver) -> None:
    subscription = subscribed(alice, receiver, expirationDateTime=later(minutes=5))

    assert timedelta(minutes=44) < ends_in(subscription) <= timedelta(minutes=45)


@pytest.mark.parametrize("name", ["includeResourceData", "notificationQueryOptions", "encryptionCertificate"])
def test_rich_notifications_are_said_to_be_missing(alice: Mailbox, receiver: Receiver, name: str) -> None:
    answer = subscribe(alice, receiver, **{name: True if name == "includeResourceData" else "x"})

    assert (answer.status_code, answer.json()["error"]["code"]) == (501, "NotImplemented")


def test_a_token_that_may_not_read_calendars_may_not_subscribe(simulator: Simulator, receiver: Receiver) -> None:
    client = Client(simulator)
    simulator.control("DELETE", f"people/{BOB}/grants")
    token = client.connect(BOB, "openid offline_access User.Read")["access_token"]
    bob = Mailbox(client, token)

    answer = subscribe(bob, receiver)

    assert (answer.status_code, answer.json()["error"]["code"]) == (403, "ErrorAccessDenied")
    assert not receiver.posts


@pytest.mark.parametrize(
    "resource", ["/me/events", "me/calendar/events", "users/{id}/events", "users('{id}')/events", "Me/Events/"]
)
def test_every_way_to_say_whose_events_is_understood(alice: Mailbox, receiver: Receiver, resource: str) -> None:
    me = alice.ask("GET", "/me").json()["id"]
    wanted = resource.replace("{id}", me)

    subscription = subscribed(alice, receiver, resource=wanted)
    event_id = meet(alice)

    assert subscription["resource"] == wanted
    (notice,) = receiver.wait(1)
    assert notice["resource"] == f"Users/{me}/Events/{event_id}"


def test_a_subscription_to_one_calendar_hears_of_that_one_alone(alice: Mailbox, receiver: Receiver) -> None:
    other = alice.in_new_calendar(f"Other {next(_days)}")
    subscribed(alice, receiver, resource=f"{other.path.removeprefix('/')}/events")

    meet(alice)
    event_id = meet(other)

    assert [notice["resourceData"]["id"] for notice in receiver.wait(1)] == [event_id]
    time.sleep(0.5)
    assert len(receiver.notices) == 1


# ── Managing ────────────────────────────────────────────────────────────────
def test_subscriptions_are_listed_and_read_without_their_secret(alice: Mailbox, receiver: Receiver) -> None:
    made = subscribed(alice, receiver)

    (listed,) = alice.ask("GET", "/subscriptions").json()["value"]
    read = alice.ask("GET", f"/subscriptions/{made['id']}").json()

    assert listed["id"] == read["id"] == made["id"]
    assert listed["clientState"] is read["clientState"] is None


def test_another_persons_subscriptions_are_not_there(alice: Mailbox, receiver: Receiver) -> None:
    made = subscribed(alice, receiver)
    bob = Mailbox.of(alice.client, BOB)

    assert bob.ask("GET", "/subscriptions").json()["value"] == []
    for method in ("GET", "DELETE", "PATCH"):
        body = {"expirationDateTime": later(days=1)} if method == "PATCH" else None
        answer = bob.ask(method, f"/subscriptions/{made['id']}", body)
        assert (answer.status_code, answer.json()["error"]["code"]) == (404, "ResourceNotFound")
    assert bob.ask("POST", f"/subscriptions/{made['id']}/reauthorize").status_code == 404


def test_a_renewal_moves_the_end(alice: Mailbox, receiver: Receiver) -> None:
    made = subscribed(alice, receiver, expirationDateTime=later(hours=1))

    answer = alice.ask("PATCH", f"/subscriptions/{made['id']}", {"expirationDateTime": later(days=6)})

    assert answer.status_code == 200
    assert timedelta(days=5.9) < ends_in(answer.json()) < timedelta(days=6)
    too_long = alice.ask("PATCH", f"/subscriptions/{made['id']}", {"expirationDateTime": later(days=8)})
    assert too_long.json()["error"]["code"] == "ExtensionError"


@pytest.mark.parametrize("name", ["lifecycleNotificationUrl", "resource", "changeType", "clientState"])
def test_what_was_created_without_cannot_be_added_later(alice: Mailbox, receiver: Receiver, name: str) -> None:
    made = subscribed(alice, receiver, lifecycleNotificationUrl=None)

    answer = alice.ask("PATCH", f"/subscriptions/{made['id']}", {name: f"{receiver.url}/lifecycle"})

    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "InvalidRequest")


def test_a_new_address_has_to_prove_itself_too(alice: Mailbox, receiver: Receiver) -> None:
    made = subscribed(alice, receiver)
    receiver.echo = Echo(status=500)

    answer = alice.ask("PATCH", f"/subscriptions/{made['id']}", {"notificationUrl": f"{receiver.url}/new"})

    assert answer.status_code == 400
    read = alice.ask("GET", f"/subscriptions/{made['id']}").json()
    assert read["notificationUrl"] == f"{receiver.url}/notices"


def test_deleting_ends_the_notices(alice: Mailbox, receiver: Receiver) -> None:
    made = subscribed(alice, receiver)

    assert alice.ask("DELETE", f"/subscriptions/{made['id']}").status_code == 204

    meet(alice)
    time.sleep(0.6)
    assert receiver.notices == []
    assert alice.ask("GET", f"/subscriptions/{made['id']}").status_code == 404


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
    calendar = alice.in_new_calendar(f"Series {next(_days)}")
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
    calendar = alice.in_new_calendar(f"Dropped {next(_days)}")
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


def age(mailbox: Mailbox, *, minutes: int) -> None:
    """The token in hand grows older too, which is good for an hour at least."""
    mailbox.client.simulator.control("POST", "tenants/kestrel.example/later", {"days": 0, "hours": 0, "minutes": minutes})
