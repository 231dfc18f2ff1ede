"""One connection is moved from EWS to Graph, or it is found out why not.

Doing it twice does no more than doing it once: what has moved is not found any more, and two that try at once find each
other's lease, or each other's transaction.
"""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import NamedTuple

import structlog
from django.db import transaction

from accounts.cascade.read import effective
from integrations.failures import Failure, Outcome, Reason
from integrations.leaving_ews import crossing, found, telling, wanted
from integrations.leaving_ews.trying import Tried, try_graph
from integrations.models import Connection, GraphProspect, Move, Prospect, State
from integrations.organization import connecting
from integrations.organization.connecting import Wish
from integrations.organization.rows import Ending as Written
from integrations.preferences import Api, Integrations, Service

log = structlog.get_logger(__name__)

_MOVED = (Written.CONNECTED, Written.MOVED)


class Ending(StrEnum):
    """What became of one connection, to be told in a sentence."""

    MOVED = "moved"
    # Its person was asked to agree at Microsoft.
    ASKED = "asked"
    NEEDS_ADMIN = "needs_admin"
    ON_PREMISES = "on_premises"
    NO_TENANT = "no_tenant"
    NOT_ELIGIBLE = "not_eligible"
    # No answer; it is tried again.
    LATER = "later"
    NOT_BY_EWS = "not_by_ews"
    NOT_WANTED = "not_wanted"


class Moved(NamedTuple):
    ending: Ending
    # Why, where it was not moved: a `Reason` or an `Obstacle`.
    reason: str = ""


_ENDINGS = {
    Prospect.ASKS_PERSON: Ending.ASKED,
    Prospect.NEEDS_ADMIN: Ending.NEEDS_ADMIN,
    Prospect.ON_PREMISES: Ending.ON_PREMISES,
    Prospect.NO_TENANT: Ending.NO_TENANT,
    Prospect.NOT_ELIGIBLE: Ending.NOT_ELIGIBLE,
    Prospect.UNKNOWN: Ending.LATER,
}


def move(connection_id: int, *, now: datetime) -> Moved:
    """Raises nothing that belongs to Microsoft or to a server."""
    connection = by_ews_or_none(connection_id)
    if connection is None:
        return Moved(Ending.NOT_BY_EWS)
    values = effective(Integrations, connection.user)
    if not wanted.wants_graph(values):
        return Moved(Ending.NOT_WANTED)
    # Should this worker die over it, it is tried again after a while, and not at once for ever.
    found.note(connection, Tried(Prospect.UNKNOWN, connection.tenant_id), now=now, to_move=True)
    tried = try_graph(connection, by_organization=wanted.wants_organization(values), now=now)
    if tried.outcome is not Prospect.READY:
        return _stays(connection, tried, now=now)
    return _by_link(connection, tried, now=now) if tried.link else _by_person(connection, tried, now=now)


def by_ews_or_none(connection_id: int) -> Connection | None:
    found_one = Connection.objects.filter(pk=connection_id, api=Api.EWS.value).exclude(state=State.DISCONNECTED)
    return found_one.select_related("user__account", "server", "link").first()


def _by_person(connection: Connection, tried: Tried, *, now: datetime) -> Moved:
    assert tried.opened is not None, "ready by the person's own access"  # noqa: S101
    try:
        crossing.cross(connection, tried.opened, now=now)
    except crossing.Overtaken:
        log.info("leaving_ews.overtaken", connection=connection.pk)
        return Moved(Ending.LATER)
    except crossing.NotAllowed as problem:
        shut = Failure(Outcome.NOT_ELIGIBLE, Reason.NO_MAILBOX, code=problem.obstacle.value)
        _stays(connection, Tried(Prospect.NOT_ELIGIBLE, tried.tenant_id, shut), now=now)
        return Moved(Ending.NOT_ELIGIBLE, problem.obstacle.value)
    return Moved(Ending.MOVED)


def _by_link(connection: Connection, tried: Tried, *, now: datetime) -> Moved:
    """As everybody whom the organization connects: all that counts there counts here."""
    assert tried.link is not None, "ready by the organization's consent"  # noqa: S101
    is_known = connection.service == Service.OFFICE_365.value
    wish = Wish(connection.user_id, connection.object_id if is_known else "", connection.address)
    [ending] = connecting.connect(tried.link, [wish], now=now)
    if ending in _MOVED and by_ews_or_none(connection.pk) is None:
        GraphProspect.objects.filter(connection=connection.pk).delete()
        return Moved(Ending.MOVED)
    failure = Failure(Outcome.UNREACHABLE, Reason.SERVICE_TROUBLE, code=ending.value)
    outcome = Prospect.UNKNOWN if ending is Written.LATER else Prospect.NEEDS_ADMIN
    return _stays(connection, Tried(outcome, tried.tenant_id, failure), now=now)


def _stays(connection: Connection, tried: Tried, *, now: datetime) -> Moved:
    """It goes on by EWS, as long as that answers; it is written down why."""
    means = found.meaning(tried.outcome)
    with transaction.atomic():
        found.note(connection, tried, now=now, to_move=True)
        mine = Connection.objects.filter(pk=connection.pk, api=Api.EWS.value).exclude(state=State.DISCONNECTED)
        if mine.exclude(move=means).update(move=means) and means == Move.ASKED:
            telling.asked([connection], now=now)
    reason = tried.failure.reason.value if tried.failure else ""
    log.info("leaving_ews.stays", connection=connection.pk, outcome=tried.outcome.value, reason=reason)
    return Moved(_ENDINGS[tried.outcome], reason)
