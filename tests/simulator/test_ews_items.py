"""Calendar items by Exchange Web Services: found, read, made, changed and followed. Graph has the same ones."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import count
from typing import Any

import pytest

from tests.simulated import Simulator
from tests.simulator.client import ALICE, BOB, Client
from tests.simulator.exchange import (
    CALENDAR,
    Answer,
    Exchange,
    create,
    find,
    get,
    setting,
    shape,
    times,
    update,
    view,
)
from tests.simulator.mailbox import Mailbox, at, daily
from tests.simulator.receiver import Receiver
from tests.simulator.subscribing import subscribed

_numbers = count(1)
DAY = view("2031-03-03T00:00:00Z", "2031-03-04T00:00:00Z")
MONTH = view("2031-03-01T00:00:00Z", "2031-04-01T00:00:00Z")
SYNC = (
    "<m:SyncFolderItems>{shape}<m:SyncFolderId>{folder}</m:SyncFolderId>{state}{ignore}"
    "<m:MaxChangesReturned>{most}</m:MaxChangesReturned></m:SyncFolderItems>"
)
PAGE = '<m:IndexedPageItemView MaxEntriesReturned="{most}" Offset="{offset}" BasePoint="{base}"/>'
AT_TEN = times("2031-03-03T10:00:00Z", "2031-03-03T11:00:00Z")
RENAMED = setting("item:Subject", "<t:Subject>a</t:Subject>")
TAKEN = '<t:DeleteItemField><t:FieldURI FieldURI="{}"/></t:DeleteItemField>'
GUID = "6d2f1c5e-52a4-4b3a-9a5b-0f6a4c7d8e91"


@pytest.fixture(scope="module")
def simulator(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Simulator]:
    started = Simulator().start(tmp_path_factory.mktemp("exchange"))
    yield started
    started.stop()


@pytest.fixture(scope="module")
def alice(simulator: Simulator) -> Exchange:
    return Exchange.of(Client(simulator), ALICE)


@pytest.fixture(scope="module")
def graph(simulator: Simulator) -> Mailbox:
    return Mailbox.of(Client(simulator), ALICE)


class Place:
    """A calendar of a test's own, by both services."""

    def __init__(self, alice: Exchange, graph: Mailbox) -> None:
        self.alice = alice
        self.graph = graph.in_new_calendar(f"Calendar {next(_numbers)}")
        self.folder = f'<t:FolderId Id="{_spelt(self.graph.path.rpartition("/")[2])}"/>'

    def create(self, fields: str, sending: str = "SendToNone") -> Answer:
        return self.alice.call(create(fields, self.folder, sending))

    def find(self, how: str, *fields: str, more: str = "") -> Answer:
        return self.alice.call(find(how, *fields, folder=self.folder, more=more))

    def sync(self, state: str = "", most: int = 100, ignore: str = "") -> Answer:
        text = f"<m:SyncState>{state}</m:SyncState>" if state else ""
        skipped = f'<m:Ignore><t:ItemId Id="{ignore}"/></m:Ignore>' if ignore else ""
        asked = {"shape": shape("IdOnly", "item:Subject"), "folder": self.folder, "state": text, "most": most}
        return self.alice.call(SYNC.format(**asked, ignore=skipped))


@pytest.fixture
def place(alice: Exchange, graph: Mailbox) -> Place:
    return Place(alice, graph)


def _spelt(graph_id: str) -> str:
    return graph_id.replace("-", "/").replace("_", "+")


def _item(event: dict[str, Any]) -> str:
    return f'<t:ItemId Id="{_spelt(event["id"])}" ChangeKey="{event["changeKey"]}"/>'


# ── Finding ─────────────────────────────────────────────────────────────────
def test_a_view_has_what_touches_the_window_by_start(place: Place) -> None:
    for subject, first, last in [
        ("Later", "2031-03-03T15:00", "2031-03-03T16:00"),
        ("Into it", "2031-03-02T23:00", "2031-03-03T01:00"),
        ("Up to it", "2031-03-02T23:00", "2031-03-03T00:00"),
        ("From its end", "2031-03-04T00:00", "2031-03-04T01:00"),
        ("Out of it", "2031-03-03T23:00", "2031-03-04T01:00"),
    ]:
        place.graph.create(subject, first, last)

    found = place.find(DAY, "item:Subject")

    assert found.texts("Subject") == ["Into it", "Later", "Out of it"]
    assert found.one("RootFolder").attrib == {"TotalItemsInView": "3", "IncludesLastItemInRange": "true"}


