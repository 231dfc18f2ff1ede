"""msal for Python, unmodified: the whole life of a connection."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msal
import pytest

from tests.conformance.certificates import Certificate, self_signed
from tests.conformance.clients import GRAPH, Clients, Registration, SignedIn, begin
from tests.conformance.conftest import BEN, CONFORMANCE, FABRIKAM, INSTALLED, SCOPES


def _signed_in(clients: Clients, registration: Registration, key: str) -> tuple[Any, dict[str, Any]]:
    signed_in = clients.sign_in(registration, f"{key}@{FABRIKAM}", SCOPES)
    return signed_in.app, signed_in.tokens


def _refused(clients: Clients, registration: Registration, refresh_token: str) -> dict[str, Any]:
    # A fresh application: msal remembers a 400 for a minute.
    return dict(clients.msal(registration).acquire_token_by_refresh_token(refresh_token, list(SCOPES)))


@pytest.mark.parametrize("tenant", ["organizations", "common", FABRIKAM, "31b1f9a2-0f7e-4c3f-9d1a-6e5c2a8b7d01"])
def test_the_code_flow_with_pkce_works_at_every_authority(
    clients: Clients, registration: Registration, tenant: str
) -> None:
    app = clients.msal(registration, tenant)
    flow = begin(app, SCOPES, clients.simulator.redirect_uri)

    tokens = app.acquire_token_by_auth_code_flow(flow, clients.simulator.sign_in(flow["auth_uri"], BEN))

    assert "code_challenge_method=S256" in flow["auth_uri"]
    assert tokens["id_token_claims"]["preferred_username"] == BEN
    assert set(SCOPES) <= set(tokens["scope"].split())


def test_the_account_and_its_token_are_found_in_the_cache(people: Callable[[str], SignedIn]) -> None:
    ben = people("ben")

    accounts = ben.app.get_accounts(BEN)
    found = ben.app.acquire_token_silent(list(SCOPES), account=accounts[0])

    assert accounts[0]["home_account_id"].startswith(ben.tokens["id_token_claims"]["oid"])
    assert found["token_source"] == "cache"


def test_a_forced_silent_refresh_brings_new_tokens_and_keeps_the_old_refresh_token_alive(
    clients: Clients, registration: Registration
) -> None:
    app, tokens = _signed_in(clients, registration, "cleo")

    fresh = app.acquire_token_silent(list(SCOPES), account=app.get_accounts()[0], force_refresh=True)
    again = clients.msal(registration).acquire_token_by_refresh_token(tokens["refresh_token"], list(SCOPES))

    assert fresh["token_source"] == "identity_provider"
    assert fresh["access_token"] != tokens["access_token"]
    assert "access_token" in again


def test_a_revoked_refresh_token_is_an_error_answer(clients: Clients, registration: Registration) -> None:
    _, tokens = _signed_in(clients, registration, "revoked")
    clients.simulator.control("POST", "people/revoked@fabrikam.example/revoke-sessions")

    refused = _refused(clients, registration, tokens["refresh_token"])

    assert (refused["error"], refused["error_codes"]) == ("invalid_grant", [50173])
    assert "TokensValidFrom" in refused["error_description"]


def test_a_withdrawn_consent_is_an_error_answer_with_its_suberror(clients: Clients, registration: Registration) -> None:
    _, tokens = _signed_in(clients, registration, "withdrawn")
    clients.simulator.control("POST", "people/withdrawn@fabrikam.example/withdraw-consent")

    refused = _refused(clients, registration, tokens["refresh_token"])

    assert (refused["error"], refused["suberror"], refused["error_codes"]) == (
        "invalid_grant",
        "consent_required",
        [65001],
    )


def test_a_disabled_person_is_an_error_answer(clients: Clients, registration: Registration) -> None:
    _, tokens = _signed_in(clients, registration, "disabled")
    clients.simulator.control("POST", "people/disabled@fabrikam.example/disable")

    refused = _refused(clients, registration, tokens["refresh_token"])

    assert (refused["error"], refused["error_codes"]) == ("invalid_grant", [50057])


def test_a_declined_consent_is_an_error_answer(clients: Clients, registration: Registration) -> None:
    app = clients.msal(registration)
    flow = begin(app, SCOPES, clients.simulator.redirect_uri)
    back = clients.simulator.sign_in(flow["auth_uri"], "declining@fabrikam.example", answer="cancel")

    answer = app.acquire_token_by_auth_code_flow(flow, back)

    assert answer["error"] in {"access_denied", "consent_required"}
    assert "AADSTS65004" in answer["error_description"]


def test_a_code_is_redeemed_once(clients: Clients, registration: Registration) -> None:
    app = clients.msal(registration)
    flow = begin(app, SCOPES, clients.simulator.redirect_uri)
    back = clients.simulator.sign_in(flow["auth_uri"], BEN)
    app.acquire_token_by_auth_code_flow(flow, back)

    answer = clients.msal(registration).acquire_token_by_auth_code_flow(flow, back)

    assert (answer["error"], answer["error_codes"]) == ("invalid_grant", [54005])


def test_an_application_gets_a_token_by_its_secret(clients: Clients, registration: Registration) -> None:
    answer = clients.msal(registration, FABRIKAM).acquire_token_for_client([GRAPH])

    assert answer["token_type"] == "Bearer"
    assert "refresh_token" not in answer


def test_an_application_gets_a_token_by_its_certificate(clients: Clients, certificate: Certificate) -> None:
    proof = Registration(CONFORMANCE, {"private_key": certificate.key, "public_certificate": certificate.pem})

    answer = clients.msal(proof, FABRIKAM).acquire_token_for_client([GRAPH])

    assert answer.get("token_type") == "Bearer", answer


def test_an_older_certificate_credential_names_its_thumbprint(clients: Clients, certificate: Certificate) -> None:
    proof = Registration(CONFORMANCE, {"private_key": certificate.key, "thumbprint": certificate.thumbprint})

    answer = clients.msal(proof, FABRIKAM).acquire_token_for_client([GRAPH])

    assert answer.get("token_type") == "Bearer", answer


def test_a_certificate_that_is_not_registered_is_an_error_answer(clients: Clients) -> None:
    stranger = self_signed("Somebody else")
    proof = Registration(CONFORMANCE, {"private_key": stranger.key, "public_certificate": stranger.pem})

    answer = clients.msal(proof, FABRIKAM).acquire_token_for_client([GRAPH])

    assert (answer["error"], answer["error_codes"]) == ("invalid_client", [700027])


def test_an_authority_may_be_given_as_an_openid_issuer(clients: Clients, registration: Registration) -> None:
    app = msal.ConfidentialClientApplication(
        registration.client_id,
        client_credential=registration.credential,
        oidc_authority=f"{clients.simulator.origin}/31b1f9a2-0f7e-4c3f-9d1a-6e5c2a8b7d01/v2.0",
        verify=str(clients.simulator.ca_path),
    )

    assert app.acquire_token_for_client([GRAPH])["token_type"] == "Bearer"


def test_instance_discovery_may_be_asked_of_the_same_host(clients: Clients, registration: Registration) -> None:
    origin = clients.simulator.origin
    app = msal.ConfidentialClientApplication(
        registration.client_id,
        client_credential=registration.credential,
        authority=f"{origin}/{FABRIKAM}",
        instance_discovery=f"{origin}/common/discovery/instance",
        verify=str(clients.simulator.ca_path),
    )

    assert app.acquire_token_for_client([GRAPH])["token_type"] == "Bearer"


def test_an_installed_application_signs_in_without_a_secret(clients: Clients) -> None:
    app = msal.PublicClientApplication(
        INSTALLED,
        authority=f"{clients.simulator.origin}/organizations",
        instance_discovery=False,
        verify=str(clients.simulator.ca_path),
    )
    flow = begin(app, ["User.Read"], clients.simulator.redirect_uri)

    tokens = app.acquire_token_by_auth_code_flow(flow, clients.simulator.sign_in(flow["auth_uri"], BEN))
    fresh = app.acquire_token_silent(["User.Read"], account=app.get_accounts()[0], force_refresh=True)

    assert tokens["id_token_claims"]["aud"] == INSTALLED
    assert fresh["token_source"] == "identity_provider"


def test_a_client_that_can_be_challenged_says_so_and_is_served(clients: Clients, registration: Registration) -> None:
    app = clients.msal(registration, client_capabilities=["CP1"])
    flow = begin(app, SCOPES, clients.simulator.redirect_uri)

    tokens = app.acquire_token_by_auth_code_flow(flow, clients.simulator.sign_in(flow["auth_uri"], BEN))

    # Continuous access evaluation: up to 28 hours instead of about one.
    assert tokens["expires_in"] > 12 * 3600


def test_an_answer_by_form_post_is_taken(clients: Clients, registration: Registration) -> None:
    app = clients.msal(registration)
    flow = begin(app, SCOPES, clients.simulator.redirect_uri, response_mode="form_post")

    tokens = app.acquire_token_by_auth_code_flow(flow, clients.simulator.sign_in(flow["auth_uri"], BEN))

    assert tokens["id_token_claims"]["preferred_username"] == BEN


def test_a_wrong_secret_is_an_error_answer(clients: Clients) -> None:
    wrong = Registration(CONFORMANCE, "not the secret")

    answer = clients.msal(wrong, FABRIKAM).acquire_token_for_client([GRAPH])

    assert (answer["error"], answer["error_codes"]) == ("invalid_client", [7000215])


def test_an_application_gets_no_token_at_organizations(clients: Clients, registration: Registration) -> None:
    # msal warns of it too, and asks nevertheless.
    with pytest.warns(DeprecationWarning):
        answer = clients.msal(registration).acquire_token_for_client([GRAPH])

    assert answer["error_codes"] == [9001023]
