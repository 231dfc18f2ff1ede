"""Letters to people: written in the transaction that gives cause, sent after it by a worker.

Of each incident a person gets one letter of a kind, whoever notices it, and however often: the database sees to that.
A letter is claimed before it is sent and noted after, so that two workers never send it twice. A worker that is
killed in between leaves a letter that may have gone: it goes again, under the same Message-ID, because a letter
twice is better than none.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterable, Sequence
from contextlib import closing, suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from itertools import islice
from smtplib import SMTPDataError, SMTPNotSupportedError, SMTPRecipientsRefused
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

_CLOSING = 421  # “service not available, closing transmission channel”
_IS_OVER = Q(sent_at__isnull=False) | Q(dropped_at__isnull=False)

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
    with transaction.atomic(savepoint=False):
        while some := list(islice(rest, STORED_AT_ONCE)):
            posted += _store(some, now=now)
        if posted:
            transaction.on_commit(partial(nudge, signature(SEND)))
    return posted


def send_waiting(*, now: datetime, turn: timedelta = TURN) -> bool:
    """Send what waits, for one turn, over one connection to the mail server. True: there is more to do.

    May be called any number of times, by any number of workers. No transaction is open while one is sent.
    """
    _give_up(now=now)
    begun = time.monotonic()
    with closing(_Counter()) as counter:
        while some := list(_free(now).values_list("pk", flat=True)[:LOOKED_AT_ONCE]):
            for pk in some:
                passed = timedelta(seconds=time.monotonic() - begun)
                if passed >= turn:
                    return True
                if not _send(pk, counter, now=now + passed):
                    return False
    return False


def forget_old(*, now: datetime) -> None:
    """Letters that are over, once nobody asks any more what somebody was told."""
    Letter.objects.filter(_IS_OVER, created_at__lte=now - KEPT_FOR).delete()


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


class _Counter:
    """The mail server, over one connection for as many letters as it takes there."""

    def __init__(self) -> None:
        self._open: Any = None
        self.has_served = False

    def hand_in(self, message: EmailMessage) -> None:
        if self._open is None:
            self._open = get_connection()
            self._open.open()
        self._open.send_messages([message])
        self.has_served = True

    def close(self) -> None:
        with suppress(OSError):  # what it has taken it has taken
            if self._open is not None:
                self._open.close()
        self._open, self.has_served = None, False


def _send(pk: int, counter: _Counter, *, now: datetime) -> bool:
    """One letter, if nobody else has it. False: the mail server takes none at the moment."""
    letter = _claimed(pk, now=now)
    if letter is None:
        return True
    if not _is_due(letter):
        _settle(letter, dropped_at=now)
        return True
    try:
        counter.hand_in(_message(letter))
    except (OSError, UnicodeError) as trouble:  # of smtplib, of the socket below; an address that cannot be written
        return _put_back(letter, trouble, counter, now=now)
    _settle(letter, sent_at=now)
    log.info("letter.sent", letter=letter.pk, kind=letter.kind)
    return True


def _claimed(pk: int, *, now: datetime) -> Letter | None:
    """As it is now, if it is still to be sent and no other worker has it."""
    if not _free(now).filter(pk=pk).order_by().update(claimed_until=now + CLAIM):
        return None
    return Letter.objects.select_related("person").get(pk=pk)


def _is_due(letter: Letter) -> bool:
    """The person is still here, and it is still true."""
    still_holds = _kinds.get(letter.kind)
    return letter.person.is_active and (still_holds is None or still_holds(letter))


def _put_back(letter: Letter, trouble: Exception, counter: _Counter, *, now: datetime) -> bool:
    """For later. Whether the mail server takes others meanwhile."""
    if counter.has_served and not _is_about_the_letter(trouble):
        counter.close()  # it has taken enough over this connection, perhaps: another one tells
        _settle(letter)
        return True
    until = now + min(FIRST_WAIT * 2 ** min(letter.attempts, 10), LONGEST_WAIT)
    _settle(letter, not_before=until, attempts=min(letter.attempts + 1, 1000))
    log.warning("letter.refused", letter=letter.pk, reason=type(trouble).__name__)
    if _is_about_the_letter(trouble):
        return True
    _to_send().filter(Q(not_before=None) | Q(not_before__lt=until)).update(not_before=until)
    return False


def _is_about_the_letter(trouble: Exception) -> bool:
    """Refused for what it is or for whom it is to, where another letter may be welcome."""
    if isinstance(trouble, SMTPRecipientsRefused):
        return all(code != _CLOSING for code, _ in trouble.recipients.values())
    if isinstance(trouble, SMTPDataError):
        return trouble.smtp_code != _CLOSING
    return isinstance(trouble, SMTPNotSupportedError | UnicodeError)


def _settle(letter: Letter, **what: Any) -> None:
    Letter.objects.filter(pk=letter.pk).update(claimed_until=None, **what)


def _give_up(*, now: datetime) -> None:
    """What no mail server has taken for a day; said in the log, for nobody else can tell."""
    tried = _free(now + LONGEST_WAIT).filter(created_at__lte=now - GIVEN_UP_AFTER, not_before__isnull=False)
    if given_up := tried.order_by().update(dropped_at=now):
        log.error("letters.given_up", letters=given_up)


def _message(letter: Letter) -> EmailMessage:
    """The same Message-ID whenever it is sent."""
    host = urlsplit(settings.PUBLIC_URL).hostname
    headers = {
        "Message-ID": f"<letter-{letter.pk}-{letter.created_at.timestamp():.0f}@{host}>",
        "Auto-Submitted": "auto-generated",  # RFC 3834: nobody’s absence is told to us
    }
    return EmailMessage(letter.subject, letter.text, to=[letter.person.email], headers=headers)


def _free(now: datetime) -> QuerySet[Letter]:
    """To be sent now, by whoever claims it first."""
    unclaimed = Q(claimed_until=None) | Q(claimed_until__lte=now)
    return _to_send().filter(unclaimed, Q(not_before=None) | Q(not_before__lte=now)).order_by("created_at", "pk")


def _to_send() -> QuerySet[Letter]:
    return Letter.objects.filter(sent_at=None, dropped_at=None)
