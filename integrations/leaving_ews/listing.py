"""The list of those who go by EWS: what is looked for, as it stands in the address bar, and the table to download."""

from __future__ import annotations

from collections.abc import Container, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, tzinfo
from urllib.parse import urlencode

from accounts import audit
from accounts.models import User
from integrations.console import listing
from integrations.console.tiles import LOOKS
from integrations.leaving_ews.census import NOT_LOOKED, Census, One
from integrations.models import Move, Prospect
from integrations.preferences import SERVICE_NAMES, Method

EXPORTED = audit.declare("ews.exported", "{actor} downloaded the list of who uses Exchange Web Services.")

LONGEST = 200
HEADER = (
    "Person",
    "E-mail",
    "Decided for",
    "Why by EWS",
    "Service",
    "Method",
    "Account",
    "Server",
    "State",
    "Reason",
    "Could use Graph",
    "Why not",
    "Looked at",
)
OUTCOMES: dict[str, str] = {
    Prospect.READY.value: "Can be moved",
    Prospect.ASKS_PERSON.value: "Must agree once",
    Prospect.NEEDS_ADMIN.value: "Needs admin consent",
    Prospect.ON_PREMISES.value: "Not in Exchange Online",
    Prospect.NO_TENANT.value: "No organization known",
    Prospect.NOT_ELIGIBLE.value: "No usable mailbox",
    Prospect.UNKNOWN.value: "Not found out",
    "none": "Not looked at yet",
}
METHODS = {
    Method.OAUTH: "OAuth",
    Method.APPLICATION_PERMISSIONS: "Application permissions",
    Method.PASSWORD: "User name and password",
    Method.IMPERSONATION: "Impersonation account",
}
SERVICES = {service.value: name for service, name in SERVICE_NAMES.items()}
_KINDS = {
    Prospect.READY: ("good", "check"),
    Prospect.ASKS_PERSON: ("info", "people"),
    Prospect.NEEDS_ADMIN: ("warn", "shield"),
    Prospect.ON_PREMISES: ("", "server"),
    Prospect.NO_TENANT: ("", "ring"),
    Prospect.NOT_ELIGIBLE: ("bad", "alert"),
    Prospect.UNKNOWN: ("warn", "alert"),
}
_NOT_YET = ("", "ring")
_MOVES = {
    Move.READY: "Being moved",
    Move.ASKED: "Asked to agree at Microsoft",
    Move.REFUSED: "Graph does not open it",
}


@dataclass(frozen=True)
class Chosen:
    q: str = ""
    place: str = ""
    service: str = ""
    method: str = ""
    # A `Prospect`, or “none”.
    outcome: str = ""

    @property
    def fields(self) -> dict[str, str]:
        named = ("q", "place", "service", "method", "outcome")
        return {name: getattr(self, name) for name in named if getattr(self, name)}

    @property
    def query(self) -> str:
        return f"?{urlencode(self.fields)}"


@dataclass(frozen=True)
class Shown:
    """A line of the list, in words."""

    one: One
    place: str
    because: str
    way: str
    state: str
    reason: str
    outcome: str
    kind: str
    icon: str
    # Why it is as it was found; and what becomes of it meanwhile.
    why: str
    moves: str


def read(sent: Mapping[str, str], taken: Census) -> Chosen:
    """From an address: there nonsense filters nothing."""
    q = sent.get("q", "").strip()[:LONGEST]
    return Chosen(
        q="" if "\x00" in q else q,
        place=_one_of(sent.get("place", ""), taken.by_place),
        service=_one_of(sent.get("service", ""), SERVICES),
        method=_one_of(sent.get("method", ""), [method.value for method in Method]),
        outcome=_one_of(sent.get("outcome", ""), OUTCOMES),
    )


def apply(chosen: Chosen, taken: Census) -> list[One]:
    return [one for one in taken.people if _is_found(one, chosen)]


def shown(people: Sequence[One], taken: Census) -> list[Shown]:
    return [_shown(one, taken) for one in people]


def export(chosen: Chosen, taken: Census, *, actor: User, now: datetime, zone: tzinfo) -> Iterator[list[object]]:
    """Beneath HEADER. That it left the portal is an entry in the audit log."""
    audit.record(EXPORTED, account=actor.account, actor=actor, on=actor.account, now=now)
    return (_line(_shown(one, taken), zone) for one in apply(chosen, taken))


def way(service: str, method: str) -> str:
    return f"{SERVICES[service]} · EWS · {METHODS[Method(method)]}"


def _is_found(one: One, chosen: Chosen) -> bool:
    text = f"{one.name}\n{one.email}\n{one.address}".casefold()
    is_there = all(word in text for word in chosen.q.casefold().split())
    outcome = "" if chosen.outcome == "none" else chosen.outcome
    return (
        is_there
        and chosen.place in ("", one.place)
        and chosen.service in ("", one.service)
        and chosen.method in ("", one.method)
        and (not chosen.outcome or one.outcome == outcome)
    )


def _shown(one: One, taken: Census) -> Shown:
    kind, icon = _KINDS.get(Prospect(one.outcome), _NOT_YET) if one.outcome != NOT_LOOKED else _NOT_YET
    return Shown(
        one=one,
        place=taken.name_of(one.place),
        because="The settings say EWS" if one.is_policy else "The settings say Graph",
        way=way(one.service, one.method),
        state=LOOKS[one.state].label,
        reason=listing.in_words(one.reason) if one.reason else "",
        outcome=OUTCOMES[one.outcome or "none"],
        kind=kind,
        icon=icon,
        why=listing.in_words(one.why) if one.why else "",
        moves="" if one.is_policy else _MOVES.get(Move(one.move), ""),
    )


def _line(line: Shown, zone: tzinfo) -> list[object]:
    one = line.one
    looked_at = f"{one.looked_at.astimezone(zone):%Y-%m-%d %H:%M}" if one.looked_at else ""
    return [
        one.name,
        one.email,
        line.place,
        line.because,
        SERVICES[one.service],
        METHODS[Method(one.method)],
        one.address,
        one.server,
        line.state,
        line.reason,
        line.outcome,
        line.why,
        looked_at,
    ]


def _one_of(sent: str, words: Container[str]) -> str:
    return sent if sent in words else ""
