"""What Exchange answers by EWS, classified: pure, and the only place where it happens.

Decided by facts of the wire: the HTTP status, three headers of Microsoft's, the response code of SOAP, the kind of
silence. Of texts one alone is looked for, because Exchange says it nowhere else: that the account is locked.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum

from integrations.failures import SERVER_TROUBLE, TOO_MANY, Failure, Outcome, Reason, challenge, retry_after


class Silence(StrEnum):
    """Why no answer came."""

    NO_ANSWER = "no_answer"
    CERTIFICATE = "certificate"
    NOT_ALLOWED = "not_allowed"
    # The server and we could not agree on how to sign in; it said nothing about the password.
    NO_SIGN_IN = "no_sign_in"


@dataclass(frozen=True)
class EwsAnswer:
    """What was seen on the wire of an answer that is no success."""

    status: int = 0  # 0: none came
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = field(default=b"", repr=False)
    # The response code of SOAP, where it is known; else it is looked for in the body.
    code: str = ""
    silence: Silence = Silence.NO_ANSWER
    # Exchange Online, asked with a token; else a server of the organization's own, asked with a password.
    is_microsofts: bool = False


LOCKED_FOR = timedelta(minutes=30)

_LOCKED_OUT = b"The referenced account is currently locked out"
_POLICY_HEADER = "X-EWS-Policy-Reason"
_DISABLED = "ews is disabled"
_CODE = re.compile(rb"<(?:\w+:)?ResponseCode(?:\s[^>]*)?>\s*(\w{1,80})\s*<")
_FAULT = re.compile(rb"<(?:\w+:)?Fault[\s>]")
_SUCCESS = b"NoError"
_BACK_OFF = re.compile(rb"\sName\s*=\s*[\"']BackOffMilliseconds[\"'][^>]*>\s*([0-9]{1,12})\s*<")
_TRACE = re.compile(r"[0-9A-Za-z.-]{1,64}")
_HTTP = re.compile(r"[0-9A-Za-z]{1,80}")
_PASSING = "HTTP "

_LOST, _REFUSED = Outcome.AUTHORIZATION_LOST, Outcome.NOT_PERMITTED
_NO_MAILBOX = (Outcome.NOT_ELIGIBLE, Reason.NO_MAILBOX)
_IMPERSONATION = (_REFUSED, Reason.IMPERSONATION_REFUSED)
_FORBIDDEN = (_REFUSED, Reason.PERMISSION_MISSING)
_BUSY = (Outcome.THROTTLED, Reason.TOO_MANY_REQUESTS)
_TROUBLE = (Outcome.UNREACHABLE, Reason.SERVICE_TROUBLE)

# Response codes of EWS, and of the front end that looks for the mailbox (X-CasErrorCode).
_MEANINGS: dict[str, tuple[Outcome, Reason]] = {
    "ErrorPasswordExpired": (_LOST, Reason.PASSWORD_EXPIRED),
    "ErrorPasswordChangeRequired": (_LOST, Reason.PASSWORD_EXPIRED),
    "ErrorAccountDisabled": (_LOST, Reason.ACCOUNT_DISABLED),
    "ErrorNonExistentMailbox": _NO_MAILBOX,
    "ErrorMissingEmailAddress": _NO_MAILBOX,
    "ErrorInvalidMailbox": _NO_MAILBOX,
    "ErrorInvalidSmtpAddress": _NO_MAILBOX,
    "ErrorMailRecipientNotFound": _NO_MAILBOX,
    "ErrorNameResolutionNoMailbox": _NO_MAILBOX,
    "ErrorInvalidUserPrincipalName": _NO_MAILBOX,
    "ErrorInvalidUserSid": _NO_MAILBOX,
    "ErrorNonPrimarySmtpAddress": _NO_MAILBOX,
    "UserNotFound": _NO_MAILBOX,
    "MailboxNotFound": _NO_MAILBOX,
    "MailboxGuidWithDomainNotFound": _NO_MAILBOX,
    "OrganizationMailboxNotFound": _NO_MAILBOX,
    "ErrorImpersonateUserDenied": _IMPERSONATION,
    "ErrorImpersonationDenied": _IMPERSONATION,
    "ErrorImpersonationFailed": _IMPERSONATION,
    "ErrorImpersonationRequired": _IMPERSONATION,
    "ErrorCallerIsInvalidADAccount": _IMPERSONATION,
    "ErrorInvalidExchangeImpersonationHeaderData": _IMPERSONATION,
    "ErrorAccessDenied": _FORBIDDEN,
    "ErrorUserNotAllowedByPolicy": _FORBIDDEN,
    # What is said of a calendar that is there and may not be seen.
    "ErrorFolderNotFound": _FORBIDDEN,
    "ErrorItemNotFound": _FORBIDDEN,
    "ErrorServerBusy": _BUSY,
    "ErrorExceededConnectionCount": _BUSY,
    "ErrorTooManyObjectsOpened": _BUSY,
    "ErrorBudgetExceeded": _BUSY,
}


def of_ews(answer: EwsAnswer, *, now: datetime) -> Failure:
    """`answer`: anything but a success."""
    if not answer.status:
        return _of_silence(answer)
    found = _of_status(answer, now) or _of_code(answer, now) or _of_what_is_left(answer)
    return replace(found, trace_id=_trace(answer.headers), code=found.code or f"{_PASSING}{answer.status}")


def code_in(body: bytes) -> str:
    """The first response code of an answer that is no success; "" where there is none."""
    codes = (found[1] for found in _CODE.finditer(body))
    return next((code.decode() for code in codes if code != _SUCCESS), "")


def is_about_the_request(code: str) -> bool:
    """Whoever is told this has been let in: only what was asked for makes no sense."""
    return code.startswith("ErrorInvalid") or _MEANINGS.get(code) in (_NO_MAILBOX, _FORBIDDEN)


def _of_silence(answer: EwsAnswer) -> Failure:
    if answer.is_microsofts:
        return Failure(Outcome.UNREACHABLE, Reason.NO_ANSWER)
    if answer.silence is Silence.CERTIFICATE:
        return Failure(Outcome.APP_GONE, Reason.CERTIFICATE_UNTRUSTED)
    if answer.silence is Silence.NOT_ALLOWED:
        return Failure(Outcome.APP_GONE, Reason.ADDRESS_NOT_ALLOWED)
    if answer.silence is Silence.NO_SIGN_IN:
        return Failure(*_TROUBLE, code="HTTP 401: no sign-in")
    return Failure(Outcome.UNREACHABLE, Reason.SERVER_UNREACHABLE)


def _of_status(answer: EwsAnswer, now: datetime) -> Failure | None:
    """Where the status, with a header, says all."""
    if answer.status == 401:
        return _of_401(answer)
    if answer.status == 403 and (said := answer.headers.get(_POLICY_HEADER, "")):
        is_off = said.strip().lower().startswith(_DISABLED)
        return Failure(Outcome.APP_GONE, Reason.EWS_DISABLED if is_off else Reason.EWS_NOT_ALLOWED)
    if answer.status in (TOO_MANY, 503):
        return Failure(*_BUSY, retry_after=_wait(answer, now))
    return None


def _of_401(answer: EwsAnswer) -> Failure:
    if _LOCKED_OUT in answer.body:
        return Failure(Outcome.THROTTLED, Reason.ACCOUNT_LOCKED, retry_after=LOCKED_FOR)
    if answer.is_microsofts:  # the access token, not the grant: the next refresh tells
        claims = challenge(answer.headers.get("WWW-Authenticate", ""))
        return Failure(Outcome.UNREACHABLE, Reason.TOKEN_REFUSED, claims=claims)
    return Failure(_LOST, Reason.PASSWORD_REFUSED)


def _of_code(answer: EwsAnswer, now: datetime) -> Failure | None:
    code = answer.code or code_in(answer.body) or _cas_error(answer.headers)
    if not code:
        return None
    outcome, reason = _MEANINGS.get(code, _TROUBLE)
    if code not in _MEANINGS and answer.status == 403:
        outcome, reason = _FORBIDDEN
    return Failure(outcome, reason, code[:80], retry_after=_wait(answer, now))


def _of_what_is_left(answer: EwsAnswer) -> Failure:
    """No SOAP."""
    if answer.status == 403:
        return Failure(*_FORBIDDEN)
    if answer.status >= SERVER_TROUBLE or answer.is_microsofts or _FAULT.search(answer.body):
        return Failure(*_TROUBLE)
    if answer.status == 404:
        return Failure(Outcome.APP_GONE, Reason.NOT_EXCHANGE)
    if answer.status < 400 or answer.status == 405:
        return Failure(Outcome.UNREACHABLE, Reason.NOT_EXCHANGE)
    return Failure(*_TROUBLE)


def _wait(answer: EwsAnswer, now: datetime) -> timedelta | None:
    """The body's word counts, and else that of the header."""
    found = _BACK_OFF.search(answer.body)
    said = str(int(found[1]) / 1000) if found else answer.headers.get("Retry-After")
    return retry_after(said, now=now)


def _cas_error(headers: Mapping[str, str]) -> str:
    found = _HTTP.fullmatch(headers.get("X-CasErrorCode", "").removeprefix("CAS error:").strip())
    return found[0] if found else ""


def _trace(headers: Mapping[str, str]) -> str:
    found = _TRACE.fullmatch(headers.get("request-id", ""))
    return found[0] if found else ""
