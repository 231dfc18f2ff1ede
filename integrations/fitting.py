"""Connections against the settings that hold now: what no longer fits is blocked, what fits again comes back.

Level-triggered: a change of the settings only nudges, and whoever is about to use a connection looks for himself.
Nobody is ever connected by this: whom the organization's consent may carry is found by `organization.following`.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping
from datetime import datetime, timedelta
from itertools import islice
from typing import NamedTuple

from django.db import transaction
from django.db.models import QuerySet

from accounts import audit
from accounts.cascade import facts
from accounts.cascade.across import held_by_each
from accounts.cascade.declare import settings_of
from accounts.cascade.facts import Held
from accounts.cascade.read import held as held_by
from accounts.models import Account, User
from integrations import reasons, states, telling
from integrations.models import ALIVE, Connection, State
from integrations.policy import Obstacle, excess, still_fits
from integrations.preferences import Integrations
from integrations.verdicts import COLUMNS, Verdicts, columns_of, shape_of

BLOCKED = audit.declare(
    "calendar.blocked",
    "The settings no longer allow {target}; nothing uses it.",
    personal_target=True,
    say={"reason": reasons.in_words},
)
ENDED = audit.declare(
    "calendar.ended",
    "The settings no longer allow {target}; Meridian forgot its access at once.",
    personal_target=True,
    say={"reason": reasons.in_words},
)
RELEASED = audit.declare("calendar.released", "The settings allow {target} again.", personal_target=True)
GRACE_OVER = audit.declare(
    "calendar.grace_over",
    "The settings had not allowed {target} until its grace was over; Meridian forgot its access.",
    personal_target=True,
)

WATCHED = (*ALIVE, State.BLOCKED_BY_POLICY)
BATCH = 500  # rows locked and written by one transaction


class Turn(NamedTuple):
    """What becomes of a connection."""

    obstacle: Obstacle | None
    was_blocked: bool
    # What it may no longer, where it stays.
    excess: tuple[Obstacle, ...] = ()


def apply_policy(account: Account, *, now: datetime) -> int:
    """Block and release the connections of an account; answers how many changed. Four queries, and a few for each
    batch of those that change."""
    holding, verdicts = holding_in(account), Verdicts()
    rows = _watched(account).order_by("pk").values_list("pk", "user_id", "state", "reason", *COLUMNS)
    moving = [
        pk
        for pk, person, state, reason, *columns in rows.iterator(chunk_size=2000)
        if person in holding  # else connected after the settings were read: the next sweep sees it
        and _is_due(verdicts, holding[person], tuple(columns), state, reason)
    ]
    # Read anew for each batch: a whole account takes a while, and with no grace what is ended does not come back.
    return sum(apply_to(account, some, holding_in(account, some), now=now) for some in _batches(moving))


def holding_in(account: Account, connections: Collection[int] | None = None) -> dict[int, Held[Integrations]]:
    """What everybody with a connection, or with one of `connections`, holds, by person. Three queries."""
    watched = _watched(account) if connections is None else Connection.objects.filter(pk__in=connections)
    people: QuerySet[User] = User.objects.filter(pk__in=watched.values("user"))
    return facts.load(account, settings_of(Integrations), people=people).held(Integrations)


def apply_to(
    account: Account, connections: list[int], holding: Mapping[int, Held[Integrations]], *, now: datetime
) -> int:
    """The same for some: one short transaction, in which they are locked and looked at once more."""
    changed = 0
    with transaction.atomic():
        for turn, some in _sorted(_locked(connections), holding).items():
            if turn.excess:
                states.narrowed(_ids(some), turn.excess)
            if turn.obstacle and turn.was_blocked:
                states.blocked_for(_ids(some), turn.obstacle)
                continue
            changed += len(some)
            if turn.obstacle:
                _block(account, some, turn.obstacle, grace=_grace(holding[some[0].user_id]), now=now)
                telling.blocked(some, turn.obstacle, holding, now=now)
            elif turn.was_blocked:
                states.released(_ids(some), now=now)
                _record(RELEASED, account, some, now=now)
                telling.released(some, now=now)
    return changed


def settled(person: User, held: Held[Integrations], *, now: datetime) -> Connection | None:
    """The person's connection as the settings allow it now. None: never connected."""
    connection = Connection.objects.filter(user=person).select_related("user__account", "server").first()
    return connection and settle(connection, held, now=now)


def as_allowed(connection: Connection, *, now: datetime) -> Connection:
    """The same for whoever is about to use it: a switch holds at once, whether a worker runs or not. One query."""
    return settle(connection, held_by(Integrations, connection.user), now=now)


