"""Account Management > Audit log: who may look, what is found, how far one can page, and the file of it."""

from __future__ import annotations

import csv
import io
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from accounts import audit, groups, people
from accounts.audit import Change, Subject, reading
from accounts.models import AuditEntry, User
from tests.cast import FOUNDED, Cast, ClientOf, joined

pytestmark = pytest.mark.django_db

NOW = FOUNDED + timedelta(days=30)
NAMES = ("audit", "audit_download")


def _did(cast: Cast, action: str, *, actor: User | None = None, at: datetime = NOW, **more: Any) -> AuditEntry:
    on = more.pop("on", cast.bob)
    return audit.record(action, account=cast.kestrel, actor=actor or cast.dana, on=on, now=at, **more)


def _many(cast: Cast, number: int) -> None:
    subject = Subject(cast.bob, before={"role": "member"}, after={"role": "admin"})
    audit.record_many(people.ROLE_CHANGED, [subject] * number, account=cast.kestrel, actor=cast.dana, now=NOW)


def _found(browser: Client, **query: str | int) -> list[str]:
    page = browser.get(reverse("audit"), query).context["page"]
    return [entry.action for entry in page.entries]


def _rows(response: Any) -> list[dict[str, str]]:
    text: str = response.getvalue().decode("utf-8-sig")
    return list(csv.DictReader(io.StringIO(text)))


# ── Who may look ────────────────────────────────────────────────────────────
@pytest.mark.parametrize("name", NAMES)
def test_a_visitor_is_asked_to_sign_in(name: str, cast: Cast) -> None:
    response = Client().get(reverse(name))

    assert response.status_code == 302
    assert response.headers["Location"].startswith(reverse("account_login"))


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("who", ["bob", "gus"])
def test_members_and_group_admins_may_not(who: str, name: str, cast: Cast, client_of: ClientOf) -> None:
    response = client_of(getattr(cast, who)).get(reverse(name))

    assert response.status_code == 403
    assert not AuditEntry.objects.exists()


def test_nothing_of_another_account_is_shown_or_found(cast: Cast, client_of: ClientOf) -> None:
    theirs = audit.record(people.JOINED, account=cast.corvid, actor=cast.mallory, on=cast.mallory, now=NOW)
    dana = client_of(cast.dana)

    assert _found(dana) == []
    for query in ({"person": cast.mallory.pk}, {"q": "mallory"}, {"older": theirs.pk + 1}, {"newer": theirs.pk}):
        response = dana.get(reverse("audit"), query)
        assert response.context["page"].entries == ()
        assert "Mallory" not in response.content.decode()
    assert _rows(dana.get(reverse("audit_download"))) == []


# ── What it shows ───────────────────────────────────────────────────────────
def test_it_tells_newest_first_in_words(cast: Cast, client_of: ClientOf) -> None:
    people.change_role(cast.alice, role="admin", actor=cast.dana, now=NOW)
    groups.add_members(cast.sales, [cast.bob.pk], actor=cast.gus, now=NOW + timedelta(hours=1))

    lines = client_of(cast.dana).get(reverse("audit")).context["lines"]

    assert [line.sentence for line in lines] == ["Gus added Bob to Sales.", "Dana changed the role of Alice."]
    assert [line.changes for line in lines] == [(Change("Person", None, "Bob"),), (Change("Role", "Member", "Admin"),)]


def test_it_shows_reason_level_and_how_many_people_are_affected(cast: Cast, client_of: ClientOf) -> None:
    _did(cast, groups.lifetime.RENAMED, on=cast.sales, reason="The <old> name was wrong.", affected=1284)

    text = client_of(cast.dana).get(reverse("audit")).content.decode()

    assert "Reason: The &lt;old&gt; name was wrong." in text
    assert '<span class="num">1,284</span>' in text
    assert '<td data-label="Level"><span>Group</span></td>' in text


