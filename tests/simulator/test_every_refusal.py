"""Each row of Entra's table of refusals: what it answers, and what leads to it."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urljoin

import pytest
import requests
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from integrations.simulator.entra import scopes
from integrations.simulator.entra.errors import KINDS, Refused
from tests.simulated import PASSWORD, Simulator, form_of
from tests.simulator.certified import Certified
from tests.simulator.client import ALICE, CHALLENGE, SCOPE, Client
from tests.simulator.rows import Rows

GRAPH = "https://graph.microsoft.com"
OUTLOOK = "https://outlook.office365.com"
ELSEWHERE = "https://vault.azure.net"
ORIGIN = {"Origin": "https://app.example"}
URI = "https://login.microsoftonline.com/error?code="


@dataclass(frozen=True)
class Row:
    error: str
    status: int = 400
    suberror: str = ""
    has_uri: bool = True
    has_claims: bool = False


GRANT = Row("invalid_grant")
BAD_TOKEN = replace(GRANT, suberror="bad_token")
STEP_UP = replace(GRANT, suberror="basic_action", has_claims=True)
BLOCKED = replace(GRANT, suberror="message_only", has_claims=True)
REQUEST = Row("invalid_request")
SCOPES = Row("invalid_scope", has_uri=False)
CLIENT = Row("invalid_client", 401)
UNAVAILABLE = Row("temporarily_unavailable", 503)


def plain(row: Row) -> Row:
    """Without the address of a page about it."""
    return replace(row, has_uri=False)


# As documented, not as implemented: this table is the expectation.
TABLE: Mapping[int, Row] = {
    # Consent
    65001: replace(GRANT, suberror="consent_required"),
    65004: Row("access_denied"),
    90094: Row("access_denied"),
    90095: Row("access_denied"),
    # Codes and refresh tokens
    54005: plain(GRANT),
    70008: GRANT,
    70000: BAD_TOKEN,
    700005: plain(GRANT),
    501481: plain(GRANT),
    50147: plain(GRANT),
    501491: plain(GRANT),
    700082: BAD_TOKEN,
    700084: BAD_TOKEN,
    70043: BAD_TOKEN,
    50173: BAD_TOKEN,
    50132: GRANT,
    50133: GRANT,
    # People
    50055: GRANT,
    50126: GRANT,
    50053: GRANT,
    50057: GRANT,
    50034: GRANT,
    50020: GRANT,
    51004: GRANT,
    16000: Row("interaction_required"),
    50105: GRANT,
    50058: Row("login_required", has_uri=False),
    500121: Row("access_denied"),
    50076: STEP_UP,
    50079: STEP_UP,
    50072: STEP_UP,
    50074: STEP_UP,
    53003: BLOCKED,
    53000: BLOCKED,
    53001: BLOCKED,
    530032: replace(GRANT, suberror="message_only"),
    120000: plain(GRANT),
    120002: plain(GRANT),
    120003: plain(GRANT),
    # Applications
    700016: Row("unauthorized_client"),
    700038: Row("unauthorized_client", has_uri=False),
    7000112: Row("unauthorized_client"),
    5000224: Row("unauthorized_client"),
    500011: Row("invalid_resource"),
    7000215: CLIENT,
    7000222: CLIENT,
    7000218: CLIENT,
    7000216: CLIENT,
    700027: CLIENT,
    700025: CLIENT,
    50011: GRANT,
    900971: REQUEST,
    50194: REQUEST,
    90130: REQUEST,
    9001023: plain(REQUEST),
    # Requests
    70003: Row("unsupported_grant_type", has_uri=False),
    70005: Row("unsupported_response_type", has_uri=False),
    700054: Row("unsupported_response_type", has_uri=False),
    70007: Row("unsupported_response_mode"),
    50049: Row("invalid_instance"),
    90002: REQUEST,
    900144: REQUEST,
    900561: REQUEST,
    9002313: REQUEST,
    9000410: REQUEST,
    9000411: REQUEST,
    901002: plain(REQUEST),
    90023: plain(REQUEST),
    9002325: plain(REQUEST),
    9002326: REQUEST,
    9002327: REQUEST,
    70011: SCOPES,
    28000: SCOPES,
    28002: SCOPES,
    28003: SCOPES,
    700022: SCOPES,
    700023: SCOPES,
    1002012: SCOPES,
    650053: Row("invalid_client", has_uri=False),
    # SAML
    75003: REQUEST,
    75005: REQUEST,
    750054: REQUEST,
    7500529: REQUEST,
    75011: REQUEST,
    # Trouble
    50196: GRANT,
    90055: Row("temporarily_unavailable", 429),
    90006: UNAVAILABLE,
    90024: UNAVAILABLE,
    90033: UNAVAILABLE,
}


def test_the_table_is_whole() -> None:
    assert set(KINDS) == set(TABLE)


@pytest.mark.parametrize("code", sorted(TABLE))
def test_a_fault_rule_answers_with_any_row(simulator: Simulator, code: int) -> None:
    simulator.control("POST", "faults", {"target": "token", "aadsts": code, "seconds": 60})

    answer = Client(simulator).refresh("1.AXswhatever")

    simulator.control("DELETE", "faults")
    _check(answer, code)


def test_a_fault_rule_names_whom_it_hits(client: Client) -> None:
    token = client.connect()["refresh_token"]
    client.simulator.control("POST", "faults", {"target": "token", "aadsts": 50105, "seconds": 60})

    text = client.refresh(token).json()["error_description"]

    assert client.simulator.client_id in text
    assert ALICE in text
    assert "…" not in text


# ── What leads to it ────────────────────────────────────────────────────────
Way = Callable[[Client, Rows], requests.Response]


def refreshing(**changes: str | None) -> Way:
    return lambda client, rows: client.refresh(client.connect()["refresh_token"], **changes)


def redeeming(**changes: str | None) -> Way:
    return lambda client, rows: client.redeem(client.code(), **changes)


def for_itself(tenant: str = "kestrel.example", /, **changes: str | None) -> Way:
    body: dict[str, str | None] = {"grant_type": "client_credentials", "scope": f"{GRAPH}/.default", **changes}
    return lambda client, rows: client.token(tenant, **body)


def after(table: str, where: str = "1 = 1", **values: Any) -> Way:
    """Connect, then something changes, then refresh."""

    def way(client: Client, rows: Rows) -> requests.Response:
        token = client.connect()["refresh_token"]
        rows.update(table, where, **values)
        return client.refresh(token)

    return way


def a_blocked_tenant_for_itself(client: Client, rows: Rows) -> requests.Response:
    client.connect()
    rows.update("tenant", is_blocked=True)
    return for_itself()(client, rows)


def acted(action: str) -> Way:
    def way(client: Client, rows: Rows) -> requests.Response:
        token = client.connect()["refresh_token"]
        client.person(ALICE, action)
        return client.refresh(token)

    return way


def long_ago() -> datetime:
    return datetime.now(UTC) - timedelta(seconds=5)


def redeemed_twice(client: Client, rows: Rows) -> requests.Response:
    code = client.code()
    client.redeem(code)
    return client.redeem(code)


def an_old_code(client: Client, rows: Rows) -> requests.Response:
    code = client.code()
    rows.update("authorizationcode", expires_at=long_ago())
    return client.redeem(code)


def an_old_refresh_token(client: Client, rows: Rows) -> requests.Response:
    token = client.connect()["refresh_token"]
    rows.update("refreshtoken", expires_at=long_ago())
    return client.refresh(token)


def an_old_refresh_token_of_a_script(client: Client, rows: Rows) -> requests.Response:
    token = connect_as_spa(client, rows)["refresh_token"]
    rows.update("refreshtoken", expires_at=long_ago())
    client.http.headers.update(ORIGIN)
    return client.refresh(token, client_secret=None)


def a_script_without_a_browser(client: Client, rows: Rows) -> requests.Response:
    token = connect_as_spa(client, rows)["refresh_token"]
    client.http.headers.pop("Origin")
    return client.refresh(token, client_secret=None)


def a_browser_for_a_web_application(client: Client, rows: Rows) -> requests.Response:
    client.http.headers.update(ORIGIN)
    return client.redeem(client.code())


def connect_as_spa(client: Client, rows: Rows) -> dict[str, Any]:
    rows.update(
        "application",
        f"id = {rows.application_id()}",
        redirect_uris=[],
        spa_redirect_uris=[client.simulator.redirect_uri],
    )
    client.http.headers.update(ORIGIN)
    answer = client.redeem(client.code(), client_secret=None)
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


def a_public_client_with_a_secret(client: Client, rows: Rows) -> requests.Response:
    rows.update("application", f"id = {rows.application_id()}", is_public=True)
    return client.refresh("1.AXswhatever")


def an_unregistered_certificate(client: Client, rows: Rows) -> requests.Response:
    origin = client.simulator.origin
    certified = Certified(client.simulator.client_id, f"{origin}/kestrel.example/oauth2/v2.0/token")
    return for_itself(**certified.proof())(client, rows)


def an_expired_secret(client: Client, rows: Rows) -> requests.Response:
    rows.update("appsecret", f"application_id = {rows.application_id()}", expires_at=long_ago())
    return client.refresh("1.AXswhatever")


def gone_from_the_tenant(client: Client, rows: Rows) -> requests.Response:
    token = client.connect()["refresh_token"]
    principal = rows.principal_id()
    rows.delete("grant", f"service_principal_id = {principal}")
    rows.delete("approle", f"service_principal_id = {principal}")
    rows.delete("serviceprincipal", f"id = {principal}")
    return client.refresh(token)


def of_one_tenant_asked_for_any(client: Client, rows: Rows) -> requests.Response:
    rows.update("application", f"id = {rows.application_id()}", is_multi_tenant=False)
    return client.refresh("1.AXswhatever", "common")


def consent_deleted(client: Client, rows: Rows) -> requests.Response:
    token = client.connect()["refresh_token"]
    rows.delete("grant")
    return client.refresh(token)


def sent(method: str = "POST", **how: Any) -> Way:
    def way(client: Client, rows: Rows) -> requests.Response:
        url = f"{client.simulator.origin}/organizations/oauth2/v2.0/token"
        return client.http.request(method, url, timeout=30, **how)

    return way


def another_instance(client: Client, rows: Rows) -> requests.Response:
    elsewhere = "https://login.elsewhere.example/common/oauth2/v2.0/authorize"
    url = f"{client.simulator.origin}/common/discovery/instance"
    return client.http.get(url, params={"api-version": "1.1", "authorization_endpoint": elsewhere}, timeout=30)


ASSERTED: dict[str, str | None] = {"client_secret": None, "client_assertion": "x.y.z"}
WAYS: list[tuple[int, Way]] = [
    (65001, consent_deleted),
    (65001, refreshing(scope="Contacts.Read")),
    (65001, refreshing(scope=f"{OUTLOOK}/EWS.AccessAsUser.All")),
    (54005, redeemed_twice),
    (70008, an_old_code),
    (70000, lambda client, rows: client.refresh("1.AXsgarbage")),
    (70000, lambda client, rows: client.redeem("1.AUsgarbage")),
    (700005, lambda client, rows: client.redeem(client.code(), "corvid.example")),
    (501481, redeeming(code_verifier=CHALLENGE)),
    (50147, redeeming(code_verifier=None)),
    (501491, redeeming(code_verifier="short")),
    (700082, an_old_refresh_token),
    (700084, an_old_refresh_token_of_a_script),
    (50173, acted("revoke-sessions")),
    (50057, acted("disable")),
    (50034, after("person", f"sign_in_name = '{ALICE}'", deleted_at=datetime(2026, 1, 1, tzinfo=UTC))),
    (50020, lambda client, rows: client.refresh(client.connect()["refresh_token"], "corvid.example")),
    (50105, after("serviceprincipal", needs_assignment=True)),
    (50076, after("person", f"sign_in_name = '{ALICE}'", needs_mfa=True)),
    (53003, after("person", f"sign_in_name = '{ALICE}'", is_blocked=True)),
    (700016, gone_from_the_tenant),
    (700016, refreshing(client_id="00000000-0000-0000-0000-00000000dead")),
    (700016, lambda client, rows: client.refresh("1.AXswhatever", "consumers")),
    (700016, for_itself("corvid.example")),
    (700038, refreshing(client_id="meridian")),
    (7000112, after("serviceprincipal", is_enabled=False)),
    (5000224, after("tenant", is_blocked=True)),
    (5000224, a_blocked_tenant_for_itself),
    (500011, refreshing(scope=f"{ELSEWHERE}/.default")),
    (500011, refreshing(scope="11111111-2222-3333-4444-555555555555/Things.Read")),
    (500011, for_itself(scope=f"{ELSEWHERE}/.default")),
    (7000215, refreshing(client_secret="wrong")),
    (7000222, an_expired_secret),
    (7000218, refreshing(client_secret=None)),
    (7000216, for_itself(client_secret=None)),
    (700027, an_unregistered_certificate),
    (700025, a_public_client_with_a_secret),
    (50011, redeeming(redirect_uri="http://localhost:8000/other/")),
    (50194, of_one_tenant_asked_for_any),
    (9001023, for_itself("common")),
    (9001023, for_itself("organizations")),
    (9001023, for_itself("consumers")),
    (70003, refreshing(grant_type="password")),
    (50049, another_instance),
    (90002, lambda client, rows: client.refresh("1.AXswhatever", "nowhere.example")),
    (900144, refreshing(grant_type=None)),
    (900144, sent(json={"grant_type": "refresh_token"})),
    (900144, sent(files={"grant_type": "refresh_token"})),
    (900144, sent()),
    (900144, refreshing(**ASSERTED)),
    (900561, sent("GET")),
    (900561, sent("DELETE")),
    (9002313, sent(data={f"field{number}": "1" for number in range(1100)})),
    (9000410, refreshing(claims="[]")),
    (9000410, refreshing(claims="{")),
    (9000411, sent(data=[("grant_type", "refresh_token"), ("grant_type", "authorization_code")])),
    (901002, refreshing(resource=GRAPH)),
    (90023, refreshing(**ASSERTED, client_assertion_type="urn:wrong")),
    (9002326, a_browser_for_a_web_application),
    (9002327, a_script_without_a_browser),
    (70011, refreshing(scope=f"{GRAPH}/.default Calendars.Read")),
    (70011, refreshing(scope="https:///Calendars.Read")),
    (28000, redeeming(scope=f"Calendars.Read {OUTLOOK}/EWS.AccessAsUser.All")),
    (28002, redeeming(scope="no-resource/Calendars.Read")),
    (28003, redeeming(scope=" ")),
    (700022, refreshing(scope=f"{GRAPH}/.default {OUTLOOK}/.default")),
    (700023, refreshing(scope="offline_access")),
    (1002012, for_itself(scope="Calendars.Read")),
    (1002012, for_itself(scope=f"{GRAPH}/.default openid")),
    (1002012, for_itself(scope=f"{GRAPH}/.default {OUTLOOK}/.default")),
    (650053, refreshing(scope="Calendars.Reed")),
]


@pytest.mark.parametrize(("code", "way"), WAYS, ids=[f"{code}-{number}" for number, (code, _) in enumerate(WAYS)])
def test_what_leads_to_it_by_itself(client: Client, rows: Rows, code: int, way: Way) -> None:
    answer = way(client, rows)

    _check(answer, code)
    told = _last_entry(client)
    assert str(code) in told["code"]
    assert told["why"]
    assert "…" not in told["why"]


# What the pages refuse is shown there; who signs in, consents or comes back is tested with them.
ON_PAGES = {
    65004, 90094, 90095, 50126, 50053, 50055, 50058, 500121, 900971, 700054, 70005, 70007, 9002325,
    120000, 120002, 120003,
    75003, 75005, 750054, 7500529, 75011,
}  # fmt: skip


def test_an_expired_password_is_refused_where_it_is_typed(client: Client, rows: Rows) -> None:
    rows.update("person", f"sign_in_name = '{ALICE}'", password_is_expired=True)

    page = _type_password(client, PASSWORD)

    assert "AADSTS50055" in page.text
    assert "50055" in _last_entry(client, "sign_in")["code"]


def test_a_new_password_is_refused_with_its_reason(client: Client, rows: Rows) -> None:
    rows.update("person", f"sign_in_name = '{ALICE}'", password_is_expired=True)
    page = _type_password(client, PASSWORD)

    for current, new, code in ((PASSWORD, "Alice-and-more-1", "120003"), ("wrong", "Quite-another-1", "120000")):
        _send(client, page, name=ALICE, password=current, new_password=new, new_again=new)

        assert code in _last_entry(client, "sign_in")["code"]


def test_a_locked_account_is_refused_even_with_the_right_password(client: Client, rows: Rows) -> None:
    for _ in range(10):
        _type_password(client, "wrong")

    _type_password(client, PASSWORD)

    assert "50053" in _last_entry(client, "sign_in")["code"]


# Only Microsoft's insides, devices and policies that no simulated tenant has lead there: fault rules do.
ONLY_ORDERED = {
    70043, 50132, 50133, 51004, 16000, 50079, 50072, 50074, 53000, 53001, 530032, 50196, 90055, 90006, 90024, 90033,
    90130,
}  # fmt: skip


def test_every_row_has_a_way_that_leads_to_it() -> None:
    others = [path for path in Path(__file__).parent.glob("test_*.py") if path != Path(__file__)]
    pages = {int(number) for path in others for number in re.findall(r"(?<!\d)\d{5,7}(?!\d)", path.read_text())}
    here = {50053, 50055, 120000, 120003}

    assert set(TABLE) == {code for code, _ in WAYS} | ON_PAGES | ONLY_ORDERED
    assert ON_PAGES - here <= pages


def test_a_step_up_is_ordered_for_the_policy_of_the_tenant(client: Client, rows: Rows) -> None:
    token = client.connect()["refresh_token"]
    rows.update("person", f"sign_in_name = '{ALICE}'", needs_mfa=True)

    first, second = (json.loads(client.refresh(token, scope=scope).json()["claims"]) for scope in (SCOPE, "User.Read"))

    assert first == second
    wanted = first["access_token"]["capolids"]
    assert wanted["essential"] is True
    assert len(wanted["values"]) == 1


@pytest.mark.parametrize(
    ("way", "code", "sentence"),
    [
        (acted("revoke-sessions"), 50173, "The grant was issued before Alice Moreau’s sessions were revoked at "),
        (acted("disable"), 50057, "Alice Moreau’s account is disabled."),
        (an_old_refresh_token, 700082, "The refresh token has not been used for 90 days."),
    ],
)
def test_the_request_log_says_why_in_a_sentence(client: Client, rows: Rows, way: Way, code: int, sentence: str) -> None:
    way(client, rows)

    entry = _last_entry(client)
    assert entry["why"].startswith(sentence)
    assert str(code) in entry["code"]
    assert (entry["who"], entry["tenant"]) == (ALICE, "Kestrel & Co")


FIELDS = (
    "grant_type", "client_id", "client_secret", "client_assertion", "client_assertion_type", "code", "redirect_uri",
    "code_verifier", "refresh_token", "scope", "claims", "client_info", "resource",
)  # fmt: skip
TEXTS = st.one_of(
    st.sampled_from(
        [
            "authorization_code",
            "refresh_token",
            "client_credentials",
            "openid",
            f"{GRAPH}/.default",
            "a/b",
            "//",
            "{}",
            "5a1e0c7d-3b64-4f0e-9d52-0c8e7b6a5f40",
            "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
            "e30.e30.",
        ]
    ),
    st.text(max_size=40),
)


@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(form=st.dictionaries(st.sampled_from(FIELDS), TEXTS), tenant=st.sampled_from(["common", "kestrel.example", "x"]))
def test_no_request_is_an_accident(client: Client, form: dict[str, str], tenant: str) -> None:
    answer = client.http.post(f"{client.simulator.origin}/{tenant}/oauth2/v2.0/token", data=form, timeout=30)

    assert answer.status_code in (400, 401)
    _check_form(answer)


@given(st.text(max_size=60))
def test_any_scope_is_read_or_refused(text: str) -> None:
    try:
        found = scopes.read(text, app="Meridian", tenant="Kestrel & Co")
    except Refused as refused:
        assert refused.code in (70011, 650053, 500011, 700022)
    else:
        assert set(found.names) <= set(scopes.PERMISSIONS)


def _last_entry(client: Client, *kinds: str) -> dict[str, Any]:
    """The newest in the request log that is a request's."""
    entries = client.simulator.control("GET", "log")["entries"]
    return dict(next(one for one in entries if one["kind"] in (kinds or ("token", "other"))))


