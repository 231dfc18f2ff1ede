"""calendarView/delta: preferences, options that it lacks, and links: whose they are and when they end."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import count
from urllib.parse import quote

import pytest

from tests.simulated import Simulator
from tests.simulator.client import ALICE, BOB, Client
from tests.simulator.mailbox import Mailbox, daily
from tests.simulator.rows import Rows

_numbers = count(1)


@pytest.fixture(scope="module")
def alice(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mailbox]:
    simulator = Simulator().start(tmp_path_factory.mktemp("delta-links"))
    yield Mailbox.of(Client(simulator), ALICE)
    simulator.stop()


@pytest.fixture
def calendar(alice: Mailbox) -> Mailbox:
    return alice.in_new_calendar(f"Calendar {next(_numbers)}")


# ── Preferences ─────────────────────────────────────────────────────────────
def test_times_are_shown_in_the_zone_that_is_preferred_on_every_page(calendar: Mailbox) -> None:
    calendar.create("Stand-up", "2031-03-03T09:00", "2031-03-03T09:15", recurrence=daily("2031-03-03", 2))

    done = calendar.round(Prefer='outlook.timezone="W. Europe Standard Time", odata.maxpagesize=1')

    assert [item["start"]["dateTime"][11:16] for item in done.items] == ["10:00"] * 3
    assert {item["start"]["timeZone"] for item in done.items} == {"W. Europe Standard Time"}


def test_bodies_are_text_where_that_is_preferred(calendar: Mailbox) -> None:
    calendar.create(
        "Interview",
        "2031-03-03T10:00",
        "2031-03-03T11:00",
        body={"contentType": "html", "content": "<p>Room <b>4</b></p>"},
    )

    (event,) = calendar.round(Prefer='outlook.body-content-type="text"').items

    assert event["body"] == {"contentType": "text", "content": "Room 4"}


def test_ids_are_immutable_where_that_is_preferred(calendar: Mailbox) -> None:
    made = calendar.create("Stand-up", "2031-03-03T09:00", "2031-03-03T09:15", recurrence=daily("2031-03-03", 2))
    usual = calendar.round()
    asked = {"Prefer": 'IdType="ImmutableId"'}

    immutable = calendar.round(**asked)
    calendar.delete(made["id"])
    after = calendar.round(immutable.link, **asked)

    assert not usual.there & immutable.there
    assert {stub["seriesMasterId"] for stub in immutable.of_type("occurrence")} == {
        master["id"] for master in immutable.of_type("seriesMaster")
    }
    assert after.removed == immutable.there


def test_a_token_for_basic_reading_sees_no_bodies(alice: Mailbox, calendar: Mailbox) -> None:
    calendar.create("Interview", "2031-03-03T10:00", "2031-03-03T11:00")
    alice.client.simulator.control("DELETE", f"people/{ALICE}/grants")
    token = alice.client.connect(ALICE, "openid offline_access Calendars.ReadBasic")["access_token"]
    basic = Mailbox(alice.client, token, calendar.path)

    (event,) = basic.round().items

    assert event["subject"] == "Interview"
    assert not {"body", "bodyPreview"} & set(event)


# ── What is refused ─────────────────────────────────────────────────────────
@pytest.mark.parametrize(
    "spelling", ["delta", "delta()", "microsoft.graph.delta", "microsoft.graph.delta()", "Delta()"]
)
def test_every_spelling_of_the_function_is_the_same(alice: Mailbox, spelling: str) -> None:
    answer = alice.ask("GET", f"/me/calendarview/{spelling}?STARTDATETIME=2031-03-01&endDateTime=2031-03-02")

    assert answer.status_code == 200
    assert alice.ask("GET", answer.json()["@odata.deltaLink"]).status_code == 200


@pytest.mark.parametrize(
    "option", ["$select=subject", "$filter=isAllDay", "$orderby=subject", "$expand=x", "$search=x"]
)
def test_options_that_change_tracking_lacks_are_refused_by_name(alice: Mailbox, option: str) -> None:
    answer = alice.ask("GET", f"/me/calendarView/delta?{alice.window}&{option}")

    error = answer.json()["error"]
    assert (answer.status_code, error["code"]) == (400, "ErrorInvalidUrlQuery")
    assert error["message"] == (
        "The following parameters are not supported with change tracking over the 'CalendarView' resource: "
        "'$orderby, $filter, $select, $expand, $search'."
    )


def test_a_page_size_is_preferred_and_never_demanded(alice: Mailbox) -> None:
    answer = alice.ask("GET", f"/me/calendarView/delta?{alice.window}&$top=5")

    assert answer.status_code == 400
    assert "Prefer: odata.maxpagesize=" in answer.json()["error"]["message"]


@pytest.mark.parametrize("query", ["", "startDateTime=&endDateTime=", "startDateTime=2031-03-01", "$deltatoken="])
def test_a_round_begins_with_a_window_or_not_at_all(alice: Mailbox, query: str) -> None:
    answer = alice.ask("GET", f"/me/calendarView/delta?{query}")

    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "ErrorInvalidParameter")


def test_the_window_is_in_the_link_whatever_else_the_address_says(calendar: Mailbox) -> None:
    link = calendar.round().link
    made = calendar.create("Interview", "2031-03-03T10:00", "2031-03-03T11:00")

    done = calendar.round(f"{link}&startDateTime=2031-05-01&endDateTime=2031-05-02")

    assert done.there == {made["id"]}


def test_an_invented_or_changed_token_is_refused(calendar: Mailbox) -> None:
    link = calendar.round().link
    last = "A" if link[-1] != "A" else "B"
    path = f"{calendar.path}/calendarView/delta"
    forged = [
        f"{link[:-1]}{last}",
        f"{path}?$deltatoken=abc",
        f"{path}?$skiptoken=" + quote("🤷"),
        f"{path}?$deltatoken=latest",
    ]

    answers = [calendar.ask("GET", address) for address in forged]

    # The last letter of base64 may carry unused bits: changing it may change nothing.
    assert [answer.status_code for answer in answers[1:]] == [400] * 3
    assert answers[0].status_code in (200, 400)
    assert {answer.json()["error"]["code"] for answer in answers[1:]} == {"ErrorInvalidSyncStateData"}


def test_a_token_changed_in_its_middle_is_refused(calendar: Mailbox) -> None:
    link = calendar.round().link
    middle = len(link) - 40
    changed = "A" if link[middle] != "A" else "B"

    answer = calendar.ask("GET", f"{link[:middle]}{changed}{link[middle + 1 :]}")

    assert answer.status_code == 400


def test_an_invented_token_is_remarked_in_the_request_log(alice: Mailbox) -> None:
    alice.ask("GET", "/me/calendarView/delta?$skiptoken=abc")

    entries = alice.client.simulator.control("GET", "log")["entries"]
    newest = next(entry for entry in entries if entry["kind"] == "graph")
    assert newest["status"] == 400
    assert any("nextLink" in remark for remark in newest["remarks"])


def test_an_application_goes_through_a_mailbox_it_may_read(alice: Mailbox) -> None:
    rows = Rows(alice.client.simulator)
    rows.delete("approle")
    rows.grant_role("Calendars.Read")
    asked = {"grant_type": "client_credentials", "scope": "https://graph.microsoft.com/.default"}
    token = alice.client.token("kestrel.example", **asked).json()["access_token"]
    made = alice.create("Interview", "2033-03-03T10:00", "2033-03-03T11:00")
    year = {"first": datetime(2033, 1, 1, tzinfo=UTC), "last": datetime(2034, 1, 1, tzinfo=UTC)}

    done = Mailbox(alice.client, token, f"/users/{ALICE}", **year).round(Prefer="odata.maxpagesize=900")

    assert made["id"] in done.there
    assert f"/users/{ALICE}/calendarView/delta?" in done.link


def test_a_delta_token_is_no_skip_token(calendar: Mailbox) -> None:
    link = calendar.round().link

    assert calendar.ask("GET", link.replace("$deltatoken", "$skiptoken")).status_code == 400


def test_a_token_is_of_one_calendar_and_worth_nothing_elsewhere(alice: Mailbox, calendar: Mailbox) -> None:
    token = calendar.round().link.partition("?")[2]
    bob = Mailbox.of(alice.client, BOB)

    own = alice.ask("GET", f"/me/calendarView/delta?{token}")
    other = bob.ask("GET", f"/me/calendarView/delta?{token}")

    assert (own.status_code, other.status_code) == (400, 400)


def test_the_calendar_can_go_between_two_rounds(alice: Mailbox, calendar: Mailbox) -> None:
    link = calendar.round().link

    assert alice.ask("DELETE", calendar.path).status_code == 204

    answer = calendar.ask("GET", link)
    assert (answer.status_code, answer.json()["error"]["code"]) == (404, "ErrorItemNotFound")


@pytest.mark.parametrize("query", ["", "?startDateTime=2031-03-01T00:00:00Z", "?$deltatoken="])
def test_delta_of_events_without_a_window_is_said_to_be_missing(alice: Mailbox, query: str) -> None:
    answer = alice.ask("GET", f"/me/events/delta{query}")

    assert (answer.status_code, answer.json()["error"]["code"]) == (501, "NotImplemented")


@pytest.mark.parametrize("function", ["delta", "delta()", "microsoft.graph.delta()"])
def test_delta_of_events_in_a_window_is_that_of_the_calendar_view(calendar: Mailbox, function: str) -> None:
    calendar.create("Stand-up", "2031-03-03T09:00", "2031-03-03T09:15", recurrence=daily("2031-03-03", 2))
    path = f"{calendar.path}/events/{function}"

    begun = calendar.ask("GET", f"{path}?{calendar.window}", Prefer="odata.maxpagesize=1").json()
    rest = calendar.round(begun["@odata.nextLink"])
    made = calendar.create("Interview", "2031-03-04T10:00", "2031-03-04T11:00")
    later = calendar.round(rest.link)

    assert begun["value"] + rest.items == calendar.round().items[:3]
    for link in (begun["@odata.nextLink"], rest.link, later.link):
        assert link.partition("?")[0] == f"{calendar.client.simulator.graph_url}{path}"
    assert [item["id"] for item in later.items] == [made["id"]]


def test_delta_of_all_events_in_a_window_is_that_of_the_default_calendar(alice: Mailbox) -> None:
    made = alice.create("Interview", "2031-03-04T10:00", "2031-03-04T11:00")

    found = [alice.round(f"/me{where}/events/delta?{alice.window}").items for where in ("", "/calendar")]

    assert found == [alice.round().items] * 2
    assert made["id"] in {item["id"] for item in found[0]}
    alice.delete(made["id"])


# ── The end of a link ───────────────────────────────────────────────────────
def test_links_outlive_a_restart(tmp_path_factory: pytest.TempPathFactory) -> None:
    simulator = Simulator().start(tmp_path_factory.mktemp("restarted"))
    mailbox = Mailbox.of(Client(simulator))
    link = mailbox.round(Prefer="odata.maxpagesize=500").link
    simulator.stop()
    simulator.start()
    made = mailbox.create("Interview", "2031-03-03T10:00", "2031-03-03T11:00")

    done = mailbox.round(link)

    simulator.stop()
    assert done.there == {made["id"]}
    assert (simulator.data / "delta-key").stat().st_mode & 0o777 == 0o600


def test_expired_tokens_are_gone_and_say_where_to_begin_anew(alice: Mailbox, calendar: Mailbox) -> None:
    made = calendar.create("Interview", "2031-03-03T10:00", "2031-03-03T11:00")
    link = calendar.round().link
    alice.client.simulator.control("POST", f"people/{ALICE}/expire-delta-tokens")

    answer = calendar.ask("GET", link)

    assert (answer.status_code, answer.json()["error"]["code"]) == (410, "SyncStateNotFound")
    assert answer.json()["error"]["message"].startswith(
        "The sync state generation is not found; generation=1;[highest=2]"
    )
    assert "$deltatoken=" in answer.headers["Location"]
    assert calendar.round(answer.headers["Location"]).there == {made["id"]}


def test_a_link_from_before_a_reset_is_gone(tmp_path_factory: pytest.TempPathFactory) -> None:
    simulator = Simulator().start(tmp_path_factory.mktemp("reset"))
    client = Client(simulator)
    link = Mailbox.of(client).round(Prefer="odata.maxpagesize=500").link
    simulator.control("POST", "reset")

    answer = Mailbox.of(client).ask("GET", link)

    simulator.stop()
    assert (answer.status_code, answer.json()["error"]["code"]) == (410, "SyncStateNotFound")


def test_a_link_to_the_next_page_can_expire_as_well(alice: Mailbox, calendar: Mailbox) -> None:
    calendar.create("Stand-up", "2031-03-03T09:00", "2031-03-03T09:15", recurrence=daily("2031-03-03", 20))
    link = calendar.begin().json()["@odata.nextLink"]
    alice.client.simulator.control("POST", f"people/{ALICE}/expire-delta-tokens")

    assert calendar.ask("GET", link).status_code == 410


def test_a_token_that_nobody_uses_for_a_month_expires(tmp_path_factory: pytest.TempPathFactory) -> None:
    simulator = Simulator().start(tmp_path_factory.mktemp("aged"))
    client = Client(simulator)
    link = Mailbox.of(client).round(Prefer="odata.maxpagesize=500").link

    statuses = []
    for days in (29, 2):
        simulator.control("POST", "tenants/kestrel.example/later", {"days": days, "hours": 0, "minutes": 0})
        statuses.append(Mailbox.of(client).ask("GET", link).status_code)

    simulator.stop()
    assert statuses == [200, 410]
