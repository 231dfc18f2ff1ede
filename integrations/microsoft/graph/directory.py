"""GET /users: everybody in an organization's directory, as far as it is needed to tell whose a mailbox is."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings

from integrations.contracts import Passing, Unreachable
from integrations.failures import Failure, Outcome, Reason
from integrations.microsoft import http
from integrations.microsoft.graph.asking_again import Patience
from integrations.microsoft.graph.me import LONGEST_ADDRESS
from integrations.organization.matching import Entry

PAGE = 999  # the most that Graph gives
MAX_PAGES = 5000
PATIENCE = timedelta(seconds=60)
_ASKED = "id,userPrincipalName,mail,proxyAddresses,userType,accountEnabled,onPremisesSyncEnabled"
_GUEST_MARK = "#ext#"
_BROKEN = Failure(Outcome.UNREACHABLE, Reason.SERVICE_TROUBLE, code="unreadable answer")


def everybody(access_token: str, *, patience: Patience | None = None) -> Iterator[Entry]:
    """All of it, or an error: half a directory would look as if people had left. Raises `CalendarError`."""
    patience = patience or Patience(PATIENCE, times=10)
    url: str | None = f"{settings.MICROSOFT_GRAPH_URL}/users?$select={_ASKED}&$top={PAGE}"
    for _ in range(MAX_PAGES):
        if url is None:
            return
        body = _page(url, access_token, patience)
        found = body.get("value")
        if not isinstance(found, list):
            raise Unreachable(_BROKEN)
        yield from map(read, found)
        url = _next(body.get("@odata.nextLink"))
    if url is not None:
        raise Unreachable(_BROKEN)


def read(raw: Any) -> Entry:
    """Raises Unreachable for what is nobody."""
    if not isinstance(raw, dict) or not raw.get("id"):
        raise Unreachable(_BROKEN)
    upn = _address(raw.get("userPrincipalName"))
    return Entry(
        object_id=str(raw["id"]).lower(),
        upn=upn,
        mail=_address(raw.get("mail")),
        aliases=tuple(_aliases(raw.get("proxyAddresses"))),
        is_guest=str(raw.get("userType") or "").casefold() == "guest" or _GUEST_MARK in upn.casefold(),
        # Null where the directory does not say: who may not read that reads nothing of it.
        is_enabled=raw.get("accountEnabled") is not False,
        is_on_premises=raw.get("onPremisesSyncEnabled") is True,
    )


def _aliases(raw: Any) -> Iterator[str]:
    """Only mail: others (`x500:`, `SIP:`) are no addresses."""
    for one in raw if isinstance(raw, list) else ():
        kind, _, address = str(one).partition(":")
        if kind.casefold() == "smtp" and (found := _address(address)):
            yield found


def _address(raw: Any) -> str:
    found = str(raw or "").strip()
    return found if len(found) <= LONGEST_ADDRESS else ""


def _page(url: str, access_token: str, patience: Patience) -> dict[str, Any]:
    while True:
        try:
            return http.get(url, access_token)
        except Passing as problem:
            if problem.failure.reason is Reason.TOKEN_REFUSED or not patience.wait(problem.failure):
                raise


def _next(link: Any) -> str | None:
    """Graph's own link, followed only to Graph: the token goes with it."""
    if not link:
        return None
    if urlsplit(str(link)).netloc != urlsplit(settings.MICROSOFT_GRAPH_URL).netloc:
        raise Unreachable(_BROKEN)
    return str(link)
