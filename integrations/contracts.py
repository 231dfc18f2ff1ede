"""The one neutral contract between the portal and any calendar service.

What goes wrong is classified once, by the adapter, as one of::

    CalendarError                    anything below; carries a `Failure`
    ├── AuthorizationLost            Microsoft's own *no*: only the person can mend it
    ├── NotEligible                  the account has no mailbox this portal can read
    ├── NotPermitted                 a permission is missing
    ├── CredentialRefused            our own credential or registration: only the operator can mend it
    ├── AppGone                      the application is not in the person's tenant: only its admin can mend it
    └── Passing                      worth trying again later
        ├── Throttled                … not before `failure.retry_after`
        └── Unreachable              no answer, or none that makes sense
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime
from typing import Protocol

from integrations.failures import Failure


class CalendarError(Exception):
    def __init__(self, failure: Failure) -> None:
        super().__init__(failure.reason.value)
        self.failure = failure


class AuthorizationLost(CalendarError):
    pass


class NotEligible(CalendarError):
    pass


class NotPermitted(CalendarError):
    pass


class CredentialRefused(CalendarError):
    pass


class AppGone(CalendarError):
    pass


class Passing(CalendarError):
    pass


class Throttled(Passing):
    pass


class Unreachable(Passing):
    pass


@dataclass(frozen=True)
class RemoteCalendar:
    id: str
    name: str


@dataclass(frozen=True)
class RemoteEvent:
    """One appointment as the service tells it.

    Timed: `starts_at` and `ends_at` are aware. All day: `first_day` and `last_day`, both inclusive, and no
    instants, because a day has none until somebody says where.
    """

    id: str
    subject: str
    starts_at: datetime | None
    ends_at: datetime | None
    first_day: date | None
    last_day: date | None
    organizer: str
    location: str
    body: str
    attendees: int
    is_cancelled: bool
    is_private: bool
    is_tentative: bool
    is_recurring: bool

    @property
    def is_all_day(self) -> bool:
        return self.first_day is not None


@dataclass(frozen=True)
class Changes:
    """What became of a calendar since `cursor` was last handed out."""

    events: tuple[RemoteEvent, ...]
    # The ids of what is gone.
    removed: tuple[str, ...]
    # To ask with the next time.
    cursor: str
    # Nothing more waits; else ask again, at once if you like.
    is_complete: bool
    # All of the calendar, from the beginning: what was listed before and is not here is gone. It is so the first time,
    # and where the service no longer knew the cursor.
    is_afresh: bool = False


@dataclass(frozen=True)
class Opened:
    """What a mailbox said of itself when it was opened by EWS."""

    # Its primary address, as far as it could be found out.
    address: str
    # Of the server: "15.2.1544.11".
    build: str


class CalendarProvider(Protocol):
    """An opened mailbox: a service, and the right to ask it. Every method raises `CalendarError`."""

    def default_calendar(self) -> RemoteCalendar: ...

    def events_between(self, start: datetime, end: datetime) -> Iterator[RemoteEvent]:
        """Every appointment that touches the time from `start` to `end`, both aware; series are expanded."""
        ...


class ListsChanges(Protocol):
    """What some providers can do besides. Raises `CalendarError`."""

    def changes_since(self, cursor: str) -> Changes:
        """A series is one event here, not expanded. `cursor`: "" for the first time."""
        ...
