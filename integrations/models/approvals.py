"""Where Microsoft lets only an administrator consent: who waits, and for whose consent."""

from __future__ import annotations

import uuid
from typing import ClassVar

from django.db import models
from django.db.models import Q

from accounts.models import Account, User


class TenantConsent(models.Model):
    """One link for the administrator of a Microsoft 365 tenant: consent for everybody in it to delegated permissions.

    It may be used until it expires or is replaced: who cancels at Microsoft tries again by the same link.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4)
    account = models.ForeignKey(Account, on_delete=models.CASCADE, related_name="tenant_consents")
    # The tenant, and the domain it was found by.
    tenant_id = models.CharField(max_length=36)
    domain = models.CharField(max_length=253)
    # Graph permissions: asked for, and what Microsoft's answer listed as granted.
    scopes = models.JSONField(default=list)
    granted = models.JSONField(default=list)
    # SHA-256 of the `state` in the link; the state itself, sealed, so that the link can be shown again.
    state_digest = models.CharField(max_length=64, unique=True)
    state = models.TextField(blank=True)
    made_by = models.ForeignKey(User, null=True, blank=True, on_delete=models.SET_NULL, related_name="+")
    created_at = models.DateTimeField()
    expires_at = models.DateTimeField()
    # When Microsoft's answer came, until when a worker proves it, when it was believed; and why it was not.
    answered_at = models.DateTimeField(null=True, blank=True)
    claimed_until = models.DateTimeField(null=True, blank=True)
    attempts = models.PositiveSmallIntegerField(default=0)
    granted_at = models.DateTimeField(null=True, blank=True)
    reason = models.CharField(max_length=40, blank=True)
    code = models.CharField(max_length=80, blank=True)
    trace_id = models.CharField(max_length=80, blank=True)

    class Meta:
        indexes: ClassVar = [
            models.Index(fields=["account", "tenant_id", "-created_at"], name="tenant_consents_of_an_account"),
            # Serves the sweep for answers that nobody has proved yet: almost always empty.
            models.Index(
                "answered_at",
                condition=Q(answered_at__isnull=False, granted_at__isnull=True, reason=""),
                name="tenant_consents_to_prove",
            ),
        ]

    def __str__(self) -> str:
        return f"consent for everybody in {self.domain}"


class AwaitedApproval(models.Model):
    """Somebody whom Microsoft told that an administrator must approve, and what they had ticked. At most one a person:
    it ends by a connection, by the consent of an administrator, or by taking it back."""

    user = models.OneToOneField(User, on_delete=models.CASCADE, related_name="awaited_approval")
    account = models.ForeignKey(Account, on_delete=models.CASCADE, related_name="awaited_approvals")
    calendar_write = models.BooleanField()
    contacts_write = models.BooleanField()
    # Of the address they tried with, and the tenant that domain is of once somebody has looked it up.
    domain = models.CharField(max_length=253, blank=True)
    tenant_id = models.CharField(max_length=36, blank=True)
    # When Microsoft was last asked whose domain it is; with no tenant then: nobody's that it knows.
    looked_up_at = models.DateTimeField(null=True, blank=True)
    code = models.CharField(max_length=80, blank=True)
    since_at = models.DateTimeField()
    # By the consent of an administrator: the person may go on.
    released_at = models.DateTimeField(null=True, blank=True)
    released_by = models.ForeignKey(TenantConsent, null=True, blank=True, on_delete=models.SET_NULL, related_name="+")

    class Meta:
        indexes: ClassVar = [
            models.Index(
                fields=["account", "since_at"], condition=Q(released_at__isnull=True), name="approvals_awaited"
            ),
            # Serves the sweep for domains that nobody has looked up: almost always empty.
            models.Index("since_at", condition=Q(looked_up_at__isnull=True), name="approvals_to_look_up"),
        ]

    def __str__(self) -> str:
        return f"{self.user} waits since {self.since_at:%Y-%m-%d %H:%M}"
