"""The simulated Kestrel has consented to EWS by Application Permissions, and lets Meridian use it."""

from __future__ import annotations

from typing import Any

from django.utils import timezone

from accounts.models import Account, User
from integrations.models import TenantLink
from integrations.organization.needs import FULL_ACCESS
from integrations.preferences import Api, Method, ServicePolicy
from tests.integrations.authorized import authorized
from tests.integrations.followed import verified
from tests.integrations.linked import consented
from tests.integrations.tied import set_to
from tests.simulated import Simulator

BY_EWS = ServicePolicy(authorize_with=Api.EWS, who_can_set_up=Method.APPLICATION_PERMISSIONS)
ROLE = f"https://outlook.office365.com/{FULL_ACCESS}"


def allowed(microsoft: Simulator, tenant: str = "kestrel.example") -> None:
    """Its admins have decided that Meridian may go on using EWS."""
    microsoft.control("POST", f"tenants/{tenant}/ews-enabled", {"setting": "true"})
    apps = {"applications": [microsoft.client_id], "listed": True}
    microsoft.control("POST", f"tenants/{tenant}/ews-allowed-apps", apps)


def shut(microsoft: Simulator, tenant: str = "kestrel.example") -> None:
    microsoft.control("POST", f"tenants/{tenant}/ews-enabled", {"setting": "false"})


def shut_for(microsoft: Simulator, person: User, setting: str = "false") -> None:
    microsoft.control("POST", f"people/{person.email}/ews-enabled", {"setting": setting})


def linked_by_ews(account: Account, microsoft: Simulator, **more: Any) -> TenantLink:
    """The consent, used by an account since now."""
    now = timezone.now()
    allowed(microsoft)
    usual: dict[str, Any] = {"tenant_id": consented(microsoft, [ROLE]), "roles": [], "roles_at": None}
    begun = {"api": Api.EWS.value, "since_at": now, "linked_at": now, "check_due_at": now}
    return authorized(account, **usual | begun | more)


def served_by_ews(account: Account, microsoft: Simulator, *, by: User, **more: Any) -> TenantLink:
    """And its settings say so; nobody is connected yet."""
    verified(account)
    set_to("services", BY_EWS, at=account, by=by)
    return linked_by_ews(account, microsoft, **more)
