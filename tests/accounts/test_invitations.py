from __future__ import annotations

import re
import socket
from datetime import timedelta

import pytest
from allauth.account.models import EmailAddress
from django.contrib.sessions.models import Session
from django.core.exceptions import ValidationError
from django.core.mail import EmailMessage
from django.core.signing import Signer
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis
from hypothesis import strategies as st
from pytest_django import Settings

from accounts import invitations, people
from accounts.models import AuditEntry, User
from tests.cast import FOUNDED, PASSWORD, Cast, ClientOf

NOW = FOUNDED + timedelta(days=30)
WELL_FILLED = {"name": "Nia", "password": PASSWORD, "time_zone": "Europe/Lisbon"}


@pytest.fixture
def nia(cast: Cast) -> User:
    """Invited just now, by the clock of the machine, since the pages read that one."""
    return people.invite(
        account=cast.kestrel, email="nia@kestrel.example", name="", role="member", actor=cast.dana, now=timezone.now()
    ).person


def _path(letter: EmailMessage) -> str:
    found = re.search(r"^http://localhost(/invitation/\S+/)$", str(letter.body), re.MULTILINE)
    assert found
    return found[1]


# ── The whole way ───────────────────────────────────────────────────────────
def test_the_way_from_the_letter_to_the_profile(nia: User, client: Client, mailoutbox: list[EmailMessage]) -> None:
    [letter] = mailoutbox
    assert (letter.to, letter.subject) == (["nia@kestrel.example"], "Join Kestrel & Co on Meridian")
    assert "Dana (dana@kestrel.example) invites you to join Kestrel & Co" in letter.body

    first = client.get(_path(letter))
    assert (first.status_code, first["Location"]) == (302, "/invitation/")
    shown = client.get("/invitation/").content.decode()
    assert "Join Kestrel &amp; Co" in shown
    assert "nia@kestrel.example" in shown

    joined = client.post("/invitation/", WELL_FILLED)
    assert (joined.status_code, joined["Location"]) == (302, "/")

    nia.refresh_from_db()
    assert (nia.name, nia.time_zone, nia.is_active, nia.invited_at) == ("Nia", "Europe/Lisbon", True, None)
    assert nia.joined_at is not None
    assert nia.check_password(PASSWORD)
    assert EmailAddress.objects.filter(user=nia, email=nia.email, verified=True, primary=True).exists()
    assert client.get(reverse("profile")).status_code == 200
    assert AuditEntry.objects.filter(action="person.joined", actor=nia).count() == 1


def test_the_new_person_can_sign_in_later(nia: User, client: Client, mailoutbox: list[EmailMessage]) -> None:
    client.get(_path(mailoutbox[0]))
    client.post("/invitation/", WELL_FILLED)

    later = Client()
    response = later.post(reverse("account_login"), {"login": "nia@kestrel.example", "password": PASSWORD})

    assert response.status_code == 302
    assert later.get(reverse("profile")).status_code == 200


def test_joining_lasts_as_long_as_signing_in_until_the_browser_closes(
    nia: User, client: Client, mailoutbox: list[EmailMessage], settings: Settings
) -> None:
    client.get(_path(mailoutbox[0]))
    client.post("/invitation/", WELL_FILLED)
    later = Client()
    later.post(reverse("account_login"), {"login": "nia@kestrel.example", "password": PASSWORD})

    cookies = [browser.cookies[settings.SESSION_COOKIE_NAME] for browser in (client, later)]
    assert [(cookie["max-age"], cookie["expires"]) for cookie in cookies] == [("", ""), ("", "")]


def test_the_token_leaves_the_address_at_once_and_the_session_when_used(
    nia: User, client: Client, mailoutbox: list[EmailMessage]
) -> None:
    path = _path(mailoutbox[0])
    token = path.split("/")[2]

    shown = client.get(path, follow=True).content.decode()
    client.post("/invitation/", WELL_FILLED)

    assert token not in shown
    assert token not in str(dict(client.session))


# ── What does not work, and what it says ────────────────────────────────────
def _answer(link: str) -> tuple[int, str]:
    response = Client().get(link.removeprefix("http://localhost"), follow=True)
    return response.status_code, response.content.decode()


def test_a_link_works_once(nia: User) -> None:
    link = invitations.link(nia)
    people.accept(nia, name="Nia", password=PASSWORD, time_zone="UTC", now=NOW)

    status, shown = _answer(link)

    assert status == 410
    assert "This invitation was accepted already." in shown
    assert reverse("account_login") in shown


