"""Associated domains: added by an admin, proved by what is published, looked for again as long as they are used.

    add()      a list of names; nothing follows from it
    verify()   look for the proof, now and for three days; of one that is verified: look again
    check()    a worker looks (`domain_checks`), without a transaction, and writes down what it found
    remove()   and what hung on it ends

A proof that is gone counts for another week, in which the account's admins can publish it again; a server that does not
answer says nothing, so it counts for a month. What lapsed is looked for daily, and comes back by itself.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from secrets import token_urlsafe
from typing import Any

import structlog
from celery import signature
from django.db import IntegrityError, transaction
from django.db.models import Q

from accounts import audit, claims, domain_checks, domain_letters, domain_rules, openings
from accounts.claims import Refused
from accounts.domain_checks import CLEAR_NO, Finding, Look
from accounts.models import Account, AssociatedDomain, DomainMethod, DomainState, User
from accounts.nudging import nudge

log = structlog.get_logger(__name__)

ADDED = audit.declare("domain.added", "{actor} added the associated domain {target}.")
VERIFIED = audit.declare(
    "domain.verified",
    "The proof was found that {target} is the account’s own domain.",
    say={"method": lambda method: DomainMethod(method).label},
)
MISSING = audit.declare("domain.proof_missing", "The proof for the associated domain {target} was not found any more.")
LAPSED = audit.declare(
    "domain.lapsed", "The associated domain {target} counts no longer: its proof was not found for a week."
)
REMOVED = audit.declare(
    "domain.removed", "{actor} removed the associated domain {target}.", say={"state": lambda s: DomainState(s).label}
)

CHECK = "accounts.check_domain"  # the task, which imports this module
ONLY_ADMINS = "Only an owner or an admin of the account may change its associated domains."
MOST = 500  # of one account
PATIENCE = timedelta(days=3)  # as long as it may take until all the world sees a new record
AGAIN = timedelta(days=1)
AGAIN_IN_TROUBLE = timedelta(hours=1)
GRACE = timedelta(days=7)
GRACE_OF_THE_SILENT = timedelta(days=30)
TOLD_AFTER = timedelta(minutes=50)  # not after one look
CLAIM = timedelta(minutes=1)  # longer than three looks take
TURN = timedelta(seconds=20)
FIRST_WAIT, LONGEST_WAIT = timedelta(seconds=5), timedelta(minutes=10)


class TooMany(Refused):
    sentence = f"An account has at most {MOST} associated domains. Remove some first."


class Gone(Refused):
    sentence = "This domain was removed meanwhile."


class ChangedMeanwhile(Refused):
    sentence = "What hangs on the domain has changed since you opened this page. Look again before you remove it."


@dataclass(frozen=True)
class Added:
    new: tuple[AssociatedDomain, ...]
    # Those that were in the list before.
    known: tuple[str, ...]


def verified(account: Account) -> list[str]:
    """The domains whose people this account may speak for."""
    found = AssociatedDomain.objects.filter(account=account, state=DomainState.VERIFIED)
    return list(found.order_by("name").values_list("name", flat=True))


def add(account: Account, typed: str, *, actor: User | None, now: datetime) -> Added:
    """Each domain in `typed`, or none: raises `domain_rules.NotOurs`, TooMany."""
    names = domain_rules.named_in(typed)
    with transaction.atomic():
        claims.account(account.pk)
        claims.require(actor, account, ONLY_ADMINS)
        before = set(AssociatedDomain.objects.filter(account=account).values_list("name", flat=True))
        fresh = [name for name in names if name not in before]
        if len(before) + len(fresh) > MOST:
            raise TooMany
        new = AssociatedDomain.objects.bulk_create(
            AssociatedDomain(account=account, name=name, token=token_urlsafe(24), added_by=actor, added_at=now)
            for name in fresh
        )
        audit.record_many(ADDED, map(audit.Subject, new), account=account, actor=actor, now=now)
    return Added(tuple(new), tuple(name for name in names if name in before))


def verify(domain: AssociatedDomain, *, method: str, actor: User | None, now: datetime) -> AssociatedDomain:
    """Have a worker look for the proof. One that counts goes on counting meanwhile."""
    with transaction.atomic():
        domain = _mine(domain, actor)
        if domain.state != DomainState.VERIFIED:
            domain.state = DomainState.VERIFYING
        domain.method, domain.asked_at, domain.attempts = DomainMethod(method).value, now, 0
        # Whoever is looking at the moment looks for what was asked before.
        domain.check_due_at, domain.claimed_until = now, None
        domain.save()
        transaction.on_commit(partial(nudge, signature(CHECK), domain_id=domain.pk))
    return domain


def remove(domain: AssociatedDomain, *, actor: User | None, now: datetime, seen: list[str] | None = None) -> None:
    """`seen`: what whoever confirms it has read of the consequences. Raises ChangedMeanwhile where that has changed."""
    with transaction.atomic():
        domain = _mine(domain, actor)
        if seen is not None and seen != consequences(domain):
            raise ChangedMeanwhile
        before = {"state": domain.state}
        audit.record(REMOVED, account=domain.account, actor=actor, on=domain, now=now, before=before)
        domain.delete()
        if before["state"] == DomainState.VERIFIED:
            _tell_the_floors_above(domain.account)


def consequences(domain: AssociatedDomain) -> list[str]:
    """What ends when the domain is not the account's any more, a sentence each."""
    if domain.state != DomainState.VERIFIED:
        return []
    return [said for ask in openings.domain_consequences if (said := ask(domain.account, domain.name))]


