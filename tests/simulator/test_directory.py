"""Graph's directory: people, the organization, enterprise applications, and what was granted to them."""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from tests.simulator.aviary import (
    ADA,
    BEN,
    GIL_UPN,
    GRAPH,
    KEEPER,
    SCOPED,
    TENANT,
    Birds,
    oid,
)
from tests.simulator.client import payload

EVENTUAL = {"ConsistencyLevel": "eventual"}


def _people(birds: Birds, query: str, **headers: str) -> list[dict[str, Any]]:
    answer = birds.graph(birds.as_app("User.Read.All"), f"/users?{query}", **headers)
    assert answer.status_code == 200, answer.text
    return list(answer.json()["value"])


def _names(birds: Birds, query: str, **headers: str) -> list[str]:
    return sorted(person["displayName"] for person in _people(birds, f"{query}&$top=999", **headers))


def _refusal(birds: Birds, path: str, **headers: str) -> tuple[int, str, str]:
    answer = birds.graph(birds.as_app("User.Read.All", "Directory.Read.All"), path, **headers)
    error = answer.json()["error"]
    return answer.status_code, error["code"], error["message"]


# ── People ──────────────────────────────────────────────────────────────────
@pytest.mark.parametrize(
    "path",
    [
        f"/users/{oid('gil')}",
        f"/users/{oid('gil').upper()}",
        "/users/gil_away.example%23EXT%23@aviary.example",
        "/users('gil_away.example%23EXT%23%40aviary.example')",
        f"/Users('{oid('gil')}')",
        f"/users(id='{oid('gil')}')",
        f"/users(userPrincipalName='{GIL_UPN.replace('#', '%23')}')",
    ],
)
def test_a_person_is_found_by_id_and_by_name_in_every_spelling(birds: Birds, path: str) -> None:
    found = birds.graph(birds.as_app("User.Read.All"), path).json()

    assert (found["id"], found["userPrincipalName"]) == (oid("gil"), GIL_UPN)


def test_a_quote_in_a_key_is_doubled(birds: Birds) -> None:
    refused = birds.graph(birds.as_app("User.Read.All"), "/users('o''hara@aviary.example')").json()

    assert "'o'hara@aviary.example'" in refused["error"]["message"]


def test_what_is_selected_is_shown_and_named_in_the_context(birds: Birds) -> None:
    found = birds.graph(
        birds.as_app("User.Read.All"), f"/users/{oid('ben')}?$select=id,proxyAddresses,accountEnabled,USERTYPE"
    ).json()

    assert found == {
        "@odata.context": f"{birds.simulator.graph_url}/$metadata#users"
        "(id,proxyAddresses,accountEnabled,userType)/$entity",
        "id": oid("ben"),
        "proxyAddresses": [f"SMTP:{BEN}", "smtp:b.ohara@wing.example", "smtp:ben.alias@aviary.example"],
        "accountEnabled": True,
        "userType": "Member",
    }


def test_a_property_that_is_not_there_is_refused(birds: Birds) -> None:
    status, code, message = _refusal(birds, "/users?$select=displayName,colour")

    assert (status, code) == (400, "RequestBroker--ParseUri")
    assert message == "Could not find a property named 'colour' on type 'microsoft.graph.user'."


def test_what_is_not_simulated_is_never_ignored(birds: Birds) -> None:
    token = birds.as_app("User.Read.All", "Application.Read.All")

    for path in (
        "/users?$expand=manager",
        f"/users/{oid('ben')}?$expand=manager",
        "/servicePrincipals?$search=x",
        f"/users/{oid('ben')}?$filter=mail eq 'x'",
    ):
        answer = birds.graph(token, path)
        assert (answer.status_code, answer.json()["error"]["code"]) == (501, "NotImplemented"), path


