"""The person's pages on the way to a calendar by Exchange Web Services: what is asked, what is said, what is never
shown again."""

from __future__ import annotations

import html
import re
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from accounts.models import Account, User
from integrations import connecting, panels, redeeming
from integrations.exchange import joining
from integrations.models import Connection, ConsentRequest, Move, State, Step
from integrations.preferences import Api, Method, Service
from tests.cast import ClientOf
from tests.integrations.reaching_exchange import (
    OFFICE_BY_EWS,
    at_exchange,
    connection_of,
    hugo_of,
    ingrid_of,
    lead,
    signed_in_by,
    with_impersonation,
)
from tests.integrations.tied import take_back
from tests.integrations.wired import connected, redeemed
from tests.simulated import PASSWORD, Simulator

pytestmark = pytest.mark.django_db
SELECT, SIGN_IN, PERMISSIONS = "/profile/calendar/", "/profile/calendar/exchange/", "/profile/calendar/office-365/"
RECONNECT, PROFILE, STATUS = "/profile/calendar/reconnect/", "/profile/", "/profile/calendar/status/"
DELETE = "/profile/calendar/delete/"


def text_of(response: Any) -> str:
    words = " ".join(html.unescape(re.sub(r"<[^>]+>", " ", response.content.decode())).split())
    return re.sub(r" ([.,])", r"\1", words)


@pytest.fixture
def ingrid(kestrel: Account, dana: User, microsoft: Simulator) -> User:
    lead(kestrel, at_exchange(microsoft), by=dana)
    return ingrid_of(kestrel)


def test_the_tile_of_the_service_leads_to_its_own_form(ingrid: User, client_of: ClientOf) -> None:
    client = client_of(ingrid)

    shown, chosen = client.get(SELECT), client.post(SELECT, {"service": "exchange"})

    assert "Exchange" in text_of(shown)
    assert 'value="office_365"' not in shown.content.decode()
    assert chosen["Location"] == SIGN_IN


def test_the_form_is_filled_with_their_own_address_and_says_what_it_gives(ingrid: User, client_of: ClientOf) -> None:
    shown = client_of(ingrid).get(SIGN_IN)

    assert shown.content.decode().count(f'value="{ingrid.email}"') == 2
    assert "the whole mailbox" in text_of(shown)
    assert "Bidirectional sync needs Graph" in text_of(shown)


def test_a_password_is_tried_by_a_worker_and_never_shown_again(
    ingrid: User, client_of: ClientOf, microsoft: Simulator
) -> None:
    client = client_of(ingrid)

    sent = client.post(SIGN_IN, {"user_name": ingrid.email, "password": PASSWORD, "address": ingrid.email})
    under_way = client.get(STATUS)
    redeemed(ConsentRequest.objects.get())
    done = client.get(PROFILE)

    assert sent["Location"] == "/profile/#calendar"
    assert "The Exchange server opens the mailbox" in text_of(under_way)
    assert "Back from Microsoft" not in text_of(under_way)
    assert "Connected" in text_of(done)
    assert "localhost" in text_of(done)
    assert not any(PASSWORD in page.content.decode() for page in (sent, under_way, done))


def test_what_was_mistyped_comes_back_without_the_password(ingrid: User, client_of: ClientOf) -> None:
    shown = client_of(ingrid).post(SIGN_IN, {"user_name": "somebody", "password": "a-secret-word", "address": "no"})

    assert "Enter the address of your mailbox" in text_of(shown)
    assert 'value="somebody"' in shown.content.decode()
    assert "a-secret-word" not in shown.content.decode()
    assert not ConsentRequest.objects.exists()


def test_a_wrong_password_is_one_sentence_and_one_button_and_then_mended(
    ingrid: User, client_of: ClientOf, microsoft: Simulator
) -> None:
    client = client_of(ingrid)
    signed_in_by(ingrid, password="wrong")

    failed = client.get(PROFILE)
    again = client.post(RECONNECT)

    assert "The Exchange server did not accept this user name and password." in text_of(failed)
    assert failed.content.decode().count('class="btn primary"') == 1
    assert ">Try again</button>" in failed.content.decode()
    assert again["Location"] == SIGN_IN


def test_a_bound_connection_keeps_its_mailbox(ingrid: User, client_of: ClientOf, microsoft: Simulator) -> None:
    signed_in_by(ingrid)

    shown = client_of(ingrid).get(SIGN_IN).content.decode()
    client_of(ingrid).post(SIGN_IN, {"user_name": ingrid.email, "password": "p", "address": "hugo@kestrel.example"})

    assert re.search(r'name="address"[^>]* disabled', shown)
    assert ConsentRequest.objects.latest("created_at").step == Step.ANSWERED
    redeemed(ConsentRequest.objects.latest("created_at"))
    assert connection_of(ingrid).address == ingrid.email


def test_one_mailbox_is_connected_to_one_person(
    kestrel: Account, ingrid: User, client_of: ClientOf, microsoft: Simulator
) -> None:
    signed_in_by(ingrid)
    hugo = hugo_of(kestrel)

    consent = signed_in_by(hugo, user_name=ingrid.email, address=ingrid.email)

    assert consent.reason == "taken"


def test_by_an_alias_it_is_the_same_mailbox(kestrel: Account, ingrid: User, microsoft: Simulator) -> None:
    signed_in_by(ingrid, address="i.halvorsen@kestrel.example")

    assert connection_of(ingrid).address == ingrid.email


