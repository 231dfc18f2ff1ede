"""The one letter of leaving EWS: to whom only a consent of their own takes to Graph. Once for each connection."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from django.conf import settings
from django.template.loader import render_to_string
from django.urls import reverse

from accounts import letters
from accounts.letters import Draft
from accounts.models import Letter
from integrations.exchange import retirement
from integrations.models import Connection, Move, State
from integrations.preferences import Api, Service

SUBJECT = "One step is left to keep your calendar in Meridian"


def asked(connections: Iterable[Connection], *, now: datetime) -> int:
    """Posted in the transaction that asks. `connections`: with their people."""
    told = [one for one in connections if one.user.is_active]
    return letters.post((_of(one, now=now) for one in told), now=now)


def _of(connection: Connection, *, now: datetime) -> Draft:
    person = connection.user
    text = render_to_string(
        "integrations/letters/leave_ews.txt",
        {
            "person": person,
            "connection": connection,
            "link": settings.PUBLIC_URL + reverse("profile"),
            "is_cloud": connection.service == Service.OFFICE_365.value,
            "retirement": retirement.sentence(now.date()),
        },
    )
    return Draft(person, ASKED, f"ews:{connection.pk}", SUBJECT, text)


def _still_asked(letter: Letter) -> bool:
    asked_ones = Connection.objects.filter(pk=letter.incident.partition(":")[2], api=Api.EWS.value, move=Move.ASKED)
    return asked_ones.exclude(state=State.DISCONNECTED).exists()


ASKED = letters.declare("calendar.leave_ews", still_holds=_still_asked)
