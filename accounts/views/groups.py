"""User Management > Groups: the list in order of rank, one group and its members."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.contrib import messages
from django.core.paginator import Paginator
from django.db.models import Q
from django.db.models.functions import Lower
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from accounts import doors
from accounts import groups as groups_of_account
from accounts.doors import SignedInRequest
from accounts.forms.groups import GroupForm
from accounts.models import Group, Membership, Role, User
from accounts.people import Refused

ON_A_PAGE = 50
CANDIDATES = 10
LONGEST_KEY = 19  # digits; int() refuses what is far longer


@require_safe
@doors.signed_in
def groups(request: SignedInRequest) -> HttpResponse:
    q = _words(request, "q")
    found = doors.groups_or_403(request.user)
    for word in q.split():
        found = found.filter(name__icontains=word)
    shown = groups_of_account.with_people_count(groups_of_account.ranked(found))
    page = Paginator(shown, ON_A_PAGE).get_page(request.GET.get("page"))
    return render(request, "accounts/groups.html", {"page": page, "q": q, "may_create": request.user.is_account_admin})


@require_http_methods(["GET", "HEAD", "POST"])
@doors.account_admin
def group_create(request: SignedInRequest) -> HttpResponse:
    form = GroupForm(request.POST or None)
    if form.is_valid():
        try:
            made = groups_of_account.create(
                account=request.user.account, name=form.cleaned_data["name"], actor=request.user, now=timezone.now()
            )
        except groups_of_account.NameTaken as refusal:
            form.add_error("name", str(refusal))
        else:
            messages.success(request, f"The group {made} is created. Now add its people.")
            return redirect("group", made.pk)
    return render(request, "accounts/group_create.html", {"form": form})


@require_safe
@doors.signed_in
def group(request: SignedInRequest, pk: int) -> HttpResponse:
    return _group_page(request, doors.group_or_404(request.user, pk))


@require_POST
@doors.signed_in
def group_rename(request: SignedInRequest, pk: int) -> HttpResponse:
    shown = doors.group_or_404(request.user, pk)
    form = GroupForm(request.POST)
    if form.is_valid():
        try:
            groups_of_account.rename(shown, name=form.cleaned_data["name"], actor=request.user, now=timezone.now())
        except groups_of_account.NameTaken as refusal:
            form.add_error("name", str(refusal))
        else:
            messages.success(request, "The group is renamed.")
            return redirect("group", shown.pk)
    return _group_page(request, shown, name_form=form)


@require_POST
@doors.signed_in
def group_delete(request: SignedInRequest, pk: int) -> HttpResponse:
    shown = doors.group_or_404(request.user, pk)
    left = groups_of_account.delete(shown, actor=request.user, now=timezone.now())
    people = "1 person" if left == 1 else f"{left:,} people"
    messages.success(request, f"The group {shown} is deleted; {people} left it.")
    return redirect("groups")


@require_POST
@doors.signed_in
def group_member_add(request: SignedInRequest, pk: int) -> HttpResponse:
    shown, person = _group_and_person(request, pk, request.POST.get("person", ""))

    def change() -> str:
        groups_of_account.add_member(shown, person, actor=request.user, now=timezone.now())
        return f"{person} is now in {shown}."

    return _done(request, shown, change)


@require_POST
@doors.signed_in
def group_member_remove(request: SignedInRequest, pk: int, person_pk: int) -> HttpResponse:
    shown, person = _group_and_person(request, pk, person_pk)

    def change() -> str:
        groups_of_account.remove_member(shown, person, actor=request.user, now=timezone.now())
        return f"{person} is no longer in {shown}."

    return _done(request, shown, change)


@require_POST
@doors.signed_in
def group_admin(request: SignedInRequest, pk: int, person_pk: int) -> HttpResponse:
    """Appoints, or with `appoint=no` dismisses, a group admin."""
    shown, person = _group_and_person(request, pk, person_pk)
    is_appointed = request.POST.get("appoint") != "no"

    def change() -> str:
        set_admin = groups_of_account.appoint_admin if is_appointed else groups_of_account.dismiss_admin
        set_admin(shown, person, actor=request.user, now=timezone.now())
        return f"{person} is {'now' if is_appointed else 'no longer'} an admin of {shown}."

    return _done(request, shown, change)


def _done(request: SignedInRequest, shown: Group, change: Callable[[], str]) -> HttpResponse:
    """Say what `change` did, or why it was refused, back on the group's page."""
    try:
        messages.success(request, change())
    except Refused as refusal:
        messages.error(request, str(refusal))
    return redirect("group", shown.pk)


def _group_page(request: SignedInRequest, shown: Group, *, name_form: GroupForm | None = None) -> HttpResponse:
    q, add = _words(request, "q"), _words(request, "add")
    may_manage_group = request.user.is_account_admin
    context: dict[str, Any] = {
        "group": get_object_or_404(
            groups_of_account.with_people_count(groups_of_account.ranked(Group.objects.filter(pk=shown.pk)))
        ),
        "name_form": name_form or GroupForm(initial={"name": shown.name}),
        "page": Paginator(_members(shown, q), ON_A_PAGE).get_page(request.GET.get("page")),
        "q": q,
        "add": add,
        "candidates": _candidates(shown, add, by=request.user) if add else [],
        "most_candidates": CANDIDATES,
        "may_manage_group": may_manage_group,
    }
    return render(request, "accounts/group.html", context)


def _members(shown: Group, q: str) -> Any:
    found = User.objects.filter(account=shown.account_id).matching(q)
    members = Membership.objects.filter(group=shown)
    if q:
        members = members.filter(user__in=found)
    return members.select_related("user").order_by(Lower("user__name"), "user")


def _candidates(shown: Group, words: str, *, by: User) -> Any:
    """People whom `by` could add: of the account, not in the group, not deactivated."""
    here = User.objects.filter(account=shown.account_id).filter(Q(is_active=True) | Q(joined_at=None))
    if not by.is_account_admin:
        here = here.filter(role=Role.MEMBER)
    absent = here.exclude(pk__in=Membership.objects.filter(group=shown).values("user"))
    return absent.matching(words).order_by(Lower("name"), "pk")[:CANDIDATES]


def _group_and_person(request: SignedInRequest, pk: int, person_pk: int | str) -> tuple[Group, User]:
    shown = doors.group_or_404(request.user, pk)
    sent = str(person_pk)
    known = int(sent) if sent.isdecimal() and len(sent) < LONGEST_KEY else 0
    return shown, doors.colleague_or_404(request.user, known)


def _words(request: SignedInRequest, name: str) -> str:
    return request.GET.get(name, "").replace("\0", "")[:200].strip()  # PostgreSQL takes no NUL
