"""The link for an administrator at Microsoft, the answer in anybody's browser, its proof, and whom it releases."""

from __future__ import annotations

import time
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from hypothesis import given
from hypothesis import strategies as st

from accounts import vault
from accounts.models import AuditEntry, Letter
from integrations import admin_consent, approvals, consent_proof
from integrations.admin_consent import Said
from integrations.models import AwaitedApproval, State, TenantConsent
from integrations.preferences import ServicePolicy
from tests.at_once import at_once
from tests.cast import FOUNDED, Cast, ClientOf, crowd
from tests.integrations.stopped import (
    CORVID,
    KESTREL,
    close,
    consented,
    is_released,
    link_of,
    looked_up,
    made,
    proved,
    queue,
    recorded,
    stopped,
    waits,
)
from tests.integrations.tied import connect, set_to, state_of
from tests.integrations.wired import begun, connected, row
from tests.simulated import Simulator

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def closed(microsoft: Simulator) -> Simulator:
    """In Kestrel's organization only administrators may consent."""
    close(microsoft)
    return microsoft


@pytest.fixture
def consent(cast: Cast, microsoft: Simulator) -> TenantConsent:
    """A link for Kestrel's organization, in which Alice waits."""
    queue([cast.alice], since_at=FOUNDED)
    return made(cast.kestrel, cast.dana)


@pytest.fixture
def unknown(microsoft: Simulator) -> Simulator:
    """Kestrel's organization does not know the application."""
    microsoft.control("POST", f"applications/{microsoft.client_id}/tenants/kestrel.example/remove")
    return microsoft


def test_who_holds_the_link_cannot_fill_the_audit_log(consent: TenantConsent) -> None:
    state = parse_qs(urlsplit(link_of(consent)).query)["state"][0]

    for number in range(6):
        recorded({"state": state, "error": ("access_denied", "server_error")[number % 2]})

    assert AuditEntry.objects.filter(action=admin_consent.REFUSED).count() == 1


def test_what_a_browser_brings_is_no_word_about_our_credential(consent: TenantConsent) -> None:
    state = parse_qs(urlsplit(link_of(consent)).query)["state"][0]

    recorded({"state": state, "error": "invalid_client", "error_description": "AADSTS7000215: Wrong."})

    consent.refresh_from_db()
    assert (consent.reason, consent.code) == ("refused", "AADSTS7000215")


# ── The link ────────────────────────────────────────────────────────────────
def test_the_link_asks_for_what_those_need_who_wait_and_no_more(cast: Cast, microsoft: Simulator) -> None:
    queue([cast.alice], calendar_write=True)
    queue([cast.bob, cast.mallory], contacts_write=True)

    link = urlsplit(link_of(made(cast.kestrel, cast.dana)))

    query = parse_qs(link.query)
    assert link.path == f"/{KESTREL}/v2.0/adminconsent"
    assert f"{link.scheme}://{link.netloc}" == microsoft.human_url
    assert set(query["scope"][0].split()) == {
        *("openid", "profile", "offline_access", "User.Read"),
        *("Calendars.Read", "Calendars.ReadWrite", "Contacts.Read", "Contacts.ReadWrite"),
    }
    assert query["redirect_uri"] == [microsoft.redirect_uri]


def test_the_link_stays_within_what_the_settings_give(cast: Cast, microsoft: Simulator) -> None:
    queue([cast.alice, cast.bob], calendar_write=True, contacts_write=True)
    set_to("services", ServicePolicy(calendar_write=False), at=cast.kestrel, by=cast.dana)
    set_to("services", ServicePolicy(contacts_write=False, calendar_write=False), at=cast.sales, by=cast.dana)

    assert made(cast.kestrel, cast.dana).scopes == [
        "Calendars.Read",
        "Contacts.Read",
        "Contacts.ReadWrite",
        "User.Read",
    ]


def test_the_state_is_sealed_and_found_by_its_digest_alone(consent: TenantConsent) -> None:
    state = parse_qs(urlsplit(link_of(consent)).query)["state"][0]

    stored = repr(row(TenantConsent, consent.pk))

    assert state not in stored
    with pytest.raises(vault.CannotOpen):
        vault.open_sealed(consent.state, bound_to=f"integrations_tenantconsent:state:{KESTREL}")
    assert state not in repr(list(AuditEntry.objects.values()))


