"""What this floor puts on pages of the ground floor, and how it hears of changed settings."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.http import HttpRequest
from django.utils import timezone

from accounts.cascade.read import held
from accounts.models import Account, User
from accounts.nudging import nudge
from accounts.openings import Panel
from integrations import (
    approvals,
    connecting,
    deciding,
    fitting,
    health,
    incidents,
    prompt_answers,
    reasons,
    retrying,
    scopes,
)
from integrations.domains import DomainRule
from integrations.exchange import on_profile as by_ews
from integrations.failures import Reason
from integrations.health import Words
from integrations.models import ALIVE, AwaitedApproval, Connection, ConsentRequest, Ending, State, Step
from integrations.organization import carried
from integrations.organization import on_profile as by_organization
from integrations.policy import Obstacle, is_by_organization, may_connect, surplus
from integrations.preferences import SERVICE_NAMES, Api, Integrations, Method, Service
from integrations.renewing import is_news
from integrations.tasks import apply_policy_to
from integrations.verdicts import shape_of
from integrations.ways import own_way

SILENCE = timedelta(seconds=30)  # after which a page says that no worker has answered

_STEPS = [
    (Step.ANSWERED, "Microsoft has agreed"),
    (Step.AGREED, "It is your account"),
    (Step.IDENTIFIED, "Your organization allows it"),
    (Step.STORED, "The mailbox opens"),
]
_STEPS_TO_A_SERVER = [
    (Step.ANSWERED, "Your organization allows it"),
    (Step.STORED, "The Exchange server opens the mailbox"),
]
_KINDS = {
    State.CONNECTED: ("good", "check"),
    State.CONNECTING: ("info", "clock"),
    State.DEGRADED: ("warn", "clock"),
    State.PAUSED: ("warn", "pause"),
    State.BLOCKED_BY_POLICY: ("warn", "lock"),
}


@dataclass(frozen=True)
class Stage:
    """One line of the progress: done, now or next."""

    words: str
    state: str
    icon: str


def on_profile(request: HttpRequest, person: User) -> Panel:
    return Panel("integrations/_calendar.html", calendar_of(person, now=timezone.now()))


def on_person(request: HttpRequest, person: User) -> Panel:
    """For admins, who look: only the person can connect, and only at Microsoft. They may have them asked again."""
    reader = request.user if isinstance(request.user, User) else person
    shown = state_of(person, reader=reader, now=timezone.now())
    prompt = shown["holding"].values.sso_prompt
    prompts = prompt_answers.of_person(person, prompt=prompt, connection=shown["connection"])
    return Panel("integrations/_person_calendar.html", {**shown, "prompts": prompts})


def calendar_of(person: User, *, now: datetime) -> dict[str, Any]:
    """What the section on the profile shows. Four queries; one more where nothing works, two more where the settings
    stand in the way."""
    shown = state_of(person, reader=person, now=now)
    consent = connecting.newest(person)
    awaited = approvals.of(person)
    settings_of_person = shown["holding"].values
    return {
        **shown,
        **by_ews.way_shown(person, settings_of_person, shown["known"]),
        "failed_may_move": by_ews.may_move_after(shown["holding"], shown["known"], consent),
        "my_apps": settings.MICROSOFT_MY_APPS_URL,
        "may_try": retrying.may_try(shown["connection"], now=now),
        "asked": retrying.under_way(shown["connection"], now=now),
        "asked_at_sign_in": prompt_answers.on_profile(person, shown["connection"]),
        "listed": scopes.in_words(shown["known"].granted) if shown["known"] else [],
        "awaited": awaited,
        "awaited_for": scopes.in_words(_asked_of_an_admin(awaited, settings_of_person)) if awaited else [],
        "may_ask_admin": awaited is None and _may_have_been_stopped(consent, now=now),
        **_way(consent, shown["known"], shown["rule"], now=now),
        **({"failed": None} if awaited and not _is_later(consent, awaited) else {}),
    }


def state_of(person: User, *, reader: User, now: datetime) -> dict[str, Any]:
    """What is connected, whether it may be, and who decided that, for whoever reads."""
    holding = held(Integrations, person)
    preferences = holding.values
    connection = fitting.settled(person, holding, now=now)
    is_there = connection is not None and connection.state != State.DISCONNECTED
    kind, icon = _KINDS.get(State(connection.state), ("bad", "alert")) if connection else ("", "")
    obstacle = _obstacle(preferences, connection)
    may_move = by_ews.may_move(holding, connection)
    behind = deciding.decision_behind(person, obstacle or _blocked_by(connection))
    rule, is_own = preferences.domains, behind is not None and behind.is_own
    return {
        "person": person,
        "known": connection,
        "connection": connection if is_there else None,
        "service": SERVICE_NAMES[Service(connection.service)] if connection else "",
        "kind": kind,
        "icon": icon,
        "holding": holding,
        "words": _words(connection, preferences, is_own=is_own, may_move=may_move) if connection else None,
        "by_ews": by_ews.shown(connection) if connection else None,
        "is_asked_to_move": by_ews.is_asked(connection) and may_move,
        "incident": incidents.of(connection) if connection else None,
        "rule": rule,
        "only": health.of_rule(rule),
        "obstacle": health.of_obstacle(obstacle, rule, is_own=is_own) if obstacle else "",
        "because": _because(connection, obstacle),
        "is_own": is_own,
        "decided": deciding.in_words(behind, reader),
        "surplus": {found.value for found in _surplus(preferences, connection)},
        "withheld": scopes.withheld_in_words(connection.withheld) if is_there and connection else [],
        "unused": unused_of(connection),
        "organization": by_organization.shown(person, holding, connection, reader=reader),
        "may_delete": connection is not None and carried.may_be_deleted(connection, preferences),
    }


def _words(connection: Connection, settings: Integrations, *, is_own: bool, may_move: bool) -> health.Words | None:
    to_microsoft = own_way(settings.services).is_at_microsoft
    return health.of_connection(
        connection, settings.domains, is_own=is_own, may_move=may_move, to_microsoft=to_microsoft
    )


def unused_of(connection: Connection | None) -> list[str]:
    """What Microsoft lists for the connection and nothing here uses, in words; nothing of one that is not alive."""
    if connection is None or not connection.is_alive or connection.is_by_organization:
        return []
    if connection.api == Api.EWS.value:
        return []  # there is but one permission
    ticks = {"calendar_write": connection.calendar_write, "contacts_write": connection.contacts_write}
    return scopes.in_words(scopes.unused(connection.granted, **ticks))


def on_enabled_row(account: Account) -> str:
    """Exact numbers: who is connected now, and who is kept from it."""
    of_account = Connection.objects.filter(user__account=account)
    alive = of_account.filter(state__in=ALIVE).count()
    blocked = of_account.filter(state=State.BLOCKED_BY_POLICY).count()
    kept_out = f" {_people(blocked)} blocked." if blocked else ""
    return (f"{_people(alive)} connected." if alive else "Nobody is connected yet.") + kept_out


def people_placed(*, account: Account, **_: object) -> None:
    """The ranks of groups changed, or who is in them: with them what holds for people."""
    nudge(apply_policy_to, account_id=account.pk)


def settings_changed(*, account: Account, key: str, **_: object) -> None:
    """A nudge for the worker; the sweep would find it within a minute."""
    if key.startswith(Integrations.prefix + "."):
        nudge(apply_policy_to, account_id=account.pk)


def _obstacle(preferences: Integrations, connection: Connection | None) -> Obstacle | None:
    """What keeps the person from connecting anything, or from connecting this again; of one that their organization
    carries, what it may not be carried for."""
    if connection is None or not connection.is_by_organization or not is_by_organization(preferences):
        return connecting.obstacle_to(preferences, connection)
    way = replace(own_way(preferences.services), method=Method.APPLICATION_PERMISSIONS)
    return may_connect(preferences, way.wish(domain=connecting.domain_bound(connection, way)))


def _blocked_by(connection: Connection | None) -> Obstacle | None:
    is_blocked = connection is not None and connection.state == State.BLOCKED_BY_POLICY
    return next((found for found in Obstacle if connection and is_blocked and found == connection.reason), None)


def _surplus(preferences: Integrations, connection: Connection | None) -> tuple[Obstacle, ...]:
    return surplus(preferences, shape_of(connection)) if connection and connection.is_alive else ()


def _because(connection: Connection | None, obstacle: Obstacle | None) -> str:
    """Why nothing is, or can be, connected, said to others than the person."""
    reason = (connection.reason if connection else "") or (obstacle.value if obstacle else "")
    try:
        return reasons.in_words(reason) if reason else ""
    except KeyError:
        return "Meridian does not know this reason"


def _way(
    consent: ConsentRequest | None, connection: Connection | None, rule: DomainRule, *, now: datetime
) -> dict[str, Any]:
    """The newest trip to Microsoft: under way, left open, or just failed."""
    if consent is None:
        return {"stages": [], "failed": None}
    if consent.answered_at and not consent.ended_at:
        is_to_server = consent.service == Service.EXCHANGE.value
        stages = _stages(consent.step, _STEPS_TO_A_SERVER if is_to_server else _STEPS)
        return {
            "stages": stages,
            "done": sum(1 for stage in stages if stage.state == "done"),
            "answered_at": consent.answered_at,
            "is_silent": now - _waiting_since(consent, consent.answered_at) > SILENCE,
            "on_the_way_to": SERVICE_NAMES[Service(consent.service)],
            "is_to_server": is_to_server,
            "trouble": health.of_passing(consent.reason, consent.service) if consent.attempts else "",
            "asked_in_addition": _in_addition(consent, connection),
            "failed": None,
        }
    return {
        "stages": [],
        "failed": _news(consent, connection, rule, now=now),
        # The same way again would lead to the same end.
        "may_go_again": is_news(consent, now=now) and consent.reason != Reason.MOVED_TO_CLOUD,
        "failed_code": _trace(consent.code, consent.trace_id),
    }


def _waiting_since(consent: ConsentRequest, answered_at: datetime) -> datetime:
    """Since when a worker could have taken it: it was answered, is in nobody's hands, and waits for nothing."""
    return max(moment for moment in (answered_at, consent.claimed_until, consent.not_before) if moment)


