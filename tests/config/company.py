"""A supervisor with children of the test's choosing: python -m tests.config.company LOGS NAME=SCRIPT …

Each child is a Python script text. Prints what the demo's runner prints, and `watching` once all are started.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

from config.demo.children import Command
from config.demo.supervisor import Supervisor
from config.demo.words import AskedToStop, GaveUp, say


def main(logs: str, *children: str) -> int:
    supervisor = Supervisor(logs=Path(logs), say=say)
    supervisor.heed_signals()
    try:
        for child in children:
            name, _, script = child.partition("=")
            supervisor.start(Command(name, (sys.executable, "-c", script), dict(os.environ), grace=1.0))
        say("watching")
        supervisor.watch()
    except AskedToStop:
        say("stopping")
    except GaveUp as reason:
        say(str(reason))
        return 1
    finally:
        supervisor.stop()
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
