"""The answers: a Response with an assertion about a person, or with the reason why there is none."""

from __future__ import annotations

import base64
import secrets
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from lxml import etree

from integrations.simulator import handed_out
from integrations.simulator.entra import errors, lies, memberships
from integrations.simulator.entra.claims import pairwise
from integrations.simulator.entra.errors import Refused, Trace
from integrations.simulator.entra.lies import Lies
from integrations.simulator.entra.saml import signing, words
from integrations.simulator.entra.saml.asked import SamlReply
from integrations.simulator.entra.saml.words import SAML, SAMLP
from integrations.simulator.models import BrowserSession, NameId, Person, Signs

BEFORE, LIFETIME = timedelta(minutes=5), timedelta(hours=1)
# Who may not see a page, or nobody signed in for whom none could be shown.
_PASSIVE = (50058, 16000)


@dataclass(frozen=True)
class _Times:
    now: datetime
    signed_in: datetime


def assertion(reply: SamlReply, session: BrowserSession, *, now: datetime) -> str:
    """As the form carries it; with what is ordered to be wrong with it."""
    ordered = lies.of(reply.application, session.person.tenant)
    times = _Times(now + ordered.clock, session.signed_in_at + ordered.clock)
    root = _response(reply, words.SUCCESS, now=times.now)
    told = _assertion(root, reply, session, ordered, times)
    if ordered.signature != lies.NONE:
        _sign(root, told, reply, ordered)
    if ordered.signature == lies.BROKEN:
        told.set("IssueInstant", _moment(times.now - timedelta(seconds=1)))
    whose = ("saml", reply.tid, str(reply.application.client_id))
    return handed_out.note(lies.once_more(ordered, whose, _encoded(root)))


def refusal(reply: SamlReply, refused: Refused, trace: Trace) -> str:
    """Not signed: it says nothing about anybody."""
    second = words.NO_PASSIVE if refused.code in _PASSIVE else words.AUTHN_FAILED
    root = _response(reply, words.RESPONDER, second, errors.description(refused, trace), now=trace.now)
    return _encoded(root)


def _response(reply: SamlReply, status: str, second: str = "", message: str = "", *, now: datetime) -> etree._Element:
    root = etree.Element(
        f"{{{SAMLP}}}Response",
        {
            "ID": _new_id(),
            "Version": "2.0",
            "IssueInstant": _moment(now),
            "Destination": reply.redirect_uri,
            "InResponseTo": reply.question.id,
        },
        nsmap={"samlp": SAMLP},
    )
    _issuer(root, reply)
    found = etree.SubElement(root, f"{{{SAMLP}}}Status")
    code = etree.SubElement(found, f"{{{SAMLP}}}StatusCode", Value=status)
    if second:
        etree.SubElement(code, f"{{{SAMLP}}}StatusCode", Value=second)
    if message:
        etree.SubElement(found, f"{{{SAMLP}}}StatusMessage").text = message
    return root


def _assertion(
    root: etree._Element, reply: SamlReply, session: BrowserSession, ordered: Lies, times: _Times
) -> etree._Element:
    about = {"ID": _new_id(), "IssueInstant": _moment(times.now), "Version": "2.0"}
    told = etree.SubElement(root, f"{{{SAML}}}Assertion", about, nsmap={None: SAML})
    _issuer(told, reply)
    until = _moment(times.now + LIFETIME)
    _subject(told, reply, session.person, until)
    within = {"NotBefore": _moment(times.now - BEFORE), "NotOnOrAfter": until}
    limits = etree.SubElement(etree.SubElement(told, _in("Conditions"), within), _in("AudienceRestriction"))
    etree.SubElement(limits, _in("Audience")).text = ordered.audience(reply.question.issuer)
    _attributes(told, reply, session, ordered)
    when = {"AuthnInstant": _moment(times.signed_in), "SessionIndex": f"_{session.sid}"}
    context = etree.SubElement(etree.SubElement(told, _in("AuthnStatement"), when), _in("AuthnContext"))
    etree.SubElement(context, _in("AuthnContextClassRef")).text = words.PASSWORD
    return told


