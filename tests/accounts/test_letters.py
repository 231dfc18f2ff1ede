"""Letters: one for each incident, sent once, after the transaction that gave cause."""

from __future__ import annotations

import logging
import socket
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.core import mail
from django.db import transaction
from django.utils import timezone

from accounts import deleting, letters, tasks
from accounts.letters import Draft
from accounts.models import Account, Letter, User
from tests.accounts.mail_server import Killed, MailServer, Watched, mail_server
from tests.at_once import at_once
from tests.cast import FOUNDED, Cast, crowd

pytestmark = pytest.mark.django_db

NOW = FOUNDED + timedelta(days=30)
KIND = letters.declare("test.letter", still_holds=lambda letter: not letter.incident.startswith("over"))


@pytest.fixture
def server(settings: Any) -> Iterator[MailServer]:
    with mail_server(settings) as server:
        yield server


def draft(person: User, incident: str = "1", **more: Any) -> Draft:
    return Draft(**{"person": person, "kind": KIND, "incident": incident, "subject": "Hello", "text": "Well?", **more})


def post(*people: User, incident: str = "1", now: datetime = NOW) -> int:
    return letters.post([draft(person, incident) for person in people], now=now)


def only() -> Letter:
    return Letter.objects.get()


def send(now: datetime = NOW) -> bool:
    return letters.send_waiting(now=now)


# ── Written ─────────────────────────────────────────────────────────────────
def test_of_an_incident_a_person_gets_one_letter_of_a_kind(cast: Cast) -> None:
    assert post(cast.alice, cast.bob) == 2
    assert post(cast.alice, cast.bob) == 0
    assert letters.post([draft(cast.alice), draft(cast.alice), draft(cast.alice, "2")], now=NOW) == 1
    assert letters.post([draft(cast.alice, kind="test.other")], now=NOW) == 1

    send()

    assert Counter(letter.to[0] for letter in mail.outbox) == {"alice@kestrel.example": 3, "bob@kestrel.example": 1}
    assert post(cast.alice, cast.bob) == 0


def test_what_was_rolled_back_is_not_sent(cast: Cast, django_capture_on_commit_callbacks: Any) -> None:
    with django_capture_on_commit_callbacks() as nudges:
        with transaction.atomic():
            post(cast.alice)
            transaction.set_rollback(True)
        post(cast.bob)
        post(cast.bob)

    send()

    assert [letter.to for letter in mail.outbox] == [["bob@kestrel.example"]]
    assert len(nudges) == 1


