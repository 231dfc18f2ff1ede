"""Letters to an account's admins about a server of their own that is in trouble: one for each trouble.

What passes is not told before it has lasted for an hour.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from django.conf import settings
from django.db import transaction
from django.db.models import F, Q, QuerySet
from django.template.loader import render_to_string
from django.urls import reverse

from accounts import letters
from accounts.letters import Draft
from accounts.models import Letter, Role, User
from integrations.exchange import server_words, servers
from integrations.models import ExchangeServer, ServerState

PATIENCE = timedelta(hours=1)


def tell(*, now: datetime) -> int:
    """Everything that is to be told and was not yet. Answers how many letters were written."""
    return sum(_tell(pk, now=now) for pk in _untold(now=now).order_by("pk").values_list("pk", flat=True))


def still_so(letter: Letter) -> bool:
    pk, _, since = letter.incident.partition(":")
    troubled = ExchangeServer.objects.filter(state__in=(ServerState.DEGRADED, ServerState.PAUSED))
    return troubled.filter(pk=pk, since_at=datetime.fromisoformat(since)).exists()


LETTER = letters.declare("exchange.server", still_holds=still_so)


def _untold(*, now: datetime) -> QuerySet[ExchangeServer]:
    is_grave = Q(state=ServerState.PAUSED) | Q(state=ServerState.DEGRADED, since_at__lte=now - PATIENCE)
    return ExchangeServer.objects.filter(is_grave, Q(told_at=None) | Q(told_at__lt=F("since_at")))


def _tell(pk: int, *, now: datetime) -> int:
    with transaction.atomic():
        untold = _untold(now=now).select_for_update(of=("self",)).select_related("account")
        server = untold.filter(pk=pk).first()
        if server is None:
            return 0
        ExchangeServer.objects.filter(pk=pk).update(told_at=now)
        if not servers.connected_at(server).exists() and not server.password:
            return 0  # nobody is concerned
        admins = User.objects.of(server.account).filter(role__in=[Role.OWNER, Role.ADMIN], is_active=True)
        return letters.post((_draft(server, person) for person in admins.order_by("pk")), now=now)


def _draft(server: ExchangeServer, person: User) -> Draft:
    words = server_words.of(server.reason)
    link = settings.PUBLIC_URL + reverse("exchange_server", args=[server.pk])
    context = {"person": person, "server": server, "says": words.says, "helps": words.helps, "link": link}
    text = render_to_string("integrations/letters/exchange_server.txt", context)
    incident = f"{server.pk}:{server.since_at.isoformat()}"
    return Draft(person, LETTER, incident, "Meridian cannot use your Exchange server", text)
