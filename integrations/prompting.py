"""The prompt to connect the calendar, between single sign-on and the page that somebody was going to.

after_single_sign_on()  asked when somebody has signed in: the prompt, or nothing
open_in()               the one that is open in this session, which alone may see the page
set_out()               to Microsoft, as whom the identity provider has just shown
way_back()              where the callback leads whoever had set out here
go_on()                 without it, or after it: to where they were going
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import parse_qs, urlsplit

from django.http import HttpRequest
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme

from accounts.cascade.facts import Held
from accounts.cascade.read import held
from accounts.models import User
from accounts.openings import SignedInBy
from integrations import approvals, connecting, credentials, fitting
from integrations.models import Answer, CalendarPrompt, Connection, ConsentRequest, State
from integrations.preferences import Integrations, SsoPrompt
from integrations.prompt_answers import resolved
from integrations.prompt_rules import Case, Standing, should_ask
from integrations.sign_in_hints import Known
from integrations.ways import own_way

SESSION = "calendar-prompt"  # the key, in the session, of the prompt that is open in it

_STANDINGS = {
    State.NEEDS_REAUTH: Standing.BROKEN,
    State.BLOCKED_BY_POLICY: Standing.BLOCKED,
    State.NOT_ELIGIBLE: Standing.NOT_ELIGIBLE,
    State.AWAITING_ADMIN: Standing.AWAITING_ADMIN,
    State.DISCONNECTED: Standing.NONE,
}


@dataclass(frozen=True)
class Open:
    """A prompt with what it became so far; `known`: whom the identity provider has shown."""

    prompt: CalendarPrompt
    became: Answer
    going_to: str
    known: Known


def after_single_sign_on(
    request: HttpRequest, person: User, *, by: SignedInBy, going_to: str, now: datetime
) -> str | None:
    """For `openings.after_single_sign_on`. One query where nobody is to be asked, seven at most."""
    request.session.pop(SESSION, None)
    holding = held(Integrations, person)
    if not is_due(person, holding, now=now):
        return None
    mode = holding.values.sso_prompt.value
    asked = CalendarPrompt.objects.create(account_id=person.account_id, user=person, asked_at=now, mode=mode)
    request.session[SESSION] = {
        "prompt": asked.pk,
        "going_to": _safe(request, going_to),
        "address": by.email,
        "tenant": by.tenant.lower(),
    }
    return reverse("calendar_prompt")


def is_due(person: User, holding: Held[Integrations], *, now: datetime) -> bool:
    """Whether somebody who has just signed in by single sign-on is to be asked."""
    settings = holding.values
    if not should_ask(Case(is_single_sign_on=True, settings=settings)):
        return False  # whatever they have, and however often they were asked
    was_asked = settings.sso_prompt is SsoPrompt.FIRST_TIME and _was_asked(person)
    connection = fitting.settled(person, holding, now=now)
    domain = connecting.domain_bound(connection, own_way(settings.services))
    standing = standing_of(person, connection)
    case = Case(is_single_sign_on=True, settings=settings, standing=standing, domain=domain, was_asked=was_asked)
    # While Microsoft refuses Meridian itself, nobody is asked for nothing.
    return should_ask(case) and not credentials.is_refused(now=now)


def standing_of(person: User, connection: Connection | None) -> Standing:
    """One query where it does not work."""
    if connection is not None and connection.is_alive:
        return Standing.CARRIED if connection.is_by_organization else Standing.WORKING
    awaited = approvals.of(person)
    if awaited is not None:
        return Standing.AWAITING_ADMIN if awaited.released_at is None else Standing.BROKEN
    return _STANDINGS[State(connection.state)] if connection else Standing.NONE


def open_in(request: HttpRequest) -> Open | None:
    """One query where there is one."""
    kept: dict[str, Any] | None = request.session.get(SESSION)
    if kept is None or not isinstance(request.user, User):
        return None
    found: Any = resolved().select_related("consent").filter(pk=kept["prompt"], user=request.user).first()
    if found is None:
        return None
    known = Known(kept["address"], kept["tenant"])
    return Open(found, Answer(found.became), _safe(request, kept["going_to"]), known)


def set_out(
    person: User, asked: Open, *, calendar_write: bool, contacts_write: bool, browser: str, now: datetime
) -> str:
    """Where to send the browser. Raises as `connecting.start`."""
    address = connecting.start(
        person,
        calendar_write=calendar_write,
        contacts_write=contacts_write,
        browser=browser,
        now=now,
        known=asked.known,
    )
    state = parse_qs(urlsplit(address).query)["state"][0]
    consent = ConsentRequest.objects.only("pk").get(state_digest=connecting.digest(state))
    # A second try takes the place of the first, which is ended with it.
    _of(asked).update(answer=Answer.AT_MICROSOFT, answered_at=now, consent=consent, reason="")
    return address


def came_back(asked: Open, *, now: datetime) -> None:
    """It works again without Microsoft."""
    _of(asked).update(answer=Answer.CONNECTED, answered_at=now, consent=None, reason="")


def failed(asked: Open, reason: str, *, now: datetime) -> None:
    """Before the person got to Microsoft."""
    _of(asked).update(answer=Answer.FAILED, answered_at=now, consent=None, reason=reason)


def way_back(request: HttpRequest, state: str) -> str:
    """Where Microsoft's answer leads whoever had set out from the prompt; "" for another trip. One query, if any."""
    asked = open_in(request)
    trip = asked.prompt.consent if asked else None
    return reverse("calendar_prompt_done") if trip and trip.state_digest == connecting.digest(state) else ""


def go_on(request: HttpRequest, asked: Open, *, now: datetime) -> str:
    """Where they were going. Whoever has not answered goes on without it."""
    _of(asked).filter(answer=Answer.NONE).update(answer=Answer.DECLINED, answered_at=now)
    request.session.pop(SESSION, None)
    return asked.going_to


def _was_asked(person: User) -> bool:
    return CalendarPrompt.objects.filter(user=person, reset_at=None).exists()


def _of(asked: Open) -> Any:
    return CalendarPrompt.objects.filter(pk=asked.prompt.pk)


def _safe(request: HttpRequest, going_to: str) -> str:
    is_ours = url_has_allowed_host_and_scheme(going_to, {request.get_host()}, require_https=request.is_secure())
    return going_to if is_ours else reverse("home")
