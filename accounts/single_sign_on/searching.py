"""The sign-in log as admins read it: found, said in words, and as a table that leaves the portal."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, tzinfo
from typing import Any

from django.db.models import Q, QuerySet

from accounts import audit, newest_first
from accounts.models import Account, SignInEntry, User
from accounts.single_sign_on.causes import Cause

EXPORTED = audit.declare("sign_ins.exported", "{actor} downloaded lines of the sign-in log.", personal=("person",))

# For admins, in a few words; exactly what was found stands beside it. The person reads other words.
IN_WORDS: Mapping[Cause, str] = {
    Cause.PROVIDER_DOWN: "The identity provider did not answer",
    Cause.PROVIDER_MISTAKEN: "The identity provider’s answer breaks the protocol",
    Cause.PROVIDER_REFUSED: "The identity provider refused",
    Cause.NOT_ASSIGNED: "Not assigned to this application at the provider",
    Cause.CANCELLED: "Cancelled at the identity provider",
    Cause.TURNED_OFF: "Single sign-on is turned off",
    Cause.SECRET_REFUSED: "The provider does not accept the client secret",
    Cause.CERTIFICATE_EXPIRED: "The provider’s certificate has expired",
    Cause.CERTIFICATE_UNKNOWN: "Signed with a certificate that is not known",
    Cause.KEY_UNKNOWN: "Signed with a key that is not known",
    Cause.ISSUER: "Another issuer than the one set up",
    Cause.AUDIENCE: "Meant for somebody else than Meridian",
    Cause.MISSING_SUBJECT: "Nothing says who it is: the subject is missing",
    Cause.MISSING_EMAIL: "The e-mail address is missing",
    Cause.NOT_ASKED: "Not the answer to a question of this browser",
    Cause.TOO_LATE: "Came too late",
    Cause.CLOCK: "The clocks differ too much",
    Cause.REPLAYED: "The answer was used before",
    Cause.SIGNATURE: "The signature is missing or wrong",
    Cause.MALFORMED: "Could not be read",
    Cause.NOBODY: "Nobody here has this address",
    Cause.NOT_JOINED: "Invited, but has not joined yet",
    Cause.NOT_PROVED: "Neither a password nor a verified domain proves who it is",
    Cause.DEACTIVATED: "Deactivated",
    Cause.ANOTHER_ACCOUNT: "Belongs to another account",
    Cause.BOUND_TO_ANOTHER: "Bound to another identity of the provider",
    Cause.AMBIGUOUS: "More than one person could be meant",
    Cause.WRONG_PASSWORD: "Wrong password",
    Cause.TOO_MANY_TRIES: "Too many tries",
    Cause.ONLY_SINGLE_SIGN_ON: "A password does not count: single sign-on only",
    Cause.WRONG_CODE: "Wrong code of the second factor",
}

Row = tuple[object, ...]


def in_words(cause: str) -> str:
    """A cause that is not known any more stays what it was called."""
    return IN_WORDS[Cause(cause)] if cause in set(Cause) else cause


def of_account(account: Account) -> QuerySet[SignInEntry]:
    return SignInEntry.objects.filter(account=account).select_related("user", "provider")


def holding(words: str) -> Q:
    """Lines that hold each word in the address, the person's name or address of today, the reference or the detail."""
    found = Q()
    for word in words.split():
        found &= (
            Q(email__icontains=word)
            | Q(reference__icontains=word)
            | Q(detail__icontains=word)
            | Q(user__name__icontains=word)
            | Q(user__email__icontains=word)
        )
    return found


def export(
    entries: QuerySet[SignInEntry],
    *,
    actor: User,
    now: datetime,
    zone: tzinfo,
    chosen: dict[str, Any],
    about: User | None = None,
) -> Iterator[Row]:
    """The rows of `entries`, to be read while they are sent; that they left is an entry of the audit log.

    `chosen` says which were asked for, and `about` whose they are, where it is one person's.
    """
    account = actor.account
    audit.record(EXPORTED, account=account, actor=actor, on=account, now=now, after=chosen or None, about=about)
    return (_row(entry, zone) for entry in newest_first.all_of(entries.filter(at__lte=now)))


def header(zone: tzinfo) -> tuple[str, ...]:
    return (
        "Time in UTC",
        f"Time in {zone}" if str(zone) != "UTC" else "Time",
        "Person",
        "E-mail",
        "Method",
        "Identity provider",
        "Outcome",
        "Cause",
        "Exactly",
        "Reference",
        "IP address",
    )


def _row(entry: SignInEntry, zone: tzinfo) -> Row:
    return (
        _moment(entry.at.astimezone(UTC)),
        _moment(entry.at.astimezone(zone)),
        entry.user.name if entry.user else "",
        entry.email,
        entry.get_method_display(),
        entry.provider.name if entry.provider else "",
        entry.get_outcome_display(),
        in_words(entry.cause),
        entry.detail,
        entry.reference,
        entry.ip_address or "",
    )


def _moment(at: datetime) -> str:
    return at.isoformat(timespec="seconds")
