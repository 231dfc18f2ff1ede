"""The client credentials grant: how an application proves who it is, and what its own token says."""

from __future__ import annotations

import base64
import time
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import jwt
import pytest
import requests

from tests.simulator.certified import Certified, thumbprint_hex
from tests.simulator.client import Client, header, payload
from tests.simulator.rows import Rows

GRAPH = "https://graph.microsoft.com/.default"
OUTLOOK = "https://outlook.office365.com/.default"
EXCHANGE = "00000002-0000-0ff1-ce00-000000000000"
CORVID = "corvid.example"
KESTREL = "kestrel.example"
KESTREL_ID = "6f1d8c3a-2b7e-4c55-9a41-5d0e3b9c7f21"


def _ask(client: Client, tenant: str = KESTREL, /, **changes: str | None) -> requests.Response:
    body: dict[str, str | None] = {"grant_type": "client_credentials", "scope": GRAPH, **changes}
    return client.token(tenant, **body)


def _claims(answer: requests.Response) -> dict[str, Any]:
    assert answer.status_code == 200, answer.text
    return payload(answer.json()["access_token"])


@pytest.fixture
def certified(client: Client, rows: Rows) -> Certified:
    made = Certified(client.simulator.client_id, f"{client.simulator.origin}/{KESTREL}/oauth2/v2.0/token")
    made.register(rows)
    return made


# ── What is given ───────────────────────────────────────────────────────────
def test_it_answers_with_exactly_four_members(client: Client) -> None:
    answer = _ask(client)

    assert answer.status_code == 200
    assert set(answer.json()) == {"token_type", "expires_in", "ext_expires_in", "access_token"}
    assert answer.json()["token_type"] == "Bearer"


def test_the_token_is_of_the_application(client: Client) -> None:
    token = _ask(client).json()["access_token"]
    keys = jwt.PyJWKSet.from_dict(client.http.get(f"{client.simulator.authority}/discovery/v2.0/keys").json())

    claims = jwt.decode(
        token, keys[header(token)["kid"]].key, algorithms=["RS256"], audience="https://graph.microsoft.com"
    )

    assert (claims["idtyp"], claims["appid"]) == ("app", client.simulator.client_id)
    assert (claims["appidacr"], claims["tid"]) == ("1", KESTREL_ID)
    assert claims["iss"] == f"https://sts.windows.net/{KESTREL_ID}/"
    assert claims["sub"] == claims["oid"]
    assert claims["xms_idrel"].startswith("0.")
    assert not {"scp", "upn", "name", "amr", "sid"} & set(claims)


def test_its_roles_are_what_an_administrator_granted(client: Client, rows: Rows) -> None:
    rows.grant_role("Calendars.ReadWrite")
    rows.grant_role("User.Read.All")

    assert _claims(_ask(client))["roles"] == ["Calendars.ReadWrite", "User.Read.All"]


def test_without_any_role_there_is_no_such_claim(client: Client, rows: Rows) -> None:
    rows.delete("approle")

    assert "roles" not in _claims(_ask(client))


def test_roles_of_one_tenant_are_not_those_of_another(client: Client, rows: Rows) -> None:
    client.code("mallory@corvid.example")
    rows.delete("approle")
    rows.grant_role("Calendars.Read")

    assert "roles" not in _claims(_ask(client, CORVID))


def test_permission_for_some_mailboxes_does_not_show(client: Client, rows: Rows) -> None:
    rows.delete("approle")
    rows.insert("scopedrole", service_principal_id=rows.principal_id(), name="Calendars.ReadWrite")

    assert "roles" not in _claims(_ask(client))


def test_a_token_is_for_the_resource_that_was_asked_for(client: Client, rows: Rows) -> None:
    rows.delete("approle")
    rows.grant_role("Calendars.Read")
    rows.grant_role("full_access_as_app", resource=EXCHANGE)

    outlook = _claims(_ask(client, scope=OUTLOOK))

    assert (outlook["aud"], outlook["roles"]) == ("https://outlook.office365.com", ["full_access_as_app"])
    assert _claims(_ask(client))["roles"] == ["Calendars.Read"]


@pytest.mark.parametrize("tenant", [KESTREL, KESTREL_ID, "KESTREL.EXAMPLE"])
def test_every_name_of_the_tenant_will_do(client: Client, tenant: str) -> None:
    assert _claims(_ask(client, tenant))["tid"] == KESTREL_ID


