"""What the simulated Entra says by SAML, judged by python3-saml: schemas, signatures, audiences, times."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from onelogin.saml2.auth import OneLogin_Saml2_Auth
from onelogin.saml2.idp_metadata_parser import OneLogin_Saml2_IdPMetadataParser
from onelogin.saml2.utils import OneLogin_Saml2_Utils
from onelogin.saml2.xml_utils import OneLogin_Saml2_XML

from tests.simulated import Simulator

ALICE = "alice@kestrel.example"
APP = "4b8f2e63-9a17-4d50-8c3e-7f1b0d6a9e24"
TENANT = "kestrel.example"
ENTITY = "http://localhost:8000/auth/sso/kestrel-saml/metadata.xml"
ACS = "http://localhost:8000/auth/sso/kestrel-saml/acs/"
FORMATS = "urn:oasis:names:tc:SAML"


@pytest.fixture(scope="module")
def entra(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Simulator]:
    started = Simulator().start(Path(tmp_path_factory.mktemp("saml")))
    yield started
    started.stop()


@pytest.fixture(autouse=True)
def _as_on_the_first_day(entra: Simulator) -> Iterator[None]:
    yield
    entra.control("POST", "tenants/kestrel.example/reset")


def metadata(entra: Simulator) -> bytes:
    path = f"{TENANT}/federationmetadata/2007-06/federationmetadata.xml"
    return entra.http().get(f"{entra.origin}/{path}", params={"appid": APP}, timeout=30).content


def settings(entra: Simulator, **security: Any) -> dict[str, Any]:
    """As an administrator sets the service provider up: by the metadata."""
    provider = OneLogin_Saml2_IdPMetadataParser.parse(metadata(entra))["idp"]
    post = f"{FORMATS}:2.0:bindings:HTTP-POST"
    mine = {"entityId": ENTITY, "assertionConsumerService": {"url": ACS, "binding": post}}
    asked = {"requestedAuthnContext": False, "wantAssertionsSigned": True, "wantNameId": True, **security}
    return {"strict": True, "sp": mine, "idp": provider, "security": asked}


def sign_in(entra: Simulator, told: dict[str, Any], name: str = ALICE, **how: Any) -> OneLogin_Saml2_Auth:
    asking = OneLogin_Saml2_Auth(_request({}), told)
    fields = entra.sign_in(asking.login(return_to="going-there", **how), name)
    judging = OneLogin_Saml2_Auth(_request(fields), told)
    judging.process_response(request_id=asking.get_last_request_id())
    return judging


def _request(fields: dict[str, str]) -> dict[str, Any]:
    parts = urlsplit(ACS)
    return {"https": "off", "http_host": parts.netloc, "script_name": parts.path, "get_data": {}, "post_data": fields}


def order(entra: Simulator, what: str, **parameters: object) -> None:
    entra.control("POST", f"applications/{APP}/tenants/{TENANT}/{what}", parameters)


def test_the_metadata_is_metadata_and_signed(entra: Simulator) -> None:
    xml = metadata(entra)
    certificate = OneLogin_Saml2_IdPMetadataParser.parse(xml)["idp"]["x509cert"]

    assert not isinstance(OneLogin_Saml2_XML.validate_xml(xml, "saml-schema-metadata-2.0.xsd"), str)
    assert OneLogin_Saml2_Utils.validate_metadata_sign(xml, cert=OneLogin_Saml2_Utils.format_cert(certificate))


def test_an_assertion_is_accepted(entra: Simulator) -> None:
    found = sign_in(entra, settings(entra))

    assert found.get_errors() == [], found.get_last_error_reason()
    assert found.is_authenticated()
    assert found.get_nameid_format() == f"{FORMATS}:2.0:nameid-format:persistent"
    told = found.get_attributes()
    assert told["http://schemas.xmlsoap.org/ws/2005/05/identity/claims/emailaddress"] == [ALICE]
    assert found.get_session_index()


@pytest.mark.parametrize("signs", ["response", "both"])
def test_each_signing_option_is_accepted(entra: Simulator, signs: str) -> None:
    entra.control("POST", f"applications/{APP}/saml-tokens", {"name_id": "email", "signs": signs})
    wanted = {"wantMessagesSigned": True, "wantAssertionsSigned": signs == "both"}

    found = sign_in(entra, settings(entra, **wanted))

    assert found.get_errors() == [], found.get_last_error_reason()
    assert found.get_nameid() == ALICE


@pytest.mark.parametrize(
    ("what", "parameters", "reason"),
    [
        ("sso-signature", {"signature": "none"}, "not signed"),
        ("sso-signature", {"signature": "broken"}, "Signature validation failed"),
        ("sso-certificate", {"certificate": "unpublished"}, "Signature validation failed"),
        ("sso-clock", {"minutes": 90}, "not yet valid"),
        ("sso-clock", {"minutes": 90, "behind": True}, "expired"),
        ("sso-audience", {"on": True}, "audience"),
    ],
)
def test_what_is_wrong_is_refused(entra: Simulator, what: str, parameters: dict[str, object], reason: str) -> None:
    order(entra, what, **parameters)

    found = sign_in(entra, settings(entra))

    assert not found.is_authenticated()
    assert reason in str(found.get_last_error_reason())


def test_an_assertion_that_was_given_before_is_refused(entra: Simulator) -> None:
    told = settings(entra)
    sign_in(entra, told)
    order(entra, "sso-replay", on=True)

    found = sign_in(entra, told)

    assert "InResponseTo" in str(found.get_last_error_reason())


def test_a_new_certificate_is_accepted_once_the_metadata_has_it(entra: Simulator) -> None:
    before = settings(entra)
    order(entra, "sso-certificate", certificate="published")

    old, new = sign_in(entra, before), sign_in(entra, settings(entra))

    assert not old.is_authenticated()
    assert new.is_authenticated(), new.get_last_error_reason()


def test_who_gives_up_is_told_so_by_a_status(entra: Simulator) -> None:
    order(entra, "require-assignment", on=True)

    found = sign_in(entra, settings(entra))

    assert not found.is_authenticated()
    assert "AADSTS50105" in str(found.get_last_error_reason())


def test_force_authn_and_is_passive_are_understood(entra: Simulator) -> None:
    told = settings(entra)

    assert sign_in(entra, told, force_authn=True).is_authenticated()
    assert "AADSTS50058" in str(sign_in(entra, told, is_passive=True).get_last_error_reason())
