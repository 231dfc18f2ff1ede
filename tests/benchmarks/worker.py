"""A Celery worker as production runs it, with as many refreshes in flight as a measurement wants.

`python -m tests.benchmarks.worker IN_FLIGHT PID_FILE`: ready once its number stands there.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

import django
from celery.signals import worker_ready

from config.celery import app


def main(in_flight: int, told: Path) -> None:
    django.setup()
    from integrations import refreshing

    refreshing.IN_FLIGHT = in_flight
    worker_ready.connect(lambda **_: told.write_text(str(os.getpid())), weak=False)
    app.worker_main(["worker", "-P", "threads", "-c", "6", "--without-gossip", "--without-mingle", "-l", "ERROR"])


if __name__ == "__main__":
    main(int(sys.argv[1]), Path(sys.argv[2]))
