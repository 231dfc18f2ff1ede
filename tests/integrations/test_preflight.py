"""`manage.py check_microsoft`: what is wrong is said in words, and a failure is a failure."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import NameOID
from django.core.management import CommandError, call_command

from integrations.microsoft import preflight
from integrations.microsoft.preflight import Check
from tests.integrations.wired import forget_microsoft
from tests.simulated import Simulator

TENANT = "kestrel.example"


def _checks(tenant: str = TENANT) -> dict[str, Check]:
    forget_microsoft()
    return {check.name: check for check in preflight.checks(tenant=tenant)}


def test_all_is_well(microsoft: Simulator) -> None:
    found = _checks()

    assert [check.passed for check in found.values()] == [True, True, True, True]


def test_without_a_named_directory_the_credential_is_not_judged(microsoft: Simulator) -> None:
    found = _checks("organizations")

    assert found["Credential"].passed is None
    assert "--tenant" in found["Credential"].says


def test_a_directory_that_is_not_there(microsoft: Simulator) -> None:
    found = _checks("nowhere.example")

    assert found["Sign-in"].passed is False
    assert "nowhere.example" in found["Sign-in"].says
    assert found["Credential"].passed is None


def test_a_wrong_secret(microsoft: Simulator, settings: Any) -> None:
    settings.MICROSOFT_CLIENT_SECRET = "not-the-one-that-was-registered"

    found = _checks()

    assert found["Credential"].passed is False
    assert "wrong" in found["Credential"].says
    assert settings.MICROSOFT_CLIENT_SECRET not in str(found)


def test_an_expired_secret(microsoft: Simulator) -> None:
    microsoft.control("POST", f"applications/{microsoft.client_id}/expire-secrets")

    found = _checks()

    assert found["Credential"].passed is False
    assert "expired" in found["Credential"].says


def test_the_id_of_a_secret_instead_of_its_value(microsoft: Simulator, settings: Any) -> None:
    settings.MICROSOFT_CLIENT_SECRET = "4c0c1f5a-0b6e-4a57-9f5d-0f6f2a3f8f10"

    found = _checks()

    assert found["Kind of credential"].passed is False
    assert "Value" in found["Kind of credential"].says


def test_an_application_unknown_in_the_directory(microsoft: Simulator) -> None:
    found = _checks("corvid.example")

    assert found["Credential"].passed is False
    assert "is not known in “corvid.example”" in found["Credential"].says


def test_a_certificate_that_is_not_trusted(microsoft: Simulator, settings: Any) -> None:
    settings.MICROSOFT_CA_BUNDLE = ""

    found = _checks()

    assert found["Sign-in"].passed is False
    assert "MICROSOFT_CA_BUNDLE" in found["Sign-in"].says
    assert found["Graph"].passed is False


def test_nobody_there(microsoft: Simulator, settings: Any) -> None:
    settings.MICROSOFT_AUTHORITY_HOST = settings.MICROSOFT_GRAPH_URL = "https://localhost:9"

    found = _checks()

    assert found["Sign-in"].passed is False
    assert "no connection" in found["Sign-in"].says


@pytest.mark.parametrize("path", ["", "/v1", "/control"])
def test_a_graph_address_that_is_not_graph(microsoft: Simulator, settings: Any, path: str) -> None:
    settings.MICROSOFT_GRAPH_URL = f"{microsoft.origin}{path}"

    found = _checks()

    assert found["Graph"].passed is False
    assert "MICROSOFT_GRAPH_URL" in found["Graph"].says


@pytest.mark.parametrize("key_first", [True, False])
def test_a_certificate_that_is_not_registered(
    microsoft: Simulator, settings: Any, tmp_path: Path, key_first: bool
) -> None:
    parts = _key_and_certificate()
    pem = tmp_path / "portal.pem"
    pem.write_bytes(b"".join(parts if key_first else reversed(parts)))
    settings.MICROSOFT_CLIENT_SECRET, settings.MICROSOFT_CLIENT_CERTIFICATE = "", str(pem)

    found = _checks()

    assert found["Kind of credential"].says == "A certificate."
    assert found["Credential"].passed is False
    assert "not registered" in found["Credential"].says


def _key_and_certificate() -> list[bytes]:
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Meridian")])
    now = datetime.now(UTC)
    builder = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
    builder = builder.serial_number(1).not_valid_before(now).not_valid_after(now + timedelta(days=1))
    return [
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()),
        builder.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM),
    ]


def test_the_command_prints_each_line_and_fails_when_something_is_wrong(microsoft: Simulator, settings: Any) -> None:
    settings.MICROSOFT_CLIENT_SECRET = "not-the-one-that-was-registered"
    forget_microsoft()
    printed = StringIO()

    with pytest.raises(CommandError, match="1 of these"):
        call_command("check_microsoft", tenant=TENANT, stdout=printed)

    assert printed.getvalue().count("\n") == 4
    assert "WRONG Credential" in printed.getvalue()
