"""User Management > Groups: the list in order of rank, and what changes the order."""

from __future__ import annotations

from urllib.parse import urlencode

from django.contrib import messages
from django.core.paginator import Page, Paginator
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from accounts import doors
from accounts import groups as groups_of_account
from accounts.cascade.changes import Rank
from accounts.claims import Refused
from accounts.doors import SignedInRequest
from accounts.forms.groups import Direction, GroupForm, RankForm
from accounts.models import Group
from accounts.views.submitting import submitted

ON_A_PAGE = 50


@require_safe
@doors.signed_in
def groups(request: SignedInRequest) -> HttpResponse:
    q = words(request, "q")
    found = doors.groups_or_403(request.user)
    for word in q.split():
        found = found.filter(name__icontains=word)
    page = Paginator(found.order_by("rank"), ON_A_PAGE).get_page(request.GET.get("page"))
    page.object_list = _counted(page)
    may_rank = request.user.is_account_admin
    context = {
        "page": page,
        "q": q,
        "may_create": may_rank,
        "may_rank": may_rank and (bool(q) or page.paginator.count > 1),
        "last": Group.objects.filter(account=request.user.account).count() if q else page.paginator.count,
        "following": _following(page) if may_rank and not q else None,
        # Whose button was pressed: there the focus goes on.
        "moved": doors.number_in(words(request, "moved")),
        "by": words(request, "by"),
    }
    return render(request, "accounts/groups.html", context)


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
            return redirect("group_members", made.pk)
    return render(request, "accounts/group_create.html", {"form": form})


@require_POST
@doors.signed_in
def group_rank(request: SignedInRequest, pk: int) -> HttpResponse:
    shown = doors.ranked_group_or_404(request.user, pk)
    try:
        wanted = RankForm(request.POST).wanted(shown)
        above = groups_of_account.above_for(shown, wanted)
    except Refused as refusal:
        messages.error(request, str(refusal))
        return redirect(_back(request, shown, at=groups_of_account.position_of(shown)))
    back = _back(request, shown, at=wanted)
    if wanted == groups_of_account.position_of(shown):
        messages.info(request, f"{shown} is P{wanted:,} already.")
        return redirect(back)
    change = Rank(shown.pk, above.pk if above else None)
    return submitted(request, change, back=back, done=f"{shown} is now P{wanted:,}.")


def words(request: SignedInRequest, name: str) -> str:
    return request.GET.get(name, "").replace("\0", "")[:200].strip()  # PostgreSQL takes no NUL


def _counted(page: Page[Group]) -> list[Group]:
    """Positions and people are counted for the groups on the page alone: a database counts for skipped rows too."""
    shown = Group.objects.filter(pk__in=[group.pk for group in page])
    return list(groups_of_account.with_people_count(groups_of_account.ranked(shown)))


def _following(page: Page[Group]) -> Group | None:
    """The first group of the next page: what is dropped at the end of this one comes to stand above it."""
    return groups_of_account.next_after(page[-1]) if page.has_next() else None


def _back(request: SignedInRequest, shown: Group, *, at: int) -> str:
    """To the group's own page, or to the page of the list where it will be."""
    if request.POST.get("from") != "list":
        return reverse("group", args=[shown.pk])
    q = request.POST.get("q", "").replace("\0", "")[:200]
    pressed = request.POST.get("to", "")
    where = {"q": q} if q else {"page": str((at - 1) // ON_A_PAGE + 1)}
    focus = {"moved": str(shown.pk), "by": pressed if pressed in Direction.values else ""}
    return f"{reverse('groups')}?{urlencode(where | focus)}"