def test_a_whole_day_is_where_its_zone_has_it(place: Place) -> None:
    whole = "<t:IsAllDayEvent>true</t:IsAllDayEvent>"
    zones = '<t:StartTimeZone Id="Tokyo Standard Time"/><t:EndTimeZone Id="Tokyo Standard Time"/>'
    times_there = "<t:Start>2031-03-03T00:00:00+09:00</t:Start><t:End>2031-03-04T00:00:00+09:00</t:End>"
    place.create(f"<t:Subject>Holiday</t:Subject>{times_there}{whole}{zones}")

    def hours(first: str, last: str) -> list[str]:
        return place.find(view(first, last), "item:Subject", "calendar:Start").texts("Start")

    assert hours("2031-03-02T14:00:00Z", "2031-03-02T15:00:00Z") == []
    assert hours("2031-03-02T15:00:00Z", "2031-03-02T16:00:00Z") == ["2031-03-02T15:00:00Z"]
    assert hours("2031-03-03T15:00:00Z", "2031-03-03T16:00:00Z") == []
    (event,) = place.graph.ask("GET", f"{place.graph.path}/events").json()["value"]
    assert (event["isAllDay"], event["start"]["dateTime"][:16]) == (True, "2031-03-03T00:00")


def test_a_view_without_offsets_is_by_the_zone_of_the_request(place: Place) -> None:
    place.graph.create("Early", "2031-03-02T23:30", "2031-03-02T23:45")
    context = '<t:TimeZoneContext><t:TimeZoneDefinition Id="W. Europe Standard Time"/></t:TimeZoneContext>'
    window = view("2031-03-03T00:00:00", "2031-03-03T01:00:00")

    found = place.alice.call(find(window, "item:Subject", folder=place.folder), context)
    unknown = place.alice.call(find(window, folder=place.folder), context.replace("W. Europe", "Atlantis"))

    assert found.texts("Subject") == ["Early"]
    assert unknown.codes == ["ErrorTimeZone"]


@pytest.mark.parametrize(
    ("window", "code"),
    [
        (view("2031-03-02T00:00:00Z", "2031-03-01T00:00:00Z"), "ErrorCalendarEndDateIsEarlierThanStartDate"),
        (view("2031-03-02T00:00:00Z", "2034-03-01T00:00:00Z"), "ErrorCalendarViewRangeTooBig"),
        (view("2031-03-02", "2034-03-01T00:00:00Z"), "ErrorSchemaValidation"),
        (view("2031-02-30T00:00:00Z", "2031-03-01T00:00:00Z"), "ErrorSchemaValidation"),
        ('<m:CalendarView StartDate="2031-03-02T00:00:00Z"/>', "ErrorSchemaValidation"),
        ('<m:FractionalPageItemView Numerator="1" Denominator="2"/>', "ErrorInvalidOperation"),
        (PAGE.format(most=0, offset=0, base="Beginning"), "ErrorSchemaValidation"),
        (PAGE.format(most=1, offset=0, base="Middle"), "ErrorSchemaValidation"),
    ],
)
def test_a_view_that_cannot_be_is_refused(alice: Exchange, window: str, code: str) -> None:
    assert alice.call(find(window)).codes == [code]


def test_a_view_of_no_calendar_is_refused_and_mail_has_nothing(alice: Exchange) -> None:
    inbox = '<t:DistinguishedFolderId Id="inbox"/>'

    both = alice.call(find(DAY, folder=f"{inbox}{CALENDAR}"))
    mail = alice.call(find(PAGE.format(most=5, offset=0, base="Beginning"), folder=inbox))

    assert both.codes == ["ErrorCalendarFolderIsInvalidForCalendarView", "NoError"]
    assert (mail.codes, mail.all("ItemId")) == (["NoError"], [])