def test_a_new_link_makes_the_old_one_void(cast: Cast, consent: TenantConsent, microsoft: Simulator) -> None:
    old = consented(consent, microsoft)

    new = made(cast.kestrel, cast.dana)

    assert recorded(old) is Said.REPLACED
    assert not consent_proof.to_prove(now=timezone.now())
    assert link_of(TenantConsent.objects.get(pk=consent.pk)) == ""
    assert recorded(consented(new, microsoft)) is Said.RECORDED


def test_without_anybody_who_waits_there_is_nothing_to_ask_for(cast: Cast, microsoft: Simulator) -> None:
    queue([cast.mallory])

    with pytest.raises(admin_consent.NobodyWaits):
        made(cast.kestrel, cast.dana)


def test_while_microsoft_does_not_answer_no_link_is_made(cast: Cast, settings: Any) -> None:
    settings.MICROSOFT_AUTHORITY_HOST = "https://localhost:9"
    queue([cast.alice])

    with pytest.raises(Exception, match="no_answer"):
        made(cast.kestrel, cast.dana)

    assert not TenantConsent.objects.exists()


# ── The whole way ───────────────────────────────────────────────────────────
def test_one_consent_releases_all_who_wait_and_tells_them(cast: Cast, closed: Simulator) -> None:
    stopped(cast.alice, closed, calendar_write=True)
    stopped(cast.bob, closed)
    looked_up()
    consent = made(cast.kestrel, cast.dana)

    assert recorded(consented(consent, closed)) is Said.RECORDED
    assert waits(cast.alice)  # nothing is believed yet
    proved(consent)

    assert is_released(cast.alice)
    assert is_released(cast.bob)
    assert state_of(cast.alice) == State.DISCONNECTED
    assert sorted(Letter.objects.filter(kind="calendar.approved").values_list("person", flat=True)) == sorted(
        [cast.alice.pk, cast.bob.pk]
    )
    assert consent.granted == consent.scopes
    entry = AuditEntry.objects.get(action="tenant_consent.approved")
    assert (entry.affected, entry.after) == (2, {"permissions": consent.scopes})


def test_the_released_are_connected_by_one_more_step(cast: Cast, closed: Simulator) -> None:
    stopped(cast.alice, closed, calendar_write=True)
    looked_up()
    consent = made(cast.kestrel, cast.dana)
    recorded(consented(consent, closed))
    proved(consent)

    connection = connected(cast.alice, closed, calendar_write=True)

    assert connection.state == State.CONNECTED
    assert approvals.of(cast.alice) is None


def test_who_is_stopped_again_is_back_in_the_queue(cast: Cast, closed: Simulator) -> None:
    stopped(cast.alice, closed)
    looked_up()
    consent = made(cast.kestrel, cast.dana)
    recorded(consented(consent, closed))
    proved(consent)
    closed.control("POST", f"applications/{closed.client_id}/tenants/kestrel.example/delete-grant")

    stopped(cast.alice, closed)

    assert waits(cast.alice)
    consent_proof.release_waiting(now=timezone.now())
    assert waits(cast.alice)  # Microsoft's newer word counts


def test_who_needs_more_than_was_granted_goes_on_waiting(
    cast: Cast, consent: TenantConsent, microsoft: Simulator
) -> None:
    queue([cast.bob], calendar_write=True)

    recorded(consented(consent, microsoft))
    proved(consent)

    assert (is_released(cast.alice), waits(cast.bob)) == (True, True)


def test_those_of_other_organizations_and_accounts_go_on_waiting(
    cast: Cast, consent: TenantConsent, microsoft: Simulator
) -> None:
    queue([cast.bob], tenant_id=CORVID)
    queue([cast.mallory])

    recorded(consented(consent, microsoft))
    proved(consent)

    assert (waits(cast.bob), waits(cast.mallory)) == (True, True)


def test_whose_domain_is_known_only_afterwards_is_released_too(
    cast: Cast, consent: TenantConsent, microsoft: Simulator
) -> None:
    queue([cast.bob], domain="kestrelandco.example", tenant_id="", looked_up_at=None)
    recorded(consented(consent, microsoft))
    proved(consent)

    looked_up()
    consent_proof.release_waiting(now=timezone.now())

    assert is_released(cast.bob)


