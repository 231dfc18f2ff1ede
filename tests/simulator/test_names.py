"""The name server: what it says of the organizations' domains, to datagrams and to connections."""

from __future__ import annotations

import socket
import struct
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import dns.exception
import dns.flags
import dns.message
import dns.query
import dns.rdatatype
import dns.resolver
import pytest
import requests
from dns.message import Message
from dns.rcode import Rcode

from tests.simulated import Simulator, form_of
from tests.simulator.client import Client

DOMAIN = "kestrel.example"


@pytest.fixture
def names(simulator: Simulator) -> Iterator[Simulator]:
    yield simulator
    simulator.control("POST", "reset")


def _ask(simulator: Simulator, name: str, kind: str = "TXT", *, tcp: bool = False, **more: Any) -> Message:
    query = dns.message.make_query(name, kind, **more)
    ask = dns.query.tcp if tcp else dns.query.udp
    return ask(query, "127.0.0.1", port=simulator.dns_port, timeout=10)


def _texts(simulator: Simulator, name: str, *, tcp: bool = False) -> set[str]:
    answer = _ask(simulator, name, tcp=tcp).get_rrset(
        dns.message.ANSWER, dns.name.from_text(name), dns.rdataclass.IN, dns.rdatatype.TXT
    )
    return {b"".join(one.strings).decode() for one in answer or ()}


def _publish(simulator: Simulator, name: str, text: str, *, tenant: str = DOMAIN) -> None:
    simulator.control("POST", f"tenants/{tenant}/publish-text", {"name": name, "text": text})


def _refusal(simulator: Simulator, path: str, body: dict[str, Any]) -> tuple[int, str]:
    with pytest.raises(requests.HTTPError) as refused:
        simulator.control("POST", path, body)
    return refused.value.response.status_code, refused.value.response.json()["error"]


@pytest.mark.parametrize("tcp", [False, True])
@pytest.mark.parametrize("name", [DOMAIN, f"_proof.{DOMAIN}", "deep.down.kestrelandco.example"])
def test_a_text_that_was_published_is_answered(names: Simulator, name: str, tcp: bool) -> None:
    before = _texts(names, name, tcp=tcp)

    _publish(names, name, "meridian=1234")

    assert _texts(names, name, tcp=tcp) == before | {"meridian=1234"}
    assert "meridian=1234" not in _texts(names, "corvid.example")


def test_it_stands_among_what_organizations_have_there_anyway(names: Simulator) -> None:
    _publish(names, DOMAIN, "meridian=1234")

    texts = _texts(names, DOMAIN)

    assert {text.partition("=")[0] for text in texts} == {"MS", "v", "meridian"}


def test_a_text_that_is_removed_is_gone_and_the_others_stay(names: Simulator) -> None:
    for text in ("one", "two", "three"):
        _publish(names, f"p.{DOMAIN}", text)

    names.control("POST", f"tenants/{DOMAIN}/remove-text", {"name": f"P.{DOMAIN}.", "text": "two"})

    assert _texts(names, f"p.{DOMAIN}") == {"one", "three"}
    names.control("POST", f"tenants/{DOMAIN}/remove-text", {"name": f"p.{DOMAIN}"})
    assert _ask(names, f"p.{DOMAIN}").rcode() == Rcode.NXDOMAIN


def test_a_reset_takes_what_was_published(names: Simulator) -> None:
    _publish(names, f"p.{DOMAIN}", "mine")
    _publish(names, "p.corvid.example", "theirs", tenant="corvid.example")

    names.control("POST", f"tenants/{DOMAIN}/reset")

    assert _ask(names, f"p.{DOMAIN}").rcode() == Rcode.NXDOMAIN
    assert _texts(names, "p.corvid.example") == {"theirs"}


def test_what_is_published_outlives_a_restart(tmp_path: Path) -> None:
    started = Simulator().start(tmp_path)
    try:
        _publish(started, f"p.{DOMAIN}", "kept")
        started.stop()

        started.start()

        assert _texts(started, f"p.{DOMAIN}") == {"kept"}
    finally:
        started.stop()


def test_the_state_tells_what_is_published(names: Simulator) -> None:
    _publish(names, f"P.{DOMAIN}", "Text of mine")

    assert names.control("GET", f"tenants/{DOMAIN}")["texts"] == [{"name": f"p.{DOMAIN}", "text": "Text of mine"}]


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("corvid.example", "none of Kestrel"),
        ("example", "none of Kestrel"),
        ("notkestrel.example", "none of Kestrel"),
        ("a b.kestrel.example", "none of Kestrel"),
        ("..kestrel.example", "none of Kestrel"),
    ],
)
def test_it_is_published_in_their_own_domains_only(names: Simulator, name: str, why: str) -> None:
    status, said = _refusal(names, f"tenants/{DOMAIN}/publish-text", {"name": name, "text": "x"})

    assert (status, why in said) == (400, True)


