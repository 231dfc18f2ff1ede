"""Who is connected, as what, and how it stands."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, ClassVar

from django.db import models
from django.db.models import Q

from accounts.models import Account, User
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


class Trouble(models.TextChoices):
    """What it was that did not answer. A good answer of the one does not end trouble with the other."""

    NONE = "", "None"
    SIGN_IN = "sign_in", "Microsoft’s sign-in"
    MAILBOX = "mailbox", "The mailbox"


class Move(models.TextChoices):
    """Whether a connection could go another way: by the organization's own consent; by Graph in place of EWS."""

    UNKNOWN = "", "Unknown"
    # It is being moved: it may stay meanwhile.
    READY = "ready", "Ready"
    # From EWS to Graph, for which its person must agree at Microsoft: it may stay until then.
    ASKED = "asked", "Asked"
    # The organization's consent does not open this mailbox, or another one is the person's; or Graph does not.
    REFUSED = "refused", "Refused"


class ConnectionQuerySet(models.QuerySet["Connection"]):
    def bulk_create(self, objs: Iterable[Connection], *args: Any, **kwargs: Any) -> list[Connection]:
        """As always; each is of its person's account."""
        made = list(objs)
        for one in made:
            one.account_id = one.user.account_id
        return super().bulk_create(made, *args, **kwargs)


