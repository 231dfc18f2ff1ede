"""All actions, by what they are done to and by name."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from integrations.simulator.control.acts import (
    applications,
    events,
    exchange,
    granting,
    mailboxes,
    names,
    passwords,
    people,
    principals,
    recipes,
    scoping,
    service,
    sessions,
    single_sign_on,
    subscriptions,
    tenants,
)
from integrations.simulator.control.acts.declaring import Action

ALL: Sequence[Action] = (
    *service.ACTIONS,
    *tenants.ACTIONS,
    *names.ACTIONS,
    *sessions.ACTIONS,
    *people.ACTIONS,
    *passwords.ACTIONS,
    *mailboxes.ACTIONS,
    *exchange.ACTIONS,
    *events.ACTIONS,
    *applications.ACTIONS,
    *principals.ACTIONS,
    *granting.ACTIONS,
    *scoping.ACTIONS,
    *single_sign_on.ACTIONS,
    *subscriptions.ACTIONS,
    *recipes.ACTIONS,
)

BY_SUBJECT: Mapping[str, Mapping[str, Action]] = {
    on: {action.name: action for action in ALL if action.on == on} for on in dict.fromkeys(one.on for one in ALL)
}
