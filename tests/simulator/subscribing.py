"""Subscribing in tests: requests, times, and events that somebody hears of."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any

import pytest
import requests

from tests.simulated import Simulator
from tests.simulator.client import ALICE, Client
from tests.simulator.mailbox import Mailbox
from tests.simulator.receiver import Receiver
from tests.simulator.rows import Rows

STATE = "only-we-know-this"
CREDENTIALS = {"grant_type": "client_credentials", "scope": "https://graph.microsoft.com/.default"}
days = count(1)


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
    day = (datetime(2032, 1, 1, tzinfo=UTC) + timedelta(days=next(days))).date()
    return str(mailbox.create(subject, f"{day}T10:00", f"{day}T11:00", **more)["id"])


def age(mailbox: Mailbox, *, minutes: int) -> None:
    """The token in hand grows older too, which is good for an hour at least."""
    time_to_pass = {"days": 0, "hours": 0, "minutes": minutes}
    mailbox.client.simulator.control("POST", "tenants/kestrel.example/later", time_to_pass)


def alone(simulator: Simulator, alice: Mailbox) -> Mailbox:
    """The application without a person, allowed to read calendars."""
    rows = Rows(simulator)
    rows.delete("approle")
    rows.grant_role("Calendars.Read")
    answer = alice.client.token("kestrel.example", **CREDENTIALS)
    return Mailbox(alice.client, answer.json()["access_token"])