@pytest.mark.parametrize(
    "scope", ["00000003-0000-0000-c000-000000000000/.default", "https://graph.microsoft.com//.default"]
)
def test_other_spellings_of_graph_will_do(client: Client, scope: str) -> None:
    assert _claims(_ask(client, scope=scope))["aud"] == "https://graph.microsoft.com"


def test_me_is_refused_to_it(client: Client) -> None:
    answer = client.graph(_ask(client).json()["access_token"], "/me")

    assert answer.status_code == 400


# ── The application in the tenant ───────────────────────────────────────────
def test_an_application_is_unknown_where_nobody_has_consented(client: Client) -> None:
    before = _ask(client, CORVID)
    client.code("mallory@corvid.example")

    after = _ask(client, CORVID)

    assert (before.status_code, before.json()["error_codes"]) == (400, [700016])
    assert before.json()["error"] == "unauthorized_client"
    assert after.status_code == 200


def test_a_fresh_consent_takes_a_while_to_arrive(client: Client, rows: Rows) -> None:
    rows.update("tenant", consent_delay_seconds=60)
    client.code("mallory@corvid.example")

    at_first = _ask(client, CORVID)
    rows.update("serviceprincipal", ready_at=datetime.now(UTC))

    assert at_first.json()["error_codes"] == [700016]
    assert _ask(client, CORVID).status_code == 200


def test_a_disabled_application_gets_nothing(client: Client, rows: Rows) -> None:
    rows.update("serviceprincipal", is_enabled=False)

    answer = _ask(client)

    assert (answer.status_code, answer.json()["error_codes"]) == (400, [7000112])


def test_who_may_sign_in_does_not_matter_to_it(client: Client, rows: Rows) -> None:
    rows.update("serviceprincipal", needs_assignment=True)

    assert _ask(client).status_code == 200


# ── Secrets ─────────────────────────────────────────────────────────────────
def test_the_id_of_a_secret_is_not_its_value(client: Client, rows: Rows) -> None:
    key_id = UUID(rows.value("appsecret", "key_id", f"application_id = {rows.application_id()}"))

    answer = _ask(client, client_secret=str(key_id))

    assert (answer.status_code, answer.json()["error_codes"]) == (401, [7000215])
    assert "not the client secret ID" in answer.json()["error_description"]


def test_of_two_secrets_either_will_do_until_it_expires(client: Client, rows: Rows) -> None:
    rows.add_secret(client.simulator.client_id, "the second one")
    both = [_ask(client).status_code, _ask(client, client_secret="the second one").status_code]

    rows.update("appsecret", "from_environment = 1", expires_at=datetime.now(UTC) - timedelta(seconds=1))

    assert both == [200, 200]
    assert _ask(client).json()["error_codes"] == [7000222]
    assert _ask(client, client_secret="the second one").status_code == 200


def test_a_secret_with_odd_characters_survives_the_header(client: Client, rows: Rows) -> None:
    """RFC 6749 §2.3.1: both parts are form-encoded before they are joined."""
    rows.add_secret(client.simulator.client_id, "a:b%c+d ~é")
    basic = base64.b64encode(f"{client.simulator.client_id}:a%3Ab%25c%2Bd+~%C3%A9".encode()).decode()
    client.http.headers["Authorization"] = f"Basic {basic}"

    assert _ask(client, client_id=None, client_secret=None).status_code == 200


# ── Certificates ────────────────────────────────────────────────────────────
@pytest.mark.parametrize("algorithm", ["RS256", "PS256"])
@pytest.mark.parametrize("member", ["x5t", "x5t#S256", "kid"])
def test_a_certificate_will_do_instead_of_a_secret(
    client: Client, certified: Certified, algorithm: str, member: str
) -> None:
    names = {"x5t": certified.sha1, "x5t#S256": certified.sha256, "kid": thumbprint_hex(certified.certificate).upper()}

    answer = _ask(client, **certified.proof(algorithm=algorithm, header={member: names[member]}))

    assert _claims(answer)["appidacr"] == "2"


@pytest.mark.parametrize(
    "path",
    [
        f"{KESTREL}/oauth2/v2.0/token",
        f"{KESTREL_ID}/oauth2/v2.0/token",
        f"{KESTREL_ID.upper()}/oauth2/v2.0/token/",
        f"{KESTREL_ID}/v2.0",
    ],
)
def test_an_assertion_may_name_the_endpoint_or_the_issuer(client: Client, certified: Certified, path: str) -> None:
    assert _ask(client, **certified.proof(aud=f"{client.simulator.origin}/{path}")).status_code == 200


