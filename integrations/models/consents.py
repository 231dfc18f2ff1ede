"""The way to a connection: one trip to Microsoft and back."""

from __future__ import annotations

import uuid
from typing import ClassVar

from django.db import models
from django.db.models import Q

from accounts.models import User
from integrations.preferences import Api, Method, Service


class Step(models.TextChoices):
    """How far a consent has come; in this order."""

    SENT = "sent", "At Microsoft"
    ANSWERED = "answered", "Microsoft has answered"
    AGREED = "agreed", "Microsoft has agreed"
    IDENTIFIED = "identified", "It is your account"
    # It may be theirs. The tokens stay with the request until the mailbox has opened.
    STORED = "stored", "Opening the mailbox"
    DONE = "done", "Connected"
    FAILED = "failed", "Not connected"


class Ending(models.TextChoices):
    """Why a consent failed on our side; Microsoft's reasons are `Reason`."""

    EXPIRED = "expired", "Not finished in time"
    INTERRUPTED = "interrupted", "Interrupted after Microsoft had agreed"
    UNTRUSTED = "untrusted", "The answer did not prove to come from Microsoft"
    TAKEN = "taken", "The mailbox is connected to somebody else"
    ANOTHER_ACCOUNT = "another_account", "Signed in with another account"
    LESS_GRANTED = "less_granted", "Reading the calendar was not granted"
    NOT_LASTING = "not_lasting", "No lasting access was granted"
    NOT_ALLOWED = "not_allowed", "The settings do not allow it"
    ANOTHER_DOMAIN = "another_domain", "The account’s domain is not allowed"
    SUPERSEDED = "superseded", "Started again"
    GUEST = "guest", "The account is a guest there"
    ON_PREMISES = "on_premises", "The mailbox is on a server of the organization’s own"


class ConsentRequest(models.Model):
    """One trip of one browser to Microsoft and back: single-use, ten minutes, bound to browser and person."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4)
    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="consent_requests")
    # SHA-256 of the `state` that Microsoft echoes, and of the browser's own secret.
    state_digest = models.CharField(max_length=64, unique=True)
    browser_digest = models.CharField(max_length=64)
    # To what, and how. To a server of the organization's own nobody travels: `answer` holds what was typed.
    service = models.CharField(max_length=20, default=Service.OFFICE_365.value)
    api = models.CharField(max_length=10, default=Api.GRAPH.value)
    method = models.CharField(max_length=30, default=Method.OAUTH.value)
    server = models.ForeignKey(
        "integrations.ExchangeServer", null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )
    # Of what was typed for such a server: whose name, keyed, so that tries of one name are counted whoever makes them.
    user_name_digest = models.CharField(max_length=64, blank=True)
    calendar_write = models.BooleanField()
    contacts_write = models.BooleanField()
    # A trip for a connection that was lost, or for more than it may do now; else the first one.
    is_renewal = models.BooleanField(default=False)
    created_at = models.DateTimeField()
    expires_at = models.DateTimeField()

    step = models.CharField(max_length=12, choices=Step.choices, default=Step.SENT)
    # Sealed: MSAL's flow; then Microsoft's answer; then, once redeemed, the tokens until they are stored.
    flow = models.TextField(blank=True)
    answer = models.TextField(blank=True)
    tokens = models.TextField(blank=True)
    answered_at = models.DateTimeField(null=True, blank=True)
    # A worker has it until then.
    claimed_until = models.DateTimeField(null=True, blank=True)
    # Not again before then, after passing trouble.
    not_before = models.DateTimeField(null=True, blank=True)
    attempts = models.PositiveSmallIntegerField(default=0)

    ended_at = models.DateTimeField(null=True, blank=True)
    # What Microsoft wants to see at the next sign-in, where the trip ended with it: a step-up.
    claims = models.TextField(blank=True)
    reason = models.CharField(max_length=40, blank=True)
    code = models.CharField(max_length=80, blank=True)
    trace_id = models.CharField(max_length=80, blank=True)

    class Meta:
        indexes: ClassVar = [
            # Serves the sweep for answered consents: almost always empty.
            models.Index(
                "answered_at", condition=Q(answered_at__isnull=False, ended_at__isnull=True), name="consents_to_redeem"
            ),
            # Serves the profile page: the person's newest.
            models.Index(fields=["user", "-created_at"], name="consents_of_a_person"),
        ]

    def __str__(self) -> str:
        return f"consent of {self.user_id}, {self.step}"
