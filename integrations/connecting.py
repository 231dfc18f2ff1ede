"""Consent: one browser's trip to Microsoft and back, and what a worker makes of it.

    start()          the portal keeps MSAL's flow, sealed, and sends the browser to Microsoft
    record_answer()  the callback only writes Microsoft's answer down
    redeem()         a worker changes the code for tokens, checks who it is, opens the mailbox

A worker may die anywhere in redeem(): the request is claimed for a while only, and goes on from its last step.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import secrets
import uuid
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from django.conf import settings
from django.db import transaction
from django.db.models import Q
from django.urls import reverse

from accounts import audit, outbound, vault
from accounts.cascade.read import held
from accounts.domain_names import domain_of
from accounts.models import User
from integrations import scopes, sign_in_hints
from integrations.failures import Reason
from integrations.microsoft import identity
from integrations.models import ALIVE, Connection, ConsentRequest, Ending, State, Step
from integrations.policy import Held, Obstacle, may_connect, may_leave_ews
from integrations.preferences import Api, Integrations, Method, Service
from integrations.verdicts import shape_of
from integrations.ways import GRAPH, Way, own_way

NARROWED = audit.declare("calendar.narrowed", "{actor} lets Meridian use less of {target}.", personal_target=True)

LASTS = timedelta(minutes=10)  # as long as Microsoft's code
KEEP = timedelta(days=30)
_MAY_BE_NARROWED = (*ALIVE, State.BLOCKED_BY_POLICY)
PATIENCE = timedelta(seconds=5)  # of a page; only the first trip of a process asks Microsoft anything


class NotAllowed(Exception):
    """The settings do not permit it."""

    def __init__(self, obstacle: Obstacle) -> None:
        super().__init__(obstacle.value)
        self.obstacle = obstacle


class Narrowed(StrEnum):
    """What became of a wish for less."""

    NO = "no"  # it is not less, or there is no working connection: a new consent is the way
    UNCHANGED = "unchanged"
    YES = "yes"


class NotOurs(Exception):
    """A callback that does not belong to an open request of this person and this browser."""


def current(person: User) -> Connection | None:
    """What the person has, in whatever state; None before the first and after *Delete*."""
    found = Connection.objects.filter(user=person).select_related("server")
    return found.exclude(state=State.DISCONNECTED).first()


def own(person: User) -> Connection | None:
    """The same, where it rests on the person's own consent."""
    connection = current(person)
    return None if connection and connection.is_by_organization else connection


def is_bound(connection: Connection | None, way: Way = GRAPH) -> bool:
    """Can it be renewed with the one account only that it was made with? Not by a way to somewhere else: there it has
    no account."""
    if connection is None or not connection.object_id or connection.state in (State.DISCONNECTED, State.NOT_ELIGIBLE):
        return False
    if not _leads_there(way, connection):
        return False
    if connection.state == State.NEEDS_REAUTH and connection.reason == Reason.ADDRESS_CHANGED:
        return False
    return connection.state != State.AWAITING_ADMIN or connection.connected_at is not None


def domain_bound(connection: Connection | None, way: Way = GRAPH) -> str:
    """The domain of the one account that this connection can be renewed with; "" where any will do."""
    return domain_of(connection.address) if connection and is_bound(connection, way) else ""


def obstacle_to(preferences: Integrations, connection: Connection | None) -> Obstacle | None:
    """What keeps somebody from connecting by the way that the settings lead, as far as one can tell before the account
    is known. None: nothing."""
    way = own_way(preferences.services)
    return may_connect(preferences, way.wish(domain=domain_bound(connection, way)))


def offered(preferences: Integrations, connection: Connection | None) -> list[Service]:
    """The services that may be connected."""
    return [] if obstacle_to(preferences, connection) else [preferences.services.default_service]


