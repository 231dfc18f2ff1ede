"""Who is let in to Exchange Web Services: tokens in the cloud, passwords on-premises."""

from __future__ import annotations

import pytest
import requests

from tests.simulated import PASSWORD
from tests.simulator.client import ALICE, BOB, SCOPE, Client
from tests.simulator.knocking import HUGO, INGRID, ROLE, SERVICE, Door, code_of
from tests.simulator.knocking import SCOPE as EWS

TENANT = "kestrel.example"


@pytest.fixture
def door(client: Client) -> Door:
    return Door(client.simulator)


def _app_token(client: Client, tenant: str = TENANT) -> str:
    answer = client.token(tenant, grant_type="client_credentials", scope="https://outlook.office365.com/.default")
    return str(answer.json()["access_token"])


def _enrolled(client: Client, action: str, json: object, tenant: str = TENANT) -> None:
    client.simulator.control("POST", f"applications/{client.simulator.client_id}/tenants/{tenant}/{action}", json)


def _last(client: Client) -> dict[str, object]:
    return dict(client.simulator.control("GET", "log")["entries"][0])


# ── Exchange Online ─────────────────────────────────────────────────────────
def test_a_token_of_the_person_opens_their_mailbox(client: Client, door: Door) -> None:
    answer = door.by_token(client.connect(scope=EWS)["access_token"])

    assert (answer.status_code, code_of(answer)) == (200, "NoError")


def test_a_token_for_graph_opens_nothing_at_exchange(client: Client, door: Door) -> None:
    answer = door.by_token(client.connect(scope=SCOPE)["access_token"])

    assert answer.status_code == 401
    assert answer.headers["WWW-Authenticate"].startswith("Bearer ")
    assert answer.text == ""


def test_a_token_for_exchange_opens_nothing_at_graph(client: Client, door: Door) -> None:
    token = client.connect(scope=EWS)["access_token"]
    assert door.by_token(token).status_code == 200

    assert client.graph(token, "/me").status_code == 401


def test_without_a_token_the_web_server_asks_for_one(client: Client, door: Door) -> None:
    answer = door.by_token("")

    assert answer.status_code == 401
    assert "00000002-0000-0ff1-ce00-000000000000" in answer.headers["WWW-Authenticate"]


def test_a_token_that_was_expired_is_refused(client: Client, door: Door) -> None:
    token = client.connect(scope=EWS)["access_token"]
    client.person(ALICE, "expire-tokens")

    assert door.by_token(token).status_code == 401


def test_exchange_online_takes_no_passwords(client: Client, door: Door) -> None:
    answer = door.by_password(ALICE, url=client.simulator.ews_url)

    assert answer.status_code == 401
    assert answer.headers["WWW-Authenticate"].startswith("Bearer ")
    assert "no passwords any more" in str(_last(client)["why"])


def test_a_person_acts_for_nobody_else(client: Client, door: Door) -> None:
    token = client.connect(scope=EWS)["access_token"]

    assert code_of(door.by_token(token, acting_for=BOB)) == "ErrorImpersonateUserDenied"


def test_a_mailbox_on_premises_is_not_in_exchange_online(client: Client, door: Door) -> None:
    _enrolled(client, "add", {})
    _enrolled(client, "grant-roles", {"roles": [ROLE]})

    answer = door.by_token(_app_token(client), acting_for=INGRID)

    assert (answer.status_code, code_of(answer)) == (500, "ErrorNonExistentMailbox")


def test_an_application_with_the_role_opens_every_mailbox_of_the_tenant(client: Client, door: Door) -> None:
    _enrolled(client, "add", {})
    _enrolled(client, "grant-roles", {"roles": [ROLE]})
    token = _app_token(client)

    codes = [code_of(door.by_token(token, acting_for=who)) for who in (ALICE, BOB, "mallory@corvid.example")]

    assert codes == ["NoError", "NoError", "ErrorNonExistentMailbox"]


def test_an_application_without_any_role_is_refused(client: Client, door: Door) -> None:
    _enrolled(client, "add", {})

    answer = door.by_token(_app_token(client), acting_for=ALICE)

    assert (answer.status_code, code_of(answer)) == (500, "ErrorAccessDenied")


