"""The test of the integration that an admin follows while somebody else goes through it."""

from __future__ import annotations

import uuid
from typing import ClassVar

from django.db import models
from django.db.models import Q

from accounts.models import Account, User


class Trial(models.Model):
    """One test with one person. What they do meanwhile is read where it happens; here is what a worker found."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4)
    account = models.ForeignKey(Account, on_delete=models.CASCADE, related_name="trials")
    person = models.ForeignKey(User, on_delete=models.CASCADE, related_name="+")
    by = models.ForeignKey(User, null=True, blank=True, on_delete=models.SET_NULL, related_name="+")
    began_at = models.DateTimeField()
    # Every step passed, the admin ended it, or it was begun too long ago.
    ended_at = models.DateTimeField(null=True, blank=True)
    # What had to be asked of Microsoft: by name of the step, {"state", "says", "code", "trace_id", "at"}.
    found = models.JSONField(default=dict)
    claimed_until = models.DateTimeField(null=True, blank=True)
    checked_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        indexes: ClassVar = [
            models.Index(fields=["account", "-began_at"], name="trials_of_an_account"),
            # Serves the sweep: almost always empty.
            models.Index("began_at", condition=Q(ended_at__isnull=True), name="trials_under_way"),
        ]

    def __str__(self) -> str:
        return f"test with {self.person}"
