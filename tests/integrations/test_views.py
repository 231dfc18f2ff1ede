"""The person's own pages: who may open them, what they show in each state, and what they do."""

from __future__ import annotations

import html
import re
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from accounts.cascade import declare
from accounts.cascade.write import choose
from accounts.models import Account, AuditEntry, User
from integrations import health, redeeming
from integrations.failures import Reason
from integrations.models import Connection, ConsentRequest, Ending, State, Step
from integrations.preferences import Integrations, ServicePolicy
from tests.cast import FOUNDED, ClientOf
from tests.integrations.wired import assert_ended, connected, row
from tests.simulated import Simulator

pytestmark = pytest.mark.django_db

SELECT, PERMISSIONS = "/profile/calendar/", "/profile/calendar/office-365/"
RECONNECT, STATUS, DELETE = "/profile/calendar/reconnect/", "/profile/calendar/status/", "/profile/calendar/delete/"
STOP, ALL = "/profile/calendar/stop/", {"calendar_write": "on", "contacts_write": "on"}
CALLBACK = "/integrations/microsoft/callback/"
BACK = "/profile/#calendar"


def text_of(response: Any) -> str:
    return " ".join(html.unescape(re.sub(r"<[^>]+>", " ", response.content.decode())).split())


def turn_off(account: Account, by: User) -> None:
    choose(declare.setting_of(Integrations, "enabled"), False, at=account, actor=by, now=FOUNDED)


def allow(account: Account, by: User, policy: ServicePolicy) -> None:
    choose(declare.setting_of(Integrations, "services"), policy, at=account, actor=by, now=FOUNDED)


# ── Who may not ─────────────────────────────────────────────────────────────
@pytest.mark.parametrize("path", [SELECT, PERMISSIONS, STATUS])
def test_a_visitor_is_taken_to_the_sign_in_page(path: str) -> None:
    response = Client().get(path)

    assert response.status_code == 302
    assert response.headers["Location"] == f"{reverse('account_login')}?next={path}"


@pytest.mark.parametrize("path", [SELECT, PERMISSIONS, RECONNECT, DELETE])
def test_a_visitor_starts_and_ends_nothing(path: str) -> None:
    response = Client().post(path)

    assert response.headers["Location"].startswith(reverse("account_login"))
    assert not ConsentRequest.objects.exists()


@pytest.mark.parametrize("path", [RECONNECT, DELETE])
def test_looking_at_an_address_does_nothing(path: str, alice: User, microsoft: Simulator, client_of: ClientOf) -> None:
    before = row(Connection, connected(alice, microsoft).pk)

    assert client_of(alice).get(path).status_code == 200
    assert row(Connection, before["id"]) == before
    assert ConsentRequest.objects.count() == 1


@pytest.mark.parametrize("path", [SELECT, PERMISSIONS, RECONNECT, DELETE])
def test_a_form_from_elsewhere_does_nothing(path: str, alice: User) -> None:
    client = Client(enforce_csrf_checks=True)
    client.force_login(alice)

    assert client.post(path).status_code == 403


def test_a_visitor_who_comes_back_from_microsoft_keeps_nothing_of_it(client: Client) -> None:
    response = client.get(CALLBACK, {"code": "1.A", "state": "s"})

    assert response.headers["Location"] == reverse("account_login")
    assert "1.A" not in str(response.headers)
    assert "You were signed out while you were at Microsoft." in text_of(client.get(reverse("account_login")))


def test_one_person_does_not_end_anothers_connection(
    alice: User, bob: User, microsoft: Simulator, client_of: ClientOf
) -> None:
    connected(alice, microsoft)

    client_of(bob).post(DELETE)

    assert Connection.objects.get().state == State.CONNECTED


# ── The way there ───────────────────────────────────────────────────────────
def test_the_service_there_is_can_be_selected(alice: User, client_of: ClientOf) -> None:
    client = client_of(alice)

    assert "Office 365" in text_of(client.get(SELECT))
    assert client.post(SELECT, {"service": "office_365"}).headers["Location"] == PERMISSIONS


@pytest.mark.parametrize("service", ["", "google", "OFFICE_365"])
def test_another_service_cannot(service: str, alice: User, client_of: ClientOf) -> None:
    response = client_of(alice).post(SELECT, {"service": service})

    assert "Select a" in text_of(response)
    assert "Location" not in response.headers


def ticked(response: Any) -> dict[str, bool]:
    boxes = re.findall(r'<input type="checkbox" name="(\w+)"([^>]*)>', response.content.decode())
    return {name: "checked" in rest for name, rest in boxes}


def test_what_the_admin_ticked_is_preselected(kestrel: Account, dana: User, alice: User, client_of: ClientOf) -> None:
    assert ticked(client_of(alice).get(PERMISSIONS)) == {"calendar_write": True, "contacts_write": True}


def test_what_the_admin_does_not_allow_cannot_be_ticked(
    kestrel: Account, dana: User, alice: User, client_of: ClientOf
) -> None:
    allow(kestrel, dana, ServicePolicy(calendar_write=False))

    page = client_of(alice).get(PERMISSIONS)

    assert ticked(page) == {"contacts_write": True}
    assert "Not allowed by your organization" in text_of(page)


