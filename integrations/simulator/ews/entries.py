"""A calendar item, whichever kind: what it is called, when it is, and what it belongs to."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from functools import cached_property
from xml.etree.ElementTree import Element

from integrations.simulator.ews import ids, moments
from integrations.simulator.ews.elements import el
from integrations.simulator.graph import recurrence
from integrations.simulator.graph.recurrence import Occurrence
from integrations.simulator.models import Event

FREE_BUSY = {
    "free": "Free",
    "tentative": "Tentative",
    "busy": "Busy",
    "oof": "OOF",
    "workingElsewhere": "WorkingElsewhere",
    "unknown": "NoData",
}
RESPONSES = {
    "none": "Unknown",
    "organizer": "Organizer",
    "tentativelyAccepted": "Tentative",
    "accepted": "Accept",
    "declined": "Decline",
    "notResponded": "NoResponseReceived",
}
_KINDS = {"singleInstance": "Single", "seriesMaster": "RecurringMaster", "exception": "Exception"}


@dataclass(frozen=True)
class Entry:
    """An event, or an ordinary occurrence of the series that `event` is then."""

    event: Event
    occ: Occurrence | None = None

    @property
    def graph_id(self) -> str:
        return recurrence.occurrence_id(self.event.graph_id, self.occ.day) if self.occ else self.event.graph_id

    @property
    def id(self) -> str:
        return ids.exchange(self.graph_id)

    @property
    def kind(self) -> str:
        return "Occurrence" if self.occ else _KINDS[str(self.event.kind)]

    @property
    def starts_at(self) -> datetime:
        return self._grounded(self.occ.starts_at if self.occ else self.event.starts_at, self.event.time_zone)

    @property
    def ends_at(self) -> datetime:
        zone = self.event.time_zone if self.event.is_all_day else self.event.end_time_zone
        return self._grounded(self.occ.ends_at if self.occ else self.event.ends_at, zone)

    @property
    def master(self) -> Event | None:
        return self.event if self.occ else self.event.master

    @cached_property
    def original_start(self) -> datetime | None:
        """Of an occurrence, or an exception: when its series has it."""
        day = self.occ.day if self.occ else self.event.original_date
        usual = _usual(self.master, day)
        return self._grounded(usual.starts_at, self.event.time_zone) if usual else None

    @property
    def is_meeting(self) -> bool:
        return bool(self.event.attendees) or self.event.response != "organizer"

    def _grounded(self, at: datetime, zone: str) -> datetime:
        return moments.grounded(at, zone, is_all_day=self.event.is_all_day)


def item_id(entry: Entry) -> Element:
    return el("t:ItemId", Id=entry.id, ChangeKey=entry.event.change_key)


def only_id(entry: Entry) -> Element:
    return el("t:CalendarItem", item_id(entry))


def location(entry: Entry) -> str | None:
    return "; ".join(name for one in entry.event.locations if (name := one.get("displayName"))) or None


def _usual(master: Event | None, day: date | None) -> Occurrence | None:
    if master is None or day is None or master.recurrence is None:
        return None
    return recurrence.occurrence_on(recurrence.series_of(master), day)
