"""The sheet *Review changes*: who may open it, what it says, and what its buttons do."""

from __future__ import annotations

import csv
import dataclasses
import html
import io
import re
import uuid
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from accounts import groups, reviewing
from accounts.cascade import write
from accounts.cascade.changes import Change, Choose, Dissolve, Inherit, Join, Leave, Rank
from accounts.cascade.declare import Level, setting_of
from accounts.models import AuditEntry, Group, Membership, PendingChange, Role, SettingDecision, User
from integrations import fitting
from integrations.domains import DomainRule
from integrations.preferences import Integrations, ServicePolicy
from tests.accounts.connected import connect
from tests.cast import FOUNDED, Cast, ClientOf, crowd

pytestmark = pytest.mark.django_db

ENABLED, SERVICES, GRACE = "integrations.enabled", "integrations.services", "integrations.grace"
BACK = "/account/settings/mail-calendar/#setting-enabled"
LABEL = "Integrate third-party mail and calendar services"


def switch(place: Any, value: bool, *, level: Level = Level.ACCOUNT, is_locked: bool = False) -> Choose:
    return Choose(ENABLED, level, place.pk, value, is_locked)


def proposed(change: Change, by: User, *, seen: str | None = None, back: str = BACK) -> PendingChange:
    made = reviewing.submit(change, by=by, back=back, seen=seen, now=timezone.now())
    assert isinstance(made, PendingChange)
    return made


def decide(name: str, value: Any, *, at: Any, by: User, is_locked: bool = False) -> AuditEntry:
    entry = write.choose(
        setting_of(Integrations, name), value, at=at, actor=by, now=timezone.now(), is_locked=is_locked
    )
    assert entry is not None
    return entry


def address(pending: PendingChange, name: str = "change") -> str:
    return reverse(name, args=[pending.pk])


def text_of(response: Any) -> str:
    """What a reader sees, in one line."""
    body = re.sub(r"<svg.*?</svg>|<title>.*?</title>", " ", response.content.decode(), flags=re.DOTALL)
    return " ".join(html.unescape(re.sub(r"<[^>]+>", " ", body)).split())


def buttons(response: Any) -> list[str]:
    foot = re.search(r'id="sheet-foot".*?</form>', response.content.decode(), re.DOTALL)
    assert foot
    found = re.findall(r"<button[^>]*>(.*?)</button>", foot[0], re.DOTALL)
    return [" ".join(re.sub(r"<[^>]+>", "", words).split()) for words in found]


def counts(response: Any) -> dict[str, str]:
    found = re.findall(r'<dt>([^<]*)</dt><dd class="num">([^<]*)</dd>', response.content.decode())
    return {html.unescape(label): number for label, number in found}


def lines(response: Any) -> list[tuple[str, str, str]]:
    table = re.search(r'<table class="table compare">.*?</table>', response.content.decode(), re.DOTALL)
    assert table
    rows = re.findall(r"<tr>(.*?)</tr>", table[0], re.DOTALL)[1:]
    cells = [re.findall(r"<t[hd][^>]*>(.*?)</t[hd]>", row, re.DOTALL) for row in rows]
    return [tuple(" ".join(html.unescape(re.sub(r"<[^>]+>", "", cell)).split()) for cell in row) for row in cells]  # type: ignore[misc]


def names(response: Any) -> list[str]:
    listed = response.content.decode().partition('id="whom"')[2]
    return [html.unescape(name).strip() for name in re.findall(r'<th scope="row">(.*?) <small>', listed)]


def rows_of(response: Any) -> list[list[str]]:
    content = b"".join(response.streaming_content).decode().removeprefix("\ufeff")
    return list(csv.reader(io.StringIO(content)))


@pytest.fixture
def operations(cast: Cast) -> Group:
    return Group.objects.create(account=cast.kestrel, name="Operations", rank=4096, created_at=FOUNDED)


# ── Who may not ─────────────────────────────────────────────────────────────
ADDRESSES = [("change", "get"), ("change", "post"), ("change_people", "get"), ("change_discard", "post")]


def ask(client: Client, pending: PendingChange, name: str, method: str) -> Any:
    query = "?who=changed" if name == "change_people" else ""
    return getattr(client, method)(address(pending, name) + query)


@pytest.mark.parametrize(("name", "method"), ADDRESSES)
def test_a_visitor_is_taken_to_the_sign_in_page(name: str, method: str, cast: Cast) -> None:
    pending = proposed(switch(cast.kestrel, False), cast.dana)

    answer = ask(Client(), pending, name, method)

    assert answer.status_code == 302
    assert answer.headers["Location"].startswith(reverse("account_login"))
    assert PendingChange.objects.filter(pk=pending.pk).exists()
    assert not SettingDecision.objects.exists()


@pytest.mark.parametrize(("name", "method"), ADDRESSES)
@pytest.mark.parametrize("who", ["another admin", "a member", "a stranger"])
def test_nobody_else_finds_it(who: str, name: str, method: str, cast: Cast, client_of: ClientOf) -> None:
    pending = proposed(switch(cast.kestrel, False), cast.dana)
    User.objects.filter(pk=cast.bob.pk).update(role=Role.ADMIN)
    person = {"another admin": User.objects.get(pk=cast.bob.pk), "a member": cast.alice, "a stranger": cast.mallory}[
        who
    ]

    answer = ask(client_of(person), pending, name, method)

    assert answer.status_code == 404
    assert LABEL not in answer.content.decode()
    assert PendingChange.objects.filter(pk=pending.pk).exists()
    assert not SettingDecision.objects.exists()


