"""Who of an account is to be looked up in an organization's directory, and how their connections stand."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime

from django.db.models import Q

from accounts.domain_names import domain_of
from integrations.models import ALIVE, Connection, State, TenantLink
from integrations.organization.covering import Covered
from integrations.organization.matching import Sought
from integrations.preferences import Api, Method

READ_AT_ONCE = 2000
_COLUMNS = (
    "pk",
    "user_id",
    "user__email",
    "method",
    "link_id",
    "state",
    "reason",
    "tenant_id",
    "object_id",
    "address",
    "move",
    "failed_at",
    "calendar_write",
    "connected_at",
    "code",
    "api",
)


@dataclass(frozen=True, slots=True)
class Standing:
    """A connection, as far as following looks at it."""

    pk: int
    person: int
    email: str
    method: str
    link: int | None
    state: str
    reason: str
    tenant_id: str
    object_id: str
    address: str
    move: str
    failed_at: datetime | None
    calendar_write: bool
    connected_at: datetime | None
    # Of a mailbox that refused; nothing where the directory told.
    code: str = ""
    api: str = Api.GRAPH.value

    @property
    def is_own(self) -> bool:
        """Made by the person, or to a server of the organization's own."""
        return self.method != Method.APPLICATION_PERMISSIONS

    @property
    def is_alive(self) -> bool:
        return self.state in ALIVE

    def is_by(self, link: TenantLink) -> bool:
        return not self.is_own and self.link == link.pk and self.state != State.DISCONNECTED

    def is_established(self, link: TenantLink) -> bool:
        """Whether its identity is known to be the person's: its mailbox has opened for them, and a look at the
        directory has come since. What was only ever matched may be another's by now."""
        if not self.is_by(link) or not self.object_id or self.connected_at is None:
            return False
        return link.followed_at is None or self.connected_at <= link.followed_at

    @property
    def domain(self) -> str:
        """Of the address they sign in with here."""
        return domain_of(self.email)


@dataclass(frozen=True)
class People:
    covered: Mapping[int, Covered]
    standing: Mapping[int, Standing]
    # Whose mailboxes of the organization are connected, by object id; 0: somebody of another account.
    taken: Mapping[str, int]

    def of(self, link: TenantLink) -> Iterator[Standing]:
        """Whom the link connects, in whatever state."""
        return (one for one in self.standing.values() if one.is_by(link))

    def sought(self, link: TenantLink) -> Iterator[Sought]:
        for person, one in self.covered.items():
            known = self.standing.get(person)
            object_id = known.object_id if known and known.is_established(link) else ""
            yield Sought(person, one.address, object_id)


def of(link: TenantLink, covered: Mapping[int, Covered]) -> People:
    """Two queries."""
    standing = {one.person: one for one in _standing(link)}
    return People(covered, standing, dict(_taken(link, standing.values())))


def _standing(link: TenantLink) -> Iterator[Standing]:
    rows = Connection.objects.filter(account=link.account_id).order_by("pk").values_list(*_COLUMNS)
    return (Standing(*row) for row in rows.iterator(chunk_size=READ_AT_ONCE))


def _taken(link: TenantLink, standing: Iterable[Standing]) -> Iterator[tuple[str, int]]:
    others = Connection.objects.filter(tenant_id=link.tenant_id).exclude(account=link.account_id)
    strangers = others.exclude(Q(state=State.DISCONNECTED) | Q(object_id=""))
    for object_id in strangers.values_list("object_id", flat=True).iterator(chunk_size=READ_AT_ONCE):
        yield object_id, 0
    for one in standing:
        if one.object_id and one.tenant_id == link.tenant_id and one.state != State.DISCONNECTED:
            yield one.object_id, one.person
