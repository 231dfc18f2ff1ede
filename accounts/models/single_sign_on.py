"""How the people of an account sign in elsewhere, who is bound to whom, and what was tried."""

from __future__ import annotations

from typing import Any, ClassVar

from django.db import models
from django.db.models import Q

from accounts.models.people import Account, Group, Role, User


class Protocol(models.TextChoices):
    OPENID_CONNECT = "openid_connect", "OpenID Connect"
    SAML = "saml", "SAML 2.0"


class IdentityProvider(models.Model):
    """An identity provider that an admin set up. An account may have several, so that one can be tried beside
    another; at most one is on. Written by `accounts.single_sign_on.setting_up`, `rereading` and `only`."""

    account = models.ForeignKey(Account, on_delete=models.CASCADE, related_name="identity_providers")
    # Stands in its addresses (/auth/sso/<key>/…): random, so that it tells nothing, and never used again.
    key = models.SlugField(max_length=40, unique=True)
    name = models.CharField(max_length=100)
    protocol = models.CharField(max_length=20, choices=Protocol.choices)
    is_on = models.BooleanField(default=False)
    # Passwords are for those who `keeps_password` alone; only where it is on.
    is_only = models.BooleanField(default=False)
    # Whoever signs in with an address of a verified associated domain, and is nobody yet, joins.
    creates_people = models.BooleanField(default=False)
    # Who the provider says it is: `iss` of OpenID Connect; the entity ID of SAML.
    issuer = models.CharField(max_length=500)

    # ── OpenID Connect ──
    client_id = models.CharField(max_length=200, blank=True)
    # Sealed.
    client_secret = models.TextField(blank=True)

    # ── SAML ──
    metadata_url = models.CharField(max_length=1000, blank=True)
    # Where the browser is sent, by HTTP-Redirect.
    sign_in_url = models.CharField(max_length=1000, blank=True)
    # What signs, in PEM, in the order of the metadata.
    certificates = models.JSONField(default=list, blank=True)
    # When the metadata at `metadata_url` was read last, when it is read next, and why that failed, if it did.
    metadata_read_at = models.DateTimeField(null=True, blank=True)
    metadata_due_at = models.DateTimeField(null=True, blank=True)
    metadata_trouble = models.CharField(max_length=300, blank=True)
    # Our own, that signs our requests: the key sealed, the certificate in PEM.
    signing_key = models.TextField(blank=True)
    signing_certificate = models.TextField(blank=True)

    # ── What is read of a person: the names of claims or attributes; "" where nothing is ──
    email_claim = models.CharField(max_length=200)
    name_claim = models.CharField(max_length=200, blank=True)
    groups_claim = models.CharField(max_length=200, blank=True)
    roles_claim = models.CharField(max_length=200, blank=True)

    created_at = models.DateTimeField()
    created_by = models.ForeignKey(User, null=True, blank=True, on_delete=models.SET_NULL, related_name="+")
    changed_at = models.DateTimeField()
    # The last *Test sign-in* that passed with the settings as they are: emptied by every change of them.
    tested_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["account"], condition=Q(is_on=True), name="one_identity_provider_of_an_account_is_on"
            ),
            models.CheckConstraint(condition=Q(protocol__in=Protocol.values), name="sign_in_protocol_is_known"),
            models.CheckConstraint(condition=Q(is_only=False) | Q(is_on=True), name="only_single_sign_on_is_on"),
        ]
        indexes: ClassVar = [
            # Serves the sweep that reads metadata again.
            models.Index("metadata_due_at", condition=Q(metadata_due_at__isnull=False), name="metadata_to_read"),
        ]

    def __str__(self) -> str:
        return self.name


class Meaning(models.TextChoices):
    """What a value of a claim stands for."""

    GROUP = "group", "Member of the group"
    ROLE = "role", "Role"


class ProviderMapping(models.Model):
    """`value` among the person's groups means the group here, or among the roles the role."""

    provider = models.ForeignKey(IdentityProvider, on_delete=models.CASCADE, related_name="mappings")
    means = models.CharField(max_length=10, choices=Meaning.choices)
    value = models.CharField(max_length=200)
    group = models.ForeignKey(Group, null=True, blank=True, on_delete=models.CASCADE, related_name="+")
    # Nobody becomes an owner by a claim.
    role = models.CharField(max_length=10, choices=Role.choices, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["provider", "means", "value", "group"], name="a_value_means_a_group_once"),
            models.CheckConstraint(
                condition=Q(means="group", group__isnull=False, role="")
                | Q(means="role", group__isnull=True, role__in=["admin", "member"]),
                name="a_mapping_means_what_it_says",
            ),
        ]

    def __str__(self) -> str:
        return self.value


