"""/{tenant}/federationmetadata/2007-06/federationmetadata.xml: what an application needs to know, signed."""

from __future__ import annotations

import secrets
from collections.abc import Sequence

from django.http import HttpRequest, HttpResponse
from lxml import etree

from integrations.simulator import place
from integrations.simulator.control import seen
from integrations.simulator.entra import answers, lies, principals
from integrations.simulator.entra.errors import Refused
from integrations.simulator.entra.lies import Lies
from integrations.simulator.entra.saml import signing, words
from integrations.simulator.entra.saml.signing import Certificate
from integrations.simulator.entra.saml.words import DSIG, METADATA, SAMLP
from integrations.simulator.entra.tenants import as_guid, directory
from integrations.simulator.models import Application, Tenant

FORMATS = (words.EMAIL, words.PERSISTENT, words.TRANSIENT, words.UNSPECIFIED)


def federation_metadata(request: HttpRequest, segment: str) -> HttpResponse:
    """With `appid`, the certificates of that application; they differ only where the console says so."""
    try:
        tenant = _tenant(segment)
        ordered = _ordered(request.GET.get("appid", ""), tenant)
    except Refused as refused:
        seen.explain(request, why=refused.why, code=f"AADSTS{refused.code}")
        return answers.refusal(request, refused)
    tid = str(tenant.tid)
    sign_in = f"{place.here().human_origin(request.get_host())}/{tid}/saml2"
    root = _document(tid, sign_in, signing.published(tid, ordered))
    signing.sign(root, signing.signing(tid, Lies()))
    found = etree.tostring(root, xml_declaration=True, encoding="utf-8")
    return HttpResponse(found, content_type="application/samlmetadata+xml; charset=utf-8")


def _tenant(segment: str) -> Tenant:
    where = directory(segment)
    if where.tenant is None:
        raise Refused(90002, tenant=segment)
    return where.tenant


def _ordered(app_id: str, tenant: Tenant) -> Lies:
    if not app_id:
        return Lies()
    guid = as_guid(app_id)
    application = Application.objects.filter(client_id=guid).first() if guid else None
    if application is None or principals.find(application, tenant) is None:
        raise Refused(700016, client_id=app_id[:100], tenant=tenant.name, app=app_id[:100])
    return lies.of(application, tenant)


def _document(tid: str, sign_in: str, listed: Sequence[Certificate]) -> etree._Element:
    about = {"ID": f"_{secrets.token_hex(16)}", "entityID": words.entity_id(tid)}
    root = etree.Element(f"{{{METADATA}}}EntityDescriptor", about, nsmap={None: METADATA})
    provider = etree.SubElement(root, _in("IDPSSODescriptor"), protocolSupportEnumeration=SAMLP)
    for certificate in listed:
        key = etree.SubElement(provider, _in("KeyDescriptor"), use="signing")
        info = etree.SubElement(key, f"{{{DSIG}}}KeyInfo", nsmap={None: DSIG})
        held = etree.SubElement(etree.SubElement(info, f"{{{DSIG}}}X509Data"), f"{{{DSIG}}}X509Certificate")
        held.text = certificate.body
    for form in FORMATS:
        etree.SubElement(provider, _in("NameIDFormat")).text = form
    for binding in (words.REDIRECT, words.POST):
        etree.SubElement(provider, _in("SingleSignOnService"), Binding=binding, Location=sign_in)
    return root


def _in(name: str) -> str:
    return f"{{{METADATA}}}{name}"