@pytest.mark.parametrize(
    ("query", "names"),
    [
        (f"$filter=userPrincipalName eq '{ADA}'", ["Ada Adler"]),
        (f"$filter=mail eq '{BEN.upper()}'", ["Ben O'Hara"]),
        ("$filter=displayName eq 'Ben O''Hara'", ["Ben O'Hara"]),
        (f"$filter=id eq '{oid('cal')}'", ["Cal Crane"]),
        (f"$filter=id in ('{oid('cal')}','{oid('nat')}')", ["Cal Crane", "Nat Nest"]),
        ("$filter=startswith(displayName,'ad') or startsWith(givenName,'Nat')", ["Ada Adler", "Nat Nest"]),
        ("$filter=accountEnabled eq false", ["Dot Dove"]),
        ("$filter=userType eq 'Guest'", ["Gil Guest"]),
        ("$filter=jobTitle eq 'Keeper' and (accountEnabled eq true or mail eq null)", ["Ben O'Hara"]),
        ("$filter=proxyAddresses/any(p:p eq 'smtp:b.ohara@wing.example')", ["Ben O'Hara"]),
        ("$filter=proxyAddresses/any(x:startswith(x,'smtp:ben.alias'))", ["Ben O'Hara"]),
        ("$filter=otherMails/any(m:m eq 'gil@away.example')", ["Gil Guest"]),
        ("filter=mailNickname eq 'ada'", ["Ada Adler"]),
        ("$filter=displayName eq 'nobody'", []),
    ],
)
def test_people_are_filtered(birds: Birds, query: str, names: list[str]) -> None:
    assert _names(birds, query) == names


@pytest.mark.parametrize(
    ("query", "names"),
    [
        ("$filter=endswith(mail,'@away.example')", ["Gil Guest"]),
        ("$filter=userType ne 'Member'", ["Gil Guest"]),
        ("$filter=not(userType eq 'Member')", ["Gil Guest"]),
        ("$filter=officeLocation ne null", ["Ada Adler"]),
        ('$search="displayName:hara"', []),
        ('$search="displayName:O\'h"', ["Ben O'Hara"]),
        ('$search="displayName:Ada" OR "mail:ben@"', ["Ada Adler", "Ben O'Hara"]),
    ],
)
def test_advanced_queries_need_the_consistency_level_and_a_count(birds: Birds, query: str, names: list[str]) -> None:
    assert _names(birds, f"{query}&$count=true", **EVENTUAL) == names
    status, code, _ = _refusal(birds, f"/users?{query}")
    assert (status, code) == (400, "Request_UnsupportedQuery")


@pytest.mark.parametrize(
    ("query", "code", "message"),
    [
        ("$filter=displayName eq", "BadRequest", "Invalid filter clause"),
        ("$filter=accountEnabled eq 'true'", "BadRequest", "Invalid filter clause"),
        ("$filter=colour eq 'red'", "BadRequest", "Invalid filter clause"),
        (
            "$filter=preferredLanguage eq 'en'",
            "Request_UnsupportedQuery",
            "Unsupported or invalid query filter clause specified for property 'preferredLanguage' of resource 'User'.",
        ),
        ("$filter=mail eq 'a' &$orderby=displayName", "Request_UnsupportedQuery", None),
        ("$skip=5", "Request_BadRequest", "'$skip' is not supported by the service."),
        (
            "$top=1000",
            "Request_BadRequest",
            "Invalid page size specified: '1000'. Must be between 1 and 999 inclusive.",
        ),
        ("$top=0", "Request_BadRequest", None),
        ("$skiptoken=made-up", "Directory_ExpiredPageToken", None),
        ("$slect=mail", "BadRequest", "The query parameter '$slect' is not supported."),
        ("$top=1&$TOP=2", "BadRequest", None),
    ],
)
def test_questions_that_the_directory_does_not_answer(birds: Birds, query: str, code: str, message: str | None) -> None:
    status, found, text = _refusal(birds, f"/users?{query}")

    assert (status, found) == (400, code)
    assert message in (None, text)


def test_pages_together_are_everybody_once(birds: Birds) -> None:
    token = birds.as_app("User.Read.All")

    answer = birds.graph(token, "/users?$top=50&$select=id", **EVENTUAL).json()
    sizes, ids = [len(answer["value"])], [person["id"] for person in answer["value"]]
    while "@odata.nextLink" in answer:
        link = answer["@odata.nextLink"]
        assert set(parse_qs(urlsplit(link).query)) == {"$top", "$select", "$skiptoken"}
        answer = birds.graph(token, link, **EVENTUAL).json()
        sizes.append(len(answer["value"]))
        ids += [person["id"] for person in answer["value"]]

    assert sizes == [50, 50, 26]
    assert len(set(ids)) == 126


def test_a_page_has_a_hundred_unless_asked(birds: Birds) -> None:
    assert len(_people(birds, "$select=id")) == 100


def test_a_next_link_that_was_changed_is_refused(birds: Birds) -> None:
    token = birds.as_app("User.Read.All")
    link = birds.graph(token, "/users?$top=5").json()["@odata.nextLink"]

    answer = birds.graph(token, link.replace("$top=5", "$top=6"))

    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "Directory_ExpiredPageToken")
    assert birds.simulator.control("GET", "log")["entries"][0]["remarks"]


