"""Meetings: a page that answers at once, and a fragment of its own that asks the calendar."""

from __future__ import annotations

from datetime import timedelta

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_safe

from accounts.doors import SignedInRequest, signed_in
from accounts.sign_in.middleware import zone_of
from calendaring import agenda as agendas
from integrations import health
from integrations.exchange import on_profile as by_ews

GIVE_UP_AFTER = 30  # polls for a token, a second apart: then a page says that no worker answers


@require_safe
@signed_in
def meetings(request: SignedInRequest) -> HttpResponse:
    """`?read=now`, for browsers without scripts, reads before it answers."""
    now = timezone.now()
    if "read" in request.GET:
        found = agendas.read(request.user, zone=zone_of(request.user.time_zone), now=now)
    else:
        found = agendas.connection_state(request.user, now=now)
    return render(request, "calendaring/meetings.html", _context(request, found, polls=0))


@require_safe
@signed_in
def agenda(request: SignedInRequest) -> HttpResponse:
    found = agendas.read(request.user, zone=zone_of(request.user.time_zone), now=timezone.now())
    return render(request, "calendaring/_agenda.html", _context(request, found, polls=_polls(request) + 1))


def _context(request: SignedInRequest, found: agendas.Agenda, *, polls: int) -> dict[str, object]:
    zone = zone_of(request.user.time_zone)
    today = timezone.now().astimezone(zone).date()
    return {
        "agenda": found,
        "words": _words(request, found),
        "zone": zone.key,
        "today": today,
        "until": today + agendas.LENGTH - timedelta(days=1),
        "polls": polls,
        "is_silent": polls > GIVE_UP_AFTER,
    }


def _words(request: SignedInRequest, found: agendas.Agenda) -> health.Words | None:
    may_move = by_ews.may_move_of(request.user, found.connection)
    return health.of_connection(found.connection, may_move=may_move) if found.connection else None


def _polls(request: HttpRequest) -> int:
    sent = request.GET.get("polls", "")
    return int(sent) if sent.isdecimal() and len(sent) < 4 else 0