def counts_until(domain: AssociatedDomain) -> datetime | None:
    """Until when one that is verified goes on counting although its proof is not found; None where it is found."""
    if domain.failing_since is None:
        return None
    at_most = domain.failing_since + GRACE_OF_THE_SILENT
    is_missing = domain.trouble in CLEAR_NO
    return min((domain.missing_since or domain.failing_since) + GRACE, at_most) if is_missing else at_most


def is_looking(domain: AssociatedDomain) -> bool:
    """Somebody has asked, and no worker has answered yet."""
    return domain.asked_at is not None and (domain.checked_at is None or domain.checked_at < domain.asked_at)


def check_due(*, now: datetime, turn: timedelta = TURN) -> int:
    """Look for what is due, for one turn. Answers how many were looked at."""
    begun, looked = time.monotonic(), 0
    due = AssociatedDomain.objects.filter(_free(now), check_due_at__lte=now).order_by("check_due_at")
    for pk in due.values_list("pk", flat=True)[:MOST]:
        passed = timedelta(seconds=time.monotonic() - begun)
        if passed >= turn:
            break
        check(pk, now=now + passed)
        looked += 1
    return looked


def check(domain_id: int, *, now: datetime) -> None:
    """Look for one proof, if that is due and nobody else does."""
    is_due = AssociatedDomain.objects.filter(_free(now), pk=domain_id, check_due_at__lte=now)
    if not is_due.update(claimed_until=now + CLAIM):
        return
    held = AssociatedDomain.objects.filter(pk=domain_id, claimed_until=now + CLAIM).select_related("account").first()
    if held is None:
        return
    look, method = _looked(held)
    log.info("domain.looked", domain=held.pk, method=method, finding=look.finding.value)
    with transaction.atomic():
        claims.account(held.account_id)
        current = AssociatedDomain.objects.select_for_update(of=("self",)).select_related("account")
        domain = current.filter(pk=held.pk, claimed_until=held.claimed_until).first()
        if domain is None:  # removed, or asked anew
            return
        if look.finding is Finding.FOUND:
            _proved(domain, method, now=now)
        else:
            _not_proved(domain, look, now=now)


def _looked(domain: AssociatedDomain) -> tuple[Look, str]:
    """By the method that was chosen. What counts already may stand wherever it likes: a proof that has moved holds."""
    look = domain_checks.look(domain.name, domain.token, domain.method)
    if look.finding is Finding.FOUND or domain.state != DomainState.VERIFIED:
        return look, domain.method
    for other in DomainMethod.values:
        if other != domain.method:
            elsewhere = domain_checks.look(domain.name, domain.token, other)
            if elsewhere.finding is Finding.FOUND:
                return elsewhere, other
    return look, domain.method