@pytest.mark.parametrize(("name", "method"), ADDRESSES[:3])
def test_who_lost_the_right_meanwhile_is_refused(name: str, method: str, cast: Cast, client_of: ClientOf) -> None:
    pending = proposed(switch(cast.kestrel, False), cast.dana)
    client = client_of(cast.dana)
    User.objects.filter(pk=cast.dana.pk).update(role=Role.MEMBER)

    answer = ask(client, pending, name, method)

    assert answer.status_code == 403
    assert "You may no longer change this." in text_of(answer)
    assert not SettingDecision.objects.exists()


def test_who_is_no_longer_admin_of_the_group_is_refused(cast: Cast, client_of: ClientOf) -> None:
    pending = proposed(switch(cast.sales, False, level=Level.GROUP), cast.gus)
    groups.dismiss_admin(cast.sales, cast.gus, actor=cast.dana, now=timezone.now())

    answer = client_of(cast.gus).post(address(pending))

    assert answer.status_code == 403
    assert not SettingDecision.objects.exists()


def test_a_form_from_elsewhere_confirms_nothing(cast: Cast) -> None:
    pending = proposed(switch(cast.kestrel, False), cast.dana)
    client = Client(enforce_csrf_checks=True)
    client.force_login(cast.dana)

    assert client.post(address(pending)).status_code == 403
    assert client.post(address(pending, "change_discard")).status_code == 403
    assert not SettingDecision.objects.exists()


# ── What it says ────────────────────────────────────────────────────────────
def test_it_is_a_dialog_over_an_inert_page(cast: Cast, client_of: ClientOf) -> None:
    pending = proposed(switch(cast.kestrel, False), cast.dana)

    page = client_of(cast.dana).get(address(pending)).content.decode()

    assert re.search(r'<div class="sheet" role="dialog" aria-modal="true" aria-labelledby="sheet-title">', page)
    assert re.search(r'<h1 id="sheet-title"[^>]*>Review changes</h1>', page)
    assert '<div class="behind portal" inert>' in page
    assert f'href="{BACK}" data-escape aria-label="Close without changing anything"' in page


@pytest.mark.parametrize(("value", "button"), [(True, "Enable"), (False, "Disable")])
def test_the_button_is_one_word_when_nothing_ends(value: bool, button: str, cast: Cast, client_of: ClientOf) -> None:
    decide("enabled", not value, at=cast.kestrel, by=cast.dana)
    pending = proposed(switch(cast.kestrel, value), cast.dana)

    answer = client_of(cast.dana).get(address(pending))

    assert buttons(answer) == [button, "Cancel"]
    assert "danger" not in answer.content.decode().partition('id="sheet-foot"')[2]
    assert "will be blocked" not in text_of(answer)


def test_what_ends_is_said_three_times(cast: Cast, client_of: ClientOf) -> None:
    connect([cast.alice, cast.bob])
    decide("grace", 5, at=cast.kestrel, by=cast.dana)

    answer = client_of(cast.dana).get(address(proposed(switch(cast.kestrel, False), cast.dana)))

    shown = text_of(answer)
    assert "2 connections will be blocked at once." in shown
    assert "5 days" in shown
    assert buttons(answer) == ["Disable and block 2 connections", "Cancel"]
    assert 'class="btn danger primary"' in answer.content.decode()
    assert counts(answer)["Connections blocked"] == "2"
    assert names(answer) == ["Alice", "Bob"]


def test_one_connection_is_one(cast: Cast, client_of: ClientOf) -> None:
    connect([cast.alice])

    answer = client_of(cast.dana).get(address(proposed(switch(cast.kestrel, False), cast.dana)))

    assert "1 connection will be blocked at once." in text_of(answer)
    assert buttons(answer)[0] == "Disable and block 1 connection"
    assert counts(answer)["Connection blocked"] == "1"


def test_the_grace_is_linked_for_those_who_may_open_it(cast: Cast, client_of: ClientOf) -> None:
    connect([cast.alice, cast.gus])
    admins = proposed(switch(cast.kestrel, False), cast.dana)
    group_admins = proposed(switch(cast.sales, False, level=Level.GROUP), cast.gus)

    seen_by_dana = client_of(cast.dana).get(address(admins)).content.decode()
    seen_by_gus = client_of(cast.gus).get(address(group_admins)).content.decode()

    link = '<a href="/account/settings/mail-calendar/#setting-grace">'
    assert link in seen_by_dana
    assert link not in seen_by_gus
    assert "7 days" in seen_by_gus