def test_a_view_stops_where_it_was_told_to(place: Place) -> None:
    place.graph.create("Daily", "2031-03-03T10:00", "2031-03-03T11:00", recurrence=daily("2031-03-03", 5))

    found = place.find(view("2031-03-01T00:00:00Z", "2031-04-01T00:00:00Z", 2), "calendar:Start")

    assert found.texts("Start") == ["2031-03-03T10:00:00Z", "2031-03-04T10:00:00Z"]
    assert found.one("RootFolder").attrib["IncludesLastItemInRange"] == "false"


def test_more_than_a_thousand_need_to_be_asked_for_in_parts(place: Place) -> None:
    place.graph.create("Often", "2031-03-03T10:00", "2031-03-03T11:00", recurrence=daily("2031-03-03", 700))
    place.graph.create("Often too", "2031-03-03T12:00", "2031-03-03T13:00", recurrence=daily("2031-03-03", 700))

    found = place.find(view("2031-03-01T00:00:00Z", "2033-02-28T00:00:00Z"))

    assert found.codes == ["ErrorExceededFindCountLimit"]


def test_pages_go_from_either_end_and_have_series_once(place: Place) -> None:
    for number in range(4):
        place.graph.create(f"E{number}", "2031-03-03T10:00", "2031-03-03T11:00")
    place.graph.create("Series", "2031-03-03T10:00", "2031-03-03T11:00", recurrence=daily("2031-03-03", 5))

    def page(most: int, offset: int, base: str) -> tuple[list[str], str, str]:
        found = place.find(PAGE.format(most=most, offset=offset, base=base), "item:Subject")
        root = found.one("RootFolder").attrib
        return found.texts("Subject"), root["IndexedPagingOffset"], root["IncludesLastItemInRange"]

    assert page(3, 0, "Beginning") == (["E0", "E1", "E2"], "3", "false")
    assert page(3, 3, "Beginning") == (["E3", "Series"], "5", "true")
    assert page(2, 0, "End") == (["E3", "Series"], "2", "false")
    assert page(9, 2, "End") == (["E0", "E1", "E2"], "5", "true")


def _compared(name: str, field: str, value: str) -> str:
    constant = f'<t:FieldURIOrConstant><t:Constant Value="{value}"/></t:FieldURIOrConstant>'
    return f'<t:{name}><t:FieldURI FieldURI="{field}"/>{constant}</t:{name}>'


def _containing(mode: str, value: str) -> str:
    what = f'<t:FieldURI FieldURI="item:Subject"/><t:Constant Value="{value}"/>'
    return f'<t:Contains ContainmentMode="{mode}" ContainmentComparison="IgnoreCase">{what}</t:Contains>'


@pytest.mark.parametrize(
    ("restriction", "found"),
    [
        (_compared("IsEqualTo", "item:Subject", "Apple"), {"Apple"}),
        (_compared("IsNotEqualTo", "item:Subject", "Apple"), {"Banana", "Cherry apple"}),
        (_compared("IsGreaterThan", "calendar:Start", "2031-03-04T12:00:00+02:00"), {"Cherry apple"}),
        (_compared("IsLessThanOrEqualTo", "calendar:Start", "2031-03-04T10:00:00Z"), {"Apple", "Banana"}),
        (_compared("IsEqualTo", "item:Categories", "Red"), {"Banana"}),
        (_containing("Prefixed", "app"), {"Apple"}),
        (_containing("Substring", "APP"), {"Apple", "Cherry apple"}),
        (_containing("PrefixOnWords", "app"), {"Apple", "Cherry apple"}),
        (f"<t:Not>{_containing('Substring', 'app')}</t:Not>", {"Banana"}),
        (f"<t:And>{_containing('Substring', 'app')}{_containing('Prefixed', 'ch')}</t:And>", {"Cherry apple"}),
        (f"<t:Or>{_containing('Prefixed', 'ban')}{_containing('Prefixed', 'ch')}</t:Or>", {"Banana", "Cherry apple"}),
        ('<t:Exists><t:FieldURI FieldURI="item:Categories"/></t:Exists>', {"Banana"}),
    ],
)
def test_a_restriction_finds_what_fits(place: Place, restriction: str, found: set[str]) -> None:
    place.graph.create("Apple", "2031-03-03T10:00", "2031-03-03T11:00")
    place.graph.create("Banana", "2031-03-04T10:00", "2031-03-04T11:00", categories=["Blue", "Red"])
    place.graph.create("Cherry apple", "2031-03-05T10:00", "2031-03-05T11:00")
    more = f"<m:Restriction>{restriction}</m:Restriction>"

    answer = place.find(PAGE.format(most=9, offset=0, base="Beginning"), "item:Subject", more=more)

    assert set(answer.texts("Subject")) == found


