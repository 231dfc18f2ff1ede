"""Associated domains against the simulated organizations' own zones."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from accounts import domain_proofs, domains
from accounts.models import Account, AssociatedDomain, DomainMethod, DomainState, User
from tests.simulated import Simulator

pytestmark = pytest.mark.django_db


def _looked_at(kestrel: Account, dana: User, name: str) -> AssociatedDomain:
    """Added, and looked for once."""
    now = timezone.now()
    [found] = domains.add(kestrel, name, actor=dana, now=now).new
    domains.verify(found, method=DomainMethod.TXT, actor=dana, now=now)
    domains.check(found.pk, now=now)
    return AssociatedDomain.objects.get(pk=found.pk)


def test_a_domain_is_proved_by_the_record_that_was_published(
    kestrel: Account, dana: User, microsoft: Simulator
) -> None:
    found = _looked_at(kestrel, dana, "kestrelandco.example")
    assert found.state != DomainState.VERIFIED

    text = {"name": found.name, "text": domain_proofs.record(found.token)}
    microsoft.control("POST", "tenants/kestrel.example/publish-text", text)
    domains.check(found.pk, now=timezone.now() + timedelta(hours=1))

    assert domains.verified(kestrel) == ["kestrelandco.example"]
