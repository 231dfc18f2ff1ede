"""Somebody who has just signed in by single sign-on, and what they are asked then."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.contrib.sessions.backends.base import SessionBase
from django.test import Client, RequestFactory
from django.utils import timezone

from accounts import openings
from accounts.models import User
from accounts.openings import SignedInBy
from integrations import prompting
from integrations.models import Answer, CalendarPrompt
from integrations.preferences import SsoPrompt
from tests.integrations.tied import set_to

PROMPT, DONE = "/profile/calendar/prompt/", "/profile/calendar/prompt/done/"
GOING_TO = "/meetings/?week=3"


def shown_by(person: User, **more: Any) -> SignedInBy:
    usual = {"protocol": "saml", "provider": 1, "issuer": "https://idp.example/", "subject": "s", "email": person.email}
    return SignedInBy(**{**usual, **more})


def signs_in(
    client: Client, person: User, *, going_to: str = GOING_TO, now: datetime | None = None, **shown: Any
) -> str | None:
    """By single sign-on, in a browser in which the person is signed in already."""
    request = RequestFactory().get("/")
    request.user, session = person, client.session
    request.session = session
    by = shown_by(person, **shown)
    found = [
        ask(request, person, by=by, going_to=going_to, now=now or timezone.now())
        for ask in openings.after_single_sign_on
        if ask is prompting.after_single_sign_on
    ]
    _keep(session)
    return found[0]


def say(prompt: SsoPrompt, *, at: Any, by: User, is_locked: bool = False) -> None:
    set_to("sso_prompt", prompt, at=at, by=by, is_locked=is_locked)


def asked(person: User, answer: Answer = Answer.DECLINED, *, at: datetime | None = None, **more: Any) -> CalendarPrompt:
    """Some time ago."""
    moment = at or timezone.now()
    usual = {"account": person.account, "user": person, "asked_at": moment, "mode": "first_time", "answer": answer}
    return CalendarPrompt.objects.create(**{**usual, "answered_at": moment if answer else None, **more})


def _keep(session: SessionBase) -> None:
    session.save()
