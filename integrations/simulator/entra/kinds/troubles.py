"""What only Microsoft's insides cause: here, fault rules do."""

from __future__ import annotations

from collections.abc import Mapping

from integrations.simulator.entra.kinds.kind import Kind

KINDS: Mapping[int, Kind] = {
    50196: Kind(
        "invalid_grant",
        400,
        "The server terminated an operation because it encountered a client request loop. Please contact your app "
        "vendor.",
        has_uri=True,
    ),
    90006: Kind(
        "temporarily_unavailable",
        503,
        "External server retryable error: The service is temporarily unavailable.",
        has_uri=True,
    ),
    90024: Kind(
        "temporarily_unavailable",
        503,
        "RequestBudgetExceededError - A transient error has occurred. Please try again.",
        has_uri=True,
    ),
    90033: Kind("temporarily_unavailable", 503, "A transient error has occurred. Please try again.", has_uri=True),
    90055: Kind(
        "temporarily_unavailable",
        429,
        "TenantThrottlingError - There are too many incoming requests.",
        has_uri=True,
    ),
}
