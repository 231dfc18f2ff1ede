from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
from allauth.account.models import EmailAddress
from django.core.mail import EmailMessage
from django.test import Client

from accounts.models import AuditEntry, User
from tests.cast import PASSWORD

ADDRESS = "/auth/email/"
NEW = "alice.adams@kestrel.example"


@pytest.fixture
def signed_in(client: Client, alice: User) -> Client:
    client.force_login(alice)
    return client


@pytest.fixture
def ask(signed_in: Client, letters: Callable[[], Any]) -> Callable[[str], Any]:
    """Ask for another address, and say the password once more when asked for it."""

    def ask(email: str) -> Any:
        with letters():
            really = signed_in.post(ADDRESS, {"action_add": "1", "email": email}, follow=True)
            again = re.search(r'name="next" value="([^"]+)"', really.content.decode())
            assert again
            return signed_in.post("/auth/reauthenticate/", {"password": PASSWORD, "next": again[1]}, follow=True)

    return ask


def link_in(letter: EmailMessage) -> str:
    found = re.search(r"http://localhost(/auth/confirm-email/\S+)", str(letter.body))
    assert found, letter.body
    return found[1]


def changes() -> list[AuditEntry]:
    return list(AuditEntry.objects.filter(action="person.address_changed"))


def test_a_stranger_is_taken_to_sign_in(client: Client, db: None) -> None:
    assert client.get(ADDRESS)["Location"] == f"/auth/login/?next={ADDRESS}"


def test_nothing_changes_until_the_link_is_followed(
    alice: User, ask: Callable[[str], Any], mailoutbox: list[EmailMessage]
) -> None:
    page = ask(NEW).content.decode()

    alice.refresh_from_db()
    assert alice.email == "alice@kestrel.example"
    assert f"Follow the link we sent to <strong>{NEW}</strong>" in page
    assert mailoutbox[0].to == [NEW]
    assert changes() == []


def test_the_link_changes_the_address_and_records_it(
    signed_in: Client,
    alice: User,
    ask: Callable[[str], Any],
    letters: Callable[[], Any],
    mailoutbox: list[EmailMessage],
) -> None:
    ask(NEW)
    link = link_in(mailoutbox[0])
    looked = signed_in.get(link).content.decode()
    with letters():
        signed_in.post(link)

    alice.refresh_from_db()
    assert "Confirm this address" in looked
    assert alice.email == NEW
    assert [(entry.before, entry.after) for entry in changes()] == [
        ({"email": "alice@kestrel.example"}, {"email": NEW})
    ]
    assert mailoutbox[-1].to == ["alice@kestrel.example"]
    assert NEW in str(mailoutbox[-1].body)


def test_the_new_address_is_the_one_to_sign_in_with(
    signed_in: Client, alice: User, ask: Callable[[str], Any], mailoutbox: list[EmailMessage]
) -> None:
    ask(NEW)
    signed_in.post(link_in(mailoutbox[0]))
    old, new = Client(), Client()

    old.post("/auth/login/", {"login": "alice@kestrel.example", "password": PASSWORD})
    new.post("/auth/login/", {"login": NEW, "password": PASSWORD})

    assert "_auth_user_id" not in old.session
    assert new.session["_auth_user_id"] == str(alice.pk)


def test_a_link_alone_changes_nothing_before_it_is_confirmed(
    alice: User, ask: Callable[[str], Any], mailoutbox: list[EmailMessage]
) -> None:
    ask(NEW)

    Client().get(link_in(mailoutbox[0]))

    alice.refresh_from_db()
    assert alice.email == "alice@kestrel.example"


def test_an_address_somebody_took_meanwhile_is_refused(
    signed_in: Client,
    alice: User,
    ask: Callable[[str], Any],
    mailoutbox: list[EmailMessage],
) -> None:
    ask("bob@kestrel.example")
    # Invited: nothing is confirmed yet.
    User.objects.create(account=alice.account, name="Bob", email="bob@kestrel.example")

    signed_in.post(link_in(mailoutbox[0]))

    alice.refresh_from_db()
    assert alice.email == "alice@kestrel.example"
    assert "it cannot be yours" in signed_in.get(ADDRESS).content.decode()
    assert changes() == []


def test_keeping_the_old_address_makes_the_link_useless(
    signed_in: Client, alice: User, ask: Callable[[str], Any], mailoutbox: list[EmailMessage]
) -> None:
    ask(NEW)

    signed_in.post(ADDRESS, {"action_remove": "1", "email": NEW})

    assert "This link no longer works" in signed_in.get(link_in(mailoutbox[0])).content.decode()


def test_it_asks_for_the_password_again_first(signed_in: Client, alice: User) -> None:
    asked = signed_in.post(ADDRESS, {"action_add": "1", "email": NEW})
    page = signed_in.get(asked["Location"]).content.decode()
    wrong = signed_in.post(asked["Location"], {"password": "not this one"}).content.decode()

    assert asked["Location"].startswith("/auth/reauthenticate/")
    assert "Is it really you?" in page
    assert "That is not your password." in wrong
    assert not EmailAddress.objects.filter(email=NEW).exists()


def test_an_address_no_letter_can_carry_is_refused_in_words(signed_in: Client) -> None:
    page = signed_in.post(ADDRESS, {"action_add": "1", "email": f"a@{'ü' * 60}.example"}).content.decode()

    assert "No mail can be sent to this address." in page
    assert EmailAddress.objects.count() == 1