def test_people_are_counted_only_on_request(birds: Birds) -> None:
    token = birds.as_app("User.Read.All")

    plain = birds.graph(token, "/users?$count=true&$top=1").json()
    counted = birds.graph(token, "/users?$count=true&$top=1", **EVENTUAL).json()
    following = birds.graph(token, counted["@odata.nextLink"], **EVENTUAL).json()
    number = birds.graph(token, "/users/$count?$filter=userType eq 'Guest'", **EVENTUAL)

    assert "@odata.count" not in plain
    assert counted["@odata.count"] == 126
    assert "@odata.count" not in following
    assert (number.text, number.headers["Content-Type"]) == ("1", "text/plain")
    assert birds.graph(token, "/users/$count").status_code == 400


def test_people_come_in_the_order_that_is_asked(birds: Birds) -> None:
    names = [person["displayName"] for person in _people(birds, "$orderby=displayName desc&$top=5")]

    assert names == sorted(names, reverse=True)


def test_directory_answers_name_their_cost(birds: Birds) -> None:
    answer = birds.graph(birds.as_app("User.Read.All"), "/users?$top=1")

    assert int(answer.headers["x-ms-resource-unit"]) >= 1


# ── The organization ────────────────────────────────────────────────────────
def test_the_organization_names_its_verified_domains(birds: Birds) -> None:
    token = birds.as_person("ben", "User.Read")

    listed = birds.graph(token, "/organization").json()["value"]
    one = birds.graph(token, f"/organization/{TENANT}").json()

    assert [(found["id"], found["displayName"]) for found in (*listed, one)] == [(TENANT, "Aviary & Sons")] * 2
    assert [(domain["name"], domain["isInitial"]) for domain in one["verifiedDomains"]] == [
        ("aviary.example", True),
        ("wing.example", False),
    ]
    assert birds.graph(token, f"/organization/{oid('x')}").status_code == 404


def test_domains_say_whether_they_are_verified(birds: Birds) -> None:
    token = birds.as_app("Domain.Read.All")

    listed = birds.graph(token, "/domains").json()["value"]
    one = birds.graph(token, "/domains/Wing.example").json()
    verified = birds.graph(token, "/domains?$filter=isVerified eq true").json()["value"]

    assert [(domain["id"], domain["isVerified"]) for domain in listed] == [
        ("aviary.example", True),
        ("wing.example", True),
        ("unproven.example", False),
    ]
    assert [domain["id"] for domain in verified] == ["aviary.example", "wing.example"]
    assert (one["id"], one["isDefault"]) == ("wing.example", False)
    assert birds.graph(token, "/domains/elsewhere.example").status_code == 404


# ── Enterprise applications ─────────────────────────────────────────────────
def test_an_application_finds_itself_in_the_tenant(birds: Birds) -> None:
    token = birds.as_app("Application.Read.All")
    own = payload(birds.application())["oid"]

    keyed = birds.graph(token, f"/servicePrincipals(appId='{KEEPER}')").json()
    filtered = birds.graph(token, f"/servicePrincipals?$filter=appId eq '{KEEPER}'").json()["value"]
    by_id = birds.graph(token, f"/servicePrincipals/{own}?$select=id,appId").json()

    assert keyed["id"] == filtered[0]["id"] == by_id["id"] == own
    assert (len(filtered), keyed["appId"], keyed["displayName"]) == (1, KEEPER, "Keeper")
    assert set(by_id) == {"@odata.context", "id", "appId"}
    missing = birds.graph(token, f"/servicePrincipals/{oid('nothing')}")
    assert (missing.status_code, missing.json()["error"]["code"]) == (404, "Request_ResourceNotFound")


def test_microsofts_own_application_maps_ids_of_permissions_to_names(birds: Birds) -> None:
    token = birds.as_app("Application.Read.All")

    graph = birds.graph(
        token, f"/servicePrincipals(appId='{GRAPH}')?$select=id,displayName,appRoles,oauth2PermissionScopes"
    ).json()

    assert graph["displayName"] == "Microsoft Graph"
    roles = {role["value"]: role["id"] for role in graph["appRoles"]}
    scopes = {scope["value"]: scope["id"] for scope in graph["oauth2PermissionScopes"]}
    assert roles["Calendars.Read"] == "798ee544-9d2d-430c-a058-570e29e34338"
    assert scopes["Calendars.Read"] == "465a38f9-76ea-45b9-9f34-9e8b0d4b0b42"


