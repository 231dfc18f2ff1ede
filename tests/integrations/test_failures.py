"""Microsoft's answers, row by row as its documents and captures give them, and what each means to us."""

from __future__ import annotations

import subprocess
import sys
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from integrations.failures import (
    Failure,
    Outcome,
    Reason,
    of_graph_answer,
    of_redirect,
    of_token_answer,
    retry_after,
)

NOW = datetime(2026, 11, 23, 10, 0, tzinfo=UTC)
LOST, REFUSED_US = Outcome.AUTHORIZATION_LOST, Outcome.CREDENTIAL_REFUSED
GONE = Outcome.APP_GONE
THROTTLED, UNREACHABLE = Outcome.THROTTLED, Outcome.UNREACHABLE

# AADSTS, `error`, HTTP status, `suberror`; what follows, and why.
TOKEN_ANSWERS: list[tuple[int, str, int, str, Outcome, Reason]] = [
    (65001, "invalid_grant", 400, "consent_required", LOST, Reason.CONSENT_WITHDRAWN),
    (65001, "invalid_grant", 400, "", LOST, Reason.CONSENT_WITHDRAWN),
    (65001, "consent_required", 400, "", LOST, Reason.CONSENT_WITHDRAWN),
    (90094, "invalid_grant", 400, "", LOST, Reason.ADMIN_APPROVAL),
    (90095, "invalid_grant", 400, "", LOST, Reason.ADMIN_APPROVAL),
    (54005, "invalid_grant", 400, "", LOST, Reason.CODE_SPENT),
    (70008, "invalid_grant", 400, "", LOST, Reason.GRANT_EXPIRED),
    (70000, "invalid_grant", 400, "bad_token", LOST, Reason.REFUSED),
    (9002313, "invalid_request", 400, "", REFUSED_US, Reason.REQUEST_REJECTED),
    (700005, "invalid_grant", 400, "", LOST, Reason.REFUSED),
    (501481, "invalid_grant", 400, "", LOST, Reason.REFUSED),
    (50147, "invalid_grant", 400, "", LOST, Reason.REFUSED),
    (501491, "invalid_grant", 400, "", LOST, Reason.REFUSED),
    (700082, "invalid_grant", 400, "bad_token", LOST, Reason.INACTIVE),
    (700084, "invalid_grant", 400, "", LOST, Reason.GRANT_EXPIRED),
    (70043, "invalid_grant", 400, "bad_token", LOST, Reason.SIGN_IN_TOO_OLD),
    (50173, "invalid_grant", 400, "", LOST, Reason.SESSIONS_REVOKED),
    (50132, "invalid_grant", 400, "", LOST, Reason.SESSIONS_REVOKED),
    (50133, "interaction_required", 400, "", LOST, Reason.SESSIONS_REVOKED),
    (50055, "invalid_grant", 400, "", LOST, Reason.PASSWORD_EXPIRED),
    (50126, "invalid_grant", 400, "", LOST, Reason.REFUSED),
    (50053, "invalid_grant", 400, "", LOST, Reason.ACCOUNT_LOCKED),
    (50057, "invalid_grant", 400, "", LOST, Reason.ACCOUNT_DISABLED),
    (50034, "invalid_grant", 400, "", LOST, Reason.ACCOUNT_GONE),
    (50020, "interaction_required", 400, "", LOST, Reason.ACCOUNT_GONE),
    (51004, "invalid_grant", 400, "", LOST, Reason.ACCOUNT_GONE),
    (16000, "interaction_required", 400, "", LOST, Reason.ACCOUNT_GONE),
    (50105, "invalid_grant", 400, "", LOST, Reason.NOT_ASSIGNED),
    (50105, "interaction_required", 400, "", LOST, Reason.NOT_ASSIGNED),
    (50076, "invalid_grant", 400, "basic_action", LOST, Reason.MFA_NEEDED),
    (50076, "interaction_required", 400, "basic_action", LOST, Reason.MFA_NEEDED),
    (50079, "invalid_grant", 400, "", LOST, Reason.MFA_NEEDED),
    (50072, "invalid_grant", 400, "", LOST, Reason.MFA_NEEDED),
    (50074, "invalid_grant", 400, "", LOST, Reason.MFA_NEEDED),
    (53003, "invalid_grant", 400, "message_only", LOST, Reason.CONDITIONAL_ACCESS),
    (53003, "interaction_required", 400, "", LOST, Reason.CONDITIONAL_ACCESS),
    (530032, "invalid_grant", 400, "", LOST, Reason.CONDITIONAL_ACCESS),
    (53000, "invalid_grant", 400, "", LOST, Reason.CONDITIONAL_ACCESS),
    (53001, "invalid_grant", 400, "", LOST, Reason.CONDITIONAL_ACCESS),
    (0, "login_required", 400, "", LOST, Reason.REFUSED),
    (700016, "unauthorized_client", 400, "", GONE, Reason.APP_REMOVED),
    (500011, "invalid_resource", 400, "", GONE, Reason.APP_REMOVED),
    (7000112, "unauthorized_client", 400, "", GONE, Reason.APP_REMOVED),
    (7000215, "invalid_client", 401, "", REFUSED_US, Reason.CREDENTIAL_WRONG),
    (7000222, "invalid_client", 401, "", REFUSED_US, Reason.CREDENTIAL_EXPIRED),
    (7000218, "invalid_client", 401, "", REFUSED_US, Reason.CREDENTIAL_WRONG),
    (7000216, "invalid_client", 401, "", REFUSED_US, Reason.CREDENTIAL_WRONG),
    (700027, "invalid_client", 401, "", REFUSED_US, Reason.CREDENTIAL_WRONG),
    (700025, "invalid_client", 401, "", REFUSED_US, Reason.CREDENTIAL_WRONG),
    (70003, "unsupported_grant_type", 400, "", REFUSED_US, Reason.REQUEST_REJECTED),
    (900144, "invalid_request", 400, "", REFUSED_US, Reason.REQUEST_REJECTED),
    (70011, "invalid_scope", 400, "", REFUSED_US, Reason.REQUEST_REJECTED),
    (28002, "invalid_scope", 400, "", REFUSED_US, Reason.REQUEST_REJECTED),
    (1002012, "invalid_scope", 400, "", REFUSED_US, Reason.REQUEST_REJECTED),
    (9001023, "invalid_request", 400, "", REFUSED_US, Reason.REQUEST_REJECTED),
    (50194, "invalid_request", 400, "", REFUSED_US, Reason.REQUEST_REJECTED),
    (90002, "invalid_request", 400, "", REFUSED_US, Reason.REQUEST_REJECTED),
    (901002, "invalid_request", 400, "", REFUSED_US, Reason.REQUEST_REJECTED),
    # A loop of ours is no *no* of theirs.
    (50196, "invalid_grant", 400, "", THROTTLED, Reason.TOO_MANY_REQUESTS),
    (90055, "temporarily_unavailable", 429, "", THROTTLED, Reason.TOO_MANY_REQUESTS),
    (90024, "temporarily_unavailable", 503, "", UNREACHABLE, Reason.SERVICE_TROUBLE),
    (90033, "temporarily_unavailable", 503, "", UNREACHABLE, Reason.SERVICE_TROUBLE),
    (90006, "", 503, "", UNREACHABLE, Reason.SERVICE_TROUBLE),
    (90033, "temporarily_unavailable", 400, "", UNREACHABLE, Reason.SERVICE_TROUBLE),
    (0, "server_error", 500, "", UNREACHABLE, Reason.SERVICE_TROUBLE),
    # Trouble that quotes a *no* is trouble all the same.
    (50173, "invalid_grant", 502, "", UNREACHABLE, Reason.SERVICE_TROUBLE),
    (50173, "invalid_grant", 429, "", THROTTLED, Reason.TOO_MANY_REQUESTS),
    # A page of some proxy: no JSON, no `error`.
    (0, "", 400, "", UNREACHABLE, Reason.SERVICE_TROUBLE),
    (0, "", 200, "", UNREACHABLE, Reason.SERVICE_TROUBLE),
    # Something that nobody has seen yet must not end anybody's connection.
    (99999999, "brand_new_error", 400, "", REFUSED_US, Reason.REQUEST_REJECTED),
]

