"""The demo's providers as they are seeded, the portal's own client, and the simulated Entra: all of them real."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from ipaddress import ip_network
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command
from django.utils import timezone
from pytest_django import Settings

from accounts.models import AuditEntry, IdentityProvider, Letter
from accounts.single_sign_on import certificate_letters, certificates, openid_connect, rereading, saml
from accounts.single_sign_on.causes import Cause, Refused
from accounts.single_sign_on.checks import Checks
from accounts.single_sign_on.trips import Trip
from accounts.single_sign_on.vouched import Vouched
from config.management.commands.seed_single_sign_on import CLIENT_ID, OPENID_CONNECT, SAML, TENANT, VARIABLE
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


@pytest.fixture
def by_saml(provider: IdentityProvider) -> IdentityProvider:
    """As the sweep fills it in."""
    assert rereading.read_due(now=timezone.now()) == 1
    return IdentityProvider.objects.get(key=SAML)


def _sign_in_by_saml(entra: Simulator, provider: IdentityProvider, request: str = "_request") -> Vouched:
    now = timezone.now()
    trip = replace(_trip(provider, now=now), request_id=request)
    fields = entra.sign_in(saml.begin(provider, trip, now=now), ALICE)
    assert fields["RelayState"] == trip.state
    return saml.receive(provider, trip, fields["SAMLResponse"], Checks(), now=now)


def test_kestrels_people_come_in_by_saml_too(entra: Simulator, by_saml: IdentityProvider) -> None:
    assert by_saml.metadata_trouble == ""
    assert by_saml.signing_key.startswith("v1.")

    found = _sign_in_by_saml(entra, by_saml)

    assert (found.email, found.name, found.tenant) == (ALICE, "Alice Moreau", str(TENANT))
    assert found.groups == (by_saml.mappings.get(group__name="Sales").value,)
    assert found.roles == ("Portal.User",)


@pytest.mark.parametrize(
    ("what", "parameters", "cause"),
    [
        ("sso-signature", {"signature": "none"}, Cause.SIGNATURE),
        ("sso-signature", {"signature": "broken"}, Cause.SIGNATURE),
        ("sso-certificate", {"certificate": "unpublished"}, Cause.CERTIFICATE_UNKNOWN),
        ("sso-clock", {"minutes": 90}, Cause.CLOCK),
        ("sso-clock", {"minutes": 90, "behind": True}, Cause.CLOCK),
        ("sso-audience", {"on": True}, Cause.AUDIENCE),
        ("sso-email", {"on": True}, Cause.MISSING_EMAIL),
        ("require-assignment", {"on": True}, Cause.NOT_ASSIGNED),
    ],
)
def test_what_is_wrong_on_order_is_seen_by_saml(
    entra: Simulator, by_saml: IdentityProvider, what: str, parameters: dict[str, Any], cause: Cause
) -> None:
    _order(entra, what, **parameters)

    with pytest.raises(Refused) as refused:
        _sign_in_by_saml(entra, by_saml)

    assert refused.value.cause == cause


def test_what_was_given_before_is_no_answer(entra: Simulator, by_saml: IdentityProvider) -> None:
    _sign_in_by_saml(entra, by_saml)
    _order(entra, "sso-replay", on=True)

    with pytest.raises(Refused) as refused:
        _sign_in_by_saml(entra, by_saml, "_another")

    assert refused.value.cause == Cause.NOT_ASKED


def test_a_new_certificate_is_known_a_day_later(entra: Simulator, by_saml: IdentityProvider) -> None:
    _order(entra, "sso-certificate", certificate="published")
    with pytest.raises(Refused):
        _sign_in_by_saml(entra, by_saml)

    assert rereading.read_due(now=timezone.now() + timedelta(hours=23)) == 0
    assert rereading.read_due(now=timezone.now() + timedelta(hours=25)) == 1

    by_saml.refresh_from_db()
    assert _sign_in_by_saml(entra, by_saml, "_another").email == ALICE
    assert AuditEntry.objects.filter(action="single_sign_on.metadata_read").count() == 2


def test_who_cannot_be_read_loses_nothing(entra: Simulator, by_saml: IdentityProvider) -> None:
    known = by_saml.certificates
    entra.control("POST", "tenants/kestrel.example/sign-in-down")
    later = timezone.now() + timedelta(days=2)

    trouble = rereading.read_again(by_saml, now=later)

    by_saml.refresh_from_db()
    assert trouble
    assert (by_saml.metadata_trouble, by_saml.certificates) == (trouble, known)
    assert by_saml.metadata_due_at == later + rereading.AGAIN


def test_another_name_is_not_taken_over(by_saml: IdentityProvider) -> None:
    IdentityProvider.objects.filter(pk=by_saml.pk).update(issuer="https://before.example")
    by_saml.refresh_from_db()

    assert "not taken over" in rereading.read_again(by_saml, now=timezone.now())

    by_saml.refresh_from_db()
    assert by_saml.issuer == "https://before.example"


def test_what_an_admin_changed_meanwhile_stays(by_saml: IdentityProvider) -> None:
    IdentityProvider.objects.filter(pk=by_saml.pk).update(changed_at=timezone.now(), sign_in_url="https://new.example")

    assert rereading.read_again(by_saml, now=timezone.now()) == ""

    assert IdentityProvider.objects.get(pk=by_saml.pk).sign_in_url == "https://new.example"


def test_two_readers_read_it_once(provider: IdentityProvider) -> None:
    now = timezone.now()
    assert rereading.read_due(now=now) == 1
    assert rereading.read_due(now=now) == 0


def test_the_admins_are_told_before_it_ends(by_saml: IdentityProvider) -> None:
    """Each of the four times once; not of one that is off, nor of one for which there is another."""
    end = certificates.last_until(by_saml)
    assert end is not None
    admins = {"dana@kestrel.example"}
    assert certificate_letters.count_down(now=end.not_after) == 0
    IdentityProvider.objects.filter(is_on=True).update(is_on=False)
    IdentityProvider.objects.filter(pk=by_saml.pk).update(is_on=True)

    written = [
        certificate_letters.count_down(now=end.not_after - timedelta(days=days, minutes=-1))
        for days in (40, 31, 30, 29, 7, 6, 1, 0, -1)
    ]

    told = set(Letter.objects.values_list("person__email", flat=True))
    assert admins <= told
    assert [number // len(told) for number in written] == [0, 0, 1, 0, 1, 0, 1, 1, 0]
    assert "has expired" in Letter.objects.latest("pk").text
