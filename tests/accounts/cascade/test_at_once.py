from __future__ import annotations

import threading

import pytest
from django.db import connections as databases
from django.utils import timezone

from accounts.cascade.declare import setting_of
from accounts.cascade.write import choose
from accounts.models import AuditEntry, SettingDecision
from integrations.preferences import Integrations
from tests.cast import Cast


@pytest.mark.django_db(transaction=True)
def test_the_first_decision_made_several_times_at_once_is_made_once(cast: Cast) -> None:
    """A double click on the first *Disable*."""
    setting, start = setting_of(Integrations, "enabled"), threading.Barrier(4)
    trouble: list[Exception] = []

    def decide() -> None:
        start.wait(10)
        try:
            choose(setting, False, at=cast.kestrel, actor=cast.dana, now=timezone.now())
        except Exception as problem:  # noqa: BLE001  the assertion shows it
            trouble.append(problem)
        finally:
            databases.close_all()

    threads = [threading.Thread(target=decide) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)

    assert trouble == []
    assert SettingDecision.objects.get().value is False
    assert AuditEntry.objects.filter(action="setting.chosen").count() == 1
