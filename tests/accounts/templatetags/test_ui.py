from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from django.conf import settings
from django.utils import timezone
from hypothesis import given
from hypothesis import strategies as st

from accounts.templatetags import ui

NOW = datetime(2026, 11, 23, 14, 32, tzinfo=UTC)
TEMPLATES = Path(settings.BASE_DIR) / "templates"


@pytest.mark.parametrize(
    ("moment", "words"),
    [
        (NOW, "today, 15:32"),
        (NOW.replace(hour=23, minute=30) - timedelta(days=1), "today, 00:30"),  # already the 23rd in Berlin
        (NOW - timedelta(days=4), "19 November, 15:32"),
        (NOW - timedelta(days=365), "23 November 2025, 15:32"),
    ],
)
def test_a_moment_is_said_as_the_reader_counts_it(moment: datetime, words: str) -> None:
    with timezone.override("Europe/Berlin"):
        assert ui.day_and_clock(moment, now=NOW) == words


@pytest.mark.parametrize(
    ("moment", "words"),
    [
        (NOW, "today, 14:32"),
        (NOW - timedelta(days=1), "yesterday, 14:32"),
        (NOW + timedelta(days=1), "tomorrow, 14:32"),
        (NOW + timedelta(days=7), "30 November, 14:32"),
        (NOW + timedelta(days=60), "22 January 2027, 14:32"),
    ],
)
def test_day_and_time_of_day_are_said_together(moment: datetime, words: str) -> None:
    assert ui.day_and_clock(moment, now=NOW) == words


@given(st.datetimes(min_value=datetime(1980, 1, 1), max_value=datetime(2100, 1, 1), timezones=st.just(UTC)))  # noqa: DTZ001  # Hypothesis wants naive bounds
def test_machines_read_the_very_moment(moment: datetime) -> None:
    with timezone.override("Asia/Kathmandu"):
        element = ui.local_moment(moment)

    found = re.match(r'<time datetime="([^"]+)"', element)
    assert found
    assert datetime.fromisoformat(found[1]) == moment.replace(microsecond=0)


def test_nothing_is_said_about_no_moment() -> None:
    assert ui.local_moment(None) == ui.local_clock(None) == ""


@pytest.mark.parametrize(
    ("number", "said"), [(0, "0 people"), (1, "1 person"), (2, "2 people"), (1284, "1,284 people")]
)
def test_a_number_has_its_noun(number: int, said: str) -> None:
    assert ui.counted(number, "person,people") == said


def test_a_label_of_an_icon_is_escaped() -> None:
    assert 'aria-label="&lt;b&gt;"' in ui.icon("check", label="<b>")


def test_every_icon_that_a_template_names_is_in_the_sprite() -> None:
    drawn = set(re.findall(r'id="i-([\w-]+)"', (TEMPLATES / "ui" / "_sprite.html").read_text()))
    pages = [file.read_text() for file in TEMPLATES.rglob("*.html")]

    named = {name for page in pages for name in re.findall(r'(?:{% icon |\bicon=)"([\w-]+)"', page)}

    assert named <= drawn
    assert "check" in named


def test_no_template_carries_a_style_or_a_script_of_its_own() -> None:
    forbidden = re.compile(r"\sstyle=|<style|\son[a-z]+=|<script(?![^>]*\ssrc=)", re.IGNORECASE)

    offenders = [file.name for file in TEMPLATES.rglob("*.html") if forbidden.search(file.read_text())]

    assert offenders == []


def test_no_icon_is_carried_along_that_nobody_draws() -> None:
    drawn = set(re.findall(r'id="i-([\w-]+)"', (TEMPLATES / "ui" / "_sprite.html").read_text()))

    written = "".join(file.read_text() for file in _sources() if file.name != "_sprite.html")

    assert {name for name in drawn if f'"{name}"' not in written and f"#i-{name}" not in written} == set()


def test_every_element_stands_on_some_page() -> None:
    included = "".join(file.read_text() for file in TEMPLATES.rglob("*.html"))

    assert [file.name for file in (TEMPLATES / "ui").iterdir() if f'include "ui/{file.name}"' not in included] == []


def test_every_hook_of_the_script_is_on_some_page() -> None:
    script = (Path(settings.BASE_DIR) / "static" / "portal.js").read_text()
    pages = "".join(file.read_text() for file in TEMPLATES.rglob("*.html"))

    hooks = set(re.findall(r"\[(data-[\w-]+)", script))

    assert {hook for hook in hooks if not re.search(rf"\s{hook}[\s=>{{]", pages)} == set()
    assert "data-dismiss" in hooks


def _sources() -> list[Path]:
    """Whatever may name an icon: the portal's templates, and the code that fills them."""
    rooms = [Path(settings.BASE_DIR) / room for room in ("accounts", "integrations", "calendaring")]
    code = [file for room in rooms for file in room.rglob("*.py") if "simulator" not in file.parts]
    return [*TEMPLATES.rglob("*.html"), *code]
