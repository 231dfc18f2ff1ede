"""Connections by EWS on the console, in a diagnosis, and in a support bundle."""

from __future__ import annotations

import json
from typing import Any

import pytest
from django.urls import reverse
from django.utils import timezone

from accounts.models import User
from integrations import diagnosis, states
from integrations.console import filters, listing
from integrations.diagnosis import Mark, Part
from integrations.diagnosis.remedies import Who
from integrations.exchange import servers
from integrations.failures import Failure, Outcome, Reason
from integrations.models import Connection, ExchangeServer, GraphProspect, Prospect, State, Trouble
from integrations.preferences import Api, Method, Service, ServicePolicy
from tests.cast import FOUNDED, Cast, ClientOf
from tests.integrations.authorized import authorized, connected_by
from tests.integrations.served import ADDRESS, PASSWORD, by_ews, read, served, tied_to
from tests.integrations.tied import connect, set_to

pytestmark = pytest.mark.django_db

D, F, S, U = Mark.DONE, Mark.FAILED, Mark.SKIPPED, Mark.UNKNOWN
OFF = {"reason": Reason.EWS_DISABLED, "trouble": Trouble.MAILBOX}


@pytest.fixture
def server(cast: Cast) -> ExchangeServer:
    return served(cast.kestrel, cast.dana)


def in_the_cloud(people: list[User], state: str = State.CONNECTED, **more: Any) -> list[Connection]:
    return connect(people, state, api=Api.EWS.value, **more)


def found(cast: Cast, **sent: str) -> list[str]:
    chosen = filters.read(sent, cast.kestrel)
    return [str(person) for person in filters.apply(chosen, cast.kestrel)]


# ── The console ─────────────────────────────────────────────────────────────
def test_each_way_is_said_in_words(cast: Cast, server: ExchangeServer) -> None:
    ways = [
        *tied_to(server, Method.PASSWORD, [cast.alice]),
        *tied_to(server, Method.IMPERSONATION, [cast.bob]),
        *in_the_cloud([cast.gus]),
    ]

    ews = "Exchange Web Services (EWS)"
    assert [listing.way(one) for one in ways] == [
        f"Exchange · {ews} · Own password",
        f"Exchange · {ews} · Impersonation account",
        f"Office 365 · {ews} · OAuth",
    ]
    assert {listing.permissions(one) for one in ways} == {"Calendar: read · Access to the full mailbox"}


def test_people_are_found_by_service_and_api_and_by_server(cast: Cast, server: ExchangeServer) -> None:
    tied_to(server, Method.PASSWORD, [cast.alice])
    tied_to(servers.at(cast.kestrel, f"{ADDRESS}x", now=FOUNDED), Method.PASSWORD, [cast.bob])
    in_the_cloud([cast.gus])
    connect([cast.wilhelmina])

    assert found(cast, way="exchange.ews") == ["Alice", "Bob"]
    assert found(cast, way="office_365.ews") == ["Gus"]
    assert found(cast, way="office_365.graph") == [str(cast.wilhelmina)]
    assert found(cast, server=str(server.pk)) == ["Alice"]


@pytest.mark.parametrize("sent", [{"way": "nonsense"}, {"way": "office_365"}, {"server": "999999"}, {"server": "x"}])
def test_nonsense_in_the_address_filters_nothing(cast: Cast, server: ExchangeServer, sent: dict[str, str]) -> None:
    tied_to(server, Method.PASSWORD, [cast.alice])

    assert found(cast, **sent) == found(cast)


def test_a_server_of_others_filters_nothing(cast: Cast, server: ExchangeServer) -> None:
    theirs = servers.at(cast.corvid, ADDRESS, now=FOUNDED)

    assert found(cast, server=str(theirs.pk)) == found(cast)


def test_the_filters_appear_where_there_is_something_to_choose(
    cast: Cast, server: ExchangeServer, client_of: ClientOf
) -> None:
    tied_to(server, Method.PASSWORD, [cast.alice])
    client = client_of(cast.dana)

    assert 'name="way"' not in client.get(reverse("connections")).content.decode()

    in_the_cloud([cast.gus])
    page = client.get(reverse("connections"), {"server": server.pk}).content.decode()
    assert 'name="way"' in page
    assert f'<option value="{server.pk}" selected>{ADDRESS}' in page


@pytest.mark.parametrize(
    "policy",
    [by_ews(Method.PASSWORD), by_ews(Method.IMPERSONATION), ServicePolicy(authorize_with=Api.EWS)],
    ids=lambda policy: f"{policy.default_service}-{policy.who_can_set_up}",
)
def test_whoever_may_connect_by_ews_is_not_yet_connected(cast: Cast, policy: ServicePolicy) -> None:
    set_to("services", policy, at=cast.kestrel, by=cast.dana)

    assert len(found(cast, state="none")) == 5


