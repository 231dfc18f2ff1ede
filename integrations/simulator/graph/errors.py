"""Graph's refusals: HTTP status, code and message as documented. Pure."""

from __future__ import annotations

from datetime import datetime
from typing import Any


class Refused(Exception):
    def __init__(self, status: int, code: str, message: str) -> None:
        self.status, self.code, self.message = status, code, message
        super().__init__(f"{code}: {message}")


def body(refused: Refused, *, request_id: str, client_request_id: str, now: datetime) -> dict[str, Any]:
    return {
        "error": {
            "code": refused.code,
            "message": refused.message,
            "innerError": {
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
