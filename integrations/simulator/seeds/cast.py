"""The people of a seed, found by key or address."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from integrations.simulator.seeds.fields import Fields
from integrations.simulator.seeds.seed import SeedPerson, SeedTenant


@dataclass(frozen=True)
class Cast:
    tenants: Sequence[SeedTenant]

    def of(self, tenant: SeedTenant, data: Fields, name: str, who: str) -> SeedPerson:
        """One of this tenant's people; anybody else is refused."""
        found = _named(tenant.people, who)
        if not found:
            known = ", ".join(person.key for person in tenant.people[:20])
            raise data.wrong(name, f"“{who}” is not one of the people of {tenant.name}, who are: {known}.")
        return found[0]

    def find(self, data: Fields, name: str, who: str) -> SeedPerson | None:
        """One of all people; refused when the key could mean several of them."""
        found = _named([person for tenant in self.tenants for person in tenant.people], who)
        if len(found) > 1:
            raise data.wrong(name, f"“{who}” could be {' or '.join(one.address for one in found)}: write the address.")
        return found[0] if found else None


def _named(people: Sequence[SeedPerson], who: str) -> list[SeedPerson]:
    by_address = [one for one in people if who.lower() in (one.upn.lower(), one.sign_in_name, one.address.lower())]
    return by_address or [one for one in people if one.key == who]