def test_an_application_on_its_own_must_say_whose_mailbox(client: Client, door: Door) -> None:
    _enrolled(client, "add", {})
    _enrolled(client, "grant-roles", {"roles": [ROLE]})

    assert code_of(door.by_token(_app_token(client))) == "ErrorInvalidExchangeImpersonationHeaderData"


def test_an_access_policy_takes_mailboxes_away(client: Client, door: Door) -> None:
    _enrolled(client, "add", {})
    _enrolled(client, "grant-roles", {"roles": [ROLE]})
    _enrolled(client, "access-policy", {"kind": "deny", "people": [BOB]})
    token = _app_token(client)

    codes = [code_of(door.by_token(token, acting_for=who)) for who in (ALICE, BOB)]

    assert codes == ["NoError", "ErrorImpersonateUserDenied"]


def test_a_role_of_exchange_opens_the_mailboxes_in_its_scope_though_the_token_names_none(
    client: Client, door: Door
) -> None:
    _enrolled(client, "add", {})
    _enrolled(client, "scope", {"role": "Application EWS.AccessAsApp", "people": [ALICE]})
    token = _app_token(client)

    codes = [code_of(door.by_token(token, acting_for=who)) for who in (ALICE, BOB)]

    assert codes == ["NoError", "ErrorImpersonateUserDenied"]


# ── On-premises ─────────────────────────────────────────────────────────────
@pytest.mark.parametrize("name", [INGRID, "INGRID@Kestrel.Example", "KESTREL\\ingrid", "kestrel\\Ingrid"])
def test_on_premises_people_sign_in_by_name_and_password(client: Client, door: Door, name: str) -> None:
    answer = door.by_password(name)

    assert (answer.status_code, code_of(answer)) == (200, "NoError")


@pytest.mark.parametrize(
    "name",
    ["", "nobody@kestrel.example", "KESTREL\\nobody", "CORVID\\ingrid", "\\ingrid", "KESTREL\\", "%@kestrel.example"],
)
def test_a_stranger_is_asked_for_name_and_password(client: Client, door: Door, name: str) -> None:
    answer = door.by_password(name)

    assert answer.status_code == 401
    assert answer.headers["WWW-Authenticate"] == 'Basic realm="localhost"'
    assert "locked out" not in answer.text


def test_a_token_is_nothing_to_a_server_on_premises(client: Client, door: Door) -> None:
    token = client.connect(scope=EWS)["access_token"]

    assert door.by_token(token, url=client.simulator.exchange_url).status_code == 401


def test_wrong_passwords_lock_the_account_and_the_right_one_is_refused_then(client: Client, door: Door) -> None:
    wrong = [door.by_password(HUGO, "not-it") for _ in range(5)]

    locked = door.by_password(HUGO)

    assert {answer.status_code for answer in wrong} == {401}
    assert not any("locked out" in answer.text for answer in wrong)
    assert locked.status_code == 401
    assert "The referenced account is currently locked out" in locked.text


def test_an_unlocked_account_is_let_in_again(client: Client, door: Door) -> None:
    client.person(HUGO, "lock", {"minutes": 30})
    assert door.by_password(HUGO).status_code == 401

    client.person(HUGO, "unlock")

    assert door.by_password(HUGO).status_code == 200


@pytest.mark.parametrize(
    ("action", "code"), [("expire-password", "ErrorPasswordExpired"), ("disable", "ErrorAccountDisabled")]
)
def test_what_is_wrong_with_an_account_is_told_to_who_knows_its_password(
    client: Client, door: Door, action: str, code: str
) -> None:
    client.person(INGRID, action)

    known, unknown = door.by_password(INGRID), door.by_password(INGRID, "not-it")

    assert (known.status_code, code_of(known)) == (500, code)
    assert (unknown.status_code, code_of(unknown)) == (401, "")


def test_whose_mailbox_is_in_the_cloud_has_none_on_premises(client: Client, door: Door) -> None:
    answer = door.by_password(ALICE)

    assert (answer.status_code, code_of(answer)) == (500, "ErrorMissingEmailAddress")


