"""SQLite for many threads of one process: whoever wants to write waits for their turn, in the order they came.

SQLite has one writer at a time. Who finds it busy sleeps and tries again, up to a tenth of a second each time, and
whoever comes meanwhile goes first: under load some wait for seconds and some are refused. A queue in the process is
fair, and wakes the next one at once.
"""

from __future__ import annotations

from collections import deque
from threading import Lock


class Turns:
    """A lock that is handed on in the order in which it was asked for."""

    def __init__(self) -> None:
        self._guard = Lock()
        self._is_taken = False
        self._waiting: deque[Lock] = deque()

    def take(self) -> None:
        with self._guard:
            if not self._is_taken:
                self._is_taken = True
                return
            mine = Lock()
            mine.acquire()
            self._waiting.append(mine)
        # Whoever hands the turn on releases it.
        mine.acquire()

    def hand_on(self) -> None:
        with self._guard:
            if self._waiting:
                self._waiting.popleft().release()
            else:
                self._is_taken = False