def test_an_assertion_says_by_itself_who_asks(client: Client, certified: Certified) -> None:
    assert _ask(client, **certified.proof(), client_id=None).status_code == 200


def test_an_assertion_opens_the_other_grants_too(client: Client, certified: Certified) -> None:
    code = client.code()
    audience = f"{client.simulator.authority}/oauth2/v2.0/token"

    tokens = client.redeem(code, **certified.proof(aud=audience)).json()
    renewed = client.refresh(tokens["refresh_token"], **certified.proof(aud=audience))

    assert payload(tokens["access_token"])["appidacr"] == "2"
    assert renewed.status_code == 200


@pytest.mark.parametrize(
    ("how", "reason"),
    [
        ({"header": {"x5t": "AAAA"}}, "The key was not found."),
        ({"header": {"typ": "JWT"}}, "The key was not found."),
        ({"header": {"x5t": 7}}, "The key was not found."),
        ({"aud": "https://login.elsewhere.example/kestrel.example/oauth2/v2.0/token"}, "audience"),
        ({"aud": 7}, "audience"),
        ({"without": "aud"}, "audience"),
        ({"iss": "00000000-0000-0000-0000-00000000dead"}, "issuer and the subject"),
        ({"sub": "00000000-0000-0000-0000-00000000dead"}, "issuer and the subject"),
        ({"without": "sub"}, "issuer and the subject"),
        ({"sub": []}, "issuer and the subject"),
        ({"exp": time.time}, "valid time range"),
        ({"nbf": time.time}, "valid time range"),
        ({"without": "exp"}, "exp"),
        ({"exp": "tomorrow"}, "exp"),
    ],
)
def test_a_wrong_assertion_is_refused_with_its_reason(
    client: Client, certified: Certified, how: dict[str, Any], reason: str
) -> None:
    off = {"exp": -600, "nbf": 600}
    said = {name: value() + off[name] if callable(value) else value for name, value in how.items()}

    answer = _ask(client, **certified.proof(**said))

    body = answer.json()
    assert (answer.status_code, body["error"], body["error_codes"]) == (401, "invalid_client", [700027])
    assert reason in body["error_description"].partition("[Reason - ")[2].partition("]")[0]


def test_an_assertion_for_another_tenant_is_refused(client: Client, certified: Certified) -> None:
    client.code("mallory@corvid.example")

    assert _ask(client, CORVID, **certified.proof()).json()["error_codes"] == [700027]


def test_a_forged_assertion_is_refused(client: Client, certified: Certified) -> None:
    forger = Certified(certified.client_id, certified.audience, number=1)

    answer = _ask(client, **forger.proof(header={"x5t": certified.sha1}))

    assert answer.json()["error_codes"] == [700027]
    assert "failed signature validation" in answer.json()["error_description"]


def test_an_assertion_signed_with_a_secret_is_refused(client: Client, certified: Certified) -> None:
    """The public key as an HMAC secret: the oldest trick against JWT."""
    said = {"aud": certified.audience, "iss": certified.client_id, "sub": certified.client_id, "exp": time.time() + 60}
    proof = certified.proof() | {
        "client_assertion": jwt.encode(said, "k" * 32, algorithm="HS256", headers={"x5t": certified.sha1})
    }

    assert _ask(client, **proof).json()["error_codes"] == [700027]


def test_an_expired_certificate_is_refused(client: Client, rows: Rows) -> None:
    old = Certified(client.simulator.client_id, f"{client.simulator.origin}/{KESTREL}/oauth2/v2.0/token")
    old.register(rows, expires_at=datetime.now(UTC) - timedelta(seconds=1))

    answer = _ask(client, **old.proof())

    assert answer.json()["error_codes"] == [700027]
    assert "The key used is expired." in answer.json()["error_description"]


def test_the_certificate_of_another_application_is_not_found(client: Client, certified: Certified, rows: Rows) -> None:
    other = rows.add_application()
    stolen = certified.proof(iss=other, sub=other)

    answer = _ask(client, **stolen, client_id=other)

    assert answer.json()["error_codes"] == [700027]


@pytest.mark.parametrize("assertion", ["x", "x.y.z", "..", "e30.e30.", str(uuid4())])
def test_what_is_no_assertion_is_refused(client: Client, certified: Certified, assertion: str) -> None:
    answer = _ask(client, **{**certified.proof(), "client_assertion": assertion})

    assert (answer.status_code, answer.json()["error_codes"]) == (401, [700027])
