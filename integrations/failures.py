"""Microsoft's answers, classified: pure, and the only place where it happens.

Decided by `error` and `suberror`; AADSTS numbers only choose the words (Microsoft asks clients not to branch on
them), with one exception: 50196, *too many identical requests*, comes as `invalid_grant` and is no *no*.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from enum import StrEnum
from typing import Any


class Outcome(StrEnum):
    """What follows, whatever the words."""

    AUTHORIZATION_LOST = "authorization_lost"
    NOT_ELIGIBLE = "not_eligible"
    NOT_PERMITTED = "not_permitted"
    CREDENTIAL_REFUSED = "credential_refused"
    APP_GONE = "app_gone"
    THROTTLED = "throttled"
    UNREACHABLE = "unreachable"


class Reason(StrEnum):
    """Why, from a closed list; what we do not know stays unknown."""

    # Microsoft refuses the person's grant.
    SESSIONS_REVOKED = "sessions_revoked"
    INACTIVE = "inactive"
    GRANT_EXPIRED = "grant_expired"
    SIGN_IN_TOO_OLD = "sign_in_too_old"
    CONSENT_WITHDRAWN = "consent_withdrawn"
    PASSWORD_EXPIRED = "password_expired"  # noqa: S105  a reason, not a password
    ACCOUNT_DISABLED = "account_disabled"
    ACCOUNT_GONE = "account_gone"
    ACCOUNT_LOCKED = "account_locked"
    MFA_NEEDED = "mfa_needed"
    CONDITIONAL_ACCESS = "conditional_access"
    NOT_ASSIGNED = "not_assigned"
    APP_REMOVED = "app_removed"
    REFUSED = "refused"
    # Ours and theirs: a worker died while it renewed the access, and the old one was spent.
    LOST_IN_FLIGHT = "lost_in_flight"
    # The way there: at the sign-in and consent pages.
    DECLINED = "declined"
    CANCELLED = "cancelled"
    ADMIN_APPROVAL = "admin_approval"
    CODE_SPENT = "code_spent"
    # The mailbox.
    NO_MAILBOX = "no_mailbox"
    PERMISSION_MISSING = "permission_missing"
    # Ours.
    CREDENTIAL_EXPIRED = "credential_expired"
    CREDENTIAL_WRONG = "credential_wrong"
    REQUEST_REJECTED = "request_rejected"
    KEY_MISSING = "key_missing"
    # Passing.
    TOO_MANY_REQUESTS = "too_many_requests"
    SERVICE_TROUBLE = "service_trouble"
    NO_ANSWER = "no_answer"
    TOKEN_REFUSED = "token_refused"  # noqa: S105  a reason, not a token


@dataclass(frozen=True)
class Failure:
    outcome: Outcome
    reason: Reason
    # AADSTS number or Graph's error code, and Microsoft's trace id: to quote to support.
    code: str = ""
    trace_id: str = ""
    retry_after: timedelta | None = None
    # What Microsoft wants to see at the next sign-in: JSON, as it sent it.
    claims: str = ""


NO_ANSWER = Failure(Outcome.UNREACHABLE, Reason.NO_ANSWER)
# What is stored does not open: a key was taken out of TOKEN_KEYS too early, or the database is damaged.
KEY_MISSING = Failure(Outcome.CREDENTIAL_REFUSED, Reason.KEY_MISSING, code="TOKEN_KEYS")

_REASONS = {
    50173: Reason.SESSIONS_REVOKED,
    50132: Reason.SESSIONS_REVOKED,
    50133: Reason.SESSIONS_REVOKED,
    700082: Reason.INACTIVE,
    70008: Reason.GRANT_EXPIRED,
    700084: Reason.GRANT_EXPIRED,
    70043: Reason.SIGN_IN_TOO_OLD,
    65001: Reason.CONSENT_WITHDRAWN,
    65004: Reason.DECLINED,
    90094: Reason.ADMIN_APPROVAL,
    90095: Reason.ADMIN_APPROVAL,
    50055: Reason.PASSWORD_EXPIRED,
    50057: Reason.ACCOUNT_DISABLED,
    50034: Reason.ACCOUNT_GONE,
    50020: Reason.ACCOUNT_GONE,
    51004: Reason.ACCOUNT_GONE,
    16000: Reason.ACCOUNT_GONE,
    50053: Reason.ACCOUNT_LOCKED,
    50076: Reason.MFA_NEEDED,
    50079: Reason.MFA_NEEDED,
    50072: Reason.MFA_NEEDED,
    50074: Reason.MFA_NEEDED,
    53003: Reason.CONDITIONAL_ACCESS,
    530032: Reason.CONDITIONAL_ACCESS,
    53000: Reason.CONDITIONAL_ACCESS,
    53001: Reason.CONDITIONAL_ACCESS,
    50105: Reason.NOT_ASSIGNED,
    54005: Reason.CODE_SPENT,
    7000222: Reason.CREDENTIAL_EXPIRED,
    7000215: Reason.CREDENTIAL_WRONG,
}

_PERSON_MUST_ACT = {
    "invalid_grant",
    "interaction_required",
    "consent_required",
    "login_required",
    "access_denied",
}
_APP_IS_GONE = {"unauthorized_client", "invalid_resource"}
_NO_MAILBOX = {
    "mailboxnotenabledforrestapi",
    "mailboxnotsupportedforrestapi",
    "errornonexistentmailbox",
    "errorinvaliduser",
    "resourcenotfound",
}
_OAUTH_WORD = re.compile(r"[a-z_]{1,40}")
_LONGEST_WAIT = timedelta(hours=1)
SERVER_TROUBLE = 500
TOO_MANY = 429
_CLIENT_LOOP = 50196
_NUMBER = re.compile(r"\s*AADSTS([0-9]{1,9}):")


def of_token_answer(status: int, body: Mapping[str, Any], headers: Mapping[str, str], *, now: datetime) -> Failure:
    """An answer of /token that is no token. `status` 0: unknown, judge by the body alone."""
    error = str(body.get("error", ""))
    number = _first_number(body)
    code = f"AADSTS{number}" if number else error
    trace_id = str(body.get("trace_id", ""))
    if status == TOO_MANY or number == _CLIENT_LOOP:
        wait = retry_after(headers.get("Retry-After"), now=now)
        return Failure(Outcome.THROTTLED, Reason.TOO_MANY_REQUESTS, code, trace_id, wait)
    if status >= SERVER_TROUBLE or error in {"temporarily_unavailable", "server_error"} or not error:
        wait = retry_after(headers.get("Retry-After"), now=now)
        return Failure(Outcome.UNREACHABLE, Reason.SERVICE_TROUBLE, code, trace_id, wait)
    if error == "invalid_client":
        reason = _REASONS.get(number, Reason.CREDENTIAL_WRONG)
        return Failure(Outcome.CREDENTIAL_REFUSED, reason, code, trace_id)
    if error in _APP_IS_GONE:
        # No word about the person's grant: an admin took the application away, or our client id is wrong.
        return Failure(Outcome.APP_GONE, Reason.APP_REMOVED, code, trace_id)
    if error in _PERSON_MUST_ACT:
        if body.get("suberror") == "consent_required":
            return Failure(Outcome.AUTHORIZATION_LOST, Reason.CONSENT_WITHDRAWN, code, trace_id)
        return Failure(Outcome.AUTHORIZATION_LOST, _REASONS.get(number, Reason.REFUSED), code, trace_id)
    # What is left (invalid_request, invalid_scope, anything new) is no *no* to the person: we asked wrongly.
    return Failure(Outcome.CREDENTIAL_REFUSED, Reason.REQUEST_REJECTED, code, trace_id)


def of_redirect(answer: Mapping[str, str]) -> Failure | None:
    """Microsoft's answer by way of the browser; None where it brings a code.

    `error` is looked at first: a success mark may stand beside it.
    """
    error = answer.get("error", "")
    if not error:
        return None
    number = _number_in(answer.get("error_description", ""))
    # A browser brought it, so anybody may have written it: only what looks like OAuth's own words is repeated.
    code = f"AADSTS{number}" if number else error if _OAUTH_WORD.fullmatch(error) else "unknown"
    if error in {"server_error", "temporarily_unavailable"}:
        return Failure(Outcome.UNREACHABLE, Reason.SERVICE_TROUBLE, code)
    if error in {"access_denied", "consent_required"}:
        # Who leaves the sign-in page has not seen the permissions, though 65004 may stand beside it.
        reason = _REASONS.get(number, Reason.DECLINED)
        if reason is Reason.DECLINED and answer.get("error_subcode") == "cancel":
            reason = Reason.CANCELLED
        return Failure(Outcome.AUTHORIZATION_LOST, reason, code)
    if error in _PERSON_MUST_ACT:
        return Failure(Outcome.AUTHORIZATION_LOST, _REASONS.get(number, Reason.REFUSED), code)
    return Failure(Outcome.CREDENTIAL_REFUSED, Reason.REQUEST_REJECTED, code)


def of_graph_answer(status: int, body: Mapping[str, Any], headers: Mapping[str, str], *, now: datetime) -> Failure:
    """An answer of Graph that is no success."""
    error = body.get("error")
    error = error if isinstance(error, Mapping) else {}
    code = str(error.get("code", "")) or f"HTTP {status}"
    inner = error.get("innerError")
    trace_id = str((inner if isinstance(inner, Mapping) else {}).get("request-id", "")) or headers.get("request-id", "")
    if status == TOO_MANY:
        wait = retry_after(headers.get("Retry-After"), now=now)
        return Failure(Outcome.THROTTLED, Reason.TOO_MANY_REQUESTS, code, trace_id, wait)
    if status == 401:  # the access token, not the grant: the next refresh tells
        return Failure(Outcome.UNREACHABLE, Reason.TOKEN_REFUSED, code, trace_id)
    if status < SERVER_TROUBLE and code.lower() in _NO_MAILBOX:
        return Failure(Outcome.NOT_ELIGIBLE, Reason.NO_MAILBOX, code, trace_id)
    if status == 403:
        return Failure(Outcome.NOT_PERMITTED, Reason.PERMISSION_MISSING, code, trace_id)
    wait = retry_after(headers.get("Retry-After"), now=now)
    return Failure(Outcome.UNREACHABLE, Reason.SERVICE_TROUBLE, code, trace_id, wait)


def retry_after(value: str | None, *, now: datetime) -> timedelta | None:
    """RFC 9110 §10.2.3, and what is seen in the wild: decimals, nonsense. At most an hour; None where unusable."""
    if not value:
        return None
    try:
        seconds = float(value)
    except ValueError:
        try:
            at = parsedate_to_datetime(value)
        except (ValueError, OverflowError):
            return None
        seconds = (at.replace(tzinfo=at.tzinfo or UTC) - now).total_seconds()
    if not 0 <= seconds < float("inf"):
        return None
    return min(timedelta(seconds=min(seconds, _LONGEST_WAIT.total_seconds())), _LONGEST_WAIT)


def _first_number(body: Mapping[str, Any]) -> int:
    codes = body.get("error_codes")
    if isinstance(codes, list) and codes and isinstance(codes[0], int):
        return codes[0]
    return _number_in(str(body.get("error_description", "")))


def _number_in(description: str) -> int:
    found = _NUMBER.match(description)
    return int(found[1]) if found else 0