def test_the_name_of_a_new_domain_is_answered_and_of_a_removed_one_is_not(names: Simulator) -> None:
    assert _ask(names, "shop.example").rcode() == Rcode.REFUSED
    names.control("POST", f"tenants/{DOMAIN}/add-domain", {"name": "shop.example", "verified": False})
    _publish(names, "shop.example", "ours")

    found = _texts(names, "shop.example")

    assert "ours" in found
    names.control("POST", f"tenants/{DOMAIN}/remove-domain", {"name": "shop.example"})
    assert _ask(names, "shop.example").rcode() == Rcode.REFUSED


@pytest.mark.parametrize(
    ("name", "kind", "code", "count"),
    [
        (DOMAIN, "SOA", Rcode.NOERROR, 1),
        (DOMAIN, "NS", Rcode.NOERROR, 1),
        (DOMAIN, "A", Rcode.NOERROR, 1),
        (f"ns.{DOMAIN}", "A", Rcode.NOERROR, 1),
        ("KesTRel.EXAMPLE", "TXT", Rcode.NOERROR, 1),
        (DOMAIN, "MX", Rcode.NOERROR, 0),
        (DOMAIN, "AAAA", Rcode.NOERROR, 0),
        (f"nothing.{DOMAIN}", "TXT", Rcode.NXDOMAIN, 0),
        (f"nothing.{DOMAIN}", "A", Rcode.NXDOMAIN, 0),
        ("example", "TXT", Rcode.REFUSED, 0),
        (".", "NS", Rcode.REFUSED, 0),
        ("notkestrel.example", "TXT", Rcode.REFUSED, 0),
        ("microsoft.com", "A", Rcode.REFUSED, 0),
    ],
)
def test_each_question_has_its_answer(simulator: Simulator, name: str, kind: str, code: Rcode, count: int) -> None:
    answer = _ask(simulator, name, kind)

    assert (answer.rcode(), len(answer.answer)) == (code, count)
    assert bool(answer.flags & dns.flags.AA) == (code != Rcode.REFUSED)
    # An absence is remembered for as long as the zone says.
    is_absent = count == 0 and code != Rcode.REFUSED
    assert [one.rdtype for one in answer.authority] == ([dns.rdatatype.SOA] if is_absent else [])


def test_a_name_between_two_others_exists_without_records(names: Simulator) -> None:
    _publish(names, f"selector._keys.{DOMAIN}", "x")

    between = _ask(names, f"_keys.{DOMAIN}")

    assert (between.rcode(), between.answer) == (Rcode.NOERROR, [])


def test_what_does_not_fit_a_datagram_is_asked_for_again_by_a_connection(names: Simulator) -> None:
    long = "é" * 900
    _publish(names, f"p.{DOMAIN}", long)

    short = _ask(names, f"p.{DOMAIN}", use_edns=False)

    assert short.flags & dns.flags.TC and not short.answer
    resolver = dns.resolver.Resolver(configure=False)
    resolver.nameservers, resolver.port = ["127.0.0.1"], names.dns_port
    [found] = resolver.resolve(f"p.{DOMAIN}", "TXT")
    assert b"".join(found.strings).decode() == long
    assert max(map(len, found.strings)) <= 255


def test_a_connection_takes_several_questions(simulator: Simulator) -> None:
    with socket.create_connection(("127.0.0.1", simulator.dns_port), timeout=10) as connection:
        codes = []
        for name in (DOMAIN, f"no.{DOMAIN}", "elsewhere.test"):
            dns.query.send_tcp(connection, dns.message.make_query(name, "TXT"))
            answer, _ = dns.query.receive_tcp(connection)
            codes.append(answer.rcode())

    assert codes == [Rcode.NOERROR, Rcode.NXDOMAIN, Rcode.REFUSED]


def test_a_silent_connection_stops_nobody(simulator: Simulator) -> None:
    silent = [socket.create_connection(("127.0.0.1", simulator.dns_port), timeout=10) for _ in range(3)]
    try:
        assert _ask(simulator, DOMAIN, tcp=True).rcode() == Rcode.NOERROR
        assert _ask(simulator, DOMAIN).rcode() == Rcode.NOERROR
    finally:
        for connection in silent:
            connection.close()


@pytest.mark.parametrize(
    ("wire", "code"),
    [
        (struct.pack("!6H", 7, 0x0100, 1, 0, 0, 0), Rcode.FORMERR),  # promises a question and has none
        (struct.pack("!6H", 7, 0x0100, 0, 0, 0, 0), Rcode.FORMERR),
        (struct.pack("!6H", 7, 0x2000, 0, 0, 0, 0), Rcode.NOTIMP),  # a notify
    ],
)
def test_what_makes_no_sense_is_said_so(simulator: Simulator, wire: bytes, code: Rcode) -> None:
    with socket.socket(type=socket.SOCK_DGRAM) as asking:
        asking.settimeout(10)
        asking.sendto(wire, ("127.0.0.1", simulator.dns_port))
        answer = dns.message.from_wire(asking.recv(512))

    assert (answer.id, answer.rcode()) == (7, code)


