"""The certificates that sign assertions, made when they are first needed, and signing with them.

Kept in the data directory, each with its key: of each organization the usual one, the new one and the expired one.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from functools import lru_cache
from threading import Lock

import xmlsec
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from django.utils import timezone
from lxml import etree

from integrations.simulator import certificates, place
from integrations.simulator.entra import lies
from integrations.simulator.entra.lies import Lies

NAME = "Microsoft Azure Federated SSO Certificate"
DAYS = 3 * 365
USUAL, NEW, EXPIRED = "usual", "new", "expired"
_SIGNS = {lies.CURRENT: USUAL, lies.EXPIRED: EXPIRED, lies.UNPUBLISHED: NEW, lies.PUBLISHED: NEW}
_PUBLISHED = {lies.EXPIRED: (EXPIRED,), lies.PUBLISHED: (USUAL, NEW)}


@dataclass(frozen=True)
class Certificate:
    pem: bytes
    key: bytes

    @property
    def body(self) -> str:
        """As it stands in an `X509Certificate`."""
        return "".join(line for line in self.pem.decode().splitlines() if "-----" not in line)


def signing(tid: str, ordered: Lies) -> Certificate:
    return _certificate(tid, _SIGNS[ordered.certificate])


def published(tid: str, ordered: Lies) -> Sequence[Certificate]:
    return [_certificate(tid, which) for which in _PUBLISHED.get(ordered.certificate, (USUAL,))]


def sign(node: etree._Element, certificate: Certificate) -> None:
    """Enveloped, RSA with SHA-256, exclusive canonicalization; after the issuer where there is one."""
    signature = xmlsec.template.create(node, xmlsec.constants.TransformExclC14N, xmlsec.constants.TransformRsaSha256)
    has_issuer = len(node) > 0 and etree.QName(node[0]).localname == "Issuer"
    node.insert(1 if has_issuer else 0, signature)
    reference = xmlsec.template.add_reference(signature, xmlsec.constants.TransformSha256, uri=f"#{node.get('ID')}")
    for transform in (xmlsec.constants.TransformEnveloped, xmlsec.constants.TransformExclC14N):
        xmlsec.template.add_transform(reference, transform)
    about = xmlsec.template.add_x509_data(xmlsec.template.ensure_key_info(signature))
    xmlsec.template.x509_data_add_certificate(about)
    xmlsec.tree.add_ids(node, ["ID"])
    context = xmlsec.SignatureContext()
    context.key = xmlsec.Key.from_memory(certificate.key, xmlsec.constants.KeyDataFormatPem)
    context.key.load_cert_from_memory(certificate.pem, xmlsec.constants.KeyDataFormatPem)
    context.sign(signature)


def _certificate(tid: str, which: str) -> Certificate:
    with _lock:
        return _made(tid, which)


@lru_cache(maxsize=64)
def _made(tid: str, which: str) -> Certificate:
    data = place.here().data
    key = certificates.private_key(data / f"saml-{tid}-{which}-key.pem")
    path = data / f"saml-{tid}-{which}.pem"
    if not path.exists():
        now = timezone.now() - (timedelta(days=DAYS + 1) if which == EXPIRED else timedelta())
        certificate = certificates.self_signed(key, name=NAME, now=now, days=DAYS)
        certificates.write_private(path, certificate.public_bytes(serialization.Encoding.PEM))
    pem = x509.load_pem_x509_certificate(path.read_bytes()).public_bytes(serialization.Encoding.PEM)
    form = (serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    return Certificate(pem, key.private_bytes(*form))


_lock = Lock()
