"""What a seed says, once it was read and found good."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, time
from typing import Any
from uuid import UUID


class BadSeed(ValueError):
    """The message says what is wrong with the file, to the person who wrote it."""


@dataclass(frozen=True)
class SeedDomain:
    name: str
    is_verified: bool = True


@dataclass(frozen=True)
class SeedCalendar:
    """One besides the default calendar."""

    name: str
    color: str = "auto"


@dataclass(frozen=True, kw_only=True)
class SeedContact:
    name: str
    given_name: str
    surname: str
    emails: Sequence[str]
    phones: Sequence[str] = ()
    mobile: str | None = None
    company: str | None = None
    job_title: str | None = None


@dataclass(frozen=True, kw_only=True)
class SeedPerson:
    key: str
    oid: UUID
    upn: str
    sign_in_name: str
    mail: str | None
    aliases: Sequence[str]
    name: str
    given_name: str
    surname: str
    job_title: str | None
    office: str | None
    phone: str | None
    time_zone: str
    is_guest: bool
    is_admin: bool
    is_enabled: bool
    is_licensed: bool
    mailbox: str
    password: str
    needs_mfa: bool
    is_blocked: bool
    ews_enabled: bool | None
    may_impersonate: bool
    groups: Sequence[str]
    calendars: Sequence[SeedCalendar]
    contacts: Sequence[SeedContact]
    events: int = 0
    """Of one of a crowd: how many of no consequence are in the calendar."""

    @property
    def address(self) -> str:
        return self.mail or self.upn


@dataclass(frozen=True)
class SeedGrant:
    person: UUID | None
    """None: for everybody in the tenant."""
    scopes: Sequence[str]


@dataclass(frozen=True, kw_only=True)
class SeedEnterprise:
    """An application in one tenant."""

    client_id: UUID
    is_enabled: bool = True
    needs_assignment: bool = False
    assigned: Sequence[UUID] = ()
    grants: Sequence[SeedGrant] = ()
    roles: Sequence[str] = ()
    scoped_roles: Mapping[str, Sequence[UUID]] = field(default_factory=dict)
    access_policy: tuple[str, Sequence[UUID]] | None = None
    assigned_roles: Mapping[str, Sequence[UUID]] = field(default_factory=dict)
    """By role of the application's own."""


@dataclass(frozen=True)
class SeedEws:
    """Exchange Web Services in Exchange Online: what is None was never set."""

    enabled: bool | None = None
    allowed_app_ids: Sequence[str] | None = None
    policy_date: date | None = None


@dataclass(frozen=True, kw_only=True)
class SeedTenant:
    tid: UUID
    name: str
    user_consent: str
    has_consent_workflow: bool
    strict_rotation: bool
    domains: Sequence[SeedDomain]
    people: Sequence[SeedPerson]
    enterprises: Sequence[SeedEnterprise]
    ews: SeedEws = SeedEws()


@dataclass(frozen=True)
class SeedSecret:
    value: str
    days: int


@dataclass(frozen=True, kw_only=True)
class SeedApplication:
    client_id: UUID
    name: str
    publisher: UUID
    """The tenant that registered it."""
    secret: str
    """From the environment: a new value replaces the old one at every start."""
    secrets: Sequence[SeedSecret]
    certificates: Sequence[str]
    """In PEM."""
    redirect_uris: Sequence[str]
    spa_redirect_uris: Sequence[str]
    permissions: Sequence[str]
    roles: Sequence[str]
    is_multi_tenant: bool
    is_public: bool
    is_publisher_verified: bool
    issues_id_tokens: bool
    identifier_uris: Sequence[str]
    app_roles: Sequence[str]
    tells_groups: bool
    name_id: str
    signs: str


@dataclass(frozen=True)
class Attendee:
    name: str
    address: str
    response: str
    type: str = "required"


@dataclass(frozen=True)
class Day:
    """A date, or so many days after the day of planting."""

    date: date | None = None
    offset: int = 0


@dataclass(frozen=True, kw_only=True)
class Repeats:
    """How an entry with a date of its own repeats."""

    unit: str
    every: int = 1
    days: Sequence[int] = ()
    day_of_month: int | None = None
    which: str | None = None
    month: int | None = None
    times: int | None = None
    until: Day | None = None


@dataclass(frozen=True, kw_only=True)
class Change:
    """One occurrence of a series that differs: the first one on or after the day."""

    day: Day
    is_removed: bool = False
    starts: time | None = None
    minutes: int | None = None
    subject: str | None = None
    location: str | None = None


@dataclass(frozen=True, kw_only=True)
class Meeting:
    """One entry of the seed's calendar: on which days, when, with whom."""

    slug: str
    subject: str
    organizer: Attendee
    attendees: Sequence[Attendee] = ()
    calendar: str | None = None
    """One of the organiser's further calendars."""
    days: Sequence[int] = ()
    parity: int | None = None
    """Only in even (0) or odd (1) ISO weeks."""
    day: Day | None = None
    is_today: bool = False
    starts: time | None = None
    from_now: int = 0
    minutes: int = 30
    whole_days: int = 0
    is_series: bool = False
    repeats: Repeats | None = None
    changes: Sequence[Change] = ()
    zone: str = "Europe/London"
    details: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Seed:
    password: str
    tenants: Sequence[SeedTenant]
    applications: Sequence[SeedApplication]
    meetings: Sequence[Meeting]