def test_by_impersonation_one_button_connects(
    kestrel: Account, dana: User, client_of: ClientOf, microsoft: Simulator
) -> None:
    hugo = hugo_of(kestrel)
    lead(kestrel, at_exchange(microsoft, Method.IMPERSONATION), by=dana)
    with_impersonation(kestrel, microsoft, by=dana)
    client = client_of(hugo)

    shown, sent = client.get(SIGN_IN), client.post(SIGN_IN, {"address": "ingrid@kestrel.example"})
    redeemed(ConsentRequest.objects.get())

    assert "There is nothing to type" in text_of(shown)
    assert 'type="password"' not in shown.content.decode()
    assert sent["Location"] == "/profile/#calendar"
    assert connection_of(hugo).address == hugo.email


def test_an_unfinished_server_is_said_before_anybody_goes(
    kestrel: Account, dana: User, client_of: ClientOf, microsoft: Simulator
) -> None:
    hugo = hugo_of(kestrel)
    lead(kestrel, at_exchange(microsoft, Method.IMPERSONATION), by=dana)
    client = client_of(hugo)

    profile, page, sent = client.get(PROFILE), client.get(SIGN_IN), client.post(SIGN_IN)

    assert "An admin of your account has to finish setting it up." in text_of(profile)
    assert "is not ready yet" in text_of(page)
    assert sent["Location"] == "/profile/#calendar"
    assert not ConsentRequest.objects.exists()


def test_office_365_by_ews_has_nothing_to_tick_and_says_when_it_ends(
    kestrel: Account, dana: User, alice: User, client_of: ClientOf, microsoft: Simulator
) -> None:
    lead(kestrel, OFFICE_BY_EWS, by=dana)

    shown = client_of(alice).get(PERMISSIONS)

    assert 'type="checkbox"' not in shown.content.decode()
    assert "1 April 2027" in text_of(shown)
    assert "the whole mailbox" in text_of(shown)


def test_whoever_must_agree_is_asked_in_one_sentence_and_by_one_button(
    kestrel: Account, dana: User, alice: User, client_of: ClientOf, microsoft: Simulator
) -> None:
    lead(kestrel, OFFICE_BY_EWS, by=dana)
    connection = connected(alice, microsoft)
    take_back("services", at=kestrel, by=dana)
    Connection.objects.filter(pk=connection.pk).update(move=Move.ASKED)
    client = client_of(alice)

    shown, sent = client.get(PROFILE), client.post("/profile/calendar/to-graph/")

    assert "Your organization moves calendars from Exchange Web Services to Graph." in text_of(shown)
    assert shown.content.decode().count(">Move to Graph</button>") == 1
    assert connection_of(alice).state == State.CONNECTED
    assert "Calendars.Read" in sent["Location"]


def test_deleting_destroys_the_password_and_speaks_of_no_microsoft(
    ingrid: User, client_of: ClientOf, microsoft: Simulator
) -> None:
    signed_in_by(ingrid)
    client = client_of(ingrid)

    asks = client.get(DELETE)
    client.post(DELETE)

    assert "The password that you gave is destroyed." in text_of(asks)
    assert "Microsoft goes on listing" not in text_of(asks)
    gone = connection_of(ingrid)
    assert (gone.state, gone.password, gone.user_name) == (State.DISCONNECTED, "", "")


def test_from_the_server_to_microsoft_another_account_may_be_chosen(
    kestrel: Account, dana: User, ingrid: User, microsoft: Simulator
) -> None:
    signed_in_by(ingrid)
    before = connection_of(ingrid)
    take_back("services", at=kestrel, by=dana)

    connected(ingrid, microsoft, name="alice@kestrel.example")

    after = connection_of(ingrid)
    assert after.pk == before.pk
    assert (after.service, after.api, after.server, after.password) == (Service.OFFICE_365, Api.GRAPH, None, "")


def test_what_the_settings_no_longer_allow_meanwhile_is_not_opened(
    kestrel: Account, dana: User, ingrid: User, microsoft: Simulator
) -> None:
    request = joining.by_password(
        ingrid, user_name=ingrid.email, password=PASSWORD, address=ingrid.email, now=timezone.now()
    )
    take_back("services", at=kestrel, by=dana)

    redeeming.redeem(request.pk, now=timezone.now())

    request.refresh_from_db()
    assert (request.reason, request.answer) == ("not_allowed", "")
    assert not Connection.objects.filter(user=ingrid).exists()


def test_a_worker_that_died_is_followed_by_another(ingrid: User, microsoft: Simulator) -> None:
    now = timezone.now()
    request = joining.by_password(ingrid, user_name=ingrid.email, password=PASSWORD, address=ingrid.email, now=now)
    ConsentRequest.objects.filter(pk=request.pk).update(step=Step.STORED, claimed_until=now + redeeming.CLAIM)

    later = now + redeeming.CLAIM + timedelta(seconds=1)

    assert connecting.to_redeem(now=later) == [request.pk]
    redeeming.redeem(request.pk, now=later)
    assert connection_of(ingrid).state == State.CONNECTED


def test_the_profile_costs_the_same_queries_as_ever(
    ingrid: User, client_of: ClientOf, microsoft: Simulator, django_assert_max_num_queries: Any
) -> None:
    signed_in_by(ingrid)

    with django_assert_max_num_queries(6):
        panels.calendar_of(ingrid, now=timezone.now())
