"""Microsoft's Graph client subscribes to changes, with a webhook that really listens."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from msgraph import GraphServiceClient
from msgraph.generated.models.event import Event
from msgraph.generated.models.o_data_errors.o_data_error import ODataError
from msgraph.generated.models.subscription import Subscription

from tests.conformance.asking import meeting
from tests.conformance.clients import Clients
from tests.conformance.conftest import BEN
from tests.conformance.listening import Webhook, webhook

STATE = "known to us alone"


@pytest.fixture
def hook() -> Iterator[Webhook]:
    with webhook() as kept:
        yield kept


def _wanted(hook: Webhook, resource: str = "me/events", *, hours: float = 24) -> Subscription:
    return Subscription(
        change_type="created,updated,deleted",
        notification_url=hook.url,
        lifecycle_notification_url=f"{hook.url}/lifecycle",
        resource=resource,
        expiration_date_time=datetime.now(UTC) + timedelta(hours=hours),
        client_state=STATE,
    )


async def _told(hook: Webhook, change: str, event: Event) -> dict[str, Any]:
    return await asyncio.to_thread(
        hook.wait_for, lambda notice: notice.get("changeType") == change and notice["resourceData"]["id"] == event.id
    )


async def test_creating_one_shakes_hands_at_both_addresses_first(ben: GraphServiceClient, hook: Webhook) -> None:
    made = await ben.subscriptions.post(_wanted(hook))

    assert len(hook.handshakes) == 2
    assert made.id
    assert made.client_state == STATE
    assert made.resource == "me/events"
    await ben.subscriptions.by_subscription_id(made.id).delete()


async def test_a_webhook_that_answers_something_else_gets_no_subscription(
    ben: GraphServiceClient, hook: Webhook
) -> None:
    hook.answers_handshake = False

    with pytest.raises(ODataError) as refused:
        await ben.subscriptions.post(_wanted(hook))

    assert refused.value.response_status_code == 400
    assert "validation" in refused.value.error.message.lower()


async def test_what_happens_is_told(ben: GraphServiceClient, hook: Webhook, day: datetime) -> None:
    made = await ben.subscriptions.post(_wanted(hook))
    event = await ben.me.events.post(meeting("Announced", day + timedelta(hours=19)))
    created = await _told(hook, "created", event)
    await ben.me.events.by_event_id(event.id).patch(Event(subject="Announced again"))
    updated = await _told(hook, "updated", event)
    await ben.me.events.by_event_id(event.id).delete()
    deleted = await _told(hook, "deleted", event)

    assert {notice["clientState"] for notice in (created, updated, deleted)} == {STATE}
    assert {notice["subscriptionId"] for notice in (created, updated, deleted)} == {str(made.id)}
    assert created["resourceData"]["@odata.type"] == "#Microsoft.Graph.Event"
    assert created["resource"].lower().endswith(f"/events/{event.id}".lower())
    await ben.subscriptions.by_subscription_id(made.id).delete()


async def test_an_application_hears_of_a_mailbox(app: GraphServiceClient, hook: Webhook, day: datetime) -> None:
    made = await app.subscriptions.post(_wanted(hook, f"users/{BEN}/events"))

    event = await app.users.by_user_id(BEN).events.post(meeting("Overheard", day + timedelta(hours=20)))

    assert (await _told(hook, "created", event))["tenantId"] == "31b1f9a2-0f7e-4c3f-9d1a-6e5c2a8b7d01"
    await app.subscriptions.by_subscription_id(made.id).delete()


async def test_a_renewal_moves_the_end_and_a_deletion_ends_it(ben: GraphServiceClient, hook: Webhook) -> None:
    made = await ben.subscriptions.post(_wanted(hook))
    subscription = ben.subscriptions.by_subscription_id(made.id)
    later = datetime.now(UTC) + timedelta(days=3)

    renewed = await subscription.patch(Subscription(expiration_date_time=later))
    listed = await ben.subscriptions.get()
    await subscription.delete()
    with pytest.raises(ODataError) as gone:
        await subscription.get()

    assert abs(renewed.expiration_date_time - later) < timedelta(seconds=1)
    assert made.id in {one.id for one in listed.value}
    assert gone.value.response_status_code == 404


async def test_lifecycle_events_come_to_their_own_address_and_reauthorizing_answers_them(
    clients: Clients, ben: GraphServiceClient, hook: Webhook
) -> None:
    made = await ben.subscriptions.post(_wanted(hook))
    subscription = ben.subscriptions.by_subscription_id(made.id)
    clients.simulator.control("POST", f"subscriptions/{made.id}/lifecycle", {"event": "reauthorizationRequired"})

    told = await asyncio.to_thread(hook.wait_for, lambda one: one.get("lifecycleEvent") == "reauthorizationRequired")
    await subscription.reauthorize.post()

    assert (told["subscriptionId"], told["clientState"]) == (made.id, STATE)
    assert (await subscription.get()).expiration_date_time == made.expiration_date_time
    await subscription.delete()


async def test_more_than_a_week_is_refused(ben: GraphServiceClient, hook: Webhook) -> None:
    with pytest.raises(ODataError) as refused:
        await ben.subscriptions.post(_wanted(hook, hours=24 * 8))

    assert refused.value.response_status_code == 400
    assert "10070 minutes" in refused.value.error.message
