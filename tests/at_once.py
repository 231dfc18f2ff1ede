"""Several people who act at the same moment, each in a transaction of its own."""

from __future__ import annotations

import threading
from collections.abc import Callable

from django.db import connection


def at_once(*acts: Callable[[], object]) -> list[Exception]:
    """Begin all of `acts` together and wait for them; answers what went wrong."""
    start, failures = threading.Barrier(len(acts)), list[Exception]()

    def run(act: Callable[[], object]) -> None:
        start.wait(10)
        try:
            act()
        except Exception as failure:  # noqa: BLE001  whatever it was, the test looks at it
            failures.append(failure)
        finally:
            connection.close()

    threads = [threading.Thread(target=run, args=(act,)) for act in acts]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    return failures
