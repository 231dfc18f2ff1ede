"""What is taken as the metadata of a provider, and what is said of the rest."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from django.core.exceptions import ValidationError
from hypothesis import given
from hypothesis import strategies as st

from accounts.single_sign_on import saml_metadata
from tests.saml_provider import ISSUER, SIGN_IN, SamlProvider

NOW = datetime.now(UTC)
DIRECTORY = SamlProvider()
XML = DIRECTORY.metadata()


def wrong(xml: bytes) -> str:
    with pytest.raises(ValidationError) as found:
        saml_metadata.parse(xml, now=NOW)
    return " ".join(found.value.messages)


def test_what_counts_is_read() -> None:
    found = saml_metadata.parse(XML, now=NOW)

    assert (found.issuer, found.sign_in_url) == (ISSUER, SIGN_IN)
    assert found.certificates == (DIRECTORY.certificate.decode(),)


def test_keys_that_encrypt_sign_nothing() -> None:
    assert "no certificate" in wrong(DIRECTORY.metadata(use='use="encryption"'))
    assert saml_metadata.parse(DIRECTORY.metadata(use='use="signing"'), now=NOW).certificates


def test_one_of_many_is_found_and_two_are_too_many() -> None:
    one = XML.decode()
    two = SamlProvider().metadata(issuer="https://other.example").decode()
    around = '<EntitiesDescriptor xmlns="urn:oasis:names:tc:SAML:2.0:metadata">{}</EntitiesDescriptor>'

    assert saml_metadata.parse(around.format(one).encode(), now=NOW).issuer == ISSUER
    assert "2 identity providers" in wrong(around.format(one + two).encode())


@pytest.mark.parametrize(
    ("xml", "words"),
    [
        (b"", "empty"),
        (b"  \n", "empty"),
        (b"{}", "no XML"),
        (b"<!DOCTYPE html><html></html>", "a web page"),
        (XML[:-30], "no XML"),
        (b"<a/>", "IDPSSODescriptor"),
        (b" " * (saml_metadata.MAX_BYTES + 1), "larger than 1 MB"),
        (b'<!DOCTYPE a [<!ENTITY b "c">]>' + XML, "no XML"),
        (DIRECTORY.metadata(binding="urn:oasis:names:tc:SAML:2.0:bindings:HTTP-POST"), "HTTP-Redirect"),
        (DIRECTORY.metadata(sign_in="http://directory.kestrel.example/"), "https://"),
        (DIRECTORY.metadata(sign_in="javascript:alert(1)"), "https://"),
        (DIRECTORY.metadata(sign_in="https://d.example/" + "x" * 1000), "1000 characters"),
        (DIRECTORY.metadata(issuer=""), "entity ID"),
        (DIRECTORY.metadata(issuer="x" * 501), "entity ID"),
        (DIRECTORY.metadata(certificate="nonsense"), "none that can be used"),
        (DIRECTORY.metadata(certificate=""), "certificate"),
        (SamlProvider(days=-1).metadata(), "has expired on"),
        (DIRECTORY.metadata(more='validUntil="2020-01-01T00:00:00Z"'), "good until 2020-01-01"),
    ],
)
def test_what_is_wrong_is_said(xml: bytes, words: str) -> None:
    assert words in wrong(xml)


def test_metadata_that_is_good_for_long_is_good() -> None:
    until = f"{NOW + timedelta(days=5):%Y-%m-%dT%H:%M:%SZ}"

    assert saml_metadata.parse(DIRECTORY.metadata(more=f'validUntil="{until}"'), now=NOW).issuer == ISSUER


@pytest.mark.parametrize("address", ["http://d.example/", "ftp://d.example", "", "https://", "x" * 2000])
def test_only_addresses_by_tls_are_read(address: str) -> None:
    with pytest.raises(ValidationError):
        saml_metadata.read_url(address)


@given(st.binary(max_size=200) | st.integers(0, len(XML)).map(lambda at: XML[:at] + b"<" + XML[at:]))
def test_nothing_but_words_comes_of_nonsense(xml: bytes) -> None:
    try:
        saml_metadata.parse(xml, now=NOW)
    except ValidationError as problem:
        assert problem.messages
