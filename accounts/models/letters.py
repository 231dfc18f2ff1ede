"""Letters on their way: written in the transaction that gives cause, sent afterwards."""

from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.db.models import Q

from accounts.models.people import Account, User


class Letter(models.Model):
    """One e-mail to one person about one incident. Written by `accounts.letters` only."""

    account = models.ForeignKey(Account, on_delete=models.CASCADE, related_name="letters")
    person = models.ForeignKey(User, on_delete=models.CASCADE, related_name="letters")
    # What it is about: of each incident a person gets one letter of a kind.
    kind = models.CharField(max_length=40)
    incident = models.CharField(max_length=120)
    subject = models.CharField(max_length=200)
    text = models.TextField()
    created_at = models.DateTimeField()
    # A worker has it until then; not before, after a mail server that did not take it.
    claimed_until = models.DateTimeField(null=True, blank=True)
    not_before = models.DateTimeField(null=True, blank=True)
    attempts = models.PositiveSmallIntegerField(default=0)
    sent_at = models.DateTimeField(null=True, blank=True)
    # It is not sent any more: overtaken by what happened since, or no mail server took it for a day.
    dropped_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["person", "kind", "incident"], name="one_letter_of_a_kind_an_incident")
        ]
        indexes: ClassVar = [
            # Serves the sweep: almost always empty.
            models.Index(
                "created_at", condition=Q(sent_at__isnull=True, dropped_at__isnull=True), name="letters_to_send"
            ),
        ]

    def __str__(self) -> str:
        return self.subject
