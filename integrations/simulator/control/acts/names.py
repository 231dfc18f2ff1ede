"""What is published in the DNS of an organization's domains, for who wants to prove that one is theirs."""

from __future__ import annotations

import re
from datetime import datetime

from integrations.simulator.control.acts.declaring import Action, Kind, Parameter, Unfit
from integrations.simulator.control.acts.tenants import DOMAINS
from integrations.simulator.models import Domain, Tenant, TextRecord
from integrations.simulator.names import zones

MOST_OF_A_DOMAIN = 200
# Underscores are usual where a service looks for its proof.
_NAME = re.compile(r"(?=.{1,253}$)[a-z0-9_]([a-z0-9_-]{0,62})(\.[a-z0-9_]([a-z0-9_-]{0,62}))*")


def publish_text(tenant: Tenant, *, name: str, text: str, now: datetime) -> str:
    domain, name = _place_of(tenant, name)
    if domain.texts.count() >= MOST_OF_A_DOMAIN:
        raise Unfit(f"{domain.name} has {MOST_OF_A_DOMAIN} records already. Remove some first.", 409)
    TextRecord.objects.get_or_create(domain=domain, name=name, text=text)
    return f"{name} has the TXT record “{text}”."


def remove_text(tenant: Tenant, *, name: str, text: str, now: datetime) -> str:
    domain, name = _place_of(tenant, name)
    there = domain.texts.filter(name=name, **({"text": text} if text else {}))
    count, _ = there.delete()
    if not count:
        raise Unfit(f"No such TXT record was published at {name}.", 404)
    return f"{name} has {count} TXT record{'' if count == 1 else 's'} less."


def _place_of(tenant: Tenant, name: str) -> tuple[Domain, str]:
    """The domain, which must be one of theirs, and the name in small letters without its last dot."""
    name = name.lower().rstrip(".")
    domain = zones.domain_of(name) if _NAME.fullmatch(name) else None
    if domain is None or domain.tenant_id != tenant.pk:
        raise Unfit(f"“{name}” is in none of {tenant.name}’s domains.")
    return domain, name


_AT = Parameter(name="name", label="Name", hint="The domain, or a name in it such as _proof.kestrel.example.")

ACTIONS = (
    Action(
        on="tenants",
        name="publish-text",
        label="Publish a TXT record",
        group=DOMAINS,
        effect="The name server of the simulator answers with it, besides what is there. Look-ups remember for 5 s.",
        do=publish_text,
        parameters=(_AT, Parameter(name="text", label="Text")),
    ),
    Action(
        on="tenants",
        name="remove-text",
        label="Remove a TXT record",
        group=DOMAINS,
        effect="The name server does not answer with it any more. Without a text, all that were published at the name "
        "go.",
        do=remove_text,
        parameters=(_AT, Parameter(name="text", label="Text", kind=Kind.TEXT, is_required=False, default="")),
        is_harmful=True,
    ),
)