def test_that_nobody_is_affected_is_said_too(cast: Cast, client_of: ClientOf) -> None:
    _did(cast, people.ROLE_CHANGED, affected=0)
    _did(cast, people.ROLE_CHANGED, affected=None)

    lines = client_of(cast.dana).get(reverse("audit")).context["lines"]

    assert [line.affected for line in lines] == ["", "0"]


def test_peoples_own_changes_are_in_it(cast: Cast, client_of: ClientOf) -> None:
    people.rename(cast.bob, name="Robert", time_zone="UTC", actor=cast.bob, now=NOW)

    lines = client_of(cast.dana).get(reverse("audit")).context["lines"]

    assert [line.changes for line in lines] == [(Change("Name", "Bob", "Robert"),)]


def test_an_empty_log_says_so(cast: Cast, client_of: ClientOf) -> None:
    text = client_of(cast.dana).get(reverse("audit")).content.decode()

    assert "Nothing has been changed yet" in text
    assert "0 entries" in text


# ── Filters ─────────────────────────────────────────────────────────────────
@pytest.fixture
def history(cast: Cast) -> Cast:
    """Three entries: Dana about Alice, Gus about Sales and Bob, Dana about the account; a day between them."""
    _did(cast, people.ROLE_CHANGED, on=cast.alice)
    groups.add_members(cast.sales, [cast.bob.pk], actor=cast.gus, now=NOW + timedelta(days=1))
    key = {"setting": "integrations.enabled"}
    _did(cast, "setting.locked", on=cast.kestrel, at=NOW + timedelta(days=2), before=key, after=key | {"locked": True})
    return cast


ROLE, ADDED, LOCKED = "person.role_changed", "group.member_added", "setting.locked"


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ({}, [LOCKED, ADDED, ROLE]),
        ({"q": "gus"}, [ADDED]),
        ({"q": "dana"}, [LOCKED, ROLE]),
        ({"q": "alice"}, [ROLE]),
        ({"q": "bob"}, [ADDED]),  # about whom
        ({"q": "bob@kestrel"}, [ADDED]),
        ({"q": "sales"}, [ADDED]),
        ({"q": "dana alice"}, [ROLE]),
        ({"q": "dana bob"}, []),
        ({"q": "%"}, []),
        ({"action": ROLE}, [ROLE]),
        ({"level": "account"}, [LOCKED]),
        ({"level": "group"}, [ADDED]),
        ({"level": "user"}, [ROLE]),
        ({"setting": "integrations.enabled"}, [LOCKED]),
        ({"setting": "integrations.services"}, []),
        ({"since": "2026-10-02"}, [LOCKED, ADDED]),
        ({"until": "2026-10-02"}, [ADDED, ROLE]),
        ({"since": "2026-10-02", "until": "2026-10-02"}, [ADDED]),
        ({"q": "gus", "action": ROLE}, []),
    ],
)
def test_it_is_filtered(query: dict[str, str], found: list[str], history: Cast, client_of: ClientOf) -> None:
    dana = client_of(history.dana)

    response = dana.get(reverse("audit"), query)

    assert [entry.action for entry in response.context["page"].entries] == found
    assert response.context["chosen"].problems == []
    assert [row["Action"] for row in _rows(dana.get(reverse("audit_download"), query))] == found


@pytest.mark.parametrize(("who", "found"), [("dana", [LOCKED, ROLE]), ("alice", [ROLE]), ("bob", [ADDED])])
def test_it_is_filtered_by_one_person_exactly(who: str, found: list[str], history: Cast, client_of: ClientOf) -> None:
    person = getattr(history, who)
    joined(history.kestrel, name=person.name, email=f"other.{who}@kestrel.example")

    response = client_of(history.dana).get(reverse("audit"), {"person": person.pk})

    assert [entry.action for entry in response.context["page"].entries] == found
    assert f"By or about {person}: show everybody’s instead" in response.content.decode()


def test_somebody_is_found_by_the_name_of_then_and_of_now(history: Cast, client_of: ClientOf) -> None:
    User.objects.filter(pk=history.gus.pk).update(name="Gwendolyn")
    dana = client_of(history.dana)

    assert _found(dana, q="gus") == _found(dana, q="gwendolyn") == [ADDED]


