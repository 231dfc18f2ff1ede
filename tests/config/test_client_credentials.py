"""The credentials in the environment: two at most, each whole, and what is senseless is said at once."""

from __future__ import annotations

import tempfile
from datetime import UTC, datetime
from pathlib import Path

import environ
import pytest
from hypothesis import given
from hypothesis import strategies as st

from config import client_credentials
from config.environment import Reader
from tests.certificates import for_localhost
from tests.own_certificates import key_and_certificate

SECRET, CERTIFICATE = "MICROSOFT_CLIENT_SECRET", "MICROSOFT_CLIENT_CERTIFICATE"
EXPIRES = "MICROSOFT_CLIENT_SECRET_EXPIRES"
HIDDEN = "hunter2-in-a-secret"


def reader(**variables: str) -> Reader:
    env = environ.Env()
    env.ENVIRON = variables
    return Reader(env)


def complaints(**variables: str) -> list[str]:
    read = reader(**variables)
    client_credentials.check(read)
    return read.problems


@pytest.mark.parametrize(
    "given",
    [
        {SECRET: "a"},
        {CERTIFICATE: "a.pem"},
        {SECRET: "a", EXPIRES: "2027-05-31"},
        {SECRET: "a", f"{SECRET}_2": "b", f"{EXPIRES}_2": "2027-05-31"},
        {SECRET: "a", f"{CERTIFICATE}_2": "b.pem"},
        {CERTIFICATE: "a.pem", f"{SECRET}_2": "b"},
        {SECRET: "a", f"{SECRET}_2": " "},
    ],
)
def test_one_or_two_are_fine(given: dict[str, str]) -> None:
    assert complaints(**given) == []


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({}, f"Set either {SECRET} or {CERTIFICATE}, and not both."),
        ({SECRET: "a", CERTIFICATE: "a.pem"}, f"Set either {SECRET} or {CERTIFICATE}, and not both."),
        (
            {SECRET: "a", f"{SECRET}_2": "b", f"{CERTIFICATE}_2": "b.pem"},
            f"Set either {SECRET}_2 or {CERTIFICATE}_2, and not both.",
        ),
        ({f"{SECRET}_2": "b"}, f"{SECRET}_2 is for a second credential: name the first one {SECRET}."),
        (
            {f"{CERTIFICATE}_2": "b.pem"},
            f"{CERTIFICATE}_2 is for a second credential: name the first one {CERTIFICATE}.",
        ),
        ({SECRET: HIDDEN, f"{SECRET}_2": HIDDEN}, f"{SECRET}_2 is the same as {SECRET}"),
        ({CERTIFICATE: "a.pem", EXPIRES: "2027-05-31"}, f"{EXPIRES} is set, but {SECRET} is not."),
        ({SECRET: "a", f"{EXPIRES}_2": "2027-05-31"}, f"{EXPIRES}_2 is set, but {SECRET}_2 is not."),
        ({SECRET: "a", f"{SECRET}_2": "b", f"{SECRET}_3": HIDDEN}, f"{SECRET}_3 is not known"),
        ({SECRET: "a", "MICROSOFT_CLIENT_SECRET_2_EXPIRES": "2027-05-31"}, f"{SECRET}_2_EXPIRES is not known"),
    ],
)
def test_what_is_senseless_together_gives_one_sentence(given: dict[str, str], says: str) -> None:
    [said] = complaints(**given)

    assert said.startswith(says)
    assert HIDDEN not in said


# ── When it ends ────────────────────────────────────────────────────────────
@pytest.mark.parametrize(
    ("value", "found"),
    [
        ("", None),
        ("2027-05-31", datetime(2027, 5, 31, tzinfo=UTC)),
        ("2027-05-31T10:30:00+02:00", datetime(2027, 5, 31, 8, 30, tzinfo=UTC)),
    ],
)
def test_an_end_is_a_day_or_a_time(value: str, found: datetime | None) -> None:
    read = reader(END=value)

    assert (read.moment("END"), read.problems) == (found, [])


@pytest.mark.parametrize("value", ["5/31/2027", "next year", "2027-02-30", "20", "2027-05-31T25:00"])
def test_an_end_that_is_no_date_gives_one_sentence(value: str) -> None:
    read = reader(END=value)

    assert read.moment("END") is None
    assert read.problems == [f"END must be a date such as 2027-05-31, not “{value}”."]


@given(st.text().filter(lambda text: "\x00" not in text))
def test_no_text_makes_it_stumble(value: str) -> None:
    read = reader(END=value)

    found = read.moment("END")

    assert found is None or found.tzinfo is not None
    assert len(read.problems) <= 1


# ── Certificates ────────────────────────────────────────────────────────────
def said_of(path: Path) -> list[str]:
    read = reader(**{CERTIFICATE: str(path)})
    assert client_credentials.certificate(read, CERTIFICATE) == str(path)
    return read.problems


@pytest.mark.parametrize("key_first", [True, False])
@pytest.mark.parametrize("days", [200, -1])
def test_a_key_and_its_certificate_are_fine_even_expired(tmp_path: Path, days: int, key_first: bool) -> None:
    """Whether it has expired is told by the alarm: the other one may be good."""
    parts = key_and_certificate(days=days)
    (tmp_path / "portal.pem").write_bytes(b"".join(parts if key_first else reversed(parts)))

    assert said_of(tmp_path / "portal.pem") == []


def _key_alone() -> bytes:
    return key_and_certificate()[0]


def _certificate_alone() -> bytes:
    return key_and_certificate()[1]


def _of_two_pairs() -> bytes:
    return key_and_certificate()[0] + key_and_certificate()[1]


def _with_a_password() -> bytes:
    return b"".join(key_and_certificate(password=HIDDEN.encode()))


def _broken() -> bytes:
    key, certificate = key_and_certificate()
    return key.replace(b"M", b"!") + certificate


def _of_an_elliptic_curve() -> bytes:
    with tempfile.TemporaryDirectory() as place:
        return for_localhost(Path(place) / "portal.pem").read_bytes()


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (_key_alone, "must hold both a private key and its certificate"),
        (_certificate_alone, "must hold both a private key and its certificate"),
        (_of_two_pairs, "whose certificate is not of its private key"),
        (_with_a_password, "whose private key has a password"),
        (_of_an_elliptic_curve, "whose private key is not RSA"),
        (_broken, "which cannot be read as PEM"),
        (lambda: b"\xff\xfe nonsense", "which cannot be read as PEM"),
    ],
)
def test_a_file_that_is_no_credential_gives_one_sentence(tmp_path: Path, content: object, says: str) -> None:
    assert callable(content)
    (tmp_path / "portal.pem").write_bytes(content())

    [said] = said_of(tmp_path / "portal.pem")

    assert said.startswith(f"{CERTIFICATE} names {tmp_path / 'portal.pem'}, ")
    assert says in said
    assert "PRIVATE KEY" not in said


def test_one_that_is_not_there_gives_one_sentence(tmp_path: Path) -> None:
    assert said_of(tmp_path / "nowhere.pem") == [
        f"{CERTIFICATE} names a file that is not there: {tmp_path / 'nowhere.pem'}."
    ]
