"""The only way from a URL to an object.

A stranger gets 404: he learns nothing, not even that the thing exists. Somebody of the same account who may
not do it gets 403.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Concatenate, ParamSpec, cast

from django.contrib.auth.decorators import login_required
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404

from accounts.models import Account, Group, User

P = ParamSpec("P")


class SignedInRequest(HttpRequest):
    """A request behind `signed_in`: there is somebody."""

    user: User


def signed_in(
    view: Callable[Concatenate[SignedInRequest, P], HttpResponse],
) -> Callable[Concatenate[HttpRequest, P], HttpResponse]:
    """For everybody who is signed in; others are taken to the sign-in page and back."""

    @wraps(view)
    def opened(request: HttpRequest, /, *args: P.args, **kwargs: P.kwargs) -> HttpResponse:
        return view(cast(SignedInRequest, request), *args, **kwargs)

    return login_required(opened)


def account_admin(
    view: Callable[Concatenate[SignedInRequest, P], HttpResponse],
) -> Callable[Concatenate[HttpRequest, P], HttpResponse]:
    """For owners and admins of an account."""

    @wraps(view)
    def guarded(request: SignedInRequest, /, *args: P.args, **kwargs: P.kwargs) -> HttpResponse:
        if not request.user.is_account_admin:
            raise PermissionDenied("Only an owner or an admin of the account may open this page.")
        return view(request, *args, **kwargs)

    return signed_in(guarded)


def person_or_404(user: User, pk: int) -> User:
    """A person of the same account, for those who may manage people; everybody may open himself."""
    person: User = get_object_or_404(User.objects.of(user.account), pk=pk)
    if not can_manage(user, person) and person != user:
        raise PermissionDenied("Only an owner or an admin of the account may manage people.")
    return person


def colleague_or_404(user: User, pk: int) -> User:
    """Anybody of the same account: for naming a person, not for changing one."""
    colleague: User = get_object_or_404(User.objects.of(user.account), pk=pk)
    return colleague


def groups_or_403(user: User) -> QuerySet[Group]:
    """The groups a reader may manage; for somebody who manages none there is nothing to see."""
    groups = Group.objects.filter(account=user.account)
    if user.is_account_admin:
        return groups
    own = groups.filter(memberships__user=user, memberships__is_admin=True)
    if not own.exists():
        raise PermissionDenied("Only admins of the account or of a group may open the groups.")
    return own


def group_or_404(user: User, pk: int) -> Group:
    """A group of the same account, for those who may manage it."""
    group = get_object_or_404(Group.objects.filter(account=user.account), pk=pk)
    if not can_manage(user, group):
        raise PermissionDenied("Only an admin of this group or of the account may open it.")
    return group


def can_manage(user: User, scope: Account | Group | User) -> bool:
    """May `user` change people, members or settings at `scope`?

    Owners are managed by owners only, so that an admin cannot become one by way of them.
    """
    if isinstance(scope, Account):
        return user.is_account_admin and scope.pk == user.account_id
    if scope.account_id != user.account_id:
        return False
    if isinstance(scope, Group):
        return user.is_account_admin or scope.memberships.filter(user=user, is_admin=True).exists()
    return user.role == "owner" or (user.is_account_admin and scope.role != "owner")
