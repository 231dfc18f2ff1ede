"""What each process makes sure of before it serves anybody."""

from __future__ import annotations

import sys

import structlog
from django.db import DatabaseError, connections
from django.utils import timezone

from config.environment import WRONG_SETTINGS
from integrations import token_keys

log = structlog.get_logger(__name__)


def keys_or_exit() -> None:
    """Keys that do not open what is stored end the process with a sentence. Without a database nothing can be said."""
    try:
        token_keys.settle(now=timezone.now())
    except token_keys.WrongKeys as problem:
        sys.stderr.write(f"{problem}\n")
        raise SystemExit(WRONG_SETTINGS) from None
    except DatabaseError:
        log.warning("start.keys_not_compared", exc_info=True)
    finally:
        # A process that forks after this must share no connection with its children.
        connections.close_all()
