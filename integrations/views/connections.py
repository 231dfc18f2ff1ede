"""Account Management > Connections: who is connected and how it stands, and what to do with many at once."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from django.contrib import messages
from django.core.paginator import Page, Paginator
from django.db.models import QuerySet
from django.http import HttpResponse, StreamingHttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_GET, require_http_methods, require_POST, require_safe

from accounts import csv_files, doors, jobs
from accounts.doors import SignedInRequest
from accounts.forms.reason import ReasonForm
from accounts.models import Job, JobState, RowState, User
from integrations import approvals, credentials, incidents
from integrations.console import bulk, export, filters, listing
from integrations.console.filters import Chosen
from integrations.console.tiles import LOOKS
from integrations.preferences import Api, Method, Service

ON_A_PAGE = 50
NAMED_ON_A_PAGE = 20
LONGEST_WAY_BACK = 500  # characters


@dataclass(frozen=True)
class Heading:
    label: str
    # Where a click leads, and for `aria-sort` how the list is sorted by it.
    href: str
    sort: str


@require_safe
@doors.account_admin
def connections(request: SignedInRequest) -> HttpResponse:
    account, now = request.user.account, timezone.now()
    known = filters.offered(account)
    chosen = filters.read(request.GET, account, known)
    tiles = filters.count(chosen, account)
    # The tiles do not look at the reason.
    number = None if chosen.reason else tiles.number(chosen.state)
    page, people = _page(request, chosen, number)
    context = {
        "chosen": chosen,
        "look": LOOKS[chosen.state],
        "tiles": [(tile, chosen.in_state(tile.state).query) for tile in tiles.tiles],
        "total": tiles.number(""),
        "answered_since": tiles.answered_since,
        "waiting": approvals.waiting(account).count(),
        "groups": [(str(pk), f"{name} (P{place})") for place, (pk, name) in enumerate(known.groups, start=1)],
        "reasons": sorted(((reason, listing.in_words(reason)) for reason in known.reasons), key=lambda one: one[1]),
        "methods": [(method, listing.METHOD_NAMES[Method(method)]) for method in known.methods],
        "organizations": [(str(pk), name) for pk, name in known.organizations],
        "ways": [(way, listing.way_in_words(*way.split("."))) for way in known.ways],
        "servers": [(str(pk), address) for pk, address in known.servers],
        "page": page,
        "rows": listing.rows(people, request.user, now=now),
        "headings": _headings(chosen),
        "are_all_chosen": request.GET.get("all") == "1",
        "incidents": incidents.open_in(account),
        "is_refused": credentials.is_refused(now=now),
        "is_ews_used": filters.way_of(Service.OFFICE_365, Api.EWS) in known.ways,
    }
    return render(request, "integrations/connections.html", context)


@require_GET  # not HEAD: that somebody downloaded it is written down
@doors.account_admin
def connections_csv(request: SignedInRequest) -> StreamingHttpResponse:
    now = timezone.now()
    chosen = filters.read(request.GET, request.user.account)
    rows = export.export(chosen, actor=request.user, now=now, zone=timezone.get_current_timezone())
    answer = csv_files.stream(f"connections {timezone.localtime(now):%Y-%m-%d}.csv", export.HEADER, rows)
    answer.headers["Cache-Control"] = "private, no-store"
    return answer


@require_POST
@doors.account_admin
def connections_act(request: SignedInRequest) -> HttpResponse:
    """With those ticked, or with everybody the filter finds."""
    account = request.user.account
    chosen = filters.read(request.POST, account)
    back = _back(chosen)
    selection = _selection(request, chosen)
    if not selection:
        messages.error(request, "Choose somebody first: tick the boxes before their names, or choose all.")
        return redirect(back)
    begin = {"check": bulk.check, "remind": bulk.remind, "disconnect": bulk.prepare_to_disconnect}
    wanted = request.POST.get("do", "")
    if wanted not in begin:
        return redirect(back)
    job = begin[wanted](selection, by=request.user, back=back, now=timezone.now())
    return redirect("connections_disconnect" if wanted == "disconnect" else "job", job.pk)


@require_http_methods(["GET", "HEAD", "POST"])
@doors.account_admin
def connections_disconnect(request: SignedInRequest, pk: uuid.UUID) -> HttpResponse:
    """Whom exactly, and why: nothing is ended before it is said here."""
    job = doors.prepared_job_or_404(request.user, None, pk, kind=bulk.DISCONNECT)
    if job.state != JobState.PREPARED:
        return redirect("job", job.pk)
    form = ReasonForm(request.POST if request.method == "POST" else None)
    if form.is_valid():
        try:
            jobs.confirm(job, now=timezone.now(), more={"reason": form.cleaned_data["reason"].strip()})
        except jobs.Expired as refusal:
            form.add_error(None, str(refusal))
        else:
            return redirect("job", job.pk)
    return render(request, "integrations/connections_disconnect.html", {"form": form, **_to_disconnect(request, job)})


class _Counted(Paginator):  # type: ignore[type-arg]  # generic for mypy only
    """Of which it may be known already how many there are."""

    def __init__(self, people: QuerySet[User], number: int | None) -> None:
        super().__init__(people, ON_A_PAGE)
        self._people, self._number = people, number

    @cached_property
    def count(self) -> int:
        return self._people.count() if self._number is None else self._number


def _page(request: SignedInRequest, chosen: Chosen, number: int | None) -> tuple[Page[User], QuerySet[User]]:
    """The page that is asked for, and its people: found by their keys alone, since whole rows are long to sort."""
    found = filters.apply(chosen, request.user.account)
    page = _Counted(found, number).get_page(request.GET.get("page"))
    first = (page.number - 1) * ON_A_PAGE
    keys = list(found.values_list("pk", flat=True)[first : first + ON_A_PAGE])
    return page, filters.in_order(User.objects.filter(pk__in=keys), chosen)


def _headings(chosen: Chosen) -> dict[str, Heading]:
    words = {"name": "Person", "state": "State and reason", "answer": "Last good answer"}
    return {sort: Heading(label, chosen.by(sort).query, _direction(chosen, sort)) for sort, label in words.items()}


def _direction(chosen: Chosen, sort: str) -> str:
    if chosen.sort != sort:
        return ""
    # The newest answer first is what the time runs against.
    return "descending" if chosen.is_descending != (sort == "answer") else "ascending"


def _selection(request: SignedInRequest, chosen: Chosen) -> bulk.Selection:
    account = request.user.account
    if request.POST.get("all") == "1":
        return bulk.Selection(filters.apply(chosen, account))
    return bulk.named(account, request.POST.getlist("chosen"))


def _back(chosen: Chosen) -> str:
    address = reverse("connections") + chosen.query
    return address if len(address) <= LONGEST_WAY_BACK else reverse("connections")


def _to_disconnect(request: SignedInRequest, job: Job) -> dict[str, Any]:
    page = Paginator(bulk.to_disconnect(job), NAMED_ON_A_PAGE).get_page(request.GET.get("page"))
    people = User.objects.filter(account=job.account, pk__in=[row.given["person"] for row in page])
    by_key = {person.pk: person for person in people.select_related("connection")}
    named = [by_key[row.given["person"]] for row in page if row.given["person"] in by_key]
    refused = job.rows.filter(state=RowState.FAILED)
    of_organization = job.rows.filter(outcome=bulk.BY_ORGANIZATION.outcome).count()
    return {
        "job": job,
        "page": page,
        "number": page.paginator.count,
        "named": [listing.row(person, request.user, now=timezone.now()) for person in named],
        "not_connected": job.unchanged - of_organization,
        "of_organization": of_organization,
        "owners": refused.filter(outcome=bulk.NOT_AN_OWNER.outcome).count(),
        "strangers": refused.filter(outcome=bulk.STRANGER.outcome).count(),
    }
