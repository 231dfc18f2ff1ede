"""The e-mail addresses by which people sign in."""

from __future__ import annotations

from allauth.account.models import EmailAddress
from django.core.exceptions import ValidationError
from django.db import transaction

from accounts.models import User


@transaction.atomic
def prove(user: User) -> None:
    """The person has shown that `user.email` is theirs, for example by the link of an invitation.

    Without it the first sign-in asks to confirm the address.
    """
    EmailAddress.objects.filter(user=user).exclude(email=user.email.lower()).delete()
    EmailAddress.objects.update_or_create(
        user=user, email=user.email.lower(), defaults={"verified": True, "primary": True}
    )


def require_mailable(email: str) -> None:
    """Raises ValidationError where a letter would fail: not every domain in other letters can be written in ASCII."""
    try:
        email.rpartition("@")[2].encode("idna")
    except UnicodeError as error:
        raise ValidationError("No mail can be sent to this address. Look at the part after the “@” again.") from error


def is_taken(email: str, *, by_others_than: User) -> bool:
    return bool(User.objects.filter(email__iexact=email).exclude(pk=by_others_than.pk).exists())


def is_proved(user: User) -> bool:
    """Whether it was ever shown that `user.email`, as it is now, is theirs."""
    return bool(EmailAddress.objects.filter(user=user, email=user.email.lower(), verified=True).exists())
