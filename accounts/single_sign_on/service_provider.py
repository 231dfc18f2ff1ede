"""Our own metadata, for providers that speak SAML (Metadata for SAML 2.0 §2.4.4)."""

from __future__ import annotations

from lxml import etree

from accounts.models import IdentityProvider
from accounts.single_sign_on.saml_addresses import acs_address, entity_id

_METADATA = "urn:oasis:names:tc:SAML:2.0:metadata"
_SIGNATURE = "http://www.w3.org/2000/09/xmldsig#"
_PROTOCOL = "urn:oasis:names:tc:SAML:2.0:protocol"
_POST = "urn:oasis:names:tc:SAML:2.0:bindings:HTTP-POST"
_FORMS = (
    "urn:oasis:names:tc:SAML:2.0:nameid-format:persistent",
    "urn:oasis:names:tc:SAML:1.1:nameid-format:emailAddress",
)


def metadata(provider: IdentityProvider) -> bytes:
    root = etree.Element(f"{{{_METADATA}}}EntityDescriptor", nsmap={None: _METADATA, "ds": _SIGNATURE})
    root.set("entityID", entity_id(provider))
    ours = etree.SubElement(root, f"{{{_METADATA}}}SPSSODescriptor")
    ours.set("protocolSupportEnumeration", _PROTOCOL)
    ours.set("AuthnRequestsSigned", "true" if provider.signing_certificate else "false")
    ours.set("WantAssertionsSigned", "true")
    if provider.signing_certificate:
        described = etree.SubElement(ours, f"{{{_METADATA}}}KeyDescriptor", use="signing")
        info = etree.SubElement(described, f"{{{_SIGNATURE}}}KeyInfo")
        data = etree.SubElement(info, f"{{{_SIGNATURE}}}X509Data")
        lines = provider.signing_certificate.strip().splitlines()[1:-1]
        etree.SubElement(data, f"{{{_SIGNATURE}}}X509Certificate").text = "".join(lines)
    for form in _FORMS:
        etree.SubElement(ours, f"{{{_METADATA}}}NameIDFormat").text = form
    service = etree.SubElement(ours, f"{{{_METADATA}}}AssertionConsumerService", Binding=_POST)
    service.set("Location", acs_address(provider))
    service.set("index", "0")
    service.set("isDefault", "true")
    return bytes(etree.tostring(root, xml_declaration=True, encoding="UTF-8", pretty_print=True))
