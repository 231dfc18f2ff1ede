from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.core.cache import cache
from django.test import Client, RequestFactory

from accounts.models import User
from accounts.sign_in import guessing
from tests.cast import PASSWORD

SIGN_IN = "/auth/login/"
WRONG = "not this one"
TOO_OFTEN = "That was wrong too often. Wait fifteen minutes, then try again."
COOKIE = "meridian-browser"


def sign_in(client: Client, email: str, password: str = PASSWORD, *, at: str = "198.51.100.7", **more: Any) -> str:
    answer = client.post(SIGN_IN, {"login": email, "password": password}, REMOTE_ADDR=at, **more)
    return str(answer.content.decode())


def guess(email: str, times: int, *, at: str = "203.0.113.9") -> str:
    page = ""
    for _ in range(times):
        page = sign_in(Client(), email, WRONG, at=at)
    return page


def is_in(client: Client, person: User) -> bool:
    return bool(client.session.get("_auth_user_id") == str(person.pk))


def tell_apart(person: User, counted: int, *, at: str) -> None:
    """As if so many had failed from that address already, without waiting for each password to be hashed."""
    request = RequestFactory().get("/", REMOTE_ADDR=at)
    for counter in guessing.counters_of(request, person.email):
        if counter.limit == guessing.PER_ADDRESS:
            cache.set(counter.key, counted, 900)


def test_five_guesses_are_all_a_stranger_has(alice: User) -> None:
    first = guess(alice.email, 5)
    browser = Client()

    sixth = sign_in(browser, alice.email, at="203.0.113.9")

    assert "do not belong together" in first
    assert TOO_OFTEN in sixth
    assert alice.email in sixth
    assert not is_in(browser, alice)


def test_guessing_from_many_addresses_is_guessing_all_the_same(alice: User) -> None:
    for n in range(5):
        guess(alice.email, 1, at=f"203.0.113.{n}")

    assert TOO_OFTEN in sign_in(Client(), alice.email, at="203.0.113.77")


def test_how_the_address_is_written_makes_no_difference(alice: User) -> None:
    for written in (
        "Alice@kestrel.example",
        "ALICE@KESTREL.EXAMPLE",
        " alice@kestrel.example",
        "aLice@kestrel.example",
    ):
        sign_in(Client(), written, WRONG)
    guess(alice.email, 1)

    assert TOO_OFTEN in sign_in(Client(), alice.email)


def test_whose_password_is_guessed_goes_on_in_a_browser_used_before(alice: User) -> None:
    used_before = Client()
    sign_in(used_before, alice.email)
    used_before.post("/auth/logout/")
    guess(alice.email, 6)

    sign_in(used_before, alice.email)

    assert is_in(used_before, alice)


def test_not_even_from_the_address_of_whoever_guesses_is_a_known_browser_kept_out(alice: User) -> None:
    used_before = Client()
    sign_in(used_before, alice.email)
    used_before.post("/auth/logout/")
    tell_apart(alice, guessing.PER_ADDRESS, at="203.0.113.9")

    sign_in(used_before, alice.email, at="203.0.113.9")

    assert is_in(used_before, alice)


def test_a_known_browser_has_five_tries_as_well(alice: User) -> None:
    used_before = Client()
    sign_in(used_before, alice.email)
    used_before.post("/auth/logout/")
    for _ in range(5):
        sign_in(used_before, alice.email, WRONG)

    assert TOO_OFTEN in sign_in(used_before, alice.email)
    # And takes nothing from the others.
    another = Client()
    sign_in(another, alice.email)
    assert is_in(another, alice)


def test_the_browser_of_one_is_a_stranger_for_another(alice: User, bob: User) -> None:
    bobs = Client()
    sign_in(bobs, bob.email)
    bobs.post("/auth/logout/")
    guess(alice.email, 5)

    assert TOO_OFTEN in sign_in(bobs, alice.email)


def test_a_made_up_cookie_is_worth_nothing(alice: User) -> None:
    guess(alice.email, 5)
    forger = Client()
    forger.cookies[COOKIE] = "eyJhIjoiYiJ9:1abc:forged"

    assert TOO_OFTEN in sign_in(forger, alice.email)