def test_a_lock_says_what_it_does_to_groups_and_that_it_connects_nobody(cast: Cast, client_of: ClientOf) -> None:
    connect([cast.alice, cast.gus, cast.bob], contacts_write=True)
    decide("services", ServicePolicy(contacts_write=True), at=cast.sales, by=cast.dana)
    value = setting_of(Integrations, "services").to_json(ServicePolicy(contacts_write=False))
    pending = proposed(Choose(SERVICES, Level.ACCOUNT, cast.kestrel.pk, value, is_locked=True), cast.dana)

    answer = client_of(cast.dana).get(address(pending))

    assert buttons(answer)[0] == "Lock and block 3 connections"
    assert "Nobody is connected by a lock." in text_of(answer)
    assert lines(answer) == [
        ("Services and permissions", "Each group may decide", "Locked for everyone below"),
        ("People may give permission to write their contacts", "Yes", "No"),
        ("People may give permission to write their contacts, in Sales", "Yes", "No"),
    ]
    assert "Unchanged: Office 365; Graph API; Users can set up the integration by using OAuth;" in text_of(answer)
    assert counts(answer) == {
        "People whose value changes": "5",
        "Connections blocked": "3",
        "Connections that stay": "0",
        "Group choice put to sleep": "1",
    }
    assert "Contacts: write" in text_of(answer)


def test_many_groups_are_not_all_named(cast: Cast, client_of: ClientOf) -> None:
    made = Group.objects.bulk_create(
        Group(account=cast.kestrel, name=f"Team {n}", rank=9000 + n, created_at=FOUNDED) for n in range(5)
    )
    for group in made:
        decide("enabled", False, at=group, by=cast.dana)

    answer = client_of(cast.dana).get(address(proposed(switch(cast.kestrel, True, is_locked=True), cast.dana)))

    assert [label for label, *_ in lines(answer)] == [LABEL, *(f"{LABEL}, in Team {n}" for n in range(3))]
    assert "The same goes for 2 more groups, listed below." in text_of(answer)


def test_a_lock_of_what_holds_anyway_reads_well(cast: Cast, client_of: ClientOf) -> None:
    answer = client_of(cast.dana).get(address(proposed(switch(cast.kestrel, True, is_locked=True), cast.dana)))

    assert lines(answer) == [(LABEL, "Each group and each person may decide", "Locked for everyone below")]
    shown = text_of(answer)
    assert "Unchanged: the value, On." in shown
    assert "No connection will be blocked. Nobody is connected by a lock." in shown
    assert "Nobody’s value changes today" in shown
    assert buttons(answer)[0] == "Lock"


def test_unlocking_says_who_comes_back_and_which_choices_return(cast: Cast, client_of: ClientOf) -> None:
    connect([cast.alice, cast.bob])
    decide("enabled", True, at=cast.sales, by=cast.dana)
    decide("enabled", True, at=cast.bob, by=cast.bob)
    decide("enabled", False, at=cast.kestrel, by=cast.dana, is_locked=True)
    fitting.apply_policy(cast.kestrel, now=timezone.now())
    client = client_of(cast.dana)

    answer = client.get(address(pending := proposed(switch(cast.kestrel, False), cast.dana)))
    choices = client.get(address(pending) + "?who=awake")

    assert buttons(answer)[0] == "Unlock"
    assert "2 connections come back by themselves." in text_of(answer)
    assert counts(answer)["Connections that come back"] == "2"
    assert counts(answer)["Group choice that returns"] == "1"
    assert counts(answer)["Person’s choice that returns"] == "1"
    assert lines(answer) == [
        (LABEL, "Locked for everyone below", "Each group and each person may decide"),
        (f"{LABEL}, in Sales", "Off", "On"),
    ]
    assert names(choices) == ["Sales", "Bob"]
    assert "Group, P1" in text_of(choices)


def test_an_override_says_where_the_value_came_from(cast: Cast, client_of: ClientOf) -> None:
    decide("enabled", False, at=cast.kestrel, by=cast.dana)
    client = client_of(cast.gus)

    differing = client.get(address(proposed(switch(cast.sales, True, level=Level.GROUP), cast.gus)))
    equal = client.get(address(proposed(switch(cast.sales, False, level=Level.GROUP), cast.gus)))

    assert "Sales · Mail & Calendar · Integrations" in text_of(differing)
    assert lines(differing) == [(LABEL, "Off, from Account", "On")]
    assert buttons(differing)[0] == "Enable"
    assert "of 2 people in Sales" in text_of(differing)
    assert lines(equal) == [(LABEL, "Off, from Account", "Off, chosen here")]
    assert buttons(equal)[0] == "Save"


def test_inheriting_says_what_the_value_becomes_and_from_where(cast: Cast, client_of: ClientOf) -> None:
    decide("enabled", False, at=cast.kestrel, by=cast.dana)
    decide("enabled", True, at=cast.sales, by=cast.dana)
    decide("enabled", True, at=cast.alice, by=cast.alice)
    client = client_of(cast.dana)

    group = client.get(address(proposed(Inherit(ENABLED, Level.GROUP, cast.sales.pk), cast.dana)))
    person = client_of(cast.alice).get(address(proposed(Inherit(ENABLED, Level.USER, cast.alice.pk), cast.alice)))
    account = client.get(address(proposed(Inherit(ENABLED, Level.ACCOUNT, cast.kestrel.pk), cast.dana)))

    assert lines(group) == [(LABEL, "On", "Off, from Account")]
    assert buttons(group)[0] == "Inherit"
    assert lines(person) == [(LABEL, "On, chosen here", "On, from Sales")]
    assert "Settings · Mail & Calendar · Integrations" in text_of(person)
    assert lines(account) == [(LABEL, "Off", "On, Meridian’s default")]


