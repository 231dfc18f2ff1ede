"""Start a program, read what it says as it says it, and see who is alive."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from types import TracebackType
from typing import Self

from config.demo.children import ROOT


class Program:
    """A running Python module; killed at the end of the block, whatever happened."""

    def __init__(self, module: str, *arguments: str, log: Path, environment: Mapping[str, str] | None = None) -> None:
        self._log = log
        with log.open("wb") as output:
            self.process = subprocess.Popen(
                [sys.executable, "-m", module, *arguments],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                cwd=ROOT,
                env={**os.environ, **(environment or {})},
            )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, _type: type[BaseException] | None, error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        if error:
            sys.stderr.write(self.said())
        self.process.terminate()
        try:
            self.process.wait(15)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()

    def said(self) -> str:
        return self._log.read_text(encoding="utf-8")

    def wait_for(self, words: str, *, times: int = 1, within: float = 20.0) -> None:
        until(lambda: self.said().count(words) >= times, within=within, what=f"{words!r} in:\n{self.said()}")

    def ends(self, *, within: float = 15.0) -> int:
        return self.process.wait(within)


def until(true: Callable[[], bool], *, within: float, what: str) -> None:
    deadline = time.monotonic() + within
    while not true():
        assert time.monotonic() < deadline, f"waited {within} s in vain for {what}"
        time.sleep(0.05)


def is_alive(pid: int) -> bool:
    """Not gone, and not a zombie that nobody has asked about."""
    status = subprocess.run(["ps", "-o", "stat=", "-p", str(pid)], capture_output=True, text=True, check=False).stdout
    return bool(status.strip()) and not status.strip().startswith("Z")


def processes_naming(words: str) -> list[int]:
    """Those alive whose command line holds the words (a directory of the test's own makes them unmistakable)."""
    lines = subprocess.run(["ps", "-ww", "-eo", "pid=,stat=,args="], capture_output=True, text=True, check=True).stdout
    rows = [line.split(None, 2) for line in lines.splitlines()]
    return [int(row[0]) for row in rows if len(row) == 3 and words in row[2] and not row[1].startswith("Z")]


def descendants(pid: int) -> dict[int, str]:
    """All who come from the process, by number, each with its command line."""
    lines = subprocess.run(["ps", "-ww", "-eo", "pid=,ppid=,args="], capture_output=True, text=True, check=True).stdout
    rows = [line.split(None, 2) for line in lines.splitlines()]
    found: dict[int, str] = {}
    wanted = {str(pid)}
    while wanted:
        children = [row for row in rows if row[1] in wanted and int(row[0]) not in found]
        found |= {int(number): command for number, _, command in children}
        wanted = {number for number, _, _ in children}
    return found


def kill(pid: int) -> None:
    os.kill(pid, signal.SIGKILL)