class Bond(models.TextChoices):
    """By what somebody of a provider is known to be a person here."""

    CREATED = "created", "Joined by single sign-on"
    DOMAIN = "domain", "Verified domain"
    PASSWORD = "password", "Password"


class SingleSignOnIdentity(models.Model):
    """Issuer and subject of a provider, and the person here: never an address alone (OpenID Connect Core 1.0 §5.7).
    Written by `accounts.single_sign_on.settling`."""

    provider = models.ForeignKey(IdentityProvider, on_delete=models.CASCADE, related_name="identities")
    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="single_sign_on_identities")
    issuer = models.CharField(max_length=500)
    # `sub`; of SAML, the persistent NameID, or the address where the provider gives nothing better.
    subject = models.CharField(max_length=500)
    # As the provider had it at the last sign-in.
    email = models.CharField(max_length=254)
    bond = models.CharField(max_length=10, choices=Bond.choices)
    bound_at = models.DateTimeField()
    last_used_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["provider", "issuer", "subject"], name="a_subject_is_one_person"),
            models.UniqueConstraint(fields=["provider", "user"], name="a_person_is_one_subject_of_a_provider"),
        ]

    def __str__(self) -> str:
        return f"{self.user_id} at {self.provider_id}"


class SpentAssertion(models.Model):
    """An answer of a provider that was used: it is not taken again while it would still be valid."""

    provider = models.ForeignKey(IdentityProvider, on_delete=models.CASCADE, related_name="+")
    # SHA-256 of its ID.
    digest = models.CharField(max_length=64)
    expires_at = models.DateTimeField(db_index=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["provider", "digest"], name="an_assertion_is_spent_once")]

    def __str__(self) -> str:
        return self.digest


class SignInMethod(models.TextChoices):
    PASSWORD = "password", "Password"
    OPENID_CONNECT = "openid_connect", "OpenID Connect"
    SAML = "saml", "SAML 2.0"


class SignInOutcome(models.TextChoices):
    SIGNED_IN = "signed_in", "Signed in"
    REFUSED = "refused", "Refused"
    TESTED = "tested", "Test"


class SignInEntry(models.Model):
    """A line of the account's sign-in log, kept for 90 days. Written by `accounts.single_sign_on.log` only."""

    # To be named in words to the person, and found by the admin: the reference on the page that refuses.
    reference = models.CharField(max_length=12, unique=True)
    account = models.ForeignKey(Account, on_delete=models.CASCADE, related_name="sign_ins")
    at = models.DateTimeField()
    method = models.CharField(max_length=20, choices=SignInMethod.choices)
    provider = models.ForeignKey(IdentityProvider, null=True, blank=True, on_delete=models.SET_NULL, related_name="+")
    user = models.ForeignKey(User, null=True, blank=True, on_delete=models.SET_NULL, related_name="+")
    # As it was typed, or as the provider had it; cut to what fits.
    email = models.CharField(max_length=254, blank=True)
    outcome = models.CharField(max_length=10, choices=SignInOutcome.choices)
    # Of what was refused: a `Cause` of `accounts.single_sign_on.causes`, and exactly what was found; no secret.
    cause = models.CharField(max_length=40, blank=True)
    detail = models.CharField(max_length=500, blank=True)
    # Of a test: what was looked at, one after another: [{"check": …, "result": "passed|failed|skipped", "says": …}].
    checks = models.JSONField(default=list, blank=True)
    ip_address = models.GenericIPAddressField(null=True, blank=True)

    class Meta:
        indexes: ClassVar = [
            models.Index(fields=["account", "-at", "-id"], name="sign_ins_of_an_account"),
            models.Index("at", name="sign_ins_by_age"),
        ]

    def __str__(self) -> str:
        return self.reference

    @property
    def report(self) -> list[dict[str, Any]]:
        return list(self.checks)
