"""Every secret that was handed out, in a file: to search a client's logs, databases and queues for them.

Only where SIMULATOR_ISSUED names the file; else nothing is kept, and what is kept elsewhere are hashes.
"""

from __future__ import annotations

import os
import threading
from functools import cache
from typing import TextIO

_writing = threading.Lock()


def note(secret: str) -> str:
    """The secret, noted."""
    file = _file()
    if file:
        with _writing:
            file.write(f"{secret}\n")
    return secret


@cache
def _file() -> TextIO | None:
    path = os.environ.get("SIMULATOR_ISSUED")
    if not path:
        return None
    opened = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    return os.fdopen(opened, "a", encoding="utf-8", buffering=1)
