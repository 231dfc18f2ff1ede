"""What the operator must know: the application's own credentials, and the keys that seal what is stored."""

from __future__ import annotations

from django.db import models


class AppCredential(models.Model):
    """How Microsoft last answered one of the credentials of the environment. The credential itself is not here."""

    # HMAC-SHA-256 of the credential under SECRET_KEY: a replaced one is another row.
    fingerprint = models.CharField(max_length=64, primary_key=True)
    # The name of the variable it came from.
    name = models.CharField(max_length=60)
    is_certificate = models.BooleanField(default=False)
    expires_at = models.DateTimeField(null=True, blank=True)
    # Is it still in the environment?
    seen_at = models.DateTimeField()
    accepted_at = models.DateTimeField(null=True, blank=True)
    refused_at = models.DateTimeField(null=True, blank=True)
    reason = models.CharField(max_length=40, blank=True)
    code = models.CharField(max_length=80, blank=True)
    trace_id = models.CharField(max_length=80, blank=True)
    # The last countdown that the operator was told: 60, 30, 7 or 1 days, 0 once it has expired.
    told_days = models.SmallIntegerField(null=True, blank=True)
    # The operator was told that this one is refused while another is used; until it is accepted again.
    refusal_told_at = models.DateTimeField(null=True, blank=True)
    # A check on purpose: when it was asked for, when it was made, and why it brought neither a yes nor a no.
    check_wanted_at = models.DateTimeField(null=True, blank=True)
    checked_at = models.DateTimeField(null=True, blank=True)
    check_reason = models.CharField(max_length=40, blank=True)

    def __str__(self) -> str:
        return self.name

    @property
    def is_refused(self) -> bool:
        """Its last answer was a *no*."""
        return self.refused_at is not None and (self.accepted_at is None or self.refused_at > self.accepted_at)

    @property
    def is_check_wanted(self) -> bool:
        """It was asked for, and no worker has made it yet."""
        return self.check_wanted_at is not None and (self.checked_at is None or self.check_wanted_at > self.checked_at)


class TokenKey(models.Model):
    """A key of TOKEN_KEYS that something may be sealed with: by what it opens here, a wrong one is known at once."""

    id = models.CharField(primary_key=True, max_length=16)
    # Something without a secret, sealed with it.
    sample = models.TextField()
    created_at = models.DateTimeField()

    def __str__(self) -> str:
        return self.id
