"""What a worker makes of Microsoft's answer: tokens, an identity, an opened mailbox, a connection.

Each step is written down before the next begins. Whatever passes is tried again; whatever does not ends the
request with a reason, and an existing connection stays as it was.
"""

from __future__ import annotations

import json
import random
import uuid
from dataclasses import replace
from datetime import datetime, timedelta

import structlog
from django.db import IntegrityError, transaction
from django.db.models import Q

from accounts import audit, outbound
from accounts.cascade.read import effective
from accounts.models import User
from integrations import failures, scopes, states, tokens, vault
from integrations.connecting import opened, place
from integrations.contracts import CalendarError, CredentialRefused, NotEligible, NotPermitted, Passing
from integrations.domains import domain_of
from integrations.failures import Failure, Reason
from integrations.microsoft import id_tokens, identity
from integrations.microsoft.graph import events, me
from integrations.models import Connection, ConsentRequest, Ending, State, Step
from integrations.policy import Obstacle, Shape, may_connect
from integrations.preferences import Integrations

log = structlog.get_logger(__name__)

CONNECTED = audit.declare("calendar.connected", "{actor} connected {target}.", personal_target=True)

CLAIM = timedelta(seconds=60)
ATTEMPT = timedelta(seconds=50)  # every request of one attempt together; shorter than the claim
GIVE_UP = timedelta(minutes=30)
FORSAKE = timedelta(days=1)  # what fails in ways nobody foresaw is not tried for ever


_ENDINGS = {Obstacle.DOMAIN: Ending.ANOTHER_DOMAIN}


class _Ended(Exception):
    """This request leads nowhere; the reason says why."""

    def __init__(self, reason: str, failure: Failure | None = None) -> None:
        super().__init__(reason)
        self.reason, self.failure = reason, failure


class _Overtaken(Exception):
    """The request was ended meanwhile: the person disconnected, or was deactivated."""


def redeem(request_id: uuid.UUID, *, now: datetime) -> None:
    """Take a request as far as it goes. Runs any number of times; one at a time."""
    free = Q(claimed_until=None) | Q(claimed_until__lte=now)
    open_ones = ConsentRequest.objects.filter(free, pk=request_id, answered_at__isnull=False, ended_at=None)
    if not open_ones.update(claimed_until=now + CLAIM):
        return
    request = ConsentRequest.objects.select_related("user__account").get(pk=request_id)
    try:
        with outbound.deadline(ATTEMPT):
            _go_on(request, now=now)
    except (_Overtaken, Connection.DoesNotExist):  # without a connection: the person was deleted
        log.info("consent.overtaken", consent=str(request.pk))
    except _Ended as ended:
        _end(request, ended.reason, ended.failure, now=now)
    except vault.CannotOpen:
        log.exception("consent.cannot_open", consent=str(request.pk))
        _end(request, Ending.INTERRUPTED, None, now=now)
    except (Passing, CredentialRefused) as problem:
        _later(request, problem, now=now)


def _go_on(request: ConsentRequest, *, now: datetime) -> None:
    if request.answered_at and now - request.answered_at > FORSAKE:
        raise _Ended(Ending.INTERRUPTED)
    if request.step == Step.ANSWERED:
        _agree(request, now=now)
    if request.step == Step.AGREED:
        _check_identity(request)
    if request.step == Step.IDENTIFIED:
        _store(request, now=now)
    if request.step == Step.STORED:
        _open_mailbox(request, now=now)


def _agree(request: ConsentRequest, *, now: datetime) -> None:
    """The code becomes tokens, kept sealed with the request until they belong to a connection."""
    answer = opened(request, "answer")
    if failure := failures.of_redirect(answer):
        raise _Ended(failure.reason, failure)
    if request.attempts and now >= request.expires_at:
        raise _Ended(Ending.INTERRUPTED)
    try:
        got = identity.redeem(opened(request, "flow"), answer)
    except id_tokens.Untrusted as problem:
        raise _Ended(Ending.UNTRUSTED) from problem
    except (CredentialRefused, Passing):
        raise
    except CalendarError as problem:
        # A code that was spent by an attempt whose answer was lost is nobody's fault: press Authorize again.
        spent = problem.failure.reason in (Reason.CODE_SPENT, Reason.GRANT_EXPIRED)
        raise _Ended(Ending.INTERRUPTED if spent else problem.failure.reason, problem.failure) from problem
    granted = scopes.bare(got.scopes)
    if not scopes.may_read_calendar(granted):
        raise _Ended(Ending.LESS_GRANTED)
    if not got.refresh_token:
        raise _Ended(Ending.NOT_LASTING)
    kept = {
        "access_token": got.access_token,
        "refresh_token": got.refresh_token,
        "id_token": got.id_token,
        "scopes": granted,
        "lasts": got.lasts.total_seconds(),
        "asked_at": now.isoformat(),
    }
    sealed = vault.seal(json.dumps(kept), bound_to=place(request, "tokens"))
    _step(request, Step.AGREED, tokens=sealed, answer="", not_before=None)


