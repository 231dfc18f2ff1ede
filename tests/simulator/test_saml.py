"""Single sign-on by SAML, in the protocol's own words; `tests/conformance/test_saml.py` has another's judgement."""

from __future__ import annotations

import base64
import zlib
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode, urljoin

import pytest
import requests
import xmlsec
from cryptography import x509
from lxml import etree

from tests.simulated import PASSWORD, Simulator, form_of
from tests.simulator.client import ALICE, BOB, Client

TID = "6f1d8c3a-2b7e-4c55-9a41-5d0e3b9c7f21"
APP = "4b8f2e63-9a17-4d50-8c3e-7f1b0d6a9e24"
PORTAL = "http://localhost:8000"
ENTITY = f"{PORTAL}/auth/sso/kestrel-saml/metadata.xml"
ACS = f"{PORTAL}/auth/sso/kestrel-saml/acs/"
ISSUER = f"https://sts.windows.net/{TID}/"
HERE = f"applications/{APP}/tenants/kestrel.example"
NS = {
    "samlp": "urn:oasis:names:tc:SAML:2.0:protocol",
    "saml": "urn:oasis:names:tc:SAML:2.0:assertion",
    "md": "urn:oasis:names:tc:SAML:2.0:metadata",
    "ds": "http://www.w3.org/2000/09/xmldsig#",
}
PERSONAL = "http://schemas.xmlsoap.org/ws/2005/05/identity/claims"
MICROSOFT = "http://schemas.microsoft.com/identity/claims"
ROLES = "http://schemas.microsoft.com/ws/2008/06/identity/claims"
FORMATS = "urn:oasis:names:tc:SAML"


def asking(issuer: str = ENTITY, *, inside: str = "", **attributes: str) -> str:
    known = {
        "ID": "_question-1",
        "Version": "2.0",
        "IssueInstant": "2026-11-24T12:00:00Z",
        "AssertionConsumerServiceURL": ACS,
        **attributes,
    }
    said = " ".join(f'{name}="{value}"' for name, value in known.items() if value)
    named = f'<Issuer xmlns="{NS["saml"]}">{issuer}</Issuer>'
    return f'<samlp:AuthnRequest xmlns:samlp="{NS["samlp"]}" {said}>{named}{inside}</samlp:AuthnRequest>'


def policy(form: str) -> str:
    return f'<samlp:NameIDPolicy xmlns:samlp="{NS["samlp"]}" Format="{FORMATS}:{form}"/>'


def context(name: str) -> str:
    reference = f'<AuthnContextClassRef xmlns="{NS["saml"]}">{FORMATS}:2.0:ac:classes:{name}</AuthnContextClassRef>'
    return f'<samlp:RequestedAuthnContext xmlns:samlp="{NS["samlp"]}">{reference}</samlp:RequestedAuthnContext>'


def deflated(xml: str) -> str:
    packed = zlib.compressobj(9, zlib.DEFLATED, -15)
    return base64.b64encode(packed.compress(xml.encode()) + packed.flush()).decode()


def address(simulator: Simulator, xml: str, tenant: str = TID, **more: str) -> str:
    query = urlencode({"SAMLRequest": deflated(xml), "RelayState": "where-they-were-going", **more})
    return f"{simulator.human_url}/{tenant}/saml2?{query}"


class Answer:
    def __init__(self, fields: dict[str, str]) -> None:
        self.relay_state = fields.get("RelayState")
        self.raw = fields["SAMLResponse"]
        self.root = etree.fromstring(base64.b64decode(self.raw))

    def text(self, path: str) -> str:
        found = self.root.find(path, NS)
        assert found is not None, etree.tostring(self.root)
        return str(found.text)

    def at(self, path: str, name: str) -> str:
        found = self.root.find(path, NS)
        assert found is not None, etree.tostring(self.root)
        return str(found.get(name))

    @property
    def status(self) -> list[str]:
        return [code.get("Value", "").rpartition(":")[2] for code in self.root.iter(f"{{{NS['samlp']}}}StatusCode")]

    @property
    def attributes(self) -> dict[str, list[str]]:
        return {one.get("Name"): [value.text for value in one] for one in self.root.iter(f"{{{NS['saml']}}}Attribute")}

    def is_signed_by(self, certificates: list[bytes], which: str = "Assertion") -> bool:
        nodes = self.root.xpath(f"descendant-or-self::*[local-name()='{which}']/ds:Signature", namespaces=NS)
        xmlsec.tree.add_ids(self.root, ["ID"])
        return bool(nodes) and any(_verifies(nodes[0], certificate) for certificate in certificates)


