"""What stands on every page while a person's own connection needs them, or is kept from working.

Passing trouble is not announced: it goes by itself.
"""

from __future__ import annotations

from django.urls import reverse

from accounts.models import User
from accounts.openings import Banner
from integrations.models import ALIVE, State
from integrations.preferences import Method, Service

# Pages on the way to a connection, and the one that tells all about it.
_SAY_IT_THEMSELVES = frozenset({"profile", "reconnect", "select_service", "permissions", "connection_delete"})


def on_own_connection(person: User) -> Banner | None:
    """One query, which reads neither tokens nor settings."""
    columns = ("connection__state", "connection__service", "connection__method", "awaited_approval__released_at")
    state, service, method, released_at = User.objects.filter(pk=person.pk).values_list(*columns).get()
    if released_at and state not in ALIVE:
        says = "Your Microsoft 365 admin has approved Meridian; to connect your calendar, one step is left."
        return _banner("warn", says, "Finish connecting", to="profile")
    match state:
        case State.NEEDS_REAUTH if service == Service.EXCHANGE:
            says = "Meridian can no longer read your calendar, because the Exchange server refuses your password."
            return _banner("bad", says, "Reconnect", to="reconnect")
        case State.NEEDS_REAUTH:
            says = "Meridian can no longer read your calendar, because Microsoft does not accept its access any more."
            return _banner("bad", says, "Reconnect", to="reconnect")
        case State.NOT_ELIGIBLE if method == Method.APPLICATION_PERMISSIONS:
            says = "Your organization connects calendars for everybody, but Meridian could not open a mailbox of yours."
            return _banner("warn", says, "See whom to ask", to="profile")
        case State.NOT_ELIGIBLE if service == Service.EXCHANGE:
            says = "Meridian finds no mailbox of yours that it can read at the Exchange server."
            return _banner("bad", says, "See what helps", to="profile")
        case State.NOT_ELIGIBLE:
            says = "Meridian finds no mailbox that it can read in the Microsoft account you connected."
            return _banner("bad", says, "See what helps", to="profile")
        case State.BLOCKED_BY_POLICY:
            says = "Meridian does not use your calendar at the moment, because the settings do not allow it."
            return _banner("warn", says, "See why", to="profile")
        case _:
            return None


def _banner(kind: str, says: str, link: str, *, to: str) -> Banner:
    href = reverse(to) + ("#calendar" if to == "profile" else "")
    return Banner(kind, says, href, link, not_on=_SAY_IT_THEMSELVES)
