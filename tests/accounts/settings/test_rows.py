"""What a row says and offers, at each level and in each state."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from django.urls import reverse

from accounts.models import Account, Group, Membership, User
from tests.accounts.settings.quiet import Digest, Signature
from tests.accounts.settings.reading import chain, decide, page_of, row, rows, said, text_of
from tests.cast import FOUNDED, Cast, ClientOf, crowd

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("quiet")]

ACCOUNT = "/account/settings/quiet/"
OWN = "/settings/quiet/"
MOMENT = datetime(2026, 9, 3, 9, 30, tzinfo=UTC)


def group_page(group: Group) -> str:
    return reverse("group_settings_page", args=[group.pk, "quiet"])


def person_page(person: User) -> str:
    return reverse("person_settings_page", args=[person.pk, "quiet"])


def team(account: Account, name: str, rank: int, *members: User) -> Group:
    group = Group.objects.create(account=account, name=name, rank=rank, created_at=FOUNDED)
    Membership.objects.bulk_create(Membership(group=group, user=member) for member in members)
    return group


# ── The page around the rows ────────────────────────────────────────────────
@pytest.mark.parametrize("count", [1, 1284])
def test_the_account_says_for_how_many_people_it_decides(
    count: int, kestrel: Account, dana: User, client_of: ClientOf
) -> None:
    crowd(kestrel, count - 1)

    shown = text_of(client_of(dana).get(ACCOUNT))

    whom = "the one person of Kestrel & Co" if count == 1 else "all 1,284 people of Kestrel & Co"
    assert f"These hold for {whom}, unless a group or a person has decided otherwise." in shown


def test_the_front_leads_to_the_first_page(cast: Cast, client_of: ClientOf) -> None:
    client = client_of(cast.dana)

    for front in ("/account/settings/", "/settings/", f"/groups/{cast.sales.pk}/settings/"):
        assert client.get(front).headers["Location"] == f"{front}mail-calendar/"


def test_the_page_of_a_person_names_the_person(cast: Cast, client_of: ClientOf) -> None:
    shown = text_of(client_of(cast.dana).get(person_page(cast.wilhelmina)))

    name = "Wilhelmina-Anastasia von Hohenlohe-Langenburg"
    assert f"What you change here, you decide for {name}; the audit log tells that it was you." in shown


def test_a_section_in_which_nothing_can_be_decided_is_not_shown(cast: Cast, client_of: ClientOf) -> None:
    own, account = client_of(cast.alice).get(OWN), client_of(cast.dana).get(ACCOUNT)

    assert rows(own) == ["reminders", "digest", "snooze", "signature"]
    assert rows(account) == ["reminders", "digest", "snooze", "signature", "bells"]


def test_everybody_finds_his_settings_in_the_navigation(alice: User, client_of: ClientOf) -> None:
    page = page_of(client_of(alice).get(OWN))

    assert '<a href="/settings/" aria-current="true">' in page


# ── Where a value comes from ────────────────────────────────────────────────
def test_nobody_has_decided(cast: Cast, client_of: ClientOf) -> None:
    shown = client_of(cast.gus).get(group_page(cast.sales))

    assert "Inherited On, Meridian’s default. The account has not decided." in said(row(shown, "reminders"))
    assert chain(shown, "reminders") == [
        "* Meridian On · the default",
        "  Account No decision",
        "  Sales (P1) No decision",
    ]


def test_it_is_overridden(cast: Cast, client_of: ClientOf) -> None:
    decide("quiet.reminders", True, cast.kestrel, cast.dana)
    decide("quiet.reminders", False, cast.sales, cast.gus)

    shown = client_of(cast.gus).get(group_page(cast.sales))

    assert "Overridden Off, set for Sales by Gus, today" in said(row(shown, "reminders"))
    assert chain(shown, "reminders")[1:] == ["- Account On · shadowed", "* Sales (P1) Off"]


def test_it_is_overridden_with_the_same_value(cast: Cast, client_of: ClientOf) -> None:
    decide("quiet.reminders", True, cast.kestrel, cast.dana)
    decide("quiet.reminders", True, cast.sales, cast.gus)

    shown = said(row(client_of(cast.gus).get(group_page(cast.sales)), "reminders"))

    assert "Overridden, same value On" in shown
    assert "Equal to Account today; stays when Account changes." in shown
    assert "Inherit changes nothing today." in shown


def test_it_is_locked_here(cast: Cast, client_of: ClientOf) -> None:
    decide("quiet.reminders", False, cast.sales, cast.gus, lock=True)
    decide("quiet.digest", Digest.NEVER, cast.alice, cast.alice)

    shown = client_of(cast.gus).get(group_page(cast.sales))

    assert "Locked here Off for everyone; locked here by Gus" in said(row(shown, "reminders"))
    assert "Unlock “Remind people of what they forgot”" in said(row(shown, "reminders"))
    assert "Inherit would turn it on, and lifts the lock." in said(row(shown, "reminders"))


def test_it_is_locked_above_and_says_who_when_and_what_sleeps(cast: Cast, client_of: ClientOf) -> None:
    decide("quiet.reminders", False, cast.sales, cast.gus)
    decide("quiet.reminders", False, cast.alice, cast.alice)
    decide("quiet.reminders", True, cast.kestrel, cast.dana, lock=True, when=MOMENT)

    shown = client_of(cast.dana).get(group_page(cast.sales))

    words = said(row(shown, "reminders"))
    assert "Locked by Account On, locked at Account by Dana, 3 September, 09:30." in words
    assert "Sales had chosen Off; that sleeps under the lock and returns when it is lifted." in words
    assert chain(shown, "reminders") == [
        "  Meridian On · the default",
        "* Account On · locked",
        "- Sales (P1) Off · sleeping under the lock",
        "- Below 1 person’s own choice · sleeping under the lock",
    ]


def test_the_place_that_locked_is_a_link_for_those_who_may_open_it(cast: Cast, client_of: ClientOf) -> None:
    decide("quiet.reminders", True, cast.kestrel, cast.dana, lock=True)
    link = f'<a href="{ACCOUNT}#setting-reminders">Account</a>'

    assert link in row(client_of(cast.dana).get(group_page(cast.sales)), "reminders")
    assert link not in row(client_of(cast.gus).get(group_page(cast.sales)), "reminders")


def test_the_chain_of_a_person_runs_through_his_groups_by_rank(cast: Cast, client_of: ClientOf) -> None:
    team(cast.kestrel, "Engineering", 10, cast.alice)
    support = team(cast.kestrel, "Support", 5000, cast.alice)
    decide("quiet.digest", Digest.NEVER, support, cast.dana)
    decide("quiet.digest", Digest.WEEKLY, cast.sales, cast.gus)
    decide("quiet.digest", Digest.DAILY, cast.alice, cast.alice)

    assert chain(client_of(cast.alice).get(OWN), "digest") == [
        "  Meridian Every day · the default",
        "  Account No decision",
        "  Engineering (P1) No decision",
        "- Sales (P2) Every week · shadowed",
        "- Support (P3) Never · shadowed",
        "* Alice Every day",
    ]


def test_of_many_groups_that_decided_nothing_only_the_number_is_said(cast: Cast, client_of: ClientOf) -> None:
    for number in range(7):
        team(cast.kestrel, f"Team {number}", number, cast.alice)
    decide("quiet.digest", Digest.WEEKLY, cast.sales, cast.gus)

    assert chain(client_of(cast.alice).get(OWN), "digest")[1:] == [
        "  Account No decision",
        "  7 groups No decision",
        "* Sales (P8) Every week",
        "  Alice No decision",
    ]


def test_a_member_sees_the_lock_of_a_group_greyed_and_explained(cast: Cast, client_of: ClientOf) -> None:
    decide("quiet.reminders", False, cast.sales, cast.gus, lock=True)

    shown = row(client_of(cast.alice).get(OWN), "reminders")

    assert "Locked by Sales Off, locked at Sales by Gus" in said(shown)
    switch = shown[shown.index('<button role="switch"') :]
    assert 'aria-disabled="true"' in switch
    assert 'type="button"' in switch
    assert 'aria-describedby="reminders-why"' in switch
    assert "<form" not in shown


# ── What may be done ────────────────────────────────────────────────────────
def test_an_inherited_row_can_be_overridden(cast: Cast, client_of: ClientOf) -> None:
    shown = said(row(client_of(cast.gus).get(group_page(cast.sales)), "reminders"))

    assert (
        "Override “Remind people of what they forgot” Keeps it on for Sales, whatever Account decides later." in shown
    )


@pytest.mark.parametrize(
    ("key", "value", "note"),
    [
        ("quiet.reminders", False, "Inherit would turn it on."),
        ("quiet.digest", Digest.NEVER, "Inherit would make it “Every day”."),
        ("quiet.snooze", 9, "Inherit would make it “5 minutes”."),
        ("quiet.signature", Signature(words=("Yours",)), "Inherit would change “Closing words” from Yours to None."),
        ("quiet.signature", Signature(False, ("Yours",)), "Inherit would change 2 points."),
    ],
)
def test_inherit_says_what_it_would_change(key: str, value: object, note: str, cast: Cast, client_of: ClientOf) -> None:
    decide(key, value, cast.sales, cast.gus)

    assert note in said(row(client_of(cast.gus).get(group_page(cast.sales)), key.partition(".")[2]))


def test_the_account_can_go_back_to_the_default_where_it_differs(cast: Cast, client_of: ClientOf) -> None:
    decide("quiet.reminders", False, cast.kestrel, cast.dana)
    decide("quiet.snooze", 5, cast.kestrel, cast.dana)

    page = client_of(cast.dana).get(ACCOUNT)

    assert "Use the default “Remind people of what they forgot” Meridian’s default would turn it on." in said(
        row(page, "reminders")
    )
    assert "Use the default" not in said(row(page, "snooze"))


def test_a_lock_is_offered_only_where_somebody_is_below(cast: Cast, client_of: ClientOf) -> None:
    account = client_of(cast.dana).get(ACCOUNT)
    group = client_of(cast.gus).get(group_page(cast.sales))
    own = client_of(cast.alice).get(OWN)

    assert "Lock “Remind people of what they forgot” for everyone below" in said(row(account, "reminders"))
    assert "Lock “Remind people of what they forgot” for everyone below" in said(row(group, "reminders"))
    assert 'value="lock"' not in row(own, "reminders")
    assert 'value="lock"' not in row(account, "bells")  # decided by the account alone
    assert 'value="lock"' not in row(group, "signature")  # not decided by people


def test_a_composite_is_a_form_for_the_account_and_facts_for_a_group(cast: Cast, client_of: ClientOf) -> None:
    decide("quiet.signature", Signature(words=("Yours", "Truly")), cast.sales, cast.gus)

    account = row(client_of(cast.dana).get(ACCOUNT), "signature")
    group = row(client_of(cast.gus).get(group_page(cast.sales)), "signature")

    assert '<textarea name="words"' in account
    assert "<textarea" not in group
    assert "With the logo Yes Closing words Yours Truly · Meridian’s default: None" in said(group)
    assert "Change “Signature below each letter”" in said(group)


def test_change_opens_the_form(cast: Cast, client_of: ClientOf) -> None:
    page = client_of(cast.gus).get(f"{group_page(cast.sales)}?change=quiet.signature")

    assert '<textarea name="words"' in row(page, "signature")
    assert 'type="number"' not in row(page, "snooze")


def test_change_opens_nothing_under_a_lock(cast: Cast, client_of: ClientOf) -> None:
    decide("quiet.signature", Signature(words=("Yours",)), cast.kestrel, cast.dana, lock=True)

    shown = row(client_of(cast.gus).get(f"{group_page(cast.sales)}?change=quiet.signature"), "signature")

    assert "<form" not in shown
    assert "Closing words Yours" in said(shown)


def test_choices_that_do_not_work_yet_are_not_offered(cast: Cast, client_of: ClientOf) -> None:
    shown = said(row(client_of(cast.dana).get(ACCOUNT), "digest"))

    assert "Every week" in shown
    assert "Every hour" not in shown
