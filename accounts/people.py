"""People of an account: invited, joined, given a role, deactivated and let back in.

Every change is one transaction with its entry in the audit log. Whatever touches roles or who is active first
claims the account (`accounts.claims`): two owners who demote each other at the same moment cannot leave an account
without one.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any
from zoneinfo import ZoneInfo

from allauth.account.models import EmailAddress
from django.contrib.auth.password_validation import validate_password
from django.db import IntegrityError, transaction

from accounts import audit, claims, invitations, openings
from accounts.claims import NotAllowed as NotAllowed
from accounts.claims import PersonGone as PersonGone
from accounts.claims import Refused as Refused
from accounts.groups import membership
from accounts.models import Account, Group, IdentityProvider, Role, User
from accounts.sign_in import addresses

ACCOUNT_CREATED = audit.declare("account.created", "{actor} created the account {target}.")
INVITED = audit.declare(
    "person.invited", "{actor} invited {target}.", personal=("email",), say={"role": lambda role: Role(role).label}
)
INVITED_AGAIN = audit.declare("person.invited_again", "{actor} invited {target} again.")
INVITATION_WITHDRAWN = audit.declare(
    "person.invitation_withdrawn", "{actor} withdrew the invitation of {target}.", personal=("email",)
)
JOINED = audit.declare("person.joined", "{target} accepted the invitation.")
ROLE_CHANGED = audit.declare(
    "person.role_changed", "{actor} changed the role of {target}.", say={"role": lambda role: Role(role).label}
)
DEACTIVATED = audit.declare("person.deactivated", "{actor} deactivated {target}.")
REACTIVATED = audit.declare("person.reactivated", "{actor} reactivated {target}.")
PROFILE_CHANGED = audit.declare(
    "person.profile_changed", "{actor} changed the profile of {target}.", personal=("name", "time_zone")
)

ONLY_ADMINS = "Only an owner or an admin of the account may do this."


class AddressTaken(Refused):
    """The sentence must not tell whose address it is: it may be somebody's of another account."""

    sentence = "This address cannot be invited: it is already used."


class LastOwner(Refused):
    sentence = "This is the last active owner of the account. Make somebody else an owner first."


class LastWayIn(Refused):
    sentence = (
        "This is the last owner who keeps a password while everybody else signs in by single sign-on only. Let another "
        "owner keep one first."
    )


class OwnDeactivation(Refused):
    sentence = "You cannot deactivate yourself. Ask another owner or admin to do it."


class AlreadyJoined(Refused):
    sentence = "The invitation was accepted meanwhile. Deactivate the person instead."


class NotJoined(Refused):
    sentence = "This person has not accepted the invitation yet. Withdraw the invitation instead."


class InvitationGone(Refused):
    sentence = "This invitation was used, replaced or withdrawn meanwhile. Ask whoever invited you for a new one."


@dataclass(frozen=True)
class Invited:
    person: User
    # False: the invitation stands, but the mail could not be sent.
    is_mailed: bool


def found_account(*, name: str, owner_email: str, owner_name: str, now: datetime) -> User:
    """A new account and its first owner, invited but not mailed; for the operator's command alone."""
    with transaction.atomic():
        account = Account.objects.create(name=name, created_at=now)
        audit.record(ACCOUNT_CREATED, account=account, actor=None, on=account, now=now)
        return add(account, email=owner_email, name=owner_name, role=Role.OWNER, groups=(), actor=None, now=now)


def invite(
    *,
    account: Account,
    email: str,
    name: str,
    role: str,
    actor: User | None,
    now: datetime,
    groups: Iterable[Group] = (),
) -> Invited:
    """Add somebody who may join by the link in the mail.

    The mail goes out once the transaction is over, so this may not be called inside one.
    """
    with transaction.atomic(durable=True):
        claims.account(account.pk)
        claims.require(actor, account, ONLY_ADMINS)
        _require_may_give(actor, role)
        person = add(account, email=email, name=name, role=role, groups=groups, actor=actor, now=now)
    return Invited(person, is_mailed=invitations.send(person))


def invite_again(person: User, *, actor: User | None, now: datetime) -> Invited:
    """A new link by mail; the older one no longer works. Not inside a transaction, as with `invite`."""
    with transaction.atomic(durable=True):
        person = claims.person(person, actor)
        if person.joined_at is not None:
            raise AlreadyJoined
        person.invited_at, person.invited_by = now, actor
        person.save(update_fields=["invited_at", "invited_by"])
        _record(INVITED_AGAIN, person, actor=actor, now=now)
    return Invited(person, is_mailed=invitations.send(person))


def withdraw(person: User, *, actor: User | None, now: datetime) -> None:
    """Take the invitation back: somebody who never joined leaves no row behind."""
    with transaction.atomic():
        person = claims.person(person, actor)
        if person.joined_at is not None:
            raise AlreadyJoined
        _record(INVITATION_WITHDRAWN, person, actor=actor, now=now, before={"email": person.email})
        person.delete()


