"""Domains: one canonical form however they are typed, compared exactly, shown as people write them."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from accounts import domain_names
from accounts.cascade import declare
from accounts.cascade.declare import BadValue
from accounts.domain_names import NotADomain, domain_of, listed, normal, shown
from integrations.domains import MOST, DomainRule
from integrations.preferences import Integrations

SETTING = declare.setting_of(Integrations, "domains")
letters = st.text(st.sampled_from("abcdefghijklmnopqrstuvwxyz0123456789öéñдя中ßσ"), min_size=1, max_size=10)
tops = st.sampled_from(["example", "com", "рф", "test"])
typed_domains = st.builds(lambda labels, top: ".".join([*labels, top]), st.lists(letters, min_size=1, max_size=4), tops)


# ── The canonical form ──────────────────────────────────────────────────────
@pytest.mark.parametrize(
    ("typed", "canonical"),
    [
        ("kestrel.example", "kestrel.example"),
        ("KESTREL.Example", "kestrel.example"),
        ("  kestrel.example\t", "kestrel.example"),
        ("kestrel.example.", "kestrel.example"),
        ("möwe.example", "xn--mwe-sna.example"),
        ("MÖWE.example", "xn--mwe-sna.example"),
        ("mo\u0308we.example", "xn--mwe-sna.example"),
        ("xn--mwe-sna.example", "xn--mwe-sna.example"),
        ("XN--MWE-SNA.EXAMPLE.", "xn--mwe-sna.example"),
        ("kestrel。example", "kestrel.example"),
        ("ｋestrel.example", "kestrel.example"),
        ("straße.example", "xn--strae-oqa.example"),
        ("eu.kestrel.example", "eu.kestrel.example"),
        ("a.xn--p1ai", "a.xn--p1ai"),
        ("1und1.example", "1und1.example"),
        (f"{'a' * 63}.example", f"{'a' * 63}.example"),
    ],
)
def test_one_form_however_it_is_typed(typed: str, canonical: str) -> None:
    assert normal(typed) == canonical


@pytest.mark.parametrize(
    "typed",
    [
        "",
        ".",
        "kestrel",
        "localhost.",
        "kestrel..example",
        ".kestrel.example",
        "kestrel.example..",
        "-kestrel.example",
        "kestrel-.example",
        "ke_strel.example",
        "ke strel.example",
        "*.kestrel.example",
        "dana@kestrel.example",
        "@kestrel.example",
        "http://kestrel.example",
        "kestrel.example/mail",
        "kestrel.example:443",
        "10.0.0.1",
        "[::1]",
        "xn--zzzz.example",
        "xn--.example",
        "☃.example",
        "\u200d.example",
        "kestrel\x00.example",
        f"{'a' * 64}.example",
        ".".join(["a" * 60] * 5),
        "ö" * 5000,
    ],
)
def test_what_is_no_whole_domain_is_refused_by_name(typed: str) -> None:
    with pytest.raises(NotADomain) as refused:
        normal(typed)

    said = str(refused.value)
    assert said.startswith("“")
    assert said.endswith(".")
    assert len(said) < 1200
    assert said.isprintable()


@pytest.mark.parametrize(
    ("typed", "hint"),
    [("dana@kestrel.example", "behind the @"), ("*.kestrel.example", "wildcard"), ("kestrel", "whole")],
)
def test_a_refusal_says_what_to_do(typed: str, hint: str) -> None:
    with pytest.raises(NotADomain, match=hint):
        normal(typed)


@given(typed_domains)
@example("möwe.example")
def test_normal_is_canonical_and_reading_it_back_changes_nothing(typed: str) -> None:
    found = normal(typed)

    assert normal(found) == found
    assert normal(shown(found)) == found
    assert normal(f" {typed.upper()}. ") == normal(typed.upper())
    assert found.isascii()
    assert found == found.lower()


@given(st.text(max_size=80))
def test_any_text_is_a_domain_or_a_named_error(typed: str) -> None:
    try:
        found = normal(typed)
    except NotADomain:
        return

    assert normal(found) == found
    assert len(found.split(".")) > 1 and len(found) <= domain_names.LONGEST
    assert all(0 < len(label) <= 63 for label in found.split("."))


def test_people_read_what_they_would_write() -> None:
    assert shown("xn--mwe-sna.example") == "möwe.example"
    assert shown("kestrel.example") == "kestrel.example"
    assert shown("no domain at all") == "no domain at all"


# ── Of an address ───────────────────────────────────────────────────────────
@pytest.mark.parametrize(
    ("address", "domain"),
    [
        ("dana@kestrel.example", "kestrel.example"),
        ("Dana@KESTREL.example", "kestrel.example"),
        ("dana@möwe.example", "xn--mwe-sna.example"),
        ("erin_partner.example#EXT#@kestrel.example", "kestrel.example"),
        ('"a@b"@kestrel.example', "kestrel.example"),
        ("", ""),
    ],
)
def test_the_domain_of_an_address(address: str, domain: str) -> None:
    assert domain_of(address) == domain


@given(st.text(min_size=1), st.lists(typed_domains, min_size=1, max_size=3))
def test_an_address_without_a_domain_is_of_none_that_can_be_listed(text: str, allowed: list[str]) -> None:
    rule = DomainRule(is_on=True, domains=tuple(sorted({normal(one) for one in allowed})))

    if domain_of(text) and rule.allows(domain_of(text)):
        assert normal(text.rpartition("@")[2]) in rule.domains


# ── The rule ────────────────────────────────────────────────────────────────
ONLY = DomainRule(is_on=True, domains=("kestrel.example", "xn--mwe-sna.example"))


@pytest.mark.parametrize(
    ("domain", "allowed"),
    [
        ("kestrel.example", True),
        ("xn--mwe-sna.example", True),
        ("eu.kestrel.example", False),
        ("example", False),
        ("notkestrel.example", False),
        ("kestrel.example.com", False),
        ("", True),
    ],
)
def test_only_exactly_what_is_listed_is_allowed(domain: str, allowed: bool) -> None:
    assert ONLY.allows(domain) is allowed


@given(typed_domains)
def test_turned_off_it_allows_everything_whatever_is_listed(domain: str) -> None:
    assert DomainRule(is_on=False, domains=ONLY.domains).allows(normal(domain))


@pytest.mark.parametrize(
    "raw",
    [
        {"is_on": True, "domains": []},
        {"is_on": False, "domains": ["Kestrel.example"]},
        {"is_on": False, "domains": ["möwe.example"]},
        {"is_on": True, "domains": ["b.example", "a.example"]},
        {"is_on": True, "domains": ["a.example", "a.example"]},
        {"is_on": True, "domains": ["kestrel"]},
        {"is_on": True, "domains": [f"d{number:03}.example" for number in range(MOST + 1)]},
        {"is_on": True, "domains": "kestrel.example"},
        {"is_on": 1, "domains": ["kestrel.example"]},
    ],
)
def test_what_is_stored_wrongly_is_refused_when_it_is_read(raw: object) -> None:
    with pytest.raises(BadValue, match=r"integrations\.domains"):
        SETTING.from_json(raw)


def test_as_many_as_are_allowed_can_be_stored() -> None:
    rule = DomainRule(is_on=True, domains=tuple(f"d{number:03}.example" for number in range(MOST)))

    assert SETTING.from_json(SETTING.to_json(rule)) == rule


def test_turned_off_the_list_may_be_empty_or_kept() -> None:
    assert DomainRule() == DomainRule(is_on=False, domains=())
    assert DomainRule(is_on=False, domains=ONLY.domains).domains == ONLY.domains


# ── In words ────────────────────────────────────────────────────────────────
@pytest.mark.parametrize(
    ("count", "words"),
    [
        (1, "a.example"),
        (2, "a.example and b.example"),
        (3, "a.example, b.example and c.example"),
        (5, "a.example, b.example, c.example, d.example and e.example"),
        (6, "a.example, b.example, c.example, d.example, e.example and 1 more"),
        (17, "a.example, b.example, c.example, d.example, e.example and 12 more"),
    ],
)
def test_long_lists_are_shortened(count: int, words: str) -> None:
    assert listed(tuple(f"{chr(97 + number)}.example" for number in range(count))) == words


def test_the_page_says_which_accounts_are_allowed() -> None:
    assert SETTING.say(ONLY) == "Only kestrel.example and möwe.example"
    assert SETTING.say(DomainRule()) == "Off"
