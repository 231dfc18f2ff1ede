"""Who was asked at single sign-on to integrate the calendar, and what came of it."""

from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.db.models import Q

from accounts.models import Account, User
from integrations.models.consents import ConsentRequest


class Answer(models.TextChoices):
    # The page was shown, and no more is known.
    NONE = "", "No answer yet"
    # *Go on without it*.
    DECLINED = "declined", "Went on without it"
    # At Microsoft, until the consent ends.
    AT_MICROSOFT = "at_microsoft", "Went to Microsoft"
    CONNECTED = "connected", "Connected"
    # Cancelled at Microsoft.
    REFUSED = "refused", "Refused at Microsoft"
    FAILED = "failed", "Failed"


class CalendarPrompt(models.Model):
    """One time that a person was asked. Written by `integrations.prompting` only."""

    account = models.ForeignKey(Account, on_delete=models.CASCADE, related_name="+")
    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="calendar_prompts")
    asked_at = models.DateTimeField()
    # The value of the setting by which they were asked: `SsoPrompt`.
    mode = models.CharField(max_length=20)
    answer = models.CharField(max_length=20, choices=Answer.choices, default=Answer.NONE, blank=True)
    answered_at = models.DateTimeField(null=True, blank=True)
    # The trip to Microsoft that it led to.
    consent = models.OneToOneField(ConsentRequest, null=True, blank=True, on_delete=models.SET_NULL, related_name="+")
    # Why it failed: `Reason` or `Ending` of the consent.
    reason = models.CharField(max_length=40, blank=True)
    # An admin let the person be asked once more: it no longer counts as *the first time*.
    reset_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        indexes: ClassVar = [
            # Serves the sign-in and the person's page: the newest.
            models.Index(fields=["user", "-asked_at"], name="calendar_prompts_of_a_person"),
            # Serves the counts on the settings row.
            models.Index(fields=["account", "answer"], condition=Q(reset_at=None), name="calendar_prompts_that_count"),
        ]

    def __str__(self) -> str:
        return f"{self.user_id} at {self.asked_at:%Y-%m-%d %H:%M}"
