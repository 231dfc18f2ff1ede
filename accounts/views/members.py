"""User Management > Groups > one group > Members."""

from __future__ import annotations

from django.contrib import messages
from django.core.paginator import Paginator
from django.db.models import Q, QuerySet
from django.db.models.functions import Lower
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_POST, require_safe

from accounts import doors, groups
from accounts.cascade.changes import Join, Leave
from accounts.claims import Refused
from accounts.doors import SignedInRequest
from accounts.models import Group, Membership, Role, User
from accounts.views.group_head import group_head
from accounts.views.groups import words
from accounts.views.submitting import said, submitted

ON_A_PAGE = 50
CANDIDATES = 10


@require_safe
@doors.signed_in
def group_members(request: SignedInRequest, pk: int) -> HttpResponse:
    shown = doors.group_or_404(request.user, pk)
    q, add = words(request, "q"), words(request, "add")
    context = group_head(shown, reader=request.user, tab="members") | {
        "page": Paginator(_members(shown, q), ON_A_PAGE).get_page(request.GET.get("page")),
        "q": q,
        "add": add,
        "candidates": _candidates(shown, add, by=request.user) if add else [],
        "most_candidates": CANDIDATES,
    }
    return render(request, "accounts/group_members.html", context)


@require_POST
@doors.signed_in
def group_member_add(request: SignedInRequest, pk: int) -> HttpResponse:
    shown, person = _group_and_person(request, pk, request.POST.get("person", ""))
    back = reverse("group_members", args=[shown.pk])
    try:
        groups.require_addable(shown, person, by=request.user)
    except Refused as refusal:
        messages.error(request, str(refusal))
        return redirect(back)
    return submitted(request, Join(shown.pk, (person.pk,)), back=back, done=f"{person} is now in {shown}.")


@require_POST
@doors.signed_in
def group_member_remove(request: SignedInRequest, pk: int, person_pk: int) -> HttpResponse:
    shown, person = _group_and_person(request, pk, person_pk)
    back = reverse("group_members", args=[shown.pk])
    try:
        groups.require_removable(shown, person, by=request.user)
    except Refused as refusal:
        messages.error(request, str(refusal))
        return redirect(back)
    return submitted(request, Leave(shown.pk, (person.pk,)), back=back, done=f"{person} is no longer in {shown}.")


@require_POST
@doors.signed_in
def group_admin(request: SignedInRequest, pk: int, person_pk: int) -> HttpResponse:
    """Appoints, or with `appoint=no` dismisses, a group admin."""
    shown, person = _group_and_person(request, pk, person_pk)
    is_appointed = request.POST.get("appoint") != "no"

    def change() -> str:
        set_admin = groups.appoint_admin if is_appointed else groups.dismiss_admin
        set_admin(shown, person, actor=request.user, now=timezone.now())
        return f"{person} is {'now' if is_appointed else 'no longer'} an admin of {shown}."

    where = "group" if request.POST.get("from") == "profile" else "group_members"
    return said(request, change, back=reverse(where, args=[shown.pk]))


def _members(shown: Group, q: str) -> QuerySet[Membership]:
    # That the account is named lets the index of its people by name put them in order.
    members = Membership.objects.filter(group=shown, user__account=shown.account_id)
    if q:
        members = members.filter(user__in=User.objects.filter(account=shown.account_id).matching(q))
    return members.select_related("user").order_by(Lower("user__name"), "user")


def _candidates(shown: Group, words: str, *, by: User) -> QuerySet[User]:
    """People whom `by` could add: of the account, not in the group, not deactivated."""
    here: QuerySet[User] = User.objects.filter(account=shown.account_id).filter(Q(is_active=True) | Q(joined_at=None))
    if not by.is_account_admin:
        here = here.filter(role=Role.MEMBER)
    absent = here.exclude(pk__in=Membership.objects.filter(group=shown).values("user"))
    found: QuerySet[User] = absent.matching(words)  # type: ignore[attr-defined]  # as above
    return found.order_by(Lower("name"), "pk")[:CANDIDATES]


def _group_and_person(request: SignedInRequest, pk: int, person_pk: int | str) -> tuple[Group, User]:
    shown = doors.group_or_404(request.user, pk)
    return shown, doors.colleague_or_404(request.user, doors.number_in(str(person_pk)))
