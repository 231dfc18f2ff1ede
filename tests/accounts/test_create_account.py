from __future__ import annotations

import io
import re

import pytest
from django.core.mail import EmailMessage
from django.core.management import CommandError, call_command
from django.test import Client
from django.urls import reverse
from pytest_django import Settings

from accounts.models import Account, AuditEntry, Role, User
from tests.cast import PASSWORD, Cast

pytestmark = pytest.mark.django_db

KESTREL = ("--name", "Kestrel & Co", "--owner-email", "Dana@kestrel.example", "--owner-name", "Dana")


def _run(*arguments: str) -> str:
    said = io.StringIO()
    call_command("create_account", *arguments, stdout=said)
    return said.getvalue()


def test_the_owner_is_invited_and_the_command_says_where_the_mail_went(mailoutbox: list[EmailMessage]) -> None:
    said = _run(*KESTREL)

    owner = User.objects.get()
    assert (owner.email, owner.role, owner.is_active, owner.account.name) == (
        "dana@kestrel.example",
        Role.OWNER,
        False,
        "Kestrel & Co",
    )
    assert "The invitation went to dana@kestrel.example." in said
    link = re.search(r"^http://localhost(/invitation/\S+)$", str(mailoutbox[0].body), re.MULTILINE)
    assert link
    assert link[1] not in said
    assert Client().get(link[1], follow=True).status_code == 200
    assert list(AuditEntry.objects.order_by("pk").values_list("action", "actor_name")) == [
        ("account.created", "Meridian"),
        ("person.invited", "Meridian"),
    ]


def test_with_a_password_the_owner_can_sign_in_at_once(
    monkeypatch: pytest.MonkeyPatch, mailoutbox: list[EmailMessage]
) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO(f"{PASSWORD}\n"))

    said = _run(*KESTREL, "--password-stdin")

    client = Client()
    client.post(reverse("account_login"), {"login": "dana@kestrel.example", "password": PASSWORD})
    assert client.get(reverse("people")).status_code == 200
    assert PASSWORD not in said
    assert mailoutbox == []


def test_a_weak_password_creates_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO("123\n"))

    with pytest.raises(CommandError, match="nothing is created: This password is too short"):
        _run(*KESTREL, "--password-stdin")

    assert not Account.objects.exists()


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (("--owner-email", "dana@kestrel.example"), "Give the organization a name"),
        (("--name", "  ", "--owner-email", "dana@kestrel.example"), "Give the organization a name"),
        (("--name", "x" * 201, "--owner-email", "dana@kestrel.example"), "The name is too long"),
        (("--name", "Kestrel", "--owner-email", "dana"), "“dana” is no e-mail address"),
        (("--name", "Kestrel", "--owner-email", f"dana@{'ü' * 60}.example"), "is no e-mail address"),
        (("--send-again", "--owner-email", "dana@kestrel.example"), "Nobody who still has to join"),
    ],
)
def test_senseless_arguments_are_refused_in_words(arguments: tuple[str, ...], complaint: str) -> None:
    with pytest.raises(CommandError, match=complaint):
        _run(*arguments)

    assert not Account.objects.exists()


def test_an_address_that_is_used_creates_no_account(cast: Cast) -> None:
    with pytest.raises(CommandError, match="already used"):
        _run("--name", "Another", "--owner-email", "alice@kestrel.example")

    assert set(Account.objects.values_list("name", flat=True)) == {"Kestrel & Co", "Corvid Ltd"}


def test_after_a_failed_mail_it_can_be_sent_again(settings: Settings, mailoutbox: list[EmailMessage]) -> None:
    working = settings.EMAIL_BACKEND
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", 9
    with pytest.raises(CommandError, match="--send-again"):
        _run(*KESTREL)

    settings.EMAIL_BACKEND = working
    said = _run("--send-again", "--owner-email", "dana@kestrel.example")

    assert "The invitation went to dana@kestrel.example." in said
    assert [letter.to for letter in mailoutbox] == [["dana@kestrel.example"]]
