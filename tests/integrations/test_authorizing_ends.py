"""How an authorization ends where something goes on for long, goes wrong, or is broken off."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from accounts.models import AuditEntry, Role, User
from integrations.models import LinkRequest, LinkStep
from integrations.organization import proof, trips
from integrations.preferences import Method, ServicePolicy
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


# ── What stays at Microsoft ─────────────────────────────────────────────────
AT_MICROSOFT = "If a consent was given at Microsoft, it stays there"


def test_whoever_cancels_after_the_consent_is_told_what_stays_at_microsoft(cast: Cast, admin: Admin) -> None:
    request = admin.authorize_and_save(sheet(cast.dana))
    admin.come_back(admin.go_on())

    answer = admin.client.post(reverse("authorize_cancel", args=[request.pk]), follow=True).content.decode()

    assert answer.count(AT_MICROSOFT) == 2  # as a message, and on the page for later
    assert "Nothing has changed in Meridian." in answer


@pytest.mark.parametrize("reason", ["another_tenant", "not_admin", "interrupted", "expired"])
def test_whatever_came_to_nothing_says_what_may_stay_at_microsoft(cast: Cast, admin: Admin, reason: str) -> None:
    request = admin.authorize_and_save(sheet(cast.dana))
    LinkRequest.objects.update(step=LinkStep.FAILED, reason=reason, ended_at=timezone.now())

    page = _page(admin.client, request)

    assert AT_MICROSOFT in page
    assert "Nothing has changed." not in page


def test_without_a_consent_nothing_is_said_of_one(cast: Cast, admin: Admin) -> None:
    request = admin.authorize_and_save(sheet(cast.dana))

    admin.come_back(admin.go_on(answer="cancel"))

    page = _page(admin.client, request)
    assert "declined at Microsoft" in page
    assert AT_MICROSOFT not in page


# ── What arrives later ──────────────────────────────────────────────────────
def _lacking_contacts(admin: Admin, microsoft: Simulator, cast: Cast) -> LinkRequest:
    policy = ServicePolicy(who_can_set_up=Method.APPLICATION_PERMISSIONS, organization_contacts=True)
    request = admin.authorize_and_save(sheet(cast.dana, policy=policy))
    admin.walk()
    _act(microsoft, "remove-roles", {"roles": ["Contacts.Read"]})
    return request


def test_a_permission_that_is_needed_is_awaited_for_a_while(cast: Cast, admin: Admin, microsoft: Simulator) -> None:
    request = _lacking_contacts(admin, microsoft, cast)

    waiting = proved(request)
    _act(microsoft, "grant-roles", {"roles": ["Contacts.Read"]})
    request = proved(request, after=MINUTE)

    assert (waiting.step, waiting.link) == (LinkStep.IDENTIFIED, None)
    assert waiting.reason == "no_permissions"
    assert request.step == LinkStep.DONE
    assert request.link is not None
    assert "Contacts.Read" in request.link.roles


def test_without_what_never_arrives_it_goes_on(cast: Cast, admin: Admin, microsoft: Simulator) -> None:
    request = _lacking_contacts(admin, microsoft, cast)

    proved(request)
    request = proved(request, after=4 * MINUTE)

    assert request.step == LinkStep.DONE
    assert request.link is not None
    assert "Contacts.Read" not in request.link.roles


def test_whose_authorization_is_begun_anew_stands_in_the_log(cast: Cast, admin: Admin, client_of: ClientOf) -> None:
    first = admin.authorize_and_save(hand_on="1")
    User.objects.filter(pk=cast.bob.pk).update(role=Role.ADMIN)
    bob = User.objects.get(pk=cast.bob.pk)

    trips.begin(cast.kestrel, domain="kestrel.example", by=bob, now=timezone.now())

    entry = AuditEntry.objects.get(action="organization.authorization_refused")
    assert (entry.actor, entry.after) == (bob, {"reason": "superseded"})
    assert "An admin of this account has begun it again." in _page(admin.client, first)
