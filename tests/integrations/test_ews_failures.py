"""What Exchange answers by EWS, row by row, and what each means to us."""

from __future__ import annotations

import subprocess
import sys
from base64 import b64encode
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from integrations.ews_failures import LOCKED_FOR, EwsAnswer, Silence, code_in, is_about_the_request, of_ews
from integrations.failures import Failure, Outcome, Reason
from tests.integrations.ews_host import back_off, envelope, error, fault

NOW = datetime(2026, 11, 23, 10, 0, tzinfo=UTC)
TRACE = "0f8fad5b-d9cb-469f-a165-70867728950e"
DISABLED = {"X-EWS-Policy-Reason": "EWS is disabled for this user or tenant"}
BLOCKED = {"X-EWS-Policy-Reason": "EWS is blocked by policy for this user or tenant"}
LOCKED_PAGE = (
    b"<html><body>401.1 The referenced account is currently locked out and may not be logged on to.</body></html>"
)
PAGE = b"<!DOCTYPE html><html><body>Welcome to our intranet</body></html>"


def of(status: int = 0, body: bytes | str = b"", *, code: str = "", online: bool = False, **headers: str) -> Failure:
    content = body.encode() if isinstance(body, str) else body
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return of_ews(EwsAnswer(status, named, content, code=code, is_microsofts=online), now=NOW)


# ── What the web server in front says ───────────────────────────────────────
@pytest.mark.parametrize("online", [True, False])
@pytest.mark.parametrize(
    ("headers", "reason"),
    [
        (DISABLED, Reason.EWS_DISABLED),
        ({"X-EWS-Policy-Reason": " ews is DISABLED "}, Reason.EWS_DISABLED),
        (BLOCKED, Reason.EWS_NOT_ALLOWED),
        ({"X-EWS-Policy-Reason": "Something they will think of later"}, Reason.EWS_NOT_ALLOWED),
    ],
)
def test_a_403_with_a_reason_is_the_retirement(headers: dict[str, str], reason: Reason, online: bool) -> None:
    answer = EwsAnswer(403, {"request-id": TRACE, "Connection": "close", **headers}, is_microsofts=online)

    assert of_ews(answer, now=NOW) == Failure(Outcome.APP_GONE, reason, "HTTP 403", TRACE)


def test_a_401_is_the_servers_no_to_the_password() -> None:
    failure = of(401, PAGE)

    assert (failure.outcome, failure.reason) == (Outcome.AUTHORIZATION_LOST, Reason.PASSWORD_REFUSED)
    assert failure.code == "HTTP 401"


def test_a_locked_account_is_waited_for() -> None:
    failure = of(401, LOCKED_PAGE)

    assert (failure.outcome, failure.reason) == (Outcome.THROTTLED, Reason.ACCOUNT_LOCKED)
    assert failure.retry_after == LOCKED_FOR


def test_a_401_of_microsofts_is_about_the_token_and_brings_what_it_wants_to_see() -> None:
    claims = '{"access_token":{"nbf":{"essential":true,"value":"1"}}}'
    header = f'Bearer error="insufficient_claims", claims="{b64encode(claims.encode()).decode()}"'

    failure = of_ews(EwsAnswer(401, {"WWW-Authenticate": header}, is_microsofts=True), now=NOW)

    assert (failure.outcome, failure.reason) == (Outcome.UNREACHABLE, Reason.TOKEN_REFUSED)
    assert failure.claims == claims


@pytest.mark.parametrize("status", [429, 503])
def test_who_is_busy_is_waited_for(status: int) -> None:
    failure = of(status, Retry_After="17")

    assert (failure.outcome, failure.reason) == (Outcome.THROTTLED, Reason.TOO_MANY_REQUESTS)
    assert failure.retry_after == timedelta(seconds=17)


