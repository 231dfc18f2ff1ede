"""What a provider that speaks SAML says of itself (Metadata for SAML 2.0), from its address or from a file."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from urllib.parse import urlsplit

from django.core.exceptions import ValidationError
from lxml import etree
from onelogin.saml2.xml_utils import OneLogin_Saml2_XML

from accounts import outbound
from accounts.single_sign_on import certificates, discovery, wire
from accounts.single_sign_on.causes import Refused

MAX_BYTES: Final = 1024 * 1024
MOST_CERTIFICATES = 10
_LONGEST_ISSUER, _LONGEST_ADDRESS = 500, 1000  # as they are stored
_NAMES = {"md": "urn:oasis:names:tc:SAML:2.0:metadata", "ds": "http://www.w3.org/2000/09/xmldsig#"}
_REDIRECT = "urn:oasis:names:tc:SAML:2.0:bindings:HTTP-Redirect"
_IS_ODD = re.compile(r"[\x00-\x20\x7f\\<>\"]")
_WHAT = "The metadata"


@dataclass(frozen=True)
class Metadata:
    # The entity ID.
    issuer: str
    # Of HTTP-Redirect.
    sign_in_url: str
    # In PEM, those that sign, in order; at least one is good now.
    certificates: tuple[str, ...]


def read_url(address: str) -> bytes:
    """By https. Raises ValidationError."""
    parts = urlsplit(address)
    if parts.scheme != "https" or not parts.hostname or len(address) > _LONGEST_ADDRESS:
        raise ValidationError("The address of the metadata begins with https://.")
    try:
        with outbound.deadline(wire.TOTAL), wire.trouble(_WHAT, address), wire.session() as asked:
            answer = asked.get(address, headers={"Accept": "application/samlmetadata+xml, application/xml, text/xml"})
        wire.must_be_fine(answer, what=_WHAT)
    except Refused as refused:
        raise ValidationError(refused.detail) from refused
    return answer.content


def parse(xml: bytes, *, now: datetime) -> Metadata:
    """Raises ValidationError."""
    root = _root(xml)
    entity = _entity(root)
    _must_be_current(entity, now=now)
    issuer = entity.get("entityID", "").strip()
    if not 0 < len(issuer) <= _LONGEST_ISSUER or _IS_ODD.search(issuer):
        raise ValidationError(f"The metadata has no sensible entity ID (up to {_LONGEST_ISSUER} characters).")
    described = entity.find("md:IDPSSODescriptor", _NAMES)
    return Metadata(issuer, _sign_in_url(described), checked(_certificates(described), now=now))


def checked(pems: list[str], *, now: datetime) -> tuple[str, ...]:
    """Certificates as somebody gives them, each once. Raises ValidationError."""
    found = {}
    for pem in pems[: MOST_CERTIFICATES + 1]:
        try:
            one = certificates.facts(certificates.pem_of(pem))
        except ValueError as problem:
            raise ValidationError(f"One of the certificates is none that can be used: {problem}") from problem
        found[one.fingerprint] = one
    if not found:
        raise ValidationError("There is no certificate by which a signature could be checked (KeyDescriptor).")
    if len(found) > MOST_CERTIFICATES:
        raise ValidationError(f"There are more than {MOST_CERTIFICATES} certificates.")
    if not any(one.is_valid(now) for one in found.values()):
        last = max(found.values(), key=lambda one: one.not_after)
        words = f"has expired on {last.not_after:%Y-%m-%d}" if last.not_after <= now else "is not valid yet"
        raise ValidationError(
            f"No certificate is valid now: {last.fingerprint} {words}. Make a new one at your identity provider first."
        )
    return tuple(one.pem for one in found.values())


def sign_in_address(url: str) -> str:
    """Where browsers may be sent. Raises ValidationError."""
    try:
        found = discovery.for_browsers(url, what="sign-in URL")
    except Refused as refused:
        raise ValidationError("The sign-in URL begins with https://.") from refused
    if len(found) > _LONGEST_ADDRESS or not found.isascii() or _IS_ODD.search(found):
        raise ValidationError(f"The sign-in URL is no address of up to {_LONGEST_ADDRESS} characters.")
    return found


def _root(xml: bytes) -> Any:
    if len(xml) > MAX_BYTES:
        raise ValidationError("The metadata is larger than 1 MB. Give that of your identity provider alone.")
    if not xml.strip():
        raise ValidationError("The metadata is empty.")
    try:
        root = OneLogin_Saml2_XML.to_etree(xml.strip())
    except (ValueError, etree.XMLSyntaxError) as problem:
        kind = "a web page" if xml.lstrip()[:200].lower().startswith((b"<!doctype html", b"<html")) else "no XML"
        raise ValidationError(
            f"What is there is {kind}, not the metadata of an identity provider. Look for “federation metadata” there."
        ) from problem
    return root


def _entity(root: Any) -> Any:
    """The one that signs people in."""
    of_idps = [one for one in _entities(root) if one.find("md:IDPSSODescriptor", _NAMES) is not None]
    if len(of_idps) == 1:
        return of_idps[0]
    if not of_idps:
        raise ValidationError(
            "This is no metadata of an identity provider: it has no IDPSSODescriptor. If it is that of an application, "
            "it is our own; yours comes from the identity provider."
        )
    named = ", ".join(one.get("entityID", "")[:100] for one in of_idps[:5])
    raise ValidationError(f"The metadata is of {len(of_idps)} identity providers ({named}). Give that of one.")


def _entities(root: Any) -> list[Any]:
    entity = f"{{{_NAMES['md']}}}EntityDescriptor"
    return [root] if root.tag == entity else list(root.iter(entity))


def _must_be_current(entity: Any, *, now: datetime) -> None:
    said = entity.get("validUntil")
    try:
        until = datetime.fromisoformat(said) if said else None
    except ValueError:
        until = None
    if until is not None and until.tzinfo is not None and until <= now:
        raise ValidationError(f"The metadata was good until {until:%Y-%m-%d} only. Download it again.")


def _sign_in_url(described: Any) -> str:
    services = described.findall("md:SingleSignOnService", _NAMES)
    by = {each.get("Binding"): each.get("Location", "") for each in services}
    if _REDIRECT not in by:
        raise ValidationError(
            "The identity provider offers no sign-in by HTTP-Redirect (SingleSignOnService). Turn it on there."
        )
    return sign_in_address(by[_REDIRECT].strip())


def _certificates(described: Any) -> list[str]:
    """Of keys without a use, too: they are for both (§2.4.1.1)."""
    found = []
    for key in described.findall("md:KeyDescriptor", _NAMES):
        if key.get("use", "signing") == "signing":
            found += [each.text or "" for each in key.findall(".//ds:X509Certificate", _NAMES)]
    return found
