"""The page that asks, the admin's list of who was asked, the settings row, and asking once more."""

from __future__ import annotations

import csv
import html
import io
import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from accounts.models import Account, AuditEntry, Group, IdentityProvider, Membership, User
from integrations import prompt_listing, prompt_resets
from integrations.models import Answer, CalendarPrompt, State
from integrations.preferences import Api, Method, ServicePolicy, SsoPrompt
from tests.cast import FOUNDED, Cast, ClientOf, crowd
from tests.integrations.prompted import DONE, GOING_TO, PROMPT, asked, say, signs_in
from tests.integrations.tied import connect, set_to

pytestmark = pytest.mark.django_db

LIST, CSV, RESET = "/account/calendar-prompts/", "/account/calendar-prompts.csv", "/account/calendar-prompts/reset/"
UNDO = "/account/calendar-prompts/undo/"
PROFILE = "/profile/#calendar"


def text_of(response: Any) -> str:
    words = " ".join(html.unescape(re.sub(r"<[^>]+>", " ", response.content.decode())).split())
    return re.sub(r" ([.,:])", r"\1", words)


@pytest.fixture
def alices(kestrel: Account, dana: User, alice: User, client_of: ClientOf) -> Client:
    say(SsoPrompt.FIRST_TIME, at=kestrel, by=dana)
    client = client_of(alice)
    signs_in(client, alice, email="alice@entra.example")
    return client


def provider(account: Account, **more: Any) -> IdentityProvider:
    usual = {"key": "k", "name": "Entra", "protocol": "saml", "is_on": True, "issuer": "i", "email_claim": "email"}
    return IdentityProvider.objects.create(account=account, created_at=FOUNDED, changed_at=FOUNDED, **usual | more)


# ── The page ────────────────────────────────────────────────────────────────
def test_it_says_who_asks_what_is_read_and_written_and_that_it_can_be_left(alices: Client) -> None:
    page = text_of(alices.get(PROMPT))

    assert "Kestrel & Co asks you to connect your Office 365 calendar" in page
    assert "Decided for Account by Dana" in page
    assert "What Meridian may read and write" in page
    assert "Calendar Always Allow" in page
    assert "Contacts Always Allow" in page
    assert "for alice@entra.example" in page
    assert "You are asked this once." in page
    assert "Continue to Microsoft" in page
    assert "Go on without it" in page


def test_writing_is_offered_within_the_ceiling_and_else_it_says_who_decided(
    kestrel: Account, dana: User, alices: Client
) -> None:
    set_to("services", ServicePolicy(calendar_write=False), at=kestrel, by=dana)

    page = alices.get(PROMPT)

    assert 'name="calendar_write"' not in page.content.decode()
    assert 'name="contacts_write"' in page.content.decode()
    assert "Not allowed by your organization. Decided for Account by Dana" in text_of(page)


def test_by_ews_it_says_that_the_whole_mailbox_is_opened(kestrel: Account, dana: User, alices: Client) -> None:
    set_to("services", ServicePolicy(authorize_with=Api.EWS), at=kestrel, by=dana)

    page = text_of(alices.get(PROMPT))

    assert "mailbox" in page
    assert "Calendar Always" not in page


def test_a_lost_connection_is_asked_about_as_such(alices: Client, alice: User) -> None:
    connect([alice], State.NEEDS_REAUTH)

    assert "Reconnect your calendar?" in text_of(alices.get(PROMPT))


def test_going_on_without_it_leads_where_they_were_going_and_is_an_answer(alices: Client) -> None:
    answer = alices.post(PROMPT, {"do": "go-on"})

    assert answer.headers["Location"] == GOING_TO
    row = CalendarPrompt.objects.get()
    assert (row.answer, row.answered_at is not None) == (Answer.DECLINED, True)
    assert "and went on without it. You can connect here any time." in text_of(alices.get("/profile/"))


@pytest.mark.parametrize(
    ("state", "is_said"), [("", True), ("needs_reauth", True), ("connected", False), ("paused", False)]
)
def test_the_profile_says_how_to_connect_by_hand_while_nothing_works(
    state: str, is_said: bool, alices: Client, alice: User
) -> None:
    CalendarPrompt.objects.update(answer=Answer.FAILED, answered_at=timezone.now(), reason="no_mailbox")
    if state:
        connect([alice], state)

    words = "and it did not work then. You can connect here any time."
    assert (words in text_of(alices.get("/profile/"))) == is_said


