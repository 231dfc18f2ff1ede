"""One row changed by a statement that is put together once."""

from __future__ import annotations

import uuid
from datetime import timedelta

import pytest
from django.utils import timezone

from accounts import rows
from accounts.models import Account
from integrations.models import Connection, State
from tests.cast import crowd
from tests.integrations.tied import connect

pytestmark = pytest.mark.django_db


def test_it_changes_what_the_models_would_change(kestrel: Account) -> None:
    one, other = connect(crowd(kestrel, 2))
    values = {
        "state": State.DEGRADED,
        "granted": ["Calendars.Read", "ü"],
        "lease_holder": uuid.uuid4(),
        "lease_until": None,
        "refresh_due_at": timezone.now() + timedelta(days=1),
        "attempts": 7,
        "refresh_token": "100 % 'sealed'",
    }

    assert rows.update(Connection, {"id": one.pk, "token_version": 0, "state": one.state}, values)

    assert Connection.objects.filter(pk=one.pk).values(*values).get() == values
    assert Connection.objects.get(pk=other.pk).attempts == 0


def test_a_row_that_is_not_as_it_was_read_is_left_alone(kestrel: Account) -> None:
    (one,) = connect(crowd(kestrel, 1))

    assert not rows.update(Connection, {"id": one.pk, "token_version": 5}, {"attempts": 1})

    assert Connection.objects.get(pk=one.pk).attempts == 0