class Connection(models.Model):
    """A person's one connection to a calendar service. Durable: reconnecting keeps the row and its history."""

    user = models.OneToOneField(User, on_delete=models.CASCADE, related_name="connection")
    # The person's, which never changes; here too, because the search for due refreshes is fair between accounts and
    # must not look at people (docs/decisions/0013).
    account = models.ForeignKey(Account, on_delete=models.CASCADE, related_name="connections", editable=False)
    service = models.CharField(max_length=20, choices=_choices(Service), default=Service.OFFICE_365.value)
    api = models.CharField(max_length=10, choices=_choices(Api), default=Api.GRAPH.value)
    method = models.CharField(max_length=30, choices=_choices(Method), default=Method.OAUTH.value)

    # Of a connection by Application Permissions: by whose consent. It has no tokens of its own.
    link = models.ForeignKey(
        "integrations.TenantLink", null=True, blank=True, on_delete=models.SET_NULL, related_name="connections"
    )
    # Of a connection to a server of the organization's own: which, by what user name, and the password, sealed. By an
    # impersonation account it has neither of its own. Its `tenant_id` and `object_id` are made of the server and of
    # the mailbox's address there (`exchange.identity_of`).
    server = models.ForeignKey(
        "integrations.ExchangeServer", null=True, blank=True, on_delete=models.SET_NULL, related_name="connections"
    )
    user_name = models.CharField(max_length=254, blank=True)
    password = models.TextField(blank=True)
    # By an impersonation account, which opens every mailbox: the sign-in address whose mailbox this one was then.
    opened_for = models.CharField(max_length=254, blank=True)
    # Of one that its person made: whether an organization's consent can carry it. Of one by EWS: whether Graph can.
    move = models.CharField(max_length=10, choices=Move.choices, default=Move.UNKNOWN, blank=True)

    state = models.CharField(max_length=20, choices=State.choices, default=State.CONNECTING)
    # Since when it is in this state, and why: a `Reason`, or an `Obstacle` of the policy.
    since_at = models.DateTimeField()
    reason = models.CharField(max_length=40, blank=True)
    # While the policy blocks it: until when its tokens are kept, as the grace was when it was blocked.
    kept_until = models.DateTimeField(null=True, blank=True)
    # To quote to Microsoft's support: an AADSTS number or Graph's error code, and a trace id.
    code = models.CharField(max_length=80, blank=True)
    trace_id = models.CharField(max_length=80, blank=True)
    # With what there is passing trouble, and when something last went wrong, passing or not.
    trouble = models.CharField(max_length=10, choices=Trouble.choices, default=Trouble.NONE, blank=True)
    failed_at = models.DateTimeField(null=True, blank=True)
    # When the mailbox first refused (403, no mailbox) without a good answer since: what stands for a day is believed.
    refused_since = models.DateTimeField(null=True, blank=True)
    # What Microsoft wants to see at the next sign-in, as it sent it: the `claims` of a step-up.
    claims = models.TextField(blank=True)

    # Who it is at Microsoft: (tenant, object id), never an address, which may change.
    tenant_id = models.CharField(max_length=36, blank=True)
    object_id = models.CharField(max_length=36, blank=True)
    address = models.CharField(max_length=254, blank=True)

    # What the person agreed to in the portal, which is all that is used, and what Microsoft really granted.
    calendar_write = models.BooleanField(default=False)
    contacts_write = models.BooleanField(default=False)
    granted = models.JSONField(default=list)
    # What was asked for last and not given: "calendar_write", "contacts_read", "contacts_write".
    withheld = models.JSONField(default=list)

    # Sealed by the vault. `token_version` rises with every pair that is stored.
    refresh_token = models.TextField(blank=True)
    access_token = models.TextField(blank=True)
    access_expires_at = models.DateTimeField(null=True, blank=True)
    token_version = models.PositiveIntegerField(default=0)
    refreshed_at = models.DateTimeField(null=True, blank=True)

    # One refresh at a time: who holds the lease, and until when.
    lease_until = models.DateTimeField(null=True, blank=True)
    lease_holder = models.UUIDField(null=True, blank=True)
    # When a lease was found that nobody had given back: its worker died, perhaps with a new token in flight. Until a
    # token is stored.
    interrupted_at = models.DateTimeField(null=True, blank=True)
    # When the next refresh is due; null: never.
    refresh_due_at = models.DateTimeField(null=True, blank=True)
    attempts = models.PositiveSmallIntegerField(default=0)

    connected_at = models.DateTimeField(null=True, blank=True)
    last_good_at = models.DateTimeField(null=True, blank=True)
    # When a person last looked at the calendar; decides how eagerly the token is kept fresh.
    last_used_at = models.DateTimeField(null=True, blank=True)

    objects = ConnectionQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["tenant_id", "object_id"],
                condition=~Q(object_id="") & ~Q(state="disconnected"),
                name="a_mailbox_is_connected_once",
            ),
            models.CheckConstraint(condition=Q(state__in=State.values), name="state_is_known"),
            models.CheckConstraint(condition=Q(trouble__in=Trouble.values), name="trouble_is_known"),
            models.CheckConstraint(condition=Q(move__in=Move.values), name="move_is_known"),
        ]
        indexes: ClassVar = [
            # Serves the search for due refreshes, and nothing else: only those that may become due are in it.
            models.Index(
                "refresh_due_at", condition=Q(refresh_due_at__isnull=False), name="connections_due_for_refresh"
            ),
            # Serves the tiles and lists of the connections console.
            models.Index(fields=["account", "state"], name="connections_by_state"),
            # Serves the watch for incidents: almost always empty.
            models.Index(
                fields=["account", "tenant_id", "reason"],
                condition=Q(state="degraded"),
                name="connections_in_trouble",
            ),
            # Serves the search for those whose grace is over.
            models.Index("kept_until", condition=Q(kept_until__isnull=False), name="connections_kept_for_a_while"),
        ]

    def __str__(self) -> str:
        return self.address or f"the calendar of {self.user}"

    def save(self, *args: Any, **kwargs: Any) -> None:
        self.account_id = self.user.account_id
        super().save(*args, **kwargs)

    @property
    def is_alive(self) -> bool:
        return self.state in ALIVE

    @property
    def is_by_organization(self) -> bool:
        """By Application Permissions: it has no tokens of its own, but its link's."""
        return self.method == Method.APPLICATION_PERMISSIONS.value


class Incident(models.Model):
    """Many connections of one account in one tenant in passing trouble at once: one thing, not many."""

    account = models.ForeignKey(Account, on_delete=models.CASCADE, related_name="incidents")
    tenant_id = models.CharField(max_length=36)
    # The commonest reason, the most that were in trouble at once, and how many were connected then.
    reason = models.CharField(max_length=40)
    affected = models.PositiveIntegerField()
    connected = models.PositiveIntegerField()
    began_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["account", "tenant_id"], condition=Q(ended_at__isnull=True), name="one_open_incident_a_tenant"
            )
        ]

    def __str__(self) -> str:
        return f"{self.affected} of {self.connected} connections since {self.began_at:%Y-%m-%d %H:%M}"
