"""An AuthnRequest as it comes: taken out of its binding, and read. Pure."""

from __future__ import annotations

import base64
import binascii
import re
import zlib
from dataclasses import dataclass

from lxml import etree

from integrations.simulator.entra.errors import Refused
from integrations.simulator.entra.saml.words import (
    EMAIL,
    PASSWORD,
    PERSISTENT,
    POST,
    SAML,
    SAMLP,
    TRANSIENT,
    UNSPECIFIED,
)

LONGEST = 256 * 1024
FORMATS = (UNSPECIFIED, EMAIL, PERSISTENT, TRANSIENT)
# What a sign-in by password satisfies; anything else is refused with 75011.
CLASSES = "urn:oasis:names:tc:SAML:2.0:ac:classes:"
SATISFIED = (PASSWORD, f"{CLASSES}PasswordProtectedTransport", f"{CLASSES}unspecified")
_ID = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]{0,255}")


@dataclass(frozen=True)
class AuthnRequest:
    id: str
    issuer: str
    reply_url: str
    """"" where the registration is to say."""
    format: str
    subject: str
    force_authn: bool
    is_passive: bool


def inflate(text: str) -> bytes:
    """Of the HTTP-Redirect binding."""
    if not text:
        raise Refused(750054)
    try:
        found = zlib.decompressobj(-15).decompress(_decoded(text), LONGEST)
    except zlib.error:
        raise Refused(75005) from None
    return found


def deflate(text: str) -> str:
    """From the HTTP-POST binding to the other: the pages that follow carry the request in their address."""
    if not text:
        raise Refused(750054)
    packed = zlib.compressobj(9, zlib.DEFLATED, -15)
    return base64.b64encode(packed.compress(_decoded(text)) + packed.flush()).decode()


def read(xml: bytes) -> AuthnRequest:
    """What of it Entra heeds. Signatures are let be, as where their check is not turned on."""
    root = _parsed(xml)
    if root.tag != f"{{{SAMLP}}}AuthnRequest" or root.get("Version") != "2.0":
        raise Refused(75005)
    identifier = root.get("ID", "")
    if not _ID.fullmatch(identifier):
        raise Refused(7500529, value=identifier[:100])
    if root.get("ProtocolBinding", POST) != POST:
        raise Refused(75003)
    _check_context(root)
    policy = root.find(f"{{{SAMLP}}}NameIDPolicy")
    wanted = UNSPECIFIED if policy is None else policy.get("Format", UNSPECIFIED)
    if wanted not in FORMATS:
        raise Refused(75005)
    return AuthnRequest(
        id=identifier,
        issuer=(root.findtext(f"{{{SAML}}}Issuer") or "").strip(),
        reply_url=root.get("AssertionConsumerServiceURL", "").strip(),
        format=wanted,
        subject=(root.findtext(f"{{{SAML}}}Subject/{{{SAML}}}NameID") or "").strip().lower(),
        force_authn=root.get("ForceAuthn") in ("true", "1"),
        is_passive=root.get("IsPassive") in ("true", "1"),
    )


def _check_context(root: etree._Element) -> None:
    asked = root.find(f"{{{SAMLP}}}RequestedAuthnContext")
    if asked is None or asked.get("Comparison", "exact") != "exact":
        return
    wanted = [(one.text or "").strip() for one in asked.findall(f"{{{SAML}}}AuthnContextClassRef")]
    if wanted and not set(wanted) & set(SATISFIED):
        raise Refused(75011, wanted=", ".join(wanted)[:300])


def _parsed(xml: bytes) -> etree._Element:
    parser = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False, huge_tree=False)
    try:
        root = etree.fromstring(xml, parser)
    except (etree.XMLSyntaxError, ValueError):
        raise Refused(75005) from None
    if root.getroottree().docinfo.doctype:
        raise Refused(75005)
    return root


def _decoded(text: str) -> bytes:
    try:
        return base64.b64decode("".join(text.split()), validate=True)
    except (binascii.Error, ValueError):
        raise Refused(75005) from None