def test_who_may_not_connect_is_not_told_that_they_can(kestrel: Account, dana: User, alices: Client) -> None:
    alices.post(PROMPT, {"do": "go-on"})
    set_to("enabled", False, at=kestrel, by=dana)

    assert "You can connect here any time." not in text_of(alices.get("/profile/"))


@pytest.mark.parametrize("path", [PROMPT, DONE])
def test_without_an_open_prompt_there_is_nothing_to_see(
    path: str, alice: User, bob: User, alices: Client, client_of: ClientOf
) -> None:
    assert client_of(alice).get(path).headers["Location"] == PROFILE  # another session of hers
    assert client_of(bob).get(path).headers["Location"] == PROFILE

    alices.post(PROMPT, {"do": "go-on"})

    assert alices.get(path).headers["Location"] == PROFILE
    assert alices.post(PROMPT, {"do": "agree"}).headers["Location"] == PROFILE


def test_what_came_of_it_is_not_shown_before_they_went(alices: Client) -> None:
    assert alices.get(DONE).headers["Location"] == PROMPT


@pytest.mark.parametrize("how", ["connected", "turned off"])
def test_what_is_over_meanwhile_is_not_asked(
    how: str, kestrel: Account, dana: User, alice: User, alices: Client
) -> None:
    if how == "connected":
        connect([alice])
    else:
        set_to("enabled", False, at=kestrel, by=dana)

    assert alices.get(PROMPT).headers["Location"] == GOING_TO


def test_a_form_from_elsewhere_does_nothing(alices: Client, alice: User) -> None:
    client = Client(enforce_csrf_checks=True)
    client.force_login(alice)

    assert client.post(PROMPT, {"do": "agree"}).status_code == 403


def test_the_page_costs_the_same_for_many_prompts(
    alices: Client, alice: User, django_assert_max_num_queries: Callable[..., Any]
) -> None:
    for _ in range(20):
        asked(alice)

    with django_assert_max_num_queries(14):
        alices.get(PROMPT)


# ── The admin's list ────────────────────────────────────────────────────────
def answers(cast: Cast) -> None:
    at = timezone.now() - timedelta(days=1)
    asked(cast.alice, Answer.FAILED, at=at - timedelta(days=1), reason="guest")
    asked(cast.alice, Answer.CONNECTED, at=at)
    asked(cast.bob, Answer.DECLINED, at=at)
    asked(cast.gus, Answer.FAILED, at=at, reason="no_mailbox")
    asked(cast.wilhelmina, Answer.NONE, at=at)
    asked(cast.mallory, Answer.CONNECTED, at=at)


def test_the_last_time_of_each_is_counted_and_listed(cast: Cast, client_of: ClientOf) -> None:
    answers(cast)

    page = text_of(client_of(cast.dana).get(LIST))

    assert prompt_listing.counts(cast.kestrel) == prompt_listing.Counts(asked=4, connected=1, refused=1, failed=1)
    assert "Asked 4 people" in page
    assert "The account has no mailbox that Meridian can read" in page
    assert page.count("alice@kestrel.example") == 1
    assert "Mallory" not in page


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ({"answer": "connected"}, {"Alice"}),
        ({"answer": "refused"}, {"Bob"}),
        ({"answer": "failed"}, {"Gus"}),
        ({"answer": "open"}, {"Wilhelmina-Anastasia von Hohenlohe-Langenburg"}),
        ({"q": "bob@"}, {"Bob"}),
        ({"group": "sales"}, {"Alice", "Gus"}),
        ({"group": "sales", "answer": "failed"}, {"Gus"}),
        ({"group": "9" * 30, "answer": "nonsense"}, {"Alice", "Bob", "Gus", "Wilhelmina"}),
    ],
)
def test_it_can_be_filtered_and_downloaded(
    query: dict[str, str], found: set[str], cast: Cast, client_of: ClientOf
) -> None:
    answers(cast)
    sent = {name: str(cast.sales.pk) if value == "sales" else value for name, value in query.items()}
    client = client_of(cast.dana)

    page = client.get(LIST, sent).content.decode()
    table = b"".join(client.get(CSV, sent).streaming_content).decode("utf-8-sig")  # type: ignore[attr-defined]

    named = {row["Person"] for row in csv.DictReader(io.StringIO(table))}
    assert {name.split("-")[0].split(" ")[0] for name in named} == {name.split("-")[0] for name in found}
    assert {name for name in ("Alice", "Bob", "Gus") if f">{name}</a>" in page} == found & {"Alice", "Bob", "Gus"}
    assert AuditEntry.objects.get().action == "calendar_prompts.exported"


