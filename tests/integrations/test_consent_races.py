"""Two at once, a worker that dies, and what happens meanwhile."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from django.db import connection as database
from django.db import connections as databases
from django.utils import timezone

from accounts.models import AuditEntry, User
from integrations import connecting, disconnecting, redeeming
from integrations.models import Connection, ConsentRequest, Ending, State, Step
from tests.integrations.wired import answered, asked, assert_ended, connected, redeemed, row
from tests.simulated import Simulator

pytestmark = pytest.mark.django_db


# ── Two at once, and what happens meanwhile ─────────────────────────────────
def test_a_request_in_somebodys_hands_is_left_alone_until_the_claim_ends(alice: User, microsoft: Simulator) -> None:
    consent = answered(alice, microsoft)
    now = timezone.now()
    ConsentRequest.objects.filter(pk=consent.pk).update(claimed_until=now + redeeming.CLAIM)

    assert connecting.to_redeem(now=now) == []
    assert redeemed(consent).step == Step.ANSWERED
    assert connecting.to_redeem(now=now + redeeming.CLAIM) == [consent.pk]
    assert redeemed(consent, after=redeeming.CLAIM).step == Step.DONE
    assert redeeming.ATTEMPT < redeeming.CLAIM


def redeem_at_once(*consents: ConsentRequest) -> None:
    """Each in a thread of its own."""
    ready = threading.Barrier(len(consents))

    def work(consent: ConsentRequest) -> None:
        ready.wait()
        redeeming.redeem(consent.pk, now=timezone.now())
        databases.close_all()

    threads = [threading.Thread(target=work, args=(consent,)) for consent in consents]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


@pytest.mark.django_db(transaction=True)
def test_two_ways_of_one_person_at_once_end_in_one_connection(alice: User, microsoft: Simulator) -> None:
    """Neither finds a row to lock; nobody may be told that the mailbox is somebody else's."""
    first, second = answered(alice, microsoft), answered(alice, microsoft)

    redeem_at_once(first, second)

    assert Connection.objects.get().state == State.CONNECTED
    assert sorted(ConsentRequest.objects.values_list("step", "reason")) == [(Step.DONE, ""), (Step.DONE, "")]


@pytest.mark.django_db(transaction=True)
def test_two_people_with_one_mailbox_at_once_end_with_one_of_them(alice: User, bob: User, microsoft: Simulator) -> None:
    ways = [answered(person, microsoft, name="alice@kestrel.example") for person in (alice, bob)]

    redeem_at_once(*ways)

    assert Connection.objects.get().state == State.CONNECTED
    assert sorted(ConsentRequest.objects.values_list("step", "reason")) == [
        (Step.DONE, ""),
        (Step.FAILED, Ending.TAKEN),
    ]


@pytest.mark.django_db(transaction=True)
def test_redeemed_twice_at_once_it_connects_once(alice: User, microsoft: Simulator) -> None:
    consent = answered(alice, microsoft)

    redeem_at_once(consent, consent)

    assert Connection.objects.get().state == State.CONNECTED
    assert asked(microsoft, "authorization_code") == 1
    assert AuditEntry.objects.count() == 1


def test_redeeming_again_what_is_done_changes_nothing(alice: User, microsoft: Simulator) -> None:
    connection = connected(alice, microsoft)
    consent = ConsentRequest.objects.get()
    before = row(Connection, connection.pk), row(ConsentRequest, consent.pk)

    redeemed(consent)

    assert (row(Connection, connection.pk), row(ConsentRequest, consent.pk)) == before


@contextmanager
def before_statement(number: int, what: Callable[[], None]) -> Iterator[list[str]]:
    """`what` happens just before the database is changed for the `number`th time."""
    changes: list[str] = []

    def watch(execute: Any, sql: str, *rest: Any) -> Any:
        if sql.startswith(("UPDATE", "INSERT", "DELETE")):
            changes.append(sql)
            if len(changes) == number:
                what()
        return execute(sql, *rest)

    with database.execute_wrapper(watch):
        yield changes


class Killed(BaseException):
    """The worker, at this moment."""


def die() -> None:
    raise Killed


def afresh(person: User, microsoft: Simulator) -> ConsentRequest:
    Connection.objects.all().delete()
    ConsentRequest.objects.all().delete()
    return answered(person, microsoft)


def times_connected() -> int:
    return AuditEntry.objects.filter(action="calendar.connected").count()


def test_a_worker_may_die_before_any_of_its_changes_and_it_ends_connected(alice: User, microsoft: Simulator) -> None:
    number, interrupted = 0, []
    while True:
        number += 1
        consent, before = afresh(alice, microsoft), times_connected()
        with before_statement(number, die) as changes:
            try:
                redeeming.redeem(consent.pk, now=timezone.now())
            except Killed:
                pass
            else:
                break

        redeemed(consent, after=redeeming.CLAIM)

        if consent.reason == Ending.INTERRUPTED:
            interrupted.append(number)
            assert_ended(consent, Ending.INTERRUPTED)
            assert not Connection.objects.exists()
        else:
            assert consent.step == Step.DONE, (number, changes[-1], consent.reason)
            assert Connection.objects.get().state == State.CONNECTED
            assert times_connected() == before + 1

    # Microsoft takes a code once: only who dies with the fresh tokens in hand, before the second change (the first
    # is the claim), has to ask again.
    assert interrupted == [2]
    assert number > 8


def test_who_disconnects_meanwhile_is_not_connected_behind_their_back(alice: User, microsoft: Simulator) -> None:
    number, overtaken = 0, 0
    depth = len(database.savepoint_ids)
    while True:
        number += 1
        consent = afresh(alice, microsoft)
        left: list[bool] = []

        def leave(left: list[bool] = left) -> None:
            # Inside a transaction nobody comes between: they would wait for its end.
            if len(database.savepoint_ids) == depth:
                left.append(disconnecting.disconnect(alice, actor=alice, now=timezone.now()))

        with before_statement(number, leave) as changes:
            redeeming.redeem(consent.pk, now=timezone.now())
        if len(changes) < number:
            break

        consent.refresh_from_db()
        if left:
            overtaken += 1
            assert consent.step == Step.FAILED, (number, changes[number - 1])
            assert not Connection.objects.exclude(state=State.DISCONNECTED).exists(), (number, changes[number - 1])

    assert overtaken >= 3
