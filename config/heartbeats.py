"""Signs of life of the workers and of beat, in Redis: where they take their work from, and where a web page finds them.

A process that is killed leaves its last sign behind; one that ends in order takes it back.
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import structlog
from celery import signals
from django.conf import settings
from django.utils import timezone
from redis import Redis
from redis.exceptions import RedisError

log = structlog.get_logger(__name__)

EVERY = timedelta(seconds=5)
SILENT_AFTER = timedelta(seconds=30)
FORGOTTEN_AFTER = timedelta(hours=1)
_PATIENCE = 2.0  # seconds that Redis may take
_SIGNS = "meridian:heartbeats"
_BEAT = "beat"
# Kombu's: where tasks wait, and where those lie that a worker has taken and not finished.
_QUEUE, _TAKEN = "celery", "unacked"


@dataclass(frozen=True)
class Worker:
    name: str
    seen_at: datetime
    # Tasks it works on at once, is working on, and has taken since it started.
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
        together.hgetall(_SIGNS)
        together.llen(_QUEUE)
        together.hlen(_TAKEN)
        found, waiting, taken = together.execute()
    signs = _read(found)
    beat = signs.pop(_BEAT, None)
    workers = (
        Worker(name, _seen_at(sign), int(sign["concurrency"]), int(sign["busy"]), int(sign["done"]))
        for name, sign in sorted(signs.items())
        if now - _seen_at(sign) <= FORGOTTEN_AFTER
    )
    return Pulse(tuple(workers), _seen_at(beat) if beat else None, waiting, taken)


class Heart:
    """Beats for one worker, in a thread of its own, until it is stopped."""

    def __init__(self, name: str, concurrency: int, count: Callable[[], tuple[int, int]]) -> None:
        """`count` gives how many tasks it is working on, and has taken since it started."""
        self.name, self.concurrency, self.count = name, concurrency, count
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._live, name="heartbeat", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._stopped.set()
        if self._thread.is_alive():
            self._thread.join(timeout=_PATIENCE * 2)
        with _if_redis_answers() as redis:
            redis.hdel(_SIGNS, self.name)

    def beat(self) -> None:
        busy, done = self.count()
        with _if_redis_answers() as redis:
            _leave(redis, self.name, concurrency=self.concurrency, busy=busy, done=done)

    def _live(self) -> None:
        with _if_redis_answers() as redis:
            _clear_away(redis, now=timezone.now())
        while not self._stopped.is_set():
            self.beat()
            self._stopped.wait(EVERY.total_seconds())


class BeatHeart:
    """Beats when beat has handed a task to Redis, which is what it is for; at most every few seconds."""

    def __init__(self) -> None:
        self._at = 0.0

    def handed_over(self) -> None:
        if time.monotonic() - self._at >= EVERY.total_seconds():
            self._at = time.monotonic()
            with _if_redis_answers() as redis:
                _leave(redis, _BEAT)


def of_worker(consumer: Any) -> Heart:
    """Begin, in a worker that is ready for tasks."""
    from celery.worker import state  # a web process, which reads the signs, needs no worker's modules

    heart = Heart(
        str(consumer.hostname),
        int(consumer.controller.concurrency or 0),
        lambda: (len(state.active_requests), sum(state.total_count.values())),
    )
    signals.worker_shutting_down.connect(lambda **_: heart.stop(), weak=False)
    heart.start()
    return heart


def of_beat() -> None:
    heart = BeatHeart()
    signals.after_task_publish.connect(lambda **_: heart.handed_over(), weak=False)


def _leave(redis: Redis, key: str, **more: object) -> None:
    redis.hset(_SIGNS, key, json.dumps({"seen_at": timezone.now().isoformat(), **more}))


def _clear_away(redis: Redis, *, now: datetime) -> None:
    """Of workers that were killed, and never came back under that name."""
    for key, sign in _read(redis.hgetall(_SIGNS)).items():
        if now - _seen_at(sign) > FORGOTTEN_AFTER:
            redis.hdel(_SIGNS, key)


def _read(signs: Mapping[Any, Any]) -> dict[str, dict[str, Any]]:
    return {key.decode(): json.loads(sign) for key, sign in signs.items()}


def _seen_at(sign: Mapping[str, Any]) -> datetime:
    return datetime.fromisoformat(sign["seen_at"])


def _redis() -> Redis:
    return Redis.from_url(settings.REDIS_URL, socket_timeout=_PATIENCE, socket_connect_timeout=_PATIENCE)


@contextmanager
def _if_redis_answers() -> Iterator[Redis]:
    """A heart goes on without Redis; that no sign comes is the sign then."""
    try:
        with _redis() as redis:
            yield redis
    except RedisError:
        log.warning("heartbeat.redis", exc_info=True)
