from __future__ import annotations

import time
from typing import Any

import pytest

from accounts import resolver
from tests.name_server import NameServer, name_server

__all__ = ["name_server"]

NAME = "kestrel.example"


def soon(seconds: float = 5) -> float:
    return time.monotonic() + seconds


def test_texts_are_those_of_the_name_itself_each_in_one_piece(name_server: NameServer) -> None:
    name_server.publish(NAME, "TXT", "v=spf1 -all", 'one" "and two')
    name_server.publish(f"under.{NAME}", "TXT", "another")

    assert sorted(resolver.texts(NAME, until=soon())) == ["oneand two", "v=spf1 -all"]
    assert name_server.asked == [(NAME, "TXT")]


def test_more_than_a_datagram_holds_comes_by_tcp(name_server: NameServer) -> None:
    many = [f"{number:03} {'x' * 200}" for number in range(20)]
    name_server.publish(NAME, "TXT", *many)

    assert sorted(resolver.texts(NAME, until=soon())) == many
    assert name_server.streams == 1


def test_a_name_without_texts_is_not_a_name_that_is_unknown(name_server: NameServer) -> None:
    name_server.publish(NAME, "A", "192.0.2.1")

    assert resolver.texts(NAME, until=soon()) == []
    with pytest.raises(resolver.NoSuchName):
        resolver.texts("nobody.example", until=soon())


def test_what_stands_at_the_other_end_of_an_alias_is_not_the_names_own(name_server: NameServer) -> None:
    name_server.publish(NAME, "CNAME", "host.saas.example.")
    name_server.publish("host.saas.example", "TXT", "theirs")

    with pytest.raises(resolver.IsAlias) as alias:
        resolver.texts(NAME, until=soon())

    assert alias.value.target == "host.saas.example"


def test_addresses_are_of_both_kinds_and_follow_aliases(name_server: NameServer) -> None:
    name_server.publish(NAME, "CNAME", "host.saas.example.")
    name_server.publish("host.saas.example", "A", "192.0.2.1", "192.0.2.2")
    name_server.publish("host.saas.example", "AAAA", "2001:db8::1")

    found = [str(address) for address in resolver.addresses(NAME, until=soon())]

    assert sorted(found[:2]) == ["192.0.2.1", "192.0.2.2"]
    assert found[2:] == ["2001:db8::1"]


@pytest.mark.parametrize("trouble", ["SERVFAIL", "REFUSED", "NOTIMP", "FORMERR"])
def test_trouble_of_the_server_says_nothing_of_the_name(trouble: str, name_server: NameServer) -> None:
    name_server.troubles[NAME] = trouble

    for ask in (resolver.texts, resolver.addresses):
        with pytest.raises(resolver.Unanswered):
            ask(NAME, until=soon())


def test_silence_ends_in_time(name_server: NameServer) -> None:
    name_server.troubles[NAME] = "silence"
    begun = time.monotonic()

    with pytest.raises(resolver.Unanswered):
        resolver.texts(NAME, until=soon(0.5))
    with pytest.raises(resolver.Unanswered):
        resolver.texts(NAME, until=begun)

    assert time.monotonic() - begun < 1.5


def test_a_server_that_is_not_there_is_made_up_for_by_the_next(settings: Any, name_server: NameServer) -> None:
    settings.DNS_SERVERS = ["127.0.0.1:9", name_server.address]
    name_server.publish(NAME, "TXT", "found")

    assert resolver.texts(NAME, until=soon()) == ["found"]


@pytest.mark.parametrize(
    ("word", "server"),
    [
        ("192.0.2.53", ("192.0.2.53", 53)),
        ("192.0.2.53:5353", ("192.0.2.53", 5353)),
        ("2001:db8::53", ("2001:db8::53", 53)),
        ("[2001:db8::53]:5353", ("2001:db8::53", 5353)),
    ],
)
def test_a_server_is_an_address_and_perhaps_a_port(word: str, server: tuple[str, int], settings: Any) -> None:
    settings.DNS_SERVERS = [word]

    found = resolver.servers()[0]

    assert (found.address, found.port) == server
