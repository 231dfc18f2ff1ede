"""GetUserAvailability: when colleagues are free, and of one's own calendar what is in it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from xml.etree.ElementTree import Element

from integrations.simulator.ews import biases, entries, finding, folders, moments, refusals
from integrations.simulator.ews.biases import Biases
from integrations.simulator.ews.elements import el, group
from integrations.simulator.ews.entries import Entry
from integrations.simulator.ews.mailboxes import Asking, by_address
from integrations.simulator.ews.nodes import Node
from integrations.simulator.ews.refusals import Refused
from integrations.simulator.models import Person

MOST_PEOPLE = 100
MOST_DAYS = 62
VIEWS = ("MergedOnly", "FreeBusy", "FreeBusyMerged", "Detailed", "DetailedMerged")
SHORTEST, LONGEST, USUAL = 5, 1440, 30
# By strength.
_STRENGTH = ("free", "workingElsewhere", "unknown", "tentative", "busy", "oof")
_DIGITS = {"free": "0", "tentative": "1", "busy": "2", "oof": "3", "workingElsewhere": "4", "unknown": "0"}
_PRIVATE = ("personal", "private", "confidential")


@dataclass(frozen=True)
class _Wanted:
    first: datetime
    last: datetime
    interval: timedelta
    view: str
    zone: Biases


def show(asking: Asking) -> Element:
    """The caller need have no mailbox; whom they ask about must be in the same organization."""
    given = asking.operation
    if asking.acts_as is not None:
        asking.caller.enter(asking.acts_as)
    wanted = _wanted(given)
    people = given.all("MailboxDataArray", "MailboxData")
    if not people:
        raise refusals.schema("The element 'MailboxDataArray' is incomplete.")
    if len(people) > MOST_PEOPLE:
        raise refusals.fault("ErrorExceededMailboxLimit", "The number of mailboxes in the request is too large.")
    answers = [_answer(asking, one.value("Email", "Address") or "", wanted) for one in people]
    return el("m:GetUserAvailabilityResponse", group("m:FreeBusyResponseArray", answers))


def _wanted(given: Node) -> _Wanted:
    zone = biases.read(given.find("TimeZone"))
    options = given.find("FreeBusyViewOptions")
    if options is None:
        raise refusals.not_simulated("suggestions of times")
    first, last = (_moment(options.value("TimeWindow", name), name, zone) for name in ("StartTime", "EndTime"))
    if last <= first:
        raise refusals.fault("ErrorInvalidTimeInterval", "The start of the time window must be before its end.")
    if last - first > timedelta(days=MOST_DAYS):
        raise refusals.fault("ErrorTimeIntervalTooBig", f"The time window has at most {MOST_DAYS} days.")
    view = options.value("RequestedView") or "FreeBusy"
    minutes = options.value("MergedFreeBusyIntervalInMinutes") or str(USUAL)
    if view not in VIEWS:
        raise refusals.fault("ErrorInvalidFreeBusyViewType", "The type of the view is invalid.")
    if not minutes.isascii() or not minutes.isdecimal() or not SHORTEST <= int(minutes[:6]) <= LONGEST:
        raise refusals.fault("ErrorInvalidMergedFreeBusyInterval", "The interval is invalid.")
    return _Wanted(first, last, timedelta(minutes=int(minutes)), view, zone)


def _moment(text: str | None, name: str, zone: Biases) -> datetime:
    """Local to the zone that the request describes, unless it has an offset."""
    if text is not None and (text.endswith("Z") or text[-6:-5] in ("+", "-")):
        return moments.read(text, name, UTC)
    return zone.moment(moments.read(text, name, UTC).replace(tzinfo=None))


def _answer(asking: Asking, address: str, wanted: _Wanted) -> Element:
    try:
        person = _colleague(asking, address)
        view = _view(person, wanted, is_own=asking.acts_as is not None and person.pk == asking.acts_as.pk)
    except Refused as refused:
        if refused.is_fault:
            raise
        failed = el("m:ResponseMessage", el("m:MessageText", refused.message), el("m:ResponseCode", refused.code))
        failed.set("ResponseClass", "Error")
        return el("m:FreeBusyResponse", failed, el("m:FreeBusyView", el("t:FreeBusyViewType", "None")))
    good = el("m:ResponseMessage", el("m:ResponseCode", "NoError"), ResponseClass="Success")
    return el("m:FreeBusyResponse", good, view)


def _colleague(asking: Asking, address: str) -> Person:
    person = by_address(asking.caller, address)
    tenant = asking.acts_as.tenant if asking.acts_as else asking.caller.tenant
    if person is None or tenant is None or person.tenant_id != tenant.pk:
        raise Refused(
            "ErrorMailRecipientNotFound",
            f"Unable to resolve e-mail address {address[:254]} to an Active Directory object.",
        )
    return person


def _view(person: Person, wanted: _Wanted, *, is_own: bool) -> Element:
    found = finding.within(folders.named(person, folders.CALENDAR), wanted.first, wanted.last)
    is_detailed = is_own and wanted.view.startswith("Detailed")
    # Colleagues see when, not what: that is how organizations share calendars unless they say otherwise.
    shown = wanted.view if is_own else wanted.view.replace("Detailed", "FreeBusy")
    events = [_event(one, wanted.zone, is_detailed=is_detailed) for one in found]
    return el(
        "m:FreeBusyView",
        el("t:FreeBusyViewType", shown),
        el("t:MergedFreeBusy", _merged(found, wanted)) if "Merged" in wanted.view else None,
        group("t:CalendarEventArray", events) if events and wanted.view != "MergedOnly" else None,
    )


def _event(entry: Entry, zone: Biases, *, is_detailed: bool) -> Element:
    return el(
        "t:CalendarEvent",
        el("t:StartTime", f"{zone.local(entry.starts_at):%Y-%m-%dT%H:%M:%S}"),
        el("t:EndTime", f"{zone.local(entry.ends_at):%Y-%m-%dT%H:%M:%S}"),
        el("t:BusyType", entries.FREE_BUSY[entry.event.show_as]),
        _details(entry) if is_detailed else None,
    )


def _details(entry: Entry) -> Element:
    event = entry.event
    return el(
        "t:CalendarEventDetails",
        el("t:ID", entry.id),
        el("t:Subject", event.subject),
        el("t:Location", entries.location(entry) or ""),
        el("t:IsMeeting", entry.is_meeting),
        el("t:IsRecurring", entry.master is not None),
        el("t:IsException", entry.kind == "Exception"),
        el("t:IsReminderSet", event.is_reminder_on),
        el("t:IsPrivate", event.sensitivity in _PRIVATE),
    )


def _merged(found: Sequence[Entry], wanted: _Wanted) -> str:
    """One digit for each interval: the strongest of what touches it."""
    digits, at = [], wanted.first
    while at < wanted.last:
        until = at + wanted.interval
        states = [one.event.show_as for one in found if one.starts_at < until and one.ends_at > at]
        digits.append(_DIGITS[max(states, key=_STRENGTH.index, default="free")])
        at = until
    return "".join(digits)
