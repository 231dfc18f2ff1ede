"""Mailboxes by EWS over the wire: each fault as it is met, how one signs in, and what is read."""

from __future__ import annotations

import logging
import os
import ssl
import subprocess
import sys
import time
import traceback
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from accounts import outbound
from integrations.contracts import CalendarError, Opened, RemoteEvent
from integrations.failures import Outcome, Reason
from integrations.microsoft.ews import doors, probing
from integrations.microsoft.ews.provider import EwsCalendar
from tests.integrations.ews_host import (
    ADDRESS,
    PASSWORD,
    USER,
    ExchangeHost,
    Reply,
    answering,
    back_off,
    certificate,
    error,
    exchange,
    fault,
    folder,
    found,
    item,
    resolved,
    response,
    success,
    synced,
)
from tests.name_server import NameServer, name_server

__all__ = ["certificate", "exchange", "name_server"]

START = datetime(2026, 11, 23, tzinfo=UTC)
END = START + timedelta(days=14)
GONE, LOST, PASSING = Outcome.APP_GONE, Outcome.AUTHORIZATION_LOST, Outcome.UNREACHABLE
WELL = {
    "GetFolder": response("GetFolder", folder(), folder()),
    "ResolveNames": response("ResolveNames", resolved(ADDRESS)),
}
POLICY = "X-EWS-Policy-Reason"


def refusal(of: Callable[[], object]) -> tuple[Outcome, Reason]:
    with pytest.raises(CalendarError) as caught:
        of()
    return caught.value.failure.outcome, caught.value.failure.reason


def probed(exchange: ExchangeHost, **changes: Any) -> Opened:
    return probing.probe(exchange.door(**changes), ADDRESS)


def read(exchange: ExchangeHost) -> list[RemoteEvent]:
    return list(EwsCalendar(exchange.door(mailbox=ADDRESS)).events_between(START, END))


# ── Each fault ──────────────────────────────────────────────────────────────
FAULTS = [
    (Reply(403, headers={POLICY: "EWS is disabled for this user or tenant"}), GONE, Reason.EWS_DISABLED),
    # exchangelib takes a connection that ends for a busy server.
    (Reply(403, headers={POLICY: "EWS is disabled for …", "Connection": "close"}), GONE, Reason.EWS_DISABLED),
    (Reply(403, headers={POLICY: "EWS is blocked by policy for …"}), GONE, Reason.EWS_NOT_ALLOWED),
    (Reply(403), Outcome.NOT_PERMITTED, Reason.PERMISSION_MISSING),
    (Reply(404, "<html>Not found</html>"), GONE, Reason.NOT_EXCHANGE),
    (Reply(200, "<html>Welcome</html>"), PASSING, Reason.NOT_EXCHANGE),
    (Reply(200, ""), PASSING, Reason.NOT_EXCHANGE),
    (Reply(302, headers={"Location": "https://evil.example/"}), PASSING, Reason.NOT_EXCHANGE),
    (Reply(503, headers={"Retry-After": "9"}), Outcome.THROTTLED, Reason.TOO_MANY_REQUESTS),
    (Reply(500, fault("ErrorServerBusy", values=back_off(5000))), Outcome.THROTTLED, Reason.TOO_MANY_REQUESTS),
    (Reply(500, "<html>Server Error in '/EWS' Application</html>"), PASSING, Reason.SERVICE_TROUBLE),
    (Reply(500, fault("ErrorPasswordExpired")), LOST, Reason.PASSWORD_EXPIRED),
    (Reply(500, fault("ErrorAccountDisabled")), LOST, Reason.ACCOUNT_DISABLED),
    (Reply(500, fault("ErrorImpersonateUserDenied")), Outcome.NOT_PERMITTED, Reason.IMPERSONATION_REFUSED),
    (Reply(500, fault("ErrorOfAYearToCome")), PASSING, Reason.SERVICE_TROUBLE),
    (response("GetFolder", error("GetFolder", "ErrorAccessDenied")), Outcome.NOT_PERMITTED, Reason.PERMISSION_MISSING),
    (response("GetFolder", error("GetFolder", "ErrorMailboxMoveInProgress")), PASSING, Reason.SERVICE_TROUBLE),
    (response("GetFolder", error("GetFolder", "ErrorOfAYearToCome")), PASSING, Reason.SERVICE_TROUBLE),
    (response("GetFolder", "<m:Nonsense/>"), PASSING, Reason.SERVICE_TROUBLE),
    (Reply(200, folder()[:40]), PASSING, Reason.NOT_EXCHANGE),
]


