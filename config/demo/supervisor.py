"""Keeps the children alive: starts them in order, restarts who dies, ends them all in reverse order."""

from __future__ import annotations

import os
import signal
import time
from collections import defaultdict, deque
from collections.abc import Callable, Collection
from pathlib import Path
from types import FrameType

from config.demo.children import Child, Command
from config.demo.place import private_directory
from config.demo.words import AskedToStop, CannotStart, GaveUp

RESTARTS = 3
WITHIN = 60.0  # seconds
BREATH = 0.1


class Supervisor:
    """Children in the order they were started; the first is the ground the others stand on, and ends last."""

    def __init__(self, *, logs: Path, say: Callable[[str], None], keep_open: tuple[int, ...] = ()) -> None:
        self._logs = private_directory(logs)
        self._say = say
        self._keep_open = keep_open
        self._children: dict[str, Child] = {}
        self._deaths: defaultdict[str, deque[float]] = defaultdict(lambda: deque(maxlen=RESTARTS + 1))
        self._asked_to_stop = False
        self._parent = os.getppid() if "MAKELEVEL" in os.environ else None

    def heed_signals(self) -> None:
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, self._stop_soon)

    def start(self, command: Command) -> Child:
        child = Child(command, log=self.log_of(command.name), keep_open=self._keep_open)
        self._children[command.name] = child
        return child

    def run(self, *commands: Command, within: float) -> None:
        """Commands that end by themselves, well, side by side."""
        running = [self.start(command) for command in commands]
        names = {command.name for command in commands}
        deadline = time.monotonic() + within
        try:
            while any(child.exit_code() is None for child in running):
                if time.monotonic() > deadline:
                    raise CannotStart(f"{' and '.join(names)} took longer than {within:.0f} s. Logs: {self._logs}.")
                self._look_around(but_not=names)
        finally:
            for child in running:
                child.kill()
                del self._children[child.command.name]
        for child in running:
            if child.exit_code():
                raise CannotStart(f"{child.command.name} failed: {_last_line(child)} Its log is {child.log}.")

    def wait_until(self, ready: Callable[[], bool], *, who: str, within: float) -> None:
        deadline = time.monotonic() + within
        while not ready():
            if time.monotonic() > deadline:
                raise CannotStart(f"{who} did not get ready within {within:.0f} s. Its log is {self.log_of(who)}.")
            self._look_around()

    def watch(self) -> None:
        """Until somebody asks to stop, or a child cannot be kept alive."""
        while True:
            self._look_around()

    def output(self, name: str) -> str:
        return self._children[name].output()

    def log_of(self, name: str) -> Path:
        return self._logs / f"{name}.log"

    def stop(self) -> None:
        """All of them, in reverse order, each within its grace and all together."""
        children = list(self._children.values())
        for group in (children[:0:-1], children[:1]):
            for child in group:
                child.let_go()
            for child in group:
                child.wait(child.command.grace + 1)
                child.kill()
        self._children.clear()

    def _look_around(self, *, but_not: Collection[str] = ()) -> None:
        """One breath: restart who died, and notice who wants us to stop."""
        for name, child in list(self._children.items()):
            if name not in but_not and child.exit_code() is not None:
                self._restart(child)
        time.sleep(BREATH)
        # make gives its recipe no signal when it is killed.
        if self._asked_to_stop or (self._parent and os.getppid() != self._parent):
            raise AskedToStop

    def _restart(self, child: Child) -> None:
        name, now, deaths = child.command.name, time.monotonic(), self._deaths[child.command.name]
        deaths.append(now)
        if len(deaths) > RESTARTS and now - deaths[0] < WITHIN:
            raise GaveUp(
                f"{name} ended {len(deaths)} times within a minute, so everything is stopped. Its log is {child.log}."
            )
        self._say(f"{name} ended ({_how(child.exit_code())}) and is started again. Its log is {child.log}.")
        self.start(child.command)

    def _stop_soon(self, _number: int, _frame: FrameType | None) -> None:
        self._asked_to_stop = True


def _how(code: int | None) -> str:
    """As a shell counts: above 128 it was a signal; below 0 it was the leash itself that was killed."""
    number = -code if code is not None and code < 0 else (code or 0) - 128
    try:
        return f"killed by {signal.Signals(number).name}"
    except ValueError:
        return f"exit code {code}"


def _last_line(child: Child) -> str:
    lines = [line.strip() for line in child.output().splitlines() if line.strip()]
    return lines[-1] if lines else "it said nothing."
