"""The client credentials grant: it proves a credential, and gives no permission."""

from __future__ import annotations

import jwt
import msal
import pytest

from tests.simulator.client import Client

GRAPH = "https://graph.microsoft.com/.default"
CORVID = "corvid.example"
KESTREL = "kestrel.example"


def test_it_answers_with_exactly_four_members(client: Client) -> None:
    answer = client.token(KESTREL, grant_type="client_credentials", scope=GRAPH)

    assert answer.status_code == 200
    assert set(answer.json()) == {"token_type", "expires_in", "ext_expires_in", "access_token"}


def test_the_token_is_of_the_application_and_carries_no_permission(client: Client) -> None:
    token = client.token(KESTREL, grant_type="client_credentials", scope=GRAPH).json()["access_token"]

    claims = jwt.decode(token, options={"verify_signature": False})
    assert claims["idtyp"] == "app"
    assert claims["appid"] == client.simulator.client_id
    assert claims["sub"] == claims["oid"]
    assert not {"scp", "roles", "upn"} & set(claims)


def test_me_is_refused_to_it(client: Client) -> None:
    token = client.token(KESTREL, grant_type="client_credentials", scope=GRAPH).json()["access_token"]

    answer = client.http.get(
        f"{client.simulator.graph_url}/me", headers={"Authorization": f"Bearer {token}"}, timeout=30
    )

    assert answer.status_code == 400
    assert answer.json()["error"]["code"] == "BadRequest"


@pytest.mark.parametrize(
    ("tenant", "changes", "status", "code"),
    [
        ("organizations", {}, 400, 9001023),
        ("common", {}, 400, 9001023),
        ("nowhere.example", {}, 400, 90002),
        (KESTREL, {"scope": None}, 400, 900144),
        (KESTREL, {"scope": "Calendars.Read"}, 400, 1002012),
        (KESTREL, {"scope": "https://vault.azure.net/.default"}, 400, 1002012),
        (KESTREL, {"client_secret": "wrong"}, 401, 7000215),
        (KESTREL, {"client_secret": None}, 401, 7000218),
    ],
)
def test_what_makes_no_sense_is_refused(
    client: Client, tenant: str, changes: dict[str, str | None], status: int, code: int
) -> None:
    wanted: dict[str, str | None] = {"grant_type": "client_credentials", "scope": GRAPH, **changes}

    answer = client.token(tenant, **wanted)

    assert (answer.status_code, answer.json()["error_codes"]) == (status, [code])


def test_an_application_is_unknown_where_nobody_has_consented(client: Client) -> None:
    before = client.token(CORVID, grant_type="client_credentials", scope=GRAPH)
    client.code("mallory@corvid.example")

    after = client.token(CORVID, grant_type="client_credentials", scope=GRAPH)

    assert (before.status_code, before.json()["error_codes"]) == (400, [700016])
    assert after.status_code == 200


def test_msal_takes_it(client: Client) -> None:
    app = msal.ConfidentialClientApplication(
        client.simulator.client_id,
        authority=f"{client.simulator.origin}/{KESTREL}",
        client_credential=client.simulator.client_secret,
        http_client=client.http,
        instance_discovery=False,
    )

    answer = app.acquire_token_for_client([GRAPH])

    assert "access_token" in answer, answer.get("error_description")
