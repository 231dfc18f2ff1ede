"""Nothing that Microsoft hands out, and nothing that would open it, stands anywhere in the clear."""

from __future__ import annotations

import io
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import parse_qs, urlsplit

import pytest
from django.db import connection as database
from django.test import Client
from django.utils import timezone

from accounts import vault
from accounts.models import AuditEntry, User
from integrations import connecting, redeeming, tokens
from integrations.models import Connection, ConsentRequest, State, Step
from tests.cast import ClientOf
from tests.integrations.dumps import redis_dump
from tests.simulated import Simulator

pytestmark = pytest.mark.django_db(transaction=True)


def database_dump() -> str:
    """Every column of every row."""
    lines: list[str] = []
    with database.cursor() as cursor:
        for table in database.introspection.table_names(cursor):
            cursor.execute(f"SELECT * FROM {database.ops.quote_name(table)}")  # noqa: S608  our own tables
            lines += [f"{table}: {row!r}" for row in cursor.fetchall()]
    return "\n".join(lines)


@contextmanager
def logged() -> Iterator[io.StringIO]:
    """What would be written to stderr, at the most talkative level an operator can choose."""
    root = logging.getLogger()
    formatter = next(handler.formatter for handler in root.handlers if type(handler) is logging.StreamHandler)
    written = io.StringIO()
    handler = logging.StreamHandler(written)
    handler.setFormatter(formatter)
    before = root.level
    root.addHandler(handler)
    root.setLevel(logging.DEBUG)
    try:
        yield written
    finally:
        root.removeHandler(handler)
        root.setLevel(before)


def begin(client: Client) -> str:
    response = client.post("/profile/calendar/office-365/", {"calendar_write": "on"})
    assert response.status_code == 302
    return str(response.headers["Location"])


def held_secrets(connection: Connection) -> dict[str, str]:
    return {
        column: vault.open_sealed(
            getattr(connection, column), bound_to=f"integrations_connection:{column}:{connection.pk}"
        )
        for column in ("access_token", "refresh_token")
    }


def test_no_secret_stands_in_the_clear_on_the_whole_way(
    alice: User, microsoft: Simulator, client_of: ClientOf, redis_url: str
) -> None:
    client = client_of(alice)
    places: dict[str, str] = {}
    secrets: dict[str, str] = {"client secret": microsoft.client_secret}

    with logged() as written:
        address = begin(client)
        flow = connecting.opened(ConsentRequest.objects.get(), "flow")
        secrets |= {"verifier": flow["code_verifier"], "nonce": flow["nonce"], "state": flow["state"]}
        places["database, at Microsoft"] = database_dump()

        said = microsoft.sign_in(address, alice.email)
        secrets["code"] = said["code"]
        response = client.get("/integrations/microsoft/callback/", said)
        assert response.headers["Location"] == "/profile/#calendar"
        places["database, answered"] = database_dump()
        places["tasks"] = redis_dump(redis_url)
        assert "integrations.redeem" in places["tasks"]

        consent = ConsentRequest.objects.get()
        redeeming.redeem(consent.pk, now=timezone.now())
        connection = Connection.objects.get()
        secrets |= {f"first {name}": secret for name, secret in held_secrets(connection).items()}
        tokens.refresh(connection, now=timezone.now())
        secrets |= held_secrets(Connection.objects.get())
        client.get("/profile/")
        client.get("/meetings/agenda/")
        client.post("/profile/calendar/delete/")
    places |= {"database, connected": database_dump(), "redis": redis_dump(redis_url), "log": written.getvalue()}
    places["audit"] = repr(list(AuditEntry.objects.values()))

    assert "calendar.disconnected" in places["audit"]
    assert "request.answered" in places["log"]
    assert len(secrets) == 9
    found = [(name, place) for name, secret in secrets.items() for place, text in places.items() if secret in text]
    assert found == []


def test_what_is_sealed_is_really_there_until_it_is_no_longer_needed(
    alice: User, microsoft: Simulator, client_of: ClientOf
) -> None:
    """Otherwise the test above would look for secrets that nobody keeps."""
    client = client_of(alice)
    said = microsoft.sign_in(begin(client), alice.email)
    client.get("/integrations/microsoft/callback/", said)

    consent = ConsentRequest.objects.get()

    assert consent.step == Step.ANSWERED
    assert connecting.opened(consent, "answer")["code"] == said["code"]
    assert connecting.opened(consent, "flow")["code_verifier"]


def test_the_address_a_browser_is_sent_to_carries_no_secret_of_ours(
    alice: User, microsoft: Simulator, client_of: ClientOf
) -> None:
    address = begin(client_of(alice))

    asked = parse_qs(urlsplit(address).query)
    flow = connecting.opened(ConsentRequest.objects.get(), "flow")
    assert address.startswith(microsoft.human_url)
    assert flow["code_verifier"] not in address
    assert flow["nonce"] not in address
    assert microsoft.client_secret not in address
    assert asked["code_challenge_method"] == ["S256"]
    assert asked["response_mode"] == ["query"]


def test_deleting_a_connection_destroys_its_tokens(alice: User, microsoft: Simulator, client_of: ClientOf) -> None:
    client = client_of(alice)
    client.get("/integrations/microsoft/callback/", microsoft.sign_in(begin(client), alice.email))
    redeeming.redeem(ConsentRequest.objects.get().pk, now=timezone.now())

    client.post("/profile/calendar/delete/")

    connection = Connection.objects.get()
    assert (connection.state, connection.refresh_token, connection.access_token, connection.granted) == (
        State.DISCONNECTED,
        "",
        "",
        [],
    )
