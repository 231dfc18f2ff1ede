"""*Authorize and Save*: the whole trip of an Office 365 admin through the simulated Microsoft, and what must not do."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from accounts.models import AssociatedDomain, AuditEntry, DomainState, Letter, PendingChange, Role, User
from integrations.models import LinkRequest, LinkState, LinkStep, TenantLink
from integrations.organization import proof, trips
from integrations.preferences import Method, ServicePolicy
from tests.cast import Cast, ClientOf
from tests.integrations.stopped import CORVID, KESTREL
from tests.integrations.tied import connect, set_to
from tests.integrations.travelling import Admin, decided, learnt, own, proved, sheet
from tests.integrations.wired import row
from tests.simulated import Simulator

pytestmark = pytest.mark.django_db

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


def _slow(microsoft: Simulator) -> None:
    """Kestrel's organization does not know the application, and a consent takes an hour to arrive."""
    _act(microsoft, "remove")
    microsoft.control("POST", "tenants/kestrel.example/consent-delay", {"seconds": 3600})


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


def test_for_a_group_the_settings_of_the_group_are_saved(cast: Cast, admin: Admin) -> None:
    request = admin.authorize_and_save(sheet(cast.dana, at=cast.sales))

    admin.walk()
    request = proved(request)

    assert (request.step, decided(cast.sales), decided(cast.kestrel)) == (LinkStep.DONE, BY_ADMIN, None)


def test_without_a_change_the_organization_is_linked_alone(cast: Cast, admin: Admin) -> None:
    request = admin.authorize_and_save()

    admin.walk()
    request = proved(request)

    assert (request.step, request.link is not None, decided(cast.kestrel)) == (LinkStep.DONE, True, None)


def test_microsoft_is_asked_for_the_organization_of_the_domain_alone(cast: Cast, admin: Admin) -> None:
    admin.authorize_and_save(sheet(cast.dana))

    assert admin.last is not None
    consent = urlsplit(admin.last["Location"])
    admin.come_back(admin.go_on())
    sign_in = urlsplit(admin.last["Location"])

    assert f"{consent.scheme}://{consent.netloc}" == admin.microsoft.human_url
    assert consent.path == f"/{KESTREL}/v2.0/adminconsent"
    asked, shown = parse_qs(consent.query), parse_qs(sign_in.query)
    assert asked["scope"] == ["https://graph.microsoft.com/.default"]
    assert sign_in.path == f"/{KESTREL}/oauth2/v2.0/authorize"
    assert set(shown["scope"][0].split()) == {"openid", "profile"}
    assert shown["code_challenge_method"] == ["S256"]
    assert shown["nonce"]
    assert "login_hint" not in shown
    assert asked["state"] != shown["state"]


def test_one_of_several_organizations_is_chosen(cast: Cast, admin: Admin) -> None:
    own(cast.kestrel, "corvid.example", "kestrelandco.example")
    learnt(cast.kestrel)

    request = admin.authorize_and_save(sheet(cast.dana), domain="corvid.example")
    admin.walk("mallory@corvid.example")
    proved(request)

    link = TenantLink.objects.get()
    assert (link.account, link.tenant_id, link.domains) == (cast.kestrel, CORVID, ["corvid.example"])


def test_a_link_that_is_there_is_authorized_anew(cast: Cast, admin: Admin) -> None:
    admin.authorize_and_save()
    admin.walk()
    first = proved(LinkRequest.objects.get()).link

    again = admin.authorize_and_save()
    admin.walk()
    second = proved(again).link

    assert first == second
    assert TenantLink.objects.count() == 1


def test_as_long_as_the_consent_spreads_it_is_waited_for(cast: Cast, admin: Admin, microsoft: Simulator) -> None:
    _slow(microsoft)
    request = admin.authorize_and_save(sheet(cast.dana))
    admin.walk()

    waiting = proved(request)
    _act(microsoft, "delay", {"seconds": 0})

    assert (waiting.step, waiting.reason, waiting.ended_at) == (LinkStep.IDENTIFIED, "app_removed", None)
    assert "has not arrived everywhere" in _page(admin.client, request)
    assert proved(request, after=timedelta(minutes=1)).step == LinkStep.DONE


