"""Where the demo's people sign in elsewhere: Kestrel's Entra, as it is simulated, by either protocol.

Run any number of times, after `seed_demo`: what is there stays as people left it, but for the client secret, which is
the simulated Entra's to say.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID, uuid5

from django.conf import settings
from django.core.management.base import BaseCommand
from django.db import transaction
from django.utils import timezone

from accounts import vault
from accounts.models import Account, Group, IdentityProvider, User
from accounts.models.single_sign_on import Meaning, Protocol, ProviderMapping

# As the simulated Entra's seed has them.
TENANT = UUID("6f1d8c3a-2b7e-4c55-9a41-5d0e3b9c7f21")
CLIENT_ID = "4b8f2e63-9a17-4d50-8c3e-7f1b0d6a9e24"
SECRET = "kestrel-single-sign-on-1"  # noqa: S105  of a simulator that was told no other; nobody else runs this command
VARIABLE = "DEMO_SINGLE_SIGN_ON_SECRET"
OPENID_CONNECT, SAML = "kestrel-openid", "kestrel-saml"
OWNER = "dana@kestrel.example"
_OWN = "http://schemas.microsoft.com/ws/2008/06/identity/claims"


@dataclass(frozen=True)
class Names:
    """Of the claims or attributes that say who somebody is."""

    email: str
    name: str
    groups: str
    roles: str


CLAIMS = Names("email", "name", "groups", "roles")
ATTRIBUTES = Names(
    "http://schemas.xmlsoap.org/ws/2005/05/identity/claims/emailaddress",
    "http://schemas.microsoft.com/identity/claims/displayname",
    f"{_OWN}/groups",
    f"{_OWN}/role",
)


class Command(BaseCommand):
    help = "Lets the demo's people sign in by the simulated Entra, too. For demonstrations only."

    def handle(self, *_args: Any, **_options: Any) -> None:
        now = timezone.now()
        owner = User.objects.select_related("account").filter(email=OWNER).first()
        if owner is None:
            self.stderr.write("The demo's organization is not there: run seed_demo first.")
            return
        with transaction.atomic():
            _openid_connect(owner, secret=os.environ.get(VARIABLE) or SECRET, now=now)
            _saml(owner, now=now)


def _openid_connect(owner: User, *, secret: str, now: datetime) -> None:
    about = _about(owner, "Kestrel’s Entra", Protocol.OPENID_CONNECT, CLAIMS, now=now)
    is_first = not IdentityProvider.objects.filter(account=owner.account, is_on=True).exists()
    issuer = f"{_host()}/{TENANT}/v2.0"
    provider, is_new = IdentityProvider.objects.get_or_create(
        key=OPENID_CONNECT, defaults={**about, "issuer": issuer, "client_id": CLIENT_ID, "is_on": is_first}
    )
    provider.client_secret = vault.seal(secret, bound_to=vault.place_of(provider, "client_secret"))
    provider.save(update_fields=["client_secret"])
    if is_new:
        _map(provider)


def _saml(owner: User, *, now: datetime) -> None:
    """Off: an account has one at a time. Its certificates come with the metadata, which the next sweep reads."""
    about = _about(owner, "Kestrel’s Entra by SAML", Protocol.SAML, ATTRIBUTES, now=now)
    read_at = f"{_host()}/{TENANT}/federationmetadata/2007-06/federationmetadata.xml?appid={CLIENT_ID}"
    more = {"issuer": f"https://sts.windows.net/{TENANT}/", "metadata_url": read_at, "metadata_due_at": now}
    provider, is_new = IdentityProvider.objects.get_or_create(key=SAML, defaults={**about, **more})
    if is_new:
        _map(provider)


def _about(owner: User, name: str, protocol: Protocol, names: Names, *, now: datetime) -> dict[str, Any]:
    return {
        "account": owner.account,
        "name": name,
        "protocol": protocol,
        "creates_people": True,
        "email_claim": names.email,
        "name_claim": names.name,
        "groups_claim": names.groups,
        "roles_claim": names.roles,
        "created_at": now,
        "created_by": owner,
        "changed_at": now,
    }


def _map(provider: IdentityProvider) -> None:
    """Entra names groups by their object ids; the simulated one makes them of the name."""
    account: Account = provider.account
    for group in Group.objects.filter(account=account):
        value = str(uuid5(TENANT, f"group:{group.name}"))
        ProviderMapping.objects.create(provider=provider, means=Meaning.GROUP, value=value, group=group)


def _host() -> str:
    return str(settings.MICROSOFT_AUTHORITY_HOST).rstrip("/")
