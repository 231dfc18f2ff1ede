"""App registrations, their credentials, and what each tenant allows them."""

from __future__ import annotations

from uuid import uuid4

from django.db import models
from django.db.models import Q

from integrations.simulator.models.directory import Person, Tenant

GRAPH_APP_ID = "00000003-0000-0000-c000-000000000000"


class NameId(models.TextChoices):
    """Entra's default is the user principal name, as an address."""

    EMAIL = "email", "E-mail address"
    PERSISTENT = "persistent", "Persistent"


class Signs(models.TextChoices):
    """Entra's "signing option"."""

    ASSERTION = "assertion", "The assertion"
    RESPONSE = "response", "The response"
    BOTH = "both", "The response and the assertion"


class Application(models.Model):
    """An app registration, by default one that any organization may use."""

    client_id = models.UUIDField(unique=True)
    name = models.CharField(max_length=120)
    publisher = models.ForeignKey(Tenant, on_delete=models.CASCADE, related_name="applications")
    is_publisher_verified = models.BooleanField(default=False)
    is_multi_tenant = models.BooleanField(default=True)
    redirect_uris = models.JSONField(default=list)
    # Redirect addresses of single-page applications: PKCE is a must, refresh tokens live 24 hours.
    spa_redirect_uris = models.JSONField(default=list)
    # A mobile or desktop application: it has no credential, and sending one is an error (700025).
    is_public = models.BooleanField(default=False)
    # The registration's switch "ID tokens (used for implicit and hybrid flows)".
    issues_id_tokens = models.BooleanField(default=False)
    # What `…/.default` asks for: delegated permissions, and application permissions.
    permissions = models.JSONField(default=list)
    roles = models.JSONField(default=list)

    # Signing people in. By which names SAML requests call it (identifierUris), which of its own roles people can be
    # assigned to, and whether tokens name their groups (groupMembershipClaims).
    identifier_uris = models.JSONField(default=list)
    app_roles = models.JSONField(default=list)
    tells_groups = models.BooleanField(default=False)
    # Of SAML: what people are called by where a request leaves it open, and what is signed.
    name_id = models.CharField(max_length=12, choices=NameId.choices, default=NameId.EMAIL)
    signs = models.CharField(max_length=12, choices=Signs.choices, default=Signs.ASSERTION)

    def __str__(self) -> str:
        return self.name


class AppSecret(models.Model):
    application = models.ForeignKey(Application, on_delete=models.CASCADE, related_name="secrets")
    key_id = models.UUIDField(default=uuid4)
    digest = models.CharField(max_length=64)
    expires_at = models.DateTimeField()
    # Set from the environment at every start, so that a new value replaces the old one.
    from_environment = models.BooleanField(default=False)

    def __str__(self) -> str:
        return f"secret of {self.application_id} until {self.expires_at:%Y-%m-%d}"


class AppCertificate(models.Model):
    """A certificate whose key may sign client assertions (RFC 7523)."""

    application = models.ForeignKey(Application, on_delete=models.CASCADE, related_name="certificates")
    key_id = models.UUIDField(default=uuid4)
    # base64url, as in the assertion's header: x5t and x5t#S256.
    sha1 = models.CharField(max_length=27)
    sha256 = models.CharField(max_length=43)
    pem = models.TextField()
    expires_at = models.DateTimeField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["application", "sha256"], name="one_certificate_once")]

    def __str__(self) -> str:
        return f"certificate of {self.application_id} until {self.expires_at:%Y-%m-%d}"


class ServicePrincipal(models.Model):
    """An application in one tenant: what the portal of Entra calls an enterprise application."""

    tenant = models.ForeignKey(Tenant, on_delete=models.CASCADE, related_name="service_principals")
    application = models.ForeignKey(Application, on_delete=models.CASCADE, related_name="service_principals")
    oid = models.UUIDField(unique=True)
    is_enabled = models.BooleanField(default=True)
    # "Assignment required": only those assigned may sign in (50105).
    needs_assignment = models.BooleanField(default=False)
    assigned = models.ManyToManyField(Person, related_name="assigned_to")
    created_at = models.DateTimeField()
    # Consent takes a while to arrive everywhere; until then client credentials are refused (700016).
    ready_at = models.DateTimeField()
    # Who has which of the application's own roles here: {object id: [values]}.
    assigned_roles = models.JSONField(default=dict)
    # In what its sign-ins are not what they should be: the fields of `entra.lies.Lies`.
    lies = models.JSONField(default=dict)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["tenant", "application"], name="one_principal_per_tenant")]

    def __str__(self) -> str:
        return f"{self.application_id} in {self.tenant_id}"


class Grant(models.Model):
    """Delegated permissions, for one person or (person is None) for all of the tenant: an oauth2PermissionGrant."""

    service_principal = models.ForeignKey(ServicePrincipal, on_delete=models.CASCADE, related_name="grants")
    person = models.ForeignKey(Person, on_delete=models.CASCADE, null=True, related_name="grants")
    resource = models.UUIDField(default=GRAPH_APP_ID)
    graph_id = models.CharField(max_length=64, unique=True)
    scopes = models.JSONField(default=list)
    granted_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["service_principal", "resource", "person"],
                condition=Q(person__isnull=False),
                name="one_grant_per_person_and_app",
            ),
            models.UniqueConstraint(
                fields=["service_principal", "resource"],
                condition=Q(person__isnull=True),
                name="one_grant_for_all_per_app",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.person_id or 'all'} → {self.service_principal_id}"


class AppRole(models.Model):
    """An application permission granted for the whole tenant: an appRoleAssignment."""

    service_principal = models.ForeignKey(ServicePrincipal, on_delete=models.CASCADE, related_name="roles")
    resource = models.UUIDField(default=GRAPH_APP_ID)
    graph_id = models.CharField(max_length=64, unique=True)
    name = models.CharField(max_length=100)
    granted_at = models.DateTimeField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["service_principal", "resource", "name"], name="one_role_once")]

    def __str__(self) -> str:
        return self.name


class ScopedRole(models.Model):
    """RBAC for Applications (Exchange Online): a permission for these mailboxes. It adds to what Entra grants."""

    service_principal = models.ForeignKey(ServicePrincipal, on_delete=models.CASCADE, related_name="scoped_roles")
    name = models.CharField(max_length=100)
    people = models.ManyToManyField(Person, related_name="+")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["service_principal", "name"], name="one_scoped_role_once")]

    def __str__(self) -> str:
        return self.name


class AccessPolicy(models.Model):
    """The legacy application access policy: takes mailboxes away from what Entra grants ([RAOP])."""

    class Kind(models.TextChoices):
        RESTRICT = "restrict", "Only these mailboxes"
        DENY = "deny", "All but these mailboxes"

    service_principal = models.OneToOneField(ServicePrincipal, on_delete=models.CASCADE, related_name="access_policy")
    kind = models.CharField(max_length=10, choices=Kind.choices)
    people = models.ManyToManyField(Person, related_name="+")

    def __str__(self) -> str:
        return self.kind
