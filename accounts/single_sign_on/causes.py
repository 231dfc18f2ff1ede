"""Why somebody does not come in: a closed list, with words for the person. What exactly was found is the admin's."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Cause(StrEnum):
    # ── of the provider ──
    PROVIDER_DOWN = "provider_down"
    PROVIDER_MISTAKEN = "provider_mistaken"  # it answers with what the protocol does not allow
    PROVIDER_REFUSED = "provider_refused"
    NOT_ASSIGNED = "not_assigned"  # it knows the person, who may not use this application: no licence, no assignment
    CANCELLED = "cancelled"
    # ── of the settings ──
    TURNED_OFF = "turned_off"
    SECRET_REFUSED = "secret_refused"  # noqa: S105
    CERTIFICATE_EXPIRED = "certificate_expired"
    CERTIFICATE_UNKNOWN = "certificate_unknown"
    KEY_UNKNOWN = "key_unknown"
    ISSUER = "issuer"
    AUDIENCE = "audience"
    MISSING_SUBJECT = "missing_subject"
    MISSING_EMAIL = "missing_email"
    # ── of the answer ──
    NOT_ASKED = "not_asked"  # not the answer to a question of this browser
    TOO_LATE = "too_late"
    CLOCK = "clock"
    REPLAYED = "replayed"
    SIGNATURE = "signature"
    MALFORMED = "malformed"
    # ── of the person ──
    NOBODY = "nobody"
    NOT_JOINED = "not_joined"
    DEACTIVATED = "deactivated"
    ANOTHER_ACCOUNT = "another_account"
    BOUND_TO_ANOTHER = "bound_to_another"  # the person here is another subject of the provider
    AMBIGUOUS = "ambiguous"
    # ── of a password ──
    WRONG_PASSWORD = "wrong_password"  # noqa: S105
    TOO_MANY_TRIES = "too_many_tries"
    ONLY_SINGLE_SIGN_ON = "only_single_sign_on"
    WRONG_CODE = "wrong_code"


@dataclass(frozen=True)
class Words:
    """For the person: what it is, and what to do next."""

    title: str
    text: str


class Refused(Exception):
    """Nobody comes in. `detail` is for the admin: exactly what was found, without any secret."""

    def __init__(self, cause: Cause, detail: str, *, email: str = "", subject: str = "") -> None:
        super().__init__(f"{cause}: {detail}")
        self.cause, self.detail = cause, detail
        self.email, self.subject = email, subject
