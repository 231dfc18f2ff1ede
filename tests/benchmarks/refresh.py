"""Refreshes a second of one worker, through the whole path (claim, MSAL, encrypt, commit), beside a bare loop of
`requests` that asks the same simulated Microsoft for the same tokens at the same concurrency and keeps nothing."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from tests.benchmarks.stage import Measure, main

SCOPES = "Calendars.ReadWrite Contacts.ReadWrite User.Read offline_access openid profile"


def run(small: bool, directory: Path) -> list[Measure]:
    from django.conf import settings
    from django.test import override_settings

    from tests.simulated import Simulator

    simulator = Simulator(client_id=settings.MICROSOFT_CLIENT_ID, client_secret=settings.MICROSOFT_CLIENT_SECRET)
    simulator.start(directory / "simulator", f"{settings.PUBLIC_URL}/integrations/microsoft/callback/")
    try:
        with override_settings(
            MICROSOFT_AUTHORITY_HOST=simulator.origin,
            MICROSOFT_GRAPH_URL=simulator.graph_url,
            MICROSOFT_CA_BUNDLE=str(simulator.ca_path),
        ):
            return _measure(simulator, 200 if small else 1500)
    finally:
        simulator.stop()


def _measure(simulator: Any, count: int) -> list[Measure]:
    from integrations import tokens

    refresh_token = _refresh_token(simulator)
    _connections(refresh_token, count)
    bare = _rate(lambda: _bare(simulator, refresh_token, count), count)
    ours = _rate(_all_due, count)
    says = f"{ours:.0f} a second beside {bare:.0f}, {tokens.IN_FLIGHT} in flight, {count} connections"
    return [Measure("refreshes of one worker", ours / bare, says)]


def _rate(call: Any, count: int) -> float:
    started = time.perf_counter()
    call()
    return float(count / (time.perf_counter() - started))


def _all_due() -> None:
    from django.utils import timezone

    from integrations import tokens
    from integrations.models import Connection

    while tokens.refresh_due(now=timezone.now()):
        pass
    left = Connection.objects.exclude(token_version=2).count()
    assert left == 0, f"{left} were not refreshed"


def _bare(simulator: Any, refresh_token: str, count: int) -> None:
    from integrations import tokens

    session = simulator.http()
    form = {
        "client_id": simulator.client_id,
        "client_secret": simulator.client_secret,
        "grant_type": "refresh_token",
        "refresh_token": refresh_token,
        "scope": SCOPES,
    }

    def ask(_: int) -> None:
        answer = session.post(f"{simulator.authority}/oauth2/v2.0/token", data=form, timeout=30)
        assert "refresh_token" in answer.json()

    with ThreadPoolExecutor(tokens.IN_FLIGHT) as pool:
        list(pool.map(ask, range(count)))


def _refresh_token(simulator: Any) -> str:
    """By hand through the pages, for the first of the cast."""
    query = {
        "client_id": simulator.client_id,
        "response_type": "code",
        "redirect_uri": simulator.redirect_uri,
        "scope": SCOPES,
    }
    code = simulator.sign_in(f"{simulator.human_url}/organizations/oauth2/v2.0/authorize?{urlencode(query)}")["code"]
    answer = simulator.http().post(
        f"{simulator.authority}/oauth2/v2.0/token",
        data={
            "client_id": simulator.client_id,
            "client_secret": simulator.client_secret,
            "grant_type": "authorization_code",
            "redirect_uri": simulator.redirect_uri,
            "code": code,
        },
        timeout=30,
    )
    return str(answer.json()["refresh_token"])


def _connections(refresh_token: str, count: int) -> None:
    """As many people, each with a connection whose refresh is due."""
    from django.utils import timezone

    from accounts.models import Account, User
    from integrations import vault
    from integrations.models import Connection, State

    now = timezone.now()
    account = Account.objects.create(name="Many & Co", created_at=now)
    people = User.objects.bulk_create(
        User(account=account, email=f"person-{at}@many.example", name=f"Person {at}", is_active=True)
        for at in range(count)
    )
    made = Connection.objects.bulk_create(
        Connection(
            user=person,
            state=State.CONNECTED,
            since_at=now,
            tenant_id="6f1d8c3a-2b7e-4c55-9a41-5d0e3b9c7f21",
            object_id=f"object-{person.pk}",
            token_version=1,
            calendar_write=True,
            contacts_write=True,
            refresh_due_at=now - timedelta(hours=1),
        )
        for person in people
    )
    for connection in made:
        connection.refresh_token = vault.seal(
            refresh_token, bound_to=f"integrations_connection:refresh_token:{connection.pk}"
        )
    Connection.objects.bulk_update(made, ["refresh_token"], batch_size=500)


if __name__ == "__main__":
    main(run)