def test_an_order_is_by_each_field_in_turn(place: Place) -> None:
    place.graph.create("B", "2031-03-03T10:00", "2031-03-03T11:00")
    place.graph.create("A", "2031-03-04T10:00", "2031-03-04T11:00")
    place.graph.create("A", "2031-03-05T10:00", "2031-03-05T11:00")
    orders = [("Ascending", "item:Subject"), ("Descending", "calendar:Start")]
    fields = "".join(f'<t:FieldOrder Order="{o}"><t:FieldURI FieldURI="{f}"/></t:FieldOrder>' for o, f in orders)

    answer = place.find(
        PAGE.format(most=9, offset=0, base="Beginning"), "calendar:Start", more=f"<m:SortOrder>{fields}</m:SortOrder>"
    )

    assert [start[8:10] for start in answer.texts("Start")] == ["05", "04", "03"]


@pytest.mark.parametrize("field", ["item:Body", "calendar:RequiredAttendees", "calendar:Recurrence"])
def test_what_find_item_never_has_is_for_get_item(alice: Exchange, field: str) -> None:
    assert alice.call(find(PAGE.format(most=1, offset=0, base="Beginning"), field)).codes == [
        "ErrorInvalidPropertyRequest"
    ]


# ── Reading ─────────────────────────────────────────────────────────────────
def test_an_item_is_what_graph_says_of_it(place: Place) -> None:
    event = place.graph.create(
        "Chart <room> & co",
        "2031-03-03T10:00",
        "2031-03-03T11:30",
        location={"displayName": "Pier"},
        body={"contentType": "html", "content": "<p>Bring the <b>map</b></p>"},
        showAs="oof",
        sensitivity="private",
        importance="high",
        categories=["Red", "Blue"],
        isOnlineMeeting=True,
        attendees=[{"type": "optional", "emailAddress": {"name": "Zoë", "address": "zoe@elsewhere.example"}}],
    )

    found = place.alice.call(get(_spelt(event["id"]), base="AllProperties"))
    text = place.alice.call(get(_spelt(event["id"]), "item:Body", "calendar:JoinOnlineMeetingUrl", body="Text"))

    shown = {name: found.texts(name) for name in ("Start", "End", "Duration", "LegacyFreeBusyStatus", "Sensitivity")}
    assert shown == {
        "Start": ["2031-03-03T10:00:00Z"],
        "End": ["2031-03-03T11:30:00Z"],
        "Duration": ["PT1H30M"],
        "LegacyFreeBusyStatus": ["OOF"],
        "Sensitivity": ["Private"],
    }
    assert found.texts("Subject") == ["Chart <room> & co"]
    assert found.texts("String") == ["Red", "Blue"]
    assert found.texts("UID") == [event["uid"]]
    assert found.texts("Location") == ["Pier"]
    assert found.texts("CalendarItemType") == ["Single"]
    assert found.one("ItemId").attrib["ChangeKey"] == event["changeKey"]
    assert [one.find("{*}Mailbox/{*}Name").text for one in found.all("Attendee")] == ["Zoë"]  # type: ignore[union-attr]
    # The envelope has a body, too.
    _, written = found.texts("Body")
    assert "<b>map</b>" in written
    url = event["onlineMeeting"]["joinUrl"]
    assert text.texts("JoinOnlineMeetingUrl") == [url]
    _, plain = text.texts("Body")
    assert "Bring the map" in plain
    assert url in plain
    assert "<" not in plain