def test_what_does_not_arrive_in_time_comes_to_nothing(cast: Cast, admin: Admin, microsoft: Simulator) -> None:
    _slow(microsoft)
    request = admin.authorize_and_save(sheet(cast.dana))
    admin.walk()

    request = proved(request, after=timedelta(minutes=16))

    assert (request.step, request.reason) == (LinkStep.MADE, "app_removed")
    _assert_nothing_changed(cast)


# ── Handed on ───────────────────────────────────────────────────────────────
def _handed_on(cast: Cast, admin: Admin) -> tuple[LinkRequest, str]:
    """The link, as Dana sees it."""
    request = admin.authorize_and_save(sheet(cast.dana), hand_on="1")
    page = _page(admin.client, request)
    link = page.split('id="link" type="text" readonly value="')[1].split('"')[0]
    return request, urlsplit(link).path


def test_somebody_without_an_account_can_authorize_by_a_link(cast: Cast, admin: Admin, microsoft: Simulator) -> None:
    request, link = _handed_on(cast, admin)
    elsewhere = Admin(microsoft, Client())

    opened = elsewhere.client.get(link)
    page = elsewhere.client.get(opened["Location"]).content.decode()
    elsewhere.last = elsewhere.client.post(reverse("authorize_set_out"))
    elsewhere.walk()
    kept_until = PendingChange.objects.get().expires_at
    request = proved(request)

    assert link.rpartition("/")[0].rpartition("/")[2] not in opened["Location"]
    assert "Kestrel &amp; Co" in page
    assert elsewhere.last["Location"] == reverse("authorize_handed_on")
    assert kept_until >= request.expires_at > timezone.now() + timedelta(days=6)  # the change waits as long
    assert (request.step, request.not_saved) == (LinkStep.DONE, "")
    letter = Letter.objects.get()
    assert (letter.person, reverse("authorize", args=[request.pk]) in letter.text) == (cast.dana, True)
    assert decided(cast.kestrel) is BY_ADMIN
    assert "you may close this page" in elsewhere.client.get(reverse("authorize_handed_on")).content.decode()


def test_the_word_of_a_link_is_kept_as_a_digest_and_sealed(cast: Cast, admin: Admin) -> None:
    request, link = _handed_on(cast, admin)
    word = link.rstrip("/").rpartition("/")[2]

    assert word not in repr(row(LinkRequest, request.pk))
    assert word not in repr(list(AuditEntry.objects.values()))


@pytest.mark.parametrize("end", ["cancel", "expire", "demote", "replace"])
def test_a_link_that_is_over_leads_nowhere(cast: Cast, admin: Admin, microsoft: Simulator, end: str) -> None:
    request, link = _handed_on(cast, admin)
    if end == "cancel":
        admin.client.post(reverse("authorize_cancel", args=[request.pk]))
    elif end == "expire":
        LinkRequest.objects.update(expires_at=timezone.now())
    elif end == "demote":
        User.objects.filter(pk=cast.dana.pk).update(role=Role.MEMBER)
    else:
        admin.authorize_and_save()
    elsewhere = Client()

    page = elsewhere.get(link, follow=True).content.decode()
    answer = elsewhere.post(reverse("authorize_set_out"))

    assert "This link cannot be used" in page
    assert answer["Location"] == reverse("authorize_handed_on")
    _assert_nothing_changed(cast)


def test_whoever_opens_the_link_later_leaves_the_first_browser_behind(
    cast: Cast, admin: Admin, microsoft: Simulator
) -> None:
    request, link = _handed_on(cast, admin)
    first, second = Admin(microsoft, Client()), Admin(microsoft, Client())
    for one in (first, second):
        one.client.get(link)
        one.last = one.client.post(reverse("authorize_set_out"))

    first.come_back(first.go_on())
    assert first.last is not None
    assert first.last["Location"] == reverse("authorize_unknown")
    second.walk()

    assert proved(request).step == LinkStep.DONE


