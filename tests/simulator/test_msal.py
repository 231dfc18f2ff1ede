"""Microsoft's own library for Python, unmodified: only another host and another authority to trust."""

from __future__ import annotations

import warnings

import msal
import pytest

from tests.simulator.client import ALICE, Client

SCOPES = ["Calendars.Read", "User.Read"]


def _app(client: Client, tenant: str = "organizations") -> msal.ConfidentialClientApplication:
    return msal.ConfidentialClientApplication(
        client.simulator.client_id,
        client_credential=client.simulator.client_secret,
        authority=f"{client.simulator.origin}/{tenant}",
        instance_discovery=False,
        http_client=client.simulator.http(),
    )


def _flow(app: msal.ConfidentialClientApplication, client: Client, **how: str) -> dict[str, str]:
    with warnings.catch_warnings():
        # msal advises form_post; a session cookie with SameSite=Lax does not survive that.
        warnings.simplefilter("ignore", UserWarning)
        return dict(app.initiate_auth_code_flow(SCOPES, redirect_uri=client.simulator.redirect_uri, **how))


@pytest.mark.parametrize(
    "tenant", ["organizations", "common", "kestrel.example", "6f1d8c3a-2b7e-4c55-9a41-5d0e3b9c7f21"]
)
def test_the_whole_code_flow_works(client: Client, tenant: str) -> None:
    app = _app(client, tenant)
    flow = _flow(app, client)

    tokens = app.acquire_token_by_auth_code_flow(flow, client.simulator.sign_in(flow["auth_uri"]))

    assert tokens["id_token_claims"]["preferred_username"] == ALICE
    assert client.graph(tokens["access_token"], "/me").json()["userPrincipalName"] == ALICE


def test_refreshing_works_and_a_revoked_token_is_an_answer_not_an_exception(client: Client) -> None:
    app = _app(client)
    flow = _flow(app, client)
    tokens = app.acquire_token_by_auth_code_flow(flow, client.simulator.sign_in(flow["auth_uri"]))

    refreshed = app.acquire_token_by_refresh_token(tokens["refresh_token"], SCOPES)
    client.person(ALICE, "revoke-sessions")
    refused = _app(client).acquire_token_by_refresh_token(refreshed["refresh_token"], SCOPES)

    assert refreshed["access_token"] != tokens["access_token"]
    assert refreshed["refresh_token"] != tokens["refresh_token"]
    assert (refused["error"], refused["error_codes"]) == ("invalid_grant", [50173])


def test_its_cache_finds_the_account(client: Client) -> None:
    app = _app(client)
    flow = _flow(app, client)
    app.acquire_token_by_auth_code_flow(flow, client.simulator.sign_in(flow["auth_uri"]))

    silent = app.acquire_token_silent(SCOPES, account=app.get_accounts(ALICE)[0])

    assert silent["token_source"] == "cache"


def test_a_declined_consent_is_an_answer(client: Client) -> None:
    app = _app(client)
    flow = _flow(app, client)

    answer = app.acquire_token_by_auth_code_flow(flow, client.simulator.sign_in(flow["auth_uri"], answer="cancel"))

    assert answer["error"] == "access_denied"


def test_an_unavailable_service_is_an_exception(client: Client) -> None:
    from msal.exceptions import MsalServiceError

    app = _app(client)
    client.simulator.control("POST", "faults", {"target": "token", "status": 503, "seconds": 60})

    with pytest.raises(MsalServiceError):
        app.acquire_token_by_refresh_token("1.AXswhatever", SCOPES)


def test_a_wrong_secret_is_an_answer(client: Client) -> None:
    app = msal.ConfidentialClientApplication(
        client.simulator.client_id,
        client_credential="wrong",
        authority=client.simulator.authority,
        instance_discovery=False,
        http_client=client.simulator.http(),
    )

    answer = app.acquire_token_by_refresh_token("1.AXswhatever", SCOPES)

    assert (answer["error"], answer["error_codes"]) == ("invalid_client", [7000215])


def test_a_login_hint_leads_straight_to_the_password(client: Client) -> None:
    flow = _flow(_app(client), client, login_hint=ALICE)

    page = client.http.get(flow["auth_uri"])

    assert f'value="{ALICE}"' in page.text