@pytest.mark.parametrize(("reply", "outcome", "reason"), FAULTS)
def test_each_fault_is_met_as_it_is(exchange: ExchangeHost, reply: Reply, outcome: Outcome, reason: Reason) -> None:
    exchange.answers = answering({"GetFolder": reply})

    assert refusal(lambda: probed(exchange)) == (outcome, reason)


def test_an_answer_that_is_cut_is_trouble_although_its_beginning_could_be_read(exchange: ExchangeHost) -> None:
    whole = response("FindItem", found("one", "two")).body
    exchange.answers = answering({"FindItem": Reply(200, whole[: whole.index("two")])})

    assert refusal(lambda: read(exchange)) == (PASSING, Reason.SERVICE_TROUBLE)


def test_how_long_to_wait_is_what_the_server_says_and_nobody_sleeps(exchange: ExchangeHost) -> None:
    busy = error("FindItem", "ErrorServerBusy", more=back_off(297_749).replace("t:MessageXml", "m:MessageXml"))
    exchange.answers = answering({"FindItem": response("FindItem", busy)})
    began = time.monotonic()

    with pytest.raises(CalendarError) as caught:
        read(exchange)

    assert caught.value.failure.retry_after == timedelta(milliseconds=297_749)
    assert exchange.asked == ["FindItem"]
    assert time.monotonic() - began < 5


def test_nobody_there(exchange: ExchangeHost) -> None:
    exchange.host.close()

    assert refusal(lambda: probed(exchange)) == (PASSING, Reason.SERVER_UNREACHABLE)


def test_a_server_that_never_ends_its_answer_is_left(exchange: ExchangeHost) -> None:
    def drip(connection: ssl.SSLSocket, _path: str) -> None:
        connection.sendall(b"HTTP/1.1 200 OK\r\n")
        while True:
            connection.sendall(b"X-More: and more\r\n")
            time.sleep(0.05)

    exchange.host.talk = drip
    began = time.monotonic()

    with outbound.deadline(timedelta(seconds=0.5)):
        assert refusal(lambda: probed(exchange)) == (PASSING, Reason.SERVER_UNREACHABLE)

    assert time.monotonic() - began < 5


def test_a_certificate_of_a_stranger_gets_no_password(exchange: ExchangeHost, settings: Any) -> None:
    settings.EXCHANGE_CA_BUNDLE = ""

    assert refusal(lambda: probed(exchange)) == (GONE, Reason.CERTIFICATE_UNTRUSTED)
    assert exchange.host.heard == []


def test_a_certificate_for_another_name_is_not_trusted(exchange: ExchangeHost, name_server: NameServer) -> None:
    name_server.publish("mail.kestrel.example", "A", "127.0.0.1")
    door = doors.by_password(exchange.address.replace("localhost", "mail.kestrel.example"), USER, PASSWORD)

    assert refusal(lambda: probing.probe(door, ADDRESS)) == (GONE, Reason.CERTIFICATE_UNTRUSTED)


def test_the_inside_of_the_network_is_not_asked(exchange: ExchangeHost, settings: Any) -> None:
    settings.PRIVATE_NETWORKS_ALLOWED = []

    assert refusal(lambda: probed(exchange)) == (GONE, Reason.ADDRESS_NOT_ALLOWED)
    assert exchange.host.connections == 0


def test_another_port_than_the_operators_is_not_asked(exchange: ExchangeHost, settings: Any) -> None:
    settings.EXCHANGE_PORTS = [443]

    assert refusal(lambda: probed(exchange)) == (GONE, Reason.ADDRESS_NOT_ALLOWED)
    assert exchange.host.connections == 0


# ── Signing in ──────────────────────────────────────────────────────────────
def test_a_wrong_password_is_tried_once(exchange: ExchangeHost) -> None:
    assert refusal(lambda: probed(exchange, password="another")) == (LOST, Reason.PASSWORD_REFUSED)
    assert exchange.tries == 1


def test_a_locked_account_is_told_from_a_wrong_password(exchange: ExchangeHost) -> None:
    exchange.refusal = Reply(401, "<p>The referenced account is currently locked out and may not be used.</p>")

    assert refusal(lambda: probed(exchange, password="another")) == (Outcome.THROTTLED, Reason.ACCOUNT_LOCKED)
    assert exchange.tries == 1


def test_how_to_sign_in_is_asked_once_and_without_a_password(exchange: ExchangeHost) -> None:
    exchange.answers = answering(WELL)

    probed(exchange)
    probed(exchange)

    without = [one for one in exchange.host.heard if b"\r\nAuthorization:" not in one]
    assert len(without) == 1
    assert ADDRESS.encode() not in without[0]