# ── Declined, and the wrong people ──────────────────────────────────────────
def test_whoever_declines_may_think_again(cast: Cast, admin: Admin) -> None:
    request = admin.authorize_and_save(sheet(cast.dana))

    admin.come_back(admin.go_on(answer="cancel"))
    declined = LinkRequest.objects.get()
    said = _page(admin.client, request)
    admin.last = admin.client.post(reverse("authorize_go", args=[request.pk]))
    admin.walk()

    assert (declined.step, declined.reason, declined.flow) == (LinkStep.MADE, "declined", "")
    assert "declined at Microsoft" in said
    assert proved(request).step == LinkStep.DONE


def test_who_is_no_admin_at_microsoft_cannot_consent(cast: Cast, admin: Admin) -> None:
    request = admin.authorize_and_save(sheet(cast.dana))

    admin.come_back(admin.go_on("bob@kestrel.example"))

    request.refresh_from_db()
    assert (request.step, request.reason) == (LinkStep.MADE, "admin_approval")
    assert "Privileged Role Administrator" in _page(admin.client, request)
    _assert_nothing_changed(cast)


@pytest.mark.parametrize(("name", "reason"), [("bob@kestrel.example", "not_admin"), ("erin@partner.example", "guest")])
def test_whoever_signs_in_after_the_consent_must_be_one_who_may_consent(
    cast: Cast, admin: Admin, name: str, reason: str
) -> None:
    request = admin.authorize_and_save(sheet(cast.dana))
    admin.come_back(admin.go_on())
    admin.as_somebody_else()
    admin.come_back(admin.go_on(name))

    request = proved(request)

    assert (request.step, request.reason) == (LinkStep.MADE, reason)
    _assert_nothing_changed(cast)


def test_a_refused_sign_in_may_be_tried_again(cast: Cast, admin: Admin) -> None:
    request = admin.authorize_and_save(sheet(cast.dana))
    said = admin.go_on()
    admin.come_back(said)
    assert admin.last is not None
    state = parse_qs(urlsplit(admin.last["Location"]).query)["state"][0]

    admin.come_back({"state": state, "error": "access_denied", "error_subcode": "cancel"})

    request.refresh_from_db()
    assert (request.step, request.reason) == (LinkStep.MADE, "cancelled")
    admin.last = admin.client.post(reverse("authorize_go", args=[request.pk]))
    admin.walk()
    assert proved(request).step == LinkStep.DONE


# ── Forged, swapped, replayed, late ─────────────────────────────────────────
def test_an_error_counts_although_a_success_mark_stands_beside_it(cast: Cast, admin: Admin) -> None:
    request = admin.authorize_and_save(sheet(cast.dana))

    admin.come_back(admin.go_on() | {"error": "server_error"})

    request.refresh_from_db()
    assert request.step == LinkStep.MADE
    assert trips.to_prove(now=timezone.now()) == []
    _assert_nothing_changed(cast)


def test_another_tenant_in_the_answer_ends_it(cast: Cast, admin: Admin) -> None:
    request = admin.authorize_and_save(sheet(cast.dana))

    admin.come_back(admin.go_on() | {"tenant": CORVID})

    request.refresh_from_db()
    assert (request.step, request.reason) == (LinkStep.FAILED, "another_tenant")
    assert "another Microsoft 365 organization" in _page(admin.client, request)
    _assert_nothing_changed(cast)


@pytest.mark.parametrize(
    "forged",
    [
        {"state": "organization.forged"},
        {"admin_consent": "False"},
        {"admin_consent": ""},
        {"state": ""},
        {"state": "organization." + "x" * 9000},
    ],
)
def test_a_forged_answer_changes_nothing(cast: Cast, admin: Admin, forged: dict[str, str]) -> None:
    request = admin.authorize_and_save(sheet(cast.dana))
    before = row(LinkRequest, request.pk)

    admin.come_back(admin.go_on() | forged)

    assert row(LinkRequest, request.pk) == before
    _assert_nothing_changed(cast)


