"""What the pages about organizations show."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import urlencode, urlsplit

from django.conf import settings
from django.db.models import Count, QuerySet
from django.urls import reverse
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from accounts.domain_names import listed
from accounts.models import Account
from integrations import reasons
from integrations.console.tiles import LOOKS, Look
from integrations.exchange import retirement
from integrations.models import Connection, LinkState, State, TenantLink
from integrations.organization import drift, links, mailbox_rights, narrowing, narrowing_ews, validating, wanted
from integrations.organization.effects import effects
from integrations.organization.narrowing import Chosen, Place
from integrations.organization.needs import Needs, Row, Standing, compare
from integrations.organization.steps import Step
from integrations.states.organization import OF_OURS

_STATES = {
    LinkState.WORKING: Look("Working", "good", "check", ""),
    LinkState.DEGRADED: Look("Degraded", "warn", "clock", ""),
    LinkState.PAUSED: Look("Paused", "bad", "pause", ""),
    LinkState.ENDED: Look("Ended", "plain", "ring", ""),
}
_STANDINGS = {
    Standing.GRANTED: Look("Granted", "good", "check", ""),
    Standing.SCOPED: Look("Granted by Exchange", "good", "check", ""),
    Standing.MISSING: Look("Missing", "bad", "alert", ""),
    Standing.DONE_WITHOUT: Look("Not granted", "plain", "ring", ""),
    Standing.MORE: Look("More than needed", "warn", "alert", ""),
    Standing.UNKNOWN: Look("Not asked yet", "info", "clock", ""),
}
# Whom people are counted by on a page of their own: what is not of these is counted with its state.
_ORDER = (
    State.CONNECTED,
    State.CONNECTING,
    State.DEGRADED,
    State.PAUSED,
    State.BLOCKED_BY_POLICY,
    State.NOT_ELIGIBLE,
    State.NEEDS_REAUTH,
    State.AWAITING_ADMIN,
)


@dataclass(frozen=True)
class Card:
    """One organization in the list; by EWS it is one of its own."""

    link: TenantLink
    name: str
    look: Look
    says: str
    connected: int
    others: int
    missing: int
    more: int


@dataclass(frozen=True)
class Group:
    """People in one state, for one reason."""

    look: Look
    because: str
    number: int
    href: str


def cards(account: Account) -> list[Card]:
    """A constant number of queries."""
    found = list(links.of(account))
    if not found:
        return []
    by_graph = wanted.needed_by(account)
    numbers = _numbers(Connection.objects.filter(account=account, link__in=[link.pk for link in found]))
    return [_card(link, _rows(link, by_graph), numbers.get(link.pk, {})) for link in found]


def page(link: TenantLink, chosen: Chosen, *, now: datetime) -> dict[str, Any]:
    """A constant number of queries. `link` comes with its account and whoever linked it."""
    needed = wanted.needed_for(link)
    rows = _rows(link, needed)
    numbers = _numbers(Connection.objects.filter(link=link.pk)).get(link.pk, {})
    place = place_of(link)
    return {
        "link": link,
        "name": name_of(link),
        "look": _STATES[LinkState(link.state)],
        "trouble": trouble(link),
        "rows": [(row, _STANDINGS[row.standing], _note(row)) for row in rows],
        "missing": [row.name for row in rows if row.standing is Standing.MISSING],
        "is_drifted": drift.is_drifted(link),
        "effects": effects(rows),
        "groups": _groups(link, numbers),
        "check": validating.latest(link, now=now),
        "chosen": chosen,
        "entra": narrowing.entra_address(place),
        "place": place,
        **(_guides_of_ews if link.is_by_ews else _guides)(link, place, rows, needed, chosen),
        "retirement": retirement.sentence(now.date()) if link.is_by_ews else "",
    }


def on_services_row(account: Account) -> SafeString:
    """Under *Services and permissions* of the account. One query."""
    named = [(reverse("organization", args=[link.pk]), _name_with_api(link)) for link in links.of(account)]
    if not named:
        return SafeString("")
    return format_html("Authorized by {}.", format_html_join(" and by ", '<a href="{}">{}</a>', named))


def name_of(link: TenantLink) -> str:
    return listed(link.domains) or link.tenant_id


def remains(link: TenantLink) -> list[Step]:
    """What is left at Microsoft once it is ended here."""
    ending = narrowing_ews.ending if link.is_by_ews else narrowing.ending
    return ending(place_of(link))


def _name_with_api(link: TenantLink) -> str:
    return f"{name_of(link)} (EWS)" if link.is_by_ews else name_of(link)


def place_of(link: TenantLink) -> Place:
    host = urlsplit(settings.MICROSOFT_GRAPH_URL).hostname or ""
    return Place(settings.MICROSOFT_CLIENT_ID, link.tenant_id, link.service_principal_id, host)


def trouble(link: TenantLink) -> str:
    """Why nobody is served at the moment; empty where all is well."""
    if link.state == LinkState.WORKING or not link.reason:
        return ""
    who = (
        "The people who run Meridian have to mend this."
        if link.reason in list(OF_OURS)
        else "Whoever was connected comes back by itself once Microsoft lets Meridian in again."
    )
    return f"{reasons.in_words(link.reason)}. {who}"


def _rows(link: TenantLink, by_graph: Needs) -> list[Row]:
    needed = wanted.NEEDED_BY_EWS if link.is_by_ews else by_graph
    return compare(needed, link.roles, mailbox_rights.known(link))


def _guides(link: TenantLink, place: Place, rows: Sequence[Row], needed: Needs, chosen: Chosen) -> dict[str, Any]:
    return {
        "taking_away": narrowing.taking_away(place, rows),
        "alone": narrowing.calendars_alone(place, needed, link.roles),
        "scoping": narrowing.scoping(place, needed, link.roles, chosen),
    }


def _guides_of_ews(link: TenantLink, place: Place, rows: Sequence[Row], _: Needs, chosen: Chosen) -> dict[str, Any]:
    return {
        "taking_away": narrowing_ews.taking_away(place, rows),
        "allowing": narrowing_ews.allowing(place),
        "scoping": narrowing_ews.scoping(place, link.roles, chosen),
    }


def _card(link: TenantLink, rows: Collection[Row], numbers: Mapping[tuple[str, str], int]) -> Card:
    connected = sum(count for (state, _), count in numbers.items() if state == State.CONNECTED)
    standings = Counter(row.standing for row in rows)
    return Card(
        link,
        name_of(link),
        _STATES[LinkState(link.state)],
        trouble(link),
        connected,
        sum(numbers.values()) - connected,
        standings[Standing.MISSING],
        standings[Standing.MORE],
    )


def _numbers(connections: QuerySet[Connection]) -> dict[int, dict[tuple[str, str], int]]:
    """By link, how many there are of each state and reason. One query."""
    found: dict[int, dict[tuple[str, str], int]] = defaultdict(dict)
    shown = connections.exclude(state=State.DISCONNECTED).order_by()
    for link, state, reason, count in shown.values_list("link", "state", "reason").annotate(count=Count("pk")):
        found[link][state, reason] = count
    return found


def _groups(link: TenantLink, numbers: Mapping[tuple[str, str], int]) -> list[Group]:
    ordered = sorted(numbers.items(), key=lambda one: (_ORDER.index(State(one[0][0])), -one[1], one[0][1]))
    return [_group(link, state, reason, count) for (state, reason), count in ordered]


def _group(link: TenantLink, state: str, reason: str, count: int) -> Group:
    query = {"organization": link.pk, "state": state} | ({"reason": reason} if reason else {})
    because = f"{reasons.in_words(reason)}." if reason else ""
    return Group(LOOKS[state], because, count, f"{reverse('connections')}?{urlencode(query)}")


def _note(row: Row) -> str:
    if row.standing is Standing.SCOPED:
        return "For the mailboxes of a scope in Exchange: it does not show in the token, but a mailbox said so."
    if row.by:
        return f"By {row.by}, which contains it."
    if row.standing is Standing.MORE and row.is_exchange:
        return "By a role of Exchange’s. A mailbox said so."
    return ""