def test_a_mailbox_that_moves_is_found_on_the_other_server_with_its_events(client: Client, door: Door) -> None:
    client.person(INGRID, "move-to-cloud")

    cloud = door.by_token(client.connect(INGRID, EWS)["access_token"])
    before = door.by_password(INGRID)
    client.person(INGRID, "move-on-premises")

    assert code_of(cloud) == "NoError"
    assert code_of(before) == "ErrorMissingEmailAddress"
    assert code_of(door.by_password(INGRID)) == "NoError"


def test_an_impersonation_account_acts_for_the_people_of_its_organization_and_no_others(
    client: Client, door: Door
) -> None:
    codes = [
        code_of(door.by_password(SERVICE, acting_for=who))
        for who in (INGRID, HUGO, "runa@shearwater.example", ALICE, "nobody@kestrel.example")
    ]

    assert codes == [
        "NoError",
        "NoError",
        "ErrorImpersonateUserDenied",
        "ErrorNonExistentMailbox",
        "ErrorNonExistentMailbox",
    ]


def test_who_lost_the_role_acts_for_nobody(client: Client, door: Door) -> None:
    client.person(SERVICE, "forbid-impersonation")

    refused = code_of(door.by_password(SERVICE, acting_for=INGRID))
    client.person(HUGO, "allow-impersonation")

    assert refused == "ErrorImpersonateUserDenied"
    assert code_of(door.by_password(HUGO, acting_for=INGRID)) == "NoError"


def test_no_password_is_part_of_the_log(client: Client, door: Door) -> None:
    door.by_password(INGRID)
    door.by_password(f"KESTREL\\{PASSWORD}", PASSWORD)

    entries = client.simulator.control("GET", "log")["entries"][:2]

    assert [entry["kind"] for entry in entries] == ["ews", "ews"]
    assert PASSWORD not in str(entries)
    assert PASSWORD not in client.simulator.log_path.read_text()
    assert (entries[1]["operation"], entries[1]["who"]) == ("GetFolder", INGRID)


# ── What is ordered ─────────────────────────────────────────────────────────
def test_a_fault_hits_the_operation_it_names(client: Client, door: Door) -> None:
    client.simulator.control("POST", "faults", {"target": "ews", "path": "FindItem", "status": 503})
    fine = door.by_password(INGRID)

    client.simulator.control("POST", "faults", {"target": "ews", "path": "getfolder", "status": 503, "retry_after": 7})

    hit = door.by_password(INGRID)
    assert fine.status_code == 200
    assert (hit.status_code, hit.headers["Retry-After"], hit.text) == (503, "7", "")


def test_a_fault_with_a_response_code_is_a_soap_fault(client: Client, door: Door) -> None:
    order = {"target": "ews", "person": INGRID, "code": "ErrorServerBusy", "retry_after": 9, "count": 1}
    client.simulator.control("POST", "faults", order)

    others, hit, after = door.by_password(HUGO), door.by_password(INGRID), door.by_password(INGRID)

    assert (hit.status_code, code_of(hit)) == (500, "ErrorServerBusy")
    assert 'Name="BackOffMilliseconds">9000<' in hit.text
    assert [others.status_code, after.status_code] == [200, 200]


def test_a_fault_of_401_says_what_the_trainer_wrote(client: Client, door: Door) -> None:
    words = "The referenced account is currently locked out and may not be logged on to."
    client.simulator.control("POST", "faults", {"target": "ews", "status": 401, "message": words})

    answer = door.by_password(INGRID)

    assert (answer.status_code, answer.text) == (401, words)
    assert answer.headers["WWW-Authenticate"].startswith("Basic ")


@pytest.mark.parametrize("step", [{"code": "ServerBusy"}, {"status": 500, "aadsts": 50173}, {}])
def test_a_senseless_fault_of_exchange_is_refused(client: Client, step: dict[str, object]) -> None:
    answer = requests.post(
        f"{client.simulator.human_url}/control/faults",
        json={"target": "ews", **step},
        headers={"Authorization": f"Bearer {client.simulator.control_token}"},
        timeout=10,
    )

    assert answer.status_code == 400
