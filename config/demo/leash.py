"""Runs one command on a leash: when the holder lets go, the command and all it started are ended.

    python leash.py [--grace SECONDS] [--signal NAME] [--user NAME] -- command …

The leash is the pipe on standard input. Only the holder has its other end, and the kernel closes that however
the holder ends, kill -9 included: no polling, and the same on Linux and macOS. The holder starts this in a
session of its own, so leash, command and whatever the command starts are one process group. On Linux the
command also dies with the leash itself.

Run by its path with `-I -S`: it sits beside every child and must start at once.
"""

from __future__ import annotations

import argparse
import ctypes
import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from types import FrameType

PR_SET_PDEATHSIG = 1
CANNOT_START = 127


def main(argv: list[str]) -> int:
    """The command's exit code (128 + signal, as in a shell), if it ends by itself."""
    options = _options(argv)
    wakened = _waken_by_signals()
    try:
        child = subprocess.Popen(
            options.command,
            stdin=subprocess.DEVNULL,
            preexec_fn=_dying_with_me(),
            user=options.user,
            group=options.user,
            extra_groups=[] if options.user else None,
        )
    except OSError as error:
        sys.stderr.write(f"Cannot start {options.command[0]}: {error.strerror}\n")
        return CANNOT_START
    if not _held_until_the_end_of(child, wakened):
        _end(child, stop=signal.Signals[f"SIG{options.signal}"], grace=options.grace)
    code = int(child.returncode)
    return code if code >= 0 else 128 - code


def _options(argv: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    parser.add_argument("--grace", type=float, default=3.0)
    parser.add_argument("--signal", default="TERM")
    parser.add_argument("--user")
    parser.add_argument("command", nargs="+")
    return parser.parse_args(argv)


def _dying_with_me() -> Callable[[], None] | None:
    """Linux: the kernel kills the command when this process dies. It watches the thread that forks: we have one."""
    if sys.platform != "linux":
        return None
    prctl = ctypes.CDLL(None).prctl
    leash = os.getpid()

    def ask_the_kernel() -> None:
        prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != leash:
            os._exit(CANNOT_START)

    return ask_the_kernel


def _waken_by_signals() -> int:
    """A descriptor that becomes readable upon any signal: select() alone would sleep through a child's end."""
    reader, writer = os.pipe()
    os.set_blocking(reader, False)
    os.set_blocking(writer, False)
    signal.set_wakeup_fd(writer)
    for number in (signal.SIGCHLD, signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, _note)
    return reader


_asked_to_end = False


def _note(number: int, _frame: FrameType | None) -> None:
    global _asked_to_end
    _asked_to_end = _asked_to_end or number != signal.SIGCHLD


def _held_until_the_end_of(child: subprocess.Popen[bytes], wakened: int) -> bool:
    """True when the command ended by itself, False when the leash was let go or somebody asked us to end."""
    stdin = sys.stdin.fileno()
    while child.poll() is None:
        readable, _, _ = select.select([stdin, wakened], [], [])
        if _asked_to_end or (stdin in readable and not os.read(stdin, 1)):
            return False
        if wakened in readable:
            os.read(wakened, 4096)
    return True


def _end(child: subprocess.Popen[bytes], *, stop: signal.Signals, grace: float) -> None:
    """Ask the group, wait, then kill it: this process is of the group, and that is its end too."""
    signal.signal(stop, _note)
    os.killpg(0, stop)
    deadline = time.monotonic() + grace
    while child.poll() is None and time.monotonic() < deadline:
        time.sleep(0.02)
    os.killpg(0, signal.SIGKILL)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
