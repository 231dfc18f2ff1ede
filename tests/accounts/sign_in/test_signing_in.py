from __future__ import annotations

import hashlib
import re
from collections.abc import Callable
from typing import Any

import pytest
from allauth.account.models import EmailAddress
from django.contrib.sessions.models import Session
from django.core.mail import EmailMessage
from django.test import Client
from django.urls import reverse

from accounts.models import AuditEntry, User
from tests.cast import PASSWORD

SIGN_IN = "/auth/login/"


def sign_in(client: Client, email: str, password: str = PASSWORD, **more: str) -> Any:
    return client.post(SIGN_IN, {"login": email, "password": password, **more})


@pytest.mark.django_db
def test_a_stranger_is_not_let_in(client: Client) -> None:
    answer = sign_in(client, "nobody@kestrel.example")

    assert "do not belong together" in answer.content.decode()
    assert "_auth_user_id" not in client.session


def test_a_wrong_password_gets_the_same_answer_as_a_stranger(client: Client, alice: User) -> None:
    wrong = sign_in(client, alice.email, "not this one").content.decode()
    unknown = sign_in(client, "nobody@kestrel.example", "not this one").content.decode()

    def without_what_was_typed(page: str) -> str:
        return "\n".join(line for line in page.splitlines() if "csrfmiddlewaretoken" not in line and "@" not in line)

    assert without_what_was_typed(wrong) == without_what_was_typed(unknown)


def test_the_right_password_lets_one_in_and_is_recorded(client: Client, alice: User) -> None:
    answer = sign_in(client, alice.email)

    assert answer.status_code == 302
    assert answer["Location"] == reverse("home")
    assert client.session["_auth_user_id"] == str(alice.pk)
    entry = AuditEntry.objects.get()
    assert (entry.action, entry.actor_id, entry.target_id) == ("person.signed_in", alice.pk, str(alice.pk))


def test_the_address_may_be_typed_in_capitals(client: Client, alice: User) -> None:
    sign_in(client, "ALICE@Kestrel.Example")

    assert client.session["_auth_user_id"] == str(alice.pk)


def test_one_gets_to_where_one_wanted_to_go(client: Client, alice: User) -> None:
    answer = sign_in(client, alice.email, next="/profile/?tab=calendar")

    assert answer["Location"] == "/profile/?tab=calendar"


@pytest.mark.parametrize("elsewhere", ["https://corvid.example/", "//corvid.example/", "javascript:alert(1)"])
def test_nobody_is_sent_to_another_site(client: Client, alice: User, elsewhere: str) -> None:
    answer = sign_in(client, alice.email, next=elsewhere)

    assert "corvid" not in answer.get("Location", "")
    assert "javascript" not in answer.get("Location", "")


def test_a_deactivated_person_with_the_right_password_is_told_whom_to_ask(client: Client, alice: User) -> None:
    User.objects.filter(pk=alice.pk).update(is_active=False)

    answer = client.post(SIGN_IN, {"login": alice.email, "password": PASSWORD}, follow=True)

    assert "An admin of your organization can switch it on again." in answer.content.decode()
    assert "_auth_user_id" not in client.session


def test_a_deactivated_person_with_a_wrong_password_learns_nothing(client: Client, alice: User) -> None:
    User.objects.filter(pk=alice.pk).update(is_active=False)

    answer = sign_in(client, alice.email, "not this one")

    assert "do not belong together" in answer.content.decode()


def test_somebody_invited_who_has_not_come_yet_cannot_sign_in(client: Client, bob: User) -> None:
    bob.set_unusable_password()
    bob.is_active, bob.joined_at = False, None
    bob.save()

    answer = sign_in(client, bob.email)

    assert "do not belong together" in answer.content.decode()
    assert "_auth_user_id" not in client.session


def test_an_address_nobody_has_confirmed_is_confirmed_first(
    client: Client, alice: User, letters: Callable[[], Any], mailoutbox: list[EmailMessage]
) -> None:
    EmailAddress.objects.update(verified=False)

    with letters():
        answer = sign_in(client, alice.email)

    assert answer["Location"] == "/auth/confirm-email/"
    assert mailoutbox[0].subject == "Confirm your address for Meridian"
    assert "Follow the link" in client.get("/auth/confirm-email/").content.decode()


def test_guessing_is_stopped_even_when_the_sixth_guess_is_right(client: Client, alice: User) -> None:
    for _ in range(5):
        sign_in(client, alice.email, "not this one")

    answer = sign_in(client, alice.email)

    assert "wrong too often" in answer.content.decode()
    assert "_auth_user_id" not in client.session


@pytest.mark.parametrize(("is_active", "password"), [(True, "not this one"), (False, PASSWORD)])
def test_a_refused_sign_in_leaves_a_trace_without_address_or_password(
    client: Client, alice: User, caplog: pytest.LogCaptureFixture, is_active: bool, password: str
) -> None:
    User.objects.filter(pk=alice.pk).update(is_active=is_active)

    sign_in(client, "Alice@Kestrel.Example", password)

    digest = hashlib.sha256(b"alice@kestrel.example").hexdigest()[:12]
    lines = [line for line in caplog.text.splitlines() if "sign_in.failed" in line]
    assert len(lines) == 1
    assert digest in lines[0]
    assert "kestrel" not in lines[0].lower()
    assert password not in caplog.text


