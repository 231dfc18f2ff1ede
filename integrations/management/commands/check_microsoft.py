from __future__ import annotations

from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from integrations.microsoft import preflight

_MARKS = {True: "ok   ", False: "WRONG", None: "?    "}


class Command(BaseCommand):
    help = "Tries sign-in, each of the portal’s own credentials and Graph, and says what is wrong in words."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--tenant", default=settings.MICROSOFT_TENANT, help="a directory that uses the portal: its GUID or a domain"
        )

    def handle(self, *_args: Any, **options: Any) -> None:
        wrong = 0
        for check in preflight.checks(tenant=options["tenant"], now=timezone.now()):
            self.stdout.write(f"{_MARKS[check.passed]} {check.name}: {check.says}")
            wrong += check.passed is False
        if wrong:
            raise CommandError(f"{wrong} of these stand in the way of connecting calendars.")
