"""Requests for an administrator's approval, as people write them where the organization lets them.

Kept in memory, the latest hundred: a trainer reads them in the console, and decides by granting consent or not.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import count
from threading import Lock

from integrations.simulator.models import Application, Person

KEPT = 100
LONGEST = 500


@dataclass(frozen=True)
class Approval:
    number: int
    at: datetime
    who: str
    """A sign-in name."""
    tenant: str
    """Its id."""
    client_id: str
    app: str
    permissions: tuple[str, ...]
    justification: str


def ask(
    person: Person, application: Application, names: Sequence[str], justification: str, *, now: datetime
) -> Approval:
    """Somebody who asks again for the same application replaces their earlier request."""
    with _lock:
        asked = Approval(
            number=next(_numbers),
            at=now,
            who=person.sign_in_name,
            tenant=str(person.tenant.tid),
            client_id=str(application.client_id),
            app=application.name,
            permissions=tuple(names),
            justification=justification.strip()[:LONGEST],
        )
        kept = [one for one in _waiting if (one.who, one.client_id) != (asked.who, asked.client_id)]
        _waiting.clear()
        _waiting.extend([*kept, asked])
    return asked


def waiting() -> Sequence[Approval]:
    """Newest first."""
    with _lock:
        return list(reversed(_waiting))


def settle(tenant_id: str, client_id: str) -> None:
    """An administrator has consented for all: nobody of the organization waits for this application any more."""
    with _lock:
        kept = [one for one in _waiting if (one.tenant, one.client_id) != (tenant_id, client_id)]
        _waiting.clear()
        _waiting.extend(kept)


def clear(tenant_id: str = "") -> None:
    """Of one organization, or all: what a reset takes away."""
    with _lock:
        kept = [one for one in _waiting if tenant_id and one.tenant != tenant_id]
        _waiting.clear()
        _waiting.extend(kept)


_lock = Lock()
_numbers = count(1)
_waiting: deque[Approval] = deque(maxlen=KEPT)
