"""How an authorization ends where something goes on for long, goes wrong, or is broken off."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from integrations.models import LinkRequest, LinkStep
from integrations.organization import proof, trips
from integrations.preferences import Method
from tests.cast import Cast, ClientOf
from tests.integrations.travelling import Admin, decided, learnt, own, proved, sheet
from tests.simulated import Simulator

pytestmark = pytest.mark.django_db

APP = "applications/{client_id}/tenants/kestrel.example/{act}"
MINUTE = timedelta(minutes=1)


@pytest.fixture(autouse=True)
def ready(cast: Cast, microsoft: Simulator) -> None:
    own(cast.kestrel, "kestrel.example")
    learnt(cast.kestrel)


@pytest.fixture
def admin(cast: Cast, microsoft: Simulator, client_of: ClientOf) -> Admin:
    return Admin(microsoft, client_of(cast.dana))


def _act(microsoft: Simulator, act: str, json: object = None) -> None:
    microsoft.control("POST", APP.format(client_id=microsoft.client_id, act=act), json)


def _page(client: Client, request: LinkRequest) -> str:
    return client.get(reverse("authorize", args=[request.pk])).content.decode()


def _unsavable(request: LinkRequest) -> None:
    """What was kept of the sheet is damaged, in a way that nobody foresaw."""
    LinkRequest.objects.filter(pk=request.pk).update(confirmed={**request.confirmed, "said": "three"})


# ── Late ────────────────────────────────────────────────────────────────────
def test_what_is_saved_waits_as_long_as_the_proof_takes(cast: Cast, admin: Admin, microsoft: Simulator) -> None:
    _act(microsoft, "remove")
    microsoft.control("POST", "tenants/kestrel.example/consent-delay", {"seconds": 3600})
    change = sheet(cast.dana)
    request = admin.authorize_and_save(change)
    at_the_last_moment = timezone.now() + 5 * MINUTE
    LinkRequest.objects.update(expires_at=at_the_last_moment)
    type(change).objects.update(expires_at=at_the_last_moment)
    admin.walk()

    waiting = proved(request)
    _act(microsoft, "delay", {"seconds": 0})
    request = proved(request, after=12 * MINUTE)

    assert waiting.step == LinkStep.IDENTIFIED
    assert (request.step, request.not_saved, decided(cast.kestrel)) == (
        LinkStep.DONE,
        "",
        Method.APPLICATION_PERMISSIONS,
    )


# ── Saved by nobody ─────────────────────────────────────────────────────────
def test_what_cannot_be_saved_for_no_known_reason_is_not_tried_for_ever(cast: Cast, admin: Admin) -> None:
    request = admin.authorize_and_save(sheet(cast.dana))
    admin.walk()
    _unsavable(request)
    for attempt in range(proof.SAVED_WITHIN):
        with pytest.raises(TypeError):
            proved(request, after=attempt * 2 * MINUTE)

    request = proved(request, after=proof.SAVED_WITHIN * 2 * MINUTE)

    assert (request.step, request.link is not None, decided(cast.kestrel)) == (LinkStep.DONE, True, None)
    assert "The settings were not saved" in _page(admin.client, request)
    assert trips.to_prove(now=timezone.now() + timedelta(days=1)) == []
    assert trips.begin(cast.kestrel, domain="kestrel.example", by=cast.dana, now=timezone.now()).pk != request.pk


def test_what_is_linked_already_is_not_offered_to_be_cancelled(cast: Cast, admin: Admin) -> None:
    request = admin.authorize_and_save(sheet(cast.dana))
    admin.walk()
    _unsavable(request)
    with pytest.raises(TypeError):
        proved(request)

    page = _page(admin.client, request)
    answer = admin.client.post(reverse("authorize_cancel", args=[request.pk]), follow=True).content.decode()

    assert reverse("authorize_cancel", args=[request.pk]) not in page
    assert "It can no longer be cancelled" in answer