# ── A diagnosis ─────────────────────────────────────────────────────────────
def case_of(connection: Connection, reader: User) -> diagnosis.Case:
    related = ("user__account", "link", "server", "prospect", "ews_past")
    shown = Connection.objects.select_related(*related).get(pk=connection.pk)
    return diagnosis.read(shown, reader=reader, now=timezone.now())


def marks(connection: Connection, reader: User, *parts: Part) -> tuple[Mark, ...]:
    known = {step.part: step.mark for step in diagnosis.steps(case_of(connection, reader))}
    assert set(parts) <= set(known)
    return tuple(known[part] for part in parts)


def refused(reason: Reason) -> Failure:
    return Failure(Outcome.APP_GONE, reason, "said")


@pytest.mark.parametrize(
    ("state", "more", "expected", "who"),
    [
        (State.CONNECTED, {"last_good_at": FOUNDED}, (D, D, D), Who.NOBODY),
        (State.CONNECTED, {}, (D, U, U), Who.NOBODY),
        (State.NEEDS_REAUTH, {"reason": Reason.PASSWORD_REFUSED}, (D, F, S), Who.PERSON),
        (State.NEEDS_REAUTH, {"reason": Reason.PASSWORD_EXPIRED}, (D, F, S), Who.PERSON),
        (State.NEEDS_REAUTH, {"reason": Reason.ACCOUNT_DISABLED}, (D, F, S), Who.SERVER_ADMIN),
        (State.DEGRADED, {"reason": Reason.ACCOUNT_LOCKED, "trouble": Trouble.MAILBOX}, (D, F, S), Who.NOBODY),
        (
            State.DEGRADED,
            {"reason": Reason.SERVER_UNREACHABLE, "trouble": Trouble.MAILBOX},
            (F, S, S),
            Who.ACCOUNT_ADMIN,
        ),
        (State.DEGRADED, {"reason": Reason.SERVICE_TROUBLE, "trouble": Trouble.MAILBOX}, (D, U, F), Who.NOBODY),
        (State.PAUSED, {"reason": Reason.CERTIFICATE_UNTRUSTED}, (F, S, S), Who.ACCOUNT_ADMIN),
        (State.NOT_ELIGIBLE, {"reason": Reason.MOVED_TO_CLOUD}, (D, U, F), Who.ACCOUNT_ADMIN),
        (State.NOT_ELIGIBLE, {"reason": Reason.NO_MAILBOX}, (D, U, F), Who.SERVER_ADMIN),
    ],
)
def test_of_one_with_a_password_it_says_where_it_stops_and_who_helps(
    cast: Cast, server: ExchangeServer, state: str, more: dict[str, Any], expected: tuple[Mark, ...], who: Who
) -> None:
    set_to("services", by_ews(Method.PASSWORD), at=cast.kestrel, by=cast.dana)
    (one,) = tied_to(server, Method.PASSWORD, [cast.alice], state=state, **more)

    assert marks(one, cast.dana, Part.SERVER, Part.SIGN_IN, Part.MAILBOX) == expected
    assert diagnosis.helps(case_of(one, cast.dana)).who == who


def test_who_is_at_another_server_than_the_settings_name_connects_anew(cast: Cast, server: ExchangeServer) -> None:
    set_to("services", by_ews(Method.PASSWORD, f"{ADDRESS}x"), at=cast.kestrel, by=cast.dana, is_locked=True)
    (one,) = tied_to(server, Method.PASSWORD, [cast.alice], state=State.BLOCKED_BY_POLICY, reason="another_server")

    assert marks(one, cast.dana, Part.SERVER, Part.SIGN_IN, Part.MAILBOX) == (D, S, S)
    assert diagnosis.helps(case_of(one, cast.dana)).who == Who.PERSON


@pytest.mark.parametrize(
    ("reason", "expected"),
    [
        (Reason.PASSWORD_REFUSED, (D, F, S)),
        (Reason.IMPERSONATION_REFUSED, (D, F, S)),
        (Reason.CERTIFICATE_UNTRUSTED, (F, S, S)),
    ],
)
def test_of_one_by_impersonation_its_server_is_to_be_mended(
    cast: Cast, server: ExchangeServer, reason: Reason, expected: tuple[Mark, ...], client_of: ClientOf
) -> None:
    set_to("services", by_ews(Method.IMPERSONATION), at=cast.kestrel, by=cast.dana)
    (one,) = tied_to(server, Method.IMPERSONATION, [cast.alice])
    states.server_troubled(server, refused(reason), now=FOUNDED)

    assert marks(one, cast.dana, Part.SERVER, Part.SIGN_IN, Part.MAILBOX) == expected
    page = client_of(cast.dana).get(reverse("connection_diagnose", args=[one.pk])).content.decode()
    assert reverse("exchange_servers") in page


