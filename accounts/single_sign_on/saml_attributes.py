"""What an assertion says of a person: its NameID and attributes, read as the account has set it up."""

from __future__ import annotations

from urllib.parse import urlsplit

from accounts.models import IdentityProvider, Protocol
from accounts.single_sign_on import discovery, openid_claims
from accounts.single_sign_on.causes import Cause
from accounts.single_sign_on.checks import Checks
from accounts.single_sign_on.saml_answers import NAMES, Element
from accounts.single_sign_on.vouched import Vouched

TENANT = "http://schemas.microsoft.com/identity/claims/tenantid"
# Entra puts it in the place of the groups where there are too many.
GROUPS_LINK = "http://schemas.microsoft.com/claims/groups.link"
_TRANSIENT = "urn:oasis:names:tc:SAML:2.0:nameid-format:transient"
_ADDRESS = "urn:oasis:names:tc:SAML:1.1:nameid-format:emailAddress"
_UNNAMED = "urn:oasis:names:tc:SAML:1.1:nameid-format:unspecified"
_LONGEST_SUBJECT = 500
_LONGEST = 200

Attributes = dict[str, list[str]]


def vouched(assertion: Element, provider: IdentityProvider, checks: Checks) -> Vouched:
    """Raises Refused."""
    subject, form = _subject(assertion, checks)
    told = _attributes(assertion)
    return Vouched(
        protocol=Protocol.SAML,
        issuer=provider.issuer,
        subject=subject,
        email=_email(told, provider, subject, form, checks),
        name=" ".join(" ".join(told.get(provider.name_claim, [])[:1]).split())[:_LONGEST],
        groups=_values(told, provider.groups_claim, "Groups", provider, checks),
        roles=_values(told, provider.roles_claim, "Roles", provider, checks),
        tenant=_tenant(told, provider.issuer),
    )


def _subject(assertion: Element, checks: Checks) -> tuple[str, str]:
    """And the form that it has."""
    found = assertion.findall("saml:Subject/saml:NameID", NAMES)
    subject = (found[0].text or "").strip() if len(found) == 1 and not len(found[0]) else ""
    form = found[0].get("Format", _UNNAMED) if len(found) == 1 else ""
    if form == _TRANSIENT:
        says = "The NameID is transient: another one at each sign-in. Have the provider send a persistent one."
        raise checks.failed("Subject", Cause.MISSING_SUBJECT, says)
    if not subject:
        says = "The assertion names nobody: it has no NameID, or an empty or encrypted one."
        raise checks.failed("Subject", Cause.MISSING_SUBJECT, says)
    if len(subject) > _LONGEST_SUBJECT:
        says = f"The NameID has {len(subject)} characters; {_LONGEST_SUBJECT} are the most."
        raise checks.failed("Subject", Cause.MALFORMED, says)
    checks.passed("Subject", f"A NameID of the form {form.rpartition(':')[2]}.")
    return subject, form


def _attributes(assertion: Element) -> Attributes:
    """By name: each text, in order. What is more than a text is nothing that is looked for."""
    told: Attributes = {}
    for each in assertion.findall("saml:AttributeStatement/saml:Attribute", NAMES):
        values = [value.text.strip() for value in each.findall("saml:AttributeValue", NAMES) if _is_text(value)]
        told.setdefault(each.get("Name", ""), []).extend(value for value in values if value)
    return told


def _is_text(value: Element) -> bool:
    return value.text is not None and not len(value)


def _email(told: Attributes, provider: IdentityProvider, subject: str, form: str, checks: Checks) -> str:
    found = list(dict.fromkeys(told.get(provider.email_claim, [])))
    if len(found) > 1:
        says = f"The provider gives {len(found)} addresses in {provider.email_claim}, and one is needed."
        raise checks.failed("E-mail", Cause.MISSING_EMAIL, says, subject=subject)
    source = provider.email_claim
    if not found and form == _ADDRESS:
        source, found = "the NameID", [subject]
    if not found or not openid_claims.is_address(found[0]):
        sent = ", ".join(name[:100] for name in sorted(told)) or "no attributes"
        says = f"The provider gives no e-mail address in {provider.email_claim}. It sends {sent}."
        raise checks.failed("E-mail", Cause.MISSING_EMAIL, says, subject=subject)
    checks.passed("E-mail", f"{found[0]}, from {source}.")
    return found[0]


def _values(
    told: Attributes, name: str, what: str, provider: IdentityProvider, checks: Checks
) -> tuple[str, ...] | None:
    if not name:
        return None
    if name not in told:
        if what == "Groups" and GROUPS_LINK in told:
            checks.passed(what, "Too many for the assertion to hold, so nothing is changed. Let it hold fewer.")
            return None
        if not discovery.is_entra(provider.issuer):
            checks.passed(what, f"The provider says nothing of them ({name}), so nothing is changed.")
            return None
    # Microsoft leaves the attribute out where there is nothing in it.
    values = tuple(dict.fromkeys(one for one in told.get(name, []) if len(one) <= _LONGEST))[: openid_claims.MOST]
    checks.passed(what, f"{len(values)} in {name}.")
    return values


def _tenant(told: Attributes, issuer: str) -> str:
    """Where the issuer is that very tenant’s of Microsoft’s."""
    said = (told.get(TENANT) or [""])[0].lower()
    segments = urlsplit(issuer).path.lower().split("/")
    return said if said and discovery.is_entra(issuer) and said in segments else ""