@pytest.mark.parametrize(
    ("status", "outcome", "reason"),
    [
        (200, Outcome.UNREACHABLE, Reason.NOT_EXCHANGE),
        (301, Outcome.UNREACHABLE, Reason.NOT_EXCHANGE),
        (302, Outcome.UNREACHABLE, Reason.NOT_EXCHANGE),
        (404, Outcome.APP_GONE, Reason.NOT_EXCHANGE),
        (405, Outcome.UNREACHABLE, Reason.NOT_EXCHANGE),
        (403, Outcome.NOT_PERMITTED, Reason.PERMISSION_MISSING),
        (400, Outcome.UNREACHABLE, Reason.SERVICE_TROUBLE),
        (500, Outcome.UNREACHABLE, Reason.SERVICE_TROUBLE),
        (502, Outcome.UNREACHABLE, Reason.SERVICE_TROUBLE),
        (504, Outcome.UNREACHABLE, Reason.SERVICE_TROUBLE),
    ],
)
def test_what_is_no_soap_at_a_server_of_ones_own(status: int, outcome: Outcome, reason: Reason) -> None:
    assert of(status, PAGE) == Failure(outcome, reason, f"HTTP {status}")


@pytest.mark.parametrize("status", [200, 302, 404, 405])
def test_at_microsoft_the_same_is_trouble_and_not_a_wrong_address(status: int) -> None:
    failure = of(status, PAGE, online=True)

    assert (failure.outcome, failure.reason) == (Outcome.UNREACHABLE, Reason.SERVICE_TROUBLE)


# ── No answer ───────────────────────────────────────────────────────────────
@pytest.mark.parametrize(
    ("silence", "outcome", "reason"),
    [
        (Silence.NO_ANSWER, Outcome.UNREACHABLE, Reason.SERVER_UNREACHABLE),
        (Silence.CERTIFICATE, Outcome.APP_GONE, Reason.CERTIFICATE_UNTRUSTED),
        (Silence.NOT_ALLOWED, Outcome.APP_GONE, Reason.ADDRESS_NOT_ALLOWED),
        (Silence.NO_SIGN_IN, Outcome.UNREACHABLE, Reason.SERVICE_TROUBLE),
    ],
)
def test_each_silence_of_a_server_of_ones_own(silence: Silence, outcome: Outcome, reason: Reason) -> None:
    failure = of_ews(EwsAnswer(silence=silence), now=NOW)

    assert (failure.outcome, failure.reason) == (outcome, reason)


@pytest.mark.parametrize("silence", Silence)
def test_microsofts_silence_passes(silence: Silence) -> None:
    failure = of_ews(EwsAnswer(silence=silence, is_microsofts=True), now=NOW)

    assert (failure.outcome, failure.reason) == (Outcome.UNREACHABLE, Reason.NO_ANSWER)


# ── What Exchange itself says ───────────────────────────────────────────────
CODES = [
    ("ErrorPasswordExpired", Outcome.AUTHORIZATION_LOST, Reason.PASSWORD_EXPIRED),
    ("ErrorPasswordChangeRequired", Outcome.AUTHORIZATION_LOST, Reason.PASSWORD_EXPIRED),
    ("ErrorAccountDisabled", Outcome.AUTHORIZATION_LOST, Reason.ACCOUNT_DISABLED),
    ("ErrorNonExistentMailbox", Outcome.NOT_ELIGIBLE, Reason.NO_MAILBOX),
    ("ErrorMissingEmailAddress", Outcome.NOT_ELIGIBLE, Reason.NO_MAILBOX),
    ("ErrorImpersonateUserDenied", Outcome.NOT_PERMITTED, Reason.IMPERSONATION_REFUSED),
    ("ErrorImpersonationDenied", Outcome.NOT_PERMITTED, Reason.IMPERSONATION_REFUSED),
    ("ErrorAccessDenied", Outcome.NOT_PERMITTED, Reason.PERMISSION_MISSING),
    ("ErrorItemNotFound", Outcome.NOT_PERMITTED, Reason.PERMISSION_MISSING),
    ("ErrorServerBusy", Outcome.THROTTLED, Reason.TOO_MANY_REQUESTS),
    ("ErrorExceededConnectionCount", Outcome.THROTTLED, Reason.TOO_MANY_REQUESTS),
    ("ErrorMailboxMoveInProgress", Outcome.UNREACHABLE, Reason.SERVICE_TROUBLE),
    ("ErrorMailboxStoreUnavailable", Outcome.UNREACHABLE, Reason.SERVICE_TROUBLE),
    ("ErrorTimeoutExpired", Outcome.UNREACHABLE, Reason.SERVICE_TROUBLE),
    ("ErrorInternalServerError", Outcome.UNREACHABLE, Reason.SERVICE_TROUBLE),
    ("ErrorOfAYearToCome", Outcome.UNREACHABLE, Reason.SERVICE_TROUBLE),
]


