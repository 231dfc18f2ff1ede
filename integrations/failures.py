"""Microsoft's answers, classified: pure, and the only place where it happens (for EWS: `ews_failures`).

Decided by `error` and `suberror`; AADSTS numbers only choose the words (Microsoft asks clients not to branch on
them), but for three: 50196, *too many identical requests*, comes as `invalid_grant` and is no *no*; 90002, *no such
tenant*, comes as `invalid_request` and is no mistake of ours; and that a tenant does not know the application may come
as `invalid_client`, and is no word about our credential. A number that nobody has seen yet leaves the reason
*refused*, with Microsoft's trace id to quote.
"""

from __future__ import annotations

import binascii
import json
import re
from base64 import b64decode
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from enum import StrEnum
from typing import Any

from integrations.aadsts import NUMBERS, first_number, number_in


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
    GRANT_UNKNOWN = "grant_unknown"
    SIGN_IN_TOO_OLD = "sign_in_too_old"
    CONSENT_WITHDRAWN = "consent_withdrawn"
    PASSWORD_EXPIRED = "password_expired"  # noqa: S105  a reason, not a password
    ACCOUNT_DISABLED = "account_disabled"
    ACCOUNT_GONE = "account_gone"
    ACCOUNT_LOCKED = "account_locked"
    MFA_NEEDED = "mfa_needed"
    STEP_UP = "step_up"
    CONDITIONAL_ACCESS = "conditional_access"
    NOT_ASSIGNED = "not_assigned"
    APP_REMOVED = "app_removed"
    SERVICE_ABSENT = "service_absent"
    TENANT_GONE = "tenant_gone"
    TENANT_BLOCKED = "tenant_blocked"
    REFUSED = "refused"
    # Ours and theirs: a worker died while it renewed the access, and the old one was spent.
    LOST_IN_FLIGHT = "lost_in_flight"
    # The way there: at the sign-in and consent pages.
    DECLINED = "declined"
    CANCELLED = "cancelled"
    ADMIN_APPROVAL = "admin_approval"
    APPROVED = "approved"
    CODE_SPENT = "code_spent"
    CODE_REFUSED = "code_refused"
    # The mailbox.
    NO_MAILBOX = "no_mailbox"
    GUEST = "guest"
    ON_PREMISES = "on_premises"
    PERMISSION_MISSING = "permission_missing"
    # Exchange Web Services, and the organization's own servers.
    EWS_DISABLED = "ews_disabled"
    EWS_NOT_ALLOWED = "ews_not_allowed"
    PASSWORD_REFUSED = "password_refused"  # noqa: S105  a reason, not a password
    IMPERSONATION_REFUSED = "impersonation_refused"
    IMPERSONATION_ENDED = "impersonation_ended"
    SERVER_UNREACHABLE = "server_unreachable"
    CERTIFICATE_UNTRUSTED = "certificate_untrusted"
    ADDRESS_NOT_ALLOWED = "address_not_allowed"
    NOT_EXCHANGE = "not_exchange"
    MOVED_TO_CLOUD = "moved_to_cloud"
    ADDRESS_CHANGED = "address_changed"
    # The organization's own consent, and whom it covers.
    CONSENT_REVOKED = "consent_revoked"
    SCOPED_OUT = "scoped_out"
    AMBIGUOUS = "ambiguous"
    OUTSIDE_DOMAIN = "outside_domain"
    NOT_COVERED = "not_covered"
    LINK_ENDED = "link_ended"
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

_REASONS = {number: Reason(name) for name, numbers in NUMBERS.items() for number in numbers}
_SUBERRORS = {"consent_required": Reason.CONSENT_WITHDRAWN, "user_password_expired": Reason.PASSWORD_EXPIRED}

# Numbers choose among the words that fit what `error` says.
_OF_OURS = {Reason.CREDENTIAL_EXPIRED, Reason.CREDENTIAL_WRONG, Reason.REQUEST_REJECTED}
_OF_THE_APP = {Reason.APP_REMOVED, Reason.SERVICE_ABSENT, Reason.TENANT_BLOCKED, Reason.CREDENTIAL_WRONG}
_OF_THE_TENANT = {Reason.TENANT_GONE, Reason.TENANT_BLOCKED}
_OF_THE_PERSON = set(_REASONS.values()) - _OF_THE_APP - _OF_THE_TENANT - {Reason.CREDENTIAL_EXPIRED}

