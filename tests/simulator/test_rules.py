"""The pure rules: times, zones, windows, scopes, the table of errors."""

from __future__ import annotations

import string
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from integrations.simulator.entra import errors, scopes
from integrations.simulator.graph import errors as graph_errors
from integrations.simulator.graph import times, zones

MOMENTS = st.integers(0, 4_000_000_000).map(lambda seconds: datetime.fromtimestamp(seconds, UTC))
HERE = Path(__file__).parent


@given(MOMENTS, st.sampled_from(sorted(zones.WINDOWS)))
def test_a_time_that_is_shown_in_a_zone_is_the_same_moment(at: datetime, name: str) -> None:
    zone = zones.find(name)
    assert zone is not None

    shown = times.shown(at, zone, name, is_all_day=False)

    assert len(shown["dateTime"]) == len("2026-11-23T10:00:00.0000000")
    local = datetime.fromisoformat(shown["dateTime"]).replace(tzinfo=zone)
    # An hour that the clocks pass twice is ambiguous without an offset, as it is in Graph.
    assert at in (local.astimezone(UTC), local.replace(fold=1).astimezone(UTC))


@given(MOMENTS, st.integers(-14 * 60, 14 * 60))
def test_a_moment_reads_the_same_with_any_offset(at: datetime, minutes: int) -> None:
    sign, ahead = ("+", minutes) if minutes >= 0 else ("-", -minutes)
    local = (at + timedelta(minutes=minutes)).replace(tzinfo=None)
    written = f"{local.isoformat()}{sign}{ahead // 60:02d}:{ahead % 60:02d}"

    assert times.read("StartDateTime", written) == at
    assert times.read("StartDateTime", written.replace("+", " ")) == at, "a plus sign that nobody encoded"
    assert times.read("StartDateTime", at.replace(tzinfo=None).isoformat()) == at, "neither Z nor offset means UTC"


@given(st.text(alphabet=string.printable, max_size=30))
def test_anything_else_is_refused_and_never_an_accident(text: str) -> None:
    try:
        times.read("StartDateTime", text)
    except graph_errors.Refused as refused:
        assert refused.status == 400


def test_every_zone_of_the_table_exists_and_has_its_name_back() -> None:
    for name, iana in zones.WINDOWS.items():
        assert zones.find(name) == ZoneInfo(iana)
        assert zones.find(zones.windows_name(iana)) == ZoneInfo(iana)
    assert zones.find("Nowhere Standard Time") is None
    assert zones.find("../../etc/passwd") is None
    assert zones.windows_name("Antarctica/Troll") == "Antarctica/Troll"


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("Calendars.Read openid", ("Calendars.Read", "openid")),
        ("calendars.read CALENDARS.READ", ("Calendars.Read",)),
        ("https://graph.microsoft.com/User.Read", ("User.Read",)),
        ("https://graph.microsoft.com//User.Read", ("User.Read",)),
        ("00000003-0000-0000-c000-000000000000/User.Read", ("User.Read",)),
    ],
)
def test_scopes_are_read_however_they_are_written(text: str, names: tuple[str, ...]) -> None:
    assert scopes.read(text, app="Meridian").names == names


@pytest.mark.parametrize("code", sorted(errors.KINDS))
def test_every_refusal_of_the_table_is_met_in_a_test_over_the_wire(code: int) -> None:
    tests = "".join(path.read_text() for path in HERE.glob("test_*.py") if path != Path(__file__))

    assert str(code) in tests


@pytest.mark.parametrize("code", sorted(errors.KINDS))
def test_every_refusal_is_a_sentence_with_its_number(code: int) -> None:
    kind = errors.KINDS[code]
    fields = {name: "x" for _, name, _, _ in string.Formatter().parse(kind.text) if name}

    refused = errors.Refused(code, retry_after=None, **fields)

    assert refused.text.startswith(f"AADSTS{code}: ")
    assert (kind.status == 401) == (kind.error == "invalid_client" and code != 650053)