def test_a_code_is_no_consent_and_a_consent_no_code(cast: Cast, admin: Admin) -> None:
    request = admin.authorize_and_save(sheet(cast.dana))
    consent = admin.go_on()
    before = row(LinkRequest, request.pk)

    admin.come_back({"state": consent["state"], "code": "0.AXforged"})
    assert row(LinkRequest, request.pk) == before
    admin.come_back(consent)
    assert admin.last is not None
    state = parse_qs(urlsplit(admin.last["Location"]).query)["state"][0]
    consented = row(LinkRequest, request.pk)
    admin.come_back(consent | {"state": state})

    assert row(LinkRequest, request.pk) == consented
    _assert_nothing_changed(cast)


@pytest.mark.parametrize("leg", ["consent", "sign-in"])
def test_a_replayed_answer_changes_nothing(cast: Cast, admin: Admin, leg: str) -> None:
    request = admin.authorize_and_save(sheet(cast.dana))
    said = admin.go_on()
    admin.come_back(said)
    if leg == "sign-in":
        said = admin.go_on()
        admin.come_back(said)
    before = row(LinkRequest, request.pk)

    admin.come_back(said)

    assert admin.last is not None
    assert admin.last["Location"] == reverse("authorize_unknown")
    assert row(LinkRequest, request.pk) == before


@pytest.mark.parametrize("who", ["another browser", "another admin", "a stranger", "nobody"])
@pytest.mark.parametrize("leg", ["consent", "sign-in"])
def test_an_answer_counts_in_the_browser_alone_that_set_out(
    cast: Cast, admin: Admin, client_of: ClientOf, who: str, leg: str
) -> None:
    User.objects.filter(pk=cast.bob.pk).update(role=Role.ADMIN)
    others = {"another browser": cast.dana, "another admin": cast.bob, "a stranger": cast.mallory}
    other = client_of(others[who]) if who in others else Client()
    request = admin.authorize_and_save(sheet(cast.dana))
    said = admin.go_on()
    if leg == "sign-in":
        admin.come_back(said)
        said = admin.go_on()
    before = row(LinkRequest, request.pk)

    answer = other.get(reverse("microsoft_callback"), said)

    assert answer["Location"] == reverse("authorize_unknown")
    assert row(LinkRequest, request.pk) == before
    _assert_nothing_changed(cast)


def test_a_late_answer_changes_nothing(cast: Cast, admin: Admin) -> None:
    request = admin.authorize_and_save(sheet(cast.dana))
    said = admin.go_on()
    LinkRequest.objects.update(expires_at=timezone.now())
    before = row(LinkRequest, request.pk)

    admin.come_back(said)

    assert row(LinkRequest, request.pk) == before
    trips.forget_old(now=timezone.now())
    request.refresh_from_db()
    assert (request.step, request.reason, request.flow) == (LinkStep.FAILED, "expired", "")


def test_a_code_of_another_trip_is_not_accepted(
    cast: Cast, admin: Admin, microsoft: Simulator, client_of: ClientOf
) -> None:
    """As somebody would inject who has a code of the admin's, which their own PKCE verifier does not fit."""
    own(cast.corvid, "kestrelandco.example")
    learnt(cast.corvid)
    victim = admin.authorize_and_save()
    admin.come_back(admin.go_on())
    stolen = admin.go_on()
    attacker = Admin(microsoft, client_of(cast.mallory))
    request = attacker.authorize_and_save(domain="kestrelandco.example")
    assert attacker.last is not None
    state = parse_qs(urlsplit(attacker.last["Location"]).query)["state"][0]
    attacker.come_back({"admin_consent": "True", "tenant": KESTREL, "state": state})
    own_state = parse_qs(urlsplit(attacker.last["Location"]).query)["state"][0]

    attacker.come_back(stolen | {"state": own_state})
    request = proved(request)

    assert (request.step, request.account, victim.account) == (LinkStep.MADE, cast.corvid, cast.kestrel)
    assert not TenantLink.objects.exists()