def test_a_server_that_wants_another_way_by_now_has_not_refused_the_password(exchange: ExchangeHost) -> None:
    exchange.answers = answering(WELL)
    probed(exchange)
    exchange.challenge = "Digest realm=kestrel"
    exchange.answers = answering({})
    exchange.tries = 0

    found = refusal(lambda: probed(exchange, password="another"))

    assert found == (GONE, Reason.NOT_EXCHANGE)


def test_a_refusal_that_offers_nothing_is_one_of_the_password(exchange: ExchangeHost) -> None:
    exchange.answers = answering(WELL)
    probed(exchange)
    exchange.challenge = ""
    exchange.tries = 0

    assert refusal(lambda: probed(exchange, password="another")) == (LOST, Reason.PASSWORD_REFUSED)
    assert exchange.tries == 1


@pytest.mark.parametrize("challenge", ["", "Bearer", "Digest realm=x"])
def test_who_offers_no_way_that_fits_gets_no_password(exchange: ExchangeHost, challenge: str) -> None:
    exchange.challenge = challenge

    assert refusal(lambda: probed(exchange)) == (GONE, Reason.NOT_EXCHANGE)
    assert exchange.tries == 0


def test_a_server_is_reached_without_anybodys_password(exchange: ExchangeHost) -> None:
    probing.reach(doors.anonymous(exchange.address))

    assert exchange.tries == 0


def test_a_page_that_everybody_may_see_is_no_exchange_server(exchange: ExchangeHost) -> None:
    exchange.host.talk = lambda connection, _: connection.sendall(bytes(Reply(200, "<html>Welcome</html>")))

    assert refusal(lambda: probing.reach(doors.anonymous(exchange.address))) == (PASSING, Reason.NOT_EXCHANGE)


def test_signing_in_opens_no_mailbox(exchange: ExchangeHost) -> None:
    exchange.answers = answering({"ConvertId": response("ConvertId", error("ConvertId", "ErrorInvalidIdMalformed"))})

    assert probing.sign_in(exchange.door()) == "15.2.1544.11"
    assert exchange.asked == ["ConvertId"]


@pytest.mark.parametrize(
    ("code", "reason"),
    [("ErrorPasswordExpired", Reason.PASSWORD_EXPIRED), ("ErrorServerBusy", Reason.TOO_MANY_REQUESTS)],
)
def test_an_account_that_may_not_sign_in_is_told_so(exchange: ExchangeHost, code: str, reason: Reason) -> None:
    exchange.answers = answering({"ConvertId": Reply(500, fault(code))})

    assert refusal(lambda: probing.sign_in(exchange.door()))[1] == reason


# ── The mailbox that is opened ──────────────────────────────────────────────
def test_the_mailbox_gets_the_primary_address_of_the_directory(exchange: ExchangeHost) -> None:
    opens = [WELL["GetFolder"], response("GetFolder", folder())]
    said = response("ResolveNames", resolved("n.smit@kestrel.example"))
    exchange.answers = answering(WELL | {"GetFolder": opens, "ResolveNames": said})

    assert probed(exchange) == Opened("n.smit@kestrel.example", "15.2.1544.11")
    assert b'SearchScope="ActiveDirectory"' in exchange.heard[-2]
    assert b"smtp:" in exchange.heard[-2]


@pytest.mark.parametrize(
    "said", [response("GetFolder", folder("of-somebody-else")), Reply(500, fault("ErrorNonExistentMailbox"))]
)
def test_somebody_else_whom_the_directory_found_is_not_taken_for_the_mailbox(
    exchange: ExchangeHost, said: Reply
) -> None:
    found = response("ResolveNames", resolved("n.smit@kestrel.example"))
    exchange.answers = answering(WELL | {"GetFolder": [WELL["GetFolder"], said], "ResolveNames": found})

    assert probed(exchange).address == ADDRESS


@pytest.mark.parametrize(
    "said",
    [
        resolved("noor@kestrel.example", "noor.b@kestrel.example"),
        resolved("another@kestrel.example", "third@kestrel.example"),
        resolved("/o=Kestrel/ou=Exchange/cn=noor"),
        error("ResolveNames", "ErrorNameResolutionNoResults"),
    ],
)
def test_a_directory_that_knows_none_or_several_changes_nothing(exchange: ExchangeHost, said: str) -> None:
    exchange.answers = answering(WELL | {"ResolveNames": response("ResolveNames", said)})

    assert probed(exchange).address == ADDRESS


def test_a_mailbox_that_somebody_shares_is_not_ones_own(exchange: ExchangeHost) -> None:
    exchange.answers = answering(WELL | {"GetFolder": response("GetFolder", folder("of-the-boss"), folder("of-noor"))})

    assert refusal(lambda: probed(exchange)) == (Outcome.NOT_PERMITTED, Reason.PERMISSION_MISSING)


