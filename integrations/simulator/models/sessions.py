"""What a sign-in leaves behind."""

from __future__ import annotations

from django.db import models

from integrations.simulator.models.applications import Application
from integrations.simulator.models.directory import Person


class BrowserSession(models.Model):
    digest = models.CharField(max_length=64, unique=True)
    sid = models.UUIDField()
    person = models.ForeignKey(Person, on_delete=models.CASCADE, related_name="browser_sessions")
    signed_in_at = models.DateTimeField()
    expires_at = models.DateTimeField()
    # A second factor was given in this session.
    has_mfa = models.BooleanField(default=False)

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
    has_mfa = models.BooleanField(default=False)
    # When the person signed in, where the application asked how long ago that is (`auth_time`).
    auth_time = models.DateTimeField(null=True)
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
    has_mfa = models.BooleanField(default=False)
    # Of a single-page application: its end does not move with use.
    is_spa = models.BooleanField(default=False)
    issued_at = models.DateTimeField()
    expires_at = models.DateTimeField(db_index=True)
    # Under strict rotation a used one is dead.
    replaced_at = models.DateTimeField(null=True)

    def __str__(self) -> str:
        return f"refresh token of {self.person_id}"
