"""`manage.py check_microsoft`: what is wrong is said in words, and a failure is a failure."""

from __future__ import annotations

from datetime import timedelta
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone

from integrations.microsoft import preflight
from integrations.microsoft.preflight import Check
from tests.integrations.wired import forget_microsoft
from tests.own_certificates import file_of, key_and_certificate
from tests.simulated import Simulator

TENANT = "kestrel.example"


def _checks(tenant: str = TENANT) -> dict[str, Check]:
    forget_microsoft()
    return {check.name: check for check in preflight.checks(tenant=tenant, now=timezone.now())}


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
    parts = key_and_certificate()
    pem = tmp_path / "portal.pem"
    pem.write_bytes(b"".join(parts if key_first else reversed(parts)))
    settings.MICROSOFT_CLIENT_SECRET, settings.MICROSOFT_CLIENT_CERTIFICATE = "", str(pem)

    found = _checks()

    assert found["Kind of credential"].says.startswith("A certificate, MICROSOFT_CLIENT_CERTIFICATE. It expires on ")
    assert found["Credential"].passed is False
    assert "not registered" in found["Credential"].says


def test_the_command_prints_each_line_and_fails_when_something_is_wrong(microsoft: Simulator, settings: Any) -> None:
    settings.MICROSOFT_CLIENT_SECRET = "not-the-one-that-was-registered"
    forget_microsoft()
    printed = StringIO()

    with pytest.raises(CommandError, match="1 of these"):
        call_command("check_microsoft", tenant=TENANT, stdout=printed)

    assert printed.getvalue().count("\n") == 4
    assert "WRONG Credential" in printed.getvalue()


def test_each_credential_is_tried_on_its_own(microsoft: Simulator, settings: Any, tmp_path: Path) -> None:
    certificate = file_of(tmp_path / "portal.pem", days=40)
    microsoft.control("POST", f"applications/{microsoft.client_id}/add-certificate", {"pem": certificate})
    settings.MICROSOFT_CLIENT_SECRET = "not-the-one-that-was-registered"
    settings.MICROSOFT_CLIENT_CERTIFICATE_2 = str(tmp_path / "portal.pem")

    found = _checks()

    assert [found[name].passed for name in ("Credential", "Credential 2")] == [False, True]
    assert "MICROSOFT_CLIENT_SECRET" in found["Credential"].says
    assert "MICROSOFT_CLIENT_CERTIFICATE_2" in found["Credential 2"].says


@pytest.mark.parametrize(
    ("days", "passed", "says"),
    [
        (None, True, "When it ends is not known here: set MICROSOFT_CLIENT_SECRET_EXPIRES."),
        (12, True, "in 12 days."),
        (-3, False, "It has expired"),
    ],
)
def test_it_says_until_when_a_secret_lasts(
    days: int | None, passed: bool, says: str, microsoft: Simulator, settings: Any
) -> None:
    ends = None if days is None else timezone.now() + timedelta(days=days)
    settings.MICROSOFT_CLIENT_SECRET_EXPIRES = ends

    found = _checks()["Kind of credential"]

    assert (found.passed, says in found.says) == (passed, True), found.says


def test_the_second_ones_end_has_a_name_of_its_own(microsoft: Simulator, settings: Any) -> None:
    settings.MICROSOFT_CLIENT_SECRET_2 = "another-secret-of-the-same-application"

    found = _checks()

    assert "MICROSOFT_CLIENT_SECRET_EXPIRES_2" in found["Kind of credential 2"].says
