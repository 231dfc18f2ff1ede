"""Everything the simulated tenants hold. Times are true UTC; secrets, codes and tokens are kept as hashes only."""

from __future__ import annotations

from datetime import datetime

from django.db import models


class Tenant(models.Model):
    tid = models.UUIDField(unique=True)
    name = models.CharField(max_length=120)

    def __str__(self) -> str:
        return self.name


class Domain(models.Model):
    """A verified domain; the first one of a tenant is its initial domain."""

    tenant = models.ForeignKey(Tenant, on_delete=models.CASCADE, related_name="domains")
    name = models.CharField(max_length=253, unique=True)

    def __str__(self) -> str:
        return self.name


class Person(models.Model):
    tenant = models.ForeignKey(Tenant, on_delete=models.CASCADE, related_name="people")
    oid = models.UUIDField(unique=True)
    upn = models.CharField(max_length=254, unique=True)
    # What they type to sign in: the UPN, except for guests, who use the address of their own organisation.
    sign_in_name = models.CharField(max_length=254, unique=True)
    mail = models.CharField(max_length=254, null=True)
    name = models.CharField(max_length=200)
    given_name = models.CharField(max_length=100)
    surname = models.CharField(max_length=100)
    job_title = models.CharField(max_length=100, null=True)
    office = models.CharField(max_length=100, null=True)
    phone = models.CharField(max_length=40, null=True)
    time_zone = models.CharField(max_length=60, default="UTC")
    password = models.CharField(max_length=200)
    is_guest = models.BooleanField(default=False)
    is_admin = models.BooleanField(default=False)
    is_enabled = models.BooleanField(default=True)
    has_mailbox = models.BooleanField(default=True)
    # Microsoft's TokensValidFrom: refresh tokens and browser sessions issued before are dead.
    valid_from = models.DateTimeField()
    # Raised by "expire tokens now": an access token carries the number it was made under.
    generation = models.PositiveIntegerField(default=0)

    def __str__(self) -> str:
        return self.sign_in_name


class Application(models.Model):
    """An app registration, by default one that any organisation may use."""

    client_id = models.UUIDField(unique=True)
    name = models.CharField(max_length=120)
    publisher = models.ForeignKey(Tenant, on_delete=models.CASCADE, related_name="applications")
    is_multi_tenant = models.BooleanField(default=True)
    redirect_uris = models.JSONField(default=list)
    # What `…/.default` asks for.
    permissions = models.JSONField(default=list)

    def __str__(self) -> str:
        return self.name


class AppSecret(models.Model):
    application = models.ForeignKey(Application, on_delete=models.CASCADE, related_name="secrets")
    digest = models.CharField(max_length=64)
    expires_at = models.DateTimeField()
    # Set from the environment at every start, so that a new value replaces the old one.
    from_environment = models.BooleanField(default=False)

    def __str__(self) -> str:
        return f"secret of {self.application_id} until {self.expires_at:%Y-%m-%d}"


class Grant(models.Model):
    """What one person allowed one application (Graph calls it an oauth2PermissionGrant)."""

    application = models.ForeignKey(Application, on_delete=models.CASCADE, related_name="grants")
    person = models.ForeignKey(Person, on_delete=models.CASCADE, related_name="grants")
    scopes = models.JSONField(default=list)
    granted_at = models.DateTimeField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["application", "person"], name="one_grant_per_person_and_app")]

    def __str__(self) -> str:
        return f"{self.person_id} → {self.application_id}"


class BrowserSession(models.Model):
    digest = models.CharField(max_length=64, unique=True)
    sid = models.UUIDField()
    person = models.ForeignKey(Person, on_delete=models.CASCADE, related_name="browser_sessions")
    signed_in_at = models.DateTimeField()
    expires_at = models.DateTimeField()

    def __str__(self) -> str:
        return str(self.sid)


class AuthorizationCode(models.Model):
    digest = models.CharField(max_length=64, unique=True)
    application = models.ForeignKey(Application, on_delete=models.CASCADE)
    person = models.ForeignKey(Person, on_delete=models.CASCADE)
    sid = models.UUIDField()
    redirect_uri = models.CharField(max_length=2000)
    scopes = models.JSONField()
    nonce = models.CharField(max_length=512, null=True)
    challenge = models.CharField(max_length=128, null=True)
    challenge_method = models.CharField(max_length=5, default="plain")
    issued_at = models.DateTimeField()
    expires_at = models.DateTimeField()
    redeemed_at = models.DateTimeField(null=True)

    def __str__(self) -> str:
        return f"code for {self.person_id}"


