"""A run says what it leaves out; with CI=true it refuses to leave anything out."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent

IN_A_BROWSER = "def test_in_a_browser(page):\n    assert page\n\ndef test_elsewhere():\n    assert True\n"


def run(tests: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """Pytest under our conftest, where no Chromium is found."""
    options = ["-q", "-p", "no:cacheprovider", "-p", "tests.conftest", "-c", str(ROOT / "pyproject.toml")]
    return subprocess.run(
        [sys.executable, "-m", "pytest", *options, "--rootdir", str(ROOT), str(tests)],
        cwd=ROOT,
        env={**os.environ, "CI": "", "CHROMIUM_PATH": "/nowhere/chromium", "TEST_DATABASE": "sqlite", **environment},
        capture_output=True,
        text=True,
        check=False,
    )


def test_without_a_browser_the_rest_runs_and_one_line_says_so(tmp_path: Path) -> None:
    (tmp_path / "test_example.py").write_text(IN_A_BROWSER)

    result = run(tmp_path)

    assert result.returncode == 0, result.stdout
    assert "1 passed, 1 deselected" in result.stdout
    assert "Left out, for want of a binary: Chromium (every test in a real browser)." in result.stdout


def test_in_ci_nothing_may_be_left_out(tmp_path: Path) -> None:
    (tmp_path / "test_example.py").write_text(IN_A_BROWSER)

    result = run(tmp_path, CI="true")

    assert result.returncode == 4
    assert "CI=true leaves nothing out, and this is missing: Chromium" in result.stderr


def test_a_server_that_is_asked_for_and_not_there_is_an_error_and_not_another_server(tmp_path: Path) -> None:
    (tmp_path / "test_example.py").write_text("def test_it():\n    assert True\n")

    result = run(tmp_path, TEST_BROKER="redis", PATH="/nowhere")

    assert result.returncode != 0
    assert "there is no redis-server. Install it, or set TEST_REDIS_URL." in result.stdout + result.stderr