def _check_identity(request: ConsentRequest) -> None:
    _identity(request)
    _step(request, Step.IDENTIFIED)


def _store(request: ConsentRequest, *, now: datetime) -> None:
    """The person's connection, new or as it was, takes the tokens."""
    who = _identity(request)
    kept = opened(request, "tokens")
    person = request.user
    wish = Shape(calendar_write=request.calendar_write, contacts_write=request.contacts_write)
    address = _allowed_address(person, wish, who, kept["access_token"])
    try:
        with transaction.atomic():
            # The person first, as everything does that ends somebody's access: two that lock in one order cannot block
            # each other, and two first connections at once would not find each other's row.
            if User.objects.select_for_update(no_key=True).filter(pk=person.pk).first() is None:
                raise _Overtaken  # deleted meanwhile
            _write(request, Step.STORED, tokens="", flow="", not_before=None)
            connection = _claim_connection(request, who, address, now=now)
            connection.calendar_write = wish.calendar_write and scopes.may_write_calendar(kept["scopes"])
            connection.contacts_write = wish.contacts_write and scopes.may_write_contacts(kept["scopes"])
            connection.save()
            stored = tokens.store(
                connection,
                identity.Tokens(
                    access_token=kept["access_token"],
                    refresh_token=kept["refresh_token"],
                    lasts=timedelta(seconds=kept["lasts"]),
                    scopes=tuple(kept["scopes"]),
                ),
                asked_at=datetime.fromisoformat(kept["asked_at"]),
            )
            assert stored, "the row is locked by this transaction"  # noqa: S101
    except IntegrityError as problem:
        # The constraint a_mailbox_is_connected_once: found by the database, so that a race cannot pass it.
        raise _Ended(Ending.TAKEN) from problem
    request.step = Step.STORED


def _allowed_address(person: User, wish: Shape, who: id_tokens.Identity, token: str) -> str:
    """The address that the account goes by. Where a list of domains decides, the mailbox itself is asked for it: the
    name people sign in with is often of another domain."""
    settings = effective(Integrations, person)
    address = who.username
    if settings.enabled and settings.domains.is_on:
        try:
            address = me.get_address(token) or address
        except (Passing, CredentialRefused):
            raise
        except CalendarError as problem:
            raise _Ended(problem.failure.reason, problem.failure) from problem
    # An account of which nobody knows a domain is of none that is listed.
    domain = domain_of(address) or "unknown"
    if obstacle := may_connect(settings, replace(wish, domain=domain)):
        raise _Ended(_ENDINGS.get(obstacle, Ending.NOT_ALLOWED))
    return address


def _claim_connection(request: ConsentRequest, who: id_tokens.Identity, address: str, *, now: datetime) -> Connection:
    connection = Connection.objects.select_for_update().filter(user=request.user).first()
    if connection is None:
        connection = Connection.objects.create(user=request.user, since_at=now)
    same = (connection.tenant_id, connection.object_id) == (who.tenant_id, who.object_id)
    bound = connection.object_id and connection.state not in (State.DISCONNECTED, State.NOT_ELIGIBLE)
    if bound and not same:
        raise _Ended(Ending.ANOTHER_ACCOUNT)
    if not same:
        connection.connected_at = connection.last_good_at = None
    connection.tenant_id, connection.object_id = who.tenant_id, who.object_id
    connection.address = address
    connection.last_used_at = now
    states.on_the_way(connection, now=now)
    return connection


