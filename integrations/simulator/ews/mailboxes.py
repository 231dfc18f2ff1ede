"""Whose mailbox a request opens: the caller's own, or that of whom they act for. Nobody has shared anything."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from zoneinfo import ZoneInfo

from django.db.models import Q

from integrations.simulator.ews import refusals
from integrations.simulator.ews.callers import Caller
from integrations.simulator.ews.nodes import Node
from integrations.simulator.graph import zones
from integrations.simulator.models import Calendar, Person


@dataclass(frozen=True)
class Asking:
    """One request, as the operations see it."""

    caller: Caller
    acts_as: Person | None
    """Whom the caller is, or impersonates; None for an application on its own."""
    operation: Node
    version: str
    zone: str
    """The name of the time zone context; empty for none."""
    now: datetime

    @cached_property
    def mailbox(self) -> Person:
        """Refused where there is none."""
        if self.acts_as is None:
            raise refusals.impersonation_required().because(
                "An application asks for itself, and the ExchangeImpersonation header is missing."
            )
        if not serves(self.caller, self.acts_as):
            raise refusals.no_address().because(f"{self.acts_as.name} has no mailbox on this server.")
        self.caller.enter(self.acts_as)
        return self.acts_as

    @property
    def clock(self) -> ZoneInfo:
        """In which times without an offset are read."""
        found = zones.find(self.zone) if self.zone else ZoneInfo("UTC")
        if found is None:
            raise refusals.unknown_zone(self.zone)
        return found

    def of(self, address: str | None, folder: str) -> Person:
        """The mailbox of that address, which may be opened by its owner alone; without one, the caller's own."""
        if not address:
            return self.mailbox
        person = by_address(self.caller, address)
        if person is None:
            raise refusals.no_mailbox().because(f"Nobody on this server has the address {address[:80]}.")
        if self.acts_as is None:
            raise refusals.impersonation_required()
        if person.pk != self.acts_as.pk:
            raise refusals.not_shared(folder.capitalize()).because(
                f"{person.name} has shared nothing with {self.acts_as.name}."
            )
        return self.mailbox

    def default_calendar(self) -> Calendar:
        found = self.mailbox.calendars.filter(is_default=True).first()
        if found is None:
            raise refusals.no_folder()
        return found


def impersonated(caller: Caller, sid: Node | None) -> Person | None:
    """Whom the caller acts for; refuses who may not. Without the header, the caller."""
    if sid is None:
        return caller.person
    given = sid.children[0]
    person = _named(caller, given)
    if person is not None and caller.person is not None and person.pk == caller.person.pk:
        return person
    if person is not None and caller.may_impersonate(person):
        return person
    if person is None and (caller.is_application or _may_impersonate_somebody(caller)):
        raise refusals.no_mailbox().because(f"Nobody on this server is {given.text.strip()[:80]}.")
    who = caller.person.name if caller.person else "The application"
    raise refusals.impersonation_denied().because(f"{who} may not act for {given.text.strip()[:80]}.")


def serves(caller: Caller, person: Person) -> bool:
    return caller.people.filter(pk=person.pk).exists()


def by_address(caller: Caller, address: str) -> Person | None:
    """Any address of a mailbox."""
    wanted = address.strip().removeprefix("SMTP:").removeprefix("smtp:")
    if not wanted or not wanted.isprintable():
        return None
    people = caller.people.select_related("tenant")
    found = people.filter(Q(mail__iexact=wanted) | Q(upn__iexact=wanted)).first()
    if found:
        return found
    lower = wanted.lower()
    with_aliases = people.exclude(aliases=[])
    return next((one for one in with_aliases if lower in (alias.lower() for alias in one.aliases)), None)


def _named(caller: Caller, given: Node) -> Person | None:
    """Exchange takes the primary address, another one, the sign-in name, or a SID, which nobody has here."""
    value = given.text.strip()
    if given.name == "PrincipalName":
        return caller.people.select_related("tenant").filter(upn__iexact=value).first() if value.isprintable() else None
    if given.name == "PrimarySmtpAddress":
        found = by_address(caller, value)
        is_primary = found is not None and value.lower() in (found.address.lower(), found.upn.lower())
        return found if is_primary else None
    if given.name == "SmtpAddress":
        return by_address(caller, value)
    if given.name == "SID":
        raise refusals.fault("ErrorInvalidSid", "The SID is invalid.").because("Nobody here has a SID.")
    raise refusals.schema(f"The element '{given.name[:40]}' is not expected.")


def _may_impersonate_somebody(caller: Caller) -> bool:
    """Who may not is not told who is there."""
    others = caller.people.exclude(pk=caller.person.pk) if caller.person else caller.people
    somebody = others.first()
    return somebody is not None and caller.may_impersonate(somebody)
