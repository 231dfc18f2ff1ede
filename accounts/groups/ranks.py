"""Moving a group in the order. Ranks are far apart, so that one move changes one row; where a gap is used up, all
are spread anew in the same transaction."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.db import transaction
from django.db.models import Max

from accounts import audit, claims
from accounts.cascade import write
from accounts.groups.order import NeighbourGone, next_after, others, position_of
from accounts.models import Account, AuditEntry, Group, User

STEP = 1024
AT_ONCE = 500


def _position(position: Any) -> str:
    return f"P{int(position):,}"


def _neighbour(neighbour: Any) -> str:
    return str(neighbour["name"]) if neighbour else "no group"


# `directly_above` holds the key of the group that comes next too, so that the move can be taken back.
RANKED = audit.declare(
    "group.ranked", "{actor} moved the group {target}.", say={"position": _position, "directly_above": _neighbour}
)


def rank(
    group: Group,
    *,
    above: Group | None,
    actor: User | None,
    now: datetime,
    reason: str = "",
    affected: int | None = None,
) -> AuditEntry | None:
    """Move a group directly above another one; `above` None: to the end. None: it stands there already."""
    with transaction.atomic():
        group = claims.group(group)
        account = group.account
        claims.require(actor, account, "Only an owner or an admin of the account may move groups.")
        above, follower = _as_it_is_now(above, group), next_after(group)
        if above in (group, follower):
            return None
        before = _where(group)
        _move(group, above)
        transaction.on_commit(lambda: write.placed.send(sender=Group, account=account))
        return audit.record(
            RANKED,
            account=account,
            actor=actor,
            on=group,
            now=now,
            before=before,
            after=_where(group),
            reason=reason,
            affected=affected,
        )


def rank_after_all(account: Account) -> int:
    last = Group.objects.filter(account=account).aggregate(last=Max("rank"))["last"]
    return (last or 0) + STEP


def _as_it_is_now(above: Group | None, group: Group) -> Group | None:
    if above is None:
        return None
    found = Group.objects.filter(account=group.account_id, pk=above.pk).first()
    if found is None:
        raise NeighbourGone
    return found


def _where(group: Group) -> dict[str, Any]:
    follower = next_after(group)
    return {
        "position": position_of(group),
        "directly_above": {"id": follower.pk, "name": follower.name} if follower else None,
    }


def _move(group: Group, above: Group | None) -> None:
    if above is None:
        group.rank = rank_after_all(group.account)
    else:
        before_it = others(group).filter(rank__lt=above.rank).aggregate(last=Max("rank"))["last"]
        group.rank = above.rank - STEP if before_it is None else (before_it + above.rank) // 2
        if group.rank == before_it:
            _spread(group, above)
            return
    group.save(update_fields=["rank"])


def _spread(group: Group, above: Group) -> None:
    """All ranks anew, beyond the present ones: no two groups hold the same, not even on the way."""
    start = rank_after_all(group.account)
    order = list(others(group))
    order.insert(order.index(above), group)
    for number, one in enumerate(order):
        one.rank = start + number * STEP
    Group.objects.bulk_update(order, ["rank"], batch_size=AT_ONCE)
