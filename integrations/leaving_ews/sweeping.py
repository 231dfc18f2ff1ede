"""What the workers do by themselves: whoever the settings want to leave EWS is moved, whoever is wanted back comes
back, and what is no longer needed is forgotten."""

from __future__ import annotations

from datetime import datetime

from accounts import listed
from accounts.models import Account
from integrations.leaving_ews import found, going_back, moving, pasts, wanted, work
from integrations.models import State

FEW = 8  # tried within the sweep itself; more are a job


def leave(account_id: int, *, now: datetime) -> None:
    """Those who were never tried as a job, so that it can be seen what became of each; whom trouble held up is tried
    again, a few at once."""
    account = Account.objects.filter(pk=account_id).first()
    if account is None or work.is_moving(account):
        return
    movable = wanted.sort_out(account)
    if not movable or work.was_stopped(account, now=now):
        return
    mine = wanted.by_ews(account).filter(pk__in=listed.ids(movable)).exclude(state=State.BLOCKED_BY_POLICY)
    if fresh := list(mine.filter(found.untried()).values_list("pk", flat=True)):
        work.move(account, fresh, by=None, now=now)
        return
    due = list(mine.filter(found.is_due(now=now)).order_by("prospect__tried_at").values_list("pk", flat=True))
    if len(due) > FEW:
        work.move(account, due, by=None, now=now)
        return
    for pk in due:
        moving.move(pk, now=now)


def concerned() -> list[int]:
    return list(wanted.accounts_concerned().values_list("pk", flat=True))


def bring_back(*, now: datetime) -> None:
    for pk in going_back.to_bring_back(now=now):
        going_back.go_back(pk, now=now)


def forget(*, now: datetime) -> int:
    return pasts.forget_old(now=now)
