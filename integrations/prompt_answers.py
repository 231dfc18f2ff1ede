"""What came of asking people, after single sign-on, to connect the calendar.

Who went to Microsoft has answered with what became of that trip: it is read of the trip itself, and written down
before trips are forgotten.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import Case, CharField, DateTimeField, F, OuterRef, Q, QuerySet, Subquery, Value, When

from accounts.models import Account, User
from integrations import reasons
from integrations.failures import Reason
from integrations.models import Answer, CalendarPrompt, Connection, ConsentRequest, Ending, Step
from integrations.preferences import SsoPrompt

SHOWN = 5
_REFUSALS = (Reason.DECLINED.value, Reason.CANCELLED.value)
_DONE = Q(consent__step=Step.DONE)
_REFUSED = Q(consent__step=Step.FAILED, consent__reason__in=_REFUSALS)
# By another trip of the same person, or stopped by them: what was asked here has no answer of its own.
_LEFT = Q(consent__step=Step.FAILED, consent__reason=Ending.SUPERSEDED)
_FAILED = Q(consent__step=Step.FAILED) & ~_LEFT
_BECAME = (
    (_DONE, Answer.CONNECTED),
    (_REFUSED, Answer.REFUSED),
    (_LEFT, Answer.NONE),
    (_FAILED, Answer.FAILED),
)
_LOOKS = {
    Answer.CONNECTED: ("good", "check"),
    Answer.AT_MICROSOFT: ("info", "clock"),
    Answer.DECLINED: ("plain", "ring"),
    Answer.REFUSED: ("plain", "ring"),
    Answer.FAILED: ("warn", "alert"),
    Answer.NONE: ("plain", "ring"),
}
# After “You were asked at sign-in (19 November, 18:04)”.
_OWN = {
    Answer.DECLINED: " and went on without it.",
    Answer.REFUSED: " and did not agree at Microsoft.",
    Answer.FAILED: ", and it did not work then.",
}


@dataclass(frozen=True)
class Past:
    """One time that somebody was asked, in words."""

    prompt: CalendarPrompt
    answer: str
    kind: str
    icon: str
    # Why it failed.
    because: str
    answered_at: datetime | None


def resolved() -> QuerySet[Any]:
    """Each with what it `became`, `why` and when (`ended_at`)."""
    went = Q(answer=Answer.AT_MICROSOFT)
    became = [When(went & of_trip, then=Value(answer.value)) for of_trip, answer in _BECAME]
    return CalendarPrompt.objects.annotate(
        became=Case(*became, default=F("answer"), output_field=CharField()),
        why=Case(When(went & _FAILED, then=F("consent__reason")), default=F("reason"), output_field=CharField()),
        ended_at=Case(
            When(went & Q(consent__ended_at__isnull=False), then=F("consent__ended_at")),
            default=F("answered_at"),
            output_field=DateTimeField(),
        ),
    )


def newest_of_each(account: Account) -> QuerySet[Any]:
    """Of everybody of the account who was ever asked, the last time."""
    of_same = CalendarPrompt.objects.filter(user=OuterRef("user")).order_by("-asked_at", "-pk")
    return resolved().filter(account=account, pk=Subquery(of_same.values("pk")[:1]))


def settle() -> int:
    """Write down what became of trips that have ended, before they are forgotten."""
    number = 0
    went = CalendarPrompt.objects.filter(answer=Answer.AT_MICROSOFT)
    trip = ConsentRequest.objects.filter(pk=OuterRef("consent"))
    for of_trip, answer in _BECAME:
        ended = went.filter(pk__in=went.filter(of_trip).values("pk"))
        reason: Any = "" if answer in (Answer.CONNECTED, Answer.NONE) else Subquery(trip.values("reason")[:1])
        number += ended.update(answer=answer, reason=reason, answered_at=Subquery(trip.values("ended_at")[:1]))
    return number


def history(person: User) -> list[Past]:
    """The newest few. One query."""
    found = resolved().filter(user=person).order_by("-asked_at", "-pk")[:SHOWN]
    return [past(prompt) for prompt in found]


def past(prompt: Any) -> Past:
    """`prompt`: one of `resolved`."""
    answer = Answer(prompt.became)
    because = why_in_words(prompt.why) if answer == Answer.FAILED else ""
    return Past(prompt, str(answer.label), *_LOOKS[answer], because, prompt.ended_at)


def on_profile(person: User, connection: Connection | None) -> dict[str, Any] | None:
    """What somebody without a working connection is told of the last time. One query for them."""
    if connection is not None and connection.is_alive:
        return None
    last: Any = resolved().filter(user=person, reset_at=None).order_by("-asked_at", "-pk").first()
    if last is None or last.became in (Answer.CONNECTED, Answer.AT_MICROSOFT):
        return None
    return {"asked_at": last.asked_at, "ended": _OWN.get(Answer(last.became), ".")}


def of_person(person: User, *, prompt: SsoPrompt, connection: Connection | None) -> dict[str, Any] | None:
    """For admins: every time that counts of late, and whether letting it count no more would mean anything."""
    pasts = history(person)
    if not pasts:
        return None
    counts = any(one.prompt.reset_at is None for one in pasts)
    is_working = connection is not None and connection.is_alive
    return {
        "pasts": pasts,
        "may_reset": counts and not is_working and prompt is SsoPrompt.FIRST_TIME,
        "is_reset": not counts,
    }


def why_in_words(reason: str) -> str:
    if reason in Ending.values:
        return str(Ending(reason).label)
    try:
        return reasons.in_words(reason) if reason else ""
    except KeyError:
        return "Meridian does not know this reason"


def mode_in_words(mode: str) -> str:
    return {SsoPrompt.FIRST_TIME.value: "The first time", SsoPrompt.EVERY_TIME.value: "Every time"}.get(mode, mode)
