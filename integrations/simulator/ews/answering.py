"""What an attendee answers, and how an organizer calls off: items of their own in CreateItem."""

from __future__ import annotations

from collections.abc import Sequence

from integrations.simulator.ews import finding, refusals
from integrations.simulator.ews.entries import Entry
from integrations.simulator.ews.mailboxes import Asking
from integrations.simulator.ews.nodes import Node
from integrations.simulator.ews.refusals import Refused
from integrations.simulator.graph import meetings, writing
from integrations.simulator.graph.events import storing

ANSWERS = {
    "AcceptItem": "accepted",
    "TentativelyAcceptItem": "tentativelyAccepted",
    "DeclineItem": "declined",
    "CancelCalendarItem": "",
}


def answer(asking: Asking, given: Node) -> Sequence[Entry]:
    """The item as it is then; none where it left the calendar."""
    reference = given.find("ReferenceItemId")
    if reference is None:
        raise refusals.schema(f"The element '{given.name}' is incomplete.")
    entry = finding.named(asking, Node("", "ItemId", reference.attributes))
    if given.name == "CancelCalendarItem":
        return _cancel(asking, entry)
    if entry.event.response == "organizer":
        raise Refused(
            f"ErrorCalendarIsOrganizerFor{_SHORT[given.name]}", "The organizer of a meeting cannot answer it."
        )
    if entry.event.is_cancelled and given.name != "DeclineItem":
        raise Refused(f"ErrorCalendarIsCancelledFor{_SHORT[given.name]}", "The meeting has been cancelled.")
    disposition_tells = asking.operation.attributes.get("MessageDisposition") != "SaveOnly"
    mine = storing.exception_of(entry.event, entry.occ.day) if entry.occ else entry.event
    meetings.respond(mine, ANSWERS[given.name], now=asking.now, tells_organizer=disposition_tells)
    return [] if given.name == "DeclineItem" else [Entry(mine)]


def _cancel(asking: Asking, entry: Entry) -> Sequence[Entry]:
    if entry.event.response != "organizer":
        raise Refused("ErrorCalendarIsNotOrganizer", "Only the organizer of a meeting can cancel it.")
    if entry.occ:
        writing.remove_occurrence(entry.event, entry.occ.day, now=asking.now)
    else:
        writing.remove(entry.event, now=asking.now)
    return []


_SHORT = {"AcceptItem": "Accept", "TentativelyAcceptItem": "Tentative", "DeclineItem": "Decline"}
