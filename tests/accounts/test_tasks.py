from __future__ import annotations

from datetime import timedelta

import pytest
from django.contrib.sessions.models import Session
from django.utils import timezone

from accounts import domains, tasks
from accounts.domain_proofs import record
from accounts.models import User
from tests.name_server import NameServer, name_server

__all__ = ["name_server"]


@pytest.mark.django_db
def test_expired_sessions_are_forgotten_and_others_kept() -> None:
    now = timezone.now()
    Session.objects.create(session_key="over", session_data="", expire_date=now - timedelta(seconds=1))
    Session.objects.create(session_key="open", session_data="", expire_date=now + timedelta(hours=1))

    tasks.forget_expired_sessions()

    assert list(Session.objects.values_list("session_key", flat=True)) == ["open"]


@pytest.mark.django_db
def test_a_proof_is_looked_for_whether_or_not_the_nudge_was_lost(dana: User, name_server: NameServer) -> None:
    now = timezone.now() - timedelta(minutes=1)
    nudged, lost = domains.add(dana.account, "kestrel.example, heron.example", actor=dana, now=now).new
    for domain in (nudged, lost):
        name_server.publish(domain.name, "TXT", record(domain.token))
        domains.verify(domain, method="txt", actor=dana, now=now)

    tasks.check_domain(domain_id=nudged.pk, of_a_newer_release=True)
    assert domains.verified(dana.account) == ["kestrel.example"]

    tasks.check_domains()
    assert domains.verified(dana.account) == ["heron.example", "kestrel.example"]
