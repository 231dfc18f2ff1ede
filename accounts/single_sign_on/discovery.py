"""What an OpenID provider says of itself (OpenID Connect Discovery 1.0)."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings

from accounts import public_web
from accounts.single_sign_on import kept
from accounts.single_sign_on.causes import Cause, Refused

WELL_KNOWN = "/.well-known/openid-configuration"
_WHAT = "The description of the provider"
_LONGEST = 1000  # characters of an address
_IS_ODD = re.compile(r"[\x00-\x20\x7f\\<>\"]")


@dataclass(frozen=True)
class Discovered:
    issuer: str
    authorization_endpoint: str
    token_endpoint: str
    jwks_uri: str
    # "" where there is none.
    userinfo_endpoint: str
    # How a client may prove who it is; () where nothing is said.
    client_authentication: tuple[str, ...]
    # Claims that it can say, as far as it tells.
    claims: frozenset[str]
    # It names itself in its answers (RFC 9207).
    names_itself: bool


def address_of(issuer: str) -> str:
    """Where it describes itself: a `/` at the end goes (§4.1)."""
    return f"{issuer.rstrip('/')}{WELL_KNOWN}"


def of(issuer: str, *, now: datetime) -> Discovered:
    """Raises Refused; among others where what is there calls itself otherwise than exactly `issuer` (§4.3)."""

    def must_be_it(document: dict[str, Any]) -> None:
        if (said := _read(document).issuer) != issuer:
            raise Refused(Cause.ISSUER, f"The provider calls itself {said}, and {issuer} is what is set up.")

    document = kept.read(address_of(issuer), what=_WHAT, sound=must_be_it, now=now)
    # Kept by an admin's look at the same address, it may have another `/` at its end.
    must_be_it(document)
    return _read(document)


def typed(address: str, *, now: datetime) -> Discovered:
    """Of an address as an admin gives it: the issuer's, or that of its description. Asked anew. Raises Refused."""
    wanted = address.strip().partition("#")[0].removesuffix("/").removesuffix(WELL_KNOWN).rstrip("/")
    if not wanted.startswith("https://") or not urlsplit(wanted).hostname or "?" in wanted:
        raise Refused(Cause.ISSUER, "The issuer is an address that begins with https:// and has no query.")

    def must_be_there(document: dict[str, Any]) -> None:
        if (said := _read(document).issuer).rstrip("/") != wanted:
            raise Refused(Cause.ISSUER, f"The provider at {wanted} calls itself {said}: that is its address.")

    return _read(kept.read_anew(address_of(wanted), what=_WHAT, sound=must_be_there, now=now))


def is_entra(issuer: str) -> bool:
    """Microsoft's own, by its host: what it says of tenants is believed of nobody else."""
    ours = urlsplit(settings.MICROSOFT_AUTHORITY_HOST).netloc
    return urlsplit(issuer).netloc.lower() in {ours.lower(), *_ENTRA}


_ENTRA = frozenset(
    {
        "login.microsoftonline.com",
        "login.microsoftonline.us",
        "login.partner.microsoftonline.cn",
        "login.chinacloudapi.cn",
        "sts.windows.net",
    }
)


def _read(document: dict[str, Any]) -> Discovered:
    issuer = _text(document, "issuer")
    if "{" in issuer:
        raise Refused(
            Cause.ISSUER,
            "This is the address for people of every organization. Use that of your own tenant, with its id in the "
            "place of “common” or “organizations”: anybody’s tenant could vouch for your people otherwise.",
        )
    return Discovered(
        issuer=issuer,
        authorization_endpoint=for_browsers(_text(document, "authorization_endpoint"), what="authorization_endpoint"),
        token_endpoint=_for_us(_text(document, "token_endpoint"), "token_endpoint"),
        jwks_uri=_for_us(_text(document, "jwks_uri"), "jwks_uri"),
        userinfo_endpoint=_for_us(userinfo, "userinfo_endpoint") if (userinfo := _userinfo(document)) else "",
        client_authentication=tuple(_texts(document, "token_endpoint_auth_methods_supported")),
        claims=frozenset(_texts(document, "claims_supported")),
        names_itself=document.get("authorization_response_iss_parameter_supported") is True,
    )


def _userinfo(document: dict[str, Any]) -> str:
    return _text(document, "userinfo_endpoint") if document.get("userinfo_endpoint") else ""


def _text(document: dict[str, Any], name: str) -> str:
    found = document.get(name)
    if isinstance(found, str) and 0 < len(found) <= _LONGEST and found.isascii() and _IS_ODD.search(found) is None:
        return found
    raise Refused(Cause.PROVIDER_MISTAKEN, f"{_WHAT} has no sensible {name}.")


def _texts(document: dict[str, Any], name: str) -> list[str]:
    found = document.get(name)
    return [one for one in found if isinstance(one, str)] if isinstance(found, list) else []


def _for_us(url: str, name: str) -> str:
    if urlsplit(url).scheme != "https":
        raise Refused(Cause.PROVIDER_MISTAKEN, f"{_WHAT} gives an address without https as {name}.")
    return url


def for_browsers(url: str, *, what: str) -> str:
    """By https; plainly on this machine alone, where the operator allows that: in demonstrations. Raises Refused."""
    parts = urlsplit(url)
    if parts.scheme == "https" and parts.hostname and "#" not in url:
        return url
    if parts.scheme == "http" and parts.hostname == "localhost" and _is_allowed_here():
        return url
    raise Refused(Cause.PROVIDER_MISTAKEN, f"{_WHAT} gives no https address as {what}.")


def _is_allowed_here() -> bool:
    try:
        public_web.public_addresses("localhost", until=0)
    except public_web.NotPublic:
        return False
    return True