# ── Answers ─────────────────────────────────────────────────────────────────
def test_whoever_declines_may_think_again(cast: Cast, consent: TenantConsent, microsoft: Simulator) -> None:
    assert recorded(consented(consent, microsoft, answer="cancel")) is Said.REFUSED
    consent.refresh_from_db()
    assert (consent.reason, consent.granted_at, waits(cast.alice)) == ("declined", None, True)

    assert recorded(consented(consent, microsoft)) is Said.RECORDED

    assert proved(consent).granted_at is not None
    assert [
        entry.action for entry in AuditEntry.objects.filter(action__startswith="tenant_consent").order_by("pk")
    ] == [
        "tenant_consent.made",
        "tenant_consent.refused",
        "tenant_consent.approved",
    ]


def test_somebody_who_is_no_administrator_approves_nothing(consent: TenantConsent, microsoft: Simulator) -> None:
    assert recorded(consented(consent, microsoft, "bob@kestrel.example")) is Said.REFUSED

    consent.refresh_from_db()
    assert (consent.reason, consent.code) == ("admin_approval", "AADSTS90094")


@pytest.mark.parametrize(
    "error", ["access_denied", "consent_required", "permission_denied", "server_error", "anything"]
)
def test_an_error_counts_although_a_success_mark_stands_beside_it(consent: TenantConsent, error: str) -> None:
    said = good(consent) | {"error": error, "error_description": "The admin canceled the request"}

    assert recorded(said) is Said.REFUSED

    assert not consent_proof.to_prove(now=timezone.now())


def test_forged_late_and_foreign_answers_change_nothing(consent: TenantConsent, cast: Cast) -> None:
    before = row(TenantConsent, consent.pk)
    genuine = good(consent)
    late = timezone.now() + admin_consent.LASTS

    assert recorded(genuine | {"state": "tenant.forged"}) is Said.UNKNOWN
    assert recorded({"admin_consent": "True", "tenant": KESTREL}) is Said.UNKNOWN
    assert recorded(genuine | {"admin_consent": "False"}) is Said.UNKNOWN
    assert recorded(genuine | {"tenant": CORVID}) is Said.ANOTHER_TENANT
    assert recorded(without(genuine, "tenant")) is Said.ANOTHER_TENANT
    assert recorded(genuine, now=late) is Said.EXPIRED
    assert recorded(genuine | {"error": "access_denied"}, now=late) is Said.EXPIRED

    assert row(TenantConsent, consent.pk) == before
    assert waits(cast.alice)


OF_AN_ANSWER = ["state", "tenant", "scope", "error", "admin_consent", "code"]


@given(st.dictionaries(st.sampled_from(OF_AN_ANSWER), st.text(max_size=60)))
def test_belonging_is_told_without_a_database(answer: dict[str, str]) -> None:
    is_of_an_admin = "admin_consent" in answer and "code" not in answer  # a code is a person's
    expected = is_of_an_admin or answer.get("state", "").startswith("tenant.")

    assert admin_consent.belongs(answer) is expected


def test_a_person_s_own_answer_does_not_belong(cast: Cast, microsoft: Simulator) -> None:
    assert not admin_consent.belongs(microsoft.sign_in(begun(cast.alice), cast.alice.email))


def test_the_first_answer_stands_while_it_is_proved(consent: TenantConsent) -> None:
    recorded(good(consent, scopes="User.Read"))

    assert recorded(good(consent)) is Said.RECORDED
    assert recorded(good(consent) | {"error": "access_denied"}) is Said.REFUSED

    consent.refresh_from_db()
    assert (consent.granted, consent.reason) == (["User.Read"], "")


def test_after_the_proof_no_answer_changes_anything(consent: TenantConsent, microsoft: Simulator) -> None:
    said = consented(consent, microsoft)
    recorded(said)
    before = row(TenantConsent, proved(consent).pk)

    assert recorded(said) is Said.APPROVED
    assert recorded(said | {"error": "access_denied"}) is Said.APPROVED

    assert row(TenantConsent, consent.pk) == before
    assert before["state"] == ""


