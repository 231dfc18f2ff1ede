"""What `make` does before anything of ours runs: find a Python, make .venv, install what is pinned, once."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent.parent
TOOLS = ("sh", "uname", "dirname", "tr", "cat")


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    """A clean clone's set-up, a lock file that names nothing, and a PATH with no Python in it."""
    (tmp_path / ".ci").mkdir()
    (tmp_path / "bin").mkdir()
    shutil.copy(ROOT / ".ci" / "setup", tmp_path / ".ci")
    (tmp_path / ".ci" / "local.txt").write_text("# nothing\n")
    for tool in TOOLS:
        (tmp_path / "bin" / tool).symlink_to(str(shutil.which(tool)))
    return tmp_path


def python(clone: Path, name: str, script: str) -> None:
    program = clone / "bin" / name
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)


def set_up(clone: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(clone / ".ci" / "setup"), ".ci/local.txt"],
        env={"PATH": str(clone / "bin"), "HOME": str(clone)},
        capture_output=True,
        text=True,
        check=False,
    )


def test_no_python_is_one_line(clone: Path) -> None:
    result = set_up(clone)

    assert result.returncode == 1
    assert result.stderr.startswith("Meridian needs Python 3.11 or newer, and found no python3.")
    assert result.stderr.count("\n") == 1


def test_a_python_that_is_too_old_is_one_line_that_names_it(clone: Path) -> None:
    python(clone, "python3", 'if [ "$1" = --version ]; then echo Python 3.10.12; else exit 1; fi')

    result = set_up(clone)

    assert result.returncode == 1
    assert result.stderr.startswith("Meridian needs Python 3.11 or newer, and found Python 3.10.12.")
    assert not (clone / ".venv").exists()


def test_debians_python_without_venv_is_one_line_that_names_the_package(clone: Path) -> None:
    python(clone, "python3", f'case "$2" in *ensurepip*) exit 1;; esac\nexec {sys.executable} "$@"')

    result = set_up(clone)

    assert result.returncode == 1
    assert "apt install python3-venv" in result.stderr
    assert result.stderr.count("\n") == 1
    assert not (clone / ".venv").exists()


def test_windows_is_told_what_to_do(clone: Path) -> None:
    (clone / "bin" / "uname").unlink()
    python(clone, "uname", "echo MINGW64_NT-10.0")

    result = set_up(clone)

    assert result.returncode == 1
    assert "On Windows, use the Windows Subsystem for Linux." in result.stderr


def test_it_installs_once_and_again_when_the_lock_file_has_changed(clone: Path) -> None:
    # An old one first on the PATH does not hide a newer one.
    python(clone, "python3", "exit 1")
    python(clone, "python3.12", f'exec {sys.executable} "$@"')

    first = set_up(clone)
    second = set_up(clone)
    (clone / ".ci" / "local.txt").write_text("# nothing else\n")
    third = set_up(clone)

    assert [run.returncode for run in (first, second, third)] == [0, 0, 0], first.stderr
    assert ["Installing" in run.stderr for run in (first, second, third)] == [True, False, True]


def test_an_install_that_fails_is_tried_again_and_says_that_nothing_runs(clone: Path) -> None:
    python(clone, "python3", f'exec {sys.executable} "$@"')
    (clone / ".ci" / "local.txt").write_text("./no-such-package\n")

    first, second = set_up(clone), set_up(clone)

    for run in (first, second):
        assert run.returncode == 1
        assert "could not be installed" in run.stderr
        assert "Nothing was started" in run.stderr
