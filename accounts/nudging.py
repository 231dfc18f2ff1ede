"""Starting background work from below the tasks, by the task's name."""

from __future__ import annotations

import structlog
from celery import current_app
from kombu.exceptions import OperationalError
from redis.exceptions import RedisError

log = structlog.get_logger(__name__)


def nudge(task: str, **arguments: object) -> None:
    """Start a task soon. Without Redis it starts at the next sweep, which needs no nudge."""
    try:
        current_app.send_task(task, kwargs=arguments, expires=60, retry=False)
    except (OperationalError, RedisError):
        log.warning("nudge.lost", task=task)
