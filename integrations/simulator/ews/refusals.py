"""What Exchange refuses, under Microsoft's response codes and in its words. Pure.

Raised while one item is looked after, it is that item's response message; with `is_fault`, or raised anywhere else,
it is the answer to the whole request: a SOAP fault.
"""

from __future__ import annotations

from collections.abc import Mapping


class Refused(Exception):
    """`values` are what Exchange adds as `MessageXml`: `BackOffMilliseconds` and the like."""

    def __init__(
        self, code: str, message: str, *, values: Mapping[str, str] | None = None, is_fault: bool = False
    ) -> None:
        self.code, self.message, self.values, self.is_fault = code, message, values or {}, is_fault
        self.why = ""
        super().__init__(f"{code}: {message}")

    def because(self, why: str) -> Refused:
        """In one plain sentence, for the request log."""
        self.why = why
        return self


def fault(code: str, message: str, values: Mapping[str, str] | None = None) -> Refused:
    return Refused(code, message, values=values, is_fault=True)


def schema(violation: str) -> Refused:
    return fault(
        "ErrorSchemaValidation",
        f"The request failed schema validation: {violation}",
        {"LineNumber": "0", "LinePosition": "0", "Violation": violation},
    )


def server_busy(milliseconds: int) -> Refused:
    return fault(
        "ErrorServerBusy",
        "The server cannot service this request right now. Try again later.",
        {"BackOffMilliseconds": str(milliseconds)},
    )


def too_many_connections() -> Refused:
    return fault(
        "ErrorExceededConnectionCount", "You have exceeded the available concurrent connections for your account."
    )


def own_fault() -> Refused:
    return fault("ErrorInternalServerError", "An internal server error occurred. The operation failed.")


def unknown_operation(name: str) -> Refused:
    return schema(f"The element '{name[:40]}' is not expected.").because(
        "The operation is none of Exchange’s, or it is not simulated."
    )


def unknown_version(given: str) -> Refused:
    return fault("ErrorInvalidServerVersion", "The specified server version is invalid.").because(
        f"RequestServerVersion “{given[:40]}” is none that this server knows."
    )


def no_mailbox() -> Refused:
    return fault("ErrorNonExistentMailbox", "The SMTP address has no mailbox associated with it.")


def no_address() -> Refused:
    return fault(
        "ErrorMissingEmailAddress",
        "When making a request as an account that does not have a mailbox, you must specify the mailbox primary SMTP "
        "address for any distinguished folder Ids.",
    )


def impersonation_denied() -> Refused:
    return fault(
        "ErrorImpersonateUserDenied", "The account does not have permission to impersonate the requested user."
    )


def impersonation_required() -> Refused:
    return fault(
        "ErrorInvalidExchangeImpersonationHeaderData",
        "ExchangeImpersonation SOAP header must be present for this type of OAuth token.",
    )


def bad_principal() -> Refused:
    return fault("ErrorInvalidUserPrincipalName", "The user principal name is invalid.")


def access_denied() -> Refused:
    return Refused("ErrorAccessDenied", "Access is denied. Check credentials and try again.")


def not_shared(folder: str) -> Refused:
    """To those without rights Exchange does not even say that it is there."""
    return Refused(
        "ErrorItemNotFound", f"The specified object was not found in the store., Default folder {folder} not found."
    )


def no_item() -> Refused:
    return Refused("ErrorItemNotFound", "The specified object was not found in the store.")


def no_folder() -> Refused:
    return Refused("ErrorFolderNotFound", "The specified folder could not be found in the store.")


def malformed_id() -> Refused:
    return Refused("ErrorInvalidIdMalformed", "Id is malformed.")


def bad_change_key() -> Refused:
    return Refused("ErrorInvalidChangeKey", "The change key is invalid.")


def conflict() -> Refused:
    return Refused(
        "ErrorIrresolvableConflict",
        "The send or update operation could not be performed because the change key passed in the request does not "
        "match the current change key for the item.",
    )


def no_change_key() -> Refused:
    return Refused(
        "ErrorChangeKeyRequired", "The item Id is missing a change key. A change key is required for this operation."
    )


def bad_sync_state() -> Refused:
    return Refused("ErrorInvalidSyncStateData", "The sync state data is corrupt or otherwise invalid.")


def view_backward() -> Refused:
    return Refused("ErrorCalendarEndDateIsEarlierThanStartDate", "EndDate is earlier than StartDate")


def view_too_long() -> Refused:
    return Refused("ErrorCalendarViewRangeTooBig", "The specified view range exceeds the maximum range of two years.")


def too_many_found(most: int) -> Refused:
    return Refused(
        "ErrorExceededFindCountLimit",
        "You have exceeded the maximum number of objects that can be returned for the find operation. Use paging to "
        "reduce the result size and try your request again.",
    ).because(f"A request finds {most} items at most.")


def not_in_this_request(field: str) -> Refused:
    return Refused("ErrorInvalidPropertyRequest", "Property is not valid for this object type.").because(
        f"{field} cannot be asked for here."
    )


def unknown_zone(name: str) -> Refused:
    return Refused("ErrorTimeZone", f"An error occurred when processing the time zone “{name[:40]}”.")


def not_simulated(what: str) -> Refused:
    """The one answer that the real server would not give: it has this, the simulator has not."""
    return Refused("ErrorInvalidOperation", f"The simulated Exchange has no {what}.")