def _subject(told: etree._Element, reply: SamlReply, person: Person, until: str) -> None:
    subject = etree.SubElement(told, _in("Subject"))
    form, name = _name_id(reply, person)
    etree.SubElement(subject, _in("NameID"), Format=form).text = name
    confirmed = etree.SubElement(subject, _in("SubjectConfirmation"), Method=words.BEARER)
    about = {"InResponseTo": reply.question.id, "NotOnOrAfter": until, "Recipient": reply.redirect_uri}
    etree.SubElement(confirmed, _in("SubjectConfirmationData"), about)


def _name_id(reply: SamlReply, person: Person) -> tuple[str, str]:
    """Format and value: as the request wants it, else as the registration has it."""
    form = reply.question.format
    if form == words.UNSPECIFIED:
        form = words.PERSISTENT if reply.application.name_id == NameId.PERSISTENT else words.EMAIL
    if form == words.TRANSIENT:
        return form, f"_{secrets.token_hex(16)}"
    return form, pairwise(person, reply.question.issuer) if form == words.PERSISTENT else person.sign_in_name


def _attributes(told: etree._Element, reply: SamlReply, session: BrowserSession, ordered: Lies) -> None:
    statement = etree.SubElement(told, _in("AttributeStatement"))
    person = session.person
    for name, values in _said_of(person, session, reply):
        if ordered.without_email and name in words.ADDRESSES:
            continue
        attribute = etree.SubElement(statement, _in("Attribute"), Name=name)
        for value in values:
            etree.SubElement(attribute, _in("AttributeValue")).text = value


def _said_of(person: Person, session: BrowserSession, reply: SamlReply) -> Iterable[tuple[str, Sequence[str]]]:
    yield f"{words.MICROSOFT}/tenantid", [str(person.tenant.tid)]
    yield f"{words.MICROSOFT}/objectidentifier", [str(person.oid)]
    yield f"{words.MICROSOFT}/displayname", [person.name]
    listed = memberships.groups(person, reply.application)
    if len(listed) > memberships.MOST_IN_ASSERTION:
        yield words.GROUPS_ELSEWHERE, [memberships.endpoint(person)]
    elif listed:
        yield f"{words.ROLES}/groups", listed
    yield f"{words.MICROSOFT}/identityprovider", [words.entity_id(person.tenant.tid)]
    yield words.METHODS, [words.BY_PASSWORD, *([words.BY_SEVERAL] if session.has_mfa else [])]
    if roles := memberships.roles(person, reply.application):
        yield f"{words.ROLES}/role", roles
    if person.given_name:
        yield f"{words.PERSONAL}/givenname", [person.given_name]
    if person.surname:
        yield f"{words.PERSONAL}/surname", [person.surname]
    if person.mail:
        yield f"{words.PERSONAL}/emailaddress", [person.mail]
    yield f"{words.PERSONAL}/name", [person.sign_in_name]


def _sign(root: etree._Element, told: etree._Element, reply: SamlReply, ordered: Lies) -> None:
    certificate = signing.signing(reply.tid, ordered)
    if reply.application.signs in (Signs.ASSERTION, Signs.BOTH):
        signing.sign(told, certificate)
    if reply.application.signs in (Signs.RESPONSE, Signs.BOTH):
        signing.sign(root, certificate)


def _issuer(node: etree._Element, reply: SamlReply) -> None:
    etree.SubElement(node, _in("Issuer"), nsmap={None: SAML}).text = words.entity_id(reply.tid)


def _in(name: str) -> str:
    return f"{{{SAML}}}{name}"


def _new_id() -> str:
    """An xs:ID does not begin with a digit."""
    return f"_{secrets.token_hex(16)}"


def _moment(at: datetime) -> str:
    return f"{at.astimezone(UTC):%Y-%m-%dT%H:%M:%S}.{at.microsecond // 1000:03d}Z"


def _encoded(root: etree._Element) -> str:
    return base64.b64encode(etree.tostring(root)).decode()
