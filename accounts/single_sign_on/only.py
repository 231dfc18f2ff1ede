"""By which identity provider the people of an account sign in, and whether a password counts besides.

Nobody locks everybody out: only what was tried is turned on, and where passwords end at least one owner keeps the own
one, for the day on which the provider fails (“break glass”).
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from django.contrib.auth.hashers import UNUSABLE_PASSWORD_PREFIX
from django.db import transaction
from django.db.models import Q, QuerySet

from accounts import audit, claims, people
from accounts.models import Account, IdentityProvider, Role, User
from accounts.single_sign_on import setting_up

TURNED_ON = audit.declare("single_sign_on.turned_on", "{actor} turned on single sign-on by {target}.")
TURNED_OFF = audit.declare("single_sign_on.turned_off", "{actor} turned off single sign-on by {target}.")
ONLY_ON = audit.declare("single_sign_on.only_on", "{actor} ended passwords: people sign in by {target} only.")
ONLY_OFF = audit.declare(
    "single_sign_on.only_off", "{actor} let people sign in with passwords again, besides {target}."
)
KEPT = audit.declare("person.password_kept", "{actor} let {target} keep a password, whatever single sign-on does.")
KEPT_NO_MORE = audit.declare("person.password_kept_no_more", "{actor} let {target} keep the password no more.")
_HAS_NONE = Q(password__startswith=UNUSABLE_PASSWORD_PREFIX) | Q(password="")


class NotTested(claims.Refused):
    sentence = "It has not passed a test as it is now. Test the sign-in first."


class NotOn(claims.Refused):
    sentence = "It is not turned on."


class NobodyKeeps(claims.Refused):
    sentence = "Choose at least one owner who keeps the password: it is the way in when the identity provider fails."


class LocksYouOut(claims.Refused):
    sentence = "You would lock yourself out: sign in by the identity provider once, or keep your own password."


@dataclass(frozen=True)
class Affected:
    """People who are active and have joined."""

    everybody: int
    # Known by an identity of the provider.
    bound: int
    # Have a password that they could sign in with.
    with_password: int
    # Neither: they set one by *Forgot password?*.
    without_password: int


def affected(provider: IdentityProvider) -> Affected:
    """Three queries."""
    everybody = User.objects.of(provider.account).filter(is_active=True, joined_at__isnull=False)
    number = everybody.count()
    without = everybody.filter(_HAS_NONE).count()
    bound = everybody.filter(single_sign_on_identities__provider=provider).count()
    return Affected(number, bound, number - without, without)


def owners(account: Account) -> QuerySet[User]:
    """Who may keep a password: they have one."""
    found: QuerySet[User] = User.objects.of(account).filter(role=Role.OWNER, is_active=True, joined_at__isnull=False)
    return found.exclude(_HAS_NONE).order_by("name", "pk")


def in_place_of(provider: IdentityProvider) -> IdentityProvider | None:
    """The other one that is on, and is not once this one is."""
    found: IdentityProvider | None = (
        IdentityProvider.objects.filter(account=provider.account, is_on=True).exclude(pk=provider.pk).first()
    )
    return found


def turn_on(provider: IdentityProvider, *, actor: User, now: datetime) -> None:
    """In the place of the one that is on. Raises NotTested."""
    with transaction.atomic():
        row = setting_up.held(provider)
        if row.is_on:
            return
        if row.tested_at is None:
            raise NotTested
        if (other := in_place_of(row)) is not None:
            _off(other, actor=actor, now=now)
        row.is_on = True
        row.save(update_fields=["is_on"])
        audit.record(TURNED_ON, account=row.account, actor=actor, on=row, now=now)


def turn_off(provider: IdentityProvider, *, actor: User, now: datetime) -> None:
    """Passwords count again."""
    with transaction.atomic():
        row = setting_up.held(provider)
        if row.is_on:
            _off(row, actor=actor, now=now)


def end_passwords(provider: IdentityProvider, keepers: Collection[int], *, actor: User, now: datetime) -> None:
    """But for `keepers`, by key. Also changes who they are. Sessions go on until they end. Raises NotOn, NotTested,
    NobodyKeeps, LocksYouOut."""
    with transaction.atomic():
        row = setting_up.held(provider)
        if not row.is_on:
            raise NotOn
        if row.tested_at is None and not row.is_only:  # who keeps one may be changed at any time
            raise NotTested
        kept = owners(row.account).filter(pk__in=keepers)
        if not kept:
            raise NobodyKeeps
        if actor not in kept and not row.identities.filter(user=actor, issuer=row.issuer).exists():
            raise LocksYouOut
        _keep(row.account, kept, actor=actor, now=now)
        if not row.is_only:
            row.is_only = True
            row.save(update_fields=["is_only"])
            number = {"keep_password": len(kept)}
            audit.record(ONLY_ON, account=row.account, actor=actor, on=row, now=now, after=number)


def allow_passwords(provider: IdentityProvider, *, actor: User, now: datetime) -> None:
    with transaction.atomic():
        row = setting_up.held(provider)
        if row.is_only:
            row.is_only = False
            row.save(update_fields=["is_only"])
            audit.record(ONLY_OFF, account=row.account, actor=actor, on=row, now=now)


def _off(row: IdentityProvider, *, actor: User, now: datetime) -> None:
    was_only, row.is_on, row.is_only = row.is_only, False, False
    row.save(update_fields=["is_on", "is_only"])
    audit.record(
        TURNED_OFF, account=row.account, actor=actor, on=row, now=now, before={"is_only": True} if was_only else None
    )


def _keep(account: Account, kept: Collection[User], *, actor: User, now: datetime) -> None:
    keys = {person.pk for person in kept}
    for person in User.objects.of(account).filter(keeps_password=True).exclude(pk__in=keys).order_by("pk"):
        people.keep_password(person, keeps=False)
        audit.record(KEPT_NO_MORE, account=account, actor=actor, on=person, now=now)
    for person in kept:
        if not person.keeps_password:
            people.keep_password(person, keeps=True)
            audit.record(KEPT, account=account, actor=actor, on=person, now=now)
