"""The console's page of the request log; a script asks for what is new, a link does the same."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from integrations.simulator.control import logbook
from integrations.simulator.control.console import guarded, names, show
from integrations.simulator.control.logbook import PAGE
from integrations.simulator.control.seen import Entry
from integrations.simulator.models import Application


@require_safe
@guarded
def log(request: HttpRequest) -> HttpResponse:
    wanted = replace(logbook.read_filter(request.GET), since=0, most=PAGE)
    found = logbook.entries(wanted)
    query = request.GET.copy()
    query.pop("since", None)
    context = {
        "here": "log",
        "entries": found,
        "last": _last(found),
        "wanted": wanted,
        "query": query.urlencode(),
        "applications": Application.objects.order_by("pk"),
        "verdicts": [one for one in logbook.verdicts() if one.is_too_much],
        "names": names(),
    }
    return show(request, "console_log", context)


@require_safe
@guarded
def newer(request: HttpRequest) -> HttpResponse:
    """A piece of the page: the entries after `since`."""
    found = logbook.entries(replace(logbook.read_filter(request.GET), most=PAGE))
    response = render(request, "simulator/_log_entries.html", {"entries": found})
    response["X-Last-Entry"] = str(_last(found))
    return response


def _last(found: Sequence[Entry]) -> int:
    return found[0].number if found else 0
