"""Signing in by OpenID Connect at the simulated Entra: what Microsoft says, and what it says wrongly on order."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from accounts import vault
from accounts.models import Account, IdentityProvider
from accounts.single_sign_on import openid_connect
from accounts.single_sign_on.causes import Cause, Refused
from accounts.single_sign_on.checks import Checks
from accounts.single_sign_on.vouched import Vouched
from tests.accounts.single_sign_on.at_openid import set_up, trip_to
from tests.simulated import Simulator

pytestmark = pytest.mark.django_db

APP, SECRET = "4b8f2e63-9a17-4d50-8c3e-7f1b0d6a9e24", "kestrel-single-sign-on-1"
KEY = "kestrel-openid"
TENANT = "6f1d8c3a-2b7e-4c55-9a41-5d0e3b9c7f21"
ALICE = "alice@kestrel.example"


@pytest.fixture
def entra(simulator: Simulator, settings: Any) -> Simulator:
    simulator.control("POST", "reset")
    settings.MICROSOFT_AUTHORITY_HOST = simulator.origin
    settings.SINGLE_SIGN_ON_CA_BUNDLE = str(simulator.ca_path)
    settings.SINGLE_SIGN_ON_PORTS = [int(simulator.origin.rpartition(":")[2])]
    settings.PRIVATE_NETWORKS_ALLOWED = ["127.0.0.0/8", "::1/128"]
    settings.PUBLIC_URL = "http://localhost:8000"  # of the demo, which is what is registered there
    return simulator


@pytest.fixture
def row(kestrel: Account, entra: Simulator) -> IdentityProvider:
    seen = openid_connect.look(f"{entra.origin}/{TENANT}/v2.0", now=datetime.now(UTC))
    row = set_up(kestrel, seen.issuer, client_id=APP, key=KEY, groups_claim="groups", roles_claim="roles")
    row.client_secret = vault.seal(SECRET, bound_to=vault.place_of(row, "client_secret"))
    return row


def signed_in(entra: Simulator, row: IdentityProvider, name: str = ALICE) -> Vouched:
    trip, now = trip_to(row, email=name), datetime.now(UTC)
    answer = entra.sign_in(openid_connect.begin(row, trip, now=now), name)
    return openid_connect.receive(row, trip, answer, Checks(), now=now)


def lie(entra: Simulator, name: str, **parameters: object) -> None:
    entra.control("POST", f"applications/{APP}/tenants/kestrel.example/{name}", parameters)


def test_it_says_who_it_is_and_of_which_tenant(entra: Simulator, row: IdentityProvider) -> None:
    found = signed_in(entra, row)

    assert (found.email, found.tenant) == (ALICE, TENANT)
    assert found.issuer == row.issuer
    assert found.subject


@pytest.mark.parametrize("tenant", ["common", "organizations"])
def test_the_address_of_everybody_is_refused(tenant: str, entra: Simulator) -> None:
    with pytest.raises(Refused, match="your own tenant"):
        openid_connect.look(f"{entra.origin}/{tenant}/v2.0", now=datetime.now(UTC))


def test_the_tenant_by_its_domain_calls_itself_otherwise(entra: Simulator) -> None:
    with pytest.raises(Refused, match=TENANT):
        openid_connect.look(f"{entra.origin}/kestrel.example/v2.0", now=datetime.now(UTC))


def test_a_secret_that_is_wrong(entra: Simulator, row: IdentityProvider) -> None:
    row.client_secret = vault.seal("wrong", bound_to=vault.place_of(row, "client_secret"))

    with pytest.raises(Refused) as found:
        signed_in(entra, row)

    assert found.value.cause == Cause.SECRET_REFUSED


LIES: dict[str, tuple[str, dict[str, object], Cause]] = {
    "is not signed": ("sso-signature", {"signature": "none"}, Cause.SIGNATURE),
    "is signed wrongly": ("sso-signature", {"signature": "broken"}, Cause.SIGNATURE),
    "is signed with a key that is not published": (
        "sso-certificate",
        {"certificate": "unpublished"},
        Cause.KEY_UNKNOWN,
    ),
    "ended an hour ago": ("sso-clock", {"minutes": 130, "behind": True}, Cause.CLOCK),
    "is of the future": ("sso-clock", {"minutes": 61, "behind": False}, Cause.CLOCK),
    "is for somebody else": ("sso-audience", {"on": True}, Cause.AUDIENCE),
}


@pytest.mark.parametrize("name", LIES)
def test_a_token_that(name: str, entra: Simulator, row: IdentityProvider) -> None:
    lied, parameters, cause = LIES[name]
    lie(entra, lied, **parameters)

    with pytest.raises(Refused) as found:
        signed_in(entra, row)

    assert found.value.cause == cause


def test_a_token_that_was_given_before(entra: Simulator, row: IdentityProvider) -> None:
    signed_in(entra, row)
    lie(entra, "sso-replay", on=True)

    with pytest.raises(Refused) as found:
        signed_in(entra, row)

    assert found.value.cause == Cause.REPLAYED


def test_somebody_who_is_not_assigned(entra: Simulator, row: IdentityProvider) -> None:
    lie(entra, "require-assignment", on=True)
    lie(entra, "assign", people=["bob@kestrel.example"])

    with pytest.raises(Refused) as found:
        signed_in(entra, row)

    assert found.value.cause == Cause.NOT_ASSIGNED
    assert "AADSTS50105" in found.value.detail


def test_a_role_that_was_assigned(entra: Simulator, row: IdentityProvider) -> None:
    lie(entra, "assign-role", role="Portal.Admin", people=[ALICE])

    assert signed_in(entra, row).roles == ("Portal.User", "Portal.Admin")
    assert signed_in(entra, row, "nora@kestrel.example").roles == ()