def test_a_newer_invitation_replaces_the_older_link(nia: User, cast: Cast) -> None:
    older = invitations.link(nia)
    again = people.invite_again(nia, actor=cast.dana, now=timezone.now()).person

    status, shown = _answer(older)

    assert status == 410
    assert "A newer invitation was sent to you." in shown
    assert _answer(invitations.link(again))[0] == 200


def test_a_withdrawn_invitation_is_gone(nia: User, cast: Cast) -> None:
    link = invitations.link(nia)
    people.withdraw(nia, actor=cast.dana, now=NOW)

    status, shown = _answer(link)

    assert status == 410
    assert "This invitation was withdrawn." in shown
    assert "Kestrel" not in shown


def test_an_expired_link_says_whom_to_ask(cast: Cast) -> None:
    long_ago = timezone.now() - timedelta(days=7)
    old = people.invite(
        account=cast.kestrel, email="o@k.example", name="", role="member", actor=cast.dana, now=long_ago
    ).person

    status, shown = _answer(invitations.link(old))

    assert status == 410
    assert "This invitation has expired" in shown
    assert "Ask Dana" in shown
    assert "dana@kestrel.example" in shown


def test_seven_days_are_seven_days(nia: User) -> None:
    assert nia.invited_at is not None
    token, end = invitations.token(nia), nia.invited_at + timedelta(days=7)

    assert invitations.read(token, now=end - timedelta(microseconds=1)) == nia
    with pytest.raises(invitations.Expired):
        invitations.read(token, now=end)


def test_without_a_link_there_is_no_invitation(client: Client, db: None) -> None:
    response = client.get("/invitation/")

    assert response.status_code == 404
    assert "This link is no invitation." in response.content.decode()


