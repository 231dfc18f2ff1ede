from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
from django.core.mail import EmailMessage
from django.test import Client

from accounts.models import AuditEntry, User
from tests.cast import PASSWORD

NEW = "quite another long one"


@pytest.fixture
def ask(client: Client, letters: Callable[[], Any]) -> Callable[[str], Any]:
    def ask(email: str) -> Any:
        with letters():
            return client.post("/auth/password/reset/", {"email": email}, follow=True)

    return ask


def link_in(letter: EmailMessage) -> str:
    found = re.search(r"http://localhost(/auth/password/reset/key/\S+)", str(letter.body))
    assert found, letter.body
    return found[1]


def test_nobody_changes_a_password_without_being_signed_in(client: Client, db: None) -> None:
    answer = client.get("/auth/password/change/")

    assert answer["Location"] == "/auth/login/?next=/auth/password/change/"


def test_a_forgotten_password_is_replaced_by_the_link_in_the_letter(
    client: Client, alice: User, ask: Callable[[str], Any], letters: Callable[[], Any], mailoutbox: list[EmailMessage]
) -> None:
    told = ask(alice.email)
    letter = mailoutbox[0]
    form = client.get(link_in(letter), follow=True)
    with letters():
        done = client.post(form.request["PATH_INFO"], {"password1": NEW, "password2": NEW}, follow=True)

    assert "a link is on its way" in told.content.decode()
    assert letter.to == [alice.email]
    assert letter.subject == "Choose a new password for Meridian"
    assert "Hello Alice," in str(letter.body)
    assert "Your new password holds" in done.content.decode()
    alice.refresh_from_db()
    assert alice.check_password(NEW)
    assert AuditEntry.objects.get().action == "person.password_reset"
    assert mailoutbox[1].subject == "Your password for Meridian was changed"
    assert NEW not in str(mailoutbox[1].body)


def test_the_page_for_the_new_password_does_not_carry_the_key_in_its_address(
    client: Client, alice: User, ask: Callable[[str], Any], mailoutbox: list[EmailMessage]
) -> None:
    ask(alice.email)
    link = link_in(mailoutbox[0])

    form = client.get(link, follow=True)

    assert form.request["PATH_INFO"].endswith("-set-password/")
    assert link.rsplit("-", 1)[1] not in form.content.decode()


def test_a_link_works_once(
    client: Client, alice: User, ask: Callable[[str], Any], mailoutbox: list[EmailMessage]
) -> None:
    ask(alice.email)
    form = client.get(link_in(mailoutbox[0]), follow=True)
    client.post(form.request["PATH_INFO"], {"password1": NEW, "password2": NEW})

    again = client.get(link_in(mailoutbox[0]), follow=True)

    assert "This link no longer works" in again.content.decode()


def test_a_weak_password_is_refused_with_a_reason(
    client: Client, alice: User, ask: Callable[[str], Any], mailoutbox: list[EmailMessage]
) -> None:
    ask(alice.email)
    form = client.get(link_in(mailoutbox[0]), follow=True)

    answer = client.post(form.request["PATH_INFO"], {"password1": "short", "password2": "short"})

    assert "too short" in answer.content.decode()
    alice.refresh_from_db()
    assert alice.check_password(PASSWORD)


@pytest.mark.parametrize("email", ["nobody@kestrel.example", "bob@kestrel.example"])
def test_who_cannot_sign_in_gets_the_same_page_and_no_link(
    bob: User, ask: Callable[[str], Any], mailoutbox: list[EmailMessage], email: str
) -> None:
    User.objects.filter(pk=bob.pk).update(is_active=False)

    told = ask(email)

    assert "a link is on its way" in told.content.decode()
    assert mailoutbox[0].subject == "Nobody signs in to Meridian with this address"
    assert "/password/reset/key/" not in str(mailoutbox[0].body)


@pytest.mark.usefixtures("no_mail_server")
def test_a_mail_server_that_refuses_is_no_fault_of_who_asks(
    alice: User, ask: Callable[[str], Any], caplog: pytest.LogCaptureFixture
) -> None:
    told = [ask(email) for email in (alice.email, "nobody@kestrel.example")]

    assert all("a link is on its way" in answer.content.decode() for answer in told)
    assert caplog.text.count("letter.not_sent") == 2
    assert alice.email not in caplog.text


@pytest.mark.django_db
def test_an_address_no_letter_can_carry_is_refused_in_words(ask: Callable[[str], Any]) -> None:
    answer = ask(f"a@{'ü' * 60}.example")

    assert answer.status_code == 200
    assert "No mail can be sent to this address." in answer.content.decode()


def test_asking_again_and_again_is_stopped(alice: User, ask: Callable[[str], Any]) -> None:
    answers = [ask(alice.email).status_code for _ in range(6)]

    assert answers[-1] == 429


def test_changing_the_password_ends_every_session(
    client: Client, alice: User, letters: Callable[[], Any], mailoutbox: list[EmailMessage]
) -> None:
    elsewhere = Client()
    elsewhere.force_login(alice)
    client.force_login(alice)

    with letters():
        answer = client.post(
            "/auth/password/change/", {"oldpassword": PASSWORD, "password1": NEW, "password2": NEW}, follow=True
        )

    alice.refresh_from_db()
    assert alice.check_password(NEW)
    assert "Your password is changed." in answer.content.decode()
    assert "_auth_user_id" not in client.session
    assert elsewhere.get("/auth/password/change/").status_code == 302
    assert AuditEntry.objects.get().action == "person.password_changed"
    assert mailoutbox[0].to == [alice.email]


@pytest.mark.usefixtures("no_mail_server")
def test_a_changed_password_is_changed_though_the_letter_about_it_cannot_go_out(
    client: Client, alice: User, letters: Callable[[], Any]
) -> None:
    client.force_login(alice)

    with letters():
        answer = client.post(
            "/auth/password/change/", {"oldpassword": PASSWORD, "password1": NEW, "password2": NEW}, follow=True
        )

    alice.refresh_from_db()
    assert alice.check_password(NEW)
    assert "Your password is changed." in answer.content.decode()


def test_the_current_password_must_be_known(client: Client, alice: User) -> None:
    client.force_login(alice)

    answer = client.post("/auth/password/change/", {"oldpassword": "wrong", "password1": NEW, "password2": NEW})

    assert "That is not your current password." in answer.content.decode()
    alice.refresh_from_db()
    assert alice.check_password(PASSWORD)
    assert not AuditEntry.objects.exists()


def test_both_new_passwords_must_be_the_same(client: Client, alice: User) -> None:
    client.force_login(alice)

    answer = client.post("/auth/password/change/", {"oldpassword": PASSWORD, "password1": NEW, "password2": f"{NEW}!"})

    page = answer.content.decode()
    assert 'aria-invalid="true"' in page
    assert 'href="#id_password2"' in page


def test_who_has_a_password_is_not_asked_to_choose_a_first_one(client: Client, alice: User) -> None:
    client.force_login(alice)

    assert client.get("/auth/password/set/")["Location"] == "/auth/password/change/"
