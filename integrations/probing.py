"""Does the mailbox answer? Only that it did, and by which address it goes, is kept: nothing of what is in it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import datetime, timedelta

from integrations import agreeing
from integrations.consent_steps import Ended
from integrations.contracts import NotEligible, NotPermitted, Passing
from integrations.exchange import mailboxes
from integrations.failures import Reason
from integrations.microsoft.graph import events, me
from integrations.models import ConsentRequest, Ending
from integrations.preferences import Api


def open_mailbox(request: ConsentRequest, *, now: datetime) -> str:
    """The mailbox's address, once a page of its calendar was read with the tokens of this request. Raises Ended,
    `CalendarError`; NotEligible with the likeliest reason."""
    if request.api == Api.EWS.value:
        return _open_by_ews(request, now=now)
    token = agreeing.usable_token(request, now=now)
    try:
        with _asking(request):
            address = me.get_address(token)
            next(events.view(token, now, now + timedelta(days=1), fields="id", top=1), None)
    except NotEligible as problem:
        raise NotEligible(me.why_no_mailbox(token, problem.failure)) from problem
    return address


def address_of(request: ConsentRequest, *, now: datetime) -> str:
    """The mailbox's address alone: nothing in it is read. Empty where Microsoft knows none. Raises Ended,
    `CalendarError`."""
    if request.api == Api.EWS.value:
        with suppress(NotEligible):
            return _open_by_ews(request, now=now)
        return ""
    token = agreeing.usable_token(request, now=now)
    with _asking(request):
        return me.get_address(token)


def _open_by_ews(request: ConsentRequest, *, now: datetime) -> str:
    """EWS tells whose mailbox it is by opening it; of what is in it nothing is asked for."""
    token = agreeing.usable_token(request, now=now)
    who = agreeing.kept_by(request).who
    with _asking(request):
        return mailboxes.probe_delegated(token, who.username if who else "").address


@contextmanager
def _asking(request: ConsentRequest) -> Iterator[None]:
    try:
        yield
    except NotPermitted as problem:
        raise Ended(Ending.LESS_GRANTED, problem.failure) from problem
    except Passing as problem:
        if problem.failure.reason is Reason.TOKEN_REFUSED:
            agreeing.forget_access(request)
        raise