_PERSON_MUST_ACT = {
    "invalid_grant",
    "interaction_required",
    "consent_required",
    "login_required",
    "access_denied",
}
_APP_IS_GONE = {"unauthorized_client", "invalid_resource"}
_DECLINED = {"access_denied", "consent_required"}  # Microsoft says either
_PASSING = {"temporarily_unavailable", "server_error"}
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
_TRACE = re.compile(r"\bTrace ID: ([0-9a-fA-F-]{36})\b")
_CHALLENGE = re.compile(r'\bclaims="([A-Za-z0-9+/=_-]+)"')
_LONGEST_CLAIMS = 4000
_DEEPEST = 5


def of_token_answer(status: int, body: Mapping[str, Any], headers: Mapping[str, str], *, now: datetime) -> Failure:
    """An answer of /token that is no token. `status` 0: unknown, judge by the body alone."""
    # What is no word of OAuth's comes from something in between.
    error = _word(body.get("error"))
    number = first_number(body)
    code = f"AADSTS{number}" if number else error
    trace_id = _text(body.get("trace_id")) or _trace_in(_text(body.get("error_description")))
    trace_id = trace_id or headers.get("x-ms-request-id", "")
    if status == TOO_MANY or number == _CLIENT_LOOP:
        wait = retry_after(headers.get("Retry-After"), now=now)
        return Failure(Outcome.THROTTLED, Reason.TOO_MANY_REQUESTS, code, trace_id, wait)
    if status >= SERVER_TROUBLE or error in _PASSING or not error:
        wait = retry_after(headers.get("Retry-After"), now=now)
        return Failure(Outcome.UNREACHABLE, Reason.SERVICE_TROUBLE, code, trace_id, wait)
    outcome, reason = _refusal(error, _text(body.get("suberror")), number)
    return Failure(outcome, reason, code, trace_id, claims=_claims(_text(body.get("claims"))))


def of_redirect(answer: Mapping[str, str]) -> Failure | None:
    """Microsoft's answer by way of the browser; None where it brings a code.

    `error` is looked at first: a success mark may stand beside it. A browser brought it, so anybody may have written
    it: only what looks like Microsoft's own words and ids is repeated, and it is no word about our credential.
    """
    error, description = answer.get("error", ""), answer.get("error_description", "")
    if not error:
        return None
    number = number_in(description)
    code = f"AADSTS{number}" if number else _word(error) or "unknown"
    trace_id, claims = _trace_in(description), _claims(answer.get("claims", ""))
    if number == _CLIENT_LOOP:
        return Failure(Outcome.THROTTLED, Reason.TOO_MANY_REQUESTS, code, trace_id)
    if error in _PASSING:
        return Failure(Outcome.UNREACHABLE, Reason.SERVICE_TROUBLE, code, trace_id)
    if error in _DECLINED:
        said = _REASONS.get(number)
        reason = said if said in _OF_THE_PERSON else Reason.DECLINED
        # Who leaves the sign-in page has not seen the permissions, though 65004 may stand beside it.
        if reason is Reason.DECLINED and answer.get("error_subcode") == "cancel":
            reason = Reason.CANCELLED
        return Failure(Outcome.AUTHORIZATION_LOST, reason, code, trace_id, claims=claims)
    outcome, reason = _refusal(error, "", number)
    if outcome is Outcome.CREDENTIAL_REFUSED:
        reason = Reason.REQUEST_REJECTED
    return Failure(outcome, reason, code, trace_id, claims=claims)