def test_signing_in_elsewhere_gives_whoever_guesses_no_new_tries(alice: User) -> None:
    used_before = Client()
    sign_in(used_before, alice.email)
    used_before.post("/auth/logout/")
    guess(alice.email, 5)

    sign_in(used_before, alice.email)

    assert TOO_OFTEN in guess(alice.email, 1)


def test_somebody_locked_out_does_not_lock_out_the_others(alice: User, bob: User) -> None:
    guess(alice.email, 6)
    browser = Client()

    sign_in(browser, bob.email, at="203.0.113.9")

    assert is_in(browser, bob)


def test_an_address_that_tries_many_people_is_stopped(alice: User, bob: User) -> None:
    tell_apart(alice, guessing.PER_ADDRESS - 1, at="203.0.113.9")
    guess("somebody@kestrel.example", 1)

    assert TOO_OFTEN in sign_in(Client(), bob.email, at="203.0.113.9")
    elsewhere = Client()
    sign_in(elsewhere, bob.email, at="198.51.100.7")
    assert is_in(elsewhere, bob)


def test_after_a_while_it_is_forgotten(alice: User, settings: Any) -> None:
    settings.AXES_COOLOFF_TIME = timedelta(seconds=0)
    guess(alice.email, 6)
    browser = Client()

    sign_in(browser, alice.email)

    assert is_in(browser, alice)


def test_an_address_nobody_has_is_answered_alike(alice: User) -> None:
    known, unknown = guess(alice.email, 6), guess("nobody@kestrel.example", 6, at="203.0.113.10")

    assert TOO_OFTEN in known
    assert TOO_OFTEN in unknown


@pytest.mark.parametrize(
    ("behind_proxy", "passed_on", "expected"),
    [
        (False, "192.0.2.1", "203.0.113.9"),  # anybody can write a header
        (True, "192.0.2.1, 198.51.100.7", "198.51.100.7"),
        (True, "", "203.0.113.9"),
    ],
)
def test_whose_address_counts(
    rf: RequestFactory, settings: Any, behind_proxy: bool, passed_on: str, expected: str
) -> None:
    settings.BEHIND_PROXY = behind_proxy
    request = rf.get("/", REMOTE_ADDR="203.0.113.9", HTTP_X_FORWARDED_FOR=passed_on)

    assert guessing.client_address(request) == expected


def test_asking_who_it_is_counts_as_well(alice: User) -> None:
    inside = Client()
    inside.force_login(alice)
    for _ in range(5):
        inside.post("/auth/reauthenticate/", {"password": WRONG, "next": "/profile/"})

    page = inside.post("/auth/reauthenticate/", {"password": PASSWORD, "next": "/profile/"}).content.decode()

    assert TOO_OFTEN in page


def test_the_cookie_names_nobody_and_is_out_of_reach_of_scripts(client: Client, alice: User) -> None:
    sign_in(client, alice.email)

    cookie = client.cookies[COOKIE]
    assert cookie["httponly"]
    assert cookie["samesite"] == "Lax"
    assert "alice" not in cookie.value


def test_a_browser_keeps_the_last_five_people(client: Client, alice: User) -> None:
    known: dict[str, str] = {}
    for n in range(7):
        known = guessing._with(known, f"person{n}@kestrel.example")

    assert len(known) == guessing.PEOPLE_OF_A_BROWSER
    assert guessing._with(known, "person6@kestrel.example") == known


def test_the_session_is_another_one_after_signing_in(client: Client, alice: User) -> None:
    client.post("/auth/password/reset/", {"email": "nobody@kestrel.example"})
    session = client.session
    session["planted"] = "by somebody else"
    session.save()
    before = str(session.session_key)

    client.cookies["meridian"] = before
    sign_in(client, alice.email)

    assert is_in(client, alice)
    assert client.session.session_key != before


def test_no_log_names_anybody(alice: User, caplog: pytest.LogCaptureFixture) -> None:
    guess(alice.email, 6)

    assert "kestrel" not in caplog.text.lower()
    assert "203.0.113.9" not in caplog.text
