"""The ways a connection ends on our side: the person's own wish, and the policy's grace running out."""

from __future__ import annotations

from datetime import datetime

from django.db import transaction

from accounts import audit
from accounts.cascade.read import effective
from accounts.models import User
from integrations import approvals, connecting, states
from integrations.leaving_ews import pasts
from integrations.models import Connection, State
from integrations.organization import carried
from integrations.preferences import Integrations

DISCONNECTED = audit.declare(
    "calendar.disconnected",
    "{actor} disconnected {target}.",
    personal_target=True,
    say={"state": lambda state: State(state).label},
)


def disconnect(person: User, *, actor: User | None, now: datetime, reason: str = "") -> bool:
    """Destroy the tokens and end what is on the way. The row and its history stay. False: nothing to end.

    What Microsoft itself lists remains there; withdrawing it needs rights this portal does not ask for.
    """
    with transaction.atomic():
        connecting.give_up(person, now=now)
        waited = approvals.take_back(person, actor=actor, now=now)
        connection = (
            Connection.objects.select_for_update().filter(user=person).exclude(state=State.DISCONNECTED).first()
        )
        if connection is None:
            return waited
        before = {"state": connection.state}
        states.disconnected(connection, now=now)
        pasts.forget(connection)
        audit.record(
            DISCONNECTED,
            account=person.account,
            actor=actor,
            on=connection,
            now=now,
            before=before,
            reason=reason,
            about=person,
        )
    return True


def may_delete(person: User) -> bool:
    """By their own choice. What the organization connects would be connected again: who does not want it turns the
    integration off for themselves, where the settings let them."""
    connection = connecting.current(person)
    return connection is None or carried.may_be_deleted(connection, effective(Integrations, person))


def leave(person: User, *, actor: User | None, now: datetime) -> None:
    """Somebody was deactivated: nothing of theirs is used any more (`openings.on_leaving`)."""
    disconnect(person, actor=actor, now=now)
