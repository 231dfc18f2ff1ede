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
from integrations.leaving_ews.found import meaning
from integrations.models import Connection, Move, Prospect, State
from integrations.organization import foreseeing
from integrations.organization.foreseeing import Foresight
from integrations.policy import Obstacle, Shape, api_of, is_for_graph
from integrations.preferences import Api, Integrations, Method
from integrations.verdicts import COLUMNS, Verdicts

GRACE = setting_of(Integrations, "grace")
_MOVE, _API = COLUMNS.index("move"), COLUMNS.index("api")
_OWN = ("user_id", "state", "reason", "user__email", "prospect__outcome")
_FIRST, _PROSPECT = len(_OWN), _OWN.index("prospect__outcome")


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
        found = _sorted(rows, holding, foresight, _ways_out(rows, before, holding))
        grace = holding[found.kept[0]].values.grace if found.kept else 0
        begins = list(foresight.begins(account, people)) if foresight else []
        return Outcome(
            tuple(found.ends),
            tuple(found.returns),
            stays=found.stays,
            note=words.of_ending(len(found.kept), grace, found.ended_by),
            governed_by=GRACE.key if found.kept else "",
            begins=words.of_beginning(begins, foresight.reach if foresight else None),
            moves=words.of_moving(found.moves, leaving=found.leaving),
            asks=words.of_asking(found.asks, leaving=found.agreeing),
        )


connections = ConnectionConsequences()


@dataclass
class _Found:
    """Connections, by what becomes of them."""

    ends: list[Effect] = field(default_factory=list)
    returns: list[Effect] = field(default_factory=list)
    moves: list[Effect] = field(default_factory=list)
    asks: list[Effect] = field(default_factory=list)
    # From EWS to Graph: without a step of theirs, and with one.
    leaving: list[Effect] = field(default_factory=list)
    agreeing: list[Effect] = field(default_factory=list)
    stays: int = 0
    # Of those that end: whose own access could be kept; and why the organization's is not used any more.
    kept: list[int] = field(default_factory=list)
    ended_by: set[Obstacle] = field(default_factory=set)

    def leave(self, effect: Effect, way: Move) -> None:
        (self.agreeing if way == Move.ASKED else self.leaving).append(effect)

    def end(self, effect: Effect, shape: Shape, obstacle: Obstacle) -> None:
        self.ends.append(effect)
        if shape.method == Method.APPLICATION_PERMISSIONS:
            self.ended_by.add(obstacle)
        else:
            self.kept.append(effect.person)


def _ways_out(rows: list[tuple[Any, ...]], before: Facts, holding: Mapping[int, Held[Integrations]]) -> dict[int, Move]:
    """Of whoever is connected by EWS, and by this very change leaves it for Graph: what that comes to, as far as it was
    looked at."""
    leaving = [row for row in rows if row[_FIRST + _API] == Api.EWS.value and is_for_graph(holding[row[0]].values)]
    if not leaving:
        return {}
    held = before.held(Integrations, [row[0] for row in leaving])
    newly = [row for row in leaving if not is_for_graph(held[row[0]].values)]
    return {row[0]: meaning(row[_PROSPECT] or Prospect.UNKNOWN) for row in newly}


def _sorted(
    rows: list[tuple[Any, ...]],
    holding: Mapping[int, Held[Integrations]],
    foresight: Foresight | None,
    ways_out: Mapping[int, Move],
) -> _Found:
    found, verdicts = _Found(), Verdicts()
    for person, state, reason, email, prospect, *columns in rows:
        shape, address, way = verdicts.shape(tuple(columns)), columns[-1], ways_out.get(person)
        # A consent of the organization carries what goes by its own API.
        carrying = foresight if shape.api == api_of(holding[person].values.services) else None
        moves = bool(carrying and carrying.is_movable(person, shape, email))
        is_refused = way == Move.REFUSED or bool(carrying and carrying.is_refused(person, shape, email))
        if moves or is_refused:
            move = Move.READY if moves else Move.REFUSED
            shape = verdicts.shape((*columns[:_MOVE], move.value, *columns[_MOVE + 1 :]))
        obstacle = verdicts.obstacle(holding[person], shape)
        is_blocked = state == State.BLOCKED_BY_POLICY
        if obstacle:
            if not is_blocked:
                found.end(Effect(person, address, words.because(obstacle, shape, prospect)), shape, obstacle)
            continue
        if is_blocked:
            found.returns.append(Effect(person, address, words.was(reason, shape)))
        if way is not None and shape.may_leave:
            found.leave(Effect(person, address, words.of_prospect(prospect)), way)
        elif moves:
            found.moves.append(Effect(person, address, words.of_organization(shape)))
        elif foresight and foresight.is_asked(person, shape):
            found.asks.append(Effect(person, address, words.because(Obstacle.SET_UP_BY_PEOPLE, shape)))
        elif not is_blocked:
            found.stays += 1
    return found


def _connections(account: Account, people: QuerySet[User] | None) -> list[tuple[Any, ...]]:
    """Those that work, and those that are blocked and could come back."""
    found = Connection.objects.filter(user__account=account, state__in=WATCHED)
    is_forgotten = Q(method=Method.OAUTH.value, refresh_token="") | Q(method=Method.PASSWORD.value, password="")
    found = found.exclude(is_forgotten & Q(state=State.BLOCKED_BY_POLICY))
    if people is not None:
        found = found.filter(user__in=people.order_by().values("pk"))
    return list(found.order_by("user_id").values_list(*_OWN, *COLUMNS))
