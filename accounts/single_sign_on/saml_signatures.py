"""Whether an assertion is signed by its provider, and it is the signed one that is read.

Of all that XML Signature can say only one form is taken: one signature, a child of the assertion, of the whole
assertion by its ID, without any transform that could change what is read (SAML 2.0 core §5.4).
"""

from __future__ import annotations

from collections import Counter
from datetime import datetime, timedelta
from typing import Final

import xmlsec

from accounts.models import IdentityProvider
from accounts.single_sign_on import certificates
from accounts.single_sign_on.causes import Cause
from accounts.single_sign_on.certificates import Facts
from accounts.single_sign_on.checks import Checks
from accounts.single_sign_on.openid_exchange import said_of
from accounts.single_sign_on.saml_answers import NAMES, Element

SKEW: Final = timedelta(minutes=5)
_MORE = "http://www.w3.org/2001/04/xmldsig-more#"
_EXCLUSIVE = "http://www.w3.org/2001/10/xml-exc-c14n#"
_SIGNATURES = frozenset(f"{_MORE}{kind}-sha{size}" for kind in ("rsa", "ecdsa") for size in (256, 384, 512))
_DIGESTS = frozenset(
    {"http://www.w3.org/2001/04/xmlenc#sha256", f"{_MORE}sha384", "http://www.w3.org/2001/04/xmlenc#sha512"}
)
_TRANSFORMS = frozenset({"http://www.w3.org/2000/09/xmldsig#enveloped-signature", _EXCLUSIVE})


def must_be_signed(
    root: Element, assertion: Element, provider: IdentityProvider, checks: Checks, *, now: datetime
) -> None:
    """Raises Refused."""
    signature = _signature(root, assertion, checks)
    _must_be_of(signature, assertion, checks)
    xmlsec.tree.add_ids(root, ["ID"])
    known = certificates.of(provider)
    signer = next((one for one in known if _verifies(signature, one)), None)
    if signer is None:
        raise _of_nobody(signature, known, checks)
    if not signer.not_before - SKEW <= now < signer.not_after + SKEW:
        says = (
            f"The certificate {signer.fingerprint} that signed is good from {signer.not_before:%Y-%m-%d} until "
            f"{signer.not_after:%Y-%m-%d}. Make a new one at the provider, and read its metadata again."
        )
        raise checks.failed("Certificate", Cause.CERTIFICATE_EXPIRED, says)
    checks.passed("Signature", f"By {signer.fingerprint}, good until {signer.not_after:%Y-%m-%d}.")


def _signature(root: Element, assertion: Element, checks: Checks) -> Element:
    ids = Counter(each.get("ID") for each in root.iter() if each.get("ID") is not None)
    if any(number > 1 for number in ids.values()):
        raise checks.failed("Signature", Cause.SIGNATURE, "Two elements of the answer have the same ID.")
    found = assertion.findall("ds:Signature", NAMES)
    if len(found) == 1:
        return found[0]
    says = "The assertion is not signed."
    if root.find("ds:Signature", NAMES) is not None:
        says = "Only the response is signed, not the assertion. Have the provider sign the assertion."
    raise checks.failed("Signature", Cause.SIGNATURE, says)


def _must_be_of(signature: Element, assertion: Element, checks: Checks) -> None:
    """Signed is the assertion that is read, as a whole, by what is safe today."""
    told = {
        "signs": [each.get("URI") for each in signature.findall("ds:SignedInfo/ds:Reference", NAMES)],
        "objects": signature.findall(".//ds:Object", NAMES),
    }
    if told["signs"] != [f"#{assertion.get('ID')}"] or told["objects"]:
        raise checks.failed("Signature", Cause.SIGNATURE, "The signature is of something else than the assertion.")
    for path, allowed in (
        ("ds:SignedInfo/ds:CanonicalizationMethod", {_EXCLUSIVE}),
        ("ds:SignedInfo/ds:SignatureMethod", _SIGNATURES),
        ("ds:SignedInfo/ds:Reference/ds:DigestMethod", _DIGESTS),
        ("ds:SignedInfo/ds:Reference/ds:Transforms/ds:Transform", _TRANSFORMS),
    ):
        for each in signature.findall(path, NAMES):
            if each.get("Algorithm") not in allowed:
                says = f"It is made by {said_of(each.get('Algorithm'))[:120]}, which is not accepted: use RSA-SHA256."
                raise checks.failed("Signature", Cause.SIGNATURE, says)


def _verifies(signature: Element, by: Facts) -> bool:
    """By that key alone: what the answer says of keys is not looked at."""
    context = xmlsec.SignatureContext()
    context.key = xmlsec.Key.from_memory(by.pem, xmlsec.constants.KeyDataFormatCertPem, None)
    try:
        context.verify(signature)
    except xmlsec.Error:
        return False
    return True


def _of_nobody(signature: Element, known: list[Facts], checks: Checks) -> Exception:
    ours = ", ".join(one.fingerprint for one in known) or "none"
    shown = _shown(signature)
    if shown is not None and shown.fingerprint not in {one.fingerprint for one in known}:
        says = f"It was signed with the certificate {shown.fingerprint}; known here: {ours}. Read the metadata again."
        return checks.failed("Certificate", Cause.CERTIFICATE_UNKNOWN, says)
    if not known:
        return checks.failed("Certificate", Cause.CERTIFICATE_UNKNOWN, "No certificate of the provider is known here.")
    says = f"The signature is by none of the certificates that are known here ({ours}), or what it signs was changed."
    return checks.failed("Signature", Cause.SIGNATURE, says)


def _shown(signature: Element) -> Facts | None:
    """The certificate that comes along: only for words."""
    said = signature.findtext("ds:KeyInfo/ds:X509Data/ds:X509Certificate", namespaces=NAMES)
    try:
        return certificates.facts(certificates.pem_of(said)) if said else None
    except ValueError:
        return None
