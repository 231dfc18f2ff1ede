"""How the consent of an organization stands, asked of Microsoft: a token, what it names, and whether mailboxes open.

Nothing is judged by the roles in the token alone: rights that Exchange scopes to some mailboxes do not show there. Only
where no mailbox opens *and* no role would open one is the consent gone. Within a token's life no other is asked for,
unless what was heard makes the one that is held doubtful.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from datetime import datetime, timedelta

import structlog
from django.db import transaction
from django.db.models import Q

from accounts import outbound
from integrations import credentials, states
from integrations.contracts import CalendarError
from integrations.failures import Failure, Outcome, Reason
from integrations.microsoft.app_credentials import of_environment
from integrations.models import AppCredential, Connection, LinkState, TenantLink, Trouble
from integrations.organization import tenant_tokens
from integrations.organization.sounding import Heard, has_role, sound, sound_further

log = structlog.get_logger(__name__)

CHECK_EVERY = timedelta(minutes=10)
CLAIM = timedelta(minutes=2)  # longer than a check of which everything runs into its deadline
ALL_OF_IT = timedelta(seconds=40)
LATELY = timedelta(seconds=30)  # so long one look answers for all who ask
A_MOMENT = timedelta(seconds=1)
AT_ONCE = 500
# What a mailbox alone can prove to be over.
OF_THE_CONSENT = (
    Reason.CONSENT_REVOKED,
    Reason.PERMISSION_MISSING,
    Reason.EWS_DISABLED,
    Reason.EWS_NOT_ALLOWED,
)


def to_check(*, now: datetime) -> list[int]:
    """The links whose time has come, each claimed: it is ours if we were the one to move its time."""
    due = TenantLink.objects.filter(Q(check_due_at=None) | Q(check_due_at__lte=now), ended_at=None)
    found = list(due.order_by("check_due_at", "pk").values_list("pk", "check_due_at"))
    claim = {"check_due_at": now + CLAIM}
    return [pk for pk, at in found if TenantLink.objects.filter(pk=pk, check_due_at=at).update(**claim)]


def check_links(*, now: datetime) -> int:
    """All that are due, one after the other; answers how many."""
    ids = to_check(now=now)
    for pk in ids:
        check_link(pk, now=now)
    return len(ids)


def check_link(link_id: int, *, now: datetime, anew: bool = False, prefer: Sequence[str] = ()) -> TenantLink | None:
    """Ask, and file the outcome; the link as it then stands, None where it has ended. `anew`: with a new token, because
    somebody wants to know what is granted now. `prefer`: addresses or object ids of mailboxes to ask first, because
    they are said to be open. Raises nothing that belongs to Microsoft."""
    link = TenantLink.objects.select_related("account").filter(pk=link_id, ended_at=None).first()
    if link is None:
        return None
    try:
        with outbound.deadline(ALL_OF_IT):
            _look(link, now=now, anew=anew, prefer=prefer)
    except (tenant_tokens.Busy, tenant_tokens.NotAlive):
        log.info("link.check.skipped", link=link.pk)
    except CalendarError as problem:  # filed where it happened
        log.info("link.check.failed", link=link.pk, reason=problem.failure.reason.value)
    return TenantLink.objects.select_related("account").filter(pk=link_id, ended_at=None).first()


def is_lost(link: TenantLink) -> bool:
    """Its consent or a permission is gone, or EWS is shut there, as far as the mailboxes tell that were asked."""
    return link.state == LinkState.PAUSED and link.reason in OF_THE_CONSENT


def want(link_id: int, *, now: datetime) -> bool:
    """Make it due now. False: it is already, or it waits out trouble, which must not be cut short."""
    later = TenantLink.objects.filter(pk=link_id, ended_at=None, attempts=0, check_due_at__gt=now)
    return bool(later.update(check_due_at=now))


def settle_refusal(connection: Connection, failure: Failure, *, now: datetime) -> None:
    """A mailbox refuses. Either the organization keeps us out of this one, or its whole consent is gone: what others
    answer tells."""
    link = connection.link
    if link is not None and not _has_just_answered(link, now=now):
        link = check_link(link.pk, now=now)
    if link is None or link.state == LinkState.PAUSED:
        return
    if link.state == LinkState.WORKING:
        reason = states.kept_out_by(failure) or Reason.SCOPED_OUT
        states.scoped_out([connection.pk], now=now, code=failure.code, reason=reason)
    else:
        states.went_wrong(connection, failure, now=now, of=Trouble.MAILBOX)


def _has_just_answered(link: TenantLink, *, now: datetime) -> bool:
    is_new = link.probed_at is not None and now - link.probed_at < LATELY
    return is_new and link.state == LinkState.WORKING and link.probed.get("calendar") == "ok"


def _look(link: TenantLink, *, now: datetime, anew: bool, prefer: Sequence[str]) -> None:
    # Of a consent that was refused the old token knows nothing: it opens mailboxes until it ends.
    token, is_new = _token(link, now=now, anew=anew or link.state == LinkState.PAUSED)
    heard = sound(link, token, prefer)
    if heard.is_doubtful and not is_new:
        if heard.is_token_refused:
            tenant_tokens.forget(link)
        token = tenant_tokens.renewed(link, now=now, anew=True)
        heard = sound(link, token, prefer)
    if _looks_revoked(link, heard) and not is_lost(link):
        # Or opened for a few only: before everybody is paused, everybody is asked.
        sound_further(link, token, heard)
    _file(link, heard, now=now)


def _looks_revoked(link: TenantLink, heard: Heard) -> bool:
    is_refused = bool(heard.refused) or heard.is_still_out
    is_shut = heard.bar is not None or (is_refused and not has_role(link))
    return is_shut and not heard.is_open and not heard.silent


def _token(link: TenantLink, *, now: datetime, anew: bool) -> tuple[str, bool]:
    """And whether it was asked for just now."""
    held = tenant_tokens.held(link, now=now)
    if held and not anew and not tenant_tokens.is_ending(link, now=now):
        return held, False
    if refusal := _refusal_of_us(now=now):
        states.link_troubled(link, refusal, now=now)
        raise tenant_tokens.NotAlive
    seen = link.token_version
    token = tenant_tokens.renewed(link, now=now, anew=anew)
    return token, link.token_version != seen


def _refusal_of_us(*, now: datetime) -> Failure | None:
    """While Microsoft accepts none of our credentials nobody asks with them, but one probe a minute."""
    if not credentials.is_refused(now=now):
        return None
    mine = AppCredential.objects.filter(pk__in=[one.fingerprint for one in of_environment()])
    row = mine.order_by("-refused_at").first()
    reason = Reason(row.reason) if row and row.reason in list(Reason) else Reason.CREDENTIAL_WRONG
    code, trace_id = (row.code, row.trace_id) if row else ("", "")
    return Failure(Outcome.CREDENTIAL_REFUSED, reason, code, trace_id)


def _file(link: TenantLink, heard: Heard, *, now: datetime) -> None:
    is_by_role = has_role(link)
    if heard.is_token_refused:
        _note(link, "unanswered", now=now)
        states.link_troubled(link, heard.silent[-1] if heard.silent else _SILENT, now=now)
    elif heard.bar and not heard.is_open:
        _note(link, "refused", now=now)
        _lost(link, heard.bar, now=now)
    elif heard.is_open or (is_by_role and heard.refused):
        _note(link, "ok" if heard.is_open else "refused", now=now)
        _works(link, heard, now=now)
    elif heard.silent:
        _note(link, "unanswered", now=now)
        # Each mailbox tells for itself: one that answers is not paused for those that do not.
        states.link_troubled(link, heard.silent[0], now=now, is_usable=True)
    elif not is_by_role and (heard.refused or heard.is_still_out or is_lost(link)):
        _note(link, "refused", now=now)
        _lost(link, _revoked(link, heard), now=now)
    else:
        _note(link, "unknown", now=now)
        _works(link, heard, now=now)


_SILENT = Failure(Outcome.UNREACHABLE, Reason.TOKEN_REFUSED)


def _revoked(link: TenantLink, heard: Heard) -> Failure:
    reason = Reason.PERMISSION_MISSING if link.roles else Reason.CONSENT_REVOKED
    code, trace_id = (heard.refusal.code, heard.refusal.trace_id) if heard.refusal else (link.code, link.trace_id)
    return Failure(Outcome.NOT_PERMITTED, reason, code, trace_id)


def _lost(link: TenantLink, failure: Failure, *, now: datetime) -> None:
    is_news = not (is_lost(link) and link.reason == failure.reason)
    if states.link_troubled(link, failure, now=now) and is_news:
        # Some mailbox may be open all the same: probing asks them, all, for what is filed now is of a moment before.
        TenantLink.objects.filter(pk=link.pk, ended_at=None).update(probe_due_at=now + A_MOMENT)


def _works(link: TenantLink, heard: Heard, *, now: datetime) -> None:
    states.link_works(link, now=now)
    states.let_in(heard.opened, now=now)
    code = heard.refusal.code if heard.refusal else ""
    batches = (heard.refused[at : at + AT_ONCE] for at in range(0, len(heard.refused), AT_ONCE))
    shut_out = sum(states.scoped_out(some, now=now, code=code) for some in batches)
    if heard.bar and heard.barred:
        shut_out += states.scoped_out(heard.barred, now=now, code=heard.bar.code, reason=heard.bar.reason)
    columns = {"check_due_at": _next_check(link, now=now)}
    if is_lost(link):
        columns["probe_due_at"] = now + A_MOMENT  # all, also those that probing has just heard refuse
    elif shut_out or heard.is_back:
        columns["probe_due_at"] = now  # where it is another than before for some, all are asked
    TenantLink.objects.filter(pk=link.pk, ended_at=None).update(**columns)


def _next_check(link: TenantLink, *, now: datetime) -> datetime:
    """Spread, and in time to renew the token."""
    usual = now + CHECK_EVERY * (0.75 + 0.25 * random.random())  # noqa: S311  not a secret
    if link.access_expires_at is None:
        return usual
    is_ending = link.access_expires_at - tenant_tokens.renewed_before(link) + timedelta(seconds=1)
    return min(usual, max(is_ending, now + timedelta(seconds=30)))


def _note(link: TenantLink, calendar: str, *, now: datetime) -> None:
    with transaction.atomic():  # others write down beside it what a mailbox said
        for found in TenantLink.objects.select_for_update(of=("self",)).filter(pk=link.pk).only("probed"):
            probed = {**found.probed, "calendar": calendar}
            TenantLink.objects.filter(pk=link.pk).update(probed=probed, probed_at=now)