def may_go_to_graph(
    holding: Held,
    connection: Connection | None,
    reason: str,
    *,
    calendar_write: bool = False,
    contacts_write: bool = False,
) -> bool:
    """Whether somebody whose EWS has stopped for `reason` may go on by Graph alone, though the settings say EWS."""
    shape = shape_of(connection) if connection else own_way(holding.values.services).wish()
    wish = replace(shape, calendar_write=calendar_write, contacts_write=contacts_write)
    return may_leave_ews(holding, wish, reason)


def new_browser_secret() -> str:
    return secrets.token_urlsafe(32)


def start(
    person: User,
    *,
    calendar_write: bool,
    contacts_write: bool,
    browser: str,
    now: datetime,
    is_leaving_ews: bool = False,
    known: sign_in_hints.Known = sign_in_hints.NOBODY,
) -> str:
    """Where to send the browser: by the way that the settings lead; `is_leaving_ews`: by Graph, where EWS has stopped
    and the settings leave that open; `known`: whom single sign-on has just shown. Raises NotAllowed, `CalendarError`
    where Microsoft cannot be reached."""
    existing, holding = current(person), held(Integrations, person)
    before = sign_in_hints.last_ended(person)
    ticks = {"calendar_write": calendar_write, "contacts_write": contacts_write}
    reason = why_ews_stopped(existing, before)
    is_open = is_leaving_ews and may_go_to_graph(holding, existing, reason, **ticks)
    way = GRAPH if is_open else own_way(holding.values.services)
    if is_leaving_ews and way != GRAPH:
        raise NotAllowed(Obstacle.ANOTHER_API)
    bound = existing if is_bound(existing, way) else None
    wish = way.wish(**ticks, domain=domain_of(bound.address) if bound else "")
    if not is_open and (obstacle := may_connect(holding.values, wish)):
        raise NotAllowed(obstacle)
    if not way.is_at_microsoft:
        raise NotAllowed(Obstacle.ANOTHER_SERVICE)
    prompt = sign_in_hints.prompt(existing, wish, before, known)
    with outbound.deadline(PATIENCE):
        flow = identity.begin(
            scopes=scopes.asked_by(wish),
            redirect_uri=settings.PUBLIC_URL + reverse("microsoft_callback"),
            login_hint=sign_in_hints.hint(bound, person, holding.values.domains, prompt, known),
            prompt=prompt,
            claims=sign_in_hints.claims(existing, before),
        )
    request = ConsentRequest(
        id=uuid.uuid4(),
        user=person,
        state_digest=digest(flow["state"]),
        browser_digest=digest(browser),
        service=way.service.value,
        api=way.api.value,
        method=way.method.value,
        calendar_write=wish.calendar_write,
        contacts_write=wish.contacts_write,
        is_renewal=bound is not None,
        created_at=now,
        expires_at=now + LASTS,
    )
    request.flow = vault.seal(json.dumps(flow), bound_to=place(request, "flow"))
    with transaction.atomic():
        _supersede(person, now=now)
        request.save()
    return str(flow["auth_uri"])


def narrow(person: User, *, calendar_write: bool, contacts_write: bool, now: datetime) -> Narrowed:
    """Use less than was granted, at once and without Microsoft, which cannot narrow a consent by being asked again.
    What the organization carries was granted by nobody's own consent: how much of it is used, the settings say.

    What the policy blocks because it was too much comes back by this, once it is looked at again.
    """
    wish = {"calendar_write": calendar_write, "contacts_write": contacts_write}
    with transaction.atomic():
        connection = (
            Connection.objects.select_for_update()
            .filter(user=person, method=Method.OAUTH.value, api=Api.GRAPH.value, state__in=_MAY_BE_NARROWED)
            .first()
        )
        if connection is None or any(wanted and not getattr(connection, name) for name, wanted in wish.items()):
            return Narrowed.NO
        before = {name: getattr(connection, name) for name in wish}
        # Whoever no longer wishes for it is not told any more that Microsoft did not give it.
        withheld = [name for name in connection.withheld if wish.get(name, True)]
        if withheld != connection.withheld:
            Connection.objects.filter(pk=connection.pk).update(withheld=withheld)
        if before == wish:
            return Narrowed.UNCHANGED
        Connection.objects.filter(pk=connection.pk).update(**wish)
        audit.record(
            NARROWED,
            account=person.account,
            actor=person,
            on=connection,
            now=now,
            before=before,
            after=wish,
            about=person,
        )
    return Narrowed.YES