def _verifies(signature: Any, certificate: bytes) -> bool:
    checking = xmlsec.SignatureContext()
    checking.key = xmlsec.Key.from_memory(certificate, xmlsec.constants.KeyDataFormatCertPem)
    checking.register_id(signature.getparent(), "ID")
    try:
        checking.verify(signature)
    except xmlsec.Error:
        return False
    return True


def certificates(simulator: Simulator, app_id: str = APP) -> list[bytes]:
    return [
        f"-----BEGIN CERTIFICATE-----\n{one.text}\n-----END CERTIFICATE-----\n".encode()
        for one in metadata(simulator, app_id).findall(".//md:KeyDescriptor//ds:X509Certificate", NS)
    ]


def metadata(simulator: Simulator, app_id: str = APP) -> Any:
    url = f"{simulator.origin}/{TID}/federationmetadata/2007-06/federationmetadata.xml"
    answer = simulator.http().get(url, params={"appid": app_id} if app_id else {}, timeout=30)
    assert answer.status_code == 200, answer.text
    assert answer.headers["Content-Type"].startswith("application/samlmetadata+xml")
    return etree.fromstring(answer.content)


def sign_in(client: Client, xml: str = "", name: str = ALICE, session: requests.Session | None = None) -> Answer:
    return Answer(client.simulator.sign_in(address(client.simulator, xml or asking()), name, session=session))


@pytest.fixture
def lying(client: Client) -> Iterator[Any]:
    def lie(name: str, **parameters: object) -> None:
        client.simulator.control("POST", f"{HERE}/{name}", parameters)

    yield lie


# ── As it should be ─────────────────────────────────────────────────────────
def test_an_assertion_says_who_it_is_to_whom_and_for_how_long(client: Client) -> None:
    answer = sign_in(client)

    assert answer.relay_state == "where-they-were-going"
    assert answer.status == ["Success"]
    assert answer.root.get("Destination") == ACS
    assert answer.root.get("InResponseTo") == "_question-1"
    assert answer.text("saml:Issuer") == answer.text("saml:Assertion/saml:Issuer") == ISSUER
    assert answer.text(".//saml:Audience") == ENTITY
    confirmed = answer.root.find(".//saml:SubjectConfirmationData", NS)
    assert (confirmed.get("Recipient"), confirmed.get("InResponseTo")) == (ACS, "_question-1")
    assert answer.at(".//saml:Conditions", "NotBefore") < answer.at(".//saml:Conditions", "NotOnOrAfter")
    assert answer.at(".//saml:AuthnStatement", "SessionIndex")
    attributes = answer.attributes
    assert attributes[f"{MICROSOFT}/tenantid"] == [TID]
    assert attributes[f"{MICROSOFT}/displayname"] == ["Alice Moreau"]
    assert attributes[f"{PERSONAL}/emailaddress"] == attributes[f"{PERSONAL}/name"] == [ALICE]
    assert attributes[f"{ROLES}/role"] == ["Portal.User"]
    assert len(attributes[f"{ROLES}/groups"]) == 1


def test_the_certificate_of_the_metadata_has_signed_it(client: Client) -> None:
    root = metadata(client.simulator)

    assert root.get("entityID") == ISSUER
    places = {
        one.get("Binding").rpartition(":")[2]: one.get("Location")
        for one in root.iter(f"{{{NS['md']}}}SingleSignOnService")
    }
    assert set(places.values()) == {f"{client.simulator.human_url}/{TID}/saml2"}
    assert set(places) == {"HTTP-Redirect", "HTTP-POST"}
    assert sign_in(client).is_signed_by(certificates(client.simulator))
    assert certificates(client.simulator, "") == certificates(client.simulator)


