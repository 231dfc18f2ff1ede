"""*Try now* on the profile: offered in passing trouble, done by a worker, and never to hurry Microsoft."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.urls import reverse
from django.utils import timezone

from accounts.models import User
from integrations import retrying
from integrations.diagnosis import asked
from integrations.failures import Reason
from integrations.models import Connection, State, Trouble
from tests.cast import ClientOf
from tests.integrations.tied import connect
from tests.integrations.wired import connected
from tests.simulated import Simulator

pytestmark = pytest.mark.django_db
PROFILE, TRY = "/profile/", "/profile/calendar/try/"
SOON = timedelta(minutes=10)


def degraded(person: User, reason: Reason = Reason.NO_ANSWER) -> Connection:
    waits = {"refresh_due_at": timezone.now() + SOON, "attempts": 3}
    return connect([person], State.DEGRADED, reason=reason.value, trouble=Trouble.MAILBOX, **waits)[0]


def profile_of(person: User, client_of: ClientOf) -> str:
    return client_of(person).get(PROFILE).content.decode()


@pytest.mark.parametrize(
    ("state", "reason", "is_offered"),
    [
        (State.DEGRADED, Reason.NO_ANSWER, True),
        (State.DEGRADED, Reason.SERVICE_TROUBLE, True),
        (State.DEGRADED, Reason.TOO_MANY_REQUESTS, False),
        (State.CONNECTED, Reason.NO_ANSWER, False),
        (State.PAUSED, Reason.CREDENTIAL_EXPIRED, False),
        (State.NEEDS_REAUTH, Reason.INACTIVE, False),
    ],
)
def test_it_is_offered_in_trouble_that_may_be_over(
    state: State, reason: Reason, is_offered: bool, alice: User, client_of: ClientOf
) -> None:
    connection = degraded(alice, reason)
    Connection.objects.update(state=state)

    shown = profile_of(alice, client_of)
    client_of(alice).post(TRY)

    assert (reverse("connection_try") in shown) == is_offered
    assert (asked.latest(connection, now=timezone.now()) is not None) == is_offered


def test_when_the_wait_that_microsoft_asked_for_is_over_it_may_be_tried(alice: User) -> None:
    connection = degraded(alice, Reason.TOO_MANY_REQUESTS)

    assert not retrying.may_try(connection, now=timezone.now())
    assert retrying.may_try(connection, now=timezone.now() + SOON)


def test_who_presses_again_and_again_asks_once_a_minute(alice: User, client_of: ClientOf) -> None:
    connection, now = degraded(alice), timezone.now()

    assert retrying.try_now(connection, now=now)
    assert not retrying.try_now(connection, now=now)
    asking = profile_of(alice, client_of)
    asked._write(connection.pk, {"at": now, "found_at": now, "says": "Nothing.", "is_fine": False})
    tried = profile_of(alice, client_of)

    assert "Meridian asks Microsoft now." in asking and "load delay:1s" in asking and "Look again" in asking
    assert "It is still so." in tried and "load delay:1s" not in tried
    assert [TRY in shown for shown in (asking, tried)] == [False, False]
    assert not retrying.may_try(connection, now=now + timedelta(seconds=59))
    assert retrying.may_try(connection, now=now + timedelta(seconds=60))


@pytest.mark.django_db(transaction=True)
def test_what_is_over_is_seen_at_once(alice: User, microsoft: Simulator, client_of: ClientOf) -> None:
    connection = connected(alice, microsoft)
    waits = {"refresh_due_at": timezone.now() + SOON, "attempts": 5, "reason": Reason.NO_ANSWER.value}
    Connection.objects.update(state=State.DEGRADED, trouble=Trouble.MAILBOX, **waits)
    client_of(alice).post(TRY)

    asked.carry_out(connection.pk, now=timezone.now())

    assert Connection.objects.get().state == State.CONNECTED
    shown = profile_of(alice, client_of)
    assert TRY not in shown and "load delay:1s" not in shown


def test_it_is_ones_own_connection_that_is_tried(alice: User, bob: User, client_of: ClientOf) -> None:
    connection = degraded(alice)

    client_of(bob).post(TRY)

    assert asked.latest(connection, now=timezone.now()) is None
