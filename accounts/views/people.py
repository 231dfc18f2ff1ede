"""User Management > Users: the list, one person, and what can be done about a person."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from django.contrib import messages
from django.core.paginator import Paginator
from django.db.models import Prefetch
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from accounts import doors, groups, openings
from accounts import people as people_of_account
from accounts.cascade.declare import Level
from accounts.doors import SignedInRequest
from accounts.forms.people import InviteForm, PeopleFilter, RoleForm, State, count_by_state, state_of
from accounts.models import Membership, Role, User
from accounts.sign_in import second_factor
from accounts.views import releasing
from accounts.views.submitting import said
from accounts.views.tabs import pages_at

ON_A_PAGE = 50


@dataclass(frozen=True)
class Row:
    person: User
    state: State
    may_open: bool


@require_safe
@doors.account_admin
def people(request: SignedInRequest) -> HttpResponse:
    chosen = PeopleFilter(request.GET)
    places = Prefetch("memberships", queryset=groups.placed(Membership.objects.all()), to_attr="places")
    page = Paginator(chosen.apply(request.user.account).prefetch_related(places), ON_A_PAGE).get_page(
        request.GET.get("page")
    )
    rows = [Row(person, state_of(person), doors.can_manage(request.user, person)) for person in page]
    counts = count_by_state(request.user.account)
    return render(request, "accounts/people.html", {"chosen": chosen, "page": page, "rows": rows, "counts": counts})


@require_http_methods(["GET", "HEAD", "POST"])
@doors.account_admin
def people_invite(request: SignedInRequest) -> HttpResponse:
    form = InviteForm(request.POST or None, by=request.user)
    if form.is_valid():
        wanted = dict(form.cleaned_data)
        group = wanted.pop("group")
        try:
            invited = people_of_account.invite(
                account=request.user.account,
                groups=[group] if group else [],
                actor=request.user,
                now=timezone.now(),
                **wanted,
            )
        except people_of_account.AddressTaken as refusal:
            form.add_error("email", str(refusal))
        else:
            _say_whether_mailed(request, invited)
            return redirect("person", invited.person.pk)
    return render(request, "accounts/people_invite.html", {"form": form})


@require_safe
@doors.signed_in
def person(request: SignedInRequest, pk: int) -> HttpResponse:
    shown = doors.person_or_404(request.user, pk)
    may_manage = doors.can_manage(request.user, shown)
    context = {
        "person": shown,
        "who": str(shown),
        "state": state_of(shown),
        "places": list(groups.placed(shown.memberships.all())),
        "may_manage": may_manage,
        "may_list": request.user.is_account_admin,
        "role_form": RoleForm(by=request.user, person=shown),
        "has_second_factor": may_manage and second_factor.is_on(shown),
        "identities": releasing.shown_of(shown) if may_manage else [],
        "tab": "profile",
        "pages": pages_at(Level.USER) if may_manage else [],
        "panels": [panel(request, shown) for panel in openings.person_admin_panels] if may_manage else [],
    }
    return render(request, "accounts/person.html", context)


@require_POST
@doors.signed_in
def person_role(request: SignedInRequest, pk: int) -> HttpResponse:
    shown = doors.person_or_404(request.user, pk)
    role = request.POST.get("role", "")
    if role not in Role.values:
        messages.error(request, "Choose one of the roles.")
        return redirect("person", shown.pk)

    def change() -> str:
        changed = people_of_account.change_role(shown, role=role, actor=request.user, now=timezone.now())
        return f"{changed} is now {changed.get_role_display()}."

    return _done(request, shown, change)


@require_POST
@doors.signed_in
def person_primary_group(request: SignedInRequest, pk: int) -> HttpResponse:
    shown = doors.managed_person_or_404(request.user, pk)
    sent = doors.number_in(request.POST.get("group", ""))
    chosen = shown.memberships.select_related("group").filter(group=sent).first()
    if chosen is None:
        messages.error(request, f"Choose one of the groups that {shown} is in.")
        return redirect("person", shown.pk)

    def change() -> str:
        groups.choose_primary(shown, chosen.group, actor=request.user, now=timezone.now())
        return f"{shown} is listed under {chosen.group} now."

    return _done(request, shown, change)


@require_POST
@doors.signed_in
def person_deactivate(request: SignedInRequest, pk: int) -> HttpResponse:
    shown = doors.person_or_404(request.user, pk)

    def change() -> str:
        people_of_account.deactivate(shown, actor=request.user, now=timezone.now())
        return f"{shown} is deactivated and can no longer sign in."

    return _done(request, shown, change)


@require_POST
@doors.signed_in
def person_reactivate(request: SignedInRequest, pk: int) -> HttpResponse:
    shown = doors.person_or_404(request.user, pk)

    def change() -> str:
        people_of_account.reactivate(shown, actor=request.user, now=timezone.now())
        return f"{shown} is active again and can sign in as before."

    return _done(request, shown, change)


@require_POST
@doors.signed_in
def person_invite_again(request: SignedInRequest, pk: int) -> HttpResponse:
    shown = doors.person_or_404(request.user, pk)
    try:
        invited = people_of_account.invite_again(shown, actor=request.user, now=timezone.now())
    except people_of_account.Refused as refusal:
        messages.error(request, str(refusal))
    else:
        _say_whether_mailed(request, invited)
    return redirect("person", shown.pk)


@require_POST
@doors.signed_in
def person_withdraw(request: SignedInRequest, pk: int) -> HttpResponse:
    shown = doors.person_or_404(request.user, pk)
    try:
        people_of_account.withdraw(shown, actor=request.user, now=timezone.now())
    except people_of_account.Refused as refusal:
        messages.error(request, str(refusal))
        return redirect("person", shown.pk)
    messages.success(request, f"The invitation of {shown} is withdrawn.")
    return redirect("people")


def _done(request: SignedInRequest, shown: User, change: Callable[[], str]) -> HttpResponse:
    return said(request, change, back=reverse("person", args=[shown.pk]))


def _say_whether_mailed(request: SignedInRequest, invited: people_of_account.Invited) -> None:
    if invited.is_mailed:
        messages.success(request, f"The invitation is on its way to {invited.person.email}.")
    else:
        messages.warning(
            request, "The invitation is saved, but the mail could not be sent. Try “Send again” in a while."
        )
