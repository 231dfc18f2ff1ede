"""Graph: which permissions open which route, and whose mailbox an application reaches."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from tests.simulator.aviary import (
    BEN,
    BOTH,
    DENIED,
    GIL_UPN,
    POLICED,
    SCOPED,
    Birds,
    oid,
)
from tests.simulator.client import payload
from tests.simulator.path_permissions import NOT_SIMULATED, TABLE

RAOP = "Access to OData is disabled: [RAOP] : Blocked by tenant configured AppOnly AccessPolicy settings."
NOBODY = "00000000-0000-4000-8000-000000000000"
ROWS = [(route, kind) for route, kinds in TABLE.items() if route not in NOT_SIMULATED for kind in kinds if kinds[kind]]


def _opens(birds: Birds, token: str, route: str, who: str) -> bool:
    method, path = route.split(" ")
    path = path.replace("users/{id}", f"users/{who}").replace("{value}", f"'{NOBODY}'").replace("{id}", NOBODY)
    if path.endswith("calendarview"):
        path += "?startDateTime=2026-11-23T00:00:00Z&endDateTime=2026-11-24T00:00:00Z"
    answer = birds.send(token, method, path, {} if method in ("POST", "PATCH") else None)
    error = answer.json().get("error", {}) if answer.content else {}
    assert answer.status_code not in (401, 405, 500, 501), (route, answer.status_code, error)
    assert "segment" not in error.get("message", ""), (route, error)
    return answer.status_code != 403


@pytest.mark.parametrize(("route", "kind"), ROWS)
def test_each_route_opens_to_the_permissions_that_microsoft_publishes_and_to_no_other(
    birds: Birds, route: str, kind: str
) -> None:
    def token(*permissions: str) -> str:
        # Whoever writes to the directory for a person needs a person who may.
        return birds.as_app(*permissions) if kind == "application" else birds.as_person("ada", *permissions)

    who = oid("ben") if kind == "application" else oid("ada")

    for permission in TABLE[route][kind]:
        assert _opens(birds, token(permission), route, who), permission
    assert not _opens(birds, token("Tasks.ReadWrite"), route, who)


@pytest.mark.parametrize("route", sorted(NOT_SIMULATED))
def test_what_is_not_simulated_says_so(birds: Birds, route: str) -> None:
    method, path = route.split(" ")
    path = path.replace("{value}", f"'{NOBODY}'").replace("{id}", oid("ada"))

    answer = birds.send(birds.as_person("ada", "User.Read"), method, path, {})

    assert answer.status_code in (404, 405)
    assert answer.json()["error"]["code"] in ("ResourceNotFound", "Request_BadRequest", "BadRequest")


@pytest.mark.parametrize("path", ["/me", "/me/calendar", "/me/contacts", "/me/mailboxSettings"])
def test_an_application_has_no_me(birds: Birds, path: str) -> None:
    answer = birds.graph(birds.as_app("Calendars.Read", "User.Read.All", "Contacts.Read"), path)

    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "BadRequest")
    assert answer.json()["error"]["message"] == "/me request is only valid with delegated authentication flow."


def test_an_application_with_a_role_reaches_every_mailbox_of_the_tenant_and_none_elsewhere(birds: Birds) -> None:
    token = birds.application()

    for name in (oid("ben"), BEN, BEN.upper(), oid("ada"), oid("dot")):
        assert birds.graph(token, f"/users/{name}/calendar").status_code == 200, name
    for name in ("eve@elsewhere.example", oid("nobody"), "nobody@aviary.example"):
        answer = birds.graph(token, f"/users/{name}/calendar")
        assert (answer.status_code, answer.json()["error"]["code"]) == (404, "ErrorInvalidUser"), name
        profile = birds.graph(token, f"/users/{name}")
        assert (profile.status_code, profile.json()["error"]["code"]) == (404, "Request_ResourceNotFound"), name


@pytest.mark.parametrize(("key", "name"), [("cal", "on premises"), ("nat", "none"), ("gil", "a guest")])
def test_a_mailbox_that_is_not_in_the_cloud_is_refused(birds: Birds, key: str, name: str) -> None:
    answer = birds.graph(birds.application(), f"/users/{oid(key)}/calendar")

    assert (answer.status_code, answer.json()["error"]["code"]) == (404, "MailboxNotEnabledForRESTAPI"), name


def test_an_access_policy_takes_mailboxes_away(birds: Birds) -> None:
    only, all_but = birds.application(POLICED), birds.application(DENIED)

    assert birds.graph(only, f"/users/{oid('ben')}/events").status_code == 200
    assert birds.graph(all_but, f"/users/{oid('ada')}/events").status_code == 200
    for token, key in ((only, "ada"), (all_but, "ben")):
        refused = birds.graph(token, f"/users/{oid(key)}/events")
        assert (refused.status_code, refused.json()["error"]["code"]) == (403, "ErrorAccessDenied")
        assert refused.json()["error"]["message"] == RAOP


def test_a_scoped_role_opens_its_mailboxes_without_any_claim(birds: Birds) -> None:
    token = birds.application(SCOPED)

    within = birds.graph(token, f"/users/{oid('ben')}/calendar")
    outside = birds.graph(token, f"/users/{oid('ada')}/calendar")
    another = birds.graph(token, f"/users/{oid('ben')}/contacts")

    assert within.status_code == 200
    for answer in (outside, another):
        assert (answer.status_code, answer.json()["error"]["code"]) == (403, "ErrorAccessDenied")
        assert answer.json()["error"]["message"] == "Access is denied. Check credentials and try again."


def test_a_scoped_role_shows_as_much_as_a_role_in_the_token(birds: Birds) -> None:
    window = "startDateTime=2026-11-01T00:00:00Z&endDateTime=2026-12-01T00:00:00Z&$select=body,subject"
    path = f"/users/{oid('ben')}/calendarView?{window}"

    scoped = birds.graph(birds.application(SCOPED), path)
    basic = birds.graph(birds.as_app("Calendars.ReadBasic.All"), path)

    assert scoped.status_code == 200
    assert basic.status_code == 400


def test_rights_are_the_union_of_entras_roles_and_exchanges(birds: Birds) -> None:
    token = birds.application(BOTH)

    statuses = {key: birds.graph(token, f"/users/{oid(key)}/calendar").status_code for key in ("ben", "ada", "dot")}

    assert statuses == {"ben": 200, "ada": 200, "dot": 403}


def test_a_role_that_is_taken_away_lives_on_in_the_tokens_that_carry_it(flock: Birds) -> None:
    token = flock.application()
    admin = flock.as_person("ada", "Application.Read.All", "AppRoleAssignment.ReadWrite.All")
    principal = flock.graph(admin, "/servicePrincipals?$filter=displayName eq 'Keeper'").json()["value"][0]["id"]
    assignments = flock.graph(admin, f"/servicePrincipals/{principal}/appRoleAssignments").json()["value"]

    for one in assignments:
        assert flock.graph(admin, f"/servicePrincipals/{principal}/appRoleAssignments/{one['id']}", "DELETE").ok

    assert flock.graph(token, f"/users/{oid('ben')}/calendar").status_code == 200
    assert flock.graph(flock.application(), f"/users/{oid('ben')}/calendar").status_code == 403


def test_the_mailbox_of_another_person_needs_a_shared_scope_and_a_share(birds: Birds) -> None:
    path = f"/users/{oid('ben')}/calendar"

    plain = birds.graph(birds.as_person("ada", "Calendars.ReadWrite"), path)
    shared = birds.graph(birds.as_person("ada", "Calendars.Read.Shared"), path)
    own = birds.graph(birds.as_person("ben", "Calendars.Read"), path)
    own_by_name = birds.graph(birds.as_person("ben", "Calendars.Read"), f"/users/{BEN}/calendar")

    assert (plain.status_code, plain.json()["error"]["code"]) == (403, "ErrorAccessDenied")
    assert (shared.status_code, shared.json()["error"]["code"]) == (404, "ErrorItemNotFound")
    assert own.status_code == own_by_name.status_code == 200


def test_the_profile_of_another_person_needs_more_than_ones_own(birds: Birds) -> None:
    path = f"/users/{oid('ben')}"

    own = birds.graph(birds.as_person("ben", "User.Read"), path)
    other = birds.graph(birds.as_person("ada", "User.Read"), path)
    basic = birds.graph(birds.as_person("ada", "User.ReadBasic.All"), path).json()
    full = birds.graph(birds.as_person("ada", "User.Read.All"), path).json()

    assert own.status_code == 200
    assert (other.status_code, other.json()["error"]["code"]) == (403, "Authorization_RequestDenied")
    assert (basic["displayName"], basic["jobTitle"]) == ("Ben O'Hara", None)
    assert full["jobTitle"] == "Keeper"


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("DELETE", "/oauth2PermissionGrants/nothing"),
        ("DELETE", f"/servicePrincipals/{oid('nothing')}"),
        ("DELETE", f"/servicePrincipals/{oid('nothing')}/appRoleAssignments/nothing"),
        ("POST", f"/users/{oid('ada')}/revokeSignInSessions"),
    ],
)
def test_what_only_administrators_do_is_refused_to_others(birds: Birds, method: str, path: str) -> None:
    scopes = ("Directory.ReadWrite.All", "Application.ReadWrite.All", "User.RevokeSessions.All")

    answer = birds.send(birds.as_person("ben", *scopes), method, path)

    assert (answer.status_code, answer.json()["error"]["code"]) == (403, "Authorization_RequestDenied")


@pytest.mark.parametrize("path", ["/users", "/servicePrincipals", "/oauth2PermissionGrants"])
def test_guests_may_not_look_round(birds: Birds, path: str) -> None:
    token = birds.as_person("gil", "Directory.Read.All")

    refused = birds.graph(token, path)
    own = birds.graph(token, "/me")

    assert (refused.status_code, refused.json()["error"]["code"]) == (403, "Authorization_RequestDenied")
    assert own.json()["userPrincipalName"] == GIL_UPN


def test_a_removed_or_disabled_application_is_unknown_to_the_directory(flock: Birds) -> None:
    token = flock.as_app("User.Read.All")
    admin = flock.as_person("ada", "Application.ReadWrite.All")
    flock.simulator.control("POST", f"applications/{_client(token)}/tenants/aviary.example/disable")
    disabled = flock.graph(token, "/users")
    flock.simulator.control("POST", f"applications/{_client(token)}/tenants/aviary.example/enable")
    enabled = flock.graph(token, "/users")

    principal = flock.graph(admin, f"/servicePrincipals(appId='{_client(token)}')").json()["id"]
    assert flock.graph(admin, f"/servicePrincipals/{principal}", "DELETE").status_code == 204
    removed = flock.graph(token, "/users")

    assert enabled.status_code == 200
    for answer in (disabled, removed):
        assert (answer.status_code, answer.json()["error"]["code"]) == (401, "Authorization_IdentityNotFound")


@pytest.mark.parametrize(("path", "code"), [("/me", "Request_ResourceNotFound"), ("/me/calendar", "ErrorInvalidUser")])
def test_a_deleted_person_is_not_found(flock: Birds, path: str, code: str) -> None:
    token = flock.as_person("ben", "User.Read", "Calendars.Read")
    flock.person(BEN, "delete")

    answer = flock.graph(token, path)

    assert (answer.status_code, answer.json()["error"]["code"]) == (404, code)
    listed = flock.graph(flock.as_person("ada", "User.Read.All"), f"/users?$filter=userPrincipalName eq '{BEN}'")
    assert listed.json()["value"] == []


def test_a_refusal_is_explained_in_the_log(birds: Birds) -> None:
    birds.graph(birds.application(POLICED), f"/users/{oid('ada')}/events")

    entry = _log(birds)[0]

    assert entry["why"] == "Ada Adler’s mailbox is outside the application’s access policy."
    assert entry["code"] == "ErrorAccessDenied"


def test_an_answer_is_explained_too(birds: Birds) -> None:
    birds.graph(birds.application(SCOPED), f"/users/{oid('ben')}/calendar")
    scoped = _log(birds)[0]["why"]
    birds.graph(birds.as_person("ben", "openid", "Calendars.Read"), "/me/calendar")
    delegated = _log(birds)[0]["why"]

    assert scoped == "A role of Exchange’s own that is scoped to this mailbox opens it; the token need not name it."
    assert delegated == "Calendars.Read in the token opens it."


def _log(birds: Birds) -> Sequence[dict[str, Any]]:
    return list(birds.simulator.control("GET", "log")["entries"])


def _client(token: str) -> str:
    return str(payload(token)["appid"])
