"""What a load balancer asks, and whether beat's schedule speaks of tasks that exist."""

from __future__ import annotations

import socket
from typing import Any

import pytest
from django.db import connection
from django.test import Client

from config.celery import app
from integrations import redeeming, refreshing, tokens


def test_the_process_answers_without_anything_behind_it() -> None:
    response = Client().get("/healthz")

    assert (response.status_code, response.content, response.headers["Content-Type"]) == (200, b"ok", "text/plain")


@pytest.mark.django_db
def test_ready_means_database_and_redis_answer() -> None:
    response = Client().get("/readyz")

    assert (response.status_code, response.content) == (200, b"ok")


@pytest.mark.django_db
def test_without_redis_it_is_not_ready_and_says_so(settings: Any) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # bound, and nobody listens
        url = f"redis://127.0.0.1:{taken.getsockname()[1]}/0"
        settings.CACHES = {"default": {"BACKEND": "django.core.cache.backends.redis.RedisCache", "LOCATION": url}}

        response = Client().get("/readyz")

    assert (response.status_code, response.content) == (503, b"no answer: redis")


@pytest.mark.django_db
def test_without_the_database_it_is_not_ready_and_says_so() -> None:
    def broken(execute: Any, sql: str, *rest: Any) -> Any:
        from django.db import OperationalError

        raise OperationalError("the connection is gone")

    with connection.execute_wrapper(broken):
        response = Client().get("/readyz")

    assert (response.status_code, response.content) == (503, b"no answer: database")


@pytest.mark.parametrize("path", ["/healthz", "/readyz"])
def test_nothing_can_be_sent_to_it(path: str) -> None:
    assert Client().post(path).status_code == 405


@pytest.mark.parametrize("path", ["/healthz", "/readyz"])
@pytest.mark.django_db
def test_it_says_nothing_about_versions_or_places(path: str) -> None:
    assert Client().get(path).content in (b"ok",)


@pytest.mark.django_db  # a worker that starts runs the system checks, one of which looks into the database
@pytest.mark.parametrize("entry", app.conf.beat_schedule.values(), ids=app.conf.beat_schedule)
def test_every_scheduled_task_exists_and_does_not_pile_up(entry: dict[str, Any]) -> None:
    app.loader.import_default_modules()

    assert entry["task"] in app.tasks
    assert entry["options"]["expires"] <= entry["schedule"]


@pytest.mark.django_db  # as above
def test_every_task_says_whose_it_is_and_takes_what_later_releases_may_send() -> None:
    app.loader.import_default_modules()
    ours = {name: task for name, task in app.tasks.items() if not name.startswith("celery.")}

    assert ours
    for name, task in ours.items():
        assert name.startswith(("integrations.", "accounts.", "calendaring.")), name
        parameters = task.run.__code__
        assert parameters.co_argcount == 0, f"{name} takes keywords only"
        assert parameters.co_flags & 0x08, f"{name} ends with **_"


def test_the_broker_gives_a_task_away_again_only_after_any_task_has_ended() -> None:
    patience = app.conf.broker_transport_options["visibility_timeout"]

    assert redeeming.ATTEMPT.total_seconds() < patience
    turn = refreshing.TURN + tokens.LEASE + refreshing.PERSISTENCE  # claims, asks to the end, and stores at last
    assert patience > turn.total_seconds()
    assert app.conf.task_acks_late
    assert app.conf.task_reject_on_worker_lost
