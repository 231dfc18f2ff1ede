"""OData's options, as rules: what is read is written back the same, and means what it says."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from integrations.simulator.graph import odata, paths
from integrations.simulator.graph.errors import Refused
from integrations.simulator.graph.matching import matches
from integrations.simulator.graph.odata import (
    Both,
    Call,
    Compare,
    Condition,
    Either,
    In,
    Lambda,
    Not,
    Order,
    Path,
    Value,
)
from integrations.simulator.graph.replies import NO_CONTENT

WORDS = {"and", "or", "not", "in", "any", "all", "true", "false", "null", *odata.COMPARISONS, *odata.FUNCTIONS}
names = st.from_regex(r"[A-Za-z][A-Za-z0-9_]{0,8}", fullmatch=True).filter(lambda name: name.lower() not in WORDS)
properties = st.lists(names, min_size=1, max_size=3).map(lambda parts: Path(tuple(parts)))
values = st.one_of(
    st.text(max_size=20),
    st.booleans(),
    st.none(),
    st.uuids(),
    st.integers(-(10**9), 10**9).map(Decimal),
    st.integers(0, 4 * 10**9).map(lambda seconds: datetime.fromtimestamp(seconds, UTC)),
    st.dates(date(1990, 1, 1), date(2100, 1, 1)),
).map(Value)
operands = st.one_of(properties, properties.map(lambda path: Call("tolower", (path,))))
plain = st.one_of(
    st.builds(Compare, st.sampled_from(odata.COMPARISONS), operands, values),
    st.builds(In, properties, st.lists(values, min_size=1, max_size=3).map(tuple)),
    st.builds(
        lambda name, path, text: Call(name, (path, Value(text))),
        st.sampled_from(["startswith", "endswith", "contains"]),
        properties,
        st.text(max_size=10),
    ),
    st.builds(Lambda, properties, st.sampled_from(["any", "all"])),
    properties,
)


def _wider(inner: st.SearchStrategy[Condition]) -> st.SearchStrategy[Condition]:
    return st.one_of(
        st.builds(Both, inner, inner),
        st.builds(Either, inner, inner),
        inner.filter(lambda condition: not isinstance(condition, Not)).map(Not),
        st.builds(Lambda, properties, st.sampled_from(["any", "all"]), names, inner),
    )


conditions: st.SearchStrategy[Condition] = st.recursive(plain, _wider, max_leaves=8)


@given(conditions)
def test_what_is_written_is_read_back_the_same(condition: Condition) -> None:
    assert odata.parse(str(condition)) == condition


@given(st.text(max_size=60))
def test_whatever_is_sent_is_read_or_refused(text: str) -> None:
    try:
        odata.parse(text)
    except Refused as refused:
        assert (refused.status, refused.message) == (400, "Invalid filter clause")


@pytest.mark.parametrize(
    "text",
    [
        "", "a eq", "eq 'x'", "a eq 'x' and", "a = 'x'", "a eq 'x", "(a eq 'x'", "a eq 'x')", "a eq 'x' b eq 'y'",
        "'x'", "a in ()", "a in (b)", "a/any(x)", "a/any(x:)", "a/ eq 'x'", "startswith(a 'x')", "a eq #", "a eq 1.2.3",
        "a eq 2026-13-01", "a eq 2026-01-01T25:00:00Z", "(" * 60 + "a eq 1" + ")" * 60, "a eq '" + "x" * 20_000 + "'",
        "not " * 3, "a/any(x:x eq 'y') eq true or",
    ],
)  # fmt: skip
def test_what_makes_no_sense_is_refused(text: str) -> None:
    with pytest.raises(Refused):
        odata.parse(text)


def test_a_property_alone_asks_whether_it_is_true() -> None:
    assert odata.parse("isDone") == Path(("isDone",))


def test_and_binds_more_than_or_and_not_more_than_both() -> None:
    found = odata.parse("not a eq 1 AND b eq 2 Or c EQ 3")

    a, b, c = (Compare("eq", Path((name,)), Value(Decimal(number))) for number, name in enumerate("abc", start=1))
    assert found == Either(Both(Not(a), b), c)


ITEM: dict[str, Any] = {
    "displayName": "Zoë O'Hara",
    "count": 3,
    "isDone": True,
    "mail": None,
    "when": "2026-11-23T10:00:00.0000000Z",
    "tags": ["Red", "blue"],
    "emails": [{"address": "a@x.example", "type": "home"}, {"address": "b@x.example", "type": "work"}],
    "start": {"dateTime": "2026-11-23T10:00:00.0000000", "timeZone": "UTC"},
}


@pytest.mark.parametrize(
    ("text", "fits"),
    [
        ("displayName eq 'zoë o''hara'", True),
        ("DISPLAYNAME ne 'zoë o''hara'", False),
        ("startswith(displayName,'ZO')", True),
        ("contains(tolower(displayName),'hara')", True),
        ("endswith(displayName,'x')", False),
        ("length(displayName) gt 3", True),
        ("count ge 3 and count lt 4", True),
        ("4 gt count", True),
        ("isDone", True),
        ("not isDone", False),
        ("mail eq null", True),
        ("mail ne null", False),
        ("mail gt 'a'", False),
        ("startswith(mail,'a')", False),
        ("when ge 2026-11-23T10:00:00Z", True),
        ("when lt 2026-11-23T09:00:00Z", False),
        ("start/dateTime ge '2026-11-01'", True),
        ("tags/any(t:t eq 'red')", True),
        ("tags/all(t:t eq 'red')", False),
        ("emails/any(e:e/address eq 'b@x.example' and e/type eq 'work')", True),
        ("emails/any(e:e/address eq 'b@x.example' and e/type eq 'home')", False),
        ("displayName in ('x','Zoë O''Hara')", True),
    ],
)
def test_a_condition_means_what_it_says(text: str, fits: bool) -> None:
    assert matches(odata.parse(text), ITEM) is fits


@pytest.mark.parametrize("text", ["colour eq 'x'", "count eq 'x'", "isDone gt true", "emails/any(e:e/colour eq 'x')",
                                  "displayName/any(x:x eq 'a')", "startswith(count,'x')", "count/x eq 1"])  # fmt: skip
def test_a_condition_that_does_not_fit_what_it_is_about_is_refused(text: str) -> None:
    with pytest.raises(Refused):
        matches(odata.parse(text), ITEM)


@given(conditions)
def test_a_condition_and_its_opposite_never_both_hold(condition: Condition) -> None:
    try:
        holds = matches(condition, ITEM)
    except Refused:
        return

    assert matches(Not(condition), ITEM) is not holds


def test_orders_name_a_path_and_perhaps_a_direction() -> None:
    assert odata.parse_order("start/dateTime DESC, subject") == [Order("start/dateTime", True), Order("subject")]
    for text in ("", "a b", "a desc asc", ","):
        with pytest.raises(Refused):
            odata.parse_order(text)


def test_expansions_are_split_outside_quotes_and_parentheses() -> None:
    text = "a($filter=x eq ',;)' and y eq 'z';$top=1), b(select=c)"

    assert odata.split_expand(text) == [
        ("a", {"$filter": "x eq ',;)' and y eq 'z'", "$top": "1"}),
        ("b", {"$select": "c"}),
    ]
    for wrong in ("a(", "a($top)", "(x=1)", ""):
        with pytest.raises(Refused):
            odata.split_expand(wrong)


TABLE = paths.Table(
    [
        paths.Route("GET", "{mailbox}", lambda: NO_CONTENT),
        paths.Route("GET", "{mailbox}/events/{id}", lambda: NO_CONTENT),
        paths.Route("GET", "{mailbox}/events/delta", lambda: NO_CONTENT),
        paths.Route("DELETE", "{mailbox}/events/{id}", lambda: NO_CONTENT),
        paths.Route("GET", "things/{id}/parts/{id}", lambda: NO_CONTENT),
    ]
)


@pytest.mark.parametrize(
    ("path", "route", "who", "ids"),
    [
        ("me", "me", "", ()),
        ("/ME//events/AbC=", "me/events/{id}", "", ("AbC=",)),
        ("users/x@y.example/events/1", "users/{id}/events/{id}", "x@y.example", ("1",)),
        ("users('o''x')/events('a/b')", "unknown", None, ()),
        ("users('o''x')/events('ab')", "users/{id}/events/{id}", "o'x", ("ab",)),
        ("me/events/delta", "me/events/delta", "", ()),
        ("me/events/microsoft.graph.Delta()", "me/events/delta", "", ()),
        ("users/me-token-to-replace/events/1", "me/events/{id}", "", ("1",)),
        ("things(appId='7')/parts/2", "things/{id}/parts/{id}", None, ("appId=7", "2")),
        ("things/1/parts", "unknown", None, ()),
        ("me/events/$count", "unknown", None, ()),
    ],
)
def test_paths_are_found_in_every_spelling(path: str, route: str, who: str | None, ids: tuple[str, ...]) -> None:
    found = TABLE.find(path)

    assert (found.path, found.who, tuple(found.ids)) == (route, who, ids)


@given(st.text(max_size=40))
def test_any_path_is_found_or_not(path: str) -> None:
    found = TABLE.find(path)

    assert bool(found.routes) == (found.path != "unknown")


def test_a_row_that_is_there_twice_is_a_mistake() -> None:
    row = paths.Route("GET", "me", lambda: NO_CONTENT)

    with pytest.raises(ValueError, match="twice"):
        paths.Table([row, row])
