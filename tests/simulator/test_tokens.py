"""The token endpoint: what it gives, and each of its refusals."""

from __future__ import annotations

import base64
import json
import re
import sqlite3
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from datetime import UTC, datetime, timedelta

import jwt
import pytest

from tests.simulator.client import ALICE, BOB, CHALLENGE, SCOPE, Client, payload
from tests.simulator.rows import Rows

GRAPH = "https://graph.microsoft.com"
OUTLOOK = "https://outlook.office365.com"
KESTREL = "6f1d8c3a-2b7e-4c55-9a41-5d0e3b9c7f21"
CORVID = "b83e0c4d-91f6-4f0a-8d27-7c12e6a95b30"
GUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


# ── What is given ───────────────────────────────────────────────────────────
def test_a_code_gives_exactly_the_documented_members(client: Client) -> None:
    plain = client.redeem(client.code(scope="User.Read")).json()
    full = client.redeem(client.code(), client_info="1").json()

    always = {"token_type", "scope", "expires_in", "ext_expires_in", "access_token"}
    assert set(plain) == always
    assert set(full) == always | {"refresh_token", "id_token", "client_info"}
    assert full["token_type"] == "Bearer"
    assert 3600 <= full["expires_in"] < 5400
    assert set(full["scope"].split()) == {"User.Read", "Calendars.Read", "openid", "profile"}


def test_the_id_token_is_signed_and_says_who(client: Client) -> None:
    tokens = client.redeem(client.code(), client_info="1").json()
    keys = jwt.PyJWKSet.from_dict(client.http.get(f"{client.simulator.authority}/discovery/v2.0/keys").json())

    claims = jwt.decode(
        tokens["id_token"],
        keys.keys[0].key,
        algorithms=["RS256"],
        audience=client.simulator.client_id,
        issuer=f"{client.simulator.origin}/6f1d8c3a-2b7e-4c55-9a41-5d0e3b9c7f21/v2.0",
    )

    assert claims["nonce"] == "nonce-of-the-client"
    assert claims["preferred_username"] == ALICE
    assert claims["ver"] == "2.0"
    assert {"oid", "tid", "sub", "sid", "uti", "rh", "aio", "iat", "nbf", "exp", "name"} <= set(claims)
    info = json.loads(base64.urlsafe_b64decode(tokens["client_info"] + "=="))
    assert info == {"uid": claims["oid"], "utid": claims["tid"]}


def test_a_nonce_that_was_not_sent_is_left_out(client: Client) -> None:
    tokens = client.redeem(client.code(nonce=None)).json()

    assert "nonce" not in payload(tokens["id_token"])


def test_the_access_token_has_the_shape_graph_gets(client: Client) -> None:
    claims = payload(client.connect()["access_token"])

    assert claims["aud"] == "https://graph.microsoft.com"
    assert claims["iss"].startswith("https://sts.windows.net/")
    assert claims["appid"] == client.simulator.client_id
    assert claims["idtyp"] == "user"
    assert "offline_access" not in claims["scp"]
    assert set(claims["scp"].split()) >= {"User.Read", "Calendars.Read"}


def test_refreshing_gives_a_new_token_and_leaves_the_old_one_alive(client: Client) -> None:
    first = client.connect()["refresh_token"]

    second = client.refresh(first).json()["refresh_token"]
    again = client.refresh(first)
    onward = client.refresh(second)

    assert second != first
    assert (again.status_code, onward.status_code) == (200, 200)


def test_two_workers_that_refresh_at_once_both_succeed(client: Client) -> None:
    token = client.connect()["refresh_token"]

    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: Client(client.simulator).refresh(token), range(16)))

    assert {answer.status_code for answer in answers} == {200}
    assert len({answer.json()["refresh_token"] for answer in answers}) == 16


def test_asking_for_less_on_refresh_narrows_nothing(client: Client) -> None:
    token = client.connect()["refresh_token"]

    answer = client.refresh(token, scope="User.Read").json()

    assert "Calendars.Read" in answer["scope"].split()


