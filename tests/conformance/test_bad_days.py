"""Microsoft's own clients on a bad day: they wait as they are told, and come back."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest
from msal.exceptions import MsalServiceError
from msgraph import GraphServiceClient
from msgraph.generated.models.o_data_errors.o_data_error import ODataError

from tests.conformance.clients import GRAPH, Clients, Registration, SignedIn, begin
from tests.conformance.conftest import FABRIKAM, SCOPES

THROTTLED = "throttled@fabrikam.example"


@pytest.fixture
def theo(clients: Clients, people: Callable[[str], SignedIn]) -> GraphServiceClient:
    """Somebody for whom things go wrong."""
    return clients.graph(people("throttled"))


@pytest.fixture
def order(clients: Clients) -> Iterator[Callable[..., Any]]:
    """Orders a fault; all of them end with the test."""

    def place(**fault: Any) -> Any:
        return clients.simulator.control("POST", "faults", {"seconds": 60, **fault})

    yield place
    clients.simulator.control("DELETE", "faults")


@pytest.mark.parametrize("status", [429, 503, 504])
async def test_the_graph_client_waits_as_long_as_it_is_told_and_succeeds(
    theo: GraphServiceClient, order: Callable[..., Any], status: int
) -> None:
    order(target="graph", person=THROTTLED, count=1, steps=[{"status": status, "retry_after": 2}])
    began = time.monotonic()

    me = await theo.me.get()

    assert me.user_principal_name == THROTTLED
    assert time.monotonic() - began >= 2


async def test_the_graph_client_gives_up_after_three_attempts_more(
    theo: GraphServiceClient, order: Callable[..., Any]
) -> None:
    order(target="graph", person=THROTTLED, steps=[{"status": 429, "retry_after": 1, "code": "ApplicationThrottled"}])

    with pytest.raises(ODataError) as refused:
        await theo.me.get()

    assert refused.value.response_status_code == 429
    assert refused.value.error.code == "ApplicationThrottled"


async def test_a_fault_for_one_person_leaves_the_others_alone(
    theo: GraphServiceClient, ben: GraphServiceClient, order: Callable[..., Any]
) -> None:
    order(target="graph", person=THROTTLED, steps=[{"status": 403, "code": "ErrorAccessDenied"}])

    me = await ben.me.get()
    with pytest.raises(ODataError) as refused:
        await theo.me.get()

    assert me.display_name == "Ben Walters"
    assert refused.value.response_status_code == 403


async def test_a_broken_connection_is_an_exception_and_the_next_request_succeeds(
    theo: GraphServiceClient, order: Callable[..., Any]
) -> None:
    order(target="graph", person=THROTTLED, count=1, steps=[{"reset": True}])

    with pytest.raises(httpx.TransportError):
        await theo.me.get()

    assert (await theo.me.get()).user_principal_name == THROTTLED


def test_ninety_days_later_a_silent_refresh_is_refused(clients: Clients, registration: Registration) -> None:
    wanda = clients.sign_in(registration, "wanda@wingtip.example", SCOPES)
    clients.simulator.control("POST", "tenants/wingtip.example/later", {"days": 90})

    account = wanda.app.get_accounts()[0]
    refused = wanda.app.acquire_token_silent_with_error(list(SCOPES), account=account, force_refresh=True)

    assert (refused["error"], refused["error_codes"]) == ("invalid_grant", [700082])


def test_conditional_access_refuses_the_refresh(clients: Clients, registration: Registration) -> None:
    tokens = clients.sign_in(registration, "blocked@fabrikam.example", SCOPES).tokens
    clients.simulator.control("POST", "people/blocked@fabrikam.example/block")

    refused = clients.msal(registration).acquire_token_by_refresh_token(tokens["refresh_token"], list(SCOPES))

    assert refused["error"] in {"invalid_grant", "interaction_required"}
    assert refused["error_codes"] == [53003]


def test_a_step_up_carries_the_claims_that_lead_through_it(clients: Clients, registration: Registration) -> None:
    tokens = clients.sign_in(registration, "stepping@fabrikam.example", SCOPES).tokens
    clients.simulator.control("POST", "people/stepping@fabrikam.example/require-mfa")

    refused = clients.msal(registration).acquire_token_by_refresh_token(tokens["refresh_token"], list(SCOPES))
    app = clients.msal(registration)
    flow = begin(app, SCOPES, clients.simulator.redirect_uri, claims_challenge=refused["claims"])
    renewed = app.acquire_token_by_auth_code_flow(
        flow, clients.simulator.sign_in(flow["auth_uri"], "stepping@fabrikam.example")
    )

    assert (refused["error_codes"], refused["suberror"]) == ([50076], "basic_action")
    assert "access_token" in renewed


def test_an_unavailable_token_endpoint_is_an_exception_of_msals(
    clients: Clients, registration: Registration, order: Callable[..., Any]
) -> None:
    order(target="token", tenant=FABRIKAM, steps=[{"status": 503}])

    with pytest.raises(MsalServiceError):
        clients.msal(registration, FABRIKAM).acquire_token_for_client([GRAPH])


def test_msal_remembers_how_long_to_wait_and_does_not_ask_again(
    clients: Clients, registration: Registration, order: Callable[..., Any]
) -> None:
    fault = order(target="token", tenant=FABRIKAM, steps=[{"status": 429, "retry_after": 60}])
    app = clients.msal(registration, FABRIKAM)

    first = app.acquire_token_for_client([GRAPH])
    again = app.acquire_token_for_client([GRAPH])

    assert "error" in first
    assert again == first
    assert _hits(clients, fault) == 1


def _hits(clients: Clients, fault: Any) -> int:
    return int(
        next(one["hits"] for one in clients.simulator.control("GET", "faults")["faults"] if one["id"] == fault["id"])
    )
