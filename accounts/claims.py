"""Who changes something claims it first.

The account's row is locked before anything of the account, so that whatever touches roles, ranks and memberships
happens one after another; then the thing is read as it is now, and it is asked again whether the actor may still
do this.
"""

from __future__ import annotations

from django.core.exceptions import PermissionDenied
from django.shortcuts import get_object_or_404

from accounts import doors
from accounts.models import Account, Group, User


class Refused(Exception):
    """A change that a rule forbids. The text is meant for whoever asked for it."""

    sentence = "This cannot be done."

    def __init__(self) -> None:
        super().__init__(self.sentence)


class PersonGone(Refused):
    sentence = "This person was removed meanwhile."


class NotAllowed(PermissionDenied):
    """The actor may not, or may no longer: asked again once the lock is held."""


def account(pk: int) -> Account:
    """The account, locked. Not its key: inserting people and entries of the account may go on."""
    claimed: Account = Account.objects.select_for_update(no_key=True).get(pk=pk)
    return claimed


def group(group: Group) -> Group:
    """`group` as it is now, locked with its account. Raises Http404 when it was deleted meanwhile, as its page does."""
    account(group.account_id)
    return get_object_or_404(Group.objects.select_for_update(of=("self",)).select_related("account"), pk=group.pk)


def person(person: User, actor: User | None) -> User:
    """`person` as it is now, locked with the account, once it is sure that `actor` may still manage it."""
    account(person.account_id)
    # Who accepts an invitation locks the person alone.
    people = User.objects.select_for_update(of=("self",), no_key=True).select_related("account")
    claimed: User | None = people.filter(pk=person.pk).first()
    if claimed is None:
        raise PersonGone
    require(actor, claimed, "Only an owner or an admin of the account may do this, and only owners manage owners.")
    return claimed


def may(actor: User | None, scope: Account | Group | User) -> bool:
    """May `actor`, as it is now, manage `scope`? Without an actor it is Meridian itself."""
    if actor is None:
        return True
    current = User.objects.filter(pk=actor.pk, is_active=True).first()
    return current is not None and doors.can_manage(current, scope)


def require(actor: User | None, scope: Account | Group | User, sentence: str) -> None:
    if not may(actor, scope):
        raise NotAllowed(sentence)
