"""Domains that an account has proved to be its own."""

from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.db.models import Q

from accounts.models.people import Account, User


class DomainState(models.TextChoices):
    # The proof has not been asked for, or was not found.
    PENDING = "pending", "Verify Domain"
    VERIFYING = "verifying", "Verifying…"
    VERIFIED = "verified", "Verified"
    # It was verified, and for a week nobody has found the proof again.
    LAPSED = "lapsed", "Verification lost"


class DomainMethod(models.TextChoices):
    """Where the proof is looked for."""

    TXT = "txt", "TXT record"
    FILE = "file", "HTML file"
    META = "meta", "Meta tag"


class AssociatedDomain(models.Model):
    """Written by `accounts.domains` only."""

    account = models.ForeignKey(Account, on_delete=models.CASCADE, related_name="associated_domains")
    # In the canonical form of `accounts.domain_names`.
    name = models.CharField(max_length=253)
    # What has to be published; no secret, but nobody can guess it.
    token = models.CharField(max_length=64)
    state = models.CharField(max_length=10, choices=DomainState.choices, default=DomainState.PENDING)
    method = models.CharField(max_length=4, choices=DomainMethod.choices, default=DomainMethod.TXT)
    added_by = models.ForeignKey(User, null=True, blank=True, on_delete=models.SET_NULL, related_name="+")
    added_at = models.DateTimeField()
    # When somebody last asked for it to be verified; it is looked for until it is found or a while is over.
    asked_at = models.DateTimeField(null=True, blank=True)
    verified_at = models.DateTimeField(null=True, blank=True)
    checked_at = models.DateTimeField(null=True, blank=True)
    # Why the last look found no proof (`accounts.domain_checks.Finding`), in what was found instead; since when.
    trouble = models.CharField(max_length=40, blank=True)
    found = models.CharField(max_length=300, blank=True)
    failing_since = models.DateTimeField(null=True, blank=True)
    # Since when it has clearly been missing, where it answers at all: silence is no *no*.
    missing_since = models.DateTimeField(null=True, blank=True)
    # When it is looked for next, and until when a worker does so.
    check_due_at = models.DateTimeField(null=True, blank=True)
    claimed_until = models.DateTimeField(null=True, blank=True)
    attempts = models.PositiveSmallIntegerField(default=0)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["account", "name"], name="a_domain_is_once_in_an_account"),
            models.UniqueConstraint(
                fields=["name"], condition=Q(state="verified"), name="a_domain_is_verified_for_one_account"
            ),
            models.CheckConstraint(condition=Q(state__in=DomainState.values), name="domain_state_is_known"),
            models.CheckConstraint(condition=Q(method__in=DomainMethod.values), name="domain_method_is_known"),
        ]
        indexes: ClassVar = [
            # Serves the sweep.
            models.Index("check_due_at", condition=Q(check_due_at__isnull=False), name="domains_to_check"),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def is_verified(self) -> bool:
        return self.state == DomainState.VERIFIED