def test_a_success_that_nobody_consented_to_is_not_borne_out(cast: Cast, admin: Admin) -> None:
    """The state is known to whoever began it; Microsoft alone knows whether an admin has consented."""
    request = admin.authorize_and_save(sheet(cast.dana))
    assert admin.last is not None
    state = parse_qs(urlsplit(admin.last["Location"]).query)["state"][0]
    admin.come_back({"admin_consent": "True", "tenant": KESTREL, "state": state})
    admin.come_back(admin.go_on())

    waiting = proved(request)
    request = proved(request, after=timedelta(minutes=16))

    assert waiting.reason in ("app_removed", "no_permissions")
    assert request.step == LinkStep.MADE
    _assert_nothing_changed(cast)


def test_another_account_cannot_begin_for_a_domain_that_is_not_its_own(
    cast: Cast, microsoft: Simulator, client_of: ClientOf
) -> None:
    answer = client_of(cast.mallory).post(reverse("authorize_begin"), {"domain": "kestrel.example"})

    assert answer["Location"] == reverse("organizations")
    assert not LinkRequest.objects.exists()


# ── What has changed meanwhile in the portal ────────────────────────────────
@pytest.mark.parametrize("change", [{"role": Role.MEMBER}, {"is_active": False}])
def test_who_is_no_longer_an_admin_links_nothing(cast: Cast, admin: Admin, change: dict[str, Any]) -> None:
    request = admin.authorize_and_save(sheet(cast.dana))
    admin.walk()
    User.objects.filter(pk=cast.dana.pk).update(**change)

    request = proved(request)

    assert (request.step, request.reason) == (LinkStep.FAILED, "no_longer_admin")
    _assert_nothing_changed(cast)


def test_who_signs_out_meanwhile_begins_again(cast: Cast, admin: Admin) -> None:
    request = admin.authorize_and_save(sheet(cast.dana))
    said = admin.go_on()
    before = row(LinkRequest, request.pk)
    admin.client.logout()

    admin.come_back(said)

    assert admin.last is not None
    assert admin.last["Location"] == reverse("authorize_unknown")
    assert row(LinkRequest, request.pk) == before


def test_a_domain_that_was_lost_meanwhile_links_nothing(cast: Cast, admin: Admin) -> None:
    request = admin.authorize_and_save(sheet(cast.dana))
    admin.walk()
    AssociatedDomain.objects.update(state=DomainState.LAPSED)

    request = proved(request)

    assert (request.step, request.reason) == (LinkStep.FAILED, "domain_lost")
    _assert_nothing_changed(cast)


def test_a_domain_of_another_organization_by_now_links_nothing(cast: Cast, admin: Admin) -> None:
    own(cast.kestrel, "corvid.example")
    request = admin.authorize_and_save(sheet(cast.dana))
    admin.walk()
    LinkRequest.objects.update(domain="corvid.example")  # as if Microsoft had said so when it was begun

    request = proved(request)

    assert (request.step, request.reason) == (LinkStep.FAILED, "domain_moved")
    _assert_nothing_changed(cast)


def test_a_cancelled_one_stays_cancelled(cast: Cast, admin: Admin) -> None:
    request = admin.authorize_and_save(sheet(cast.dana))
    admin.walk()

    admin.client.post(reverse("authorize_cancel", args=[request.pk]))
    request = proved(request)

    assert (request.step, request.reason) == (LinkStep.FAILED, "stopped")
    _assert_nothing_changed(cast)