def test_the_secret_may_come_in_the_header(client: Client) -> None:
    basic = base64.b64encode(f"{client.simulator.client_id}:{client.simulator.client_secret}".encode()).decode()
    client.http.headers["Authorization"] = f"Basic {basic}"

    answer = client.redeem(client.code(), client_id=None, client_secret=None)

    assert answer.status_code == 200


def test_default_stands_for_all_that_the_registration_lists(client: Client) -> None:
    tokens = client.redeem(client.code(scope="openid https://graph.microsoft.com/.default")).json()

    assert {"User.Read", "Calendars.Read"} <= set(tokens["scope"].split())


# ── Whose tokens, and for what ──────────────────────────────────────────────
def test_the_access_token_says_how_application_and_person_proved_themselves(client: Client, rows: Rows) -> None:
    token = client.connect()["refresh_token"]
    by_password = payload(client.refresh(token).json()["access_token"])
    rows.update("refreshtoken", has_mfa=True)

    by_two_factors = payload(client.refresh(token).json()["access_token"])

    assert (by_password["appidacr"], by_password["amr"]) == ("1", ["pwd"])
    assert by_two_factors["amr"] == ["pwd", "mfa"]
    assert by_password["xms_idrel"].count(".") == 2


def test_a_step_up_outlives_the_refresh(client: Client, rows: Rows) -> None:
    token = client.connect()["refresh_token"]
    rows.update("refreshtoken", has_mfa=True)
    rows.update("person", f"sign_in_name = '{ALICE}'", needs_mfa=True)

    second = client.refresh(token).json()["refresh_token"]

    assert client.refresh(second).status_code == 200


def test_administrators_and_others_have_other_directory_roles(client: Client) -> None:
    alice = payload(client.connect()["access_token"])
    dana = payload(client.connect("dana@kestrel.example")["access_token"])

    assert set(dana["wids"]) > set(alice["wids"])


def test_what_was_spelt_out_is_answered_spelt_out(client: Client) -> None:
    """Libraries look for the very scope they asked for in the answer."""
    token = client.connect()["refresh_token"]

    named = client.refresh(token, scope=f"{GRAPH}/Calendars.Read openid").json()
    default = client.refresh(token, scope=f"{GRAPH}/.default").json()

    assert {f"{GRAPH}/Calendars.Read", f"{GRAPH}/User.Read", "openid"} <= set(named["scope"].split())
    assert f"{GRAPH}/.default" in default["scope"].split()
    assert "Calendars.Read" in payload(named["access_token"])["scp"].split()


def test_of_several_resources_a_refresh_is_for_the_first(client: Client) -> None:
    scope = f"{SCOPE} {OUTLOOK}/EWS.AccessAsUser.All"
    token = client.redeem(client.code(scope=scope), scope="User.Read").json()["refresh_token"]

    outlook = client.refresh(token, scope=f"{OUTLOOK}/EWS.AccessAsUser.All User.Read").json()
    graph = client.refresh(token, scope=f"User.Read {OUTLOOK}/EWS.AccessAsUser.All").json()

    assert payload(outlook["access_token"])["aud"] == OUTLOOK
    assert payload(outlook["access_token"])["scp"].split()[0] == "EWS.AccessAsUser.All"
    assert f"{OUTLOOK}/EWS.AccessAsUser.All" in outlook["scope"].split()
    assert payload(graph["access_token"])["aud"] == GRAPH
    assert "EWS.AccessAsUser.All" not in payload(graph["access_token"])["scp"]


def test_graph_takes_no_token_for_another_resource(client: Client) -> None:
    scope = f"{SCOPE} {OUTLOOK}/EWS.AccessAsUser.All"
    token = client.redeem(client.code(scope=scope), scope="User.Read").json()["refresh_token"]
    outlook = client.refresh(token, scope=f"{OUTLOOK}/.default").json()["access_token"]

    assert client.graph(outlook, "/me").status_code == 401


