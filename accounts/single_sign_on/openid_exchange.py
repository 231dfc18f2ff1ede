"""allauth's OpenID Connect, for the providers of accounts: where the browser goes, and a code for a token.

allauth's own views find providers in its own tables, keep their state without a nonce, and believe a token that came
by TLS without looking at its signature. So its provider, its adapter and its client do what they do well (scopes, PKCE,
the address to go to, how the client proves who it is), and what comes back is judged in `id_tokens`.
"""

from __future__ import annotations

import base64
import hashlib
from typing import Any
from urllib.parse import quote_plus

from allauth.socialaccount.adapter import get_adapter
from allauth.socialaccount.models import SocialApp
from allauth.socialaccount.providers.oauth2.client import OAuth2Client
from allauth.socialaccount.providers.openid_connect.provider import OpenIDConnectProvider
from allauth.socialaccount.providers.openid_connect.views import OpenIDConnectOAuth2Adapter
from django.conf import settings
from django.urls import reverse
from requests.auth import HTTPBasicAuth

from accounts import vault
from accounts.models import IdentityProvider
from accounts.single_sign_on import discovery, wire
from accounts.single_sign_on.causes import Cause, Refused
from accounts.single_sign_on.discovery import Discovered
from accounts.single_sign_on.trips import Trip

_WHAT = "The token of the provider"
_SECRET_REFUSED = frozenset({"invalid_client", "unauthorized_client"})
_LATER = frozenset({"server_error", "temporarily_unavailable"})


class _Client(OAuth2Client):  # type: ignore[misc]  # allauth ships no types
    """As allauth's, and: an endpoint may have a query of its own; scopes have an order; errors say what they are."""

    def get_redirect_url(self, authorization_url: str, scope: list[str], extra_params: dict[str, str]) -> str:
        _, _, whole = super().get_redirect_url("", [], extra_params | {"scope": " ".join(scope)}).partition("?")
        return f"{authorization_url}{'&' if '?' in authorization_url else '?'}{whole}"

    def get_access_token(self, code: str, pkce_code_verifier: str = "", extra_data: Any = None) -> dict[str, Any]:
        form = {"grant_type": "authorization_code", "code": code, "redirect_uri": self.callback_url}
        form |= {"code_verifier": pkce_code_verifier}
        proof = None
        if self.basic_auth:
            # Each of both encoded like a form first: RFC 6749 §2.3.1.
            proof = HTTPBasicAuth(quote_plus(self.consumer_key), quote_plus(self.consumer_secret))
        else:
            form |= {"client_id": self.consumer_key}
            form |= {"client_secret": self.consumer_secret} if self.consumer_secret else {}
        with wire.trouble(_WHAT, self.access_token_url), get_adapter().get_requests_session() as asked:
            answer = asked.post(self.access_token_url, data=form, headers={"Accept": "application/json"}, auth=proof)
        if answer.status_code in (400, 401, 403):
            raise _refusal(wire.json_of(answer, what=_WHAT))
        wire.must_be_fine(answer, what=_WHAT)
        return wire.json_of(answer, what=_WHAT)


class _Adapter(OpenIDConnectOAuth2Adapter):  # type: ignore[misc]  # as above
    client_class = _Client

    def __init__(self, provider: OfAccount) -> None:
        # No request: nothing here may depend on what the browser says, not even our own address.
        super().__init__(None, provider.app.provider_id)
        self._provider = provider

    def get_provider(self) -> OfAccount:
        return self._provider

    @property
    def openid_config(self) -> dict[str, Any]:
        found = self._provider.found
        return {
            "authorization_endpoint": found.authorization_endpoint,
            "token_endpoint": found.token_endpoint,
            "userinfo_endpoint": found.userinfo_endpoint,
            "jwks_uri": found.jwks_uri,
            "issuer": found.issuer,
            # What holds where nothing is said (OpenID Connect Discovery 1.0 §3).
            "token_endpoint_auth_methods_supported": found.client_authentication or ("client_secret_basic",),
        }

    def get_callback_url(self, request: Any, app: Any) -> str:
        return callback_address(app.provider_id)


