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
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from django.conf import settings
from django.db import transaction
from django.db.models import Q
from django.urls import reverse

from accounts import audit, outbound
from accounts.cascade.read import effective
from accounts.domain_names import domain_of
from accounts.models import User
from integrations import scopes, vault
from integrations.domains import DomainRule
from integrations.failures import Reason
from integrations.microsoft import identity
from integrations.models import ALIVE, Connection, ConsentRequest, Ending, State, Step
from integrations.policy import Obstacle, Shape, may_connect
from integrations.preferences import Integrations, Method, Service

NARROWED = audit.declare("calendar.narrowed", "{actor} lets Meridian use less of {target}.", personal_target=True)

LASTS = timedelta(minutes=10)  # as long as Microsoft's code
KEEP = timedelta(days=30)
_SELECT_ACCOUNT, _CONSENT = "select_account", "consent"  # OpenID Connect's words for `prompt`
_WRONG_ACCOUNT = (
    Ending.ANOTHER_ACCOUNT,
    Ending.ANOTHER_DOMAIN,
    Ending.TAKEN,
    Ending.GUEST,
    Ending.ON_PREMISES,
    Reason.NO_MAILBOX,
)
_WRONG_CONSENT = (Ending.LESS_GRANTED, Ending.NOT_LASTING)
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
    return Connection.objects.filter(user=person).exclude(state=State.DISCONNECTED).first()


def own(person: User) -> Connection | None:
    """The same, where it rests on the person's own consent."""
    connection = current(person)
    return None if connection and connection.is_by_organization else connection


def is_bound(connection: Connection | None) -> bool:
    """Can it be renewed with the one account only that it was made with?"""
    if connection is None or not connection.object_id or connection.state in (State.DISCONNECTED, State.NOT_ELIGIBLE):
        return False
    return connection.state != State.AWAITING_ADMIN or connection.connected_at is not None


def domain_bound(connection: Connection | None) -> str:
    """The domain of the one account that this connection can be renewed with; "" where any will do."""
    return domain_of(connection.address) if connection and is_bound(connection) else ""


def offered(preferences: Integrations, connection: Connection | None) -> list[Service]:
    """The services that may be connected, as far as one can tell before the account is known."""
    domain = domain_bound(connection)
    return [one for one in Service if may_connect(preferences, Shape(service=one, domain=domain)) is None]


def new_browser_secret() -> str:
    return secrets.token_urlsafe(32)


def start(
    person: User,
    *,
    calendar_write: bool,
    contacts_write: bool,
    browser: str,
    now: datetime,
) -> str:
    """Where to send the browser. Raises NotAllowed, `CalendarError` where Microsoft cannot be reached."""
    existing = current(person)
    wish = Shape(calendar_write=calendar_write, contacts_write=contacts_write, domain=domain_bound(existing))
    settings_of_person = effective(Integrations, person)
    if obstacle := may_connect(settings_of_person, wish):
        raise NotAllowed(obstacle)
    before = _last_ended(person)
    prompt = _prompt(existing, wish, before)
    with outbound.deadline(PATIENCE):
        flow = identity.begin(
            scopes=scopes.scopes_for(calendar_write=calendar_write, contacts_write=contacts_write),
            redirect_uri=settings.PUBLIC_URL + reverse("microsoft_callback"),
            login_hint=_hint(existing, person, settings_of_person.domains, prompt),
            prompt=prompt,
            claims=_claims(existing, before),
        )
    request = ConsentRequest(
        id=uuid.uuid4(),
        user=person,
        state_digest=_digest(flow["state"]),
        browser_digest=_digest(browser),
        calendar_write=calendar_write,
        contacts_write=contacts_write,
        is_renewal=is_bound(existing),
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
            .filter(user=person, method=Method.OAUTH.value, state__in=(*ALIVE, State.BLOCKED_BY_POLICY))
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
        state_digest=_digest(answer.get("state", "")), user=person, step=Step.SENT, expires_at__gt=now
    ).first()
    if request is None or not hmac.compare_digest(request.browser_digest, _digest(browser)):
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


def _hint(existing: Connection | None, person: User, rule: DomainRule, prompt: str) -> str:
    """Whom Microsoft should take it to be; nobody where that account would be, or was, refused afterwards."""
    if existing and is_bound(existing):
        address = existing.address
    elif prompt == _SELECT_ACCOUNT:
        return ""
    else:
        address = person.email
    return address if rule.allows(domain_of(address)) else ""


def _last_ended(person: User) -> ConsentRequest | None:
    """The newest trip that says something about the next: not one that was merely left open."""
    said_nothing = (Ending.SUPERSEDED, Ending.EXPIRED)
    ended = ConsentRequest.objects.filter(user=person, ended_at__isnull=False).exclude(reason__in=said_nothing)
    return ended.order_by("-created_at", "-id").first()


def _prompt(existing: Connection | None, wish: Shape, before: ConsentRequest | None) -> str:
    """What Microsoft should ask although it need not: it would go on with the same account, or the same consent, that
    led nowhere the last time."""
    reason = before.reason if before and before.step == Step.FAILED else ""
    if existing and existing.is_by_organization:
        existing = None  # nobody has been asked for it yet
    if reason in _WRONG_ACCOUNT or (existing and existing.state == State.NOT_ELIGIBLE):
        return _SELECT_ACCOUNT
    wished = {"calendar_write": wish.calendar_write, "contacts_read": True, "contacts_write": wish.contacts_write}
    is_withheld = existing is not None and any(wished.get(name) for name in existing.withheld)
    return _CONSENT if reason in _WRONG_CONSENT or is_withheld else ""


def _claims(existing: Connection | None, before: ConsentRequest | None) -> str:
    """The step-up that Microsoft asked for, if it is the JSON object that it should be."""
    wanted = (before and before.claims) or (existing and existing.claims) or ""
    try:
        return wanted if isinstance(json.loads(wanted or "null"), dict) else ""
    except ValueError:
        return ""


def _supersede(person: User, *, now: datetime) -> None:
    """A new trip ends the one before, so that two open windows cannot both succeed."""
    ConsentRequest.objects.filter(user=person, step=Step.SENT).update(
        step=Step.FAILED, reason=Ending.SUPERSEDED, ended_at=now, flow=""
    )


def _digest(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()