def test_an_occurrence_goes_by_its_own_id_by_its_number_and_leads_to_its_series(place: Place) -> None:
    event = place.graph.create("Watch", "2031-03-03T10:00", "2031-03-03T11:00", recurrence=daily("2031-03-03", 3))
    _, second, _ = place.find(MONTH).all("ItemId")
    master = _spelt(event["id"])

    def read(item: str) -> Answer:
        ids = f"<m:ItemIds>{item}</m:ItemIds>"
        return place.alice.call(
            f"<m:GetItem>{shape('IdOnly', 'calendar:CalendarItemType', 'calendar:Start')}{ids}</m:GetItem>"
        )

    by_number = read(f'<t:OccurrenceItemId RecurringMasterId="{master}" InstanceIndex="2"/>')
    of_series = read(f'<t:RecurringMasterItemId OccurrenceId="{second.attrib["Id"]}"/>')
    beyond = read(f'<t:OccurrenceItemId RecurringMasterId="{master}" InstanceIndex="4"/>')
    none = read(f'<t:RecurringMasterItemId OccurrenceId="{master}"/>')

    assert by_number.one("ItemId").attrib["Id"] == second.attrib["Id"]
    assert by_number.texts("CalendarItemType") == ["Occurrence"]
    assert (of_series.one("ItemId").attrib["Id"], of_series.texts("CalendarItemType")) == (master, ["RecurringMaster"])
    assert beyond.codes == ["ErrorCalendarOccurrenceIndexIsOutOfRecurrenceRange"]
    assert none.codes == ["ErrorCalendarCannotUseIdForRecurringMasterId"]


def test_what_was_taken_out_of_a_series_still_counts(place: Place) -> None:
    event = place.graph.create("Watch", "2031-03-03T10:00", "2031-03-03T11:00", recurrence=daily("2031-03-03", 3))
    _, second, _ = place.find(MONTH).all("ItemId")
    place.graph.delete(second.attrib["Id"].replace("/", "-").replace("+", "_"))
    ids = f'<m:ItemIds><t:OccurrenceItemId RecurringMasterId="{_spelt(event["id"])}" InstanceIndex="{{}}"/></m:ItemIds>'

    gone, third = (
        place.alice.call(f"<m:GetItem>{shape('IdOnly', 'calendar:Start')}{ids.format(index)}</m:GetItem>")
        for index in (2, 3)
    )

    assert gone.codes == ["ErrorCalendarOccurrenceIsDeletedFromRecurrence"]
    assert third.texts("Start") == ["2031-03-05T10:00:00Z"]


def test_anothers_item_is_not_read(simulator: Simulator, alice: Exchange) -> None:
    bob = Mailbox.of(Client(simulator), BOB)
    event = bob.create("Bob’s", "2031-03-03T10:00", "2031-03-03T11:00")

    assert alice.call(get(_spelt(event["id"]))).codes == ["ErrorAccessDenied"]


def test_characters_that_xml_lacks_are_left_out(place: Place) -> None:
    place.graph.create("Ring \x07 the bell", "2031-03-03T10:00", "2031-03-03T11:00")

    assert place.find(DAY, "item:Subject").texts("Subject") == ["Ring  the bell"]


def test_an_extended_property_has_the_same_value_in_both(place: Place) -> None:
    uri = f'<t:ExtendedFieldURI PropertySetId="{GUID}" PropertyName="Ship" PropertyType="String"/>'
    extended = f"<t:ExtendedProperty>{uri}<t:Value>Argo</t:Value></t:ExtendedProperty>"
    made = place.create(f"<t:Subject>Load</t:Subject>{extended}{AT_TEN}")
    item_id = made.one("ItemId").attrib["Id"]

    found = place.alice.call(get(item_id, uri))
    wanted = f"$expand=singleValueExtendedProperties($filter=id eq 'String {{{GUID}}} Name Ship')"
    event = place.graph.ask("GET", f"/me/events/{item_id.replace('/', '-').replace('+', '_')}?{wanted}").json()

    assert made.codes == found.codes == ["NoError"]
    assert found.texts("Value") == ["Argo"]
    assert [one["value"] for one in event["singleValueExtendedProperties"]] == ["Argo"]


