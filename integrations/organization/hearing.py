"""What the ground floor tells of that decides whom an organization's consent is used for: written down, and followed
soon."""

from __future__ import annotations

from celery import current_app
from django.db import transaction
from django.db.models import Exists, OuterRef, Q
from django.utils import timezone

from accounts import listed
from accounts.domain_names import shown
from accounts.models import Account
from accounts.nudging import nudge
from integrations.models import Connection, Move, State, TenantLink
from integrations.organization import links
from integrations.preferences import Integrations, Method

FOLLOW = "integrations.follow_account"  # the task


def settings_changed(*, account: Account, key: str, **_: object) -> None:
    if key.startswith(Integrations.prefix + "."):
        _mark_ready(account)
        changed(account=account)


def _mark_ready(account: Account) -> None:
    """Before the settings are laid on them: connections that people made to an organization that has consented stay
    until they are moved."""
    served = TenantLink.objects.filter(account=account, ended_at=None).exclude(domains=[])
    same = Exists(served.filter(tenant_id=OuterRef("tenant_id"), api=OuterRef("api")))
    own = Connection.objects.filter(same, account=account, method=Method.OAUTH.value)
    new = own.filter(move=Move.UNKNOWN).exclude(state=State.DISCONNECTED)
    with transaction.atomic():
        if ids := list(new.select_for_update(of=("self",), no_key=True).order_by("pk").values_list("pk", flat=True)):
            Connection.objects.filter(pk__in=listed.ids(ids)).update(move=Move.READY)


def people_placed(*, account: Account, **_: object) -> None:
    """The ranks of groups changed, or who is in them."""
    changed(account=account)


def changed(*, account: Account) -> None:
    """Also: somebody joined, or an associated domain came or went. One statement."""
    if links.want_followed(account, now=timezone.now()):
        nudge(current_app.signature(FOLLOW), account_id=account.pk)


def would_leave(account: Account, domain: str) -> str:
    """Who would be disconnected without a verified domain (`openings.domain_consequences`). One query."""
    addresses = Q(user__email__iendswith=f"@{domain}") | Q(user__email__iendswith=f"@{shown(domain)}")
    carried = Connection.objects.filter(account=account, method=Method.APPLICATION_PERMISSIONS.value)
    number = carried.filter(addresses, link__isnull=False).exclude(state=State.DISCONNECTED).count()
    if not number:
        return ""
    people = "1 person is" if number == 1 else f"{number:,} people are"
    return f"{people} connected by Application Permissions with an address of this domain, and would be disconnected."