def test_a_composite_says_where_it_came_from_and_which_parts_differ(cast: Cast, client_of: ClientOf) -> None:
    setting, contacts = setting_of(Integrations, "services"), "People may give permission to write their contacts"
    decide("services", ServicePolicy(contacts_write=False), at=cast.kestrel, by=cast.dana)
    client = client_of(cast.dana)
    own = Choose(setting.key, Level.GROUP, cast.sales.pk, setting.to_json(ServicePolicy()))

    override = client.get(address(proposed(own, cast.dana)))
    decide("services", ServicePolicy(), at=cast.sales, by=cast.dana)
    inherit = client.get(address(proposed(Inherit(setting.key, Level.GROUP, cast.sales.pk), cast.dana)))

    assert lines(override) == [("Services and permissions", "From Account", "Chosen here"), (contacts, "No", "Yes")]
    assert f"{contacts}: No → Yes" in text_of(override)
    assert lines(inherit) == [("Services and permissions", "Chosen here", "From Account"), (contacts, "Yes", "No")]


def test_of_a_list_what_differs_is_named_first(cast: Cast, client_of: ClientOf) -> None:
    setting = setting_of(Integrations, "domains")
    many = tuple(f"d{n}.example" for n in range(7))
    decide("domains", DomainRule(is_on=True, domains=many), at=cast.kestrel, by=cast.dana)
    after = setting.to_json(DomainRule(is_on=True, domains=(*many[:6], "xn--mwe-sna.example")))

    answer = client_of(cast.dana).get(
        address(proposed(Choose(setting.key, Level.ACCOUNT, cast.kestrel.pk, after), cast.dana))
    )

    assert lines(answer) == [
        (
            "Allowed domains",
            "d6.example, d0.example, d1.example, d2.example, d3.example, 2 more",
            "möwe.example, d0.example, d1.example, d2.example, d3.example, 2 more",
        )
    ]
    assert "Unchanged: Allow only the domains listed here: yes." in text_of(answer)
    assert buttons(answer)[0] == "Save"


def test_a_move_of_a_group(cast: Cast, operations: Group, client_of: ClientOf) -> None:
    decide("enabled", False, at=operations, by=cast.dana)
    decide("enabled", True, at=cast.sales, by=cast.dana)
    Membership.objects.create(group=operations, user=cast.alice)

    answer = client_of(cast.dana).get(address(proposed(Rank(operations.pk, cast.sales.pk), cast.dana)))

    assert "Groups · Operations" in text_of(answer)
    assert lines(answer) == [("Position of Operations", "P2", "P1, directly above Sales")]
    assert buttons(answer)[0] == "Move"
    assert names(answer) == ["Alice"]
    assert f"{LABEL}: On → Off" in text_of(answer)


def test_who_joins_and_leaves(cast: Cast, operations: Group, client_of: ClientOf) -> None:
    decide("enabled", False, at=operations, by=cast.dana)
    decide("services", ServicePolicy(contacts_write=False), at=cast.sales, by=cast.dana)
    client = client_of(cast.dana)

    join = client.get(address(proposed(Join(operations.pk, (cast.bob.pk, cast.wilhelmina.pk)), cast.dana)))
    leave = client.get(address(proposed(Leave(cast.sales.pk, (cast.alice.pk,)), cast.dana)))

    assert lines(join) == [
        ("People of Operations", "0 people", "2 people"),
        ("Who joins", "Not a member", "Bob, Wilhelmina-Anastasia von Hohenlohe-Langenburg"),
    ]
    assert buttons(join)[0] == "Add"
    assert lines(leave) == [("People of Sales", "2 people", "1 person"), ("Who leaves", "Alice", "No longer a member")]
    assert buttons(leave)[0] == "Remove"


def test_the_end_of_a_group(cast: Cast, client_of: ClientOf) -> None:
    decide("enabled", False, at=cast.sales, by=cast.dana)

    answer = client_of(cast.dana).get(address(proposed(Dissolve(cast.sales.pk), cast.dana)))

    assert lines(answer) == [("The group Sales", "2 people", "Deleted"), ("What it has decided", LABEL, "Forgotten")]
    assert buttons(answer)[0] == "Delete the group"
    assert 'class="btn danger primary"' in answer.content.decode()
    assert names(answer) == ["Alice", "Gus"]


def test_a_group_admin_reads_of_no_group_that_is_not_his(cast: Cast, operations: Group, client_of: ClientOf) -> None:
    Membership.objects.create(group=operations, user=cast.alice)

    seen_by_gus = client_of(cast.gus).get(address(proposed(switch(cast.sales, False, level=Level.GROUP), cast.gus)))
    seen_by_dana = client_of(cast.dana).get(address(proposed(switch(cast.sales, False, level=Level.GROUP), cast.dana)))

    assert "Operations" not in text_of(seen_by_gus)
    assert "Operations P2" in text_of(seen_by_dana)


