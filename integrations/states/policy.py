"""What the settings and the person make of connections. Set-based: one change of a setting moves many."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime, timedelta

from django.db.models import Case, Value, When

from integrations.models import ALIVE, Connection, State
from integrations.policy import Obstacle
from integrations.preferences import Method
from integrations.states.columns import CALM, GONE, WELL
from integrations.states.organization import as_its_link
from integrations.states.servers import as_its_server


def blocked(connections: Collection[int], obstacle: Obstacle, *, grace: timedelta, now: datetime) -> int:
    """Nothing uses them from now on; the sealed tokens stay for the grace. Without one they are destroyed here."""
    alive = Connection.objects.filter(pk__in=connections, state__in=ALIVE)
    why = {"since_at": now, "reason": obstacle.value}
    if not grace:
        return alive.update(state=State.DISCONNECTED, **why, **GONE)
    kept_until = now + grace
    return alive.update(state=State.BLOCKED_BY_POLICY, **why, **CALM, refresh_due_at=None, kept_until=kept_until)


def narrowed(connections: Collection[int], excess: Collection[Obstacle]) -> int:
    """What the settings do not give is not used any more; no state changes by it."""
    return Connection.objects.filter(pk__in=connections).update(**{one.value: False for one in excess})


def blocked_for(connections: Collection[int], obstacle: Obstacle) -> int:
    """Blocked as before, and now for another reason."""
    found = Connection.objects.filter(pk__in=connections, state=State.BLOCKED_BY_POLICY)
    return found.update(reason=obstacle.value)


def released(connections: Collection[int], *, now: datetime) -> int:
    """Back as they were; a refresh at once shows whether Microsoft still agrees."""
    blocked = Connection.objects.filter(pk__in=connections, state=State.BLOCKED_BY_POLICY)
    # One by its organization has nothing to refresh.
    own = (Method.OAUTH.value, Method.PASSWORD.value, Method.IMPERSONATION.value)
    due = Case(When(method__in=own, then=Value(now)), default=None)
    count = blocked.update(state=State.CONNECTED, since_at=now, refresh_due_at=due, kept_until=None, **WELL)
    as_its_link(connections, now=now)
    as_its_server(connections, now=now)
    return count


def let_go(connections: Collection[int], *, now: datetime) -> int:
    """The grace is over: the tokens are destroyed. The reason stays, so that the person is told."""
    over = Connection.objects.filter(pk__in=connections, state=State.BLOCKED_BY_POLICY, kept_until__lte=now)
    return over.update(state=State.DISCONNECTED, since_at=now, **GONE)


def given_up(connections: Collection[int], obstacle: Obstacle, *, now: datetime) -> int:
    """The settings no longer allow to look for a mailbox where there was none. Nothing worked, so there is no grace."""
    found = Connection.objects.filter(pk__in=connections, state=State.NOT_ELIGIBLE)
    return found.update(state=State.DISCONNECTED, since_at=now, reason=obstacle.value, **GONE)


def disconnected(connection: Connection, *, now: datetime) -> bool:
    """The tokens are destroyed; who it was at Microsoft stays as history."""
    expected = Connection.objects.filter(pk=connection.pk).exclude(state=State.DISCONNECTED)
    return bool(expected.update(state=State.DISCONNECTED, since_at=now, reason="", **GONE))
