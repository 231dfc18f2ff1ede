"""azure-identity with the Graph client, as the Graph client's own documentation shows them together."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

import pytest
from azure.core.exceptions import ClientAuthenticationError
from azure.identity import AuthorizationCodeCredential, CertificateCredential, ClientSecretCredential
from kiota_authentication_azure.azure_identity_authentication_provider import AzureIdentityAuthenticationProvider
from msgraph import GraphServiceClient
from msgraph.graph_request_adapter import GraphRequestAdapter

from tests.conformance.certificates import Certificate
from tests.conformance.clients import GRAPH, Clients, Registration
from tests.conformance.conftest import BEN, CONFORMANCE, FABRIKAM, SCOPES
from tests.simulated import Simulator

TENANT = "31b1f9a2-0f7e-4c3f-9d1a-6e5c2a8b7d01"


def _where(simulator: Simulator) -> dict[str, Any]:
    return {
        "authority": simulator.origin,
        "disable_instance_discovery": True,
        "connection_verify": str(simulator.ca_path),
    }


async def test_a_secret_opens_graph(clients: Clients) -> None:
    simulator = clients.simulator
    with ClientSecretCredential(TENANT, CONFORMANCE, simulator.client_secret, **_where(simulator)) as credential:
        user = await clients.graph(credential).users.by_user_id(BEN).get()

    assert user.display_name == "Ben Walters"


async def test_a_certificate_opens_graph(clients: Clients, certificate: Certificate) -> None:
    proof = {"certificate_data": certificate.both, **_where(clients.simulator)}
    with CertificateCredential(TENANT, CONFORMANCE, **proof) as credential:
        user = await clients.graph(credential).users.by_user_id(BEN).get()

    assert user.display_name == "Ben Walters"


async def test_a_code_opens_graph_for_the_person(clients: Clients) -> None:
    simulator = clients.simulator
    asked = {
        "client_id": CONFORMANCE,
        "response_type": "code",
        "redirect_uri": simulator.redirect_uri,
        "scope": " ".join(["openid", "offline_access", *SCOPES]),
    }
    code = simulator.sign_in(f"{simulator.origin}/{FABRIKAM}/oauth2/v2.0/authorize?{urlencode(asked)}", BEN)["code"]
    how = {"client_secret": simulator.client_secret, **_where(simulator)}
    with AuthorizationCodeCredential(TENANT, CONFORMANCE, code, simulator.redirect_uri, **how) as credential:
        me = await clients.graph(credential).me.get()

    assert me.user_principal_name == BEN


async def test_a_wrong_secret_is_an_authentication_error(clients: Clients) -> None:
    with (
        ClientSecretCredential(TENANT, CONFORMANCE, "wrong", **_where(clients.simulator)) as credential,
        pytest.raises(ClientAuthenticationError, match="AADSTS7000215"),
    ):
        credential.get_token(GRAPH)


async def test_the_client_works_with_nothing_but_its_base_address_changed(
    clients: Clients, registration: Registration, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All else is its own: HTTP client, scopes from the host's name, continuous access evaluation."""
    simulator = clients.simulator
    monkeypatch.setenv("SSL_CERT_FILE", str(simulator.ca_path))
    with ClientSecretCredential(TENANT, CONFORMANCE, simulator.client_secret, **_where(simulator)) as credential:
        adapter = GraphRequestAdapter(AzureIdentityAuthenticationProvider(credential))
        adapter.base_url = f"{simulator.graph_url}/"
        try:
            user = await GraphServiceClient(request_adapter=adapter).users.by_user_id(BEN).get()
        finally:
            # Its own transport does not close the one beneath it.
            await adapter._http_client._transport.transport.aclose()

    assert user.display_name == "Ben Walters"