# ── Writing ─────────────────────────────────────────────────────────────────
@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ("<t:Subject>x</t:Subject>", "ErrorCalendarInvalidPropertyState"),
        (times("2031-03-03T10:00:00Z", "2031-03-03T09:00:00Z"), "ErrorCalendarEndDateIsEarlierThanStartDate"),
        (AT_TEN.replace("UTC", "Atlantis"), "ErrorTimeZone"),
        (times("3 March", "2031-03-03T11:00:00Z"), "ErrorSchemaValidation"),
        (f"<t:Subject>{'x' * 300}</t:Subject>{AT_TEN}", "ErrorPropertyValidationFailure"),
        (f"{AT_TEN}<t:IsCancelled>true</t:IsCancelled>", "ErrorInvalidPropertySet"),
        (f"<t:Sensitivity>Secret</t:Sensitivity>{AT_TEN}", "ErrorSchemaValidation"),
    ],
)  # fmt: skip
def test_an_item_that_cannot_be_is_not_made(place: Place, fields: str, code: str) -> None:
    assert place.create(fields).codes == [code]
    assert place.find(MONTH).all("ItemId") == []


def test_who_does_not_say_whether_to_send_is_asked(place: Place) -> None:
    event = place.graph.create("There", "2031-03-03T10:00", "2031-03-03T11:00")
    item = _item(event)
    silent = update(item, setting("item:Subject", "<t:Subject>x</t:Subject>")).replace(
        ' SendMeetingInvitationsOrCancellations="SendToNone"', ""
    )

    made = place.alice.call(create(AT_TEN, place.folder).replace(' SendMeetingInvitations="SendToNone"', ""))
    changed = place.alice.call(silent)
    deleted = place.alice.call(f'<m:DeleteItem DeleteType="HardDelete"><m:ItemIds>{item}</m:ItemIds></m:DeleteItem>')

    assert made.codes == ["ErrorSendMeetingInvitationsRequired"]
    assert changed.codes == ["ErrorSendMeetingInvitationsOrCancellationsRequired"]
    assert deleted.codes == ["ErrorSendMeetingCancellationsRequired"]


def test_one_item_that_is_refused_stops_no_other(place: Place) -> None:
    good = f"<t:Subject>Good</t:Subject>{AT_TEN}"
    both = create(good, place.folder).replace(
        "<m:Items>", "<m:Items><t:CalendarItem><t:Subject>Bad</t:Subject></t:CalendarItem><t:Message/>"
    )

    answer = place.alice.call(both)

    assert answer.codes == ["ErrorCalendarInvalidPropertyState", "ErrorInvalidOperation", "NoError"]
    assert place.find(MONTH, "item:Subject").texts("Subject") == ["Good"]


def test_a_change_key_that_is_old_decides_as_it_was_asked(place: Place) -> None:
    event = place.graph.create("First", "2031-03-03T10:00", "2031-03-03T11:00")
    place.graph.change(event["id"], subject="Second")
    item, without = _item(event), f'<t:ItemId Id="{_spelt(event["id"])}"/>'
    third = setting("item:Subject", "<t:Subject>Third</t:Subject>")

    def code(item: str, resolution: str) -> list[str]:
        return place.alice.call(update(item, third, resolution)).codes

    assert code(item, "NeverOverwrite") == ["ErrorIrresolvableConflict"]
    assert code(without, "AutoResolve") == ["ErrorChangeKeyRequired"]
    assert place.find(DAY, "item:Subject").texts("Subject") == ["Second"]
    assert code(item, "AutoResolve") == ["NoError"]
    assert code(without, "AlwaysOverwrite") == ["NoError"]
    assert place.find(DAY, "item:Subject").texts("Subject") == ["Third"]


