"""Office 365 admins on their way: an account that is ready to authorize, and the trip, step by step."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import requests
from django.http import HttpResponseBase
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from accounts import reviewing
from accounts.cascade.changes import Choose
from accounts.cascade.declare import Level, setting_of
from accounts.models import Account, AssociatedDomain, DomainState, Group, PendingChange, User
from integrations.models import LinkRequest
from integrations.organization import proof, whose
from integrations.preferences import Integrations, Method, ServicePolicy
from tests.cast import FOUNDED
from tests.simulated import Simulator

SERVICES = setting_of(Integrations, "services")
BY_ADMIN = ServicePolicy(who_can_set_up=Method.APPLICATION_PERMISSIONS)
ADMIN = "dana@kestrel.example"


def own(account: Account, *names: str) -> None:
    """The account has proved that these domains are its own."""
    AssociatedDomain.objects.bulk_create(
        AssociatedDomain(account=account, name=name, token="t", state=DomainState.VERIFIED, added_at=FOUNDED)
        for name in names
    )


def learnt(account: Account) -> None:
    """A worker has asked Microsoft whose the domains are."""
    whose.look_up(account, now=timezone.now())


def sheet(
    by: User, *, at: Account | Group | None = None, policy: ServicePolicy = BY_ADMIN, is_locked: bool = False
) -> PendingChange:
    """*Review changes*, for Application Permissions."""
    place = at or by.account
    level = Level.GROUP if isinstance(place, Group) else Level.ACCOUNT
    change = Choose(SERVICES.key, level, place.pk, SERVICES.to_json(policy), is_locked)
    made = reviewing.submit(change, by=by, back="/account/settings/", seen=None, now=timezone.now())
    assert isinstance(made, PendingChange)
    return made


@dataclass
class Admin:
    """Somebody in front of one browser, which has Microsoft's pages and the portal's."""

    microsoft: Simulator
    client: Client
    at_microsoft: requests.Session = field(init=False)
    last: HttpResponseBase | None = None

    def __post_init__(self) -> None:
        self.at_microsoft = self.microsoft.http()

    def authorize_and_save(self, change: PendingChange | None = None, **sent: Any) -> LinkRequest:
        """Presses the button; the browser stands before Microsoft afterwards."""
        about = {"domain": "kestrel.example", **({"change": change.pk} if change else {}), **sent}
        self.last = self.client.post(reverse("authorize_begin"), about)
        return LinkRequest.objects.latest("created_at")

    def go_on(self, name: str = ADMIN, answer: str = "accept") -> dict[str, str]:
        """Through the pages that the portal has sent the browser to; with what Microsoft sends it back."""
        assert self.last is not None
        said: dict[str, str] = self.microsoft.sign_in(
            self.last["Location"], name, answer=answer, session=self.at_microsoft
        )
        return said

    def come_back(self, said: dict[str, str]) -> HttpResponseBase:
        self.last = self.client.get(reverse("microsoft_callback"), said)
        return self.last

    def walk(self, name: str = ADMIN) -> None:
        """Both legs."""
        self.come_back(self.go_on(name))
        self.come_back(self.go_on(name))

    def as_somebody_else(self) -> None:
        """Signs out at Microsoft, so that another name can be typed."""
        self.at_microsoft = self.microsoft.http()


def proved(request: LinkRequest, *, after: timedelta = timedelta()) -> LinkRequest:
    """As a worker would; as it stands then."""
    proof.prove(request.pk, now=timezone.now() + after)
    return LinkRequest.objects.select_related("account", "by", "change", "link").get(pk=request.pk)


def decided(place: Account | Group) -> Any:
    """What was chosen at the place, if anything."""
    from accounts.cascade import read

    made = read.decisions_at(place, [SERVICES]).get(SERVICES.key)
    return made.value.who_can_set_up if made else None
