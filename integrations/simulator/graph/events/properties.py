"""Which properties an event has on the wire, and who sees them."""

from __future__ import annotations

from collections.abc import Sequence

from integrations.simulator.graph import errors
from integrations.simulator.graph.asking import Asking

# fmt: off
PROPERTIES = (
    "id", "createdDateTime", "lastModifiedDateTime", "changeKey", "categories", "transactionId",
    "originalStartTimeZone", "originalEndTimeZone", "iCalUId", "uid", "reminderMinutesBeforeStart", "isReminderOn",
    "hasAttachments", "subject", "bodyPreview", "importance", "sensitivity", "isAllDay", "isCancelled",
    "isOrganizer", "isDraft", "hideAttendees", "responseRequested", "allowNewTimeProposals", "seriesMasterId",
    "showAs", "type", "webLink", "onlineMeetingUrl", "isOnlineMeeting", "onlineMeetingProvider", "onlineMeeting",
    "originalStart", "recurrence", "occurrenceId", "responseStatus", "body", "start", "end", "location",
    "locations", "attendees", "organizer",
)
# fmt: on
# Of a series, and only where `$select` or `$expand` names them.
ON_REQUEST = ("cancelledOccurrences", "exceptionOccurrences")
# Calendars.ReadBasic shows an event without these.
NOT_BASIC = frozenset({"body", "bodyPreview"})
_FULL = frozenset({"Calendars.Read", "Calendars.ReadWrite", "Calendars.Read.Shared", "Calendars.ReadWrite.Shared"})


def is_basic(asking: Asking) -> bool:
    """Whether the token opens calendars, but no bodies."""
    return not asking.scopes & _FULL


def check_extensions(asking: Asking) -> None:
    """Neither to be read nor searched with Calendars.ReadBasic."""
    if is_basic(asking):
        raise errors.outlook_denied().because("Calendars.ReadBasic does not open extended properties.")


def of(asking: Asking) -> Sequence[str]:
    return tuple(name for name in PROPERTIES if name not in NOT_BASIC) if is_basic(asking) else PROPERTIES


def selected(asking: Asking) -> tuple[str, ...] | None:
    return asking.selected((*of(asking), *ON_REQUEST), "event")