def of_graph_answer(status: int, body: Mapping[str, Any], headers: Mapping[str, str], *, now: datetime) -> Failure:
    """An answer of Graph that is no success. A finer code may stand inside the first one."""
    errors = list(_nested(body.get("error")))
    codes = [found for error in errors if (found := _text(error.get("code")))]
    code = codes[0] if codes else f"HTTP {status}"
    ids = (_text(error.get("request-id")) for error in errors)
    trace_id = next(filter(None, ids), "") or headers.get("request-id", "")
    wait = retry_after(headers.get("Retry-After"), now=now)
    if status == TOO_MANY:
        return Failure(Outcome.THROTTLED, Reason.TOO_MANY_REQUESTS, code, trace_id, wait)
    if status == 401:  # the access token, not the grant: the next refresh tells
        claims = challenge(headers.get("WWW-Authenticate", ""))
        return Failure(Outcome.UNREACHABLE, Reason.TOKEN_REFUSED, code, trace_id, claims=claims)
    if status < SERVER_TROUBLE and (missing := next((one for one in codes if one.lower() in _NO_MAILBOX), "")):
        return Failure(Outcome.NOT_ELIGIBLE, Reason.NO_MAILBOX, missing, trace_id)
    if status == 403:
        return Failure(Outcome.NOT_PERMITTED, Reason.PERMISSION_MISSING, code, trace_id)
    return Failure(Outcome.UNREACHABLE, Reason.SERVICE_TROUBLE, code, trace_id, wait)


def of_a_fresh_token(failure: Failure) -> Failure:
    """What the same answer means to an access token that Microsoft has only just given: where it wants more proof
    than any renewal brings, the person has to sign in."""
    if failure.reason is Reason.TOKEN_REFUSED and failure.claims:
        return replace(failure, outcome=Outcome.AUTHORIZATION_LOST, reason=Reason.STEP_UP)
    return failure


def challenge(header: str) -> str:
    """The claims of a 401: JSON in base64."""
    found = _CHALLENGE.search(header)
    if found is None:
        return ""
    text = found[1].rstrip("=")
    try:
        return _claims(b64decode(text + "=" * (-len(text) % 4), altchars=b"-_").decode())
    except (binascii.Error, UnicodeDecodeError):
        return ""


def retry_after(value: str | None, *, now: datetime) -> timedelta | None:
    """RFC 9110 §10.2.3, and what is seen in the wild: decimals, the header twice, nonsense. At most an hour; None
    where unusable."""
    if not value:
        return None
    try:
        seconds = float(value.partition(",")[0])
    except ValueError:
        try:
            at = parsedate_to_datetime(value)
        except (ValueError, OverflowError):
            return None
        seconds = (at.replace(tzinfo=at.tzinfo or UTC) - now).total_seconds()
    if not 0 <= seconds < float("inf"):
        return None
    return min(timedelta(seconds=min(seconds, _LONGEST_WAIT.total_seconds())), _LONGEST_WAIT)


def _refusal(error: str, suberror: str, number: int) -> tuple[Outcome, Reason]:
    said = _REASONS.get(number)
    if error == "invalid_client":
        if said is Reason.APP_REMOVED:
            # That tenant does not know us; it says nothing about our credential.
            return Outcome.APP_GONE, said
        return Outcome.CREDENTIAL_REFUSED, said if said in _OF_OURS else Reason.CREDENTIAL_WRONG
    if error in _APP_IS_GONE:
        # No word about the person's grant: an admin took the application away, or our client id is wrong.
        return Outcome.APP_GONE, said if said in _OF_THE_APP else Reason.APP_REMOVED
    if error in _PERSON_MUST_ACT:
        if "consent_required" in (error, suberror):
            return Outcome.AUTHORIZATION_LOST, Reason.CONSENT_WITHDRAWN
        found = said if said in _OF_THE_PERSON else None
        return Outcome.AUTHORIZATION_LOST, found or _SUBERRORS.get(suberror, Reason.REFUSED)
    if said in _OF_THE_TENANT:
        return Outcome.APP_GONE, said
    # What is left (invalid_request, invalid_scope, anything new) is no *no* to the person: we asked wrongly.
    return Outcome.CREDENTIAL_REFUSED, Reason.REQUEST_REJECTED


def _nested(error: Any) -> Iterator[Mapping[str, Any]]:
    for _ in range(_DEEPEST):
        if not isinstance(error, Mapping):
            return
        yield error
        error = error.get("innerError") or error.get("innererror")


def _trace_in(description: str) -> str:
    found = _TRACE.search(description)
    return found[1] if found else ""


def _claims(text: str) -> str:
    """As it came, if it is what Microsoft's /authorize will take."""
    try:
        wanted = json.loads(text) if len(text) <= _LONGEST_CLAIMS else None
    except (ValueError, RecursionError):
        return ""
    return text if isinstance(wanted, dict) else ""


def _word(value: Any) -> str:
    return value if isinstance(value, str) and _OAUTH_WORD.fullmatch(value) else ""


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""
