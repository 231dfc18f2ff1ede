"""The first account and its owner. Everybody after that is invited in the browser."""

from __future__ import annotations

import sys
from typing import Any

from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.core.validators import validate_email
from django.db import transaction
from django.utils import timezone

from accounts import invitations, people
from accounts.models import User
from accounts.sign_in import addresses

UNSENT = (
    "The mail to {email} could not be sent. Look at EMAIL_URL and the log, then run:"
    " manage.py create_account --send-again --owner-email {email}"
)


class Command(BaseCommand):
    help = "Creates an account (an organization) and invites its owner by e-mail."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--owner-email", required=True, help="what the owner signs in with")
        parser.add_argument("--name", default="", help="the name of the organization")
        parser.add_argument("--owner-name", default="", help="the owner’s name")
        parser.add_argument(
            "--password-stdin",
            action="store_true",
            help="read the owner’s password from standard input instead of sending an invitation",
        )
        parser.add_argument(
            "--send-again", action="store_true", help="only send a new invitation to an owner who has not joined yet"
        )

    def handle(self, *_args: Any, **options: Any) -> None:
        email: str = options["owner_email"].strip().lower()
        if options["send_again"]:
            self._send_again(email)
            return
        _require_sense(email, name=options["name"].strip())
        try:
            self._create(email, options)
        except people.AddressTaken as refusal:
            raise CommandError(f"{email} is already used by somebody. Give the owner another address.") from refusal
        except ValidationError as weak:
            raise CommandError("The password was refused, nothing is created: " + " ".join(weak.messages)) from weak

    def _create(self, email: str, options: dict[str, Any]) -> None:
        now, name, owner_name = timezone.now(), options["name"].strip(), options["owner_name"].strip()
        with transaction.atomic():
            owner = people.found_account(name=name, owner_email=email, owner_name=owner_name, now=now)
            if options["password_stdin"]:
                password = sys.stdin.readline().rstrip("\r\n")
                people.accept(owner, name=owner_name, password=password, time_zone=owner.time_zone, now=now)
        self.stdout.write(f"The account “{name}” is created.")
        if options["password_stdin"]:
            self.stdout.write(f"{email} owns it and can sign in.")
        else:
            self._say_whether_mailed(people.Invited(owner, is_mailed=invitations.send(owner)))

    def _send_again(self, email: str) -> None:
        owner = User.objects.filter(email=email, joined_at=None).first()
        if owner is None:
            raise CommandError(f"Nobody who still has to join has the address {email}.")
        self._say_whether_mailed(people.invite_again(owner, actor=None, now=timezone.now()))

    def _say_whether_mailed(self, invited: people.Invited) -> None:
        email = invited.person.email
        if not invited.is_mailed:
            raise CommandError(UNSENT.format(email=email))
        self.stdout.write(f"The invitation went to {email}. It is good for seven days.")


def _require_sense(email: str, *, name: str) -> None:
    if not name:
        raise CommandError('Give the organization a name: --name "Kestrel & Co".')
    if len(name) > 200:
        raise CommandError(f"The name is too long: {len(name)} characters, where 200 fit.")
    try:
        validate_email(email)
        addresses.require_mailable(email)
    except ValidationError as error:
        raise CommandError(f"“{email}” is no e-mail address.") from error
