"""Steps that an admin takes at Microsoft, and how they begin: signed in to one of its modules, with the application in
this very organization at hand. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from integrations.organization.exchange_commands import quoted

# Graph's host of each of Microsoft's clouds: what their two modules call it.
CLOUDS = {
    "graph.microsoft.us": ("USGov", "O365USGovGCCHigh"),
    "dod-graph.microsoft.us": ("USGovDoD", "O365USGovDoD"),
    "microsoftgraph.chinacloudapi.cn": ("China", "O365China"),
}
WHO_GRANTS = "a Privileged Role Administrator or a Global Administrator"
WHO_REMOVES = "a Cloud Application Administrator, an Application Administrator or a Global Administrator"


@dataclass(frozen=True)
class Place:
    """The application in one organization."""

    app_id: str
    tenant_id: str
    # Of the enterprise application there; empty where it is not known.
    principal_id: str = ""
    graph_host: str = "graph.microsoft.com"


@dataclass(frozen=True)
class Step:
    title: str
    says: str
    commands: str = ""


def sign_in_to_graph(
    place: Place,
    *,
    who: str = WHO_GRANTS,
    scopes: Sequence[str] = ("Application.Read.All", "AppRoleAssignment.ReadWrite.All"),
) -> Step:
    environment = CLOUDS.get(place.graph_host, ("", ""))[0]
    more = f" -Environment {environment}" if environment else ""
    return Step(
        "Sign in to Microsoft Graph PowerShell",
        f"As {who}. Install it once with “Install-Module Microsoft.Graph”.",
        f"Connect-MgGraph -TenantId {quoted(place.tenant_id)}{more} "
        f"-Scopes {','.join(quoted(scope) for scope in scopes)}",
    )


def sign_in_to_exchange(place: Place) -> Step:
    environment = CLOUDS.get(place.graph_host, ("", ""))[1]
    more = f" -ExchangeEnvironmentName {environment}" if environment else ""
    return Step(
        "Sign in to Exchange Online PowerShell",
        "With the role Organization Management. Install it once with “Install-Module ExchangeOnlineManagement”.",
        f"Connect-ExchangeOnline{more}",
    )


def principal_of(place: Place) -> str:
    """The object id of the enterprise application, which differs in each organization."""
    if place.principal_id:
        return f"$principalId = {quoted(place.principal_id)}"
    return f"$principalId = (Get-MgServicePrincipal -Filter \"appId eq '{place.app_id}'\").Id"
