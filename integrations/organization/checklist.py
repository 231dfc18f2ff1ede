"""What must be there before an Office 365 admin is sent to Microsoft: shown on the sheet *Review changes* in the place
of its button, while no organization is linked, and among the organizations for one more. Live: what a worker learns
from Microsoft appears by itself."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import groupby
from typing import Any

from django.urls import NoReverseMatch, reverse
from django.utils import timezone

from accounts import domains
from accounts.cascade.changes import Choose
from accounts.cascade.declare import setting_of
from accounts.domain_names import domain_of, listed
from accounts.models import Account, PendingChange, User
from accounts.openings import Panel
from accounts.reviewing import Review
from integrations.capabilities import NO_CONTACTS, NO_TWO_WAY_SYNC
from integrations.exchange import retirement
from integrations.exchange.retirement import FULL_MAILBOX, SAYS_DATES
from integrations.models import LinkState, TenantLink
from integrations.organization import endings, needs, whose
from integrations.organization.whose import Whose
from integrations.policy import api_of
from integrations.preferences import Api, Integrations, Method, ServicePolicy

SERVICES = setting_of(Integrations, "services")
_TEMPLATE = "integrations/_organization_trip_gate.html"
# Of Microsoft's calendars: what this way reaches, and what only a person's own consent does.
CAN = (
    "Everybody who is covered is connected without a step of their own, and stays connected when they change their "
    "password.",
)
CANNOT = (
    "Only each person’s primary calendar is reached.",
    "Not supported: attachments, creating a calendar, searching, proposing a new time, finding a time, and suggested "
    "times.",
)


CAN_BY_EWS = (
    "Everybody who is covered is connected without a step of their own, by the address that they have in Meridian: EWS "
    "has no directory to look them up in.",
)
CANNOT_BY_EWS = (
    f"{FULL_MAILBOX} The consent counts for every mailbox of the organization, unless Exchange limits it.",
    f"Only each person’s primary calendar is reached. {NO_TWO_WAY_SYNC} {NO_CONTACTS}",
    SAYS_DATES,
)


@dataclass(frozen=True)
class Item:
    """`state`: done, now (a worker is at it), failed, or next (it happens on the way)."""

    says: str
    state: str
    detail: str = ""
    # The name of the page where it is mended, and what its link says.
    url_name: str = ""
    link: str = ""

    @property
    def icon(self) -> str:
        return {"done": "check", "now": "turn", "failed": "alert", "next": "ring"}[self.state]

    @property
    def href(self) -> str:
        try:
            return reverse(self.url_name) if self.url_name else ""
        except NoReverseMatch:
            return ""


@dataclass(frozen=True)
class Organization:
    """One at Microsoft, to which verified domains of the account belong."""

    tenant_id: str
    domains: tuple[str, ...]
    # It has authorized this account already; once more renews the consent.
    is_linked: bool = False

    @property
    def name(self) -> str:
        return listed(self.domains)

    @property
    def domain(self) -> str:
        """By which it is authorized; any will do."""
        return self.domains[0]


@dataclass(frozen=True)
class Checklist:
    items: tuple[Item, ...]
    organizations: tuple[Organization, ...]
    is_asking: bool
    is_ready: bool


def gate(pending: PendingChange, review: Review) -> Panel | None:
    """For a change that turns Application Permissions on. Shut as long as no organization is linked that serves
    anybody; what this way can and cannot do is said in any case."""
    policy = _turned_on(review)
    if policy is None:
        return None
    api, now = api_of(policy), timezone.now()
    if _is_offered(api, now=now) and (serving := _serving(pending.account, api)):
        context = {"list": linked(serving, api, now=now), **_ways(api), "is_open": True}
        return Panel(_TEMPLATE, context, is_open=True)
    return panel(pending, policy, now=now)


def panel(pending: PendingChange, policy: ServicePolicy, *, now: datetime) -> Panel:
    told = whose.known(domains.verified(pending.account))
    whose.ask(pending.account, told, now=now)
    context = {"pending": pending, "list": made(policy, told, by=pending.by, now=now), **_words(api_of(policy))}
    return Panel(_TEMPLATE, context)


def another(account: Account, *, by: User, now: datetime, api: Api = Api.GRAPH) -> dict[str, Any]:
    """To authorize an organization without a change of the settings: one more, one that was ended, or one anew."""
    told = whose.known(domains.verified(account))
    whose.ask(account, told, now=now)
    found = made(ServicePolicy(authorize_with=api), told, by=by, now=now, items_of_settings=api is Api.EWS)
    links = TenantLink.objects.filter(account=account, ended_at=None, api=api.value)
    tenants = set(links.values_list("tenant_id", flat=True))
    marked = [replace(one, is_linked=one.tenant_id in tenants) for one in found.organizations]
    # First those that have not authorized it yet.
    organizations = tuple(sorted(marked, key=lambda one: one.is_linked))
    return {"list": replace(found, organizations=organizations), "api": api.value, **_words(api)}


def policy_of(pending: PendingChange) -> ServicePolicy | None:
    """What a change that waits would make of the services; None where it is about something else."""
    if pending.change.get("key") != SERVICES.key or "value" not in pending.change:
        return None
    found: ServicePolicy = SERVICES.from_json(pending.change["value"])
    return found


def linked(serving: Sequence[str], api: Api, *, now: datetime) -> Checklist:
    """Where nothing is missing. Pure."""
    says = f"Authorized for people whose address is of {listed(serving)}"
    return Checklist((_by(api, now=now), Item(says, "done")), (), is_asking=False, is_ready=True)


def made(
    policy: ServicePolicy, told: Sequence[Whose], *, by: User, now: datetime, items_of_settings: bool = True
) -> Checklist:
    """Pure."""
    api = api_of(policy)
    own = domain_of(by.email)
    # First the one to which whoever asks belongs.
    organizations = tuple(sorted(organizations_in(told), key=lambda one: own not in one.domains))
    items = [_domains(told, by=by), *_whose(told, now=now), _who(organizations, by=by)]
    return Checklist(
        tuple([_by(api, now=now), *items] if items_of_settings else items),
        organizations,
        is_asking=any(one.tenant_id is None for one in told),
        is_ready=_is_offered(api, now=now) and bool(organizations) and by.is_account_admin,
    )


def organizations_in(told: Sequence[Whose]) -> tuple[Organization, ...]:
    found = sorted((one.tenant_id, one.domain) for one in told if one.tenant_id)
    groups = groupby(found, key=lambda pair: pair[0])
    made = [Organization(tenant, tuple(domain for _, domain in pairs)) for tenant, pairs in groups]
    return tuple(sorted(made, key=lambda one: one.domains))


def _turned_on(review: Review) -> ServicePolicy | None:
    """The policy, where the change chooses Application Permissions at a place that has not chosen them so far."""
    if not isinstance(review.change, Choose) or review.change.key != SERVICES.key:
        return None
    policy: ServicePolicy = SERVICES.from_json(review.change.value)
    if policy.who_can_set_up is not Method.APPLICATION_PERMISSIONS:
        return None
    own: ServicePolicy | None = review.own.value if review.own is not None else None
    # With another API nobody could be connected so far, so it begins now.
    is_so_already = own is not None and (own.who_can_set_up, own.authorize_with) == (
        policy.who_can_set_up,
        policy.authorize_with,
    )
    return None if is_so_already else policy


def _serving(account: Account, api: Api) -> list[str]:
    """The domains for which there is a consent that Microsoft has not been seen to refuse, and that are still the
    account's: a link that serves no domain connects nobody."""
    working = TenantLink.objects.filter(account=account, api=api.value, ended_at=None).exclude(state=LinkState.PAUSED)
    of_links = {domain for link in working.only("domains") for domain in link.domains}
    return [name for name in domains.verified(account) if name in of_links] if of_links else []


