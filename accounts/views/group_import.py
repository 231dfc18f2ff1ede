"""Members of a group by a list: brought, shown with its consequences, confirmed. Nothing changes before that."""

from __future__ import annotations

import uuid
from collections.abc import Iterator

from django.core.paginator import Paginator
from django.http import HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_safe

from accounts import csv_files, doors, importing, jobs
from accounts.cascade.words import many
from accounts.doors import SignedInRequest
from accounts.forms.group_import import ConfirmForm, MemberListForm
from accounts.importing import Preview
from accounts.models import Group, Job, JobState

ON_A_PAGE = 50
EXAMPLE = [("somebody@example.com", "add"), ("somebody.else@example.com", "remove")]
MORE_NOW = (
    "More people are affected than when this was counted. Nothing has changed yet: look at the new numbers, and "
    "confirm again if they are what you want."
)


@require_http_methods(["GET", "HEAD", "POST"])
@doors.signed_in
def group_import(request: SignedInRequest, pk: int) -> HttpResponse:
    group = doors.group_or_404(request.user, pk)
    form = MemberListForm(request.POST, request.FILES) if request.method == "POST" else MemberListForm()
    if form.is_valid():
        back = reverse("group_members", args=[group.pk])
        job = importing.prepare(group, form.wishes, by=request.user, back=back, now=timezone.now())
        return redirect("group_import_review", group.pk, job.pk)
    return render(request, "accounts/group_import.html", {"group": group, "form": form, "example": EXAMPLE})


@require_safe
@doors.signed_in
def group_import_template(request: SignedInRequest, pk: int) -> HttpResponseBase:
    doors.group_or_404(request.user, pk)
    return csv_files.stream("members.csv", ("email", "action"), EXAMPLE)


@require_http_methods(["GET", "HEAD", "POST"])
@doors.signed_in
def group_import_review(request: SignedInRequest, pk: int, job_pk: uuid.UUID) -> HttpResponse:
    group = doors.group_or_404(request.user, pk)
    job = doors.prepared_job_or_404(request.user, group, job_pk, kind=importing.KIND)
    if job.state != JobState.PREPARED:
        return redirect("job", job.pk)
    now = timezone.now()
    shown = importing.preview(job, group)
    form = ConfirmForm(request.POST) if request.method == "POST" else _confirm_form(shown)
    if form.is_bound and form.is_valid():
        if _exceeds(shown, form):
            form = _confirm_form(shown, reason=form.cleaned_data["reason"])
            return _review(request, group, job, shown, form, trouble=MORE_NOW)
        try:
            importing.confirm(job, reason=form.cleaned_data["reason"], now=now)
        except jobs.Expired as refusal:
            form.add_error(None, str(refusal))
        else:
            return redirect("job", job.pk)
    return _review(request, group, job, shown, form)


@require_safe
@doors.signed_in
def group_import_people(request: SignedInRequest, pk: int, job_pk: uuid.UUID) -> HttpResponseBase:
    """Everybody who would be affected, as a download."""
    group = doors.group_or_404(request.user, pk)
    job = doors.prepared_job_or_404(request.user, group, job_pk, kind=importing.KIND)
    if job.state != JobState.PREPARED:
        return redirect("job", job.pk)
    headings = ("Name", "E-mail", "What changes", "What ends or comes back")
    return csv_files.stream("affected.csv", headings, _rows(importing.preview(job, group)))


def _review(
    request: SignedInRequest, group: Group, job: Job, shown: Preview, form: ConfirmForm, *, trouble: str = ""
) -> HttpResponse:
    page = Paginator(shown.affected, ON_A_PAGE).get_page(request.GET.get("page"))
    context = {
        "group": group,
        "job": job,
        "shown": shown,
        "form": form,
        "trouble": trouble,
        "page": page,
        "affected": list(importing.affected(shown, page.object_list)),
        "counted_at": timezone.now(),
        "notices": _notices(shown),
        "submit": _submit(shown),
    }
    return render(request, "accounts/group_import_review.html", context)


def _rows(shown: Preview) -> Iterator[tuple[str, ...]]:
    for one in importing.affected(shown, shown.affected):
        yield one.person.name, one.person.email, "; ".join(one.changes), "; ".join(one.moves)


def _confirm_form(shown: Preview, *, reason: str = "") -> ConfirmForm:
    return ConfirmForm(initial={"changed": shown.changed, "ends": shown.ends, "reason": reason})


def _exceeds(shown: Preview, form: ConfirmForm) -> bool:
    seen = form.cleaned_data
    return bool(shown.changed > seen["changed"] or shown.ends > seen["ends"])


def _notices(shown: Preview) -> list[tuple[str, str, str]]:
    """Kind, title and text."""
    found = []
    for one in shown.tallies:
        if one.ends:
            found.append(("warn", f"{many(one.ends, *one.things)} will be {one.verb[1]} at once.", one.note))
        if one.returns:
            comes = "comes back by itself" if one.returns == 1 else "come back by themselves"
            found.append(("good", f"{many(one.returns, *one.things)} {comes}.", ""))
    return found


def _submit(shown: Preview) -> str:
    """What the button does: “Add 3 people and remove 1 person”."""
    parts = (("add", len(shown.joining)), ("remove", len(shown.leaving)))
    words = " and ".join(f"{verb} {many(count, 'person', 'people')}" for verb, count in parts if count)
    return words.capitalize()