def test_names_are_shown_as_text(cast: Cast, client_of: ClientOf) -> None:
    User.objects.filter(pk=cast.alice.pk).update(name="<b>Al</b>")
    Group.objects.filter(pk=cast.sales.pk).update(name="<i>Sales</i>")

    page = client_of(cast.dana).get(
        address(proposed(switch(cast.sales, False, level=Level.GROUP), cast.dana)) + "?who=changed"
    )

    assert "&lt;b&gt;Al&lt;/b&gt;" in page.content.decode()
    assert "<b>Al" not in page.content.decode()
    assert "<i>Sales" not in page.content.decode()


# ── The list ────────────────────────────────────────────────────────────────
def test_it_is_filtered_and_paged_by_name(cast: Cast, client_of: ClientOf) -> None:
    people = crowd(cast.kestrel, 25)
    connect(people[:12])
    pending = proposed(switch(cast.kestrel, False), cast.dana)
    client = client_of(cast.dana)

    first = client.get(address(pending))
    last = client.get(address(pending) + "?who=ends&page=2")
    changed = client.get(address(pending) + "?who=changed&page=3")
    nonsense = client.get(address(pending) + "?who=nobody&page=zzz")

    assert names(first) == [f"Member {n:03}" for n in range(10)]
    assert names(last) == ["Member 010", "Member 011"]
    assert "11–12 of 12 people" in text_of(last)
    assert "21–30 of 30 people" in text_of(changed)
    assert names(changed)[-1].startswith("Wilhelmina")
    assert names(nonsense) == names(first)


@pytest.mark.parametrize("query", ["", "?who=changed"])
@pytest.mark.parametrize("size", [2, 60])
def test_it_costs_the_same_at_any_size(
    size: int, query: str, cast: Cast, operations: Group, client_of: ClientOf, django_assert_num_queries: Any
) -> None:
    people = crowd(cast.kestrel, size, group=operations)
    connect(people)
    SettingDecision.objects.bulk_create(
        SettingDecision(user=person, key=ENABLED, value=True, decided_at=FOUNDED) for person in people
    )
    decide("enabled", True, at=cast.sales, by=cast.dana)
    pending = proposed(switch(cast.kestrel, False, is_locked=True), cast.dana)
    client = client_of(cast.dana)
    client.get(address(pending))

    # The session, the person, the review; what was decided at the account; what everybody decided, the people, who is
    # in which group, the connections; what is announced; the groups; the list in its order, the people of the page,
    # their groups; and the row that the notice links to.
    with django_assert_num_queries(14):
        answer = client.get(address(pending) + query)

    assert len(names(answer)) == min(size + (5 if query else 0), 10)


@pytest.mark.parametrize(
    ("who", "header"),
    [
        ("ends", ["Name", "E-mail", "Groups", "Connected as", "Because"]),
        ("changed", ["Name", "E-mail", "Groups", "Setting", "Before", "After"]),
        ("asleep", ["Whose choice", "E-mail or position", "Groups", "Setting", "Choice"]),
    ],
)
def test_the_whole_list_can_be_downloaded(who: str, header: list[str], cast: Cast, client_of: ClientOf) -> None:
    people = crowd(cast.kestrel, 30, group=cast.sales)
    connect(people)
    decide("enabled", True, at=cast.sales, by=cast.dana)
    decide("enabled", True, at=people[0], by=people[0])
    pending = proposed(switch(cast.kestrel, False, is_locked=True), cast.dana)

    answer = client_of(cast.dana).get(address(pending, "change_people"), {"who": who})

    assert answer.headers["Content-Disposition"] == f'attachment; filename="review-{who}.csv"'
    first, *rest = rows_of(answer)
    assert first == header
    assert (
        rest[0]
        == {
            "ends": ["Member 000", people[0].email, "Sales (P1)", people[0].email, "Turned off"],
            "changed": ["Alice", "alice@kestrel.example", "Sales (P1)", LABEL, "On", "Off"],
            "asleep": ["Sales", "Group, P1", "", LABEL, "On"],
        }[who]
    )
    assert len(rest) == {"ends": 30, "changed": 35, "asleep": 2}[who]


@pytest.mark.parametrize("who", ["everybody", "ENDS"])
def test_an_unknown_list_is_not_there(who: str, cast: Cast, client_of: ClientOf) -> None:
    pending = proposed(switch(cast.kestrel, False), cast.dana)

    assert client_of(cast.dana).get(address(pending, "change_people"), {"who": who}).status_code == 404


def test_a_name_that_a_spreadsheet_would_carry_out_is_made_harmless(cast: Cast, client_of: ClientOf) -> None:
    User.objects.filter(pk=cast.alice.pk).update(name="=1+1")
    pending = proposed(switch(cast.sales, False, level=Level.GROUP), cast.dana)

    rows = rows_of(client_of(cast.dana).get(address(pending, "change_people"), {"who": "changed"}))

    assert rows[1][0] == "'=1+1"


