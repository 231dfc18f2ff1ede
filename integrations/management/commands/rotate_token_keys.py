from __future__ import annotations

import time
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from accounts import vault
from integrations import resealing, token_keys

TELL_EVERY = 2.0  # seconds


class Command(BaseCommand):
    help = (
        "Seals what is stored with the first key of TOKEN_KEYS, and says which keys may be taken out. The portal goes "
        "on meanwhile. It may be interrupted, and begun again."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--check", action="store_true", help="only say what is sealed with which key")
        parser.add_argument("--batch", type=int, default=resealing.BATCH, help="rows of one transaction")

    def handle(self, *_args: Any, **options: Any) -> None:
        waiting = self._tell()
        if options["check"]:
            return
        if options["batch"] < 1:
            raise CommandError("--batch must be at least 1.")
        try:
            token_keys.settle(now=timezone.now())
        except token_keys.WrongKeys as problem:
            raise CommandError(str(problem)) from None
        done = self._rotate(waiting, options["batch"])
        retired = resealing.retire()
        for key_id in retired:
            self.stdout.write(f"Nothing is sealed with “{key_id}” any more: it may be taken out of TOKEN_KEYS.")
        if done.unreadable:
            raise CommandError(
                f"{done.unreadable:,} values cannot be opened with TOKEN_KEYS and stay as they are. The log names "
                "their places. Put back the key they were sealed with, and run this again."
            )
        self.stdout.write(f"Everything is sealed with “{vault.first_key()}”.")

    def _rotate(self, waiting: int, batch: int) -> resealing.Progress:
        done, told = resealing.Progress(0, 0), time.monotonic()
        try:
            for done in resealing.reseal(batch=batch):
                if time.monotonic() - told >= TELL_EVERY:
                    told = time.monotonic()
                    self._progress(done, waiting)
        except KeyboardInterrupt:
            self._progress(done, waiting)
            raise CommandError("Interrupted. What is done stays done; run this again for the rest.") from None
        self._progress(done, waiting)
        return done

    def _progress(self, done: resealing.Progress, waiting: int) -> None:
        self.stdout.write(f"{done.resealed:,} of about {waiting:,} sealed anew.")

    def _tell(self) -> int:
        """What is sealed with which key; answers how many values wait for the first."""
        uses = resealing.in_use()
        for use in uses:
            what = "a form nobody knows" if not use.id else f"“{use.id}”"
            note = "" if use.is_known else " (not in TOKEN_KEYS)"
            self.stdout.write(f"{use.values:,} values are sealed with {what}{note}.")
        return sum(use.values for use in uses if use.id != vault.first_key())