def still_allowed(connections: Collection[Connection], *, now: datetime) -> list[Connection]:
    """The same for many, of whatever accounts: those of `connections`, all of them alive, that may be used. One query,
    and a few for each account where something changes."""
    holding, verdicts = held_by_each(Integrations, {one.user_id for one in connections}), Verdicts()
    moving = defaultdict[int, list[Connection]](list)
    for one in connections:
        if verdicts.obstacle(holding[one.user_id], verdicts.shape(columns_of(one))):
            moving[one.account_id].append(one)
    for some in moving.values():
        apply_to(some[0].account, _ids(some), {one.user_id: holding[one.user_id] for one in some}, now=now)
    return [one for one in connections if one not in moving[one.account_id]]


def settle(connection: Connection, held: Held[Integrations], *, now: datetime) -> Connection:
    if connection.state not in WATCHED:
        return connection
    if _turn(connection, held):
        apply_to(connection.user.account, [connection.pk], {connection.user_id: held}, now=now)
        connection.refresh_from_db()  # also where somebody else was quicker
    if connection.kept_until and connection.kept_until <= now:
        _let_go(connection.user.account, [connection.pk], now=now)
        connection.refresh_from_db()
    return connection


def let_go(account: Account, *, now: datetime) -> int:
    """After the grace, the tokens of what stayed blocked are destroyed; answers of how many."""
    over = Connection.objects.filter(
        user__account=account, state=State.BLOCKED_BY_POLICY, kept_until__isnull=False, kept_until__lte=now
    )
    return sum(
        _let_go(account, some, now=now) for some in _batches(list(over.order_by("pk").values_list("pk", flat=True)))
    )


def _watched(account: Account) -> QuerySet[Connection]:
    return Connection.objects.filter(user__account=account, state__in=WATCHED)


def _is_due(verdicts: Verdicts, held: Held[Integrations], columns: tuple[object, ...], state: str, reason: str) -> bool:
    shape = verdicts.shape(columns)
    obstacle = verdicts.obstacle(held, shape)
    return _is_moving(obstacle, state, reason) or (not obstacle and bool(verdicts.excess(held, shape)))


def _is_moving(obstacle: Obstacle | None, state: str, reason: str) -> bool:
    if state == State.BLOCKED_BY_POLICY:
        return obstacle is None or obstacle.value != reason
    return obstacle is not None


def _turn(connection: Connection, held: Held[Integrations]) -> Turn | None:
    """None: it stays as it is."""
    shape = shape_of(connection)
    obstacle = still_fits(held, shape)
    too_much = () if obstacle else excess(held, shape)
    if connection.state not in WATCHED:
        return None
    if not too_much and not _is_moving(obstacle, connection.state, connection.reason):
        return None
    was_blocked = connection.state == State.BLOCKED_BY_POLICY
    return Turn(obstacle, was_blocked, too_much)


def _sorted(found: Iterable[Connection], holding: Mapping[int, Held[Integrations]]) -> dict[Turn, list[Connection]]:
    """Those that change, by what becomes of them."""
    alike = defaultdict[Turn, list[Connection]](list)
    for connection in found:
        if turn := _turn(connection, holding[connection.user_id]):
            alike[turn].append(connection)
    return alike


def _block(
    account: Account, connections: list[Connection], obstacle: Obstacle, *, grace: timedelta, now: datetime
) -> None:
    states.blocked(_ids(connections), obstacle, grace=grace, now=now)
    _record(BLOCKED if grace else ENDED, account, connections, now=now, after={"reason": obstacle.value})


def _let_go(account: Account, connections: list[int], *, now: datetime) -> int:
    with transaction.atomic():
        over = [one for one in _locked(connections) if one.state == State.BLOCKED_BY_POLICY]
        over = [one for one in over if one.kept_until and one.kept_until <= now]
        states.let_go(_ids(over), now=now)
        _record(GRACE_OVER, account, over, now=now)
    return len(over)


def _record(
    action: str, account: Account, connections: list[Connection], *, now: datetime, after: object = None
) -> None:
    subjects = (audit.Subject(one, after=after, about=one.user_id) for one in connections)
    audit.record_many(action, subjects, account=account, actor=None, now=now)


def _locked(connections: list[int]) -> QuerySet[Connection]:
    """Locked in one order, so that two who do this at once cannot block each other."""
    found = Connection.objects.select_for_update(of=("self",)).filter(pk__in=connections)
    return found.select_related("user", "server").defer("refresh_token", "access_token", "password").order_by("pk")


def _grace(held: Held[Integrations]) -> timedelta:
    return timedelta(days=held.values.grace)


def _ids(connections: Iterable[Connection]) -> list[int]:
    return [connection.pk for connection in connections]


def _batches(ids: list[int]) -> Iterator[list[int]]:
    rest = iter(ids)
    while some := list(islice(rest, BATCH)):
        yield some
