from __future__ import annotations

from datetime import timedelta

import pytest
from django.contrib.sessions.models import Session
from django.utils import timezone

from accounts import tasks


@pytest.mark.django_db
def test_expired_sessions_are_forgotten_and_others_kept() -> None:
    now = timezone.now()
    Session.objects.create(session_key="over", session_data="", expire_date=now - timedelta(seconds=1))
    Session.objects.create(session_key="open", session_data="", expire_date=now + timedelta(hours=1))

    tasks.forget_expired_sessions()

    assert list(Session.objects.values_list("session_key", flat=True)) == ["open"]
