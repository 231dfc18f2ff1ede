"""A seed file, read and checked. No database here."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import time
from pathlib import Path
from typing import Any
from uuid import UUID

import yaml

BUNDLED = Path(__file__).parent / "kestrel.yaml"
DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_VARIABLE = re.compile(r"\$\{([A-Z_][A-Z0-9_]*)(?::-([^}]*))?\}")
_ADDRESS = re.compile(r"(.+?)\s*<([^<>\s]+@[^<>\s]+)>")


class BadSeed(ValueError):
    """The message says what is wrong with the file, to the person who wrote it."""


@dataclass(frozen=True, kw_only=True)
class SeedPerson:
    key: str
    oid: UUID
    upn: str
    sign_in_name: str
    mail: str | None
    name: str
    given_name: str
    surname: str
    job_title: str | None = None
    office: str | None = None
    phone: str | None = None
    time_zone: str = "Europe/London"
    is_guest: bool = False
    is_admin: bool = False
    is_enabled: bool = True
    has_mailbox: bool = True


@dataclass(frozen=True, kw_only=True)
class SeedTenant:
    tid: UUID
    name: str
    domains: Sequence[str]
    people: Sequence[SeedPerson]


@dataclass(frozen=True, kw_only=True)
class SeedApplication:
    client_id: UUID
    name: str
    publisher: str
    redirect_uris: Sequence[str]
    secret: str
    permissions: Sequence[str]
    is_multi_tenant: bool = True


@dataclass(frozen=True)
class Attendee:
    name: str
    address: str
    response: str


@dataclass(frozen=True, kw_only=True)
class Meeting:
    """One entry of the seed's calendar: on which days, when, with whom."""

    slug: str
    subject: str
    organizer: Attendee
    attendees: Sequence[Attendee] = ()
    days: Sequence[int] = ()
    parity: int | None = None
    """Only in even (0) or odd (1) ISO weeks."""
    is_today: bool = False
    starts: time | None = None
    from_now: int = 0
    minutes: int = 30
    whole_days: int = 0
    is_series: bool = False
    zone: str = "Europe/London"
    details: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Seed:
    password: str
    tenants: Sequence[SeedTenant]
    applications: Sequence[SeedApplication]
    meetings: Sequence[Meeting]


def read(path: Path) -> Seed:
    try:
        data = yaml.safe_load(_with_environment(path.read_text(encoding="utf-8")))
    except OSError as problem:
        raise BadSeed(f"The seed {path} cannot be read: {problem.strerror}.") from problem
    except yaml.YAMLError as problem:
        reason = " ".join(str(problem).split())
        raise BadSeed(f"The seed {path} is not valid YAML: {reason}") from problem
    try:
        tenants = [_tenant(one) for one in data["tenants"]]
        people = {person.key: person for tenant in tenants for person in tenant.people}
        return Seed(
            password=str(data["password"]),
            tenants=tenants,
            applications=[_application(one) for one in data.get("applications", [])],
            meetings=[_meeting(one, people) for one in data.get("calendar", [])],
        )
    except (KeyError, TypeError, ValueError, AttributeError) as problem:
        raise BadSeed(f"The seed {path} does not make sense: {problem!r}.") from problem


def _with_environment(text: str) -> str:
    """`${NAME}` and `${NAME:-otherwise}`, as shells have them; an unset name is empty."""
    return _VARIABLE.sub(lambda match: os.environ.get(match[1]) or match[2] or "", text)


def _tenant(data: dict[str, Any]) -> SeedTenant:
    domain = data["domains"][0]
    zone = data.get("time_zone", "UTC")
    return SeedTenant(
        tid=UUID(data["id"]),
        name=data["name"],
        domains=data["domains"],
        people=[_person(key, about, domain, zone) for key, about in data["people"].items()],
    )


def _person(key: str, data: dict[str, Any], domain: str, zone: str) -> SeedPerson:
    upn = data.get("upn", f"{key}@{domain}")
    address = data.get("mail", upn)
    has_mailbox = data.get("mailbox", True)
    return SeedPerson(
        key=key,
        oid=UUID(data["id"]),
        upn=upn,
        sign_in_name=address.lower(),
        mail=address if has_mailbox or data.get("guest") else None,
        name=data["name"],
        given_name=data["name"].split()[0],
        surname=data["name"].partition(" ")[2],
        job_title=data.get("title"),
        office=data.get("office"),
        phone=data.get("phone"),
        time_zone=data.get("time_zone", zone),
        is_guest=data.get("guest", False),
        is_admin=data.get("admin", False),
        is_enabled=data.get("enabled", True),
        has_mailbox=has_mailbox,
    )


def _application(data: dict[str, Any]) -> SeedApplication:
    return SeedApplication(
        client_id=UUID(data["client_id"]),
        name=data["name"],
        publisher=data["publisher"],
        redirect_uris=[uri for uri in data["redirect_uris"] if uri],
        secret=data.get("secret") or "",
        permissions=data.get("permissions", []),
        is_multi_tenant=data.get("multi_tenant", True),
    )


def _meeting(data: dict[str, Any], people: Mapping[str, SeedPerson]) -> Meeting:
    data = dict(data)
    responses = data.pop("responses", {})
    days = data.pop("days", [])
    starts = data.pop("at", None)
    week = data.pop("week", None)
    organizer = _attendee(data.pop("organizer"), people, "organizer")
    return Meeting(
        slug=data.pop("slug"),
        subject=data.pop("subject"),
        organizer=organizer,
        attendees=[_attendee(who, people, responses.get(who, "accepted")) for who in data.pop("attendees", [])],
        days=[DAYS.index(day) for day in (DAYS[:5] if days == "weekdays" else days)],
        parity=None if week is None else ("even", "odd").index(week),
        is_today="from_now" in data,
        from_now=data.pop("from_now", 0),
        starts=time.fromisoformat(starts) if starts else None,
        minutes=data.pop("minutes", 30),
        whole_days=data.pop("whole_days", 0),
        is_series=data.pop("series", False),
        zone=data.pop("zone", "Europe/London"),
        details=data,
    )


def _attendee(who: str, people: Mapping[str, SeedPerson], response: str) -> Attendee:
    """A key of the seed's people, or `Name <address>` for somebody elsewhere."""
    if who in people:
        return Attendee(people[who].name, people[who].mail or people[who].upn, response)
    match = _ADDRESS.fullmatch(who)
    if match is None:
        raise ValueError(f"“{who}” is neither one of the people nor “Name <address>”")
    return Attendee(match[1], match[2], response)
