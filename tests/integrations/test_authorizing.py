"""*Authorize and Save*: the whole trip of an Office 365 admin through the simulated Microsoft, and all that must not do."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from accounts.models import AssociatedDomain, AuditEntry, DomainState, PendingChange, Role, User
from integrations.models import LinkRequest, LinkState, LinkStep, TenantLink
from integrations.organization import proof, trips
from integrations.preferences import Method
from tests.cast import Cast, ClientOf
from tests.integrations.stopped import CORVID, KESTREL
from tests.integrations.travelling import Admin, decided, learnt, own, proved, sheet
from tests.integrations.wired import row
from tests.simulated import Simulator

pytestmark = pytest.mark.django_db(transaction=True)

BY_ADMIN = Method.APPLICATION_PERMISSIONS
APP = "applications/{client_id}/tenants/kestrel.example/{act}"


@pytest.fixture(autouse=True)
def ready(cast: Cast, microsoft: Simulator) -> None:
    """Kestrel has proved its domain, and a worker has asked Microsoft whose it is."""
    own(cast.kestrel, "kestrel.example")
    learnt(cast.kestrel)


@pytest.fixture
def admin(cast: Cast, microsoft: Simulator, client_of: ClientOf) -> Admin:
    return Admin(microsoft, client_of(cast.dana))


def _act(microsoft: Simulator, act: str, json: object = None) -> None:
    microsoft.control("POST", APP.format(client_id=microsoft.client_id, act=act), json)


# ── Given ───────────────────────────────────────────────────────────────────
def test_a_consent_links_the_organization_and_saves_the_settings(cast: Cast, admin: Admin) -> None:
    change = sheet(cast.dana)

    request = admin.authorize_and_save(change, reason="One consent for all.")
    admin.walk()

    assert admin.last is not None
    assert admin.last["Location"] == reverse("authorize", args=[request.pk])
    assert not TenantLink.objects.exists()  # nothing is believed yet
    assert decided(cast.kestrel) is None
    request = proved(request)
    assert (request.step, request.reason, request.not_saved) == (LinkStep.DONE, "", "")
    link = TenantLink.objects.get()
    assert (link.account, link.tenant_id, link.state) == (cast.kestrel, KESTREL, LinkState.WORKING)
    assert link.domains == ["kestrel.example"]
    assert link.consented_as == "dana@kestrel.example"
    assert "Calendars.ReadWrite" in link.roles
    assert decided(cast.kestrel) is BY_ADMIN
    entry = AuditEntry.objects.filter(setting_key="integrations.services").latest("pk")
    assert (entry.actor, entry.reason) == (cast.dana, "One consent for all.")
    assert [row(LinkRequest, request.pk)[column] for column in ("flow", "answer", "state_digest")] == ["", "", ""]