def record_answer(person: User, answer: Mapping[str, str], *, browser: str, now: datetime) -> ConsentRequest:
    """Write Microsoft's answer down, once. Raises NotOurs for everything replayed, forged, late, of another
    browser or another person; then nothing has changed."""
    request = ConsentRequest.objects.filter(
        state_digest=digest(answer.get("state", "")), user=person, step=Step.SENT, expires_at__gt=now
    ).first()
    if request is None or not hmac.compare_digest(request.browser_digest, digest(browser)):
        raise NotOurs
    sealed = vault.seal(json.dumps(dict(answer)), bound_to=place(request, "answer"))
    # Compare-and-set: of two callbacks at the same moment one is too late.
    if not ConsentRequest.objects.filter(pk=request.pk, step=Step.SENT).update(
        step=Step.ANSWERED, answer=sealed, answered_at=now
    ):
        raise NotOurs
    return request


def give_up(person: User, *, now: datetime) -> bool:
    """End what is on the way, wherever it stands, and forget what it holds. False: nothing is."""
    gone = {"flow": "", "answer": "", "tokens": ""}
    open_ones = ConsentRequest.objects.filter(user=person, ended_at=None)
    return bool(open_ones.update(step=Step.FAILED, reason=Ending.SUPERSEDED, ended_at=now, **gone))


def newest(person: User) -> ConsentRequest | None:
    """What a page tells the person about the way."""
    return ConsentRequest.objects.filter(user=person).order_by("-created_at", "-id").first()


def why_ews_stopped(connection: Connection | None, last: ConsentRequest | None) -> str:
    """The reason that stands with the connection; where there is none, that of the last attempt to make one."""
    if connection is not None:
        return connection.reason if connection.api == Api.EWS.value else ""
    return last.reason if last is not None and last.api == Api.EWS.value else ""


def to_redeem(*, now: datetime) -> list[uuid.UUID]:
    """Answered, and in nobody's hands: nudges get lost and workers die."""
    free = Q(claimed_until=None) | Q(claimed_until__lte=now)
    ripe = Q(not_before=None) | Q(not_before__lte=now)
    found = ConsentRequest.objects.filter(free, ripe, answered_at__isnull=False, ended_at=None)
    return list(found.order_by("answered_at").values_list("id", flat=True)[:100])


def forget_old(*, now: datetime) -> int:
    """End what nobody finished, and delete what ended long ago."""
    ConsentRequest.objects.filter(step=Step.SENT, expires_at__lte=now).update(
        step=Step.FAILED, reason=Ending.EXPIRED, ended_at=now, flow=""
    )
    count, _ = ConsentRequest.objects.filter(ended_at__lte=now - KEEP).delete()
    return count


def place(request: ConsentRequest, column: str) -> str:
    """Where a sealed secret of a request belongs, for the vault."""
    return f"integrations_consentrequest:{column}:{request.pk}"


def opened(request: ConsentRequest, column: str) -> dict[str, Any]:
    """A sealed column of a request. Raises `vault.CannotOpen`."""
    found: dict[str, Any] = json.loads(vault.open_sealed(getattr(request, column), bound_to=place(request, column)))
    return found


def _leads_there(way: Way, connection: Connection) -> bool:
    if connection.service != way.service.value:
        return False
    if way.is_at_microsoft:
        return True
    return connection.server is not None and connection.server.address == way.server


def _supersede(person: User, *, now: datetime) -> None:
    """A new trip ends the one before, so that two open windows cannot both succeed."""
    ConsentRequest.objects.filter(user=person, step=Step.SENT).update(
        step=Step.FAILED, reason=Ending.SUPERSEDED, ended_at=now, flow=""
    )


def digest(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()
