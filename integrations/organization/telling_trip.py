"""Whoever handed an authorization on is told by letter what came of it: they do not sit before its page for days."""

from __future__ import annotations

from datetime import datetime

from django.conf import settings
from django.template.loader import render_to_string
from django.urls import reverse

from accounts import letters
from accounts.letters import Draft
from accounts.models import Letter
from integrations.models import LinkRequest, LinkStep


def _still_theirs(letter: Letter) -> bool:
    """They may have left, or are no admin any more."""
    person = letter.person
    return person.is_active and person.is_account_admin


DONE = letters.declare("organization.authorized", still_holds=_still_theirs)


def done(request: LinkRequest, *, now: datetime) -> int:
    """In the transaction that ends it. Answers how many letters are new."""
    if not request.handed_on_digest or request.step != LinkStep.DONE:
        return 0
    link = settings.PUBLIC_URL + reverse("authorize", args=[request.pk])
    text = render_to_string("integrations/letters/authorized.txt", {"request": request, "link": link})
    subject = f"An Office 365 admin has authorized Meridian for {request.domain}"
    return letters.post([Draft(request.by, DONE, str(request.pk), subject, text)], now=now)
