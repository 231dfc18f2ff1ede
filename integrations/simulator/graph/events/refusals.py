"""What Outlook refuses about events and calendars, in its words."""

from __future__ import annotations

from integrations.simulator.graph.errors import Refused

# Clients report 400 as well; both carry the id of the event that is there already.
DUPLICATE_STATUS = 409


def invalid(why: str) -> Refused:
    """Outlook does not say which; `why` is for the request log."""
    return Refused(400, "ErrorPropertyValidationFailure", "At least one property failed validation.").because(why)


def cannot(sentence: str) -> Refused:
    return Refused(400, "ErrorInvalidRequest", f"Your request can't be completed. {sentence}")


def unknown_property(name: str, type_name: str) -> Refused:
    return Refused(
        400,
        "RequestBodyRead",
        f"The property '{name}' does not exist on type 'microsoft.graph.{type_name}'. Make sure to only use property "
        "names that are defined by the type or mark the type as open type.",
    )


def other_type(given: str, type_name: str) -> Refused:
    return Refused(
        400,
        "RequestBodyRead",
        f"A resource with type '{given[:80]}' was found, but it is not assignable to the expected type "
        f"'microsoft.graph.{type_name}'.",
    )


def unreadable(name: str) -> Refused:
    return Refused(400, "RequestBodyRead", f"The value of the property '{name}' does not have the type it should have.")


def unknown_value(name: str, value: object, enumeration: str) -> Refused:
    return Refused(
        400,
        "RequestBodyRead",
        f"Cannot convert the literal '{value}' to the expected type 'microsoft.graph.{enumeration}'.",
    ).because(f"“{value}” is no value of {name}.")


def unknown_parameter(name: str) -> Refused:
    return Refused(
        400, "BadRequest", f"The parameter '{name}' in the request payload is not a valid parameter for the operation."
    )


def malformed_id() -> Refused:
    return Refused(400, "ErrorInvalidIdMalformed", "Id is malformed.")


def bad_extended_id(text: str) -> Refused:
    return Refused(400, "ErrorInvalidProperty", f"The property '{text}' is invalid.")


def crossing() -> Refused:
    return Refused(
        400, "ErrorOccurrenceCrossingBoundary", "Modified occurrence is crossing or overlapping adjacent occurrence."
    )


def no_occurrences() -> Refused:
    return Refused(400, "ErrorRecurrenceHasNoOccurrence", "The recurrence range has no occurrences.")


def occurrences_overlap() -> Refused:
    return Refused(
        400,
        "ErrorOccurrenceTimeSpanTooBig",
        "One occurrence of the recurring calendar item overlaps with another occurrence of the same calendar item.",
    )


def too_many_attendees() -> Refused:
    return Refused(
        400,
        "ErrorExceededMaxRecipientLimit",
        "The number of attendees exceeds the maximum of 500.",
    )


def duplicate_transaction(event_id: str) -> Refused:
    return Refused(
        DUPLICATE_STATUS,
        "ErrorDuplicateTransactionId",
        "Your request can't be completed. The TransactionId specified in the request has already been used to create "
        "a different event.",
        more={"@event.existingEventId": event_id},
    )


def changed_meanwhile() -> Refused:
    return Refused(
        412,
        "ErrorIrresolvableConflict",
        "The send or update operation could not be performed because the change key passed in the request does not "
        "match the current change key for the item.",
    )


def not_organizer(what: str) -> Refused:
    return cannot(f"You need to be an organizer to {what} a meeting.")


def not_yours_to_change(names: str) -> Refused:
    return Refused(403, "ErrorAccessDenied", "Access is denied. Check credentials and try again.").because(
        f"Only the organizer of a meeting can change {names}."
    )


def is_organizer() -> Refused:
    return cannot("You can't respond to this meeting because you're the meeting organizer.")


def is_cancelled(action: str) -> Refused:
    return Refused(
        400,
        f"ErrorCalendarIsCancelledFor{action}",
        "The operation can't be performed because the meeting has been cancelled.",
    )


def no_series() -> Refused:
    return cannot("The event is not the master of a series.")


def default_calendar() -> Refused:
    return Refused(400, "ErrorDeleteDistinguishedFolder", "Distinguished folders cannot be deleted.")


def calendar_exists() -> Refused:
    return Refused(409, "ErrorFolderExists", "A folder with the specified name already exists.")


def no_such_item() -> Refused:
    return Refused(404, "ErrorItemNotFound", "The specified object was not found in the store.")


def not_simulated(name: str) -> Refused:
    """The one answer that the real service would not give: it has this, the simulator has not."""
    return Refused(501, "NotImplemented", f"The simulated service does not implement '{name}' of events.")


def bad_node() -> Refused:
    return Refused(400, "ErrorInvalidUrlQueryFilter", "The query filter contains one or more invalid nodes.")


def range_too_big(days: int) -> Refused:
    return cannot(
        f"The range between the start and end dates is greater than the allowed range. Maximum number of days: {days}"
    )
