"""Review changes: what a change would do, who is affected, and then yes or no. And undo."""

from __future__ import annotations

from collections.abc import Iterator
from uuid import UUID

from django.contrib import messages
from django.http import Http404, HttpResponse, HttpResponseRedirect
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.utils.html import format_html
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from accounts import affected, csv_files, describing, describing_groups, doors, reviewing, undoing
from accounts.affected import Affected, Row, Who
from accounts.cascade import declare, words
from accounts.cascade.declare import BadValue, Level, Setting
from accounts.cascade.words import Reader
from accounts.cascade.write import ChangedMeanwhile, SettingLocked
from accounts.claims import Refused
from accounts.doors import SignedInRequest
from accounts.forms.reason import ReasonForm
from accounts.models import AuditEntry, PendingChange
from accounts.reviewing import Done, Ended, Gone, MoreAffected, NotReady, Review
from accounts.views import change_sheet
from accounts.views.change_sheet import Trouble

LONGEST_ADDRESS = 500
IMPOSSIBLE = "This can no longer be changed: what it was about has been deleted or is no longer offered."


@require_http_methods(["GET", "HEAD", "POST"])
@doors.signed_in
def change(request: SignedInRequest, pk: UUID) -> HttpResponse:
    pending = _own(request, pk)
    if pending is None:
        return _ended(request)
    if pending.expires_at <= timezone.now():
        return _ended(request, pending)
    try:
        return _confirmed(request, pending) if request.method == "POST" else change_sheet.show(request, pending)
    except (Gone, BadValue):
        return _ended(request, pending, because=IMPOSSIBLE)
    except Ended:
        return _ended(request)


@require_safe
@doors.signed_in
def change_people(request: SignedInRequest, pk: UUID) -> HttpResponseBase:
    """The whole list, as it is now."""
    pending, asked = _own(request, pk), request.GET.get("who", "")
    if pending is None or pending.expires_at <= timezone.now() or (asked and asked not in list(Who)):
        raise Http404
    try:
        review = reviewing.reviewed(pending)
    except (Gone, BadValue) as problem:
        raise Http404 from problem
    account = request.user.account
    listed = Affected(review, names=affected.names_of_groups(account), account=account, reader=Reader(request.user))
    chosen = listed.chosen(asked)
    who = Who(asked) if asked else chosen.who if chosen else Who.CHANGED
    return csv_files.stream(f"review-{who}.csv", _header(who), _cells(who, listed.all_rows(who)))


@require_POST
@doors.signed_in
def change_discard(request: SignedInRequest, pk: UUID) -> HttpResponse:
    pending = _own(request, pk)
    if pending is None:
        return _ended(request)
    reviewing.discard(pending)
    return HttpResponseRedirect(pending.back)


@require_POST
@doors.signed_in
def change_undo(request: SignedInRequest, entry: int) -> HttpResponse:
    """Take back what an entry of the audit log tells of."""
    found = get_object_or_404(AuditEntry.objects.filter(account=request.user.account), pk=entry)
    setting = declare.by_key(found.setting_key)
    if setting is None or undoing.undo_of(found) is None:
        raise Http404
    back = _back(request, found, setting)
    try:
        made = undoing.undo(found, by=request.user, back=back, now=timezone.now())
    except ChangedMeanwhile as problem:
        told = change_sheet.news(problem.setting, problem.now, undoing.newest_like(found))
        messages.error(request, format_html("{} Nothing was undone.", told))
    except SettingLocked as problem:
        messages.error(request, words.who_locked(problem.setting, problem.by, Reader(request.user)))
    except (Gone, BadValue):
        messages.error(request, IMPOSSIBLE)
        return redirect("home")
    else:
        if isinstance(made, PendingChange):
            return redirect("change", made.pk)
        _tell_undone(request, setting, made)
    return HttpResponseRedirect(back)


def _own(request: SignedInRequest, pk: UUID) -> PendingChange | None:
    mine = PendingChange.objects.filter(by=request.user, account=request.user.account)
    return mine.select_related("by", "account").filter(pk=pk).first()


def _confirmed(request: SignedInRequest, pending: PendingChange) -> HttpResponse:
    form = ReasonForm(request.POST)
    if not form.is_valid():
        return change_sheet.show(request, pending, form=form, status=422)
    sent = form.cleaned_data
    trouble = None
    try:
        review, entry = reviewing.confirm(
            pending,
            actor=request.user,
            reason=sent["reason"],
            now=timezone.now(),
            said=sent["said"],
            seen=sent["seen"],
        )
    except MoreAffected as problem:
        trouble = Trouble(more=problem)
    except ChangedMeanwhile:
        trouble = Trouble(is_changed=True)
    except (SettingLocked, NotReady):
        trouble = Trouble()  # the sheet itself says who locked it, or what has to happen first
    except Refused as refusal:
        trouble = Trouble(refusal=str(refusal))
    except Http404 as problem:
        raise Gone from problem
    if trouble:
        return change_sheet.show(request, pending, form=form, trouble=trouble, status=409)
    _tell(request, review, entry)
    return HttpResponseRedirect(pending.back)


def _tell(request: SignedInRequest, review: Review, entry: AuditEntry | None) -> None:
    if review.setting is None:
        messages.success(request, describing_groups.done(review, affected.names_of_groups(request.user.account)))
    elif entry is None:
        messages.info(request, f"“{review.setting.label}” is like that already. Nothing has changed.")
    else:
        messages.success(request, describing.done(review), extra_tags=str(entry.pk))


def _tell_undone(request: SignedInRequest, setting: Setting, done: Done) -> None:
    if done.entry is None:
        messages.info(request, f"“{setting.label}” is like that already. Nothing has changed.")
    else:
        messages.success(request, describing.undone(setting, done.change), extra_tags=str(done.entry.pk))


def _ended(request: SignedInRequest, pending: PendingChange | None = None, *, because: str = "") -> HttpResponse:
    """Without `pending` there is none, or none of the reader’s: nobody learns which."""
    context = {"pending": pending, "because": because}
    return render(request, "accounts/change_ended.html", context, status=410 if pending else 404)


def _back(request: SignedInRequest, entry: AuditEntry, setting: Setting) -> str:
    """To the row that the entry is about, unless the form names another page of ours."""
    asked = request.POST.get("back", "").replace("\0", "")  # PostgreSQL takes no NUL
    if asked and url_has_allowed_host_and_scheme(asked, {request.get_host()}, require_https=request.is_secure()):
        return asked[:LONGEST_ADDRESS]
    return words.address_of(setting, Level(entry.level), int(entry.target_id), request.user)


def _header(who: Who) -> list[str]:
    if who in (Who.ASLEEP, Who.AWAKE):
        return ["Whose choice", "E-mail or position", "Groups", "Setting", "Choice"]
    if who == Who.CHANGED:
        return ["Name", "E-mail", "Groups", "Setting", "Before", "After"]
    return ["Name", "E-mail", "Groups", "Connected as", "Because"]


def _cells(who: Who, rows: Iterator[Row]) -> Iterator[list[str]]:
    for row in rows:
        person = [row.name, row.detail, "; ".join(f"{name} (P{position:,})" for name, position in row.groups)]
        if who in affected.OF_EFFECTS:
            yield [*person, row.what or row.detail, row.because]
        for line in row.lines:
            yield [*person, line.label, *([line.before] if who == Who.CHANGED else []), line.after]
