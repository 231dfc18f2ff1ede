"""Refreshes without end, by several processes at once, at a Microsoft that ends each refresh token with its use
(strict rotation, the hardest there is); and workers that are killed at any instant.

`python -m tests.soaks.refreshing [--small]`: 100,000 refreshes and a hundred kills in less than an hour; `--small`
is what CI runs as tests/integrations/test_refreshing_soak.py.
"""

from __future__ import annotations

import argparse
import math
import random
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path

from tests.benchmarks.stage import stage
from tests.token_endpoint import TokenEndpoint, number_of

PROCESSES = 4
IN_FLIGHT = 8  # of each: 32 together
LONGEST = 58 * 60.0  # all of it together
TOO_LONG = "it takes too long"


@dataclass
class Found:
    """How it stands afterwards. `stale`: what is stored is not the newest that was given."""

    given: int
    refused: int
    states: dict[str, int] = field(default_factory=dict)
    reasons: dict[str, int] = field(default_factory=dict)
    stale: int = 0
    leased: int = 0


def soak(
    endpoint: TokenEndpoint, directory: Path, *, refreshes: int, connections: int = 400, ends: float = math.inf
) -> Found:
    """So many refreshes under strict rotation, and nobody dies."""
    from tests import refreshers

    endpoint.behave(latency=0.02, is_strict=True)
    refreshers.connected(connections)
    with refreshers.Refreshers(endpoint, directory, PROCESSES, in_flight=IN_FLIGHT):
        while endpoint.seen()["given"] < refreshes:
            assert time.monotonic() < ends, TOO_LONG
            refreshers.make_due(connections)
            time.sleep(0.3)
    return found(endpoint)


def kill_at_random(
    endpoint: TokenEndpoint,
    directory: Path,
    *,
    kills: int,
    is_strict: bool,
    connections: int = 400,
    ends: float = math.inf,
) -> Found:
    """So many times one of the processes is killed, and another started; then all leases end."""
    from integrations import tokens
    from tests import refreshers

    endpoint.behave(latency=0.1, is_strict=is_strict)
    refreshers.connected(connections)
    with refreshers.Refreshers(endpoint, directory, PROCESSES, in_flight=IN_FLIGHT) as at_work:
        for _ in range(kills):
            assert time.monotonic() < ends, TOO_LONG
            at_work.wait_until_all_have_begun()
            refreshers.make_due(connections)
            time.sleep(random.uniform(0.05, 0.8))  # noqa: S311
            at_work.kill_one()
        time.sleep(tokens.LEASE.total_seconds() + 1)
        refreshers.make_due(connections)
        refreshers.until(lambda: refreshers.left() == 0, seconds=60)
    return found(endpoint)


def assert_nobody_was_lost(found: Found) -> None:
    assert set(found.states) == {"connected"}, found
    assert found.leased == 0, found


def assert_nobody_was_refused(found: Found, *, refreshes: int) -> None:
    """Nobody died: each token that was asked with was the newest, and so is each that is kept."""
    assert_nobody_was_lost(found)
    assert found.given >= refreshes, found
    assert (found.refused, found.stale) == (0, 0), found


def assert_only_what_was_in_flight_is_lost(found: Found, *, kills: int) -> None:
    """Of each that was killed, and told apart from a grant that was ended."""
    lost = found.states.get("needs_reauth", 0)
    assert set(found.states) <= {"connected", "needs_reauth"}, found
    assert found.reasons == ({"lost_in_flight": lost} if lost else {}), found
    assert (found.stale, found.leased) == (0, 0), found
    assert lost <= kills * IN_FLIGHT, found


def found(endpoint: TokenEndpoint) -> Found:
    from django.db.models import Count
    from django.utils import timezone

    from accounts import vault
    from integrations.models import Connection

    seen, rows = endpoint.seen(), Connection.objects.order_by()
    stale = 0
    for pk, sealed in rows.exclude(refresh_token="").values_list("pk", "refresh_token"):
        token = vault.open_sealed(sealed, bound_to=f"integrations_connection:refresh_token:{pk}")
        stale += number_of(token) != seen["newest"].get(str(pk), 1)
    return Found(
        given=seen.get("given", 0),
        refused=seen.get("refused", 0),
        states=dict(rows.values_list("state").annotate(Count("pk"))),
        reasons=dict(rows.exclude(reason="").values_list("reason").annotate(Count("pk"))),
        stale=stale,
        leased=rows.filter(lease_until__lte=timezone.now()).count(),
    )


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--small", action="store_true", help="end within three minutes")
    small = parser.parse_args().small
    refreshes, kills = (3_000, 5) if small else (100_000, 100)
    ends = time.monotonic() + LONGEST
    with stage() as directory:
        endpoint = TokenEndpoint(directory / "token-endpoint")
        endpoint.start()
        try:
            alive = soak(endpoint, directory, refreshes=refreshes, ends=ends)
            _say("nobody dies, strict rotation", alive)
            assert_nobody_was_refused(alive, refreshes=refreshes)
            real = kill_at_random(endpoint, directory, kills=kills, is_strict=False, ends=ends)
            _say(f"{kills} kills, as Entra behaves", real)
            assert_nobody_was_lost(real)
            strict = kill_at_random(endpoint, directory, kills=kills, is_strict=True, ends=ends)
            _say(f"{kills} kills, strict rotation", strict)
            assert_only_what_was_in_flight_is_lost(strict, kills=kills)
        finally:
            endpoint.stop()


def _say(what: str, how: Found) -> None:
    sys.stdout.write(f"{what}: {how}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
