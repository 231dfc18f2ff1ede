"""Who may speak to Exchange at all: bearer tokens of its own resource in the cloud, passwords on-premises."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial
from uuid import UUID

from django.db.models import QuerySet
from django.http import HttpRequest

from integrations.simulator import place, premises
from integrations.simulator.control import faults, seen, troubles
from integrations.simulator.entra.resources import EXCHANGE
from integrations.simulator.entra.roles import EWS_SCOPED
from integrations.simulator.ews import refusals, retirement, signing_in
from integrations.simulator.ews.callers import Caller, Server, TurnedAway
from integrations.simulator.ews.retirement import No, Switches
from integrations.simulator.graph import bearer, scoping
from integrations.simulator.graph.asking import Caller as Bearer
from integrations.simulator.graph.errors import Refused as BadToken
from integrations.simulator.models import Application, Fault, Person, ServicePrincipal

DELEGATED = "EWS.AccessAsUser.All"
ROLE = "full_access_as_app"
_CHALLENGE = (
    'Bearer client_id="00000002-0000-0ff1-ce00-000000000000", '
    'trusted_issuers="00000001-0000-0000-c000-000000000000@*", '
    'token_types="app_asserted_user_v1 service_asserted_app_v1", '
    'authorization_uri="https://login.microsoftonline.com/common/oauth2/authorize"'
)
_TOO_LITTLE = '2000008;reason="The token contains not enough scope to make this call.";error_category="invalid_grant"'


def server_of(request: HttpRequest) -> Server:
    """By the port that was asked."""
    is_ours = request.META["SERVER_PORT"] == str(place.here().exchange_port)
    return Server.ON_PREMISES if is_ours else Server.ONLINE


def who(request: HttpRequest, *, now: datetime) -> Caller:
    """Raises `TurnedAway`, or Exchange's own refusal of who is known."""
    if server_of(request) == Server.ON_PREMISES:
        return _on_premises(request, now=now)
    return _online(request, now=now)


def meet_faults(request: HttpRequest, caller: Caller, operation: str, person: Person | None, *, now: datetime) -> None:
    """Raises what was ordered for this operation: a rule's path is a pattern for its name."""
    trouble = faults.meet(
        Fault.Target.EWS,
        tenant=caller.tenant.pk if caller.tenant else None,
        person=person.pk if person else None,
        application=partial(_application_of, caller.client_id),
        method=request.method or "",
        path=operation,
        now=now,
    )
    if trouble is None:
        return
    if trouble.status == 500 or trouble.code:
        raise troubles.exchange_refusal(trouble)
    headers = {"Retry-After": trouble.retry_after} if trouble.retry_after else {}
    if trouble.status == 401:
        headers |= _challenge(caller.server)
    raise TurnedAway(trouble.status, troubles.WHY, headers=headers, body=trouble.message)


# ── Exchange Online ─────────────────────────────────────────────────────────
def _online(request: HttpRequest, *, now: datetime) -> Caller:
    token = _token(request.headers.get("Authorization", ""), now=now)
    seen.explain(request, who=token.person or "", app=token.client_id, tenant=token.tenant.name)
    if token.person is not None and DELEGATED not in token.granted:
        raise TurnedAway(403, f"The token lacks {DELEGATED}.", headers={"x-ms-diagnostics": _TOO_LITTLE})
    no = partial(_refusal, token, now=now)
    _turn_away(no(mailbox=token.person.ews_enabled if token.person else None))
    return Caller(
        server=Server.ONLINE,
        people=_people(Person.Mailbox.CLOUD).filter(tenant=token.tenant),
        person=token.person,
        client_id=token.client_id,
        tenant=token.tenant,
        may_impersonate=_opens(token) if token.person is None else _nobody,
        enter=lambda person: _turn_away(no(mailbox=person.ews_enabled)),
    )


def _token(authorization: str, *, now: datetime) -> Bearer:
    if authorization.lower().startswith("basic "):
        raise _unauthorized("Exchange Online takes no passwords any more: basic authentication is off for all.")
    try:
        return bearer.read(authorization, audiences=(EXCHANGE.audience,), now=now)
    except BadToken as refused:
        raise _unauthorized(refused.why or refused.message) from None


def _unauthorized(why: str) -> TurnedAway:
    return TurnedAway(401, why, headers=_challenge(Server.ONLINE))


def _refusal(token: Bearer, *, mailbox: bool | None, now: datetime) -> No | None:
    tenant = token.tenant
    switches = Switches(tenant.ews_enabled, tenant.ews_allowed_app_ids)
    day = tenant.ews_policy_date or now.astimezone(UTC).date()
    return retirement.refusal(switches, application=str(token.client_id), mailbox=mailbox, day=day)


def _turn_away(no: No | None) -> None:
    if no is not None:
        raise TurnedAway(403, no.why, headers={retirement.HEADER: no.reason})


def _opens(token: Bearer) -> Callable[[Person], bool]:
    """The union of two: Entra's role less the access policy, and Exchange's own role where its scope reaches."""
    principal = scoping.principal_of(token)
    has_role = ROLE in token.granted
    if not has_role and EWS_SCOPED not in _scoped(principal, None):
        raise refusals.access_denied().because(
            f"The application has neither {ROLE} nor a role {EWS_SCOPED} of Exchange."
        )

    def opens(person: Person) -> bool:
        if person.tenant_id != token.tenant.pk:
            return False
        is_inside = principal is None or not scoping.is_outside(principal, person)
        return (has_role and is_inside) or EWS_SCOPED in _scoped(principal, person)

    return opens


def _scoped(principal: ServicePrincipal | None, person: Person | None) -> frozenset[str]:
    return scoping.scoped_roles(principal, person) if principal else frozenset()


# ── On-premises ─────────────────────────────────────────────────────────────
def _on_premises(request: HttpRequest, *, now: datetime) -> Caller:
    """Whoever has an account is let in; whose mailbox is elsewhere finds none. No switch of Microsoft's counts."""
    person = signing_in.sign_in(request, now=now)
    wait = premises.current().back_off_milliseconds
    if wait is not None:
        raise refusals.server_busy(wait).because("The server was made busy in the console.")
    return Caller(
        server=Server.ON_PREMISES,
        people=_people(Person.Mailbox.ON_PREMISES),
        person=person,
        tenant=person.tenant,
        may_impersonate=lambda other: person.may_impersonate and other.tenant_id == person.tenant_id,
    )


def _people(mailbox: str) -> QuerySet[Person]:
    return Person.objects.filter(mailbox=mailbox, deleted_at=None)


def _nobody(_: Person) -> bool:
    return False


def _challenge(server: Server) -> dict[str, str]:
    return dict(signing_in.CHALLENGE) if server == Server.ON_PREMISES else {"WWW-Authenticate": _CHALLENGE}


def _application_of(client_id: UUID | None) -> int | None:
    return Application.objects.filter(client_id=client_id).values_list("pk", flat=True).first() if client_id else None
