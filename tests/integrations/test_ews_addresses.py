"""EWS addresses: what people type, the one form they are kept in, and what is refused."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from integrations.ews_addresses import NotAnAddress, canonical, host_of, is_canonical, origin_of
from integrations.exchange import typed

USUAL = "https://mail.kestrel.example/EWS/Exchange.asmx"


@pytest.mark.parametrize(
    ("typed", "kept"),
    [
        ("", ""),
        ("   ", ""),
        (USUAL, USUAL),
        (f"  {USUAL}  ", USUAL),
        ("HTTPS://Mail.Kestrel.Example/EWS/Exchange.asmx", USUAL),
        ("https://mail.kestrel.example:443/EWS/Exchange.asmx", USUAL),
        ("https://mail.kestrel.example./EWS/Exchange.asmx", USUAL),
        ("mail.kestrel.example", USUAL),
        ("https://mail.kestrel.example", USUAL),
        ("https://mail.kestrel.example/", USUAL),
        ("https://mail.kestrel.example:8443/ews/exchange.asmx", "https://mail.kestrel.example:8443/ews/exchange.asmx"),
        ("https://möwe.example", "https://xn--mwe-sna.example/EWS/Exchange.asmx"),
        ("https://192.0.2.7", "https://192.0.2.7/EWS/Exchange.asmx"),
        ("https://[2001:DB8::0007]", "https://[2001:db8::7]/EWS/Exchange.asmx"),
        ("https://localhost:8444", "https://localhost:8444/EWS/Exchange.asmx"),
        ("https://mail.kestrel.example/Büro/EWS", "https://mail.kestrel.example/B%C3%BCro/EWS"),
    ],
)
def test_one_form_for_whatever_is_typed(typed: str, kept: str) -> None:
    assert canonical(typed) == kept
    assert is_canonical(kept)


@pytest.mark.parametrize(
    ("typed", "why"),
    [
        ("http://mail.kestrel.example/EWS/Exchange.asmx", "begins with https://"),
        ("ftp://mail.kestrel.example", "begins with https://"),
        ("javascript://mail.kestrel.example", "begins with https://"),
        ("https://noor:secret@mail.kestrel.example", "Leave the user name and password out"),
        ("https://@mail.kestrel.example", "Leave the user name and password out"),
        (f"{USUAL}#top", "ends with its path"),
        (f"{USUAL}?wsdl", "ends with its path"),
        (f"{USUAL}#", "ends with its path"),
        ("https:///EWS/Exchange.asmx", "names no server"),
        ("https://exchange01/EWS/Exchange.asmx", "name the server in full"),
        ("https://mail_server.kestrel.example*", "name the server in full"),
        ("https://mail.kestrel.example:0", "Port 0"),
        ("https://mail.kestrel.example:70000", "not an address"),
        ("https://mail.kestrel.example:twelve", "not an address"),
        ("https://[::1", "not an address"),
        ("https://mail.kestrel.example\\@evil.example", "no spaces and no backslashes"),
        ("https://mail.kestrel.example/a b", "no spaces and no backslashes"),
        ("https://mail.kestrel.example/\x00", "no spaces and no backslashes"),
        (f"https://mail.kestrel.example/{'a' * 400}", "at most 300"),
        (f"https://mail.kestrel.example/{'ü' * 100}", "at most 300"),
    ],
)
def test_what_is_refused_is_refused_in_words(typed: str, why: str) -> None:
    with pytest.raises(NotAnAddress, match=why):
        canonical(typed)


def test_another_port_needs_the_operators_leave() -> None:
    address = "https://mail.kestrel.example:8444/EWS/Exchange.asmx"

    assert canonical(address, ports=[8444]) == address
    assert canonical(USUAL, ports=[8444]) == USUAL
    with pytest.raises(NotAnAddress, match=r"^Port 8444 is not allowed in an EWS URL here\. Use 443 or 9443\.$"):
        canonical(address, ports=[9443])


def test_what_people_read_of_it() -> None:
    assert host_of("https://mail.kestrel.example:8444/EWS/Exchange.asmx") == "mail.kestrel.example:8444"
    assert origin_of(USUAL) == "https://mail.kestrel.example"


@given(st.one_of(st.text(max_size=60), st.text(max_size=40).map(lambda text: f"https://mail.kestrel.example{text}")))
def test_whatever_passes_is_in_its_last_form_and_leads_to_one_host(typed: str) -> None:
    try:
        kept = canonical(typed)
    except NotAnAddress:
        return

    assert canonical(kept) == kept
    assert kept == "" or (kept.startswith("https://") and kept.isascii() and len(kept) <= 300)


@pytest.mark.parametrize(
    "said",
    [
        "https://outlook.office365.com/ews/exchange.asmx",
        "https://outlook.office365.com/EWS/Exchange.asmx/",
        "https://OUTLOOK.office.com/EWS/Exchange.asmx",
        "outlook.office365.com",
    ],
)
def test_microsofts_own_is_nobodys_server_however_it_is_spelled(said: str) -> None:
    assert typed.address(said) == ""
