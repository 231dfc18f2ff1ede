"""Who somebody is at the identity providers, and letting go of it."""

from __future__ import annotations

from datetime import datetime

from django.db import transaction
from django.db.models import QuerySet

from accounts import audit, claims
from accounts.models import SingleSignOnIdentity, User

RELEASED = audit.declare(
    "person.identity_released", "{actor} released the single sign-on identity of {target}.", personal=("address",)
)


class AlreadyReleased(claims.Refused):
    sentence = "This identity was released meanwhile."


def of_person(person: User) -> QuerySet[SingleSignOnIdentity]:
    return SingleSignOnIdentity.objects.filter(user=person).select_related("provider").order_by("provider__name", "pk")


def shortened(subject: str) -> str:
    """Enough to tell two apart; all of it is nobody's business on a page."""
    return subject if len(subject) <= 16 else f"{subject[:8]}…{subject[-4:]}"


def release(person: User, identity: int, *, actor: User, now: datetime) -> None:
    """The next sign-in binds anew, with proof. Open sessions end: they may be those of whoever was bound wrongly."""
    with transaction.atomic():
        person = claims.person(person, actor)
        bound = of_person(person).filter(pk=identity).first()
        if bound is None:
            raise AlreadyReleased
        before = {"provider": bound.provider.name, "address": bound.email}
        bound.delete()
        person.session_epoch += 1
        person.save(update_fields=["session_epoch"])
        audit.record(RELEASED, account=person.account, actor=actor, on=person, now=now, before=before)