def test_letting_somebody_in_leaves_no_trace_of_a_failure(
    client: Client, alice: User, caplog: pytest.LogCaptureFixture
) -> None:
    sign_in(client, alice.email)

    assert "sign_in.failed" not in caplog.text


def test_sending_the_page_again_and_again_is_answered_with_429(client: Client, alice: User) -> None:
    answers = [client.post(SIGN_IN, {"login": f"person{n}@kestrel.example"}).status_code for n in range(101)]

    assert answers[-1] == 429


def test_signing_out_needs_a_post(client: Client, alice: User) -> None:
    client.force_login(alice)

    asked = client.get("/auth/logout/")
    still = client.session.get("_auth_user_id")
    done = client.post("/auth/logout/")

    assert "Sign out?" in asked.content.decode()
    assert still == str(alice.pk)
    assert done["Location"] == SIGN_IN
    assert "_auth_user_id" not in client.session


def test_nobody_signs_up(client: Client, db: None) -> None:
    looked = client.get("/auth/signup/")
    client.post("/auth/signup/", {"email": "eve@corvid.example", "password1": PASSWORD})

    assert "An admin of your organization invites you" in looked.content.decode()
    assert not User.objects.exists()


def test_the_sign_in_page_offers_a_way_to_a_new_password(client: Client, db: None) -> None:
    page = client.post(SIGN_IN, {"login": "alice@kestrel.example"}).content.decode()

    assert 'href="/auth/password/reset/">Forgotten?</a>' in page
    assert 'autocomplete="username"' in page
    assert 'autocomplete="current-password"' in page


def test_the_address_is_asked_for_first_and_nothing_else(client: Client, db: None) -> None:
    page = client.get(f"{SIGN_IN}?next=/profile/").content.decode()

    assert 'name="login"' in page
    assert 'autocomplete="username"' in page
    assert 'name="password"' not in page
    assert '<input type="hidden" name="next" value="/profile/">' in page


def test_then_the_password_with_the_address_in_sight(client: Client, alice: User) -> None:
    page = client.post(SIGN_IN, {"login": alice.email, "next": "/profile/"}).content.decode()

    field = re.search(r'<input type="email" name="login"[^>]*>', page)
    assert field
    assert f'value="{alice.email}"' in field[0]
    assert "readonly" in field[0]
    assert 'autocomplete="username"' in field[0]
    assert 'name="password"' in page
    assert 'href="/auth/login/?next=%2Fprofile%2F">Not you?</a>' in page
    assert '<input type="hidden" name="next" value="/profile/">' in page


def test_an_address_nobody_has_is_asked_for_a_password_as_well(client: Client, alice: User) -> None:
    known = client.post(SIGN_IN, {"login": alice.email}).content.decode()
    unknown = client.post(SIGN_IN, {"login": "nobody@kestrel.example"}).content.decode()

    def bare(page: str) -> str:
        return re.sub(r'name="csrfmiddlewaretoken" value="[^"]+"', "", page)

    assert bare(known).replace(alice.email, "…") == bare(unknown).replace("nobody@kestrel.example", "…")


def test_giving_an_address_keeps_nothing(client: Client, alice: User) -> None:
    client.post(SIGN_IN, {"login": alice.email})

    assert not Session.objects.exists()


@pytest.mark.parametrize("typed", ["", "alice", "alice@", "@kestrel.example"])
@pytest.mark.parametrize("more", [{}, {"password": PASSWORD}])
def test_what_is_no_address_is_asked_for_again(client: Client, db: None, typed: str, more: dict[str, str]) -> None:
    page = client.post(SIGN_IN, {"login": typed, **more}).content.decode()

    assert 'href="#id_login"' in page
    assert f'value="{typed}"' in page or not typed
    assert 'name="password"' not in page


def test_a_wrong_password_is_asked_for_again_beside_the_address(client: Client, alice: User) -> None:
    page = sign_in(client, alice.email, "not this one").content.decode()

    assert f'value="{alice.email}"' in page
    assert 'name="password"' in page
    assert "not this one" not in page


@pytest.mark.parametrize(
    "elsewhere", ["https://corvid.example/", "//corvid.example/", "/\\corvid.example", "javascript:1"]
)
def test_starting_again_leads_nowhere_else(client: Client, db: None, elsewhere: str) -> None:
    page = client.post(SIGN_IN, {"login": "alice@kestrel.example", "next": elsewhere}).content.decode()

    assert 'href="/auth/login/">Not you?</a>' in page


def test_who_is_signed_in_already_goes_on(client: Client, alice: User) -> None:
    client.force_login(alice)

    assert client.get(f"{SIGN_IN}?next=/profile/")["Location"] == "/profile/"
