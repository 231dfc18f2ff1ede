"""The one Exchange Server on-premises, which serves every organization that still has mailboxes of its own."""

from __future__ import annotations

from django.db import models


class Premises(models.Model):
    """What is wrong with it. One row at most; none is a good day."""

    class Certificate(models.TextChoices):
        TRUSTED = "trusted", "As it should be"
        UNTRUSTED = "untrusted", "Of an authority that nobody trusts"
        EXPIRED = "expired", "Expired"
        WRONG_NAME = "wrong_name", "For another name"

    is_down = models.BooleanField(default=False)
    certificate = models.CharField(max_length=12, choices=Certificate.choices, default=Certificate.TRUSTED)
    # Answers each request with ErrorServerBusy, and this to wait; None: it has time.
    back_off_milliseconds = models.PositiveIntegerField(null=True)

    def __str__(self) -> str:
        return "down" if self.is_down else self.get_certificate_display()
