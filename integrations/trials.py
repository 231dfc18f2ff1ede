"""The test of the integration with somebody who is no admin."""

from __future__ import annotations

import uuid
from datetime import datetime

from accounts.models import User
from integrations.models import Trial


def begin(person: User, *, by: User, now: datetime) -> Trial:
    return Trial.objects.create(id=uuid.uuid4(), account=person.account, person=person, by=by, began_at=now)
