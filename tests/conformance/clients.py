"""Microsoft's own clients, told only where the service is, whom they are for, and which certificates to trust."""

from __future__ import annotations

import ssl
import time
import warnings
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import httpx
import msal
from azure.core.credentials import AccessToken
from kiota_authentication_azure.azure_identity_authentication_provider import AzureIdentityAuthenticationProvider
from msgraph import GraphServiceClient
from msgraph.graph_request_adapter import GraphRequestAdapter, options
from msgraph_core import GraphClientFactory

from tests.simulated import Simulator

GRAPH = "https://graph.microsoft.com/.default"


@dataclass(frozen=True)
class Registration:
    """An app registration of the seed."""

    client_id: str
    credential: Any
    """What msal takes: a secret, or a certificate with its key"""


@dataclass
class SignedIn:
    """A credential as azure-identity's are, which asks msal: a person who signed in once, refreshed in silence."""

    app: msal.ConfidentialClientApplication
    scopes: Sequence[str]
    tokens: dict[str, Any]

    def get_token(self, *_scopes: str, **_options: Any) -> AccessToken:
        account = self.app.get_accounts(self.tokens["id_token_claims"]["preferred_username"])[0]
        found = self.app.acquire_token_silent(list(self.scopes), account=account)
        assert found, "msal found no token in its cache, and could not refresh one"
        return AccessToken(found["access_token"], int(time.time()) + found["expires_in"])


@dataclass
class ItsOwn:
    """The application itself, by msal's client credentials."""

    app: msal.ConfidentialClientApplication

    def get_token(self, *_scopes: str, **_options: Any) -> AccessToken:
        found = self.app.acquire_token_for_client([GRAPH])
        assert "access_token" in found, found
        return AccessToken(found["access_token"], int(time.time()) + found["expires_in"])


@dataclass
class Clients:
    """Makes clients, and closes them when the test is over."""

    simulator: Simulator
    _open: list[httpx.AsyncHTTPTransport] = field(default_factory=list)

    def msal(self, registration: Registration, tenant: str = "organizations", **how: Any) -> Any:
        return msal.ConfidentialClientApplication(
            registration.client_id,
            client_credential=registration.credential,
            authority=f"{self.simulator.origin}/{tenant}",
            instance_discovery=False,
            verify=str(self.simulator.ca_path),
            **how,
        )

    def sign_in(self, registration: Registration, name: str, scopes: Sequence[str]) -> SignedIn:
        app = self.msal(registration)
        flow = begin(app, scopes, self.simulator.redirect_uri)
        tokens = app.acquire_token_by_auth_code_flow(flow, self.simulator.sign_in(flow["auth_uri"], name))
        assert "access_token" in tokens, tokens
        return SignedIn(app, scopes, tokens)

    def graph(self, credential: Any, base: str = "") -> GraphServiceClient:
        """The Graph client as its documentation makes it for another host, with all of its middleware."""
        trusted = ssl.create_default_context(cafile=str(self.simulator.ca_path))
        # The client's own transport does not close the one beneath it.
        self._open.append(transport := httpx.AsyncHTTPTransport(verify=trusted, http2=True))
        http = GraphClientFactory.create_with_default_middleware(
            client=httpx.AsyncClient(transport=transport, timeout=60), options=options
        )
        provider = AzureIdentityAuthenticationProvider(credential, scopes=[GRAPH], allowed_hosts=["localhost"])
        adapter = GraphRequestAdapter(provider, http)
        adapter.base_url = base or self.simulator.graph_url
        return GraphServiceClient(request_adapter=adapter)

    async def close(self) -> None:
        while self._open:
            await self._open.pop().aclose()


def begin(app: Any, scopes: Sequence[str], redirect_uri: str, **how: Any) -> dict[str, Any]:
    with warnings.catch_warnings():
        # msal advises form_post; a session cookie with SameSite=Lax does not survive that.
        warnings.simplefilter("ignore", UserWarning)
        return dict(app.initiate_auth_code_flow(list(scopes), redirect_uri=redirect_uri, **how))
