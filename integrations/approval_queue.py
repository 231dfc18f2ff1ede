"""What admins see of those who wait for an approval at Microsoft: by organization, with what each still lacks."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from django.db.models import Count, F, Max, Q, QuerySet
from django.utils.html import format_html
from django.utils.safestring import SafeString

from accounts.domain_names import shown
from accounts.models import Account
from accounts.templatetags.ui import local_moment
from integrations import admin_consent, consent_proof, reasons
from integrations.failures import Reason
from integrations.models import ALIVE, AwaitedApproval, Connection, TenantConsent
from integrations.preferences import Method

SILENCE = timedelta(seconds=30)  # after which a page says that no worker has answered
NEWS = timedelta(days=30)  # how long an organization in which nobody waits any more is listed

_SAYS = {
    "User.Read": "Know who signs in: their name and address",
    "Calendars.Read": "Read their calendar",
    "Calendars.ReadWrite": "Read and change their calendar",
    "Contacts.Read": "Read their contacts",
    "Contacts.ReadWrite": "Read and change their contacts",
}


@dataclass
class Organization:
    """A tenant at Microsoft; or, where none is known, those with addresses of one domain."""

    tenant_id: str
    domains: list[str] = field(default_factory=list)
    waiting: int = 0
    released: int = 0
    # When somebody who waits was stopped last.
    last_at: datetime | None = None
    # Microsoft has been asked whose domain it is.
    is_looked_up: bool = True
    newest: TenantConsent | None = None
    # The newest that was believed.
    given: TenantConsent | None = None

    def add(self, counted: Mapping[str, Any]) -> None:
        """Those of one of its domains."""
        self.domains.append(counted["domain"])
        self.waiting += counted["waiting"]
        self.released += counted["released"]
        self.last_at = max((at for at in (self.last_at, counted["last"]) if at), default=None)
        self.is_looked_up = self.is_looked_up and counted["asked"] == counted["waiting"] + counted["released"]

    @property
    def key(self) -> str:
        """Names it in addresses and forms."""
        return self.tenant_id or self.domains[0] or "unknown"

    @property
    def name(self) -> str:
        return ", ".join(shown(domain) for domain in self.domains if domain) or "No domain"

    @property
    def was_stopped_since(self) -> bool:
        """Microsoft's own newer word: whoever waits was stopped after the consent was given."""
        return bool(self.given and self.given.granted_at and self.last_at and self.last_at > self.given.granted_at)


@dataclass(frozen=True)
class Permission:
    """One line of what is granted and what is missing."""

    name: str
    says: str
    is_granted: bool
    # How many have given it for themselves, as far as we know.
    by_people: int


@dataclass(frozen=True)
class Standing:
    kind: str
    says: str
    explains: str = ""
    is_under_way: bool = False
    # To quote to Microsoft's support.
    trace: str = ""


_REFUSALS: Mapping[str, str] = {
    Reason.DECLINED: "The Microsoft 365 admin declined.",
    Reason.CANCELLED: "Somebody opened the link and left without accepting.",
    Reason.ADMIN_APPROVAL: "Somebody opened the link who is no Microsoft 365 admin there.",
}


def organizations(account: Account, *, now: datetime) -> list[Organization]:
    """Those with most who wait first. Two queries."""
    found: dict[str, Organization] = {}
    for row in _counted(account):
        key = row["tenant_id"] or row["domain"]
        found.setdefault(key, Organization(row["tenant_id"])).add(row)
    for made in TenantConsent.objects.filter(account=account).select_related("made_by").order_by("created_at"):
        if made.tenant_id not in found and made.created_at < now - NEWS:
            continue
        one = found.setdefault(made.tenant_id, Organization(made.tenant_id, [made.domain]))
        one.newest = made
        one.given = made if made.granted_at else one.given
    return sorted(found.values(), key=lambda one: (-one.waiting, -one.released, one.name))


def permissions(account: Account, one: Organization) -> list[Permission]:
    """What those who wait need together, or else what was last asked for; and what Microsoft has told of each."""
    wanted = admin_consent.wanted_in(account, one.tenant_id) if one.waiting else []
    if not wanted and one.newest:
        wanted = list(one.newest.scopes)
    granted = set(one.given.granted) if one.given else set()
    seen = _given_by_people(account, one.tenant_id)
    return [Permission(name, _SAYS.get(name, name), name in granted, seen[name]) for name in wanted]


def is_unanswered(one: Organization, *, now: datetime) -> bool:
    """Microsoft should have said by now whose domain it is."""
    return not one.is_looked_up and one.last_at is not None and now - one.last_at > SILENCE


def people(account: Account, one: Organization, *, q: str) -> QuerySet[AwaitedApproval]:
    """Those of an organization: who waits longest first, then those for whom one step is left."""
    rows = AwaitedApproval.objects.filter(account=account, tenant_id=one.tenant_id).select_related("user")
    if not one.tenant_id:
        rows = rows.filter(domain=one.domains[0])
    if q:
        rows = rows.filter(Q(user__name__icontains=q) | Q(user__email__icontains=q))
    return rows.order_by(F("released_at").asc(nulls_first=True), "since_at", "pk")


