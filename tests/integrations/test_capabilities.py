"""What a way to connect can do, what belongs together, and the two dates of EWS: pure, as tables and as properties."""

from __future__ import annotations

from datetime import date, timedelta
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from accounts.cascade.declare import BadValue, to_json
from accounts.cascade.declare import setting_of as declared
from integrations.capabilities import capabilities_of
from integrations.exchange.retirement import BLOCKED_FROM, ENDS_ON, days_left, is_over, milestones, sentence
from integrations.preferences import APIS, METHODS, Api, Integrations, Method, Service, ServicePolicy

ADDRESS = "https://mail.kestrel.example/EWS/Exchange.asmx"
WAYS = [(service, api, method) for service in Service for api in APIS[service] for method in METHODS[service]]
days = st.dates(date(2026, 1, 1), date(2028, 1, 1))


# ── What a way can do ───────────────────────────────────────────────────────
@pytest.mark.parametrize(("service", "api", "method"), WAYS)
def test_only_graph_writes_reads_contacts_and_lets_people_give_less(service: Service, api: Api, method: Method) -> None:
    can = capabilities_of(service, api, method)

    is_graph = api is Api.GRAPH
    assert (can.two_way_sync, can.limits_permissions, can.contacts, can.notifies) == (is_graph,) * 4
    assert bool(can.access) != is_graph
    assert bool(can.cannot) != is_graph


def test_what_ends_is_ews_at_microsoft_and_not_at_an_own_server() -> None:
    ending = [way for way in WAYS if capabilities_of(*way).is_retired]

    assert ending == [(Service.OFFICE_365, Api.EWS, method) for method in METHODS[Service.OFFICE_365]]


def test_only_by_oauth_somebody_can_be_sent_to_microsoft_again() -> None:
    assert {method for way in WAYS if capabilities_of(*way).signs_in_at_microsoft for method in way[2:]} == {
        Method.OAUTH
    }


# ── What belongs together ───────────────────────────────────────────────────
@pytest.mark.parametrize(
    ("service", "api", "method", "address"), list(product(Service, Api, Method, ["", ADDRESS])), ids=str
)
def test_a_policy_is_one_of_the_ways_and_nothing_in_between(
    service: Service, api: Api, method: Method, address: str
) -> None:
    is_whole = (service, api, method) in WAYS and bool(address) == (service is Service.EXCHANGE)

    try:
        ServicePolicy(service, api, method, ews_url=address)
    except BadValue as problem:
        blamed = {one.part for one in (problem, *problem.also)}
    else:
        blamed = set()

    assert (blamed == set()) == is_whole
    assert blamed <= {"authorize_with", "who_can_set_up", "ews_url"}


@pytest.mark.parametrize(
    "address",
    ["http://mail.kestrel.example/EWS", "https://MAIL.kestrel.example/EWS", "mail.kestrel.example", "https://"],
)
def test_no_address_is_stored_that_is_not_canonical(address: str) -> None:
    stored = to_json(ServicePolicy(Service.EXCHANGE, Api.EWS, Method.PASSWORD, ews_url=ADDRESS)) | {"ews_url": address}

    with pytest.raises(BadValue):
        declared(Integrations, "services").from_json(stored)


# ── The two dates ───────────────────────────────────────────────────────────
@pytest.mark.parametrize(
    ("today", "says"),
    [
        (date(2026, 9, 30), "from 1 October 2026, in 1 day, and ends it for good on 1 April 2027, in 183 days."),
        (date(2026, 10, 1), "since 1 October 2026, and ends it for good on 1 April 2027, in 182 days."),
        (date(2027, 3, 31), "since 1 October 2026, and ends it for good on 1 April 2027, in 1 day."),
        (date(2027, 4, 1), "ended EWS for good on 1 April 2027."),
        (date(2027, 12, 24), "ended EWS for good on 1 April 2027."),
    ],
)
def test_the_sentence_counts_the_days_of_that_day(today: date, says: str) -> None:
    assert says in sentence(today)


@given(days)
def test_days_are_counted_down_to_the_end_and_never_below(today: date) -> None:
    left = days_left(today)

    assert (left == 0) == is_over(today)
    assert left == 0 or today + timedelta(days=left) == ENDS_ON


@pytest.mark.parametrize(
    ("today", "when"),
    [
        (BLOCKED_FROM - timedelta(days=1), ("in 1 day", "in 183 days")),
        (BLOCKED_FROM, ("today", "in 182 days")),
        (ENDS_ON, ("182 days ago", "today")),
    ],
)
def test_each_milestone_says_when_it_is_or_was(today: date, when: tuple[str, str]) -> None:
    blocked, end = milestones(today)

    assert (blocked.when, end.when) == when
    assert (blocked.is_past, end.is_past) == (today >= BLOCKED_FROM, today >= ENDS_ON)