# `error`, `error_description`, `error_subcode`; what follows, and why.
REDIRECTS: list[tuple[str, str, str, Outcome, Reason]] = [
    ("access_denied", "AADSTS65004: User declined to consent.", "", LOST, Reason.DECLINED),
    ("consent_required", "AADSTS65004: User declined to consent.", "", LOST, Reason.DECLINED),
    ("access_denied", "", "cancel", LOST, Reason.CANCELLED),
    ("access_denied", "AADSTS90094: Admin consent is required.", "", LOST, Reason.ADMIN_APPROVAL),
    ("access_denied", "AADSTS90095: Admin consent is required.", "cancel", LOST, Reason.ADMIN_APPROVAL),
    ("access_denied", "", "", LOST, Reason.DECLINED),
    ("login_required", "AADSTS50058: Nobody is signed in.", "", LOST, Reason.REFUSED),
    ("interaction_required", "AADSTS50076: Use multi-factor authentication.", "", LOST, Reason.MFA_NEEDED),
    ("server_error", "AADSTS90033: A transient error has occurred.", "", UNREACHABLE, Reason.SERVICE_TROUBLE),
    ("temporarily_unavailable", "", "", UNREACHABLE, Reason.SERVICE_TROUBLE),
    ("invalid_request", "AADSTS900144: Missing.", "", REFUSED_US, Reason.REQUEST_REJECTED),
    ("unauthorized_client", "AADSTS700016: Not found.", "", REFUSED_US, Reason.REQUEST_REJECTED),
    ("invalid_resource", "AADSTS500011: Not found.", "", REFUSED_US, Reason.REQUEST_REJECTED),
    ("unsupported_response_type", "", "", REFUSED_US, Reason.REQUEST_REJECTED),
]