def test_properties_are_taken_away_and_added_to(place: Place) -> None:
    event = place.graph.create(
        "Full",
        "2031-03-03T10:00",
        "2031-03-03T11:00",
        location={"displayName": "Pier"},
        categories=["Red"],
        body={"contentType": "html", "content": "<html><body>One</body></html>"},
        attendees=[
            {"type": kind, "emailAddress": {"name": kind, "address": f"{kind}@elsewhere.example"}}
            for kind in ("required", "optional")
        ],
    )
    gone = ("calendar:Location", "item:Categories", "calendar:OptionalAttendees")
    updates = "".join(map(TAKEN.format, gone))
    more = '<t:CalendarItem><t:Body BodyType="HTML">&lt;p&gt;Two&lt;/p&gt;</t:Body></t:CalendarItem>'
    updates += f'<t:AppendToItemField><t:FieldURI FieldURI="item:Body"/>{more}</t:AppendToItemField>'

    changed = place.alice.call(update(_item(event), updates))
    left = place.graph.ask("GET", f"/me/events/{event['id']}").json()

    assert changed.codes == ["NoError"]
    assert (left["location"]["displayName"], left["categories"]) == ("", [])
    assert [one["type"] for one in left["attendees"]] == ["required"]
    assert "One" in left["body"]["content"]
    assert "Two" in left["body"]["content"]


@pytest.mark.parametrize(
    ("updates", "code"),
    [
        (setting("calendar:UID", "<t:IsMeeting>true</t:IsMeeting>"), "ErrorInvalidPropertySet"),
        (TAKEN.format("calendar:Start"), "ErrorInvalidPropertyDelete"),
        (RENAMED.replace("</t:Subject>", "</t:Subject><t:When>b</t:When>"), "ErrorIncorrectUpdatePropertyCount"),
        (setting("calendar:End", "<t:End>2031-03-01T00:00:00Z</t:End>"), "ErrorCalendarEndDateIsEarlierThanStartDate"),
        (RENAMED.replace("SetItem", "AppendToItem"), "ErrorInvalidPropertyAppend"),
    ],
)  # fmt: skip
def test_a_change_that_cannot_be_leaves_all_as_it_was(place: Place, updates: str, code: str) -> None:
    event = place.graph.create("Still", "2031-03-03T10:00", "2031-03-03T11:00")

    answer = place.alice.call(update(_item(event), updates))

    assert answer.codes == [code]
    left = place.graph.ask("GET", f"/me/events/{event['id']}").json()
    assert (left["subject"], left["changeKey"]) == ("Still", event["changeKey"])


def test_an_attendee_changes_what_is_their_own_and_nothing_of_the_meeting(
    simulator: Simulator, alice: Exchange
) -> None:
    bob = Mailbox.of(Client(simulator), BOB)
    to_alice = [{"emailAddress": {"name": "Alice", "address": ALICE}}]
    bob.create("Bob’s meeting", "2031-05-05T10:00", "2031-05-05T11:00", attendees=to_alice)
    window = view("2031-05-05T10:00:00Z", "2031-05-05T10:30:00Z")
    found = alice.call(find(window, "item:Subject"))
    mine = next(one for one in found.all("CalendarItem") if "Bob’s meeting" in "".join(one.itertext()))
    key = mine[0].attrib
    item = f'<t:ItemId Id="{key["Id"]}" ChangeKey="{key["ChangeKey"]}"/>'

    moved = alice.call(update(item, setting("calendar:Start", "<t:Start>2031-05-05T09:00:00Z</t:Start>")))
    categorised = alice.call(
        update(item, setting("item:Categories", "<t:Categories><t:String>Red</t:String></t:Categories>"))
    )

    assert (moved.codes, categorised.codes) == (["ErrorAccessDenied"], ["NoError"])


# ── Following ───────────────────────────────────────────────────────────────
def test_a_round_tells_of_each_change_once(place: Place) -> None:
    kept = place.graph.create("Kept", "2031-03-03T10:00", "2031-03-03T11:00")
    gone = place.graph.create("Gone", "2031-03-03T10:00", "2031-03-03T11:00", recurrence=daily("2031-03-03", 3))
    first = place.sync()
    state = first.texts("SyncState")[0]

    place.graph.change(kept["id"], subject="Changed")
    place.graph.create("New", "2031-03-03T12:00", "2031-03-03T13:00")
    place.graph.delete(gone["id"])
    second = place.sync(state)
    third = place.sync(second.texts("SyncState")[0])

    assert [one.tag.rpartition("}")[2] for one in first.one("Changes")] == ["Create", "Create"]
    assert [one.tag.rpartition("}")[2] for one in second.one("Changes")] == ["Delete", "Update", "Create"]
    assert second.texts("Subject") == ["Changed", "New"]
    assert second.all("ItemId")[0].attrib["Id"] == _spelt(gone["id"])
    assert list(third.one("Changes")) == []


