"""The only way from a URL to an object.

A stranger gets 404: he learns nothing, not even that the thing exists. Somebody of the same account who may
not do it gets 403.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable
from functools import wraps
from typing import Concatenate, ParamSpec, cast

from allauth.account.models import EmailAddress
from django.conf import settings
from django.contrib.auth.decorators import login_required
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponseBase
from django.shortcuts import get_object_or_404

from accounts.models import Account, AssociatedDomain, Group, Job, JobState, User

P = ParamSpec("P")
LONGEST_NUMBER = 19  # digits: no database holds more, and int() refuses what is far longer


class SignedInRequest(HttpRequest):
    """A request behind `signed_in`: there is somebody."""

    user: User


def signed_in(
    view: Callable[Concatenate[SignedInRequest, P], HttpResponseBase],
) -> Callable[Concatenate[HttpRequest, P], HttpResponseBase]:
    """For everybody who is signed in; others are taken to the sign-in page and back."""

    @wraps(view)
    def opened(request: HttpRequest, /, *args: P.args, **kwargs: P.kwargs) -> HttpResponseBase:
        return view(cast(SignedInRequest, request), *args, **kwargs)

    return login_required(opened)


def account_admin(
    view: Callable[Concatenate[SignedInRequest, P], HttpResponseBase],
) -> Callable[Concatenate[HttpRequest, P], HttpResponseBase]:
    """For owners and admins of an account."""

    @wraps(view)
    def guarded(request: SignedInRequest, /, *args: P.args, **kwargs: P.kwargs) -> HttpResponseBase:
        if not request.user.is_account_admin:
            raise PermissionDenied("Only an owner or an admin of the account may open this page.")
        return view(request, *args, **kwargs)

    return signed_in(guarded)


def operator(
    view: Callable[Concatenate[SignedInRequest, P], HttpResponseBase],
) -> Callable[Concatenate[HttpRequest, P], HttpResponseBase]:
    """For those who run the installation, of whichever account; for others there is nothing there."""

    @wraps(view)
    def guarded(request: SignedInRequest, /, *args: P.args, **kwargs: P.kwargs) -> HttpResponseBase:
        if not is_operator(request.user):
            raise Http404
        return view(request, *args, **kwargs)

    return signed_in(guarded)


def is_operator(user: User) -> bool:
    """Does the person sign in with an address of OPERATOR_EMAILS that they have proved to be theirs? Asks the database
    only about those whose address is one of them."""
    email = user.email.lower()
    if email not in {address.lower() for address in settings.OPERATOR_EMAILS}:
        return False
    return bool(EmailAddress.objects.filter(user=user, email=email, verified=True).exists())


def person_or_404(user: User, pk: int) -> User:
    """A person of the same account, for those who may manage people; everybody may open himself."""
    person: User = get_object_or_404(User.objects.of(user.account), pk=pk)
    if not can_manage(user, person) and person != user:
        raise PermissionDenied("Only an owner or an admin of the account may manage people.")
    return person


def managed_person_or_404(user: User, pk: int) -> User:
    """A person of the same account, for those who may manage it; oneself only as an admin."""
    person: User = get_object_or_404(User.objects.of(user.account), pk=pk)
    if not can_manage(user, person):
        raise PermissionDenied("Only an owner or an admin of the account may manage people, and only owners owners.")
    return person


def colleague_or_404(user: User, pk: int) -> User:
    """Anybody of the same account: for naming a person, not for changing one."""
    colleague: User = get_object_or_404(User.objects.of(user.account), pk=pk)
    return colleague


def number_in(sent: str) -> int:
    """The number that a form or an address carries; 0, which is nothing's key, for what is none."""
    return int(sent) if sent.isdecimal() and len(sent) < LONGEST_NUMBER else 0


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


def ranked_group_or_404(user: User, pk: int) -> Group:
    """A group of the same account, for those who may rename, move or delete it: admins of the account."""
    group = get_object_or_404(Group.objects.filter(account=user.account), pk=pk)
    if not can_manage(user, user.account):
        raise PermissionDenied("Only an owner or an admin of the account may rename, move or delete groups.")
    return group


def job_or_404(user: User, pk: uuid.UUID) -> Job:
    """A job that has begun, for whoever began it and for those who may manage what it changes."""
    begun = Job.objects.filter(account=user.account).exclude(state=JobState.PREPARED)
    job = get_object_or_404(begun.select_related("by", "group"), pk=pk)
    if job.by_id != user.pk and not can_manage(user, job.group or user.account):
        raise PermissionDenied("Only whoever began this, or an admin of what it changes, may open it.")
    return job


def domain_or_404(user: User, pk: int) -> AssociatedDomain:
    """An associated domain of the same account, for those who may manage the account."""
    domain = get_object_or_404(AssociatedDomain.objects.filter(account=user.account).select_related("account"), pk=pk)
    if not can_manage(user, domain.account):
        raise PermissionDenied("Only an owner or an admin of the account may open its domains.")
    return domain


def prepared_job_or_404(user: User, group: Group | None, pk: uuid.UUID, *, kind: str) -> Job:
    """What `user` has prepared for `group`, or for the whole account; it may have been confirmed meanwhile."""
    own = Job.objects.filter(account=user.account, by=user).select_related("by", "account")
    return get_object_or_404(own, pk=pk, group=group, kind=kind)


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
