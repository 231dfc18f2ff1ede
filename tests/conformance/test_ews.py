"""Exchange Web Services through exchangelib as it is; told only which certificates to trust."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any, cast

import exchangelib
import pytest
from exchangelib import (
    DELEGATE,
    IMPERSONATION,
    OAUTH2,
    Account,
    CalendarItem,
    Configuration,
    Credentials,
    EWSDate,
    EWSDateTime,
    EWSTimeZone,
    Identity,
    OAuth2AuthorizationCodeCredentials,
    Version,
)
from exchangelib import errors as typed
from exchangelib.protocol import BaseProtocol
from exchangelib.recurrence import (
    AbsoluteMonthlyPattern,
    AbsoluteYearlyPattern,
    DailyPattern,
    Recurrence,
    RelativeMonthlyPattern,
    RelativeYearlyPattern,
    WeeklyPattern,
)
from exchangelib.version import EXCHANGE_O365
from oauthlib.oauth2 import OAuth2Token  # type: ignore[import-untyped]
from requests.adapters import HTTPAdapter

from tests.simulated import PASSWORD, Simulator
from tests.simulator.client import ALICE, BOB, Client
from tests.simulator.mailbox import Mailbox

INGRID, SERVICE = "ingrid@kestrel.example", "svc-calendar@kestrel.example"
SCOPE = "openid offline_access https://outlook.office365.com/EWS.AccessAsUser.All"
UTC, BERLIN = EWSTimeZone("UTC"), EWSTimeZone("Europe/Berlin")
HOUR = timedelta(hours=1)
Item = Any


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    simulator = Simulator().start(tmp_path_factory.mktemp("exchange"))
    usual = BaseProtocol.HTTP_ADAPTER_CLS

    class Trusting(HTTPAdapter):
        def cert_verify(self, conn: Any, url: str, verify: Any, cert: Any) -> None:
            super().cert_verify(conn, url, str(simulator.ca_path), cert)  # type: ignore[no-untyped-call]

    BaseProtocol.HTTP_ADAPTER_CLS = Trusting
    try:
        yield Client(simulator)
    finally:
        exchangelib.close_connections()
        BaseProtocol.HTTP_ADAPTER_CLS = usual
        simulator.stop()


@pytest.fixture(scope="module")
def tokens(client: Client) -> dict[str, str]:
    """Of Exchange, by sign-in name; the application's own by the empty one."""
    given = {name: str(client.connect(name, SCOPE)["access_token"]) for name in (ALICE, BOB)}
    here = f"applications/{client.simulator.client_id}/tenants/kestrel.example"
    client.simulator.control(
        "POST", f"{here}/grant-roles", {"roles": ["https://outlook.office365.com/full_access_as_app"]}
    )
    scope = "https://outlook.office365.com/.default"
    answer = client.token("kestrel.example", grant_type="client_credentials", scope=scope)
    return {**given, "": answer.json()["access_token"]}


def _account(client: Client, token: str, name: str, *, acts: bool = False) -> Account:
    token = OAuth2Token({"access_token": token, "token_type": "Bearer", "expires_in": 3600})
    identity = Identity(primary_smtp_address=name) if acts else None
    credentials = OAuth2AuthorizationCodeCredentials(access_token=token, identity=identity)
    # Who is refused at once learns no version.
    version = Version(build=EXCHANGE_O365) if acts else None
    configuration = Configuration(
        service_endpoint=client.simulator.ews_url, credentials=credentials, auth_type=OAUTH2, version=version
    )
    access = IMPERSONATION if acts else DELEGATE
    return Account(name, config=configuration, autodiscover=False, access_type=access, default_timezone=UTC)


def _on_premises(client: Client, user: str, name: str, password: str = PASSWORD) -> Account:
    configuration = Configuration(
        service_endpoint=client.simulator.exchange_url, credentials=Credentials(user, password), auth_type="basic"
    )
    access = DELEGATE if user == name else IMPERSONATION
    return Account(name, config=configuration, autodiscover=False, access_type=access, default_timezone=UTC)


