"""AADSTS → what Microsoft answers: error, suberror, HTTP status, text. Pure. The table is in `kinds/`."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from integrations.simulator.entra.kinds import KINDS, Kind

__all__ = [
    "ERROR_PAGE",
    "KINDS",
    "Kind",
    "Refused",
    "Trace",
    "body",
    "description",
    "moment",
    "redirect_parameters",
]

ERROR_PAGE = "https://login.microsoftonline.com/error?code="
# The Conditional Access policy that a step-up names where it is not known whose it is.
SOME_POLICY = "4b2f0a6e-6a0c-4f0e-8c3b-1d7f5a9e2c10"


class _Particulars(dict[str, str]):
    """What is not known of a request is left open in the text; Microsoft's own `resource` is nearly always Graph."""

    def __missing__(self, name: str) -> str:
        return "00000003-0000-0000-c000-000000000000" if name == "resource" else "…"


class Refused(Exception):
    """Entra says no. Where it is caught decides whether it becomes JSON, a redirect or a page."""

    def __init__(
        self,
        code: int,
        kind: Kind | None = None,
        /,
        *,
        retry_after: int | str | None = None,
        why: str = "",
        **particulars: str,
    ) -> None:
        """`particulars` fill the places in the kind's text; `policy` is the id that the claims of a step-up name."""
        self.code = code
        self.retry_after = retry_after
        self.kind = kind or KINDS[code]
        known = _Particulars(particulars)
        self.text = f"AADSTS{code}: {self.kind.text.format_map(known)}"
        self.why = why or self.kind.why.format_map(known) or self.text.partition(": ")[2]
        self.claims = _step_up(particulars.get("policy", SOME_POLICY)) if self.kind.has_claims else ""
        super().__init__(self.text)


@dataclass(frozen=True)
class Trace:
    """The ids and the moment that every refusal names."""

    trace_id: str
    correlation_id: str
    now: datetime
    timestamp: str = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "timestamp", f"{self.now:%Y-%m-%d %H:%M:%SZ}")


def description(refused: Refused, trace: Trace) -> str:
    return (
        f"{refused.text} Trace ID: {trace.trace_id} Correlation ID: {trace.correlation_id} Timestamp: {trace.timestamp}"
    )


def body(refused: Refused, trace: Trace) -> dict[str, Any]:
    """The JSON of /token."""
    answer: dict[str, Any] = {
        "error": refused.kind.error,
        "error_description": description(refused, trace),
        "error_codes": [refused.code],
        "timestamp": trace.timestamp,
        "trace_id": trace.trace_id,
        "correlation_id": trace.correlation_id,
    }
    if refused.kind.has_uri:
        answer["error_uri"] = f"{ERROR_PAGE}{refused.code}"
    if refused.kind.suberror:
        answer["suberror"] = refused.kind.suberror
    if refused.claims:
        answer["claims"] = refused.claims
    return answer


def redirect_parameters(refused: Refused, trace: Trace) -> dict[str, str]:
    """The same, as the query of a redirect back to the application: some are said in OpenID Connect's words there."""
    answer = {
        "error": refused.kind.in_redirect or refused.kind.error,
        "error_description": description(refused, trace),
    }
    if refused.kind.has_uri:
        answer["error_uri"] = f"{ERROR_PAGE}{refused.code}"
    if refused.claims:
        answer["claims"] = refused.claims
    return answer


def moment(at: datetime) -> str:
    """A time as Entra prints it inside its texts: seven fractional digits."""
    return f"{at:%Y-%m-%dT%H:%M:%S}.{at.microsecond:06d}0Z"


def _step_up(policy: str) -> str:
    """A JSON string, to be sent along to /authorize as it is."""
    wanted = {"access_token": {"capolids": {"essential": True, "values": [policy]}}}
    return json.dumps(wanted, separators=(",", ":"))
