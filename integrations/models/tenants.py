"""Application Permissions: an organization at Microsoft that lets the portal into its mailboxes, and the way there."""

from __future__ import annotations

import uuid
from typing import ClassVar

from django.db import models
from django.db.models import Q

from accounts.models import Account, Job, PendingChange, User
from integrations.preferences import Api


class LinkState(models.TextChoices):
    """How the consent of an organization stands; of single mailboxes, see `Connection.state`."""

    WORKING = "working", "Working"
    # Passing: no answer, or Microsoft asks us to wait.
    DEGRADED = "degraded", "Degraded"
    # Microsoft refuses all of it: the application is gone or blocked there, the consent was revoked, or our own
    # credential is refused. Comes back by itself once the cause is gone.
    PAUSED = "paused", "Paused"
    ENDED = "ended", "Ended"


class TenantLink(models.Model):
    """The consent of one Microsoft 365 organization to Application Permissions, for one account.

    Written by `integrations.organization` and, where Microsoft's answers change it, by `integrations.states` only.
    """

    account = models.ForeignKey(Account, on_delete=models.CASCADE, related_name="tenant_links")
    tenant_id = models.CharField(max_length=36)
    # By which API its mailboxes are opened; each wants a consent of its own.
    api = models.CharField(max_length=10, default=Api.GRAPH.value)
    # Associated domains, verified here, that are this organization's at Microsoft: whose people it may be used for.
    domains = models.JSONField(default=list)
    # When Microsoft last said whose they are.
    domains_at = models.DateTimeField(null=True, blank=True)

    state = models.CharField(max_length=10, choices=LinkState.choices, default=LinkState.WORKING)
    since_at = models.DateTimeField()
    reason = models.CharField(max_length=40, blank=True)
    code = models.CharField(max_length=80, blank=True)
    trace_id = models.CharField(max_length=80, blank=True)
    failed_at = models.DateTimeField(null=True, blank=True)
    attempts = models.PositiveSmallIntegerField(default=0)

    linked_at = models.DateTimeField()
    linked_by = models.ForeignKey(User, null=True, blank=True, on_delete=models.SET_NULL, related_name="+")
    # Who consented there, as their id_token named them.
    consented_oid = models.CharField(max_length=36, blank=True)
    consented_as = models.CharField(max_length=254, blank=True)
    ended_at = models.DateTimeField(null=True, blank=True)

    # Application permissions in the newest token (display only: what Exchange gives by RBAC does not show there), and
    # what a mailbox answered when it was asked: {"calendar": "ok"|"refused"|…, "contacts": …}.
    roles = models.JSONField(default=list)
    roles_at = models.DateTimeField(null=True, blank=True)
    probed = models.JSONField(default=dict)
    probed_at = models.DateTimeField(null=True, blank=True)
    # Which mailbox that was; and our enterprise application there by its object id, for the commands of the guidance.
    probed_address = models.CharField(max_length=254, blank=True)
    service_principal_id = models.CharField(max_length=36, blank=True)
    # What is missing and what is more than needed, as last told; since when, and when the admins were told.
    drift = models.JSONField(default=dict)
    drift_since = models.DateTimeField(null=True, blank=True)
    drift_told_at = models.DateTimeField(null=True, blank=True)

    # One token for all mailboxes of the organization, sealed. `token_version` rises with every one that is stored.
    access_token = models.TextField(blank=True)
    access_expires_at = models.DateTimeField(null=True, blank=True)
    token_version = models.PositiveIntegerField(default=0)
    lease_until = models.DateTimeField(null=True, blank=True)
    lease_holder = models.UUIDField(null=True, blank=True)

    # Sweeps: when the consent is looked at next, when the directory and the people are, and the mailboxes; who has it.
    check_due_at = models.DateTimeField(null=True, blank=True)
    follow_due_at = models.DateTimeField(null=True, blank=True)
    probe_due_at = models.DateTimeField(null=True, blank=True)
    claimed_until = models.DateTimeField(null=True, blank=True)
    followed_at = models.DateTimeField(null=True, blank=True)
    # After trouble of Microsoft's, neither directory nor mailboxes are asked before then; how often in a row.
    not_before = models.DateTimeField(null=True, blank=True)
    setbacks = models.PositiveSmallIntegerField(default=0)
    # What following found, in numbers: {"matched": 12, "no_mailbox": 1, …}.
    found = models.JSONField(default=dict)
    # The newest job that connects people.
    job = models.ForeignKey(Job, null=True, blank=True, on_delete=models.SET_NULL, related_name="+")

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["account", "tenant_id", "api"], condition=Q(ended_at__isnull=True), name="one_link_a_tenant"
            ),
            models.CheckConstraint(condition=Q(state__in=LinkState.values), name="link_state_is_known"),
        ]
        indexes: ClassVar = [
            models.Index(fields=["account"], condition=Q(ended_at__isnull=True), name="links_of_an_account"),
        ]

    def __str__(self) -> str:
        by = " by Exchange Web Services" if self.is_by_ews else ""
        return f"the Microsoft 365 organization of {', '.join(self.domains) or self.tenant_id}{by}"

    @property
    def is_by_ews(self) -> bool:
        return self.api == Api.EWS.value