@pytest.mark.parametrize(
    ("listed", "granted"),
    [
        ("https://graph.microsoft.com/Calendars.Read https://graph.microsoft.com/User.Read openid", 2),
        ("calendars.read user.read contacts.read", 3),
        ("Mail.Send Directory.ReadWrite.All", 0),
        ("", 0),
        (None, 3),  # nothing is listed by the older of Microsoft's pages
    ],
)
def test_granted_is_what_was_asked_for_and_listed(consent: TenantConsent, listed: str | None, granted: int) -> None:
    said = good(consent) | {"scope": listed} if listed is not None else without(good(consent), "scope")

    recorded(said)

    consent.refresh_from_db()
    assert len(consent.granted) == granted
    assert set(consent.granted) <= set(consent.scopes)


# ── The proof ───────────────────────────────────────────────────────────────
def test_a_forged_success_is_not_borne_out(cast: Cast, consent: TenantConsent, unknown: Simulator) -> None:
    """Nobody has consented: Microsoft does not know the application there."""
    recorded(good(consent))

    proved(consent)
    assert (consent.granted_at, consent.reason, consent.attempts) == (None, "", 1)
    proved(consent, after=consent_proof.SPREADS_FOR + timedelta(minutes=1))

    assert (consent.granted_at, consent.reason, consent.code) == (None, "app_removed", "AADSTS700016")
    assert waits(cast.alice)
    assert AuditEntry.objects.filter(action="tenant_consent.not_proved").exists()


def test_what_takes_a_while_to_arrive_is_no_failure(cast: Cast, consent: TenantConsent, unknown: Simulator) -> None:
    unknown.control("POST", "tenants/kestrel.example/consent-delay", {"seconds": 1})
    recorded(consented(consent, unknown))

    proved(consent)
    assert (consent.granted_at, consent.reason) == (None, "")
    assert consent.pk not in consent_proof.to_prove(now=timezone.now())  # not at once
    arrived(consent)

    assert consent.granted_at is not None
    assert is_released(cast.alice)


def test_given_up_it_can_be_checked_again(cast: Cast, consent: TenantConsent, unknown: Simulator) -> None:
    recorded(good(consent))
    proved(consent)
    proved(consent, after=consent_proof.SPREADS_FOR + timedelta(minutes=1))
    consented(consent, unknown)  # it arrives at last, and its answer is lost

    asked = consent_proof.check_again(cast.kestrel, KESTREL, now=timezone.now())

    assert asked == 1
    assert proved(consent).granted_at is not None


def test_a_refusal_cannot_be_checked_again(cast: Cast, consent: TenantConsent, microsoft: Simulator) -> None:
    recorded(consented(consent, microsoft, answer="cancel"))

    assert consent_proof.check_again(cast.kestrel, KESTREL, now=timezone.now()) == 0


@pytest.mark.parametrize(
    "step",
    [
        {"status": 503},
        {"status": 429, "retry_after": 7},
        {"reset": True},
        {"status": 401, "aadsts": 7000215},
        {"status": 400, "aadsts": 90033},
    ],
)
def test_trouble_at_microsoft_concludes_nothing(
    cast: Cast, consent: TenantConsent, microsoft: Simulator, step: dict[str, object]
) -> None:
    recorded(consented(consent, microsoft))
    microsoft.control("POST", "faults", {"target": "token", "count": 1, "steps": [step]})

    proved(consent, after=consent_proof.SPREADS_FOR + timedelta(minutes=1))
    assert (consent.granted_at, consent.reason) == (None, "")
    proved(consent, after=timedelta(hours=2))

    assert consent.granted_at is not None
    assert is_released(cast.alice)


def test_a_worker_that_died_leaves_the_answer_to_the_next(consent: TenantConsent, microsoft: Simulator) -> None:
    recorded(consented(consent, microsoft))
    now = timezone.now()
    TenantConsent.objects.filter(pk=consent.pk).update(claimed_until=now + consent_proof.CLAIM)

    assert consent_proof.to_prove(now=now) == []
    assert consent_proof.to_prove(now=now + consent_proof.CLAIM) == [consent.pk]


def test_a_worker_that_died_before_the_release_leaves_it_to_the_sweep(cast: Cast, consent: TenantConsent) -> None:
    TenantConsent.objects.filter(pk=consent.pk).update(granted_at=timezone.now(), granted=consent.scopes)

    assert consent_proof.release_waiting(now=timezone.now()) == 1
    assert consent_proof.release_waiting(now=timezone.now()) == 0

    assert is_released(cast.alice)


