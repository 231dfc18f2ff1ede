"""Graph behind the contract."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime

from integrations.contracts import RemoteCalendar, RemoteEvent
from integrations.microsoft.graph import calendars, events
from integrations.microsoft.graph.mailboxes import OWN


@dataclass(frozen=True)
class GraphCalendar:
    access_token: str = field(repr=False)
    mailbox: str = OWN

    def default_calendar(self) -> RemoteCalendar:
        return calendars.get_default_calendar(self.access_token, self.mailbox)

    def events_between(self, start: datetime, end: datetime) -> Iterator[RemoteEvent]:
        return events.events_between(self.access_token, start, end, mailbox=self.mailbox)