def test_nobody_and_no_match_are_said(cast: Cast, client_of: ClientOf) -> None:
    client = client_of(cast.dana)
    assert "Nobody has been asked yet" in text_of(client.get(LIST))

    answers(cast)

    assert "Nobody matches" in text_of(client.get(LIST, {"q": "nobody-is-called-this"}))


@pytest.mark.parametrize("size", [3, 60])
def test_the_list_costs_the_same_for_many(
    size: int, kestrel: Account, dana: User, client_of: ClientOf, django_assert_max_num_queries: Callable[..., Any]
) -> None:
    for person in crowd(kestrel, size):
        asked(person)
    client = client_of(dana)

    with django_assert_max_num_queries(10):
        assert client.get(LIST).status_code == 200


# ── Asking once more ────────────────────────────────────────────────────────
def counting() -> set[str]:
    return set(CalendarPrompt.objects.filter(reset_at=None).values_list("user__name", flat=True))


def test_one_person_is_asked_again_from_their_page(cast: Cast, client_of: ClientOf) -> None:
    say(SsoPrompt.FIRST_TIME, at=cast.kestrel, by=cast.dana)
    answers(cast)
    client = client_of(cast.dana)
    page = client.get(reverse("person", args=[cast.bob.pk]))
    assert "Asked at single sign-on" in text_of(page)
    assert "Went on without it" in text_of(page)
    assert "Ask again at the next sign-in" in text_of(page)

    after = client.post(RESET, {"person": cast.bob.pk}, follow=True)

    assert "Bob is asked again at the next single sign-on" in text_of(after)
    assert "Bob may be asked at the next single sign-on." in text_of(after)
    assert "Bob" not in counting()
    assert {"Alice", "Gus"} <= counting()
    entry = AuditEntry.objects.latest("pk")
    assert (entry.action, entry.target_name, entry.actor) == ("calendar_prompts.reset", "Bob", cast.dana)
    assert signs_in(client_of(cast.bob), cast.bob) == PROMPT


def test_who_is_connected_or_asked_every_time_needs_no_reset(cast: Cast, client_of: ClientOf) -> None:
    say(SsoPrompt.EVERY_TIME, at=cast.kestrel, by=cast.dana)
    answers(cast)
    connect([cast.alice])
    client = client_of(cast.dana)

    for person in (cast.alice, cast.bob):
        page = text_of(client.get(reverse("person", args=[person.pk])))
        assert "Asked at single sign-on" in page
        assert "Ask again at the next sign-in" not in page


def test_a_group_is_asked_again_after_a_page_that_says_how_many(cast: Cast, client_of: ClientOf) -> None:
    answers(cast)
    client = client_of(cast.dana)
    page = text_of(client.get(RESET, {"group": cast.sales.pk}))
    assert "Ask Sales again?" in page
    assert "Ask 2 people again" in page
    assert counting() >= {"Alice", "Gus"}

    after = client.post(RESET, {"group": cast.sales.pk}, follow=True)

    assert "2 people are asked again" in text_of(after)
    assert counting() & {"Alice", "Gus", "Bob"} == {"Bob"}
    assert AuditEntry.objects.latest("pk").affected == 2


def test_everybody_is_asked_again_and_of_no_other_account(
    cast: Cast, client_of: ClientOf, django_assert_max_num_queries: Callable[..., Any]
) -> None:
    answers(cast)
    for person in crowd(cast.kestrel, 40):
        asked(person)

    with django_assert_max_num_queries(6):
        number = prompt_resets.reset(cast.kestrel, actor=cast.dana, now=timezone.now())

    assert number == 44
    assert counting() == {"Mallory"}