def test_a_narrowed_grant_leaves_what_is_left(client: Client, rows: Rows) -> None:
    token = client.connect()["refresh_token"]
    rows.update("grant", "person_id IS NOT NULL", scopes=["openid", "profile", "offline_access", "User.Read"])

    less = client.refresh(token, scope="User.Read")
    same = client.refresh(token, scope="Calendars.Read")

    assert payload(less.json()["access_token"])["scp"].split() == ["User.Read", "openid", "profile"]
    assert same.json()["error_codes"] == [65001]


def test_what_an_administrator_grants_for_all_is_everybodys(client: Client, rows: Rows) -> None:
    token = client.connect()["refresh_token"]
    rows.update("grant", "person_id IS NOT NULL", person_id=None)

    assert client.refresh(token).status_code == 200


def test_a_client_that_can_be_challenged_gets_long_lived_tokens(client: Client) -> None:
    token = client.connect()["refresh_token"]
    declared = json.dumps({"access_token": {"xms_cc": {"values": ["CP1"]}}})

    answer = client.refresh(token, claims=declared).json()

    assert 20 * 3600 <= answer["expires_in"] < 28 * 3600
    assert answer["refresh_in"] < answer["expires_in"]
    assert payload(answer["access_token"])["xms_cc"] == ["cp1"]


def test_other_claims_change_nothing(client: Client) -> None:
    token = client.connect()["refresh_token"]

    answer = client.refresh(token, claims=json.dumps({"access_token": {"acrs": {"value": "c1"}}})).json()

    assert answer["expires_in"] < 5400
    assert "refresh_in" not in answer
    assert "xms_cc" not in payload(answer["access_token"])


@pytest.mark.parametrize("tenant", ["common", "organizations", "kestrel.example", "KESTREL.example", KESTREL])
def test_a_refresh_token_works_under_every_name_of_its_tenant(client: Client, tenant: str) -> None:
    token = client.connect()["refresh_token"]

    assert client.refresh(token, tenant).status_code == 200


def test_tokens_are_never_kept_by_anybody_between(client: Client) -> None:
    answer = client.refresh(client.connect()["refresh_token"])

    assert "no-store" in answer.headers["Cache-Control"]
    assert answer.headers["Pragma"] == "no-cache"


def test_who_is_assigned_to_the_application_passes(client: Client, rows: Rows) -> None:
    token, bobs = client.connect()["refresh_token"], client.connect(BOB)["refresh_token"]
    rows.update("serviceprincipal", needs_assignment=True)
    alice = rows.value("person", "id", f"sign_in_name = '{ALICE}'")
    rows.insert("serviceprincipal_assigned", serviceprincipal_id=rows.principal_id(), person_id=alice)

    assert client.refresh(token).status_code == 200
    assert client.refresh(bobs).json()["error_codes"] == [50105]


# ── Clients without a credential ────────────────────────────────────────────
def test_a_public_client_has_no_credential(client: Client, rows: Rows) -> None:
    rows.update("application", f"id = {rows.application_id()}", is_public=True)
    tokens = client.redeem(client.code(), client_secret=None).json()

    renewed = client.refresh(tokens["refresh_token"], client_secret=None)

    assert renewed.status_code == 200
    assert payload(renewed.json()["access_token"])["appidacr"] == "0"


def test_a_new_password_ends_what_public_clients_hold_and_nothing_else(client: Client, rows: Rows) -> None:
    public = rows.add_application(is_public=True)
    code = client.code(client_id=public)
    theirs = client.redeem(code, client_id=public, client_secret=None).json()["refresh_token"]
    ours = client.connect()["refresh_token"]

    client.person(ALICE, "password", {"password": "brand-New-1"})

    refused = client.refresh(theirs, client_id=public, client_secret=None)
    assert refused.json()["error_codes"] == [50173]
    assert client.refresh(ours).status_code == 200


def test_a_grant_of_another_application_is_worth_nothing(client: Client, rows: Rows) -> None:
    other = rows.add_application(is_public=True)
    token, code = client.connect()["refresh_token"], client.code()

    refreshed = client.refresh(token, client_id=other, client_secret=None)
    redeemed = client.redeem(code, client_id=other, client_secret=None)

    assert (refreshed.json()["error_codes"], redeemed.json()["error_codes"]) == ([70000], [70000])