class OfAccount(OpenIDConnectProvider):  # type: ignore[misc]  # as above
    """A provider that an account has set up, for one trip; its SocialApp is never saved."""

    oauth2_adapter_class = _Adapter

    def __init__(self, provider: IdentityProvider, trip: Trip, found: Discovered) -> None:
        self.trip, self.found = trip, found
        app = SocialApp(
            provider="openid_connect",
            provider_id=provider.key,
            name=provider.name,
            client_id=provider.client_id,
            secret=_secret(provider),
            settings={"server_url": discovery.address_of(provider.issuer)},
        )
        super().__init__(None, app=app)

    def get_oauth2_adapter(self, request: Any = None) -> _Adapter:
        return _Adapter(self)

    def get_pkce_params(self) -> dict[str, str]:
        digest = hashlib.sha256(self.trip.code_verifier.encode()).digest()
        challenge = base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
        return {"code_challenge": challenge, "code_challenge_method": "S256"}

    def get_auth_params(self) -> dict[str, str]:
        asked = {"nonce": self.trip.nonce}
        if self.trip.email:
            asked["login_hint"] = self.trip.email
        if self.trip.purpose == "again":
            asked |= {"prompt": "login", "max_age": "0"}
        if self.trip.purpose == "test":
            asked["prompt"] = "select_account"
        return asked

    def address(self) -> str:
        """Where to send the browser."""
        adapter = self.get_oauth2_adapter()
        client = adapter.get_client(None, self.app)
        client.state = self.trip.state
        asked = self.get_auth_params() | self.get_pkce_params()
        return str(client.get_redirect_url(adapter.authorize_url, self.get_scope(), asked))

    def tokens(self, code: str) -> dict[str, Any]:
        """Raises Refused."""
        client = self.get_oauth2_adapter().get_client(None, self.app)
        return dict(client.get_access_token(code, pkce_code_verifier=self.trip.code_verifier))


def callback_address(key: str) -> str:
    """Of our own; the provider is told of it, and sends the browser to no other."""
    return f"{settings.PUBLIC_URL}{reverse('sso_callback', args=[key])}"


def more_of(found: Discovered, access_token: str, *, subject: str) -> dict[str, Any]:
    """What the provider says of the person besides, about the same subject (§5.3.2). Raises Refused."""
    if not found.userinfo_endpoint or not access_token:
        return {}
    told = wire.get(found.userinfo_endpoint, what="What the provider says besides", token=access_token)
    if told.get("sub") != subject:
        says = "What the provider says besides (userinfo) is of somebody else than the id_token (sub)."
        raise Refused(Cause.PROVIDER_MISTAKEN, says)
    return told


def said_of(description: Any) -> str:
    """Words of somebody else, on one line and not too long."""
    return " ".join(str(description or "").split())[:200]


def _refusal(body: dict[str, Any]) -> Refused:
    error, words = str(body.get("error", ""))[:60], said_of(body.get("error_description"))
    says = f"{_WHAT}: refused with {error or 'no reason'}{f': {words}' if words else ''}"
    if error in _SECRET_REFUSED:
        return Refused(Cause.SECRET_REFUSED, f"{says} – the client ID or its secret is not accepted.")
    return Refused(Cause.PROVIDER_DOWN if error in _LATER else Cause.PROVIDER_REFUSED, says)


def _secret(provider: IdentityProvider) -> str:
    if not provider.client_secret:
        return ""
    try:
        return vault.open_sealed(provider.client_secret, bound_to=vault.place_of(provider, "client_secret"))
    except vault.CannotOpen as problem:
        raise Refused(Cause.SECRET_REFUSED, "The stored client secret cannot be opened. Enter it again.") from problem
