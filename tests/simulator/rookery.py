"""Organizations with every kind of rule for signing in and consenting, and applications of every kind."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

import requests

from tests.simulated import PASSWORD, Simulator
from tests.simulator.client import Client

CALLBACK = "http://localhost:8000/integrations/microsoft/callback/"
SPA = "http://localhost:5173/spa/"
PLANNER = "70000000-0000-4000-8000-000000000001"
TRUSTED = "70000000-0000-4000-8000-000000000002"
GATED = "70000000-0000-4000-8000-000000000003"
OFF = "70000000-0000-4000-8000-000000000004"
NATIVE = "70000000-0000-4000-8000-000000000005"
BARE = "70000000-0000-4000-8000-000000000006"
HOME_MADE = "70000000-0000-4000-8000-000000000007"
OPEN = "71000000-0000-4000-8000-000000000001"
CAREFUL = "71000000-0000-4000-8000-000000000002"
STRICT = "71000000-0000-4000-8000-000000000003"
SECRET = "rookery-secret"

SEED = f"""
password: {PASSWORD}
tenants:
  - id: {OPEN}
    name: Open & Co
    domains: [open.example, open2.example]
    people:
      ada: {{name: Ada Admin, admin: true}}
      ben: {{name: Ben Busy}}
      mia: {{name: Mia Moore, mfa: true}}
      rob: {{name: Rob Roy, blocked: true}}
      dee: {{name: Dee Dunn, enabled: false}}
      gil: {{name: Gil Guest, upn: "gil_away.example#EXT#@open.example", mail: gil@away.example, guest: true}}
    enterprise_applications:
      - {{application: Gated, assignment_required: true, assigned: [ben]}}
      - {{application: "Off", enabled: false}}
  - id: {CAREFUL}
    name: Careful
    domains: [careful.example]
    user_consent: verified_publishers
    consent_workflow: true
    people:
      cleo: {{name: Cleo Chief, admin: true}}
      cal: {{name: Cal Cole}}
  - id: {STRICT}
    name: Strict
    domains: [strict.example]
    user_consent: not_allowed
    people:
      sue: {{name: Sue Stern, admin: true}}
      sam: {{name: Sam Sand}}
applications:
  - client_id: {PLANNER}
    name: Planner
    publisher: open.example
    secret: {SECRET}
    redirect_uris: ["{CALLBACK}"]
    spa_redirect_uris: ["{SPA}"]
    issues_id_tokens: true
    permissions: [openid, profile, offline_access, User.Read, Calendars.Read]
    roles: [Calendars.Read, User.Read.All]
  - client_id: {TRUSTED}
    name: Trusted
    publisher: open.example
    publisher_verified: true
    secret: {SECRET}
    redirect_uris: ["{CALLBACK}"]
    permissions: [User.Read]
  - {{client_id: {GATED}, name: Gated, publisher: open.example, secret: {SECRET}, redirect_uris: ["{CALLBACK}"]}}
  - {{client_id: {OFF}, name: "Off", publisher: open.example, secret: {SECRET}, redirect_uris: ["{CALLBACK}"]}}
  - client_id: {NATIVE}
    name: Native
    publisher: open.example
    public: true
    redirect_uris: ["http://localhost/app", "app.native:/back"]
  - {{client_id: {BARE}, name: Bare, publisher: open.example, secret: {SECRET}}}
  - client_id: {HOME_MADE}
    name: Home-made
    publisher: careful.example
    secret: {SECRET}
    redirect_uris: ["{CALLBACK}"]
"""


@dataclass
class Rooks(Client):
    """A client that speaks for the Planner unless it is told otherwise."""

    def authorize_url(self, tenant: str = "organizations", /, **changes: str | None) -> str:
        return super().authorize_url(tenant, **{"client_id": PLANNER, **changes})

    def token(self, tenant: str = "organizations", /, **body: str | None) -> requests.Response:
        return super().token(tenant, **{"client_id": PLANNER, "client_secret": SECRET, **body})

    def admin_url(self, tenant: str = "organizations", version: str = "", **changes: str | None) -> str:
        """`version` is "" or "/v2.0"."""
        wanted: dict[str, str | None] = {
            "client_id": PLANNER,
            "redirect_uri": CALLBACK,
            "state": "state-of-the-client",
            "scope": "https://graph.microsoft.com/.default" if version else None,
            **changes,
        }
        query = urlencode({name: value for name, value in wanted.items() if value is not None})
        return f"{self.simulator.human_url}/{tenant}{version}/adminconsent?{query}"

    def walk(self, name: str, url: str = "", **options: Any) -> dict[str, str]:
        return self.simulator.sign_in(url or self.authorize_url(), name, **options)

    def grants(self) -> list[dict[str, Any]]:
        return list(self.simulator.control("GET", "state")["grants"])


def sent_back(answer: requests.Response) -> dict[str, str]:
    """What a redirect carries, in its query or its fragment."""
    parts = urlsplit(answer.headers["Location"])
    return dict(parse_qsl(parts.query or parts.fragment))


def start(directory: Any) -> Simulator:
    (directory / "seed.yaml").write_text(SEED)
    return Simulator(options=("--seed", str(directory / "seed.yaml"))).start(directory)
