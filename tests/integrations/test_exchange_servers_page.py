"""Account Management > Exchange servers: what an admin sees and does there."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.core.cache import cache
from django.urls import reverse
from django.utils import timezone

from accounts.models import AuditEntry
from integrations import states
from integrations.exchange import asked, servers
from integrations.failures import Failure, Outcome, Reason
from integrations.models import Connection, ExchangeServer, State
from integrations.preferences import Api, Method, Service
from tests.cast import FOUNDED, Cast, ClientOf, crowd
from tests.integrations.served import ADDRESS, PASSWORD, by_ews, read, served, tied_to
from tests.integrations.tied import connect, set_to

pytestmark = pytest.mark.django_db

REFUSED = Failure(Outcome.AUTHORIZATION_LOST, Reason.PASSWORD_REFUSED, "401")
TYPED = {"user_name": "KESTREL\\another", "password": "an0ther pass phrase"}


@pytest.fixture(autouse=True)
def _nothing_was_asked() -> None:
    cache.clear()


@pytest.fixture
def server(cast: Cast) -> ExchangeServer:
    return served(cast.kestrel, cast.dana)


def page_of(server: ExchangeServer, client: Any) -> str:
    answer = client.get(reverse("exchange_server", args=[server.pk]))
    assert answer.status_code == 200
    return str(answer.content.decode())


def address_of(name: str, server: ExchangeServer) -> str:
    return reverse(name, args=[server.pk])


# ── The list ────────────────────────────────────────────────────────────────
def test_whatever_the_settings_name_is_listed_with_where_it_was_chosen(cast: Cast, client_of: ClientOf) -> None:
    set_to("services", by_ews(Method.IMPERSONATION), at=cast.sales, by=cast.dana)

    page = client_of(cast.dana).get(reverse("exchange_servers")).content.decode()

    assert ADDRESS in page
    assert "Not checked yet" in page
    assert "Not set" in page
    assert reverse("group_settings_page", args=[cast.sales.pk, "mail-calendar"]) + "#setting-services" in page


def test_a_server_that_only_connections_remember_is_listed_too(
    cast: Cast, server: ExchangeServer, client_of: ClientOf
) -> None:
    tied_to(server, Method.PASSWORD, [cast.alice])

    page = client_of(cast.dana).get(reverse("exchange_servers")).content.decode()

    assert "1 connected" in page
    assert "Nobody any more" in page


def test_servers_of_others_are_not_there(cast: Cast, server: ExchangeServer, client_of: ClientOf) -> None:
    assert ADDRESS not in client_of(cast.mallory).get(reverse("exchange_servers")).content.decode()
    assert client_of(cast.mallory).get(address_of("exchange_server", server)).status_code == 404


def test_who_is_connected_by_ews_at_microsoft_is_counted_apart(cast: Cast, client_of: ClientOf) -> None:
    connect([cast.alice], api=Api.EWS.value, service=Service.OFFICE_365.value)

    page = client_of(cast.dana).get(reverse("exchange_servers")).content.decode()

    assert "1 person is connected by EWS at Microsoft" in page
    assert f"{reverse('connections')}?way=office_365.ews" in page


@pytest.mark.parametrize("number", [5, 500])
def test_the_pages_cost_the_same_however_many_are_connected(
    cast: Cast,
    server: ExchangeServer,
    client_of: ClientOf,
    number: int,
    django_assert_num_queries: Callable[[int], Any],
) -> None:
    set_to("services", by_ews(Method.IMPERSONATION), at=cast.kestrel, by=cast.dana)
    tied_to(server, Method.IMPERSONATION, crowd(cast.kestrel, number))
    client = client_of(cast.dana)

    with django_assert_num_queries(9):
        client.get(reverse("exchange_servers"))
    with django_assert_num_queries(6):
        page_of(server, client)
    with django_assert_num_queries(7):
        client.get(address_of("exchange_server_account_remove", server))


# ── One server ──────────────────────────────────────────────────────────────
def test_the_page_says_who_is_connected_how_and_how_they_stand(
    cast: Cast, server: ExchangeServer, client_of: ClientOf
) -> None:
    tied_to(server, Method.PASSWORD, [cast.alice], state=State.NEEDS_REAUTH, reason=Reason.PASSWORD_REFUSED)
    tied_to(server, Method.IMPERSONATION, [cast.bob])

    page = page_of(server, client_of(cast.dana))

    assert "With their own password" in page
    assert "By the impersonation account" in page
    assert "The Exchange server refused the user name and password." in page
    assert f"?server={server.pk}&amp;state=connected&amp;method=impersonation" in page


def test_trouble_is_said_with_what_helps(cast: Cast, server: ExchangeServer, client_of: ClientOf) -> None:
    states.server_troubled(server, REFUSED, now=FOUNDED)

    page = page_of(server, client_of(cast.dana))

    assert "The server refuses the user name and password of the impersonation account." in page
    assert "Set the account again below" in page


def test_settings_that_want_an_account_say_so_until_it_is_set(
    cast: Cast, client_of: ClientOf, server: ExchangeServer
) -> None:
    set_to("services", by_ews(Method.IMPERSONATION), at=cast.kestrel, by=cast.dana)
    says = "The impersonation account is not set."

    assert says not in page_of(server, client_of(cast.dana))

    servers.remove_impersonation(server, actor=cast.dana, now=FOUNDED)
    assert says in page_of(server, client_of(cast.dana))


def test_a_password_that_nothing_needs_any_more_is_pointed_out(
    cast: Cast, client_of: ClientOf, server: ExchangeServer
) -> None:
    assert "Nothing uses this server any more." in page_of(server, client_of(cast.dana))


# ── The impersonation account ───────────────────────────────────────────────
def test_an_admin_sets_it_and_a_worker_tries_it(cast: Cast, server: ExchangeServer, client_of: ClientOf) -> None:
    client = client_of(cast.dana)

    answer = client.post(address_of("exchange_server_account", server), TYPED, follow=True)

    page = answer.content.decode()
    assert "A worker tries it now." in page
    assert "A worker asks the server now." in page
    assert "KESTREL\\another" in page
    assert (read(server).user_name, read(server).version, read(server).set_by_id) == (
        "KESTREL\\another",
        2,
        cast.dana.pk,
    )


def test_a_password_is_never_shown_again(cast: Cast, server: ExchangeServer, client_of: ClientOf) -> None:
    client = client_of(cast.dana)

    refused = client.post(address_of("exchange_server_account", server), {**TYPED, "user_name": ""})

    assert refused.status_code == 422
    page = refused.content.decode()
    assert "Type the user name." in page
    assert TYPED["password"] not in page
    assert PASSWORD not in page_of(server, client)
    assert read(server).version == 1


def test_spaces_at_the_ends_of_a_password_are_part_of_it(
    cast: Cast, server: ExchangeServer, client_of: ClientOf
) -> None:
    from accounts import vault

    client_of(cast.dana).post(address_of("exchange_server_account", server), {**TYPED, "password": " both ends "})

    now = read(server)
    assert vault.open_sealed(now.password, bound_to=vault.place_of(now, "password")) == " both ends "


@pytest.mark.parametrize(
    "typed", [{}, {"user_name": "a:b", "password": "x"}, {"user_name": "a", "password": "y" * 999}]
)
def test_what_is_no_account_changes_nothing(
    cast: Cast, server: ExchangeServer, client_of: ClientOf, typed: dict[str, str]
) -> None:
    assert client_of(cast.dana).post(address_of("exchange_server_account", server), typed).status_code == 422
    assert read(server).version == 1


def test_removing_says_first_who_stops(cast: Cast, server: ExchangeServer, client_of: ClientOf) -> None:
    tied_to(server, Method.IMPERSONATION, [cast.alice])
    tied_to(server, Method.PASSWORD, [cast.bob])

    page = client_of(cast.dana).get(address_of("exchange_server_account_remove", server)).content.decode()

    assert "Remove it and pause 1 connection" in page
    assert cast.alice.email in page
    assert cast.bob.email not in page
    assert read(server).password


def test_removing_removes(cast: Cast, server: ExchangeServer, client_of: ClientOf) -> None:
    (one,) = tied_to(server, Method.IMPERSONATION, [cast.alice])

    sent = {"said": 1, "reason": "Another way"}
    answer = client_of(cast.dana).post(address_of("exchange_server_account_remove", server), sent, follow=True)

    assert "1 connection is paused." in answer.content.decode()
    assert (read(server).password, read(server).user_name) == ("", "")
    assert Connection.objects.get(pk=one.pk).reason == Reason.IMPERSONATION_ENDED
    assert AuditEntry.objects.get(action="exchange.impersonation_removed").reason == "Another way"


def test_more_than_was_said_are_not_stopped(cast: Cast, server: ExchangeServer, client_of: ClientOf) -> None:
    tied_to(server, Method.IMPERSONATION, [cast.alice, cast.bob])

    sent = {"said": 1, "reason": ""}
    answer = client_of(cast.dana).post(address_of("exchange_server_account_remove", server), sent)

    assert "More people are connected now than this page had said." in answer.content.decode()
    assert read(server).password


def test_without_an_account_there_is_nothing_to_remove(cast: Cast, server: ExchangeServer, client_of: ClientOf) -> None:
    servers.remove_impersonation(server, actor=cast.dana, now=FOUNDED)

    answer = client_of(cast.dana).get(address_of("exchange_server_account_remove", server))

    assert answer.headers["Location"] == address_of("exchange_server", server)


# ── Check now ───────────────────────────────────────────────────────────────
def test_a_mailbox_of_somebody_in_the_account_may_be_asked(
    cast: Cast, server: ExchangeServer, client_of: ClientOf
) -> None:
    sent = {"mailbox": cast.alice.email.upper()}

    client_of(cast.dana).post(address_of("exchange_server_check", server), sent)

    check = asked.latest(server, now=timezone.now())
    assert check is not None
    assert check.address == cast.alice.email


@pytest.mark.parametrize("typed", ["mallory@corvid.example", "ceo@kestrel.example", "nonsense"])
def test_nobody_elses_mailbox_is_asked(cast: Cast, server: ExchangeServer, client_of: ClientOf, typed: str) -> None:
    answer = client_of(cast.dana).post(address_of("exchange_server_check", server), {"mailbox": typed})

    assert answer.status_code == 422
    assert "Nobody in this account has this address." in answer.content.decode()
    assert asked.latest(server, now=timezone.now()) is None


def test_two_who_press_are_one_question(cast: Cast, server: ExchangeServer, client_of: ClientOf) -> None:
    client = client_of(cast.dana)
    client.post(address_of("exchange_server_check", server))

    answer = client.post(address_of("exchange_server_check", server), follow=True)

    assert "A worker asks the server already." in answer.content.decode()


def test_the_page_asks_for_itself_until_a_worker_has_answered(
    cast: Cast, server: ExchangeServer, client_of: ClientOf
) -> None:
    client = client_of(cast.dana)
    asked.ask(server, now=timezone.now())

    waiting = client.get(address_of("exchange_server", server), headers={"HX-Request": "true"})
    cache.clear()
    over = client.get(address_of("exchange_server", server), headers={"HX-Request": "true"})

    assert "load delay:1s" in waiting.content.decode()
    assert over.headers["HX-Refresh"] == "true"


def test_a_silent_worker_is_said(cast: Cast, server: ExchangeServer, client_of: ClientOf) -> None:
    asked.ask(server, now=timezone.now() - timedelta(seconds=31))

    assert "No worker has answered for 30 seconds." in page_of(server, client_of(cast.dana))


def test_whoever_asks_while_the_sweep_asks_waits_for_what_the_sweep_hears(cast: Cast, server: ExchangeServer) -> None:
    now = timezone.now()
    ExchangeServer.objects.filter(pk=server.pk).update(claimed_until=now + timedelta(minutes=1))
    asked.ask(server, now=now)

    is_over = asked.carry_out(server.pk, now=now)

    check = asked.latest(server, now=now)
    assert not is_over
    assert check is not None and check.is_waiting and not check.says


def test_nobody_waits_for_ever(cast: Cast, server: ExchangeServer) -> None:
    now = timezone.now()
    ExchangeServer.objects.filter(pk=server.pk).update(claimed_until=now + timedelta(minutes=1))
    asked.ask(server, now=now - timedelta(minutes=6))

    assert asked.carry_out(server.pk, now=now)