def letter(account: Account, one: Organization, link: str, needed: list[Permission]) -> str:
    """What to send to the administrator of the tenant."""
    listed = "\n".join(f"  - {line.says} ({line.name})" for line in needed)
    return (
        f"Hello,\n\nPeople of {account} want to connect their Microsoft 365 calendars to Meridian. Microsoft asks for "
        f"an administrator of {one.name} to approve this once, for everybody. Please open this link and accept:\n\n"
        f"{link}\n\nMeridian asks, for each person who connects, to\n\n{listed}\n\n"
        "These are delegated permissions: Meridian reaches the mailbox of a person only after that person has "
        "connected it, and of nobody else.\n"
    )


def standing(one: Organization, needed: list[Permission], *, now: datetime) -> Standing | None:
    """How it stands with the newest link. None: there was never one."""
    made = one.newest
    if made is None:
        return None
    if made.granted_at:
        return _approved(one, made, [line.name for line in needed if not line.is_granted])
    if consent_proof.is_being_proved(made):
        return _being_proved(made, now=now)
    if made.reason:
        return _refused(made)
    if made.expires_at <= now:
        return Standing("warn", "The link has expired.", _by("Nobody used it until {}.", made.expires_at))
    return Standing("info", "The link waits to be opened.", _by("It works until {}.", made.expires_at))


def _approved(one: Organization, made: TenantConsent, missing: list[str]) -> Standing:
    if one.was_stopped_since:
        return Standing(
            "warn",
            "Approved, and yet Microsoft stops people.",
            _by(
                "Approved {}. Whoever waits was stopped after that: a new link asks for what they need.",
                made.granted_at,
            ),
        )
    if missing:
        return Standing("warn", f"Approved without {', '.join(missing)}.", _by("Approved {}.", made.granted_at))
    return Standing("good", "A Microsoft 365 admin has approved Meridian.", _by("Approved {}.", made.granted_at))


def _being_proved(made: TenantConsent, *, now: datetime) -> Standing:
    if made.answered_at and not made.attempts and not made.claimed_until and now - made.answered_at > SILENCE:
        return Standing(
            "warn",
            "No worker has answered for 30 seconds.",
            "What Microsoft said is kept, and it goes on by itself as soon as a worker runs.",
            is_under_way=True,
        )
    says = "A Microsoft 365 admin has accepted. Meridian asks Microsoft whether that is so."
    return Standing("info", says, _meanwhile(made), is_under_way=True)


def _meanwhile(made: TenantConsent) -> str:
    if not made.attempts:
        return "Usually a few seconds."
    if consent_proof.is_spreading(made):
        return f"Microsoft does not know of it everywhere yet ({made.code}); that can take some minutes."
    trouble = f"Microsoft cannot say at the moment ({made.code})." if made.code else "Microsoft does not answer."
    return f"{trouble} Meridian asks again by itself."


def _refused(made: TenantConsent) -> Standing:
    if made.reason == admin_consent.REPLACED:
        return Standing("info", "The link was replaced.")
    trace = " · ".join(part for part in (made.code, made.trace_id) if part)
    if consent_proof.is_not_borne_out(made):
        explains = f"{reasons.in_words(made.reason)}. Nobody was released. Check again, or make a new link."
        return Standing("bad", "Microsoft did not bear out that Meridian is approved.", explains, trace=trace)
    says = _REFUSALS.get(made.reason, f"Not approved: {reasons.in_words(made.reason)}.")
    return Standing("warn", says, _by("That was {}. The link still works.", made.answered_at), trace=trace)


def _by(words: str, moment: datetime | None) -> SafeString:
    return format_html(words, local_moment(moment))


def _counted(account: Account) -> QuerySet[AwaitedApproval, Any]:
    waits = Q(released_at=None)
    return (
        AwaitedApproval.objects.filter(account=account)
        .values("tenant_id", "domain")
        .annotate(
            waiting=Count("pk", filter=waits),
            released=Count("pk", filter=~waits),
            asked=Count("looked_up_at"),
            last=Max("since_at", filter=waits),
        )
        .order_by("-waiting", "domain")
    )


def _given_by_people(account: Account, tenant_id: str) -> Counter[str]:
    """By permission, how many working connections of the tenant have it."""
    found: Counter[str] = Counter()
    alive = Connection.objects.filter(account=account, tenant_id=tenant_id, state__in=ALIVE).exclude(tenant_id="")
    alive = alive.filter(method=Method.OAUTH.value)  # what an organization gives for all, nobody gave
    for granted, count in alive.order_by().values_list("granted").annotate(count=Count("pk")):
        found.update(dict.fromkeys(granted, count))
    return found
