"""Whether connections fit, for many at once: worked out once for all who hold the same and are connected alike."""

from __future__ import annotations

from typing import Any

from accounts.domain_names import domain_of
from integrations.models import Connection, Move
from integrations.policy import Held, Obstacle, Shape, excess, still_fits
from integrations.preferences import Api, Method, Service

# What of a connection the policy looks at, as columns.
COLUMNS = ("service", "api", "method", "server__address", "move", "calendar_write", "contacts_write", "address")


def shape_of(connection: Connection) -> Shape:
    return _shape(*columns_of(connection))


def columns_of(connection: Connection) -> tuple[Any, ...]:
    """Of the organization's own servers, whoever asks for many has selected `server` with them."""
    server = connection.server.address if connection.server else None
    return tuple(server if name == "server__address" else getattr(connection, name) for name in COLUMNS)


class Verdicts:
    """Those who hold the same share one object, so its identity stands for it; it is kept here, so that no other
    object can take its place in memory."""

    def __init__(self) -> None:
        self._shapes: dict[tuple[Any, ...], Shape] = {}
        self._found: dict[tuple[int, int], tuple[Held, Obstacle | None, tuple[Obstacle, ...]]] = {}

    def shape(self, columns: tuple[Any, ...]) -> Shape:
        """Of the values of COLUMNS. Connections that are alike share one."""
        *alike, address = columns
        key = (*alike, address.rpartition("@")[2])
        if key not in self._shapes:
            self._shapes[key] = _shape(*columns)
        return self._shapes[key]

    def obstacle(self, held: Held, shape: Shape) -> Obstacle | None:
        """`shape` comes from `shape()`."""
        return self._verdict(held, shape)[1]

    def excess(self, held: Held, shape: Shape) -> tuple[Obstacle, ...]:
        """What is taken from it where it stays; `shape` comes from `shape()`."""
        return self._verdict(held, shape)[2]

    def _verdict(self, held: Held, shape: Shape) -> tuple[Held, Obstacle | None, tuple[Obstacle, ...]]:
        key = (id(held), id(shape))
        if key not in self._found:
            self._found[key] = (held, still_fits(held, shape), excess(held, shape))
        return self._found[key]


def _shape(
    service: str,
    api: str,
    method: str,
    server: str | None,
    move: str,
    calendar_write: bool,
    contacts_write: bool,
    address: str,
) -> Shape:
    return Shape(
        service=Service(service),
        api=Api(api),
        method=Method(method),
        server=server or "",
        may_move=move == Move.READY,
        may_leave=api == Api.EWS.value and move != Move.REFUSED,
        calendar_write=calendar_write,
        contacts_write=contacts_write,
        domain=domain_of(address),
    )