class RefreshToken(models.Model):
    """Bound to person and application, not to a resource. Using one makes another and leaves this one alive."""

    digest = models.CharField(max_length=64, unique=True)
    application = models.ForeignKey(Application, on_delete=models.CASCADE)
    person = models.ForeignKey(Person, on_delete=models.CASCADE, related_name="refresh_tokens")
    sid = models.UUIDField()
    scopes = models.JSONField()
    issued_at = models.DateTimeField()
    expires_at = models.DateTimeField(db_index=True)

    def __str__(self) -> str:
        return f"refresh token of {self.person_id}"


class Calendar(models.Model):
    person = models.ForeignKey(Person, on_delete=models.CASCADE, related_name="calendars")
    graph_id = models.CharField(max_length=160, unique=True)
    name = models.CharField(max_length=120, default="Calendar")
    color = models.CharField(max_length=20, default="auto")
    is_default = models.BooleanField(default=True)
    change_key = models.CharField(max_length=60)
    # The last day that the seed has filled; later starts carry on from there.
    filled_until = models.DateField(null=True)
    # The last day on which "something is going on right now" was laid down.
    today_filled_on = models.DateField(null=True)

    def __str__(self) -> str:
        return f"{self.name} of {self.person_id}"


class Event(models.Model):
    class Kind(models.TextChoices):
        SINGLE = "singleInstance"
        OCCURRENCE = "occurrence"
        EXCEPTION = "exception"
        MASTER = "seriesMaster"

    calendar = models.ForeignKey(Calendar, on_delete=models.CASCADE, related_name="events")
    graph_id = models.CharField(max_length=160, unique=True)
    kind = models.CharField(max_length=20, choices=Kind.choices, default=Kind.SINGLE)
    master = models.ForeignKey("self", on_delete=models.CASCADE, null=True, related_name="occurrences")
    uid = models.CharField(max_length=160)
    ical_uid = models.CharField(max_length=160)
    change_key = models.CharField(max_length=60)
    subject = models.CharField(max_length=255)
    body = models.TextField(default="")
    # All-day events are floating: midnight to midnight, read as such in whatever time zone is asked for.
    starts_at = models.DateTimeField()
    ends_at = models.DateTimeField()
    time_zone = models.CharField(max_length=60, default="UTC")
    is_all_day = models.BooleanField(default=False)
    is_cancelled = models.BooleanField(default=False)
    location = models.CharField(max_length=255, default="")
    show_as = models.CharField(max_length=20, default="busy")
    sensitivity = models.CharField(max_length=20, default="normal")
    importance = models.CharField(max_length=10, default="normal")
    response = models.CharField(max_length=30, default="organizer")
    organizer_name = models.CharField(max_length=200)
    organizer_address = models.CharField(max_length=254)
    # [{"name", "address", "type", "response"}]
    attendees = models.JSONField(default=list)
    categories = models.JSONField(default=list)
    recurrence = models.JSONField(null=True)
    online_meeting_url = models.CharField(max_length=500, null=True)
    reminder_minutes = models.PositiveIntegerField(default=15)
    created_at = models.DateTimeField()
    modified_at = models.DateTimeField()

    class Meta:
        indexes = [models.Index(fields=["calendar", "starts_at", "ends_at"], name="event_window")]

    def __str__(self) -> str:
        return self.subject


class Fault(models.Model):
    """For a while, an endpoint answers badly or late."""

    class Target(models.TextChoices):
        TOKEN = "token"  # noqa: S105
        GRAPH = "graph"

    target = models.CharField(max_length=10, choices=Target.choices)
    tenant = models.ForeignKey(Tenant, on_delete=models.CASCADE, null=True, related_name="faults")
    # No status: the answer is the true one, only later.
    status = models.PositiveSmallIntegerField(null=True)
    latency_ms = models.PositiveIntegerField(default=0)
    began_at = models.DateTimeField()
    until = models.DateTimeField()

    def __str__(self) -> str:
        return f"{self.target} {self.status or 'late'} until {self.until:%H:%M:%S}"

    def seconds_left(self, *, now: datetime) -> int:
        """Rounded up, and never 0: a client told to wait 0 s comes back into the same fault."""
        return max(1, -int((now - self.until).total_seconds() // 1))
