"""Signs of life of the workers and of beat, in Redis: where they take their work from, and where a web page finds them.

A process that is killed leaves its last sign behind; one that ends in order takes it back.
"""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import structlog
from celery import signals
from celery.worker import state
from django.conf import settings
from django.utils import timezone
from redis import Redis
from redis.exceptions import RedisError

log = structlog.get_logger(__name__)

EVERY = timedelta(seconds=5)
SILENT_AFTER = timedelta(seconds=30)
FORGOTTEN_AFTER = timedelta(hours=1)
_SIGNS = "meridian:heartbeats"
_BEAT = "beat"
# Kombu's: where tasks wait, and where those lie that a worker has taken and not finished.
_QUEUE, _TAKEN = "celery", "unacked"


@dataclass(frozen=True)
class Worker:
    name: str
    seen_at: datetime
    # Tasks it works on at once, is working on, and has done since it started.
    concurrency: int
    busy: int
    done: int


@dataclass(frozen=True)
class Pulse:
    workers: tuple[Worker, ...]
    beat_at: datetime | None
    # Tasks that wait in the queue, and that workers have taken.
    waiting: int
    taken: int


def pulse(*, now: datetime) -> Pulse:
    """One trip to Redis. Raises RedisError."""
    with _redis() as redis, redis.pipeline(transaction=False) as together:
        signs, waiting, taken = together.hgetall(_SIGNS).llen(_QUEUE).hlen(_TAKEN).execute()
    read = {key.decode(): json.loads(value) for key, value in signs.items()}
    beat = read.pop(_BEAT, None)
    workers = sorted(_workers(read.values(), now=now), key=lambda worker: worker.name)
    return Pulse(tuple(workers), datetime.fromisoformat(beat["seen_at"]) if beat else None, waiting, taken)


class Heart:
    """Beats for one worker, in a thread of its own, until it is stopped."""

    def __init__(self, name: str, concurrency: int) -> None:
        self.name, self.concurrency = name, concurrency
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._live, name="heartbeat", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._stopped.set()
        self._thread.join(timeout=EVERY.total_seconds())
        with _forgiving(), _redis() as redis:
            redis.hdel(_SIGNS, self._key)

    def beat(self) -> None:
        sign = {
            "name": self.name,
            "concurrency": self.concurrency,
            "busy": len(state.active_requests),
            "done": state.all_total_count[0],
        }
        with _forgiving(), _redis() as redis:
            _leave(redis, self._key, sign)

    @property
    def _key(self) -> str:
        return f"{self.name} {os.getpid()}"

    def _live(self) -> None:
        while True:
            self.beat()
            if self._stopped.wait(EVERY.total_seconds()):
                return
