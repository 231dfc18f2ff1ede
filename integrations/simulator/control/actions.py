"""What can be done to people and applications; the console and the JSON API call the same functions."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime

from django.contrib.auth.hashers import make_password
from django.db import transaction
from django.db.models import F

from integrations.simulator.entra.hashes import digest
from integrations.simulator.models import Application, AppSecret, Grant, Person, RefreshToken


def revoke_sessions(person: Person, *, now: datetime) -> None:
    """Refresh tokens and browser sessions issued until now are dead (50173); access tokens live to their end."""
    Person.objects.filter(pk=person.pk).update(valid_from=now)


def expire_access_tokens(person: Person, *, now: datetime) -> None:
    """Graph refuses them from now on (401), as if their time were up."""
    Person.objects.filter(pk=person.pk).update(generation=F("generation") + 1)


def expire_all_tokens(person: Person, *, now: datetime) -> None:
    """Besides, refresh tokens are as after 90 idle days (700082)."""
    with transaction.atomic():
        expire_access_tokens(person, now=now)
        RefreshToken.objects.filter(person=person, expires_at__gt=now).update(expires_at=now)


def withdraw_grants(person: Person, *, now: datetime) -> None:
    """As an administrator deletes a consent: refused with 65001 at the next refresh."""
    Grant.objects.filter(person=person).delete()


def disable(person: Person, *, now: datetime) -> None:
    """Disabling revokes as well: enabling again does not bring old sessions back."""
    Person.objects.filter(pk=person.pk).update(is_enabled=False, valid_from=now)


def enable(person: Person, *, now: datetime) -> None:
    Person.objects.filter(pk=person.pk).update(is_enabled=True)


# By the name used in addresses, with the label of the button.
ON_PEOPLE: Mapping[str, tuple[str, Callable[..., None]]] = {
    "revoke-sessions": ("Revoke sessions", revoke_sessions),
    "expire-tokens": ("Expire access tokens", expire_access_tokens),
    "expire-all-tokens": ("Expire all tokens", expire_all_tokens),
    "withdraw-consent": ("Delete consent", withdraw_grants),
    "disable": ("Disable", disable),
    "enable": ("Enable", enable),
}


def set_password(person: Person, password: str, *, revoke: bool, now: datetime) -> None:
    """By the person themselves, refresh tokens of confidential clients survive; by the admin centre they do not."""
    Person.objects.filter(pk=person.pk).update(password=make_password(password))
    if revoke:
        revoke_sessions(person, now=now)


def set_secret(application: Application, secret: str, *, expires_at: datetime, now: datetime) -> None:
    """From now on this is the only secret of the application."""
    with transaction.atomic():
        application.secrets.all().delete()
        AppSecret.objects.create(application=application, digest=digest(secret), expires_at=expires_at)


def expire_secrets(application: Application, *, now: datetime) -> None:
    application.secrets.filter(expires_at__gt=now).update(expires_at=now)
