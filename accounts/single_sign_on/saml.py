"""Signing in by SAML 2.0: where to send the browser, and what its answer shows (Web Browser SSO Profile).

Requests go by HTTP-Redirect, signed; answers come by HTTP-POST. What is believed is what the provider has signed, and
nothing beside it: the assertion itself has to be signed, since a signature of the response alone is what wrapping
attacks make use of.
"""

from __future__ import annotations

import base64
import hmac
import zlib
from datetime import UTC, datetime
from urllib.parse import urlencode

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from lxml import etree

from accounts.models import IdentityProvider
from accounts.single_sign_on import (
    discovery,
    replays,
    saml_answers,
    saml_assertions,
    saml_attributes,
    saml_signatures,
    signing_keys,
)
from accounts.single_sign_on.causes import Cause, Refused
from accounts.single_sign_on.checks import Checks
from accounts.single_sign_on.saml_addresses import acs_address, entity_id
from accounts.single_sign_on.saml_answers import ASSERTION, PROTOCOL
from accounts.single_sign_on.saml_assertions import Expected
from accounts.single_sign_on.trips import Trip
from accounts.single_sign_on.vouched import Vouched

_RSA_SHA256 = "http://www.w3.org/2001/04/xmldsig-more#rsa-sha256"
_POST = "urn:oasis:names:tc:SAML:2.0:bindings:HTTP-POST"


def begin(provider: IdentityProvider, trip: Trip, *, now: datetime) -> str:
    """The address to send the browser to. Raises Refused."""
    if not provider.sign_in_url:
        raise Refused(Cause.PROVIDER_DOWN, "The provider’s metadata has not been read yet, so there is nowhere to go.")
    request = zlib.compress(_request(provider, trip, now=now))[2:-4]  # raw DEFLATE (Bindings §3.4.4.1)
    asked = {"SAMLRequest": base64.b64encode(request).decode(), "RelayState": trip.state}
    query = urlencode(asked)
    if provider.signing_key:
        # In this very order (§3.4.4.1).
        query = f"{query}&{urlencode({'SigAlg': _RSA_SHA256})}"
        query = f"{query}&{urlencode({'Signature': _signature(provider, query)})}"
    if trip.email and discovery.is_entra(provider.issuer):
        query = f"{query}&{urlencode({'login_hint': trip.email})}"
    return f"{provider.sign_in_url}{'&' if '?' in provider.sign_in_url else '?'}{query}"


def receive(provider: IdentityProvider, trip: Trip, response: str, checks: Checks, *, now: datetime) -> Vouched:
    """`response`: as it was posted, in Base64; `trip`: the one that RelayState names, for this provider. An answer is
    taken once. Raises Refused."""
    root = saml_answers.read(response, checks)
    if trip.provider != provider.pk or not hmac.compare_digest(
        root.get("InResponseTo", "").encode(), trip.request_id.encode()
    ):
        raise checks.failed("Question", Cause.NOT_ASKED, saml_answers.not_asked(root))
    saml_answers.must_be_for(root, acs_address(provider), provider.issuer, checks)
    saml_answers.must_be_success(root, checks)
    assertion = saml_answers.assertion_of(root, provider.issuer, checks)
    saml_signatures.must_be_signed(root, assertion, provider, checks, now=now)
    spent_until = saml_assertions.judge(assertion, _expected(provider, trip), checks, now=now)
    vouched = saml_attributes.vouched(assertion, provider, checks)
    replays.spend(provider, assertion.get("ID", ""), until=spent_until, checks=checks)
    return vouched


def _expected(provider: IdentityProvider, trip: Trip) -> Expected:
    return Expected(
        audience=entity_id(provider),
        recipient=acs_address(provider),
        request_id=trip.request_id,
        shown_since=datetime.fromtimestamp(trip.begun_at, UTC) if trip.purpose == "again" else None,
    )


def _request(provider: IdentityProvider, trip: Trip, *, now: datetime) -> bytes:
    """No form of NameID is asked for: which there is, is set up at the provider, and some refuse all others."""
    root = etree.Element(f"{{{PROTOCOL}}}AuthnRequest", nsmap={"samlp": PROTOCOL, "saml": ASSERTION})
    root.set("ID", trip.request_id)
    root.set("Version", "2.0")
    root.set("IssueInstant", now.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"))
    root.set("Destination", provider.sign_in_url)
    root.set("ProtocolBinding", _POST)
    root.set("AssertionConsumerServiceURL", acs_address(provider))
    if trip.purpose == "again":
        root.set("ForceAuthn", "true")
    etree.SubElement(root, f"{{{ASSERTION}}}Issuer").text = entity_id(provider)
    etree.SubElement(root, f"{{{PROTOCOL}}}NameIDPolicy").set("AllowCreate", "true")
    return bytes(etree.tostring(root))


def _signature(provider: IdentityProvider, query: str) -> str:
    key = load_pem_private_key(signing_keys.key_of(provider).encode(), password=None)
    if not isinstance(key, rsa.RSAPrivateKey):
        raise TypeError("Our signing keys are of RSA.")
    return base64.b64encode(key.sign(query.encode(), padding.PKCS1v15(), hashes.SHA256())).decode()