def accept(person: User, *, name: str, password: str, time_zone: str, now: datetime) -> User:
    """Join, by the invitation `person` was read from.

    The link came by mail, so the address counts as confirmed. Raises Django's ValidationError for a password
    that is too weak, and InvitationGone when somebody was quicker.
    """
    with transaction.atomic():
        joining = _still_invited(person)
        joining.name, joining.time_zone = name, _known(time_zone)
        validate_password(password, joining)
        joining.set_password(password)
        joining.is_active, joining.joined_at, joining.invited_at = True, now, None
        joining.save()
        addresses.prove(joining)
        _record(JOINED, joining, actor=joining, now=now)
        _tell_of_arrival(joining)
    return joining


def change_role(person: User, *, role: str, actor: User | None, now: datetime) -> User:
    with transaction.atomic():
        person = claims.person(person, actor)
        if person.role == role:
            return person
        _require_may_give(actor, role)
        keep_an_owner(person)
        before, person.role = person.role, Role(role).value
        person.keeps_password = person.keeps_password and person.role == Role.OWNER
        person.save(update_fields=["role", "keeps_password"])
        _record(ROLE_CHANGED, person, actor=actor, now=now, before={"role": before}, after={"role": person.role})
    return person


def deactivate(person: User, *, actor: User | None, now: datetime) -> User:
    """No more signing in; open sessions end, and do not come back to life with the person."""
    with transaction.atomic():
        person = claims.person(person, actor)
        if person.joined_at is None:
            raise NotJoined
        if not person.is_active:
            return person
        if person == actor:
            raise OwnDeactivation
        keep_an_owner(person)
        person.is_active, person.session_epoch = False, person.session_epoch + 1
        person.save(update_fields=["is_active", "session_epoch"])
        for leave in openings.on_leaving:
            leave(person, actor=actor, now=now)
        _record(DEACTIVATED, person, actor=actor, now=now)
    return person


def reactivate(person: User, *, actor: User | None, now: datetime) -> User:
    with transaction.atomic():
        person = claims.person(person, actor)
        if person.joined_at is None:
            raise NotJoined
        if person.is_active:
            return person
        person.is_active = True
        person.save(update_fields=["is_active"])
        _record(REACTIVATED, person, actor=actor, now=now)
        _tell_of_arrival(person)
    return person


def rename(person: User, *, name: str, time_zone: str, actor: User, now: datetime) -> User:
    """A person's own name and time zone."""
    with transaction.atomic():
        person = User.objects.select_for_update().get(pk=person.pk)
        before = {"name": person.name, "time_zone": person.time_zone}
        after = {"name": name, "time_zone": _known(time_zone)}
        if before == after:
            return person
        person.name, person.time_zone = name, time_zone
        person.save(update_fields=["name", "time_zone"])
        _record(PROFILE_CHANGED, person, actor=actor, now=now, before=before, after=after)
    return person


def add(
    account: Account, *, email: str, name: str, role: str, groups: Iterable[Group], actor: User | None, now: datetime
) -> User:
    """Somebody who may join, not mailed: `invite` does that, commands have their own way. Raises AddressTaken."""
    email = email.strip().lower()
    if EmailAddress.objects.filter(email__iexact=email, verified=True).exists():
        raise AddressTaken
    invitations.remove_expired(email, but_of=account, now=now)
    try:
        with transaction.atomic():
            person = User(account=account, email=email, name=name, role=Role(role).value)
            person.invited_by, person.invited_at = actor, now
            person.set_unusable_password()
            person.save()
    except IntegrityError as error:
        raise AddressTaken from error
    groups = list(groups)
    membership.put(person, groups)
    after = {"email": email, "role": person.role, "groups": [group.name for group in groups]}
    _record(INVITED, person, actor=actor, now=now, after=after)
    return person


def keep_an_owner(person: User) -> None:
    """Raises LastOwner where `person` is the last who could manage everything, and LastWayIn where nobody else could
    when the identity provider fails."""
    if person.role != Role.OWNER or not person.is_active:
        return
    others = User.objects.of(person.account).filter(role=Role.OWNER, is_active=True).exclude(pk=person.pk)
    if not others.exists():
        raise LastOwner
    if not person.keeps_password or others.filter(keeps_password=True).exists():
        return
    if IdentityProvider.objects.filter(account=person.account, is_only=True).exists():
        raise LastWayIn


def keep_password(person: User, *, keeps: bool) -> None:
    """Whatever single sign-on does. In the caller's transaction, which has claimed the account."""
    person.keeps_password = keeps
    person.save(update_fields=["keeps_password"])


def _require_may_give(actor: User | None, role: str) -> None:
    if role == Role.OWNER and actor is not None and not User.objects.filter(pk=actor.pk, role=Role.OWNER).exists():
        raise NotAllowed("Only an owner may make somebody an owner.")


def _tell_of_arrival(person: User) -> None:
    for arriving in openings.on_arriving:
        transaction.on_commit(partial(arriving, account=person.account))


def _still_invited(person: User) -> User:
    if person.invited_at is None:
        raise InvitationGone
    invited = User.objects.select_for_update().filter(pk=person.pk, invited_at=person.invited_at, joined_at=None)
    found: User | None = invited.first()
    if found is None:
        raise InvitationGone
    return found


def _record(
    action: str, person: User, *, actor: User | None, now: datetime, before: Any = None, after: Any = None
) -> None:
    audit.record(action, account=person.account, actor=actor, on=person, now=now, before=before, after=after)


def _known(time_zone: str) -> str:
    """Every page is shown in it, so a name that the clock does not know must not be stored."""
    return ZoneInfo(time_zone).key
