"""Long work: how far it is, what became of each row, stopping it."""

from __future__ import annotations

import uuid
from dataclasses import dataclass

from django.contrib import messages
from django.http import HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_POST, require_safe
from django.views.decorators.vary import vary_on_headers
from django_htmx.http import HttpResponseClientRefresh

from accounts import csv_files, doors, job_kinds, job_reports, jobs
from accounts.doors import SignedInRequest
from accounts.models import Job, JobState, RowState

FAILED_SHOWN = 20
_KINDS = {
    JobState.RUNNING: ("info", "clock"),
    JobState.DONE: ("good", "check"),
    JobState.CANCELLED: ("warn", "pause"),
    JobState.FAILED: ("bad", "alert"),
}


@dataclass(frozen=True)
class Failed:
    number: int
    # Under their headings.
    cells: list[tuple[str, object]]
    sentence: str


@require_safe
@vary_on_headers("HX-Request")
@doors.signed_in
def job(request: SignedInRequest, pk: uuid.UUID) -> HttpResponse:
    """The page; asked for by itself while the job runs, the progress alone. Once it has ended, the page anew."""
    shown = doors.job_or_404(request.user, pk)
    context = {
        "job": shown,
        "is_silent": jobs.is_silent(shown, now=timezone.now()),
        "kind": _KINDS[JobState(shown.state)],
        "words": job_kinds.row_words(shown.kind),
    }
    if getattr(request, "htmx", False):
        if shown.state != JobState.RUNNING:
            return HttpResponseClientRefresh()
        return render(request, "accounts/_job_progress.html", context)
    return render(request, "accounts/job.html", {**context, "columns": jobs.fields(shown), "failed": _failed(shown)})


@require_safe
@doors.signed_in
def job_results(request: SignedInRequest, pk: uuid.UUID) -> HttpResponseBase:
    shown = doors.job_or_404(request.user, pk)
    return csv_files.stream("results.csv", job_reports.headings(shown), job_reports.report(shown))


@require_POST
@doors.signed_in
def job_cancel(request: SignedInRequest, pk: uuid.UUID) -> HttpResponse:
    shown = doors.job_or_404(request.user, pk)
    try:
        jobs.cancel(shown, actor=request.user, now=timezone.now())
    except jobs.HasEnded as refusal:
        messages.error(request, str(refusal))
    else:
        messages.success(request, "It is stopped. What was done before stays done.")
    return redirect("job", shown.pk)


def _failed(shown: Job) -> list[Failed]:
    headings = jobs.fields(shown).values()
    rows = shown.rows.filter(state=RowState.FAILED).order_by("number")[:FAILED_SHOWN]
    return [
        Failed(row.number, list(zip(headings, job_reports.cells(shown, row), strict=True)), row.outcome) for row in rows
    ]
