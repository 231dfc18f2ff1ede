"""GET /me, or /users/{id}: whose mailbox it is, and why somebody may have none."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from django.conf import settings

from integrations.contracts import CalendarError
from integrations.failures import Failure, Outcome, Reason
from integrations.microsoft import http
from integrations.microsoft.graph.mailboxes import OWN

LONGEST_ADDRESS = 254  # RFC 5321 §4.5.3.1.3; what is longer is none, and half of it would be another's
_ASKED = "userPrincipalName,userType,onPremisesSyncEnabled"
_GUEST_MARK = "#ext#"


def get_address(access_token: str, mailbox: str = OWN) -> str:
    """The primary SMTP address, or the user principal name where there is none. Raises `CalendarError`."""
    body = http.get(f"{settings.MICROSOFT_GRAPH_URL}/{mailbox}?$select=mail,userPrincipalName", access_token)
    found = str(body.get("mail") or body.get("userPrincipalName") or "")
    return found if len(found) <= LONGEST_ADDRESS else ""


def get_object_id(access_token: str) -> str:
    """Whose token it is, by the id that the directory knows them by. Raises `CalendarError`."""
    return str(http.get(f"{settings.MICROSOFT_GRAPH_URL}/{OWN}?$select=id", access_token).get("id") or "")


def why_no_mailbox(access_token: str, failure: Failure, mailbox: str = OWN) -> Failure:
    """`failure` with the likeliest reason: Microsoft answers alike for guests, for people without a licence and for
    mailboxes it does not hold. Where the directory says nothing either, or may not be read, the failure as it is."""
    if failure.outcome is not Outcome.NOT_ELIGIBLE:
        return failure
    try:
        body = http.get(f"{settings.MICROSOFT_GRAPH_URL}/{mailbox}?$select={_ASKED}", access_token)
    except CalendarError:
        return failure
    return replace(failure, reason=reason_in(body))


def reason_in(body: Mapping[str, Any]) -> Reason:
    """Why an account without a mailbox here has none, from its /me. Pure.

    An account that is copied from a directory of the organization's own most likely has its mailbox on a server there:
    no mailbox is kept there without it. Licences say nothing for certain: there are many without a mailbox.
    """
    is_guest = str(body.get("userType") or "").casefold() == "guest"
    if is_guest or _GUEST_MARK in str(body.get("userPrincipalName") or "").casefold():
        return Reason.GUEST
    return Reason.ON_PREMISES if body.get("onPremisesSyncEnabled") is True else Reason.NO_MAILBOX
