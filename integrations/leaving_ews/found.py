"""What was found of a connection when it was last looked whether it could go by Graph (`GraphProspect`), and when it is
tried again to move it."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.db.models import Q, QuerySet

from integrations.leaving_ews.trying import Tried
from integrations.models import Connection, GraphProspect, Move, Prospect

# What passes soon is asked again soon; what takes a person or an admin, the longer after.
SOON, LATER, DAILY = timedelta(minutes=5), timedelta(minutes=30), timedelta(days=1)
_AGAIN = {
    Prospect.UNKNOWN: SOON,
    Prospect.NEEDS_ADMIN: LATER,
    Prospect.ASKS_PERSON: DAILY,
    Prospect.ON_PREMISES: DAILY,
    Prospect.NO_TENANT: DAILY,
    Prospect.NOT_ELIGIBLE: DAILY,
}
_MEANS = {
    Prospect.ASKS_PERSON: Move.ASKED,
    Prospect.ON_PREMISES: Move.REFUSED,
    Prospect.NO_TENANT: Move.REFUSED,
    Prospect.NOT_ELIGIBLE: Move.REFUSED,
}


def note(connection: Connection, tried: Tried, *, now: datetime, to_move: bool = False) -> None:
    """One statement, whether it was tried before or not; nothing of a connection that was deleted meanwhile.

    `to_move`: it was not only looked.
    """
    failure = tried.failure
    if not Connection.objects.filter(pk=connection.pk).exists():
        return
    said = {
        "outcome": tried.outcome,
        "tenant_id": tried.tenant_id,
        "reason": failure.reason.value if failure else "",
        "code": failure.code[:80] if failure else "",
        "trace_id": failure.trace_id[:80] if failure else "",
        "looked_at": now,
        **({"tried_at": now} if to_move else {}),
    }
    GraphProspect.objects.update_or_create(connection=connection, defaults=said)


def meaning(outcome: str) -> Move:
    """For the connection: whether it stays where it is until it can be moved, waits for its person, or cannot go."""
    return _MEANS.get(Prospect(outcome), Move.READY)


def untried() -> Q:
    """Of connections: not tried yet under the settings of now, or found ready and not moved yet."""
    return Q(prospect=None) | Q(prospect__tried_at=None) | Q(prospect__outcome=Prospect.READY)


def forget_tries(connections: QuerySet[Connection]) -> None:
    """New settings: what stood in the way may stand there no longer. What was found stays to be seen meanwhile."""
    GraphProspect.objects.filter(connection__in=connections).update(tried_at=None)


def is_due(*, now: datetime) -> Q:
    """Of connections: to be tried again."""
    due = Q()
    for outcome, wait in _AGAIN.items():
        due |= Q(prospect__outcome=outcome, prospect__tried_at__lte=now - wait)
    return due
