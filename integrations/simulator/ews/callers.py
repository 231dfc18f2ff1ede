"""Who calls Exchange Web Services, as the door found out; and how the door turns somebody away."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from uuid import UUID

from django.db.models import QuerySet

from integrations.simulator.models import Person, Tenant


class Server(StrEnum):
    ONLINE = "online"
    ON_PREMISES = "on_premises"


class TurnedAway(Exception):
    """An answer of the web server in front of Exchange, before any SOAP: 401, 403 with its reason, 503."""

    def __init__(self, status: int, why: str, *, headers: Mapping[str, str] | None = None, body: str = "") -> None:
        self.status, self.why, self.headers, self.body = status, why, headers or {}, body
        super().__init__(why)


def _nobody(_: Person) -> bool:
    return False


def _enter(_: Person) -> None:
    """No switch stands against it."""


@dataclass(frozen=True)
class Caller:
    server: Server
    people: QuerySet[Person]
    """Everybody whom this server serves and who is not deleted: whose addresses it knows for this caller."""
    person: Person | None = None
    """Who signed in; None when an application asks for itself."""
    client_id: UUID | None = None
    """The application; None with a password."""
    tenant: Tenant | None = None
    may_impersonate: Callable[[Person], bool] = field(default=_nobody, repr=False)
    enter: Callable[[Person], None] = field(default=_enter, repr=False)
    """Before a mailbox is opened, whichever way: raises `TurnedAway` where a switch of that mailbox says no."""

    @property
    def is_application(self) -> bool:
        return self.person is None
