"""An organization with people of every kind, and tokens with just the permissions that a test names."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any
from uuid import UUID, uuid5

import jwt
import requests
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from tests.simulated import PASSWORD, Simulator
from tests.simulator.client import Client, header, payload

TENANT = "72000000-0000-4000-8000-000000000001"
OTHER = "72000000-0000-4000-8000-000000000002"
KEEPER = "72000000-0000-4000-8000-00000000000a"
SCOPED = "72000000-0000-4000-8000-00000000000b"
POLICED = "72000000-0000-4000-8000-00000000000c"
DENIED = "72000000-0000-4000-8000-00000000000d"
BOTH = "72000000-0000-4000-8000-00000000000e"
STRANGE = "72000000-0000-4000-8000-00000000000f"
SECRET = "aviary-secret"
CALLBACK = "http://localhost:8000/integrations/microsoft/callback/"
GRAPH = "00000003-0000-0000-c000-000000000000"
ADA, BEN, CAL, NAT, DOT = (f"{name}@aviary.example" for name in ("ada", "ben", "cal", "nat", "dot"))
GIL = "gil@away.example"
ADDRESSES = {"ada": ADA, "ben": BEN, "cal": CAL, "nat": NAT, "gil": GIL}
GIL_UPN = "gil_away.example#EXT#@aviary.example"
SCOPES = ["openid", "profile", "email", "offline_access", "User.Read", "Calendars.Read"]

SEED = f"""
password: {PASSWORD}
tenants:
  - id: {TENANT}
    name: Aviary & Sons
    domains: [aviary.example, wing.example, {{name: unproven.example, verified: false}}]
    time_zone: Europe/Paris
    people:
      ada: {{name: Ada Adler, admin: true, title: Director, office: Paris, phone: "+33 1 23 45"}}
      ben:
        name: Ben O'Hara
        title: Keeper
        aliases: [b.ohara@wing.example, ben.alias@aviary.example]
        contacts:
          - name: Zoë Wren
            emails: [zoe@wren.example, z@wren.example]
            company: Wren Ltd
            title: Buyer
            mobile: "+44 7700 900001"
          - {{name: Kit Kestrel, emails: [kit@hawk.example], company: Hawk plc}}
          - {{name: Amy Finch}}
      cal: {{name: Cal Crane, mailbox: on_premises}}
      nat: {{name: Nat Nest, mailbox: none}}
      dot: {{name: Dot Dove, enabled: false}}
      gil: {{name: Gil Guest, upn: "{GIL_UPN}", mail: {GIL}, guest: true}}
    crowd: {{people: 120}}
    enterprise_applications:
      - application: Keeper
        grants: [{{for: everyone, scopes: {json.dumps(SCOPES)}}}, {{for: ben, scopes: [Contacts.Read]}}]
        roles: [Calendars.Read, User.Read.All]
      - {{application: Scoped, scoped_roles: {{Calendars.Read: [ben]}}}}
      - {{application: Policed, roles: [Calendars.Read], access_policy: {{only: [ben]}}}}
      - {{application: Denied, roles: [Calendars.Read], access_policy: {{all_but: [ben]}}}}
      - application: Both
        roles: [Calendars.Read]
        scoped_roles: {{Calendars.Read: [ada]}}
        access_policy: {{only: [ben]}}
  - id: {OTHER}
    name: Elsewhere
    domains: [elsewhere.example]
    people:
      eve: {{name: Eve Else, admin: true}}
applications:
  - client_id: {KEEPER}
    name: Keeper
    publisher: aviary.example
    secret: {SECRET}
    redirect_uris: ["{CALLBACK}"]
    permissions: {json.dumps(SCOPES)}
    roles: [Calendars.Read, User.Read.All]
  - {{client_id: {SCOPED}, name: Scoped, publisher: aviary.example, secret: {SECRET}}}
  - {{client_id: {POLICED}, name: Policed, publisher: aviary.example, secret: {SECRET}}}
  - {{client_id: {DENIED}, name: Denied, publisher: aviary.example, secret: {SECRET}}}
  - {{client_id: {BOTH}, name: Both, publisher: aviary.example, secret: {SECRET}}}
  - {{client_id: {STRANGE}, name: Strange, publisher: elsewhere.example, secret: {SECRET}}}
