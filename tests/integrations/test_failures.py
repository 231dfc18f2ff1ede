"""Microsoft's answers, row by row as its documents and captures give them, and what each means to us."""

from __future__ import annotations

import subprocess
import sys
from base64 import b64encode, urlsafe_b64encode
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
    of_a_fresh_token,
    of_graph_answer,
    of_redirect,
    of_token_answer,
    retry_after,
)

NOW = datetime(2026, 11, 23, 10, 0, tzinfo=UTC)
TRACE = "0f8fad5b-d9cb-469f-a165-70867728950e"
LOST, REFUSED_US = Outcome.AUTHORIZATION_LOST, Outcome.CREDENTIAL_REFUSED
GONE = Outcome.APP_GONE
THROTTLED, UNREACHABLE = Outcome.THROTTLED, Outcome.UNREACHABLE

# What Microsoft documents, case by case: AADSTS, `error`, HTTP status, `suberror`; what follows, and why.
TOKEN_ANSWERS: dict[str, list[tuple[int, str, int, str, Outcome, Reason]]] = {
    "the user declined": [(65004, "access_denied", 400, "", LOST, Reason.DECLINED)],
    "consent is missing": [
        (65001, "invalid_grant", 400, "consent_required", LOST, Reason.CONSENT_WITHDRAWN),
        (65001, "invalid_grant", 400, "", LOST, Reason.CONSENT_WITHDRAWN),
        (65001, "consent_required", 400, "", LOST, Reason.CONSENT_WITHDRAWN),
        (0, "invalid_grant", 400, "consent_required", LOST, Reason.CONSENT_WITHDRAWN),
    ],
    "an admin must consent": [
        (90094, "invalid_grant", 400, "", LOST, Reason.ADMIN_APPROVAL),
        (90095, "invalid_grant", 400, "", LOST, Reason.ADMIN_APPROVAL),
        (90093, "access_denied", 400, "", LOST, Reason.ADMIN_APPROVAL),
        (900941, "invalid_grant", 400, "", LOST, Reason.ADMIN_APPROVAL),
    ],
    "code already redeemed": [(54005, "invalid_grant", 400, "", LOST, Reason.CODE_SPENT)],
    "code or refresh token expired": [(70008, "invalid_grant", 400, "", LOST, Reason.GRANT_EXPIRED)],
    "refresh token invalid": [
        (70000, "invalid_grant", 400, "bad_token", LOST, Reason.GRANT_UNKNOWN),
        (70000, "invalid_grant", 400, "", LOST, Reason.GRANT_UNKNOWN),
        (9002313, "invalid_request", 400, "", REFUSED_US, Reason.REQUEST_REJECTED),
    ],
    "code for another tenant": [(700005, "invalid_grant", 400, "", LOST, Reason.CODE_REFUSED)],
    "PKCE": [
        (501481, "invalid_grant", 400, "", LOST, Reason.CODE_REFUSED),
        (50147, "invalid_grant", 400, "", LOST, Reason.CODE_REFUSED),
        (501491, "invalid_grant", 400, "", LOST, Reason.CODE_REFUSED),
    ],
    "not used for 90 days": [(700082, "invalid_grant", 400, "bad_token", LOST, Reason.INACTIVE)],
    "a single-page application's day is over": [(700084, "invalid_grant", 400, "", LOST, Reason.GRANT_EXPIRED)],
    "sign-in frequency": [(70043, "invalid_grant", 400, "bad_token", LOST, Reason.SIGN_IN_TOO_OLD)],
    "revoked, or the password was changed": [(50173, "invalid_grant", 400, "", LOST, Reason.SESSIONS_REVOKED)],
    "session revoked": [
        (50132, "invalid_grant", 400, "", LOST, Reason.SESSIONS_REVOKED),
        (50133, "invalid_grant", 400, "", LOST, Reason.SESSIONS_REVOKED),
        (50132, "interaction_required", 400, "", LOST, Reason.SESSIONS_REVOKED),
        (50133, "interaction_required", 400, "", LOST, Reason.SESSIONS_REVOKED),
    ],
    "password expired": [
        (50055, "invalid_grant", 400, "", LOST, Reason.PASSWORD_EXPIRED),
        (50055, "invalid_grant", 400, "user_password_expired", LOST, Reason.PASSWORD_EXPIRED),
        (0, "invalid_grant", 400, "user_password_expired", LOST, Reason.PASSWORD_EXPIRED),
    ],
    "bad user name or password": [(50126, "invalid_grant", 400, "", LOST, Reason.REFUSED)],
    "account locked": [(50053, "invalid_grant", 400, "", LOST, Reason.ACCOUNT_LOCKED)],
    "user disabled": [(50057, "invalid_grant", 400, "", LOST, Reason.ACCOUNT_DISABLED)],
    "user gone": [
        *((number, "invalid_grant", 400, "", LOST, Reason.ACCOUNT_GONE) for number in (50034, 50020, 51004, 16000)),
        *((number, "interaction_required", 400, "", LOST, Reason.ACCOUNT_GONE) for number in (50020, 51004, 16000)),
    ],
    "user not assigned": [
        (50105, "invalid_grant", 400, "", LOST, Reason.NOT_ASSIGNED),
        (50105, "interaction_required", 400, "", LOST, Reason.NOT_ASSIGNED),
    ],
    "second factor": [
        *((number, "invalid_grant", 400, "basic_action", LOST, Reason.MFA_NEEDED) for number in (50076, 50079)),
        *((number, "invalid_grant", 400, "", LOST, Reason.MFA_NEEDED) for number in (50072, 50074)),
        (50076, "interaction_required", 400, "basic_action", LOST, Reason.MFA_NEEDED),
        (50079, "interaction_required", 400, "", LOST, Reason.MFA_NEEDED),
    ],
    "Conditional Access": [
        (53003, "invalid_grant", 400, "message_only", LOST, Reason.CONDITIONAL_ACCESS),
        (53003, "interaction_required", 400, "", LOST, Reason.CONDITIONAL_ACCESS),
        *((number, "invalid_grant", 400, "", LOST, Reason.CONDITIONAL_ACCESS) for number in (530032, 53000, 53001)),
        (53000, "interaction_required", 400, "", LOST, Reason.CONDITIONAL_ACCESS),
    ],
    "nobody is signed in": [(0, "login_required", 400, "", LOST, Reason.REFUSED)],
    "application not in the tenant": [(700016, "unauthorized_client", 400, "", GONE, Reason.APP_REMOVED)],
    "a tenant that does not know the application, in the words of a wrong secret": [
        *((number, "invalid_client", 401, "", GONE, Reason.APP_REMOVED) for number in (7000229, 700016, 7000112)),
    ],
    "client id is none": [(700038, "unauthorized_client", 400, "", GONE, Reason.CREDENTIAL_WRONG)],
    "no Graph in the tenant": [(500011, "invalid_resource", 400, "", GONE, Reason.SERVICE_ABSENT)],
    "application disabled": [(7000112, "unauthorized_client", 400, "", GONE, Reason.APP_REMOVED)],
    "bad client secret": [(7000215, "invalid_client", 401, "", REFUSED_US, Reason.CREDENTIAL_WRONG)],
    "expired client secret": [(7000222, "invalid_client", 401, "", REFUSED_US, Reason.CREDENTIAL_EXPIRED)],
    "no secret or assertion": [
        (7000218, "invalid_client", 401, "", REFUSED_US, Reason.CREDENTIAL_WRONG),
        (7000216, "invalid_client", 401, "", REFUSED_US, Reason.CREDENTIAL_WRONG),
    ],
    "bad assertion": [(700027, "invalid_client", 401, "", REFUSED_US, Reason.CREDENTIAL_WRONG)],
    "secret of a public client": [(700025, "invalid_client", 401, "", REFUSED_US, Reason.CREDENTIAL_WRONG)],
    "unknown grant type": [(70003, "unsupported_grant_type", 400, "", REFUSED_US, Reason.REQUEST_REJECTED)],
    "bad redirect address": [
        (50011, "invalid_client", 400, "", REFUSED_US, Reason.REQUEST_REJECTED),
        (50011, "invalid_grant", 400, "", LOST, Reason.REQUEST_REJECTED),
        (900971, "invalid_request", 400, "", REFUSED_US, Reason.REQUEST_REJECTED),
    ],
    "missing parameter": [(900144, "invalid_request", 400, "", REFUSED_US, Reason.REQUEST_REJECTED)],
    "scope invalid": [
        (number, "invalid_scope", 400, "", REFUSED_US, Reason.REQUEST_REJECTED)
        for number in (70011, 28002, 28003, 28000, 700022, 700023)
    ],
    "client-credentials scope": [(1002012, "invalid_scope", 400, "", REFUSED_US, Reason.REQUEST_REJECTED)],
    "grant not for /common": [(9001023, "invalid_request", 400, "", REFUSED_US, Reason.REQUEST_REJECTED)],
    "single-tenant application by /common": [(50194, "invalid_request", 400, "", REFUSED_US, Reason.REQUEST_REJECTED)],
    "tenant not found": [(90002, "invalid_request", 400, "", GONE, Reason.TENANT_GONE)],
    "resource of version 1": [(901002, "invalid_request", 400, "", REFUSED_US, Reason.REQUEST_REJECTED)],
    # A loop of ours is no *no* of theirs.
    "too many identical requests": [(50196, "invalid_grant", 400, "", THROTTLED, Reason.TOO_MANY_REQUESTS)],
    "throttled": [(90055, "temporarily_unavailable", 429, "", THROTTLED, Reason.TOO_MANY_REQUESTS)],
    "transient": [
        (90055, "temporarily_unavailable", 503, "", UNREACHABLE, Reason.SERVICE_TROUBLE),
        (90024, "temporarily_unavailable", 503, "", UNREACHABLE, Reason.SERVICE_TROUBLE),
        (90033, "temporarily_unavailable", 503, "", UNREACHABLE, Reason.SERVICE_TROUBLE),
        (90006, "", 503, "", UNREACHABLE, Reason.SERVICE_TROUBLE),
        (90033, "temporarily_unavailable", 400, "", UNREACHABLE, Reason.SERVICE_TROUBLE),
        (0, "server_error", 500, "", UNREACHABLE, Reason.SERVICE_TROUBLE),
    ],
    "trouble that quotes a no is trouble all the same": [
        (50173, "invalid_grant", 502, "", UNREACHABLE, Reason.SERVICE_TROUBLE),
        (50173, "invalid_grant", 429, "", THROTTLED, Reason.TOO_MANY_REQUESTS),
        (7000215, "invalid_client", 503, "", UNREACHABLE, Reason.SERVICE_TROUBLE),
    ],
    "no JSON: the page of something in between": [
        (0, "", 400, "", UNREACHABLE, Reason.SERVICE_TROUBLE),
        (0, "", 401, "", UNREACHABLE, Reason.SERVICE_TROUBLE),
        (0, "", 403, "", UNREACHABLE, Reason.SERVICE_TROUBLE),
        (0, "", 200, "", UNREACHABLE, Reason.SERVICE_TROUBLE),
    ],
    # Something that nobody has seen yet must not end anybody's connection.
    "an error nobody knows": [(99999999, "brand_new_error", 400, "", REFUSED_US, Reason.REQUEST_REJECTED)],
    # But what says plainly that the grant is refused is believed, whatever the number.
    "a number nobody knows": [
        (99999999, "invalid_grant", 400, "", LOST, Reason.REFUSED),
        (99999999, "invalid_grant", 400, "bad_token", LOST, Reason.REFUSED),
        (99999999, "interaction_required", 400, "", LOST, Reason.REFUSED),
        (99999999, "invalid_client", 401, "", REFUSED_US, Reason.CREDENTIAL_WRONG),
        (99999999, "unauthorized_client", 400, "", GONE, Reason.APP_REMOVED),
    ],
}
EACH_TOKEN_ANSWER = [
    pytest.param(*row, id=f"{case}-{row[0]}-{row[1]}") for case, rows in TOKEN_ANSWERS.items() for row in rows
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
    ("unauthorized_client", "AADSTS700016: Not found.", "", GONE, Reason.APP_REMOVED),
    ("unauthorized_client", "AADSTS7000112: Disabled.", "", GONE, Reason.APP_REMOVED),
    ("invalid_resource", "AADSTS500011: Not found.", "", GONE, Reason.SERVICE_ABSENT),
    ("consent_required", "AADSTS65001: Nobody has consented.", "", LOST, Reason.CONSENT_WITHDRAWN),
    ("interaction_required", "AADSTS16000: Another account.", "", LOST, Reason.ACCOUNT_GONE),
    ("interaction_required", "AADSTS50105: Not assigned.", "", LOST, Reason.NOT_ASSIGNED),
    ("access_denied", "AADSTS53003: Conditional Access.", "", LOST, Reason.CONDITIONAL_ACCESS),
    ("access_denied", "AADSTS99999999: Nobody knows.", "", LOST, Reason.DECLINED),
    ("access_denied", "AADSTS65004: User declined to consent.", "cancel", LOST, Reason.CANCELLED),
    ("invalid_client", "AADSTS50011: The address does not match.", "", REFUSED_US, Reason.REQUEST_REJECTED),
    ("invalid_request", "AADSTS90002: No such tenant.", "", GONE, Reason.TENANT_GONE),
    ("invalid_request", "AADSTS50194: One tenant only.", "", REFUSED_US, Reason.REQUEST_REJECTED),
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


def body_of(number: int, error: str, suberror: str = "", *, apart: str = " ", is_old: bool = False) -> dict[str, Any]:
    """As /token writes it: `apart` by a space today and by line ends before, and once without numbers of their own."""
    said = [f"AADSTS{number}: In words." if number else "In words.", f"Trace ID: {TRACE}", f"Correlation ID: {TRACE}"]
    body: dict[str, Any] = {"error_description": apart.join([*said, "Timestamp: 2026-11-23 10:00:00Z"])}
    if not is_old:
        body |= {"trace_id": TRACE, "correlation_id": TRACE, "timestamp": "2026-11-23 10:00:00Z"}
    if number and not is_old:
        body |= {"error_codes": [number], "error_uri": f"https://login.microsoftonline.com/error?code={number}"}
    if error:
        body["error"] = error
    if suberror:
        body["suberror"] = suberror
    return body


@pytest.mark.parametrize(("number", "error", "status", "suberror", "outcome", "reason"), EACH_TOKEN_ANSWER)
@pytest.mark.parametrize("apart", [" ", "\r\n"], ids=["by-spaces", "by-line-ends"])
@pytest.mark.parametrize("is_old", [False, True], ids=["with-error_codes", "without"])
def test_each_answer_of_the_token_endpoint_is_classified(
    number: int, error: str, status: int, suberror: str, outcome: Outcome, reason: Reason, apart: str, is_old: bool
) -> None:
    failure = of_token_answer(status, body_of(number, error, suberror, apart=apart, is_old=is_old), {}, now=NOW)

    assert (failure.outcome, failure.reason) == (outcome, reason)
    assert failure.code == (f"AADSTS{number}" if number else error)
    assert failure.trace_id == TRACE


@pytest.mark.parametrize(
    ("number", "error", "outcome", "reason"),
    [
        pytest.param(number, error, outcome, reason, id=f"{case}-{number}-{error}")
        for case, rows in TOKEN_ANSWERS.items()
        for number, error, status, suberror, outcome, reason in rows
        if error and status < 429 and not suberror
    ],
)
@pytest.mark.parametrize("apart", [" ", "\r\n"], ids=["by-spaces", "by-line-ends"])
def test_the_same_by_way_of_the_browser_means_the_same(
    number: int, error: str, outcome: Outcome, reason: Reason, apart: str
) -> None:
    """But that anybody may have written it: it says nothing of our credential, of which nobody is told."""
    said = body_of(number, error, apart=apart)["error_description"]
    expected = Reason.REQUEST_REJECTED if outcome is REFUSED_US else reason

    failure = of_redirect({"error": error, "error_description": said, "state": "s"})

    assert failure is not None
    assert (failure.outcome, failure.reason) == (outcome, expected)
    assert (failure.code, failure.trace_id) == (f"AADSTS{number}" if number else error, TRACE)


@pytest.mark.parametrize(
    ("error", "outcome"),
    [("invalid_client", REFUSED_US), ("invalid_grant", LOST), ("unauthorized_client", GONE), ("brand_new", REFUSED_US)],
)
def test_the_number_chooses_words_and_never_the_outcome(error: str, outcome: Outcome) -> None:
    """But for those that stand for something else: a loop of ours, a tenant that is no more, and one that does not
    know us."""
    of_the_person = {row[5] for rows in TOKEN_ANSWERS.values() for row in rows if row[4] is LOST}
    for number in {row[0] for rows in TOKEN_ANSWERS.values() for row in rows} - {
        50196,
        90002,
        700016,
        7000112,
        7000229,
    }:
        failure = of_token_answer(400, body_of(number, error), {}, now=NOW)

        assert failure.outcome is outcome
        assert failure.reason is Reason.REQUEST_REJECTED or (failure.reason in of_the_person) == (outcome is LOST)


# ── What the next sign-in must show ─────────────────────────────────────────
CLAIMS = '{"access_token":{"capolids":{"essential":true,"values":["4b2f0a6e-6a0c-4f0e-8c3b-1d7f5a9e2c10"]}}}'


@pytest.mark.parametrize(("number", "suberror"), [(50076, "basic_action"), (53003, "message_only")])
def test_the_claims_of_a_step_up_are_kept_as_they_came(number: int, suberror: str) -> None:
    failure = of_token_answer(400, body_of(number, "invalid_grant", suberror) | {"claims": CLAIMS}, {}, now=NOW)

    assert failure.claims == CLAIMS


def test_claims_come_by_way_of_the_browser_too() -> None:
    failure = of_redirect({"error": "interaction_required", "error_description": "AADSTS50076: x", "claims": CLAIMS})

    assert failure is not None
    assert failure.claims == CLAIMS


@pytest.mark.parametrize("claims", [None, 7, "", "no JSON", "[]", "[" * 3000, '{"a": "' + "x" * 4000 + '"}', {"a": 1}])
def test_claims_that_microsoft_would_not_take_are_dropped(claims: object) -> None:
    body = body_of(50076, "invalid_grant") | {"claims": claims}

    assert of_token_answer(400, body, {}, now=NOW).claims == ""


@pytest.mark.parametrize("encode", [b64encode, urlsafe_b64encode])
def test_the_challenge_of_graph_tells_what_is_wanted(encode: Any) -> None:
    encoded = encode(CLAIMS.encode()).decode()
    challenge = (
        f'Bearer realm="", authorization_uri="https://x/authorize", error="insufficient_claims", claims="{encoded}"'
    )

    failure = of_graph_answer(401, {}, {"WWW-Authenticate": challenge}, now=NOW)

    assert (failure.outcome, failure.reason, failure.claims) == (UNREACHABLE, Reason.TOKEN_REFUSED, CLAIMS)
    assert (of_a_fresh_token(failure).outcome, of_a_fresh_token(failure).reason) == (LOST, Reason.STEP_UP)
    assert of_a_fresh_token(failure).claims == CLAIMS


@pytest.mark.parametrize(
    "challenge",
    [
        "",
        'Bearer realm="", authorization_uri="https://x/authorize"',
        'Bearer error="invalid_token", error_description="The token has expired"',
        'Bearer claims="%%%"',
        'Bearer claims="a"',
        'Bearer claims="/////w=="',
        'Basic realm="proxy"',
    ],
)
def test_a_refused_access_token_is_no_word_about_the_grant(challenge: str) -> None:
    failure = of_graph_answer(401, {}, {"WWW-Authenticate": challenge}, now=NOW)

    assert (failure.outcome, failure.reason, failure.claims) == (UNREACHABLE, Reason.TOKEN_REFUSED, "")
    assert of_a_fresh_token(failure) == failure


# ── What is no answer of Microsoft's ────────────────────────────────────────
@pytest.mark.parametrize(
    "body",
    [
        {"error": {"code": "InternalServerError", "message": "In words."}},
        {"error": "<html><body>Blocked by the proxy</body></html>"},
        {"error": "x" * 500},
        {"error": ["invalid_grant"]},
        {"error_description": "AADSTS50173: without its error"},
        {"access_token": None},
    ],
)
@pytest.mark.parametrize("status", [200, 400, 401, 403, 404, 407, 502])
def test_what_something_in_between_answers_is_passing_trouble(body: dict[str, Any], status: int) -> None:
    assert of_token_answer(status, body, {}, now=NOW).outcome is UNREACHABLE


def test_a_trace_is_found_wherever_microsoft_puts_it() -> None:
    told = body_of(99999999, "invalid_grant", is_old=True)

    assert of_token_answer(400, told, {}, now=NOW).trace_id == TRACE
    assert of_token_answer(503, {}, {"x-ms-request-id": "header-trace"}, now=NOW).trace_id == "header-trace"
    assert of_token_answer(400, {"error": "invalid_grant", "trace_id": {}}, {}, now=NOW).trace_id == ""


# ── By way of the browser ───────────────────────────────────────────────────
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


def test_a_finer_code_inside_is_found() -> None:
    inner = {"code": "MailboxNotEnabledForRESTAPI", "request-id": "trace-2"}
    body = {"error": {"code": "BadRequest", "innerError": {"code": "x", "innerError": inner}}}

    failure = of_graph_answer(400, body, {}, now=NOW)

    assert (failure.outcome, failure.code, failure.trace_id) == (
        Outcome.NOT_ELIGIBLE,
        "MailboxNotEnabledForRESTAPI",
        "trace-2",
    )


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


@pytest.mark.parametrize(
    ("value", "seconds"), [("120, 120", 120), (" 7 ", 7), ("2.5", 2.5), ("0", 0), ("0.001", 0.001), ("3600.0", 3600)]
)
def test_what_is_seen_in_the_wild_is_understood(value: str, seconds: float) -> None:
    assert retry_after(value, now=NOW) == timedelta(seconds=seconds)


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
