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
from integrations.models import LinkState, TenantLink
from integrations.organization import endings, needs, whose
from integrations.organization.whose import Whose
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
    if policy.authorize_with is Api.GRAPH and (serving := _serving(pending.account)):
        context = {"list": linked(serving), "can": CAN, "cannot": CANNOT, "is_open": True}
        return Panel(_TEMPLATE, context, is_open=True)
    return panel(pending, policy, now=timezone.now())


def panel(pending: PendingChange, policy: ServicePolicy, *, now: datetime) -> Panel:
    told = whose.known(domains.verified(pending.account))
    whose.ask(pending.account, told, now=now)
    return Panel(_TEMPLATE, {"pending": pending, "list": made(policy, told, by=pending.by, now=now), **_words()})


def another(account: Account, *, by: User, now: datetime) -> dict[str, Any]:
    """To authorize an organization without a change of the settings: one more, one that was ended, or one anew."""
    told = whose.known(domains.verified(account))
    whose.ask(account, told, now=now)
    found = made(ServicePolicy(), told, by=by, now=now, items_of_settings=False)
    tenants = set(TenantLink.objects.filter(account=account, ended_at=None).values_list("tenant_id", flat=True))
    marked = [replace(one, is_linked=one.tenant_id in tenants) for one in found.organizations]
    # First those that have not authorized it yet.
    organizations = tuple(sorted(marked, key=lambda one: one.is_linked))
    return {"list": replace(found, organizations=organizations), **_words()}


def policy_of(pending: PendingChange) -> ServicePolicy | None:
    """What a change that waits would make of the services; None where it is about something else."""
    if pending.change.get("key") != SERVICES.key or "value" not in pending.change:
        return None
    found: ServicePolicy = SERVICES.from_json(pending.change["value"])
    return found


def linked(serving: Sequence[str]) -> Checklist:
    """Where nothing is missing. Pure."""
    says = f"Authorized for people whose address is of {listed(serving)}"
    return Checklist((_graph(is_graph=True), Item(says, "done")), (), is_asking=False, is_ready=True)


def made(
    policy: ServicePolicy, told: Sequence[Whose], *, by: User, now: datetime, items_of_settings: bool = True
) -> Checklist:
    """Pure."""
    is_graph = policy.authorize_with is Api.GRAPH
    own = domain_of(by.email)
    # First the one to which whoever asks belongs.
    organizations = tuple(sorted(organizations_in(told), key=lambda one: own not in one.domains))
    items = [_domains(told, by=by), *_whose(told, now=now), _who(organizations, by=by)]
    return Checklist(
        tuple([_graph(is_graph=is_graph), *items] if items_of_settings else items),
        organizations,
        is_asking=any(one.tenant_id is None for one in told),
        is_ready=is_graph and bool(organizations) and by.is_account_admin,
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


def _serving(account: Account) -> list[str]:
    """The domains for which there is a consent that Microsoft has not been seen to refuse, and that are still the
    account's: a link that serves no domain connects nobody."""
    working = TenantLink.objects.filter(account=account, ended_at=None).exclude(state=LinkState.PAUSED)
    of_links = {domain for link in working.only("domains") for domain in link.domains}
    return [name for name in domains.verified(account) if name in of_links] if of_links else []


def _words() -> dict[str, Any]:
    return {
        "can": CAN,
        "cannot": CANNOT,
        "permissions": [needs.about(name) for name in sorted(needs.REGISTERED)],
        "who_may": endings.WHO_MAY,
    }


def _graph(*, is_graph: bool) -> Item:
    if is_graph:
        return Item("Graph API is chosen", "done")
    detail = "Application Permissions work with Graph API only. Cancel, and choose it under “Authorize with”."
    return Item("Exchange Web Services (EWS) is chosen", "failed", detail)


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