@pytest.mark.parametrize(
    "query",
    [
        {"q": "\0"},
        {"q": "a" * 201},
        {"action": "no such action"},
        {"level": "planet"},
        {"setting": "no.such.setting"},
        {"since": "yesterday"},
        {"since": "2026-02-30"},
        {"since": "23.11.2026"},
        {"until": "0001-01-01"},
        {"until": "9999-12-31"},
        {"since": "2026-10-03", "until": "2026-10-02"},
        {"person": "bob"},
        {"person": "-1"},
        {"person": "9" * 30},
    ],
)
def test_nonsense_filters_nothing_and_is_said(query: dict[str, str], history: Cast, client_of: ClientOf) -> None:
    dana = client_of(history.dana)

    response = dana.get(reverse("audit"), query)

    assert [entry.action for entry in response.context["page"].entries] == [LOCKED, ADDED, ROLE]
    assert len(response.context["chosen"].problems) == 1
    assert "It filters nothing." in response.content.decode()
    assert len(_rows(dana.get(reverse("audit_download"), query))) == 3


def test_nonsense_beside_sense_leaves_the_sense(history: Cast, client_of: ClientOf) -> None:
    assert _found(client_of(history.dana), level="planet", q="gus") == [ADDED]


def test_what_was_chosen_stands_in_the_form_again(history: Cast, client_of: ClientOf) -> None:
    query = {"q": "gus", "action": ADDED, "level": "group", "since": "2026-10-01", "until": "2026-10-02"}

    text = client_of(history.dana).get(reverse("audit"), query).content.decode()

    for part in ('value="gus"', f'value="{ADDED}" selected', 'value="group" selected', 'value="2026-10-01"'):
        assert part in text


# A day in the reader's zone begins where its clock says so; the moment before is the day before.
@pytest.mark.parametrize(
    ("zone", "day", "begins", "ends"),
    [
        ("UTC", "2026-10-10", "2026-10-10T00:00", "2026-10-11T00:00"),
        ("Europe/Berlin", "2026-07-01", "2026-06-30T22:00", "2026-07-01T22:00"),
        ("Asia/Kathmandu", "2026-07-01", "2026-06-30T18:15", "2026-07-01T18:15"),
        ("Europe/Berlin", "2026-10-25", "2026-10-24T22:00", "2026-10-25T23:00"),  # 25 hours
        ("Europe/Berlin", "2026-03-29", "2026-03-28T23:00", "2026-03-29T22:00"),  # 23 hours
        ("Africa/Cairo", "2025-04-25", "2025-04-24T22:00", "2025-04-25T21:00"),  # there is no midnight
        ("Atlantic/Azores", "2025-10-26", "2025-10-26T00:00", "2025-10-27T01:00"),  # midnight comes twice
        ("Pacific/Kiritimati", "2026-07-01", "2026-06-30T10:00", "2026-07-01T10:00"),
    ],
)
def test_days_are_the_readers(zone: str, day: str, begins: str, ends: str, cast: Cast, client_of: ClientOf) -> None:
    User.objects.filter(pk=cast.dana.pk).update(time_zone=zone)
    moment, end = (datetime.fromisoformat(at).replace(tzinfo=UTC) for at in (begins, ends))
    within = [_did(cast, people.ROLE_CHANGED, at=at) for at in (moment, end - timedelta(microseconds=1))]
    for at in (moment - timedelta(microseconds=1), end):
        _did(cast, people.ROLE_CHANGED, at=at)

    page = client_of(cast.dana).get(reverse("audit"), {"since": day, "until": day}).context["page"]

    assert list(page.entries) == within[::-1]