@pytest.mark.parametrize(("signs", "where"), [("response", ["Response"]), ("both", ["Response", "Assertion"])])
def test_the_signing_option_decides_what_is_signed(client: Client, signs: str, where: list[str]) -> None:
    client.simulator.control("POST", f"applications/{APP}/saml-tokens", {"name_id": "email", "signs": signs})

    answer = sign_in(client)

    known = certificates(client.simulator)
    assert [which for which in ("Response", "Assertion") if answer.is_signed_by(known, which)] == where


@pytest.mark.parametrize(
    ("form", "expected"),
    [
        ("1.1:nameid-format:emailAddress", ALICE),
        ("2.0:nameid-format:transient", None),
        ("2.0:nameid-format:persistent", None),
    ],
)
def test_people_are_called_as_the_request_wants(client: Client, form: str, expected: str | None) -> None:
    first, second = (sign_in(client, asking(inside=policy(form))) for _ in range(2))

    assert first.at(".//saml:NameID", "Format") == f"{FORMATS}:{form}"
    names = [answer.text(".//saml:NameID") for answer in (first, second)]
    assert ALICE not in names or expected == ALICE
    assert (names[0] == names[1]) == ("transient" not in form)


def test_what_the_request_leaves_open_the_registration_says(client: Client) -> None:
    assert sign_in(client).at(".//saml:NameID", "Format").endswith(":persistent")
    client.simulator.control("POST", f"applications/{APP}/saml-tokens", {"name_id": "email", "signs": "assertion"})

    assert sign_in(client).text(".//saml:NameID") == ALICE


def test_a_request_by_post_is_the_same(client: Client) -> None:
    body = {"SAMLRequest": base64.b64encode(asking().encode()).decode(), "RelayState": "x"}

    turned = client.http.post(f"{client.simulator.human_url}/{TID}/saml2", data=body, allow_redirects=False, timeout=30)

    fields = client.simulator.sign_in(urljoin(client.simulator.human_url, turned.headers["Location"]))
    assert Answer(fields).status == ["Success"]
    assert fields["RelayState"] == "x"


def test_the_answer_can_be_sent_without_a_script(client: Client) -> None:
    browser = client.simulator.http()
    sign_in(client, session=browser)

    page = browser.get(address(client.simulator, asking()), timeout=30)

    assert form_of(page)[0] == ACS
    assert '<button class="button primary">' in page.text
    assert f"form-action 'self' {PORTAL}" in page.headers["Content-Security-Policy"]


def test_who_signed_in_by_saml_meets_no_password_at_the_calendar(client: Client) -> None:
    browser = client.simulator.http()
    sign_in(client, session=browser)

    page = browser.get(client.authorize_url("kestrel.example", login_hint=ALICE), timeout=30)

    assert 'type="password"' not in page.text
    assert "Permissions requested" in page.text or "consent" in page.text.lower()


def test_force_authn_asks_for_the_password_again(client: Client) -> None:
    browser = client.simulator.http()
    first = sign_in(client, session=browser)

    page = browser.get(address(client.simulator, asking(ForceAuthn="true")), timeout=30)

    assert 'type="password"' in page.text
    again = sign_in(client, asking(ForceAuthn="true"), session=browser)
    assert again.at(".//saml:AuthnStatement", "AuthnInstant") > first.at(".//saml:AuthnStatement", "AuthnInstant")


def test_is_passive_shows_no_page(client: Client) -> None:
    browser = client.simulator.http()
    url = address(client.simulator, asking(IsPassive="true"))

    refused = Answer(form_of(browser.get(url, timeout=30))[1])
    sign_in(client, session=browser)
    passed = Answer(form_of(browser.get(url, timeout=30))[1])

    assert refused.status == ["Responder", "NoPassive"]
    assert "AADSTS50058" in refused.text(".//samlp:StatusMessage")
    assert refused.root.get("InResponseTo") == "_question-1"
    assert passed.status == ["Success"]