def test_a_script_in_a_browser_needs_no_secret_and_may_read_the_answer(client: Client, rows: Rows) -> None:
    _make_spa(client, rows)

    answer = client.redeem(client.code(), client_secret=None)

    assert answer.status_code == 200
    assert answer.headers["Access-Control-Allow-Origin"] == "*"
    assert payload(answer.json()["access_token"])["appidacr"] == "0"


def test_a_scripts_refresh_token_lasts_a_day_from_the_sign_in(client: Client, rows: Rows) -> None:
    _make_spa(client, rows)
    first = client.redeem(client.code(), client_secret=None).json()["refresh_token"]
    end = rows.value("refreshtoken", "expires_at")

    second = client.refresh(first, client_secret=None).json()["refresh_token"]

    assert {rows.value("refreshtoken", found) for found in ("min(expires_at)", "max(expires_at)")} == {end}
    rows.update("refreshtoken", expires_at=datetime.now(UTC))
    assert client.refresh(second, client_secret=None).json()["error_codes"] == [700084]


def test_a_browser_may_ask_first(client: Client) -> None:
    asked = {"Origin": "https://app.example", "Access-Control-Request-Method": "POST"}

    answer = client.http.options(f"{client.simulator.authority}/oauth2/v2.0/token", headers=asked)

    assert (answer.status_code, answer.headers["Access-Control-Allow-Origin"]) == (200, "*")
    assert "POST" in answer.headers["Access-Control-Allow-Methods"]


# ── Rotation ────────────────────────────────────────────────────────────────
def test_under_strict_rotation_a_used_token_is_dead(client: Client, rows: Rows) -> None:
    rows.update("tenant", strict_rotation=True)
    first = client.connect()["refresh_token"]

    second = client.refresh(first).json()["refresh_token"]

    refused = client.refresh(first).json()
    assert (refused["error"], refused["error_codes"], refused["suberror"]) == ("invalid_grant", [70000], "bad_token")
    assert client.refresh(second).status_code == 200


def test_under_strict_rotation_one_of_many_wins(client: Client, rows: Rows) -> None:
    rows.update("tenant", strict_rotation=True)
    token = client.connect()["refresh_token"]

    with ThreadPoolExecutor(6) as pool:
        statuses = list(pool.map(lambda _: Client(client.simulator).refresh(token).status_code, range(6)))

    assert sorted(statuses) == [200, 400, 400, 400, 400, 400]


def test_each_use_begins_ninety_new_days(client: Client, rows: Rows) -> None:
    token = client.connect()["refresh_token"]
    rows.update("refreshtoken", expires_at=datetime.now(UTC) + timedelta(minutes=1))

    client.refresh(token)

    latest = datetime.fromisoformat(rows.value("refreshtoken", "max(expires_at)")).replace(tzinfo=UTC)
    assert timedelta(days=89, hours=23) < latest - datetime.now(UTC) <= timedelta(days=90)


