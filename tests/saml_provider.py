"""An identity provider by SAML, for tests: it says what it is told to say, and signs what it is told to sign."""

from __future__ import annotations

import base64
import zlib
from copy import deepcopy
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

import xmlsec
from lxml import etree

from tests.own_certificates import key_and_certificate

PROTOCOL, ASSERTION = "urn:oasis:names:tc:SAML:2.0:protocol", "urn:oasis:names:tc:SAML:2.0:assertion"
NAMES = {"samlp": PROTOCOL, "saml": ASSERTION, "ds": "http://www.w3.org/2000/09/xmldsig#"}
PERSISTENT = "urn:oasis:names:tc:SAML:2.0:nameid-format:persistent"
SUCCESS = "urn:oasis:names:tc:SAML:2.0:status:Success"
BEARER = "urn:oasis:names:tc:SAML:2.0:cm:bearer"
ISSUER = "https://directory.kestrel.example/saml"
SIGN_IN = "https://directory.kestrel.example/saml/sign-in"


@dataclass(frozen=True)
class Asked:
    """What a portal's request asks for."""

    request_id: str
    issuer: str
    acs: str
    relay_state: str
    is_forced: bool


def asked_by(address: str) -> Asked:
    query = parse_qs(urlsplit(address).query)
    root = etree.fromstring(zlib.decompress(base64.b64decode(query["SAMLRequest"][0]), -15))
    return Asked(
        request_id=root.get("ID"),
        issuer=root.findtext("saml:Issuer", namespaces=NAMES),
        acs=root.get("AssertionConsumerServiceURL"),
        relay_state=query["RelayState"][0],
        is_forced=root.get("ForceAuthn") == "true",
    )


@dataclass(frozen=True)
class Says:
    """An answer. Times in minutes from now."""

    asked: Asked
    subject: str = "subject-of-alice"
    form: str = PERSISTENT
    attributes: dict[str, list[str]] = field(default_factory=lambda: {"email": ["alice@kestrel.example"]})
    issuer: str = ISSUER
    audience: str = ""
    recipient: str = ""
    destination: str = ""
    in_response_to: str = ""
    confirms: str = ""  # InResponseTo of the confirmation
    assertion_id: str = "_assertion-1"
    begins: float = -1
    ends: float = 5
    shown: float = 0
    status: tuple[str, ...] = (SUCCESS,)
    message: str = ""


class SamlProvider:
    def __init__(self, *, days: float = 30) -> None:
        self.key, self.certificate = key_and_certificate(days=days)

    def answer(self, says: Says, *, signs: str = "assertion", **algorithms: Any) -> str:
        """In Base64, as it is posted."""
        root = response(says)
        for each in ("assertion", "response"):
            element = root if each == "response" else root.find("saml:Assertion", NAMES)
            if signs in (each, "both") and element is not None:
                self.sign(element, **algorithms)
        return posted(root)

    def sign(
        self,
        element: Any,
        *,
        by: Any = xmlsec.constants.TransformRsaSha256,
        digest: Any = xmlsec.constants.TransformSha256,
        shows: bool = True,
    ) -> Any:
        """The element itself, after its Issuer."""
        signature = xmlsec.template.create(element, xmlsec.constants.TransformExclC14N, by, ns="ds")
        element.insert(1, signature)
        reference = xmlsec.template.add_reference(signature, digest, uri=f"#{element.get('ID')}")
        xmlsec.template.add_transform(reference, xmlsec.constants.TransformEnveloped)
        xmlsec.template.add_transform(reference, xmlsec.constants.TransformExclC14N)
        if shows:
            xmlsec.template.add_x509_data(xmlsec.template.ensure_key_info(signature))
        xmlsec.tree.add_ids(element, ["ID"])
        context = xmlsec.SignatureContext()
        context.key = xmlsec.Key.from_memory(self.key, xmlsec.constants.KeyDataFormatPem, None)
        if shows:
            context.key.load_cert_from_memory(self.certificate, xmlsec.constants.KeyDataFormatPem)
        context.sign(signature)
        return element

    def metadata(self, **changes: str) -> bytes:
        body = "".join(self.certificate.decode().strip().splitlines()[1:-1])
        certificate = changes.get("certificate", body)
        issuer, sign_in = changes.get("issuer", ISSUER), changes.get("sign_in", SIGN_IN)
        binding = changes.get("binding", "urn:oasis:names:tc:SAML:2.0:bindings:HTTP-Redirect")
        return (
            f'<EntityDescriptor xmlns="urn:oasis:names:tc:SAML:2.0:metadata" entityID="{issuer}"'
            f" {changes.get('more', '')}><IDPSSODescriptor"
            ' protocolSupportEnumeration="urn:oasis:names:tc:SAML:2.0:protocol">'
            f'<KeyDescriptor {changes.get("use", "")}><KeyInfo xmlns="http://www.w3.org/2000/09/xmldsig#"><X509Data>'
            f"<X509Certificate>{certificate}</X509Certificate></X509Data></KeyInfo></KeyDescriptor>"
            f'<SingleSignOnService Binding="{binding}" Location="{sign_in}"/></IDPSSODescriptor></EntityDescriptor>'
        ).encode()


