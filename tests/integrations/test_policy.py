"""What the settings permit, and what of a connection still fits: pure, as tables and as properties."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from accounts.cascade.facts import Held
from integrations import health, reasons
from integrations.domains import DomainRule
from integrations.failures import Reason
from integrations.policy import Obstacle, Shape, api_of, may_connect, may_leave_ews, still_fits, surplus
from integrations.preferences import APIS, METHODS, Api, Integrations, Method, Service, ServicePolicy

flags = st.booleans()
names = st.sampled_from(["kestrel.example", "corvid.example", "eu.kestrel.example"])
rules = st.builds(DomainRule, is_on=flags, domains=st.sets(names, min_size=1).map(lambda chosen: tuple(sorted(chosen))))
servers = st.sampled_from(["https://mail.kestrel.example/EWS/Exchange.asmx", "https://ex.corvid.example/EWS/a.asmx"])


def policies_of(service: Service) -> st.SearchStrategy[ServicePolicy]:
    return st.builds(
        ServicePolicy, default_service=st.just(service), authorize_with=st.sampled_from(APIS[service]),
        who_can_set_up=st.sampled_from(METHODS[service]), calendar_write=flags, contacts_write=flags,
        ews_url=servers if service is Service.EXCHANGE else st.just(""),
    )  # fmt: skip


policies = st.sampled_from(Service).flatmap(policies_of)
effective = st.builds(Integrations, enabled=flags, services=policies, domains=rules)
shapes = st.builds(
    Shape, service=st.sampled_from(Service), api=st.sampled_from(Api), method=st.sampled_from(Method),
    server=servers | st.just(""), may_move=flags, calendar_write=flags, contacts_write=flags,
    domain=names | st.just(""),
)  # fmt: skip
holding = st.builds(Held, effective, st.frozensets(st.sampled_from(["enabled", "services", "domains", "sso_prompt"])))
ONLY_KESTREL = DomainRule(is_on=True, domains=("kestrel.example",))
OWN_SERVER = ServicePolicy(
    Service.EXCHANGE, Api.EWS, Method.PASSWORD, ews_url="https://mail.kestrel.example/EWS/Exchange.asmx"
)
AT_OWN_SERVER = Shape(Service.EXCHANGE, Api.EWS, Method.PASSWORD, server=OWN_SERVER.ews_url)
LOCKED = frozenset({"services"})
FREE: frozenset[str] = frozenset()


# ── May connect ─────────────────────────────────────────────────────────────
@pytest.mark.parametrize(
    ("settings", "wish", "obstacle"),
    [
        (Integrations(), Shape(), None),
        (Integrations(), Shape(calendar_write=True, contacts_write=True), None),
        (Integrations(enabled=False), Shape(), Obstacle.TURNED_OFF),
        (Integrations(services=ServicePolicy(authorize_with=Api.EWS)), Shape(), Obstacle.ANOTHER_API),
        (Integrations(services=ServicePolicy(authorize_with=Api.EWS)), Shape(api=Api.EWS), None),
        (
            Integrations(services=ServicePolicy(who_can_set_up=Method.APPLICATION_PERMISSIONS)),
            Shape(),
            Obstacle.SET_UP_BY_ADMIN,
        ),
        (Integrations(services=ServicePolicy(calendar_write=False)), Shape(), None),
        (
            Integrations(services=ServicePolicy(calendar_write=False)),
            Shape(calendar_write=True),
            Obstacle.CALENDAR_WRITE,
        ),
        (
            Integrations(services=ServicePolicy(contacts_write=False)),
            Shape(contacts_write=True),
            Obstacle.CONTACTS_WRITE,
        ),
        (Integrations(services=OWN_SERVER), Shape(), Obstacle.ANOTHER_SERVICE),
        (Integrations(), AT_OWN_SERVER, Obstacle.ANOTHER_SERVICE),
        (Integrations(services=OWN_SERVER), AT_OWN_SERVER, None),
        (Integrations(services=OWN_SERVER), replace(AT_OWN_SERVER, server=""), None),
        (
            Integrations(services=OWN_SERVER),
            replace(AT_OWN_SERVER, server="https://ex.corvid.example/EWS/a.asmx"),
            Obstacle.ANOTHER_SERVER,
        ),
        (
            Integrations(services=OWN_SERVER),
            replace(AT_OWN_SERVER, method=Method.IMPERSONATION),
            Obstacle.SET_UP_BY_PEOPLE,
        ),
        (
            Integrations(services=replace(OWN_SERVER, who_can_set_up=Method.IMPERSONATION)),
            AT_OWN_SERVER,
            Obstacle.SET_UP_BY_ADMIN,
        ),
        (Integrations(domains=ONLY_KESTREL), Shape(domain="kestrel.example"), None),
        (Integrations(domains=ONLY_KESTREL), Shape(domain="corvid.example"), Obstacle.DOMAIN),
        (Integrations(domains=ONLY_KESTREL), Shape(domain="eu.kestrel.example"), Obstacle.DOMAIN),
        (Integrations(domains=ONLY_KESTREL), Shape(domain=""), None),
        (Integrations(domains=replace(ONLY_KESTREL, is_on=False)), Shape(domain="corvid.example"), None),
    ],
)
def test_what_may_be_connected(settings: Integrations, wish: Shape, obstacle: Obstacle | None) -> None:
    assert may_connect(settings, wish) == obstacle


@given(effective, shapes)
def test_who_asks_for_less_is_never_refused_more(settings: Integrations, shape: Shape) -> None:
    less = replace(shape, calendar_write=False, contacts_write=False)

    if may_connect(settings, shape) is None:
        assert may_connect(settings, less) is None


# ── Still fits ──────────────────────────────────────────────────────────────
@pytest.mark.parametrize(
    ("settings", "shape", "unlocked", "locked"),
    [
        (Integrations(), Shape(), None, None),
        (Integrations(enabled=False), Shape(), Obstacle.TURNED_OFF, Obstacle.TURNED_OFF),
        (Integrations(services=ServicePolicy(authorize_with=Api.EWS)), Shape(), None, Obstacle.ANOTHER_API),
        (
            Integrations(services=ServicePolicy(who_can_set_up=Method.APPLICATION_PERMISSIONS)),
            Shape(),
            None,
            Obstacle.SET_UP_BY_ADMIN,
        ),
        (
            Integrations(services=ServicePolicy(calendar_write=False)),
            Shape(calendar_write=True),
            None,
            Obstacle.CALENDAR_WRITE,
        ),
        (
            Integrations(services=ServicePolicy(contacts_write=False)),
            Shape(contacts_write=True),
            None,
            Obstacle.CONTACTS_WRITE,
        ),
        (Integrations(services=ServicePolicy(contacts_write=False)), Shape(calendar_write=True), None, None),
        (Integrations(domains=ONLY_KESTREL), Shape(domain="corvid.example"), Obstacle.DOMAIN, Obstacle.DOMAIN),
        (Integrations(domains=ONLY_KESTREL), Shape(domain="kestrel.example"), None, None),
        (Integrations(domains=ONLY_KESTREL), Shape(), None, None),
    ],
)
def test_what_still_fits(
    settings: Integrations, shape: Shape, unlocked: Obstacle | None, locked: Obstacle | None
) -> None:
    assert still_fits(Held(settings, FREE), shape) == unlocked
    assert still_fits(Held(settings, LOCKED), shape) == locked


@given(holding, shapes)
def test_turned_off_is_off_for_all(held: Held[Integrations], shape: Shape) -> None:
    off = replace(held, values=replace(held.values, enabled=False))

    assert may_connect(off.values, shape) == still_fits(off, shape) == Obstacle.TURNED_OFF


@given(effective, shapes)
def test_under_a_locked_policy_a_connection_stays_if_and_only_if_it_could_be_made(
    settings: Integrations, shape: Shape
) -> None:
    assert still_fits(Held(settings, LOCKED), shape) == may_connect(settings, shape)


@given(effective, shapes)
def test_under_an_unlocked_policy_only_the_switch_and_the_domains_end_a_connection(
    settings: Integrations, shape: Shape
) -> None:
    stays = settings.enabled and settings.domains.allows(shape.domain)

    assert (still_fits(Held(settings, FREE), shape) is None) == stays


@given(holding, shapes, st.frozensets(st.sampled_from(["enabled", "domains", "sso_prompt", "grace"])))
def test_no_other_lock_takes_anything_away(held: Held[Integrations], shape: Shape, locks: frozenset[str]) -> None:
    without = replace(held, locked=held.locked & {"services"})

    assert still_fits(replace(held, locked=without.locked | locks), shape) == still_fits(without, shape)


@given(holding, shapes)
def test_lifting_a_lock_never_ends_a_connection(held: Held[Integrations], shape: Shape) -> None:
    if still_fits(held, shape) is None:
        assert still_fits(replace(held, locked=FREE), shape) is None


# ── What is marked ──────────────────────────────────────────────────────────
@given(effective, shapes)
def test_more_than_is_ticked_now_is_exactly_what_a_new_connection_would_not_get(
    settings: Integrations, shape: Shape
) -> None:
    assert (Obstacle.CALENDAR_WRITE in surplus(settings, shape)) == (
        shape.calendar_write and not settings.services.calendar_write
    )
    assert (Obstacle.CONTACTS_WRITE in surplus(settings, shape)) == (
        shape.contacts_write and not settings.services.contacts_write
    )


# ── In words ────────────────────────────────────────────────────────────────
@pytest.mark.parametrize("obstacle", Obstacle)
def test_every_obstacle_has_words_for_the_person_and_for_others(obstacle: Obstacle) -> None:
    assert health.of_obstacle(obstacle).endswith(".")
    assert reasons.in_words(obstacle)


def test_the_sentence_about_domains_names_them() -> None:
    rule = DomainRule(is_on=True, domains=("kestrel.example", "xn--mwe-sna.example"))

    assert health.of_obstacle(Obstacle.DOMAIN, rule) == (
        "Only accounts of kestrel.example and möwe.example may be connected here."
    )


# ── The way out of EWS ──────────────────────────────────────────────────────
BY_EWS = ServicePolicy(authorize_with=Api.EWS)
STOPPED = (Reason.EWS_DISABLED, Reason.EWS_NOT_ALLOWED)


@given(policies_of(Service.OFFICE_365), shapes, flags)
def test_who_is_on_the_way_from_ews_to_graph_may_stay_until_graph_has_opened_the_mailbox(
    policy: ServicePolicy, shape: Shape, is_locked: bool
) -> None:
    settings = Integrations(services=replace(policy, authorize_with=Api.GRAPH))
    leaving = replace(shape, api=Api.EWS, may_leave=True, calendar_write=False, contacts_write=False)

    assert still_fits(Held(settings, LOCKED if is_locked else FREE), leaving) is None


@given(effective, shapes)
def test_nobody_is_on_the_way_to_ews(settings: Integrations, shape: Shape) -> None:
    by_ews = replace(settings, enabled=True, services=BY_EWS, domains=DomainRule())

    assert may_connect(by_ews, replace(shape, service=Service.OFFICE_365, api=Api.GRAPH)) is Obstacle.ANOTHER_API


@pytest.mark.parametrize("reason", Reason)
def test_only_whose_ews_has_stopped_may_leave_it_alone(reason: Reason) -> None:
    held = Held(Integrations(services=BY_EWS), FREE)

    assert may_leave_ews(held, Shape(api=Api.EWS), reason) == (reason in STOPPED)


@pytest.mark.parametrize(
    ("held", "wish"),
    [
        (Held(Integrations(services=BY_EWS), LOCKED), Shape(api=Api.EWS)),
        (Held(Integrations(enabled=False, services=BY_EWS), FREE), Shape(api=Api.EWS)),
        (Held(Integrations(services=OWN_SERVER), FREE), Shape(api=Api.EWS)),
        (Held(Integrations(), FREE), Shape(api=Api.EWS)),
        (Held(Integrations(services=BY_EWS), FREE), Shape()),
        (Held(Integrations(services=BY_EWS), FREE), AT_OWN_SERVER),
        (Held(Integrations(services=BY_EWS, domains=ONLY_KESTREL), FREE), Shape(api=Api.EWS, domain="corvid.example")),
        (
            Held(Integrations(services=replace(BY_EWS, calendar_write=False)), FREE),
            Shape(api=Api.EWS, calendar_write=True),
        ),
    ],
)
def test_nobody_leaves_ews_against_what_an_admin_decided(held: Held[Integrations], wish: Shape) -> None:
    assert not any(may_leave_ews(held, wish, reason) for reason in STOPPED)


@given(holding, shapes, st.sampled_from(STOPPED))
def test_who_left_ews_alone_may_stay_with_graph(held: Held[Integrations], wish: Shape, reason: Reason) -> None:
    if may_leave_ews(held, wish, reason):
        assert still_fits(held, replace(wish, api=Api.GRAPH)) is None


@given(policies)
def test_the_api_of_a_policy_is_one_that_its_service_knows(policy: ServicePolicy) -> None:
    assert api_of(policy) in APIS[policy.default_service]
