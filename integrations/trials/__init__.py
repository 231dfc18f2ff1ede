"""The test of the integration with somebody who is no admin: each step with its live result.

course.py   it begins, it ends, what is left of it
asking.py   what a worker asks of Microsoft meanwhile
steps.py    the steps as they stand
"""

from __future__ import annotations

from integrations.trials.course import (
    NotSuitable,
    begin,
    end,
    forget_old,
    latest,
    require_suitable,
    under_way,
)

__all__ = ["NotSuitable", "begin", "end", "forget_old", "latest", "require_suitable", "under_way"]
