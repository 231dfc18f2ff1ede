"""Which application permissions the settings of an account need today."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from django.db.models import Q

from accounts.cascade.declare import setting_of
from accounts.models import Account, SettingDecision
from integrations.models import TenantLink
from integrations.organization.needs import Needs, NeedsOfEws
from integrations.policy import api_of, is_of_organization
from integrations.preferences import Api, Integrations, ServicePolicy

NEEDED_BY_EWS = NeedsOfEws()

# Opening: whether anything of the floors above writes into calendars of this account. Filled in `ready()`.
writers: list[Callable[[Account], bool]] = []


def needed_for(link: TenantLink) -> Needs:
    """Of one organization's consent."""
    return NEEDED_BY_EWS if link.is_by_ews else needed_by(link.account)


def needed_by(account: Account, *, about_to_hold: Iterable[ServicePolicy] = ()) -> Needs:
    """Of Graph. `about_to_hold`: policies that are not saved yet and count too. One query, and one for each of
    `writers`.

    Where no policy has people connected by their organization, it is as if a plain one had.
    """
    policies = [*_policies(account), *about_to_hold]
    used = [policy for policy in policies if _is_by_graph(policy)]
    may_write = any(policy.calendar_write for policy in used or [ServicePolicy()])
    return Needs(
        writes_calendars=may_write and any(writes(account) for writes in writers),
        reads_contacts=any(policy.organization_contacts for policy in used),
    )


def _is_by_graph(policy: ServicePolicy) -> bool:
    return is_of_organization(policy) and api_of(policy) is Api.GRAPH


def _policies(account: Account) -> list[ServicePolicy]:
    """Of the account and of its groups; under a lock of the account the groups' sleep."""
    setting = setting_of(Integrations, "services")
    decided = SettingDecision.objects.filter(Q(account=account) | Q(group__account=account), key=setting.key)
    found = list(decided.values_list("account_id", "value", "is_locked"))
    top = [value for of_account, value, _ in found if of_account]
    below = [value for of_account, value, _ in found if not of_account]
    if any(is_locked for of_account, _, is_locked in found if of_account):
        below = []
    return ([setting.from_json(value) for value in top] or [setting.default]) + [
        setting.from_json(value) for value in below
    ]