def test_another_occurrence_is_a_change_of_its_series(place: Place) -> None:
    event = place.graph.create("Watch", "2031-03-03T10:00", "2031-03-03T11:00", recurrence=daily("2031-03-03", 3))
    state = place.sync().texts("SyncState")[0]
    _, second, third = (one["id"] for one in place.graph.view())

    place.graph.change(second, subject="Late")
    place.graph.delete(third)
    changed = place.sync(state)

    assert [one.tag.rpartition("}")[2] for one in changed.one("Changes")] == ["Update"]
    assert changed.one("ItemId").attrib["Id"] == _spelt(event["id"])


def test_what_is_to_be_ignored_is(place: Place) -> None:
    event = place.graph.create("Mine", "2031-03-03T10:00", "2031-03-03T11:00")
    place.graph.create("Theirs", "2031-03-03T10:00", "2031-03-03T11:00")

    assert place.sync(ignore=_spelt(event["id"])).texts("Subject") == ["Theirs"]


def test_a_state_is_good_for_its_folder_alone(place: Place, alice: Exchange, graph: Mailbox) -> None:
    state = place.sync().texts("SyncState")[0]
    other = Place(alice, graph)

    foreign, invented = other.sync(state), place.sync("H4sIAAAAAAA=")
    token = graph.round().link.rpartition("=")[2]

    assert foreign.codes == invented.codes == place.sync(token).codes == ["ErrorInvalidSyncStateData"]
    assert invented.texts("SyncState") == [""]
    assert place.sync(state, most=0).codes == ["ErrorSchemaValidation"]


def test_folders_are_followed_too(alice: Exchange, graph: Mailbox) -> None:
    wanted = "<m:FolderShape><t:BaseShape>Default</t:BaseShape></m:FolderShape>"
    ask = f"<m:SyncFolderHierarchy>{wanted}{{}}</m:SyncFolderHierarchy>"
    first = alice.call(ask.format(""))
    state = first.texts("SyncState")[0]

    made = graph.ask("POST", "/me/calendars", {"name": "Regattas"}).json()
    second = alice.call(ask.format(f"<m:SyncState>{state}</m:SyncState>"))
    graph.ask("DELETE", f"/me/calendars/{made['id']}")
    third = alice.call(ask.format(f"<m:SyncState>{second.texts('SyncState')[0]}</m:SyncState>"))

    assert {"Calendar", "Inbox"} <= set(first.texts("DisplayName"))
    assert second.texts("DisplayName") == ["Regattas"]
    assert [one.attrib["Id"] for one in third.one("Delete")] == [_spelt(made["id"])]


def test_a_start_moves_with_what_graph_is_told(place: Place) -> None:
    event = place.graph.create("Tide", "2031-03-03T10:00", "2031-03-03T11:00")

    place.graph.change(event["id"], start=at("2031-03-03T12:00"), end=at("2031-03-03T13:00"))

    assert place.find(DAY, "calendar:Start").texts("Start") == ["2031-03-03T12:00:00Z"]


def test_a_subscriber_of_graph_hears_of_what_is_written_here(place: Place) -> None:
    with Receiver() as receiver:
        subscribed(place.graph, receiver, resource=f"{place.graph.path}/events".removeprefix("/"))

        made = place.create(f"<t:Subject>Bell</t:Subject>{AT_TEN}").one("ItemId").attrib
        receiver.wait(1)
        item = f'<t:ItemId Id="{made["Id"]}" ChangeKey="{made["ChangeKey"]}"/>'
        place.alice.call(update(item, RENAMED))
        receiver.wait(2)
        how = 'DeleteType="HardDelete" SendMeetingCancellations="SendToNone"'
        place.alice.call(f"<m:DeleteItem {how}><m:ItemIds>{item}</m:ItemIds></m:DeleteItem>")

        told = receiver.wait(3)

    assert [notice["changeType"] for notice in told] == ["created", "updated", "deleted"]
    assert {_spelt(notice["resourceData"]["id"]) for notice in told} == {made["Id"]}
