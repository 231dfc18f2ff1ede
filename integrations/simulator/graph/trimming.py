"""What clients were told of deletions is kept for their next delta query, but not without end."""

from __future__ import annotations

from django.db import transaction
from django.db.models import Count, F

from integrations.simulator.models import Calendar, SeriesVersion, Tombstone

# In one calendar: beyond, clients read it anew, as after a delta token has expired.
MOST = 10_000


def trim(*, most: int = MOST) -> int:
    """How many calendars begin a new generation, whose delta tokens from before are answered with 410."""
    trimmed = 0
    for model in (Tombstone, SeriesVersion):
        counted = model._default_manager.order_by().values("calendar").annotate(kept=Count("pk"))
        for row in counted.filter(kept__gt=most):
            _begin_anew(row["calendar"])
            trimmed += 1
    return trimmed


def _begin_anew(calendar_id: int) -> None:
    with transaction.atomic():
        Calendar.objects.filter(pk=calendar_id).update(sync_generation=F("sync_generation") + 1)
        Tombstone.objects.filter(calendar=calendar_id).delete()
        SeriesVersion.objects.filter(calendar=calendar_id).delete()