def test_what_was_not_offered_is_refused_when_it_is_sent_all_the_same(
    kestrel: Account, dana: User, alice: User, client_of: ClientOf
) -> None:
    allow(kestrel, dana, ServicePolicy(calendar_write=False))

    response = client_of(alice).post(PERMISSIONS, {"calendar_write": "on"}, follow=True)

    assert "Your organization allows reading calendars only." in text_of(response)
    assert not ConsentRequest.objects.exists()


@pytest.mark.parametrize("path", [SELECT, PERMISSIONS])
def test_turned_off_is_said_and_leads_nowhere(
    path: str, kestrel: Account, dana: User, alice: User, client_of: ClientOf
) -> None:
    turn_off(kestrel, dana)
    client = client_of(alice)

    for response in (client.get(path, follow=True), client.post(path, follow=True)):
        assert "Your organization has turned calendar integration off." in text_of(response)
    assert not ConsentRequest.objects.exists()


def test_authorize_leads_to_microsoft_with_what_was_ticked(
    alice: User, microsoft: Simulator, client_of: ClientOf
) -> None:
    response = client_of(alice).post(PERMISSIONS, {"contacts_write": "on"})

    assert response.headers["Location"].startswith(microsoft.human_url)
    assert "Contacts.ReadWrite" in response.headers["Location"]
    assert "Calendars.ReadWrite" not in response.headers["Location"]


def test_microsoft_that_does_not_answer_is_said(alice: User, client_of: ClientOf, settings: Any) -> None:
    from tests.integrations.wired import forget_microsoft

    forget_microsoft()

    response = client_of(alice).post(PERMISSIONS, follow=True)

    assert "Microsoft does not answer at the moment. Nothing has changed" in text_of(response)
    assert not ConsentRequest.objects.exists()


# ── The way back ────────────────────────────────────────────────────────────
def test_back_from_microsoft_it_shows_progress_until_a_worker_is_done(
    alice: User, microsoft: Simulator, client_of: ClientOf
) -> None:
    client = client_of(alice)
    said = microsoft.sign_in(client.post(PERMISSIONS).headers["Location"], alice.email)

    response = client.get(CALLBACK, said)
    waiting = client.get(STATUS)
    redeeming.redeem(ConsentRequest.objects.get().pk, now=timezone.now())
    done = client.get(STATUS)

    assert (response.status_code, response.headers["Location"]) == (302, BACK)
    assert "Usually a few seconds." in text_of(waiting)
    assert f'hx-get="{STATUS}"' in waiting.content.decode()
    assert "alice@kestrel.example" in text_of(done)
    assert "Connected" in text_of(done)
    assert "hx-get" not in done.content.decode()


@pytest.mark.parametrize(("after", "is_said"), [(29, False), (31, True)])
def test_without_a_worker_for_thirty_seconds_it_says_so(
    after: int, is_said: bool, alice: User, microsoft: Simulator, client_of: ClientOf
) -> None:
    client = client_of(alice)
    client.get(CALLBACK, microsoft.sign_in(client.post(PERMISSIONS).headers["Location"], alice.email))
    ConsentRequest.objects.update(answered_at=timezone.now() - timedelta(seconds=after))

    shown = client.get(STATUS)

    assert ("No worker has answered for 30 seconds." in text_of(shown)) == is_said
    assert (STOP in shown.content.decode()) == is_said


def test_a_way_that_takes_too_long_can_be_stopped(alice: User, microsoft: Simulator, client_of: ClientOf) -> None:
    before = row(Connection, connected(alice, microsoft).pk)
    client = client_of(alice)
    client.get(CALLBACK, microsoft.sign_in(client.post(PERMISSIONS, ALL).headers["Location"], alice.email))
    consent = ConsentRequest.objects.get(ended_at=None)

    stopped = client.post(STOP, follow=True)
    redeeming.redeem(consent.pk, now=timezone.now())

    assert "Stopped. Nothing has changed." in text_of(stopped) and "Configure" in text_of(stopped)
    assert_ended(consent, Ending.SUPERSEDED)
    assert row(Connection, before["id"]) == before


def test_a_refusal_is_told_at_once_without_a_worker(alice: User, microsoft: Simulator, client_of: ClientOf) -> None:
    client = client_of(alice)
    said = microsoft.sign_in(client.post(PERMISSIONS).headers["Location"], alice.email, answer="cancel")

    client.get(CALLBACK, said)

    shown = text_of(client.get("/profile/"))
    assert re.search(r"You (declined at Microsoft|left Microsoft’s page without finishing)\.", shown)
    assert "Nothing has changed. You can try again." in shown


def test_a_replayed_answer_is_told_and_changes_nothing(alice: User, microsoft: Simulator, client_of: ClientOf) -> None:
    client = client_of(alice)
    said = microsoft.sign_in(client.post(PERMISSIONS).headers["Location"], alice.email)
    client.get(CALLBACK, said)

    response = client.get(CALLBACK, said)

    assert response.headers["Location"] == BACK
    assert "was used already, came too late, or was not asked for in this browser" in text_of(client.get("/profile/"))
    assert ConsentRequest.objects.get().step == Step.ANSWERED


