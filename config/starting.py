"""What each process makes sure of before it serves anybody."""

from __future__ import annotations

import sys
import threading

import structlog
from django.db import DatabaseError, connections
from django.utils import timezone

from config.environment import WRONG_SETTINGS
from integrations import credential_checks, token_keys

log = structlog.get_logger(__name__)


def credentials_in_background() -> None:
    """A worker need not wait for Microsoft before it takes work."""
    threading.Thread(target=_try_credentials, name="preflight", daemon=True).start()


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


def _try_credentials() -> None:
    try:
        credential_checks.at_start(now=timezone.now())
    except Exception:  # a check that fails must not look like a worker that does
        log.exception("start.credentials_not_tried")
    finally:
        connections.close_all()