def test_giving_up_goes_back_with_a_status(client: Client) -> None:
    browser = client.simulator.http()
    page = browser.get(address(client.simulator, asking(), login_hint=ALICE), timeout=30)
    action, fields = form_of(page)

    back = browser.post(urljoin(page.url, action), data={**fields, "answer": "cancel"}, timeout=30)

    answer = Answer(form_of(back)[1])
    assert answer.status == ["Responder", "AuthnFailed"]
    assert answer.root.find(".//saml:Assertion", NS) is None


def test_who_is_not_assigned_gets_a_page_and_a_way_back(client: Client) -> None:
    client.simulator.control("POST", f"{HERE}/require-assignment", {"on": True})
    client.simulator.control("POST", f"{HERE}/assign", {"people": [BOB]})

    refused, passed = sign_in(client), sign_in(client, name=BOB)

    assert refused.status == ["Responder", "AuthnFailed"]
    assert "AADSTS50105" in refused.text(".//samlp:StatusMessage")
    assert passed.status == ["Success"]


# ── What is refused on a page ───────────────────────────────────────────────
@pytest.mark.parametrize(
    ("xml", "code"),
    [
        (asking("https://elsewhere.example/"), 700016),
        (asking(AssertionConsumerServiceURL="http://localhost:8000/elsewhere/"), 50011),
        (asking(ID="1question"), 7500529),
        (asking(Version="1.1"), 75005),
        (asking(ProtocolBinding=f"{FORMATS}:2.0:bindings:HTTP-Artifact"), 75003),
        (asking(inside=context("X509")), 75011),
        (asking(inside=policy("2.0:nameid-format:kerberos")), 75005),
        ("<nonsense", 75005),
        ("<a/>", 75005),
        ('<!DOCTYPE a [<!ENTITY b "c">]>' + asking(), 75005),
    ],
)
def test_what_cannot_be_answered_safely_ends_on_a_page(client: Client, xml: str, code: int) -> None:
    page = client.http.get(address(client.simulator, xml), allow_redirects=False, timeout=30)

    assert page.status_code == 400
    assert f"AADSTS{code}:" in page.text
    assert "SAMLResponse" not in page.text


@pytest.mark.parametrize("query", ["", "SAMLRequest=", "SAMLRequest=!!!", f"SAMLRequest={quote('YWJj')}"])
def test_a_message_that_is_missing_or_no_message_ends_on_a_page(client: Client, query: str) -> None:
    page = client.http.get(f"{client.simulator.human_url}/{TID}/saml2?{query}", timeout=30)

    assert page.status_code == 400
    assert "AADSTS75005:" in page.text or "AADSTS750054:" in page.text


def test_an_application_is_asked_for_in_its_own_organization(client: Client) -> None:
    page = client.http.get(address(client.simulator, asking(), "corvid.example"), timeout=30)

    assert "AADSTS700016:" in page.text


def test_identifiers_are_those_of_the_registration(client: Client) -> None:
    client.simulator.control("POST", f"applications/{APP}/identifier-uris", {"identifier_uris": ["urn:mine"]})

    assert sign_in(client, asking("urn:mine")).text(".//saml:Audience") == "urn:mine"
    assert "AADSTS700016:" in client.http.get(address(client.simulator, asking()), timeout=30).text


# ── What is wrong on order ──────────────────────────────────────────────────
def test_an_expired_certificate_signs_and_is_published(client: Client, lying: Any) -> None:
    lying("sso-certificate", certificate="expired")

    known = certificates(client.simulator)
    answer = sign_in(client)

    held = x509.load_pem_x509_certificate(known[0])
    assert held.not_valid_after_utc < datetime.now(UTC)
    assert answer.is_signed_by(known)


def test_a_new_certificate_signs_before_the_metadata_has_it(client: Client, lying: Any) -> None:
    lying("sso-certificate", certificate="unpublished")
    before = certificates(client.simulator)
    answer = sign_in(client)
    lying("sso-certificate", certificate="published")
    after = certificates(client.simulator)

    assert not answer.is_signed_by(before)
    assert answer.is_signed_by(after)
    assert set(before) < set(after)