# ── Yes ─────────────────────────────────────────────────────────────────────
def test_confirming_does_it_and_leads_back_with_a_way_to_undo(cast: Cast, client_of: ClientOf) -> None:
    pending = proposed(switch(cast.kestrel, False), cast.dana)
    client = client_of(cast.dana)
    client.get(address(pending))

    answer = client.post(address(pending), {"reason": "The audit said so."})
    told = text_of(client.get(answer.headers["Location"]))

    entry = AuditEntry.objects.get()
    assert answer.headers["Location"] == BACK
    assert (entry.reason, entry.affected, entry.actor) == ("The audit said so.", 5, cast.dana)
    assert SettingDecision.objects.get().value is False
    assert f"“{LABEL}” is now Off." in told
    assert "Undo" in told


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (lambda cast: switch(cast.kestrel, True, is_locked=True), f"“{LABEL}” is locked: On."),
        (lambda cast: switch(cast.sales, False, level=Level.GROUP), f"“{LABEL}” is now Off for Sales."),
        (
            lambda cast: Inherit(ENABLED, Level.USER, cast.bob.pk),
            f"“{LABEL}” follows Meridian’s default again for Bob.",
        ),
        (lambda cast: Join(cast.sales.pk, (cast.wilhelmina.pk,)), "1 person is now in Sales."),
        (lambda cast: Leave(cast.sales.pk, (cast.alice.pk, cast.gus.pk)), "2 people are no longer in Sales."),
        (lambda cast: Dissolve(cast.sales.pk), "The group Sales is deleted."),
    ],
)
def test_it_says_what_was_done(change: Callable[[Cast], Change], told: str, cast: Cast, client_of: ClientOf) -> None:
    decide("enabled", False, at=cast.bob, by=cast.bob)
    decide("services", ServicePolicy(contacts_write=False), at=cast.sales, by=cast.dana)
    pending = proposed(change(cast), cast.dana, back=reverse("groups"))

    answer = client_of(cast.dana).post(address(pending), follow=True)

    assert told in text_of(answer)


def test_a_group_that_was_moved(cast: Cast, operations: Group, client_of: ClientOf) -> None:
    decide("enabled", False, at=operations, by=cast.dana)
    decide("enabled", True, at=cast.sales, by=cast.dana)
    Membership.objects.create(group=operations, user=cast.alice)
    pending = proposed(Rank(operations.pk, cast.sales.pk), cast.dana, back=reverse("groups"))

    answer = client_of(cast.dana).post(address(pending), {"reason": "They pay."}, follow=True)

    assert "Operations is now P1." in text_of(answer)
    assert AuditEntry.objects.get(action="group.ranked").reason == "They pay."


def test_a_second_click_finds_that_it_was_done(cast: Cast, client_of: ClientOf) -> None:
    pending = proposed(switch(cast.kestrel, False), cast.dana)
    client = client_of(cast.dana)
    client.post(address(pending))

    answer = client.post(address(pending))

    assert answer.status_code == 404
    assert "This review has ended" in text_of(answer)
    assert "It was confirmed or cancelled already" in text_of(answer)
    assert AuditEntry.objects.count() == 1


def test_a_reason_that_is_too_long_is_kept_typed(cast: Cast, client_of: ClientOf) -> None:
    pending = proposed(switch(cast.kestrel, False), cast.dana)
    reason = "Because " * 100

    answer = client_of(cast.dana).post(address(pending), {"reason": reason})

    assert answer.status_code == 422
    assert "At most 500 characters can be kept; these are 799." in text_of(answer)
    assert reason.strip() in text_of(answer)
    assert not SettingDecision.objects.exists()


def test_a_reason_of_the_longest_length_with_line_breaks_is_taken(cast: Cast, client_of: ClientOf) -> None:
    pending = proposed(switch(cast.kestrel, False), cast.dana)

    client_of(cast.dana).post(address(pending), {"reason": "a\r\n" * 249 + "bb"})

    assert AuditEntry.objects.get().reason == "a\n" * 249 + "bb"


def test_nul_in_a_reason_is_refused(cast: Cast, client_of: ClientOf) -> None:
    pending = proposed(switch(cast.kestrel, False), cast.dana)

    assert client_of(cast.dana).post(address(pending), {"reason": "a\0b"}).status_code == 422
    assert not SettingDecision.objects.exists()


# ── No ──────────────────────────────────────────────────────────────────────
def test_cancelling_leads_back_and_forgets_it(cast: Cast, client_of: ClientOf) -> None:
    pending = proposed(switch(cast.kestrel, False), cast.dana)
    client = client_of(cast.dana)

    answer = client.post(address(pending, "change_discard"))

    assert answer.headers["Location"] == BACK
    assert not PendingChange.objects.exists()
    assert not SettingDecision.objects.exists()
    assert client.get(address(pending)).status_code == 404
    assert client.post(address(pending, "change_discard")).status_code == 404


def test_one_that_ran_out_says_so_and_leads_back(cast: Cast, client_of: ClientOf) -> None:
    pending = proposed(switch(cast.kestrel, False), cast.dana)
    PendingChange.objects.update(expires_at=timezone.now() - timedelta(seconds=1))
    client = client_of(cast.dana)

    for answer in (client.get(address(pending)), client.post(address(pending))):
        assert answer.status_code == 410
        assert "This review has ended" in text_of(answer)
        assert "nothing was changed by it" in text_of(answer)
        assert f'href="{BACK}"' in answer.content.decode()
    assert not SettingDecision.objects.exists()
    assert client.get(address(pending, "change_people"), {"who": "changed"}).status_code == 404


