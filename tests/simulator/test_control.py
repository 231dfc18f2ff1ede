"""The control API: every action does what its sentence says, seen from the client's side of the wire."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import quote

import pytest
import requests

from tests.simulated import PASSWORD, Simulator
from tests.simulator.client import ALICE, BOB, Client, header, payload
from tests.simulator.receiver import Receiver

KESTREL = "kestrel.example"
APP_SCOPE = "https://graph.microsoft.com/.default"

pytestmark = pytest.mark.usefixtures("_first_day")


@pytest.fixture
def _first_day(simulator: Simulator) -> Iterator[None]:
    yield
    simulator.control("POST", "reset")


def call(client: Client, method: str, path: str, json: object = None) -> requests.Response:
    return requests.request(
        method,
        f"{client.simulator.human_url}/control/{path}",
        json=json,
        headers={"Authorization": f"Bearer {client.simulator.control_token}"},
        timeout=10,
    )


def _do(client: Client, path: str, **parameters: Any) -> dict[str, Any]:
    answer: dict[str, Any] = client.simulator.control("POST", path, parameters)
    return answer


def _app(client: Client, action: str, **parameters: Any) -> dict[str, Any]:
    return _do(client, f"applications/{client.simulator.client_id}/{action}", **parameters)


def _here(client: Client, action: str, **parameters: Any) -> dict[str, Any]:
    return _do(client, f"applications/{client.simulator.client_id}/tenants/{KESTREL}/{action}", **parameters)


def _person(client: Client, name: str) -> dict[str, Any]:
    return dict(client.simulator.control("GET", f"people/{quote(name)}"))


def _code_of(answer: requests.Response) -> list[int]:
    return list(answer.json().get("error_codes", []))


def _app_token(client: Client) -> requests.Response:
    return client.token(KESTREL, grant_type="client_credentials", scope=APP_SCOPE)


# ── The API describes itself ────────────────────────────────────────────────
def test_the_catalogue_names_every_action_with_parameters_and_effect(client: Client) -> None:
    actions = client.simulator.control("GET", "")["actions"]

    assert len(actions) > 60
    for action in actions:
        assert action["method"] == "POST"
        assert action["effect"].endswith(".")
        assert {"name", "kind", "is_required"} <= set().union(*action["parameters"], {"name", "kind", "is_required"})
    assert "/control/people/{sign-in name or object id}/revoke-sessions" in [action["path"] for action in actions]


def test_every_action_of_the_catalogue_is_there(client: Client) -> None:
    places = {
        "{domain or id}": KESTREL,
        "{sign-in name or object id}": ALICE,
        "{client id}": client.simulator.client_id,
        "{event id}": "none",
        "{id}": "00000000-0000-0000-0000-00000000dead",
    }

    for action in client.simulator.control("GET", "")["actions"]:
        path = action["path"].removeprefix("/control/")
        for place, value in places.items():
            path = path.replace(place, value)
        answer = call(client, "POST", path, {"no-such-parameter": 1})

        # What it is done to may be missing; the action is known.
        assert answer.status_code in (400, 404), path
        assert "Unknown action" not in answer.text, path
        assert "nothing at this address" not in answer.text, path


@pytest.mark.parametrize(
    ("method", "path", "json", "status"),
    [
        ("GET", "nothing", None, 405),
        ("POST", "nothing", None, 404),
        ("GET", "nothing/at/all", None, 404),
        ("PUT", "state", None, 405),
        ("POST", "state", None, 405),
        ("GET", f"people/{ALICE}/disable", None, 405),
        ("POST", "tenants/nowhere.example/reset", None, 404),
        ("POST", f"tenants/{KESTREL}/explode", None, 404),
        ("POST", f"tenants/{KESTREL}/user-consent", {"setting": "perhaps"}, 400),
        ("POST", f"tenants/{KESTREL}/user-consent", {}, 400),
        ("POST", f"tenants/{KESTREL}/strict-rotation", {"on": "yes"}, 400),
        ("POST", f"tenants/{KESTREL}/add-domain", {"name": "no domain"}, 400),
        ("POST", f"tenants/{KESTREL}/add-domain", {"name": "corvid.example"}, 409),
        ("POST", f"tenants/{KESTREL}/remove-domain", {"name": KESTREL}, 409),
        ("POST", f"people/{ALICE}/disable", {"loudly": True}, 400),
        ("POST", f"people/{ALICE}/lock", {"minutes": 0}, 400),
        ("POST", f"people/{ALICE}/rename", {"upn": BOB}, 409),
        ("POST", f"people/{ALICE}/rename", {"upn": "alice@elsewhere.example"}, 400),
        ("POST", f"people/{ALICE}/create-event", {"subject": "x", "starts": "soon"}, 400),
        ("PATCH", f"people/{ALICE}/events/none", {"subject": "x"}, 404),
        ("POST", "subscriptions/00000000-0000-0000-0000-00000000dead/drop", None, 404),
        ("POST", "throttling", {"requests": 0}, 400),
        ("POST", f"tenants/{KESTREL}/user-consent", {"setting": []}, 400),
        ("POST", f"people/{ALICE}/rename", {"upn": "\ud800@kestrel.example"}, 400),
        ("POST", f"people/{ALICE}/create-event", {"subject": "x", "starts": "9999-12-31T23:59:59"}, 400),
        ("GET", f"people/{ALICE}/events?to=9999-12-31", None, 400),
        ("POST", "faults", {"target": "graph", "status": 503, "person": []}, 400),
        ("POST", "faults", {"target": "graph", "status": 503, "path": {}}, 400),
        ("GET", "log?since=yesterday", None, 400),
        ("GET", "log?status=bad", None, 400),
    ],
)
def test_what_cannot_be_done_is_refused_with_a_sentence(
    client: Client, method: str, path: str, json: object, status: int
) -> None:
    answer = call(client, method, path, json)

    assert answer.status_code == status
    assert answer.json()["error"].endswith(".")
    assert (status != 405) or answer.headers["Allow"]


# ── People ──────────────────────────────────────────────────────────────────
@pytest.mark.parametrize(
    ("way", "status"),
    [
        ("changed_by_person", 200),
        ("self_service_reset", 200),
        ("reset_in_azure_portal", 200),
        ("reset_in_entra_admin_centre", 400),
    ],
)
def test_only_a_reset_in_the_entra_admin_centre_revokes(client: Client, way: str, status: int) -> None:
    token = client.connect()["refresh_token"]

    client.person(ALICE, "password", {"password": "N3w-secret-words", "way": way})

    assert client.refresh(token).status_code == status
    assert client.simulator.sign_in(client.authorize_url(), ALICE, "N3w-secret-words")["code"]


def test_old_orders_of_a_password_still_work(client: Client) -> None:
    token = client.connect()["refresh_token"]

    client.person(ALICE, "password", {"password": "N3w-secret-words", "revoke": True})

    assert _code_of(client.refresh(token)) == [50173]


@pytest.mark.parametrize(
    ("action", "undo", "code"),
    [("disable", "enable", 50057), ("block", "unblock", 53003), ("require-mfa", "no-mfa", 50076)],
)
def test_what_shuts_a_person_out_can_be_undone(client: Client, action: str, undo: str, code: int) -> None:
    token = client.connect()["refresh_token"]

    client.person(ALICE, action)
    refused = client.refresh(token)
    client.person(ALICE, undo)

    assert _code_of(refused) == [code]
    # Disabling revokes for good; the policies do not.
    assert client.refresh(token).status_code == (400 if action == "disable" else 200)
    assert client.connect()["access_token"]


def test_a_deleted_person_is_gone_until_restored(client: Client) -> None:
    token = client.connect()["refresh_token"]

    client.person(ALICE, "delete")
    refused = client.refresh(token)
    gone = _person(client, ALICE)["is_deleted"]
    client.person(ALICE, "restore")

    assert _code_of(refused) == [50034]
    assert gone
    assert not _person(client, ALICE)["is_deleted"]
    assert client.connect()["access_token"]


def test_a_locked_person_cannot_sign_in_until_unlocked(client: Client) -> None:
    client.person(ALICE, "lock")
    with pytest.raises(AssertionError, match="temporarily locked"):
        client.simulator.sign_in(client.authorize_url(), ALICE)

    client.person(ALICE, "unlock")

    assert client.simulator.sign_in(client.authorize_url(), ALICE)["code"]


def test_a_renamed_person_keeps_their_tokens(client: Client) -> None:
    tokens = client.connect()

    client.person(ALICE, "rename", {"upn": "alice.moreau@kestrel.example"})
    renamed = _person(client, "alice.moreau@kestrel.example")
    me = client.graph(client.refresh(tokens["refresh_token"]).json()["access_token"], "/me").json()

    assert (renamed["upn"], renamed["mail"]) == ("alice.moreau@kestrel.example",) * 2
    assert ALICE in renamed["aliases"]
    assert me["userPrincipalName"] == "alice.moreau@kestrel.example"
    assert me["id"] == renamed["id"]


def test_aliases_are_set(client: Client) -> None:
    client.person(ALICE, "aliases", {"addresses": ["al@kestrel.example"]})

    assert _person(client, ALICE)["aliases"] == ["al@kestrel.example"]


def test_an_administrator_is_made_and_unmade(client: Client) -> None:
    client.person(ALICE, "make-admin")
    made = _person(client, ALICE)["is_admin"]
    client.person(ALICE, "unmake-admin")

    assert (made, _person(client, ALICE)["is_admin"]) == (True, False)


def test_expired_refresh_tokens_are_as_after_idle_days(client: Client) -> None:
    tokens = client.connect()

    client.person(ALICE, "expire-refresh-tokens")

    assert _code_of(client.refresh(tokens["refresh_token"])) == [700082]
    assert client.graph(tokens["access_token"], "/me").status_code == 200


def test_a_consent_to_one_application_is_deleted(client: Client) -> None:
    token = client.connect()["refresh_token"]
    others = [app for app in client.simulator.control("GET", "state")["applications"] if app["name"] != "Meridian"]

    client.person(ALICE, "withdraw-consent", {"client_id": others[0]["client_id"]})
    after_another = client.refresh(token).status_code
    deleted = client.simulator.control("DELETE", f"people/{ALICE}/grants?client_id={client.simulator.client_id}")

    assert after_another == 200
    assert deleted["deleted"] == 1
    assert _code_of(client.refresh(token)) == [65001]


# ── Organizations ───────────────────────────────────────────────────────────
def test_people_who_may_not_consent_need_an_administrator(client: Client) -> None:
    _do(client, f"tenants/{KESTREL}/user-consent", setting="not_allowed")

    answer = client.simulator.sign_in(client.authorize_url(), BOB)

    assert answer["error"] == "access_denied"


def test_a_consent_takes_a_while_where_it_was_said_so(client: Client) -> None:
    _do(client, "tenants/corvid.example/consent-delay", seconds=60)
    place = f"applications/{client.simulator.client_id}/tenants/corvid.example"

    # Whether it was there before or not, it is let in now.
    call(client, "POST", f"{place}/remove")
    _do(client, f"{place}/add")
    answer = client.token("corvid.example", grant_type="client_credentials", scope=APP_SCOPE)

    assert _code_of(answer) == [700016]


def test_under_strict_rotation_a_used_refresh_token_is_dead(client: Client) -> None:
    token = client.connect()["refresh_token"]
    _do(client, f"tenants/{KESTREL}/strict-rotation", on=True)

    first, second = client.refresh(token), client.refresh(token)

    assert (first.status_code, second.status_code) == (200, 400)


def test_a_domain_counts_once_it_is_verified(client: Client) -> None:
    url = f"{client.simulator.origin}/fresh.example/v2.0/.well-known/openid-configuration"

    _do(client, f"tenants/{KESTREL}/add-domain", name="fresh.example", verified=False)
    before = client.http.get(url).status_code
    _do(client, f"tenants/{KESTREL}/verify-domain", name="fresh.example")
    verified = client.http.get(url).status_code
    _do(client, f"tenants/{KESTREL}/remove-domain", name="fresh.example")

    assert (before, verified, client.http.get(url).status_code) == (400, 200, 400)


def test_one_organization_is_reset_and_others_are_not(client: Client) -> None:
    client.connect()
    mallory = client.connect("mallory@corvid.example")["refresh_token"]
    client.person(BOB, "disable")

    _do(client, f"tenants/{KESTREL}/reset")

    assert _person(client, BOB)["is_enabled"]
    assert client.refresh(mallory).status_code == 200


# ── Applications ────────────────────────────────────────────────────────────
def test_an_expired_secret_is_our_fault_and_a_new_one_mends_it(client: Client) -> None:
    token = client.connect()["refresh_token"]

    _app(client, "expire-secrets")
    expired = client.refresh(token)
    _app(client, "add-secret", secret="a-further-secret")

    assert (expired.status_code, _code_of(expired)) == (401, [7000222])
    assert client.refresh(token, client_secret="a-further-secret").status_code == 200


def test_a_replaced_secret_is_wrong(client: Client) -> None:
    token = client.connect()["refresh_token"]

    _app(client, "secret", secret="the-only-one")

    assert _code_of(client.refresh(token)) == [7000215]
    assert client.refresh(token, client_secret="the-only-one").status_code == 200


def test_a_credential_is_removed_by_its_id(client: Client) -> None:
    _app(client, "add-secret", secret="a-further-secret")
    secrets = client.simulator.control("GET", f"applications/{client.simulator.client_id}")["secrets"]

    for secret in secrets:
        _app(client, "remove-credential", key_id=secret["key_id"])

    assert client.simulator.control("GET", f"applications/{client.simulator.client_id}")["secrets"] == []
    assert (
        call(
            client,
            "POST",
            f"applications/{client.simulator.client_id}/remove-credential",
            {"key_id": secrets[0]["key_id"]},
        ).status_code
        == 404
    )


def test_a_certificate_is_added_and_expires(client: Client) -> None:
    _app(client, "add-certificate", pem=_certificate())
    added = client.simulator.control("GET", f"applications/{client.simulator.client_id}")["certificates"]
    _app(client, "expire-certificates")
    expired = client.simulator.control("GET", f"applications/{client.simulator.client_id}")["certificates"]

    assert [one["is_expired"] for one in added] == [False]
    assert [one["is_expired"] for one in expired] == [True]


def test_what_is_no_certificate_is_refused(client: Client) -> None:
    answer = call(client, "POST", f"applications/{client.simulator.client_id}/add-certificate", {"pem": "hello"})

    assert answer.status_code == 400


def test_redirect_uris_are_exactly_those_that_were_set(client: Client) -> None:
    _app(client, "redirect-uris", redirect_uris=["https://elsewhere.example/callback"])

    page = client.http.get(client.authorize_url())

    assert "AADSTS50011" in page.text
    assert client.http.get(client.authorize_url(redirect_uri="https://elsewhere.example/callback")).status_code == 200


@pytest.mark.parametrize(
    "uri", ["javascript:alert(1)", "http://plain.example/", "https://a.example/#x", "https://*.a.example/"]
)
def test_what_cannot_be_a_redirect_uri_is_refused(client: Client, uri: str) -> None:
    answer = call(client, "POST", f"applications/{client.simulator.client_id}/redirect-uris", {"redirect_uris": [uri]})

    assert answer.status_code == 400


@pytest.mark.parametrize(("on", "code"), [(True, 50058), (False, 700054)])
def test_the_registration_decides_on_implicit_id_tokens(client: Client, on: bool, code: int) -> None:
    _app(client, "id-tokens", on=on)

    url = client.authorize_url(response_type="id_token", response_mode="fragment", scope="openid", prompt="none")

    assert f"AADSTS{code}" in client.http.get(url, allow_redirects=False).headers["Location"]


def test_the_registration_lists_what_default_asks_for(client: Client) -> None:
    _app(client, "permissions", permissions=["openid", "offline_access", "User.Read"], roles=[])

    token = client.connect(scope="https://graph.microsoft.com/.default offline_access")["access_token"]

    assert "Calendars.Read" not in payload(token)["scp"].split()
    assert "User.Read" in payload(token)["scp"].split()


# ── Applications in an organization ─────────────────────────────────────────
def test_an_application_that_is_removed_has_to_be_let_in_anew(client: Client) -> None:
    token = client.connect("trent@corvid.example")["refresh_token"]
    place = f"applications/{client.simulator.client_id}/tenants/corvid.example"

    _do(client, f"{place}/remove")

    assert client.refresh(token).status_code == 400
    assert call(client, "POST", f"{place}/disable").status_code == 409
    assert client.connect("trent@corvid.example")["access_token"]


def test_a_disabled_application_gets_no_tokens(client: Client) -> None:
    token = client.connect()["refresh_token"]

    _here(client, "disable")
    refused = client.refresh(token)
    _here(client, "enable")

    assert _code_of(refused) == [7000112]
    assert client.refresh(token).status_code == 200


def test_a_blocked_organization_gets_no_tokens_and_others_do(client: Client) -> None:
    token, other = client.connect()["refresh_token"], client.connect("trent@corvid.example")["refresh_token"]
    _here(client, "grant-roles", roles=["Calendars.Read"])

    _do(client, "tenants/kestrel.example/block")
    refused = [_code_of(answer) for answer in (client.refresh(token), _app_token(client))]
    served = client.refresh(other).status_code
    _do(client, "tenants/kestrel.example/unblock")

    assert (refused, served) == ([[5000224], [5000224]], 200)
    assert [answer.status_code for answer in (client.refresh(token), _app_token(client))] == [200, 200]


def test_nobody_signs_in_to_a_blocked_organization(client: Client) -> None:
    _do(client, "tenants/kestrel.example/block")

    answer = client.simulator.sign_in(client.authorize_url(), ALICE)

    assert answer["error"] == "access_denied"
    shut = [entry["code"] for entry in client.simulator.control("GET", "log")["entries"]]
    assert "5000224" in " ".join(shut)


def test_where_assignment_is_required_only_those_assigned_get_in(client: Client) -> None:
    alice, bob = (client.connect(name)["refresh_token"] for name in (ALICE, BOB))

    _here(client, "require-assignment", on=True)
    _here(client, "assign", people=[ALICE])

    assert client.refresh(alice).status_code == 200
    assert _code_of(client.refresh(bob)) == [50105]


def test_consent_that_is_still_on_its_way_refuses_client_credentials(client: Client) -> None:
    _here(client, "grant-roles", roles=["Calendars.Read"])

    _here(client, "delay", seconds=60)
    refused = _app_token(client)
    _here(client, "delay", seconds=0)

    assert _code_of(refused) == [700016]
    assert _app_token(client).status_code == 200


def test_a_narrowed_grant_carries_less(client: Client) -> None:
    token = client.connect(scope="openid offline_access User.Read Calendars.Read")["refresh_token"]

    _here(client, "narrow-grant", scopes=["openid", "offline_access", "User.Read"], person=ALICE)
    narrowed = client.refresh(token, scope="User.Read offline_access").json()["access_token"]

    assert "Calendars.Read" not in payload(narrowed)["scp"]
    assert _code_of(client.refresh(token, scope="Calendars.Read")) == [65001]


def test_a_grant_for_all_spares_the_consent_page_and_can_be_deleted(client: Client) -> None:
    _here(client, "grant", scopes=["openid", "profile", "offline_access", "User.Read", "Calendars.Read"])

    token = client.connect()["refresh_token"]
    _here(client, "delete-grant")

    assert _code_of(client.refresh(token)) == [65001]


def test_roles_are_in_the_next_token_until_they_are_removed(client: Client) -> None:
    _here(client, "grant-roles", roles=["Calendars.Read"])
    granted = payload(_app_token(client).json()["access_token"])["roles"]

    _here(client, "remove-roles", roles=["Calendars.Read"])

    assert granted == ["Calendars.Read"]
    assert "Calendars.Read" not in payload(_app_token(client).json()["access_token"]).get("roles", [])


def test_scoped_to_mailboxes_an_application_reads_these_alone(client: Client) -> None:
    _here(client, "scope", role="Calendars.Read", people=[ALICE])

    token = _app_token(client).json()["access_token"]
    seen = [client.graph(token, f"/users/{name}/calendar").status_code for name in (ALICE, BOB)]
    _here(client, "remove-scope", role="Calendars.Read")

    assert seen == [200, 403]
    assert client.graph(token, f"/users/{ALICE}/calendar").status_code == 403


@pytest.mark.parametrize(("kind", "alice", "bob"), [("restrict", 200, 403), ("deny", 403, 200)])
def test_an_access_policy_takes_mailboxes_away(client: Client, kind: str, alice: int, bob: int) -> None:
    _here(client, "grant-roles", roles=["Calendars.Read"])

    _here(client, "access-policy", kind=kind, people=[ALICE])
    token = _app_token(client).json()["access_token"]

    assert [client.graph(token, f"/users/{name}/calendar").status_code for name in (ALICE, BOB)] == [alice, bob]


@pytest.mark.parametrize(
    ("action", "parameters"),
    [
        ("grant", {"scopes": ["World.Domination"]}),
        ("grant", {"scopes": []}),
        ("grant-roles", {"roles": ["World.Domination"]}),
        ("scope", {"role": "World.Domination", "people": [ALICE]}),
        ("assign", {"people": ["mallory@corvid.example"]}),
        ("access-policy", {"kind": "sometimes", "people": [ALICE]}),
    ],
)
def test_unknown_permissions_and_strangers_are_refused(client: Client, action: str, parameters: dict[str, Any]) -> None:
    place = f"applications/{client.simulator.client_id}/tenants/{KESTREL}"

    assert call(client, "POST", f"{place}/{action}", parameters).status_code == 400


# ── Mailboxes ───────────────────────────────────────────────────────────────
def test_a_mailbox_that_moved_on_premises_is_out_of_reach_until_it_is_back(client: Client) -> None:
    token = client.connect()["access_token"]

    client.person(ALICE, "move-on-premises")
    away = client.graph(token, "/me/calendars")
    client.person(ALICE, "move-to-cloud")

    assert away.status_code == 404
    assert away.json()["error"]["code"] == "MailboxNotEnabledForRESTAPI"
    assert client.graph(token, "/me/calendars").status_code == 200


def test_an_event_is_written_changed_and_deleted_as_in_outlook(client: Client) -> None:
    token = client.connect()["access_token"]
    starts = (datetime.now(UTC) + timedelta(days=2)).replace(hour=10, minute=0, second=0, microsecond=0)

    client.simulator.control(
        "POST", f"people/{ALICE}/events", {"subject": "From the console", "starts": starts.isoformat()}
    )
    event = _find(client, "From the console")
    seen = _subjects(client, token, starts)
    client.simulator.control("PATCH", f"people/{ALICE}/events/{event['id']}", {"subject": "Changed there"})
    changed = _subjects(client, token, starts)
    client.simulator.control("DELETE", f"people/{ALICE}/events/{event['id']}")

    assert "From the console" in seen
    assert "Changed there" in changed
    assert "From the console" not in changed
    assert "Changed there" not in _subjects(client, token, starts)


def test_one_occurrence_of_a_series_changes_alone(client: Client) -> None:
    starts = (datetime.now(UTC) + timedelta(days=1)).replace(hour=11, minute=0, second=0, microsecond=0)
    client.simulator.control(
        "POST",
        f"people/{ALICE}/events",
        {"subject": "Rehearsal", "starts": starts.isoformat(), "repeat": "daily", "times": 5},
    )
    occurrences = [one for one in _events(client) if one["subject"] == "Rehearsal"]

    client.simulator.control("PATCH", f"people/{ALICE}/events/{occurrences[1]['id']}", {"subject": "Dress rehearsal"})
    client.simulator.control("DELETE", f"people/{ALICE}/events/{occurrences[2]['id']}")
    subjects = [one["subject"] for one in _events(client) if "ehearsal" in one["subject"]]

    assert len(occurrences) == 5
    assert subjects == ["Rehearsal", "Dress rehearsal", "Rehearsal", "Rehearsal"]


def test_attendees_find_a_copy_of_what_the_console_writes(client: Client) -> None:
    starts = (datetime.now(UTC) + timedelta(days=1)).isoformat()

    client.simulator.control(
        "POST", f"people/{ALICE}/events", {"subject": "With Bob", "starts": starts, "attendees": [BOB]}
    )

    assert "With Bob" in [one["subject"] for one in _events(client, BOB)]


def test_expired_delta_tokens_are_gone(client: Client) -> None:
    token = client.connect()["access_token"]
    window = "startDateTime=2030-01-01T00:00:00Z&endDateTime=2030-01-08T00:00:00Z"
    page = client.graph(token, f"/me/calendarView/delta?{window}").json()
    while "@odata.nextLink" in page:
        page = client.graph(token, page["@odata.nextLink"]).json()
    link = page["@odata.deltaLink"]
    before = client.graph(token, link).status_code

    client.person(ALICE, "expire-delta-tokens")

    assert before == 200
    assert client.graph(token, link).status_code == 410


@pytest.mark.parametrize("what", ["sent", "dropped", "delayed", "duplicated"])
def test_the_fate_of_notices_is_set(client: Client, what: str) -> None:
    client.person(ALICE, "notices", {"what": what})

    assert _person(client, ALICE)["notices"] == what


# ── Subscriptions ───────────────────────────────────────────────────────────
def test_a_subscription_is_told_of_events_of_its_life_and_ends(client: Client) -> None:
    with Receiver() as receiver:
        graph_id = _subscribe(client, receiver)

        _do(client, f"subscriptions/{graph_id}/lifecycle", event="missed")
        receiver.wait(1)
        _do(client, f"subscriptions/{graph_id}/remove")
        told = [notice["lifecycleEvent"] for notice in receiver.wait(2)]

    assert told == ["missed", "subscriptionRemoved"]
    assert client.simulator.control("GET", "subscriptions") == {"subscriptions": []}


def test_a_subscription_that_is_dropped_ends_in_silence(client: Client) -> None:
    with Receiver() as receiver:
        graph_id = _subscribe(client, receiver)
        shown = client.simulator.control("GET", "subscriptions")["subscriptions"]

        client.simulator.control("DELETE", f"subscriptions/{graph_id}")
        client.simulator.control("POST", f"people/{ALICE}/events", {"subject": "Unheard", "starts": "2031-01-01T10:00"})

    assert [one["person"] for one in shown] == [ALICE]
    assert "shared-with-nobody" not in str(shown)
    assert receiver.notices == []


# ── The whole service ───────────────────────────────────────────────────────
def test_a_rotated_key_signs_and_the_old_one_is_still_published(client: Client) -> None:
    keys = f"{client.simulator.origin}/common/discovery/v2.0/keys"
    before = header(client.connect()["access_token"])["kid"]

    _do(client, "rotate-signing-key")
    after = header(client.connect()["access_token"])["kid"]
    published = {key["kid"] for key in client.http.get(keys).json()["keys"]}

    assert before != after
    assert {before, after} <= published


def test_limits_of_graph_are_changed_and_put_back(client: Client) -> None:
    token = client.connect()["access_token"]

    _do(client, "throttling", requests=2, seconds=60)
    statuses = [client.graph(token, "/me/calendars").status_code for _ in range(3)]
    _do(client, "throttling")

    assert statuses == [200, 200, 429]
    assert client.simulator.control("GET", "throttling") == {"requests": 10_000, "seconds": 600, "concurrent": 4}


@pytest.mark.parametrize(
    ("recipe", "parameters"),
    [
        ("secret-expires", {"application": "5a1e0c7d-3b64-4f0e-9d52-0c8e7b6a5f40"}),
        ("holiday", {"tenant": KESTREL}),
        ("consent-deleted", {"application": "5a1e0c7d-3b64-4f0e-9d52-0c8e7b6a5f40", "tenant": KESTREL}),
        ("password-is-reset", {"person": ALICE}),
        ("someone-leaves", {"person": ALICE}),
        ("entra-is-down", {}),
    ],
)
def test_each_bad_day_breaks_the_refresh(client: Client, recipe: str, parameters: dict[str, str]) -> None:
    token = client.connect()["refresh_token"]

    said = client.simulator.control("POST", f"recipes/{recipe}", parameters)["said"]

    assert said.endswith(".")
    assert client.refresh(token).status_code >= 400


@pytest.mark.parametrize("recipe", ["graph-throttles", "graph-is-down", "network-is-bad", "mailbox-moves"])
def test_each_bad_day_of_graph_breaks_some_requests(client: Client, recipe: str) -> None:
    token = client.connect()["access_token"]
    client.simulator.control("POST", f"recipes/{recipe}", {"person": ALICE} if recipe == "mailbox-moves" else {})

    outcomes = {_outcome(client, token) for _ in range(60)}

    assert outcomes - {200}


# ── The state ───────────────────────────────────────────────────────────────
def test_the_state_tells_of_principals_roles_scopes_and_calendars(client: Client) -> None:
    client.connect()
    _here(client, "grant-roles", roles=["Calendars.Read"])
    _here(client, "scope", role="Contacts.Read", people=[ALICE])

    state = client.simulator.control("GET", "state")
    mine = next(
        one
        for one in state["service_principals"]
        if one["client_id"] == client.simulator.client_id and one["tenant"] == "Kestrel & Co"
    )

    assert "Calendars.Read" in mine["roles"]
    assert mine["scoped_roles"] == [{"name": "Contacts.Read", "people": [ALICE]}]
    assert all(one["last_change"] >= 0 for one in state["calendars"])
    assert ALICE in {one["person"] for one in state["calendars"]}
    assert state["subscriptions"] == []


def test_the_state_keeps_secrets(client: Client) -> None:
    tokens = client.connect()
    _app(client, "add-secret", secret="a-further-secret")

    text = str(client.simulator.control("GET", "state"))

    for secret in (tokens["refresh_token"], client.simulator.client_secret, "a-further-secret", PASSWORD):
        assert secret not in text


def _subscribe(client: Client, receiver: Receiver) -> str:
    token = client.connect()["access_token"]
    answer = client.http.post(
        f"{client.simulator.graph_url}/subscriptions",
        json={
            "changeType": "created",
            "notificationUrl": f"{receiver.url}/notices",
            "lifecycleNotificationUrl": f"{receiver.url}/lifecycle",
            "resource": "me/events",
            "expirationDateTime": f"{datetime.now(UTC) + timedelta(hours=1):%Y-%m-%dT%H:%M:%SZ}",
            "clientState": "shared-with-nobody",
        },
        headers={"Authorization": f"Bearer {token}"},
        timeout=30,
    )
    assert answer.status_code == 201, answer.text
    return str(answer.json()["id"])


def _outcome(client: Client, token: str) -> int:
    try:
        return client.graph(token, "/me/calendars").status_code
    except requests.ConnectionError:
        return 0


def _events(client: Client, name: str = ALICE) -> list[dict[str, Any]]:
    return list(client.simulator.control("GET", f"people/{name}/events")["events"])


def _find(client: Client, subject: str) -> dict[str, Any]:
    return next(one for one in _events(client) if one["subject"] == subject)


def _subjects(client: Client, token: str, around: datetime) -> list[str]:
    first, last = (f"{around + timedelta(hours=hours):%Y-%m-%dT%H:%M:%SZ}" for hours in (-1, 2))
    page = client.graph(token, f"/me/calendarView?startDateTime={first}&endDateTime={last}&$top=100").json()
    return [event["subject"] for event in page["value"]]


def _certificate() -> str:
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.x509.oid import NameOID

    key, now = ec.generate_private_key(ec.SECP256R1()), datetime.now(UTC)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "an application")])
    built = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
    built = built.serial_number(x509.random_serial_number())
    built = built.not_valid_before(now - timedelta(days=1)).not_valid_after(now + timedelta(days=30))
    return built.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM).decode()