@pytest.mark.parametrize("meanwhile", ["cancelled", "expired", "changed", "more affected"])
def test_the_consent_holds_although_the_settings_cannot_be_saved(cast: Cast, admin: Admin, meanwhile: str) -> None:
    change = sheet(cast.dana, is_locked=True)
    request = admin.authorize_and_save(change, said="0")
    admin.walk()
    if meanwhile == "cancelled":
        change.delete()
    elif meanwhile == "expired":
        PendingChange.objects.update(expires_at=timezone.now())
    elif meanwhile == "changed":
        set_to("services", ServicePolicy(calendar_write=False), at=cast.kestrel, by=cast.dana)
        PendingChange.objects.update(seen="something else")
    else:
        connect([cast.alice], tenant_id=CORVID, object_id="1", address=cast.alice.email)
        PendingChange.objects.update(announced=[])

    request = proved(request)
    page = _page(admin.client, request)
    answer = admin.client.post(reverse("authorize_save", args=[request.pk]))

    assert (request.step, request.link is not None) == (LinkStep.DONE, True)
    assert request.not_saved
    assert decided(cast.kestrel) is not BY_ADMIN
    assert "The settings were not saved" in page
    again = PendingChange.objects.get()
    assert answer["Location"] == reverse("change", args=[again.pk])
    assert "Authorize and Save" not in admin.client.get(answer["Location"]).content.decode()


# ── A worker that dies ──────────────────────────────────────────────────────
def test_killed_while_it_redeemed_the_code_it_may_be_tried_again(cast: Cast, admin: Admin) -> None:
    request = admin.authorize_and_save()
    admin.walk()
    answered = row(LinkRequest, request.pk)
    proved(request)
    TenantLink.objects.all().delete()
    LinkRequest.objects.update(**{name: answered[name] for name in answered if name != "id"})

    request = proved(request)

    assert (request.step, request.reason) == (LinkStep.MADE, "interrupted")


def test_killed_before_the_settings_were_saved_it_goes_on(cast: Cast, admin: Admin) -> None:
    request = admin.authorize_and_save(sheet(cast.dana))
    admin.walk()
    link = TenantLink.objects.create(
        account=cast.kestrel, tenant_id=KESTREL, since_at=timezone.now(), linked_at=timezone.now()
    )
    LinkRequest.objects.update(step=LinkStep.PROVED, link=link, claimed_until=timezone.now())

    request = proved(request, after=timedelta(seconds=1))

    assert (request.step, request.not_saved, decided(cast.kestrel)) == (LinkStep.DONE, "", BY_ADMIN)


def test_one_worker_at_a_time_and_none_for_ever(cast: Cast, admin: Admin) -> None:
    request = admin.authorize_and_save(sheet(cast.dana))
    admin.walk()
    LinkRequest.objects.update(claimed_until=timezone.now() + proof.CLAIM)

    in_other_hands = proved(request)
    found = trips.to_prove(now=timezone.now() + proof.CLAIM)

    assert in_other_hands.step == LinkStep.ANSWERED
    assert found == [request.pk]


def test_while_microsoft_does_not_answer_it_is_tried_again(cast: Cast, admin: Admin, settings: Any) -> None:
    request = admin.authorize_and_save(sheet(cast.dana))
    admin.walk()
    there = settings.MICROSOFT_AUTHORITY_HOST
    LinkRequest.objects.update(step=LinkStep.IDENTIFIED)
    settings.MICROSOFT_AUTHORITY_HOST = "https://localhost:9"

    waiting = proved(request)
    settings.MICROSOFT_AUTHORITY_HOST = there

    assert (waiting.step, waiting.reason, waiting.ended_at) == (LinkStep.IDENTIFIED, "no_answer", None)
    assert proved(request, after=timedelta(minutes=5)).step == LinkStep.DONE


def _page(client: Client, request: LinkRequest) -> str:
    return client.get(reverse("authorize", args=[request.pk])).content.decode()


def _assert_nothing_changed(cast: Cast) -> None:
    assert not TenantLink.objects.exists()
    assert (decided(cast.kestrel), decided(cast.sales)) == (None, None)
