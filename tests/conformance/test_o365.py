"""O365, the library of Python programs without asyncio: its calendar, against the simulated one.

It has no argument for another host: it is given msal's application for that host, and a protocol that names it.
"""

from __future__ import annotations

import warnings
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlencode
from uuid import uuid4
from zoneinfo import ZoneInfo

import pytest
from O365 import Account, MSGraphProtocol
from O365.utils.token import MemoryTokenBackend

from tests.conformance.clients import GRAPH, Clients, Registration
from tests.conformance.conftest import BEN, FABRIKAM, SCOPES
from tests.simulated import Simulator


def _account(clients: Clients, registration: Registration, tenant: str = "organizations", **how: Any) -> Account:
    simulator, tokens = clients.simulator, MemoryTokenBackend()

    there = type("Simulated", (MSGraphProtocol,), {"_protocol_url": f"{simulator.origin}/"})
    account = Account(
        (registration.client_id, registration.credential),
        protocol=there(timezone="UTC", default_resource=how.get("main_resource")),
        token_backend=tokens,
        verify_ssl=str(simulator.ca_path),
        **how,
    )
    account.con._msal_client = clients.msal(registration, tenant, token_cache=tokens)
    return account


@pytest.fixture
def account(clients: Clients, registration: Registration) -> Account:
    """Ben has signed in."""
    account = _account(clients, registration)
    assert _sign_in(account, clients.simulator)
    return account


def _sign_in(account: Account, simulator: Simulator) -> bool:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # msal advises form_post
        url, flow = account.con.get_authorization_url(list(SCOPES), redirect_uri=simulator.redirect_uri)
    back = simulator.sign_in(url, BEN)
    return bool(account.con.request_token(f"{simulator.redirect_uri}?{urlencode(back)}", flow=flow))


def test_it_signs_in_and_knows_whose_mailbox_it_reads(account: Account) -> None:
    calendar = account.schedule().get_default_calendar()

    assert calendar.owner.address == BEN


def test_it_writes_finds_changes_and_deletes_an_event(account: Account, day: datetime) -> None:
    schedule = account.schedule()
    calendar = schedule.new_calendar(f"O365 {uuid4().hex[:8]}")
    event = calendar.new_event(subject="Site visit")
    event.start = day.replace(hour=9, tzinfo=ZoneInfo("UTC"))
    event.end = day.replace(hour=10, tzinfo=ZoneInfo("UTC"))

    assert event.save()
    event.subject = "Site visit, second try"
    assert event.save()
    found = _between(calendar, day)
    assert found[0].delete()

    assert [one.subject for one in found] == ["Site visit, second try"]
    assert _between(calendar, day) == []


def test_it_writes_a_series_and_finds_its_occurrences(account: Account, day: datetime) -> None:
    calendar = account.schedule().new_calendar(f"O365 {uuid4().hex[:8]}")
    event = calendar.new_event(subject="Stock count")
    event.start = day.replace(hour=7, tzinfo=ZoneInfo("UTC"))
    event.end = day.replace(hour=8, tzinfo=ZoneInfo("UTC"))
    event.recurrence.set_daily(1, start=day.date(), end=day.date() + timedelta(days=3))

    assert event.save()

    assert [one.start.day for one in _between(calendar, day)] == [(day + timedelta(days=n)).day for n in range(4)]


def test_it_reads_another_mailbox_by_itself(clients: Clients, registration: Registration) -> None:
    account = _account(
        clients, registration, FABRIKAM, auth_flow_type="credentials", tenant_id=FABRIKAM, main_resource=BEN
    )
    assert account.con.request_token(None, requested_scopes=[GRAPH])

    calendar = account.schedule().get_default_calendar()

    assert calendar.owner.address == BEN


def _between(calendar: Any, day: datetime) -> list[Any]:
    first, last = day.replace(tzinfo=ZoneInfo("UTC")), (day + timedelta(days=7)).replace(tzinfo=ZoneInfo("UTC"))
    return sorted(
        calendar.get_events(include_recurring=True, start_recurring=first, end_recurring=last, limit=50),
        key=lambda one: one.start,
    )
