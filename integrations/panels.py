"""What this floor puts on pages of the ground floor, and how it hears of changed settings."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.http import HttpRequest
from django.utils import timezone

from accounts.cascade.read import effective
from accounts.models import Account, User
from accounts.openings import Panel, Remark
from integrations import connecting, fitting, health
from integrations.health import Words
from integrations.models import ALIVE, Connection, ConsentRequest, Ending, State, Step
from integrations.policy import Shape, may_connect
from integrations.preferences import SERVICE_NAMES, Integrations, Service
from integrations.tasks import apply_policy_to, nudge

SILENCE = timedelta(seconds=30)  # after which a page says that no worker has answered
NEWS = timedelta(hours=1)  # how long the profile tells why the last attempt failed

_STEPS = [
    (Step.ANSWERED, "Microsoft has agreed"),
    (Step.AGREED, "It is your account"),
    (Step.IDENTIFIED, "Your permissions are kept safely"),
    (Step.STORED, "The mailbox opens"),
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


def calendar_of(person: User, *, now: datetime) -> dict[str, Any]:
    """What the section on the profile shows. Three queries."""
    preferences = effective(Integrations, person)
    connection = fitting.settled(person, preferences, now=now)
    consent = connecting.newest(person)
    is_there = connection is not None and connection.state != State.DISCONNECTED
    kind, icon = _KINDS.get(State(connection.state), ("bad", "alert")) if connection else ("", "")
    obstacle = may_connect(preferences, Shape())
    return {
        "connection": connection if is_there else None,
        "service": SERVICE_NAMES[Service(connection.service)] if connection else "",
        "kind": kind,
        "icon": icon,
        "words": health.of_connection(connection) if connection else None,
        "obstacle": health.of_obstacle(obstacle) if obstacle else "",
        "my_apps": settings.MICROSOFT_MY_APPS_URL,
        **_way(consent, connection, now=now),
    }


def on_enabled_row(account: Account) -> Remark:
    """Exact numbers: who is connected now, and whom the switch would block or bring back."""
    of_account = Connection.objects.filter(user__account=account)
    alive = of_account.filter(state__in=ALIVE).count()
    blocked = of_account.filter(state=State.BLOCKED_BY_POLICY).count()
    returning = f" {_people(blocked)} blocked now; their connections come back by themselves." if blocked else ""
    stopping = (
        f"{_people(alive)} connected now. Meridian stops using their calendars at once and keeps the connections "
        "for seven days: if you enable it again before, they come back by themselves."
        if alive
        else "Nobody is connected now, so nobody loses anything."
    )
    return Remark(
        now=f"{_people(alive)} connected." if alive else "Nobody is connected yet.",
        if_on=f"People can then connect their calendar on their profile page.{returning}",
        if_off=stopping,
    )


def settings_changed(*, account: Account, key: str, **_: object) -> None:
    """A nudge for the worker; the sweep would find it within a minute."""
    if key.startswith(Integrations.prefix + "."):
        nudge(apply_policy_to, account_id=account.pk)


def _way(consent: ConsentRequest | None, connection: Connection | None, *, now: datetime) -> dict[str, Any]:
    """The newest trip to Microsoft: under way, left open, or just failed."""
    if consent is None:
        return {"stages": [], "failed": None}
    if consent.answered_at and not consent.ended_at:
        stages = _stages(consent.step)
        return {
            "stages": stages,
            "done": sum(1 for stage in stages if stage.state == "done"),
            "answered_at": consent.answered_at,
            "is_silent": now - _waiting_since(consent, consent.answered_at) > SILENCE,
            "trouble": health.of_passing(consent.reason) if consent.attempts else "",
            "failed": None,
        }
    return {
        "stages": [],
        "failed": _news(consent, connection, now=now),
        "failed_code": _trace(consent.code, consent.trace_id),
    }


def _waiting_since(consent: ConsentRequest, answered_at: datetime) -> datetime:
    """Since when a worker could have taken it: it was answered, is in nobody's hands, and waits for nothing."""
    return max(moment for moment in (answered_at, consent.claimed_until, consent.not_before) if moment)


def _news(consent: ConsentRequest, connection: Connection | None, *, now: datetime) -> Words | None:
    if consent.step == Step.SENT and consent.expires_at > now:
        return Words("info", "You have not finished at Microsoft.", "Nothing has changed. You can start again.")
    if consent.step == Step.SENT:
        return Words("warn", Ending.EXPIRED.label + ".", "Nothing has changed. You can start again.")
    is_new = consent.ended_at is not None and now - consent.ended_at < NEWS
    told = consent.step == Step.FAILED and consent.reason != Ending.SUPERSEDED
    return health.of_consent(consent, connection) if is_new and told else None


def _stages(step: str) -> list[Stage]:
    order = [known for known, _ in _STEPS]
    reached = order.index(Step(step)) if step in order else 0
    looks = {"done": "check", "now": "turn", "next": "ring"}
    states = ["done" if at < reached else "now" if at == reached else "next" for at in range(len(order))]
    return [Stage(words, state, looks[state]) for (_, words), state in zip(_STEPS, states, strict=True)]


def _trace(code: str, trace_id: str) -> str:
    return " · ".join(part for part in (code, trace_id) if part)


def _people(count: int) -> str:
    return "1 person is" if count == 1 else f"{count:,} people are"
