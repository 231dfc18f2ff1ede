"""How long Microsoft is waited for within one piece of work, before it is left for later."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta

from integrations.failures import Failure

FIRST_WAIT = timedelta(seconds=1)


@dataclass
class Patience:
    """So long in all, and so many times; what Microsoft asks us to wait is kept to."""

    total: timedelta
    times: int = 4
    sleep: Callable[[float], None] = time.sleep
    _spent: timedelta = field(default=timedelta(), init=False)
    _waited: int = field(default=0, init=False)

    def wait(self, failure: Failure) -> bool:
        """False: it would take too long."""
        wanted = max(failure.retry_after or timedelta(), FIRST_WAIT * 2**self._waited)
        if self._waited >= self.times or self._spent + wanted > self.total:
            return False
        self._waited += 1
        self._spent += wanted
        self.sleep(wanted.total_seconds())
        return True
