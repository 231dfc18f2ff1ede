"""Account Management > EWS retirement: what it counts, lists and begins."""

from __future__ import annotations

import csv
import io
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from accounts.models import Account, AuditEntry, Group, Job, PendingChange, User
from integrations.leaving_ews import showing
from integrations.leaving_ews.plan import to_graph
from integrations.models import Connection, EwsPast, GraphProspect, Move, Prospect
from integrations.preferences import Method, Service, ServicePolicy
from tests.cast import FOUNDED, Cast, ClientOf, crowd
from tests.integrations.leaving import EWS, GRAPH, on_premises, say, tied_by_ews
from tests.integrations.tied import connect

pytestmark = pytest.mark.django_db

OWN = "https://mail.kestrel.example/EWS/Exchange.asmx"


def found(connection: Connection, outcome: Prospect) -> None:
    GraphProspect.objects.create(connection=connection, outcome=outcome, looked_at=FOUNDED)


def past_of(connection: Connection, **more: Any) -> EwsPast:
    now = timezone.now()
    usual = {"service": "office_365", "method": "oauth", "address": connection.address, "moved_at": now}
    return EwsPast.objects.create(connection=connection, **{**usual, "kept_until": now + timedelta(days=7), **more})


def page_of(client: Client, query: str = "") -> str:
    answer = client.get(reverse("ews") + query)
    assert answer.status_code == 200
    return answer.content.decode()


def act(client: Client, do: str, **sent: str) -> Any:
    return client.post(reverse("ews_act"), {"do": do, **sent})


def parts_of(account: Account) -> dict[str, Any]:
    now = timezone.now()
    return {one.name: one for one in showing.page(showing.read(account, now=now), now=now)["parts"]}


# ── Who ─────────────────────────────────────────────────────────────────────
def test_nobody_by_ews_is_said_and_offers_nothing(client_of: ClientOf, dana: User) -> None:
    page = page_of(client_of(dana))

    assert "Nobody uses EWS" in page
    assert "1 April 2027" in page
    assert "Look whether they could use Graph" not in page


def test_people_in_the_cloud_and_on_own_servers_are_counted_apart(cast: Cast) -> None:
    tied_by_ews([cast.alice, cast.bob])
    tied_by_ews([cast.gus], service=Service.EXCHANGE.value, method=Method.PASSWORD.value)
    connect([cast.dana])

    shown = showing.page(showing.read(cast.kestrel, now=timezone.now()), now=timezone.now())

    assert (shown["affected"], shown["on_premises"]) == (2, 1)
    assert [(one.number, one.is_affected) for one in shown["uses"]] == [(1, False), (2, True)]


def test_somebody_elses_account_is_not_counted(cast: Cast) -> None:
    tied_by_ews([cast.mallory])

    shown = showing.page(showing.read(cast.kestrel, now=timezone.now()), now=timezone.now())

    assert (shown["affected"], shown["parts"]) == (0, [])


def test_the_place_whose_decision_holds_is_the_one_that_is_named(cast: Cast) -> None:
    say(EWS, at=cast.kestrel, by=cast.dana)
    say(GRAPH, at=cast.sales, by=cast.dana)
    tied_by_ews([cast.alice, cast.bob])

    parts = parts_of(cast.kestrel)

    assert {name: (one.number, one.says_ews) for name, one in parts.items()} == {
        "Kestrel & Co": (1, True),
        "Sales": (1, False),
    }


def test_a_locked_account_speaks_for_its_groups(cast: Cast) -> None:
    say(EWS, at=cast.sales, by=cast.dana)
    say(GRAPH, at=cast.kestrel, by=cast.dana, is_locked=True)
    tied_by_ews([cast.alice])

    parts = parts_of(cast.kestrel)

    assert parts["Kestrel & Co"].number == 1
    assert parts["Sales"].number == 0


def test_the_plan_says_what_a_change_comes_to(cast: Cast) -> None:
    say(EWS, at=cast.kestrel, by=cast.dana)
    first, second, third, _ = tied_by_ews([cast.alice, cast.bob, cast.gus, cast.dana])
    found(first, Prospect.READY)
    found(second, Prospect.ASKS_PERSON)
    found(third, Prospect.NEEDS_ADMIN)

    part = parts_of(cast.kestrel)["Kestrel & Co"]

    assert part.impact == (
        ("Move without them", 1),
        ("Must agree once", 1),
        ("Need admin consent", 1),
        ("Not looked at yet", 1),
    )


@pytest.mark.parametrize(
    ("query", "names"),
    [
        ("?q=alice", ["Alice"]),
        ("?outcome=ready", ["Bob"]),
        ("?outcome=none", ["Alice", "Gus"]),
        ("?service=exchange", ["Gus"]),
        ("?method=password", ["Gus"]),
        ("?place=default", ["Alice", "Bob", "Gus"]),
        ("?outcome=nonsense&place=999&method=%00", ["Alice", "Bob", "Gus"]),
        ("?q=%00", ["Alice", "Bob", "Gus"]),
    ],
)
def test_the_list_is_searched_and_filtered(client_of: ClientOf, cast: Cast, query: str, names: list[str]) -> None:
    _, bob = tied_by_ews([cast.alice, cast.bob])
    tied_by_ews([cast.gus], service=Service.EXCHANGE.value, method=Method.PASSWORD.value)
    found(bob, Prospect.READY)

    answer = client_of(cast.dana).get(reverse("ews") + query)

    assert [row.one.name for row in answer.context["rows"]] == names