def _open_mailbox(request: ConsentRequest, *, now: datetime) -> None:
    """One page of the calendar: only that it answered, and when, is kept."""
    connection = Connection.objects.select_related("user__account").get(user=request.user)
    if not connection.is_alive:
        raise _Ended(_why_not_alive(connection))
    try:
        token = tokens.access_token(connection, now=now)
        address = me.get_address(token)
        next(events.view(token, now, now + timedelta(days=1), fields="id", top=1), None)
    except NotEligible as problem:
        states.went_wrong(connection, problem.failure, now=now)
        raise _Ended(problem.failure.reason, problem.failure) from problem
    except NotPermitted as problem:
        raise _Ended(Ending.LESS_GRANTED, problem.failure) from problem
    except tokens.NotAlive as problem:
        raise _Ended(_why_not_alive(connection)) from problem
    except tokens.Busy as problem:
        raise _Ended(Ending.INTERRUPTED) from problem
    except Passing as problem:
        if problem.failure.reason is Reason.TOKEN_REFUSED:
            tokens.forget_access(connection)
        raise
    except CredentialRefused:
        raise
    except CalendarError as problem:
        raise _Ended(problem.failure.reason, problem.failure) from problem
    with transaction.atomic():
        _write(request, Step.DONE, ended_at=now, claimed_until=None)
        Connection.objects.filter(pk=connection.pk).update(address=address or connection.address)
        states.mailbox_opened(connection, now=now)
        connection.refresh_from_db()
        after = {"calendar_write": connection.calendar_write, "contacts_write": connection.contacts_write}
        person = request.user
        audit.record(CONNECTED, account=person.account, actor=person, on=connection, now=now, after=after, about=person)


def _why_not_alive(connection: Connection) -> Ending:
    """The settings changed after it was stored, or something else came between."""
    connection.refresh_from_db()
    if connection.reason in list(Obstacle):
        return _ENDINGS.get(Obstacle(connection.reason), Ending.NOT_ALLOWED)
    return Ending.INTERRUPTED


def _identity(request: ConsentRequest) -> id_tokens.Identity:
    try:
        return id_tokens.identify(opened(request, "tokens")["id_token"], nonce=opened(request, "flow")["nonce"])
    except id_tokens.Untrusted as problem:
        log.warning("consent.untrusted", consent=str(request.pk), check=str(problem))
        raise _Ended(Ending.UNTRUSTED) from problem


def _step(request: ConsentRequest, step: Step, **more: object) -> None:
    _write(request, step, **more)
    request.step = step
    for name, value in more.items():
        setattr(request, name, value)


def _write(request: ConsentRequest, step: Step, **more: object) -> None:
    """Raises _Overtaken where the request is no longer as it was read."""
    if not ConsentRequest.objects.filter(pk=request.pk, step=request.step, ended_at=None).update(step=step, **more):
        raise _Overtaken


def _end(request: ConsentRequest, reason: str, failure: Failure | None, *, now: datetime) -> None:
    log.info("consent.ended", consent=str(request.pk), reason=str(reason))
    code, trace_id = (failure.code[:80], failure.trace_id[:80]) if failure else ("", "")
    gone = {"flow": "", "answer": "", "tokens": "", "claimed_until": None}
    with transaction.atomic():
        ended = ConsentRequest.objects.filter(pk=request.pk, ended_at=None).update(
            step=Step.FAILED, reason=str(reason), code=code, trace_id=trace_id, ended_at=now, **gone
        )
        connection = Connection.objects.filter(user=request.user).first()
        if ended and request.step == Step.STORED and connection:
            states.abandon(connection, failure, now=now)


def _later(request: ConsentRequest, problem: CalendarError, *, now: datetime) -> None:
    """Passing trouble, or our own credential: again after a while, and not for ever."""
    assert request.answered_at is not None, "only answered requests are claimed"  # noqa: S101
    if now - request.answered_at > GIVE_UP:
        _end(request, problem.failure.reason, problem.failure, now=now)
        return
    if isinstance(problem, CredentialRefused):
        states.alarm(problem.failure)
    wait = states.wait_before(
        request.attempts,
        retry_after=problem.failure.retry_after,
        spread=random.random(),  # noqa: S311  not a secret
    )
    ConsentRequest.objects.filter(pk=request.pk, ended_at=None).update(
        claimed_until=None,
        not_before=now + wait,
        attempts=request.attempts + 1,
        reason=problem.failure.reason,
        code=problem.failure.code[:80],
        trace_id=problem.failure.trace_id[:80],
    )