def test_roles_of_an_application_are_listed_and_revoked(flock: Birds) -> None:
    token = flock.as_app("Application.Read.All", "AppRoleAssignment.ReadWrite.All")
    principal = payload(flock.application())["oid"]
    graph = flock.graph(token, f"/servicePrincipals(appId='{GRAPH}')").json()["id"]
    path = f"/servicePrincipals/{principal}/appRoleAssignments"

    listed = flock.graph(token, path).json()["value"]
    assigned = flock.graph(token, f"/servicePrincipals/{graph}/appRoleAssignedTo").json()["value"]
    removed = flock.graph(token, f"{path}/{listed[0]['id']}", "DELETE")

    assert set(listed[0]) == {
        "id",
        "deletedDateTime",
        "appRoleId",
        "createdDateTime",
        "principalDisplayName",
        "principalId",
        "principalType",
        "resourceDisplayName",
        "resourceId",
    }
    assert {one["principalId"] for one in listed} == {principal}
    assert {one["resourceId"] for one in listed} == {graph}
    assert {one["id"] for one in listed} < {one["id"] for one in assigned}
    assert (removed.status_code, removed.content) == (204, b"")
    assert len(flock.graph(token, path).json()["value"]) == len(listed) - 1
    assert flock.graph(token, f"{path}/{listed[0]['id']}", "DELETE").status_code == 404


def test_removing_an_application_takes_its_grants_along(flock: Birds) -> None:
    admin = flock.as_person("ada", "Application.ReadWrite.All", "Directory.Read.All")
    tokens = flock.connect(BEN)
    principal = payload(flock.application())["oid"]

    removed = flock.graph(admin, f"/servicePrincipals/{principal}", "DELETE")

    assert removed.status_code == 204
    assert flock.graph(admin, f"/servicePrincipals/{principal}").status_code == 404
    assert flock.graph(tokens["access_token"], "/me").status_code == 200
    assert flock.refresh(tokens["refresh_token"]).status_code == 400
    grants = flock.graph(admin, "/oauth2PermissionGrants").json()["value"]
    assert principal not in {grant["clientId"] for grant in grants}


def test_microsofts_own_applications_stay(birds: Birds) -> None:
    admin = birds.as_person("ada", "Application.ReadWrite.All")

    assert birds.graph(admin, f"/servicePrincipals(appId='{GRAPH}')", "DELETE").status_code == 403


def test_an_application_removes_only_what_it_owns(flock: Birds) -> None:
    token = flock.as_app("Application.ReadWrite.OwnedBy")
    other = flock.graph(token, f"/servicePrincipals(appId='{SCOPED}')").json()["id"]

    assert flock.graph(token, f"/servicePrincipals/{other}", "DELETE").status_code == 403
    assert flock.graph(token, f"/servicePrincipals/{payload(token)['oid']}", "DELETE").status_code == 204


# ── Grants ──────────────────────────────────────────────────────────────────
def _grants(birds: Birds, query: str = "") -> list[dict[str, Any]]:
    answer = birds.graph(birds.as_app("DelegatedPermissionGrant.Read.All"), f"/oauth2PermissionGrants?{query}")
    assert answer.status_code == 200, answer.text
    return list(answer.json()["value"])


def test_grants_say_who_allowed_what_to_whom(birds: Birds) -> None:
    principal = payload(birds.application())["oid"]

    found = _grants(birds, f"$filter=clientId eq '{principal}'")

    by_type = {grant["consentType"]: grant for grant in found}
    assert set(by_type) == {"AllPrincipals", "Principal"}
    assert by_type["AllPrincipals"]["principalId"] is None
    assert "Calendars.Read" in by_type["AllPrincipals"]["scope"].split()
    assert (by_type["Principal"]["principalId"], by_type["Principal"]["scope"]) == (oid("ben"), "Contacts.Read")
    assert set(found[0]) == {"clientId", "consentType", "id", "principalId", "resourceId", "scope"}


@pytest.mark.parametrize(
    ("query", "count"),
    [
        (f"$filter=principalId eq '{oid('ben')}'", 1),
        ("$filter=consentType eq 'AllPrincipals'", 1),
        (f"$filter=consentType eq 'Principal' and principalId eq '{oid('ada')}'", 0),
        ("$filter=clientId eq '00000000-0000-0000-0000-000000000000'", 0),
    ],
)
def test_grants_are_filtered(birds: Birds, query: str, count: int) -> None:
    assert len(_grants(birds, query)) == count


