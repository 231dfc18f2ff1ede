"""Whom the console is about: whoever has a connection, in whatever state, and whoever has none but may connect."""

from __future__ import annotations

from typing import Any

from django.db.models import Q, QuerySet

from accounts.cascade import querying
from accounts.cascade.declare import setting_of
from accounts.models import Account, SettingDecision, User
from integrations.models import State
from integrations.policy import may_connect
from integrations.preferences import Integrations, ServicePolicy
from integrations.ways import own_way

NOT_YET = "none"  # in the place of a state
# Of a connection that was ended the row stays, but nobody is connected by it.
SHOWN = tuple(state for state in State if state != State.DISCONNECTED)
_WITHOUT = Q(connection__isnull=True) | Q(connection__state=State.DISCONNECTED)


def of(account: Account, state: str = "") -> QuerySet[User]:
    """Those of one state, or NOT_YET; without one all of them. One query of its own."""
    people: QuerySet[User] = User.objects.filter(account=account)
    if state == NOT_YET:
        return not_yet(account)
    if state:
        return people.filter(connection__state=state)
    return people.filter(Q(connection__state__in=SHOWN) | Q(pk__in=not_yet(account).values("pk")))


def not_yet(account: Account) -> QuerySet[User]:
    """Who could press *Authorize* today and has no connection. One query of its own."""
    return _allowed(account).filter(_WITHOUT)


def _allowed(account: Account) -> QuerySet[User]:
    """Those whose effective settings let them connect something; which account it will be nobody knows yet."""
    people: QuerySet[User] = User.objects.filter(is_active=True)
    enabled, services = setting_of(Integrations, "enabled"), setting_of(Integrations, "services")
    found = querying.holding(people, enabled, True, account=account)
    for policy in _in_the_way(account, services):
        kept_out = querying.holding(people, services, policy, account=account)
        found = found.exclude(pk__in=kept_out.values("pk"))
    return found


def _in_the_way(account: Account, services: Any) -> list[Any]:
    """Those among the policies somebody has decided that let nobody connect."""
    of_account = Q(account=account) | Q(group__account=account) | Q(user__account=account)
    stored = SettingDecision.objects.filter(of_account, key=services.key).values_list("value", flat=True).distinct()
    found = [services.from_json(value) for value in stored]
    return [policy for policy in found if not _lets_somebody(policy)]


def _lets_somebody(policy: ServicePolicy) -> bool:
    return may_connect(Integrations(enabled=True, services=policy), own_way(policy).wish()) is None
