"""What *Services and permissions* says of EWS: beside the row while it is chosen, and on the sheet before it is."""

from __future__ import annotations

from datetime import date
from typing import Any

from django.urls import reverse

from accounts.cascade.changes import Choose
from accounts.cascade.declare import setting_of
from accounts.models import Account, PendingChange, User
from accounts.openings import Caution, Panel
from accounts.reviewing import Review
from integrations.capabilities import capabilities_of
from integrations.ews_addresses import host_of
from integrations.exchange import retirement
from integrations.models import ExchangeServer
from integrations.policy import is_of_organization
from integrations.preferences import Api, Integrations, Method, Service, ServicePolicy

SERVICES = setting_of(Integrations, "services")
_TEMPLATE = "integrations/_ews_gate.html"


def caution(account: Account, value: Any, *, reader: User, today: date) -> Caution | None:
    """What is missing, or about to end. One query, where mailboxes are opened by an impersonation account."""
    policy: ServicePolicy = value
    if policy.authorize_with != Api.EWS:
        return None
    if policy.default_service == Service.OFFICE_365:
        return _for(reader, "EWS is on its way out.", retirement.sentence(today), "ews", "Move to Graph")
    if policy.who_can_set_up == Method.IMPERSONATION and not _is_account_set(account, policy):
        return _for(
            reader,
            f"No impersonation account is set for {host_of(policy.ews_url)}.",
            "Nobody can be connected before one is.",
            "exchange_servers",
            "Set it under Exchange servers",
        )
    return None


def gate(pending: PendingChange, review: Review) -> Panel | None:
    """For a change that chooses EWS, or another way of it: never shut, for all that it says is to be known. Of
    Application Permissions the checklist says it."""
    policy = _chosen(review)
    if policy is None:
        return None
    can = capabilities_of(policy.default_service, policy.authorize_with, policy.who_can_set_up)
    is_missing = policy.who_can_set_up == Method.IMPERSONATION and not _is_account_set(pending.account, policy)
    context = {
        "access": can.access,
        "cannot": can.cannot,
        "dates": retirement.SAYS_DATES if can.is_retired else "",
        "host": host_of(policy.ews_url),
        "method": policy.who_can_set_up.value,
        "is_account_missing": is_missing,
    }
    return Panel(_TEMPLATE, context, is_open=True)


def _chosen(review: Review) -> ServicePolicy | None:
    """None where EWS is not chosen, or was in just this way."""
    if not isinstance(review.change, Choose) or review.change.key != SERVICES.key:
        return None
    policy: ServicePolicy = SERVICES.from_json(review.change.value)
    own: ServicePolicy | None = review.own.value if review.own else None
    if policy.authorize_with != Api.EWS or is_of_organization(policy):
        return None
    return None if own is not None and _way(own) == _way(policy) else policy


def _way(policy: ServicePolicy) -> tuple[str, ...]:
    return policy.default_service, policy.authorize_with, policy.who_can_set_up, policy.ews_url


def _is_account_set(account: Account, policy: ServicePolicy) -> bool:
    server = ExchangeServer.objects.filter(account=account, address=policy.ews_url)
    return server.exclude(password="").exists()


def _for(reader: User, title: str, text: str, url_name: str, link: str) -> Caution:
    """The link is for those who may open it."""
    is_admin = reader.is_account_admin
    return Caution(title, text, reverse(url_name) if is_admin else "", link if is_admin else "")