def _news(consent: ConsentRequest, connection: Connection | None, rule: DomainRule, *, now: datetime) -> Words | None:
    if consent.step == Step.SENT and consent.expires_at > now:
        return Words("info", "You have not finished at Microsoft.", "Nothing has changed. You can start again.")
    if consent.step == Step.SENT:
        return Words("warn", Ending.EXPIRED.label + ".", "Nothing has changed. You can start again.")
    return health.of_consent(consent, connection, rule) if is_news(consent, now=now) else None


def _is_later(consent: ConsentRequest | None, awaited: AwaitedApproval) -> bool:
    """It ended after somebody began to wait, or was released, and not for want of the same approval."""
    if consent is None or consent.ended_at is None or consent.reason == Reason.ADMIN_APPROVAL:
        return False
    return consent.ended_at > (awaited.released_at or awaited.since_at)


def _asked_of_an_admin(awaited: AwaitedApproval, values: Integrations) -> list[str]:
    wish = own_way(values.services).wish(calendar_write=awaited.calendar_write, contacts_write=awaited.contacts_write)
    return scopes.bare(scopes.asked_by(wish))


def _may_have_been_stopped(consent: ConsentRequest | None, *, now: datetime) -> bool:
    """Microsoft often says no more than that somebody left, where it had wanted an administrator."""
    return consent is not None and is_news(consent, now=now) and consent.reason in (Reason.CANCELLED, Reason.DECLINED)


def _in_addition(consent: ConsentRequest, connection: Connection | None) -> list[str]:
    """What of a trip is new for a connection that works already."""
    if connection is None or not connection.is_alive:
        return []
    ticks = ("calendar_write", "contacts_write")
    return scopes.withheld_in_words(name for name in ticks if getattr(consent, name) and not getattr(connection, name))


def _stages(step: str, steps: Sequence[tuple[Step, str]]) -> list[Stage]:
    order = [known for known, _ in steps]
    reached = order.index(Step(step)) if step in order else 0
    looks = {"done": "check", "now": "turn", "next": "ring"}
    states = ["done" if at < reached else "now" if at == reached else "next" for at in range(len(order))]
    return [Stage(words, state, looks[state]) for (_, words), state in zip(steps, states, strict=True)]


def _trace(code: str, trace_id: str) -> str:
    return " · ".join(part for part in (code, trace_id) if part)


def _people(count: int) -> str:
    return "1 person is" if count == 1 else f"{count:,} people are"