class LinkStep(models.TextChoices):
    """How far an authorization by an Office 365 admin has come; in this order."""

    MADE = "made", "Not begun"
    SENT = "sent", "At Microsoft"
    CONSENTED = "consented", "Microsoft says that an admin has consented"
    ANSWERED = "answered", "The admin has signed in"
    IDENTIFIED = "identified", "It is an admin of the organization"
    PROVED = "proved", "Microsoft has confirmed the consent"
    DONE = "done", "Authorized"
    FAILED = "failed", "Not authorized"


class LinkRequest(models.Model):
    """One way of an Office 365 admin to Microsoft and back: consent, sign-in, proof. Nothing of it is believed before
    the end, and then all of it counts at once."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4)
    account = models.ForeignKey(Account, on_delete=models.CASCADE, related_name="link_requests")
    by = models.ForeignKey(User, on_delete=models.CASCADE, related_name="link_requests")
    # The change of the settings that is confirmed at the end, if there is one.
    change = models.ForeignKey(PendingChange, null=True, blank=True, on_delete=models.SET_NULL, related_name="+")
    # What the sheet said and what was typed there: {"said": 3, "seen": "…", "reason": "…"}.
    confirmed = models.JSONField(default=dict)
    tenant_id = models.CharField(max_length=36)
    api = models.CharField(max_length=10, default=Api.GRAPH.value)
    domain = models.CharField(max_length=253)
    # SHA-256 of the word in a link that is handed on to an admin elsewhere, if one was made.
    handed_on_digest = models.CharField(max_length=64, blank=True)
    # SHA-256 of the browser's own secret, and of the `state` of the leg that is under way.
    browser_digest = models.CharField(max_length=64, blank=True)
    state_digest = models.CharField(max_length=64, blank=True)
    created_at = models.DateTimeField()
    expires_at = models.DateTimeField()

    step = models.CharField(max_length=12, choices=LinkStep.choices, default=LinkStep.MADE)
    # Sealed: MSAL's flow of the sign-in, then Microsoft's answer to it.
    flow = models.TextField(blank=True)
    answer = models.TextField(blank=True)
    answered_at = models.DateTimeField(null=True, blank=True)
    claimed_until = models.DateTimeField(null=True, blank=True)
    not_before = models.DateTimeField(null=True, blank=True)
    attempts = models.PositiveSmallIntegerField(default=0)

    # Who signed in, once that is proved.
    consented_oid = models.CharField(max_length=36, blank=True)
    consented_as = models.CharField(max_length=254, blank=True)
    link = models.ForeignKey(TenantLink, null=True, blank=True, on_delete=models.SET_NULL, related_name="+")
    ended_at = models.DateTimeField(null=True, blank=True)
    reason = models.CharField(max_length=40, blank=True)
    code = models.CharField(max_length=80, blank=True)
    trace_id = models.CharField(max_length=80, blank=True)
    # Where the settings could not be saved although the consent holds: why, for the page.
    not_saved = models.CharField(max_length=300, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["state_digest"], condition=~Q(state_digest=""), name="link_states_differ"),
            models.UniqueConstraint(
                fields=["handed_on_digest"], condition=~Q(handed_on_digest=""), name="handed_on_links_differ"
            ),
            models.CheckConstraint(condition=Q(step__in=LinkStep.values), name="link_step_is_known"),
        ]
        indexes: ClassVar = [
            # Serves the sweep: almost always empty.
            models.Index(
                "answered_at", condition=Q(answered_at__isnull=False, ended_at__isnull=True), name="links_to_prove"
            ),
            models.Index(fields=["account", "-created_at"], name="link_requests_of_an_account"),
        ]

    def __str__(self) -> str:
        return f"the authorization for {self.domain}, {self.step}"