# ── Paging ──────────────────────────────────────────────────────────────────
def test_paging_down_and_up_shows_each_entry_once(cast: Cast, client_of: ClientOf) -> None:
    _many(cast, 120)  # all at the same moment
    dana = client_of(cast.dana)
    wanted = list(AuditEntry.objects.order_by("-pk").values_list("pk", flat=True))

    down = [dana.get(reverse("audit")).context["page"]]
    while down[-1].older:
        down.append(dana.get(reverse("audit"), {"older": down[-1].older}).context["page"])
    up = [down[-1]]
    while up[-1].newer:
        up.append(dana.get(reverse("audit"), {"newer": up[-1].newer}).context["page"])

    assert [entry.pk for page in down for entry in page.entries] == wanted
    assert [len(page.entries) for page in down] == [50, 50, 20]
    assert [page.entries for page in up[1:]] == [down[1].entries, down[0].entries]
    assert {page.number for page in down} == {120}


def test_paging_keeps_the_filters(cast: Cast, client_of: ClientOf) -> None:
    _many(cast, 60)
    for _ in range(60):
        _did(cast, people.DEACTIVATED)
    dana = client_of(cast.dana)

    first = dana.get(reverse("audit"), {"action": ROLE})
    second = dana.get(reverse("audit"), {"action": ROLE, "older": first.context["page"].older})

    assert f"?action={ROLE}&amp;older=" in first.content.decode()
    assert {entry.action for entry in second.context["page"].entries} == {ROLE}
    assert (len(second.context["page"].entries), second.context["page"].older) == (10, None)


def test_what_is_written_meanwhile_moves_no_page(cast: Cast, client_of: ClientOf) -> None:
    _many(cast, 60)
    dana = client_of(cast.dana)
    older = dana.get(reverse("audit")).context["page"].older
    before = dana.get(reverse("audit"), {"older": older}).context["page"].entries

    _many(cast, 7)

    assert dana.get(reverse("audit"), {"older": older}).context["page"].entries == before


@pytest.mark.parametrize("key", ["", "²", "0", "-1", "9" * 18, "9" * 5000, "\0", "older"])
@pytest.mark.parametrize("way", ["older", "newer"])
def test_a_place_that_is_none_is_the_top(way: str, key: str, cast: Cast, client_of: ClientOf) -> None:
    _many(cast, 60)

    page = client_of(cast.dana).get(reverse("audit"), {way: key}).context["page"]

    assert page.entries[0] == AuditEntry.objects.latest("pk")
    assert (len(page.entries), page.newer) == (50, None)


def test_past_the_last_entry_there_is_a_way_back(cast: Cast, client_of: ClientOf) -> None:
    last = _did(cast, people.ROLE_CHANGED)

    response = client_of(cast.dana).get(reverse("audit"), {"older": last.pk})

    assert response.context["page"].entries == ()
    assert ">Newest</a>" in response.content.decode()


def test_beyond_ten_thousand_nobody_counts(cast: Cast, client_of: ClientOf) -> None:
    dana = client_of(cast.dana)
    _many(cast, 10_000)
    assert "10,000 entries" in dana.get(reverse("audit")).content.decode()

    _many(cast, 1)

    assert "More than 10,000 entries" in dana.get(reverse("audit")).content.decode()


@pytest.mark.parametrize("query", [{}, {"q": "dana", "level": "user", "since": "2026-01-01"}])
def test_a_page_asks_as_often_for_sixty_entries_as_for_three(
    query: dict[str, str], cast: Cast, client_of: ClientOf
) -> None:
    dana = client_of(cast.dana)
    _many(cast, 51)
    with CaptureQueriesContext(connection) as few:
        dana.get(reverse("audit"), query)

    _many(cast, 200)
    with CaptureQueriesContext(connection) as many:
        response = dana.get(reverse("audit"), query)

    assert len(many) == len(few) <= 6
    assert len(response.context["page"].entries) == 50