def test_what_is_no_question_is_not_answered(simulator: Simulator) -> None:
    reply = dns.message.make_response(dns.message.make_query(DOMAIN, "TXT"))
    with socket.socket(type=socket.SOCK_DGRAM) as asking:
        asking.settimeout(0.3)
        for wire in (reply.to_wire(), b"", b"\x00"):
            asking.sendto(wire, ("127.0.0.1", simulator.dns_port))

        with pytest.raises(TimeoutError):
            asking.recv(512)

    assert _ask(simulator, DOMAIN).rcode() == Rcode.NOERROR


# ── Bad days ────────────────────────────────────────────────────────────────
@pytest.mark.parametrize("code", ["SERVFAIL", "REFUSED", "NXDOMAIN"])
def test_a_name_server_fails_as_ordered(names: Simulator, code: str) -> None:
    names.control("POST", "faults", {"target": "dns", "tenant": DOMAIN, "code": code, "count": 1})

    answers = [_ask(names, DOMAIN).rcode().name for _ in range(2)]

    assert answers == [code, "NOERROR"]


def test_a_name_server_is_silent_or_late_as_ordered(names: Simulator) -> None:
    steps = [{"reset": True}, {"latency_ms": 400}]
    names.control("POST", "faults", {"target": "dns", "path": f"*.{DOMAIN}", "count": 2, "steps": steps})

    with pytest.raises(dns.exception.Timeout):
        dns.query.udp(dns.message.make_query(f"p.{DOMAIN}", "TXT"), "127.0.0.1", port=names.dns_port, timeout=0.3)
    began = time.monotonic()
    late = _ask(names, f"p.{DOMAIN}")

    assert (late.rcode(), time.monotonic() - began >= 0.4) == (Rcode.NXDOMAIN, True)


def test_other_names_and_other_organizations_go_on(names: Simulator) -> None:
    names.control("POST", "faults", {"target": "dns", "tenant": DOMAIN, "path": f"p.{DOMAIN}", "code": "SERVFAIL"})

    codes = [_ask(names, name).rcode().name for name in (f"P.{DOMAIN}", DOMAIN, "corvid.example")]

    assert codes == ["SERVFAIL", "NOERROR", "NOERROR"]


@pytest.mark.parametrize(
    "order",
    [
        {"status": 503},
        {"code": "Sometimes"},
        {"aadsts": 50001},
        {"code": "SERVFAIL", "person": "alice@kestrel.example"},
        {"code": "SERVFAIL", "method": "GET"},
        {},
    ],
)
def test_what_a_name_server_cannot_do_is_refused(names: Simulator, order: dict[str, Any]) -> None:
    assert _refusal(names, "faults", {"target": "dns", **order})[0] == 400


def test_a_question_is_in_the_request_log(names: Simulator) -> None:
    _ask(names, f"no.{DOMAIN}")
    _ask(names, DOMAIN, "SOA")

    found, absent = names.control("GET", "log")["entries"][:2]

    assert (found["kind"], found["method"], found["path"], found["code"]) == ("dns", "SOA", DOMAIN, "NOERROR")
    assert (absent["code"], absent["tenant"]) == ("NXDOMAIN", "Kestrel & Co")
    failed = names.control("GET", "log?status=failed")["entries"]
    # What was asked just before the reset may be written down after it.
    assert failed[0] == absent
    assert "NOERROR" not in [entry["code"] for entry in failed]


# ── The console ─────────────────────────────────────────────────────────────
def test_a_text_is_published_and_removed_in_the_console(client: Client) -> None:
    simulator = client.simulator
    tenant = simulator.control("GET", f"tenants/{DOMAIN}")["id"]
    address = f"{simulator.human_url}/console/tenants/{tenant}"
    form = client.http.get(f"{address}/publish-text", timeout=10)
    fields = form_of(form)[1] | {"name": f"p.{DOMAIN}", "text": "<typed>"}

    page = client.http.post(f"{address}/publish-text", data=fields, timeout=10)

    assert _texts(simulator, f"p.{DOMAIN}") == {"<typed>"}
    assert "&lt;typed&gt;" in page.text and f"port {simulator.dns_port}" in page.text
    removing = {**fields, "text": "<typed>"}
    client.http.post(f"{address}/remove-text", data=removing, timeout=10)
    assert _ask(simulator, f"p.{DOMAIN}").rcode() == Rcode.NXDOMAIN


def test_a_bad_day_of_the_name_server_begins_in_the_console(names: Simulator) -> None:
    browser = requests.Session()
    page = browser.get(f"{names.human_url}/console/faults", timeout=10)
    fields = form_of(page)[1] | {"target": "dns", "status": "SERVFAIL", "seconds": "60", "count": "1"}

    said = browser.post(f"{names.human_url}/console/faults", data=fields, timeout=10)

    assert "Name server: <strong>answers SERVFAIL</strong>" in said.text
    assert [_ask(names, DOMAIN).rcode().name for _ in range(2)] == ["SERVFAIL", "NOERROR"]