@given(token=st.text(alphabet=st.characters(codec="utf-8", exclude_characters="/"), max_size=60))
@hypothesis(max_examples=50, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_what_we_did_not_sign_is_unreadable(token: str, db: None) -> None:
    with pytest.raises(invitations.Unreadable):
        invitations.read(token, now=NOW)


def test_what_we_did_not_sign_is_not_kept(client: Client, db: None) -> None:
    for number in range(3):
        client.cookies.clear()
        assert client.get(f"/invitation/made-up-{number}:by:somebody/", follow=True).status_code == 404

    assert not Session.objects.exists()


def test_a_broken_link_does_not_show_the_invitation_opened_before_it(
    nia: User, client: Client, mailoutbox: list[EmailMessage]
) -> None:
    client.get(_path(mailoutbox[0]))

    response = client.get("/invitation/broken/", follow=True)

    assert "This link is no invitation." in response.content.decode()


def test_what_was_signed_for_something_else_is_unreadable(nia: User) -> None:
    assert nia.invited_at is not None
    foreign = Signer(salt="elsewhere").sign_object({"person": nia.pk, "at": nia.invited_at.isoformat()})

    with pytest.raises(invitations.Unreadable):
        invitations.read(foreign, now=NOW)


def test_who_is_signed_in_is_told_to_sign_out_first(nia: User, cast: Cast, client_of: ClientOf) -> None:
    bob = client_of(cast.bob)
    path = invitations.link(nia).removeprefix("http://localhost")

    response = bob.get(path, follow=True)
    bob.post("/invitation/", WELL_FILLED)

    assert "You are signed in as Bob" in response.content.decode()
    assert not User.objects.get(pk=nia.pk).is_active


# ── Joining ─────────────────────────────────────────────────────────────────
@pytest.mark.parametrize("password", ["short", "password123", "nia@kestrel.example"])
def test_a_weak_password_is_refused_and_the_rest_stays_typed(
    password: str, nia: User, client: Client, mailoutbox: list[EmailMessage]
) -> None:
    client.get(_path(mailoutbox[0]))

    response = client.post("/invitation/", {**WELL_FILLED, "password": password})

    assert "password" in response.context["form"].errors
    assert 'value="Nia"' in response.content.decode()
    assert f'value="{password}" required' not in response.content.decode()
    assert not User.objects.get(pk=nia.pk).is_active
    assert not AuditEntry.objects.filter(action="person.joined").exists()


@pytest.mark.parametrize("time_zone", ["", "Mars/Olympus", "../../etc/passwd"])
def test_a_time_zone_must_exist(time_zone: str, nia: User, client: Client, mailoutbox: list[EmailMessage]) -> None:
    client.get(_path(mailoutbox[0]))

    response = client.post("/invitation/", {**WELL_FILLED, "time_zone": time_zone})

    assert "time_zone" in response.context["form"].errors
    assert not User.objects.get(pk=nia.pk).is_active


def test_whoever_is_second_gets_nothing(nia: User) -> None:
    people.accept(nia, name="First", password=PASSWORD, time_zone="UTC", now=NOW)

    with pytest.raises(people.InvitationGone):
        people.accept(nia, name="Second", password="another-quiet-harbour", time_zone="UTC", now=NOW)

    joined = User.objects.get(pk=nia.pk)
    assert (joined.name, joined.check_password(PASSWORD)) == ("First", True)


def test_a_refused_password_leaves_the_invitation_open(nia: User) -> None:
    with pytest.raises(ValidationError):
        people.accept(nia, name="Nia", password="123", time_zone="UTC", now=NOW)

    assert invitations.read(invitations.token(nia), now=timezone.now()) == nia


# ── The letter ──────────────────────────────────────────────────────────────
def test_a_failing_mail_server_does_not_lose_the_invitation(
    cast: Cast, client_of: ClientOf, settings: Settings
) -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
        settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", closed.getsockname()[1]

        response = client_of(cast.dana).post(
            reverse("people_invite"), {"email": "nia@kestrel.example", "role": "member"}, follow=True
        )

    shown = response.content.decode()
    assert "The invitation is saved, but the mail could not be sent." in shown
    assert "Send again" in shown
    assert User.objects.filter(email="nia@kestrel.example", invited_at__isnull=False).exists()


def test_an_address_no_letter_can_carry_is_refused_in_the_form(cast: Cast, client_of: ClientOf) -> None:
    sent = {"email": f"a@{'ü' * 60}.example", "name": "Nia", "role": "member"}

    response = client_of(cast.dana).post(reverse("people_invite"), sent)

    assert response.context["form"].errors["email"] == [
        "No mail can be sent to this address. Look at the part after the “@” again."
    ]
    assert User.objects.count() == 6


def test_a_domain_in_other_letters_is_no_hindrance(
    cast: Cast, client_of: ClientOf, mailoutbox: list[EmailMessage]
) -> None:
    client_of(cast.dana).post(reverse("people_invite"), {"email": "jo@käuzchen.example", "role": "member"})

    assert mailoutbox[0].to == ["jo@käuzchen.example"]


def test_an_address_no_letter_can_carry_does_not_lose_the_invitation(cast: Cast) -> None:
    invited = people.invite(
        account=cast.kestrel, email=f"a@{'ü' * 60}.example", name="", role="member", actor=cast.dana, now=NOW
    )

    assert not invited.is_mailed
    assert User.objects.filter(pk=invited.person.pk).exists()


def test_send_again_sends_a_link_that_works(
    nia: User, cast: Cast, client_of: ClientOf, mailoutbox: list[EmailMessage]
) -> None:
    client_of(cast.dana).post(reverse("person_invite_again", args=[nia.pk]))

    assert len(mailoutbox) == 2
    assert Client().get(_path(mailoutbox[1]), follow=True).status_code == 200


@pytest.mark.django_db(transaction=True)
def test_it_is_not_mailed_from_inside_a_transaction(cast: Cast, mailoutbox: list[EmailMessage]) -> None:
    from django.db import transaction

    with pytest.raises(RuntimeError), transaction.atomic():
        people.invite(account=cast.kestrel, email="n@k.example", name="", role="member", actor=cast.dana, now=NOW)

    assert mailoutbox == []


def test_neither_link_nor_password_is_in_the_log_or_the_audit(
    nia: User, client: Client, mailoutbox: list[EmailMessage], caplog: pytest.LogCaptureFixture
) -> None:
    path = _path(mailoutbox[0])
    with caplog.at_level("INFO"):
        client.get(path)
        client.post("/invitation/", WELL_FILLED)

    written = caplog.text + str(list(AuditEntry.objects.values()))
    assert path.split("/")[2] not in written
    assert PASSWORD not in written


def test_names_are_written_in_a_letter_as_they_are(cast: Cast, mailoutbox: list[EmailMessage]) -> None:
    people.invite(account=cast.kestrel, email="n@k.example", name="O’Hara <x>", role="member", actor=cast.dana, now=NOW)

    assert str(mailoutbox[0].body).startswith("Hello O’Hara <x>,")
    assert "\n\n\n" not in mailoutbox[0].body