def posted(root: Any) -> str:
    return base64.b64encode(etree.tostring(root)).decode()


def response(says: Says) -> Any:
    """Not signed."""
    asked = says.asked
    root = etree.Element(f"{{{PROTOCOL}}}Response", nsmap={"samlp": PROTOCOL, "saml": ASSERTION})
    _set(root, ID="_response-1", Version="2.0", IssueInstant=_at(0), Destination=says.destination or asked.acs)
    if (to := says.in_response_to or asked.request_id) != "none":
        root.set("InResponseTo", to)
    etree.SubElement(root, f"{{{ASSERTION}}}Issuer").text = says.issuer
    _status(root, says)
    if says.status == (SUCCESS,):
        root.append(assertion(says))
    return root


def assertion(says: Says) -> Any:
    root = etree.Element(f"{{{ASSERTION}}}Assertion", nsmap={"saml": ASSERTION})
    _set(root, ID=says.assertion_id, Version="2.0", IssueInstant=_at(0))
    _text(root, "Issuer", says.issuer)
    subject = _text(root, "Subject", None)
    if says.subject:
        _set(_text(subject, "NameID", says.subject), Format=says.form)
    confirmed = _set(_text(subject, "SubjectConfirmation", None), Method=BEARER)
    data = _set(
        _text(confirmed, "SubjectConfirmationData", None),
        Recipient=says.recipient or says.asked.acs,
        NotOnOrAfter=_at(says.ends),
    )
    if (to := says.confirms or says.asked.request_id) != "none":
        data.set("InResponseTo", to)
    conditions = _set(_text(root, "Conditions", None), NotBefore=_at(says.begins), NotOnOrAfter=_at(says.ends))
    _text(_text(conditions, "AudienceRestriction", None), "Audience", says.audience or says.asked.issuer)
    shown = _set(_text(root, "AuthnStatement", None), AuthnInstant=_at(says.shown))
    _text(_text(shown, "AuthnContext", None), "AuthnContextClassRef", "urn:oasis:names:tc:SAML:2.0:ac:classes:Password")
    if says.attributes:
        statement = _text(root, "AttributeStatement", None)
        for name, values in says.attributes.items():
            attribute = _set(_text(statement, "Attribute", None), Name=name)
            for value in values:
                _text(attribute, "AttributeValue", value)
    return root


def changed(says: Says, **changes: Any) -> Says:
    return replace(says, **changes)


def _status(root: Any, says: Says) -> None:
    status = etree.SubElement(root, f"{{{PROTOCOL}}}Status")
    inner = status
    for code in says.status:
        inner = etree.SubElement(inner, f"{{{PROTOCOL}}}StatusCode")
        inner.set("Value", code)
    if says.message:
        etree.SubElement(status, f"{{{PROTOCOL}}}StatusMessage").text = says.message


def _text(parent: Any, name: str, text: str | None) -> Any:
    element = etree.SubElement(parent, f"{{{ASSERTION}}}{name}")
    element.text = text
    return element


def _set(element: Any, **attributes: str) -> Any:
    for name, value in attributes.items():
        element.set(name, value)
    return element


def _at(minutes: float) -> str:
    return f"{datetime.now(UTC) + timedelta(minutes=minutes):%Y-%m-%dT%H:%M:%SZ}"


def wrapped(root: Any, where: str, evil: Any) -> Any:
    """A response whose signed assertion is hidden `where` while an assertion of somebody's own stands in its place
    (XML signature wrapping: Somorovsky et al., On Breaking SAML, 2012)."""
    root = deepcopy(root)
    signed = root.find("saml:Assertion", NAMES)
    root.remove(signed)
    if where == "response around":
        outer = deepcopy(root)
        outer.set("ID", "_evil")
        outer.append(evil)
        etree.SubElement(outer, f"{{{PROTOCOL}}}Extensions").append(_with(root, signed))
        return outer
    root.append(evil)
    if where == "beside, first":
        root.insert(1, signed)
    elif where == "beside, last":
        root.append(signed)
    elif where == "inside":
        evil.append(signed)
    elif where == "in its signature":
        mark = signed.find("ds:Signature", NAMES)
        signed.remove(mark)
        evil.insert(1, mark)
        etree.SubElement(mark, f"{{{NAMES['ds']}}}Object").append(signed)
    elif where == "in extensions":
        extensions = etree.Element(f"{{{PROTOCOL}}}Extensions")
        extensions.append(signed)
        root.insert(1, extensions)
    elif where == "in its advice":
        advice = etree.Element(f"{{{ASSERTION}}}Advice")
        advice.append(signed)
        evil.insert(3, advice)
    elif where == "same id":
        mark = deepcopy(signed.find("ds:Signature", NAMES))
        evil.set("ID", signed.get("ID"))
        evil.insert(1, mark)
    return root


def _with(root: Any, child: Any) -> Any:
    root.append(child)
    return root
