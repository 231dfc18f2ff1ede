"""The way to a connection: under way, done, or waiting for an administrator."""

from __future__ import annotations

import random
from collections.abc import Collection
from datetime import datetime

from django.db import transaction

from accounts.models import User
from integrations.failures import Reason
from integrations.models import Connection, State
from integrations.preferences import Service
from integrations.states.columns import GONE, WELL
from integrations.states.schedule import next_turn


def on_the_way(connection: Connection, *, now: datetime) -> None:
    """A consent begins its last steps. Not saved: the caller, who holds the row locked, stores more along with it."""
    connection.state, connection.since_at = State.CONNECTING, now
    connection.kept_until, connection.claims, connection.interrupted_at = None, "", None
    for name, value in WELL.items():
        setattr(connection, name, value)


def mailbox_opened(connection: Connection, *, now: datetime) -> None:
    """The probe at the end of a consent passed: *connecting* becomes *connected*."""
    found = Connection.objects.filter(pk=connection.pk, state=State.CONNECTING)
    found.update(state=State.CONNECTED, since_at=now, last_good_at=now, **WELL)
    if connection.service == Service.EXCHANGE.value:  # no token comes with a time of its own
        due = next_turn(connection, now=now, spread=random.random())  # noqa: S311  not a secret
        Connection.objects.filter(pk=connection.pk, state=State.CONNECTED).update(refresh_due_at=due)
    Connection.objects.filter(pk=connection.pk, connected_at=None).update(connected_at=now)


def awaiting_admin(person: User, *, now: datetime, code: str = "") -> Connection | None:
    """Microsoft lets only an administrator consent. None: the person has a connection that works, and it stays."""
    why = {"state": State.AWAITING_ADMIN, "since_at": now, "reason": Reason.ADMIN_APPROVAL.value, "code": code[:80]}
    with transaction.atomic():
        # The person first, as everything does that ends or makes a connection.
        User.objects.select_for_update(no_key=True).get(pk=person.pk)
        connection, _ = Connection.objects.select_for_update().get_or_create(user=person, defaults=why)
        if connection.state in (State.DISCONNECTED, State.NEEDS_REAUTH, State.NOT_ELIGIBLE):
            # A mailbox that was given up may be somebody else's by now; only a consent claims it again.
            whose = {"tenant_id": "", "object_id": ""} if connection.state == State.DISCONNECTED else {}
            Connection.objects.filter(pk=connection.pk).update(**GONE | whose | why)
            connection.refresh_from_db()
    return connection if connection.state == State.AWAITING_ADMIN else None


def approval_over(people: Collection[int], *, now: datetime, is_given: bool = False) -> int:
    """These wait for no administrator any more: one has consented, or they do not want it. Whoever was connected is to
    reconnect, as before they waited; the others are not connected."""
    waiting = Connection.objects.filter(user__in=people, state=State.AWAITING_ADMIN)
    reason = Reason.APPROVED if is_given else Reason.ADMIN_APPROVAL
    lost = waiting.filter(connected_at__isnull=False).exclude(object_id="")
    count = lost.update(state=State.NEEDS_REAUTH, since_at=now, reason=reason.value, **GONE)
    return count + waiting.update(state=State.DISCONNECTED, since_at=now, reason="", **GONE)
