"""Which connections a change of the settings would end, bring back or move, and whom it would have looked up at
Microsoft, before anybody makes it (`openings`)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from django.db.models import Q, QuerySet

from accounts.cascade.declare import Section, setting_of
from accounts.cascade.facts import Facts, Held
from accounts.models import Account, User
from accounts.openings import Effect, Outcome
from integrations import consequence_words as words
from integrations.fitting import WATCHED
from integrations.models import Connection, Move, State
from integrations.organization import foreseeing
from integrations.organization.foreseeing import Foresight
from integrations.policy import Obstacle, Shape
from integrations.preferences import Integrations, Method
from integrations.verdicts import COLUMNS, Verdicts

GRACE = setting_of(Integrations, "grace")
_MOVE = COLUMNS.index("move")


class ConnectionConsequences:
    """Says of each what `fitting.apply_policy` would do after the change; both ask the same policy."""

    sections: tuple[type[Section], ...] = (Integrations,)
    things = ("connection", "connections")
    verb = ("block", "blocked")

    def __call__(self, account: Account, *, people: QuerySet[User] | None, before: Facts, after: Facts) -> Outcome:
        """One query; three more where anybody is, or would be, connected by an organization."""
        rows = _connections(account, people)
        foresight = foreseeing.foreseen(account, before=before, after=after)
        holding = foresight.after if foresight else after.held(Integrations, [row[0] for row in rows])
        found = _sorted(rows, holding, foresight)
        grace = holding[found.kept[0]].values.grace if found.kept else 0
        begins = list(foresight.begins(account, people)) if foresight else []
        return Outcome(
            tuple(found.ends),
            tuple(found.returns),
            stays=found.stays,
            note=words.of_ending(len(found.kept), grace, found.ended_by),
            governed_by=GRACE.key if found.kept else "",
            begins=words.of_beginning(begins, foresight.reach if foresight else None),
            moves=words.of_moving(found.moves),
            asks=words.of_asking(found.asks),
        )


connections = ConnectionConsequences()


@dataclass
class _Found:
    """Connections, by what becomes of them."""

    ends: list[Effect] = field(default_factory=list)
    returns: list[Effect] = field(default_factory=list)
    moves: list[Effect] = field(default_factory=list)
    asks: list[Effect] = field(default_factory=list)
    stays: int = 0
    # Of those that end: whose own access could be kept; and why the organization's is not used any more.
    kept: list[int] = field(default_factory=list)
    ended_by: set[Obstacle] = field(default_factory=set)

    def end(self, effect: Effect, shape: Shape, obstacle: Obstacle) -> None:
        self.ends.append(effect)
        if shape.method == Method.APPLICATION_PERMISSIONS:
            self.ended_by.add(obstacle)
        else:
            self.kept.append(effect.person)


def _sorted(
    rows: list[tuple[Any, ...]], holding: Mapping[int, Held[Integrations]], foresight: Foresight | None
) -> _Found:
    found, verdicts = _Found(), Verdicts()
    for person, state, reason, email, *columns in rows:
        shape, address = verdicts.shape(tuple(columns)), columns[-1]
        moves = foresight is not None and foresight.is_movable(person, shape, email)
        if moves or (foresight and foresight.is_refused(person, shape, email)):
            move = Move.READY if moves else Move.REFUSED
            shape = verdicts.shape((*columns[:_MOVE], move.value, *columns[_MOVE + 1 :]))
        obstacle = verdicts.obstacle(holding[person], shape)
        is_blocked = state == State.BLOCKED_BY_POLICY
        if obstacle:
            if not is_blocked:
                found.end(Effect(person, address, words.because(obstacle, shape)), shape, obstacle)
            continue
        if is_blocked:
            found.returns.append(Effect(person, address, words.was(reason, shape)))
        if moves:
            found.moves.append(Effect(person, address, words.of_organization(shape)))
        elif foresight and foresight.is_asked(person, shape):
            found.asks.append(Effect(person, address, words.because(Obstacle.SET_UP_BY_PEOPLE, shape)))
        elif not is_blocked:
            found.stays += 1
    return found


def _connections(account: Account, people: QuerySet[User] | None) -> list[tuple[Any, ...]]:
    """Those that work, and those that are blocked and could come back."""
    found = Connection.objects.filter(user__account=account, state__in=WATCHED)
    is_own = Q(method=Method.OAUTH.value)
    found = found.exclude(is_own & Q(state=State.BLOCKED_BY_POLICY) & Q(refresh_token=""))
    if people is not None:
        found = found.filter(user__in=people.order_by().values("pk"))
    return list(found.order_by("user_id").values_list("user_id", "state", "reason", "user__email", *COLUMNS))
