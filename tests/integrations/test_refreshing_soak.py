"""The short forms of tests/soaks/refreshing.py: several processes refresh at once, and some are killed."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from integrations.models import State
from tests.soaks import refreshing
from tests.token_endpoint import TokenEndpoint

# Processes are at work, each with a database connection of its own.
pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.timeout(180), pytest.mark.once]


@pytest.fixture
def endpoint(tmp_path: Path) -> Iterator[TokenEndpoint]:
    endpoint = TokenEndpoint(tmp_path / "token-endpoint")
    endpoint.start()
    yield endpoint
    endpoint.stop()


def test_under_strict_rotation_nobody_is_lost_and_the_newest_token_is_kept(
    endpoint: TokenEndpoint, tmp_path: Path
) -> None:
    found = refreshing.soak(endpoint, tmp_path, refreshes=2_000, connections=200)

    refreshing.assert_nobody_was_refused(found, refreshes=2_000)
    assert found.states == {State.CONNECTED: 200}


def test_killed_at_random_nothing_stays_claimed_and_only_what_was_in_flight_is_lost(
    endpoint: TokenEndpoint, tmp_path: Path
) -> None:
    found = refreshing.kill_at_random(endpoint, tmp_path, kills=3, is_strict=True, connections=200)

    refreshing.assert_only_what_was_in_flight_is_lost(found, kills=3)
    assert sum(found.states.values()) == 200


def test_killed_at_random_as_entra_behaves_nobody_is_lost(endpoint: TokenEndpoint, tmp_path: Path) -> None:
    found = refreshing.kill_at_random(endpoint, tmp_path, kills=3, is_strict=False, connections=200)

    refreshing.assert_nobody_was_lost(found)
    assert found.states == {State.CONNECTED: 200}


NOBODY_LOST = refreshing.Found(given=9, refused=0, states={"connected": 9})
ONE_LOST = {"states": {"connected": 8, "needs_reauth": 1}, "reasons": {"lost_in_flight": 1}}


@pytest.mark.parametrize(
    ("different", "refused", "lost", "in_flight"),
    [
        ({}, True, True, True),
        ({"given": 8}, False, True, True),
        ({"refused": 1}, False, True, True),
        ({"stale": 1}, False, True, False),
        ({"leased": 1}, False, False, False),
        ({"states": {"connected": 8, "degraded": 1}}, False, False, False),
        (ONE_LOST, False, False, True),
        (ONE_LOST | {"reasons": {"grant_unknown": 1}}, False, False, False),
        ({"states": {"needs_reauth": 9}, "reasons": {"lost_in_flight": 9}}, False, False, False),
    ],
)
def test_the_soak_fails_where_something_is_amiss(
    different: dict[str, Any], refused: bool, lost: bool, in_flight: bool
) -> None:
    found = replace(NOBODY_LOST, **different)

    assert passes(lambda: refreshing.assert_nobody_was_refused(found, refreshes=9)) == refused
    assert passes(lambda: refreshing.assert_nobody_was_lost(found)) == lost
    assert passes(lambda: refreshing.assert_only_what_was_in_flight_is_lost(found, kills=1)) == in_flight


def passes(judge: Callable[[], None]) -> bool:
    try:
        judge()
    except AssertionError:
        return False
    return True
