"""Which connections a change of the settings would end or bring back, before anybody makes it (`openings`)."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django.db.models import Q, QuerySet

from accounts.cascade.declare import Section, setting_of
from accounts.cascade.facts import Facts
from accounts.domain_names import shown
from accounts.models import Account, User
from accounts.openings import Effect, Outcome
from integrations.fitting import WATCHED
from integrations.models import Connection, State
from integrations.policy import Obstacle, Shape
from integrations.preferences import Integrations
from integrations.verdicts import COLUMNS, Verdicts

GRACE = setting_of(Integrations, "grace")
_BECAUSE = {
    Obstacle.TURNED_OFF: "Turned off",
    Obstacle.ANOTHER_SERVICE: "Another service",
    Obstacle.ANOTHER_API: "Another way to authorize",
    Obstacle.SET_UP_BY_ADMIN: "Set up by the admin",
    Obstacle.SET_UP_BY_PEOPLE: "Set up by each person",
    Obstacle.CALENDAR_WRITE: "Calendar: write",
    Obstacle.CONTACTS_WRITE: "Contacts: write",
}


class ConnectionConsequences:
    """Says of each what `fitting.apply_policy` would do after the change; both ask the same policy."""

    sections: tuple[type[Section], ...] = (Integrations,)
    things = ("connection", "connections")
    verb = ("block", "blocked")

    def __call__(self, account: Account, *, people: QuerySet[User] | None, before: Facts, after: Facts) -> Outcome:
        rows = _connections(account, people)
        holding, verdicts = after.held(Integrations, [row[0] for row in rows]), Verdicts()
        ends: list[Effect] = []
        returns: list[Effect] = []
        for person, state, reason, *columns in rows:
            shape = verdicts.shape(tuple(columns))
            obstacle = verdicts.obstacle(holding[person], shape)
            if obstacle and state != State.BLOCKED_BY_POLICY:
                ends.append(Effect(person, columns[-1], _because(obstacle, shape)))
            elif not obstacle and state == State.BLOCKED_BY_POLICY:
                returns.append(Effect(person, columns[-1], _was(reason, shape)))
        note = _note(len(ends), holding[ends[0].person].values.grace) if ends else ""
        return Outcome(tuple(ends), tuple(returns), stays=_alive(rows) - len(ends), note=note, governed_by=GRACE.key)


connections = ConnectionConsequences()


def _connections(account: Account, people: QuerySet[User] | None) -> list[tuple[Any, ...]]:
    """Those that work, and those that are blocked and could come back."""
    found = Connection.objects.filter(user__account=account, state__in=WATCHED)
    found = found.exclude(Q(state=State.BLOCKED_BY_POLICY) & Q(refresh_token=""))
    if people is not None:
        found = found.filter(user__in=people.order_by().values("pk"))
    return list(found.order_by("user_id").values_list("user_id", "state", "reason", *COLUMNS))


def _alive(rows: Iterable[tuple[Any, ...]]) -> int:
    return sum(1 for _, state, *_ in rows if state != State.BLOCKED_BY_POLICY)


def _note(number: int, grace: int) -> str:
    them = "it" if number == 1 else "them"
    if not grace:
        return (
            f"Nothing uses {them} any more, and Meridian forgets its sealed access at once: whoever is blocked has to "
            "connect again, should it be allowed again."
        )
    days = "1 day" if grace == 1 else f"{grace} days"
    return (
        f"Nothing uses {them} from then on. Meridian keeps its sealed access for {days}: what is allowed again before "
        "comes back by itself, without a new consent."
    )


def _because(obstacle: Obstacle, shape: Shape) -> str:
    return _BECAUSE.get(obstacle) or f"Domain {shown(shape.domain)}"


def _was(reason: str, shape: Shape) -> str:
    """Why it was blocked until now."""
    return _because(Obstacle(reason), shape) if reason in list(Obstacle) else ""