def test_a_reset_can_be_taken_back_for_an_hour(cast: Cast, client_of: ClientOf) -> None:
    answers(cast)
    before = CalendarPrompt.objects.filter(user=cast.bob)
    before.update(reset_at=FOUNDED)  # long ago, by another reset
    client = client_of(cast.dana)
    page = client.post(RESET, follow=True).content.decode()
    moment = re.search(r'name="at" value="([^"]+)"', page)
    assert moment

    after = client.post(UNDO, {"at": moment.group(1)}, follow=True)

    assert "Taken back: 3 people are not asked once more." in text_of(after)
    assert counting() >= {"Alice", "Gus"}
    assert "Bob" not in counting()
    assert "This can no longer be taken back." in text_of(client.post(UNDO, {"at": moment.group(1)}, follow=True))


@pytest.mark.parametrize("at", ["", "\0", "yesterday", "2026-09-01T09:00:00", "2026-99-01T09:00:00+00:00"])
def test_nonsense_takes_nothing_back(at: str, cast: Cast, client_of: ClientOf) -> None:
    answers(cast)
    CalendarPrompt.objects.update(reset_at=FOUNDED)

    assert "can no longer" in text_of(client_of(cast.dana).post(UNDO, {"at": at}, follow=True))
    assert not CalendarPrompt.objects.filter(reset_at=None).exists()


def test_nobody_to_ask_again_is_said_and_changes_nothing(cast: Cast, client_of: ClientOf) -> None:
    client = client_of(cast.dana)
    assert "There is nobody to ask again" in text_of(client.get(RESET))

    client.post(RESET)

    assert not AuditEntry.objects.exists()


@pytest.mark.parametrize("sent", [{"group": "9" * 30}, {"person": "9" * 30}, {"group": "x"}, {"person": "\0"}])
def test_nobody_of_that_name_is_not_found(sent: dict[str, str], cast: Cast, client_of: ClientOf) -> None:
    assert client_of(cast.dana).post(RESET, sent).status_code == 404


def test_strangers_and_owners_are_out_of_reach(cast: Cast, client_of: ClientOf) -> None:
    other = Group.objects.create(account=cast.corvid, name="Other", rank=1, created_at=FOUNDED)
    Membership.objects.create(group=other, user=cast.mallory)
    answers(cast)
    client = client_of(cast.dana)

    assert client.post(RESET, {"person": cast.mallory.pk}).status_code == 404
    assert client.post(RESET, {"group": other.pk}).status_code == 404
    assert "Mallory" in counting()


# ── The settings row ────────────────────────────────────────────────────────
def test_the_row_counts_and_leads_to_the_list(cast: Cast, client_of: ClientOf) -> None:
    answers(cast)

    page = client_of(cast.dana).get("/account/settings/mail-calendar/")

    assert "4 people asked: 1 connected, 1 refused, 1 failed." in text_of(page)
    assert f'<a href="{LIST}">' in page.content.decode()

    prompt_resets.reset(cast.kestrel, actor=cast.dana, now=timezone.now())

    assert "Nobody asked since the last reset." in text_of(client_of(cast.dana).get("/account/settings/mail-calendar/"))


NO_SSO, NO_OAUTH = "Nobody signs in by single sign-on yet.", "People do not connect Office 365 themselves."


def test_where_nobody_would_be_asked_the_row_says_why(kestrel: Account, dana: User, client_of: ClientOf) -> None:
    client = client_of(dana)

    def page() -> str:
        return text_of(client.get("/account/settings/mail-calendar/"))

    assert NO_SSO not in page()
    say(SsoPrompt.EVERY_TIME, at=kestrel, by=dana)
    assert NO_SSO in page()
    off = provider(kestrel, is_on=False, key="off")
    assert NO_SSO in page()
    IdentityProvider.objects.filter(pk=off.pk).update(is_on=True)
    assert NO_SSO not in page()
    set_to("services", ServicePolicy(who_can_set_up=Method.APPLICATION_PERMISSIONS), at=kestrel, by=dana)
    assert NO_OAUTH in page()


def test_the_caution_costs_one_query(
    kestrel: Account, dana: User, django_assert_num_queries: Callable[..., Any]
) -> None:
    provider(kestrel)
    given: dict[str, Any] = {"reader": dana, "today": FOUNDED.date()}

    with django_assert_num_queries(0):
        prompt_listing.caution(kestrel, SsoPrompt.OFF, **given)
    with django_assert_num_queries(1):
        assert prompt_listing.caution(kestrel, SsoPrompt.FIRST_TIME, **given) is None
    with django_assert_num_queries(1):
        prompt_listing.on_row(kestrel)
