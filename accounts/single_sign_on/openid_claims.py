"""What an OpenID provider says of a person: its claims, read as the account has set it up."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

from django.core.exceptions import ValidationError
from django.core.validators import validate_email

from accounts.models import IdentityProvider, Protocol
from accounts.single_sign_on import discovery
from accounts.single_sign_on.causes import Cause
from accounts.single_sign_on.checks import Checks
from accounts.single_sign_on.vouched import Vouched

MOST = 1000  # groups or roles
_LONGEST = 200

Claims = dict[str, Any]


def vouched(claims: Claims, provider: IdentityProvider, more: Callable[[], Claims], checks: Checks) -> Vouched:
    """`more` asks for further claims (userinfo): only where the token has no address. Raises Refused."""
    if not _find(claims, provider.email_claim or "email"):
        claims = {**more(), **{name: said for name, said in claims.items() if said not in (None, "")}}
    is_entra = discovery.is_entra(provider.issuer)
    email = _address(claims, provider, checks, is_entra=is_entra)
    return Vouched(
        protocol=Protocol.OPENID_CONNECT,
        issuer=str(claims["iss"]),
        subject=str(claims["sub"]),
        email=email,
        name=_name(claims, provider),
        groups=_values(claims, provider.groups_claim, "Groups", checks, is_entra=is_entra),
        roles=_values(claims, provider.roles_claim, "Roles", checks, is_entra=is_entra),
        tenant=_tenant(claims) if is_entra else "",
    )


def _address(claims: Claims, provider: IdentityProvider, checks: Checks, *, is_entra: bool) -> str:
    """Who may be written into an address by its owner’s own hand is not believed: an `email` of Entra that it calls
    unverified, or of a guest of the tenant, whose own organization writes it (“nOAuth”)."""
    name = provider.email_claim or "email"
    found = _find(claims, name)
    why = f"The provider gives no e-mail address in {name}"
    if is_address(found) and name == "email" and (doubt := _doubt(claims, is_entra=is_entra)):
        found, why = "", f"The provider gives an e-mail address, but {doubt}"
    if not is_address(found) and is_entra:
        name, found = "preferred_username", claims.get("preferred_username")
    if not is_address(found):
        subject = str(claims["sub"])
        raise checks.failed("E-mail", Cause.MISSING_EMAIL, f"{why}.", subject=subject)
    checks.passed("E-mail", f"{found}, from {name}.")
    return str(found)


def _doubt(claims: Claims, *, is_entra: bool) -> str:
    if _is_no(claims.get("email_verified", True)):
        return "calls it unverified (email_verified)"
    owned = claims.get("xms_edov")
    if is_entra and owned is not None and _is_no(owned):
        return "says that the domain’s owner has not verified it (xms_edov)"
    home = claims.get("idp")
    if is_entra and owned is None and isinstance(home, str) and str(claims.get("tid")).lower() not in home.lower():
        return "of a guest of the tenant, whose own organization decides on it (idp)"
    return ""


def _is_no(said: Any) -> bool:
    """Some providers say it as a word or a number."""
    return str(said).lower() not in ("true", "1")


def is_address(found: Any) -> bool:
    if not isinstance(found, str) or len(found) > 254:
        return False
    try:
        validate_email(found)
    except ValidationError:
        return False
    return True


def _name(claims: Claims, provider: IdentityProvider) -> str:
    found = _find(claims, provider.name_claim or "name")
    if not isinstance(found, str) or not found.strip():
        parts = (claims.get("given_name"), claims.get("family_name"))
        found = " ".join(part for part in parts if isinstance(part, str))
    return " ".join(found.split())[:_LONGEST]


def _values(claims: Claims, name: str, what: str, checks: Checks, *, is_entra: bool) -> tuple[str, ...] | None:
    if not name:
        return None
    if _has_too_many(claims, name):
        checks.passed(what, f"Too many for the token to hold ({name}), so nothing is changed. Let it hold fewer.")
        return None
    found = _find(claims, name)
    if found is None and not is_entra:
        checks.passed(what, f"The provider says nothing of them ({name}), so nothing is changed.")
        return None
    # Microsoft leaves the claim out where there is nothing in it.
    told = [found] if isinstance(found, str) else found if isinstance(found, list) else []
    values = tuple(dict.fromkeys(one for one in told if isinstance(one, str) and 0 < len(one) <= _LONGEST))[:MOST]
    checks.passed(what, f"{len(values)} in {name}.")
    return values


def _has_too_many(claims: Claims, name: str) -> bool:
    """Entra names a place where they could be asked for instead (“groups overage”)."""
    elsewhere = claims.get("_claim_names")
    is_elsewhere = isinstance(elsewhere, dict) and name in elsewhere
    return is_elsewhere or (name == "groups" and "groups" not in claims and claims.get("hasgroups") in (True, "true"))


def _tenant(claims: Claims) -> str:
    """The `tid`, where the issuer is that very tenant’s."""
    tenant = claims.get("tid")
    segments = urlsplit(str(claims["iss"])).path.lower().split("/")
    return tenant.lower() if isinstance(tenant, str) and tenant and tenant.lower() in segments else ""


def _find(claims: Claims, name: str) -> Any:
    """By its name; or, where there is none of it, along a path: `realm_access.roles`."""
    if name in claims:
        return claims[name]
    found: Any = claims
    for part in name.split("."):
        found = found.get(part) if isinstance(found, dict) else None
    return found
