"""Who waits for an administrator at Microsoft: people whom Microsoft told that only an administrator may consent.

Somebody waits until an administrator has consented (then one step is left, which is theirs), until they are connected
some other way, until they take it back, or until the settings no longer allow it. One row a person.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from datetime import datetime
from functools import partial
from itertools import islice
from typing import Any

from celery import signature
from django.db import transaction
from django.db.models import QuerySet

from accounts import audit
from accounts.cascade import facts
from accounts.cascade.declare import settings_of
from accounts.cascade.facts import Held
from accounts.cascade.read import effective
from accounts.domain_names import domain_of
from accounts.models import Account, User
from accounts.nudging import nudge
from integrations import connecting, reasons, scopes, states, telling
from integrations.domains import DomainRule
from integrations.failures import Failure, Reason
from integrations.models import AwaitedApproval, Connection, ConsentRequest, Step, TenantConsent
from integrations.policy import Obstacle, may_connect
from integrations.preferences import Integrations
from integrations.ways import own_way

AWAITED = audit.declare("approval.awaited", "{target} waits for a Microsoft 365 admin to approve Meridian.")
TAKEN_BACK = audit.declare("approval.taken_back", "{target} no longer waits for a Microsoft 365 admin.")
OVERRULED = audit.declare(
    "approval.overruled",
    "{target} no longer waits for a Microsoft 365 admin, because the settings do not allow to connect.",
    say={"reason": reasons.in_words},
)

BY_WORD = audit.declare("approval.by_word", "{actor} said that Meridian is approved for {domain} at Microsoft.")

BATCH = 500  # rows locked and written by one transaction
# With these somebody may have come back from *Need admin approval*: Microsoft often says no more than that they left.
MAY_HAVE_BEEN_STOPPED = (Reason.CANCELLED, Reason.DECLINED, Reason.ADMIN_APPROVAL)


class NothingToAsk(Exception):
    """Their last way to Microsoft did not end as one does that an administrator must approve."""


def awaited(request: ConsentRequest, failure: Failure, *, now: datetime) -> None:
    """Microsoft stopped this trip because an administrator must approve. Whoever was released before waits again."""
    _wait(request.user_id, request, code=failure.code, actor=None, now=now)


def ask(person: User, *, now: datetime) -> None:
    """The same by hand, for what was ticked last. Raises NothingToAsk, `connecting.NotAllowed`."""
    last = connecting.newest(person)
    if last is None or last.step != Step.FAILED or last.reason not in MAY_HAVE_BEEN_STOPPED:
        raise NothingToAsk
    values = effective(Integrations, person)
    if obstacle := may_connect(values, own_way(values.services).wish(domain=_bound(person)[0])):
        raise connecting.NotAllowed(obstacle)
    _wait(person.pk, last, code=last.code, actor=person, now=now)


def of(person: User) -> AwaitedApproval | None:
    """What somebody waits for, or has been released from: `released_at` tells which. One query."""
    return AwaitedApproval.objects.select_related("released_by").filter(user=person).first()


def waiting(account: Account) -> QuerySet[AwaitedApproval]:
    """The queue, whoever waits longest first."""
    return AwaitedApproval.objects.filter(account=account, released_at=None).order_by("since_at", "pk")


def settled(person: User) -> None:
    """They are connected: there is nothing to wait for."""
    AwaitedApproval.objects.filter(user=person).delete()


def take_back(person: User, *, actor: User | None, now: datetime) -> bool:
    """False: nobody waited."""
    with transaction.atomic():
        count, _ = AwaitedApproval.objects.filter(user=person).delete()
        if count:
            states.approval_over([person.pk], now=now)
            audit.record(TAKEN_BACK, account=person.account, actor=actor, on=person, now=now)
    return bool(count)


def fit(account: Account, *, now: datetime) -> int:
    """End the wait of those whom the settings no longer allow to connect anything; answers of how many."""
    rows = AwaitedApproval.objects.filter(account=account)
    holding = holding_of(account, rows)
    ended = defaultdict[Obstacle, list[int]](list)
    for pk, person, domain in rows.values_list("pk", "user_id", "domain"):
        if person in holding and (obstacle := _obstacle(holding[person].values, domain)):
            ended[obstacle].append(pk)
    return sum(
        _overrule(account, some, obstacle, now=now) for obstacle, found in ended.items() for some in _batches(found)
    )


def covered(consent: TenantConsent) -> list[int]:
    """Of those who wait in the tenant, the rows of those who had waited when the consent was given and need no more
    than it gives. Who was stopped later was stopped in spite of it."""
    rows = waiting(consent.account).filter(tenant_id=consent.tenant_id, since_at__lte=consent.granted_at)
    holding, granted = holding_of(consent.account, rows), frozenset(consent.granted)
    columns = rows.values_list("pk", "user_id", "calendar_write", "contacts_write")
    return [
        pk
        for pk, person, calendar, contacts in columns
        if person in holding and needs(holding[person], calendar_write=calendar, contacts_write=contacts) <= granted
    ]


def release(rows: Iterable[int], consent: TenantConsent | None, *, now: datetime) -> int:
    """One step is left for these: their own consent. Answers how many still waited."""
    return sum(_release(some, consent, now=now) for some in _batches(rows))


def release_by_word(account: Account, tenant_id: str, *, actor: User, now: datetime) -> int:
    """An admin of the account says that they are approved: Microsoft has other ways for it, and tells us of none. Who
    is stopped again waits again."""
    rows = waiting(account).filter(tenant_id=tenant_id)
    found = list(rows.values_list("pk", "domain"))
    with transaction.atomic():
        released = release([pk for pk, _ in found], None, now=now)
        if released:
            after = {"domain": found[0][1]}
            audit.record(BY_WORD, account=account, actor=actor, on=account, now=now, after=after, affected=released)
    return released


def needs(held: Held[Integrations], *, calendar_write: bool, contacts_write: bool) -> frozenset[str]:
    """The permissions that a wish comes to, by the way that the settings lead and within what they give."""
    ceiling = held.values.services
    wish = own_way(ceiling).wish(
        calendar_write=calendar_write and ceiling.calendar_write,
        contacts_write=contacts_write and ceiling.contacts_write,
    )
    return frozenset(scopes.bare(scopes.asked_by(wish)))


def holding_of(account: Account, rows: QuerySet[AwaitedApproval]) -> dict[int, Held[Integrations]]:
    """What those people hold, by person. Three queries, however many they are."""
    people: QuerySet[User] = User.objects.filter(pk__in=rows.order_by().values("user"), is_active=True)
    return facts.load(account, settings_of(Integrations), people=people).held(Integrations)


def _obstacle(values: Integrations, domain: str) -> Obstacle | None:
    """At Microsoft only is there an administrator to wait for."""
    way = own_way(values.services)
    return may_connect(values, way.wish(domain=domain)) if way.is_at_microsoft else Obstacle.ANOTHER_SERVICE


def _wait(person_id: int, wish: ConsentRequest, *, code: str, actor: User | None, now: datetime) -> None:
    with transaction.atomic():
        # The person first, as everything does that ends somebody's access.
        people = User.objects.select_for_update(no_key=True).select_related(None).filter(pk=person_id, is_active=True)
        person = people.first()
        if person is None:
            return  # gone meanwhile
        before = AwaitedApproval.objects.filter(user=person).first()
        waits_already = before is not None and before.released_at is None
        AwaitedApproval.objects.update_or_create(
            user=person,
            defaults={
                "account_id": person.account_id,
                "calendar_write": wish.calendar_write,
                "contacts_write": wish.contacts_write,
                "code": code[:80],
                "since_at": before.since_at if before and waits_already else now,
                "released_at": None,
                "released_by": None,
                **_place(person, before, now=now),
            },
        )
        states.awaiting_admin(person, now=now, code=code)
        if not waits_already:
            audit.record(AWAITED, account=person.account, actor=actor, on=person, now=now)
        transaction.on_commit(partial(nudge, signature("integrations.look_up_tenants")))


def _place(person: User, before: AwaitedApproval | None, *, now: datetime) -> dict[str, Any]:
    """Of which domain, and of which tenant where that is known already."""
    domain, tenant = _bound(person)
    rule = effective(Integrations, person).domains
    if not tenant and before is not None and rule.allows(before.domain):
        return {}  # an admin may have named it
    if not domain:
        domain, tenant = _as_colleagues(person, rule) or (_domain_tried(person, rule), "")
    return {"domain": domain, "tenant_id": tenant, "looked_up_at": now if tenant else None}


def _as_colleagues(person: User, rule: DomainRule) -> tuple[str, str] | None:
    """Domain and tenant of whoever else waits with an address of the same domain: an admin may have named them."""
    same = AwaitedApproval.objects.filter(
        account=person.account_id,
        user__email__iendswith=f"@{domain_of(person.email)}",
        user__connection__connected_at=None,  # what somebody had connected says where that mailbox is
    )
    known = same.exclude(tenant_id="").order_by("-since_at").values_list("domain", "tenant_id").first()
    return known if known and rule.allows(known[0]) else None


def _bound(person: User) -> tuple[str, str]:
    """Domain and tenant of the one account that can be connected; empty where any can."""
    existing: Connection | None = connecting.current(person)
    domain = connecting.domain_bound(existing)
    return domain, existing.tenant_id if existing and domain else ""


def _domain_tried(person: User, rule: DomainRule) -> str:
    """Probably that of their address; where it may not be connected, the only one that may. "": nobody can tell."""
    domain = domain_of(person.email)
    if rule.allows(domain):
        return domain
    return rule.domains[0] if len(rule.domains) == 1 else ""


def _release(rows: list[int], consent: TenantConsent | None, *, now: datetime) -> int:
    with transaction.atomic():
        _lock_people(rows)
        found = list(AwaitedApproval.objects.select_for_update().filter(pk__in=rows, released_at=None).order_by("pk"))
        people = [row.user_id for row in found]
        AwaitedApproval.objects.filter(user__in=people).update(released_at=now, released_by=consent)
        states.approval_over(people, now=now, is_given=True)
        telling.approved(User.objects.filter(pk__in=people), now=now)
    return len(found)


def _overrule(account: Account, rows: list[int], obstacle: Obstacle, *, now: datetime) -> int:
    with transaction.atomic():
        _lock_people(rows)
        locked = AwaitedApproval.objects.select_for_update(of=("self",)).filter(pk__in=rows).order_by("pk")
        found = list(locked.select_related("user"))
        AwaitedApproval.objects.filter(pk__in=[row.pk for row in found]).delete()
        states.approval_over([row.user_id for row in found], now=now)
        subjects = (audit.Subject(row.user, after={"reason": obstacle.value}) for row in found)
        audit.record_many(OVERRULED, subjects, account=account, actor=None, now=now)
    return len(found)


def _lock_people(rows: list[int]) -> None:
    """The people first, as everything does that ends or makes a connection."""
    people = User.objects.select_for_update(no_key=True).filter(awaited_approval__in=rows).order_by("pk")
    list(people.values_list("pk", flat=True))


def _batches(ids: Iterable[int]) -> Iterator[list[int]]:
    rest = iter(ids)
    while some := list(islice(rest, BATCH)):
        yield some
