"""Which permissions an application holds, and which it needs for what it really does.

In memory, since the start or the last reset: per application, what its tokens carried and which routes it called.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from threading import Lock

from django.http import HttpRequest

from integrations.simulator.control import seen

OIDC = frozenset(("openid", "profile", "email", "offline_access"))
MOST_APPLICATIONS = 200
MOST_ROUTES = 200
# Fewer requests say nothing yet about what an application will need.
ENOUGH = 20


@dataclass(frozen=True)
class Verdict:
    app: str
    on_its_own: bool
    requests: int
    held: tuple[str, ...]
    unused: tuple[str, ...]
    """No request so far needed it."""
    narrower: tuple[tuple[str, str], ...]
    """Held, and a lesser one that would do for all that was asked."""

    @property
    def is_too_much(self) -> bool:
        return self.requests >= ENOUGH and bool(self.unused or self.narrower)


@dataclass
class _Use:
    held: frozenset[str] = frozenset()
    requests: int = 0
    routes: OrderedDict[tuple[str, ...], None] = field(default_factory=OrderedDict)
    said: tuple[object, ...] = ()


def used(
    request: HttpRequest, app: object, *, held: Collection[str], enough: Sequence[str], on_its_own: bool = False
) -> None:
    """A route was opened by a token that holds these. `enough`: each alone would do, the least first."""
    key = (str(app), on_its_own)
    with _lock:
        use = _uses.setdefault(key, _Use())
        _uses.move_to_end(key)
        if len(_uses) > MOST_APPLICATIONS:
            _uses.popitem(last=False)
        use.requests += 1
        use.held = frozenset(held) - OIDC
        use.routes[tuple(enough)] = None
        if len(use.routes) > MOST_ROUTES:
            use.routes.popitem(last=False)
        if use.requests % ENOUGH:
            return
        verdict = _verdict(key, use)
        findings = (verdict.unused, verdict.narrower)
        is_news = verdict.is_too_much and use.said != findings
        use.said = findings
    if is_news:
        seen.remark(request, sentence(verdict))


def verdicts() -> list[Verdict]:
    with _lock:
        return [_verdict(key, use) for key, use in _uses.items()]


def sentence(verdict: Verdict) -> str:
    parts = [f"{name} was never needed" for name in verdict.unused]
    parts += [f"{lesser} would do instead of {name}" for name, lesser in verdict.narrower]
    return f"Asked for more than it used in {verdict.requests} requests: {'; '.join(parts)}."


def clear() -> None:
    with _lock:
        _uses.clear()


def _verdict(key: tuple[str, bool], use: _Use) -> Verdict:
    needed = {enough[0] for enough in use.routes if enough}
    unused, narrower = [], []
    for name in sorted(use.held - needed):
        opened = [enough for enough in use.routes if name in enough]
        lesser = {enough[0] for enough in opened}
        if not opened or lesser <= use.held:
            unused.append(name)
        elif len(lesser) == 1:
            narrower.append((name, next(iter(lesser))))
    return Verdict(key[0], key[1], use.requests, tuple(sorted(use.held)), tuple(unused), tuple(narrower))


_lock = Lock()
_uses: OrderedDict[tuple[str, bool], _Use] = OrderedDict()
