"""The threads that tell of changes, a few whatever happens. They end with the process."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from threading import Thread

from django.utils import timezone

from integrations.simulator.graph import lifecycle, notices

SENDERS = 4
LOOK_AFTER_EVERY = 2.0
log = logging.getLogger("simulator")


def start() -> None:
    """Once in a process: by who serves."""
    notices.listen()
    for number, work in enumerate((notices.match, _look_after, *(notices.send for _ in range(SENDERS)))):
        Thread(target=_forever, args=(work,), name=f"notices-{number}", daemon=True).start()


def _look_after() -> None:
    lifecycle.look_after(now=timezone.now())
    time.sleep(LOOK_AFTER_EVERY)


def _forever(work: Callable[[], None]) -> None:
    while True:
        try:
            work()
        except Exception:
            # One notice that cannot be told must not silence all others.
            log.exception("Telling of changes failed.")
            time.sleep(1)