def test_several_workers_and_answers_at_once_approve_and_tell_once(
    cast: Cast, consent: TenantConsent, microsoft: Simulator
) -> None:
    said = consented(consent, microsoft)
    recorded(said)
    later = timezone.now() + timedelta(minutes=5)

    failures = at_once(
        lambda: proved(consent),
        lambda: consent_proof.prove(consent.pk, now=later),  # the first is taken for dead
        lambda: recorded(said),
        lambda: consent_proof.release_waiting(now=timezone.now()),
    )

    assert failures == []
    assert is_released(cast.alice)
    assert AuditEntry.objects.filter(action="tenant_consent.approved").count() == 1
    assert Letter.objects.filter(kind="calendar.approved").count() == 1


def test_many_are_released_by_a_handful_of_statements(
    cast: Cast, consent: TenantConsent, django_assert_max_num_queries: Any
) -> None:
    people = crowd(cast.kestrel, 2_000)
    connect(people, State.AWAITING_ADMIN, object_id="")
    queue(people)
    TenantConsent.objects.filter(pk=consent.pk).update(granted_at=timezone.now(), granted=consent.scopes)

    with django_assert_max_num_queries(80):
        released = consent_proof.release_waiting(now=timezone.now())

    assert released == 2_001
    assert not AwaitedApproval.objects.filter(released_at=None).exists()
    assert Letter.objects.filter(kind="calendar.approved").count() == 2_001


# ── In the browser of anybody ───────────────────────────────────────────────
def test_nobody_needs_to_be_signed_in_and_the_state_does_not_stay_in_the_address(
    cast: Cast, consent: TenantConsent, microsoft: Simulator
) -> None:
    said = consented(consent, microsoft)

    answer = Client().get(reverse("microsoft_callback"), said, follow=True)

    assert answer.redirect_chain == [(reverse("admin_consent_done", args=["thanks"]), 302)]
    page = answer.content.decode()
    assert "Thank you" in page
    assert not [word for word in (said["state"], "Kestrel", "kestrel", KESTREL, "Alice") if word in page]
    consent.refresh_from_db()
    assert consent.answered_at is not None


def test_a_person_of_another_account_sees_no_more(cast: Cast, consent: TenantConsent, client_of: ClientOf) -> None:
    answer = client_of(cast.mallory).get(reverse("microsoft_callback"), good(consent) | {"tenant": CORVID}, follow=True)

    page = answer.content.decode()
    assert "another organization" in page
    assert "Kestrel" not in page


@pytest.mark.parametrize("said", [said.value for said in Said])
def test_every_ending_has_its_page(db: None, said: str) -> None:
    answer = Client().get(reverse("admin_consent_done", args=[said]))

    assert answer.status_code == 200
    assert "<h1>" in answer.content.decode()


def test_there_is_no_other_ending(db: None) -> None:
    assert Client().get(reverse("admin_consent_done", args=["anything"])).status_code == 404


def test_links_that_nobody_used_are_forgotten(consent: TenantConsent) -> None:
    admin_consent.forget_old(now=timezone.now() + admin_consent.LASTS)
    assert TenantConsent.objects.exists()

    admin_consent.forget_old(now=timezone.now() + admin_consent.LASTS + admin_consent.KEEP)

    assert not TenantConsent.objects.exists()


def good(consent: TenantConsent, *, scopes: str = "") -> dict[str, str]:
    """As Microsoft would write it; here without Microsoft."""
    state = parse_qs(urlsplit(link_of(consent)).query)["state"][0]
    listed = scopes or " ".join(f"https://graph.microsoft.com/{scope}" for scope in consent.scopes)
    return {"admin_consent": "True", "tenant": KESTREL, "scope": listed, "state": state}


def without(answer: dict[str, str], name: str) -> dict[str, str]:
    return {key: value for key, value in answer.items() if key != name}


def arrived(consent: TenantConsent) -> None:
    """As the sweep does until Microsoft knows everywhere what it was told."""
    for minute in range(1, 11):
        time.sleep(0.2)
        if proved(consent, after=timedelta(minutes=minute)).granted_at:
            return
