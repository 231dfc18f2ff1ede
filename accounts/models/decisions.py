"""What was decided for settings, and what somebody is about to decide."""

from __future__ import annotations

import uuid
from typing import ClassVar

from django.db import models
from django.db.models import Q

from accounts.models.people import Account, Group, User


class SettingDecision(models.Model):
    """What somebody chose for one setting at one level. No row means *inherit*.

    A lock is a decision that nobody below may change. Written by `accounts.cascade.write` only.
    """

    account = models.ForeignKey(Account, null=True, blank=True, on_delete=models.CASCADE, related_name="decisions")
    group = models.ForeignKey(Group, null=True, blank=True, on_delete=models.CASCADE, related_name="decisions")
    user = models.ForeignKey(User, null=True, blank=True, on_delete=models.CASCADE, related_name="decisions")
    key = models.CharField(max_length=100)
    # Canonical: sorted keys, every field present, so that both databases compare alike.
    value = models.JSONField()
    is_locked = models.BooleanField(default=False)
    decided_by = models.ForeignKey(User, null=True, blank=True, on_delete=models.SET_NULL, related_name="+")
    decided_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                "account", "key", condition=Q(account__isnull=False), name="one_decision_per_account_and_key"
            ),
            models.UniqueConstraint(
                "group", "key", condition=Q(group__isnull=False), name="one_decision_per_group_and_key"
            ),
            models.UniqueConstraint(
                "user", "key", condition=Q(user__isnull=False), name="one_decision_per_user_and_key"
            ),
            models.CheckConstraint(
                condition=(
                    Q(account__isnull=False, group__isnull=True, user__isnull=True)
                    | Q(account__isnull=True, group__isnull=False, user__isnull=True)
                    | Q(account__isnull=True, group__isnull=True, user__isnull=False)
                ),
                name="a_decision_has_exactly_one_level",
            ),
            models.CheckConstraint(condition=Q(user__isnull=True) | Q(is_locked=False), name="users_cannot_lock"),
        ]
        indexes: ClassVar = [
            # Serves lists by what holds: almost all decisions are of people, and one setting's are wanted.
            models.Index(fields=["key", "user"], condition=Q(user__isnull=False), name="own_decisions_by_key"),
        ]

    def __str__(self) -> str:
        return f"{self.key} = {self.value!r}"


class PendingChange(models.Model):
    """A change that somebody reviews before it happens: proposed, looked at, then confirmed or left to expire.

    Written by `accounts.reviewing` only. `change` is a `cascade.changes.Change` as JSON.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4)
    account = models.ForeignKey(Account, on_delete=models.CASCADE, related_name="pending_changes")
    by = models.ForeignKey(User, on_delete=models.CASCADE, related_name="pending_changes")
    change = models.JSONField()
    # Where the sheet returns to, whether it is confirmed or not: an address of the portal.
    back = models.CharField(max_length=500)
    # What the person saw of the row when the change was proposed; see `write.stamp`.
    seen = models.CharField(max_length=64, blank=True)
    # Whose connection was said to end when the sheet was last shown, by primary key.
    announced = models.JSONField(default=list)
    created_at = models.DateTimeField()
    expires_at = models.DateTimeField()

    class Meta:
        indexes: ClassVar = [models.Index(fields=["expires_at"], name="pending_changes_by_expiry")]

    def __str__(self) -> str:
        return f"a change by {self.by_id}"