def _proved(domain: AssociatedDomain, method: str, *, now: datetime) -> None:
    was_verified = domain.state == DomainState.VERIFIED
    values: dict[str, Any] = {
        "state": DomainState.VERIFIED,
        "method": method,
        "verified_at": domain.verified_at if was_verified else now,
        "trouble": "",
        "found": "",
        "failing_since": None,
        "missing_since": None,
        "attempts": 0,
    }
    try:
        with transaction.atomic():
            _note(domain, now=now, due=now + AGAIN, **values)
    except IntegrityError:  # the database alone knows of all accounts at once
        _held_elsewhere(domain).update(check_due_at=now)
        _not_proved(domain, Look(Finding.TAKEN), now=now)
        return
    if not was_verified:
        audit.record(VERIFIED, account=domain.account, actor=None, on=domain, now=now, after={"method": method})
        _tell_the_floors_above(domain.account)


def _not_proved(domain: AssociatedDomain, look: Look, *, now: datetime) -> None:
    said = {"trouble": look.finding.value, "found": look.found, "attempts": min(domain.attempts + 1, 1000)}
    if domain.state == DomainState.VERIFIED:
        _failing(domain, look, said, now=now)
    elif domain.state == DomainState.LAPSED:
        _note(domain, now=now, due=now + AGAIN, **said)
    elif domain.asked_at is None or now >= domain.asked_at + PATIENCE:
        has_lapsed = domain.failing_since is not None
        state, due = (DomainState.LAPSED, now + AGAIN) if has_lapsed else (DomainState.PENDING, None)
        _note(domain, now=now, due=due, state=state, **said)
    else:
        wait = min(FIRST_WAIT * 2 ** min(domain.attempts, 10), LONGEST_WAIT)
        _note(domain, now=now, due=now + wait, **said)


def _failing(domain: AssociatedDomain, look: Look, said: dict[str, Any], *, now: datetime) -> None:
    """It was verified, and is not found any more."""
    since, missing = domain.failing_since or now, domain.missing_since or (now if look.is_clear else None)
    is_news = look.is_clear and domain.missing_since is None
    domain.failing_since, domain.missing_since, domain.trouble = since, missing, look.finding.value
    until = counts_until(domain)
    is_over = until is not None and now >= until
    state, due = (DomainState.LAPSED, AGAIN) if is_over else (DomainState.VERIFIED, AGAIN_IN_TROUBLE)
    ends = consequences(domain)
    _note(domain, now=now, due=now + due, state=state, failing_since=since, missing_since=missing, **said)
    if is_over:
        after = {"since": since.isoformat(timespec="seconds")}
        audit.record(LAPSED, account=domain.account, actor=None, on=domain, now=now, after=after)
        domain_letters.lapsed(domain, ended=ends, now=now)
        _tell_the_floors_above(domain.account)
        return
    if is_news:
        audit.record(MISSING, account=domain.account, actor=None, on=domain, now=now)
    if until and missing and look.is_clear and now >= missing + TOLD_AFTER:
        domain_letters.missing(domain, until=until, ends=ends, now=now)


def _note(domain: AssociatedDomain, *, now: datetime, due: datetime | None, **values: Any) -> None:
    values |= {"checked_at": now, "check_due_at": due, "claimed_until": None}
    AssociatedDomain.objects.filter(pk=domain.pk).update(**values)
    for name, value in values.items():
        setattr(domain, name, value)


def _held_elsewhere(domain: AssociatedDomain) -> Any:
    held = AssociatedDomain.objects.filter(name=domain.name, state=DomainState.VERIFIED)
    return held.exclude(pk=domain.pk)


def _mine(domain: AssociatedDomain, actor: User | None) -> AssociatedDomain:
    """As it is now, locked with its account, once it is sure that `actor` may still change it."""
    claims.account(domain.account_id)
    current = AssociatedDomain.objects.select_for_update(of=("self",)).select_related("account")
    found = current.filter(pk=domain.pk).first()
    if found is None:
        raise Gone
    claims.require(actor, found.account, ONLY_ADMINS)
    return found


def _tell_the_floors_above(account: Account) -> None:
    for changed in openings.domains_changed:
        transaction.on_commit(partial(changed, account=account))


def _free(now: datetime) -> Q:
    return Q(claimed_until=None) | Q(claimed_until__lte=now)
