"""The consents of organizations: established by a proved authorization, ended by an admin; and whose domains they are
used for."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from datetime import datetime, timedelta
from functools import partial

from celery import current_app
from django.db import transaction
from django.db.models import QuerySet

from accounts import audit
from accounts.models import Account, User
from accounts.nudging import nudge
from integrations import states
from integrations.failures import Reason
from integrations.models import Connection, LinkRequest, LinkState, Move, State, TenantLink
from integrations.preferences import Method

FOLLOW = "integrations.follow_link"  # the task

LINKED = audit.declare(
    "organization.linked",
    "{actor} had {target} authorized: its people are connected by Application Permissions.",
)
RENEWED = audit.declare("organization.renewed", "{actor} had {target} authorized again.")
ENDED = audit.declare("organization.ended", "{actor} ended the use of {target}.")
DOMAINS_CHANGED = audit.declare(
    "organization.domains_changed", "The domains that the consent of {target} is used for have changed."
)
LEFT = audit.declare(
    "calendar.organization_left",
    "The organization’s consent is no longer used for {target}.",
    personal_target=True,
)

AT_ONCE = 500
LATELY = timedelta(seconds=30)  # so long one look at the directory answers for all who ask
_GONE_WITH_IT = {
    "access_token": "",
    "access_expires_at": None,
    "lease_until": None,
    "lease_holder": None,
    "check_due_at": None,
    "follow_due_at": None,
    "probe_due_at": None,
    "claimed_until": None,
}


def of(account: Account) -> QuerySet[TenantLink]:
    """Those in use, the oldest first."""
    return TenantLink.objects.filter(account=account, ended_at=None).order_by("linked_at", "pk")


def of_account(account_id: int) -> list[int]:
    return list(
        TenantLink.objects.filter(account=account_id, ended_at=None).order_by("pk").values_list("pk", flat=True)
    )


def establish(request: LinkRequest, roles: Iterable[str], *, now: datetime) -> TenantLink:
    """The link of the request's tenant and API, new or as it was, from now on in use. For whom, following finds out: it
    is started on commit, and for the domain of the request it is known already."""
    with transaction.atomic():
        Account.objects.select_for_update(no_key=True).get(pk=request.account_id)
        same = of(request.account).filter(tenant_id=request.tenant_id, api=request.api)
        link = same.select_for_update(of=("self",)).first()
        is_new = link is None
        if link is None:
            link = TenantLink(account=request.account, tenant_id=request.tenant_id, api=request.api)
            link.linked_at = link.since_at = now
        link.linked_by, link.consented_oid, link.consented_as = request.by, request.consented_oid, request.consented_as
        link.domains = sorted({*link.domains, request.domain})
        link.roles, link.roles_at = sorted(set(roles)), now
        # One that is held was given before, and may lack what was granted now.
        link.access_token, link.access_expires_at = "", None
        link.check_due_at = link.follow_due_at = link.probe_due_at = now
        link.save()
        mark_ready(link)
        after = {"domains": link.domains}
        audit.record(
            LINKED if is_new else RENEWED, account=link.account, actor=request.by, on=link, now=now, after=after
        )
        transaction.on_commit(partial(_nudge, link.pk))
    return link


def ended(link: TenantLink, *, actor: User | None, now: datetime, reason: str = "") -> int:
    """Nothing uses it any more: its token is destroyed, and whoever it connected is disconnected. Answers how many. At
    Microsoft it remains until somebody takes it back there."""
    with transaction.atomic():
        mine = TenantLink.objects.select_for_update(of=("self",), no_key=True).filter(pk=link.pk, ended_at=None)
        if mine.first() is None:
            return 0
        TenantLink.objects.filter(pk=link.pk).update(
            state=LinkState.ENDED, since_at=now, ended_at=now, domains=[], **_GONE_WITH_IT
        )
        people = list(carried_by(link).order_by("user_id").values_list("user_id", flat=True))
        _unmark(link)
        count = sum(leave(link, some, Reason.LINK_ENDED, now=now) for some in _batches(people))
        after = {"connections": count}
        audit.record(
            ENDED, account=link.account, actor=actor, on=link, now=now, after=after, reason=reason, affected=count
        )
    return count


def carried_by(link: TenantLink) -> QuerySet[Connection]:
    """Whom it connects, in whatever state."""
    return Connection.objects.filter(link=link.pk, method=Method.APPLICATION_PERMISSIONS.value)


def leave(link: TenantLink, people: Collection[int], reason: Reason, *, now: datetime) -> int:
    """These are no longer connected by it. In one transaction; answers how many were."""
    with transaction.atomic():
        list(User.objects.select_for_update(no_key=True).filter(pk__in=people).order_by("pk").values_list("pk"))
        found = list(
            carried_by(link)
            .select_for_update(of=("self",))
            .filter(user__in=people)
            .exclude(state=State.DISCONNECTED)
            .select_related("user")
            .defer("refresh_token", "access_token")
            .order_by("pk")
        )
        if not found:
            return 0
        states.no_longer_covered([one.pk for one in found], reason, now=now)
        subjects = [
            audit.Subject(one, before={"state": one.state}, after={"reason": reason.value}, about=one.user_id)
            for one in found
        ]
        audit.record_many(LEFT, subjects, account=link.account, actor=None, now=now)
    return len(found)


def use_for(link: TenantLink, domains: Collection[str], *, now: datetime) -> None:
    """From now on for the addresses of these, and of no others."""
    before, after = link.domains, sorted(domains)
    if not after:
        _unmark(link)  # nobody is moved to it
    if before == after:
        return
    with transaction.atomic():
        if not TenantLink.objects.filter(pk=link.pk, ended_at=None).update(domains=after):
            return
        link.domains = after
        audit.record(
            DOMAINS_CHANGED,
            account=link.account,
            actor=None,
            on=link,
            now=now,
            before={"domains": before},
            after={"domains": after},
        )


def mark_ready(link: TenantLink) -> int:
    """Connections that people made to this organization may stay until they are moved. Answers how many are new."""
    with transaction.atomic():
        current = TenantLink.objects.select_for_update(of=("self",), no_key=True).filter(pk=link.pk, ended_at=None)
        if current.first() is None:
            return 0
        return _made_by_people(link).filter(move=Move.UNKNOWN).update(move=Move.READY)


def want_followed(account: Account, *, now: datetime) -> int:
    """Something changed that decides whom the links of an account are for. One statement; answers how many they are."""
    return TenantLink.objects.filter(account=account, ended_at=None).update(follow_due_at=now)


def look_again(link: TenantLink, *, now: datetime) -> None:
    """Somebody wants to know what the directory says now. Many who do so at once are answered by one look."""
    later = TenantLink.objects.filter(pk=link.pk, ended_at=None, follow_due_at__gt=now)
    if later.exclude(followed_at__gt=now - LATELY).update(follow_due_at=now):
        transaction.on_commit(partial(_nudge, link.pk))


def _unmark(link: TenantLink) -> None:
    _made_by_people(link).exclude(move=Move.UNKNOWN).update(move=Move.UNKNOWN)


def _made_by_people(link: TenantLink) -> QuerySet[Connection]:
    """By the API of the link: that one by the other moves is not for its consent alone to say."""
    found = Connection.objects.filter(account=link.account_id, tenant_id=link.tenant_id)
    return found.filter(method=Method.OAUTH.value, api=link.api)


def _nudge(link_id: int) -> None:
    nudge(current_app.signature(FOLLOW), link_id=link_id)


def _batches(ids: list[int]) -> Iterable[list[int]]:
    return (ids[at : at + AT_ONCE] for at in range(0, len(ids), AT_ONCE))
