"""What the tests say to the simulator, in OAuth's and Graph's own words, without any client library."""

from __future__ import annotations

import base64
import hashlib
import json
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

import requests

from tests.simulated import Simulator

VERIFIER = "correct-horse-battery-staple-correct-horse-battery-staple"
CHALLENGE = base64.urlsafe_b64encode(hashlib.sha256(VERIFIER.encode()).digest()).rstrip(b"=").decode()
SCOPE = "openid profile offline_access User.Read Calendars.Read"
ALICE = "alice@kestrel.example"
BOB = "bob@kestrel.example"


@dataclass
class Client:
    simulator: Simulator
    http: requests.Session = field(init=False)

    def __post_init__(self) -> None:
        self.http = self.simulator.http()

    def authorize_url(self, tenant: str = "organizations", /, **changes: str | None) -> str:
        wanted: dict[str, str | None] = {
            "client_id": self.simulator.client_id,
            "response_type": "code",
            "redirect_uri": self.simulator.redirect_uri,
            "scope": SCOPE,
            "state": "state-of-the-client",
            "nonce": "nonce-of-the-client",
            "code_challenge": CHALLENGE,
            "code_challenge_method": "S256",
            **changes,
        }
        query = urlencode({name: value for name, value in wanted.items() if value is not None})
        return f"{self.simulator.human_url}/{tenant}/oauth2/v2.0/authorize?{query}"

    def code(self, name: str = ALICE, **changes: str | None) -> str:
        return self.simulator.sign_in(self.authorize_url(**changes), name)["code"]

    def token(self, tenant: str = "organizations", /, **body: str | None) -> requests.Response:
        """A token request; the client's credential is added unless the test says otherwise."""
        form: dict[str, str | None] = {
            "client_id": self.simulator.client_id,
            "client_secret": self.simulator.client_secret,
            **body,
        }
        return self.http.post(
            f"{self.simulator.origin}/{tenant}/oauth2/v2.0/token",
            data={key: value for key, value in form.items() if value is not None},
            timeout=30,
        )

    def redeem(self, code: str, tenant: str = "organizations", /, **changes: str | None) -> requests.Response:
        body: dict[str, str | None] = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": self.simulator.redirect_uri,
            "code_verifier": VERIFIER,
            **changes,
        }
        return self.token(tenant, **body)

    def refresh(self, token: str, tenant: str = "organizations", /, **changes: str | None) -> requests.Response:
        body: dict[str, str | None] = {"grant_type": "refresh_token", "refresh_token": token, **changes}
        return self.token(tenant, **body)

    def connect(self, name: str = ALICE, scope: str = SCOPE) -> dict[str, Any]:
        """Sign in, consent, redeem: the token answer."""
        answer = self.redeem(self.code(name, scope=scope))
        assert answer.status_code == 200, answer.text
        return dict(answer.json())

    def graph(self, token: str, path: str, method: str = "GET", **headers: str) -> requests.Response:
        bearer = {"Authorization": f"Bearer {token}"} if token else {}
        url = path if path.startswith("https://") else f"{self.simulator.graph_url}{path}"
        return self.http.request(method, url, headers={**bearer, **headers}, timeout=30)

    def grants(self) -> list[dict[str, Any]]:
        """What people allowed this client; the seed has allowed another application something already."""
        state = self.simulator.control("GET", "state")
        return [one for one in state["grants"] if one["client_id"] == self.simulator.client_id]

    def person(self, name: str, action: str, json: object = None) -> None:
        self.simulator.control("POST", f"people/{name}/{action}", json)


@dataclass
class Reader(Client):
    _tokens: dict[tuple[str, str], dict[str, Any]] = field(default_factory=dict)

    def connect(self, name: str = ALICE, scope: str = SCOPE) -> dict[str, Any]:
        if (name, scope) not in self._tokens:
            # A grant only ever grows: whoever asks for one permission alone must not have had others.
            self.simulator.control("DELETE", f"people/{name}/grants")
            self._tokens[name, scope] = super().connect(name, scope)
        return self._tokens[name, scope]


def payload(token: str) -> dict[str, Any]:
    return dict(json.loads(_decode(token.split(".")[1])))


def header(token: str) -> dict[str, Any]:
    return dict(json.loads(_decode(token.split(".")[0])))


def _decode(part: str) -> bytes:
    return base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))
