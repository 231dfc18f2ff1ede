"""The connections console: who is on it, in which tile, found by what; each against a plain reading of the rows."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pytest_django import DjangoAssertNumQueries

from accounts import audit
from accounts.cascade import facts, write
from accounts.cascade.declare import setting_of, settings_of
from accounts.models import Account, AuditEntry, Group, Membership, Role, User
from integrations.console import filters, listing, people
from integrations.console.filters import Chosen
from integrations.models import Connection, Incident, State
from integrations.policy import Shape, may_connect
from integrations.preferences import Api, Integrations, Method, ServicePolicy
from tests.cast import FOUNDED, Cast, ClientOf, crowd, joined
from tests.integrations.stopped import queue
from tests.integrations.tied import connect, set_to

pytestmark = pytest.mark.django_db


def found(account: Account, **chosen: Any) -> list[User]:
    return list(filters.apply(Chosen(**chosen), account))


def numbers(account: Account, **chosen: Any) -> dict[str, int]:
    """By state, without the noughts."""
    tiles = filters.count(Chosen(**chosen), account).tiles
    return {tile.state or "all": tile.number for tile in tiles if tile.number}


# ── Who is on it ────────────────────────────────────────────────────────────
@pytest.mark.parametrize("state", [state for state in State if state != State.DISCONNECTED])
def test_every_state_has_its_tile_and_its_list(cast: Cast, state: State) -> None:
    connect([cast.alice], state)

    assert found(cast.kestrel, state=state.value) == [cast.alice]
    assert numbers(cast.kestrel) == {"all": 5, state.value: 1, "none": 4}
    assert found(cast.kestrel, state="none") == [cast.bob, cast.dana, cast.gus, cast.wilhelmina]


def test_a_connection_that_was_ended_is_none_yet(cast: Cast) -> None:
    connect([cast.alice], State.DISCONNECTED)

    assert numbers(cast.kestrel) == {"all": 5, "none": 5}
    assert cast.alice in found(cast.kestrel, state="none")


def test_whoever_may_not_connect_and_has_no_connection_is_not_on_it(cast: Cast) -> None:
    set_to("enabled", False, at=cast.sales, by=cast.dana)
    set_to("enabled", False, at=cast.bob, by=cast.bob)
    connect([cast.gus], State.BLOCKED_BY_POLICY, reason="turned_off")

    assert found(cast.kestrel) == [cast.dana, cast.gus, cast.wilhelmina]
    assert numbers(cast.kestrel) == {"all": 3, "blocked_by_policy": 1, "none": 2}


@pytest.mark.parametrize(
    "services",
    [
        ServicePolicy(who_can_set_up=Method.APPLICATION_PERMISSIONS),
        ServicePolicy(authorize_with=Api.EWS, who_can_set_up=Method.APPLICATION_PERMISSIONS),
    ],
    ids=["by Graph", "by EWS"],
)
def test_where_people_cannot_connect_by_themselves_nobody_is_not_yet_connected(
    cast: Cast, services: ServicePolicy
) -> None:
    set_to("services", services, at=cast.sales, by=cast.dana)

    assert found(cast.kestrel, state="none") == [cast.bob, cast.dana, cast.wilhelmina]


def test_less_that_may_be_given_keeps_nobody_out(cast: Cast) -> None:
    reading = ServicePolicy(calendar_write=False, contacts_write=False)
    set_to("services", reading, at=cast.kestrel, by=cast.dana, is_locked=True)

    assert len(found(cast.kestrel, state="none")) == 5


def test_who_was_only_invited_or_has_left_is_not_on_it(cast: Cast) -> None:
    User.objects.filter(pk=cast.bob.pk).update(is_active=False)

    assert cast.bob not in found(cast.kestrel)


def test_another_accounts_people_are_never_on_it(cast: Cast) -> None:
    connect([cast.mallory, cast.alice])

    assert cast.mallory not in found(cast.kestrel)
    assert found(cast.corvid) == [cast.mallory]


# ── Against a plain reading ─────────────────────────────────────────────────
NAMES = st.sampled_from(["Ann", "bob", "Ärger", "Zoe B", ""])
WORDS = ["", "ann", "a b", "@x", "ÄRGER", "%", "_", "o1@post"]
MANY = settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])


@st.composite
def small_accounts(draw: st.DrawFn) -> dict[str, Any]:
    number = draw(st.integers(1, 6))
    each = st.lists(st.sampled_from([*State, None]), min_size=number, max_size=number)
    return {
        "names": draw(
            st.lists(st.sampled_from(["Ann", "bob", "Ärger", "Zoe B", ""]), min_size=number, max_size=number)
        ),
        "states": draw(each),
        "active": draw(st.lists(st.booleans(), min_size=number, max_size=number)),
        "groups": draw(st.lists(st.sampled_from([(), (0,), (1,), (0, 1)]), min_size=number, max_size=number)),
        "reasons": draw(st.lists(st.sampled_from(["", "no_answer", "inactive"]), min_size=number, max_size=number)),
        "answered": draw(st.lists(st.sampled_from([None, 1, 5, 9]), min_size=number, max_size=number)),
        "off": draw(st.lists(st.sampled_from(["account", "first", "second", "someone"]), max_size=2)),
        "set_up_by_admin": draw(st.sampled_from(["", "account", "first", "second"])),
    }


CHOICES: st.SearchStrategy[dict[str, Any]] = st.builds(
    dict,
    q=st.sampled_from(WORDS),
    state=st.sampled_from(["", "none", *State.values]),
    group=st.sampled_from(["", "none", "first"]),
    reason=st.sampled_from(["", "no_answer"]),
    method=st.sampled_from(["", "oauth", "application_permissions"]),
    sort=st.sampled_from(["name", "answer", "state"]),
    is_descending=st.booleans(),
)


@given(account=small_accounts(), choice=CHOICES)
@MANY
def test_what_is_found_is_what_a_plain_reading_finds(account: dict[str, Any], choice: dict[str, Any]) -> None:
    kestrel, group = _made(account)
    chosen = Chosen(**{**choice, "group": str(group.pk) if choice["group"] == "first" else choice["group"]})
    expected = [one for one in _on_the_console(kestrel) if _is_looked_for(one, chosen)]

    listed = list(filters.apply(chosen, kestrel))
    tiles = {tile.state: tile.number for tile in filters.count(chosen, kestrel).tiles}

    assert {one.pk for one in listed} == {one.pk for one in expected}
    assert len(listed) == len(expected)
    whole = [one for one in _on_the_console(kestrel) if _is_looked_for(one, chosen, whatever_state=True)]
    by_state = {state: sum(1 for one in whole if _state(one) == state) for state in (*people.SHOWN, "none")}
    assert {**{str(state): n for state, n in by_state.items()}, "": len(whole)} == tiles
    _assert_sorted(listed, chosen)


def _made(drawn: dict[str, Any]) -> tuple[Account, Group]:
    User.objects.all().delete()
    Connection.objects.all().delete()
    account = Account.objects.create(name="A", created_at=FOUNDED)
    groups = [Group.objects.create(account=account, name=f"G{n}", rank=n, created_at=FOUNDED) for n in (1, 2)]
    made = [
        User.objects.create(account=account, name=name, email=f"p{n}@x{account.pk}.example", is_active=is_active)
        for n, (name, is_active) in enumerate(zip(drawn["names"], drawn["active"], strict=True))
    ]
    for person, places in zip(made, drawn["groups"], strict=True):
        for place in places:
            Membership.objects.create(user=person, group=groups[place])
    for n, (person, state) in enumerate(zip(made, drawn["states"], strict=True)):
        if state is not None:
            since = FOUNDED + timedelta(days=drawn["answered"][n]) if drawn["answered"][n] else None
            address = f"O{n}@post.example"
            connect([person], state, reason=drawn["reasons"][n], last_good_at=since, address=address)
    places_of = {"account": account, "first": groups[0], "second": groups[1], "someone": made[0]}
    for name in set(drawn["off"]):
        _decide("enabled", False, at=places_of[name])
    if drawn["set_up_by_admin"]:
        policy = ServicePolicy(who_can_set_up=Method.APPLICATION_PERMISSIONS)
        _decide("services", policy, at=places_of[drawn["set_up_by_admin"]])
    return account, groups[0]


def _decide(name: str, value: object, *, at: Any) -> None:
    write.choose(setting_of(Integrations, name), value, at=at, actor=None, now=FOUNDED)


def _on_the_console(account: Account) -> list[User]:
    everybody = User.objects.filter(account=account).select_related("connection").prefetch_related("memberships")
    held = facts.load(account, settings_of(Integrations), people=User.objects.filter(account=account)).held(
        Integrations
    )
    return [
        one
        for one in everybody
        if _state(one) != "none" or (one.is_active and may_connect(held[one.pk].values, Shape()) is None)
    ]


def _state(person: User) -> str:
    connection = getattr(person, "connection", None)
    return connection.state if connection and connection.state != State.DISCONNECTED else "none"


def _is_looked_for(person: User, chosen: Chosen, *, whatever_state: bool = False) -> bool:
    connection = getattr(person, "connection", None)
    is_there = _state(person) != "none"
    method, reason = (connection.method, connection.reason) if connection and is_there else ("", "")
    texts = [text.casefold() for text in (person.name, person.email, connection.address if connection else "")]
    places = {one.group_id for one in person.memberships.all()}
    return all(
        (
            all(any(word.casefold() in text for text in texts) for word in chosen.q.split()),
            chosen.group != "none" or not places,
            chosen.group in ("", "none") or int(chosen.group) in places,
            chosen.method in ("", method),
            whatever_state or not chosen.state or _state(person) == chosen.state,
            whatever_state or chosen.reason in ("", reason),
        )
    )


def _assert_sorted(listed: list[User], chosen: Chosen) -> None:
    if chosen.sort == "name":
        names = [one.name.lower() for one in listed if one.name.isascii()]
        assert names == sorted(names, reverse=chosen.is_descending)
    if chosen.sort == "answer":
        moments = [one.connection.last_good_at if _state(one) != "none" else None for one in listed]
        known = [moment for moment in moments if moment]
        assert known == sorted(known, reverse=not chosen.is_descending)
        assert moments[len(known) :] == [None] * (len(moments) - len(known))
    if chosen.sort == "state":
        states = [_state(one) for one in listed]
        assert states == sorted(states, key=lambda state: _GRAVITY.index(state), reverse=chosen.is_descending)


_GRAVITY = [
    "needs_reauth",
    "not_eligible",
    "blocked_by_policy",
    "awaiting_admin",
    "paused",
    "degraded",
    "connecting",
    "connected",
    "none",
]


# ── The page ────────────────────────────────────────────────────────────────
def shown(client: Client, query: str = "") -> str:
    answer = client.get(reverse("connections") + query)
    assert answer.status_code == 200
    return answer.content.decode()


def test_a_line_says_all_there_is_to_know(cast: Cast, client_of: ClientOf) -> None:
    now = timezone.now()
    connect(
        [cast.alice],
        State.NEEDS_REAUTH,
        address="a.lice@kestrel.example",
        reason="sessions_revoked",
        calendar_write=True,
        withheld=["contacts_read", "contacts_write"],
        last_good_at=now - timedelta(days=1),
        connected_at=now - timedelta(days=430),
    )

    page = shown(client_of(cast.dana), "?state=needs_reauth")

    for words in (
        reverse("person", args=[cast.alice.pk]),
        "Sales",
        "a.lice@kestrel.example",
        "Office 365 · Graph API · OAuth",
        "Calendar: write · Contacts: none",
        "Not granted: reading contacts, writing contacts",
        "Needs reconnecting",
        "The sessions were ended at Microsoft, or the password was changed",
        "yesterday",
        "14 months old",
        reverse("connection_diagnose", args=[Connection.objects.get().pk]),
    ):
        assert words in page, words
    assert "sealed" not in page


@pytest.mark.parametrize(
    ("days", "words"),
    [
        (None, ""),
        (0, "less than a day old"),
        (1, "1 day old"),
        (13, "13 days old"),
        (14, "2 weeks old"),
        (59, "8 weeks old"),
        (60, "2 months old"),
        (729, "24 months old"),
        (730, "2 years old"),
    ],
)
def test_an_age_is_said_in_the_largest_unit_of_which_there_are_two(days: int | None, words: str) -> None:
    now = timezone.now()

    assert listing.age(None if days is None else now - timedelta(days=days), now=now) == words


def test_an_unknown_reason_is_said_to_be_unknown(cast: Cast, client_of: ClientOf) -> None:
    connect([cast.alice], State.DEGRADED, reason="of_another_release")

    assert "Meridian does not know this reason" in shown(client_of(cast.dana))


def test_an_admin_gets_no_way_to_an_owner(cast: Cast, client_of: ClientOf) -> None:
    connect([cast.dana])
    ada = joined(cast.kestrel, name="Ada", email="ada@kestrel.example", role=Role.ADMIN)

    page = shown(client_of(ada), "?state=connected")

    assert "dana@kestrel.example" in page
    assert reverse("connection_diagnose", args=[Connection.objects.get().pk]) not in page
    assert reverse("person", args=[cast.dana.pk]) not in page


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ("", "Nobody is connected, and nobody may connect"),
        ("?state=degraded", "No connection is in passing trouble"),
        ("?q=nobody", "Nobody matches"),
    ],
)
def test_an_empty_list_says_why(cast: Cast, client_of: ClientOf, query: str, words: str) -> None:
    set_to("enabled", False, at=cast.kestrel, by=cast.dana, is_locked=True)

    assert words in shown(client_of(cast.dana), query)


@pytest.mark.parametrize(
    "query",
    [
        "?state=nonsense&group=x&reason=y&method=z&sort=-w&page=minus",
        "?q=%00&group=99999999999999999999999&page=9999999",
        "?state=disconnected&sort=--name&group=%D9%A3",
    ],
)
def test_nonsense_filters_nothing(cast: Cast, client_of: ClientOf, query: str) -> None:
    assert "alice@kestrel.example" in shown(client_of(cast.dana), query)


def test_a_group_of_another_account_is_no_filter(cast: Cast, client_of: ClientOf) -> None:
    theirs = Group.objects.create(account=cast.corvid, name="Theirs", rank=1, created_at=FOUNDED)

    page = shown(client_of(cast.dana), f"?group={theirs.pk}")

    assert "alice@kestrel.example" in page
    assert "Theirs" not in page


def test_links_keep_what_was_looked_for(cast: Cast, client_of: ClientOf) -> None:
    connect([cast.alice], State.DEGRADED, reason="no_answer")

    page = shown(client_of(cast.dana), f"?state=degraded&q=alice&group={cast.sales.pk}&reason=no_answer&sort=answer")

    kept = f"q=alice&amp;group={cast.sales.pk}"
    assert f'href="?state=connected&amp;{kept}&amp;sort=answer"' in page
    assert f'href="?state=degraded&amp;{kept}&amp;reason=no_answer&amp;sort=-answer"' in page
    assert f"{reverse('connections_csv')}?state=degraded&amp;{kept}&amp;reason=no_answer&amp;sort=answer" in page


def test_an_incident_and_a_refused_credential_are_said_above(cast: Cast, client_of: ClientOf) -> None:
    incident = {"tenant_id": "t", "reason": "no_answer", "affected": 12, "connected": 40, "began_at": timezone.now()}
    Incident.objects.create(account=cast.kestrel, **incident)
    Incident.objects.create(account=cast.corvid, **{**incident, "affected": 77})

    page = shown(client_of(cast.dana))

    assert "12 of 40 connections at once" in page
    assert "77" not in page
    assert "own credential" not in page


@pytest.mark.parametrize("query", ["", "?sort=state", "?state=none&q=e", "?reason=no_answer"])
def test_a_page_costs_the_same_queries_for_five_and_for_five_hundred(
    cast: Cast, client_of: ClientOf, query: str, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    browser = client_of(cast.dana)
    connect([cast.alice], State.DEGRADED, reason="no_answer")
    shown(browser, query)
    with django_assert_num_queries(_QUERIES[query]):
        shown(browser, query)
    many = crowd(cast.kestrel, 500, group=cast.sales)
    connect(many[:200], State.DEGRADED, reason="no_answer")
    set_to("enabled", False, at=many[300], by=cast.dana)

    with django_assert_num_queries(_QUERIES[query]):
        shown(browser, query)


# The session, the person with the account, the banner; groups, reasons and methods, organizations; who may not connect
# (asked for the tiles and for the list); two for the tiles; who waits for an approval; the page’s keys, its people,
# their groups; the incidents; our credential. One more to count by a reason.
_QUERIES = {"": 16, "?sort=state": 16, "?state=none&q=e": 16, "?reason=no_answer": 17}


def test_who_waits_for_an_approval_is_counted_whatever_is_looked_for(cast: Cast, client_of: ClientOf) -> None:
    connect([cast.alice])
    queue([cast.alice, cast.bob])

    assert 'Approvals <span class="num">2</span>' in shown(client_of(cast.dana), "?q=gus")


# ── The file ────────────────────────────────────────────────────────────────
def downloaded(client: Client, query: str = "") -> list[dict[str, str]]:
    answer = client.get(reverse("connections_csv") + query)
    assert answer.status_code == 200
    assert answer.headers["Cache-Control"] == "private, no-store"
    content = b"".join(answer.streaming_content).decode("utf-8-sig")  # type: ignore[attr-defined]
    return list(csv.DictReader(io.StringIO(content)))


def test_the_file_holds_the_filtered_list_and_no_secret(cast: Cast, client_of: ClientOf) -> None:
    connect([cast.alice, cast.bob], State.NEEDS_REAUTH, reason="inactive", last_good_at=FOUNDED, connected_at=FOUNDED)

    lines = downloaded(client_of(cast.dana), "?state=needs_reauth&q=alice")

    assert lines == [
        {
            "Person": "Alice",
            "E-mail": "alice@kestrel.example",
            "Groups": "Sales (P1)",
            "State": "Needs reconnecting",
            "Reason": "The access was not used for 90 days",
            "Since": "2026-09-01 09:00",
            "Account": "alice@kestrel.example",
            "Service": "Office 365 · Graph API · OAuth",
            "Permissions": "Calendar: read · Contacts: read",
            "Not granted": "",
            "Last good answer": "2026-09-01 09:00",
            "Connected first": "2026-09-01 09:00",
        }
    ]


def test_that_it_was_downloaded_is_written_down_without_what_was_searched_for(cast: Cast, client_of: ClientOf) -> None:
    downloaded(client_of(cast.dana), "?state=needs_reauth&q=alice")

    entry = AuditEntry.objects.get()
    assert audit.sentence(entry) == "Dana downloaded the list of connections."
    assert (entry.actor, entry.after) == (cast.dana, {"state": "needs_reauth"})
    assert [change.after for change in audit.changes(entry.before, entry.after, action=entry.action)] == [
        "Needs reconnecting"
    ]


def test_a_spreadsheet_carries_nothing_out(cast: Cast, client_of: ClientOf) -> None:
    User.objects.filter(pk=cast.bob.pk).update(name="=HYPERLINK(1)")
    connect([cast.bob], address="+bob@kestrel.example")

    (line,) = downloaded(client_of(cast.dana), "?state=connected")

    assert (line["Person"], line["Account"]) == ("'=HYPERLINK(1)", "'+bob@kestrel.example")


def test_the_file_costs_the_same_queries_for_five_and_for_five_hundred(
    cast: Cast, client_of: ClientOf, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    browser = client_of(cast.dana)
    connect([cast.alice])
    with django_assert_num_queries(10):
        few = downloaded(browser)
    connect(crowd(cast.kestrel, 500, group=cast.sales))

    with django_assert_num_queries(10):
        many = downloaded(browser)

    assert (len(few), len(many)) == (5, 505)


def test_people_are_listed_by_name_whoever_was_first(cast: Cast, client_of: ClientOf) -> None:
    assert _people(downloaded(client_of(cast.dana))) == ["Alice", "Bob", "Dana", "Gus", cast.wilhelmina.name]


def _people(lines: Iterable[dict[str, str]]) -> list[str]:
    return [line["Person"] for line in lines]