# ── The form of a refusal ───────────────────────────────────────────────────
def test_a_refusal_is_written_as_microsoft_writes_it(client: Client) -> None:
    correlation = "9f3a0c5e-7b52-4c6f-8a51-2d9b1f0e4c33"
    client.http.headers["client-request-id"] = correlation

    answer = client.refresh("1.AXsgarbage")

    body = answer.json()
    assert set(body) == {
        "error", "error_description", "error_codes", "timestamp", "trace_id", "correlation_id", "error_uri", "suberror",
    }  # fmt: skip
    assert body["correlation_id"] == answer.headers["client-request-id"] == correlation
    assert body["trace_id"] == answer.headers["x-ms-request-id"]
    assert GUID.fullmatch(body["trace_id"])
    assert re.fullmatch(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\dZ", body["timestamp"])
    assert body["error_description"].endswith(
        f"Trace ID: {body['trace_id']} Correlation ID: {correlation} Timestamp: {body['timestamp']}"
    )
    assert body["error_uri"] == "https://login.microsoftonline.com/error?code=70000"


# ── Requests that make no sense ─────────────────────────────────────────────
@pytest.mark.parametrize(
    ("body", "status", "error", "code"),
    [
        ({"grant_type": None}, 400, "invalid_request", 900144),
        ({"grant_type": "password"}, 400, "unsupported_grant_type", 70003),
        ({"grant_type": "client_credentials"}, 400, "invalid_request", 9001023),
        ({"client_id": None}, 400, "invalid_request", 900144),
        ({"client_id": "not-a-guid"}, 400, "unauthorized_client", 700038),
        ({"client_id": "00000000-0000-0000-0000-00000000dead"}, 400, "unauthorized_client", 700016),
        ({"client_secret": "wrong"}, 401, "invalid_client", 7000215),
        ({"client_secret": None}, 401, "invalid_client", 7000218),
        ({"client_secret": None, "client_assertion": "x.y.z"}, 400, "invalid_request", 900144),
        ({"resource": "https://graph.microsoft.com"}, 400, "invalid_request", 901002),
        ({"refresh_token": None}, 400, "invalid_request", 900144),
        ({"refresh_token": "garbage"}, 400, "invalid_grant", 70000),
        ({"scope": "https://vault.azure.net/.default"}, 400, "invalid_resource", 500011),
        ({"scope": "Calendars.Reed"}, 400, "invalid_client", 650053),
        ({"scope": "Contacts.Read"}, 400, "invalid_grant", 65001),
    ],
)
def test_a_senseless_request_is_refused_with_its_code(
    client: Client, body: dict[str, str | None], status: int, error: str, code: int
) -> None:
    token = client.connect()["refresh_token"]
    whole: dict[str, str | None] = {"grant_type": "refresh_token", "refresh_token": token, **body}

    answer = client.token(**whole)

    assert (answer.status_code, answer.json()["error"], answer.json()["error_codes"]) == (status, error, [code])


def test_an_unknown_tenant_is_refused(client: Client) -> None:
    answer = client.token("nowhere.example", grant_type="refresh_token", refresh_token="x")

    assert answer.json()["error_codes"] == [90002]


# ── Codes ───────────────────────────────────────────────────────────────────
@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"code": None}, 900144),
        ({"code": "1.AUsgarbage"}, 70000),
        ({"redirect_uri": "http://localhost:8000/other/"}, 50011),
        ({"redirect_uri": None}, 50011),
        ({"code_verifier": "another-verifier-another-verifier-another-verifier"}, 501481),
        ({"code_verifier": CHALLENGE}, 501481),
        ({"code_verifier": "too-short"}, 501491),
        ({"code_verifier": None}, 50147),
    ],
)
def test_a_code_is_bound_to_its_request(client: Client, changes: dict[str, str | None], code: int) -> None:
    issued = client.code()

    answer = client.redeem(issued, **changes)

    assert answer.status_code == 400
    assert answer.json()["error_codes"] == [code]
    assert client.redeem(issued).status_code == 200, "a failed attempt uses nothing up"


def test_a_verifier_for_a_code_without_challenge_is_refused(client: Client) -> None:
    issued = client.code(code_challenge=None, code_challenge_method=None)

    assert client.redeem(issued).json()["error_codes"] == [50147]
    assert client.redeem(issued, code_verifier=None).status_code == 200


def test_a_challenge_without_method_is_plain(client: Client) -> None:
    issued = client.code(code_challenge="p" * 43, code_challenge_method=None)

    assert client.redeem(issued, code_verifier="p" * 43).status_code == 200


def test_a_code_works_once(client: Client) -> None:
    issued = client.code()
    client.redeem(issued)

    again = client.redeem(issued)

    assert (again.status_code, again.json()["error"], again.json()["error_codes"]) == (400, "invalid_grant", [54005])


def test_a_code_does_not_live_long(client: Client) -> None:
    issued = client.code()
    with closing(sqlite3.connect(client.simulator.data / "simulator.sqlite3", timeout=20)) as database, database:
        database.execute("UPDATE simulator_authorizationcode SET expires_at = datetime('now')")

    assert client.redeem(issued).json()["error_codes"] == [70008]


