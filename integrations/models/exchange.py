"""Exchange Web Services: an organization's own servers, and the way from there to Graph."""

from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.db.models import Q

from accounts.models import Account, User
from integrations.models.connections import Connection
from integrations.models.tenants import TenantLink


class ServerState(models.TextChoices):
    """How a server, and the impersonation account there, stands; of single mailboxes, see `Connection.state`."""

    UNKNOWN = "unknown", "Not checked yet"
    WORKING = "working", "Working"
    # Passing: no answer, or it asks us to wait.
    DEGRADED = "degraded", "Degraded"
    # It refuses the impersonation account, its certificate is not trusted, or its address may not be asked: for an
    # admin to mend. Comes back by itself once the cause is gone.
    PAUSED = "paused", "Paused"


class ExchangeServer(models.Model):
    """One EWS address that people of an account are connected by: a server of the organization's own.

    Made by `integrations.exchange` when somebody first needs it. Its state is written by `integrations.states` only.
    """

    account = models.ForeignKey(Account, on_delete=models.CASCADE, related_name="exchange_servers")
    # As `ews_addresses.canonical` makes it: https, host in lower case, port only where it is not 443, path.
    address = models.CharField(max_length=300)
    # The impersonation account, if an admin has set one; the password is sealed. `version` rises with each.
    user_name = models.CharField(max_length=254, blank=True)
    password = models.TextField(blank=True)
    version = models.PositiveIntegerField(default=0)
    set_by = models.ForeignKey(User, null=True, blank=True, on_delete=models.SET_NULL, related_name="+")
    set_at = models.DateTimeField(null=True, blank=True)

    # As it names itself: "15.2.1544.11".
    build = models.CharField(max_length=40, blank=True)
    state = models.CharField(max_length=10, choices=ServerState.choices, default=ServerState.UNKNOWN)
    since_at = models.DateTimeField()
    reason = models.CharField(max_length=40, blank=True)
    code = models.CharField(max_length=80, blank=True)
    trace_id = models.CharField(max_length=80, blank=True)
    failed_at = models.DateTimeField(null=True, blank=True)
    attempts = models.PositiveSmallIntegerField(default=0)
    last_good_at = models.DateTimeField(null=True, blank=True)
    # When it is looked at next, by whom it is held until then, and when the account's admins were told of `reason`.
    check_due_at = models.DateTimeField(null=True, blank=True)
    claimed_until = models.DateTimeField(null=True, blank=True)
    checked_at = models.DateTimeField(null=True, blank=True)
    told_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["account", "address"], name="one_server_an_address"),
            models.CheckConstraint(condition=Q(state__in=ServerState.values), name="server_state_is_known"),
        ]
        indexes: ClassVar = [
            models.Index("check_due_at", condition=Q(check_due_at__isnull=False), name="servers_to_check"),
        ]

    def __str__(self) -> str:
        return self.address


class Prospect(models.TextChoices):
    """Whether somebody who uses EWS could use Graph."""

    READY = "ready", "Can be moved without them"
    ASKS_PERSON = "asks_person", "Must agree at Microsoft once"
    NEEDS_ADMIN = "needs_admin", "Needs consent of the Microsoft 365 admin"
    ON_PREMISES = "on_premises", "Mailbox is not in Exchange Online"
    NO_TENANT = "no_tenant", "No Microsoft 365 organization is known"
    NOT_ELIGIBLE = "not_eligible", "No mailbox that Graph can read"
    UNKNOWN = "unknown", "Could not be found out"


class GraphProspect(models.Model):
    """What was found when it was last looked whether a connection by EWS could go by Graph instead."""

    connection = models.OneToOneField(Connection, on_delete=models.CASCADE, related_name="prospect")
    outcome = models.CharField(max_length=12, choices=Prospect.choices, default=Prospect.UNKNOWN)
    # Of the mailbox at Microsoft, where it is known.
    tenant_id = models.CharField(max_length=36, blank=True)
    reason = models.CharField(max_length=40, blank=True)
    code = models.CharField(max_length=80, blank=True)
    trace_id = models.CharField(max_length=80, blank=True)
    looked_at = models.DateTimeField()
    # When it was last tried to move it, under the settings of now; null: not yet. A look alone is no try.
    tried_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(outcome__in=Prospect.values), name="prospect_is_known"),
        ]

    def __str__(self) -> str:
        return f"{self.connection}: {self.outcome}"


class EwsPast(models.Model):
    """What a connection was before it moved from EWS to Graph: kept for the account's grace, so that it can go back."""

    connection = models.OneToOneField(Connection, on_delete=models.CASCADE, related_name="ews_past")
    service = models.CharField(max_length=20)
    method = models.CharField(max_length=30)
    link = models.ForeignKey(TenantLink, null=True, blank=True, on_delete=models.SET_NULL, related_name="+")
    server = models.ForeignKey(ExchangeServer, null=True, blank=True, on_delete=models.SET_NULL, related_name="+")
    tenant_id = models.CharField(max_length=36, blank=True)
    object_id = models.CharField(max_length=36, blank=True)
    address = models.CharField(max_length=254, blank=True)
    user_name = models.CharField(max_length=254, blank=True)
    # Sealed, bound to this row: the password at an own server, or the refresh token that still opens EWS.
    secret = models.TextField(blank=True)
    moved_at = models.DateTimeField()
    kept_until = models.DateTimeField()

    class Meta:
        indexes: ClassVar = [models.Index(fields=["kept_until"], name="ews_pasts_to_forget")]

    def __str__(self) -> str:
        return f"{self.connection} by EWS until {self.moved_at:%Y-%m-%d}"
