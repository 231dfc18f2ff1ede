"""What was done. Append-only, but for the masking of a person who is deleted."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.db import models

from accounts.models.people import Account, User

# What stands where a person's name or another personal field was. The trigger lets nothing else take their place.
MASKED_PERSON = "a deleted person"
MASKED = "masked"
_NAMES = ("name", "person")


def mask_of(field: str) -> str:
    """What stands for a field of `before` or `after`."""
    return MASKED_PERSON if field in _NAMES else MASKED


class AppendOnly(TypeError):
    """Somebody tried to change or delete an entry of the audit log."""


class AuditEntryQuerySet(models.QuerySet["AuditEntry"]):
    def update(self, **kwargs: Any) -> int:
        raise AppendOnly("Entries of the audit log are not changed.")

    def delete(self) -> tuple[int, dict[str, int]]:
        raise AppendOnly("Entries of the audit log are not deleted.")

    def mask(self, *, now: datetime, **masked: Any) -> int:
        """For `accounts.audit.erase` alone. The trigger refuses whatever is not a mask."""
        return super().update(masked_at=now, **masked)


class AuditEntry(models.Model):
    """What was done, by whom, to what. Append-only: `accounts.audit.record` writes, a trigger refuses the rest."""

    account = models.ForeignKey(Account, on_delete=models.PROTECT, related_name="audit_entries")
    at = models.DateTimeField()
    # Null: done by the system itself (a worker, a command).
    actor = models.ForeignKey(
        User, null=True, blank=True, on_delete=models.DO_NOTHING, db_constraint=False, related_name="+"
    )
    actor_name = models.CharField(max_length=254)
    action = models.CharField(max_length=60)
    # What it was done to, in words that stay true when the thing is gone.
    target_kind = models.CharField(max_length=30)
    target_id = models.CharField(max_length=40)
    target_name = models.CharField(max_length=254)
    before = models.JSONField(null=True, blank=True)
    after = models.JSONField(null=True, blank=True)
    # Whose account, group or user it was done to; empty where it is none of the three.
    level = models.CharField(max_length=10, blank=True)
    # Of a change of a setting: which one.
    setting_key = models.CharField(max_length=100, blank=True)
    # Given by whoever did it, if he cared to.
    reason = models.CharField(max_length=500, blank=True)
    # How many people's effective values changed; null where nobody counted.
    affected = models.PositiveIntegerField(null=True, blank=True)
    # The person of whom it speaks, so that an erasure finds it. No reference: the person may be gone.
    about_id = models.BigIntegerField(null=True, blank=True)
    # When names and personal fields were masked because a person was deleted; the one change the trigger allows.
    masked_at = models.DateTimeField(null=True, blank=True)

    objects = AuditEntryQuerySet.as_manager()

    class Meta:
        # Serves the audit page: newest first within the account.
        indexes = [
            models.Index(fields=["account", "-at", "-id"], name="audit_newest_first"),
            # Serves the page filtered by what was done: most actions are rare.
            models.Index(fields=["account", "action", "-at", "-id"], name="audit_by_action"),
            # Serves an erasure, and the page about one person.
            models.Index(fields=["about_id"], condition=models.Q(about_id__isnull=False), name="audit_about_a_person"),
            # Serves what changed lately of a page of settings.
            models.Index(
                fields=["account", "level", "target_id", "-id"],
                condition=~models.Q(setting_key=""),
                name="audit_of_settings",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.action} {self.target_name}"

    def save(self, *args: Any, **kwargs: Any) -> None:
        if not self._state.adding:
            raise AppendOnly("Entries of the audit log are not changed.")
        super().save(*args, **kwargs)

    def delete(self, *args: Any, **kwargs: Any) -> tuple[int, dict[str, int]]:
        raise AppendOnly("Entries of the audit log are not deleted.")
