"""The runner keeps children alive and leaves nobody behind. The children are small scripts; the rest is real."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from config.demo.children import ROOT, Child, Command
from config.demo.installation import bare_environment
from config.demo.supervisor import Supervisor
from config.demo.words import CannotStart
from tests.config.watching import Program, is_alive, kill, processes_naming, until

# Writes its number, then waits for its end.
STAYS = "import os, sys, time; open({file!r}, 'a').write(f'{{os.getpid()}}\\n'); time.sleep(600)"
# A child with a child of its own, in the same group, as gunicorn has.
PARENT = (
    "import os, subprocess, sys, time; "
    "child = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(600)']); "
    "open({file!r}, 'a').write(f'{{os.getpid()}}\\n{{child.pid}}\\n'); time.sleep(600)"
)
# Ends only when it is killed.
DEAF = (
    "import os, signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); "
    "open({file!r}, 'a').write(f'{{os.getpid()}}\\n'); time.sleep(600)"
)
DIES = "import sys; print('my last words'); sys.exit(3)"


def company(tmp_path: Path, **children: str) -> Program:
    arguments = [f"{name}={script.format(file=str(tmp_path / name))}" for name, script in children.items()]
    return Program("tests.config.company", str(tmp_path / "logs"), *arguments, log=tmp_path / "console")


def pids(tmp_path: Path, name: str, *, count: int) -> list[int]:
    """The last ones that the child has written."""
    file = tmp_path / name
    until(lambda: file.exists() and file.read_text().count("\n") >= count, within=10, what=f"{count} numbers of {name}")
    return [int(line) for line in file.read_text().split()][-count:]


def assert_gone(*numbers: int, within: float = 5.0) -> None:
    until(lambda: not any(map(is_alive, numbers)), within=within, what=f"the end of {numbers}")


@pytest.mark.parametrize("ending", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_ends_everything_within_five_seconds(tmp_path: Path, ending: signal.Signals) -> None:
    with company(tmp_path, quiet=STAYS, family=PARENT, deaf=DEAF) as runner:
        everybody = [
            *pids(tmp_path, "quiet", count=1),
            *pids(tmp_path, "family", count=2),
            *pids(tmp_path, "deaf", count=1),
        ]
        began = time.monotonic()

        runner.process.send_signal(ending)

        assert runner.ends() == 0
        assert time.monotonic() - began < 5
        assert not any(map(is_alive, everybody))


def test_kill_9_of_the_runner_leaves_no_orphan_and_no_grandchild(tmp_path: Path) -> None:
    with company(tmp_path, quiet=STAYS, family=PARENT, deaf=DEAF) as runner:
        everybody = [
            *pids(tmp_path, "quiet", count=1),
            *pids(tmp_path, "family", count=2),
            *pids(tmp_path, "deaf", count=1),
        ]

        kill(runner.process.pid)

        assert_gone(*everybody)
        assert processes_naming(str(tmp_path)) == []


def test_kill_9_of_the_make_that_started_it_ends_everything(tmp_path: Path) -> None:
    arguments = [sys.executable, "-m", "tests.config.company", str(tmp_path / "logs")]
    child = f"quiet={STAYS.format(file=str(tmp_path / 'quiet'))}"
    # As make does: a process that waits for the recipe.
    make = subprocess.Popen(
        ["sh", "-c", '"$@" >"$CONSOLE"; true', "sh", *arguments, child],
        cwd=ROOT,
        env={**os.environ, "MAKELEVEL": "1", "CONSOLE": str(tmp_path / "console")},
    )
    everybody = pids(tmp_path, "quiet", count=1)

    make.kill()
    make.wait()

    assert_gone(*everybody)
    until(lambda: processes_naming(str(tmp_path)) == [], within=5, what="the end of the runner")
    assert "stopping" in (tmp_path / "console").read_text()


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells a process of its parent's death")
def test_kill_9_of_runner_and_leash_at_once_leaves_no_orphan(tmp_path: Path) -> None:
    with company(tmp_path, quiet=STAYS) as runner:
        everybody = pids(tmp_path, "quiet", count=1)
        leashes = [pid for pid in processes_naming(str(tmp_path)) if pid not in (runner.process.pid, *everybody)]

        kill(runner.process.pid)
        for leash in leashes:
            kill(leash)

        assert leashes
        assert_gone(*everybody)


def test_a_child_that_dies_is_started_again_and_its_own_children_are_not_left(tmp_path: Path) -> None:
    with company(tmp_path, family=PARENT) as runner:
        first, grandchild = pids(tmp_path, "family", count=2)

        kill(first)

        runner.wait_for("family ended (killed by SIGKILL) and is started again")
        assert_gone(grandchild)
        second, _ = pids(tmp_path, "family", count=4)[2:]
        assert is_alive(second)


def test_a_leash_that_dies_takes_its_child_along_and_both_are_started_again(tmp_path: Path) -> None:
    with company(tmp_path, quiet=STAYS) as runner:
        first = pids(tmp_path, "quiet", count=1)[0]
        leash = next(pid for pid in processes_naming(str(tmp_path)) if pid not in (runner.process.pid, first))

        kill(leash)

        runner.wait_for("quiet ended (killed by SIGKILL) and is started again")
        assert_gone(first)
        assert is_alive(pids(tmp_path, "quiet", count=2)[1])


def test_the_fourth_death_within_a_minute_ends_everything_with_one_line(tmp_path: Path) -> None:
    with company(tmp_path, quiet=STAYS, hasty=DIES) as runner:
        assert runner.ends() == 1

        assert_gone(*pids(tmp_path, "quiet", count=1))
        log = tmp_path / "logs" / "hasty.log"
        assert runner.said().count("hasty ended (exit code 3) and is started again") == 3
        last = f"hasty ended 4 times within a minute, so everything is stopped. Its log is {log}.\n"
        assert runner.said().endswith(last)
        assert log.read_text().count("my last words") == 4


def test_a_program_that_is_not_there_is_a_death_with_its_reason_in_the_log(tmp_path: Path) -> None:

    child = Child(Command("absent", ("/nowhere/at-all",), {}), log=tmp_path / "log")

    assert child.wait(10)
    assert child.exit_code() == 127
    assert child.output() == "Cannot start /nowhere/at-all: No such file or directory\n"


def test_the_environment_of_the_laptop_does_not_reach_a_child(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("DATABASE_URL", "REQUESTS_CA_BUNDLE", "https_proxy", "DJANGO_SETTINGS_MODULE"):
        monkeypatch.setenv(name, "stray")
    script = "import os; print(sorted(name for name, value in os.environ.items() if value == 'stray'))"
    child = Child(Command("look", (sys.executable, "-c", script), bare_environment()), log=tmp_path / "log")

    assert child.wait(10)
    assert child.output() == "[]\n"


def test_a_preparation_that_fails_says_its_last_words(tmp_path: Path) -> None:
    supervisor = Supervisor(logs=tmp_path / "logs", say=lambda _: None)
    well = Command("well", (sys.executable, "-c", "print('done')"), bare_environment())
    badly = Command("badly", (sys.executable, "-c", DIES), bare_environment())

    with pytest.raises(CannotStart, match=r"^badly failed: my last words Its log is .*badly\.log\.$"):
        supervisor.run(well, badly, within=10)

    assert supervisor.log_of("well").read_text() == "done\n"


def test_a_preparation_that_never_ends_is_ended(tmp_path: Path) -> None:
    supervisor = Supervisor(logs=tmp_path / "logs", say=lambda _: None)
    script = STAYS.format(file=str(tmp_path / "endless"))

    with pytest.raises(CannotStart, match="endless took longer than 1 s"):
        supervisor.run(Command("endless", (sys.executable, "-c", script), bare_environment()), within=1)

    assert_gone(*pids(tmp_path, "endless", count=1))
