"""Which identity provider is asked about an address."""

from __future__ import annotations

from accounts.domain_names import domain_of
from accounts.models import DomainState, IdentityProvider, User


def for_address(email: str) -> IdentityProvider | None:
    """The one that is on: of the account of the person with that address, else of the account whose verified domain it
    is of. None: there is none. Two queries."""
    email = email.strip()
    if not email or "\0" in email:  # no database holds it
        return None
    on = IdentityProvider.objects.filter(is_on=True).select_related("account")
    account = User.objects.filter(email__iexact=email).values_list("account_id", flat=True).first()
    if account is not None:
        return on.filter(account_id=account).first()
    of_domain = {
        "account__associated_domains__name": domain_of(email),
        "account__associated_domains__state": DomainState.VERIFIED,
    }
    return on.filter(**of_domain).first()
