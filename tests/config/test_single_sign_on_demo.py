"""The demo's providers as they are seeded, the portal's own client, and the simulated Entra: all of them real."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from ipaddress import ip_network
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command
from django.utils import timezone
from pytest_django import Settings

from accounts.models import IdentityProvider
from accounts.single_sign_on import openid_connect
from accounts.single_sign_on.causes import Cause, Refused
from accounts.single_sign_on.checks import Checks
from accounts.single_sign_on.trips import Trip
from accounts.single_sign_on.vouched import Vouched
from config.management.commands.seed_single_sign_on import CLIENT_ID, OPENID_CONNECT, TENANT, VARIABLE
from tests.simulated import Simulator

ALICE = "alice@kestrel.example"
PORTAL = "http://localhost:8000"
SECRET = "of-this-test-alone-1"


@pytest.fixture(scope="module")
def entra(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Simulator]:
    told = {"SIMULATOR_SSO_CLIENT_SECRET": SECRET, "SIMULATOR_SSO_PORTAL": PORTAL}
    started = Simulator(environment=told).start(Path(tmp_path_factory.mktemp("entra")))
    yield started
    started.stop()


@pytest.fixture
def provider(
    db: None, entra: Simulator, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> Iterator[IdentityProvider]:
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
    settings.PUBLIC_URL = PORTAL
    settings.MICROSOFT_AUTHORITY_HOST = entra.origin
    settings.SINGLE_SIGN_ON_PORTS = [entra.https_port]
    settings.SINGLE_SIGN_ON_CA_BUNDLE = str(entra.ca_path)
    settings.PRIVATE_NETWORKS_ALLOWED = [ip_network("127.0.0.0/8"), ip_network("::1/128")]
    monkeypatch.setenv(VARIABLE, SECRET)
    call_command("seed_demo", verbosity=0)
    call_command("seed_single_sign_on", verbosity=0)
    yield IdentityProvider.objects.get(key=OPENID_CONNECT)
    entra.control("POST", "tenants/kestrel.example/reset")


def _sign_in(entra: Simulator, provider: IdentityProvider, name: str = ALICE) -> Vouched:
    now = timezone.now()
    trip = _trip(provider, now=now)
    there = openid_connect.begin(provider, trip, now=now)
    return openid_connect.receive(provider, trip, entra.sign_in(there, name), Checks(), now=now)


def _trip(provider: IdentityProvider, *, now: datetime) -> Trip:
    return Trip(
        state="state-of-this-trip",
        provider=provider.pk,
        purpose="sign_in",
        going_to="/",
        nonce="nonce-of-this-trip",
        code_verifier="a-verifier-that-is-long-enough-for-anybody-who-reads-rfc-7636",
        request_id="_request",
        email=ALICE,
        begun_at=now.timestamp(),
    )


def _order(entra: Simulator, what: str, **parameters: object) -> None:
    entra.control("POST", f"applications/{CLIENT_ID}/tenants/kestrel.example/{what}", parameters)


def test_kestrels_people_come_in(entra: Simulator, provider: IdentityProvider) -> None:
    found = _sign_in(entra, provider)

    assert (found.email, found.name, found.tenant) == (ALICE, "Alice Moreau", str(TENANT))
    assert found.issuer == provider.issuer
    assert found.roles == ("Portal.User",)
    mapped = provider.mappings.get(group__name="Sales")
    assert found.groups == (mapped.value,)


@pytest.mark.parametrize(
    ("what", "parameters", "cause"),
    [
        ("sso-signature", {"signature": "none"}, Cause.SIGNATURE),
        ("sso-signature", {"signature": "broken"}, Cause.SIGNATURE),
        ("sso-certificate", {"certificate": "unpublished"}, Cause.KEY_UNKNOWN),
        ("sso-clock", {"minutes": 90}, Cause.CLOCK),
        ("sso-clock", {"minutes": 90, "behind": True}, Cause.CLOCK),
        ("sso-audience", {"on": True}, Cause.AUDIENCE),
        ("sso-email", {"on": True}, Cause.MISSING_EMAIL),
        ("require-assignment", {"on": True}, Cause.NOT_ASSIGNED),
    ],
)
def test_what_is_wrong_on_order_is_seen(
    entra: Simulator, provider: IdentityProvider, what: str, parameters: dict[str, Any], cause: Cause
) -> None:
    _order(entra, what, **parameters)

    with pytest.raises(Refused) as refused:
        _sign_in(entra, provider)

    assert refused.value.cause == cause


def test_a_provider_that_is_down_is_said_to_be_down(entra: Simulator, provider: IdentityProvider) -> None:
    entra.control("POST", "tenants/kestrel.example/sign-in-down")

    with pytest.raises(Refused) as refused:
        _sign_in(entra, provider)

    assert refused.value.cause == Cause.PROVIDER_DOWN
