"""What a step of a test is."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from django.utils.safestring import SafeString


class Name(StrEnum):
    """The closed list, in the order in which they are gone."""

    SWITCH = "switch"
    SERVICE = "service"
    METHOD = "method"
    DOMAIN = "domain"
    # Where the settings lead to a server of the organization's own, in place of the next two.
    SERVER = "server"
    SIGN_IN = "sign_in"
    CREDENTIAL = "credential"
    # Where people set it up themselves.
    WENT = "went"
    CAME_BACK = "came_back"
    IDENTITY = "identity"
    PERMISSIONS = "permissions"
    OPENED = "opened"
    # Where an Office 365 admin does for everybody.
    AUTHORIZED = "authorized"
    MATCHED = "matched"
    CONNECTED = "connected"
    RENEWED = "renewed"
    ANSWERS = "answers"


class Mark(StrEnum):
    DONE = "done"
    FAILED = "failed"
    # It need not, or cannot, be gone this time.
    SKIPPED = "skipped"
    # It is this that everybody waits for.
    NOW = "now"
    NEXT = "next"


@dataclass(frozen=True)
class Step:
    name: Name
    mark: Mark
    says: str
    explains: str | SafeString = ""
    # Of a failed one: what to do.
    advice: str | SafeString = ""
    # How long it took, in milliseconds.
    took: int | None = None