def test_of_many_at_once_one_wins_the_code(client: Client) -> None:
    issued = client.code()
    together = threading.Barrier(6)

    def redeem(_: int) -> int:
        mine = Client(client.simulator)
        together.wait()
        return mine.redeem(issued).status_code

    with ThreadPoolExecutor(6) as pool:
        statuses = list(pool.map(redeem, range(6)))

    assert sorted(statuses) == [200, 400, 400, 400, 400, 400]


def test_a_code_for_another_tenant_is_refused(client: Client) -> None:
    assert client.redeem(client.code(), CORVID).json()["error_codes"] == [700005]


def test_a_refresh_token_of_somebody_of_another_tenant_is_refused(client: Client) -> None:
    token = client.connect()["refresh_token"]

    assert client.refresh(token, "corvid.example").json()["error_codes"] == [50020]


# ── What a trainer does ─────────────────────────────────────────────────────
def test_revoked_sessions_kill_older_tokens_and_no_newer_ones(client: Client) -> None:
    browser = client.simulator.http()
    code = client.simulator.sign_in(client.authorize_url(), session=browser)["code"]
    tokens = client.redeem(code).json()

    client.person(ALICE, "revoke-sessions")

    refused = client.refresh(tokens["refresh_token"])
    assert (refused.status_code, refused.json()["error"]) == (400, "invalid_grant")
    assert refused.json()["error_codes"] == [50173]
    assert "TokensValidFrom" in refused.json()["error_description"]
    assert client.graph(tokens["access_token"], "/me").status_code == 200, "access tokens cannot be revoked"
    assert "Pick an account" in browser.get(client.authorize_url()).text
    assert client.refresh(client.connect()["refresh_token"]).status_code == 200


def test_revoking_one_person_leaves_the_others(client: Client) -> None:
    bobs = client.connect(BOB)["refresh_token"]

    client.person(ALICE, "revoke-sessions")

    assert client.refresh(bobs).status_code == 200


def test_expiring_access_tokens_leaves_refresh_tokens(client: Client) -> None:
    tokens = client.connect()

    client.person(ALICE, "expire-tokens")

    refused = client.graph(tokens["access_token"], "/me")
    renewed = client.refresh(tokens["refresh_token"]).json()["access_token"]
    assert (refused.status_code, refused.json()["error"]["code"]) == (401, "InvalidAuthenticationToken")
    assert client.graph(renewed, "/me").status_code == 200


def test_expiring_all_tokens_is_as_after_ninety_idle_days(client: Client) -> None:
    tokens = client.connect()

    client.person(ALICE, "expire-all-tokens")

    body = client.refresh(tokens["refresh_token"]).json()
    assert (body["error_codes"], body["suberror"]) == ([700082], "bad_token")
    assert "was inactive for 90.00:00:00" in body["error_description"]
    assert client.graph(tokens["access_token"], "/me").status_code == 401


def test_a_deleted_consent_shows_at_the_next_refresh(client: Client) -> None:
    tokens = client.connect()

    deleted = client.simulator.control("DELETE", f"people/{ALICE}/grants")

    body = client.refresh(tokens["refresh_token"]).json()
    assert deleted["deleted"] == 1
    assert (body["error"], body["suberror"], body["error_codes"]) == ("invalid_grant", "consent_required", [65001])
    assert client.graph(tokens["access_token"], "/me").status_code == 200


def test_a_disabled_person_gets_no_tokens_even_when_enabled_again(client: Client) -> None:
    token = client.connect()["refresh_token"]

    client.person(ALICE, "disable")
    disabled = client.refresh(token)
    client.person(ALICE, "enable")
    enabled = client.refresh(token)

    assert disabled.json()["error_codes"] == [50057]
    assert enabled.json()["error_codes"] == [50173]


@pytest.mark.parametrize(("revoke", "status"), [(False, 200), (True, 400)])
def test_a_new_password_revokes_only_when_the_admin_centre_sets_it(client: Client, revoke: bool, status: int) -> None:
    token = client.connect()["refresh_token"]

    client.person(ALICE, "password", {"password": "brand-new", "revoke": revoke})

    assert client.refresh(token).status_code == status
    assert "code" in client.simulator.sign_in(client.authorize_url(), ALICE, "brand-new")


