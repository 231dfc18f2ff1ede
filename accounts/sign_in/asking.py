"""What somebody who wants to sign in is asked for: the password, the identity provider of the account, or either.

Of an address alone no answer tells whether anybody has it: a domain is answered like its people.
"""

from __future__ import annotations

from dataclasses import dataclass

from django.http import HttpRequest

from accounts.models import IdentityProvider, User
from accounts.single_sign_on import providers


@dataclass(frozen=True)
class Way:
    """`takes_password` holds for whoever keeps one as the way in when the provider is down, too."""

    provider: IdentityProvider | None
    takes_password: bool


def way_of(email: str) -> Way:
    provider = providers.for_address(email)
    if provider is None or not provider.is_only:
        return Way(provider, takes_password=True)
    keeps = User.objects.filter(account_id=provider.account_id, email__iexact=email.strip(), keeps_password=True)
    return Way(provider, takes_password=keeps.exists())


def only_by(user: User) -> IdentityProvider | None:
    """The one by which alone this person signs in; None where a password counts."""
    if user.keeps_password:
        return None
    found: IdentityProvider | None = IdentityProvider.objects.filter(account_id=user.account_id, is_only=True).first()
    return found


def vouching(request: HttpRequest, user: User) -> IdentityProvider | None:
    """The one that is asked whether it is still the person of this session; None: the password is."""
    by = request.session.get("signed_in_by") or {}
    mine = IdentityProvider.objects.filter(account_id=user.account_id, is_on=True)
    return mine.filter(pk=by["provider"]).first() if "provider" in by else only_by(user)