# HTTP status, Graph's error code; what follows, and why.
GRAPH_ANSWERS: list[tuple[int, str, Outcome, Reason]] = [
    (401, "InvalidAuthenticationToken", UNREACHABLE, Reason.TOKEN_REFUSED),
    (403, "ErrorAccessDenied", Outcome.NOT_PERMITTED, Reason.PERMISSION_MISSING),
    (403, "Authorization_RequestDenied", Outcome.NOT_PERMITTED, Reason.PERMISSION_MISSING),
    (404, "ErrorItemNotFound", UNREACHABLE, Reason.SERVICE_TROUBLE),
    (404, "ErrorInvalidUser", Outcome.NOT_ELIGIBLE, Reason.NO_MAILBOX),
    (404, "MailboxNotEnabledForRESTAPI", Outcome.NOT_ELIGIBLE, Reason.NO_MAILBOX),
    (403, "MailboxNotEnabledForRESTAPI", Outcome.NOT_ELIGIBLE, Reason.NO_MAILBOX),
    (404, "MailboxNotSupportedForRESTAPI", Outcome.NOT_ELIGIBLE, Reason.NO_MAILBOX),
    (404, "ErrorNonExistentMailbox", Outcome.NOT_ELIGIBLE, Reason.NO_MAILBOX),
    (404, "ResourceNotFound", Outcome.NOT_ELIGIBLE, Reason.NO_MAILBOX),
    (404, "Request_ResourceNotFound", UNREACHABLE, Reason.SERVICE_TROUBLE),
    (400, "ErrorInvalidIdMalformed", UNREACHABLE, Reason.SERVICE_TROUBLE),
    (400, "ErrorPropertyValidationFailure", UNREACHABLE, Reason.SERVICE_TROUBLE),
    (400, "RequestBroker--ParseUri", UNREACHABLE, Reason.SERVICE_TROUBLE),
    (400, "BadRequest", UNREACHABLE, Reason.SERVICE_TROUBLE),
    (409, "ErrorIrresolvableConflict", UNREACHABLE, Reason.SERVICE_TROUBLE),
    (410, "SyncStateNotFound", UNREACHABLE, Reason.SERVICE_TROUBLE),
    (410, "resyncRequired", UNREACHABLE, Reason.SERVICE_TROUBLE),
    (412, "PreconditionFailed", UNREACHABLE, Reason.SERVICE_TROUBLE),
    (429, "ApplicationThrottled", THROTTLED, Reason.TOO_MANY_REQUESTS),
    (429, "TooManyRequests", THROTTLED, Reason.TOO_MANY_REQUESTS),
    (429, "activityLimitReached", THROTTLED, Reason.TOO_MANY_REQUESTS),
    (503, "ServiceUnavailable", UNREACHABLE, Reason.SERVICE_TROUBLE),
    (504, "gatewayTimeout", UNREACHABLE, Reason.SERVICE_TROUBLE),
    (509, "bandwidthLimitExceeded", UNREACHABLE, Reason.SERVICE_TROUBLE),
    # While a mailbox is being moved: nobody has lost it.
    (503, "ErrorMailboxStoreUnavailable", UNREACHABLE, Reason.SERVICE_TROUBLE),
    (404, "ErrorMailboxStoreUnavailable", UNREACHABLE, Reason.SERVICE_TROUBLE),
    (503, "MailboxNotEnabledForRESTAPI", UNREACHABLE, Reason.SERVICE_TROUBLE),
    (502, "", UNREACHABLE, Reason.SERVICE_TROUBLE),
    (200, "", UNREACHABLE, Reason.SERVICE_TROUBLE),
]

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=12) | st.sampled_from(["invalid_grant", "AADSTS²:"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=5,
)
names = st.sampled_from(["error", "error_description", "error_codes", "suberror", "trace_id", "innerError", "code"])
bodies = st.dictionaries(names, json_values)


def body_of(number: int, error: str, suberror: str = "") -> dict[str, Any]:
    """As /token writes it."""
    body: dict[str, Any] = {"trace_id": "trace-1"}
    if number:
        body |= {"error_codes": [number], "error_description": f"AADSTS{number}: In words. Trace ID: trace-1"}
    if error:
        body["error"] = error
    if suberror:
        body["suberror"] = suberror
    return body


@pytest.mark.parametrize(("number", "error", "status", "suberror", "outcome", "reason"), TOKEN_ANSWERS)
def test_each_answer_of_the_token_endpoint_is_classified(
    number: int, error: str, status: int, suberror: str, outcome: Outcome, reason: Reason
) -> None:
    failure = of_token_answer(status, body_of(number, error, suberror), {}, now=NOW)

    assert (failure.outcome, failure.reason) == (outcome, reason)
    assert failure.code == (f"AADSTS{number}" if number else error)
    assert failure.trace_id == "trace-1"


@pytest.mark.parametrize(("number", "error", "status", "suberror", "outcome", "reason"), TOKEN_ANSWERS)
def test_the_number_is_found_in_the_description_too(
    number: int, error: str, status: int, suberror: str, outcome: Outcome, reason: Reason
) -> None:
    body = body_of(number, error, suberror)
    body.pop("error_codes", None)

    assert of_token_answer(status, body, {}, now=NOW).reason == reason


def test_the_number_chooses_words_and_never_the_outcome() -> None:
    """Whatever the number beside `invalid_client`: it is our credential that is refused."""
    for number in {row[0] for row in TOKEN_ANSWERS} - {50196}:
        assert of_token_answer(401, body_of(number, "invalid_client"), {}, now=NOW).outcome == REFUSED_US


@pytest.mark.parametrize(("error", "description", "subcode", "outcome", "reason"), REDIRECTS)
def test_each_answer_by_way_of_the_browser_is_classified(
    error: str, description: str, subcode: str, outcome: Outcome, reason: Reason
) -> None:
    failure = of_redirect({"error": error, "error_description": description, "error_subcode": subcode, "state": "s"})

    assert failure is not None
    assert (failure.outcome, failure.reason) == (outcome, reason)


def test_a_code_is_no_failure() -> None:
    assert of_redirect({"code": "1.A", "state": "s", "session_state": "x"}) is None


def test_a_mark_of_success_beside_an_error_does_not_count() -> None:
    assert of_redirect({"admin_consent": "True", "code": "1.A", "error": "access_denied"}) is not None


@pytest.mark.parametrize(("status", "code", "outcome", "reason"), GRAPH_ANSWERS)
def test_each_answer_of_graph_is_classified(status: int, code: str, outcome: Outcome, reason: Reason) -> None:
    body = {"error": {"code": code, "message": "In words.", "innerError": {"request-id": "trace-2"}}} if code else {}

    failure = of_graph_answer(status, body, {"request-id": "trace-3"}, now=NOW)

    assert (failure.outcome, failure.reason) == (outcome, reason)
    assert failure.code == (code or f"HTTP {status}")
    assert failure.trace_id == ("trace-2" if code else "trace-3")


@pytest.mark.parametrize("classify", [of_token_answer, of_graph_answer])
@pytest.mark.parametrize("status", [429, 503])
def test_the_wait_that_microsoft_asks_for_is_kept(classify: Any, status: int) -> None:
    assert classify(status, {}, {"Retry-After": "17"}, now=NOW).retry_after == timedelta(seconds=17)


@given(st.integers(0, 599), bodies)
def test_no_answer_of_the_token_endpoint_makes_it_stumble(status: int, body: dict[str, Any]) -> None:
    assert isinstance(of_token_answer(status, body, {}, now=NOW), Failure)


@given(st.integers(0, 599), bodies | st.fixed_dictionaries({"error": bodies}))
def test_no_answer_of_graph_makes_it_stumble(status: int, body: dict[str, Any]) -> None:
    assert isinstance(of_graph_answer(status, body, {}, now=NOW), Failure)


@given(st.dictionaries(names, st.text(max_size=40)))
@example({"error": "access_denied", "error_description": "AADSTS²²: superscripts"})
@example({"error": "access_denied", "error_description": "AADSTS" + "9" * 8000 + ":"})
def test_no_forged_redirect_makes_it_stumble(answer: dict[str, str]) -> None:
    assert (of_redirect(answer) is None) == (not answer.get("error"))


@given(st.integers(500, 599) | st.just(429), bodies)
def test_transient_trouble_is_never_taken_for_a_lost_authorization(status: int, body: dict[str, Any]) -> None:
    assert of_token_answer(status, body, {}, now=NOW).outcome in (THROTTLED, UNREACHABLE)
    assert of_graph_answer(status, body, {}, now=NOW).outcome in (THROTTLED, UNREACHABLE)


# ── Retry-After ─────────────────────────────────────────────────────────────
@given(st.integers(0, 3600))
def test_whole_seconds_are_taken_as_they_are(seconds: int) -> None:
    assert retry_after(str(seconds), now=NOW) == timedelta(seconds=seconds)


@given(st.floats(0, 3600))
def test_decimals_are_understood(seconds: float) -> None:
    assert retry_after(repr(seconds), now=NOW) == timedelta(seconds=seconds)


@given(st.integers(0, 3600))
def test_a_date_is_understood(seconds: int) -> None:
    at = format_datetime(NOW + timedelta(seconds=seconds), usegmt=True)

    assert retry_after(at, now=NOW) == timedelta(seconds=seconds)


@given(st.integers(3601, 10**18).map(str) | st.just("1e300") | st.just("Wed, 21 Oct 2099 07:28:00 GMT"))
def test_it_is_never_more_than_an_hour(value: str) -> None:
    assert retry_after(value, now=NOW) == timedelta(hours=1)


@pytest.mark.parametrize(
    "value",
    [
        None,
        "",
        "-1",
        "-0.5",
        "nan",
        "inf",
        "-inf",
        "1e999",
        "soon",
        "12 seconds",
        "Wed, 99 Foo 2026 99:99:99 GMT",
        "Wed, 21 Oct 2020 07:28:00 GMT",
        "Thu, 01 Jan 0001 00:00:00 +2359",
        "Fri, 31 Dec 9999 23:59:59 -2359",
        "Mon, 23 Nov 2026 10:00:00 +99999999999999999999",
    ],
)
def test_nonsense_and_the_past_are_no_wait(value: str | None) -> None:
    waited = retry_after(value, now=NOW)

    assert waited is None or waited == timedelta(hours=1)


@given(
    st.text(max_size=40)
    | st.from_regex(r"\A[A-Z][a-z]{2}, \d{1,3} [A-Z][a-z]{2} \d{1,6} \d{2}:\d{2}:\d{2} [+-]?\d{0,20}(GMT)?\Z")
)
def test_no_header_makes_it_stumble_or_wait_for_long(value: str) -> None:
    waited = retry_after(value, now=NOW)

    assert waited is None or timedelta() <= waited <= timedelta(hours=1)


def test_it_is_pure() -> None:
    """Classifying needs no framework: the import contract says so too, and here is the proof at run time."""
    program = (
        "import sys, integrations.failures, integrations.policy, integrations.contracts;"
        "print([name for name in ('django', 'celery', 'requests', 'msal') if name in sys.modules])"
    )

    said = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)

    assert said.stdout.strip() == "[]"