@pytest.mark.parametrize(("code", "outcome", "reason"), CODES)
def test_each_code_counts_wherever_it_stands(code: str, outcome: Outcome, reason: Reason) -> None:
    wanted = Failure(outcome, reason, code)

    assert of(500, fault(code)) == wanted
    assert of(200, envelope(error("GetFolder", code))) == wanted
    assert of(500, code=code) == wanted


@pytest.mark.parametrize("said", ["UserNotFound", "CAS error: UserNotFound"])
def test_the_front_end_that_finds_nobody_says_so_in_a_header(said: str) -> None:
    failure = of(500, X_CasErrorCode=said)

    assert failure == Failure(Outcome.NOT_ELIGIBLE, Reason.NO_MAILBOX, "UserNotFound")


def test_how_long_it_is_busy_stands_in_the_body_before_the_header() -> None:
    failure = of(500, fault("ErrorServerBusy", values=back_off(297_749)), Retry_After="5")

    assert failure.retry_after == timedelta(milliseconds=297_749)


def test_nobody_is_made_to_wait_for_more_than_an_hour() -> None:
    failure = of(500, fault("ErrorServerBusy", values=back_off(999_999_999_999)))

    assert failure.retry_after == timedelta(hours=1)


def test_a_code_after_a_success_is_found() -> None:
    assert code_in(b"<m:ResponseCode>NoError</m:ResponseCode><m:ResponseCode> ErrorServerBusy </m:ResponseCode>") == (
        "ErrorServerBusy"
    )


@pytest.mark.parametrize(
    ("code", "is_let_in"),
    [
        ("ErrorInvalidIdMalformed", True),
        ("ErrorNonExistentMailbox", True),
        ("ErrorPasswordExpired", False),
        ("ErrorServerBusy", False),
        ("", False),
    ],
)
def test_who_is_told_that_a_question_is_senseless_has_been_let_in(code: str, is_let_in: bool) -> None:
    assert is_about_the_request(code) is is_let_in


def test_nothing_odd_that_a_server_sends_is_repeated() -> None:
    failure = of(500, request_id="<script>", X_CasErrorCode="' OR 1=1 --")

    assert (failure.trace_id, failure.code) == ("", "HTTP 500")


@given(
    st.builds(
        EwsAnswer,
        status=st.integers(0, 999),
        headers=st.dictionaries(
            st.sampled_from(["X-EWS-Policy-Reason", "X-CasErrorCode", "Retry-After", "request-id", "WWW-Authenticate"]),
            st.text(max_size=200),
        ),
        body=st.one_of(
            st.binary(max_size=300),
            st.text(max_size=200).map(lambda text: f"<m:ResponseCode>{text}</m:ResponseCode>".encode()),
        ),
        code=st.from_regex(r"\w{0,200}", fullmatch=True),
        silence=st.sampled_from(Silence),
        is_microsofts=st.booleans(),
    )
)
def test_whatever_comes_is_classified_and_fits_its_columns(answer: EwsAnswer) -> None:
    failure = of_ews(answer, now=NOW)

    assert len(failure.code) <= 80
    assert len(failure.trace_id) <= 80
    assert failure.retry_after is None or timedelta() <= failure.retry_after <= timedelta(hours=1)


def test_it_is_pure() -> None:
    code = (
        "import sys, integrations.ews_failures, integrations.ews_addresses\n"
        "assert not {'django', 'requests', 'exchangelib'} & set(sys.modules), sorted(sys.modules)"
    )

    subprocess.run([sys.executable, "-c", code], check=True)
