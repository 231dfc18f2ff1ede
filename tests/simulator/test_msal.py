"""Microsoft's own library for Python, unmodified: only another host and another authority to trust."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import Any

import msal
import pytest

from tests.simulator.certified import Certified, thumbprint_hex
from tests.simulator.client import ALICE, Client, payload
from tests.simulator.rows import Rows

GRAPH = "https://graph.microsoft.com/.default"
SCOPES = ["Calendars.Read", "User.Read"]


def _app(
    client: Client, tenant: str = "organizations", *, credential: object = None, **how: Any
) -> msal.ConfidentialClientApplication:
    return msal.ConfidentialClientApplication(
        client.simulator.client_id,
        client_credential=credential or client.simulator.client_secret,
        authority=f"{client.simulator.origin}/{tenant}",
        instance_discovery=False,
        http_client=client.simulator.http(),
        **how,
    )


def _flow(app: msal.ClientApplication, client: Client, scopes: Sequence[str] = SCOPES, **how: str) -> dict[str, str]:
    with warnings.catch_warnings():
        # msal advises form_post; a session cookie with SameSite=Lax does not survive that.
        warnings.simplefilter("ignore", UserWarning)
        return dict(app.initiate_auth_code_flow(list(scopes), redirect_uri=client.simulator.redirect_uri, **how))


@pytest.mark.parametrize(
    "tenant", ["organizations", "common", "kestrel.example", "6f1d8c3a-2b7e-4c55-9a41-5d0e3b9c7f21"]
)
def test_the_whole_code_flow_works(client: Client, tenant: str) -> None:
    app = _app(client, tenant)
    flow = _flow(app, client)

    tokens = app.acquire_token_by_auth_code_flow(flow, client.simulator.sign_in(flow["auth_uri"]))

    assert tokens["id_token_claims"]["preferred_username"] == ALICE
    assert client.graph(tokens["access_token"], "/me").json()["userPrincipalName"] == ALICE


def test_it_signs_people_in_and_is_told_when(client: Client) -> None:
    """msal compares `auth_time` with its max_age, and `nonce` with its own."""
    app = msal.ConfidentialClientApplication(
        "4b8f2e63-9a17-4d50-8c3e-7f1b0d6a9e24",
        client_credential="kestrel-single-sign-on-1",
        authority=f"{client.simulator.origin}/kestrel.example",
        instance_discovery=False,
        http_client=client.simulator.http(),
    )
    back = "http://localhost:8000/auth/sso/kestrel-openid/callback/"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        flow = app.initiate_auth_code_flow(["email"], redirect_uri=back, max_age=60)

    tokens = app.acquire_token_by_auth_code_flow(flow, client.simulator.sign_in(flow["auth_uri"]))

    claims = tokens["id_token_claims"]
    assert (claims["email"], claims["roles"]) == (ALICE, ["Portal.User"])
    assert claims["auth_time"] <= claims["iat"]


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


# ── The application for itself ──────────────────────────────────────────────
def test_an_application_gets_its_own_token_and_keeps_it(client: Client, rows: Rows) -> None:
    rows.grant_role("Calendars.ReadWrite")
    app = _app(client, "kestrel.example")

    first = app.acquire_token_for_client([GRAPH])
    second = app.acquire_token_for_client([GRAPH])

    assert payload(first["access_token"])["roles"] == ["Calendars.ReadWrite"]
    assert (first["token_source"], second["token_source"]) == ("identity_provider", "cache")
    assert second["access_token"] == first["access_token"]


@pytest.mark.parametrize("is_old", [False, True])
def test_a_certificate_proves_the_application(client: Client, rows: Rows, is_old: bool) -> None:
    """msal signs with PS256 and x5t#S256; told only a SHA-1 thumbprint, with RS256 and x5t."""
    certified = Certified(client.simulator.client_id, "")
    certified.register(rows)
    credential = {"private_key": certified.private_pem}
    if is_old:
        credential["thumbprint"] = thumbprint_hex(certified.certificate)
    else:
        credential["public_certificate"] = certified.pem
    app = _app(client, "kestrel.example", credential=credential)

    answer = app.acquire_token_for_client([GRAPH])

    assert payload(answer["access_token"])["appidacr"] == "2"


