"""The tasks, in a real Celery worker on a real Redis."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from celery.contrib.testing.worker import start_worker
from django.utils import timezone

from accounts.cascade import declare
from accounts.cascade.write import choose
from accounts.models import Account, User
from accounts.nudging import nudge
from config.celery import app
from integrations import connecting, opening, tasks
from integrations.models import Connection, ConsentRequest, State, Step
from integrations.preferences import Integrations
from tests.integrations.wired import answered, asked, connected
from tests.simulated import Simulator

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def worker(redis_url: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """As production runs it, with threads; in this process."""
    monkeypatch.setenv("TEST_BROKER", redis_url)  # Celery's own helper reads a variable of this name, too
    with start_worker(app, pool="threads", concurrency=2, perform_ping_check=False, shutdown_timeout=20) as worker:
        yield worker


def eventually(is_so: Callable[[], bool]) -> None:
    until = time.monotonic() + 20
    while not is_so():
        assert time.monotonic() < until, "it did not happen within 20 seconds"
        time.sleep(0.05)


def is_done(consent: ConsentRequest) -> bool:
    return ConsentRequest.objects.get(pk=consent.pk).step == Step.DONE


def state_of(person: User) -> str:
    return Connection.objects.get(user=person).state


def test_a_worker_carries_out_keeps_fresh_and_obeys_the_settings(
    alice: User, dana: User, kestrel: Account, microsoft: Simulator, worker: Any
) -> None:
    consent = answered(alice, microsoft)
    nudge(tasks.redeem, consent_id=str(consent.pk))
    eventually(lambda: is_done(consent))

    connection = Connection.objects.get(user=alice)
    Connection.objects.filter(pk=connection.pk).update(access_token="", access_expires_at=None)
    opening.ask_for_token(Connection.objects.get(pk=connection.pk), now=timezone.now())
    eventually(lambda: Connection.objects.get(pk=connection.pk).token_version == 2)

    enabled = declare.setting_of(Integrations, "enabled")
    choose(enabled, False, at=kestrel, actor=dana, now=timezone.now())
    eventually(lambda: state_of(alice) == State.BLOCKED_BY_POLICY)
    choose(enabled, True, at=kestrel, actor=dana, now=timezone.now())
    eventually(lambda: state_of(alice) == State.CONNECTED)


def test_the_sweeps_find_what_nobody_nudged_for(alice: User, bob: User, microsoft: Simulator, worker: Any) -> None:
    connection = connected(bob, microsoft)
    Connection.objects.filter(pk=connection.pk).update(refresh_due_at=timezone.now())
    consent = answered(alice, microsoft)

    for entry in app.conf.beat_schedule.values():
        app.tasks[entry["task"]].apply_async()

    eventually(lambda: is_done(consent))
    eventually(lambda: Connection.objects.get(pk=connection.pk).token_version == 2)


def test_every_task_may_run_twice(alice: User, microsoft: Simulator) -> None:
    connection = connected(alice, microsoft)
    consent = ConsentRequest.objects.get()
    now = timezone.now()
    Connection.objects.filter(pk=connection.pk).update(access_token="", refresh_due_at=now)

    for _ in range(2):
        tasks.redeem(consent_id=str(consent.pk))
        tasks.redeem_answered()
        tasks.refresh_one(connection_id=connection.pk)
        tasks.refresh_due()
        tasks.apply_policy_to(account_id=alice.account_id)
        tasks.apply_policy()
        tasks.forget_old_consents()

    assert (state_of(alice), asked(microsoft)) == (State.CONNECTED, 1)


def test_a_task_of_a_newer_release_with_more_to_say_still_runs(alice: User, microsoft: Simulator) -> None:
    consent = answered(alice, microsoft)

    tasks.redeem(consent_id=str(consent.pk), reason="of a later release")

    assert is_done(consent)


def test_tasks_about_what_is_gone_do_nothing(db: None) -> None:
    tasks.refresh_one(connection_id=987654)
    tasks.redeem(consent_id="6f1d8c3a-2b7e-4c55-9a41-5d0e3b9c7f21")
    tasks.apply_policy_to(account_id=987654)


def test_without_redis_a_nudge_is_lost_quickly_and_the_sweep_finds_the_work(
    alice: User, microsoft: Simulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    consent = answered(alice, microsoft)
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # bound, and nobody listens
        monkeypatch.setattr(app.conf, "broker_url", f"redis://127.0.0.1:{taken.getsockname()[1]}/0")
        started = time.monotonic()

        with app.connection_for_write() as broker:
            nudge(_To(broker), consent_id=str(consent.pk))

    assert time.monotonic() - started < 2
    assert connecting.to_redeem(now=timezone.now()) == [consent.pk]


class _To:
    """The task, sent by a connection that the test has chosen."""

    name = tasks.redeem.name

    def __init__(self, broker: Any) -> None:
        self._broker = broker

    def apply_async(self, **arguments: Any) -> object:
        return tasks.redeem.apply_async(**arguments | {"connection": self._broker})