@pytest.fixture
def alice(client: Client, tokens: dict[str, str]) -> Account:
    return _account(client, tokens[ALICE], ALICE)


@pytest.fixture
def bob(client: Client, tokens: dict[str, str]) -> Account:
    return _account(client, tokens[BOB], BOB)


@pytest.fixture
def graph(client: Client) -> Mailbox:
    """Alice's mailbox, by Graph."""
    return Mailbox.of(client, ALICE)


def _at(day: int, hour: int = 9, *, month: int = 3, zone: EWSTimeZone = UTC) -> EWSDateTime:
    return EWSDateTime(2031, month, day, hour, 0, tzinfo=zone)


def _make(account: Account, subject: str, start: EWSDateTime, **more: Any) -> Item:
    fields = {"start": start, "end": start + HOUR, "subject": subject, **more}
    return CalendarItem(account=account, folder=account.calendar, **fields).save()


def _view(account: Account, subject: str, first: int = 1, last: int = 31) -> list[Item]:
    found = account.calendar.view(start=_at(first, 0), end=_at(last, 23))
    return [item for item in found if item.subject.startswith(subject)]


# ── The server ──────────────────────────────────────────────────────────────
def test_a_version_that_nobody_told_it_is_learned_from_the_header(client: Client, alice: Account) -> None:
    own = _on_premises(client, INGRID, INGRID)

    builds = [(account.version.build.major_version, account.version.build.minor_version) for account in (alice, own)]

    assert builds == [(15, 20), (15, 2)]


def test_folders_are_walked_from_the_root(alice: Account) -> None:
    names = {folder.name for folder in alice.root.walk()}

    assert {"Top of Information Store", "Calendar", "Inbox", "Sent Items"} <= names
    assert alice.calendar.parent.name == "Top of Information Store"


def test_a_further_calendar_of_graph_is_a_folder(alice: Account, graph: Mailbox) -> None:
    made = graph.in_new_calendar("Rowing")
    made.create("Regatta", "2031-03-03T10:00", "2031-03-03T11:00")

    folder = next(folder for folder in alice.calendar.children if folder.name == "Rowing")

    assert [item.subject for item in folder.all()] == ["Regatta"]


