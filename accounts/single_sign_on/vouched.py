"""What an identity provider has shown of somebody, whatever the protocol."""

from __future__ import annotations

from dataclasses import dataclass

from accounts.models import Protocol


@dataclass(frozen=True)
class Vouched:
    """Checked: signed by the provider, meant for us, fresh, and the answer to a question of this browser."""

    protocol: Protocol
    issuer: str
    subject: str
    # Never empty: without an address nobody is anybody here.
    email: str
    name: str = ""
    # None: the provider said nothing of them, so that nothing changes; (): none.
    groups: tuple[str, ...] | None = None
    roles: tuple[str, ...] | None = None
    # `openings.SignedInBy.tenant`.
    tenant: str = ""
