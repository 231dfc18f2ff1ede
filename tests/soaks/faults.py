"""Every trouble in every piece of work, and what the pieces run on taken away at one moment after another.

`python -m tests.soaks.faults [minutes]`: at most an hour. The first round is the whole matrix of the token endpoint's
faults; after it Redis, PostgreSQL and the worker go again and again, a little later each time. Ends at the first
thing that is not as it should be, and says what to run to see it again.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time

MINUTES = 50.0
MATRIX = "tests/integrations/test_fault_matrix.py"
GONE = "tests/journeys/test_gone.py"
# Seconds after Microsoft was asked: before its answer, at it, and after it.
MOMENTS = (0.0, 1.2, 2.2, 2.4, 2.5, 2.6, 2.8, 3.5)


def main(minutes: float) -> int:
    ends = time.monotonic() + min(minutes, 60) * 60
    if code := _run(MATRIX, MERIDIAN_WHOLE_MATRIX="1"):
        return code
    rounds = 0
    slowest = 0.0
    while time.monotonic() + slowest < ends:
        began = time.monotonic()
        if code := _run(GONE, MERIDIAN_MOMENT=str(MOMENTS[rounds % len(MOMENTS)])):
            return code
        rounds += 1
        slowest = max(slowest, time.monotonic() - began)
    sys.stdout.write(f"The whole matrix, and {rounds} rounds of what goes: all true.\n")
    return 0


def _run(path: str, **more: str) -> int:
    command = [sys.executable, "-m", "pytest", "-q", path]
    code = subprocess.run(command, env={**os.environ, "TEST_DATABASE": "postgres", **more}, check=False).returncode
    if code:
        said = " ".join(f"{name}={value}" for name, value in more.items())
        sys.stdout.write(f"To see it again: TEST_DATABASE=postgres {said} python -m pytest {path}\n")
    return code


if __name__ == "__main__":
    sys.exit(main(float(sys.argv[1]) if len(sys.argv) > 1 else MINUTES))