# ── Reading ─────────────────────────────────────────────────────────────────
def test_a_view_has_what_graphs_calendar_view_has(alice: Account, graph: Mailbox) -> None:
    first = EWSDateTime.now(tz=UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    window = f"startDateTime={first:%Y-%m-%dT%H:%M:%SZ}&endDateTime={first + timedelta(days=7):%Y-%m-%dT%H:%M:%SZ}"
    timed = [
        event
        for event in graph.ask("GET", f"/me/calendarView?{window}&$top=500").json()["value"]
        if not event["isAllDay"]
    ]

    found = [item for item in alice.calendar.view(start=first, end=first + timedelta(days=7)) if not item.is_all_day]

    assert len(timed) > 10
    assert {(item.subject, f"{item.start:%Y-%m-%dT%H:%M}", item.sensitivity.lower()) for item in found} == {
        (event["subject"], event["start"]["dateTime"][:16], event["sensitivity"]) for event in timed
    }
    assert len(found) == len(timed)


def test_a_series_is_expanded_with_what_differs_and_without_what_is_gone(alice: Account) -> None:
    days = Recurrence(pattern=DailyPattern(interval=1), start=EWSDate(2031, 3, 24), number=5)
    _make(alice, "Watch", _at(24, zone=BERLIN), recurrence=days)
    _, second, third, *_ = _view(alice, "Watch")
    second.subject, second.start, second.end = "Watch, late", second.start + HOUR, second.end + HOUR
    second.save(update_fields=["subject", "start", "end"])
    third.delete()

    found = _view(alice, "Watch")

    kinds = [(item.start.day, item.start.hour, item.type) for item in found]
    assert kinds[:2] == [(24, 8, "Occurrence"), (25, 9, "Exception")]
    assert [day for day, _, _ in kinds] == [24, 25, 27, 28]
    assert found[1].original_start == _at(25, 8)
    (master,) = alice.calendar.filter(subject="Watch")
    assert [one.start for one in master.modified_occurrences] == [_at(25, 9)]
    assert [one.start for one in master.deleted_occurrences] == [_at(26, 8)]


def test_a_series_keeps_its_hour_when_the_clocks_change(alice: Account) -> None:
    weeks = Recurrence(pattern=WeeklyPattern(interval=1, weekdays=["Monday"]), start=EWSDate(2031, 3, 24), number=2)
    _make(alice, "Tide", _at(24, zone=BERLIN), recurrence=weeks)

    assert [item.start.hour for item in _view(alice, "Tide")] == [8, 7]


def test_whole_days_are_dates(alice: Account) -> None:
    two = CalendarItem(
        account=alice,
        folder=alice.calendar,
        subject="Away",
        start=EWSDate(2031, 3, 5),
        end=EWSDate(2031, 3, 6),
        is_all_day=True,
        legacy_free_busy_status="OOF",
    )
    two._start_timezone = two._end_timezone = BERLIN
    two.save()

    (found,) = _view(alice, "Away")

    assert (found.start, found.end) == (EWSDate(2031, 3, 5), EWSDate(2031, 3, 6))
    assert found.legacy_free_busy_status == "OOF"


@pytest.mark.parametrize(
    "pattern",
    [
        DailyPattern(interval=3),
        WeeklyPattern(interval=2, weekdays=["Monday", "Thursday"], first_day_of_week="Sunday"),
        AbsoluteMonthlyPattern(interval=1, day_of_month=3),
        RelativeMonthlyPattern(interval=2, weekday="Monday", week_number="First"),
        AbsoluteYearlyPattern(day_of_month=3, month="March"),
        RelativeYearlyPattern(weekday="WeekendDay", week_number="Last", month="March"),
    ],
    ids=lambda pattern: type(pattern).__name__,
)
def test_each_pattern_comes_back_as_it_was_sent(alice: Account, pattern: Any) -> None:
    name = type(pattern).__name__
    _make(alice, name, _at(3), recurrence=Recurrence(pattern=pattern, start=EWSDate(2031, 3, 3), number=4))

    (master,) = alice.calendar.filter(subject=name)

    assert master.type == "RecurringMaster"
    assert master.recurrence.pattern == pattern
    assert master.recurrence.boundary.number == 4


def test_pages_are_followed_to_the_end(alice: Account) -> None:
    counted = alice.calendar.all().count()

    found = list(alice.calendar.all().only("subject").order_by("subject"))

    assert len(found) == counted == alice.calendar.total_count


# ── Writing ─────────────────────────────────────────────────────────────────
def test_what_is_made_here_is_in_graphs_delta_and_the_other_way(alice: Account, graph: Mailbox) -> None:
    link = graph.round().link
    list(alice.calendar.sync_items(only_fields=["subject"]))
    state = alice.calendar.item_sync_state
    made = _make(alice, "From EWS", _at(4), body="By EWS", location="Pier", categories=["Red"])

    other = graph.create("From Graph", "2031-03-04T12:00", "2031-03-04T13:00")
    round_of_graph = graph.round(link).items
    synced = {item.subject: kind for kind, item in alice.calendar.sync_items(sync_state=state, only_fields=["subject"])}

    assert [item["subject"] for item in round_of_graph] == ["From EWS", "From Graph"]
    assert round_of_graph[0]["location"]["displayName"] == "Pier"
    assert made.id.translate(str.maketrans("/+", "-_")) == round_of_graph[0]["id"]
    assert synced == {"From EWS": "create", "From Graph": "create"}
    assert next(iter(alice.fetch([(other["id"].translate(str.maketrans("-_", "/+")), None)]))).subject == "From Graph"


def test_changes_and_deletions_are_told_apart(alice: Account) -> None:
    kept, gone = _make(alice, "Kept", _at(6)), _make(alice, "Gone", _at(6, 11))
    list(alice.calendar.sync_items(only_fields=["subject"]))
    state = alice.calendar.item_sync_state

    gone_id = gone.id
    kept.subject = "Kept, and renamed"
    kept.save(update_fields=["subject"])
    gone.delete()
    changed = list(alice.calendar.sync_items(sync_state=state, only_fields=["subject"]))

    assert [kind for kind, _ in changed] == ["delete", "update"]
    assert changed[0][1].id == gone_id
    assert changed[1][1].subject == "Kept, and renamed"
    assert list(alice.calendar.sync_items(sync_state=alice.calendar.item_sync_state)) == []


def test_a_sync_comes_in_as_many_parts_as_were_asked_for(alice: Account) -> None:
    for number in range(5):
        _make(alice, f"Part {number}", _at(7, 9 + number))

    at_once = {item.id for _, item in alice.calendar.sync_items(only_fields=["subject"])}
    alice.calendar.item_sync_state = None
    in_parts = [item.id for _, item in alice.calendar.sync_items(only_fields=["subject"], max_changes_returned=2)]

    assert len(in_parts) == len(set(in_parts))
    assert set(in_parts) == at_once


def test_an_invitation_arrives_and_its_answer_comes_back(alice: Account, bob: Account) -> None:
    start = _at(10)
    meeting = CalendarItem(
        account=alice, folder=alice.calendar, subject="Chart", start=start, end=start + HOUR, required_attendees=[BOB]
    )
    meeting.save(send_meeting_invitations="SendToAllAndSaveCopy")
    (invited,) = _view(bob, "Chart")
    unanswered = invited.my_response_type

    invited.accept(message_disposition="SendOnly")
    meeting.refresh()

    assert unanswered == "NoResponseReceived"
    assert [one.response_type for one in meeting.required_attendees] == ["Accept"]
    assert invited.organizer.email_address == ALICE


def test_an_invitation_crosses_between_the_servers(client: Client, alice: Account) -> None:
    ingrid, start = _on_premises(client, INGRID, INGRID), _at(17)
    meeting = CalendarItem(
        account=alice,
        folder=alice.calendar,
        subject="Crane",
        start=start,
        end=start + HOUR,
        required_attendees=[INGRID],
    )
    meeting.save(send_meeting_invitations="SendToAllAndSaveCopy")
    (invited,) = _view(ingrid, "Crane")

    invited.decline(message_disposition="SendOnly")
    meeting.refresh()

    assert [one.response_type for one in meeting.required_attendees] == ["Decline"]
    assert _view(ingrid, "Crane") == []


def test_nobody_hears_of_what_is_sent_to_none(alice: Account, bob: Account) -> None:
    start = _at(11)
    meeting = CalendarItem(
        account=alice, folder=alice.calendar, subject="Quiet", start=start, end=start + HOUR, required_attendees=[BOB]
    )
    meeting.save(send_meeting_invitations="SendToNone")

    assert _view(bob, "Quiet") == []


# ── Refusals ────────────────────────────────────────────────────────────────
def test_what_is_not_there_is_said_of_each_item(alice: Account) -> None:
    made = _make(alice, "There", _at(12))

    found = list(
        alice.fetch([(made.id, None), (made.id[:-1] + ("A" if made.id[-1] != "A" else "B"), None), ("?", None)])
    )

    assert found[0].subject == "There"
    assert isinstance(found[1], typed.ErrorItemNotFound)
    assert isinstance(found[2], typed.ErrorInvalidIdMalformed)


def test_a_sync_state_that_is_none_is_refused(alice: Account) -> None:
    with pytest.raises(typed.ErrorInvalidSyncStateData):
        list(alice.calendar.sync_items(sync_state="H4sIAAAA"))


def test_a_sync_state_can_expire(client: Client, alice: Account) -> None:
    list(alice.calendar.sync_items(only_fields=["subject"]))
    client.person(ALICE, "expire-delta-tokens")

    with pytest.raises(typed.ErrorInvalidSyncStateData):
        list(alice.calendar.sync_items(sync_state=alice.calendar.item_sync_state))


def test_another_ones_mailbox_stays_shut(client: Client, tokens: dict[str, str]) -> None:
    with pytest.raises(typed.ErrorFolderNotFound):
        _ = _account(client, tokens[ALICE], BOB).calendar
    with pytest.raises(typed.ErrorNonExistentMailbox):
        _ = _account(client, tokens[ALICE], "nobody@kestrel.example").calendar
    with pytest.raises(typed.ErrorImpersonateUserDenied):
        _ = _account(client, tokens[ALICE], BOB, acts=True).calendar


def test_a_busy_server_names_its_pause(client: Client, alice: Account) -> None:
    usual = client.simulator.control("GET", "throttling")
    assert alice.calendar.name == "Calendar"
    client.simulator.control("POST", "throttling", {**usual, "requests": 1, "seconds": 300})

    try:
        alice.calendar.refresh()
        with pytest.raises(typed.ErrorServerBusy) as refused:
            alice.calendar.refresh()
    finally:
        client.simulator.control("POST", "throttling", usual)

    assert 290 < cast("float", refused.value.back_off) <= 300


# ── Applications, and servers of one's own ──────────────────────────────────
def test_an_application_opens_whom_it_impersonates(client: Client, tokens: dict[str, str]) -> None:
    account = _account(client, tokens[""], BOB, acts=True)

    assert account.calendar.total_count > 0
    with pytest.raises(typed.ErrorNonExistentMailbox):
        _ = _account(client, tokens[""], INGRID, acts=True).calendar
    alone = _account(client, tokens[""], BOB)
    with pytest.raises(typed.ErrorInvalidExchangeImpersonationHeaderData):
        _ = alone.calendar


def test_a_server_of_ones_own_takes_a_password_and_an_impersonation_account(client: Client) -> None:
    own, carried = _on_premises(client, INGRID, INGRID), _on_premises(client, SERVICE, INGRID)
    made = _make(own, "Stock", _at(13))

    (found,) = _view(carried, "Stock")

    assert found.id == made.id
    with pytest.raises(typed.UnauthorizedError):
        _ = _on_premises(client, INGRID, INGRID, "wrong").calendar


def test_names_are_resolved(alice: Account) -> None:
    protocol = alice.protocol
    assert protocol.version.build

    (whole,) = protocol.resolve_names(["a.moreau@kestrel.example"])
    nobody = protocol.resolve_names(["nobody@kestrel.example"])

    assert whole.email_address == ALICE
    assert isinstance(nobody[0], typed.ErrorNameResolutionNoResults)


def test_time_zones_are_written_out(alice: Account) -> None:
    assert alice.protocol.version.build

    berlin, utc = alice.protocol.get_timezones([BERLIN, UTC], return_full_timezone_data=True)
    standard, daylight, period = berlin.get_std_and_dst(for_year=2031)

    assert (period.bias_in_minutes, daylight.bias) == (-60, -60)
    assert (daylight.iso_month, daylight.occurrence, daylight.weekday, daylight.time.hour) == (3, 5, 7, 2)
    assert (standard.iso_month, standard.occurrence, standard.weekday, standard.time.hour) == (10, 5, 7, 3)
    assert utc.get_std_and_dst(for_year=2031)[2].bias_in_minutes == 0


@pytest.mark.parametrize("month", [3, 7], ids=["in winter", "in summer"])
def test_colleagues_are_free_or_busy_and_no_more_is_said(alice: Account, bob: Account, month: int) -> None:
    start = _at(14, 10, month=month, zone=BERLIN)
    _make(bob, "Between us", start, legacy_free_busy_status="OOF")
    day = start - timedelta(hours=10)
    asked = [(BOB, "Required", False), (ALICE, "Organizer", False), ("nobody@kestrel.example", "Required", False)]

    his, mine, nobody = alice.protocol.get_free_busy_info(asked, day, day + timedelta(days=1), 60)

    event = next(one for one in his.calendar_events if one.busy_type == "OOF")
    assert (event.start, event.end, event.details) == (start, start + HOUR, None)
    assert his.merged[10] == "3"
    assert all(one.details for one in mine.calendar_events or ())
    assert isinstance(nobody, typed.ErrorMailRecipientNotFound)