def test_a_certificate_serves_the_code_flow_too(client: Client, rows: Rows) -> None:
    certified = Certified(client.simulator.client_id, "")
    certified.register(rows)
    credential = {"private_key": certified.private_pem, "public_certificate": certified.pem}
    app = _app(client, credential=credential)
    flow = _flow(app, client)

    tokens = app.acquire_token_by_auth_code_flow(flow, client.simulator.sign_in(flow["auth_uri"]))

    assert tokens["id_token_claims"]["preferred_username"] == ALICE


def test_a_public_client_needs_none(client: Client, rows: Rows) -> None:
    rows.update("application", f"id = {rows.application_id()}", is_public=True)
    app = msal.PublicClientApplication(
        client.simulator.client_id,
        authority=client.simulator.authority,
        instance_discovery=False,
        http_client=client.simulator.http(),
    )
    flow = _flow(app, client)

    tokens = app.acquire_token_by_auth_code_flow(flow, client.simulator.sign_in(flow["auth_uri"]))
    renewed = app.acquire_token_by_refresh_token(tokens["refresh_token"], SCOPES)

    assert "access_token" in renewed, renewed


# ── Silently, and what it takes when that is not enough ─────────────────────
def test_an_expired_token_is_renewed_silently(client: Client) -> None:
    app = _app(client)
    flow = _flow(app, client)
    first = app.acquire_token_by_auth_code_flow(flow, client.simulator.sign_in(flow["auth_uri"]))

    silent = app.acquire_token_silent(SCOPES, account=app.get_accounts(ALICE)[0], force_refresh=True)

    assert silent["token_source"] == "identity_provider"
    assert silent["access_token"] != first["access_token"]


@pytest.mark.parametrize("scopes", [["https://graph.microsoft.com/Calendars.Read"], [GRAPH]])
def test_scopes_that_are_spelt_out_are_found_in_its_cache(client: Client, scopes: list[str]) -> None:
    app = _app(client)
    flow = _flow(app, client, scopes)
    tokens = app.acquire_token_by_auth_code_flow(flow, client.simulator.sign_in(flow["auth_uri"]))
    assert "access_token" in tokens, tokens

    silent = app.acquire_token_silent(scopes, account=app.get_accounts(ALICE)[0])

    assert silent["token_source"] == "cache"


def test_a_second_factor_that_is_wanted_later_is_asked_for_with_its_claims(client: Client, rows: Rows) -> None:
    app = _app(client)
    flow = _flow(app, client)
    tokens = app.acquire_token_by_auth_code_flow(flow, client.simulator.sign_in(flow["auth_uri"]))
    rows.update("person", f"sign_in_name = '{ALICE}'", needs_mfa=True)

    refused = app.acquire_token_by_refresh_token(tokens["refresh_token"], SCOPES)
    stepped_up = _flow(app, client, claims_challenge=refused["claims"])
    again = app.acquire_token_by_auth_code_flow(stepped_up, client.simulator.sign_in(stepped_up["auth_uri"]))

    assert (refused["error"], refused["suberror"], refused["error_codes"]) == ("invalid_grant", "basic_action", [50076])
    assert payload(again["access_token"])["amr"] == ["pwd", "mfa"]
    assert "access_token" in app.acquire_token_by_refresh_token(again["refresh_token"], SCOPES)


def test_a_client_that_says_it_can_be_challenged_gets_a_long_lived_token(client: Client) -> None:
    app = _app(client, client_capabilities=["CP1"])
    flow = _flow(app, client)

    tokens = app.acquire_token_by_auth_code_flow(flow, client.simulator.sign_in(flow["auth_uri"]))

    assert tokens["expires_in"] >= 20 * 3600
    assert payload(tokens["access_token"])["xms_cc"] == ["cp1"]


def test_a_deleted_consent_asks_for_the_person(client: Client) -> None:
    app = _app(client)
    flow = _flow(app, client)
    app.acquire_token_by_auth_code_flow(flow, client.simulator.sign_in(flow["auth_uri"]))
    account = app.get_accounts(ALICE)[0]
    client.simulator.control("DELETE", f"people/{ALICE}/grants")

    refused = app.acquire_token_silent_with_error(SCOPES, account=account, force_refresh=True)

    assert (refused["error"], refused["suberror"]) == ("invalid_grant", "consent_required")
