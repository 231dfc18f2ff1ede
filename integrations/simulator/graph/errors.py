"""Graph's refusals: HTTP status, code and message as documented. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any


class Refused(Exception):
    """`inner` is a finer code, `more` are further members of the error, `headers` go with the answer."""

    def __init__(
        self,
        status: int,
        code: str,
        message: str,
        *,
        inner: str = "",
        more: Mapping[str, Any] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        self.status, self.code, self.message = status, code, message
        self.inner, self.more, self.headers = inner, more or {}, headers or {}
        self.why, self.remark = "", ""
        super().__init__(f"{code}: {message}")

    def because(self, why: str) -> Refused:
        """In one plain sentence, for the request log: what the answer itself does not say."""
        self.why = why
        return self

    def remarking(self, remark: str) -> Refused:
        """A mistake of the client, for the request log: what would be right."""
        self.remark = remark
        return self


def body(refused: Refused, *, request_id: str, client_request_id: str, now: datetime) -> dict[str, Any]:
    finer = {"code": refused.inner} if refused.inner else {}
    return {
        "error": {
            "code": refused.code,
            "message": refused.message,
            **refused.more,
            "innerError": {
                **finer,
                "date": f"{now:%Y-%m-%dT%H:%M:%S}",
                "request-id": request_id,
                "client-request-id": client_request_id,
            },
        }
    }


def no_token() -> Refused:
    return Refused(401, "InvalidAuthenticationToken", "Access token is empty.")


def bad_token() -> Refused:
    return Refused(401, "InvalidAuthenticationToken", "Access token validation failure. Invalid signature.")


def malformed_token() -> Refused:
    return Refused(401, "InvalidAuthenticationToken", "IDX14100: JWT is not well formed, there are no dots (.).")


def wrong_audience() -> Refused:
    return Refused(401, "InvalidAuthenticationToken", "Access token validation failure. Invalid audience.")


def expired() -> Refused:
    return Refused(401, "InvalidAuthenticationToken", "Lifetime validation failed, the token is expired.")


def only_delegated() -> Refused:
    return Refused(400, "BadRequest", "/me request is only valid with delegated authentication flow.")


def outlook_denied() -> Refused:
    return Refused(403, "ErrorAccessDenied", "Access is denied. Check credentials and try again.")


def directory_denied() -> Refused:
    return Refused(403, "Authorization_RequestDenied", "Insufficient privileges to complete the operation.")


def no_mailbox() -> Refused:
    return Refused(
        404,
        "MailboxNotEnabledForRESTAPI",
        "The mailbox is either inactive, soft-deleted, or is hosted on-premise.",
    )


def not_in_store() -> Refused:
    return Refused(404, "ErrorItemNotFound", "The specified object was not found in the store.")


def no_such_segment(segment: str) -> Refused:
    return Refused(404, "ResourceNotFound", f"Resource not found for the segment '{segment}'.")


def wrong_method() -> Refused:
    return Refused(405, "Request_BadRequest", "Specified HTTP method is not allowed for the request target.")


def no_such_version(version: str) -> Refused:
    return Refused(400, "BadRequest", f"Invalid version: {version}")


def unknown_option(option: str) -> Refused:
    return Refused(400, "BadRequest", f"The query parameter '{option}' is not supported.")


def not_simulated(option: str) -> Refused:
    """The one answer that the real service would not give: it has this, the simulator has not."""
    return Refused(501, "NotImplemented", f"The simulated service does not implement '{option}' for this resource.")


def bad_option(option: str, value: str) -> Refused:
    return Refused(400, "BadRequest", f"Invalid value '{value}' for {option} query option found.")


def no_such_property(name: str, type_name: str) -> Refused:
    return Refused(
        400,
        "RequestBroker--ParseUri",
        f"Could not find a property named '{name}' on type 'microsoft.graph.{type_name}'.",
    )


def no_window() -> Refused:
    return Refused(
        400,
        "ErrorInvalidParameter",
        "This request requires a time window specified by the query string parameters StartDateTime and EndDateTime.",
    )


def bad_moment(name: str, value: str) -> Refused:
    return Refused(400, "ErrorInvalidParameter", f"The value '{value}' of parameter '{name}' is invalid.")


def backward_window() -> Refused:
    return Refused(400, "ErrorInvalidParameter", "EndDateTime must be later than StartDateTime.")


def no_such_zone(name: str) -> Refused:
    return Refused(
        400,
        "TimeZoneNotSupportedException",
        f"A valid TimeZone value must be specified. The following TimeZone value is not supported: '{name}'.",
    )


def throttled() -> Refused:
    return Refused(429, "ApplicationThrottled", "Application is over its MailboxConcurrency limit.")


def unavailable() -> Refused:
    return Refused(503, "ServiceUnavailable", "The service is temporarily unavailable. Please try again later.")


def option_twice(option: str) -> Refused:
    return Refused(
        400,
        "BadRequest",
        f"Query option '{option}' was specified more than once, but it must be specified at most once.",
    )


def empty_payload() -> Refused:
    return Refused(400, "BadRequest", "Empty Payload. JSON content expected.")


def not_json() -> Refused:
    return Refused(400, "BadRequest", "Entity only allows writes with a JSON Content-Type header.")


def unreadable_payload() -> Refused:
    return Refused(
        400,
        "BadRequest",
        "Unable to read JSON request payload. Please ensure Content-Type header is set and payload is of valid JSON "
        "format.",
    )


def payload_too_large() -> Refused:
    return Refused(413, "RequestEntityTooLarge", "The request body is larger than 4 MB.")


def blocked_by_policy() -> Refused:
    return Refused(
        403,
        "ErrorAccessDenied",
        "Access to OData is disabled: [RAOP] : Blocked by tenant configured AppOnly AccessPolicy settings.",
    )


def no_such_mailbox(who: str) -> Refused:
    return Refused(404, "ErrorInvalidUser", f"The requested user '{who}' is invalid.")


def own_fault() -> Refused:
    return Refused(500, "generalException", "General exception while processing.")


def over_the_limit(seconds: int, *, which: str = "MailboxConcurrency") -> Refused:
    return Refused(
        429,
        "ApplicationThrottled",
        f"Application is over its {which} limit.",
        headers={"Retry-After": str(seconds)},
    )


def not_with_delta(options: str) -> Refused:
    return Refused(
        400,
        "ErrorInvalidUrlQuery",
        "The following parameters are not supported with change tracking over the 'CalendarView' resource: "
        f"'{options}'.",
    )


def no_page_size_in_delta() -> Refused:
    return Refused(
        400,
        "ErrorInvalidUrlQuery",
        "The '$top' parameter is not supported with change tracking over the 'CalendarView' resource as page size "
        "cannot be guaranteed. Express page size preferences using the Prefer: odata.maxpagesize= header instead.",
    )


def invented_token(option: str) -> Refused:
    refused = Refused(400, "ErrorInvalidSyncStateData", "The sync state data is corrupt or otherwise invalid.")
    return refused.because(f"The {option} was not issued by this simulator for this calendar.").remarking(
        "Invented or changed a nextLink or a deltaLink. They are opaque: use them as they came, and with their mailbox."
    )


def sync_state_gone(generation: int, highest: int, location: str) -> Refused:
    """`location` is where to begin anew."""
    highest = max(highest, generation + 1)
    return Refused(
        410,
        "SyncStateNotFound",
        f"The sync state generation is not found; generation={generation};"
        f"[highest={highest}][{highest}][{highest - 2}][{highest - 1}].",
        headers={"Location": location},
    )


def bad_filter() -> Refused:
    return Refused(400, "BadRequest", "Invalid filter clause")


def bad_subscription(message: str) -> Refused:
    return Refused(400, "InvalidRequest", message)


def bad_subscription_payload() -> Refused:
    return bad_subscription(
        "Could not process subscription creation payload. Are all property names spelled and camelCased properly? "
        "Also are the datatypes of the properties correct?"
    )


def subscription_too_long(minutes: int) -> Refused:
    return Refused(400, "ExtensionError", f"Subscription expiration can only be {minutes} minutes in the future.")


def too_many_subscriptions(most: int) -> Refused:
    return Refused(
        403,
        "ExtensionError",
        "Operation: Create; Exception: [Status Code: Forbidden; Reason: "
        f"The mailbox has its {most} active subscriptions already.]",
    )


def not_validated(problem: str) -> Refused:
    return Refused(400, "InvalidRequest" if "timed out" in problem else "ValidationError", problem)


def no_such_subscription() -> Refused:
    return Refused(404, "ResourceNotFound", "The object was not found.")


def nested_batch() -> Refused:
    return Refused(400, "BadRequest", "Batch requests cannot be nested.")
