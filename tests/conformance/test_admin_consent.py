"""An administrator consents for a whole tenant; from then on the application works there by itself."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

import pytest
from msgraph import GraphServiceClient
from msgraph.generated.models.o_data_errors.o_data_error import ODataError

from tests.conformance.asking import asking
from tests.conformance.clients import GRAPH, Clients, ItsOwn, Registration
from tests.conformance.conftest import CONFORMANCE
from tests.simulated import Simulator


def _consent(simulator: Simulator, tenant: str, administrator: str, path: str = "/v2.0/adminconsent") -> dict[str, str]:
    """Walks the administrator's pages; the parameters with which they are sent back to the application."""
    asked = {"client_id": CONFORMANCE, "redirect_uri": simulator.redirect_uri, "state": "of the test"}
    if path.startswith("/v2.0"):
        asked["scope"] = GRAPH
    return simulator.sign_in(f"{simulator.human_url}/{tenant}{path}?{urlencode(asked)}", administrator)


def _by_itself(clients: Clients, registration: Registration, tenant: str) -> tuple[Any, GraphServiceClient]:
    app = clients.msal(registration, tenant)
    return app, clients.graph(ItsOwn(app))


async def test_before_consent_the_application_is_not_in_the_tenant(
    clients: Clients, registration: Registration
) -> None:
    answer = clients.msal(registration, "woodgrove.example").acquire_token_for_client([GRAPH])

    assert (answer["error"], answer["error_codes"]) == ("unauthorized_client", [700016])


@pytest.mark.parametrize(
    ("domain", "path"), [("adatum.example", "/v2.0/adminconsent"), ("lucerne.example", "/adminconsent")]
)
async def test_after_consent_it_reads_the_tenants_people(
    clients: Clients, registration: Registration, domain: str, path: str
) -> None:
    back = _consent(clients.simulator, domain, f"root@{domain}", path)

    _, graph = _by_itself(clients, registration, domain)
    users = await graph.users.get()

    assert (back["admin_consent"], back["state"]) == ("True", "of the test")
    assert "error" not in back
    assert [one.user_principal_name for one in users.value] == [f"root@{domain}"]
    assert (await graph.organization.get()).value[0].id == back["tenant"]


async def test_a_role_that_is_taken_back_is_missing_from_the_next_token(
    clients: Clients, registration: Registration
) -> None:
    _consent(clients.simulator, "tailspin.example", "root@tailspin.example")
    _, graph = _by_itself(clients, registration, "tailspin.example")
    principal = await graph.service_principals_with_app_id(CONFORMANCE).get()
    assignments = graph.service_principals.by_service_principal_id(principal.id).app_role_assignments
    resource = await graph.service_principals_with_app_id("00000003-0000-0000-c000-000000000000").get()
    names = {str(role.id): role.value for role in resource.app_roles}
    granted = {names[str(one.app_role_id)]: one.id for one in (await assignments.get()).value}

    await assignments.by_app_role_assignment_id(granted["User.Read.All"]).delete()
    _, afterwards = _by_itself(clients, registration, "tailspin.example")
    with pytest.raises(ODataError) as refused:
        await afterwards.users.get(asking(afterwards.users, top=1))

    assert refused.value.response_status_code == 403
    assert refused.value.error.code == "Authorization_RequestDenied"
