from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from accounts.domain_names import is_normal
from accounts.domain_rules import AT_ONCE, NotOurs, named_in, refusal


@pytest.mark.parametrize(
    ("typed", "named"),
    [
        ("kestrel.example", ["kestrel.example"]),
        ("kestrel.example, corvid.example", ["kestrel.example", "corvid.example"]),
        ("kestrel.example,corvid.example,", ["kestrel.example", "corvid.example"]),
        ("kestrel.example\ncorvid.example; heron.example", ["kestrel.example", "corvid.example", "heron.example"]),
        (" Kestrel.Example. , kestrel.example", ["kestrel.example"]),
        ("möwe.example", ["xn--mwe-sna.example"]),
        ("post.kestrel.example", ["post.kestrel.example"]),
        ("kestrel.onmicrosoft.com", ["kestrel.onmicrosoft.com"]),
        ("kestrel.github.io", ["kestrel.github.io"]),
        ("kestrel.co.uk", ["kestrel.co.uk"]),
    ],
)
def test_domains_are_read_as_people_list_them(typed: str, named: list[str]) -> None:
    assert named_in(typed) == named


@pytest.mark.parametrize(
    ("typed", "why"),
    [
        ("gmail.com", "“gmail.com” is a public mail provider’s domain"),
        ("OUTLOOK.com", "“outlook.com” is a public mail provider’s domain"),
        ("hotmail.co.uk", "public mail provider"),
        ("icloud.com", "public mail provider"),
        ("gmx.de", "public mail provider"),
        ("yahoo.co.jp", "public mail provider"),
        ("tutanota.com", "public mail provider"),
        ("daum.net", "public mail provider"),
        ("passmail.net", "public mail provider"),
        ("mail.skiff.com", "public mail provider"),
        ("privaterelay.appleid.com", "public mail provider"),
        ("redis.default.svc.cluster.local", "for use within a network"),
        ("db.internal", "“db.internal” is a name for use within a network"),
        ("router.lan", "for use within a network"),
        ("nas.home.arpa", "for use within a network"),
        ("1.0.10.in-addr.arpa", "for use within a network"),
        ("hidden.onion", "for use within a network"),
        ("mail.gmail.com", "“mail.gmail.com” is a public mail provider’s domain"),
        ("co.uk", "“co.uk” is a registry’s suffix"),
        ("github.io", "registry’s suffix"),
        ("рф", "not a whole domain"),
        ("com", "not a whole domain"),
        ("onmicrosoft.com", "shared by many organizations"),
        ("alice@kestrel.example", "is an address"),
        ("*.kestrel.example", "wildcard"),
        ("https://kestrel.example/", "is not a domain"),
        ("10.0.0.1", "not a whole domain"),
        ("[::1]", "is not a domain"),
        ("localhost", "not a whole domain"),
        ("", "Name at least one domain."),
        (" , ,", "Name at least one domain."),
    ],
)
def test_what_is_nobodys_own_is_refused_in_a_sentence(typed: str, why: str) -> None:
    with pytest.raises(NotOurs) as refused:
        named_in(typed)

    assert why in str(refused.value)


def test_each_that_is_wrong_is_named() -> None:
    with pytest.raises(NotOurs) as refused:
        named_in("kestrel.example, gmail.com, co.uk")

    assert [sentence.split("”")[0] for sentence in refused.value.sentences] == ["“gmail.com", "“co.uk"]


def test_there_is_an_end_to_a_list() -> None:
    many = ",".join(f"d{number}.example" for number in range(AT_ONCE + 1))

    assert len(named_in(many.rpartition(",")[0])) == AT_ONCE
    with pytest.raises(NotOurs, match="101 domains are too many"):
        named_in(many)


@given(st.text(max_size=60))
def test_whatever_is_typed_is_refused_or_canonical_and_somebodys(typed: str) -> None:
    try:
        found = named_in(typed)
    except NotOurs as refused:
        assert refused.sentences
        return

    assert found
    assert all(is_normal(domain) and not refusal(domain) for domain in found)


@given(
    st.sampled_from(["gmail.com", "web.de", "qq.com", "mail.ru", "proton.me"]),
    st.text("abcdefghij", min_size=1, max_size=10),
)
def test_what_is_under_a_public_mail_provider_is_refused_too(provider: str, label: str) -> None:
    assert "public mail provider" in refusal(f"{label}.{provider}")
