"""Starting background work soon."""

from __future__ import annotations

from typing import Any

import structlog
from kombu.exceptions import OperationalError
from redis.exceptions import RedisError

log = structlog.get_logger(__name__)


def nudge(task: Any, *, in_seconds: float = 0, **arguments: object) -> None:
    """Start a task soon, or in a few seconds. Without Redis it starts at the next sweep, which needs no nudge.

    `task`: a Celery task, or from below the tasks its `signature` by name.
    """
    try:
        task.apply_async(kwargs=arguments, countdown=in_seconds or None, expires=60, retry=False)
    except (OperationalError, RedisError):
        log.warning("nudge.lost", task=task.name)
