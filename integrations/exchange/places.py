"""Where an account's settings name the address of a server of its own."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass

from django.db.models import Q
from django.urls import reverse

from accounts.cascade.declare import setting_of
from accounts.models import Account, SettingDecision
from integrations.preferences import MAIL_AND_CALENDAR, Integrations, Method, Service, ServicePolicy

SERVICES = setting_of(Integrations, "services")


@dataclass(frozen=True)
class Place:
    """A decision for the account (`group` None) or for one group."""

    group: str
    href: str
    method: Method


def deciding(account: Account) -> dict[str, list[Place]]:
    """By address, in whichever order the groups rank. One query."""
    found = defaultdict[str, list[Place]](list)
    here = SettingDecision.objects.filter(Q(account=account) | Q(group__account=account), key=SERVICES.key)
    for row in here.select_related("group").order_by("group__rank"):
        policy: ServicePolicy = SERVICES.from_json(row.value)
        if policy.default_service == Service.EXCHANGE and policy.ews_url:
            found[policy.ews_url].append(_place(row, policy))
    return dict(found)


def _place(row: SettingDecision, policy: ServicePolicy) -> Place:
    group, page = row.group, MAIL_AND_CALENDAR.slug
    if group is None:
        address = reverse("account_settings_page", args=[page])
    else:
        address = reverse("group_settings_page", args=[group.pk, page])
    return Place(group.name if group else "", f"{address}#setting-services", policy.who_can_set_up)
