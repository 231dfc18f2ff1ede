"""Account Management > Sign-in log: who came in and who did not, and exactly why; to look through and to download."""

from __future__ import annotations

from dataclasses import dataclass

from django.http import HttpResponse, StreamingHttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_GET, require_safe

from accounts import csv_files, doors, newest_first
from accounts.doors import SignedInRequest
from accounts.forms.sign_ins import SignInFilter
from accounts.models import SignInEntry, SignInOutcome
from accounts.single_sign_on import searching

ON_A_PAGE = 50
_KINDS = {SignInOutcome.SIGNED_IN: ("good", "check"), SignInOutcome.REFUSED: ("bad", "close")}


@dataclass(frozen=True)
class Line:
    entry: SignInEntry
    outcome: str
    kind: str
    icon: str
    cause: str


@require_safe
@doors.account_admin
def sign_ins(request: SignedInRequest) -> HttpResponse:
    chosen = SignInFilter(request.GET, account=request.user.account)
    older, newer = (newest_first.key_in(request.GET.get(way, "")) for way in ("older", "newer"))
    page = newest_first.page(chosen.apply(), older=older, newer=newer, size=ON_A_PAGE)
    shown = {"chosen": chosen, "page": page, "lines": [_line(entry) for entry in page.entries]}
    return render(request, "accounts/sign_ins.html", shown | {"number": newest_first.number_in_words(page.number)})


@require_GET  # not HEAD: that somebody downloaded it is written down
@doors.account_admin
def sign_ins_csv(request: SignedInRequest) -> StreamingHttpResponse:
    chosen = SignInFilter(request.GET, account=request.user.account)
    zone, now = timezone.get_current_timezone(), timezone.now()
    rows = searching.export(
        chosen.apply(), actor=request.user, now=now, zone=zone, chosen=chosen.said(), about=chosen.whom
    )
    answer = csv_files.stream(f"sign-in log {timezone.localtime(now):%Y-%m-%d}.csv", searching.header(zone), rows)
    answer.headers["Cache-Control"] = "private, no-store"
    return answer


def _line(entry: SignInEntry) -> Line:
    outcome = SignInOutcome(entry.outcome)
    kind, icon = _KINDS.get(outcome, ("info", "info"))
    return Line(entry, outcome.label, kind, icon, searching.in_words(entry.cause))