def test_an_answer_in_another_browser_of_the_same_person_is_refused(
    alice: User, microsoft: Simulator, client_of: ClientOf
) -> None:
    said = microsoft.sign_in(client_of(alice).post(PERMISSIONS).headers["Location"], alice.email)

    client_of(alice).get(CALLBACK, said)

    assert ConsentRequest.objects.get().step == Step.SENT


@pytest.mark.parametrize("said", [{}, {"code": "x" * 20000}, {"state": "²", "error": ""}, {"error": "x", "state": "y"}])
def test_a_forged_callback_breaks_nothing(said: dict[str, str], alice: User, client_of: ClientOf) -> None:
    assert client_of(alice).get(CALLBACK, said).headers["Location"] == BACK


# ── What there is ───────────────────────────────────────────────────────────
def test_reconnect_asks_for_the_same_again_within_the_ceiling(
    kestrel: Account, dana: User, alice: User, microsoft: Simulator, client_of: ClientOf
) -> None:
    connected(alice, microsoft, calendar_write=True, contacts_write=True)
    allow(kestrel, dana, ServicePolicy(contacts_write=False))

    address = client_of(alice).post(RECONNECT).headers["Location"]

    assert "Calendars.ReadWrite" in address
    assert "Contacts.ReadWrite" not in address
    assert "login_hint=alice%40kestrel.example" in address


def test_without_a_connection_reconnect_leads_to_the_beginning(alice: User, client_of: ClientOf) -> None:
    assert client_of(alice).post(RECONNECT).headers["Location"] == SELECT


def test_delete_forgets_at_once_is_logged_and_said(alice: User, microsoft: Simulator, client_of: ClientOf) -> None:
    connected(alice, microsoft)

    response = client_of(alice).post(DELETE, follow=True)

    connection = Connection.objects.get()
    assert (connection.state, connection.refresh_token) == (State.DISCONNECTED, "")
    assert AuditEntry.objects.latest("id").action == "calendar.disconnected"
    assert "The connection is deleted." in text_of(response)


def test_less_is_used_at_once_and_more_asks_microsoft(alice: User, microsoft: Simulator, client_of: ClientOf) -> None:
    connected(alice, microsoft, calendar_write=True)
    client = client_of(alice)

    less = client.post(PERMISSIONS, {})
    more = client.post(PERMISSIONS, {"contacts_write": "on"})

    assert less.headers["Location"] == BACK
    assert Connection.objects.get().calendar_write is False
    assert more.headers["Location"].startswith(microsoft.human_url)


@pytest.mark.parametrize("state", State)
def test_the_profile_opens_in_every_state(state: State, alice: User, client_of: ClientOf) -> None:
    Connection.objects.create(user=alice, state=state, since_at=timezone.now(), address="alice@kestrel.example")

    assert client_of(alice).get("/profile/").status_code == 200


# ── In words ────────────────────────────────────────────────────────────────
SILENT = (State.CONNECTING, State.CONNECTED, State.DISCONNECTED, State.AWAITING_ADMIN)


@pytest.mark.parametrize("state", State)
def test_every_state_has_words_that_end_like_a_sentence_whatever_the_reason(state: State) -> None:
    for reason in [*Reason, *Ending, "something new"]:
        words = health.of_connection(Connection(state=state, reason=str(reason)))

        assert (words is None) == (state in SILENT)
        assert words is None or words.says.endswith(".")


@pytest.mark.parametrize("reason", [*Reason, *Ending])
def test_every_ending_of_a_consent_has_words_that_end_like_a_sentence(reason: str) -> None:
    assert health.of_consent(ConsentRequest(step=Step.FAILED, reason=str(reason)), None).says.endswith(".")


# What becomes of connections that nobody made: no person's own way to Microsoft meets it.
OF_AN_ORGANIZATION = {
    Reason.CONSENT_REVOKED,
    Reason.AMBIGUOUS,
    Reason.SCOPED_OUT,
    Reason.OUTSIDE_DOMAIN,
    Reason.NOT_COVERED,
    Reason.LINK_ENDED,
}


def test_every_reason_of_microsofts_has_words_of_its_own_on_the_way_too() -> None:
    unknown = health.of_consent(ConsentRequest(step=Step.FAILED, reason="something new"), None).says

    met = [reason for reason in Reason if reason not in OF_AN_ORGANIZATION]
    said = {reason: health.of_consent(ConsentRequest(step=Step.FAILED, reason=reason), None).says for reason in met}

    assert [reason for reason, says in said.items() if says == unknown] == []


@pytest.mark.parametrize("ending", [ending for ending in Ending if ending != Ending.SUPERSEDED])
def test_every_ending_of_ours_has_words_of_its_own(ending: Ending) -> None:
    unknown = health.of_consent(ConsentRequest(step=Step.FAILED, reason="something new"), None).says

    assert health.of_consent(ConsentRequest(step=Step.FAILED, reason=ending.value), None).says != unknown
