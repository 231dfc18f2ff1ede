"""Secrets at rest."""

from __future__ import annotations

import base64
import secrets
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from accounts.vault import CannotOpen, open_sealed, seal

PLACE = "integrations_connection:refresh_token:7"
places = st.text(max_size=30)


@given(st.text(), places)
def test_what_was_sealed_for_a_place_opens_there(secret: str, place: str) -> None:
    assert open_sealed(seal(secret, bound_to=place), bound_to=place) == secret


@given(st.text(min_size=8), places, places)
def test_it_does_not_open_anywhere_else(secret: str, place: str, elsewhere: str) -> None:
    if place == elsewhere:
        return

    with pytest.raises(CannotOpen):
        open_sealed(seal(secret, bound_to=place), bound_to=elsewhere)


@given(st.text(alphabet="abcdefgh", min_size=12))
def test_the_secret_is_not_in_the_ciphertext(secret: str) -> None:
    sealed = seal(secret, bound_to=PLACE)

    assert secret not in sealed
    assert base64.urlsafe_b64encode(secret.encode()).decode().rstrip("=") not in sealed


def test_the_same_secret_is_never_sealed_the_same_way() -> None:
    assert len({seal("once", bound_to=PLACE) for _ in range(50)}) == 50


@given(st.data())
def test_damage_is_noticed(data: st.DataObject) -> None:
    sealed = seal("a token", bound_to=PLACE)
    at = data.draw(st.integers(0, len(sealed) - 1))
    replacement = data.draw(st.characters(codec="utf-8"))
    cut = data.draw(st.integers(0, 3))

    damaged = sealed[:at] + replacement + sealed[at + cut :]

    # Base64 has more than one spelling for the same bytes; another secret never comes out.
    try:
        assert open_sealed(damaged, bound_to=PLACE) == "a token"
    except CannotOpen:
        return


@given(st.binary(min_size=1, max_size=3), st.data())
def test_every_changed_byte_is_noticed(noise: bytes, data: st.DataObject) -> None:
    version, key_id, encoded = seal("a token", bound_to=PLACE).split(".")
    raw = bytearray(base64.urlsafe_b64decode(encoded))
    at = data.draw(st.integers(0, len(raw) - 1))
    raw[at] ^= noise[0] or 1

    with pytest.raises(CannotOpen):
        open_sealed(f"{version}.{key_id}.{base64.urlsafe_b64encode(raw).decode()}", bound_to=PLACE)


@given(st.text() | st.from_regex(r"\Av1\.(new|old)\..*\Z"))
def test_anything_else_is_refused_and_nothing_else_is_raised(junk: str) -> None:
    with pytest.raises(CannotOpen):
        open_sealed(junk, bound_to=PLACE)


def test_the_refusal_names_the_place_and_not_what_is_in_it() -> None:
    sealed = seal("top-secret-token", bound_to="elsewhere")

    with pytest.raises(CannotOpen) as refused:
        open_sealed(sealed, bound_to=PLACE)

    assert PLACE in str(refused.value)
    assert sealed.split(".")[2] not in str(refused.value)


def test_another_key_under_the_same_name_does_not_open(settings: Any) -> None:
    sealed = seal("a token", bound_to=PLACE)
    settings.TOKEN_KEYS = dict.fromkeys(settings.TOKEN_KEYS, secrets.token_bytes(32))

    with pytest.raises(CannotOpen):
        open_sealed(sealed, bound_to=PLACE)


def test_a_key_that_was_taken_away_is_named(settings: Any) -> None:
    settings.TOKEN_KEYS = {"gone": secrets.token_bytes(32)}
    sealed = seal("a token", bound_to=PLACE)
    settings.TOKEN_KEYS = {"here": secrets.token_bytes(32)}

    with pytest.raises(CannotOpen, match="'gone'"):
        open_sealed(sealed, bound_to=PLACE)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.integers(1, 5))
def test_after_each_rotation_the_newest_seals_and_all_older_open(settings: Any, rotations: int) -> None:
    """A new key goes to the front of TOKEN_KEYS; what older ones have sealed stays readable until they are gone."""
    keys: dict[str, bytes] = {}
    sealed: dict[str, str] = {}
    for number in range(rotations):
        name = f"k{number}"
        keys = {name: secrets.token_bytes(32), **keys}
        settings.TOKEN_KEYS = keys
        sealed[name] = seal(f"sealed in {name}", bound_to=PLACE)

    for name, ciphertext in sealed.items():
        assert ciphertext.split(".")[1] == name
        assert open_sealed(ciphertext, bound_to=PLACE) == f"sealed in {name}"
