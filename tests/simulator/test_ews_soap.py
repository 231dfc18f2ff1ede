"""Exchange Web Services: envelopes, faults, versions, and whom one may be."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.simulated import PASSWORD
from tests.simulator.client import ALICE, BOB, Client, Reader
from tests.simulator.exchange import CALENDAR, GET_CALENDAR, VERSION, Answer, Exchange, envelope, impersonating

INGRID, SERVICE = "ingrid@kestrel.example", "svc-calendar@kestrel.example"
BOMB = '<?xml version="1.0"?><!DOCTYPE x [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;">]><x>&b;</x>'
OUTSIDE = '<?xml version="1.0"?><!DOCTYPE x [<!ENTITY a SYSTEM "file:///etc/passwd">]><x>&a;</x>'


@pytest.fixture(scope="module")
def alice(reader: Reader) -> Exchange:
    return Exchange.of(reader)


@pytest.fixture
def application(client: Client) -> Iterator[Exchange]:
    """Asks for itself, in Kestrel."""
    here = f"applications/{client.simulator.client_id}/tenants/kestrel.example"
    roles = {"roles": ["https://outlook.office365.com/full_access_as_app"]}
    client.simulator.control("POST", f"{here}/grant-roles", roles)
    answer = client.token(
        "kestrel.example", grant_type="client_credentials", scope="https://outlook.office365.com/.default"
    )
    yield Exchange(client, answer.json()["access_token"])
    client.simulator.control("POST", f"{here}/remove-roles", roles)


def _on_premises(reader: Client, user: str, body: str, header: str = VERSION) -> Answer:
    return Answer(
        reader.http.post(
            reader.simulator.exchange_url,
            data=envelope(body, header).encode(),
            auth=(user, PASSWORD),
            headers={"Content-Type": "text/xml; charset=utf-8"},
            timeout=30,
        )
    )


# ── The envelope ────────────────────────────────────────────────────────────
def test_an_answer_says_which_server_it_is(reader: Reader, alice: Exchange) -> None:
    cloud, own = alice.call(GET_CALENDAR), _on_premises(reader, INGRID, GET_CALENDAR)

    versions = [answer.one("ServerVersionInfo").attrib for answer in (cloud, own)]
    assert [one["MajorVersion"] + "." + one["MinorVersion"] for one in versions] == ["15.20", "15.2"]
    assert cloud.response.headers["Content-Type"] == "text/xml; charset=utf-8"
    assert cloud.codes == own.codes == ["NoError"]


def test_the_path_is_the_same_in_any_case(alice: Exchange) -> None:
    url = f"{alice.client.simulator.origin}/ews/exchange.asmx"
    headers = {"Authorization": f"Bearer {alice.token}", "Content-Type": "text/xml"}

    answer = alice.client.http.post(url, data=envelope(GET_CALENDAR).encode(), headers=headers, timeout=30)

    assert answer.status_code == 200


def test_an_anchor_does_no_harm(alice: Exchange) -> None:
    assert Answer(alice.post(envelope(GET_CALENDAR), **{"X-AnchorMailbox": "somebody@else.example"})).codes == [
        "NoError"
    ]


@pytest.mark.parametrize("version", ["Exchange2007", "Exchange2010_SP2", "Exchange2013_SP1", "Exchange2016"])
def test_every_version_of_the_schema_is_taken(alice: Exchange, version: str) -> None:
    assert alice.call(GET_CALENDAR, f'<t:RequestServerVersion Version="{version}"/>').codes == ["NoError"]


def test_an_unknown_version_is_refused(reader: Reader, alice: Exchange) -> None:
    unknown = alice.call(GET_CALENDAR, '<t:RequestServerVersion Version="Exchange2099"/>')
    newer = '<t:RequestServerVersion Version="V2018_01_08"/>'

    assert (unknown.response.status_code, unknown.codes) == (500, ["ErrorInvalidServerVersion"])
    assert alice.call(GET_CALENDAR, newer).codes == ["NoError"]
    assert _on_premises(reader, INGRID, GET_CALENDAR, newer).codes == ["ErrorInvalidServerVersion"]


@pytest.mark.parametrize(
    "content",
    [
        "",
        "hello",
        "<x/>",
        BOMB,
        OUTSIDE,
        envelope(""),
        envelope("<m:GetFolder/>"),
        envelope("<m:ExpandDL/>"),
        envelope("<x/>"),
        envelope(GET_CALENDAR)[:-3],
        envelope("<t:a>" * 100 + "</t:a>" * 100),
        envelope(GET_CALENDAR.replace("Default", "Everything")),
        envelope(GET_CALENDAR.replace('"calendar"', '"kalender"')),
        envelope(GET_CALENDAR, "<t:ExchangeImpersonation/>"),
        envelope(GET_CALENDAR).replace("utf-8", "utf-7"),
    ],
    ids=range(15),
)
def test_what_breaks_the_schema_is_refused_in_its_words(alice: Exchange, content: str) -> None:
    answer = Answer(alice.post(content))

    assert answer.response.status_code == 500
    assert answer.codes == ["ErrorSchemaValidation"]
    assert answer.texts("faultcode") == ["a:ErrorSchemaValidation"]
    assert "root:" not in answer.response.text


def test_who_asks_for_a_page_gets_one(alice: Exchange) -> None:
    headers = {"Authorization": f"Bearer {alice.token}"}
    url = alice.client.simulator.ews_url

    page = alice.client.http.get(url, headers=headers, timeout=30)
    put = alice.client.http.put(url, headers=headers, timeout=30)

    assert (page.status_code, page.headers["Content-Type"]) == (200, "text/html")
    assert put.status_code == 405


def test_other_content_and_too_much_of_it_are_turned_away(alice: Exchange) -> None:
    json = alice.post("{}", **{"Content-Type": "application/json"})
    large = alice.post(b" " * (4 * 1024 * 1024 + 1))

    assert [answer.status_code for answer in (json, large)] == [415, 413]


def test_the_log_names_the_operation_and_the_reason(alice: Exchange) -> None:
    alice.call(GET_CALENDAR.replace("GetFolder", "EmptyFolder"))

    (entry,) = [one for one in alice.client.simulator.control("GET", "log")["entries"] if one["code"]][:1]
    assert entry["code"] == "ErrorSchemaValidation"
    assert "not simulated" in entry["why"]


# ── Whose mailbox ───────────────────────────────────────────────────────────
def _calendar_of(address: str) -> str:
    mailbox = f"<t:Mailbox><t:EmailAddress>{address}</t:EmailAddress></t:Mailbox>"
    return GET_CALENDAR.replace(CALENDAR, f'<t:DistinguishedFolderId Id="calendar">{mailbox}</t:DistinguishedFolderId>')


@pytest.mark.parametrize("address", [ALICE, "A.Moreau@kestrel.example", "alice.moreau@kestrelandco.example"])
def test_ones_own_mailbox_goes_by_all_its_addresses(alice: Exchange, address: str) -> None:
    assert alice.call(_calendar_of(address)).codes == ["NoError"]


def test_anothers_calendar_is_not_even_said_to_be_there(alice: Exchange) -> None:
    answer = alice.call(_calendar_of(BOB))

    assert (answer.response.status_code, answer.codes) == (200, ["ErrorItemNotFound"])


@pytest.mark.parametrize("address", ["nobody@kestrel.example", "trent@corvid.example", INGRID])
def test_who_has_no_mailbox_here_is_said_so(alice: Exchange, address: str) -> None:
    answer = alice.call(_calendar_of(address))

    assert (answer.response.status_code, answer.codes) == (500, ["ErrorNonExistentMailbox"])


@pytest.mark.parametrize("address", [BOB, "nobody@kestrel.example"])
def test_a_person_may_impersonate_nobody_and_is_not_told_who_is_there(alice: Exchange, address: str) -> None:
    answer = alice.call(GET_CALENDAR, impersonating("PrimarySmtpAddress", address))

    assert (answer.response.status_code, answer.codes) == (500, ["ErrorImpersonateUserDenied"])


@pytest.mark.parametrize(
    ("kind", "value", "code"),
    [
        ("PrimarySmtpAddress", BOB, "NoError"),
        ("SmtpAddress", "support@kestrel.example", "NoError"),
        ("PrincipalName", BOB, "NoError"),
        ("PrimarySmtpAddress", "support@kestrel.example", "ErrorNonExistentMailbox"),
        ("PrimarySmtpAddress", "trent@corvid.example", "ErrorNonExistentMailbox"),
        ("PrimarySmtpAddress", INGRID, "ErrorNonExistentMailbox"),
        ("PrincipalName", "nobody", "ErrorNonExistentMailbox"),
        ("SID", "S-1-5-21-1", "ErrorInvalidSid"),
        ("Name", "Bob", "ErrorSchemaValidation"),
    ],
)
def test_an_application_names_whom_it_acts_for(application: Exchange, kind: str, value: str, code: str) -> None:
    assert application.call(GET_CALENDAR, impersonating(kind, value)).codes == [code]


def test_an_application_acts_for_somebody(application: Exchange) -> None:
    answer = application.call(GET_CALENDAR)

    assert answer.codes == ["ErrorInvalidExchangeImpersonationHeaderData"]


def test_an_impersonation_account_needs_no_mailbox_of_its_own(reader: Reader) -> None:
    carried = _on_premises(reader, SERVICE, GET_CALENDAR, impersonating("PrimarySmtpAddress", INGRID))
    alone = _on_premises(reader, SERVICE, GET_CALENDAR)
    names = _on_premises(
        reader, SERVICE, "<m:ResolveNames><m:UnresolvedEntry>ingrid</m:UnresolvedEntry></m:ResolveNames>"
    )

    assert carried.codes == ["NoError"]
    assert alone.codes == ["ErrorMissingEmailAddress"]
    assert names.texts("EmailAddress") == [INGRID]


# ── What needs no mailbox ───────────────────────────────────────────────────
@pytest.mark.parametrize(
    ("entry", "code", "found"),
    [
        (ALICE, "NoError", [ALICE]),
        ("smtp:a.moreau@kestrel.example", "NoError", [ALICE]),
        ("ali mor", "NoError", [ALICE]),
        ("nobody@kestrel.example", "ErrorNameResolutionNoResults", []),
        ("zz", "ErrorNameResolutionNoResults", []),
    ],
)
def test_names_are_resolved_by_address_or_by_the_beginnings_of_words(
    alice: Exchange, entry: str, code: str, found: list[str]
) -> None:
    answer = alice.call(f"<m:ResolveNames><m:UnresolvedEntry>{entry}</m:UnresolvedEntry></m:ResolveNames>")

    assert (answer.codes, answer.texts("EmailAddress")) == ([code], found)


def test_several_of_a_name_are_a_warning(alice: Exchange) -> None:
    answer = alice.call("<m:ResolveNames><m:UnresolvedEntry>o</m:UnresolvedEntry></m:ResolveNames>")

    assert answer.codes == ["ErrorNameResolutionMultipleResults"]
    assert answer.one("ResolveNamesResponseMessage").attrib["ResponseClass"] == "Warning"
    assert {"dana@kestrel.example", "otto@kestrel.example"} <= set(answer.texts("EmailAddress"))


def test_an_id_is_the_same_in_both_of_exchanges_spellings(alice: Exchange) -> None:
    folder = alice.call(GET_CALENDAR).one("FolderId").attrib["Id"]

    def convert(given: str, target: str) -> Answer:
        source = f'<t:AlternateId Format="EwsId" Id="{given}" Mailbox="{ALICE}"/>'
        return alice.call(
            f'<m:ConvertId DestinationFormat="{target}"><m:SourceIds>{source}</m:SourceIds></m:ConvertId>'
        )

    assert convert(folder, "EwsLegacyId").one("AlternateId").attrib["Id"] == folder
    assert convert("DUMMY", "EntryId").codes == ["ErrorInvalidIdMalformed"]
    assert convert(folder, "HexEntryId").codes == ["ErrorInvalidOperation"]
