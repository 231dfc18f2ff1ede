"""People are connected by their organization's consent: their mailboxes are probed by the batch, and all whose mailbox
opened are connected, or moved, in one transaction. Doing it twice does no more than doing it once."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog

from integrations import states
from integrations.contracts import CalendarError
from integrations.failures import Failure, Outcome, Reason
from integrations.microsoft.graph import batch, mailboxes
from integrations.models import LinkState, TenantLink
from integrations.organization import asking_ews, link_checks, patience, tenant_tokens
from integrations.organization.matching import Finding, Match
from integrations.organization.rows import Ending, Verdict, without_twins, write

__all__ = ["AT_A_TIME", "Ending", "Wish", "connect", "keep_in_view"]

log = structlog.get_logger(__name__)

_ANOTHER = Failure(Outcome.NOT_ELIGIBLE, Reason.AMBIGUOUS, code="another mailbox")

AT_A_TIME = batch.MOST
AT_ONCE = 500
LATELY = timedelta(seconds=30)  # so long one look at the link answers for all who ask


@dataclass(frozen=True)
class Wish:
    """Somebody who was matched, and is to be connected once the mailbox has opened."""

    person: int
    # Empty where the directory may not be read.
    object_id: str
    address: str
    is_on_premises: bool = False
    # Nobody says that the address leads to this very mailbox: both are opened, and must be one calendar.
    is_compared: bool = False
    # The directory does not name them any more: once it does, they are asked for at once.
    is_missing: bool = False
    # The address of the mailbox that they are connected to otherwise.
    known_as: str = ""

    @property
    def addresses(self) -> list[str]:
        """By EWS a mailbox has no other name."""
        return [self.address, *([self.known_as] if self.is_compared and self.known_as else [])]

    @property
    def paths(self) -> list[str]:
        users = [self.object_id or self.address, *([self.address] if self.is_compared else [])]
        return [f"{mailboxes.of(user)}/calendar?$select=id" for user in users]


def connect(link: TenantLink, wishes: Sequence[Wish], *, now: datetime) -> list[Ending]:
    """Each one's ending, in their order. Raises nothing that belongs to Microsoft.

    Twenty by each request, and all answers written down at once: a transaction for a hundred costs little more than
    one for twenty, and it is one after another that they have the link.
    """
    answers = _probed(link, wishes, now=now)
    if answers is None:
        return [Ending.LATER for _ in wishes]
    verdicts = {one.person: _verdict(one, answer) for one, answer in zip(wishes, answers, strict=True)}
    written = write(link, without_twins(verdicts) if link.is_by_ews else verdicts, now=now)
    return [written[one.person] for one in wishes]


def keep_in_view(link: TenantLink, matches: Mapping[int, Match], *, now: datetime) -> dict[int, Ending]:
    """Those of whom the directory tells that there is no mailbox of theirs."""
    people = sorted(matches)
    written: dict[int, Ending] = {}
    for at in range(0, len(people), AT_ONCE):
        some = people[at : at + AT_ONCE]
        written |= write(link, {person: _unmatched(person, matches[person]) for person in some}, now=now)
    return written


def _probed(link: TenantLink, wishes: Sequence[Wish], *, now: datetime) -> list[batch.Answer] | None:
    """None: nothing is known of any of them."""
    if link.is_by_ews and patience.is_waiting(link, now=now):
        return None
    try:
        token = tenant_tokens.access_token(link, now=now)
        answers = _by_ews(token, wishes) if link.is_by_ews else _by_graph(token, wishes)
    except (tenant_tokens.Busy, tenant_tokens.NotAlive):
        return None
    except CalendarError as problem:
        _doubt(link, problem.failure, now=now)
        return None
    failed = [one for one in answers if isinstance(one, Failure)]
    if refused := next((one for one in failed if one.reason is Reason.TOKEN_REFUSED), None):
        _doubt(link, refused, now=now)
        return None
    if link.is_by_ews:
        _note_patience(link, failed, is_heard=len(failed) < len(answers), now=now)
    is_refused = len(failed) == len(answers) and any(states.kept_out_by(one) for one in failed)
    return None if is_refused and not _opens_others(link, now=now) else answers


def _by_graph(token: str, wishes: Sequence[Wish]) -> list[batch.Answer]:
    said = iter([answer for some in _by_request(wishes) for answer in batch.get_each(token, some)])
    return [_agreed([next(said) for _ in one.paths]) for one in wishes]


def _by_ews(token: str, wishes: Sequence[Wish]) -> list[batch.Answer]:
    addresses = [address for one in wishes for address in one.addresses]
    said = iter(asking_ews.open_each(token, addresses, patience=batch.PATIENCE))
    return [_agreed([next(said) for _ in one.addresses]) for one in wishes]


def _note_patience(link: TenantLink, failed: Sequence[Failure], *, is_heard: bool, now: datetime) -> None:
    """Whatever asks next, leaves Exchange alone as long as it wants to be."""
    if busy := next((one for one in failed if one.outcome is Outcome.THROTTLED), None):
        patience.set_back(link, busy, now=now)
    elif is_heard:
        patience.answered(link)


def _by_request(wishes: Sequence[Wish]) -> Iterator[list[str]]:
    paths = [path for one in wishes for path in one.paths]
    return (paths[at : at + batch.MOST] for at in range(0, len(paths), batch.MOST))


def _agreed(answers: Sequence[batch.Answer]) -> batch.Answer:
    """Of one mailbox, asked for in one or two ways."""
    failed = next((one for one in answers if isinstance(one, Failure)), None)
    if failed:
        return failed
    calendars = {one.get("id") for one in answers if not isinstance(one, Failure)}
    return answers[0] if len(calendars) == 1 else _ANOTHER


def _doubt(link: TenantLink, failure: Failure, *, now: datetime) -> None:
    log.info("connecting.not_answered", link=link.pk, reason=failure.reason.value)
    if failure.reason is Reason.TOKEN_REFUSED:
        tenant_tokens.forget(link)
        link_checks.check_link(link.pk, now=now)


def _opens_others(link: TenantLink, *, now: datetime) -> bool:
    """Not one of these was let in: is it they who are kept out, or is the consent gone?"""
    current = TenantLink.objects.filter(pk=link.pk, ended_at=None).first()
    if current and not (current.probed_at and now - current.probed_at < LATELY):
        current = link_checks.check_link(link.pk, now=now)
    return current is not None and current.state == LinkState.WORKING


def _verdict(wish: Wish, answer: batch.Answer) -> Verdict:
    if not isinstance(answer, Failure):
        return Verdict(wish.person, wish.object_id, answer.get("address") or wish.address, is_open=True)
    if answer is _ANOTHER:
        return Verdict(wish.person, wish.object_id, wish.address, ending=Ending.KEPT)
    code = "" if wish.is_missing else answer.code
    ending, reason = _judged(wish, answer)
    return Verdict(wish.person, wish.object_id, wish.address, ending=ending, reason=reason, code=code)


def _judged(wish: Wish, failure: Failure) -> tuple[Ending, Reason | None]:
    if failure.outcome is Outcome.NOT_ELIGIBLE:
        return Ending.NO_MAILBOX, Reason.ON_PREMISES if wish.is_on_premises else Reason.NO_MAILBOX
    kept_out = states.kept_out_by(failure)
    return (Ending.SCOPED_OUT, kept_out) if kept_out else (Ending.LATER, None)


def _unmatched(person: int, found: Match) -> Verdict:
    ending = Ending.AMBIGUOUS if found.finding is Finding.AMBIGUOUS else Ending.NO_MAILBOX
    return Verdict(person, found.object_id, found.address, ending=ending, reason=found.reason)