def test_an_expired_secret_is_the_applications_fault(client: Client) -> None:
    token = client.connect()["refresh_token"]

    client.simulator.control("POST", f"applications/{client.simulator.client_id}/expire-secrets")

    answer = client.refresh(token)
    assert (answer.status_code, answer.json()["error"]) == (401, "invalid_client")
    assert answer.json()["error_codes"] == [7000222]


def test_a_changed_secret_ends_the_old_one(client: Client) -> None:
    token = client.connect()["refresh_token"]

    client.simulator.control("POST", f"applications/{client.simulator.client_id}/secret", {"secret": "rotated"})

    assert client.refresh(token).json()["error_codes"] == [7000215]
    assert client.refresh(token, client_secret="rotated").status_code == 200


@pytest.mark.parametrize(("status", "code"), [(429, 90055), (503, 90033)])
def test_a_fault_answers_with_retry_after_and_uses_nothing_up(client: Client, status: int, code: int) -> None:
    issued = client.code()
    fault = client.simulator.control("POST", "faults", {"target": "token", "status": status, "seconds": 120})

    refused = client.redeem(issued)

    assert (refused.status_code, refused.json()["error_codes"]) == (status, [code])
    assert refused.json()["error"] == "temporarily_unavailable"
    assert 110 <= int(refused.headers["Retry-After"]) <= 120
    client.simulator.control("DELETE", f"faults/{fault['id']}")
    assert client.redeem(issued).status_code == 200


def test_a_fault_of_one_tenant_leaves_the_other(client: Client) -> None:
    ours, theirs = client.connect()["refresh_token"], client.connect("mallory@corvid.example")["refresh_token"]

    client.simulator.control(
        "POST", "faults", {"target": "token", "status": 503, "seconds": 60, "tenant": "corvid.example"}
    )

    assert (client.refresh(ours).status_code, client.refresh(theirs).status_code) == (200, 503)


def test_a_fault_ends_by_itself(client: Client) -> None:
    token = client.connect()["refresh_token"]
    client.simulator.control("POST", "faults", {"target": "token", "status": 503, "seconds": 1})

    refused = client.refresh(token)
    time.sleep(1.1)

    assert (refused.status_code, refused.headers["Retry-After"]) == (503, "1")
    assert client.refresh(token).status_code == 200


def test_a_delay_is_kept_and_the_answer_true(client: Client) -> None:
    token = client.connect()["refresh_token"]
    client.simulator.control("POST", "faults", {"target": "token", "seconds": 60, "latency_ms": 400})
    began = time.monotonic()

    answer = client.refresh(token)

    assert answer.status_code == 200
    assert time.monotonic() - began >= 0.4


# ── What is kept ────────────────────────────────────────────────────────────
def test_no_code_token_cookie_or_password_is_on_the_disk(client: Client) -> None:
    browser = client.simulator.http()
    code = client.simulator.sign_in(client.authorize_url(), session=browser)["code"]
    tokens = client.redeem(code).json()
    kept = b"".join(path.read_bytes() for path in client.simulator.data.glob("simulator.sqlite3*"))
    logged = client.simulator.log_path.read_text()

    secrets = [code, tokens["refresh_token"], tokens["access_token"], tokens["id_token"]]
    secrets += [browser.cookies["sim_session"], client.simulator.client_secret, client.simulator.control_token]

    assert ALICE.encode() in kept, "this does read the database"
    for secret in [*secrets, "kestrel-demo-1"]:
        assert secret.encode() not in kept
        assert secret not in logged
    assert SCOPE.split()[-1] not in logged


def _make_spa(client: Client, rows: Rows) -> None:
    """The registered address becomes that of a single-page application, and this client its browser."""
    addresses = {"redirect_uris": [], "spa_redirect_uris": [client.simulator.redirect_uri]}
    rows.update("application", f"id = {rows.application_id()}", **addresses)
    client.http.headers["Origin"] = "https://app.example"