@pytest.mark.parametrize("signature", ["none", "broken"])
def test_an_assertion_is_not_signed_or_not_rightly(client: Client, lying: Any, signature: str) -> None:
    lying("sso-signature", signature=signature)

    answer = sign_in(client)

    assert not answer.is_signed_by(certificates(client.simulator))
    assert (answer.root.find(".//ds:Signature", NS) is None) == (signature == "none")


def test_the_clock_is_off(client: Client, lying: Any) -> None:
    honest = sign_in(client).at(".//saml:Conditions", "NotBefore")
    lying("sso-clock", minutes=90, behind=True)
    late = sign_in(client).at(".//saml:Conditions", "NotOnOrAfter")
    lying("sso-clock", minutes=90)
    early = sign_in(client).at(".//saml:Conditions", "NotBefore")

    assert late < honest < early


def test_what_is_said_lacks_the_address_or_is_for_somebody_else(client: Client, lying: Any) -> None:
    lying("sso-email", on=True)
    lying("sso-audience", on=True)

    answer = sign_in(client)

    assert f"{PERSONAL}/emailaddress" not in answer.attributes
    assert answer.text(".//saml:Audience") != ENTITY
    lying("sso-honest")
    honest = sign_in(client)
    assert f"{PERSONAL}/emailaddress" in honest.attributes
    assert honest.text(".//saml:Audience") == ENTITY


def test_the_last_answer_comes_again(client: Client, lying: Any) -> None:
    last = sign_in(client)
    lying("sso-replay", on=True)

    again = sign_in(client, asking(ID="_question-2"), BOB)

    assert again.raw == last.raw
    assert again.root.get("InResponseTo") == "_question-1"


def test_a_sign_in_that_is_down_answers_503_everywhere(client: Client) -> None:
    client.simulator.control("POST", "tenants/kestrel.example/sign-in-down")

    origin, pages = client.simulator.origin, client.simulator.human_url
    answers = [
        client.http.get(url, timeout=30)
        for url in (
            f"{origin}/{TID}/federationmetadata/2007-06/federationmetadata.xml",
            f"{origin}/{TID}/v2.0/.well-known/openid-configuration",
            f"{origin}/{TID}/discovery/v2.0/keys",
            address(client.simulator, asking()),
            client.authorize_url(TID),
        )
    ]

    assert [answer.status_code for answer in answers] == [503] * 5
    assert all(answer.headers["Retry-After"] for answer in answers)
    assert pages
    client.simulator.control("POST", "tenants/kestrel.example/sign-in-up")
    assert sign_in(client).status == ["Success"]


def test_more_groups_than_fit_are_a_link(client: Client) -> None:
    client.person(ALICE, "groups", {"groups": [f"G{number}" for number in range(151)]})

    attributes = sign_in(client).attributes

    assert f"{ROLES}/groups" not in attributes
    assert attributes["http://schemas.microsoft.com/claims/groups.link"]


def test_a_reset_ends_what_was_ordered(client: Client, lying: Any) -> None:
    lying("sso-signature", signature="none")
    client.person(ALICE, "groups", {"groups": []})
    client.simulator.control("POST", "tenants/kestrel.example/reset")

    answer = sign_in(client)

    assert answer.is_signed_by(certificates(client.simulator))
    assert len(answer.attributes[f"{ROLES}/groups"]) == 1


def test_private_keys_are_readable_by_their_owner_alone(client: Client) -> None:
    sign_in(client)

    keys = list(Path(client.simulator.data).glob("saml-*-key.pem"))

    assert keys
    assert {key.stat().st_mode & 0o077 for key in keys} == {0}


def test_the_request_log_says_who_was_signed_in_and_holds_no_assertion(client: Client) -> None:
    answer = sign_in(client)

    log = client.simulator.control("GET", "log")

    assert "an assertion for Meridian single sign-on" in str(log)
    assert answer.raw[:60] not in str(log)
    assert PASSWORD not in str(log)
