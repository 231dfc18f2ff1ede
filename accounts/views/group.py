"""User Management > Groups > one group: its profile."""

from __future__ import annotations

from django.contrib import messages
from django.db.models.functions import Lower
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_POST, require_safe

from accounts import doors
from accounts import groups as groups_of_account
from accounts.cascade.changes import Dissolve
from accounts.doors import SignedInRequest
from accounts.forms.groups import GroupForm
from accounts.models import Group, Membership
from accounts.views.group_head import group_head
from accounts.views.submitting import submitted

MOST_ADMINS = 50


@require_safe
@doors.signed_in
def group(request: SignedInRequest, pk: int) -> HttpResponse:
    return _page(request, doors.group_or_404(request.user, pk))


@require_POST
@doors.signed_in
def group_rename(request: SignedInRequest, pk: int) -> HttpResponse:
    shown = doors.ranked_group_or_404(request.user, pk)
    form = GroupForm(request.POST)
    if form.is_valid():
        try:
            groups_of_account.rename(shown, name=form.cleaned_data["name"], actor=request.user, now=timezone.now())
        except groups_of_account.NameTaken as refusal:
            form.add_error("name", str(refusal))
        else:
            messages.success(request, "The group is renamed.")
            return redirect("group", shown.pk)
    return _page(request, shown, name_form=form)


@require_POST
@doors.signed_in
def group_delete(request: SignedInRequest, pk: int) -> HttpResponse:
    """Always by way of the review, which says what would follow."""
    shown = doors.ranked_group_or_404(request.user, pk)
    return submitted(request, Dissolve(shown.pk), back=reverse("groups"), done=f"The group {shown} is deleted.")


def _page(request: SignedInRequest, shown: Group, *, name_form: GroupForm | None = None) -> HttpResponse:
    admins = Membership.objects.filter(group=shown, is_admin=True).select_related("user")
    context = group_head(shown, reader=request.user, tab="profile") | {
        "name_form": name_form or GroupForm(initial={"name": shown.name}),
        "last": groups_of_account.number_of(shown),
        "admins": admins.order_by(Lower("user__name"), "user")[:MOST_ADMINS],
        "decided": shown.decisions.count(),
    }
    return render(request, "accounts/group.html", context)
