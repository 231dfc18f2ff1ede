"""A fault's trouble in the words of the door it stands at: Entra's or Graph's refusal."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from integrations.simulator.control.faults import Trouble
from integrations.simulator.entra import errors as entra
from integrations.simulator.ews import refusals as ews
from integrations.simulator.graph import errors as graph

WHY = "A fault that was ordered in the console."

GRAPH_WORDS: Mapping[int, tuple[str, str]] = {
    400: ("BadRequest", "The request is malformed or incorrect."),
    401: ("InvalidAuthenticationToken", "Lifetime validation failed, the token is expired."),
    403: ("ErrorAccessDenied", "Access is denied. Check credentials and try again."),
    404: ("ErrorItemNotFound", "The specified object was not found in the store."),
    405: ("Request_BadRequest", "Specified HTTP method is not allowed for the request target."),
    406: ("NotAcceptable", "The service does not support the requested format."),
    409: ("ErrorIrresolvableConflict", "The send or update operation could not be performed because of a conflict."),
    410: ("syncStateNotFound", "The sync state generation is not found; it may have expired. Start again in full."),
    412: ("ErrorIrresolvableConflict", "The change key passed in the request does not match the current one."),
    413: ("RequestEntityTooLarge", "The size of the request exceeds the maximum limit."),
    415: ("UnsupportedMediaType", "The content type of the request is not supported."),
    422: ("UnprocessableEntity", "The request cannot be processed because it is semantically incorrect."),
    423: ("Locked", "The resource that is being accessed is locked."),
    429: ("ApplicationThrottled", "Application is over its MailboxConcurrency limit."),
    500: ("InternalServerError", "There was an internal server error while processing the request."),
    501: ("NotImplemented", "The requested feature is not implemented."),
    502: ("BadGateway", "The server received an invalid response from an upstream server."),
    503: ("ServiceUnavailable", "The service is temporarily unavailable. Please try again later."),
    504: ("GatewayTimeout", "The server did not receive a timely response from an upstream server."),
    507: ("InsufficientStorage", "The maximum storage quota has been reached."),
    509: ("BandwidthLimitExceeded", "The app has been throttled for exceeding the maximum bandwidth cap."),
}


class EntraInTrouble(entra.Refused):
    """The row of Entra's table, with what the rule says otherwise; a code that no table has needs the rule's words."""

    def __init__(self, trouble: Trouble, **particulars: str) -> None:
        code = trouble.aadsts or (90055 if trouble.status == 429 else 90033)
        known = entra.KINDS.get(code) or entra.Kind("invalid_grant", 400, "A simulated error.")
        # A message is a trainer's own words: a brace in it is a brace.
        text = trouble.message.replace("{", "{{").replace("}", "}}") or known.text
        kind = replace(known, error=trouble.code or known.error, status=trouble.status, text=text)
        super().__init__(code, kind, retry_after=trouble.retry_after, why=WHY, **particulars)


class GraphInTrouble(graph.Refused):
    def __init__(self, trouble: Trouble) -> None:
        code, message = GRAPH_WORDS.get(trouble.status, ("UnknownError", ""))
        headers = {"Retry-After": trouble.retry_after} if trouble.retry_after else {}
        super().__init__(trouble.status, trouble.code or code, trouble.message or message, headers=headers)


def exchange_refusal(trouble: Trouble) -> ews.Refused:
    """What a client is told to wait stands in the fault, in milliseconds."""
    seconds = trouble.retry_after or ""
    values = {"BackOffMilliseconds": str(int(seconds) * 1000)} if seconds.isdecimal() else {}
    code = trouble.code or "ErrorInternalServerError"
    return ews.fault(code, trouble.message or "An internal server error occurred.", values).because(WHY)
