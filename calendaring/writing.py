"""Whether meetings are written into people's calendars."""

from __future__ import annotations

from accounts.cascade.declare import setting_of
from accounts.cascade.querying import holding
from accounts.models import Account, User
from calendaring.preferences import DataSync


def is_on_for_anybody(account: Account) -> bool:
    """Bidirectional sync holds for at least one person of the account. One query."""
    active = User.objects.filter(is_active=True)
    return holding(active, setting_of(DataSync, "bidirectional"), True, account=account).exists()
