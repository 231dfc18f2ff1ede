"""The prompt after single sign-on: asked or not, the way to Microsoft and back, and what came of it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from django.test import Client
from django.utils import timezone

from accounts import openings
from accounts.models import Account, Group, User
from integrations import connecting, fitting, prompt_answers, prompting, redeeming, tasks
from integrations.failures import Reason
from integrations.models import (
    Answer,
    AwaitedApproval,
    CalendarPrompt,
    Connection,
    ConsentRequest,
    Ending,
    State,
    Step,
)
from integrations.preferences import Method, ServicePolicy, SsoPrompt
from integrations.sign_in_hints import Known
from tests.cast import FOUNDED, ClientOf
from tests.integrations.prompted import DONE, GOING_TO, PROMPT, asked, say, signs_in
from tests.integrations.tied import connect, set_to
from tests.integrations.wired import begun, connected, forget_microsoft
from tests.simulated import Simulator

pytestmark = pytest.mark.django_db

CALLBACK = "/integrations/microsoft/callback/"
TENANT = "6f1d8c3a-2b7e-4c55-9a41-5d0e3b9c7f21"


@pytest.fixture
def alices(kestrel: Account, dana: User, alice: User, client_of: ClientOf) -> Client:
    """Her browser; her account has people asked the first time."""
    say(SsoPrompt.FIRST_TIME, at=kestrel, by=dana)
    return client_of(alice)


def became() -> list[str]:
    return [row.became for row in prompt_answers.resolved().order_by("pk")]


def set_out(client: Client, **ticks: str) -> str:
    answer = client.post(PROMPT, {"do": "agree", **ticks})
    assert answer.status_code == 302
    return answer.headers["Location"]


def come_back(client: Client, microsoft: Simulator, at: str, name: str, *, answer: str = "accept") -> Any:
    return client.get(CALLBACK, microsoft.sign_in(at, name, answer=answer))


# ── Asked, or not ───────────────────────────────────────────────────────────
def test_it_is_asked_by_whoever_lets_people_in() -> None:
    assert prompting.after_single_sign_on in openings.after_single_sign_on


def test_the_first_time_is_asked_once_even_if_the_page_was_only_closed(alices: Client, alice: User) -> None:
    assert signs_in(alices, alice) == PROMPT
    assert signs_in(alices, alice) is None
    assert CalendarPrompt.objects.get().mode == "first_time"


@pytest.mark.parametrize("answer", Answer)
def test_whatever_was_answered_it_is_not_asked_again_but_after_a_reset(
    answer: Answer, alices: Client, alice: User
) -> None:
    before = asked(alice, answer)
    assert signs_in(alices, alice) is None

    CalendarPrompt.objects.filter(pk=before.pk).update(reset_at=timezone.now())

    assert signs_in(alices, alice) == PROMPT
    assert signs_in(alices, alice) is None


def test_every_time_is_asked_until_it_is_connected(kestrel: Account, dana: User, alice: User, alices: Client) -> None:
    say(SsoPrompt.EVERY_TIME, at=kestrel, by=dana)

    assert [signs_in(alices, alice) for _ in range(3)] == [PROMPT] * 3
    connect([alice])
    assert signs_in(alices, alice) is None


def test_off_asks_nobody_at_the_price_of_one_query(
    alice: User, client_of: ClientOf, django_assert_num_queries: Callable[..., Any]
) -> None:
    client = client_of(alice)
    request = client.get("/profile/").wsgi_request
    given: dict[str, Any] = {"by": None, "going_to": GOING_TO, "now": timezone.now()}

    with django_assert_num_queries(1):
        assert prompting.after_single_sign_on(request, alice, **given) is None


def test_asking_costs_a_few_queries(
    alices: Client, alice: User, django_assert_max_num_queries: Callable[..., Any]
) -> None:
    connect([alice], State.NEEDS_REAUTH, reason=Reason.INACTIVE.value)

    with django_assert_max_num_queries(12):  # seven of them are ours, the others the session's
        assert signs_in(alices, alice) == PROMPT


@pytest.mark.parametrize("state", ["connected", "degraded", "paused", "connecting", "awaiting_admin"])
def test_what_works_or_waits_for_others_is_not_asked_about(state: str, alices: Client, alice: User) -> None:
    connect([alice], state)

    assert signs_in(alices, alice) is None
    assert not CalendarPrompt.objects.exists()


@pytest.mark.parametrize("state", ["needs_reauth", "disconnected", "not_eligible"])
def test_broken_authorization_counts_as_not_integrated(state: str, alices: Client, alice: User) -> None:
    connect([alice], state)

    assert signs_in(alices, alice) == PROMPT


def test_what_the_settings_block_is_asked_about_where_less_would_do(
    kestrel: Account, dana: User, alices: Client, alice: User
) -> None:
    connect([alice], contacts_write=True)
    set_to("services", ServicePolicy(contacts_write=False), at=kestrel, by=dana, is_locked=True)
    fitting.apply_policy(kestrel, now=timezone.now())

    assert signs_in(alices, alice) == PROMPT
    answer = alices.post(PROMPT, {"do": "agree", "calendar_write": ""})

    assert answer.headers["Location"] == GOING_TO
    assert Connection.objects.get().state == State.CONNECTED
    assert became() == ["connected"]


@pytest.mark.parametrize("is_released", [False, True])
def test_who_waits_for_an_administrator_is_asked_once_that_is_over(
    is_released: bool, alices: Client, alice: User
) -> None:
    AwaitedApproval.objects.create(
        user=alice,
        account=alice.account,
        since_at=FOUNDED,
        calendar_write=False,
        contacts_write=False,
        released_at=FOUNDED if is_released else None,
    )

    assert (signs_in(alices, alice) == PROMPT) == is_released


def test_what_the_organization_carries_is_not_asked_about(alices: Client, alice: User) -> None:
    connect([alice], method=Method.APPLICATION_PERMISSIONS.value)

    assert signs_in(alices, alice) is None


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("enabled", False),
        ("services", ServicePolicy(who_can_set_up=Method.APPLICATION_PERMISSIONS)),
    ],
)
def test_who_may_not_connect_is_not_asked(
    name: str, value: Any, kestrel: Account, dana: User, alices: Client, alice: User
) -> None:
    set_to(name, value, at=kestrel, by=dana)

    assert signs_in(alices, alice) is None


def test_a_lock_of_the_account_wins_over_the_group_and_the_person(
    kestrel: Account, sales: Group, dana: User, alice: User, alices: Client
) -> None:
    say(SsoPrompt.EVERY_TIME, at=sales, by=dana)
    say(SsoPrompt.OFF, at=alice, by=alice)
    assert signs_in(alices, alice) is None

    say(SsoPrompt.EVERY_TIME, at=kestrel, by=dana, is_locked=True)

    assert signs_in(alices, alice) == PROMPT


@pytest.mark.parametrize("elsewhere", ["https://evil.example/", "//evil.example/", "javascript:alert(1)", ""])
def test_the_way_on_leads_nowhere_else(elsewhere: str, alices: Client, alice: User) -> None:
    signs_in(alices, alice, going_to=elsewhere)

    assert alices.post(PROMPT, {"do": "go-on"}).headers["Location"] == "/"


# ── To Microsoft and back ───────────────────────────────────────────────────
def test_agreeing_connects_and_leads_on_to_where_they_were_going(
    alices: Client, alice: User, microsoft: Simulator
) -> None:
    signs_in(alices, alice)
    address = set_out(alices, calendar_write="on")

    back = come_back(alices, microsoft, address, alice.email)

    assert back.headers["Location"] == DONE
    assert became() == ["at_microsoft"]
    under_way = alices.get(DONE)
    assert "Your calendar is being connected" in under_way.content.decode()
    assert alices.get(PROMPT).headers["Location"] == DONE
    redeeming.redeem(ConsentRequest.objects.get().pk, now=timezone.now())
    piece = alices.get(DONE, headers={"HX-Request": "true"})
    assert piece.headers["HX-Redirect"] == GOING_TO
    assert became() == ["connected"]
    assert Connection.objects.get().calendar_write
    assert alices.get(PROMPT).headers["Location"] == "/profile/#calendar"


def test_without_scripts_it_leads_on_too(alices: Client, alice: User, microsoft: Simulator) -> None:
    signs_in(alices, alice)
    come_back(alices, microsoft, set_out(alices), alice.email)
    redeeming.redeem(ConsentRequest.objects.get().pk, now=timezone.now())

    assert alices.get(DONE).headers["Location"] == GOING_TO


def test_going_on_while_a_worker_is_at_it_loses_nothing(alices: Client, alice: User, microsoft: Simulator) -> None:
    signs_in(alices, alice)
    come_back(alices, microsoft, set_out(alices), alice.email)

    assert alices.post(PROMPT, {"do": "go-on"}).headers["Location"] == GOING_TO

    redeeming.redeem(ConsentRequest.objects.get().pk, now=timezone.now())
    assert became() == ["connected"]


def test_refusing_at_microsoft_says_so_and_leads_on(alices: Client, alice: User, microsoft: Simulator) -> None:
    signs_in(alices, alice)
    come_back(alices, microsoft, set_out(alices), alice.email, answer="cancel")

    page = alices.get(DONE).content.decode()

    assert became() == ["refused"]
    assert "Your calendar is not connected" in page
    assert "You are not asked again when you sign in." in page
    assert alices.post(PROMPT, {"do": "go-on"}).headers["Location"] == GOING_TO
    assert became() == ["refused"]
    assert signs_in(alices, alice) is None
    assert "did not agree at Microsoft. You can connect here any time." in alices.get("/profile/").content.decode()


def test_a_second_try_takes_the_place_of_the_first(alices: Client, alice: User, microsoft: Simulator) -> None:
    signs_in(alices, alice)
    come_back(alices, microsoft, set_out(alices), alice.email, answer="cancel")
    alices.get(PROMPT)

    come_back(alices, microsoft, set_out(alices), alice.email)
    redeeming.redeem(ConsentRequest.objects.get(step=Step.ANSWERED).pk, now=timezone.now())

    assert became() == ["connected"]


def test_what_came_back_too_late_keeps_the_way_on(alices: Client, alice: User, microsoft: Simulator) -> None:
    signs_in(alices, alice)
    address = set_out(alices)
    ConsentRequest.objects.update(expires_at=FOUNDED)

    back = come_back(alices, microsoft, address, alice.email)

    assert back.headers["Location"] == DONE
    page = alices.get(DONE).content.decode()
    assert "came too late" in page
    assert "Continue" in page


def test_another_trip_of_the_same_person_leads_to_the_profile(
    alices: Client, alice: User, microsoft: Simulator
) -> None:
    signs_in(alices, alice)
    answer = alices.post("/profile/calendar/office-365/", {})

    back = come_back(alices, microsoft, answer.headers["Location"], alice.email)

    assert back.headers["Location"] == "/profile/#calendar"


def test_where_microsoft_cannot_be_reached_they_go_on(alices: Client, alice: User, settings: Any) -> None:
    settings.MICROSOFT_AUTHORITY_HOST = "https://127.0.0.1:9"
    settings.PRIVATE_NETWORKS_ALLOWED = ["127.0.0.0/8"]
    forget_microsoft()
    signs_in(alices, alice)

    answer = alices.post(PROMPT, {"do": "agree"})

    assert answer.headers["Location"] == GOING_TO
    assert became() == ["failed"]
    assert CalendarPrompt.objects.get().reason == Reason.NO_ANSWER
    forget_microsoft()


def test_what_became_is_written_down_before_trips_are_forgotten(alice: User, microsoft: Simulator) -> None:
    connected(alice, microsoft)
    trip = ConsentRequest.objects.get()
    other = ConsentRequest.objects.create(
        user=alice,
        state_digest="s",
        browser_digest="b",
        calendar_write=False,
        contacts_write=False,
        created_at=FOUNDED,
        expires_at=FOUNDED,
        ended_at=FOUNDED,
        step=Step.FAILED,
        reason=Ending.GUEST,
    )
    asked(alice, Answer.AT_MICROSOFT, consent=trip)
    asked(alice, Answer.AT_MICROSOFT, consent=other)

    tasks.forget_old_consents()

    assert not ConsentRequest.objects.filter(pk=other.pk).exists()
    rows = CalendarPrompt.objects.order_by("pk").values_list("answer", "reason")
    assert list(rows) == [("connected", ""), ("failed", "guest")]
    assert became() == ["connected", "failed"]


def test_another_trip_meanwhile_leaves_it_without_an_answer(alices: Client, alice: User, microsoft: Simulator) -> None:
    signs_in(alices, alice)
    set_out(alices)
    assert became() == ["at_microsoft"]

    connected(alice, microsoft)

    assert became() == [""]
    assert prompt_answers.settle() == 1
    assert CalendarPrompt.objects.get().answer == Answer.NONE


# ── Whom Microsoft is told to expect ────────────────────────────────────────
def asked_of_microsoft(address: str) -> tuple[str, str]:
    query = parse_qs(urlsplit(address).query)
    return query.get("login_hint", [""])[0], query.get("prompt", [""])[0]


def test_microsoft_is_told_whom_single_sign_on_has_shown(alices: Client, alice: User, microsoft: Simulator) -> None:
    signs_in(alices, alice, email="alice@kestrel.example", tenant=TENANT)

    assert asked_of_microsoft(set_out(alices)) == ("alice@kestrel.example", "")


def test_who_just_signed_in_at_the_same_tenant_gives_no_second_password(
    alices: Client, alice: User, microsoft: Simulator
) -> None:
    browser = microsoft.http()
    microsoft.sign_in(begun(alice), alice.email, session=browser, answer="cancel")
    signs_in(alices, alice, email=alice.email, tenant=TENANT)

    answer = microsoft.sign_in(set_out(alices), alice.email, "nobody asks for it", session=browser)
    alices.get(CALLBACK, answer)
    redeeming.redeem(ConsentRequest.objects.get(step=Step.ANSWERED).pk, now=timezone.now())

    assert became() == ["connected"]


@pytest.mark.parametrize(
    ("tenant", "wanted"), [(TENANT, ("a.adler@kestrel.example", "")), ("", ("", "select_account"))]
)
def test_after_a_wrong_account_the_same_tenant_needs_no_second_sign_in(
    tenant: str, wanted: tuple[str, str], alice: User, microsoft: Simulator
) -> None:
    ConsentRequest.objects.create(
        user=alice,
        state_digest="s",
        browser_digest="b",
        calendar_write=False,
        contacts_write=False,
        created_at=FOUNDED,
        expires_at=FOUNDED,
        ended_at=timezone.now(),
        step=Step.FAILED,
        reason=Ending.ANOTHER_ACCOUNT,
    )

    address = connecting.start(
        alice,
        calendar_write=False,
        contacts_write=False,
        browser="b",
        now=timezone.now() + timedelta(seconds=1),
        known=Known("a.adler@kestrel.example", tenant),
    )

    assert asked_of_microsoft(address) == wanted


@pytest.mark.parametrize(
    ("address", "wanted"),
    [
        ("alice@kestrel.example", ("", "select_account")),
        ("Alice@Kestrel.example", ("", "select_account")),
        ("other@kestrel.example", ("other@kestrel.example", "")),
    ],
)
def test_the_account_without_a_mailbox_is_not_proposed_again(
    address: str, wanted: tuple[str, str], alice: User, microsoft: Simulator
) -> None:
    connect([alice], State.NOT_ELIGIBLE, tenant_id=TENANT)

    found = connecting.start(
        alice,
        calendar_write=False,
        contacts_write=False,
        browser="b",
        now=timezone.now(),
        known=Known(address, TENANT),
    )

    assert asked_of_microsoft(found) == wanted
