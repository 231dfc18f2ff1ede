"""Microsoft's Graph client: who is there, what they allowed, and taking it back."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from msgraph import GraphServiceClient
from msgraph.generated.models.o_auth2_permission_grant import OAuth2PermissionGrant
from msgraph.generated.models.o_data_errors.o_data_error import ODataError

from tests.conformance.asking import asking, every
from tests.conformance.clients import Clients, ItsOwn, Registration, SignedIn
from tests.conformance.conftest import BEN, CONFORMANCE, FABRIKAM, READERS, SCOPES

GRAPH_APP_ID = "00000003-0000-0000-c000-000000000000"


async def test_me_is_the_person_who_signed_in(ben: GraphServiceClient) -> None:
    me = await ben.me.get()

    assert (me.user_principal_name, me.display_name, me.job_title) == (BEN, "Ben Walters", "Buyer")
    assert (me.given_name, me.surname, me.mail) == ("Ben", "Walters", BEN)
    assert me.business_phones == ["+49 40 555 0102"]


async def test_the_clients_own_base_address_makes_double_slashes(
    clients: Clients, people: Callable[[str], SignedIn]
) -> None:
    # Its default ends in a slash: it asks for /v1.0//me.
    client = clients.graph(people("ben"), base=f"{clients.simulator.graph_url}/")

    me = await client.me.get()

    assert me.user_principal_name == BEN


async def test_an_application_is_nobody(app: GraphServiceClient) -> None:
    with pytest.raises(ODataError) as refused:
        await app.me.get()

    assert refused.value.response_status_code == 400
    assert refused.value.error.code == "BadRequest"
    assert "/me request is only valid with delegated authentication flow" in refused.value.error.message


async def test_a_user_is_found_by_name_and_by_id(app: GraphServiceClient) -> None:
    by_name = await app.users.by_user_id(BEN).get()

    by_id = await app.users.by_user_id(by_name.id).get()

    assert by_id.user_principal_name == BEN


async def test_users_are_filtered_and_only_what_was_selected_is_sent(app: GraphServiceClient) -> None:
    query = asking(app.users, filter="startswith(displayName,'Ben W')", select=["id", "userPrincipalName"])

    page = await app.users.get(query)

    assert [one.user_principal_name for one in page.value] == [BEN]
    assert page.value[0].id
    assert page.value[0].display_name is None


async def test_the_page_iterator_walks_through_all_users_once(app: GraphServiceClient) -> None:
    # Twelve people and a crowd of forty-five.
    first = await app.users.get(asking(app.users, top=20, select=["id"]))

    found = await every(app, first)

    assert len(found) == len({one.id for one in found}) == 57


async def test_a_user_who_is_not_there_is_an_error_with_its_code(app: GraphServiceClient) -> None:
    with pytest.raises(ODataError) as refused:
        await app.users.by_user_id("nobody@fabrikam.example").get()

    assert refused.value.response_status_code == 404
    assert refused.value.error.code == "Request_ResourceNotFound"


async def test_the_organization_names_its_verified_domains(app: GraphServiceClient) -> None:
    page = await app.organization.get()

    assert page.value[0].display_name == "Fabrikam"
    assert {one.name for one in page.value[0].verified_domains} == {FABRIKAM, "fabrikam-sales.example"}


async def test_a_directory_resource_without_permission_is_refused_in_the_directorys_words(clients: Clients) -> None:
    readers = clients.graph(ItsOwn(clients.msal(_readers(clients), FABRIKAM)))

    with pytest.raises(ODataError) as refused:
        await readers.organization.get()

    assert refused.value.response_status_code == 403
    assert refused.value.error.code == "Authorization_RequestDenied"


async def test_a_route_that_is_not_simulated_is_an_error_and_no_pretended_success(ben: GraphServiceClient) -> None:
    with pytest.raises(ODataError) as refused:
        await ben.me.drive.get()

    assert refused.value.response_status_code in {400, 404}
    assert refused.value.error.code


async def test_what_ben_consented_to_is_one_of_his_grants(ben: GraphServiceClient, app: GraphServiceClient) -> None:
    await ben.me.get()
    principal = await app.service_principals_with_app_id(CONFORMANCE).get()
    person = await app.users.by_user_id(BEN).get()

    grants = await app.oauth2_permission_grants.get(
        asking(app.oauth2_permission_grants, filter=f"clientId eq '{principal.id}'")
    )

    mine = next(one for one in grants.value if one.principal_id == person.id)
    assert mine.consent_type == "Principal"
    assert set(SCOPES) <= set(mine.scope.split())


async def test_a_grant_is_narrowed_and_then_deleted(
    clients: Clients, registration: Registration, app: GraphServiceClient
) -> None:
    tokens = clients.sign_in(registration, "outside@fabrikam.example", SCOPES).tokens
    person = await app.users.by_user_id("outside@fabrikam.example").get()
    grants = await app.oauth2_permission_grants.get(
        asking(app.oauth2_permission_grants, filter=f"principalId eq '{person.id}'")
    )
    grant = app.oauth2_permission_grants.by_o_auth2_permission_grant_id(grants.value[0].id)

    await grant.patch(OAuth2PermissionGrant(scope="openid profile offline_access User.Read"))
    narrowed = _refresh(clients, registration, tokens["refresh_token"], ["User.Read"])
    await grant.delete()
    refused = _refresh(clients, registration, tokens["refresh_token"], ["User.Read"])

    assert "Calendars.ReadWrite" not in narrowed["scope"].split()
    assert (refused["error"], refused["suberror"]) == ("invalid_grant", "consent_required")


async def test_app_role_assignments_name_what_was_granted(app: GraphServiceClient) -> None:
    principal = await app.service_principals_with_app_id(READERS).get()
    graph = await app.service_principals_with_app_id(GRAPH_APP_ID).get()
    builder = app.service_principals.by_service_principal_id(principal.id).app_role_assignments

    assignments = await builder.get()

    names = {str(role.id): role.value for role in graph.app_roles}
    assert [names[str(one.app_role_id)] for one in assignments.value] == ["User.ReadBasic.All"]
    assert assignments.value[0].resource_display_name == "Microsoft Graph"


async def test_revoking_sign_in_sessions_ends_refreshing(
    clients: Clients, registration: Registration, app: GraphServiceClient
) -> None:
    tokens = clients.sign_in(registration, "revoked@fabrikam.example", SCOPES).tokens

    answer = await app.users.by_user_id("revoked@fabrikam.example").revoke_sign_in_sessions.post()
    refused = _refresh(clients, registration, tokens["refresh_token"], list(SCOPES))

    assert answer.value is True
    assert refused["error_codes"] == [50173]


def _readers(clients: Clients) -> Registration:
    return Registration(READERS, clients.simulator.client_secret)


def _refresh(clients: Clients, registration: Registration, token: str, scopes: list[str]) -> dict[str, Any]:
    # A fresh application: msal remembers a 400 for a minute.
    return dict(clients.msal(registration).acquire_token_by_refresh_token(token, scopes))
