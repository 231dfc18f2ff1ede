"""Connections against the settings that hold now: what no longer fits is blocked, what fits again comes back.

Level-triggered: a change of the settings only nudges. Policy is evaluated once per distinct (settings, shape),
never per person.
"""

from __future__ import annotations

from datetime import datetime, timedelta

import structlog
from django.db import transaction
from django.db.models import QuerySet

from accounts import audit
from accounts.cascade.read import effective_of
from accounts.models import Account, User
from integrations import states
from integrations.models import ALIVE, Connection, State
from integrations.policy import Obstacle, Shape, still_fits
from integrations.preferences import Api, Integrations, Method, Service

log = structlog.get_logger(__name__)

BLOCKED = audit.declare("calendar.blocked", "The settings no longer allow {target}; nothing uses it.")
RELEASED = audit.declare("calendar.released", "The settings allow {target} again.")
GRACE_OVER = audit.declare("calendar.grace_over", "{target} stayed blocked for seven days; Meridian forgot its access.")

GRACE = timedelta(days=7)


def apply_policy(account: Account, *, now: datetime) -> int:
    """Block and release the connections of an account; answers how many changed."""
    held = Connection.objects.filter(user__account=account, state__in=[*ALIVE, State.BLOCKED_BY_POLICY])
    settings_of = effective_of(Integrations, _people_of(held))
    changed = 0
    answers: dict[tuple[Integrations, Shape], Obstacle | None] = {}
    for connection in held.select_related("user__account").iterator(chunk_size=1000):
        settings, shape = settings_of.get(connection.user_id), shape_of(connection)
        if settings is None:
            continue  # connected after the settings were read: the next sweep sees it
        if (settings, shape) not in answers:
            answers[settings, shape] = still_fits(settings, shape, services_locked=False)
        changed += _apply(connection, answers[settings, shape], now=now)
    return changed


def settled(person: User, settings: Integrations, *, now: datetime) -> Connection | None:
    """The person's connection as `settings` allow it now. None: never connected."""
    connection = Connection.objects.filter(user=person).select_related("user__account").first()
    return connection and settle(connection, settings, now=now)


def settle(connection: Connection, settings: Integrations, *, now: datetime) -> Connection:
    """The same for one, before a page speaks of it or uses it: a switch holds at once, whether a worker runs or not."""
    if connection.state not in (*ALIVE, State.BLOCKED_BY_POLICY):
        return connection
    obstacle = still_fits(settings, shape_of(connection), services_locked=False)
    if bool(obstacle) != (connection.state == State.BLOCKED_BY_POLICY):
        _apply(connection, obstacle, now=now)
        connection.refresh_from_db()  # also where somebody else was quicker
    return connection


def let_go(*, now: datetime) -> int:
    """After the grace, the tokens of what stayed blocked are destroyed; answers of how many."""
    gone = 0
    over = Connection.objects.filter(state=State.BLOCKED_BY_POLICY, since_at__lte=now - GRACE)
    for connection in over.select_related("user__account")[:1000]:
        with transaction.atomic():
            if states.disconnected(connection, now=now, only_from=State.BLOCKED_BY_POLICY):
                account = connection.user.account
                audit.record(GRACE_OVER, account=account, actor=None, on=connection, now=now)
                gone += 1
    return gone


def shape_of(connection: Connection) -> Shape:
    return Shape(
        service=Service(connection.service),
        api=Api(connection.api),
        method=Method(connection.method),
        calendar_write=connection.calendar_write,
        contacts_write=connection.contacts_write,
    )


def _people_of(held: QuerySet[Connection]) -> QuerySet[User]:
    people: QuerySet[User] = User.objects.filter(pk__in=held.values("user"))
    return people


def _apply(connection: Connection, obstacle: Obstacle | None, *, now: datetime) -> bool:
    is_blocked = connection.state == State.BLOCKED_BY_POLICY
    if bool(obstacle) == is_blocked:
        return False
    with transaction.atomic():
        moved = states.blocked(connection, obstacle, now=now) if obstacle else states.released(connection, now=now)
        if moved:
            action, after = (BLOCKED, {"reason": obstacle.value}) if obstacle else (RELEASED, None)
            audit.record(action, account=connection.user.account, actor=None, on=connection, now=now, after=after)
    return moved
