"""How often which endpoint was asked, since the start of the process: in memory, as one process serves all."""

from __future__ import annotations

from collections import Counter
from threading import Lock

GRANT_TYPES = ("authorization_code", "refresh_token", "client_credentials")


def era() -> int:
    """Which count is going on. A request that began before a reset, and ends after it, is not of the new one."""
    return _era


def count_token(grant_type: str, code: int, *, begun_in: int) -> None:
    """`code` is the AADSTS number of a refusal, 0 when tokens were given."""
    # A client may send any text; the numbers must not grow with it.
    kind = grant_type if grant_type in GRANT_TYPES else "other"
    with _lock:
        if begun_in == _era:
            _tokens[(kind, code)] += 1


def count_graph(route: str, status: int) -> None:
    with _lock:
        _graph[(route, status)] += 1


def count_ews(operation: str, status: int) -> None:
    """`operation` is empty for what was turned away before anybody read it."""
    with _lock:
        _ews[(operation, status)] += 1


def numbers() -> dict[str, list[dict[str, str | int]]]:
    with _lock:
        return {
            "token": [
                {"grant_type": grant, "aadsts": code, "count": count} for (grant, code), count in _tokens.items()
            ],
            "graph": [{"route": route, "status": status, "count": count} for (route, status), count in _graph.items()],
            "ews": [{"operation": name, "status": status, "count": count} for (name, status), count in _ews.items()],
        }


def clear() -> None:
    global _era
    with _lock:
        _era += 1
        _tokens.clear()
        _graph.clear()
        _ews.clear()


_lock = Lock()
_era = 0
_tokens: Counter[tuple[str, int]] = Counter()
_graph: Counter[tuple[str, int]] = Counter()
_ews: Counter[tuple[str, int]] = Counter()
