"""An organization's consent to Application Permissions, and connections by it, without Microsoft."""

from __future__ import annotations

from typing import Any

from accounts.models import Account, User
from integrations.models import Connection, State, TenantLink
from integrations.preferences import Method, ServicePolicy
from tests.cast import FOUNDED
from tests.integrations.tied import connect, set_to

TENANT = "9e1f7a52-0000-4000-8000-00000000cafe"
BY_ADMIN = ServicePolicy(who_can_set_up=Method.APPLICATION_PERMISSIONS)


def authorized(account: Account, **more: Any) -> TenantLink:
    """It works, for kestrel.example."""
    usual = {
        "tenant_id": TENANT,
        "domains": ["kestrel.example"],
        "since_at": FOUNDED,
        "linked_at": FOUNDED,
        "consented_as": "admin@kestrel.example",
        "roles": ["Calendars.ReadWrite", "User.Read.All"],
        "roles_at": FOUNDED,
    }
    return TenantLink.objects.create(account=account, **{**usual, **more})


def set_up_by_admin(account: Account, *, by: User, is_locked: bool = False) -> None:
    set_to("services", BY_ADMIN, at=account, by=by, is_locked=is_locked)


def connected_by(link: TenantLink, people: list[User], state: str = State.CONNECTED, **more: Any) -> list[Connection]:
    """No tokens of their own."""
    usual = {
        "method": Method.APPLICATION_PERMISSIONS.value,
        "link": link,
        "tenant_id": link.tenant_id,
        "granted": link.roles,
        "refresh_token": "",
        "access_token": "",
        "refresh_due_at": None,
        "connected_at": FOUNDED,
        "last_good_at": FOUNDED,
    }
    return connect(people, state, **{**usual, **more})