def test_the_list_is_downloaded_and_that_is_written_down(client_of: ClientOf, cast: Cast) -> None:
    [one] = tied_by_ews([cast.alice])
    found(one, Prospect.ASKS_PERSON)

    answer = client_of(cast.dana).get(reverse("ews_csv"))

    lines = list(csv.reader(io.StringIO(b"".join(answer.streaming_content).decode("utf-8-sig"))))  # type: ignore[attr-defined]
    assert lines[1][:2] == ["Alice", "alice@kestrel.example"]
    assert "Must agree once" in lines[1]
    assert AuditEntry.objects.filter(action="ews.exported").exists()


# ── What can be done ────────────────────────────────────────────────────────
def test_move_to_graph_leads_to_the_sheet_of_that_place(client_of: ClientOf, cast: Cast) -> None:
    say(EWS, at=cast.sales, by=cast.dana, is_locked=True)
    tied_by_ews([cast.alice], move=Move.READY)

    answer = act(client_of(cast.dana), "graph", place=str(cast.sales.pk))

    change = PendingChange.objects.get()
    assert answer.url == reverse("change", args=[change.pk])
    assert change.change["value"]["authorize_with"] == "graph"
    assert change.change["is_locked"] is None
    assert change.change["place"] == cast.sales.pk
    assert client_of(cast.dana).get(answer.url).status_code == 200


@pytest.mark.parametrize("place", ["", "999999", "nonsense", "-1", "account"])
def test_a_place_that_decides_nothing_is_refused_in_words(client_of: ClientOf, cast: Cast, place: str) -> None:
    answer = act(client_of(cast.dana), "graph", place=place)

    assert answer.url == reverse("ews")
    assert not PendingChange.objects.exists()


def test_a_group_of_another_account_is_no_place(client_of: ClientOf, cast: Cast) -> None:
    theirs = Group.objects.create(account=cast.corvid, name="Theirs", rank=1024, created_at=FOUNDED)
    say(EWS, at=theirs, by=cast.mallory)

    act(client_of(cast.dana), "graph", place=str(theirs.pk))

    assert not PendingChange.objects.exists()


def test_a_group_beneath_a_lock_is_refused_in_words(client_of: ClientOf, cast: Cast) -> None:
    say(EWS, at=cast.sales, by=cast.dana)
    say(EWS, at=cast.kestrel, by=cast.dana, is_locked=True)

    answer = act(client_of(cast.dana), "graph", place=str(cast.sales.pk))

    assert "locked" in client_of(cast.dana).get(answer.url).content.decode()
    assert not PendingChange.objects.exists()


def test_an_own_server_becomes_office_365_with_the_method_that_belongs_to_it() -> None:
    by_password, by_account = to_graph(on_premises(OWN)), to_graph(on_premises(OWN, Method.IMPERSONATION))

    assert by_password == ServicePolicy()
    assert by_account == ServicePolicy(who_can_set_up=Method.APPLICATION_PERMISSIONS)


def test_looking_begins_a_job_with_a_row_for_each(client_of: ClientOf, cast: Cast) -> None:
    tied_by_ews([cast.alice, cast.bob])

    answer = act(client_of(cast.dana), "look")

    job = Job.objects.get()
    assert (job.kind, job.total, answer.url) == ("leaving_ews.look", 2, reverse("job", args=[job.pk]))


def test_moving_now_takes_only_those_whose_settings_say_graph(client_of: ClientOf, cast: Cast) -> None:
    say(EWS, at=cast.kestrel, by=cast.dana)
    say(GRAPH, at=cast.sales, by=cast.dana)
    tied_by_ews([cast.alice, cast.bob])

    act(client_of(cast.dana), "move")

    assert [row.given["email"] for row in Job.objects.get().rows.all()] == [cast.alice.email]


def test_back_to_ews_proposes_what_it_was(client_of: ClientOf, cast: Cast) -> None:
    say(GRAPH, at=cast.kestrel, by=cast.dana)
    [one] = connect([cast.bob])
    past_of(one)

    act(client_of(cast.dana), "ews", place="account")

    assert PendingChange.objects.get().change["value"]["authorize_with"] == "ews"


def test_whoever_may_go_back_is_brought_back_and_nobody_else(client_of: ClientOf, cast: Cast) -> None:
    say(EWS, at=cast.kestrel, by=cast.dana)
    say(GRAPH, at=cast.sales, by=cast.dana)
    alice, bob = connect([cast.alice, cast.bob])
    past_of(alice), past_of(bob)

    act(client_of(cast.dana), "back")

    assert [row.given["email"] for row in Job.objects.get().rows.all()] == [cast.bob.email]


def test_people_of_another_account_are_never_brought_back(client_of: ClientOf, cast: Cast) -> None:
    say(EWS, at=cast.corvid, by=cast.mallory)
    [theirs] = connect([cast.mallory])
    past_of(theirs)

    act(client_of(cast.dana), "back", connection=str(theirs.pk))

    assert not Job.objects.exists()


# ── How many statements ─────────────────────────────────────────────────────
@pytest.mark.parametrize("number", [5, 500])
def test_the_page_costs_the_same_for_many(
    client_of: ClientOf, cast: Cast, number: int, django_assert_num_queries: Any
) -> None:
    say(EWS, at=cast.kestrel, by=cast.dana)
    made = tied_by_ews(crowd(cast.kestrel, number))
    GraphProspect.objects.bulk_create(
        GraphProspect(connection=one, outcome=Prospect.READY, looked_at=FOUNDED) for one in made[::2]
    )
    for one in connect([cast.bob, cast.gus]):
        past_of(one)
    client = client_of(cast.dana)
    page_of(client)

    with django_assert_num_queries(10):
        page_of(client)
