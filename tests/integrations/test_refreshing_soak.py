"""The short forms of tests/soaks/refreshing.py: several processes refresh at once, and some are killed."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from integrations.failures import Reason
from integrations.models import State
from tests.soaks import refreshing
from tests.token_endpoint import TokenEndpoint

# Processes are at work, each with a database connection of its own.
pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.timeout(180)]


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

    assert found.given >= 2_000
    assert (found.states, found.refused, found.stale, found.leased) == ({State.CONNECTED: 200}, 0, 0, 0)


def test_killed_at_random_nothing_stays_claimed_and_only_what_was_in_flight_is_lost(
    endpoint: TokenEndpoint, tmp_path: Path
) -> None:
    found = refreshing.kill_at_random(endpoint, tmp_path, kills=3, is_strict=True, connections=200)

    lost = found.states.get(State.NEEDS_REAUTH, 0)
    assert found.leased == found.stale == 0
    assert found.states == {State.CONNECTED: 200 - lost} | ({State.NEEDS_REAUTH: lost} if lost else {})
    assert found.reasons == ({Reason.LOST_IN_FLIGHT: lost} if lost else {}), "told apart from a grant that was ended"
    assert lost <= 3 * refreshing.IN_FLIGHT


def test_killed_at_random_as_entra_behaves_nobody_is_lost(endpoint: TokenEndpoint, tmp_path: Path) -> None:
    found = refreshing.kill_at_random(endpoint, tmp_path, kills=3, is_strict=False, connections=200)

    assert (found.states, found.leased) == ({State.CONNECTED: 200}, 0)