def test_a_removed_account_is_said(cast: Cast, server: ExchangeServer) -> None:
    set_to("services", by_ews(Method.IMPERSONATION), at=cast.kestrel, by=cast.dana)
    (one,) = tied_to(server, Method.IMPERSONATION, [cast.alice])
    servers.remove_impersonation(server, actor=cast.dana, now=FOUNDED)

    assert marks(one, cast.dana, Part.SERVER, Part.SIGN_IN, Part.MAILBOX) == (D, F, S)
    assert diagnosis.helps(case_of(one, cast.dana)).who == Who.ACCOUNT_ADMIN


def test_a_mailbox_that_is_kept_from_the_account_is_for_the_servers_admin(cast: Cast, server: ExchangeServer) -> None:
    set_to("services", by_ews(Method.IMPERSONATION), at=cast.kestrel, by=cast.dana)
    (one,) = tied_to(server, Method.IMPERSONATION, [cast.alice])
    states.impersonation_refused([one.pk], now=FOUNDED)

    assert marks(one, cast.dana, Part.SERVER, Part.SIGN_IN, Part.MAILBOX) == (D, D, F)
    assert diagnosis.helps(case_of(one, cast.dana)).who == Who.SERVER_ADMIN


@pytest.mark.parametrize(
    ("state", "more", "expected"),
    [
        (State.CONNECTED, {"last_good_at": FOUNDED, "refreshed_at": FOUNDED}, (D, D, D)),
        (State.PAUSED, {**OFF, "refreshed_at": FOUNDED}, (D, F, S)),
        (State.PAUSED, {"reason": Reason.EWS_NOT_ALLOWED, "trouble": "sign_in", "refreshed_at": FOUNDED}, (D, F, S)),
    ],
)
def test_in_exchange_online_the_end_of_ews_is_a_step_of_its_own(
    cast: Cast, state: str, more: dict[str, Any], expected: tuple[Mark, ...]
) -> None:
    set_to("services", ServicePolicy(authorize_with=Api.EWS), at=cast.kestrel, by=cast.dana)
    (one,) = in_the_cloud([cast.alice], state, **more)

    assert marks(one, cast.dana, Part.RENEWAL, Part.EWS, Part.MAILBOX) == expected


def test_where_ews_was_switched_off_the_admins_move_it_to_graph(cast: Cast, client_of: ClientOf) -> None:
    set_to("services", ServicePolicy(authorize_with=Api.EWS), at=cast.kestrel, by=cast.dana)
    (one,) = in_the_cloud([cast.alice], State.PAUSED, **OFF)

    helped = diagnosis.helps(case_of(one, cast.dana))

    assert helped.who == Who.ACCOUNT_ADMIN
    assert reverse("ews") in helped.says


def test_of_one_by_its_organization_too(cast: Cast) -> None:
    policy = ServicePolicy(authorize_with=Api.EWS, who_can_set_up=Method.APPLICATION_PERMISSIONS)
    set_to("services", policy, at=cast.kestrel, by=cast.dana)
    (one,) = connected_by(authorized(cast.kestrel), [cast.alice], State.PAUSED, api=Api.EWS.value, **OFF)

    assert marks(one, cast.dana, Part.EWS, Part.MAILBOX) == (F, S)
    assert reverse("ews") in diagnosis.helps(case_of(one, cast.dana)).says


# ── The support bundle ──────────────────────────────────────────────────────
def test_the_bundle_names_the_server_and_no_account_of_it(
    cast: Cast, server: ExchangeServer, client_of: ClientOf
) -> None:
    set_to("services", by_ews(Method.IMPERSONATION), at=cast.kestrel, by=cast.dana)
    more = {"user_name": "KESTREL\\alice", "password": "sealed password"}
    (one,) = tied_to(server, Method.PASSWORD, [cast.alice], **more)
    looked = {"outcome": Prospect.ON_PREMISES, "looked_at": FOUNDED}
    GraphProspect.objects.create(connection=one, **looked)

    text = client_of(cast.dana).get(reverse("connection_bundle", args=[one.pk])).content.decode()

    told = json.loads(text)
    assert told["exchange_server"]["address"] == ADDRESS
    assert told["exchange_server"]["has_impersonation_account"] is True
    assert told["connection"]["has_password"] is True
    assert told["could_use_graph"]["outcome"] == "on_premises"
    assert told["by_ews_before"] is None
    for secret in (PASSWORD, read(server).password, "KESTREL", "sealed password"):
        assert secret not in text


def test_a_bundle_of_one_by_graph_says_nothing_of_servers(cast: Cast, client_of: ClientOf) -> None:
    (one,) = connect([cast.alice], service=Service.OFFICE_365.value)

    told = client_of(cast.dana).get(reverse("connection_bundle", args=[one.pk])).json()

    assert [told[name] for name in ("exchange_server", "could_use_graph", "by_ews_before")] == [None] * 3
