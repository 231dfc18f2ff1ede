"""What a notice says."""

from __future__ import annotations

from typing import Any

from integrations.simulator.graph import times
from integrations.simulator.models import Subscription


def change(subscription: Subscription, what: str, event_id: str, change_key: str) -> dict[str, Any]:
    resource = f"Users/{subscription.person.oid}/Events/{event_id}"
    return {
        **_about(subscription),
        "changeType": what,
        "resource": resource,
        "resourceData": {
            "@odata.type": "#Microsoft.Graph.Event",
            "@odata.id": resource,
            "@odata.etag": f'W/"{change_key}"',
            "id": event_id,
        },
    }


def lifecycle(subscription: Subscription, event: str) -> dict[str, Any]:
    return {**_about(subscription), "lifecycleEvent": event}


def _about(subscription: Subscription) -> dict[str, Any]:
    return {
        "subscriptionId": str(subscription.graph_id),
        "subscriptionExpirationDateTime": times.stamp(subscription.expires_at),
        "clientState": subscription.client_state,
        "tenantId": str(subscription.person.tenant.tid),
    }
