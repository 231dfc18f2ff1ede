"""How a consent request moves on: each step written down under the eyes of the one before, each end with its reason."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any

from django.db import transaction

from accounts import vault
from integrations import approvals
from integrations.connecting import place
from integrations.failures import Failure, Reason
from integrations.models import ConsentRequest, Step


class Ended(Exception):
    """This request leads nowhere; the reason says why."""

    def __init__(self, reason: str, failure: Failure | None = None) -> None:
        super().__init__(reason)
        self.reason, self.failure = reason, failure


class Overtaken(Exception):
    """The request was ended meanwhile: the person disconnected, or was deactivated."""


def advance(request: ConsentRequest, step: Step, **more: object) -> None:
    """Raises Overtaken where the request is no longer as it was read."""
    if not ConsentRequest.objects.filter(pk=request.pk, step=request.step, ended_at=None).update(step=step, **more):
        raise Overtaken
    request.step = step
    for name, value in more.items():
        setattr(request, name, value)


def sealed(request: ConsentRequest, column: str, content: dict[str, Any]) -> str:
    """For a column of the request; `connecting.opened` opens it."""
    return vault.seal(json.dumps(content), bound_to=place(request, column))


def end(request: ConsentRequest, reason: str, failure: Failure | None, *, now: datetime) -> bool:
    """Without a connection, and without a secret. False: it had ended before."""
    said = (
        {"code": failure.code[:80], "trace_id": failure.trace_id[:80], "claims": failure.claims}
        if failure
        else {"code": "", "trace_id": ""}
    )
    gone = {"flow": "", "answer": "", "tokens": "", "claimed_until": None}
    with transaction.atomic():
        ended = ConsentRequest.objects.filter(pk=request.pk, ended_at=None).update(
            step=Step.FAILED, reason=str(reason), ended_at=now, **said, **gone
        )
        if ended and failure and failure.reason is Reason.ADMIN_APPROVAL:
            approvals.awaited(request, failure, now=now)
    return bool(ended)
