"""Account Management: who was asked to connect the calendar after single sign-on, and asking them once more."""

from __future__ import annotations

from datetime import datetime

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpResponse, HttpResponseRedirect, QueryDict, StreamingHttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.dateparse import parse_datetime
from django.views.decorators.http import require_GET, require_http_methods, require_POST, require_safe

from accounts import csv_files
from accounts.doors import SignedInRequest, account_admin, managed_person_or_404, number_in
from accounts.models import Account, Group, User
from accounts.templatetags.ui import counted
from integrations import prompt_listing, prompt_resets
from integrations.views.trips import GET_AND_POST

ON_A_PAGE = 50


@require_safe
@account_admin
def calendar_prompts(request: SignedInRequest) -> HttpResponse:
    account, now = request.user.account, timezone.now()
    groups = list(Group.objects.filter(account=account).order_by("rank"))
    chosen = prompt_listing.read(request.GET, groups)
    page = Paginator(prompt_listing.apply(chosen, account), ON_A_PAGE).get_page(request.GET.get("page"))
    context = {
        "chosen": chosen,
        "groups": [(str(group.pk), group.name) for group in groups],
        "answers": [(value, label) for value, (label, _) in prompt_listing.ANSWERS.items()],
        "counts": prompt_listing.counts(account),
        "page": page,
        "lines": list(prompt_listing.lines(page)),
        "last": prompt_resets.last(account, now=now),
    }
    return render(request, "integrations/calendar_prompts.html", context)


@require_GET  # not HEAD: that somebody downloaded it is written down
@account_admin
def calendar_prompts_csv(request: SignedInRequest) -> StreamingHttpResponse:
    now = timezone.now()
    chosen = prompt_listing.read(request.GET, Group.objects.filter(account=request.user.account))
    rows = prompt_listing.export(chosen, actor=request.user, now=now, zone=timezone.get_current_timezone())
    name = f"calendar prompts {timezone.localtime(now):%Y-%m-%d}.csv"
    answer = csv_files.stream(name, prompt_listing.HEADER, rows)
    answer.headers["Cache-Control"] = "private, no-store"
    return answer


@require_http_methods(GET_AND_POST)
@account_admin
def calendar_prompts_reset(request: SignedInRequest) -> HttpResponse:
    """Says of how many it is, and does it when asked by a form."""
    sent = request.POST if request.method == "POST" else request.GET
    whose = _whose(request, sent)
    back = reverse("person", args=[whose.pk]) + "#calendar" if isinstance(whose, User) else reverse("calendar_prompts")
    if request.method == "POST":
        number = prompt_resets.reset(whose, actor=request.user, now=timezone.now())
        _say(request, whose, number)
        return HttpResponseRedirect(back)
    context = {
        "whose": whose,
        "is_person": isinstance(whose, User),
        "is_group": isinstance(whose, Group),
        "number": prompt_resets.number_of(whose),
        "back": back,
    }
    return render(request, "integrations/calendar_prompts_reset.html", context)


@require_POST
@account_admin
def calendar_prompts_undo(request: SignedInRequest) -> HttpResponse:
    """Of the reset that the page named, and of no other."""
    at = _moment(request.POST.get("at", ""))
    now, account = timezone.now(), request.user.account
    number = prompt_resets.undo(account, at=at, actor=request.user, now=now) if at else 0
    if number:
        messages.success(request, f"Taken back: {counted(number, 'person is,people are')} not asked once more.")
    else:
        messages.error(request, "This can no longer be taken back.")
    return redirect("calendar_prompts")


def _whose(request: SignedInRequest, sent: QueryDict) -> Account | Group | User:
    """One person, one group, or the whole account where neither is named."""
    if person := sent.get("person", ""):
        return managed_person_or_404(request.user, number_in(person))
    if group := sent.get("group", ""):
        return get_object_or_404(Group.objects.filter(account=request.user.account), pk=number_in(group))
    return request.user.account


def _say(request: SignedInRequest, whose: Account | Group | User, number: int) -> None:
    if not number:
        messages.info(request, "Nobody was asked who is not asked again anyway. Nothing has changed.")
    elif isinstance(whose, User):
        messages.success(request, f"{whose} is asked again at the next single sign-on, if the settings say so then.")
    else:
        people = counted(number, "person is,people are")
        messages.success(request, f"{people} asked again at the next single sign-on, if the settings say so then.")


def _moment(sent: str) -> datetime | None:
    try:
        found = parse_datetime(sent)
    except ValueError:
        return None
    return found if found is not None and timezone.is_aware(found) else None