def test_one_that_never_was_is_not_there(cast: Cast, client_of: ClientOf) -> None:
    answer = client_of(cast.dana).get(reverse("change", args=[uuid.uuid4()]))

    assert answer.status_code == 404
    assert "This review has ended" in text_of(answer)


# ── What came in between ────────────────────────────────────────────────────
def test_more_connections_than_it_said_are_shown_before_anything_is_done(cast: Cast, client_of: ClientOf) -> None:
    connect([cast.alice])
    pending = proposed(switch(cast.kestrel, False), cast.dana)
    client = client_of(cast.dana)
    client.get(address(pending))
    connect([cast.bob, cast.wilhelmina])

    refused = client.post(address(pending), {"reason": "Typed with care"})

    assert refused.status_code == 409
    assert "Meanwhile it would be 3 connections instead of 1." in text_of(refused)
    assert "Look again." in text_of(refused)
    assert buttons(refused)[0] == "Disable and block 3 connections"
    assert "Typed with care" in text_of(refused)
    assert not SettingDecision.objects.exists()
    assert client.post(address(pending), {"said": "3"}).status_code == 302


def test_an_older_window_is_held_to_what_it_showed(cast: Cast, client_of: ClientOf) -> None:
    connect([cast.alice])
    pending = proposed(switch(cast.kestrel, False), cast.dana)
    client = client_of(cast.dana)
    connect([cast.bob])
    client.get(address(pending))

    assert client.post(address(pending), {"said": "1"}).status_code == 409
    assert client.post(address(pending), {"said": "nonsense"}).status_code == 422
    assert not SettingDecision.objects.exists()


def test_a_decision_that_changed_meanwhile_is_told_and_reviewed_anew(cast: Cast, client_of: ClientOf) -> None:
    pending = proposed(switch(cast.kestrel, False), cast.dana, seen=write.stamp(None))
    client = client_of(cast.dana)
    client.get(address(pending))
    User.objects.filter(pk=cast.bob.pk).update(role=Role.ADMIN)
    decide("enabled", True, at=cast.kestrel, by=cast.bob)

    refused = client.post(address(pending), {"reason": "Typed with care", "seen": write.stamp(None)})

    assert refused.status_code == 409
    assert "This was changed meanwhile." in text_of(refused)
    assert re.search(r"Bob made it On, today, \d\d:\d\d ?\. Nothing of yours has been done\.", text_of(refused))
    assert lines(refused) == [(LABEL, "On", "Off")]
    assert "Typed with care" in text_of(refused)
    assert SettingDecision.objects.get().value is True
    seen = re.search(r'name="seen" value="(\w+)"', refused.content.decode())
    assert seen
    assert client.post(address(pending), {"seen": seen[1]}).status_code == 302
    assert SettingDecision.objects.get().value is False


def test_a_choice_that_was_taken_back_meanwhile_is_told(cast: Cast, client_of: ClientOf) -> None:
    User.objects.filter(pk=cast.bob.pk).update(role=Role.ADMIN)
    decide("enabled", True, at=cast.kestrel, by=cast.dana)
    made = setting_of(Integrations, "enabled")
    pending = proposed(switch(cast.kestrel, False), cast.dana)
    client = client_of(cast.dana)
    client.get(address(pending))
    write.inherit(made, at=cast.kestrel, actor=cast.bob, now=timezone.now())

    told = text_of(client.get(address(pending)))

    assert re.search(r"Bob took the choice back, today, \d\d:\d\d ?\.", told)
    assert "On, Meridian’s default" in told


def test_who_moves_a_switch_does_not_lift_a_lock_that_came_meanwhile(cast: Cast, client_of: ClientOf) -> None:
    """The sheet says anew what it does: the switch, and nothing about the colleague's lock."""
    User.objects.filter(pk=cast.bob.pk).update(role=Role.ADMIN)
    decide("enabled", True, at=cast.kestrel, by=cast.dana)
    wish = dataclasses.replace(switch(cast.kestrel, False), is_locked=None)
    pending = proposed(wish, cast.dana)
    client = client_of(cast.dana)
    client.get(address(pending))
    decide("enabled", True, at=cast.kestrel, by=cast.bob, is_locked=True)

    refused = client.post(address(pending))

    assert refused.status_code == 409
    assert buttons(refused)[0] == "Disable"
    seen = re.search(r'name="seen" value="(\w+)"', refused.content.decode())
    assert seen
    assert client.post(address(pending), {"seen": seen[1]}).status_code == 302
    decision = SettingDecision.objects.get()
    assert (decision.value, decision.is_locked) == (False, True)


def test_a_lock_that_came_in_between_leaves_nothing_to_press(cast: Cast, client_of: ClientOf) -> None:
    pending = proposed(switch(cast.sales, False, level=Level.GROUP), cast.gus)
    decide("enabled", True, at=cast.kestrel, by=cast.dana, is_locked=True)
    client = client_of(cast.gus)

    for answer in (client.get(address(pending)), client.post(address(pending), {"reason": "Typed with care"})):
        assert re.search(f"“{LABEL}” is locked at Account by Dana, today, .* Nothing has been changed", text_of(answer))
        assert buttons(answer) == ["Cancel"]
    assert answer.status_code == 409
    assert "Typed with care" in text_of(answer)
    assert SettingDecision.objects.get().account == cast.kestrel


