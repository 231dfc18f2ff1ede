"""What a change would end or bring back, said before it is made: exactly what happens then."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra.django import TestCase

from accounts.cascade import declare
from accounts.cascade.changes import Change, Choose, Dissolve, Inherit, Join, Leave, Rank
from accounts.cascade.declare import Level
from accounts.cascade.impact import Impact, impact
from accounts.cascade.read import effective_of
from accounts.models import Account, Group, Membership, Role, SettingDecision, User
from accounts.openings import Effect
from integrations import fitting
from integrations.domains import DomainRule
from integrations.fitting import WATCHED
from integrations.leaving_ews.found import meaning
from integrations.models import Connection, ExchangeServer, GraphProspect, Move, Prospect, State, TenantLink
from integrations.organization import covering
from integrations.policy import api_of, is_for_graph
from integrations.preferences import Api, Integrations, Method, Service, ServicePolicy
from tests.cast import FOUNDED, crowd, joined
from tests.integrations.authorized import BY_ADMIN, authorized
from tests.integrations.tied import connect, set_to

ENABLED, SERVICES, DOMAINS = (declare.setting_of(Integrations, name) for name in ("enabled", "services", "domains"))
ONLY_KESTREL = DomainRule(is_on=True, domains=("kestrel.example",))


def turned(value: bool, at: Account, *, is_locked: bool = False) -> Choose:
    return Choose(ENABLED.key, Level.ACCOUNT, at.pk, value, is_locked)


def told(account: Account, change: Change) -> Impact:
    return impact(account, change)


# ── One by one ──────────────────────────────────────────────────────────────
@pytest.mark.django_db
def test_turning_it_off_ends_what_works_and_counts_nothing_else(
    kestrel: Account, dana: User, alice: User, bob: User, gus: User, mallory: User
) -> None:
    connect([alice, bob, mallory])
    connect([gus], State.NEEDS_REAUTH)

    found = told(kestrel, turned(False, kestrel))

    (asked,) = found.consequences
    assert asked.things == ("connection", "connections")
    assert asked.ends == (
        Effect(alice.pk, "alice@kestrel.example", "Turned off"),
        Effect(bob.pk, "bob@kestrel.example", "Turned off"),
    )
    assert (asked.returns, asked.stays) == ((), 0)
    assert "7 days" in asked.note
    assert Connection.objects.get(user=alice).state == State.CONNECTED, "nothing has happened yet"


@pytest.mark.django_db
def test_turning_it_on_brings_back_what_is_kept(kestrel: Account, dana: User, alice: User, bob: User) -> None:
    set_to("enabled", False, at=kestrel, by=dana)
    connect([alice], State.BLOCKED_BY_POLICY, reason="turned_off")
    connect([bob], State.BLOCKED_BY_POLICY, reason="turned_off", refresh_token="", access_token="")

    (asked,) = told(kestrel, turned(True, kestrel)).consequences

    assert asked.returns == (Effect(alice.pk, "alice@kestrel.example", "Turned off"),)
    assert (asked.ends, asked.stays, asked.note) == ((), 0, "")


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("policy", "tie", "because"),
    [
        (ServicePolicy(contacts_write=False), {"contacts_write": True}, "Contacts: write"),
        (ServicePolicy(calendar_write=False), {"calendar_write": True}, "Calendar: write"),
        (ServicePolicy(authorize_with=Api.EWS), {}, "Another way to authorize"),
    ],
)
def test_a_lock_names_what_no_longer_fits(
    policy: ServicePolicy, tie: dict[str, Any], because: str, kestrel: Account, dana: User, alice: User, bob: User
) -> None:
    connect([alice], **tie)
    connect([bob], api=policy.authorize_with)
    locked = Choose(SERVICES.key, Level.ACCOUNT, kestrel.pk, SERVICES.to_json(policy), is_locked=True)
    unlocked = Choose(SERVICES.key, Level.ACCOUNT, kestrel.pk, SERVICES.to_json(policy))

    (asked,) = told(kestrel, locked).consequences
    (harmless,) = told(kestrel, unlocked).consequences

    assert [(effect.person, effect.because) for effect in asked.ends] == [(alice.pk, because)]
    assert asked.stays == 1
    assert (harmless.ends, harmless.stays) == ((), 2)


@pytest.mark.django_db
def test_a_list_of_domains_names_the_domain_as_people_write_it(kestrel: Account, alice: User, bob: User) -> None:
    connect([alice], address="alice@möwe.example")
    connect([bob])
    change = Choose(DOMAINS.key, Level.ACCOUNT, kestrel.pk, DOMAINS.to_json(ONLY_KESTREL))

    (asked,) = told(kestrel, change).consequences

    assert asked.ends == (Effect(alice.pk, "alice@möwe.example", "Domain möwe.example"),)
    assert asked.stays == 1


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("days", "words"), [(0, "forgets its sealed access at once"), (1, "for 1 day:"), (30, "for 30 days:")]
)
def test_the_note_says_how_long_the_access_is_kept(
    days: int, words: str, kestrel: Account, dana: User, alice: User
) -> None:
    connect([alice])
    set_to("grace", days, at=kestrel, by=dana)

    (asked,) = told(kestrel, turned(False, kestrel)).consequences

    assert words in asked.note


@pytest.mark.django_db
def test_from_ews_to_graph_each_is_told_as_far_as_it_was_looked_at(
    kestrel: Account, dana: User, alice: User, bob: User, gus: User
) -> None:
    set_to("services", AT_OWN_SERVER, at=kestrel, by=dana)
    seen = {alice: Prospect.READY, bob: Prospect.ASKS_PERSON, gus: Prospect.ON_PREMISES, dana: None}
    for person, outcome in seen.items():
        by_ews = {"service": Service.EXCHANGE, "api": Api.EWS, "method": Method.PASSWORD, "password": "sealed"}
        (connection,) = connect([person], **by_ews)
        if outcome:
            GraphProspect.objects.create(connection=connection, outcome=outcome, looked_at=FOUNDED)
    value = SERVICES.to_json(ServicePolicy())

    (locked,) = told(kestrel, Choose(SERVICES.key, Level.ACCOUNT, kestrel.pk, value, is_locked=True)).consequences
    (free,) = told(kestrel, Choose(SERVICES.key, Level.ACCOUNT, kestrel.pk, value)).consequences

    assert {one.person: one.because for one in locked.moves.effects} == {
        alice.pk: "Can be moved without them",
        dana.pk: "Not known yet whether without a step of theirs",
    }
    assert [one.person for one in locked.asks.effects] == [bob.pk]
    assert [(one.person, one.because) for one in locked.ends] == [(gus.pk, "Mailbox is not in Exchange Online")]
    assert (free.ends, free.stays) == ((), 1)
    assert locked.moves.says[1] == "connections are moved to Graph."
    assert "EWS goes on while it answers" in locked.asks.note


@pytest.mark.django_db
def test_another_server_is_named_as_the_reason(kestrel: Account, dana: User, alice: User) -> None:
    server = ExchangeServer.objects.create(account=kestrel, address=AT_OWN_SERVER.ews_url, since_at=FOUNDED)
    connect([alice], service=Service.EXCHANGE, api=Api.EWS, method=Method.PASSWORD, server=server)
    other = dataclasses.replace(AT_OWN_SERVER, ews_url="https://ex2.kestrel.example/EWS/Exchange.asmx")
    change = Choose(SERVICES.key, Level.ACCOUNT, kestrel.pk, SERVICES.to_json(other), is_locked=True)

    (asked,) = told(kestrel, change).consequences

    assert [one.because for one in asked.ends] == ["Another Exchange server"]


@pytest.mark.django_db
def test_it_is_not_asked_where_no_setting_of_its_own_changes(kestrel: Account) -> None:
    assert told(kestrel, Choose("data_sync.bidirectional", Level.ACCOUNT, kestrel.pk, False)).consequences == ()


@pytest.mark.django_db
@pytest.mark.parametrize("size", [3, 60])
def test_it_costs_one_query_at_any_size(
    size: int, kestrel: Account, django_assert_max_num_queries: Callable[..., Any]
) -> None:
    connect(crowd(kestrel, size))

    with django_assert_max_num_queries(4):
        found = told(kestrel, turned(False, kestrel, is_locked=True))

    assert found.ends == size


# ── Every change of any organization ────────────────────────────────────────
AT_OWN_SERVER = ServicePolicy(
    Service.EXCHANGE, Api.EWS, Method.PASSWORD, ews_url="https://mail.kestrel.example/EWS/Exchange.asmx"
)
RULES = (
    DomainRule(),
    ONLY_KESTREL,
    DomainRule(is_on=True, domains=("corvid.example", "xn--mwe-sna.example")),
)
VALUES: dict[str, list[Any]] = {
    ENABLED.key: [True, False],
    SERVICES.key: [
        SERVICES.to_json(value)
        for value in (
            ServicePolicy(),
            ServicePolicy(contacts_write=False),
            ServicePolicy(calendar_write=False),
            ServicePolicy(authorize_with=Api.EWS),
            BY_ADMIN,
            dataclasses.replace(BY_ADMIN, calendar_write=False),
            AT_OWN_SERVER,
        )
    ],
    DOMAINS.key: [DOMAINS.to_json(rule) for rule in RULES],
}
PEOPLE, GROUPS = 4, 3
keys = st.sampled_from(sorted(VALUES))
valued = keys.flatmap(lambda key: st.tuples(st.just(key), st.sampled_from(VALUES[key])))
places = st.one_of(
    st.just((Level.ACCOUNT, 0)),
    st.tuples(st.just(Level.GROUP), st.integers(0, GROUPS - 1)),
    st.tuples(st.just(Level.USER), st.integers(0, PEOPLE - 1)),
)
decisions = st.tuples(valued, places, st.booleans())
ties = st.fixed_dictionaries(
    {
        "state": st.sampled_from(list(State)),
        "service": st.sampled_from(list(Service)),
        "api": st.sampled_from(list(Api)),
        "method": st.sampled_from([method.value for method in Method]),
        "move": st.sampled_from(list(Move)),
        "calendar_write": st.booleans(),
        "contacts_write": st.booleans(),
        "address": st.sampled_from(["a@kestrel.example", "a@corvid.example", "a@möwe.example", ""]),
        "prospect": st.none() | st.sampled_from(list(Prospect)),
    }
)
moves = st.one_of(
    decisions.map(lambda made: ("choose", *made)),
    st.tuples(st.just("inherit"), keys, places),
    st.tuples(st.just("rank"), st.integers(0, GROUPS - 1), st.none() | st.integers(0, GROUPS - 1)),
    st.tuples(st.sampled_from(["join", "leave"]), st.integers(0, GROUPS - 1), st.sets(st.integers(0, PEOPLE - 1))),
    st.tuples(st.just("dissolve"), st.integers(0, GROUPS - 1)),
)


class TestExactly(TestCase):
    """A TestCase of Hypothesis: each example in a transaction of its own."""

    @settings(max_examples=120, suppress_health_check=[HealthCheck.too_slow])
    @given(
        st.lists(decisions, max_size=6),
        st.lists(st.none() | ties, min_size=PEOPLE, max_size=PEOPLE),
        st.sets(st.tuples(st.integers(0, PEOPLE - 1), st.integers(0, GROUPS - 1))),
        moves,
        st.sampled_from(["", "kestrel.example", "corvid.example"]),
    )
    def test_what_is_told_before_is_what_happens(
        self, made: list[Any], tied: list[Any], members: set[tuple[int, int]], move: Any, linked: str
    ) -> None:
        org = Organization(made, tied, members)
        link = authorized(org.account, domains=[linked]) if linked else None
        org.settle(link)
        before, looked_up, served = org.states(), org.looked_up(link), set(covering.covered(org.account))
        for_graph = org.for_graph()

        found = impact(org.account, org.change(move))
        org.do(move)
        org.settle(link)

        after, covered = org.states(), set(covering.covered(org.account))
        ended = {person for person, state in after.items() if state != before[person] == "alive"}
        came_back = {person for person, state in after.items() if state == "alive" != before[person]}
        assert {effect.person for asked in found.consequences for effect in asked.ends} == ended
        assert {effect.person for asked in found.consequences for effect in asked.returns} == came_back
        for asked in found.consequences:
            begins = {effect.person for effect in asked.begins.effects}
            assert begins == org.looked_up(link) - looked_up - after.keys()
            by_ews = org.by_ews()
            moving = {effect.person for effect in asked.moves.effects} - by_ews
            assert moving == org.ready(link) & (covered - served) & {who for who in after if after[who] == "alive"}
            alive = sum(state == "alive" for who, state in after.items() if who in found.before.people)
            others = len(asked.moves.effects) + len(asked.asks.effects)
            leaving = {effect.person for one in (asked.moves, asked.asks) for effect in one.effects} & by_ews
            assert asked.stays + others == alive - len(came_back - moving - leaving)
            assert leaving == (org.for_graph() - for_graph) & org.leaving() & {
                who for who in after if after[who] == "alive"
            }


class Organization:
    """Four people, three groups, and whatever Hypothesis makes of them."""

    def __init__(self, made: list[Any], tied: list[Any], members: set[tuple[int, int]]) -> None:
        self.account = Account.objects.create(name="Kestrel & Co", created_at=FOUNDED)
        self.people = [
            joined(self.account, name=f"P{at}", email=f"p{at}@kestrel.example", role=Role.MEMBER)
            for at in range(PEOPLE)
        ]
        self.groups = [
            Group.objects.create(account=self.account, name=f"G{at}", rank=1000 * (at + 1), created_at=FOUNDED)
            for at in range(GROUPS)
        ]
        for at, group in members:
            Membership.objects.create(user=self.people[at], group=self.groups[group])
        for (key, value), place, is_locked in made:
            self.decide(key, value, place, is_locked)
        for person, tie in zip(self.people, tied, strict=True):
            if tie:
                self.tie(person, **tie)

    def tie(self, person: User, *, prospect: Prospect | None, **columns: Any) -> None:
        was = "turned_off" if columns["state"] == State.BLOCKED_BY_POLICY else ""
        (connection,) = connect([person], reason=was, password="sealed", **columns)
        if prospect:
            GraphProspect.objects.create(connection=connection, outcome=prospect, looked_at=FOUNDED)

    def place(self, place: tuple[Level, int]) -> Any:
        level, at = place
        places: dict[Level, Any] = {
            Level.ACCOUNT: [self.account],
            Level.GROUP: self.groups,
            Level.USER: self.people,
        }
        return places[level][at]

    def decide(self, key: str, value: Any, place: tuple[Level, int], is_locked: bool) -> None:
        is_locked = is_locked and place[0] != Level.USER
        SettingDecision.objects.update_or_create(
            **{place[0].value: self.place(place)},
            key=key,
            defaults={"value": value, "is_locked": is_locked, "decided_at": FOUNDED},
        )

    def change(self, move: Any) -> Change:
        match move:
            case ("choose", (key, value), (level, at), is_locked):
                place = self.place((level, at)).pk
                return Choose(key, level, place, value, is_locked and level != Level.USER)
            case ("inherit", key, (level, at)):
                return Inherit(key, level, self.place((level, at)).pk)
            case ("rank", group, above):
                return Rank(self.groups[group].pk, None if above in (None, group) else self.groups[above].pk)
            case ("join", group, some):
                return Join(self.groups[group].pk, tuple(self.people[at].pk for at in some))
            case ("leave", group, some):
                return Leave(self.groups[group].pk, tuple(self.people[at].pk for at in some))
            case _:
                return Dissolve(self.groups[move[1]].pk)

    def do(self, move: Any) -> None:
        match move:
            case ("choose", (key, value), place, is_locked):
                self.decide(key, value, place, is_locked)
            case ("inherit", key, place):
                SettingDecision.objects.filter(**{place[0].value: self.place(place)}, key=key).delete()
            case ("rank", group, above):
                ranks = {at: self.groups[at].rank for at in range(GROUPS)}
                rank = 9999 if above in (None, group) else ranks[above] - 1
                Group.objects.filter(pk=self.groups[group].pk).update(rank=rank)
            case ("join", group, some):
                for at in some:
                    Membership.objects.get_or_create(user=self.people[at], group=self.groups[group])
            case ("leave", group, some):
                Membership.objects.filter(user__in=[self.people[at] for at in some], group=self.groups[group]).delete()
            case _:
                self.groups[move[1]].delete()

    def settle(self, link: TenantLink | None) -> None:
        """What the settings do, following to those whose address is of no domain of the organization, and the way out
        of EWS to those whose mailbox Graph cannot open."""
        reached = [] if link is None else link.domains
        served = {one.person for one in covering.covered(self.account).values() if one.domain not in reached}
        held = self.held()
        outcomes = dict(GraphProspect.objects.values_list("connection_id", "outcome"))
        for one in Connection.objects.all():
            values = held[one.user_id]
            if one.user_id in served and one.move == Move.READY and one.api == api_of(values.services):
                one.move = Move.REFUSED
            if one.pk in outcomes and one.api == Api.EWS and is_for_graph(values):
                one.move = meaning(outcomes[one.pk])
            Connection.objects.filter(pk=one.pk).update(move=one.move)
        fitting.apply_policy(self.account, now=FOUNDED)

    def held(self) -> dict[int, Integrations]:
        return effective_of(Integrations, User.objects.filter(account=self.account))

    def for_graph(self) -> set[int]:
        return {person for person, values in self.held().items() if is_for_graph(values)}

    def by_ews(self) -> set[int]:
        return set(Connection.objects.filter(api=Api.EWS.value).values_list("user_id", flat=True))

    def leaving(self) -> set[int]:
        refused = Connection.objects.filter(move=Move.REFUSED).values_list("user_id", flat=True)
        return self.by_ews() - set(refused)

    def looked_up(self, link: TenantLink | None) -> set[int]:
        """Whom following would look for at Microsoft, by their own address or by that of their last connection."""
        theirs = Connection.objects.filter(method=Method.APPLICATION_PERMISSIONS.value).exclude(address="")
        addresses = dict(theirs.values_list("user_id", "address"))
        return {
            person
            for person, one in covering.covered(self.account).items()
            if link and one.domain in link.domains and one.allows(addresses.get(person, one.address))
        }

    def ready(self, link: TenantLink | None) -> set[int]:
        found = Connection.objects.filter(method=Method.OAUTH.value, move=Move.READY, user__in=self.people)
        reached = link and "kestrel.example" in link.domains
        return set(found.values_list("user_id", flat=True)) if reached else set()

    def states(self) -> dict[int, str]:
        rows = Connection.objects.values_list("user_id", "state")
        known = {person: state for person, state in rows if state in WATCHED}
        return {person: "blocked" if state == State.BLOCKED_BY_POLICY else "alive" for person, state in known.items()}