def _words(api: Api) -> dict[str, Any]:
    names = needs.REGISTERED_FOR_EWS if api is Api.EWS else needs.REGISTERED
    return {**_ways(api), "permissions": [needs.about(name) for name in sorted(names)], "who_may": endings.WHO_MAY}


def _ways(api: Api) -> dict[str, Any]:
    is_ews = api is Api.EWS
    return {
        "can": CAN_BY_EWS if is_ews else CAN,
        "cannot": CANNOT_BY_EWS if is_ews else CANNOT,
        "is_by_ews": is_ews,
    }


def _is_offered(api: Api, *, now: datetime) -> bool:
    """There is no more sense in a consent to EWS once Exchange Online has ended it."""
    return api is Api.GRAPH or not retirement.is_over(now.date())


def _by(api: Api, *, now: datetime) -> Item:
    if api is Api.GRAPH:
        return Item("Graph API is chosen", "done")
    says, dates = "Exchange Web Services (EWS) is chosen", retirement.sentence(now.date())
    if not _is_offered(api, now=now):
        return Item(says, "failed", f"{dates} Choose Graph API under “Authorize with”.")
    return Item(says, "done", f"{dates} Until then an admin there has to allow Meridian to use EWS.")


def _domains(told: Sequence[Whose], *, by: User) -> Item:
    says = "No associated domain is verified"
    if not told and not by.is_account_admin:  # the page where it is mended is none of theirs
        return Item(says, "failed", "An owner or an admin of the account can verify one on the account profile.")
    if not told:
        detail = "Only people whose address is of a domain that you have proved to be yours can be connected."
        return Item(says, "failed", detail, "account_profile", "Verify a domain")
    return Item(
        f"Verified associated {'domain' if len(told) == 1 else 'domains'}: {listed([one.domain for one in told])}",
        "done",
    )


