"""A connection that was moved to Graph goes by EWS again: within the grace, while the settings say EWS, and only once
EWS has opened the mailbox."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from enum import StrEnum

from django.db import IntegrityError, transaction
from django.db.models import Q

from accounts import audit, outbound, vault
from accounts.cascade.read import effective
from accounts.domain_names import domain_of
from accounts.models import User
from integrations import scopes, tokens
from integrations.contracts import CalendarError
from integrations.exchange import mailboxes
from integrations.microsoft import identity
from integrations.models import Connection, EwsPast, GraphProspect, Move, State
from integrations.organization import tenant_tokens
from integrations.policy import Shape, may_connect
from integrations.preferences import Api, Integrations, Method, Service
from integrations.states.leaving import opened_otherwise

BACK = audit.declare(
    "calendar.back_to_ews", "{target} goes by Exchange Web Services again instead of Graph.", personal_target=True
)

ALL_OF_IT = timedelta(seconds=25)
AGAIN = timedelta(minutes=5)
AT_ONCE = 20
_NO_TOKENS = {"refresh_token": "", "access_token": "", "access_expires_at": None}


class Returned(StrEnum):
    BACK = "back"
    NOT_KEPT = "not_kept"
    NOT_ALLOWED = "not_allowed"
    NO_ANSWER = "no_answer"
    OVERTAKEN = "overtaken"


def may_go_back(past: EwsPast, settings: Integrations) -> bool:
    """Whether the settings say, for this person, what the connection was."""
    shape = Shape(
        service=Service(past.service),
        api=Api.EWS,
        method=Method(past.method),
        server=past.server.address if past.server else "",
        domain=domain_of(past.address) or "unknown",
    )
    return may_connect(settings, shape) is None


def to_bring_back(*, now: datetime) -> Sequence[int]:
    """Connections that the settings block because they say EWS again, and that were by EWS before."""
    rested = Q(connection__failed_at=None) | Q(connection__failed_at__lte=now - AGAIN)
    blocked = EwsPast.objects.filter(rested, kept_until__gt=now, connection__state=State.BLOCKED_BY_POLICY)
    pasts = blocked.select_related("connection__user__account", "server").order_by("pk")[:AT_ONCE]
    return [one.connection_id for one in pasts if may_go_back(one, effective(Integrations, one.connection.user))]


def go_back(connection_id: int, *, actor: User | None = None, now: datetime) -> tuple[Returned, str]:
    """And why not, as far as EWS said. Raises nothing that belongs to Microsoft or to a server."""
    past = _past_of(connection_id, now=now)
    if past is None:
        return Returned.NOT_KEPT, ""
    if not may_go_back(past, effective(Integrations, past.connection.user)):
        return Returned.NOT_ALLOWED, ""
    try:
        with outbound.deadline(ALL_OF_IT):
            got = _opened(past, now=now)
    except (vault.CannotOpen, tenant_tokens.Busy, tenant_tokens.NotAlive, LookupError):
        _note(past, now=now)
        return Returned.NO_ANSWER, ""
    except CalendarError as problem:
        _note(past, now=now)
        return Returned.NO_ANSWER, problem.failure.reason.value
    return _cross(past, got, actor=actor, now=now), ""


def _past_of(connection_id: int, *, now: datetime) -> EwsPast | None:
    kept = EwsPast.objects.filter(connection=connection_id, kept_until__gt=now, connection__api=Api.GRAPH.value)
    kept = kept.exclude(connection__state=State.DISCONNECTED)
    return kept.select_related("connection__user__account", "server", "link__account").first()


def _opened(past: EwsPast, *, now: datetime) -> identity.Tokens | None:
    """The probe; with the tokens by which it goes on, where it is the person's own access. Raises `CalendarError`,
    CannotOpen, LookupError where what it needs is gone."""
    if past.service == Service.EXCHANGE.value:
        _probe_server(past)
        return None
    if past.method == Method.APPLICATION_PERMISSIONS.value:
        link = past.link
        if link is None or link.ended_at is not None:
            raise LookupError
        mailboxes.probe_as_app(tenant_tokens.access_token(link, now=now), past.address)
        return None
    got = identity.refresh(_secret(past), tenant_id=past.tenant_id, scopes=scopes.scopes_for_ews())
    mailboxes.probe_delegated(got.access_token, past.address)
    return got


def _probe_server(past: EwsPast) -> None:
    server = past.server
    if server is None:
        raise LookupError
    if past.method == Method.IMPERSONATION.value:
        mailboxes.probe_impersonating(server, past.address)
        return
    mailboxes.probe_password(server.address, user_name=past.user_name, password=_secret(past), address=past.address)


def _secret(past: EwsPast) -> str:
    if not past.secret:
        raise LookupError
    return vault.open_sealed(past.secret, bound_to=vault.place_of(past, "secret"))


def _note(past: EwsPast, *, now: datetime) -> None:
    """So that the sweep leaves it alone for a while."""
    Connection.objects.filter(pk=past.connection_id, state=State.BLOCKED_BY_POLICY).update(failed_at=now)


def _cross(past: EwsPast, got: identity.Tokens | None, *, actor: User | None, now: datetime) -> Returned:
    try:
        with transaction.atomic():
            person = User.objects.select_for_update(no_key=True).filter(pk=past.connection.user_id).first()
            row = _locked(past)
            if person is None or row is None or not may_go_back(past, effective(Integrations, person)):
                return Returned.OVERTAKEN
            before = {"api": row.api, "method": row.method}
            _carry(row, past, got, now=now)
            row.save()
            EwsPast.objects.filter(pk=past.pk).delete()
            GraphProspect.objects.filter(connection=row).delete()
            after = {"api": row.api, "method": row.method}
            audit.record(
                BACK, account=person.account, actor=actor, on=row, now=now, before=before, after=after, about=person
            )
    except IntegrityError:  # the mailbox is somebody else's by now
        return Returned.OVERTAKEN
    return Returned.BACK


def _locked(past: EwsPast) -> Connection | None:
    as_read = past.connection
    mine = Connection.objects.filter(pk=as_read.pk, token_version=as_read.token_version, api=Api.GRAPH.value)
    locked = mine.exclude(state=State.DISCONNECTED).select_for_update(of=("self",))
    return locked.select_related("user__account").first()


def _carry(row: Connection, past: EwsPast, got: identity.Tokens | None, *, now: datetime) -> None:
    row.service, row.api, row.method = past.service, Api.EWS.value, past.method
    row.link, row.server, row.user_name = past.link, past.server, past.user_name
    row.tenant_id, row.object_id, row.address = past.tenant_id, past.object_id, past.address
    row.calendar_write = row.contacts_write = False
    row.withheld, row.move = [], Move.UNKNOWN
    opened_otherwise(row, now=now)
    for name, value in _access(row, past, got, now=now).items():
        setattr(row, name, value)


def _access(row: Connection, past: EwsPast, got: identity.Tokens | None, *, now: datetime) -> dict[str, object]:
    if got is not None:
        return tokens.sealed(row, got, asked_at=now)
    is_own = past.method == Method.PASSWORD.value
    password = vault.seal(_secret(past), bound_to=vault.place_of(row, "password")) if is_own else ""
    # Of an own server there is nothing to renew; the sweep that renews looks at it instead.
    due = now if past.service == Service.EXCHANGE.value else None
    version = row.token_version + 1
    return {**_NO_TOKENS, "password": password, "granted": [], "refresh_due_at": due, "token_version": version}