def _type_password(client: Client, password: str) -> requests.Response:
    page = client.http.get(client.authorize_url(login_hint=ALICE), timeout=30)
    return _send(client, page, name=ALICE, password=password, answer="sign-in")


def _send(client: Client, page: requests.Response, **fields: str) -> requests.Response:
    action, hidden = form_of(page)
    return client.http.post(urljoin(page.url, action), data={**hidden, **fields}, timeout=30)


def _check_form(answer: requests.Response) -> None:
    body = answer.json()
    code = body["error_codes"][0]
    assert body["error_description"].startswith(f"AADSTS{code}: ")
    assert answer.headers["Content-Type"] == "application/json; charset=utf-8"


def _check(answer: requests.Response, code: int) -> None:
    _check_form(answer)
    row, body = TABLE[code], answer.json()
    assert (body["error_codes"], body["error"], answer.status_code) == ([code], row.error, row.status), answer.text
    assert body["error_description"].startswith(f"AADSTS{code}: ")
    assert body.get("suberror", "") == row.suberror
    assert body.get("error_uri") == (f"{URI}{code}" if row.has_uri else None)
    assert ("claims" in body) == row.has_claims
    if row.has_claims:
        assert "capolids" in json.loads(body["claims"])["access_token"]
    parts = f" Trace ID: {body['trace_id']} Correlation ID: {body['correlation_id']} Timestamp: {body['timestamp']}"
    assert body["error_description"].endswith(parts)
    assert answer.headers["x-ms-request-id"] == body["trace_id"]
