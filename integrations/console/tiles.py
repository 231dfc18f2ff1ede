"""The states as tiles: a count that is also a filter."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from django.db.models import Count, Min, QuerySet

from accounts.models import User
from integrations.console.people import NOT_YET, SHOWN
from integrations.models import Connection, State


@dataclass(frozen=True)
class Look:
    label: str
    # Of the tag; and the symbol.
    kind: str
    icon: str
    # What to say where there is nobody.
    nobody: str


# In the order of the tiles.
LOOKS: dict[str, Look] = {
    "": Look("All", "", "people", "Nobody is connected, and nobody may connect"),
    State.CONNECTED: Look("Connected", "good", "check", "Nobody is connected at the moment"),
    State.DEGRADED: Look("Degraded", "warn", "clock", "No connection is in passing trouble"),
    State.PAUSED: Look("Paused", "warn", "pause", "No connection is paused"),
    State.NEEDS_REAUTH: Look("Needs reconnecting", "bad", "alert", "No connection needs reconnecting"),
    State.AWAITING_ADMIN: Look("Awaiting an admin", "warn", "shield", "Nobody waits for a Microsoft 365 admin"),
    State.BLOCKED_BY_POLICY: Look("Blocked by policy", "warn", "lock", "The settings block no connection"),
    State.NOT_ELIGIBLE: Look("Not eligible", "", "close", "Every connected account has a usable mailbox"),
    State.CONNECTING: Look("Connecting", "", "turn", "Nobody is on the way at the moment"),
    NOT_YET: Look("Not yet connected", "", "ring", "Everybody who may connect is connected"),
}


@dataclass(frozen=True)
class Tile:
    state: str
    look: Look
    number: int


@dataclass(frozen=True)
class Tiles:
    tiles: tuple[Tile, ...]
    # The oldest last good answer among those that are connected.
    answered_since: datetime | None

    def number(self, state: str) -> int:
        return next(tile.number for tile in self.tiles if tile.state == state)


def count(connections: QuerySet[Connection], not_yet: QuerySet[User]) -> Tiles:
    """Of connections and of people without one, however they were narrowed. Two queries."""
    found = connections.order_by().values_list("state").annotate(number=Count("pk"), oldest=Min("last_good_at"))
    by_state = {state: (number, oldest) for state, number, oldest in found}
    numbers: dict[str, int] = {state: by_state[state][0] if state in by_state else 0 for state in SHOWN}
    numbers[NOT_YET] = not_yet.order_by().count()
    numbers[""] = sum(numbers.values())
    tiles = tuple(Tile(str(state), look, numbers[state]) for state, look in LOOKS.items())
    return Tiles(tiles, by_state[State.CONNECTED][1] if State.CONNECTED in by_state else None)
