"""A connection by EWS becomes one by Graph, whose mailbox has just opened: in one transaction, with what it was before
kept for the grace."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from django.db import IntegrityError, transaction

from accounts import audit
from accounts.cascade.read import effective
from accounts.domain_names import domain_of
from accounts.models import User
from integrations import scopes, states, tokens
from integrations.leaving_ews import pasts
from integrations.leaving_ews.trying import Opened, granted
from integrations.models import Connection, GraphProspect, Move
from integrations.policy import Obstacle, Shape, may_connect
from integrations.preferences import Api, Integrations, Method, Service
from integrations.states.leaving import opened_otherwise

MOVED = audit.declare(
    "calendar.moved_to_graph",
    "{target} goes by Graph now instead of Exchange Web Services.",
    personal_target=True,
)


class Overtaken(Exception):
    """Meanwhile it was ended, moved, or given other tokens."""


class NotAllowed(Exception):
    """The settings do not let this mailbox go by Graph."""

    def __init__(self, obstacle: Obstacle) -> None:
        super().__init__(obstacle.value)
        self.obstacle = obstacle


def cross(connection: Connection, opened: Opened, *, now: datetime) -> Connection:
    """`connection`: as the tokens were asked for with it. Raises Overtaken, NotAllowed."""
    try:
        with transaction.atomic():
            row = _locked(connection)
            check_allowed(row.user, opened.address)
            pasts.keep([row], now=now)
            _carry(row, opened, now=now)
            row.save()
            GraphProspect.objects.filter(connection=row).delete()
            before = {"api": connection.api, "method": connection.method}
            after = {"api": row.api, "method": row.method}
            audit.record(
                MOVED, account=row.user.account, actor=None, on=row, now=now, before=before, after=after, about=row.user
            )
    except IntegrityError as problem:  # the mailbox is somebody else's by now
        raise Overtaken from problem
    return row


def check_allowed(person: User, address: str) -> None:
    """Raises NotAllowed."""
    wish = Shape(domain=domain_of(address) or "unknown")
    if obstacle := may_connect(effective(Integrations, person), wish):
        raise NotAllowed(obstacle)


def _locked(connection: Connection) -> Connection:
    """The person first, as everything does that ends or makes a connection."""
    if User.objects.select_for_update(no_key=True).filter(pk=connection.user_id).first() is None:
        raise Overtaken
    as_read = Connection.objects.filter(pk=connection.pk, token_version=connection.token_version, api=Api.EWS.value)
    mine = as_read.filter(state__in=states.RENEWABLE).select_for_update(of=("self",))
    row = mine.select_related("user__account").first()
    if row is None:
        raise Overtaken
    return row


def _carry(row: Connection, opened: Opened, *, now: datetime) -> None:
    given = granted(opened.tokens)
    fresh = tokens.sealed(row, replace(opened.tokens, scopes=tuple(given)), asked_at=opened.asked_at)
    for name, value in fresh.items():
        setattr(row, name, value)
    row.service, row.api, row.method = Service.OFFICE_365.value, Api.GRAPH.value, Method.OAUTH.value
    row.link = row.server = None
    row.user_name = row.password = ""
    row.move, row.address = Move.UNKNOWN, opened.address
    # As much as they gave by EWS is used: reading. Whoever wants Meridian to write ticks it.
    row.calendar_write = row.contacts_write = False
    row.withheld = scopes.withheld(given, calendar_write=False, contacts_write=False)
    opened_otherwise(row, now=now)
