"""What is out of the ordinary about a person, in a word or two each."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from integrations.simulator.models import Person


@dataclass(frozen=True)
class Badge:
    text: str
    is_bad: bool = False


def badges(person: Person, *, now: datetime) -> Sequence[Badge]:
    return [*_nature(person), *_troubles(person, now)]


def _nature(person: Person) -> Iterator[Badge]:
    if person.is_admin:
        yield Badge("Administrator")
    if person.is_guest:
        yield Badge("Guest")
    if person.needs_mfa:
        yield Badge("Second factor")
    if person.mailbox == Person.Mailbox.NONE:
        yield Badge("No mailbox")
    if person.may_impersonate:
        yield Badge("Impersonation on-premises")


def _troubles(person: Person, now: datetime) -> Iterator[Badge]:
    if person.mailbox == Person.Mailbox.ON_PREMISES:
        yield Badge("Mailbox on-premises", is_bad=True)
    if person.deleted_at is not None:
        yield Badge("Deleted", is_bad=True)
    if not person.is_enabled:
        yield Badge("Disabled", is_bad=True)
    if person.is_blocked:
        yield Badge("Blocked", is_bad=True)
    if person.locked_until is not None and person.locked_until > now:
        yield Badge("Locked out", is_bad=True)
    if person.password_is_expired:
        yield Badge("Password expired", is_bad=True)
    if person.ews_enabled is False:
        yield Badge("EWS disabled", is_bad=True)
    if person.notices != Person.Notices.SENT:
        yield Badge(f"Notices {person.get_notices_display().lower()}", is_bad=True)