@pytest.mark.parametrize("size", [20, 3000])
def test_many_are_written_in_a_few_statements(
    size: int, kestrel: Account, django_assert_max_num_queries: Callable[..., Any]
) -> None:
    people = crowd(kestrel, size)

    # SQLite takes ninety rows at once; PostgreSQL needs two statements.
    with django_assert_max_num_queries(2 + size // 80):
        assert post(*people) == size

    assert Letter.objects.count() == size


def test_a_subject_is_one_line(alice: User) -> None:
    letters.post([draft(alice, subject="One\r\nBcc: mallory@corvid.example\n two")], now=NOW)

    send()

    assert mail.outbox[0].subject == "One Bcc: mallory@corvid.example two"


# ── Sent ────────────────────────────────────────────────────────────────────
def test_it_goes_to_the_person_and_says_that_a_machine_wrote_it(server: MailServer, alice: User) -> None:
    post(alice)

    assert send() is False

    taken = server.taken[0]
    assert (taken["To"], taken["Subject"]) == ("alice@kestrel.example", "Hello")
    assert taken.get_payload(decode=True) == b"Well?\r\n"
    assert taken["Auto-Submitted"] == "auto-generated"
    assert taken["Message-ID"].endswith("@localhost>")
    assert only().sent_at == pytest.approx(NOW, abs=timedelta(seconds=5))


@pytest.mark.django_db(transaction=True)
def test_no_transaction_is_open_while_one_is_sent(settings: Any, kestrel: Account) -> None:
    settings.EMAIL_BACKEND = "tests.accounts.mail_server.Watched"
    Watched.in_transaction.clear()
    post(*crowd(kestrel, 3))

    send()

    assert Watched.in_transaction == [False] * 3


def test_many_go_over_one_connection(server: MailServer, kestrel: Account) -> None:
    post(*crowd(kestrel, 250))

    send()

    assert (len(server.taken), server.connections) == (250, 1)


def test_a_server_that_takes_few_over_one_connection_gets_more_connections(
    server: MailServer, kestrel: Account
) -> None:
    server.closes_after = 4
    post(*crowd(kestrel, 10))

    send()

    assert Counter(Counter(letter["Message-ID"] for letter in server.taken).values()) == {1: 10}
    assert server.connections == 3
    assert not Letter.objects.filter(attempts__gt=0).exists()


@pytest.mark.django_db(transaction=True)
def test_two_workers_never_send_one_letter_twice(server: MailServer, kestrel: Account) -> None:
    people = crowd(kestrel, 60)
    post(*people)

    troubles = at_once(*[send] * 4)

    assert not troubles
    assert Counter(letter["To"] for letter in server.taken) == {person.email: 1 for person in people}


@pytest.mark.django_db(transaction=True)
def test_two_who_notice_the_same_at_once_write_one_letter_each(kestrel: Account) -> None:
    people = crowd(kestrel, 200)

    troubles = at_once(lambda: post(*people), lambda: post(*reversed(people)), lambda: post(*people))

    assert not troubles
    assert Letter.objects.count() == 200


def test_a_worker_that_dies_leaves_a_letter_that_goes_again_under_the_same_id(settings: Any, alice: User) -> None:
    post(alice)
    settings.EMAIL_BACKEND = "tests.accounts.mail_server.Killing"
    with pytest.raises(Killed):
        send()
    settings.EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"

    send(NOW + letters.CLAIM / 2)
    assert len(mail.outbox) == 1
    send(NOW + letters.CLAIM + timedelta(seconds=5))

    ids = [letter.message()["Message-ID"] for letter in mail.outbox]
    assert len(ids) == 2
    assert ids[0] == ids[1]


def test_a_turn_ends_and_says_that_there_is_more(alice: User) -> None:
    post(alice)

    assert letters.send_waiting(now=NOW, turn=timedelta()) is True

    assert not mail.outbox


def test_the_worker_sends_what_waits_and_forgets_what_is_old(alice: User, bob: User) -> None:
    post(alice, now=timezone.now())
    post(bob, now=timezone.now() - letters.KEPT_FOR)

    tasks.send_letters()
    tasks.forget_old_letters()

    assert len(mail.outbox) == 2
    assert only().person == alice


# ── Not sent any more ───────────────────────────────────────────────────────
def test_who_has_left_meanwhile_is_not_written_to(alice: User) -> None:
    post(alice)
    User.objects.filter(pk=alice.pk).update(is_active=False)

    send()

    assert not mail.outbox
    assert only().dropped_at is not None


def test_what_is_no_longer_so_is_not_sent(alice: User, bob: User) -> None:
    post(alice, incident="over by now")
    post(bob)

    send()

    assert [letter.to for letter in mail.outbox] == [["bob@kestrel.example"]]


def test_what_was_dropped_is_not_sent_and_what_was_sent_stays_so(alice: User, bob: User) -> None:
    post(alice)
    send()
    post(alice, bob, incident="2")

    letters.drop([KIND], {alice.pk}, now=NOW)
    send()

    assert [letter.to[0] for letter in mail.outbox] == [alice.email, bob.email]
    assert Letter.objects.get(person=alice, incident="1").dropped_at is None


def test_letters_go_with_the_person(cast: Cast) -> None:
    post(cast.alice, cast.bob)
    send()
    post(cast.alice, incident="2")

    deleting.delete(cast.alice, actor=cast.dana, now=NOW)

    assert list(Letter.objects.values_list("person__email", flat=True)) == ["bob@kestrel.example"]


def test_letters_of_long_ago_are_forgotten_and_those_that_wait_are_not(alice: User, bob: User) -> None:
    post(alice)
    send()
    post(bob)

    letters.forget_old(now=NOW + letters.KEPT_FOR - timedelta(days=1))
    assert Letter.objects.count() == 2
    letters.forget_old(now=NOW + letters.KEPT_FOR)

    assert only().person == bob


# ── Refused ─────────────────────────────────────────────────────────────────
def test_without_a_mail_server_it_is_tried_less_and_less_often(unreachable: None, alice: User, bob: User) -> None:
    post(alice, bob)
    now, waits = NOW, []
    for _ in range(7):
        assert send(now) is False
        waiting = Letter.objects.order_by("pk")
        assert [letter.sent_at for letter in waiting] == [None, None]
        assert waiting[0].not_before == waiting[1].not_before
        until = waiting[0].not_before
        assert until is not None
        waits.append(round((until - now).total_seconds()))
        now = until + timedelta(seconds=1)

    assert waits == [30, 60, 120, 240, 480, 600, 600]
    assert sum(letter.attempts for letter in Letter.objects.all()) == 7


def test_nobody_asks_the_server_before_the_time(unreachable: None, settings: Any, alice: User) -> None:
    post(alice)
    send()
    settings.EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"

    send(NOW + timedelta(seconds=20))
    assert not mail.outbox
    send(NOW + timedelta(seconds=40))

    assert len(mail.outbox) == 1


def test_one_refused_address_keeps_no_other_letter(server: MailServer, cast: Cast) -> None:
    server.refuses["alice@kestrel.example"] = b"550 nobody here"
    post(cast.alice, cast.bob, cast.gus)

    send()

    assert {letter["To"] for letter in server.taken} == {cast.bob.email, cast.gus.email}
    refused = Letter.objects.get(person=cast.alice)
    assert (refused.attempts, refused.sent_at, refused.claimed_until) == (1, None, None)
    assert server.connections == 1


def test_after_a_day_it_is_given_up_and_the_log_says_so(
    unreachable: None, alice: User, caplog: pytest.LogCaptureFixture
) -> None:
    post(alice)
    send()
    send(NOW + letters.GIVEN_UP_AFTER - timedelta(hours=1))
    assert only().dropped_at is None
    caplog.clear()

    send(NOW + letters.GIVEN_UP_AFTER + timedelta(minutes=1))

    assert only().dropped_at is not None
    said = [record.getMessage() for record in caplog.records if record.levelno == logging.ERROR]
    assert len(said) == 1
    assert "letters.given_up" in said[0]
    assert "alice" not in caplog.text


def test_a_letter_that_no_worker_has_touched_is_not_given_up(alice: User) -> None:
    post(alice)

    send(NOW + 3 * letters.GIVEN_UP_AFTER)

    assert len(mail.outbox) == 1


@pytest.fixture
def unreachable(settings: Any) -> None:
    """Nobody listens there."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", port