def test_a_persons_own_grants_are_not_those_for_everybody(birds: Birds) -> None:
    own = birds.graph(birds.as_person("ben", "Directory.Read.All"), "/me/oauth2PermissionGrants").json()["value"]
    others = birds.graph(birds.as_app("Directory.Read.All"), f"/users/{oid('ada')}/oauth2PermissionGrants").json()

    assert [grant["scope"] for grant in own] == ["Contacts.Read"]
    assert others["value"] == []


def test_a_narrowed_grant_shows_in_the_next_tokens_only(flock: Birds) -> None:
    tokens = flock.connect(BEN)
    admin = flock.as_person("ada", "DelegatedPermissionGrant.ReadWrite.All")
    grant = next(one for one in _grants(flock) if one["consentType"] == "AllPrincipals")

    answer = flock.send(
        admin, "PATCH", f"/oauth2PermissionGrants/{grant['id']}", {"scope": "openid profile offline_access User.Read"}
    )

    assert (answer.status_code, answer.content) == (204, b"")
    assert flock.graph(tokens["access_token"], "/me/calendar").status_code == 200
    refreshed = flock.refresh(tokens["refresh_token"], scope="User.Read").json()
    assert "Calendars.Read" not in payload(refreshed["access_token"])["scp"].split()
    assert flock.graph(refreshed["access_token"], "/me/calendar").status_code == 403


def test_a_deleted_grant_ends_with_the_next_refresh(flock: Birds) -> None:
    tokens = flock.connect(ADA)
    admin = flock.as_person("ada", "DelegatedPermissionGrant.ReadWrite.All")

    for grant in _grants(flock):
        answer = flock.graph(admin, f"/oauth2PermissionGrants/{grant['id']}", "DELETE")
        assert (answer.status_code, answer.content) == (204, b"")

    assert flock.graph(tokens["access_token"], "/me").status_code == 200
    refused = flock.refresh(tokens["refresh_token"])
    assert refused.json()["error_codes"] == [65001]
    assert _grants(flock) == []


@pytest.mark.parametrize("body", [{}, {"scope": ""}, {"scope": 5}, {"scope": "Unheard.Of"}, {"clientId": "x"}])
def test_a_senseless_change_of_a_grant_is_refused(birds: Birds, body: dict[str, Any]) -> None:
    before = _grants(birds)

    answer = birds.send(
        birds.as_app("DelegatedPermissionGrant.ReadWrite.All"),
        "PATCH",
        f"/oauth2PermissionGrants/{before[0]['id']}",
        body,
    )

    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "Request_BadRequest")
    assert _grants(birds) == before


# ── Sessions ────────────────────────────────────────────────────────────────
@pytest.mark.parametrize("path", ["/me/revokeSignInSessions", f"/users/{oid('ben')}/revokeSignInSessions"])
def test_revoking_sessions_ends_refreshing_and_not_the_access_token(flock: Birds, path: str) -> None:
    tokens = flock.connect(BEN)
    revoker = (
        flock.as_person("ben", "User.RevokeSessions.All")
        if path.startswith("/me")
        else flock.as_app("User.RevokeSessions.All")
    )

    answer = flock.send(revoker, "POST", path)

    assert answer.json() == {"@odata.context": f"{flock.simulator.graph_url}/$metadata#Edm.Boolean", "value": True}
    assert flock.graph(tokens["access_token"], "/me").status_code == 200
    assert flock.refresh(tokens["refresh_token"]).json()["error_codes"] == [50173]


def test_a_client_that_can_handle_challenges_gets_one_when_sessions_are_revoked(flock: Birds) -> None:
    past = payload(flock.connect(BEN)["access_token"])["iat"] - 10
    capable = flock.as_person("ben", "User.Read", xms_cc=["cp1"], iat=past)
    plain = flock.as_person("ben", "User.Read", iat=past)
    flock.send(flock.as_app("User.RevokeSessions.All"), "POST", f"/users/{oid('ben')}/revokeSignInSessions")

    challenged = flock.graph(capable, "/me")

    assert challenged.status_code == 401
    assert 'error="insufficient_claims", claims="' in challenged.headers["WWW-Authenticate"]
    assert flock.graph(plain, "/me").status_code == 200
