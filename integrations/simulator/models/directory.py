"""Tenants, their domains and their people."""

from __future__ import annotations

from django.db import models


class Tenant(models.Model):
    class UserConsent(models.TextChoices):
        """Who may consent on their own to what needs no administrator."""

        ALLOWED = "allowed", "Users may consent"
        VERIFIED_PUBLISHERS = "verified_publishers", "Users may consent to apps of verified publishers"
        NOT_ALLOWED = "not_allowed", "Only administrators may consent"

    tid = models.UUIDField(unique=True)
    name = models.CharField(max_length=120)
    user_consent = models.CharField(max_length=20, choices=UserConsent.choices, default=UserConsent.ALLOWED)
    # People who are stopped may ask for approval (AADSTS90095 instead of 90094).
    has_consent_workflow = models.BooleanField(default=False)
    # A used refresh token dies at once. Entra does not do that: it is for trying clients that must survive it.
    strict_rotation = models.BooleanField(default=False)
    # For how long after consent an application's own credentials are still refused, as while it spreads (700016).
    consent_delay_seconds = models.PositiveIntegerField(default=0)
    # Microsoft has blocked all of it: nobody signs in, and nothing gets a token (5000224).
    is_blocked = models.BooleanField(default=False)
    # Whatever names the organization in its address (discovery, tokens, sign-in, metadata) answers 503.
    is_sign_in_down = models.BooleanField(default=False)
    # Exchange Web Services in Exchange Online: EwsEnabled as the administrators set it, EwsAllowedAppIDs (client ids;
    # None: never set), and the date by which the retirement is judged (None: today's).
    ews_enabled = models.BooleanField(null=True)
    ews_allowed_app_ids = models.JSONField(null=True)
    ews_policy_date = models.DateField(null=True)
    # By how much "N days later" has aged what was issued here, in all.
    aged_seconds = models.PositiveBigIntegerField(default=0)

    def __str__(self) -> str:
        return self.name


class Domain(models.Model):
    """A domain of a tenant; the first one is its initial domain."""

    tenant = models.ForeignKey(Tenant, on_delete=models.CASCADE, related_name="domains")
    name = models.CharField(max_length=253, unique=True)
    is_verified = models.BooleanField(default=True)

    def __str__(self) -> str:
        return self.name


class TextRecord(models.Model):
    """What somebody has published in the DNS of a domain, on top of what is always there."""

    domain = models.ForeignKey(Domain, on_delete=models.CASCADE, related_name="texts")
    # The domain itself, or a name in it.
    name = models.CharField(max_length=253)
    text = models.CharField(max_length=2000)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["domain", "name", "text"], name="one_text_once")]

    def __str__(self) -> str:
        return f"{self.name} TXT"


class Person(models.Model):
    class Mailbox(models.TextChoices):
        CLOUD = "cloud", "In Exchange Online"
        ON_PREMISES = "on_premises", "On a server of the organization's own"
        NONE = "none", "None"

    class Notices(models.TextChoices):
        """What becomes of the change notifications about this mailbox."""

        SENT = "sent", "Sent"
        DROPPED = "dropped", "Dropped"
        DELAYED = "delayed", "Delayed"
        DUPLICATED = "duplicated", "Sent twice"

    tenant = models.ForeignKey(Tenant, on_delete=models.CASCADE, related_name="people")
    oid = models.UUIDField(unique=True)
    upn = models.CharField(max_length=254, unique=True)
    # What they type to sign in: the UPN, except for guests, who use the address of their own organization.
    sign_in_name = models.CharField(max_length=254, unique=True)
    mail = models.CharField(max_length=254, null=True)
    # Further addresses of the mailbox (Graph's proxyAddresses without the primary one).
    aliases = models.JSONField(default=list)
    name = models.CharField(max_length=200)
    given_name = models.CharField(max_length=100)
    surname = models.CharField(max_length=100)
    job_title = models.CharField(max_length=100, null=True)
    office = models.CharField(max_length=100, null=True)
    phone = models.CharField(max_length=40, null=True)
    time_zone = models.CharField(max_length=60, default="UTC")
    is_guest = models.BooleanField(default=False)
    is_admin = models.BooleanField(default=False)
    is_licensed = models.BooleanField(default=True)
    mailbox = models.CharField(max_length=12, choices=Mailbox.choices, default=Mailbox.CLOUD)
    # EwsEnabled of the mailbox, in Exchange Online only.
    ews_enabled = models.BooleanField(null=True)
    # Names of security groups; `entra.groups` has their object ids.
    groups = models.JSONField(default=list)
    # Holds ApplicationImpersonation on the server of the organization's own: may open each mailbox that it has there.
    may_impersonate = models.BooleanField(default=False)
    notices = models.CharField(max_length=12, choices=Notices.choices, default=Notices.SENT)
    notice_delay_seconds = models.PositiveIntegerField(default=60)

    # Signing in
    password = models.CharField(max_length=200)
    # A new password kills the refresh tokens of public clients, and browser sessions; those of others live on.
    password_changed_at = models.DateTimeField(null=True)
    password_is_expired = models.BooleanField(default=False)
    wrong_passwords = models.PositiveSmallIntegerField(default=0)
    locked_until = models.DateTimeField(null=True)
    is_enabled = models.BooleanField(default=True)
    # Deleted people stay known, as in Entra's recycle bin; restoring them is an action of the console.
    deleted_at = models.DateTimeField(null=True)
    needs_mfa = models.BooleanField(default=False)
    # Conditional Access refuses them (53003).
    is_blocked = models.BooleanField(default=False)
    # Microsoft's TokensValidFrom: refresh tokens and browser sessions issued before are dead.
    valid_from = models.DateTimeField()
    # Raised by "expire tokens now": an access token carries the number it was made under.
    generation = models.PositiveIntegerField(default=0)

    def __str__(self) -> str:
        return self.sign_in_name

    @property
    def has_mailbox(self) -> bool:
        """One that Graph can reach."""
        return self.mailbox == Person.Mailbox.CLOUD

    @property
    def address(self) -> str:
        return self.mail or self.upn
