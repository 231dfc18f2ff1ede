"""What the profile, and the page about a person, tell of a calendar that the organization carries, or is to carry."""

from __future__ import annotations

from dataclasses import dataclass

from django.utils.html import format_html
from django.utils.safestring import SafeString

from accounts.cascade import words
from accounts.cascade.declare import Level, setting_of
from accounts.cascade.facts import Held
from accounts.models import User
from integrations import deciding
from integrations.capabilities import NO_TWO_WAY_SYNC
from integrations.models import Connection
from integrations.organization import carried
from integrations.organization.carried import Carried
from integrations.preferences import Api, Integrations

ENABLED = setting_of(Integrations, "enabled")
READS = "Your primary calendar: Meridian shows its meetings."
WRITES = "Your primary calendar: Meridian shows its meetings and, where it is chosen, writes those made here."
# What only a person's own consent would reach.
READS_BY_EWS = (
    "Your primary calendar: Meridian shows its meetings. By Exchange Web Services (EWS), which open the whole mailbox; "
    "nothing else in it is read."
)
CANNOT = "Other calendars, attachments, creating a calendar, searching, proposing a new time, and finding a time."
CANNOT_BY_EWS = f"Other calendars, and contacts. {NO_TWO_WAY_SYNC}"


@dataclass(frozen=True)
class Shown:
    carried: Carried
    # Who decided that it is the organization's to connect people; how one can decline, or who keeps one from it.
    decided: SafeString
    opt_out: SafeString
    can: str
    cannot: str = CANNOT


def shown(person: User, held: Held[Integrations], connection: Connection | None, *, reader: User) -> Shown | None:
    """None: the organization has nothing to do with it. Two queries where it has."""
    found = carried.of(person, held, connection)
    if found is None:
        return None
    behind = deciding.decisions_on(person, ["services", "enabled"])
    return Shown(
        found,
        deciding.in_words(behind["services"], reader),
        _opt_out(held, behind["enabled"], reader) if reader == person else SafeString(""),
        *_reached(connection),
    )


def _reached(connection: Connection | None) -> tuple[str, str]:
    """And what is not."""
    if connection and connection.api == Api.EWS.value:
        return READS_BY_EWS, CANNOT_BY_EWS
    return WRITES if connection and connection.calendar_write else READS, CANNOT


def _opt_out(held: Held[Integrations], behind: deciding.Decision | None, person: User) -> SafeString:
    if not held.values.enabled:
        return SafeString("")
    if "enabled" in held.locked:
        return format_html(
            "You cannot turn it off for yourself. {} Ask an admin of your account if you do not want it.",
            deciding.in_words(behind, person),
        )
    return format_html(
        'If you do not want your calendar here, turn it off for yourself in <a href="{}">your settings</a>.',
        words.address_of(ENABLED, Level.USER, person.pk, person),
    )
