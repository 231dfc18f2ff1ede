"""Whose accounts may be connected, by the domain of their address. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from accounts.cascade.declare import BadValue, part
from accounts.domain_names import is_normal, normal, shown

MOST = 500


@dataclass(frozen=True)
class DomainRule:
    """Whose accounts may be connected, by the domain of their address."""

    is_on: bool = part(default=False, label="Allow only the domains listed here")
    domains: tuple[str, ...] = part(
        default=(),
        label="Allowed domains",
        help="One a line, or with commas between them. Sub-domains are not implied: list each of them.",
        parse=normal,
        show=shown,
        most=MOST,
    )

    def __post_init__(self) -> None:
        if self.is_on and not self.domains:
            raise BadValue("List at least one domain, or turn the restriction off.", part="domains")
        if len(self.domains) > MOST:
            raise BadValue(f"At most {MOST} domains can be listed.", part="domains")
        if self.domains != tuple(sorted(set(self.domains))) or any(not is_normal(domain) for domain in self.domains):
            raise BadValue("The domains are not in their canonical form.", part="domains")

    def allows(self, domain: str) -> bool:
        """`domain` as `domain_of` makes it; an unknown one, "", is not held against anybody."""
        return not self.is_on or not domain or domain in self.domains