def _whose(told: Sequence[Whose], *, now: datetime) -> list[Item]:
    """A line for each kind of answer, however many domains there are."""
    items = []
    if waiting := [one for one in told if one.tenant_id is None]:
        items.append(_waiting(waiting, now=now))
    organizations = organizations_in(told)
    for one in organizations:
        of = (
            f"Microsoft 365 organization {one.tenant_id}"
            if len(organizations) > 1
            else "one Microsoft 365 organization"
        )
        items.append(Item(f"At Microsoft, {one.name} {_belong(one.domains)} to {of}", "done"))
    if unknown := [one.domain for one in told if one.tenant_id == ""]:
        detail = (
            "Add and verify it in the Microsoft 365 admin center as well: the same domain has to be verified there."
        )
        state = "next" if organizations else "failed"
        says = f"Microsoft knows no organization of {listed(unknown)}"
        items.append(Item(says, state, detail))
    return items


def _waiting(waiting: Sequence[Whose], *, now: datetime) -> Item:
    says = f"Meridian asks Microsoft whose {listed([one.domain for one in waiting])} is"
    if any(one.is_silent(now=now) for one in waiting):
        detail = "No worker has answered for 30 seconds. If this stays, tell the people who run Meridian."
        return Item(says, "failed", detail)
    if any(one.is_troubled for one in waiting):
        return Item(says, "now", "Microsoft does not answer at the moment. Meridian asks again by itself.")
    return Item(says, "now", "Usually a few seconds.")


def _belong(domains: Sequence[str]) -> str:
    return "belongs" if len(domains) == 1 else "belong"


def _who(organizations: Sequence[Organization], *, by: User) -> Item:
    if not by.is_account_admin:
        detail = "The consent counts for the whole account, so an admin of a group cannot ask for it."
        return Item("An owner or an admin of the account has to authorize", "failed", detail)
    detail = (
        "Of that organization, with an account of its own (no guest). An Application Administrator or a Cloud "
        "Application Administrator may not consent to these permissions."
    )
    return Item(f"At Microsoft, {endings.WHO_MAY} consents", "next", detail)
