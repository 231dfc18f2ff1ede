"""What people are told by e-mail of their own connection: once each time, with one link that works."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.core import mail
from django.core.mail import EmailMessage
from django.test import Client
from django.urls import resolve
from django.utils import timezone
from pytest_django import Settings

from accounts import letters
from accounts.models import Account, Letter, User
from accounts.people import deactivate
from integrations import fitting, states, telling, tokens
from integrations.domains import DomainRule
from integrations.failures import NO_ANSWER, Failure, Outcome, Reason
from integrations.models import AwaitedApproval, Connection, Incident, State
from integrations.policy import Obstacle
from integrations.preferences import ServicePolicy
from tests.at_once import at_once
from tests.cast import FOUNDED, PASSWORD, Cast, crowd
from tests.integrations.tied import connect, set_to, take_back
from tests.integrations.wired import connected
from tests.simulated import Simulator

pytestmark = pytest.mark.django_db

DAY = timedelta(days=1)
NOW = FOUNDED + 30 * DAY
REVOKED = Failure(Outcome.AUTHORIZATION_LOST, Reason.SESSIONS_REVOKED, "AADSTS50173", "a-trace")
LINK = re.compile(r"\S+://\S+")


def lose(connection: Connection, failure: Failure = REVOKED, now: Any = NOW) -> bool:
    return states.went_wrong(connection, failure, now=now, spread=0.5)


def sent(now: Any = NOW) -> list[EmailMessage]:
    """All letters so far."""
    letters.send_waiting(now=now)
    return mail.outbox


def to_whom(now: Any = NOW) -> list[str]:
    return sorted(letter.to[0] for letter in sent(now))


def link_in(letter: EmailMessage) -> str:
    (link,) = LINK.findall(str(letter.body))
    return str(link)


# ── The authorization is lost ───────────────────────────────────────────────
def test_a_lost_authorization_is_told_with_its_reason_and_the_way_back(alice: User) -> None:
    (connection,) = connect([alice])

    lose(connection)

    (letter,) = sent()
    assert (letter.to, letter.subject) == (["alice@kestrel.example"], "Reconnect your calendar to Meridian")
    assert "Hello Alice" in letter.body
    assert "can no longer use your calendar alice@kestrel.example" in letter.body
    assert "your sessions were ended or your password was changed" in letter.body
    assert resolve(link_in(letter).removeprefix("http://localhost")).view_name == "reconnect"


@pytest.mark.parametrize(
    "reason", [reason for reason in Reason if reason not in (Reason.NO_ANSWER, Reason.SERVICE_TROUBLE)]
)
def test_every_reason_has_its_words(reason: Reason, alice: User) -> None:
    (connection,) = connect([alice])

    lose(connection, Failure(Outcome.AUTHORIZATION_LOST, reason))

    (letter,) = sent()
    _, happened, why, *_ = str(letter.body).split("\n\n")
    assert happened
    assert why.endswith(".")
    assert "_" not in why


def test_what_microsoft_says_again_and_again_is_told_once(alice: User) -> None:
    (connection,) = connect([alice])
    late = Connection.objects.get()

    lose(connection)
    lose(late, now=NOW + timedelta(minutes=1))
    lose(Connection.objects.get(), now=NOW + DAY)
    telling.lost(late, now=NOW + DAY)

    assert len(sent(NOW + DAY)) == 1


def test_lost_again_after_a_reconnection_it_is_told_again(alice: User) -> None:
    (connection,) = connect([alice])
    lose(connection)
    sent()
    Connection.objects.update(state=State.CONNECTED, since_at=NOW + DAY)

    lose(Connection.objects.get(), now=NOW + 2 * DAY)

    assert len(sent(NOW + 2 * DAY)) == 2


def test_who_reconnects_before_the_letter_went_is_not_written_to(alice: User) -> None:
    (connection,) = connect([alice])
    lose(connection)

    Connection.objects.update(state=State.CONNECTED, since_at=NOW)

    assert sent() == []


def test_who_deletes_the_connection_before_the_letter_went_is_not_written_to(alice: User) -> None:
    (connection,) = connect([alice])
    lose(connection)

    states.disconnected(connection, now=NOW)

    assert sent() == []


def test_alerts_are_for_those_for_whom_they_are_on(cast: Cast) -> None:
    ties = connect([cast.alice, cast.gus, cast.bob, cast.dana])
    set_to("expiry_alerts", False, at=cast.sales, by=cast.dana)
    set_to("expiry_alerts", True, at=cast.gus, by=cast.gus)
    set_to("expiry_alerts", False, at=cast.dana, by=cast.dana)

    for tie in ties:
        lose(tie)

    assert to_whom() == ["bob@kestrel.example", "gus@kestrel.example"]


def test_a_lock_decides_over_what_people_chose(cast: Cast) -> None:
    ties = connect([cast.alice, cast.bob])
    set_to("expiry_alerts", True, at=cast.alice, by=cast.alice)
    set_to("expiry_alerts", False, at=cast.kestrel, by=cast.dana, is_locked=True)

    for tie in ties:
        lose(tie)

    assert sent() == []


def test_many_of_several_accounts_are_told_at_once(cast: Cast, django_assert_max_num_queries: Any) -> None:
    people = [*crowd(cast.kestrel, 40), *crowd(cast.corvid, 20)]
    connect(people, State.NEEDS_REAUTH, reason=Reason.INACTIVE)
    set_to("expiry_alerts", False, at=cast.corvid, by=cast.mallory)
    ties = Connection.objects.select_related("user").all()

    with django_assert_max_num_queries(7):
        assert telling.lost_many(ties, now=NOW) == 40

    assert Counter(to_whom()) == {person.email: 1 for person in people[:40]}


def test_who_was_deactivated_is_not_told(cast: Cast) -> None:
    (connection,) = connect([cast.alice])
    User.objects.filter(pk=cast.alice.pk).update(is_active=False)

    lose(connection)

    assert not Letter.objects.exists()


def test_passing_trouble_and_trouble_of_our_own_are_told_nobody(kestrel: Account) -> None:
    ties = connect(crowd(kestrel, 4))
    troubles = [
        NO_ANSWER,
        Failure(Outcome.CREDENTIAL_REFUSED, Reason.CREDENTIAL_EXPIRED),
        Failure(Outcome.APP_GONE, Reason.APP_REMOVED),
        Failure(Outcome.THROTTLED, Reason.TOO_MANY_REQUESTS),
    ]

    for tie, trouble in zip(ties, troubles, strict=True):
        lose(tie, trouble)

    assert not Letter.objects.exists()


def test_microsofts_no_is_told_during_an_incident_too(kestrel: Account, alice: User) -> None:
    (connection,) = connect([alice])
    Incident.objects.create(
        account=kestrel, tenant_id="t", reason=Reason.SERVICE_TROUBLE, affected=9, connected=9, began_at=NOW
    )

    lose(connection)

    assert len(sent()) == 1


def test_a_revoked_session_is_told_through_all_of_it(alice: User, microsoft: Simulator) -> None:
    connection = connected(alice, microsoft)
    microsoft.control("POST", "people/alice@kestrel.example/revoke-sessions")
    now = timezone.now()

    tokens.refresh(connection, now=now)
    tokens.refresh(Connection.objects.get(), now=now)

    assert to_whom(now) == ["alice@kestrel.example"]


@pytest.mark.django_db(transaction=True)
def test_two_workers_who_lose_it_at_once_tell_it_once(alice: User) -> None:
    connect([alice])
    both = [Connection.objects.get(), Connection.objects.get()]

    troubles = at_once(*(lambda one=one: lose(one) for one in both))

    assert not troubles
    assert len(sent()) == 1


# ── Blocked and released ────────────────────────────────────────────────────
def apply(account: Account, now: Any = NOW) -> None:
    fitting.apply_policy(account, now=now)


def test_who_is_blocked_learns_why_until_when_and_what_then(cast: Cast) -> None:
    connect([cast.alice])
    set_to("grace", 3, at=cast.kestrel, by=cast.dana)
    set_to("enabled", False, at=cast.kestrel, by=cast.dana)

    apply(cast.kestrel)
    apply(cast.kestrel, NOW + timedelta(hours=1))

    (letter,) = sent()
    assert letter.subject == "Meridian has stopped using your calendar"
    assert "Your organization has turned calendar integration off." in letter.body
    assert "until 4 October 2026 at 11:00 (Europe/Berlin)" in letter.body
    assert "comes back by itself" in letter.body
    assert "you would have to connect again" in letter.body
    assert resolve(link_in(letter).removeprefix("http://localhost")).view_name == "profile"


def test_who_can_mend_it_alone_learns_how(cast: Cast) -> None:
    connect([cast.alice], contacts_write=True)
    set_to("services", ServicePolicy(contacts_write=False), at=cast.kestrel, by=cast.dana, is_locked=True)

    apply(cast.kestrel)

    (letter,) = sent()
    assert "Your organization allows reading contacts only." in letter.body
    assert "choose fewer permissions under Configure" in letter.body


def test_a_restricted_domain_is_named(cast: Cast) -> None:
    connect([cast.alice])
    set_to("domains", DomainRule(is_on=True, domains=("kestrel.test",)), at=cast.kestrel, by=cast.dana)

    apply(cast.kestrel)

    (letter,) = sent()
    assert "Only accounts of kestrel.test may be connected here." in letter.body


def test_without_a_grace_the_letter_says_that_it_is_forgotten(cast: Cast) -> None:
    connect([cast.alice])
    set_to("grace", 0, at=cast.kestrel, by=cast.dana)
    set_to("enabled", False, at=cast.kestrel, by=cast.dana)

    apply(cast.kestrel)

    (letter,) = sent()
    assert "Meridian has forgotten its access to it." in letter.body
    assert "keeps" not in letter.body


def test_who_turned_it_off_alone_needs_no_letter(cast: Cast) -> None:
    """But somebody else did it for Bob."""
    connect([cast.alice, cast.bob])
    set_to("enabled", False, at=cast.alice, by=cast.alice)
    set_to("enabled", False, at=cast.bob, by=cast.dana)

    apply(cast.kestrel)

    (letter,) = sent()
    assert letter.to == ["bob@kestrel.example"]
    assert "turned off in your own settings" in letter.body


def test_what_came_back_is_told_to_those_who_were_told_that_it_had_gone(cast: Cast) -> None:
    connect([cast.alice, cast.bob])
    set_to("enabled", False, at=cast.kestrel, by=cast.dana)
    apply(cast.kestrel)
    assert to_whom() == ["alice@kestrel.example", "bob@kestrel.example"]
    Letter.objects.filter(person=cast.bob).update(sent_at=None)
    mail.outbox.clear()

    take_back("enabled", at=cast.kestrel, by=cast.dana)
    apply(cast.kestrel, NOW + DAY)
    apply(cast.kestrel, NOW + DAY)

    (letter,) = sent(NOW + DAY)
    assert (letter.to, letter.subject) == (["alice@kestrel.example"], "Meridian uses your calendar again")
    assert resolve(link_in(letter).removeprefix("http://localhost")).view_name == "profile"


def test_what_was_switched_off_and_on_again_at_once_is_told_nobody(cast: Cast) -> None:
    connect([cast.alice])
    for _ in range(5):
        set_to("enabled", False, at=cast.kestrel, by=cast.dana)
        apply(cast.kestrel)
        take_back("enabled", at=cast.kestrel, by=cast.dana)
        apply(cast.kestrel)

    assert sent() == []


def test_a_whole_account_is_told_in_a_few_statements(
    cast: Cast, django_assert_max_num_queries: Callable[..., Any]
) -> None:
    people = crowd(cast.kestrel, 500)
    connect(people)
    set_to("enabled", False, at=cast.kestrel, by=cast.dana)
    holding = fitting.holding_in(cast.kestrel)
    ties = list(Connection.objects.select_related("user"))

    # SQLite takes ninety rows at once; PostgreSQL needs three statements.
    with django_assert_max_num_queries(3 + 500 // 80):
        assert telling.blocked(ties, Obstacle.TURNED_OFF, holding, now=NOW) == 500


# ── Approved, reminded ──────────────────────────────────────────────────────
def awaiting(person: User, *, released: bool = True) -> AwaitedApproval:
    return AwaitedApproval.objects.create(
        user=person,
        account=person.account,
        calendar_write=True,
        contacts_write=False,
        since_at=NOW,
        released_at=NOW if released else None,
    )


def test_who_waited_for_an_approval_learns_that_one_step_is_left(cast: Cast) -> None:
    awaiting(cast.alice)
    awaiting(cast.bob, released=False)

    assert telling.approved([cast.alice, cast.bob, cast.gus], now=NOW) == 1
    assert telling.approved([cast.alice], now=NOW) == 0

    (letter,) = sent()
    assert letter.to == ["alice@kestrel.example"]
    assert "Meridian has been approved for your organization at Microsoft" in letter.body
    assert resolve(link_in(letter).removeprefix("http://localhost")).view_name == "profile"


def test_who_is_connected_meanwhile_is_not_told_of_the_approval(alice: User) -> None:
    waits = awaiting(alice)
    telling.approved([alice], now=NOW)

    waits.delete()

    assert sent() == []


def test_an_admin_reminds_once_a_day_whoever_can_act(cast: Cast) -> None:
    lost, _, none = connect([cast.alice, cast.bob, cast.gus])
    Connection.objects.filter(pk=lost.pk).update(state=State.NEEDS_REAUTH, reason=Reason.INACTIVE)
    Connection.objects.filter(pk=none.pk).update(state=State.NOT_ELIGIBLE, reason=Reason.NO_MAILBOX)
    set_to("expiry_alerts", False, at=cast.kestrel, by=cast.dana)
    everybody = list(Connection.objects.all())

    assert telling.remind(everybody, by=cast.dana, now=NOW) == {lost.pk, none.pk}
    assert telling.remind(everybody, by=cast.dana, now=NOW + DAY - timedelta(minutes=1)) == set()
    assert to_whom(NOW + timedelta(hours=1)) == ["alice@kestrel.example", "gus@kestrel.example"]
    assert telling.remind([lost], by=cast.dana, now=NOW + DAY) == {lost.pk}

    letter = next(one for one in sent(NOW + DAY) if one.to == ["alice@kestrel.example"])
    assert "Dana (dana@kestrel.example) reminds you" in letter.body
    assert "not used for 90 days" in letter.body
    assert resolve(link_in(letter).removeprefix("http://localhost")).view_name == "reconnect"


def test_who_reconnected_before_the_reminder_went_is_not_reminded(cast: Cast) -> None:
    connect([cast.alice], State.NEEDS_REAUTH)
    telling.remind(Connection.objects.all(), by=cast.dana, now=NOW)

    Connection.objects.update(state=State.CONNECTED, since_at=NOW)

    assert sent() == []


@pytest.mark.django_db(transaction=True)
def test_two_admins_who_remind_at_once_are_heard_once(cast: Cast) -> None:
    connect([cast.alice], State.NEEDS_REAUTH)

    remind = [lambda: telling.remind(Connection.objects.all(), by=cast.dana, now=NOW)] * 3

    troubles = at_once(*remind)

    assert not troubles
    assert len(sent()) == 1


def test_a_deactivated_persons_connection_ends_and_no_letter_goes(cast: Cast) -> None:
    (connection,) = connect([cast.alice])
    lose(connection)

    deactivate(cast.alice, actor=cast.dana, now=NOW)

    assert sent() == []


# ── The link ────────────────────────────────────────────────────────────────
@pytest.mark.parametrize("kind", [telling.LOST, telling.BLOCKED])
def test_the_link_leads_by_way_of_the_sign_in_page_to_what_helps(kind: str, cast: Cast, settings: Settings) -> None:
    settings.PUBLIC_URL = "https://portal.kestrel.example"
    (connection,) = connect([cast.alice])
    if kind == telling.LOST:
        lose(connection)
    else:
        set_to("enabled", False, at=cast.kestrel, by=cast.dana)
        apply(cast.kestrel)
    link = link_in(sent()[0])
    browser = Client()

    assert link.startswith("https://portal.kestrel.example/")
    at_the_door = browser.get(link.removeprefix("https://portal.kestrel.example"))
    sign_in = at_the_door.headers["Location"]
    signed_in = browser.post(sign_in, {"login": cast.alice.email, "password": PASSWORD})
    page = browser.get(signed_in.headers["Location"])

    assert (at_the_door.status_code, signed_in.status_code, page.status_code) == (302, 302, 200)
    assert signed_in.headers["Location"] == link.removeprefix("https://portal.kestrel.example")
    assert ("Reconnect" if kind == telling.LOST else "turned calendar integration off") in page.content.decode()
