"""The plan: each place whose decision it is, what a change there would come to, and the change itself."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from accounts import reviewing
from accounts.cascade import write
from accounts.cascade.changes import Choose, Gone
from accounts.cascade.declare import BadValue, Level
from accounts.cascade.read import decisions_at
from accounts.cascade.write import ChangedMeanwhile, SettingLocked
from accounts.claims import Refused
from accounts.models import Account, Group, PendingChange, User
from accounts.reviewing import Done
from integrations.leaving_ews import census
from integrations.leaving_ews.census import SERVICES, Census, One
from integrations.models import EwsPast, Prospect
from integrations.preferences import Api, Method, Service, ServicePolicy

# What each is called in the plan, in its order; the number of whom nobody has looked at comes last.
WORDS: tuple[tuple[str, str], ...] = (
    (Prospect.READY, "Move without them"),
    (Prospect.ASKS_PERSON, "Must agree once"),
    (Prospect.NEEDS_ADMIN, "Need admin consent"),
    (Prospect.ON_PREMISES, "Stay on-premises"),
    (Prospect.NO_TENANT, "No organization known"),
    (Prospect.NOT_ELIGIBLE, "No usable mailbox"),
    (Prospect.UNKNOWN, "Not found out"),
    (census.NOT_LOOKED, "Not looked at yet"),
)
_METHODS = {Method.PASSWORD: Method.OAUTH, Method.IMPERSONATION: Method.APPLICATION_PERMISSIONS}


CHANGED = "This was changed meanwhile. Look at the plan again."


class NotProposed(Exception):
    """It cannot be changed; the text is meant for whoever asked for it."""


@dataclass(frozen=True)
class Part:
    """A place, and whoever goes by EWS where its decision holds."""

    place: str
    name: str
    policy: ServicePolicy | None
    number: int
    # Label and number, of those there are any.
    impact: tuple[tuple[str, int], ...]
    # Of EWS in the cloud and on servers of the organization's own.
    in_cloud: int
    # Moved to Graph within the grace, and could go back.
    moved: int

    @property
    def says_ews(self) -> bool:
        return self.policy is not None and self.policy.authorize_with is Api.EWS

    @property
    def is_on_premises(self) -> bool:
        return self.policy is not None and self.policy.default_service is Service.EXCHANGE

    @property
    def to_be_moved(self) -> int:
        """The settings say Graph already."""
        return 0 if self.says_ews else self.number


def parts(taken: Census, pasts: Iterable[EwsPast]) -> list[Part]:
    """Every place that decides EWS, or whose people go by it all the same, or were moved of late."""
    moved = Counter(census.place_of(taken, past.connection.user_id) for past in pasts)
    deciding = [place for place in taken.deciding if _says_ews(taken.policy_at(place))]
    places = dict.fromkeys([*deciding, *sorted(taken.by_place, key=_order(taken)), *moved])
    return [_part(taken, place, moved[place]) for place in sorted(places, key=_order(taken))]


def to_graph(policy: ServicePolicy) -> ServicePolicy:
    """The same by Graph: people sign in as before, or the organization consents as before."""
    method = _METHODS.get(policy.who_can_set_up, policy.who_can_set_up)
    return replace(
        policy, default_service=Service.OFFICE_365, authorize_with=Api.GRAPH, who_can_set_up=method, ews_url=""
    )


def to_ews(policy: ServicePolicy, pasts: Sequence[EwsPast]) -> ServicePolicy:
    """As most of those were who would go back."""
    common = Counter((one.service, one.method, one.server.address if one.server else "") for one in pasts)
    [((service, method, address), _)] = common.most_common(1)
    return replace(
        policy,
        default_service=Service(service),
        authorize_with=Api.EWS,
        who_can_set_up=Method(method),
        ews_url=address,
    )


def propose(
    account: Account, place: str, policy: ServicePolicy, *, by: User, back: str, now: datetime
) -> Done | PendingChange:
    """A decision of that place, for *Review changes*; its lock stays. Raises NotProposed."""
    at = _at(account, place)
    own = decisions_at(at, [SERVICES]).get(SERVICES.key)
    level = Level.ACCOUNT if isinstance(at, Account) else Level.GROUP
    change = Choose(SERVICES.key, level, at.pk, SERVICES.to_json(policy), is_locked=None)
    try:
        return reviewing.submit(change, by=by, back=back, seen=write.stamp(own), now=now)
    except SettingLocked as problem:
        raise NotProposed("The account has locked this setting. Change it there first.") from problem
    except (ChangedMeanwhile, Gone) as problem:
        raise NotProposed(CHANGED) from problem
    except (BadValue, Refused) as problem:
        raise NotProposed(str(problem)) from problem


def _at(account: Account, place: str) -> Account | Group:
    """Raises NotProposed."""
    if place in ("account", census.DEFAULT):
        return account
    group = Group.objects.filter(account=account, pk=int(place)).first() if place.isdecimal() else None
    if group is None:
        raise NotProposed(CHANGED)
    return group


def _part(taken: Census, place: str, moved: int) -> Part:
    people = taken.by_place.get(place, [])
    counts = census.counted(people)
    return Part(
        place=place,
        name=taken.name_of(place),
        policy=taken.policy_at(place) or (None if place != census.DEFAULT else SERVICES.default),
        number=len(people),
        impact=tuple((label, counts[outcome]) for outcome, label in WORDS if counts[outcome]),
        in_cloud=_in_cloud(people),
        moved=moved,
    )


def _in_cloud(people: Iterable[One]) -> int:
    return sum(not one.is_on_premises for one in people)


def _says_ews(policy: ServicePolicy | None) -> bool:
    return policy is not None and policy.authorize_with is Api.EWS


def _order(taken: Census) -> Callable[[str], int]:
    order = {place: number for number, place in enumerate(["account", *taken.groups])}
    return lambda place: order.get(place, len(order))
