"""Who is connected, and who is on the way."""

from __future__ import annotations

import uuid
from typing import ClassVar

from django.db import models
from django.db.models import Q

from accounts.models import User
from integrations.preferences import Api, Method, Service


class State(models.TextChoices):
    CONNECTING = "connecting", "Connecting"
    CONNECTED = "connected", "Connected"
    DEGRADED = "degraded", "Degraded"
    PAUSED = "paused", "Paused"
    NEEDS_REAUTH = "needs_reauth", "Authorization lost"
    AWAITING_ADMIN = "awaiting_admin", "Awaiting admin"
    BLOCKED_BY_POLICY = "blocked_by_policy", "Blocked by policy"
    NOT_ELIGIBLE = "not_eligible", "No usable mailbox"
    DISCONNECTED = "disconnected", "Disconnected"


# In these Microsoft still honours what we hold, as far as we know.
ALIVE = (State.CONNECTING, State.CONNECTED, State.DEGRADED, State.PAUSED)


def _choices(words: type[Api | Method | Service]) -> list[tuple[str, str]]:
    return [(word.value, word.value) for word in words]


class Connection(models.Model):
    """A person's one connection to a calendar service. Durable: reconnecting keeps the row and its history."""

    user = models.OneToOneField(User, on_delete=models.CASCADE, related_name="connection")
    service = models.CharField(max_length=20, choices=_choices(Service), default=Service.OFFICE_365.value)
    api = models.CharField(max_length=10, choices=_choices(Api), default=Api.GRAPH.value)
    method = models.CharField(max_length=30, choices=_choices(Method), default=Method.OAUTH.value)

    state = models.CharField(max_length=20, choices=State.choices, default=State.CONNECTING)
    # Since when it is in this state, and why: a `Reason`, or an `Obstacle` of the policy.
    since_at = models.DateTimeField()
    reason = models.CharField(max_length=40, blank=True)
    # While the policy blocks it: until when its tokens are kept, as the grace was when it was blocked.
    kept_until = models.DateTimeField(null=True, blank=True)
    # To quote to Microsoft's support: an AADSTS number or Graph's error code, and a trace id.
    code = models.CharField(max_length=80, blank=True)
    trace_id = models.CharField(max_length=80, blank=True)

    # Who it is at Microsoft: (tenant, object id), never an address, which may change.
    tenant_id = models.CharField(max_length=36, blank=True)
    object_id = models.CharField(max_length=36, blank=True)
    address = models.CharField(max_length=254, blank=True)

    # What the person agreed to in the portal, which is all that is used, and what Microsoft really granted.
    calendar_write = models.BooleanField(default=False)
    contacts_write = models.BooleanField(default=False)
    granted = models.JSONField(default=list)

    # Sealed by the vault. `token_version` rises with every pair that is stored.
    refresh_token = models.TextField(blank=True)
    access_token = models.TextField(blank=True)
    access_expires_at = models.DateTimeField(null=True, blank=True)
    token_version = models.PositiveIntegerField(default=0)
    refreshed_at = models.DateTimeField(null=True, blank=True)

    # One refresh at a time: who holds the lease, and until when.
    lease_until = models.DateTimeField(null=True, blank=True)
    lease_holder = models.UUIDField(null=True, blank=True)
    # When the next refresh is due; null: never.
    refresh_due_at = models.DateTimeField(null=True, blank=True)
    attempts = models.PositiveSmallIntegerField(default=0)

    connected_at = models.DateTimeField(null=True, blank=True)
    last_good_at = models.DateTimeField(null=True, blank=True)
    # When a person last looked at the calendar; decides how eagerly the token is kept fresh.
    last_used_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["tenant_id", "object_id"],
                condition=~Q(object_id="") & ~Q(state="disconnected"),
                name="a_mailbox_is_connected_once",
            ),
            models.CheckConstraint(condition=Q(state__in=State.values), name="state_is_known"),
        ]
        indexes: ClassVar = [
            # Serves the search for due refreshes, and nothing else: only those that may become due are in it.
            models.Index(
                "refresh_due_at", condition=Q(refresh_due_at__isnull=False), name="connections_due_for_refresh"
            ),
            # Serves the search for those whose grace is over.
            models.Index("kept_until", condition=Q(kept_until__isnull=False), name="connections_kept_for_a_while"),
        ]

    def __str__(self) -> str:
        return self.address or f"the calendar of {self.user}"

    @property
    def is_alive(self) -> bool:
        return self.state in ALIVE


class Step(models.TextChoices):
    """How far a consent has come; in this order."""

    SENT = "sent", "At Microsoft"
    ANSWERED = "answered", "Microsoft has answered"
    AGREED = "agreed", "Microsoft has agreed"
    IDENTIFIED = "identified", "It is your account"
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


class ConsentRequest(models.Model):
    """One trip of one browser to Microsoft and back: single-use, ten minutes, bound to browser and person."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4)
    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="consent_requests")
    # SHA-256 of the `state` that Microsoft echoes, and of the browser's own secret.
    state_digest = models.CharField(max_length=64, unique=True)
    browser_digest = models.CharField(max_length=64)
    calendar_write = models.BooleanField()
    contacts_write = models.BooleanField()
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
