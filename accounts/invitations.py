"""The link that makes an invited person a member, and the letter that carries it.

The signed payload names the person and the moment of the invitation. The moment is what makes a link single
use: accepting clears it, inviting again changes it, and seven days after it the link has expired. (So it needs
no second timestamp from the signer, and the time can be passed in.)
"""

from __future__ import annotations

import logging
from datetime import datetime, timedelta

from django.conf import settings
from django.core.mail import EmailMessage
from django.core.signing import BadSignature, Signer
from django.template.loader import render_to_string
from django.urls import reverse

from accounts import audit
from accounts.models import Account, User

EXPIRED = audit.declare(
    "person.invitation_expired",
    "{target} never joined: the expired invitation was removed.",
    personal=("email",),
)

LIFETIME = timedelta(days=7)

log = logging.getLogger(__name__)


class Unusable(Exception):
    """An invitation nobody can accept. The text says why; `person` is whom it was for, where that is known."""

    sentence = ""

    def __init__(self, person: User | None = None) -> None:
        super().__init__(self.sentence)
        self.person = person


class Unreadable(Unusable):
    sentence = "This link is no invitation. Perhaps a part of it was lost: open it from the mail again."


class Withdrawn(Unusable):
    sentence = "This invitation was withdrawn."


class Used(Unusable):
    sentence = "This invitation was accepted already. If it was you, sign in."


class Replaced(Unusable):
    sentence = "A newer invitation was sent to you. Open the link in the newest mail."


class Expired(Unusable):
    sentence = "This invitation has expired: it was good for seven days."


def token(person: User) -> str:
    assert person.invited_at is not None  # noqa: S101  nobody asks for the link of somebody who was not invited
    return _signer().sign_object({"person": person.pk, "at": person.invited_at.isoformat()})


def link(person: User) -> str:
    return settings.PUBLIC_URL + reverse("invitation_link", args=[token(person)])


def read(signed: str, *, now: datetime) -> User:
    """Whom the link is for. Raises one of `Unusable`."""
    try:
        payload = _signer().unsign_object(signed)
    except (BadSignature, ValueError) as error:
        raise Unreadable from error
    people = User.objects.select_related("account", "invited_by")
    person: User | None = people.filter(pk=payload["person"]).first()
    if person is None:
        raise Withdrawn
    if person.joined_at is not None or person.invited_at is None:
        raise Used(person)
    if person.invited_at != datetime.fromisoformat(payload["at"]):
        raise Replaced(person)
    if now >= person.invited_at + LIFETIME:
        raise Expired(person)
    return person


def is_ours(signed: str) -> bool:
    """Whether we signed it, good or not: what a stranger made up is not worth keeping."""
    try:
        _signer().unsign_object(signed)
    except (BadSignature, ValueError):
        return False
    return True


def remove_expired(email: str, *, but_of: Account, now: datetime) -> None:
    """Other accounts block an address only as long as their invitation can be accepted.

    Otherwise anybody could keep an address from its owner by inviting it.
    """
    invited = User.objects.select_for_update(of=("self",), no_key=True).select_related("account")
    expired = invited.filter(email__iexact=email, joined_at=None, invited_at__lte=now - LIFETIME)
    for person in expired.exclude(account=but_of):
        before = {"email": person.email}
        audit.record(EXPIRED, account=person.account, actor=None, on=person, now=now, before=before)
        person.delete()


def send(person: User) -> bool:
    """Mail the link. False when the mail server did not take it; the invitation stands all the same."""
    assert person.invited_at is not None  # noqa: S101  as above
    words = {
        "person": person,
        "account": person.account,
        "inviter": person.invited_by,
        "link": link(person),
        "expires_at": person.invited_at + LIFETIME,
    }
    subject = " ".join(render_to_string("accounts/letters/invitation_subject.txt", words).split())
    body = render_to_string("accounts/letters/invitation.txt", words)
    try:
        EmailMessage(subject, body, to=[person.email]).send()
    # Every failure of smtplib and of the socket below it; an address that cannot be written.
    except (OSError, UnicodeError) as error:
        log.warning("invitation_not_mailed", extra={"person": person.pk, "reason": type(error).__name__})
        return False
    return True


def _signer() -> Signer:
    return Signer(salt="accounts.invitations")
