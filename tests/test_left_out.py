"""A run says what it leaves out; with CI=true it refuses to leave anything out."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent

IN_A_BROWSER = "def test_in_a_browser(page):\n    assert page\n\ndef test_elsewhere():\n    assert True\n"
OFFICIAL_CLIENTS = ("msgraph", "azure", "O365")


def run(here: Path, tests: Path | None = None, **environment: str) -> subprocess.CompletedProcess[str]:
    """Pytest under our conftest, where no Chromium is found, and none of Microsoft's clients."""
    (here / "without_clients.py").write_text(
        f"import sys\nsys.modules.update(dict.fromkeys({OFFICIAL_CLIENTS}))\n"  # None: as if not installed
    )
    options = ["-q", "-p", "no:cacheprovider", "-p", "without_clients"]
    if tests is None:  # our own tests bring it along
        options += ["-p", "tests.conftest"]
    where = ["-c", str(ROOT / "pyproject.toml"), "--rootdir", str(ROOT), str(tests or here)]
    return subprocess.run(
        [sys.executable, "-m", "pytest", *options, *where],
        cwd=ROOT,
        env={
            **os.environ,
            "CI": "",
            "CHROMIUM_PATH": "/nowhere/chromium",
            "PYTHONPATH": str(here),
            "TEST_DATABASE": "sqlite",
            **environment,
        },
        capture_output=True,
        text=True,
        check=False,
    )


def test_without_a_browser_the_rest_runs_and_one_line_says_so(tmp_path: Path) -> None:
    (tmp_path / "test_example.py").write_text(IN_A_BROWSER)

    result = run(tmp_path)

    assert result.returncode == 0, result.stdout
    assert "1 passed, 1 deselected" in result.stdout
    assert "Left out, for want of: " in result.stdout
    assert "Chromium (every test in a real browser)" in result.stdout


def test_without_microsofts_clients_the_same_line_names_what_they_would_judge(tmp_path: Path) -> None:
    (tmp_path / "test_example.py").write_text("def test_it():\n    assert True\n")

    result = run(tmp_path)

    assert result.returncode == 0, result.stdout
    assert "Microsoft’s own clients (tests/conformance, which `make conformance` runs)." in result.stdout


def test_what_needs_microsofts_clients_is_not_even_read_without_them(tmp_path: Path) -> None:
    result = run(tmp_path, ROOT / "tests" / "conformance")

    assert result.returncode == pytest.ExitCode.NO_TESTS_COLLECTED, result.stdout
    assert "error" not in result.stdout.lower()


def test_in_ci_nothing_may_be_left_out(tmp_path: Path) -> None:
    (tmp_path / "test_example.py").write_text(IN_A_BROWSER)

    result = run(tmp_path, CI="true")

    assert result.returncode == 4
    assert "CI=true leaves nothing out, and this is missing: Chromium" in result.stderr
    assert "Microsoft’s own clients" in result.stderr


def test_a_server_that_is_asked_for_and_not_there_is_an_error_and_not_another_server(tmp_path: Path) -> None:
    (tmp_path / "test_example.py").write_text("def test_it():\n    assert True\n")

    result = run(tmp_path, TEST_BROKER="redis", PATH="/nowhere")

    assert result.returncode != 0
    assert "there is no redis-server. Install it, or set TEST_REDIS_URL." in result.stdout + result.stderr
