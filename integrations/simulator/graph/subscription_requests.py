"""What a client may ask of a subscription, and how Graph refuses the rest."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from integrations.simulator.graph import errors, posting
from integrations.simulator.graph.paths import Route, Table
from integrations.simulator.graph.replies import Reply

LONGEST = timedelta(minutes=10_070)
SHORTEST = timedelta(minutes=45)
LONGEST_STATE = 128
LONGEST_URL = 2000
LONGEST_RESOURCE = 500
CHANGES = ("created", "updated", "deleted")
REQUIRED = ("changeType", "notificationUrl", "resource", "expirationDateTime")
TLS_VERSIONS = ("v1_0", "v1_1", "v1_2", "v1_3")
# Texts, except the last.
KNOWN = (
    *REQUIRED, "clientState", "lifecycleNotificationUrl", "latestSupportedTlsVersion", "notificationQueryOptions",
    "notificationUrlAppId", "encryptionCertificate", "encryptionCertificateId", "includeResourceData",
)  # fmt: skip
NOT_SIMULATED = ("includeResourceData", "encryptionCertificate", "notificationQueryOptions", "notificationUrlAppId")
CHANGEABLE = ("expirationDateTime", "notificationUrl")
# What can be subscribed to, and may be read by whom: the paths under which the same can be listed.
READ = ("Calendars.Read", "Calendars.ReadWrite")


def _nothing(*_: object) -> Reply:
    return Reply(None)


RESOURCES = Table(
    Route("GET", path, _nothing, READ, READ)
    for path in ("{mailbox}/events", "{mailbox}/calendar/events", "{mailbox}/calendars/{id}/events")
)


@dataclass(frozen=True)
class Wanted:
    resource: str
    changes: tuple[str, ...]
    notification_url: str
    lifecycle_url: str | None
    client_state: str | None
    expires_at: datetime


def read(body: Mapping[str, Any], *, now: datetime) -> Wanted:
    _check_shape(body)
    for name in REQUIRED:
        if not body.get(name):
            raise errors.bad_subscription(f"{name} is a required property for subscription creation")
    state = body.get("clientState")
    if state is not None and len(state) > LONGEST_STATE:
        raise errors.bad_subscription(f"clientState must not be longer than {LONGEST_STATE} characters.")
    lifecycle = body.get("lifecycleNotificationUrl") or None
    return Wanted(
        resource=_resource(body["resource"]),
        changes=_changes(body["changeType"]),
        notification_url=url(body["notificationUrl"], "notificationUrl"),
        lifecycle_url=url(lifecycle, "lifecycleNotificationUrl") if lifecycle else None,
        client_state=state,
        expires_at=expiry(body["expirationDateTime"], now=now),
    )


def check_change(body: Mapping[str, Any]) -> None:
    """Only the end and the address change; the rest of a subscription is as it was created."""
    _check_shape(body)
    for name in body:
        if name not in CHANGEABLE:
            raise errors.bad_subscription(f"{name} cannot be changed: delete the subscription and create another.")
    if not body:
        raise errors.bad_subscription("expirationDateTime is a required property for subscription renewal")


def expiry(text: str, *, now: datetime) -> datetime:
    """No shorter than 45 minutes from now, whatever was asked for; no longer than 10,070, or it is refused."""
    at = _moment(text)
    if at <= now:
        raise errors.bad_subscription("Subscription expiration must be in the future.")
    if at - now > LONGEST:
        minutes = int(LONGEST.total_seconds() // 60)
        raise errors.subscription_too_long(minutes)
    return max(at, now + SHORTEST)


def url(text: str, name: str) -> str:
    if len(text) > LONGEST_URL or not posting.is_acceptable(text):
        raise errors.bad_subscription(f"{name} must be an absolute HTTPS address.")
    return text


def _check_shape(body: Mapping[str, Any]) -> None:
    for name, value in body.items():
        kind = bool if name == "includeResourceData" else str
        if name.startswith("@odata."):
            continue
        if name not in KNOWN or not (value is None or isinstance(value, kind)):
            raise errors.bad_subscription_payload()
    for name in NOT_SIMULATED:
        if body.get(name):
            raise errors.not_simulated(name)
    version = body.get("latestSupportedTlsVersion")
    if version is not None and version not in TLS_VERSIONS:
        raise errors.bad_subscription_payload()


def _changes(text: str) -> tuple[str, ...]:
    asked = [part.strip().lower() for part in text.split(",")]
    for part in asked:
        if part not in CHANGES:
            raise errors.bad_subscription(f"changeType '{part}' is not supported for this resource.")
    return tuple(change for change in CHANGES if change in asked)


def _resource(text: str) -> str:
    path, _, options = text.strip().partition("?")
    if options:
        raise errors.not_simulated("resource?" + options.partition("=")[0])
    if len(text) > LONGEST_RESOURCE or not RESOURCES.find(path).routes:
        raise errors.bad_subscription(
            f"The resource '{path}' cannot be subscribed to; the simulated service knows events."
        )
    return path


def _moment(text: str) -> datetime:
    """With an offset: without one Graph does not read it."""
    try:
        at = datetime.fromisoformat(text.strip())
        if at.tzinfo is None:
            raise errors.bad_subscription_payload()
        return at.astimezone(UTC)
    except (ValueError, OverflowError):
        raise errors.bad_subscription_payload() from None