def test_an_impersonating_account_opens_a_mailbox_as_its_owner(exchange: ExchangeHost) -> None:
    exchange.answers = answering(WELL | {"GetFolder": response("GetFolder", folder())})
    door = doors.impersonating(exchange.address, USER, PASSWORD, ADDRESS)

    opened = probing.probe(door, ADDRESS)

    assert opened.address == ADDRESS
    for request in exchange.heard:
        assert f"<t:ConnectingSID><t:SmtpAddress>{ADDRESS}</t:SmtpAddress></t:ConnectingSID>".encode() in request
        assert f"X-AnchorMailbox: {ADDRESS}".encode() in request


@pytest.mark.parametrize(
    ("build", "version"),
    [
        ("", "Exchange2016"),
        ("15.0.1497.2", "Exchange2013_SP1"),
        ("14.3.513.0", "Exchange2010_SP2"),
        ("x", "Exchange2016"),
    ],
)
def test_a_server_is_asked_in_words_that_it_knows(exchange: ExchangeHost, build: str, version: str) -> None:
    exchange.answers = answering(WELL)

    probed(exchange, build=build)

    assert f'RequestServerVersion Version="{version}"'.encode() in exchange.heard[0]


def test_an_older_server_than_was_thought_is_asked_again_in_its_own_words(exchange: ExchangeHost) -> None:
    old = response("GetFolder", folder(), folder(), build=(14, 3, 513, 0), version="Exchange2010_SP2")

    def answer(operation: str, request: bytes) -> Reply:
        if b'Version="Exchange2010_SP2"' not in request:
            return Reply(500, fault("ErrorInvalidServerVersion"))
        return old if operation == "GetFolder" else response(operation, resolved(ADDRESS), build=(14, 3, 513, 0))

    exchange.answers = answer

    assert probed(exchange).build == "14.3.513.0"


def test_a_build_of_a_year_to_come_is_no_trouble(exchange: ExchangeHost) -> None:
    exchange.answers = answering({**WELL, "GetFolder": response("GetFolder", folder(), folder(), build=(19, 1, 0, 7))})

    assert probed(exchange).address == ADDRESS


# ── What is read ────────────────────────────────────────────────────────────
def test_a_calendar_is_read_in_order_and_what_is_gone_meanwhile_is_left_out(exchange: ExchangeHost) -> None:
    late = item("late", "<t:Start>2026-11-25T10:00:00Z</t:Start><t:End>2026-11-25T11:00:00Z</t:End>")
    gone = error("GetItem", "ErrorItemNotFound")
    other = success("GetItem", '<m:Items><t:Message><t:ItemId Id="m" ChangeKey="A"/></t:Message></m:Items>')
    exchange.answers = answering(
        {
            "FindItem": response("FindItem", found("late", "gone", "early", "mail")),
            "GetItem": response("GetItem", late, gone, item("early"), other),
        }
    )

    assert [event.id for event in read(exchange)] == ["early", "late"]


def test_a_view_with_more_than_the_server_finds_at_once_is_read_in_halves(exchange: ExchangeHost) -> None:
    views: list[bytes] = []

    def answer(operation: str, request: bytes) -> Reply:
        if operation == "GetItem":
            return response("GetItem", *(item(one) for one in ("a", "b", "c") if f'Id="{one}"'.encode() in request))
        views.append(request)
        if len(views) == 1:
            return response("FindItem", error("FindItem", "ErrorExceededFindCountLimit"))
        return response("FindItem", found("a", "b") if len(views) == 2 else found("b", "c"))

    exchange.answers = answer

    assert {event.id for event in read(exchange)} == {"a", "b", "c"}
    assert b'StartDate="2026-11-23T00:00:00Z" EndDate="2026-11-30T00:00:00Z"' in views[1]
    assert b'StartDate="2026-11-30T00:00:00Z" EndDate="2026-12-07T00:00:00Z"' in views[2]


def test_a_view_that_leaves_something_out_is_no_whole_one(exchange: ExchangeHost) -> None:
    exchange.answers = answering({"FindItem": response("FindItem", found("one", is_last=False))})

    assert refusal(lambda: read(exchange)) == (PASSING, Reason.SERVICE_TROUBLE)
    assert len(exchange.asked) < 60


