"""Subscriptions: the handshake, what is refused, and managing them."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import timedelta
from uuid import UUID, uuid4

import pytest

from tests.simulated import Simulator, free_port
from tests.simulator.client import ALICE, BOB, Client
from tests.simulator.mailbox import Mailbox
from tests.simulator.receiver import Echo, Receiver
from tests.simulator.rows import Rows
from tests.simulator.subscribing import (
    STATE,
    alice,
    alone,
    days,
    ends_in,
    later,
    meet,
    receiver,
    subscribe,
    subscribed,
)

__all__ = ["alice", "receiver"]


@pytest.fixture(scope="module")
def simulator(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Simulator]:
    started = Simulator().start(tmp_path_factory.mktemp("subscriptions"))
    yield started
    started.stop()


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


def test_an_end_that_is_over_is_refused(alice: Mailbox, receiver: Receiver) -> None:
    answer = subscribe(alice, receiver, expirationDateTime=later(minutes=-5))

    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "InvalidRequest")


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
    other = alice.in_new_calendar(f"Other {next(days)}")
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


def test_an_application_subscribes_for_itself_to_a_mailbox_it_may_read(
    simulator: Simulator, alice: Mailbox, receiver: Receiver
) -> None:
    application = alone(simulator, alice)
    me = alice.ask("GET", "/me").json()["id"]

    theirs = subscribe(application, receiver)
    subscription = subscribed(application, receiver, resource=f"users/{ALICE}/events")
    event_id = meet(alice)

    assert (theirs.status_code, theirs.json()["error"]["code"]) == (400, "BadRequest"), "it has no “me”"
    assert [notice["resource"] for notice in receiver.wait(1)] == [f"Users/{me}/Events/{event_id}"]
    assert subscription["creatorId"] != me
    listed = application.ask("GET", "/subscriptions").json()["value"]
    assert [one["id"] for one in listed] == [subscription["id"]]
    assert alice.ask("GET", "/subscriptions").json()["value"] == []


def test_another_applications_subscription_is_not_there(
    simulator: Simulator, alice: Mailbox, receiver: Receiver
) -> None:
    made = subscribed(alice, receiver)
    rows = Rows(simulator)
    other = rows.insert(
        "application",
        client_id=uuid4().hex,
        name="Another",
        publisher_id=rows.value("application", "publisher_id"),
        is_publisher_verified=False,
        is_multi_tenant=True,
        is_public=False,
        issues_id_tokens=False,
        redirect_uris="[]",
        spa_redirect_uris="[]",
        permissions="[]",
        roles="[]",
        identifier_uris="[]",
        app_roles="[]",
        tells_groups=False,
        name_id="email",
        signs="assertion",
    )
    rows.update("subscription", f"graph_id = '{UUID(made['id']).hex}'", application_id=other)

    assert alice.ask("GET", f"/subscriptions/{made['id']}").status_code == 404
    assert alice.ask("DELETE", f"/subscriptions/{made['id']}").status_code == 404
    assert alice.ask("GET", "/subscriptions").json()["value"] == []


def test_a_mailbox_has_a_thousand_subscriptions_at_most(
    simulator: Simulator, alice: Mailbox, receiver: Receiver
) -> None:
    made = subscribed(alice, receiver)
    rows = Rows(simulator)
    mine = f"graph_id = '{UUID(made['id']).hex}'"
    names = ("application_id", "person_id", "creator_id", "created_at", "expires_at")
    values = {name: rows.value("subscription", name, mine) for name in names}
    for _ in range(999):
        rows.insert(
            "subscription",
            graph_id=uuid4().hex,
            resource="me/events",
            change_types="[]",
            notification_url=receiver.url,
            has_immutable_ids=False,
            **values,
        )

    answer = subscribe(alice, receiver)

    rows.delete("subscription")
    assert (answer.status_code, answer.json()["error"]["code"]) == (403, "ExtensionError")
