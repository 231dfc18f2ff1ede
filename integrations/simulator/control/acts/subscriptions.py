"""What happens to a subscription, and to what its application is told."""

from __future__ import annotations

from datetime import datetime

from integrations.simulator.control.acts.declaring import Action, choice
from integrations.simulator.graph import notices, subscriptions
from integrations.simulator.models import Subscription

GROUP = "Subscription"
# What Microsoft would say; removing is what `remove` does.
EVENTS = {"reauthorizationRequired": "Reauthorization required", "missed": "Notifications were missed"}


def drop(subscription: Subscription, *, now: datetime) -> str:
    """In silence, as when it has run out."""
    subscription.delete()
    return "The subscription is gone, and nobody was told."


def remove(subscription: Subscription, *, now: datetime) -> str:
    subscriptions.drop(subscription, why="The subscription was removed in the console.")
    return f"The subscription is gone{'' if subscription.lifecycle_url else ', and it had no address to be told at'}."


def lifecycle(subscription: Subscription, *, event: str, now: datetime) -> str:
    notices.tell_lifecycle(subscription, event, why="It was ordered in the console.")
    if not subscription.lifecycle_url:
        return "The subscription has no address for lifecycle events: nothing was sent."
    return f"“{EVENTS[event]}” is on its way."


ACTIONS = (
    Action(
        on="subscriptions",
        name="drop",
        label="Drop",
        group=GROUP,
        effect="It ends in silence: no more notices, and 404 for who renews it.",
        do=drop,
        is_harmful=True,
    ),
    Action(
        on="subscriptions",
        name="remove",
        label="Remove, and say so",
        group=GROUP,
        effect="It ends, and its application gets the lifecycle event subscriptionRemoved.",
        do=remove,
        is_harmful=True,
    ),
    Action(
        on="subscriptions",
        name="lifecycle",
        label="Send a lifecycle event",
        group=GROUP,
        effect="Sent to the address for lifecycle events, if the subscription named one. The subscription goes on.",
        do=lifecycle,
        parameters=(choice("event", "Event", EVENTS),),
    ),
)
