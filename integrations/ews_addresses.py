"""Addresses of Exchange Web Services: typed by people, kept in one canonical form. Pure.

Whether an address may be asked (where its name leads, which ports the operator allows) is for those who know the
settings: the form asks with `ports`, the connection itself looks at where the name leads.
"""

from __future__ import annotations

from collections.abc import Collection
from ipaddress import IPv6Address, ip_address
from urllib.parse import SplitResult, quote, urlsplit

from accounts.domain_names import NotADomain, normal

LONGEST = 300
PATH = "/EWS/Exchange.asmx"
PORT = 443
# The name of one's own machine leads there without being looked up (RFC 6761).
OWN_MACHINE = "localhost"

# Where Exchange Online is asked, in the world's clouds.
_MICROSOFTS = frozenset(
    {
        "outlook.office365.com",
        "outlook.office.com",
        "autodiscover-s.outlook.com",
        "outlook.office365.us",
        "outlook-dod.office365.us",
        "webmail.apps.mil",
        "partner.outlook.cn",
    }
)
_SAFE_IN_PATH = "/%:=&~+!$,;'@()*-._"


class NotAnAddress(ValueError):
    """The sentence says what is wrong."""


def canonical(typed: str, *, ports: Collection[int] | None = None) -> str:
    """https, host in lower case, the port only where it is not 443, the path. `ports`: those that the operator allows.

    A bare host (`mail.kestrel.example`) gets the path that every Exchange Server has. "" stays "": Microsoft's own.
    Raises NotAnAddress.
    """
    text = typed.strip()
    if not text:
        return ""
    if len(text) > LONGEST:
        raise NotAnAddress(f"An EWS URL has at most {LONGEST} characters.")
    if not text.isprintable() or " " in text or "\\" in text:
        raise NotAnAddress("An EWS URL has no spaces and no backslashes in it.")
    parts = _parts(text if "://" in text else f"https://{text}")
    host, port = _host(parts), _port(parts, ports)
    path = quote(parts.path if parts.path.strip("/") else PATH, safe=_SAFE_IN_PATH)
    found = f"https://{host}{f':{port}' if port != PORT else ''}{path}"
    if len(found) > LONGEST:
        raise NotAnAddress(f"An EWS URL has at most {LONGEST} characters.")
    return found


def is_canonical(address: str) -> bool:
    try:
        return canonical(address) == address
    except NotAnAddress:
        return False


def is_microsofts(host: str) -> bool:
    """Is this Exchange Online, and nobody's own server?"""
    return host.lower().removesuffix(".") in _MICROSOFTS


def host_of(address: str) -> str:
    """Of a canonical address, as people read it: its host, and the port where it is not 443."""
    return urlsplit(address).netloc


def origin_of(address: str) -> str:
    """Of a canonical address: what is the same for everything on that server."""
    return f"https://{urlsplit(address).netloc}"


def _parts(text: str) -> SplitResult:
    try:
        parts = urlsplit(text)
        parts.port  # noqa: B018  raises ValueError where the port is no number
    except ValueError as problem:
        raise NotAnAddress(
            "That is not an address: write it like https://mail.kestrel.example/EWS/Exchange.asmx."
        ) from problem
    if parts.scheme.lower() != "https":
        raise NotAnAddress("An EWS URL begins with https://, so that passwords and calendars travel encrypted.")
    if parts.username is not None or parts.password is not None or "@" in parts.netloc:
        raise NotAnAddress("Leave the user name and password out of the EWS URL: they have fields of their own.")
    if "#" in text or "?" in text:
        raise NotAnAddress("An EWS URL ends with its path: leave out “?”, “#” and what follows them.")
    return parts


def _host(parts: SplitResult) -> str:
    host = (parts.hostname or "").removesuffix(".")
    if not host:
        raise NotAnAddress("The EWS URL names no server: write it like https://mail.kestrel.example/EWS/Exchange.asmx.")
    if host == OWN_MACHINE:
        return host
    try:
        literal = ip_address(host)
    except ValueError:
        pass
    else:
        return f"[{literal.compressed}]" if isinstance(literal, IPv6Address) else str(literal)
    try:
        return normal(host)
    except NotADomain as problem:
        raise NotAnAddress(
            "The EWS URL must name the server in full: write it like https://mail.kestrel.example/EWS/Exchange.asmx."
        ) from problem


def _port(parts: SplitResult, allowed: Collection[int] | None) -> int:
    port = parts.port if parts.port is not None else PORT
    if port == 0 or (allowed is not None and port != PORT and port not in allowed):
        raise NotAnAddress(f"Port {port} is not allowed in an EWS URL here. Use {_listed(allowed or ())}.")
    return port


def _listed(ports: Collection[int]) -> str:
    known = sorted({PORT, *ports})
    return " or ".join([", ".join(map(str, known[:-1])), str(known[-1])]) if len(known) > 1 else str(known[0])
