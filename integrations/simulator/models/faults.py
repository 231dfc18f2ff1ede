"""Bad days on order."""

from __future__ import annotations

from datetime import datetime

from django.db import models

from integrations.simulator.models.applications import Application
from integrations.simulator.models.directory import Person, Tenant


class Fault(models.Model):
    """For a while, or for some requests, an endpoint answers badly, late, or not at all."""

    class Target(models.TextChoices):
        TOKEN = "token"  # noqa: S105
        GRAPH = "graph"
        EWS = "ews"
        SIGN_IN = "sign_in"
        DNS = "dns"

    target = models.CharField(max_length=10, choices=Target.choices)
    # Whom it hits: each left out means any.
    tenant = models.ForeignKey(Tenant, on_delete=models.CASCADE, null=True, related_name="faults")
    person = models.ForeignKey(Person, on_delete=models.CASCADE, null=True, related_name="faults")
    application = models.ForeignKey(Application, on_delete=models.CASCADE, null=True, related_name="faults")
    method = models.CharField(max_length=10, default="")
    # A shell pattern for the path after the version, such as `me/calendarView*`; empty for all.
    path = models.CharField(max_length=200, default="")
    # Of a hundred requests that fit, how many it hits.
    percent = models.PositiveSmallIntegerField(default=100)
    # How many requests it will yet hit; None without limit.
    remaining = models.PositiveIntegerField(null=True)
    # What happens, one step per hit and then from the start again:
    # {"status", "code", "message", "aadsts", "retry_after", "latency_ms", "reset"}, each optional.
    steps = models.JSONField(default=list)
    hits = models.PositiveIntegerField(default=0)
    began_at = models.DateTimeField()
    until = models.DateTimeField()

    def __str__(self) -> str:
        return f"{self.target} until {self.until:%H:%M:%S}"

    def seconds_left(self, *, now: datetime) -> int:
        """Rounded up, and never 0: a client told to wait 0 s comes back into the same fault."""
        return max(1, -int((now - self.until).total_seconds() // 1))