def test_a_group_that_was_deleted_meanwhile(cast: Cast, client_of: ClientOf) -> None:
    pending = proposed(switch(cast.sales, False, level=Level.GROUP), cast.dana, back=f"/groups/{cast.sales.pk}/")
    groups.delete(cast.sales, actor=cast.dana, now=timezone.now())
    client = client_of(cast.dana)

    for answer in (client.get(address(pending)), client.post(address(pending))):
        assert answer.status_code == 410
        assert "Nothing was changed by this review." in text_of(answer)
        assert f"/groups/{cast.sales.pk}/" not in answer.content.decode()


def test_somebody_who_may_no_longer_be_added_is_refused_on_the_sheet(
    cast: Cast, operations: Group, client_of: ClientOf
) -> None:
    decide("enabled", False, at=operations, by=cast.dana)
    pending = proposed(Join(operations.pk, (cast.bob.pk,)), cast.dana)
    User.objects.filter(pk=cast.bob.pk).update(is_active=False)

    answer = client_of(cast.dana).post(address(pending), {"reason": "Typed with care"})

    assert answer.status_code == 409
    assert "This person is deactivated." in text_of(answer)
    assert "Typed with care" in text_of(answer)
    assert not operations.memberships.exists()


# ── Undo ────────────────────────────────────────────────────────────────────
def undo(client: Client, entry: AuditEntry, **sent: str) -> Any:
    return client.post(reverse("change_undo", args=[entry.pk]), sent)


def test_undo_is_for_those_who_may_change_the_place(cast: Cast, client_of: ClientOf) -> None:
    entry = decide("grace", 3, at=cast.kestrel, by=cast.dana)

    assert undo(Client(), entry).headers["Location"].startswith(reverse("account_login"))
    assert undo(client_of(cast.mallory), entry).status_code == 404
    assert undo(client_of(cast.gus), entry).status_code == 403
    assert SettingDecision.objects.get().value == 3


def test_an_entry_that_is_no_change_of_a_setting_has_no_undo(cast: Cast, client_of: ClientOf) -> None:
    groups.rename(cast.sales, name="Selling", actor=cast.dana, now=timezone.now())

    assert undo(client_of(cast.dana), AuditEntry.objects.get()).status_code == 404
    assert client_of(cast.dana).post(reverse("change_undo", args=[10**18])).status_code == 404


def test_a_harmless_change_is_undone_at_once_and_leads_to_its_row(cast: Cast, client_of: ClientOf) -> None:
    decide("grace", 3, at=cast.kestrel, by=cast.dana)
    entry = decide("grace", 5, at=cast.kestrel, by=cast.dana)
    client = client_of(cast.dana)

    answer = undo(client, entry)
    told = text_of(client.get(answer.headers["Location"]))

    assert answer.headers["Location"] == "/account/settings/mail-calendar/#setting-grace"
    assert "“Forget blocked connections after” is back to After 3 days." in told
    assert "Undo" in told
    assert SettingDecision.objects.get().value == 3


def test_undoing_what_can_disconnect_people_opens_the_sheet(cast: Cast, client_of: ClientOf) -> None:
    connect([cast.alice])
    decide("enabled", False, at=cast.kestrel, by=cast.dana)
    entry = decide("enabled", True, at=cast.kestrel, by=cast.dana)
    client = client_of(cast.dana)

    sheet = client.get(undo(client, entry).headers["Location"])

    assert buttons(sheet)[0] == "Disable and block 1 connection"
    assert SettingDecision.objects.get().value is True


def test_what_is_no_longer_the_last_change_says_what_came_after(cast: Cast, client_of: ClientOf) -> None:
    User.objects.filter(pk=cast.bob.pk).update(role=Role.ADMIN)
    entry = decide("grace", 3, at=cast.kestrel, by=cast.dana)
    decide("grace", 5, at=cast.kestrel, by=cast.bob)
    client = client_of(cast.dana)

    told = text_of(client.get(undo(client, entry).headers["Location"]))

    assert re.search(r"Bob made it After 5 days, today, \d\d:\d\d ?\. Nothing was undone\.", told)
    assert SettingDecision.objects.get().value == 5


def test_undoing_under_a_lock_says_who_locked(cast: Cast, client_of: ClientOf) -> None:
    entry = decide("enabled", False, at=cast.sales, by=cast.gus)
    decide("enabled", True, at=cast.kestrel, by=cast.dana, is_locked=True)
    client = client_of(cast.gus)

    told = text_of(client.get(undo(client, entry).headers["Location"]))

    assert f"“{LABEL}” is locked at Account by Dana" in told


def test_undo_leads_to_no_other_site(cast: Cast, client_of: ClientOf) -> None:
    client = client_of(cast.dana)
    first = decide("grace", 3, at=cast.kestrel, by=cast.dana)

    away = undo(client, first, back="https://evil.example/")
    second = AuditEntry.objects.latest("pk")
    home = undo(client, second, back="/account/audit/?page=2")

    assert away.headers["Location"] == "/account/settings/mail-calendar/#setting-grace"
    assert home.headers["Location"] == "/account/audit/?page=2"