# ── The file ────────────────────────────────────────────────────────────────
def test_the_file_has_every_column(cast: Cast, client_of: ClientOf) -> None:
    User.objects.filter(pk=cast.dana.pk).update(time_zone="Europe/Berlin")
    key = {"setting": "integrations.enabled"}
    _did(
        cast,
        "setting.locked",
        on=cast.sales,
        before=key,
        after=key | {"value": True, "locked": True},
        reason="It is the rule.",
        affected=1284,
    )

    rows = _rows(client_of(cast.dana).get(reverse("audit_download")))

    label = "Integrate third-party mail and calendar services"
    assert rows == [
        {
            "Time in UTC": "2026-10-01T09:00:00+00:00",
            "Time in Europe/Berlin": "2026-10-01T11:00:00+02:00",
            "Who": "Dana",
            "Action": "setting.locked",
            "What was done": f"Dana locked “{label}” for Sales.",
            "Level": "group",
            "To what": "Sales",
            "Setting": label,
            "Before": f"{label}: inherited; Lock: Off",
            "After": f"{label}: On; Lock: On",
            "Reason": "It is the rule.",
            "People affected": "1284",
        }
    ]


def test_the_file_is_a_private_download(cast: Cast, client_of: ClientOf) -> None:
    response = client_of(cast.dana).get(reverse("audit_download"))

    assert response.headers["Content-Type"].startswith("text/csv")
    assert response.headers["Content-Disposition"].startswith('attachment; filename="audit log 2')
    assert response.headers["Cache-Control"] == "private, no-store"


def test_nothing_in_the_file_is_a_formula(cast: Cast, client_of: ClientOf) -> None:
    people.rename(cast.bob, name="=HYPERLINK(1)", time_zone="UTC", actor=cast.bob, now=NOW)
    _did(cast, people.ROLE_CHANGED, reason="@now", on=User.objects.get(pk=cast.bob.pk))

    rows = _rows(client_of(cast.dana).get(reverse("audit_download")))

    assert not [cell for row in rows for cell in row.values() if cell.startswith(("=", "+", "-", "@"))]
    assert "'=HYPERLINK(1)" in [row["To what"] for row in rows]


def test_the_file_holds_all_pages_and_asks_once_for_a_thousand(cast: Cast, client_of: ClientOf) -> None:
    _many(cast, 2 * reading.AT_ONCE + 1)

    response = client_of(cast.dana).get(reverse("audit_download"))
    with CaptureQueriesContext(connection) as captured:
        rows = _rows(response)

    assert len(rows) == 2 * reading.AT_ONCE + 1
    assert len(captured) == 4


def test_the_download_is_itself_in_the_log_and_not_in_the_file(history: Cast, client_of: ClientOf) -> None:
    query: dict[str, str | int] = {
        "q": "sal",
        "action": ADDED,
        "level": "group",
        "since": "2026-10-01",
        "until": "2026-10-09",
        "person": history.bob.pk,
    }

    rows = _rows(client_of(history.dana).get(reverse("audit_download"), query))

    entry = AuditEntry.objects.latest("pk")
    assert [row["Action"] for row in rows] == [ADDED]
    assert (entry.action, entry.actor, entry.about_id) == ("audit.exported", history.dana, history.bob.pk)
    assert audit.sentence(entry) == "Dana downloaded entries of the audit log."
    assert entry.after == {
        "search_words": "some",  # not the words: they may be a name
        "person": "Bob",
        "action": "Group: member added",
        "level": "group",
        "from": "2026-10-01",
        "to": "2026-10-09",
    }


def test_a_filter_by_setting_is_told_by_its_label(cast: Cast, client_of: ClientOf) -> None:
    client_of(cast.dana).get(reverse("audit_download"), {"setting": "integrations.enabled"})

    entry = AuditEntry.objects.get()
    assert entry.after == {"of_setting": "Integrate third-party mail and calendar services"}
    assert entry.setting_key == ""


def test_asking_what_the_file_is_like_downloads_nothing(cast: Cast, client_of: ClientOf) -> None:
    response = client_of(cast.dana).head(reverse("audit_download"))

    assert response.status_code == 405
    assert not AuditEntry.objects.exists()


def test_the_link_to_the_file_keeps_the_filters(history: Cast, client_of: ClientOf) -> None:
    text = client_of(history.dana).get(reverse("audit"), {"q": "gus", "older": "1"}).content.decode()

    assert f'href="{reverse("audit_download")}?q=gus"' in text
