"""Finding a row: search, filters, deep links; and what was changed lately."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from django.urls import reverse
from django.utils import timezone

from accounts.models import Group
from tests.accounts.settings.quiet import Digest
from tests.accounts.settings.reading import decide, page_of, rows, said, text_of
from tests.cast import Cast, ClientOf

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("quiet")]

ACCOUNT = "/account/settings/quiet/"
OWN = "/settings/quiet/"


def group_page(group: Group, page: str = "quiet") -> str:
    return reverse("group_settings_page", args=[group.pk, page])


def filters(markup: str) -> dict[str, int]:
    """The chips with their counts."""
    found = re.search(r'<nav class="filters".*?</nav>', markup, re.DOTALL)
    assert found
    chips = re.findall(r"<a [^>]*>(.*?) <span class=\"num\">(\d+)</span></a>", found[0])
    return {label: int(count) for label, count in chips}


# ── Search ──────────────────────────────────────────────────────────────────
@pytest.mark.parametrize(
    ("q", "found"),
    [
        ("bell", ["reminders", "snooze", "bells"]),
        ("BELL house", ["bells"]),
        ("closing words", ["signature"]),  # the label of a part
        ("breakfast", []),  # the help of an option
        ("every week", ["digest"]),  # an option
        ("every hour", []),  # one that is not offered
        ("peace", ["reminders", "digest", "snooze", "signature", "bells"]),  # the section
        ("services people", ["enabled", "services"]),  # of another page
    ],
)
def test_it_finds_rows_by_all_their_words_on_every_page(
    q: str, found: list[str], cast: Cast, client_of: ClientOf
) -> None:
    assert rows(client_of(cast.dana).get(ACCOUNT, {"q": q})) == found


def test_a_section_of_another_page_is_named_with_its_page(cast: Cast, client_of: ClientOf) -> None:
    client = client_of(cast.dana)

    assert "Mail & Calendar › Integrations" in text_of(client.get(ACCOUNT, {"q": "integrat"}))
    assert "Quiet things › Peace" not in text_of(client.get(ACCOUNT, {"q": "bell"}))


@pytest.mark.parametrize("q", ["zebra", "x" * 5000, "%00", "<script>", "\0"])
def test_where_nothing_matches_there_is_a_way_back(q: str, cast: Cast, client_of: ClientOf) -> None:
    answer = client_of(cast.alice).get(OWN, {"q": q})

    assert answer.status_code == 200
    if q != "\0":
        assert rows(answer) == []
        assert "No setting matches" in text_of(answer)
        assert '<a class="btn primary" href="?">Show all</a>' in page_of(answer)


def test_the_search_field_keeps_what_was_typed(cast: Cast, client_of: ClientOf) -> None:
    page = page_of(client_of(cast.alice).get(OWN, {"q": '"bell"'}))

    assert 'value="&quot;bell&quot;"' in page
    assert 'data-shortcut="/"' in page


# ── Filters ─────────────────────────────────────────────────────────────────
def test_the_filters_of_an_account_count_and_choose(cast: Cast, client_of: ClientOf) -> None:
    long_ago = timezone.now() - timedelta(days=8)
    decide("quiet.reminders", False, cast.kestrel, cast.dana, when=long_ago)
    decide("quiet.digest", Digest.DAILY, cast.kestrel, cast.dana, lock=True)
    decide("quiet.snooze", 9, cast.alice, cast.alice)
    client = client_of(cast.dana)

    assert filters(page_of(client.get(ACCOUNT))) == {
        "All": 5,
        "Overridden below": 1,
        "Locked": 1,
        "Differs from default": 1,
        "Changed in 7 days": 1,
    }
    assert rows(client.get(ACCOUNT, {"show": "overridden"})) == ["snooze"]
    assert rows(client.get(ACCOUNT, {"show": "locked"})) == ["digest"]
    assert rows(client.get(ACCOUNT, {"show": "differs"})) == ["reminders"]
    assert rows(client.get(ACCOUNT, {"show": "recent"})) == ["digest"]


def test_the_filters_of_a_group_count_and_choose(cast: Cast, client_of: ClientOf) -> None:
    decide("quiet.digest", Digest.NEVER, cast.kestrel, cast.dana, lock=True)
    decide("quiet.reminders", True, cast.sales, cast.gus)
    decide("quiet.snooze", 9, cast.sales, cast.gus, lock=True)
    client = client_of(cast.gus)

    page = group_page(cast.sales)

    assert filters(page_of(client.get(page))) == {
        "All": 4,
        "Overridden": 2,
        "Locked": 2,
        "Differs from account": 1,
        "Changed in 7 days": 2,
    }
    assert rows(client.get(page, {"show": "overridden"})) == ["reminders", "snooze"]
    assert rows(client.get(page, {"show": "locked"})) == ["digest", "snooze"]
    assert rows(client.get(page, {"show": "differs"})) == ["snooze"]


def test_what_was_taken_back_was_changed_lately_too(cast: Cast, client_of: ClientOf) -> None:
    client = client_of(cast.alice)
    client.post(f"{OWN}quiet.reminders/", {"value": "off"})
    client.post(f"{OWN}quiet.reminders/", {"act": "inherit"})

    assert rows(client.get(OWN, {"show": "recent"})) == ["reminders"]


def test_the_changes_of_others_are_not_changes_here(cast: Cast, client_of: ClientOf) -> None:
    decide("quiet.reminders", False, cast.bob, cast.bob)
    decide("quiet.reminders", False, cast.sales, cast.gus)

    page = client_of(cast.alice).get(OWN)

    assert filters(page_of(page))["Changed in 7 days"] == 0
    assert "Recent changes" not in text_of(page)


def test_search_and_filter_hold_together(cast: Cast, client_of: ClientOf) -> None:
    decide("quiet.reminders", False, cast.alice, cast.alice)
    decide("quiet.digest", Digest.NEVER, cast.alice, cast.alice)
    client = client_of(cast.alice)

    page = client.get(OWN, {"q": "bell", "show": "overridden"})

    assert rows(page) == ["reminders"]
    assert filters(page_of(page))["Overridden"] == 1
    assert 'href="?q=bell&amp;show=locked"' in page_of(page)


def test_an_unknown_filter_hides_nothing(cast: Cast, client_of: ClientOf) -> None:
    assert rows(client_of(cast.alice).get(OWN, {"show": "nonsense"})) == ["reminders", "digest", "snooze", "signature"]


def test_a_filter_that_fits_nothing_says_so(cast: Cast, client_of: ClientOf) -> None:
    shown = text_of(client_of(cast.alice).get(OWN, {"show": "locked"}))

    assert "No setting is like that here" in shown
    assert "Show all" in shown


# ── Deep links ──────────────────────────────────────────────────────────────
@pytest.mark.parametrize("front", ["/account/settings/", ACCOUNT, "/account/settings/mail-calendar/"])
def test_a_deep_link_leads_to_the_row_on_its_own_page(front: str, cast: Cast, client_of: ClientOf) -> None:
    answer = client_of(cast.dana).get(front, {"setting": "quiet.digest", "q": "bell", "show": "locked"})

    assert answer.headers["Location"] == f"{ACCOUNT}#setting-digest"


@pytest.mark.parametrize("key", ["quiet.ghosts", "quiet.bells", "nothing"])
def test_a_deep_link_to_what_is_not_there_leads_nowhere(key: str, cast: Cast, client_of: ClientOf) -> None:
    assert client_of(cast.alice).get(OWN, {"setting": key}).status_code == 404


# ── Recent changes ──────────────────────────────────────────────────────────
def changes(markup: str) -> list[str]:
    found = re.search(r'<section id="recent".*?</section>', markup, re.DOTALL)
    return [said(line) for line in re.findall(r"<tr>(.*?)</tr>", found[0], re.DOTALL)[1:]] if found else []


def test_the_last_changes_are_told_and_the_last_of_each_setting_can_be_undone(cast: Cast, client_of: ClientOf) -> None:
    now = timezone.now()
    for days, snooze in enumerate([9, 10, 11, 12]):
        decide("quiet.snooze", snooze, cast.sales, cast.gus, when=now - timedelta(days=20 - days))
    decide("quiet.digest", Digest.NEVER, cast.sales, cast.dana, lock=True, when=now - timedelta(days=1))
    decide("quiet.reminders", False, cast.sales, cast.gus, when=now)

    lines = changes(page_of(client_of(cast.gus).get(group_page(cast.sales))))

    assert len(lines) == 5
    assert re.fullmatch(
        r"Remind people of what they forgot inherited → Off Gus, today, \S+ Undo Remind people of what they forgot",
        lines[0],
    )
    assert lines[1].startswith("Send a summary of the day inherited → Never Lock: Off → On Dana, yesterday, ")
    assert lines[1].endswith(" Undo Send a summary of the day")
    assert re.match(r"Minutes until the bell rings again 11 minutes → 12 minutes Gus, .* Undo", lines[2])
    assert "10 minutes → 11 minutes" in lines[3]
    assert "Undo" not in lines[3] + lines[4]


def test_under_a_lock_nothing_can_be_undone(cast: Cast, client_of: ClientOf) -> None:
    decide("quiet.reminders", False, cast.alice, cast.alice)
    decide("quiet.reminders", True, cast.kestrel, cast.dana, lock=True)

    lines = changes(page_of(client_of(cast.alice).get(OWN)))

    assert len(lines) == 1
    assert "Undo" not in lines[0]


def test_a_value_of_an_earlier_version_does_not_break_the_page(cast: Cast, client_of: ClientOf) -> None:
    entry = decide("quiet.reminders", False, cast.alice, cast.alice)
    type(entry)(
        account=cast.kestrel,
        at=timezone.now(),
        actor=cast.alice,
        actor_name="Alice",
        action=entry.action,
        target_kind=entry.target_kind,
        target_id=entry.target_id,
        target_name="Alice",
        before=entry.after,
        after={"setting": "quiet.reminders", "value": "sometimes", "locked": False},
        level="user",
        about_id=cast.alice.pk,
        setting_key="quiet.reminders",
    ).save()

    lines = changes(page_of(client_of(cast.alice).get(OWN)))

    assert "Off → a value of an earlier version" in lines[0]


def test_a_change_on_another_page_is_told_there(cast: Cast, client_of: ClientOf) -> None:
    decide("integrations.enabled", False, cast.sales, cast.gus)
    client = client_of(cast.gus)

    assert changes(page_of(client.get(group_page(cast.sales)))) == []
    assert len(changes(page_of(client.get(group_page(cast.sales, "mail-calendar"))))) == 1
