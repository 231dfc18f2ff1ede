"""Long work: its rows, its progress, what became of each row."""

from __future__ import annotations

import uuid
from typing import ClassVar

from django.db import models
from django.db.models import Q

from accounts.models.people import Account, Group, User


class JobState(models.TextChoices):
    # Shown, not begun: it waits for the one who asked for it to say yes.
    PREPARED = "prepared", "Prepared"
    RUNNING = "running", "Running"
    DONE = "done", "Done"
    CANCELLED = "cancelled", "Stopped"
    # Every worker that took it died or failed at the same place.
    FAILED = "failed", "Failed"


class Job(models.Model):
    """Work on many rows by a worker, which may die at any row: who claims the job next goes on with the rest.

    Written by `accounts.jobs` only.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4)
    account = models.ForeignKey(Account, on_delete=models.CASCADE, related_name="jobs")
    by = models.ForeignKey(User, null=True, blank=True, on_delete=models.SET_NULL, related_name="+")
    # The group whose people it changes, if it is about one: its admins may see the job.
    group = models.ForeignKey(Group, null=True, blank=True, on_delete=models.SET_NULL, related_name="+")
    # A kind that `accounts.jobs` knows, and what its rows need besides themselves.
    kind = models.CharField(max_length=40)
    title = models.CharField(max_length=200)
    arguments = models.JSONField(default=dict)
    # Where the page of the job leads back to: an address of the portal.
    back = models.CharField(max_length=500, blank=True)
    state = models.CharField(max_length=12, choices=JobState.choices, default=JobState.RUNNING)
    # Rows, and how many of them came to each end.
    total = models.PositiveIntegerField(default=0)
    done = models.PositiveIntegerField(default=0)
    unchanged = models.PositiveIntegerField(default=0)
    failed = models.PositiveIntegerField(default=0)
    created_at = models.DateTimeField()
    # When something last happened: it began, a worker took it, some rows were done.
    moved_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True, blank=True)
    # A worker has it until then.
    claimed_until = models.DateTimeField(null=True, blank=True)
    # How often it was taken since the last row was done.
    attempts = models.PositiveSmallIntegerField(default=0)

    class Meta:
        constraints = [models.CheckConstraint(condition=Q(state__in=JobState.values), name="job_state_is_known")]
        indexes: ClassVar = [
            # Serves the sweep: almost always empty.
            models.Index(fields=["claimed_until"], condition=Q(state="running"), name="jobs_to_work_on"),
        ]

    def __str__(self) -> str:
        return self.title

    @property
    def handled(self) -> int:
        return self.done + self.unchanged + self.failed

    @property
    def waiting(self) -> int:
        return self.total - self.handled


class RowState(models.TextChoices):
    WAITING = "waiting", "Waiting"
    DONE = "done", "Done"
    UNCHANGED = "unchanged", "Nothing to do"
    FAILED = "failed", "Not done"


class JobRow(models.Model):
    """One row: what was asked, and what became of it in a sentence."""

    job = models.ForeignKey(Job, on_delete=models.CASCADE, related_name="rows")
    # The line in the file, counted as an editor counts.
    number = models.PositiveIntegerField()
    given = models.JSONField()
    state = models.CharField(max_length=10, choices=RowState.choices, default=RowState.WAITING)
    outcome = models.CharField(max_length=300, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["job", "number"], name="a_line_is_once_in_a_job"),
            models.CheckConstraint(condition=Q(state__in=RowState.values), name="row_state_is_known"),
        ]
        indexes = [
            # Serves the page of a job, which shows the first that failed.
            models.Index(fields=["job", "number"], condition=Q(state="failed"), name="rows_that_failed"),
        ]

    def __str__(self) -> str:
        return f"line {self.number}"
