"""People with a connection, without Microsoft: what a change of the settings can end and bring back."""

from __future__ import annotations

from collections.abc import Iterable

from accounts.models import User
from integrations.models import Connection, State
from tests.cast import FOUNDED


def connect(people: Iterable[User], *, calendar_write: bool = False, contacts_write: bool = False) -> None:
    Connection.objects.bulk_create(
        Connection(
            user=person,
            state=State.CONNECTED,
            since_at=FOUNDED,
            tenant_id="t",
            object_id=f"o{person.pk}",
            address=person.email,
            refresh_token="sealed",
            calendar_write=calendar_write,
            contacts_write=contacts_write,
        )
        for person in people
    )
