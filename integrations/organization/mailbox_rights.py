"""What a mailbox of an organization allows, asked with the organization's token: its roles, and those of Exchange.

Answers are kept with the roles that the token named then (`TenantLink.probed`): whatever is granted or taken away for
all mailboxes makes the answers of before worthless.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction

from integrations import states
from integrations.contracts import CalendarError, NotPermitted
from integrations.failures import Failure
from integrations.microsoft import app_claims
from integrations.microsoft.graph import calendars, mailboxes, rights
from integrations.models import Connection, State, TenantLink
from integrations.organization import asking_ews
from integrations.organization.needs import WRITE_CALENDARS, Asked, Said, contained

ASK_AGAIN_AFTER = timedelta(hours=1)
AFTER_SILENCE = timedelta(minutes=10)
_ROLES, _AT = "rights_roles", "rights_at"
_OF_ROLES = (Asked.CALENDAR_WRITE, Asked.CONTACTS)  # what counts for the roles of then alone


@dataclass(frozen=True)
class Answers:
    """Of one mailbox."""

    address: str
    said: Mapping[str, str]
    # To quote to Microsoft's support.
    code: str = ""
    trace_id: str = ""

    @property
    def is_open(self) -> bool:
        return self.said.get(Asked.CALENDAR) == Said.OK


def ask(link: TenantLink, token: str, address: str, mailbox: str) -> Answers:
    """Three requests, none of which changes anything; by EWS, which knows nothing smaller than all of a mailbox, the
    calendar alone. Raises nothing that belongs to Microsoft."""
    if link.is_by_ews:
        return _ask_by_ews(token, address)
    said: dict[str, str] = {}
    code = trace_id = ""
    for asked, look in _LOOKS.items():
        said[asked], failure = _answer(look, token, mailbox)
        if failure and not code:
            code, trace_id = failure.code, failure.trace_id
    return Answers(address, said, code, trace_id)


def known(link: TenantLink) -> dict[str, str]:
    """What a mailbox last said, as far as it still counts."""
    found = {name.value: str(link.probed[name]) for name in Asked if link.probed.get(name)}
    if link.probed.get(_ROLES) == sorted(link.roles):
        return found
    return {name: said for name, said in found.items() if name == Asked.CALENDAR}


def may_write_calendars(link: TenantLink) -> bool:
    """By a role of the token, or because a mailbox said so. By EWS nothing is written."""
    if link.is_by_ews:
        return False
    return WRITE_CALENDARS in contained(link.roles) or known(link).get(Asked.CALENDAR_WRITE) == Said.OK


def note_principal(link: TenantLink, token: str) -> None:
    """The object id of our enterprise application there, as a token names it: it stands in commands."""
    found = app_claims.principal_in(token)
    if found and found != link.service_principal_id:
        TenantLink.objects.filter(pk=link.pk, ended_at=None).update(service_principal_id=found)
        link.service_principal_id = found


def are_old(link: TenantLink, *, now: datetime) -> bool:
    if link.probed.get(_ROLES) != sorted(link.roles):
        return True
    try:
        at = datetime.fromisoformat(str(link.probed.get(_AT)))
    except ValueError:
        return True
    return now - at > ASK_AGAIN_AFTER


def note(link: TenantLink, answers: Answers, *, now: datetime) -> None:
    """Keep them, and of a mailbox that said nothing that it was asked. What `link_checks` knows of the calendar stays
    its own."""
    heard = {name: said for name, said in answers.said.items() if said != Said.NOTHING and name != Asked.CALENDAR}
    at = now if heard else now - ASK_AGAIN_AFTER + AFTER_SILENCE
    address = {"probed_address": answers.address} if heard else {}
    with transaction.atomic():
        mine = TenantLink.objects.select_for_update(of=("self",)).filter(pk=link.pk, ended_at=None)
        for found in mine.only("probed"):
            is_same = found.probed.get(_ROLES) == sorted(link.roles)
            before = {name: said for name, said in found.probed.items() if is_same or name not in _OF_ROLES}
            link.probed = {**before, **heard, _ROLES: sorted(link.roles), _AT: at.isoformat()}
            link.probed_address = address.get("probed_address", link.probed_address)
            TenantLink.objects.filter(pk=link.pk).update(probed=link.probed, **address)


def typical(link: TenantLink) -> Connection | None:
    """The mailbox to ask where nobody named one: the same as before, because those of Exchange's scopes differ; else
    whichever answered last."""
    own = Connection.objects.filter(link=link.pk, state__in=(State.CONNECTED, State.DEGRADED))
    own = own.exclude(object_id="", address="").defer("refresh_token", "access_token")
    same = own.filter(state=State.CONNECTED, address__iexact=link.probed_address) if link.probed_address else own.none()
    return same.order_by("pk").first() or own.order_by("-last_good_at", "pk").first()


def path_to(link: TenantLink, address: str) -> str:
    """By the object id where somebody connected has this address: an address may be an alias."""
    own = Connection.objects.filter(link=link.pk, address__iexact=address).exclude(object_id="")
    return mailboxes.of(own.values_list("object_id", flat=True).first() or address)


def _ask_by_ews(token: str, address: str) -> Answers:
    answer = asking_ews.open_one(token, address)
    if not isinstance(answer, Failure):
        return Answers(address, {Asked.CALENDAR: Said.OK})
    said = Said.REFUSED if states.kept_out_by(answer) else Said.NOTHING
    return Answers(address, {Asked.CALENDAR: said}, answer.code, answer.trace_id)


def _calendar(token: str, mailbox: str) -> None:
    calendars.get_default_calendar(token, mailbox)


_LOOKS: Mapping[Asked, Callable[[str, str], None]] = {
    Asked.CALENDAR: _calendar,
    Asked.CALENDAR_WRITE: rights.may_write_calendar,
    Asked.CONTACTS: rights.may_read_contacts,
}


def _answer(look: Callable[[str, str], None], token: str, mailbox: str) -> tuple[Said, Any]:
    try:
        look(token, mailbox)
    except NotPermitted as problem:
        return Said.REFUSED, problem.failure
    except CalendarError as problem:
        return Said.NOTHING, problem.failure
    return Said.OK, None
