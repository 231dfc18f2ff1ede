"""The outer half of an answer by SAML: what it is, whether it is for us, and what it says besides the assertion.

Nothing of it is signed for certain, so nothing here is believed: it is only ever a reason to refuse.
"""

from __future__ import annotations

import base64
import binascii
from typing import Any, Final

from lxml import etree
from onelogin.saml2.xml_utils import OneLogin_Saml2_XML

from accounts.single_sign_on.causes import Cause
from accounts.single_sign_on.checks import Checks
from accounts.single_sign_on.openid_exchange import said_of

PROTOCOL: Final = "urn:oasis:names:tc:SAML:2.0:protocol"
ASSERTION: Final = "urn:oasis:names:tc:SAML:2.0:assertion"
NAMES: Final = {"samlp": PROTOCOL, "saml": ASSERTION, "ds": "http://www.w3.org/2000/09/xmldsig#"}
LARGEST = 256 * 1024  # characters, in Base64
_STATUS = "urn:oasis:names:tc:SAML:2.0:status:"
_NOT_ASSIGNED = ("AADSTS50105", "AADSTS50020")  # of Entra: no assignment, and not of this tenant

Element = Any  # of lxml, which has no types


def read(response: str, checks: Checks) -> Element:
    """The element Response, without any comment: one would cut a text in two, and one reader reads what another does
    not (CVE-2017-11427). The parser leaves them out, as canonicalization does, and knows no DTD."""
    if not 0 < len(response) <= LARGEST:
        raise checks.failed("Answer", Cause.MALFORMED, f"The answer has {len(response)} characters.")
    try:
        raw = base64.b64decode("".join(response.split()), validate=True)
        root = OneLogin_Saml2_XML.to_etree(raw)
    except (binascii.Error, ValueError, etree.XMLSyntaxError) as problem:
        says = f"The answer is no XML that is allowed here ({type(problem).__name__})."
        raise checks.failed("Answer", Cause.MALFORMED, says) from problem
    if root.tag != f"{{{PROTOCOL}}}Response" or root.get("Version") != "2.0":
        raise checks.failed("Answer", Cause.MALFORMED, "The answer is no Response of SAML 2.0.")
    if any(not isinstance(each.tag, str) for each in root.iter()):
        raise checks.failed("Answer", Cause.MALFORMED, "The answer holds comments or processing instructions.")
    if isinstance(OneLogin_Saml2_XML.validate_xml(root, "saml-schema-protocol-2.0.xsd"), str):
        raise checks.failed("Answer", Cause.MALFORMED, "The answer is not written as SAML 2.0 wants it (schema).")
    return root


def not_asked(root: Element) -> str:
    if root.get("InResponseTo"):
        return "The answer is not to the question of this browser."
    return (
        "The answer is to no question: the sign-in was begun at the provider. Anybody could send somebody here with an "
        "answer of their own, so people begin here."
    )


def must_be_for(root: Element, acs: str, issuer: str, checks: Checks) -> None:
    destination = root.get("Destination")
    if destination is not None and destination != acs:
        says = f"The answer is meant for {said_of(destination)}, and this is {acs}."
        raise checks.failed("Answer", Cause.AUDIENCE, says)
    if (said := root.findtext("saml:Issuer", namespaces=NAMES)) is not None and said.strip() != issuer:
        says = f"The answer is of {said_of(said)}, and {issuer} is what is set up."
        raise checks.failed("Answer", Cause.ISSUER, says)
    checks.passed("Answer", "It is to our question, and meant for us.")


def must_be_success(root: Element, checks: Checks) -> None:
    """The provider says no, by the browser: anybody may have written that, so it is told and not believed."""
    codes = [each.get("Value", "") for each in root.findall("samlp:Status//samlp:StatusCode", NAMES)]
    if codes == [f"{_STATUS}Success"]:
        checks.passed("Status", "The provider has signed somebody in.")
        return
    words = said_of(root.findtext("samlp:Status/samlp:StatusMessage", namespaces=NAMES))
    named = ", ".join(said_of(code.removeprefix(_STATUS))[:60] for code in codes) or "no status"
    says = f"The provider answered with {named}{f': {words}' if words else ''}"
    raise checks.failed("Status", _cause_of(codes, words), says)


def _cause_of(codes: list[str], words: str) -> Cause:
    if any(code in words for code in _NOT_ASSIGNED):
        return Cause.NOT_ASSIGNED
    last = codes[-1].removeprefix(_STATUS) if codes else ""
    if last == "NoAvailableIDP" or (last == "Responder" and not words):
        return Cause.PROVIDER_DOWN
    if last == "AuthnFailed" and not words:
        return Cause.CANCELLED
    return Cause.PROVIDER_REFUSED


def assertion_of(root: Element, issuer: str, checks: Checks) -> Element:
    """The one there is, where it belongs."""
    if root.xpath("//saml:EncryptedAssertion", namespaces=NAMES):
        says = "The assertion is encrypted, which is not supported. Turn token encryption off at the provider."
        raise checks.failed("Assertion", Cause.PROVIDER_MISTAKEN, says)
    found = root.xpath("//saml:Assertion", namespaces=NAMES)
    if len(found) != 1 or found[0].getparent() is not root:
        says = f"The answer holds {len(found)} assertions, or one where none belongs."
        raise checks.failed("Assertion", Cause.MALFORMED, says)
    said = (found[0].findtext("saml:Issuer", namespaces=NAMES) or "").strip()
    if said != issuer:
        says = f"The assertion is of {said_of(said)}, and {issuer} is what is set up."
        raise checks.failed("Assertion", Cause.ISSUER, says)
    checks.passed("Assertion", f"One, of {issuer}.")
    return found[0]
