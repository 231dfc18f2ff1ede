"""The admins of an account are told before nobody can sign in any more: 30, 7 and 1 days before the last certificate of
the provider that is on expires, and once it has."""

from __future__ import annotations

from datetime import datetime

from django.conf import settings
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils import timezone

from accounts import letters
from accounts.letters import Draft
from accounts.models import IdentityProvider, Letter, Protocol, Role, User
from accounts.single_sign_on import certificates
from accounts.single_sign_on.certificates import Facts

TOLD_AT = (0, 1, 7, 30)  # days before


def count_down(*, now: datetime) -> int:
    """How many letters were written. May be called any number of times."""
    found = IdentityProvider.objects.filter(protocol=Protocol.SAML, is_on=True).select_related("account")
    return sum(_tell(provider, now=now) for provider in found.order_by("pk").iterator())


def _tell(provider: IdentityProvider, *, now: datetime) -> int:
    last = certificates.last_until(provider)
    at = next((days for days in TOLD_AT if last is not None and last.days_left(now) < days), None)
    if last is None or at is None:
        return 0
    words = {
        "provider": provider,
        "account": provider.account,
        "certificate": last,
        "has_expired": last.not_after <= now,
        "link": settings.PUBLIC_URL + reverse("identity_provider", args=[provider.pk]),
    }
    subject = render_to_string("accounts/letters/certificate_ends_subject.txt", words)
    admins = User.objects.of(provider.account).filter(role__in=[Role.OWNER, Role.ADMIN], is_active=True)
    drafts = []
    for admin in admins.order_by("pk"):
        text = render_to_string("accounts/letters/certificate_ends.txt", {"person": admin, **words})
        drafts.append(Draft(admin, ENDS, f"{provider.pk}:{at}:{_mark(last)}", subject, text))
    return letters.post(drafts, now=now)


def _mark(certificate: Facts) -> str:
    return certificate.fingerprint.replace(":", "")[:32]


def _still_holds(letter: Letter) -> bool:
    """Not once it was replaced, or the provider was turned off."""
    pk, _, mark = letter.incident.split(":")
    provider = IdentityProvider.objects.filter(pk=pk, is_on=True).first()
    last = certificates.last_until(provider) if provider else None
    return last is not None and _mark(last) == mark and last.days_left(timezone.now()) < max(TOLD_AT)


ENDS = letters.declare("single_sign_on.certificate_ends", still_holds=_still_holds)
