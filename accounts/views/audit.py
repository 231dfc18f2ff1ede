"""Account Management > Audit log: what was done, by whom, what it was before; to look through and to download."""

from __future__ import annotations

from dataclasses import dataclass

from django.http import HttpResponse, StreamingHttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_GET, require_safe

from accounts import audit as log
from accounts import csv_files, doors
from accounts.doors import SignedInRequest
from accounts.forms.audit import AuditFilter
from accounts.models import AuditEntry
from accounts.newest_first import key_in, number_in_words

ON_A_PAGE = 50


@dataclass(frozen=True)
class Line:
    entry: AuditEntry
    sentence: str
    changes: tuple[log.Change, ...]
    affected: str


@require_safe
@doors.account_admin
def audit(request: SignedInRequest) -> HttpResponse:
    chosen = AuditFilter(request.GET, account=request.user.account)
    older, newer = key_in(request.GET.get("older", "")), key_in(request.GET.get("newer", ""))
    page = log.page(chosen.apply(), older=older, newer=newer, size=ON_A_PAGE)
    shown = {"chosen": chosen, "page": page, "lines": [_line(entry) for entry in page.entries]}
    return render(request, "accounts/audit.html", shown | {"number": number_in_words(page.number)})


@require_GET  # not HEAD: that somebody downloaded it is written down
@doors.account_admin
def audit_download(request: SignedInRequest) -> StreamingHttpResponse:
    chosen, zone, now = (
        AuditFilter(request.GET, account=request.user.account),
        timezone.get_current_timezone(),
        timezone.now(),
    )
    rows = log.export(chosen.apply(), actor=request.user, now=now, zone=zone, chosen=chosen.said(), about=chosen.whom)
    answer = csv_files.stream(f"audit log {timezone.localtime(now):%Y-%m-%d}.csv", log.header(zone), rows)
    answer.headers["Cache-Control"] = "private, no-store"
    return answer


def _line(entry: AuditEntry) -> Line:
    changes = log.changes(entry.before, entry.after, action=entry.action)
    return Line(entry, log.sentence(entry), changes, "" if entry.affected is None else f"{entry.affected:,}")
