"""What a provider that speaks SAML has to know of us."""

from __future__ import annotations

from django.conf import settings
from django.urls import reverse

from accounts.models import IdentityProvider


def entity_id(provider: IdentityProvider) -> str:
    """What we are called; our metadata is there."""
    return f"{settings.PUBLIC_URL}{reverse('sso_metadata', args=[provider.key])}"


def acs_address(provider: IdentityProvider) -> str:
    """The assertion consumer service: where answers go, by HTTP-POST."""
    return f"{settings.PUBLIC_URL}{reverse('sso_acs', args=[provider.key])}"
