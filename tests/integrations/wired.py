"""The portal wired to the simulated Microsoft 365, and the shortest ways into the states that tests begin with."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from accounts.models import User
from integrations import connecting, redeeming
from integrations.microsoft import http, msal_apps, signing_keys
from integrations.models import Connection, ConsentRequest, Step
from tests.simulated import Simulator

BROWSER = "the-browser-of-this-test"


@pytest.fixture
def microsoft(simulator: Simulator, settings: Any) -> Iterator[Simulator]:
    """The simulated Microsoft 365 as on its first day, and the portal's settings lead to it."""
    simulator.control("POST", "reset")
    settings.MICROSOFT_AUTHORITY_HOST = simulator.origin
    settings.MICROSOFT_GRAPH_URL = simulator.graph_url
    settings.MICROSOFT_EWS_URL = simulator.ews_url
    settings.MICROSOFT_CA_BUNDLE = str(simulator.ca_path)
    settings.EXCHANGE_CA_BUNDLE = str(simulator.ca_path)
    settings.EXCHANGE_PORTS = [443, simulator.exchange_port]
    settings.DNS_SERVERS = [simulator.dns_server]
    settings.PRIVATE_NETWORKS_ALLOWED = ["127.0.0.0/8", "::1/128"]
    forget_microsoft()
    yield simulator
    forget_microsoft()


def forget_microsoft() -> None:
    """What a process remembers of Microsoft for its lifetime: where it is, its keys, its open connections."""
    http.session.cache_clear()
    msal_apps.forget()
    signing_keys.forget()


def begun(person: User, *, calendar_write: bool = False, contacts_write: bool = False) -> str:
    """The address a browser is sent to."""
    return connecting.start(
        person, calendar_write=calendar_write, contacts_write=contacts_write, browser=BROWSER, now=timezone.now()
    )


def answered(
    person: User, microsoft: Simulator, *, name: str = "", answer: str = "accept", **ticks: bool
) -> ConsentRequest:
    """Back from Microsoft, and nothing done about it yet."""
    said = microsoft.sign_in(begun(person, **ticks), name or person.email, answer=answer)
    consent = connecting.record_answer(person, said, browser=BROWSER, now=timezone.now())
    consent.refresh_from_db()
    return consent


def redeemed(consent: ConsentRequest, *, after: timedelta = timedelta()) -> ConsentRequest:
    redeeming.redeem(consent.pk, now=timezone.now() + after)
    consent.refresh_from_db()
    return consent


def connected(person: User, microsoft: Simulator, *, name: str = "", **ticks: bool) -> Connection:
    """Through all of it; `state` is connected."""
    consent = redeemed(answered(person, microsoft, name=name, answer="accept", **ticks))
    assert consent.step == "done", (consent.step, consent.reason, consent.code)
    return Connection.objects.get(user=person)


def asked(microsoft: Simulator, grant_type: str = "refresh_token") -> int:
    """How often /token was asked, as Microsoft counted it."""
    counts = microsoft.control("GET", "state")["requests"]["token"]
    return sum(line["count"] for line in counts if line["grant_type"] == grant_type)


def row(model: Any, pk: object) -> dict[str, Any]:
    """As it stands in the database."""
    found: dict[str, Any] = model.objects.filter(pk=pk).values().get()
    return found


def assert_ended(consent: ConsentRequest, reason: str) -> None:
    """With its reason, and without a secret."""
    consent.refresh_from_db()
    assert (consent.step, consent.reason) == (Step.FAILED, reason)
    assert consent.ended_at is not None
    assert [getattr(consent, column) for column in ("flow", "answer", "tokens")] == ["", "", ""]