def test_an_event_without_a_sensible_time_is_trouble_and_not_now(exchange: ExchangeHost) -> None:
    exchange.answers = answering(
        {
            "FindItem": response("FindItem", found("one")),
            "GetItem": response("GetItem", item("one", "<t:Start>soon</t:Start><t:End>later</t:End>")),
        }
    )

    assert refusal(lambda: read(exchange)) == (PASSING, Reason.SERVICE_TROUBLE)


CREATED = '<t:Create><t:CalendarItem><t:ItemId Id="{0}" ChangeKey="A"/></t:CalendarItem></t:Create>'
DELETED = '<t:Delete><t:ItemId Id="{0}" ChangeKey="A"/></t:Delete>'
FLAG = '<t:ReadFlagChange><t:ItemId Id="{0}" ChangeKey="A"/><t:IsRead>true</t:IsRead></t:ReadFlagChange>'


def test_changes_come_page_after_page(exchange: ExchangeHost) -> None:
    first = synced(CREATED.format("a") + CREATED.format("b") + DELETED.format("c"), state="two", is_last=False)
    second = synced(DELETED.format("b") + CREATED.format("c") + FLAG.format("a"), state="three")
    exchange.answers = answering(
        {
            "SyncFolderItems": [response("SyncFolderItems", first), response("SyncFolderItems", second)],
            "GetItem": response("GetItem", item("a"), item("c")),
        }
    )

    changes = EwsCalendar(exchange.door()).changes_since("one")

    assert [event.id for event in changes.events] == ["a", "c"]
    assert changes.removed == ("b",)
    assert (changes.cursor, changes.is_complete, changes.is_afresh) == ("three", True, False)
    assert b"<m:SyncState>two</m:SyncState>" in exchange.heard[1]
    assert all(f'<t:ItemId Id="{one}"'.encode() in exchange.heard[2] for one in "ac")


@pytest.mark.parametrize("more", ["", "<m:SyncState/><m:IncludesLastItemInRange>true</m:IncludesLastItemInRange>"])
def test_a_cursor_that_the_server_does_not_know_begins_afresh(exchange: ExchangeHost, more: str) -> None:
    bad = error("SyncFolderItems", "ErrorInvalidSyncStateData", more=more)
    exchange.answers = answering(
        {
            "SyncFolderItems": [
                response("SyncFolderItems", bad),
                response("SyncFolderItems", synced(CREATED.format("a"))),
            ],
            "GetItem": response("GetItem", item("a")),
        }
    )

    changes = EwsCalendar(exchange.door()).changes_since("from another time")

    assert changes.is_afresh
    assert [event.id for event in changes.events] == ["a"]
    assert b"SyncState" not in exchange.heard[1]


# ── Nothing is told ─────────────────────────────────────────────────────────
def test_what_fails_tells_nobody_a_password_or_a_body(exchange: ExchangeHost, caplog: pytest.LogCaptureFixture) -> None:
    secret = "the plans of the board"
    exchange.answers = answering({"GetFolder": Reply(500, fault("ErrorInternalServerError").replace("A text", secret))})

    with caplog.at_level(logging.DEBUG), pytest.raises(CalendarError) as caught:
        probed(exchange)

    told = "".join(traceback.format_exception(caught.value)) + caplog.text + repr(exchange.door())
    assert PASSWORD not in told
    assert secret not in told


def test_a_password_with_letters_of_any_kind_is_sent_as_it_is(exchange: ExchangeHost) -> None:
    assert refusal(lambda: probed(exchange, password="naïve – 密码")) == (LOST, Reason.PASSWORD_REFUSED)
    assert exchange.tries == 1


def test_an_answer_of_nothing_but_entities_is_trouble(exchange: ExchangeHost) -> None:
    laughs = "".join(f'<!ENTITY l{n} "{f"&l{n - 1};" * 10}">' for n in range(1, 9))
    bomb = f'<?xml version="1.0"?><!DOCTYPE s [<!ENTITY l0 "lol">{laughs}]>'
    whole = response("GetFolder", folder("&l8;"), folder("&l8;")).body.partition("?>")[2]
    exchange.answers = answering({"GetFolder": Reply(200, bomb + whole)})
    began = time.monotonic()

    assert refusal(lambda: probed(exchange))[0] == PASSING
    assert time.monotonic() - began < 5


def test_who_never_speaks_ews_never_loads_it() -> None:
    code = (
        "import sys, django; django.setup()\n"
        "import config.urls, config.celery, integrations.exchange.mailboxes, integrations.tasks\n"
        "assert not [name for name in sys.modules if name.split('.')[0] in ('exchangelib', 'spnego', 'requests_ntlm')]"
    )

    subprocess.run(
        [sys.executable, "-c", code], check=True, env={**os.environ, "DJANGO_SETTINGS_MODULE": "config.settings"}
    )