"""


def oid(key: str) -> str:
    """The object id that a seed without ids gives to a person."""
    return str(uuid5(UUID(TENANT), key))


@dataclass
class Birds(Client):
    """Signs tokens with the simulator's own key: like those it issues, but for what a test changes in them."""

    _kept: dict[str, dict[str, Any]] = field(default_factory=dict)

    def authorize_url(self, tenant: str = "organizations", /, **changes: str | None) -> str:
        return super().authorize_url(tenant, **{"client_id": KEEPER, **changes})

    def token(self, tenant: str = "organizations", /, **body: str | None) -> requests.Response:
        return super().token(tenant, **{"client_id": KEEPER, "client_secret": SECRET, **body})

    def application(self, client_id: str = KEEPER) -> str:
        """A token of an application for itself, as it is issued."""
        answer = self.token(
            TENANT,
            client_id=client_id,
            client_secret=SECRET,
            grant_type="client_credentials",
            scope="https://graph.microsoft.com/.default",
        )
        assert answer.status_code == 200, answer.text
        return str(answer.json()["access_token"])

    def as_app(self, *roles: str, **changes: Any) -> str:
        return self.signed({**self._claims_of_app, "roles": list(roles), **changes})

    def as_person(self, key: str, *scopes: str, **changes: Any) -> str:
        """Their claims come from a sign-in of theirs."""
        if key not in self._kept:
            self._kept[key] = _lasting(payload(self.connect(ADDRESSES[key])["access_token"]))
        return self.signed({**self._kept[key], "scp": " ".join(scopes), **changes})

    def reset(self) -> None:
        """The first day again; tokens from before are worth nothing."""
        self.simulator.control("POST", "reset")
        self._kept.clear()

    def signed(self, claims: dict[str, Any]) -> str:
        now = time.time()
        fresh: dict[str, Any] = {"iat": int(now), "nbf": int(now), "exp": int(now) + 3600}
        if "xms_idrel" in claims:
            # Its last part is the moment of issue, to the microsecond.
            issued = int(claims.get("iat", now) * 1_000_000)
            fresh["xms_idrel"] = f"{claims['xms_idrel'].rpartition('.')[0]}.{issued}"
        chosen = {**claims, **fresh, **_given(claims)}
        return jwt.encode(chosen, self._key, algorithm="RS256", headers={"kid": self._kid})

    def batch(self, token: str, *items: dict[str, Any], body: Any = None) -> requests.Response:
        return self.http.post(
            f"{self.simulator.graph_url}/$batch",
            json={"requests": list(items)} if body is None else body,
            headers={"Authorization": f"Bearer {token}"},
            timeout=30,
        )

    def send(self, token: str, method: str, path: str, json: Any = None, **headers: str) -> requests.Response:
        return self.http.request(
            method,
            f"{self.simulator.graph_url}{path}",
            json=json,
            headers={"Authorization": f"Bearer {token}", **headers},
            timeout=30,
        )

    @cached_property
    def _claims_of_app(self) -> dict[str, Any]:
        return _lasting(payload(self.application()))

    @cached_property
    def _key(self) -> RSAPrivateKey:
        """Reading one takes longer than signing with it."""
        key = load_pem_private_key((self.simulator.data / "signing-key.pem").read_bytes(), None)
        assert isinstance(key, RSAPrivateKey)
        return key

    @cached_property
    def _kid(self) -> str:
        return str(header(self.application())["kid"])


def _lasting(claims: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in claims.items() if name not in ("iat", "nbf", "exp")}


def start(directory: Path) -> Simulator:
    (directory / "seed.yaml").write_text(SEED)
    return Simulator(options=("--seed", str(directory / "seed.yaml"))).start(directory)


def _given(claims: dict[str, Any]) -> dict[str, Any]:
    """Times that a test chose."""
    return {name: claims[name] for name in ("iat", "nbf", "exp") if name in claims}
