"""Letters to people: written in the transaction that gives cause, sent after it by a worker.

Of each incident a person gets one letter of a kind, whoever notices it, and however often: the database sees to that.
A letter is claimed before it is sent and noted after, so that two workers never send it twice. A worker that is
killed in between leaves a letter that may have gone: it goes again, under the same Message-ID, because a letter
twice is better than none.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from itertools import islice
from smtplib import SMTPRecipientsRefused, SMTPResponseException, SMTPServerDisconnected
from typing import Any
from urllib.parse import urlsplit

import structlog
from celery import signature
from django.conf import settings
from django.core.mail import EmailMessage, get_connection
from django.db import transaction
from django.db.models import Q, QuerySet

from accounts.models import Letter, User
from accounts.nudging import nudge

log = structlog.get_logger(__name__)

SEND = "accounts.send_letters"  # the task, which imports this module
STORED_AT_ONCE = 5000
LOOKED_AT_ONCE = 100
TURN = timedelta(seconds=20)  # of one task: then others that wait for a worker come first
CLAIM = timedelta(minutes=3)  # longer than the slowest mail server takes for one letter
FIRST_WAIT = timedelta(seconds=30)
LONGEST_WAIT = timedelta(minutes=10)
GIVEN_UP_AFTER = timedelta(days=1)
KEPT_FOR = timedelta(days=90)

StillHolds = Callable[[Letter], bool]
_kinds: dict[str, StillHolds] = {}


@dataclass(frozen=True)
class Draft:
    person: User
    kind: str
    # What it is about, the same words whenever it is noticed again.
    incident: str
    subject: str
    text: str


def declare(kind: str, *, still_holds: StillHolds) -> str:
    """Make a kind of letter known. `still_holds` is asked right before one is sent: what was overtaken by events
    meanwhile is not sent any more."""
    _kinds[kind] = still_holds
    return kind


def post(drafts: Iterable[Draft], *, now: datetime) -> int:
    """Write letters down, in the caller's transaction, and have them sent on commit. Answers how many are new."""
    posted, rest = 0, iter(drafts)
    with transaction.atomic():
        while some := list(islice(rest, STORED_AT_ONCE)):
            posted += _store(some, now=now)
        if posted:
            transaction.on_commit(partial(nudge, signature(SEND)))
    return posted


def drop(kinds: Collection[str], people: Collection[int], *, now: datetime) -> int:
    """Not to be sent any more, where it was not yet: what happened since has overtaken it."""
    return _to_send().filter(kind__in=kinds, person__in=people).update(dropped_at=now)


def _store(drafts: Sequence[Draft], *, now: datetime) -> int:
    """Those of incidents that their people were not written about before. Two queries."""
    among = Letter.objects.filter(person__in={draft.person.pk for draft in drafts})
    of_kinds = among.filter(kind__in={draft.kind for draft in drafts})
    known = set(of_kinds.values_list("person", "kind", "incident"))
    fresh = {key: draft for draft in drafts if (key := (draft.person.pk, draft.kind, draft.incident)) not in known}
    # In one order, so that two who write the same letters at once wait for each other and do not lock each other out.
    Letter.objects.bulk_create((_letter(fresh[key], now=now) for key in sorted(fresh)), ignore_conflicts=True)
    return len(fresh)


def _letter(draft: Draft, *, now: datetime) -> Letter:
    return Letter(
        account_id=draft.person.account_id,
        person=draft.person,
        kind=draft.kind,
        incident=draft.incident,
        subject=" ".join(draft.subject.split())[:200],
        text=draft.text.strip() + "\n",
        created_at=now,
    )


def _to_send() -> QuerySet[Letter]:
    return Letter.objects.filter(sent_at=None, dropped_at=None)
