"""The pure rules of signing in: addresses, step-up, new passwords."""

from __future__ import annotations

import json
import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from integrations.simulator.entra import addresses, password_rules, step_up
from integrations.simulator.entra.errors import Refused

REGISTERED = ["https://app.example/back", "http://localhost/back", "http://127.0.0.1:7000/other?x=1"]
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.sampled_from(["amr", "acrs", "values", "value", "x"]), inner),
    max_leaves=8,
)


@given(st.text())
def test_an_address_is_registered_letter_for_letter(uri: str) -> None:
    assert addresses.is_registered(uri, REGISTERED, on_any_port=False) == (uri in REGISTERED)


@given(st.sampled_from(REGISTERED), st.integers(0, 10**6), st.text(alphabet="abc/.:@?#", max_size=6))
def test_any_port_of_this_machine_is_one_port_only_and_nothing_else(uri: str, at: int, more: str) -> None:
    changed = uri[: at % len(uri)] + more + uri[at % len(uri) :]

    if addresses.is_registered(changed, REGISTERED, on_any_port=True):
        assert changed in REGISTERED or changed.startswith(("http://localhost:", "http://127.0.0.1:"))
        assert changed.endswith(("/back", "/other?x=1"))


@pytest.mark.parametrize("port", [0, 1, 8080, 65535])
def test_an_installed_application_may_take_any_port(port: int) -> None:
    assert addresses.is_registered(f"http://localhost:{port}/back", REGISTERED, on_any_port=True)
    assert addresses.is_registered(f"http://127.0.0.1:{port}/other?x=1", REGISTERED, on_any_port=True)
    assert not addresses.is_registered(f"https://app.example:{port}/back", REGISTERED, on_any_port=True)


@given(st.text() | JSON.map(json.dumps))
def test_claims_of_any_kind_are_read_or_refused(claims: str) -> None:
    try:
        step_up.demands_mfa(claims)
    except Refused as refused:
        assert refused.code == 9000410
        assert not _is_object(claims)
    else:
        assert not claims or _is_object(claims)


@given(JSON)
def test_an_authentication_context_always_demands_the_second_factor(about: object) -> None:
    assert step_up.demands_mfa(json.dumps({"id_token": {"acrs": about}}))
    assert not step_up.demands_mfa(json.dumps({"id_token": {"xms_cc": about}}))


@given(
    st.text(alphabet=string.ascii_letters + string.digits + string.punctuation, max_size=20),
    st.sampled_from(["", "Aa1", "Aa-", "a1-", "A1-"]),
)
def test_a_password_is_taken_with_eight_characters_of_three_kinds(start: str, kinds: str) -> None:
    new = kinds + start
    has = [any(character in kind for character in new) for kind in password_rules.KINDS]

    try:
        password_rules.check(new, current="Another-1", name="somebody-unlikely@open.example")
    except Refused as refused:
        assert refused.code == 120002
        assert len(new) < 8 or sum(has) < 3
    else:
        assert len(new) >= 8
        assert sum(has) >= 3


def _is_object(text: str) -> bool:
    try:
        return isinstance(json.loads(text), dict)
    except (ValueError, RecursionError):
        return False
