"""One child process on a leash: start it, ask whether it lives, let it go."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

LEASH = Path(__file__).with_name("leash.py")
ROOT = LEASH.parent.parent.parent
LOG_IS_FULL = 5_000_000  # bytes; then it becomes NAME.log.1 at the next start


@dataclass(frozen=True)
class Command:
    """What to run, under which name, with which environment: this one and nothing inherited."""

    name: str
    argv: tuple[str, ...]
    environment: Mapping[str, str] = field(repr=False)
    grace: float = 3.0
    stop_signal: str = "TERM"
    user: str = ""

    def leashed(self) -> list[str]:
        options = [
            f"--grace={self.grace}",
            f"--signal={self.stop_signal}",
            *([f"--user={self.user}"] if self.user else []),
        ]
        return [sys.executable, "-I", "-S", str(LEASH), *options, "--", *self.argv]


class Child:
    """A running command. All of its process group ends with it, with us, and with `let_go()`."""

    def __init__(self, command: Command, *, log: Path, keep_open: tuple[int, ...] = ()) -> None:
        self.command = command
        self.log = log
        self.log_starts_at = _room_in(log)
        with log.open("ab") as output:
            self._process = subprocess.Popen(
                command.leashed(),
                stdin=subprocess.PIPE,
                stdout=output,
                stderr=subprocess.STDOUT,
                env=dict(command.environment),
                cwd=ROOT,
                start_new_session=True,
                pass_fds=keep_open,
            )

    @property
    def pid(self) -> int:
        """The leash; also the number of the process group."""
        return self._process.pid

    def exit_code(self) -> int | None:
        """None while it runs. What a child that ended left behind in its group is killed here."""
        code = self._process.poll()
        if code is not None:
            self._kill_group()
            self.let_go()
        return code

    def let_go(self) -> None:
        """Ask it to end; after its grace the leash kills it."""
        if self._process.stdin:
            self._process.stdin.close()

    def wait(self, seconds: float) -> bool:
        """Whether it ended in time."""
        deadline = time.monotonic() + seconds
        while self.exit_code() is None:
            if time.monotonic() > deadline:
                return False
            time.sleep(0.02)
        return True

    def kill(self) -> None:
        """At once, the whole group: what kill -9 does."""
        self._kill_group()
        self._process.wait()
        self.let_go()

    def output(self) -> str:
        """What it has written since it started."""
        with self.log.open("rb") as log:
            log.seek(self.log_starts_at)
            return log.read().decode(errors="replace")

    def _kill_group(self) -> None:
        # PermissionError: macOS, when only zombies are left in the group.
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self._process.pid, signal.SIGKILL)


def _room_in(log: Path) -> int:
    """Where the new output begins; a log that is full is put aside first."""
    size = log.stat().st_size if log.exists() else 0
    if size < LOG_IS_FULL:
        return size
    log.replace(log.with_name(f"{log.name}.1"))
    return 0
